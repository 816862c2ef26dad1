//! The base tables: every column with its type and a one-line description, declared once.
//!
//! The row types that [`crate::model`] fills, the Arrow builders, the Arrow and Delta schemas, `ecs-audit fields`,
//! and the documentation are derived from this declaration. Names are `snake_case` and have the same meaning in all
//! tables.

use super::column_type::{Bool, ColumnType, Duration, FieldKind, Float, Int, Original, Text, Time, Unique};
use super::pages::Encoded;
use super::projection::{ColumnSet, MOST_COLUMNS};
use arrow::array::ArrayRef;
use arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescPtr;
use std::sync::Arc;

/// A column of a base table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub kind: FieldKind,
    /// A one-line description, with the unit.
    pub doc: &'static str,
}

macro_rules! tables {
    ($(
        $(#[doc = $table_doc:literal])+
        $row:ident, $columns:ident, $id:ident = $name:literal {
            $( $field:ident : $kind:ident = $doc:literal, )+
        }
    )+) => {
        /// A base table of the store.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Table {
            $( $(#[doc = $table_doc])+ $id, )+
        }

        impl Table {
            /// All base tables.
            pub const ALL: &'static [Table] = &[$( Table::$id, )+];

            /// The name of its folder in the store and in SQL.
            pub fn name(self) -> &'static str {
                match self { $( Table::$id => $name, )+ }
            }

            /// Its columns, in order.
            pub fn fields(self) -> &'static [Field] {
                match self { $( Table::$id => {
                    const FIELDS: &[Field] = &[$(
                        Field { name: stringify!($field), kind: <$kind as ColumnType>::KIND, doc: $doc },
                    )+];
                    const _: () = assert!(FIELDS.len() <= MOST_COLUMNS);
                    FIELDS
                } )+ }
            }
        }

        $(
            $(#[doc = $table_doc])+
            #[derive(Debug, Default)]
            pub struct $row<'a> {
                $( #[doc = $doc] pub $field: <$kind as ColumnType>::Value<'a>, )+
            }

            #[derive(Debug, Default)]
            struct $columns {
                $( $field: <$kind as ColumnType>::Column, )+
            }

            impl $columns {
                fn push(&mut self, row: &$row<'_>, wanted: ColumnSet) -> usize {
                    let mut wanted = wanted.walk();
                    let mut grown = 0;
                    $( if wanted.next_is_in() {
                        grown += <$kind as ColumnType>::push(&mut self.$field, &row.$field);
                    } )+
                    grown
                }
                fn join(&mut self, other: Self) {
                    $( <$kind as ColumnType>::join(&mut self.$field, other.$field); )+
                }
                fn into_arrays(self, wanted: ColumnSet) -> Result<Vec<ArrayRef>, ArrowError> {
                    let mut wanted = wanted.walk();
                    let mut arrays = Vec::new();
                    $( if wanted.next_is_in() {
                        arrays.push(<$kind as ColumnType>::into_array(self.$field)?);
                    } )+
                    Ok(arrays)
                }
                fn encode(
                    mut self,
                    mut next: impl FnMut() -> Option<ColumnDescPtr>,
                    put: &mut PutChunk<'_>,
                ) -> Result<(), ParquetError> {
                    let mut order = None;
                    $( order = order.or_else(|| <$kind as ColumnType>::take_order(&mut self.$field)); )+
                    $( if let Some(descriptor) = next() {
                        if let Some(order) = &order {
                            <$kind as ColumnType>::arrange(&mut self.$field, order);
                        }
                        put(<$kind as ColumnType>::encode(self.$field, descriptor)?)?;
                    } )+
                    Ok(())
                }
                fn set_apart(&mut self) {
                    $( <$kind as ColumnType>::set_apart(&mut self.$field); )+
                }
            }
        )+

        /// A row of a base table.
        #[derive(Debug)]
        pub enum Row<'a> {
            $( $(#[doc = $table_doc])+ $id(Box<$row<'a>>), )+
        }

        impl Row<'_> {
            /// Its table.
            pub fn table(&self) -> Table {
                match self { $( Row::$id(_) => Table::$id, )+ }
            }

            /// The id.
            pub fn id(&self) -> Option<&str> {
                match self { $( Row::$id(row) => row.id.as_deref(), )+ }
            }

            /// Its time in microseconds since 1970 UTC, which determines the partition.
            pub fn time(&self) -> Option<i64> {
                match self { $( Row::$id(row) => row.time, )+ }
            }
        }

        $(
            impl<'a> From<$row<'a>> for Row<'a> {
                fn from(row: $row<'a>) -> Row<'a> { Row::$id(Box::new(row)) }
            }
        )+

        #[derive(Debug)]
        enum AnyColumns {
            $( $id(Box<$columns>), )+
        }

        impl AnyColumns {
            fn new(table: Table) -> Self {
                match table { $( Table::$id => AnyColumns::$id(Box::default()), )+ }
            }
            fn push(&mut self, row: &Row<'_>, wanted: ColumnSet) -> usize {
                match (self, row) {
                    $( (AnyColumns::$id(columns), Row::$id(row)) => columns.push(row, wanted), )+
                    _ => 0,
                }
            }
            fn join(&mut self, other: Self) {
                match (self, other) {
                    $( (AnyColumns::$id(columns), AnyColumns::$id(other)) => columns.join(*other), )+
                    _ => {}
                }
            }
            fn into_arrays(self, wanted: ColumnSet) -> Result<Vec<ArrayRef>, ArrowError> {
                match self { $( AnyColumns::$id(columns) => columns.into_arrays(wanted), )+ }
            }
            fn encode(self, next: impl FnMut() -> Option<ColumnDescPtr>, put: &mut PutChunk<'_>) -> Result<(), ParquetError> {
                match self { $( AnyColumns::$id(columns) => columns.encode(next, put), )+ }
            }
            fn set_apart(&mut self) {
                match self { $( AnyColumns::$id(columns) => columns.set_apart(), )+ }
            }
        }
    };
}

tables! {
    /// CloudTrail records: one row per API call.
    Call, CallColumns, Calls = "calls" {
        id: Unique = "eventID of the record (a content hash if it has none)",
        time: Time = "eventTime: when the request completed, whole seconds",
        event_name: Text = "API action, such as RunTask",
        event_source: Text = "service endpoint, such as ecs.amazonaws.com",
        region: Text = "AWS region that handled the call",
        account: Text = "account whose trail received the record",
        user: Text = "caller: role/session, user name, invoking service, or principal",
        user_type: Text = "userIdentity.type, such as AssumedRole",
        user_arn: Text = "userIdentity.arn",
        access_key: Text = "userIdentity.accessKeyId",
        invoked_by: Text = "AWS service that made the call on behalf of the user",
        source_ip: Text = "sourceIPAddress: an address or the DNS name of a service",
        user_agent: Text = "userAgent",
        agent_version: Text = "ECS agent version named in userAgent",
        error_code: Text = "errorCode, without the prefix Client.",
        error_message: Text = "errorMessage",
        failed: Bool = "true if the call was refused (errorCode) or placed nothing (failures[])",
        read_only: Bool = "readOnly",
        event_type: Text = "eventType, such as AwsApiCall",
        category: Text = "eventCategory, such as Management",
        event_version: Text = "eventVersion of the record",
        request_id: Unique = "requestID",
        shared_event_id: Unique = "sharedEventID: links the copies of one action in several accounts",
        cluster: Text = "short cluster name (ECS calls)",
        cluster_arn: Text = "cluster ARN, if the record has it",
        service: Text = "short ECS service name",
        family: Text = "task definition family",
        task_definition: Text = "task definition as family:revision",
        task: Text = "task id (the first task placed, or the task that the call is about)",
        task_arn: Text = "task ARN",
        tasks: Text = "ids of all tasks placed, separated by spaces, if there are several",
        container_instance: Text = "container instance id",
        container_instance_arn: Text = "container instance ARN",
        started_by: Text = "startedBy of RunTask and StartTask",
        group: Text = "task group",
        launch_type: Text = "EC2, FARGATE, EXTERNAL or MANAGED_INSTANCES",
        capacity_provider: Text = "first capacity provider of the strategy",
        asked: Int = "tasks requested (count, default 1; container instances for StartTask)",
        placed: Int = "tasks placed",
        missing: Int = "tasks requested but not placed",
        failure_reasons: Text = "distinct reasons in failures[], separated by commas",
        desired_count: Int = "desiredCount of CreateService and UpdateService",
        maximum_percent: Int = "maximumPercent of CreateService and UpdateService",
        minimum_healthy_percent: Int = "minimumHealthyPercent of CreateService and UpdateService",
        stop_timeout: Int = "longest stopTimeout of the containers of RegisterTaskDefinition, in seconds",
        requested_cpu: Int = "CPU units requested for one task (RegisterTaskDefinition: of its tasks)",
        requested_memory: Int = "MiB of memory requested for one task (RegisterTaskDefinition: of its tasks)",
        overrides: Text = "digest of the overrides of the call (command, environment, …); equal for equal work",
        reason: Text = "reason given by the caller (StopTask) or reported by the agent",
        resource: Text = "ids of the network resources in an EC2 call: security group, route table, subnet, …",
        rule: Text = "rule or route in an EC2 call, such as tcp 443 10.0.0.0/8",
        issued_key: Unique = "access key id of the credentials that an AssumeRole call issued",
        issued_session: Text = "role/session that an AssumeRole call issued",
        source: Text = "cloudtrail; describe for an answer of run-task",
        file: Text = "source file",
        record: Int = "record number in the file, starting at 1",
        raw: Original = "the original record, with secrets masked",
    }

    /// ECS Task State Change events and `describe-tasks` output: one row per recorded state.
    TaskEvent, TaskEventColumns, TaskEvents = "task_events" {
        id: Unique = "event id (a content hash for describe-tasks output)",
        time: Time = "when the state was reached: detail.updatedAt, else the event's time",
        event_time: Time = "time of the EventBridge envelope",
        account: Text = "account",
        region: Text = "region",
        cluster: Text = "short cluster name",
        cluster_arn: Text = "cluster ARN",
        service: Text = "service, from the group service:NAME",
        group: Text = "task group",
        family: Text = "task definition family",
        task_definition: Text = "task definition as family:revision",
        task_definition_arn: Text = "task definition ARN",
        task: Text = "task id",
        task_arn: Text = "task ARN",
        version: Int = "detail.version: orders the events of one task",
        last_status: Text = "lastStatus",
        desired_status: Text = "desiredStatus",
        launch_type: Text = "EC2, FARGATE, EXTERNAL or MANAGED_INSTANCES",
        capacity_provider: Text = "capacity provider (FARGATE_SPOT = spot)",
        platform_version: Text = "Fargate platform version",
        availability_zone: Text = "availability zone",
        container_instance: Text = "container instance id",
        container_instance_arn: Text = "container instance ARN",
        started_by: Text = "startedBy: deployment id, rule or caller",
        cpu: Int = "CPU units of the task (the sum of its containers if the task has none)",
        memory: Int = "MiB of memory of the task (the sum of its containers if the task has none)",
        connectivity: Text = "CONNECTED or DISCONNECTED",
        health_status: Text = "HEALTHY, UNHEALTHY or UNKNOWN",
        created_at: Time = "createdAt",
        connectivity_at: Time = "connectivityAt: when the agent first reported the task",
        pull_started_at: Time = "pullStartedAt",
        pull_stopped_at: Time = "pullStoppedAt",
        started_at: Time = "startedAt; missing = the task never ran",
        stopping_at: Time = "stoppingAt",
        execution_stopped_at: Time = "executionStoppedAt",
        stopped_at: Time = "stoppedAt",
        stop_code: Text = "stopCode",
        stopped_reason: Text = "stoppedReason",
        exit_code: Int = "first non-zero exit code among the containers, else 0, else missing",
        exit_container: Text = "container whose exit code is shown; if none, the container that caused the stop",
        container_reason: Text = "reason of the container that caused the stop",
        attachment_reason: Text = "statusReason of a failed attachment (ENI, EBS)",
        images: Text = "images of the containers, separated by spaces",
        subnet: Text = "subnet of the task's network interface",
        network_interface: Text = "network interface id",
        private_ip: Text = "private IPv4 address",
        expected: Bool = "whether the stop was requested or ended with 0, so it is not a failure",
        source: Text = "eventbridge or describe",
        file: Text = "source file",
        record: Int = "record number in the file, starting at 1",
        raw: Original = "the original record, with secrets masked",
    }

    /// The containers of task events: one row per container and event.
    ContainerEvent, ContainerEventColumns, ContainerEvents = "container_events" {
        id: Unique = "id of the task event, # and the container's name",
        event_id: Text = "id of the task event",
        time: Time = "time of the task event",
        account: Text = "account",
        region: Text = "region",
        cluster: Text = "short cluster name",
        service: Text = "service",
        family: Text = "task definition family",
        task_definition: Text = "task definition as family:revision",
        task: Text = "task id",
        task_arn: Text = "task ARN",
        version: Int = "version of the task event",
        container_instance: Text = "container instance id",
        launch_type: Text = "launch type of the task",
        name: Text = "container name",
        container: Text = "container id",
        image: Text = "image",
        image_digest: Text = "image digest",
        runtime_id: Text = "runtime (Docker) id",
        last_status: Text = "lastStatus of the container",
        task_status: Text = "lastStatus of the task",
        exit_code: Int = "exit code; missing = it never ran, or the code is unknown",
        reason: Text = "reason",
        health_status: Text = "health status",
        cpu: Int = "CPU units",
        memory: Int = "hard memory limit in MiB",
        memory_reservation: Int = "soft memory limit in MiB",
        started_at: Time = "startedAt of the task",
        stopped_at: Time = "stoppedAt of the task",
        source: Text = "eventbridge or describe",
        file: Text = "source file",
        record: Int = "record number in the file, starting at 1",
    }

    /// ECS Container Instance State Change events and `describe-container-instances` output.
    InstanceEvent, InstanceEventColumns, InstanceEvents = "instance_events" {
        id: Unique = "event id (a content hash for describe output)",
        time: Time = "when the state was reached: detail.updatedAt, else the event's time",
        event_time: Time = "time of the EventBridge envelope",
        account: Text = "account",
        region: Text = "region",
        cluster: Text = "short cluster name",
        cluster_arn: Text = "cluster ARN",
        container_instance: Text = "container instance id",
        container_instance_arn: Text = "container instance ARN",
        ec2_instance: Text = "EC2 instance id",
        version: Int = "detail.version: orders the events of one instance",
        status: Text = "ACTIVE, DRAINING, …",
        status_reason: Text = "statusReason",
        agent_connected: Bool = "whether the agent was connected",
        agent_version: Text = "agent version",
        agent_hash: Text = "agent build",
        docker_version: Text = "Docker version",
        agent_update_status: Text = "agentUpdateStatus: PENDING … UPDATED, FAILED",
        capacity_provider: Text = "capacity provider",
        instance_type: Text = "EC2 instance type",
        availability_zone: Text = "availability zone",
        registered_cpu: Int = "CPU units registered",
        registered_memory: Int = "MiB of memory registered",
        remaining_cpu: Int = "CPU units not reserved",
        remaining_memory: Int = "MiB of memory not reserved",
        running_tasks: Int = "running tasks",
        pending_tasks: Int = "pending tasks",
        registered_at: Time = "registeredAt",
        source: Text = "eventbridge or describe",
        file: Text = "source file",
        record: Int = "record number in the file, starting at 1",
        raw: Original = "the original record, with secrets masked",
    }

    /// ECS Service Action and ECS Deployment State Change events, events of `describe-services`, AWS Health events.
    ServiceEvent, ServiceEventColumns, ServiceEvents = "service_events" {
        id: Unique = "event id",
        time: Time = "createdAt or updatedAt of the detail, else the event's time",
        event_time: Time = "time of the EventBridge envelope",
        kind: Text = "service, deployment, revision or health",
        account: Text = "account",
        region: Text = "region",
        cluster: Text = "short cluster name",
        cluster_arn: Text = "cluster ARN",
        service: Text = "short service name",
        service_arn: Text = "service ARN",
        event_type: Text = "INFO, WARN or ERROR",
        event_name: Text = "such as SERVICE_TASK_PLACEMENT_FAILURE",
        deployment: Text = "deployment id",
        task_definition: Text = "task definition of the deployment, if known",
        message: Text = "reason or message",
        desired_count: Int = "desired count",
        container_instance: Text = "first container instance in the message",
        capacity_provider: Text = "first capacity provider in the message",
        source: Text = "eventbridge, describe or action_log",
        file: Text = "source file",
        record: Int = "record number in the file, starting at 1",
        raw: Original = "the original record, with secrets masked",
    }

    /// dstack runs as exported: one row per snapshot of a run.
    RunRecord, RunRecordColumns, RunRecords = "run_records" {
        id: Unique = "content hash of the snapshot",
        time: Time = "last_processed_at, else submitted_at",
        run_id: Text = "run id",
        run: Text = "run name (not unique)",
        project: Text = "project",
        user: Text = "owner",
        run_type: Text = "task, service or dev-environment",
        fleet: Text = "fleet",
        run_submitted_at: Time = "submitted_at of the run",
        run_processed_at: Time = "last_processed_at of the run",
        next_triggered_at: Time = "next start of a scheduled run",
        run_status: Text = "status of the run",
        run_status_message: Text = "status_message of the run",
        run_reason: Text = "termination_reason of the run, lower case",
        run_error: Text = "error of the run",
        cause_reason: Text = "termination reason of the job that caused the failure (failed runs), lower case",
        cause_exit_status: Int = "exit status of the job that caused the failure",
        cause_message: Text = "message of the job that caused the failure",
        deleted: Bool = "soft-deleted",
        scheduled: Bool = "whether the run has a schedule",
        deployment_num: Int = "number of the deployment (services)",
        run_cost: Float = "cost as reported, USD; covers only the submissions in the snapshot",
        jobs: Int = "jobs in the snapshot",
        submissions: Int = "submissions in the snapshot",
        source: Text = "dstack",
        file: Text = "source file",
        record: Int = "record number in the file, starting at 1",
        raw: Original = "the original record, with secrets masked",
    }

    /// dstack job submissions: one row per submission and snapshot.
    JobSubmission, JobSubmissionColumns, JobSubmissions = "job_submissions" {
        id: Unique = "submission id, @ and last_processed_at",
        time: Time = "finished_at, else last_processed_at, else submitted_at",
        run_id: Text = "run id",
        run_record: Text = "id of the snapshot that contains it",
        job: Text = "job name",
        replica: Int = "replica number",
        job_num: Int = "job number (node rank)",
        submission: Text = "submission id",
        submission_num: Int = "submission number (not a retry counter)",
        deployment_num: Int = "deployment number",
        submitted_at: Time = "submitted_at",
        finished_at: Time = "finished_at: the end of cleanup",
        last_processed_at: Time = "last_processed_at",
        status: Text = "status, lower case",
        status_message: Text = "status_message",
        termination_reason: Text = "termination_reason, lower case",
        message: Text = "termination_reason_message",
        exit_status: Int = "exit status; -1 = killed by a signal; missing = no program exit",
        error: Text = "error",
        phase: Text = "phase that failed",
        class: Text = "how to respond",
        retry_event: Text = "the value that retry.on_events needs: no-capacity, interruption or error",
        image: Text = "image",
        backend: Text = "backend (the base backend if dstack Sky provisions elsewhere)",
        region: Text = "region",
        availability_zone: Text = "availability zone",
        instance_type: Text = "instance type",
        instance: Text = "instance id",
        spot: Bool = "whether it is a spot instance",
        provisioned: Bool = "whether an instance was provisioned",
        price: Float = "USD per hour of the whole instance",
        vcpu: Int = "vCPUs of the share of the instance that the job has",
        memory_mib: Int = "MiB of memory of the share of the instance that the job has",
        gpus: Int = "GPUs of the share of the instance that the job has",
        gpu: Text = "GPU name",
        blocks: Int = "blocks assigned to the job",
        total_blocks: Int = "blocks of the instance",
        inactivity: Duration = "seconds of inactivity (dev environments)",
        source: Text = "dstack",
        file: Text = "source file",
        record: Int = "record number in the file, starting at 1",
        raw: Original = "the original record, with secrets masked, if it is a separate record; otherwise see its run",
    }

    /// dstack events.
    RunEvent, RunEventColumns, RunEvents = "run_events" {
        id: Unique = "event id",
        time: Time = "recorded_at",
        message: Text = "message",
        actor: Text = "actor; missing = the server",
        target_type: Text = "type of the first target: run, job, instance, …",
        target: Text = "name of the first target",
        target_id: Text = "id of the first target (the submission id for jobs)",
        project: Text = "project",
        from_status: Text = "status before, lower case",
        to_status: Text = "status after, lower case",
        reason: Text = "termination reason in the message, lower case",
        source: Text = "dstack",
        file: Text = "source file",
        record: Int = "record number in the file, starting at 1",
        raw: Original = "the original record, with secrets masked",
    }

    /// VPC flow log records.
    Flow, FlowColumns, Flows = "flows" {
        id: Unique = "hash of the record content",
        time: Time = "start: arrival of the first packet in the interval, whole seconds",
        end: Time = "end: arrival of the last packet in the interval",
        account: Text = "account that owns the interface",
        region: Text = "region",
        interface: Text = "network interface id",
        srcaddr: Text = "source address; for outgoing traffic, the private address of the interface",
        dstaddr: Text = "destination address",
        srcport: Int = "source port",
        dstport: Int = "destination port",
        protocol: Int = "IANA protocol number: 6 TCP, 17 UDP, 1 ICMP",
        packets: Int = "packets in the interval",
        bytes: Int = "bytes in the interval",
        action: Text = "ACCEPT or REJECT",
        log_status: Text = "OK, NODATA or SKIPDATA (records are missing)",
        version: Int = "version of the record format",
        vpc: Text = "VPC id",
        subnet: Text = "subnet id",
        instance: Text = "EC2 instance id",
        tcp_flags: Int = "TCP flags, ORed over the interval: 1 FIN, 2 SYN, 4 RST, 18 SYN-ACK",
        traffic_type: Text = "type: IPv4, IPv6 or EFA",
        pkt_srcaddr: Text = "original source address of the packets",
        pkt_dstaddr: Text = "original destination address of the packets",
        az_id: Text = "availability zone id",
        sublocation_type: Text = "wavelength, outpost or localzone",
        sublocation_id: Text = "id of the sublocation",
        pkt_src_aws_service: Text = "AWS service of the original source address",
        pkt_dst_aws_service: Text = "AWS service of the original destination address",
        flow_direction: Text = "ingress or egress, from the perspective of the interface",
        traffic_path: Int = "path of egress traffic",
        cluster: Text = "short cluster name",
        cluster_arn: Text = "cluster ARN",
        service: Text = "short ECS service name",
        family: Text = "task definition family",
        task_definition: Text = "task definition as family:revision",
        task: Text = "task id",
        task_arn: Text = "task ARN",
        container_instance: Text = "container instance id",
        container_id: Text = "Docker id of the first container",
        second_container_id: Text = "Docker id of the second container",
        reject_reason: Text = "why traffic was rejected: BPA or EC",
        resource_id: Text = "id of the resource",
        encryption_status: Text = "encryption status",
        source: Text = "flow_log",
        file: Text = "source file",
        record: Int = "record number in the file, starting at 1",
        raw: Original = "the record, as a line of the file",
    }

    /// Failures: one row per record that reports a failure.
    Failure, FailureColumns, Failures = "failures" {
        id: Unique = "id of the record, with # and a number if a record contains several failures",
        time: Time = "time of the failure: stoppedAt or finished_at, if available",
        kind: Text = "launch, api_error, task, service, deployment, agent, run, or resource (a dstack volume, gateway, fleet or instance)",
        phase: Text = "phase that failed: placement, capacity, network, image_pull, config_fetch, logging, volume, container_create, container_start, running, health_check, stop_request, host, spot, deployment, api",
        ran: Bool = "whether the program ever ran",
        class: Text = "how to respond: transient, configuration, capacity, application, infrastructure, operator",
        category: Text = "program (it ran and failed), settings (wrong configuration), or launch (never launched)",
        reason: Text = "code of the failure: failure reason, error code, error name, stop code or termination reason",
        cause: Text = "id of the catalog entry that explains the failure; missing = unknown message",
        code: Text = "kind.phase.cause",
        confidence: Text = "source of the message pattern in the catalog: documented, source, observed or unverified; kind_only: only the kind of failure is known",
        message: Text = "message of the failure",
        account: Text = "account",
        region: Text = "region",
        cluster: Text = "short cluster name",
        service: Text = "service",
        family: Text = "task definition family",
        task_definition: Text = "task definition as family:revision",
        task: Text = "task id",
        container: Text = "container name",
        container_instance: Text = "container instance id",
        launch_type: Text = "launch type",
        capacity_provider: Text = "capacity provider",
        started_by: Text = "startedBy of the task or call",
        group: Text = "task group",
        user: Text = "caller (launch, api_error)",
        event_name: Text = "API action or event name; for resource, the kind and name of the dstack resource",
        exit_code: Int = "exit code of the container or exit status of the job",
        signal: Int = "signal that ended the program",
        requested_cpu: Int = "CPU units requested",
        requested_memory: Int = "MiB of memory requested",
        missing_tasks: Int = "tasks requested but not placed, on the first failure of a call (0 on the others)",
        image: Text = "image",
        tag: Text = "tag or digest of the image",
        registry: Text = "registry of the image",
        secret: Text = "ARN or name of the secret or parameter in the message",
        role: Text = "role in the message",
        action: Text = "action that the message reports as not allowed",
        subnet: Text = "subnet of the task, or subnet in the message",
        quota: Text = "quota that was reached, such as fargate_vcpu",
        requested: Int = "requested amount, if the message has it",
        available: Int = "available amount or limit, if the message has it",
        backend: Text = "dstack backend",
        project: Text = "dstack project",
        run: Text = "dstack run name",
        run_id: Text = "dstack run id",
        job: Text = "dstack job name",
        submission: Text = "dstack submission id",
        secondary: Bool = "whether it is a consequence of another failure: of another job, or of a task of the same deployment",
        incident: Text = "key that merges several records of one failure into one row; not an incident of the noun `incidents`",
        version: Int = "orders the records of one failure",
        call: Text = "id of the call (launch, api_error)",
        source: Text = "cloudtrail, eventbridge, describe, action_log or dstack",
        file: Text = "source file",
        record: Text = "id of the source record (`ecs-audit show ID`)",
    }

    /// Input that could not be loaded.
    Quarantined, QuarantinedColumns, Quarantine = "quarantine" {
        id: Unique = "content hash of the file, # and the record number",
        time: Time = "time of the load",
        load: Int = "number of the load",
        file: Text = "file",
        folder: Text = "base folder of a relative file name",
        record: Int = "record number, starting at 1; missing = the whole file",
        byte_offset: Int = "offset in the uncompressed file",
        why: Text = "reason code, such as broken_json",
        detail: Text = "what was read and what was expected",
        sample: Text = "first characters, with secrets masked",
    }

    /// Records and rules of records that were removed from the store and are not loaded again.
    RemovedRecord, RemovedColumns, Removed = "removed" {
        id: Unique = "table, account and id of the record; for a rule, table, account and number of the change",
        time: Time = "time of the record; for a rule, time of the removal",
        removed_at: Time = "time when the removal was noticed",
        load: Int = "number of the change",
        table_name: Text = "the table of the record; missing = a rule for all tables",
        account: Text = "account of the record; missing in a rule = all accounts",
        record: Text = "id of the record; missing = the row is a rule",
        version: Int = "version of the record, for a state of a task or container instance",
        before: Time = "for a rule: records before this time are not loaded again",
    }

    /// The ledger: one row per file and load.
    LoadedFile, LoadedFileColumns, Files = "files" {
        id: Unique = "content hash of the file, @, and the number of the load",
        time: Time = "time of the load",
        load: Int = "number of the load",
        file: Text = "file",
        folder: Text = "base folder of a relative file name",
        size: Int = "bytes on disk",
        modified: Time = "modification time of the file",
        bytes: Int = "bytes uncompressed",
        content_hash: Text = "BLAKE3 of the bytes on disk",
        format: Text = "detected format",
        read: Int = "records read",
        loaded: Int = "records loaded",
        duplicate: Int = "records that were already in the store",
        filtered: Int = "records skipped on purpose",
        quarantined: Int = "records that could not be loaded",
        why: Text = "why records were filtered",
        note: Text = "harmless irregularities",
        account: Text = "account named in the path, or the only one in the file",
        region: Text = "region named in the path, or the only one in the file",
        first_event: Time = "oldest record",
        last_event: Time = "newest record",
    }
}

impl Table {
    /// The Arrow schema of the table.
    pub fn schema(self) -> SchemaRef {
        let fields: Vec<ArrowField> =
            self.fields().iter().map(|field| ArrowField::new(field.name, field.kind.data_type(), true)).collect();
        Arc::new(Schema::new(fields))
    }
}

impl Row<'_> {
    /// The account, for tables whose identity includes one.
    pub fn account(&self) -> Option<&str> {
        match self {
            Row::Calls(row) => row.account.as_deref(),
            Row::TaskEvents(row) => row.account.as_deref(),
            Row::InstanceEvents(row) => row.account.as_deref(),
            Row::ServiceEvents(row) => row.account.as_deref(),
            Row::ContainerEvents(row) => row.account.as_deref(),
            Row::Failures(row) => row.account.as_deref(),
            Row::Flows(row) => row.account.as_deref(),
            Row::Files(row) => row.account.as_deref(),
            Row::Removed(row) => row.account.as_deref(),
            Row::RunRecords(_) | Row::JobSubmissions(_) | Row::RunEvents(_) | Row::Quarantine(_) => None,
        }
    }

    /// The AWS Region, for tables whose records have one.
    pub fn region(&self) -> Option<&str> {
        match self {
            Row::Calls(row) => row.region.as_deref(),
            Row::TaskEvents(row) => row.region.as_deref(),
            Row::InstanceEvents(row) => row.region.as_deref(),
            Row::ServiceEvents(row) => row.region.as_deref(),
            Row::Flows(row) => row.region.as_deref(),
            _ => None,
        }
    }
}

