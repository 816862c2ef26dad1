//! The rule on made-up signals, and on generated worlds with planted incidents.

use super::root::{matches, mentioned, root_of};
use super::*;
use crate::knowledge::CATALOG;
use std::collections::{BTreeMap, BTreeSet};

/// A failure of a service's task, or of another kind.
fn failure<'a>(id: &'a str, minute: i64, cause: &'a str, phase: &'a str) -> Signal<'a> {
    let mut signal = Signal::at(id, SignalKind::Failure, minute * MINUTE);
    signal.place = Place { account: Some("111122223333"), region: Some("eu-west-1"), cluster: Some("shop"), ..Place::default() };
    signal.failure_kind = Some("task");
    signal.cause = Some(cause);
    signal.phase = Some(phase);
    signal.wording = Some("documented");
    signal.records = vec![id];
    signal
}

fn of_service<'a>(mut signal: Signal<'a>, service: &'a str) -> Signal<'a> {
    signal.place.service = Some(service);
    signal
}

fn launch_failure<'a>(id: &'a str, minute: i64, family: &'a str) -> Signal<'a> {
    let mut signal = failure(id, minute, "placement-agent", "placement");
    (signal.failure_kind, signal.reason, signal.call) = (Some("launch"), Some("AGENT"), Some(id));
    (signal.place.family, signal.place.instance, signal.tasks) = (Some(family), Some("i-1"), 1);
    signal
}

fn launch<'a>(calls: Vec<&'a str>, minute: i64, outcome: &'a str) -> Signal<'a> {
    let mut signal = Signal::at(calls.first().copied().unwrap_or_default(), SignalKind::Launch, minute * MINUTE);
    (signal.outcome, signal.records) = (Some(outcome), calls);
    signal
}

fn collision<'a>(id: &'a str, minute: i64, window: i64, class: &'a str) -> Signal<'a> {
    let mut signal = Signal::at(id, SignalKind::Collision, minute * MINUTE);
    signal.place = Place { account: Some("111122223333"), region: Some("eu-west-1"), cluster: Some("shop"), ..Place::default() };
    (signal.place.instance, signal.window, signal.outcome) = (Some("i-1"), Some(window * MINUTE), Some(class));
    signal.start = window * MINUTE;
    signal
}

/// The ids of the members of each incident.
fn groups(signals: Vec<Signal<'_>>) -> Vec<Vec<String>> {
    incidents(signals).into_iter().map(|incident| incident.records).collect()
}

#[test]
fn every_name_in_the_file_is_one_of_the_catalog() {
    let ids: BTreeSet<String> = CATALOG
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.strip_prefix("id = \"")?.strip_suffix('"').map(str::to_owned))
        .collect();
    for pattern in mentioned() {
        assert!(ids.iter().any(|id| matches(pattern, id)), "`{pattern}` is not in the catalog");
    }
    assert!(matches("a*c*e", "abcde") && !matches("a*c*e", "abde") && matches("a*", "a") && !matches("*-x", "xy"));
}

#[test]
fn a_root_is_known_by_its_cause_before_its_phase() {
    let root = |cause: Option<&str>, phase: Option<&str>| root_of(cause, phase).map(|root| root.id.as_str());
    assert_eq!(root(Some("ecr-auth-network"), Some("config_fetch")), Some("network"));
    assert_eq!(root(Some("asm-secret-permission"), Some("config_fetch")), Some("permission"));
    assert_eq!(root(Some("asm-secret-not-found"), Some("config_fetch")), Some("secret"));
    assert_eq!(root(None, Some("image_pull")), Some("image"));
    assert_eq!(root(Some("oom"), Some("running")), Some("memory"));
    assert_eq!(root(None, None), None);
    for phase in crate::knowledge::PHASES {
        assert!(root(None, Some(phase)).is_some(), "{phase}");
    }
}

