//! The keys that identify records and that readers access, as integers.
//!
//! Keys are interned when they are first seen in a position ([`super::key_predictor`]), so readers compare integers instead
//! of strings.

macro_rules! keys {
    ($($key:ident = $($text:literal)|+,)*) => {
        /// A key that some reader accesses.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each is the key of its name")]
        pub enum Key {
            /// Any other key.
            #[default]
            Other,
            $($key,)*
        }

        impl Key {
            /// Looks up a key.
            pub fn of(text: &str) -> Key {
                match text {
                    $($($text)|+ => Key::$key,)*
                    _ => Key::Other,
                }
            }
        }
    };
}

keys! {
    AccessKeyId = "accessKeyId",
    ActionSourceId = "actionSourceId",
    AgentConnected = "agentConnected",
    Arn = "arn",
    AwsRegion = "awsRegion",
    BusyBlocks = "busy_blocks" | "total_blocks",
    ContainerInstanceArn = "containerInstanceArn",
    Detail = "detail",
    DetailType = "detail-type" | "detailType",
    Digest = "digestS3Object" | "digestS3Bucket",
    ErrorCode = "errorCode",
    ErrorMessage = "errorMessage",
    EventCategory = "eventCategory",
    EventId = "eventID",
    EventIdOfHistory = "eventId",
    EventName = "eventName",
    EventSource = "eventSource",
    EventTime = "eventTime",
    EventType = "eventType",
    EventVersion = "eventVersion",
    HashSignature = "hashSignature",
    InstanceType = "instance_type",
    Instances = "instances",
    InvokedBy = "invokedBy",
    JobProvisioningData = "job_provisioning_data",
    LastStatus = "lastStatus",
    LogSource = "log_source",
    MessageType = "messageType",
    PrincipalId = "principalId",
    ReadOnly = "readOnly",
    RecipientAccountId = "recipientAccountId",
    RecordedAt = "recorded_at",
    RegisteredResources = "registeredResources",
    RequestId = "requestID",
    RequestParameters = "requestParameters",
    ResponseElements = "responseElements",
    RunSpec = "run_spec",
    ServiceArn = "serviceArn",
    ServiceDeploymentArn = "serviceDeploymentArn" | "daemonDeploymentArn",
    ServiceName = "serviceName",
    ServiceRevisionArn = "serviceRevisionArn",
    SessionContext = "sessionContext",
    SharedEventId = "sharedEventID",
    SourceIpAddress = "sourceIPAddress",
    Status = "status",
    SubmissionNum = "submission_num",
    SubmittedAt = "submitted_at",
    Targets = "targets",
    TaskArn = "taskArn",
    TaskDefinitionArn = "taskDefinitionArn",
    TerminationReason = "termination_reason",
    Type = "type",
    UserAgent = "userAgent",
    UserIdentity = "userIdentity",
    UserName = "userName",
}
