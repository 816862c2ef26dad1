use super::*;
use crate::knowledge::ECS_ERRORS;
use regex::Regex;

fn ids(catalog: &FailureCatalog, kind: TextKind, text: &str) -> String {
    catalog.explain(kind, text).map_or_else(|| "nothing".to_owned(), |entry| entry.id.clone())
}

#[test]
fn every_example_is_explained_by_its_own_entry() {
    let catalog = FailureCatalog::builtin();
    let mut examples = 0;
    for entry in catalog.entries().iter().filter(|entry| entry.reasons.is_empty()) {
        for text in &entry.examples {
            examples += 1;
            for kind in &entry.applies_to {
                assert_eq!(ids(catalog, *kind, text), entry.id, "as {kind:?}: {text}");
            }
            // Common words are searched for only in their own kinds of text.
            let mut all = catalog.texts.matches(text).filter_map(|index| catalog.entries.get(index));
            let unfiltered = all.find(|entry| !entry.strict);
            assert!(entry.strict || unfiltered.is_some_and(|found| found.id == entry.id), "{}: {text}", entry.id);
        }
    }
    assert!(examples > 300, "{examples}");
}

/// Of two entries with one id, the earlier one replaces the later one, which is what custom rules do on purpose.
#[test]
fn built_in_entries_have_ids_of_their_own() {
    let texts = CATALOG.iter().map(|text| toml::from_str::<CatalogText>(text).unwrap());
    let ids: Vec<String> = texts.flat_map(|text| text.entries).map(|entry| entry.id).collect();
    let mut seen = HashSet::new();
    let twice: Vec<&String> = ids.iter().filter(|id| !seen.insert(id.as_str())).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn every_pattern_has_an_example() {
    for entry in FailureCatalog::builtin().entries() {
        for pattern in &entry.patterns {
            let regex = Regex::new(pattern).unwrap();
            assert!(entry.examples.iter().any(|text| regex.is_match(text)), "{}: {pattern}", entry.id);
        }
        assert!(entry.illustrative.iter().all(|index| *index < entry.examples.len()), "{}", entry.id);
        assert!(entry.prevent.iter().all(|index| *index < entry.actions.len()), "{}", entry.id);
        assert!(!entry.cause.is_empty() && !entry.verify.is_empty() && !entry.actions.is_empty(), "{}", entry.id);
    }
}

/// Entries that only repeat an error name say so, quote the text if possible, and give no specific advice.
#[test]
fn catch_alls_are_honest() {
    let catalog = FailureCatalog::builtin();
    let names: Vec<&Entry> = catalog.entries().iter().filter(|entry| entry.confidence == "kind_only").collect();
    assert!(names.len() > 20, "{}", names.len());
    for entry in names {
        assert!(entry.generic, "{}: any other explanation is better", entry.id);
        if entry.reasons.is_empty() {
            assert!(entry.cause.starts_with("Only the kind is known: "), "{}: {}", entry.id, entry.cause);
            let quotes = |group: &str| {
                let caught = entry.patterns.iter().any(|pattern| pattern.contains(&format!("(?P<{group}>")));
                !caught || entry.verify.iter().any(|line| line.contains(&format!("{{{group}}}")))
            };
            assert!(["detail", "reason"].into_iter().all(quotes), "{} does not quote the text", entry.id);
        }
    }
}

/// Advice never opens network access that only some failures need.
#[test]
fn advice_never_widens_access() {
    let catalog = FailureCatalog::builtin();
    for entry in catalog.entries() {
        for line in entry.verify.iter().chain(&entry.actions) {
            let wide =
                ["0.0.0.0/0", "::/0", "assignPublicIp=ENABLED", "public IP", "internet gateway", "\"*\"", "AdministratorAccess"];
            assert!(!wide.iter().any(|wide| line.contains(wide)), "{}: {line}", entry.id);
        }
    }
}

#[test]
fn benign_texts_are_not_failures() {
    let catalog = FailureCatalog::builtin();
    assert!(catalog.benign().len() >= 9);
    for benign in catalog.benign() {
        for text in &benign.examples {
            for kind in &benign.applies_to {
                assert!(catalog.is_benign(*kind, text), "{text}");
            }
            assert_eq!(ids(catalog, TextKind::ServiceEvent, text), "nothing", "{text}");
        }
    }
    assert!(!catalog.is_benign(TextKind::ServiceEvent, "(service web) was unable to place a task."));
    // A failure may follow a benign sentence.
    let replaced = "(service web) has started 1 tasks: (task 0a1b). Amazon ECS replaced 1 tasks due to an unhealthy status.";
    assert!(!catalog.is_benign(TextKind::ServiceEvent, replaced));
    assert_eq!(ids(catalog, TextKind::ServiceEvent, replaced), "health-replaced");
}

#[test]
fn every_reason_of_dstack_that_is_a_failure_is_explained() {
    let catalog = FailureCatalog::builtin();
    for reason in &catalog.job_reasons {
        for exit_status in [false, true] {
            let found = catalog.explain_job(JobEnd { reason: &reason.name, message: "", exit_status, ..JobEnd::default() });
            assert_eq!(found.is_some(), reason.verdict != crate::knowledge::Verdict::No, "{}", reason.name);
        }
    }
}

#[test]
fn every_example_of_dstack_is_explained_by_its_own_entry() {
    let catalog = FailureCatalog::builtin();
    for entry in catalog.entries().iter().filter(|entry| !entry.reasons.is_empty()) {
        let exit_status = entry.exit_status == Some(ExitStatus::Present);
        for message in &entry.examples {
            // The first reason is the usual one; messages of the container may have another.
            for reason in entry.reasons.iter().take(1) {
                let found = catalog.explain_job(JobEnd { reason, message, exit_status, spot: Some(true), ..JobEnd::default() });
                assert_eq!(found.map(|found| found.id.as_str()), Some(entry.id.as_str()), "{reason}: {message}");
            }
        }
    }
}

/// Every launch error code in the EC2 documentation matches an entry with a suitable class.
#[test]
fn launch_error_codes_of_ec2_have_their_class() {
    let catalog = FailureCatalog::builtin();
    let codes = [
        (
            "capacity",
            "InsufficientInstanceCapacity InsufficientHostCapacity InsufficientReservedInstanceCapacity InsufficientAddressCapacity \
                      InsufficientCapacityOnHost UnfulfillableCapacity ReservationCapacityExceeded InsufficientFreeAddressesInSubnet \
                      InstanceLimitExceeded VcpuLimitExceeded MaxSpotInstanceCountExceeded MaxSpotFleetRequestCountExceeded HostLimitExceeded \
                      AddressLimitExceeded NetworkInterfaceLimitExceeded PrivateIpAddressLimitExceeded VolumeLimitExceeded MaxIOPSLimitExceeded \
                      SnapshotLimitExceeded TargetCapacityLimitExceededException ResourceLimitExceeded InsufficientVolumeCapacity \
                      ReservedInstancesUnavailable ScheduledInstanceSlotUnavailable MaxScheduledInstanceCapacityExceeded \
                      UnavailableHostRequirements VolumeIOPSLimit RequestResourceCountExceeded",
        ),
        (
            "configuration",
            "UnauthorizedOperation AuthFailure OptInRequired PendingVerification Blocked OperationNotPermitted InvalidAMIID.NotFound \
                           InvalidAMIID.Malformed InvalidAMIID.Unavailable InvalidSubnetID.NotFound InvalidGroup.NotFound InvalidSecurityGroupID.NotFound \
                           InvalidKeyPair.NotFound InvalidParameterValue InvalidParameterCombination InvalidParameter MissingParameter UnknownParameter \
                           Unsupported UnsupportedOperation UnsupportedInstanceTypeOnHost UnsupportedHostConfiguration UnsupportedTenancy InvalidInstanceType \
                           InvalidZone.NotFound InvalidBlockDeviceMapping InvalidSnapshot.NotFound InvalidKmsKey.InvalidState InvalidPlacementGroup.Unknown \
                           InvalidLaunchTemplateId.NotFound InvalidLaunchTemplateName.NotFoundException InvalidUserData.Malformed InvalidNetworkInterfaceID.NotFound \
                           InvalidCapacityReservationId.NotFound InvalidTenancy EncryptedVolumesNotSupported VPCIdNotSpecified VPCResourceNotSpecified \
                           DefaultVpcDoesNotExist DisallowedForDedicatedTenancyNetwork NonEBSInstance TagPolicyViolation SpotMaxPriceTooLow \
                           InstanceCreditSpecification.NotSupported IdempotentParameterMismatch VolumeTypeNotAvailableInZone Client.InternalError MalformedQueryString \
                           CustomerKeyHasBeenRevoked RequestExpired SignatureDoesNotMatch IncompatibleHostRequirements ZonesMismatched \
                           BootForVolumeTypeUnsupported DuplicateSubnetsInSameZone InaccessibleStorageLocation Gateway.NotAttached \
                           IdempotentInstanceTerminated NetworkInterfaceNotSupportedException UnknownVolumeType VpcCidrConflict \
                           Resource.AlreadyAssigned ScheduledInstanceParameterMismatch LimitPriceExceeded",
        ),
        (
            "transient",
            "RequestLimitExceeded Throttling ThrottlingException EC2ThrottledException BandwidthLimitExceeded IncorrectState ConcurrentTagAccess \
             IncorrectModificationState SnapshotCreationPerVolumeRateExceeded CapacityReservationPending VolumeInUse",
        ),
        ("infrastructure", "InternalError InternalFailure ServiceUnavailable ServerInternal Server.InternalError"),
    ];
    for (class, codes) in codes {
        for code in codes.split_whitespace() {
            let text = format!(
                "ResourceInitializationError: Unable to launch instance(s) for capacity provider build-1. {code}: so it is."
            );
            let entry = catalog.explain(TextKind::TaskStoppedReason, &text).unwrap_or_else(|| panic!("{code}"));
            assert_eq!(
                (entry.stage.as_str(), entry.class.as_deref(), entry.generic),
                ("capacity", Some(class), false),
                "{code}: {}",
                entry.id
            );
        }
    }
}

/// AWS services name hundreds of error codes after a few patterns; a code that nobody listed is still a refused call.
#[test]
fn error_codes_of_services_say_the_kind_of_refusal() {
    let catalog = FailureCatalog::builtin();
    for (code, class, generic) in [
        ("LayerPartTooSmallException", "configuration", false),
        ("UnsupportedImageTypeException", "configuration", false),
        ("Client.UnsupportedOperation", "configuration", false),
        ("Client.OperationNotPermitted", "configuration", false),
        ("ManagedRuleException", "configuration", false),
        ("ResourceExistsException", "configuration", false),
        ("TargetGroupAssociationLimit", "capacity", false),
        ("Client.UnfulfillableCapacity", "capacity", false),
        ("StateMachineDeleting", "transient", false),
        ("DependencyTimeout", "transient", false),
        ("KmsThrottlingException", "transient", false),
        ("Client.InternalFailure", "transient", false),
        ("Server.NeverHeardOf", "transient", false),
        ("DeploymentAlreadyCompletedException", "operator", false),
        ("InvalidStateException", "operator", false),
        ("NeverHeardOf.Either", "configuration", true),
    ] {
        for text in [code.to_owned(), format!("{code}: so it is.")] {
            let entry = catalog.explain(TextKind::ApiError, &text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((entry.class.as_deref(), entry.generic), (Some(class), generic), "{text}: {}", entry.id);
        }
    }
}

/// A log driver other than awslogs has its own options and destination; its failures do not involve CloudWatch Logs.
#[test]
fn log_drivers_fail_in_their_own_ways() {
    let catalog = FailureCatalog::builtin();
    let failed = |text: &str| {
        format!("CannotStartContainerError: Error response from daemon: failed to initialize logging driver: {text}")
    };
    for (text, want) in [
        ("syslog: invalid address scheme, must be one of tcp, udp or unix", "log-driver-options"),
        ("dial udp 192.0.2.9:514: connect: network is unreachable", "log-destination"),
        (r#"Options "https://hec.example:443/services/collector": context deadline exceeded"#, "log-destination"),
        ("labels cannot be used with labels-regex", "log-driver-options"),
        ("splunk: failed to verify connection - 401 Unauthorized - no token", "log-destination-refused"),
        ("x509: certificate is valid for logs.example, not 192.0.2.9", "log-destination-refused"),
        ("journald is not enabled on this host", "log-host-daemon"),
        ("failed to create Cloudwatch log group: no EC2 IMDS role found", "log-credentials"),
        ("nobody has seen this", "log-driver-generic"),
    ] {
        assert_eq!(ids(catalog, TextKind::ContainerReason, &failed(text)), want, "{text}");
    }
    let cloudwatch = r#"failed to create Cloudwatch log stream: RequestError: send request failed caused by: Post "https://logs.eu-west-1.amazonaws.com/": dial tcp 192.0.2.1:443: i/o timeout"#;
    let text = format!("ResourceInitializationError: failed to initialize logging driver: {cloudwatch}");
    assert_eq!(ids(catalog, TextKind::TaskStoppedReason, &text), "log-group-network");
    assert_eq!(ids(catalog, TextKind::ContainerReason, &failed(cloudwatch)), "log-group-network");
}

/// The host is at fault where its runtime or its image store fails, whatever the image; a port in use is a setting.
#[test]
fn faults_of_the_host_are_told_from_those_of_the_container() {
    let catalog = FailureCatalog::builtin();
    let start = "CannotStartContainerError: Error response from daemon: ";
    let hns = "failed to create endpoint web on network nat: hnsCall failed in Win32: ";
    for (text, want) in [
        (format!("{start}{hns}Le port existe deja. (0x803b0013)"), ("start-port", "configuration")),
        (format!("{start}{hns}The parameter is incorrect. (0x57)"), ("start-host-network", "infrastructure")),
        (
            format!(
                "{start}OCI runtime create failed: unable to retrieve OCI runtime error (open log.json: no such file or directory): exec: \"/usr/bin/runsc\": permission denied: unknown"
            ),
            ("start-runtime", "infrastructure"),
        ),
        (format!("{start}listen tcp4 0.0.0.0:81: bind: address already in use"), ("start-port", "configuration")),
        (
            format!("{start}failed to start shim: listen unix /run/containerd/s/9c: bind: address already in use"),
            ("start-shim-socket", "infrastructure"),
        ),
        (
            format!(
                "{start}OCI runtime create failed: error running hook #1: exit status 3, stdout: , stderr: no device: unknown"
            ),
            ("start-hook", "infrastructure"),
        ),
        (
            format!("{start}OCI runtime create failed: open sysctl net.ipv4.ip_made_up file: permission denied: unknown"),
            ("engine-kernel-settings", "configuration"),
        ),
        (
            "CannotPullContainerError: failed to register layer: mkdir /var/lib/docker/overlay2/0a1b: read-only file system"
                .to_owned(),
            ("pull-storage", "infrastructure"),
        ),
    ] {
        let found = catalog.explain(TextKind::ContainerReason, &text).map(|entry| (entry.id.as_str(), entry.class.as_deref()));
        assert_eq!(found, Some((want.0, Some(want.1))), "{text}");
    }
}

/// Amazon ECR refuses a manifest, its S3 bucket a layer: the policies that deny them are not the same.
#[test]
fn a_refused_pull_is_told_by_who_refused() {
    let catalog = FailureCatalog::builtin();
    for (refused, want) in [
        ("https://444455556666.dkr.ecr.eu-west-1.amazonaws.com/v2/cart/manifests/3", "pull-forbidden-registry"),
        ("https://registry.example:5000/v2/shop/cart/blobs/sha256:0a", "pull-forbidden-registry"),
        ("https://prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com/0a1b", "pull-forbidden"),
    ] {
        let text = format!(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): status from GET {refused}: 403 Forbidden"
        );
        assert_eq!(ids(catalog, TextKind::ContainerReason, &text), want, "{refused}");
    }
}

/// Auto Scaling puts its own sentence after the reason.
#[test]
fn refusals_of_auto_scaling_are_read_before_its_closing_sentence() {
    let catalog = FailureCatalog::builtin();
    for (reason, class) in [
        ("Authentication Failure", "configuration"),
        ("The key pair 'build' does not exist", "configuration"),
        ("Invalid device name xvdzz", "configuration"),
        ("The group web-spread has already been used in another Availability Zone", "configuration"),
        ("You've reached your quota for maximum Fleet Requests for this account", "capacity"),
        ("7 instance(s) are already running", "capacity"),
    ] {
        let text = format!("{reason}. Launching EC2 instance failed.");
        let entry = catalog.explain(TextKind::ServiceEvent, &text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((entry.stage.as_str(), entry.class.as_deref(), entry.generic), ("capacity", Some(class), false), "{text}");
    }
}

/// Every named error of the agent is recognized in any spelling, with and without its wrapper.
#[test]
fn named_errors_of_the_agent_are_known() {
    let catalog = FailureCatalog::builtin();
    let names = "DockerTimeoutError OutOfMemoryError DockerStateError CannotGetDockerclientError CannotStopContainerError CannotPullContainerError \
                 CannotPullImageManifestError CannotPullECRContainerError CannotPullContainerAuthError CannotCreateContainerError CannotStartContainerError \
                 CannotInspectContainerError CannotGetContainerTopError CannotRemoveContainerError CannotDescribeContainerError CannotListContainersError \
                 CannotListImagesError CannotCreateVolumeError CannotInspectVolumeError CannotRemoveVolumeError CannotListPluginsError NoSuchContainerError \
                 CannotCreateContainerExecError CannotStartContainerExecError CannotInspectContainerExecError ImpossibleStateTransitionError \
                 ContainerVanishedError TaskDependencyError TaskStoppedBeforePullBeginError ContainerNetworkingError CannotGetDockerClientVersionError \
                 InvalidVolumeError HostConfigError DockerClientConfigError ResourceInitializationError UnparsablePort CannotStartManagedAgentError \
                 ContainerRuntimeError ContainerRuntimeTimeoutError UnknownError CgroupError VolumeError TaskStateError UnrecogniedTaskError \
                 UnrecognizedTaskError UnrecognizedTransportProtocol";
    for name in names.split_whitespace() {
        let lower = name[..1].to_owned() + &name[1..].to_ascii_lowercase();
        for text in [
            name.to_owned(),
            format!("{name}: so it is"),
            format!("TaskFailedToStart: {name}: so it is"),
            format!("{lower}: so it is"),
        ] {
            assert!(catalog.explain(TextKind::ContainerReason, &text).is_some(), "{text}");
        }
    }
}

/// The state that was not reached determines the phase.
#[test]
fn time_outs_fail_where_their_transition_does() {
    let catalog = FailureCatalog::builtin();
    for (state, phase) in [
        ("pulled", "image_pull"),
        ("pullBegin", "image_pull"),
        ("created", "container_create"),
        ("started", "container_start"),
        ("running", "container_start"),
        ("stopped", "stop_request"),
        ("inspecting", "host"),
        ("listing", "host"),
        ("creating volume", "volume"),
        ("removing volume", "volume"),
    ] {
        let text = format!("DockerTimeoutError: Could not transition to {state}; timed out after waiting 1m0s");
        let entry = catalog.explain(TextKind::ContainerReason, &text).unwrap();
        assert_eq!(entry.stage, phase, "{state}: {}", entry.id);
        assert!(matches!(entry.class.as_deref(), Some("infrastructure" | "transient")), "{state}: {}", entry.id);
    }
}

/// Phase and class of a message.
fn phase_and_class(kind: TextKind, text: &str) -> (String, Option<String>) {
    let entry = FailureCatalog::builtin().explain(kind, text).unwrap_or_else(|| panic!("{text}"));
    (entry.phase_in(kind, text).to_owned(), entry.class.clone())
}

/// Docker reports the same faults from several calls; the phase is that of the call that the agent names.
#[test]
fn a_fault_fails_where_its_call_does() {
    for (call, phase) in [("CannotCreateContainerError", "container_create"), ("CannotStartContainerError", "container_start")] {
        for fault in [
            "invalid mount config for type \"bind\": bind source path does not exist: /data",
            "mkdir /var/lib/docker/overlay2/0a1b-init: no space left on device",
            "Conflict. The container name \"/web\" is already in use by container \"0a1b\"",
            "OCI runtime create failed: exec /app: exec format error",
            "failed to create endpoint web on network bridge: adapter not found",
            "nobody has seen this",
        ] {
            let text = format!("{call}: Error response from daemon: {fault}");
            for kind in [TextKind::ContainerReason, TextKind::TaskStoppedReason] {
                assert_eq!(phase_and_class(kind, &text).0, phase, "{text}");
            }
        }
        let of_host = format!("{call}: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.");
        assert_eq!(phase_and_class(TextKind::ContainerReason, &of_host).0, "host");
    }
}

/// A daemon of the host is not a registry: the checks of a failed pull do not apply.
#[test]
fn a_daemon_that_is_down_is_a_fault_of_the_host() {
    for call in ["CannotPullContainerError", "CannotCreateContainerError", "CannotStartContainerError"] {
        for fault in [
            "dial unix /run/containerd/containerd.sock: connect: connection refused",
            "dial unix /var/run/docker.sock: connect: no such file or directory",
            "read unix @->/var/run/docker.sock: read: connection reset by peer",
            "open //./pipe/docker_engine: The system cannot find the file specified.",
            r"open \\.\pipe\containerd-containerd: Access is denied.",
            "error during connect: the docker client must be run with elevated privileges",
        ] {
            let found = phase_and_class(TextKind::ContainerReason, &format!("{call}: {fault}"));
            assert_eq!(found, ("host".into(), Some("infrastructure".into())), "{call}: {fault}");
        }
    }
    let of_registry =
        "CannotPullContainerError: Get https://registry.example/v2/: dial tcp 192.0.2.7:443: connect: connection refused";
    assert_eq!(ids(FailureCatalog::builtin(), TextKind::ContainerReason, of_registry), "pull-timeout");
}

/// A throttled call of another service failed at what it was for.
#[test]
fn a_throttled_call_fails_where_its_wrapper_does() {
    for (wrapper, phase) in [
        ("CannotPullECRContainerError: ", "image_pull"),
        ("CannotPullContainerError: pull image manifest has been retried 5 time(s): ", "image_pull"),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secrets from ssm: ",
            "config_fetch",
        ),
        ("asm fetching secret from the service for hub: ", "config_fetch"),
        ("ResourceInitializationError: failed to validate logger args: create stream: ", "logging"),
        ("ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: ", "volume"),
        ("ResourceInitializationError: ", "container_create"),
        ("CannotStartContainerError: ", "container_start"),
    ] {
        for refusal in ["ThrottlingException: Rate exceeded", "RequestLimitExceeded: Request limit exceeded."] {
            for kind in [TextKind::ContainerReason, TextKind::TaskStoppedReason] {
                let found = phase_and_class(kind, &format!("{wrapper}{refusal}"));
                assert_eq!(found, (phase.into(), Some("transient".into())), "{wrapper}{refusal}");
            }
        }
    }
    let of_call = phase_and_class(TextKind::ApiError, "ThrottlingException: Rate exceeded");
    assert_eq!(of_call, ("api".into(), Some("transient".into())));
}

/// Credentials of a git repository are not those of a registry.
#[test]
fn a_git_repository_is_not_a_registry() {
    let catalog = FailureCatalog::builtin();
    for kind in [None, Some(TextKind::RunMessage)] {
        let found = catalog.look_up(kind, "Failed to clone repo: authentication required");
        assert!(matches!(found, Finding::Failure(_, entry) if entry.id == "dstack-repo"), "{found:?}");
    }
    let of_registry = "CannotPullContainerError: Error response from daemon: authentication required";
    assert_eq!(ids(catalog, TextKind::ContainerReason, of_registry), "pull-no-credentials");
}

#[test]
fn a_wrapper_is_known_by_what_it_wraps() {
    let catalog = FailureCatalog::builtin();
    let event = |reason: &str| {
        ids(catalog, TextKind::ServiceEvent, &format!("(service web) was unable to place a task. Reason: {reason}"))
    };
    assert_eq!(event("CannotStartContainerError: Error response from daemon: exec /app: exec format error"), "start-exec-format");
    assert_eq!(event("TaskFailedToStart: RESOURCE:GPU."), "placement-resource-gpu");
    assert_eq!(event("nobody has seen this"), "place-generic");
    let fargate = "CannotPullContainerError: ref pull has been retried 1 time(s): failed to extract layer sha256:0a: no space left on device";
    assert_eq!(ids(catalog, TextKind::ContainerReason, fargate), "pull-disk-fargate");
    let target = "(service web) (port 80) is unhealthy in (target-group web) due to (reason";
    let health = |reason: &str| ids(catalog, TextKind::ServiceEvent, &format!("{target} {reason})"));
    assert_eq!(health("Target is in an Availability Zone that is not enabled for the load balancer"), "health-target-zone");
    assert_eq!(health("Target group is not configured to receive traffic from the load balancer"), "health-target-unused");
    assert_eq!(health("Health checks failed with these codes: [503]"), "health-elb-event");
}

/// A deployment that failed for an unrecognized reason is still a failure, with unknown cause.
#[test]
fn deployments_of_unknown_cause_are_failures() {
    let catalog = FailureCatalog::builtin();
    for text in
        ["(service web) (deployment ecs-svc/1) deployment failed: so it is.", "Service deployment rolled back because so it is."]
    {
        let entry = catalog.explain(TextKind::ServiceEvent, text).unwrap();
        assert_eq!((entry.id.as_str(), entry.stage.as_str(), entry.class.as_deref()), ("deployment-failed", "deployment", None));
    }
}

#[test]
fn everyday_words_do_not_leak() {
    let catalog = FailureCatalog::builtin();
    let text = "The load balancer of the service has two listeners.";
    assert_eq!(ids(catalog, TextKind::ApiError, text), "api-target-group");
    assert_eq!(ids(catalog, TextKind::ContainerReason, text), "nothing");
}

#[test]
fn texts_leak_between_kinds() {
    let catalog = FailureCatalog::builtin();
    assert_eq!(ids(catalog, TextKind::DeploymentReason, "AGENT"), "placement-agent");
    assert_eq!(ids(catalog, TextKind::TaskStoppedReason, " nobody has seen this "), "nothing");
}

#[test]
fn users_may_replace_entries() {
    let own = r#"
        [[error]]
        id = "placement-agent"
        name = "AGENT"
        stage = "placement"
        class = "operator"
        retry = "none"
        confidence = "observed"
        applies_to = ["api.failure"]
        patterns = ["^AGENT$"]
        examples = ["AGENT"]
        cause = "ours"
        verify = []
        actions = []
        source = "us"
    "#;
    let catalog = FailureCatalog::new(&[own, ECS_ERRORS]).unwrap();
    let entry = catalog.explain(TextKind::ApiFailure, "AGENT").unwrap();
    assert_eq!((entry.class.as_deref(), entry.cause.as_str()), (Some("operator"), "ours"));
    assert_eq!(catalog.entries().iter().filter(|entry| entry.id == "placement-agent").count(), 1);
    let wrong = FailureCatalog::new(&[&own.replace("operator", "bad luck")]).unwrap_err().to_string();
    assert!(wrong.starts_with("entry `placement-agent`: unknown class `bad luck`; expected one of transient"), "{wrong}");
    let broken = FailureCatalog::new(&[&own.replace("^AGENT$", "(")]).unwrap_err().to_string();
    assert!(broken.contains("placement-agent"), "{broken}");
}

/// Of offers that failed, only some failed because there was no capacity.
#[test]
fn a_fault_of_a_cloud_is_not_a_lack_of_capacity() {
    let catalog = FailureCatalog::builtin();
    let reason = "failed_to_start_due_to_no_capacity";
    for (error, class) in [
        ("HTTPSConnectionPool(host='api.example.com', port=443): Read timed out. (read timeout=30)", "transient"),
        ("503 Service Unavailable: upstream connect error", "transient"),
        ("HTTPSConnectionPool(host='api.example.com', port=443): Max retries exceeded with url: /v1/instances", "transient"),
        ("An error occurred (InternalError) when calling the RunInstances operation", "transient"),
        ("Cloud API error (500): try later", "transient"),
        ("{\"error\":\"insufficient_balance\",\"msg\":\"top up first\"}", "configuration"),
        ("The account lacks credit", "configuration"),
        ("A payment method is missing: payment method required", "configuration"),
        ("The principal does not have permission to create servers in this project", "configuration"),
        ("Pod etl-1-0 already finished: Succeeded", "infrastructure"),
        ("NoCapacityError; l4 in gcp/us-east4: Read timed out", "capacity"),
        ("There are no machines of this kind left", "capacity"),
    ] {
        // The number of offers is not a status code.
        let message =
            format!("Failed to provision in fleet 'lab': tried 9 of 403 offers, all failed.\nErrors: a in b/c: {error}.\nSee x");
        let found = catalog.explain_job(JobEnd { reason, message: &message, ..JobEnd::default() }).unwrap();
        assert_eq!(found.class.as_deref(), Some(class), "{message}: {}", found.id);
    }
}

#[test]
fn a_missing_file_of_the_host_is_not_the_command_of_the_job() {
    let catalog = FailureCatalog::builtin();
    let device = "Error response from daemon: error gathering device information while adding custom device \"/dev/dri/card7\": no such \
                  file or directory";
    let hook = "OCI runtime create failed: error running hook #0: nvidia-container-cli: mount error: open failed: /usr/lib/libx.so: no such \
                file or directory";
    for (reason, message, id) in [
        ("creating_container_error", format!("createContainer error: {device}"), "dstack-device"),
        ("container_exited_with_error", hook.to_owned(), "dstack-gpu-driver"),
        ("container_exited_with_error", "exec /srv/run: no such file or directory".to_owned(), "dstack-exec-not-found"),
        ("volume_error", "Failed to attach volume: the disk is busy, try again later".to_owned(), "dstack-volume-early"),
        ("volume_error", "Failed to attach volume: no such disk".to_owned(), "dstack-volume-busy"),
        (
            "waiting_instance_limit_exceeded",
            "Error response from daemon: nobody has seen this".to_owned(),
            "dstack-host-container",
        ),
        (
            "creating_container_error",
            "pullImage error: failed pulling lab:2: context cancelled".to_owned(),
            "dstack-pull-interrupted",
        ),
    ] {
        let found = catalog.explain_job(JobEnd { reason, message: &message, ..JobEnd::default() });
        assert_eq!(found.map(|entry| entry.id.as_str()), Some(id), "{reason}: {message}");
    }
}

#[test]
fn names_in_messages_are_caught() {
    let catalog = FailureCatalog::builtin();
    let text = "No offers matching the run requirements in fleet 'cloud'.";
    let entry = catalog.entry("dstack-no-offers").unwrap();
    assert_eq!(catalog.captures(entry, text), [("fleet".to_owned(), "cloud")]);
}

#[test]
fn codes_have_meanings() {
    let catalog = FailureCatalog::builtin();
    assert_eq!(catalog.exit_code(137).map(|exit| exit.name.as_str()), Some("SIGKILL (9)"));
    assert_eq!(catalog.stop_code("SpotInterruption").map(|stop| stop.stage.as_str()), Some("spot"));
    assert_eq!([signal(137), signal(143), signal(1), signal(255), signal(-1)], [Some(9), Some(15), None, None, None]);
}

#[test]
fn the_memo_of_the_built_in_catalog_leaves_ids_out() {
    let catalog = FailureCatalog::builtin();
    let text =
        |id: &str| format!("CannotPullContainerError: pull image manifest has been retried 5 time(s): web:{id}: not found");
    let first = ids(catalog, TextKind::ContainerReason, &text("0123abcd"));
    assert_eq!(first, ids(catalog, TextKind::ContainerReason, &text("4567cdef")));
    assert!(catalog.memo.is_known(TextKind::ContainerReason, &text("89ab0000")));
}

/// What tools print around an error code and its message; `CODE` and `MESSAGE` are replaced.
const PRINTED: [&str; 12] = [
    "Error: creating ECS Service (oven): operation error ECS: CreateService, https response error StatusCode: 400, RequestID: 0a1b, CODE: MESSAGE",
    "Error: updating ECS Task Definition (oven): CODE: MESSAGE",
    "Resource handler returned message: \"Invalid request provided: CreateService error: CODE: MESSAGE (Service: Ecs, Status Code: 400, Request ID: 0a1b) (SDK Attempt Count: 1)\" (RequestToken: 0a1b, HandlerErrorCode: InvalidRequest)",
    "error: 1 error occurred:\n\t* creating urn:pulumi:dev::oven::aws:ecs/service:Service::oven: 1 error occurred:\n\t* creating ECS Service (oven): CODE: MESSAGE",
    "botocore.exceptions.ClientError: An error occurred (CODE) when calling the CreateService operation: MESSAGE",
    "com.amazonaws.services.ecs.model.AmazonECSException: MESSAGE (Service: AmazonECS; Status Code: 400; Error Code: CODE; Request ID: 0a1b; Proxy: null)",
    "CODE: MESSAGE\n\tstatus code: 400, request id: 0a1b",
    "Error executing \"CreateService\" on \"https://ecs.eu-west-1.amazonaws.com\"; AWS HTTP error: Client error: `POST` resulted in a `400 Bad Request` response:\n{\"__type\":\"CODE\"}\n CODE (client): MESSAGE - {\"__type\":\"CODE\"}",
    "##[error]An error occurred (CODE) when calling the RegisterTaskDefinition operation: MESSAGE",
    "ERROR: An error occurred (CODE) when calling the RegisterTaskDefinition operation (reached max retries: 2): MESSAGE",
    "[2026-03-04, 02:10:00 UTC] {taskinstance.py:7} ERROR - botocore.errorfactory.CODE: An error occurred (CODE) when calling the RunTask operation: MESSAGE",
    "MESSAGE (Aws::ECS::Errors::CODE)",
];

/// A word of an entry elsewhere in a text, such as in the name of a repository, does not make it that entry.
#[test]
fn a_word_in_another_place_is_another_cause() {
    let catalog = FailureCatalog::builtin();
    for (kind, text, want) in [
        (
            TextKind::ContainerReason,
            "CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref \
             111122223333.dkr.ecr.eu-west-1.amazonaws.com/pull-through-cache/redis:7: failed to do request: dial tcp 10.0.0.1:443: \
             i/o timeout",
            "pull-timeout",
        ),
        (
            TextKind::ContainerReason,
            "CannotPullContainerError: failed to copy: httpReadSeeker: failed open: unexpected status code \
             https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/v2/shop/cart/blobs/sha256:0a1b: 403 Forbidden",
            "pull-forbidden",
        ),
        (
            TextKind::ApiError,
            "ValidationException: 1 validation error detected: Value 'x' at 'startedBy' failed to satisfy constraint: Member must \
             have length less than or equal to 36",
            "api-constraint",
        ),
        (
            TextKind::ApiError,
            "ValidationException: 1 validation error detected: Value 'x' at 'launchType' failed to satisfy constraint: Member \
             must satisfy enum value set: [EC2, FARGATE]",
            "api-enumeration",
        ),
        (TextKind::ApiError, "ValidationException: Cross-account pass role is not allowed.", "api-role-other-account"),
    ] {
        assert_eq!(catalog.explain(kind, text).map(|entry| entry.id.as_str()), Some(want), "{text}");
    }
    for text in [
        "Environment variable DATABASE_URL is not set",
        "Project build requires java 17",
        "Port 8080 is already in use",
        "Failed to update target group: the NAT gateway is gone",
        "Access denied",
        "Instance not found",
    ] {
        let found = catalog.look_into(None, text);
        assert!(!matches!(&found.finding, Finding::Failure(_, entry) if entry.id.starts_with("dstack-")), "{text}: {found:?}");
    }
}

/// The error of a refused call is found within what any tool prints around it, as the kind of text that it is or without a kind.
#[test]
fn tools_do_not_hide_an_error() {
    let catalog = FailureCatalog::builtin();
    let mut tried = 0;
    for entry in catalog.entries().iter().filter(|entry| entry.applies_to.contains(&TextKind::ApiError)) {
        let examples = entry.examples.iter().filter(|text| printed_error::begins_with_code(text) && !text.contains('\n'));
        for (code, message) in examples.filter_map(|text| text.split_once(": ")) {
            for printed in PRINTED {
                let text = printed.replace("CODE", code).replace("MESSAGE", message);
                for kind in [None, Some(TextKind::ApiError)] {
                    let found = catalog.look_into(kind, &text);
                    let is_same = matches!(found.finding, Finding::Failure(_, found) if found.id == entry.id);
                    assert!(is_same, "{}: {text}\nas {kind:?} is {:?}", entry.id, found.finding);
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 1000, "{tried}");
}

/// Advice never shows the name of a value that the text does not have; only commands leave values to their reader.
#[test]
fn advice_never_quotes_a_value_that_is_missing() {
    let catalog = FailureCatalog::builtin();
    let check = |entry: &Entry, text: &str| {
        let fields = catalog.captures(entry, text);
        for line in filled_lines(&entry.verify, &fields).iter().chain(&filled_lines(&entry.actions, &fields)) {
            let is_command = PROGRAMS.iter().any(|program| line.starts_with(program));
            assert!(!line.ends_with(": ") && (is_command || !line.contains("DETAIL")), "{}: {line}", entry.id);
            for template in entry.verify.iter().chain(&entry.actions) {
                for name in finding::names_in(template).into_iter().filter(|_| !is_command) {
                    let placeholder = name.to_ascii_uppercase();
                    let unfilled = template.replace(&format!("{{{name}}}"), &placeholder);
                    assert!(*line != unfilled || text.contains(&placeholder), "{}: {line}", entry.id);
                }
            }
        }
        assert!(!filled_lines(&entry.actions, &[]).is_empty(), "{}: no action is left without the values of a text", entry.id);
    };
    for entry in catalog.entries() {
        for example in &entry.examples {
            check(entry, example);
            for printed in PRINTED.iter().step_by(5) {
                let text = printed.replace("CODE: MESSAGE", example).replace("CODE", "OvenException").replace("MESSAGE", example);
                let found = catalog.look_into(None, &text);
                if let Finding::Failure(_, entry) = found.finding {
                    check(entry, &found.text);
                }
            }
        }
    }
}

/// What no entry knows is still a refused call where a tool prints it as one, and its text is quoted.
#[test]
fn an_unknown_error_of_a_tool_is_a_refused_call() {
    let catalog = FailureCatalog::builtin();
    for text in [
        "creating ECS Service (oven): nobody knows these words",
        "Resource handler returned message: \"nobody knows these words\" (RequestToken: t, HandlerErrorCode: GeneralServiceException)",
        "aws:ecs:Service (oven):\n    error: nobody knows these words",
    ] {
        for kind in [None, Some(TextKind::ApiError), Some(TextKind::DeploymentReason)] {
            let found = catalog.look_into(kind, text);
            let Finding::Failure(read, entry) = found.finding else { panic!("{text}: {:?}", found.finding) };
            assert_eq!(
                (entry.id.as_str(), read.phase_of(entry, text), entry.class.as_deref()),
                ("api-text", "api", None),
                "{text}"
            );
            let quoted = filled_lines(&entry.verify, &catalog.captures(entry, &found.text));
            assert_eq!(quoted.first().map(String::as_str), Some("The text: 'nobody knows these words'"), "{text}");
        }
    }
    assert_eq!(catalog.look_up(None, "nobody knows these words"), Finding::Unknown);
}

/// Tools also print texts that are not those of a refused call.
#[test]
fn tools_print_texts_of_every_kind() {
    let catalog = FailureCatalog::builtin();
    let found = |text: &str| match catalog.look_up(None, text) {
        Finding::Failure(read, entry) => format!("{} {} {}", entry.id, read.name(), read.phase_of(entry, text)),
        other => format!("{other:?}"),
    };
    let circuit = "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.\" \
                   (RequestToken: t, HandlerErrorCode: GeneralServiceException)";
    assert!(found(circuit).ends_with(" deployment"), "{}", found(circuit));
    let literal = "airflow.exceptions.EcsOperatorError: {'tasks': [], 'failures': [{'arn': 'arn:aws:ecs:eu-west-1:111122223333:container-instance/0a', \
                   'reason': 'RESOURCE:MEMORY'}], 'ResponseMetadata': {'RetryAttempts': 0}}";
    assert_eq!(found(literal), "placement-resource-memory api.failure placement");
    let pull = "##[error]airflow.exceptions.EcsTaskFailToStart: The task failed to start due to: CannotPullContainerError: manifest unknown";
    assert!(found(pull).ends_with(" image_pull"), "{}", found(pull));
}

/// Names of parameters that a text lists or quotes say nothing about the fault.
#[test]
fn names_in_a_list_are_not_the_fault() {
    let catalog = FailureCatalog::builtin();
    let names = "family, networkMode, loadBalancers, executionRoleArn, subnets, secret, capacityProvider";
    for (text, want) in [
        (format!("Parameter validation failed:\nUnknown parameter in input: \"ovenMode\", must be one of: {names}"), "client-unknown-parameter"),
        (format!("Parameter validation failed:\nInvalid type for parameter ovens[0].heat, value: {names}"), "client-parameter"),
        (format!("ClientException: ovenMode must be one of: {names}"), "api-enumeration"),
        (format!("InvalidParameterException: no oven of that name. Valid values are: [{names}]"), "api-enumeration"),
        (
            format!("ValidationException: 1 validation error detected: Value 'x' at 'oven' failed to satisfy constraint: Member must satisfy enum value set: [{names}]"),
            "api-enumeration",
        ),
        ("Properties validation failed for resource Oven with message: #/NetworkMode: extraneous key [subnet] is not permitted".to_owned(), "cloudformation-template"),
    ] {
        assert_eq!(ids(catalog, TextKind::ApiError, &text), want, "{text}");
    }
}

#[test]
fn a_role_is_not_always_a_permission() {
    let catalog = FailureCatalog::builtin();
    let user = "AccessDenied: User: arn:aws:sts::111122223333:assumed-role/oven/baker is not authorized to perform: iam:PassRole on resource:";
    for (resource, want) in [
        ("arn:aws:iam::111122223333:role/arn:aws:iam::111122223333:role/oven", "api-role-arn"),
        ("arn:aws-cn:iam::111122223333:role/bakery/arn:aws-cn:iam::111122223333:role/oven", "api-role-arn"),
        ("arn:aws:iam::111122223333:role/bakery/oven", "api-pass-role"),
    ] {
        assert_eq!(ids(catalog, TextKind::ApiError, &format!("{user} {resource}")), want, "{resource}");
    }
    for text in ["A role was passed, but the oven has none.", "You may not pass an IAM role here.", "The role must be removed."] {
        assert_eq!(
            ids(catalog, TextKind::ApiError, &format!("InvalidParameterException: {text}")),
            "api-role-not-needed",
            "{text}"
        );
    }
}

#[test]
fn windows_has_faults_of_its_own() {
    let catalog = FailureCatalog::builtin();
    let layer = "CannotPullContainerError: failed to register layer: re-exec error: exit status 1: output: hcsshim::ImportLayer failed in Win32:";
    for (text, want) in [
        (format!("{layer} The data is invalid. (0xd) layerId=x"), ("windows-layer-store", "infrastructure")),
        (format!("{layer} Das Gerät ist nicht bereit. (0x15)"), ("windows-layer-store", "infrastructure")),
        (
            "CannotCreateContainerError: Error response from daemon: invalid option: Windows does not support OvenShares"
                .to_owned(),
            ("windows-option", "configuration"),
        ),
    ] {
        let found = catalog.explain(TextKind::ContainerReason, &text).map(|entry| (entry.id.as_str(), entry.class.as_deref()));
        assert_eq!(found, Some((want.0, Some(want.1))), "{text}");
    }
    let full = format!("{layer} There is not enough space on the disk. (0x70)");
    assert_eq!(ids(catalog, TextKind::ContainerReason, &full), "pull-no-space");
}