#[test]
fn failures_of_one_service_with_one_root_are_one_incident() {
    let web = |id, minute, cause| of_service(failure(id, minute, cause, "config_fetch"), "web");
    let found = groups(vec![
        web("a", 0, "ecr-auth-network"),
        web("b", 29, "asm-network"),
        web("c", 58, "ecr-auth-network"),
        web("late", 90, "ecr-auth-network"),
        web("other", 30, "asm-secret-not-found"),
    ]);
    assert_eq!(found, [vec!["a", "b", "c"], vec!["other"], vec!["late"]]);
}

#[test]
fn services_share_a_subnet_a_role_or_a_quota_but_not_a_programming_error() {
    let in_subnet = |id, minute, service, subnet| {
        let mut signal = of_service(failure(id, minute, "ecr-auth-network", "config_fetch"), service);
        signal.place.subnet = Some(subnet);
        signal
    };
    assert_eq!(
        groups(vec![
            in_subnet("a", 0, "web", "subnet-1"),
            in_subnet("b", 9, "api", "subnet-1"),
            in_subnet("c", 9, "mail", "subnet-2"),
            in_subnet("d", 20, "cart", "subnet-1"),
        ])
        .len(),
        3
    );
    let exited = |id, minute, service| of_service(failure(id, minute, "essential-exited", "running"), service);
    assert_eq!(groups(vec![exited("a", 0, "web"), exited("b", 1, "api")]).len(), 2);
    let mut refused = [launch_failure("x", 0, "one"), launch_failure("y", 5, "two")];
    for signal in &mut refused {
        (signal.cause, signal.phase, signal.quota) = (Some("quota-fargate-vcpu"), Some("capacity"), Some("fargate_vcpu"));
        (signal.place.cluster, signal.place.instance) = (None, None);
    }
    assert_eq!(groups(refused.to_vec()).len(), 1);
}

#[test]
fn a_launch_and_a_missed_start_join_the_failures_of_its_calls() {
    let mut missed = Signal::at("slot", SignalKind::MissedStart, 0);
    (missed.call, missed.schedule) = (Some("c1"), Some("nightly"));
    let found = incidents(vec![
        launch_failure("c1", 0, "nightly"),
        launch_failure("c2", 45, "nightly"),
        launch(vec!["c1", "c2"], 0, "lost"),
        missed,
    ]);
    let [one] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((one.failures, one.launches_lost, one.missed_starts, one.not_called, one.tasks), (2, 1, 1, 0, 1));
    assert!(one.what.starts_with("nightly lost 1 launch: the container agent"), "{}", one.what);
}

#[test]
fn each_disconnect_is_one_incident_with_all_launches_that_hit_it() {
    let found = incidents(vec![
        launch_failure("a", 1, "feed"),
        launch_failure("b", 2, "nightly"),
        launch_failure("c", 15, "feed"),
        collision("a", 1, 0, "update"),
        collision("b", 2, 0, "update"),
        collision("c", 15, 14, "rotation"),
        launch(vec!["a"], 1, "lost"),
        launch(vec!["b"], 2, "healed"),
        launch(vec!["c"], 15, "lost"),
    ]);
    let counts: Vec<_> = found.iter().map(|one| (one.failures, one.launches_lost, one.launches_healed)).collect();
    assert_eq!(counts, [(2, 1, 1), (1, 1, 0)]);
    assert_eq!((found[0].start, found[0].confidence), (0, Confidence::High), "the disconnect began before the launches");
    assert!(found[0].because.ends_with("during an agent update"), "{}", found[0].because);
}

#[test]
fn an_outage_has_its_length_if_the_reconnect_is_recorded() {
    let because = |end: Option<i64>| {
        let mut outage = collision("a", 1, 0, "outage");
        outage.window_end = end;
        incidents(vec![launch_failure("a", 1, "feed"), outage, launch(vec!["a"], 1, "lost")])[0].because.clone()
    };
    let outage = |length| format!("the container agent was disconnected{length} (why is not recorded)");
    assert_eq!(because(Some(41 * MINUTE + 45 * crate::micros::SECOND)), outage(" for 42 minutes"));
    assert_eq!(because(Some(150 * MINUTE)), outage(" for 2 hours"));
    assert_eq!(because(Some(20 * crate::micros::SECOND)), outage(" for 20 seconds"));
    assert_eq!(because(None), outage(""));
}

