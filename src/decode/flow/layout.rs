//! The fields of a flow log and their order.

use std::collections::BTreeSet;

macro_rules! fields {
    ($( $field:ident = $name:literal, )+) => {
        /// A field of a flow log, versions 2 to 10.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum FlowField {
            $( #[doc = $name] $field, )+
        }

        impl FlowField {
            /// Looks up a field by its name in a header line; Parquet files use `_` for `-`.
            pub fn of_name(name: &str) -> Option<FlowField> {
                match name.replace('_', "-").as_str() {
                    $( $name => Some(FlowField::$field), )+
                    _ => None,
                }
            }
        }
    };
}

fields! {
    Version = "version",
    AccountId = "account-id",
    InterfaceId = "interface-id",
    SourceAddress = "srcaddr",
    TargetAddress = "dstaddr",
    SourcePort = "srcport",
    TargetPort = "dstport",
    Protocol = "protocol",
    Packets = "packets",
    Bytes = "bytes",
    Start = "start",
    End = "end",
    Action = "action",
    LogStatus = "log-status",
    VpcId = "vpc-id",
    SubnetId = "subnet-id",
    InstanceId = "instance-id",
    TcpFlags = "tcp-flags",
    Type = "type",
    PacketSource = "pkt-srcaddr",
    PacketTarget = "pkt-dstaddr",
    Region = "region",
    ZoneId = "az-id",
    SublocationType = "sublocation-type",
    SublocationId = "sublocation-id",
    SourceService = "pkt-src-aws-service",
    TargetService = "pkt-dst-aws-service",
    Direction = "flow-direction",
    TrafficPath = "traffic-path",
    ClusterArn = "ecs-cluster-arn",
    ClusterName = "ecs-cluster-name",
    ContainerInstanceArn = "ecs-container-instance-arn",
    ContainerInstanceId = "ecs-container-instance-id",
    ContainerId = "ecs-container-id",
    SecondContainerId = "ecs-second-container-id",
    ServiceName = "ecs-service-name",
    TaskDefinitionArn = "ecs-task-definition-arn",
    TaskArn = "ecs-task-arn",
    TaskId = "ecs-task-id",
    RejectReason = "reject-reason",
    ResourceId = "resource-id",
    EncryptionStatus = "encryption-status",
}

/// The default format, version 2.
const DEFAULT: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action \
                       log-status";

/// Maps the values of a line to fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowLayout {
    columns: Vec<(String, Option<FlowField>)>,
    /// The columns ordered by name, so that files with a different column order yield the same records.
    by_name: Vec<usize>,
}

impl Default for FlowLayout {
    fn default() -> Self {
        FlowLayout::new(DEFAULT.split(' '))
    }
}

impl FlowLayout {
    /// The layout with these column names.
    pub fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let columns: Vec<(String, Option<FlowField>)> =
            names.map(|name| (name.replace('_', "-"), FlowField::of_name(name))).collect();
        let mut by_name: Vec<usize> = (0..columns.len()).collect();
        by_name.sort_by_key(|index| columns.get(*index).map(|(name, _)| name.clone()));
        FlowLayout { columns, by_name }
    }

    /// The layout from a header line; `None` for other lines.
    pub fn of_header(line: &str) -> Option<FlowLayout> {
        // Most lines are records, which start with a digit.
        if line.starts_with(|letter: char| !letter.is_ascii_lowercase()) {
            return None;
        }
        let layout = FlowLayout::new(line.split(' ').filter(|word| !word.is_empty()));
        layout.is_known().then_some(layout)
    }

    /// Whether these can be the fields of a flow log: there are several known ones without repeats.
    pub fn is_known(&self) -> bool {
        let known = self.fields().flatten().count();
        let names: BTreeSet<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        known >= 3 && known * 2 > self.len() && names.len() == self.len()
    }

    /// Whether records have a time.
    pub fn has_time(&self) -> bool {
        self.fields().any(|field| matches!(field, Some(FlowField::Start | FlowField::End)))
    }

    /// The number of values per record.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The fields in value order; `None` for unknown names.
    pub fn fields(&self) -> impl Iterator<Item = Option<FlowField>> + '_ {
        self.columns.iter().map(|(_, field)| *field)
    }

    /// The unknown names.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|(_, field)| field.is_none()).map(|(name, _)| name.as_str())
    }

    /// The names and non-missing values of a record, ordered by name.
    pub fn named<'s, 'v>(&'s self, values: &'s [&'v str]) -> impl Iterator<Item = (&'s str, &'v str)> + 's {
        let named = |index: &usize| Some((self.columns.get(*index)?.0.as_str(), *values.get(*index)?));
        self.by_name.iter().filter_map(named).filter(|(_, value)| *value != "-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_text_and_parquet() {
        assert_eq!(FlowField::of_name("pkt-src-aws-service"), Some(FlowField::SourceService));
        assert_eq!(FlowField::of_name("ecs_task_id"), Some(FlowField::TaskId));
        assert_eq!(FlowField::of_name("future"), None);
        assert_eq!(FlowLayout::default().len(), 14);
        assert!(FlowLayout::of_header("start end action start").is_none(), "a name twice");
        assert!(FlowLayout::of_header("srcaddr dstaddr action").is_some_and(|layout| !layout.has_time()));
    }

    #[test]
    fn the_order_of_columns_does_not_matter() {
        let one = FlowLayout::of_header("start end action").unwrap();
        let other = FlowLayout::of_header("action start end").unwrap();
        let summary = |layout: &FlowLayout, values: &[&str]| {
            layout.named(values).map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(summary(&one, &["1", "2", "-"]), ["end=2", "start=1"]);
        assert_eq!(summary(&other, &["-", "1", "2"]), summary(&one, &["1", "2", "-"]));
    }
}
