//! Small stores answer everything: random parts of the samples, loaded into a store and asked directly, give the same
//! answers to every question, and no question ends with an error. One odd value in a record does not change that.
//!
//! `ECS_AUDIT_SUBSETS` says how many parts are tried (`.ci/run`: 200), `ECS_AUDIT_SUBSET` names one of them by its number.

use crate::support::{TestEnv, project};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers that are the same in every run (SplitMix64, <https://doi.org/10.1145/2714064.2660195>).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn pick<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len())]
    }
}

/// What subsets are made of.
struct Pieces {
    files: Vec<PathBuf>,
    /// Single records, as they are in their files.
    records: Vec<Value>,
}

impl Pieces {
    fn of_the_samples() -> Pieces {
        let mut files = Vec::new();
        collect(&project().join("samples/exports"), &mut files);
        files.sort();
        let records = files.iter().flat_map(|file| records_of(&std::fs::read(file).unwrap())).collect::<Vec<_>>();
        assert!(files.len() > 90 && records.len() > 1000, "{} files, {} records", files.len(), records.len());
        Pieces { files, records }
    }

    /// Writes a random part of the samples into the folder `export`; returns what it consists of.
    fn write(&self, random: &mut Random, env: &TestEnv) -> String {
        let mut parts = Vec::new();
        let (files, records) = match random.below(4) {
            0 => (1 + random.below(8), 0),
            1 => (random.below(3), 1 + random.below(6)),
            2 => (0, 1 + random.below(4)),
            _ => (0, 1 + random.below(60)),
        };
        for number in 0..files {
            let file = random.pick(&self.files);
            let name = format!("export/{number}-{}", file.file_name().unwrap().to_string_lossy());
            env.write(&name, std::fs::read(file).unwrap());
            parts.push(file.strip_prefix(project()).unwrap().display().to_string());
        }
        let lines: Vec<String> = (0..records).map(|_| random.pick(&self.records).to_string()).collect();
        if !lines.is_empty() {
            env.write("export/records.ndjson", lines.join("\n"));
            parts.push(lines.join("\n"));
        }
        parts.join("\n")
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            collect(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}

/// The records of a file in JSON: elements of its list, or its lines.
fn records_of(bytes: &[u8]) -> Vec<Value> {
    let mut text = String::new();
    let read = if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(bytes).read_to_string(&mut text)
    } else {
        (&mut &bytes[..]).read_to_string(&mut text)
    };
    if read.is_err() {
        return Vec::new();
    }
    match serde_json::from_str(&text) {
        Ok(Value::Array(elements)) => elements,
        Ok(Value::Object(mut document)) => match document.remove("Records").or_else(|| document.remove("tasks")) {
            Some(Value::Array(elements)) => elements,
            _ => vec![Value::Object(document)],
        },
        Ok(_) => Vec::new(),
        Err(_) => text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
    }
}

/// Each noun with all its columns, one question per line.
pub fn every_noun() -> String {
    let [all, ..] = questions();
    all.lines().filter(|line| !line.starts_with('@')).map(|line| format!("{line}\n")).collect()
}

/// Every question that is asked of a store, in three lists of which one is taken at a time: each noun with all its columns,
/// counted, or by day; and every saved query.
fn questions() -> [String; 3] {
    let env = TestEnv::new();
    let mut nouns: Vec<String> = Vec::new();
    for row in env.run(&["fields", "--format", "csv"]).ok().cells().iter().skip(1) {
        if !nouns.contains(&row[0]) {
            nouns.push(row[0].clone());
        }
    }
    assert!(nouns.len() > 20, "{nouns:?}");
    let mut lists = [const { Vec::new() }; 3];
    for noun in &nouns {
        let fields = env.run(&["fields", noun, "--format", "csv"]).ok().cells();
        let fields = fields.iter().skip(1).filter(|row| !row[0].starts_with("raw.") && !row[1].starts_with("measure"));
        let fields: Vec<String> = fields.map(|row| row[0].clone()).collect();
        // When something was loaded is not the same in two loads.
        if matches!(noun.as_str(), "loads" | "quarantine") {
            lists.iter_mut().for_each(|list| list.push(format!("{noun} by file, why")));
            continue;
        }
        let shown: Vec<&String> = fields.iter().filter(|field| *field != "id" && *field != "time").collect();
        let shown: Vec<String> = shown.iter().map(|field| format!("`{field}`")).collect();
        let key = ["account", "project", "kind"].into_iter().find(|key| fields.iter().any(|field| field == key));
        let all = format!("{noun} show time, id, {}", shown.join(", "));
        let counted = key.map_or_else(|| noun.clone(), |key| format!("{noun} by {key} since 1d"));
        lists.iter_mut().zip([all, counted, format!("{noun} every 1d")]).for_each(|(list, line)| list.push(line));
    }
    for row in env.run(&["queries", "--format", "csv"]).ok().cells().iter().skip(1) {
        lists.iter_mut().for_each(|list| list.push(format!("@{}", row[0])));
    }
    lists.map(|list| list.join("\n"))
}

/// What is answered about the tables behind these arguments, as text: the questions, and one of the larger commands by turns.
fn answers(env: &TestEnv, (turn, questions): (u64, &Path), from: &[&str], out: &str) -> Result<String, String> {
    let mut all = String::new();
    let mut asked = |arguments: &[&str], stdin: Option<&Path>, codes: &[i32]| {
        let mut command = env.command();
        // With one thread the same copy of a record is kept in both ways.
        command.args(arguments).args(from).args(["--threads", "1"]);
        if let Some(path) = stdin {
            command.stdin(std::fs::File::open(path).unwrap());
        }
        let output = command.output().unwrap();
        let (out_text, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let nothing_to_explain = err.contains("nothing to explain: no failures are recorded");
        if !nothing_to_explain && !output.status.code().is_some_and(|code| codes.contains(&code)) {
            return Err(format!("{arguments:?} {from:?} ended with {:?}\n{err}", output.status.code()));
        }
        all.push_str(&format!("== {arguments:?}\n{out_text}\n").replace(out, "REPORT"));
        Ok(())
    };
    let set = ["--set", "service=checkout-web"];
    asked(&[&["repl", "--quiet", "--format", "ndjson"], &set[..]].concat(), Some(questions), &[0])?;
    match turn % 3 {
        0 => {
            asked(&["explain", "last"], None, &[0, 3])?;
            asked(&["doctor"], None, &[0, 3])?;
            return Ok(all);
        }
        1 => {
            asked(&["check", "--since", "7d"], None, &[0, 1, 3])?;
            return Ok(all);
        }
        _ => asked(&["report", "--since", "7d", "--quiet", "--out", out], None, &[0, 3])?,
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(env.path(out)).unwrap().flatten().map(|entry| entry.path()).collect();
    files.sort();
    // The manifest says which store it was.
    for file in files.iter().filter(|file| !file.ends_with("manifest.json")) {
        all.push_str(&format!("== {}\n{}\n", file.file_name().unwrap().display(), std::fs::read_to_string(file).unwrap()));
    }
    Ok(all)
}

/// What is wrong with the answers of the export in the folder `export`, if anything is.
fn trouble(env: &TestEnv, questions: (u64, &Path)) -> Option<String> {
    let ran = env.run(&["load", "export", "--threads", "1"]);
    if !matches!(ran.code, 0 | 3) {
        return Some(format!("load ended with {}\n{}", ran.code, ran.err));
    }
    if env.sql("select count(*) from files where first_event is not null")[0][0] == "0" {
        return None;
    }
    let stored = answers(env, questions, &[], "report-of-the-store");
    let direct = answers(env, questions, &["--from", "export"], "report-of-the-export");
    match (stored, direct) {
        (Err(why), _) | (_, Err(why)) => Some(why),
        (Ok(stored), Ok(direct)) => {
            if stored == direct {
                return None;
            }
            let same = stored.bytes().zip(direct.bytes()).take_while(|(stored, direct)| stored == direct).count();
            let near = |text: &str| {
                String::from_utf8_lossy(text.as_bytes().get(same.saturating_sub(200)..).unwrap_or_default())
                    .chars()
                    .take(500)
                    .collect::<String>()
            };
            let part = stored.get(..same).and_then(|text| text.rfind("\n== ")).and_then(|at| stored.get(at..)?.lines().nth(1));
            Some(format!("a store and --from differ in {part:?}:\n{}\n--- from\n{}", near(&stored), near(&direct)))
        }
    }
}

/// How many are tried where nobody says: planning takes a debug build ten times as long.
const FEW: u64 = 8;

/// Tries many subsets, one in `share` of those asked for, on two threads at a time; `spoil` may change what was written.
fn try_all(name: &str, share: u64, spoil: impl Fn(&mut Random, &TestEnv) -> String + Sync) {
    let chosen = std::env::var("ECS_AUDIT_SUBSET").ok().and_then(|number| number.parse::<u64>().ok());
    let count = std::env::var("ECS_AUDIT_SUBSETS").ok().and_then(|count| count.parse().ok()).unwrap_or(FEW) / share;
    let home = TestEnv::new();
    let mut lists = (0..).zip(questions()).map(|(number, list)| home.write(&format!("questions-{number}"), list));
    let lists: [PathBuf; 3] = std::array::from_fn(|_| lists.next().unwrap());
    let pieces = Pieces::of_the_samples();
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            if chosen.is_some_and(|chosen| chosen != number) {
                continue;
            }
            let mut random = Random(number.wrapping_mul(7919) ^ 0x5eed);
            let env = TestEnv::new();
            let parts = pieces.write(&mut random, &env);
            let spoiled = spoil(&mut random, &env);
            let questions = &lists[random.below(3)];
            if let Some(trouble) = trouble(&env, (number, questions)) {
                let parts: String = parts.chars().take(4000).collect();
                panic!("{name} {number}: {trouble}\n{spoiled}\nmade of\n{parts}");
            }
        }
    };
    std::thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

#[test]
fn random_parts_of_the_samples_answer_everything_in_both_ways() {
    try_all("subset", 1, |_, _| String::new());
}

/// Numbers and times that no sound record has.
const ODD: &[&str] = &[
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "1772600000000000",
    "-62135596801",
    "1e300",
    "0.1e-300",
    "\"0001-01-01T00:00:00Z\"",
    "\"-9999-01-01T00:00:00Z\"",
    "\"1970-01-01T00:00:00Z\"",
    "\"2262-04-12T00:00:00Z\"",
    "\"9999-12-31T23:59:59.999999Z\"",
    "\"+262143-12-31T23:59:59Z\"",
    "\"\"",
    "null",
    "true",
    "[]",
    "{}",
];

#[test]
fn one_odd_value_spoils_nothing() {
    try_all("odd value", 4, |random, env| {
        let path = env.path("export/records.ndjson");
        let Ok(text) = std::fs::read_to_string(&path) else { return String::new() };
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let place = random.below(lines.len());
        let line = &mut lines[place];
        let mut leaves = Vec::new();
        leaves_of(line, String::new(), &mut leaves);
        // Times and numbers are what is computed with.
        let number_or_time = |value: &Value| value.is_number() || value.as_str().is_some_and(|text| text.starts_with("20"));
        leaves.retain(|pointer| line.pointer(pointer).is_some_and(number_or_time));
        let mut changes = String::new();
        for _ in 0..3 {
            let odd: Value = serde_json::from_str(random.pick::<&str>(ODD)).unwrap();
            if !leaves.is_empty()
                && let Some(slot) = line.pointer_mut(random.pick::<String>(&leaves))
            {
                changes.push_str(&format!("{slot} became {odd}\n"));
                *slot = odd;
            }
        }
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        changes
    });
}

fn leaves_of(value: &Value, pointer: String, leaves: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(entries) => {
            entries.iter().for_each(|(key, value)| leaves_of(value, format!("{pointer}/{}", escaped(key)), leaves));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| leaves_of(value, format!("{pointer}/{index}"), leaves));
        }
        _ => leaves.push(pointer),
    }
}

/// The questions are derived from `fields` and `queries`, so a new noun or saved query is included automatically.
#[test]
fn every_noun_and_saved_query_is_run() {
    let questions = questions().join("\n");
    let asked: BTreeSet<&str> = questions.lines().filter_map(|line| line.split(' ').next()).collect();
    for word in ["failures", "stalls", "quota", "quarantine", "@lost", "@changes_before"] {
        assert!(asked.contains(word), "{word}: {asked:?}");
    }
}
