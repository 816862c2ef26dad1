//! Recognizes text that no reader takes: logs of dstack, and records of AWS in another form than JSON.
//!
//! In: the bytes of a file that would otherwise be skipped as unrelated. Out: what they are, so that the summary names the log,
//! or a refusal says how to export the records. Only the beginning of a file is looked at.

use crate::decode::looks;
use crate::decode::quoted::{prints_record, quotes_record};
use base64::Engine;
use memchr::memmem;
use std::collections::BTreeSet;

/// The part of a file that is looked at.
const HEAD: usize = 1 << 16;

/// The longest key of an object that is looked at.
const KEY: usize = 128;

pub(super) fn head(content: &[u8]) -> &[u8] {
    content.get(..HEAD).unwrap_or(content)
}

pub(super) fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    head(content).split(|byte| *byte == b'\n')
}

pub(super) fn has(text: &[u8], part: &str) -> bool {
    memmem::find(text, part.as_bytes()).is_some()
}

/// Whether an ARN of ECS is near the beginning.
pub fn names_ecs(content: &[u8]) -> bool {
    [":ecs:", "arn:aws"].iter().all(|part| has(head(content), part))
}

/// Detects a log of the server or of an agent of dstack, and what `dstack event` prints.
pub fn is_dstack_log(content: &[u8]) -> bool {
    const OF_AGENTS: [&str; 6] = [
        "msg=Job state changed new=",
        "Preparing volumes",
        "createContainer error: ",
        "dstack-shim",
        "prepareVolumes error: ",
        "pullImage error: ",
    ];
    let line = lines(content).next().unwrap_or_default();
    // `2026/03/04 02:10:00 …` and `time=2026-03-04T02:10:00Z level=…`
    let is_dated = line.starts_with(b"time=") || line.get(4) == Some(&b'/') && line.get(7) == Some(&b'/');
    has(head(content), " dstack._internal.")
        || is_dated && OF_AGENTS.iter().any(|text| has(head(content), text))
        || is_event_of_dstack(line)
}

/// `[2026-03-04 02:10:00] [run web] …`, with the user before the target if there is one.
fn is_event_of_dstack(line: &[u8]) -> bool {
    let is_dated =
        line.starts_with(b"[") && line.get(5) == Some(&b'-') && line.get(20..).is_some_and(|rest| rest.starts_with(b"] ["));
    is_dated
        && ["fleet", "gateway", "instance", "job", "project", "run", "user", "volume"]
            .iter()
            .any(|kind| has(line, &format!("[{kind} ")))
}

/// Detects an object with arrows between keys and values, as Ruby and Logstash print it: `{"source" => "aws.ecs"`.
pub fn is_ruby(content: &[u8]) -> bool {
    let body = content.strip_prefix(b"[").map_or(content, <[u8]>::trim_ascii_start);
    let Some(body) = body.strip_prefix(b"{").map(<[u8]>::trim_ascii_start) else { return false };
    let is_of_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'"' | b':' | b'_' | b'-' | b'@');
    let front = body.get(..KEY).unwrap_or(body);
    let key = front.iter().position(|byte| !is_of_key(byte)).unwrap_or(front.len());
    let rest = body.get(key..).unwrap_or_default().trim_ascii_start();
    key > 1 && rest.starts_with(b"=>") && names_ecs(content)
}

/// Detects records of AWS as YAML: two keys of one record, each with its value beside it. A rule that matches events has lists
/// below its keys.
pub fn is_yaml(content: &[u8]) -> bool {
    const OF_RECORDS: [[&str; 2]; 3] = [["detail-type", "time"], ["eventSource", "eventTime"], ["taskArn", "lastStatus"]];
    let text = String::from_utf8_lossy(head(content));
    let keys: BTreeSet<&str> = text.lines().filter_map(yaml_key).collect();
    OF_RECORDS.iter().any(|pair| pair.iter().all(|key| keys.contains(key)))
}

/// The key of a line `key: value` of YAML, which may begin an element of a list.
fn yaml_key(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let (key, value) = line.strip_prefix("- ").unwrap_or(line).trim_start().split_once(": ")?;
    (!value.trim().is_empty()).then_some(key)
}

