//! VPC flow logs: one row per record.
//!
//! In: the values of a record and their layout. Out: a row. Its id is a hash of its content, so copies of a record in
//! text or Parquet files, with any field order, are equal.

use super::field::name;
use super::{Modeled, Origin, Record, Refusal, arn};
use crate::decode::flow::{FlowField, FlowLayout};
use crate::table::{Flow, Row, Table};
use std::borrow::Cow;

/// The last second of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// Models a flow log record.
pub fn model_flow<'a>(layout: &FlowLayout, values: &[&'a str], origin: Origin<'a>) -> Modeled<'a> {
    let mut flow =
        Flow { source: name("flow_log"), file: origin.file(), record: Some(origin.record), raw: origin.raw(), ..Flow::default() };
    let mut start = None;
    for (field, value) in layout.fields().zip(values).filter(|(_, value)| **value != "-") {
        let Some(field) = field else { continue };
        if field == FlowField::Start {
            start = Some(*value);
        }
        if let Err(expected) = read_field(&mut flow, field, value) {
            let value: String = value.chars().take(60).collect();
            let detail = format!("`{value}`: expected {expected}");
            return Modeled::Refused(Refusal { why: "broken_flow", detail });
        }
    }
    let Some(time) = flow.time.or(flow.end) else {
        // Such a line states that nothing was recorded, so skipping it loses nothing.
        match flow.log_status.as_deref() {
            Some("NODATA") => return Modeled::Filtered("flow_no_data"),
            Some("SKIPDATA") => return Modeled::Filtered("flow_skipped"),
            _ => {}
        }
        return Modeled::Refused(Refusal::missing_time("start", start));
    };
    flow.time = Some(time);
    let id: Cow<'a, str> = Cow::Owned(content_id(layout, values));
    flow.id = Some(id.clone());
    let account = flow.account.clone();
    Modeled::Record(Record { table: Table::Flows, id, account, time, rows: vec![Row::from(flow)] })
}

