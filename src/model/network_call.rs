//! EC2 calls that change a network: the affected security group, route table, gateway, endpoint, network ACL, subnet
//! or interface, and the rule.

use super::field::{Name, name};
use crate::decode::json::Value;
use crate::table::Call;
use std::borrow::Cow;

/// Substrings of the names of such calls.
const WORDS: [&str; 9] = [
    "SecurityGroup",
    "Route",
    "NatGateway",
    "VpcEndpoint",
    "NetworkAcl",
    "Subnet",
    "InternetGateway",
    "NetworkInterface",
    "Address",
];

/// Prefixes of ids of network resources.
const PREFIXES: [&str; 13] =
    ["sg-", "rtb-", "nat-", "vpce-", "acl-", "subnet-", "vpc-", "eni-", "igw-", "eipalloc-", "pl-", "tgw-", "pcx-"];

/// Maximum number of ids to list.
const MOST: usize = 8;

/// Maximum depth of a request that is searched.
const DEEP: usize = 8;

/// Sets the resource and rule of a network call.
pub(super) fn read_network_call<'a>(call: &mut Call<'a>, request: Option<Value<'a>>, response: Option<Value<'a>>) {
    let event = call.event_name.as_deref().unwrap_or_default();
    if call.read_only == Some(true) || event.starts_with("Describe") || !WORDS.iter().any(|word| event.contains(word)) {
        return;
    }
    let mut ids = Vec::new();
    for part in [request, response].into_iter().flatten() {
        find_ids(part, DEEP, &mut ids);
    }
    call.resource = name_of(&ids.join(" "));
    call.rule = request.and_then(|request| rule(request));
}

fn name_of<'a>(text: &str) -> Name<'a> {
    name(text).map(|text| Cow::Owned(text.into_owned()))
}

fn find_ids<'a>(value: Value<'a>, deep: usize, ids: &mut Vec<&'a str>) {
    if let Some(text) = value.text() {
        let is_id = PREFIXES.iter().any(|prefix| {
            text.strip_prefix(prefix).is_some_and(|rest| rest.len() >= 8 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        });
        if is_id && ids.len() < MOST && !ids.contains(&text) {
            ids.push(text);
        }
        return;
    }
    if deep == 0 {
        return;
    }
    if value.is_array() {
        value.items().for_each(|item| find_ids(item, deep - 1, ids));
    } else if value.is_object() {
        value.entries().for_each(|(_, child)| find_ids(child, deep - 1, ids));
    }
}

/// The rules of a security group, or the rule of a network ACL or route table.
fn rule<'a>(request: Value<'a>) -> Name<'a> {
    let permissions = request.path(&["ipPermissions", "items"]).into_iter().flat_map(Value::items);
    let rules: Vec<String> = permissions.filter_map(permission).take(MOST).collect();
    if !rules.is_empty() {
        return name_of(&rules.join(", "));
    }
    let action = request.text_at("ruleAction");
    let block = request.text_at("cidrBlock").or_else(|| request.text_at("destinationCidrBlock"));
    let ports = request.get("portRange").and_then(|range| ports(range.get("from"), range.get("to")));
    let protocol = request.get("aclProtocol").and_then(Value::scalar);
    let protocol = protocol.map(|number| protocol_name(&number).to_owned());
    let parts = [action.map(str::to_owned), protocol, ports, block.map(str::to_owned)];
    let words: Vec<String> = parts.into_iter().flatten().collect();
    // A subnet or a gateway has a CIDR block, but no rule.
    let is_rule = action.is_some() || request.text_at("destinationCidrBlock").is_some();
    if is_rule { name_of(&words.join(" ")) } else { None }
}

/// `tcp 443 sg-…`: protocol, ports and peers.
fn permission(permission: Value<'_>) -> Option<String> {
    let protocol = permission.get("ipProtocol").and_then(Value::scalar)?;
    let mut rule = protocol_name(&protocol).to_owned();
    if let Some(ports) = ports(permission.get("fromPort"), permission.get("toPort")) {
        rule.push_str(&format!(" {ports}"));
    }
    let peers = [("groups", "groupId"), ("ipRanges", "cidrIp"), ("ipv6Ranges", "cidrIpv6"), ("prefixListIds", "prefixListId")];
    for (list, key) in peers {
        let items = permission.path(&[list, "items"]).into_iter().flat_map(Value::items);
        for peer in items.filter_map(|item| item.text_at(key)).take(MOST) {
            rule.push_str(&format!(" {peer}"));
        }
    }
    Some(rule)
}

fn ports(from: Option<Value<'_>>, to: Option<Value<'_>>) -> Option<String> {
    match (from.and_then(Value::int)?, to.and_then(Value::int)) {
        (-1, _) => None,
        (from, Some(to)) if to != from => Some(format!("{from}-{to}")),
        (from, _) => Some(from.to_string()),
    }
}

fn protocol_name(protocol: &str) -> &str {
    match protocol {
        "-1" => "all traffic",
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Tape;

    fn described(event: &'static str, request: &str) -> (String, String) {
        let tape = Tape::parse(request).unwrap();
        let mut call = Call { event_name: name(event), ..Call::default() };
        read_network_call(&mut call, Some(tape.root()), None);
        (call.resource.unwrap_or_default().into_owned(), call.rule.unwrap_or_default().into_owned())
    }

    #[test]
    fn groups_routes_and_lists() {
        let revoke = r#"{"groupId":"sg-0c9d8e7f6a5b41320","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,
            "groups":{"items":[{"groupId":"sg-0f1e2d3c4b5a69788"}]},"ipRanges":{}},{"ipProtocol":"-1","ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}}]}}"#;
        let (resource, rule) = described("RevokeSecurityGroupIngress", revoke);
        assert_eq!(resource, "sg-0c9d8e7f6a5b41320 sg-0f1e2d3c4b5a69788");
        assert_eq!(rule, "tcp 443 sg-0f1e2d3c4b5a69788, all traffic 10.0.0.0/8");
        let route = r#"{"routeTableId":"rtb-0c9d8e7f6a5b41320","destinationCidrBlock":"0.0.0.0/0"}"#;
        assert_eq!(described("DeleteRoute", route), ("rtb-0c9d8e7f6a5b41320".to_owned(), "0.0.0.0/0".to_owned()));
        let list = r#"{"networkAclId":"acl-12345678","ruleNumber":90,"egress":true,"ruleAction":"deny","aclProtocol":"6","portRange":{"from":1024,"to":65535},"cidrBlock":"0.0.0.0/0"}"#;
        assert_eq!(described("CreateNetworkAclEntry", list).1, "deny tcp 1024-65535 0.0.0.0/0");
        let endpoint = r#"{"DeleteVpcEndpointsRequest":{"VpcEndpointId":{"tag":1,"content":"vpce-0c9d8e7f6a5b41320"}}}"#;
        assert_eq!(described("DeleteVpcEndpoints", endpoint).0, "vpce-0c9d8e7f6a5b41320");
        assert_eq!(described("RunInstances", revoke), (String::new(), String::new()));
        assert_eq!(described("DescribeSubnets", r#"{"subnetId":"subnet-12345678"}"#).0, "");
    }
}