/// Detects a table that a database prints as text, with a line of dashes near its top, whose cells name services or resources of
/// ECS.
pub fn is_table(content: &[u8]) -> bool {
    let is_rule = |line: &[u8]| {
        let line = line.trim_ascii();
        // Dashes alone underline a heading.
        let crosses = line.contains(&b'+') || line.contains(&b'|');
        crosses && line.contains(&b'-') && line.iter().all(|byte| matches!(byte, b'-' | b'+' | b'|' | b' '))
    };
    lines(content).take(3).any(is_rule) && (has(head(content), "ecs.amazonaws.com") || names_ecs(content))
}

/// Detects a record of AWS in base64, such as the data of a record of Kinesis.
pub fn is_base64(content: &[u8]) -> bool {
    let line = lines(content).next().unwrap_or_default().trim_ascii_end();
    // `base64 FILE.json.gz`, in lines of 64 or 76 letters or in one.
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if line.starts_with(b"H4sI") {
        return line.len() > 32 && line.iter().all(is_letter);
    }
    // Four letters hold three bytes.
    let front = line.get(..line.len().min(4096) / 4 * 4).unwrap_or_default();
    let decoded = base64::engine::general_purpose::STANDARD.decode(front);
    line.starts_with(b"ey") && decoded.is_ok_and(|bytes| quotes_record(&bytes, "\""))
}

/// Detects lines that hold a record of AWS as a program prints it, such as the log of a Lambda function or of Airflow.
pub fn prints_records(content: &[u8]) -> bool {
    lines(content).any(prints_record)
}

/// What to do with a text that names resources of ECS, or says how a deployment of one went, in a form that is not read.
pub fn advice(content: &[u8]) -> Option<&'static str> {
    let line = lines(content).next().unwrap_or_default();
    let head = head(content);
    if line.starts_with(b"json = ") || line.starts_with(b"json.") || line.starts_with(b"json[") {
        return names_ecs(content).then_some("JSON as assignments of gron; turn it back with `gron --ungron FILE`");
    }
    let failed = ["FAILED", "ROLLBACK", "Error:", "failed"].iter().any(|word| has(head, word));
    if failed && ["AWS::ECS::", "aws_ecs_service.", "aws_ecs_task"].iter().any(|word| has(head, word)) {
        return Some(
            "output of a program that deploys, which does not say why tasks failed; export `aws ecs describe-services`, the stopped \
             tasks with `describe-tasks` within an hour, or the ECS events",
        );
    }
    // A list of names says nothing about them.
    let is_list = head.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).all(|word| word.starts_with(b"arn:aws"));
    (names_ecs(content) && !is_list).then_some(
        "text that names resources of ECS, but no record of them; export the events themselves as JSON, or the answers of `aws ecs \
         describe-services` and `describe-tasks` with `--output json`",
    )
}

/// Detects a dump of the database of dstack: the columns of its tables, as SQL or as the data of `COPY`.
pub fn is_dump_of_dstack(content: &[u8]) -> bool {
    let head = head(content);
    let is_sql = ["CREATE TABLE ", "INSERT INTO ", "COPY "].iter().any(|word| has(head, word));
    is_sql && ["job_provisioning_data", "job_spec_data", "run_spec"].iter().any(|column| has(head, column))
}