/// A hash of names and values, ordered by name.
fn content_id(layout: &FlowLayout, values: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, value) in layout.named(values) {
        hasher.update(name.as_bytes()).update(&[0]).update(value.as_bytes()).update(&[0]);
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

/// Sets the column of a value; the error names the expected form.
fn read_field<'a>(flow: &mut Flow<'a>, field: FlowField, value: &'a str) -> Result<(), &'static str> {
    let int = || value.parse::<i64>().map(Some).map_err(|_| "a whole number");
    let one_of = |known: &[&str], expected| if known.contains(&value) { Ok(name(value)) } else { Err(expected) };
    match field {
        FlowField::Version => flow.version = int()?,
        FlowField::AccountId => flow.account = name(value),
        FlowField::InterfaceId => flow.interface = name(value),
        FlowField::SourceAddress => flow.srcaddr = name(value),
        FlowField::TargetAddress => flow.dstaddr = name(value),
        FlowField::SourcePort => flow.srcport = int()?,
        FlowField::TargetPort => flow.dstport = int()?,
        FlowField::Protocol => flow.protocol = int()?,
        FlowField::Packets => flow.packets = int()?,
        FlowField::Bytes => flow.bytes = int()?,
        FlowField::Start => flow.time = seconds(value)?,
        FlowField::End => flow.end = seconds(value)?,
        FlowField::Action => flow.action = one_of(&["ACCEPT", "REJECT"], "ACCEPT or REJECT")?,
        FlowField::LogStatus => flow.log_status = one_of(&["OK", "NODATA", "SKIPDATA"], "OK, NODATA or SKIPDATA")?,
        FlowField::VpcId => flow.vpc = name(value),
        FlowField::SubnetId => flow.subnet = name(value),
        FlowField::InstanceId => flow.instance = name(value),
        FlowField::TcpFlags => flow.tcp_flags = int()?,
        FlowField::Type => flow.traffic_type = name(value),
        FlowField::PacketSource => flow.pkt_srcaddr = name(value),
        FlowField::PacketTarget => flow.pkt_dstaddr = name(value),
        FlowField::Region => flow.region = name(value),
        FlowField::ZoneId => flow.az_id = name(value),
        FlowField::SublocationType => flow.sublocation_type = name(value),
        FlowField::SublocationId => flow.sublocation_id = name(value),
        FlowField::SourceService => flow.pkt_src_aws_service = name(value),
        FlowField::TargetService => flow.pkt_dst_aws_service = name(value),
        FlowField::Direction => flow.flow_direction = name(value),
        FlowField::TrafficPath => flow.traffic_path = int()?,
        FlowField::ClusterArn => {
            flow.cluster_arn = name(value);
            flow.cluster = flow.cluster.take().or_else(|| name(arn::short(value)));
        }
        FlowField::ClusterName => flow.cluster = name(value),
        FlowField::ContainerInstanceArn => {
            flow.container_instance = flow.container_instance.take().or_else(|| name(arn::short(value)));
        }
        FlowField::ContainerInstanceId => flow.container_instance = name(value),
        FlowField::ContainerId => flow.container_id = name(value),
        FlowField::SecondContainerId => flow.second_container_id = name(value),
        FlowField::ServiceName => flow.service = name(value),
        FlowField::TaskDefinitionArn => {
            flow.task_definition = name(arn::task_definition(value));
            flow.family = name(arn::family(value));
        }
        FlowField::TaskArn => {
            flow.task_arn = name(value);
            flow.task = flow.task.take().or_else(|| name(arn::short(value)));
        }
        FlowField::TaskId => flow.task = name(value),
        FlowField::RejectReason => flow.reject_reason = name(value),
        FlowField::ResourceId => flow.resource_id = name(value),
        FlowField::EncryptionStatus => flow.encryption_status = name(value),
    }
    Ok(())
}

/// Converts seconds since 1970 to microseconds; `None` if a record cannot have that time.
fn seconds(value: &str) -> Result<Option<i64>, &'static str> {
    let seconds = value.parse::<i64>().ok().filter(|seconds| (0..=LAST_SECOND).contains(seconds));
    seconds.map(|seconds| super::time::plausible(seconds * 1_000_000)).ok_or("seconds since 1970")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modeled<'a>(header: &str, line: &'a str) -> Modeled<'a> {
        let layout = FlowLayout::of_header(header).unwrap();
        let values: Vec<&str> = line.split(' ').collect();
        model_flow(&layout, &values, Origin { file: "f", record: 1, raw: Some(line), text: line })
    }

    fn row(modeled: Modeled<'_>, check: impl FnOnce(&Flow<'_>)) {
        let Modeled::Record(record) = modeled else { panic!("a record: {modeled:?}") };
        let [Row::Flows(flow)] = record.rows.as_slice() else { panic!("a flow") };
        check(flow);
    }

    #[test]
    fn a_record_of_version_7() {
        let header =
            "start end action interface-id dstport tcp-flags ecs-cluster-arn ecs-task-definition-arn ecs-task-id flow-direction";
        let line = "1418530010 1418530070 REJECT eni-1 443 2 arn:aws:ecs:us-east-1:111122223333:cluster/web \
                    arn:aws:ecs:us-east-1:111122223333:task-definition/app:7 0a1b egress";
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        row(modeled(header, &line), |flow| {
            assert_eq!((flow.time, flow.end), (Some(1_418_530_010_000_000), Some(1_418_530_070_000_000)));
            assert_eq!((flow.cluster.as_deref(), flow.task_definition.as_deref()), (Some("web"), Some("app:7")));
            assert_eq!((flow.task.as_deref(), flow.dstport, flow.srcaddr.as_deref()), (Some("0a1b"), Some(443), None));
        });
    }

    #[test]
    fn what_a_field_cannot_hold_is_refused() {
        for (line, want) in [
            ("1418530010 1418530070 DROPPED", "`DROPPED`: expected ACCEPT or REJECT"),
            ("soon 1418530070 ACCEPT", "`soon`: expected seconds since 1970"),
            ("-1 1418530070 ACCEPT", "`-1`: expected seconds since 1970"),
            ("- - ACCEPT", "`start` is missing"),
        ] {
            let Modeled::Refused(refusal) = modeled("start end action", line) else { panic!("{line}") };
            assert!(refusal.detail.starts_with(want), "{}", refusal.detail);
        }
        // Without a start, the end is used as the time.
        row(modeled("start end action", "- 1418530070 ACCEPT"), |flow| assert_eq!(flow.time, Some(1_418_530_070_000_000)));
    }

    #[test]
    fn the_same_record_has_the_same_id() {
        let id = |header, line| {
            let mut id = String::new();
            row(modeled(header, line), |flow| id = flow.id.as_deref().unwrap().to_owned());
            id
        };
        let one = id("start end action", "1418530010 1418530070 ACCEPT");
        assert_eq!(one, id("action end start vpc-id", "ACCEPT 1418530070 1418530010 -"));
        assert_ne!(one, id("start end action", "1418530010 1418530071 ACCEPT"));
    }
}
