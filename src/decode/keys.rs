//! The keys by which records are told apart and calls are read, as numbers.
//!
//! A key is named once, when it is met for the first time in its place ([`super::shapes`]); who reads the keys of an
//! object as numbers compares no text.

macro_rules! keys {
    ($($key:ident = $($text:literal)|+,)*) => {
        /// A key that some reader asks for.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each is the key of its name")]
        pub enum Key {
            /// Any other key.
            #[default]
            Other,
            $($key,)*
        }

        impl Key {
            /// The key of a text.
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
