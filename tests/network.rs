//! The branches of a network failure, with the evidence that each kind of record adds.

use crate::support::TestEnv;
use serde_json::Value;

const TASK: &str = "0123456789abcdef0123456789abcdef";

/// A task that could not log in to its registry, from 10:00:00 to 10:02:30.
fn task(reason: &str) -> String {
    format!(
        r#"{{"version":"0","id":"11111111-0000-4000-8000-000000000001","detail-type":"ECS Task State Change","source":"aws.ecs","account":"111122223333","time":"2026-03-04T10:02:30Z","region":"eu-west-1","resources":[],"detail":{{"clusterArn":"arn:aws:ecs:eu-west-1:111122223333:cluster/c","taskArn":"arn:aws:ecs:eu-west-1:111122223333:task/c/{TASK}","taskDefinitionArn":"arn:aws:ecs:eu-west-1:111122223333:task-definition/app:1","group":"service:web","launchType":"FARGATE","lastStatus":"STOPPED","desiredStatus":"STOPPED","createdAt":"2026-03-04T10:00:00Z","stoppedAt":"2026-03-04T10:02:30Z","updatedAt":"2026-03-04T10:02:30Z","version":3,"stopCode":"TaskFailedToStart","stoppedReason":"{reason}","attachments":[{{"id":"a","type":"eni","status":"DELETED","details":[{{"name":"subnetId","value":"subnet-0a1b2c3d4e5f60718"}},{{"name":"networkInterfaceId","value":"eni-0a1b2c3d4e5f60718"}},{{"name":"privateIPv4Address","value":"10.0.0.7"}}]}}],"containers":[]}}}}"#
    )
}

const TIMEOUT: &str = "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post \\\"https://api.ecr.eu-west-1.amazonaws.com/\\\": dial tcp 10.0.9.1:443: i/o timeout";

const HEADER: &str = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags";

/// 2026-03-04T10:00:00Z.
const BEGAN: i64 = 1_772_618_400;

fn flow(from: (&str, u16), to: (&str, u16), second: i64, action: &str, flags: &str) -> String {
    let (start, end) = (BEGAN + second, BEGAN + second + 20);
    format!("eni-0a1b2c3d4e5f60718 {} {} {} {} 6 1 60 {start} {end} {action} OK {flags}", from.0, to.0, from.1, to.1)
}

/// A call of Amazon EC2.
fn call(name: &str, time: &str, request: &str, error: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"IAMUser","userName":"ren"}},"eventTime":"2026-03-04T{time}Z","eventSource":"ec2.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","requestParameters":{request},"responseElements":null,"eventID":"{name}-{time}","readOnly":false,"recipientAccountId":"111122223333"{error}}}"#
    )
}

/// The verdict of the branch whose name contains these words, and the whole branch as text.
fn branch(network: &Value, words: &str) -> (String, String) {
    let found = network["branches"].as_array().unwrap().iter().find(|branch| branch["name"].as_str().unwrap().contains(words));
    let found = found.unwrap_or_else(|| panic!("{words}: {network:#}"));
    (found["verdict"].as_str().unwrap().to_owned(), found.to_string())
}

