//! Tests refused demand on small random histories: compares what `quota` replays and the SQL of the rule with a naive
//! computation.
//!
//! Every history is an account of its own, with launches of two callers and two families, two services in two
//! clusters, refusals without a size, simultaneous starts, and starts without a caller.

use jiff::Timestamp;

use crate::nouns::quota::refused::demands as refused_demands;
use crate::plan::tests::fixture::{Random, at, lines, packed, try_ask, wait};
use crate::run;
use crate::table::{Call, Failure, Row, TaskEvent};

const SECOND: i64 = 1_000_000;
const STANDS: i64 = 900 * SECOND;

fn text(value: impl Into<String>) -> Option<std::borrow::Cow<'static, str>> {
    Some(value.into().into())
}

/// The requester: a service, or a caller (startedBy, or the group of tasks) with a family.
#[derive(Debug, Clone, PartialEq)]
enum Caller {
    Service { cluster: String, service: String },
    Asker { asker: Option<String>, grouped: bool, family: Option<String> },
}

impl Caller {
    fn any(random: &mut Random) -> Caller {
        if random.one_in(3) {
            let (cluster, service) = (random.below(2), random.below(2));
            // A service and a family can have the same name.
            return Caller::Service { cluster: format!("c{cluster}"), service: ["api", "f1"][service as usize].to_owned() };
        }
        let asker = (!random.one_in(6)).then(|| format!("asker{}", random.below(2)));
        Caller::Asker { asker, grouped: random.one_in(3), family: (!random.one_in(8)).then(|| format!("f{}", random.below(2))) }
    }