/// Detects text of the ECS console: a panel of a task, or the events of a service as a table.
pub fn is_console_copy(content: &[u8]) -> bool {
    const MESSAGES: [&str; 5] =
        [" has reached a steady state", " was unable to ", " has started ", " has stopped ", " deregistered "];
    let text = String::from_utf8_lossy(head(content));
    let is_message = |cell: &str| cell.starts_with("service ") && MESSAGES.iter().any(|message| cell.contains(message));
    let is_cell = |cell: &str| is_message(cell) || looks::is_text_of_ecs(cell);
    let is_table = text.lines().any(|line| line.split('\t').skip(1).any(is_cell));
    is_table || text.lines().any(|line| line.trim().starts_with("Stopped reason")) && names_ecs(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_of_dstack() {
        for log in [
            "[12:47:38] INFO     dstack._internal.server.services.runs:987 run(53599d)web: run status has changed\n",
            "2026/03/04 02:10:00 Preparing volumes\n2026/03/04 02:10:00 Pulling image\n",
            "time=2026-03-04T02:10:00.5Z level=info msg=Job state changed new=running\n",
            "[2026-03-04 02:10:00] [run web] Run submitted. Status: SUBMITTED\n",
            "[2026-03-04 02:10:00] [👤admin] [job web-0-0, instance cloud-1] Job assigned to instance\n",
        ] {
            assert!(is_dstack_log(log.as_bytes()), "{log}");
        }
        for other in ["[2026-03-04 02:10:00] [main] done\n", "2026/03/04 02:10:00 Listening\n", "Preparing volumes\n", ""] {
            assert!(!is_dstack_log(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn records_in_yaml() {
        for yaml in [
            "version: \"0\"\ndetail-type: \"ECS Task State Change\"\ntime: \"2026-03-04T02:10:00Z\"\n",
            "Records:\n  - eventVersion: \"1.11\"\n    eventTime: \"2026-03-04T02:10:00Z\"\n    eventSource: ecs.amazonaws.com\n",
        ] {
            assert!(is_yaml(yaml.as_bytes()), "{yaml}");
        }
        let rule = "EventPattern:\n  source:\n    - aws.ecs\n  detail-type:\n    - ECS Task State Change\n  time: x\n";
        for other in [rule, "{\n  \"eventTime\": \"x\",\n  \"eventSource\": \"y\"\n}\n", "time: 5\n"] {
            assert!(!is_yaml(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn tables_of_databases() {
        for table in [" id | source\n----+--------\n 1  | ecs.amazonaws.com\n", "+---+\n| a |\n+---+\n| arn:aws:ecs:x |\n"] {
            assert!(is_table(table.as_bytes()), "{table}");
        }
        for other in
            [" id | source\n----+--------\n 1  | shop\n", "ecs.amazonaws.com\n----+- text\n", "ecs.amazonaws.com\n-----\n"]
        {
            assert!(!is_table(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn records_in_base64() {
        assert!(is_base64(format!("H4sI{}\nabc\n", "A".repeat(72)).as_bytes()));
        assert!(!is_base64(b"H4sIAAAA\n") && !is_base64(format!("H4sI {}\n", "A".repeat(72)).as_bytes()));
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text) + "\n";
        assert!(is_base64(encode(r#"{"source":"aws.ecs","detail-type":"x","more":[1,2,3]}"#).as_bytes()));
        for other in [encode(r#"{"source":"shop"}"#), "eye\n".to_owned(), "ey\n".to_owned(), String::new()] {
            assert!(!is_base64(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn objects_with_arrows() {
        let arn = "arn:aws:ecs:eu-west-1:111122223333:task/shop/0a";
        for printed in [
            format!("{{\n       \"message\" => \"{arn}\"\n}}\n"),
            format!("[{{\"arn\"=>\"{arn}\"}}]\n"),
            format!("{{:arn=>\"{arn}\"}}\n"),
        ] {
            assert!(is_ruby(printed.as_bytes()), "{printed}");
        }
        for other in [format!("{{\"arn\":\"{arn}\"}}"), "{\"a\" => 1}".to_owned(), format!("{{ => {arn}")] {
            assert!(!is_ruby(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn dumps_of_dstack() {
        for dump in [
            "BEGIN;\nCREATE TABLE jobs (\n\tid BINARY(16), job_provisioning_data TEXT\n);\n",
            "COPY public.runs (id, run_name, run_spec) FROM stdin;\n1\tweb\t{\"a\":1}\n",
        ] {
            assert!(is_dump_of_dstack(dump.as_bytes()), "{dump}");
        }
        assert!(!is_dump_of_dstack(b"CREATE TABLE orders (id INT);\n") && !is_dump_of_dstack(b"see run_spec\n"));
    }

    #[test]
    fn text_of_the_console() {
        let arn = "arn:aws:ecs:eu-west-1:111122223333:task/shop/0a";
        for text in [
            format!("ARN\n{arn}\nStopped reason\nEssential container in task exited\n"),
            "Started at\tMessage\tEvent ID\n4 March 2026\tservice web has reached a steady state.\t1\n".to_owned(),
            "4 March 2026\tCannotPullContainerError: not found\n".to_owned(),
        ] {
            assert!(is_console_copy(text.as_bytes()), "{text}");
        }
        for other in [format!("{arn}\nreason\n"), "Stopped reason\nout of paper\n".to_owned(), "a\tservice desk\n".to_owned()] {
            assert!(!is_console_copy(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn python_in_a_log() {
        assert!(prints_records(b"START\ngot {'source': 'aws.ecs', 'detail-type': 'x'}\n"));
        assert!(prints_records(
            b"INFO | {'tasks': [], 'failures': [{'arn': 'arn:aws:ecs:eu-west-1:1:cluster/a', 'reason': 'AGENT'}]}\n"
        ));
        assert!(!prints_records(b"got {'source': 'shop', 'detail-type': 'x'}\n"));
    }
}