#[test]
fn an_incident_names_what_it_hit_once() {
    let lost = |id: &'static str, family| {
        let mut signal = launch(vec![id], 1, "lost");
        signal.place = launch_failure(id, 1, family).place;
        signal
    };
    let mut healed = lost("c", "nightly");
    healed.outcome = Some("healed");
    let found = incidents(vec![
        launch_failure("a", 1, "feed"),
        launch_failure("c", 1, "nightly"),
        collision("a", 1, 0, "outage"),
        collision("c", 1, 0, "outage"),
        lost("a", "feed"),
        healed,
    ]);
    let hits = |incident: &Incident| {
        let names = incident.hits.iter().map(|hit| (hit.kind, hit.name.clone(), hit.lost));
        names.collect::<Vec<_>>()
    };
    assert_eq!(found.iter().map(hits).collect::<Vec<_>>(), [[(HitKind::Job, "feed".to_owned(), true)]]);
    let tasks = [of_service(failure("t", 0, "oom", "running"), "web"), of_service(failure("u", 1, "oom", "running"), "web")];
    let found = incidents(tasks.to_vec());
    assert_eq!(hits(&found[0]), [(HitKind::Service, "web".to_owned(), false)]);
    // A refused call leaves nothing that has to recover.
    let mut refused = of_service(failure("r", 0, "api-access-denied", "api"), "web");
    refused.failure_kind = Some("api_error");
    assert!(incidents(vec![refused])[0].hits.is_empty());
}

#[test]
fn the_title_names_the_jobs_that_lost_a_launch() {
    let of_family = |call: &'static str, minute, outcome, family| {
        let mut signal = launch(vec![call], minute, outcome);
        signal.place = launch_failure(call, minute, family).place;
        signal
    };
    let hit = |second: &'static str, third: &'static str| {
        incidents(vec![
            launch_failure("a", 1, "inventory"),
            launch_failure("b", 2, "feed"),
            launch_failure("c", 3, "settlement"),
            collision("a", 1, 0, "update"),
            collision("b", 2, 0, "update"),
            collision("c", 3, 0, "update"),
            of_family("a", 1, "healed", "inventory"),
            of_family("b", 2, second, "feed"),
            of_family("c", 3, third, "settlement"),
        ])
    };
    let titles = [hit("lost", "lost"), hit("healed", "lost")].map(|found| found[0].what.clone());
    assert!(titles[0].starts_with("feed and settlement lost 2 launches: "), "{titles:?}");
    assert!(titles[1].starts_with("settlement lost 1 launch: "), "{titles:?}");
}

#[test]
fn a_long_name_is_shortened_in_the_title_only() {
    let name = format!("web-{}", "日".repeat(4000));
    let found = incidents(vec![of_service(failure("a", 0, "pull-not-found", "image_pull"), &name)]);
    let title = format!("web-{}… failed: the image does not exist", "日".repeat(75));
    assert_eq!((&found[0].what, &found[0].places[0].0), (&title, &format!("shop/{name}")));
}

#[test]
fn an_unknown_message_is_not_explained_by_its_phase() {
    let unknown = |phase: &'static str, exit_code| {
        let mut signal = of_service(failure("a", 0, "", phase), "web");
        (signal.cause, signal.reason, signal.exit_code) = (None, Some("TaskFailedToStart"), exit_code);
        incidents(vec![signal]).remove(0)
    };
    let placing = unknown("placement", None);
    assert_eq!(placing.because, "unrecognized message, reason TaskFailedToStart");
    assert_eq!((placing.root.as_str(), placing.confidence), ("placement", Confidence::Unknown));
    assert_eq!(unknown("running", Some(3)).because, "the program failed (exit code 3)");
}