    /// The key of its task size.
    fn refused_as(&self) -> (String, String) {
        match self {
            Caller::Service { cluster, service } => (format!("service:{cluster}/{service}"), String::new()),
            Caller::Asker { asker, family, .. } => {
                let family = family.clone().unwrap_or_default();
                (asker.clone().unwrap_or_else(|| format!("family:{family}")), family)
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Refused {
    id: String,
    time: i64,
    caller: Caller,
    missing: i64,
    cpu: Option<i64>,
    /// The size in its task definition.
    registered: bool,
    spot: bool,
    /// Whether the call also placed tasks.
    placed: bool,
}

impl Refused {
    fn at(&self) -> i64 {
        let launch = matches!(self.caller, Caller::Asker { .. });
        self.time + if launch && self.placed { 2 * SECOND } else { 0 }
    }
}

#[derive(Debug, Clone)]
struct Start {
    created: Option<i64>,
    caller: Caller,
    /// The family of the tasks of a service.
    family: Option<String>,
    cpu: Option<i64>,
    provider: Option<&'static str>,
    fargate: bool,
}

impl Start {
    fn family(&self) -> Option<&str> {
        match &self.caller {
            Caller::Service { .. } => self.family.as_deref(),
            Caller::Asker { family, .. } => family.as_deref(),
        }
    }

    /// When it satisfies a demand.
    fn at(&self) -> Option<i64> {
        self.created.filter(|_| self.fargate || self.provider.is_some())
    }

    fn is_of(&self, refused: &Refused) -> bool {
        match (&self.caller, &refused.caller) {
            (Caller::Service { .. }, Caller::Service { .. }) => self.caller == refused.caller,
            (Caller::Asker { asker: Some(asker), family: Some(family), .. }, Caller::Asker { .. }) => {
                refused.caller.refused_as() == (asker.clone(), family.clone())
            }
            _ => false,
        }
    }

    fn is_like(&self, refused: &Refused) -> bool {
        match &refused.caller {
            Caller::Service { .. } => self.caller == refused.caller,
            Caller::Asker { family, .. } => family.is_some() && self.family() == family.as_deref(),
        }
    }
}

fn moment(random: &mut Random) -> i64 {
    at("10:00:00") + random.below(25) * 60 * SECOND + random.below(3) * SECOND
}

fn history(random: &mut Random) -> (Vec<Start>, Vec<Refused>) {
    let start = |random: &mut Random| Start {
        created: (!random.one_in(8)).then(|| moment(random)),
        caller: Caller::any(random),
        family: (!random.one_in(4)).then(|| format!("f{}", random.below(3))),
        cpu: (!random.one_in(5)).then(|| 256 << random.below(3)),
        provider: [None, None, Some("FARGATE"), Some("FARGATE_SPOT")][random.below(4) as usize],
        fargate: !random.one_in(4),
    };
    let refused = |random: &mut Random, number: i64| Refused {
        id: format!("r{number}"),
        time: moment(random),
        caller: Caller::any(random),
        missing: 1 + random.below(3),
        cpu: random.one_in(3).then(|| 256 << random.below(4)),
        registered: random.one_in(5),
        spot: random.one_in(4),
        placed: random.one_in(3),
    };
    let starts = (0..random.below(10)).map(|_| start(random)).collect();
    (starts, (0..random.below(8)).map(|number| refused(random, number)).collect())
}

const REGISTERED: i64 = 3_072;

fn rows(account: usize, (starts, refusals): &(Vec<Start>, Vec<Refused>)) -> Vec<Row<'static>> {
    let place = (text(account.to_string()), text("eu-west-1"));
    let event = |(number, start): (usize, &Start)| {
        let event = TaskEvent {
            id: text(format!("{account}-{number}")),
            time: start.created.or(Some(at("11:00:00"))),
            account: place.0.clone(),
            region: place.1.clone(),
            task_arn: text(format!("arn:{account}/t{number}")),
            last_status: text("PENDING"),
            launch_type: text(if start.fargate { "FARGATE" } else { "EC2" }),
            capacity_provider: start.provider.map(Into::into),
            family: start.family().and_then(text),
            cpu: start.cpu,
            created_at: start.created,
            ..TaskEvent::default()
        };
        Row::from(match &start.caller {
            Caller::Service { cluster, service } => TaskEvent {
                cluster: text(cluster),
                service: text(service),
                started_by: text("ecs-svc/1"),
                group: text(format!("service:{service}")),
                ..event
            },
            Caller::Asker { asker, grouped, .. } => TaskEvent {
                started_by: asker.clone().filter(|_| !grouped).and_then(text),
                group: if *grouped { asker.clone().and_then(text) } else { text("other") },
                ..event
            },
        })
    };
    let failure = |refused: &Refused| {
        let failure = Failure {
            id: text(format!("{account}-{}", refused.id)),
            record: text(format!("{account}-{}", refused.id)),
            time: Some(refused.time),
            cause: text("quota-fargate-vcpu"),
            account: place.0.clone(),
            region: place.1.clone(),
            capacity_provider: refused.spot.then(|| "FARGATE_SPOT".into()),
            requested_cpu: refused.cpu,
            task_definition: refused.registered.then(|| "registered:1".into()),
            task: refused.placed.then(|| "t".into()),
            ..Failure::default()
        };
        Row::from(match &refused.caller {
            Caller::Service { cluster, service } => {
                Failure { kind: text("service"), cluster: text(cluster), service: text(service), ..failure }
            }
            Caller::Asker { asker, grouped, family } => Failure {
                kind: text("launch"),
                missing_tasks: Some(refused.missing),
                started_by: asker.clone().filter(|_| !grouped).and_then(text),
                group: asker.clone().filter(|_| *grouped).and_then(text),
                family: family.clone().and_then(text),
                ..failure
            },
        })
    };
    let call = Row::from(Call {
        id: text(format!("{account}-registered")),
        time: Some(at("09:00:00")),
        account: place.0.clone(),
        region: place.1.clone(),
        event_source: text("ecs.amazonaws.com"),
        event_name: text("RegisterTaskDefinition"),
        task_definition: text("registered:1"),
        requested_cpu: Some(REGISTERED),
        ..Call::default()
    });
    starts.iter().enumerate().map(event).chain(refusals.iter().map(failure)).chain([call]).collect()
}

/// A demand of an account.
#[derive(Debug)]
struct Demand {
    spot: bool,
    start: i64,
    end: i64,
    missing: i64,
    size: i64,
}

fn demands((starts, refusals): &(Vec<Start>, Vec<Refused>)) -> Vec<Demand> {
    let demand = |refused: &Refused| {
        let newer = refusals
            .iter()
            .filter(|other| other.caller.refused_as() == refused.caller.refused_as())
            .filter(|other| (other.at(), &other.id) > (refused.at(), &refused.id))
            .map(Refused::at);
        let later = starts.iter().filter(|start| start.is_of(refused)).filter_map(Start::at).filter(|at| *at > refused.at());
        let before = starts.iter().filter(|start| start.is_like(refused));
        let before = before.filter_map(|start| Some((start.at()?, start.cpu?))).filter(|(at, _)| *at <= refused.at());
        let reported = refused.cpu.or(refused.registered.then_some(REGISTERED));
        let launch = matches!(refused.caller, Caller::Asker { .. });
        Demand {
            spot: refused.spot,
            start: refused.time,
            end: newer.chain(later).chain([refused.time + STANDS]).min().unwrap(),
            missing: if launch { refused.missing } else { 1 },
            size: reported.or(before.max().map(|(_, cpu)| cpu)).unwrap_or(0),
        }
    };
    refusals.iter().map(demand).collect()
}

fn instant(micros: i64) -> String {
    Timestamp::from_microsecond(micros).unwrap().to_string().replace("2026-03-04T", "")
}

const POOLS: [(bool, &str); 2] = [(false, "fargate_vcpu"), (true, "fargate_spot_vcpu")];

#[test]
fn refused_demand_is_what_the_rule_says_in_both_ways() {
    let mut random = Random(71);
    let (mut ended, mut sized, mut steps) = (0, 0, 0);
    for round in 0..4 {
        let histories: Vec<_> = (0..250).map(|_| history(&mut random)).collect();
        let all: Vec<Row<'_>> = histories.iter().enumerate().flat_map(|(account, history)| rows(account, history)).collect();
        let session = packed(&all, 1 + round % 3);

        let mut expected = Vec::new();
        for (account, history) in histories.iter().enumerate() {
            for Demand { spot, start, end, missing, size } in demands(history) {
                let (_, pool) = POOLS[usize::from(spot)];
                expected.push(format!("{account}|{pool}|{}|{}|{missing}|{size}", instant(start), instant(end)));
                ended += usize::from(end < start + STANDS);
                sized += usize::from(size > 0);
            }
        }
        expected.sort_unstable();
        let sql = format!("select d.account, d.resource, d.start, d.stop, d.missing, d.size from ({}) d", refused_demands());
        let mut found = lines(&wait(run::sql(&session, &sql)).unwrap());
        found.sort_unstable();
        assert_eq!(found, expected, "round {round}");

        let ask = |filter: &str| {
            let query = format!("quota where {filter} show time, account, resource, refused, used limit 100000");
            let mut rows = lines(&try_ask(&session, &query, false).unwrap());
            rows.sort_unstable();
            rows
        };
        let both = ask("resource in (fargate_vcpu, fargate_spot_vcpu)");
        for row in &both {
            let [time, account, pool, refused, _] = row.split('|').collect::<Vec<_>>()[..] else { panic!("{row}") };
            let history = &histories[account.parse::<usize>().unwrap()];
            let stands = |demand: &Demand| instant(demand.start).as_str() <= time && time < instant(demand.end).as_str();
            let here = demands(history).into_iter().filter(|demand| (demand.spot, pool) == POOLS[usize::from(demand.spot)]);
            let expected: i64 = here.filter(stands).map(|demand| demand.missing * demand.size).sum();
            assert_eq!(refused, format!("{:?}", expected as f64 / 1024.0), "{row} of {history:?}");
            steps += usize::from(expected > 0);
        }
        for (account, history) in histories.iter().enumerate() {
            for Demand { spot, start, end, size, .. } in demands(history) {
                let begins = format!("{}|{account}|{}|", instant(start), POOLS[usize::from(spot)].1);
                let reported = both.iter().any(|row| row.starts_with(&begins));
                assert!(reported || start == end || size == 0, "{begins} of {history:?}");
            }
        }
        for (_, pool) in POOLS {
            let own: Vec<String> = both.iter().filter(|row| row.contains(&format!("|{pool}|"))).cloned().collect();
            assert_eq!(ask(&format!("resource = {pool}")), own, "round {round}");
        }
        let one = both.iter().filter(|row| row.contains("|7|fargate")).cloned().collect::<Vec<_>>();
        assert_eq!(ask("resource in (fargate_vcpu, fargate_spot_vcpu) and account = \"7\""), one);
    }
    assert!(ended > 500 && sized > 1000 && steps > 1000, "{ended} {sized} {steps}");
}