/// Receives the column chunks of a table, in column order.
pub type PutChunk<'p> = dyn FnMut(Encoded) -> Result<(), ParquetError> + 'p;

/// The oldest and newest time, extended by one.
#[inline]
pub fn widened(span: Option<(i64, i64)>, time: i64) -> Option<(i64, i64)> {
    Some(span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))))
}

/// Collects the rows of a base table in columns.
#[derive(Debug)]
pub struct Columns {
    table: Table,
    /// The columns that are collected.
    wanted: ColumnSet,
    columns: AnyColumns,
    rows: usize,
    bytes: usize,
    /// The oldest and newest time.
    span: Option<(i64, i64)>,
}

impl Columns {
    /// Empty columns.
    pub fn new(table: Table) -> Self {
        Self::of(table, ColumnSet::ALL)
    }

    /// Empty columns, of which only some are collected.
    pub fn of(table: Table, wanted: ColumnSet) -> Self {
        Columns { table, wanted, columns: AnyColumns::new(table), rows: 0, bytes: 0, span: None }
    }

    /// Empty columns that store the original records separately.
    pub fn with_originals_apart(table: Table) -> Self {
        let mut columns = Self::new(table);
        columns.columns.set_apart();
        columns
    }

    /// The table.
    pub fn table(&self) -> Table {
        self.table
    }

