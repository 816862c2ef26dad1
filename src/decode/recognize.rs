//! Recognizes the shape of an object by its keys.
//!
//! In: an object in AWS or dstack spelling. Out: its [`Shape`], or `None`. It takes one pass over the interned keys,
//! because every record of a load comes through here; unusual cases are left to [`super::partial`] and its neighbors.

use super::cells::is_cell;
use super::envelope::Shape;
use super::json::Value;
use super::keys::Key;

/// The shape of an object, by its keys.
pub(super) fn recognize(value: Value<'_>) -> Option<Shape> {
    recognize_row(value).0
}

/// The same, and whether it is a call with texts in place of its objects, as a row of a table has them.
pub(super) fn recognize_row(value: Value<'_>) -> (Option<Shape>, bool) {
    let mut keys = ShapeDetector::default();
    for (key, child) in value.keyed_entries() {
        keys.see(key, child);
    }
    (keys.shape(), keys.has_cells)
}

/// The characteristic keys of the shapes, collected in one pass.
#[derive(Debug, Default)]
struct ShapeDetector<'t> {
    event_source: Option<&'t str>,
    event_name: bool,
    event_id: bool,
    event_time: bool,
    event_type: Option<&'t str>,
    event_category: Option<&'t str>,
    event_version: bool,
    user_identity: bool,
    has_cells: bool,
    detail: bool,
    detail_type: bool,
    digest: bool,
    lake_signature: bool,
    run_spec: bool,
    status: bool,
    submitted_at: bool,
    recorded_at: bool,
    targets: bool,
    submission_num: bool,
    termination_reason: bool,
    job_provisioning_data: bool,
    task_arn: bool,
    last_status: bool,
    task_definition_arn: bool,
    container_instance_arn: bool,
    agent_connected: bool,
    registered_resources: bool,
    service_arn: bool,
    service_name: bool,
    service_deployment_arn: bool,
    service_revision_arn: bool,
    action_source: bool,
    control_message: bool,
    log_source: bool,
    instance_type: bool,
    busy_blocks: bool,
    last_instances: bool,
}

/// Whether a value can be a time.
fn is_time(value: Value<'_>) -> bool {
    value.text().is_some() || value.is_number()
}

impl<'t> ShapeDetector<'t> {
    fn see(&mut self, key: Key, child: Value<'t>) {
        match key {
            Key::EventSource => self.event_source = child.text(),
            Key::EventName => self.event_name = true,
            Key::EventId | Key::EventIdOfHistory => self.event_id = true,
            Key::EventTime => self.event_time = true,
            Key::EventType => self.event_type = child.text(),
            Key::EventCategory => self.event_category = child.text(),
            Key::EventVersion => self.event_version = true,
            Key::UserIdentity => {
                self.user_identity = true;
                self.has_cells |= is_cell(child);
            }
            Key::RequestParameters | Key::ResponseElements => self.has_cells |= is_cell(child),
            Key::Detail => self.detail = true,
            Key::DetailType => self.detail_type = child.text().is_some(),
            Key::Digest => self.digest = true,
            Key::HashSignature => self.lake_signature = true,
            Key::RunSpec => self.run_spec = child.is_object(),
            Key::Status => self.status = child.text().is_some(),
            Key::SubmittedAt => self.submitted_at = is_time(child),
            Key::RecordedAt => self.recorded_at = is_time(child),
            Key::Targets => self.targets = true,
            Key::SubmissionNum => self.submission_num = true,
            Key::TerminationReason => self.termination_reason = true,
            Key::JobProvisioningData => self.job_provisioning_data = true,
            Key::TaskArn => self.task_arn = child.text().is_some(),
            Key::LastStatus => self.last_status = true,
            Key::TaskDefinitionArn => self.task_definition_arn = true,
            Key::ContainerInstanceArn => self.container_instance_arn = child.text().is_some(),
            Key::AgentConnected => self.agent_connected = true,
            Key::RegisteredResources => self.registered_resources = true,
            Key::ServiceArn => self.service_arn = child.text().is_some(),
            Key::ServiceName => self.service_name = true,
            Key::ServiceDeploymentArn => self.service_deployment_arn = true,
            Key::ServiceRevisionArn => self.service_revision_arn = true,
            Key::ActionSourceId => self.action_source = true,
            Key::MessageType => self.control_message = child.text() == Some("CONTROL_MESSAGE"),
            Key::LogSource => self.log_source = true,
            Key::InstanceType => self.instance_type = true,
            Key::BusyBlocks => self.busy_blocks = true,
            Key::Instances => self.last_instances = child.is_array(),
            _ => {}
        }
    }

    fn shape(&self) -> Option<Shape> {
        if self.detail && self.detail_type {
            return Some(Shape::Event);
        }
        // S3, SQS and SNS notifications have the same keys, but their sources start with `aws:`.
        let foreign = self.event_source.is_some_and(|source| source.starts_with("aws:"));
        if self.event_category == Some("Aggregated") || self.event_type == Some("AwsAggregatedEvent") {
            return Some(Shape::Other("aggregated"));
        }
        if self.event_type == Some("AwsCloudTrailInsight") {
            return Some(Shape::Other("insight"));
        }
        if self.event_source.is_some()
            && !foreign
            && self.event_name
            && (self.event_version || self.user_identity || self.event_id || self.is_reduced_call())
        {
            return Some(Shape::Call);
        }
        if self.digest {
            return Some(Shape::Other("digest"));
        }
        if self.lake_signature {
            return Some(Shape::Other("lake_signature"));
        }
        if self.run_spec && self.submitted_at && self.status {
            return Some(Shape::Run);
        }
        if self.recorded_at && self.targets {
            return Some(Shape::RunEvent);
        }
        if self.submission_num && self.termination_reason && self.job_provisioning_data && self.submitted_at {
            return Some(Shape::Submission);
        }
        if self.task_arn && self.last_status && self.task_definition_arn {
            return Some(Shape::Task);
        }
        if self.container_instance_arn && (self.agent_connected || self.registered_resources) {
            return Some(Shape::ContainerInstance);
        }
        if self.action_source && self.detail {
            return Some(Shape::ActionLog);
        }
        if self.service_deployment_arn && self.status {
            return Some(Shape::ServiceDeployment);
        }
        if self.service_revision_arn && self.service_arn {
            return Some(Shape::ServiceRevision);
        }
        if self.service_arn && self.service_name {
            return Some(Shape::Service);
        }
        if self.control_message {
            return Some(Shape::Other("control_message"));
        }
        if self.log_source {
            return Some(Shape::Other("dstack_log"));
        }
        if self.instance_type && self.busy_blocks {
            return Some(Shape::DstackResource("dstack_instance"));
        }
        if self.last_instances && self.status {
            return Some(Shape::DstackResource("dstack_fleet"));
        }
        None
    }

    /// A row with few columns, as CloudTrail Lake returns for a short `select`.
    fn is_reduced_call(&self) -> bool {
        self.event_time && self.event_source.is_some_and(|source| source.ends_with(".amazonaws.com"))
    }
}
