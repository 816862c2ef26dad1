//! The headline of an incident, and periods and times as short as they can be.

use super::incidents::Suspect;
use crate::plural::counted;
use crate::render::describe_duration;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The parts of a headline: `web could not start tasks`, `2026-03-04 05:20–05:37Z (17m 7s, 5 tasks)`, and the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// Who was hit.
    pub who: String,
    /// When, for how long, and how many tasks.
    pub when: String,
    /// The root cause, with the change that led to it.
    pub why: String,
}

impl Headline {
    /// The whole sentence.
    pub fn sentence(&self) -> String {
        format!("{} {}: {}", self.who, self.when, self.why)
    }
}

/// The headline of an incident, given its symptom and its root cause in words.
pub fn headline(
    (symptom, because): (&str, &str),
    (start, end): (Timestamp, Timestamp),
    tasks: i64,
    suspect: Option<&Suspect>,
    tz: &TimeZone,
) -> Headline {
    let seconds = end.duration_since(start).as_secs();
    let lasted = (seconds > 0).then(|| describe_duration(seconds as f64));
    let tasks = (tasks > 0).then(|| counted(tasks, "task", "tasks"));
    let size: Vec<String> = lasted.into_iter().chain(tasks).collect();
    let size = if size.is_empty() { String::new() } else { format!(" ({})", size.join(", ")) };
    let why = match suspect {
        None => because.to_owned(),
        Some(suspect) => {
            let by = suspect.name().map(|by| format!(" by {by}")).unwrap_or_default();
            let before = start.duration_since(suspect.time).as_secs();
            let is_update = matches!(suspect.call.as_deref(), Some("UpdateContainerAgent" | "UpdateService"));
            if suspect.likely && !is_update {
                format!("{because}. Likely cause: {} at {}{by}", suspect.what, clock(suspect.time, start, tz))
            } else if before >= 0 {
                format!("{because}. It began {} after {}{by}", describe_duration(before as f64), suspect.what)
            } else {
                format!("{because}. Meanwhile: {}{by}", suspect.what)
            }
        }
    };
    Headline { who: symptom.to_owned(), when: format!("{}{size}", span(start, end, tz)), why }
}

/// A time without a run: the job, and the runs before and after.
pub fn describe_without_run((job, from, until): (Option<&str>, Timestamp, Timestamp), tz: &TimeZone) -> String {
    let job = job.map(|job| format!("{job}: ")).unwrap_or_default();
    let seconds = until.duration_since(from).as_secs_f64();
    let (since, to) = (clock(from, until, tz), clock(until, from, tz));
    format!("{job}no run for {}, from {since} to {to}", describe_duration(seconds))
}

/// A time of day, with its day if it is another one.
pub(super) fn clock(time: Timestamp, day_of: Timestamp, tz: &TimeZone) -> String {
    let (time, other) = (time.to_zoned(tz.clone()), day_of.to_zoned(tz.clone()));
    let format = if time.date() == other.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    format!("{}{}", time.strftime(format), zone(&time))
}

/// A period: `2026-03-04 05:20–05:37Z`.
pub fn span(start: Timestamp, end: Timestamp, tz: &TimeZone) -> String {
    let (from, to) = (start.to_zoned(tz.clone()), end.to_zoned(tz.clone()));
    let first = from.strftime("%Y-%m-%d %H:%M").to_string();
    let zone = zone(&to);
    if from.date() != to.date() {
        return format!("{first} – {}{zone}", to.strftime("%Y-%m-%d %H:%M"));
    }
    let last = to.strftime("%H:%M").to_string();
    if first.ends_with(&last) { format!("{first}{zone}") } else { format!("{first}–{last}{zone}") }
}