    /// Adds a row.
    pub fn push(&mut self, row: &Row<'_>) {
        debug_assert_eq!(row.table(), self.table);
        self.bytes += self.columns.push(row, self.wanted);
        self.rows += 1;
        if let Some(time) = row.time() {
            self.span = widened(self.span, time);
        }
    }

    /// Appends other rows of this table.
    pub fn join(&mut self, other: Columns) {
        debug_assert_eq!((other.table, other.wanted), (self.table, self.wanted));
        self.columns.join(other.columns);
        self.rows += other.rows;
        self.bytes += other.bytes;
        if let Some((first, last)) = other.span {
            self.span = widened(widened(self.span, first), last);
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The approximate number of bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The oldest and newest time of the rows, in microseconds since 1970 UTC.
    pub fn span(&self) -> Option<(i64, i64)> {
        self.span
    }

    /// The collected columns as Arrow arrays, without original records that are stored separately.
    pub fn into_rows(self) -> Result<RecordBatch, ArrowError> {
        let rows = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(self.table.schema_of(self.wanted), self.columns.into_arrays(self.wanted)?, &rows)
    }

    /// The rows as Parquet column chunks, in the order of the originals; `descriptors` describe the columns of the
    /// table.
    pub fn encode(self, descriptors: &[ColumnDescPtr], put: &mut PutChunk<'_>) -> Result<(), ParquetError> {
        let mut descriptors = descriptors.iter().cloned();
        self.columns.encode(|| descriptors.next(), put)
    }
}