#[test]
fn absurd_numbers_of_tasks_do_not_overflow() {
    let many = |mut signal: Signal<'static>| {
        signal.tasks = i64::MAX;
        signal
    };
    let refused = || vec![many(launch_failure("a", 1, "feed")), many(launch_failure("b", 2, "feed"))];
    let lost = [many(launch(vec!["a"], 1, "lost")), many(launch(vec!["b"], 2, "lost"))];
    let (calls, launches) = (incidents(refused()), incidents(refused().into_iter().chain(lost).collect()));
    let mut stall = many(of_service(failure("s", 1, "", ""), "cart"));
    (stall.kind, stall.cause, stall.phase, stall.failure_kind) = (SignalKind::Stall, None, None, None);
    stall.deployment = Some("ecs-svc/1");
    let mut again = stall.clone();
    (again.id, again.records) = ("t", vec!["t"]);
    for found in [calls, launches, incidents(vec![stall, again])] {
        let [one] = found.as_slice() else { panic!("{found:#?}") };
        assert!(one.tasks >= i64::MAX as u64, "{one:#?}");
    }
}

#[test]
fn stalls_of_a_deployment_take_the_placement_problems_of_their_service() {
    let stall = |id, minute, until: i64, instance, deployment| {
        let mut signal = of_service(failure(id, minute, "", ""), "cart");
        (signal.kind, signal.cause, signal.phase, signal.failure_kind) = (SignalKind::Stall, None, None, None);
        (signal.end, signal.place.instance, signal.deployment, signal.tasks) =
            (until * MINUTE, Some(instance), Some(deployment), 2);
        signal
    };
    let mut warning = of_service(failure("w", 20, "placement-resource-cpu", "placement"), "cart");
    warning.failure_kind = Some("service");
    let mut far = of_service(failure("far", 300, "placement-resource-cpu", "placement"), "cart");
    far.failure_kind = Some("service");
    let found = incidents(vec![
        stall("s1", 0, 40, "i-1", "ecs-svc/1"),
        stall("s2", 41, 80, "i-2", "ecs-svc/1"),
        stall("s3", 400, 440, "i-2", "ecs-svc/2"),
        warning,
        far,
    ]);
    let of: Vec<_> = found.iter().map(|one| (one.root.as_str(), one.stalls, one.failures)).collect();
    assert_eq!(of, [("stall", 2, 1), ("capacity", 0, 1), ("stall", 1, 0)]);
    assert_eq!((found[0].tasks, found[0].degraded_seconds), (4, Some(80.0 * 60.0)));
    assert!(found[0].what.starts_with("The deployment of cart stalled on 2 instances"), "{}", found[0].what);
}

#[test]
fn consequences_join_their_root_or_are_an_incident_of_their_own() {
    let mut failed = of_service(failure("d", 100, "circuit-breaker", "deployment"), "web");
    (failed.failure_kind, failed.secondary, failed.deployment) = (Some("deployment"), true, Some("ecs-svc/1"));
    let mut impaired = of_service(failure("s", 3, "service-unable-to-start", "deployment"), "web");
    impaired.failure_kind = Some("service");
    let mut root = of_service(failure("t", 0, "pull-not-found", "image_pull"), "web");
    root.deployment = Some("ecs-svc/1");
    let found = incidents(vec![failed.clone(), impaired.clone(), root.clone()]);
    let [one] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((one.root.as_str(), one.failures, one.consequences, one.id.as_str()), ("image", 2, 1, "t"));
    // A root of another deployment has other consequences.
    root.deployment = Some("ecs-svc/2");
    assert_eq!(incidents(vec![failed.clone(), root]).len(), 2);
    let alone = incidents(vec![failed, impaired]);
    assert_eq!(alone.iter().map(|one| one.root.as_str()).collect::<Vec<_>>(), ["deployment", "deployment"]);
}

#[test]
fn starts_without_a_call_are_one_incident_until_the_next_start() {
    let missed = |id, minute, island| {
        let mut signal = Signal::at(id, SignalKind::MissedStart, minute * MINUTE);
        (signal.schedule, signal.island) = (Some("feed"), Some(island));
        signal.disabled_by = Some("DisableRule by mo at 2026-03-04T13:10:02Z");
        signal
    };
    let found = incidents(vec![missed("a", 0, 1), missed("b", 1440, 1), missed("c", 2880, 2)]);
    assert_eq!(found.iter().map(|one| one.not_called).collect::<Vec<_>>(), [2, 1]);
    let because = "no call is recorded after DisableRule by mo at 2026-03-04T13:10:02Z";
    assert_eq!((found[0].symptom.as_str(), found[0].because.as_str()), ("feed missed 2 starts", because));
    assert_eq!(found[0].what, format!("feed missed 2 starts: {because}"));
}