/// `Z`, or the offset from UTC.
fn zone(time: &jiff::Zoned) -> String {
    if time.offset().seconds() == 0 { "Z".to_owned() } else { time.strftime("%:z").to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::incidents::RoleSession;
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_headline_has_who_when_how_long_and_why() {
        let suspect = Suspect {
            call: Some("RevokeSecurityGroupIngress".to_owned()),
            what: "RevokeSecurityGroupIngress sg-1 (tcp 443)".to_owned(),
            time: at("2026-03-04T05:12:20Z"),
            who: Some("AWSReservedSSO_Engineer_0f1e2d3c4b5a6978/mo".to_owned()),
            person: None,
            session: Some(RoleSession { role: "AWSReservedSSO_Engineer_0f1e2d3c4b5a6978".to_owned(), name: "mo".to_owned() }),
            record: "r".to_owned(),
            likely: true,
            shares: Vec::new(),
        };
        let what = ("web could not start tasks", "no network path to Amazon ECR");
        let times = (at("2026-03-04T05:20:03Z"), at("2026-03-04T05:37:10Z"));
        let sentence = |suspect: Option<&Suspect>| headline(what, times, 5, suspect, &TimeZone::UTC).sentence();
        let begin = "web could not start tasks 2026-03-04 05:20–05:37Z (17m 7s, 5 tasks): no network path to Amazon ECR";
        assert_eq!(sentence(None), begin);
        assert_eq!(
            sentence(Some(&suspect)),
            format!("{begin}. Likely cause: RevokeSecurityGroupIngress sg-1 (tcp 443) at 05:12Z by mo")
        );
        let earlier = Suspect { likely: false, who: None, session: None, ..suspect.clone() };
        assert_eq!(sentence(Some(&earlier)), format!("{begin}. It began 7m 43s after RevokeSecurityGroupIngress sg-1 (tcp 443)"));
        let later = Suspect { time: at("2026-03-04T05:21:00Z"), ..earlier };
        assert_eq!(sentence(Some(&later)), format!("{begin}. Meanwhile: RevokeSecurityGroupIngress sg-1 (tcp 443)"));
        let session = Some(RoleSession { role: "github-deploy".to_owned(), name: "GitHubActions".to_owned() });
        let who = Some("github-deploy/GitHubActions".to_owned());
        let (call, what) = (Some("UpdateService".to_owned()), "UpdateService web".to_owned());
        let update = Suspect { call, what, who, session, ..suspect };
        let by = "UpdateService web by role github-deploy (session GitHubActions)";
        assert_eq!(sentence(Some(&update)), format!("{begin}. It began 7m 43s after {by}"));
    }

    #[test]
    fn a_headline_keeps_a_symptom_that_ends_like_its_cause() {
        let times = (at("2026-03-04T05:20:03Z"), at("2026-03-04T05:20:03Z"));
        let headline = headline(("run retry: timed out", "timed out"), times, 0, None, &TimeZone::UTC);
        assert_eq!(headline.sentence(), "run retry: timed out 2026-03-04 05:20Z: timed out");
    }

    #[test]
    fn a_time_without_a_run_says_whose_and_from_when_to_when() {
        let of = |job, from: &str, until: &str| describe_without_run((job, at(from), at(until)), &TimeZone::UTC);
        let day = of(Some("feed-sync"), "2026-03-05T09:00:24Z", "2026-03-05T10:00:18Z");
        assert_eq!(day, "feed-sync: no run for 59m 54s, from 09:00Z to 10:00Z");
        let night = of(None, "2026-03-04T21:20:06Z", "2026-03-05T15:20:06Z");
        assert_eq!(night, "no run for 18h, from 2026-03-04 21:20Z to 2026-03-05 15:20Z");
    }

    #[test]
    fn periods_are_as_short_as_they_can_be() {
        let of = |from: &str, to: &str| span(at(from), at(to), &TimeZone::UTC);
        assert_eq!(of("2026-03-04T05:20:03Z", "2026-03-04T05:20:50Z"), "2026-03-04 05:20Z");
        assert_eq!(of("2026-03-04T23:20:03Z", "2026-03-05T01:00:00Z"), "2026-03-04 23:20 – 2026-03-05 01:00Z");
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let there = span(at("2026-03-04T05:20:03Z"), at("2026-03-04T05:37:00Z"), &tokyo);
        assert_eq!(there, "2026-03-04 14:20–14:37+09:00");
    }
}
