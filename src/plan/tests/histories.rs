//! Tests correlations and bursts on small random histories, compared with a naive computation on vectors.

use std::collections::BTreeMap;

use super::fixture::{at, lines, tables, try_ask};
use crate::table::{Call, Failure, Row};

/// A xorshift generator, so that histories are reproducible.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// An event at a second of the day, in a cluster or in none.
#[derive(Clone, Debug)]
struct Event {
    id: String,
    second: i64,
    cluster: Option<&'static str>,
    reason: &'static str,
}

fn history(random: &mut Random, letter: char) -> Vec<Event> {
    // Few seconds and few clusters, so that ties and edge cases are common.
    (0..random.below(9))
        .map(|number| Event {
            id: format!("{letter}{number}"),
            second: random.below(16) as i64,
            cluster: [None, Some("blue"), Some("green")][random.below(3) as usize],
            reason: ["AGENT", "OTHER"][random.below(2) as usize],
        })
        .collect()
}

fn time(second: i64) -> i64 {
    at("10:00:00") + second * 1_000_000
}

fn rows(failures: &[Event], calls: &[Event]) -> Vec<Row<'static>> {
    let failure = |event: &Event| {
        Row::from(Failure {
            id: Some(event.id.clone().into()),
            time: Some(time(event.second)),
            kind: Some("launch".into()),
            reason: Some(event.reason.into()),
            cluster: event.cluster.map(Into::into),
            ..Failure::default()
        })
    };
    let call = |event: &Event| {
        Row::from(Call {
            id: Some(event.id.clone().into()),
            time: Some(time(event.second)),
            event_name: Some(event.reason.into()),
            cluster: event.cluster.map(Into::into),
            ..Call::default()
        })
    };
    failures.iter().map(failure).chain(calls.iter().map(call)).collect()
}

#[test]
fn correlations_are_what_a_plain_search_finds() {
    let mut random = Random(7);
    for round in 0..60 {
        let (failures, calls) = (history(&mut random, 'f'), history(&mut random, 'c'));
        let session = tables(rows(&failures, &calls), 1 + round % 3);
        let within = 2 + random.below(5) as i64;
        let (from, to) = (3, 12);
        let (word, least, largest) = [("near", -within, within), ("following", -within, 0), ("preceding", 0, within)][round % 3];
        let [matching, negated, same, condition] = [0; 4].map(|_| random.below(2) == 1);
        let target = match (condition, same) {
            (false, false) => "calls",
            (false, true) => "failures",
            (true, false) => "(calls where event_name = AGENT)",
            (true, true) => "(failures where reason = AGENT)",
        };
        let others = if same { &failures } else { &calls };
        let not = if negated { "not " } else { "" };
        let keys = if matching { " matching cluster" } else { "" };
        let query = format!(
            "failures {not}{word} {target} within {within}s{keys} \
             between 2026-03-04T10:00:0{from}Z and 2026-03-04T10:00:{to}Z show id sort id limit 100"
        );
        let partner = |event: &Event| {
            others.iter().any(|candidate| {
                let distance = candidate.second - event.second;
                candidate.id != event.id
                    && (least..=largest).contains(&distance)
                    && (!condition || candidate.reason == "AGENT")
                    && (!matching || (candidate.cluster.is_some() && candidate.cluster == event.cluster))
            })
        };
        let mut expected: Vec<&str> = failures
            .iter()
            .filter(|event| (from..to).contains(&event.second) && partner(event) != negated)
            .map(|event| event.id.as_str())
            .collect();
        expected.sort_unstable();
        let found = lines(&try_ask(&session, &query, false).unwrap());
        assert_eq!(found, expected, "{query}\nfailures {failures:?}\ncalls {calls:?}");
    }
}

#[test]
fn bursts_are_what_a_plain_walk_finds() {
    let mut random = Random(11);
    for round in 0..40 {
        let failures = history(&mut random, 'f');
        let session = tables(rows(&failures, &[]), 1 + round % 3);
        let pause = 1 + random.below(4) as i64;
        let mut by_cluster: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for event in &failures {
            by_cluster.entry(event.cluster.unwrap_or(".")).or_default().push(event.second);
        }
        let mut expected = Vec::new();
        for (cluster, mut seconds) in by_cluster {
            seconds.sort_unstable();
            for burst in seconds.chunk_by(|earlier, later| later - earlier <= pause) {
                let (first, last) = (burst[0], burst[burst.len() - 1]);
                expected.push(format!("10:00:{first:02}Z|10:00:{last:02}Z|{cluster}|{}", burst.len()));
            }
        }
        expected.sort_unstable();
        let query = format!("failures bursts {pause}s by cluster limit 100");
        let mut found = lines(&try_ask(&session, &query, false).unwrap());
        found.sort_unstable();
        assert_eq!(found, expected, "{query}\n{failures:?}");
    }
}
