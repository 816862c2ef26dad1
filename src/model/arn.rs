//! Short and long names of AWS resources. Account numbers are strings.

/// The part of an ARN after the last `/`, or the name itself: `cluster/batch` and `batch` are equivalent.
pub fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The account number in an ARN.
pub fn account(arn: &str) -> Option<&str> {
    part(arn, 4).filter(|account| account.len() == 12)
}

/// The region in an ARN.
pub fn region(arn: &str) -> Option<&str> {
    part(arn, 3)
}

/// The name if it is an ARN.
pub fn arn(name: &str) -> Option<&str> {
    name.starts_with("arn:").then_some(name)
}

/// `family:revision` of a task definition, from an ARN, `family:revision` or `family`.
pub fn task_definition(name: &str) -> &str {
    short(name)
}

/// The family of a task definition in any form.
pub fn family(name: &str) -> &str {
    let short = short(name);
    short.split_once(':').map_or(short, |(family, _)| family)
}

/// The service of a task group `service:NAME`.
pub fn service_of_group(group: &str) -> Option<&str> {
    group.strip_prefix("service:").filter(|name| !name.is_empty())
}

/// The cluster in a long ARN of a task, service or container instance: `kind/CLUSTER/ID`.
pub fn cluster_of(arn: &str) -> Option<&str> {
    let mut parts = part(arn, 5)?.split('/');
    let (_kind, cluster, _id) = (parts.next()?, parts.next()?, parts.next()?);
    Some(cluster)
}

/// The ARNs in a text.
pub fn all_in(text: &str) -> impl Iterator<Item = &str> {
    let words =
        text.split(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '"' | '\'' | '(' | ')' | '[' | ']'));
    words.filter(|word| word.starts_with("arn:")).map(|word| word.trim_end_matches(['.', ':']))
}

/// The service of an ARN, such as `ecs`.
pub fn service(arn: &str) -> Option<&str> {
    part(arn, 2)
}

/// What an ARN has after the account: `service/CLUSTER/NAME`.
pub fn resource(arn: &str) -> Option<&str> {
    part(arn, 5)
}

/// `ROLE/SESSION` in the ARN of an assumed role.
pub fn assumed_role(arn: &str) -> Option<&str> {
    part(arn, 5)?.strip_prefix("assumed-role/")
}

/// A part between colons, counted from `arn`; the last part contains the remainder.
fn part(arn: &str, index: usize) -> Option<&str> {
    let rest = arn.strip_prefix("arn:")?;
    let mut colons = memchr::memchr_iter(b':', rest.as_bytes());
    let start = match index.checked_sub(2) {
        Some(before) => colons.nth(before)? + 1,
        None => 0,
    };
    let end = if index == 5 { None } else { colons.next() };
    rest.get(start..end.unwrap_or(rest.len())).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_every_form() {
        let task = "arn:aws:ecs:us-west-2:111122223333:task/FargateCluster/c13b4cb40f1f4fe4a2971f76ae5a47ad";
        assert_eq!(short(task), "c13b4cb40f1f4fe4a2971f76ae5a47ad");
        assert_eq!(account(task), Some("111122223333"));
        assert_eq!(assumed_role("arn:aws:sts::111122223333:assumed-role/deploy/jane"), Some("deploy/jane"));
        assert_eq!(assumed_role(task), None);
        assert_eq!(region(task), Some("us-west-2"));
        assert_eq!(cluster_of(task), Some("FargateCluster"));
        assert_eq!(cluster_of("arn:aws:ecs:us-east-1:111122223333:task/0a1b"), None);
        assert_eq!(family("arn:aws:ecs:us-west-2:111122223333:task-definition/nightly:3"), "nightly");
        assert_eq!(task_definition("nightly:3"), "nightly:3");
        assert_eq!(family("nightly"), "nightly");
        assert_eq!(account("not-an-arn"), None);
        assert_eq!((service(task), resource("arn:aws:ecs:r:1:cluster/c")), (Some("ecs"), Some("cluster/c")));
        let text = "no access to 'arn:aws:ecs:r:1:cluster/c', nor (arn:aws:iam::1:role/x).";
        assert_eq!(all_in(text).collect::<Vec<_>>(), ["arn:aws:ecs:r:1:cluster/c", "arn:aws:iam::1:role/x"]);
    }
}