fn explained(reason: &str, flows: &[String], calls: &[String]) -> Value {
    let env = TestEnv::new();
    env.write("x/event.json", task(reason));
    if !flows.is_empty() {
        env.write("x/flow.log", format!("{HEADER}\n{}\n", flows.join("\n")));
    }
    env.write("x/trail.json", format!(r#"{{"Records":[{}]}}"#, calls.join(",")));
    let output = env.run(&["explain", TASK, "--from", "x", "--format", "json"]).ok().out;
    let output: Value = serde_json::from_str(&output).unwrap();
    output["finding"]["network"].clone()
}

#[test]
fn a_reject_of_the_named_address_shows_a_filter() {
    let (task, ecr) = ("10.0.0.7", "10.0.9.1");
    let flows = [
        flow((task, 40_000), (ecr, 443), 10, "REJECT", "2"),
        // A late packet of a connection that was accepted before proves nothing.
        flow((task, 40_001), ("10.0.9.2", 443), 11, "ACCEPT", "3"),
        flow((task, 40_001), ("10.0.9.2", 443), 40, "REJECT", "1"),
        // Another task had the address before.
        flow((task, 40_002), ("10.0.9.3", 443), -4_000, "REJECT", "2"),
    ];
    let network = explained(
        TIMEOUT,
        &flows,
        &[call("AuthorizeSecurityGroupEgress", "09:30:00", "{\"groupId\":\"sg-0a1b2c3d4e5f60718\"}", "")],
    );
    let (verdict, output) = branch(&network, "security group");
    assert_eq!(verdict, "likely", "{output}");
    assert!(output.contains("1 × REJECT of tcp 10.0.0.7 → 10.0.9.1 port 443, leaving the interface"), "{output}");
    assert!(!output.contains("10.0.9.2") && !output.contains("10.0.9.3"), "{output}");
    assert!(
        output.contains("AuthorizeSecurityGroupEgress sg-0a1b2c3d4e5f60718, 30m before") && output.contains("allows more"),
        "{output}"
    );
    assert_eq!(branch(&network, "no route").0, "unlikely");
    assert_eq!(branch(&network, "free address").0, "unlikely");
    assert_eq!(network["branches"][0]["verdict"], "likely", "the likely ones come first");
}

#[test]
fn what_leaves_and_is_never_answered_points_at_the_way() {
    let (task, ecr) = ("10.0.0.7", "10.0.9.1");
    let silent = [flow((task, 40_000), (ecr, 443), 10, "ACCEPT", "2"), flow((task, 40_001), (ecr, 443), 40, "ACCEPT", "2")];
    let deleted =
        call("DeleteRoute", "09:58:00", r#"{"routeTableId":"rtb-0a1b2c3d4e5f60718","destinationCidrBlock":"0.0.0.0/0"}"#, "");
    let network = explained(TIMEOUT, &silent, &[deleted]);
    let (verdict, output) = branch(&network, "no route");
    assert_eq!(verdict, "likely", "{output}");
    assert!(output.contains("2 × tcp 10.0.0.7 → 10.0.9.1 port 443 was accepted but got no reply"), "{output}");
    assert!(
        output.contains("DeleteRoute rtb-0a1b2c3d4e5f60718 (0.0.0.0/0), 2m before") && output.contains("\"ren\""),
        "{output}"
    );
    let (verdict, output) = branch(&network, "security group");
    assert!(verdict == "unlikely" && output.contains("no REJECT in the 2 flow records"), "{output}");
    let answered = [silent[0].clone(), flow((ecr, 443), (task, 40_000), 12, "ACCEPT", "18")];
    let network = explained(TIMEOUT, &answered, &[]);
    assert!(branch(&network, "no route").0 == "unlikely" && branch(&network, "no route").1.contains("answered"), "{network}");
}

/// A task that runs in the subnet of [`task`], as an event with this id.
fn neighbor(id: &str, started: &str) -> String {
    let task = format!("{id:0>32}");
    format!(
        r#"{{"version":"0","id":"{id}","detail-type":"ECS Task State Change","source":"aws.ecs","account":"111122223333","time":"2026-03-04T{started}Z","region":"eu-west-1","resources":[],"detail":{{"clusterArn":"arn:aws:ecs:eu-west-1:111122223333:cluster/c","taskArn":"arn:aws:ecs:eu-west-1:111122223333:task/c/{task}","taskDefinitionArn":"arn:aws:ecs:eu-west-1:111122223333:task-definition/app:1","group":"service:web","launchType":"FARGATE","lastStatus":"RUNNING","desiredStatus":"RUNNING","createdAt":"2026-03-04T10:00:30Z","startedAt":"2026-03-04T{started}Z","updatedAt":"2026-03-04T{started}Z","version":2,"attachments":[{{"id":"a","type":"eni","status":"ATTACHED","details":[{{"name":"subnetId","value":"subnet-0a1b2c3d4e5f60718"}},{{"name":"networkInterfaceId","value":"eni-{id}"}}]}}],"containers":[]}}}}"#
    )
}

#[test]
fn evidence_names_the_record_of_its_time() {
    let env = TestEnv::new();
    env.write("x/event.json", task(TIMEOUT));
    // The one that started first has the greater id.
    env.write("x/first.json", neighbor("b", "10:10:00"));
    env.write("x/second.json", neighbor("a", "10:20:00"));
    let flow_of = |second: i64| flow(("10.0.0.7", 40_000), ("10.0.9.1", 443), second, "REJECT", "2");
    env.write("x/flow.log", format!("{HEADER}\n{}\n{}\n", flow_of(40), flow_of(10)));
    let output = env.run(&["explain", TASK, "--from", "x", "--format", "json"]).ok().out;
    let network = serde_json::from_str::<Value>(&output).unwrap()["finding"]["network"].clone();
    let all = network["branches"].as_array().unwrap();
    let of = |words: &str| all.iter().find(|branch| branch["name"].as_str().unwrap().contains(words)).unwrap();
    let started = &of("other tasks")["against"][0];
    assert_eq!((started["time"].as_str(), started["record"].as_str()), (Some("2026-03-04T10:10:00Z"), Some("b")), "{started}");
    let rejected = &of("security group")["for"][0];
    assert_eq!(rejected["time"], "2026-03-04T10:00:10Z", "{rejected}");
    let id = rejected["record"].as_str().unwrap();
    let query = format!("flows where id = '{id}' show time");
    assert!(env.run(&["query", &query, "--from", "x", "--quiet"]).ok().out.contains("10:00:10"), "{id}");
}

#[test]
fn silence_is_not_taken_for_proof() {
    let network = explained(TIMEOUT, &[], &[]);
    assert_eq!(branch(&network, "security group").0, "open");
    let missing = network["missing"].to_string();
    assert!(missing.contains("flow records of eni-0a1b2c3d4e5f60718 while the task lived (2m 30s)"), "{missing}");
    assert!(missing.contains("Amazon EC2 calls in the 6 hours before"), "{missing}");
    let skipped = format!("eni-0a1b2c3d4e5f60718 - - - - - - - {} {} - SKIPDATA -", BEGAN, BEGAN + 60);
    let network = explained(TIMEOUT, &[skipped], &[]);
    assert_eq!(branch(&network, "security group").0, "open", "{network}");
    assert!(network["missing"].to_string().contains("SKIPDATA"), "{network}");
}

#[test]
fn names_and_addresses_have_their_own_branches() {
    let dns =
        TIMEOUT.replace("dial tcp 10.0.9.1:443: i/o timeout", "dial tcp: lookup api.ecr.eu-west-1.amazonaws.com: no such host");
    let network = explained(&dns, &[flow(("10.0.0.7", 50_000), ("10.0.0.2", 53), 5, "REJECT", "0")], &[]);
    let (verdict, output) = branch(&network, "not resolved");
    assert!(verdict == "likely" && output.contains("port 53"), "{output}");
    let full = r#","errorCode":"Client.InsufficientFreeAddressesInSubnet","errorMessage":"The specified subnet does not have enough free addresses to satisfy the request.""#;
    let request = r#"{"subnetId":"subnet-0a1b2c3d4e5f60718"}"#;
    let network = explained(
        "Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-0a1b2c3d4e5f60718': InsufficientFreeAddressesInSubnet",
        &[],
        &[call("CreateNetworkInterface", "10:00:01", request, full)],
    );
    let (verdict, output) = branch(&network, "free address");
    assert_eq!(verdict, "likely", "{output}");
    assert!(
        output.contains("CreateNetworkInterface subnet-0a1b2c3d4e5f60718 was refused: InsufficientFreeAddressesInSubnet"),
        "{output}"
    );
    assert!(output.contains("for the subnet of the task"), "{output}");
    let other = explained("Essential container in task exited", &[], &[]);
    assert_eq!(other, Value::Null, "no failure of the network");
}