#[test]
fn missed_starts_know_the_longest_time_without_a_run_and_their_reruns() {
    let missed = |id, minute, (previous, next): (Option<i64>, Option<i64>), rerun| {
        let mut signal = Signal::at(id, SignalKind::MissedStart, minute * MINUTE);
        (signal.schedule, signal.island, signal.rerun) = (Some("feed"), Some(1), rerun);
        (signal.previous_run, signal.next_run) = (previous.map(|at| at * MINUTE), next.map(|at| at * MINUTE));
        signal
    };
    let found = incidents(vec![missed("a", 0, (Some(-10), Some(35)), Some("call")), missed("b", 10, (Some(5), Some(35)), None)]);
    let [one] = found.as_slice() else { panic!("{found:#?}") };
    let longest = WithoutRun { of: Some("feed".to_owned()), from: -10 * MINUTE, until: 35 * MINUTE };
    assert_eq!((one.without_run.as_ref(), longest.seconds(), one.reruns), (Some(&longest), 2700.0, 1));
    // Without a run on both sides, nothing is known; clocks that differ do not make it negative.
    let found = |times| incidents(vec![missed("a", 0, times, None)])[0].without_run.as_ref().map(WithoutRun::seconds);
    assert_eq!((found((Some(-10), None)), found((None, Some(5))), found((Some(2), Some(1)))), (None, None, Some(0.0)));
}

#[test]
fn output_without_an_account_belongs_to_the_only_cluster_of_that_name() {
    let mut pasted = of_service(failure("p", 1, "pull-not-found", "image_pull"), "web");
    (pasted.place.account, pasted.place.region) = (None, None);
    let known = of_service(failure("k", 0, "pull-not-found", "image_pull"), "web");
    assert_eq!(groups(vec![pasted.clone(), known.clone()]).len(), 1);
    let mut elsewhere = known.clone();
    (elsewhere.id, elsewhere.place.account) = ("e", Some("222233334444"));
    assert_eq!(groups(vec![pasted, known, elsewhere]).len(), 3);
}

#[test]
fn a_healed_launch_without_a_failure_is_not_an_incident() {
    assert!(incidents(vec![launch(vec!["x"], 0, "healed")]).is_empty());
    assert!(incidents(Vec::new()).is_empty());
}

/// A xorshift generator.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Planted incidents in services of their own, or in one service hours apart: each is found once, with its root, in
/// any input order.
#[test]
fn planted_incidents_are_found_once_with_their_root() {
    const CAUSES: [(&str, &str, &str); 5] = [
        ("ecr-auth-network", "config_fetch", "network"),
        ("pull-not-found", "image_pull", "image"),
        ("oom", "running", "memory"),
        ("health-elb", "health_check", "health"),
        ("start-exec-format", "container_start", "settings"),
    ];
    for seed in 1..40 {
        let mut random = Random(seed * 0x9E37_79B9);
        let mut ids: Vec<(String, usize, i64, usize, bool)> = Vec::new();
        let mut truth: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for incident in 0..12usize {
            let start = incident as i64 * 400 + random.below(60) as i64;
            let cause = random.below(5) as usize;
            let mut minute = start;
            for nth in 0..=random.below(6) {
                let id = format!("f{incident}-{nth}");
                truth.entry(incident).or_default().insert(id.clone());
                ids.push((id, incident, minute, cause, false));
                minute += 1 + random.below(29) as i64;
            }
            if random.below(2) == 0 {
                let id = format!("d{incident}");
                truth.entry(incident).or_default().insert(id.clone());
                ids.push((id, incident, minute, cause, true));
            }
        }
        for index in (1..ids.len()).rev() {
            ids.swap(index, random.below(index as u64 + 1) as usize);
        }
        let services = ["web", "api", "mail"];
        let signals = ids.iter().map(|(id, incident, minute, cause, consequence)| {
            let (name, phase, _) = CAUSES[*cause];
            let mut signal = of_service(failure(id, *minute, name, phase), services[incident % services.len()]);
            if *consequence {
                (signal.cause, signal.phase, signal.failure_kind) =
                    (Some("circuit-breaker"), Some("deployment"), Some("deployment"));
                signal.secondary = true;
            }
            signal
        });
        let found = incidents(signals.collect());
        let sets: BTreeSet<BTreeSet<String>> = found.iter().map(|one| one.records.iter().cloned().collect()).collect();
        assert_eq!(sets, truth.values().cloned().collect(), "seed {seed}");
        for one in &found {
            let planted = ids.iter().find(|(id, ..)| one.records.contains(id)).map(|(_, _, _, cause, _)| CAUSES[*cause].2);
            assert_eq!(Some(one.root.as_str()), planted, "seed {seed}");
        }
    }
}

#[test]
fn incidents_of_services_with_one_name_in_two_accounts_do_not_repeat_each_other() {
    let failed = |id, minute, account| {
        let mut signal = of_service(failure(id, minute, "pull-not-found", "image_pull"), "web");
        signal.place.account = Some(account);
        signal
    };
    let (own, other) = ("111122223333", "222233334444");
    let series = |signals: Vec<Signal<'_>>| incidents(signals).into_iter().map(|one| one.series).collect::<Vec<_>>();
    let alone = series(vec![failed("a", 0, own), failed("b", 5000, own)]);
    assert_eq!(alone, ["image/pull-not-found in shop/web"; 2]);
    let both = series(vec![failed("a", 0, own), failed("b", 5000, own), failed("c", 10_000, other)]);
    let named = |account: &str| format!("image/pull-not-found in shop/web ({account}, eu-west-1)");
    assert_eq!(both, [named(own), named(own), named(other)]);
}

#[test]
fn services_with_one_name_are_told_apart_by_account_or_region() {
    let failed = |id, minute, account, region| {
        let mut signal = of_service(failure(id, minute, "pull-not-found", "image_pull"), "web");
        (signal.place.account, signal.place.region) = (Some(account), Some(region));
        signal
    };
    let names = |signals: Vec<Signal<'_>>| {
        let name = |one: Incident| {
            assert!(one.what.starts_with(&one.symptom), "{}", one.what);
            (one.places[0].0.clone(), one.symptom.split(" failed").next().unwrap().to_owned())
        };
        incidents(signals).into_iter().map(name).collect::<Vec<_>>()
    };
    let pair = |suffix: &str| (format!("shop/web{suffix}"), format!("web{suffix}"));
    let (own, other) = ("111122223333", "222233334444");
    let alone = [failed("a", 0, own, "eu-west-1"), failed("b", 5000, own, "eu-west-1")];
    assert_eq!(names(alone.to_vec()), [pair(""), pair("")]);
    let accounts = names([&alone[..1], &[failed("c", 5000, other, "eu-west-1")]].concat());
    assert_eq!(accounts, [pair(" (111122223333)"), pair(" (222233334444)")]);
    let regions = names([&alone[..1], &[failed("c", 5000, own, "us-east-1")]].concat());
    assert_eq!(regions, [pair(" (eu-west-1)"), pair(" (us-east-1)")]);
    let all = names(vec![
        failed("a", 0, own, "eu-west-1"),
        failed("b", 5000, own, "us-east-1"),
        failed("c", 10_000, other, "eu-west-1"),
    ]);
    assert_eq!(all, [pair(" (111122223333, eu-west-1)"), pair(" (111122223333, us-east-1)"), pair(" (222233334444)")]);
    // A launch that a retry placed is not a failure in another account.
    let mut placed = launch(vec!["d"], 0, "healed");
    placed.place = Place { account: Some(other), ..alone[0].place };
    assert_eq!(names(vec![alone[0].clone(), placed]), [pair("")]);
}
