//! Detects the type of a file from its first bytes.

use super::printed;
use super::unread::{self, names_ecs};
use crate::decode::quoted::{holds_record, is_row};
use crate::decode::unescape::Escaping;
use crate::decode::{csv, flow, looks, split};
use crate::knowledge::Signature;

/// The type of uncompressed content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JSON in any layout, optionally with a timestamp before each value.
    Json,
    /// Text with JSON in it: a log, a ticket, a transcript of a terminal.
    Text,
    /// Text of one of these kinds behind an escaping.
    Escaped(Escaping),
    /// A CSV export of CloudTrail.
    Csv,
    /// Lines of a VPC flow log.
    FlowLog,
    /// A Parquet file.
    Parquet,
    /// Recognized and skipped on purpose, with a reason code.
    Filtered(&'static str),
    /// Recognized but not supported, with a reason code and advice.
    Refused(&'static str, &'static str),
}

/// Whether the bytes start like a format that is recognized but not read; such a file may look like an archive.
pub fn is_refused(bytes: &[u8]) -> bool {
    Signature::of(bytes).is_some()
}

/// Detects the type of uncompressed content that says nothing by itself, by its name.
pub fn kind_of_name(name: &str, bytes: &[u8]) -> Option<Kind> {
    Signature::of_name(name, bytes).map(|format| Kind::Refused(&format.why, &format.advice))
}

/// Detects the type of uncompressed content.
pub fn kind_of(bytes: &[u8]) -> Kind {
    let content = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let Some(first) = content.first() else { return Kind::Filtered("empty") };
    if bytes.starts_with(b"SQLite format 3\0") {
        return Kind::Refused("sqlite", "an SQLite database; export it as JSON, for dstack with POST /api/runs/list");
    }
    if bytes.starts_with(b"PAR1") {
        return Kind::Parquet;
    }
    if let Some(format) = Signature::of(bytes) {
        return Kind::Refused(&format.why, &format.advice);
    }
    if content.starts_with(b"Permission Check Successful") {
        return Kind::Filtered("write_test");
    }
    let element = content.strip_prefix(b"[").map_or(content, <[u8]>::trim_ascii_start);
    if starts_object(element) && !unread::is_ruby(content) {
        return Kind::Json;
    }
    if let Some(detail) = printed::advice(content) {
        return Kind::Refused("unknown_shape", detail);
    }
    if *first == b'{' {
        return kind_of_brace(content);
    }
    if flow::is_flow_log(content) {
        return Kind::FlowLog;
    }
    let is_text = content.strip_prefix(b"\"").is_some_and(|text| is_text_of_ecs(text) || starts_escaped(text));
    if is_text || starts_array(content) {
        return Kind::Json;
    }
    if let Some(stamp) = stamp(content) {
        return if are_values(content, stamp) { Kind::Json } else { Kind::Text };
    }
    if is_tail(content) {
        return Kind::Json;
    }
    if csv::is_export(content) {
        return Kind::Csv;
    }
    if is_ps_table(content) {
        return Kind::Filtered("dstack_table");
    }
    // A log of Terraform or of a program looks alike, and has answers in it.
    if is_agent_log(content) && !holds_record(content.get(..TEXT_HEAD).unwrap_or(content)) {
        return Kind::Filtered("ecs_agent_log");
    }
    if unread::is_dstack_log(content) {
        return Kind::Filtered("dstack_log");
    }
    if unread::is_dump_of_dstack(content) {
        let detail = "a dump of the database of dstack as SQL; export the runs with `dstack ps -a --json` or POST /api/runs/list";
        return Kind::Refused("unknown_shape", detail);
    }
    let is_yaml = is_cli_yaml(content);
    if !is_yaml && is_text_of_records(content) {
        return kind_of_text(content);
    }
    if is_yaml || is_cli_output(content) {
        let detail = "output of the AWS CLI as a table, text or YAML; export it again with `--output json`";
        return Kind::Refused("unknown_shape", detail);
    }
    if unread::is_table(content) {
        let detail = "calls or tasks as a table of text; export them as CSV or JSON, in `psql` with `--csv`";
        return Kind::Refused("unknown_shape", detail);
    }
    if unread::is_base64(content) {
        let detail = "records in base64; decode them with `base64 -d FILE`, or line by line, as a stream holds them: `while read -r \
                      line; do echo \"$line\" | base64 -d; echo; done < FILE`";
        return Kind::Refused("unknown_shape", detail);
    }
    if unread::is_yaml(content) {
        let detail = "records of AWS as YAML; convert them with `yq -o json FILE`, or export them with `--output json`";
        return Kind::Refused("unknown_shape", detail);
    }
    if let Some(escaping) = Escaping::of(content.get(..TEXT_HEAD).unwrap_or(content)) {
        return Kind::Escaped(escaping);
    }
    if csv::is_without_header(content) {
        let detail = "calls or tasks as CSV without their header; export them with it, or put the names of the columns into the first \
                      line, such as `eventTime,eventName,eventSource,…` or `taskArn,stoppedAt,stoppedReason`";
        return Kind::Refused("unknown_shape", detail);
    }
    if is_text_of_ecs(content) {
        let detail =
            "a message or stop reason of ECS without its time; export it with `--output json`, and keep the time in `--query`";
        return Kind::Refused("unknown_shape", detail);
    }
    if unread::is_console_copy(content) {
        let detail = "text copied from the ECS console, whose times cannot be read; export the same with `aws ecs describe-tasks` or \
                      `describe-services` and `--output json`";
        return Kind::Refused("unknown_shape", detail);
    }
    if unread::prints_records(content) {
        let detail = "a log whose lines hold records of AWS as a program prints them; log them with `json.dumps(event, default=str)` or \
                      `JSON.stringify(event)`";
        return Kind::Refused("unknown_shape", detail);
    }
    if let Some(detail) = unread::advice(content) {
        return Kind::Refused("unknown_shape", detail);
    }
    Kind::Filtered("not_a_log")
}

/// The part of a text that is searched for a record; logs begin with many lines of other kinds.
const TEXT_HEAD: usize = 1 << 20;

/// Whether JSON can begin here: an object that is empty or has a key.
fn starts_object(content: &[u8]) -> bool {
    let inner = content.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    inner.is_some_and(|inner| matches!(inner.first(), None | Some(b'"' | b'}')))
}

/// The kind of a content that begins with a brace but not like JSON: a label such as `{code:json}` or `{app="web"}`, escaped JSON, or
/// JSON whose first key is damaged.
fn kind_of_brace(content: &[u8]) -> Kind {
    let line = first_line(content);
    let label = line.split(|byte| *byte == b'}').next().unwrap_or_default();
    let is_label = label.len() < line.len() && memchr::memmem::find(label, b"\":").is_none();
    if is_label && is_text_of_records(content) {
        return Kind::Text;
    }
    let is_entity = content.get(1..).unwrap_or_default().trim_ascii_start().starts_with(b"&");
    let escaping = Escaping::of(content.get(..TEXT_HEAD).unwrap_or(content));
    escaping.filter(|escaping| is_entity || *escaping == Escaping::Typographic).map_or(Kind::Json, Kind::Escaped)
}

/// Whether a text holds records of AWS or dstack as JSON, or lines that are JSON, or rows of `--output text`.
fn is_text_of_records(content: &[u8]) -> bool {
    let head = content.get(..TEXT_HEAD).unwrap_or(content);
    has_json_line(content) || is_row(first_line(content)) || holds_record(head)
}

/// The kind of a text of records: an e-mail may break the lines of the JSON in it.
fn kind_of_text(content: &[u8]) -> Kind {
    match Escaping::of(content.get(..TEXT_HEAD).unwrap_or(content)) {
        Some(Escaping::QuotedPrintable) => Kind::Escaped(Escaping::QuotedPrintable),
        _ => Kind::Text,
    }
}

/// Detects the output of the AWS CLI with `--output yaml`: a typical first line, followed by an ECS ARN.
fn is_cli_yaml(content: &[u8]) -> bool {
    const KEYS: [&[u8]; 10] = [
        b"Events:",
        b"clusters:",
        b"containerInstances:",
        b"events:",
        b"failures:",
        b"serviceDeployments:",
        b"services:",
        b"taskArns:",
        b"taskDefinition:",
        b"tasks:",
    ];
    let line = first_line(content);
    (line.starts_with(b"- ") || KEYS.iter().any(|key| line.starts_with(key))) && names_ecs(content)
}

/// Detects the output of the AWS CLI with `--output table` or `text`, of which messages of services may be all that is selected.
fn is_cli_output(content: &[u8]) -> bool {
    let line = first_line(content);
    let is_table = line.starts_with(b"---") || line.starts_with(b"|");
    let word = line.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let is_text = word > 2 && line.get(word) == Some(&b'\t');
    let has_message = || memchr::memmem::find(content.get(..1 << 16).unwrap_or(content), b"(service ").is_some();
    (is_table || is_text) && (names_ecs(content) || is_table && has_message())
}

/// Detects the output of `aws logs tail`: a timestamp, the name of a log stream and a record of AWS, which may begin on the
/// next line.
fn is_tail(content: &[u8]) -> bool {
    let line = first_line(content);
    let Some(blank) = line.iter().take(48).position(|byte| *byte == b' ') else { return false };
    let (stamp, _) = line.split_at(blank);
    let is_date = std::str::from_utf8(stamp).is_ok_and(looks::is_date);
    let rest = content.get(blank..).unwrap_or_default().trim_ascii_start();
    let value = split::stream_name(rest).and_then(|name| rest.get(name.len()..)).map(<[u8]>::trim_ascii_start);
    let head = content.get(..1 << 16).unwrap_or(content);
    // Labels of Loki.
    let is_label = rest.starts_with(b"{");
    is_date
        && !is_label
        && value.is_some_and(|value| value.starts_with(b"{") || starts_array(value))
        && looks::quotes_aws_or_dstack(&String::from_utf8_lossy(head))
}

/// Detects the log of the ECS agent, in its current and its earlier format.
fn is_agent_log(content: &[u8]) -> bool {
    let line = first_line(content);
    let has = |word: &str| memchr::memmem::find(line, word.as_bytes()).is_some();
    let is_current = line.starts_with(b"level=") && has(" time=") && has(" msg=");
    let is_earlier = line.first().is_some_and(u8::is_ascii_digit)
        && ["Z [INFO] ", "Z [WARN] ", "Z [ERROR] ", "Z [DEBUG] "].iter().any(|level| has(level));
    let head = content.get(..1 << 16).unwrap_or(content);
    (is_current || is_earlier)
        && [":ecs:", "ECS", "ecs-agent"].iter().any(|word| memchr::memmem::find(head, word.as_bytes()).is_some())
}

/// Detects a text that only ECS writes.
fn is_text_of_ecs(content: &[u8]) -> bool {
    std::str::from_utf8(first_line(content)).is_ok_and(looks::is_text_of_ecs)
}

/// Detects the table that `dstack ps` prints.
fn is_ps_table(content: &[u8]) -> bool {
    let line = first_line(content);
    let has = |word: &str| memchr::memmem::find(line, word.as_bytes()).is_some();
    line.trim_ascii_start().starts_with(b"NAME") && has("BACKEND") && has("STATUS")
}

/// The first line, truncated to a length that suffices to recognize it.
fn first_line(content: &[u8]) -> &[u8] {
    let head = content.get(..4096).unwrap_or(content);
    head.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// The timestamp at the beginning of a text, if JSON follows, which may begin on the next line.
fn stamp(content: &[u8]) -> Option<&[u8]> {
    let (stamp, rest) = content.split_at(content.iter().take(48).position(u8::is_ascii_whitespace)?);
    let plausible = stamp.first().is_some_and(u8::is_ascii_digit)
        && (stamp.contains(&b'T') || (stamp.len() == 13 && stamp.iter().all(u8::is_ascii_digit)));
    let rest = rest.trim_ascii_start();
    (plausible && (starts_object(rest) || starts_array(rest))).then_some(stamp)
}

/// Whether the first lines with such a timestamp hold nothing but JSON behind it. In a log, other text follows some timestamps, or the
/// further lines of an object.
fn are_values(content: &[u8], stamp: &[u8]) -> bool {
    let is_alike = |(a, b): (&u8, &u8)| a == b || a.is_ascii_digit() && b.is_ascii_digit();
    let after = |line: &[u8]| {
        let (begin, rest) = line.split_at_checked(stamp.len())?;
        begin.iter().zip(stamp).all(is_alike).then(|| rest.trim_ascii_start().first().copied()).flatten()
    };
    let head = content.get(..1 << 16).unwrap_or(content);
    head.split(|byte| *byte == b'\n').take(LINES).filter_map(after).all(|first| matches!(first, b'{' | b'['))
}

/// The number of lines that are looked at.
const LINES: usize = 64;

/// Whether a text can be a JSON array: `[INFO]` is not one.
fn starts_array(content: &[u8]) -> bool {
    let inner = content.strip_prefix(b"[").map(<[u8]>::trim_ascii_start);
    inner.is_some_and(|inner| matches!(inner.first(), None | Some(b'{' | b'[' | b'"' | b']')))
}

/// Whether a string holds JSON, as `jq tojson` writes it; its opening quote is removed.
fn starts_escaped(text: &[u8]) -> bool {
    text.starts_with(b"{\\\"") || text.starts_with(b"[{\\\"")
}

/// Looks beyond the first line, because it may be damaged while the others are fine.
fn has_json_line(content: &[u8]) -> bool {
    content.split(|byte| *byte == b'\n').take(LINES).any(|line| {
        let line = line.trim_ascii();
        line.starts_with(b"{\"") && line.ends_with(b"}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds() {
        let table: &[(&[u8], Kind)] = &[
            (b"\xef\xbb\xbf {\"Records\":[]}", Kind::Json),
            (b"2021-08-03T13:39:35.000Z {\"a\":1}", Kind::Json),
            (b"1627997975000 {\"a\":1}", Kind::Json),
            (b"2021-08-03T13:39:35.000Z\r\n{\r\n\"a\":1}", Kind::Json),
            (b"garbage\n{\"a\":1}\n", Kind::Text),
            (b"2021-08-03T13:39:35.000Z {\n2021-08-03T13:39:36.000Z \"stoppedReason\": 1}", Kind::Text),
            (b"2021-08-03T13:39:35.000Z {\"a\":1}\n2021-08-03T13:39:36.000Z done\n", Kind::Text),
            (b"2021-08-03T13:39:35Z {app=\"web\"} {\"stoppedReason\":1}\n", Kind::Text),
            (b"{code:json}\n{\"stoppedReason\":1}\n{code}\n", Kind::Text),
            (b"{code}\nprice: 1\n{code}\n", Kind::Json),
            (b"{stoppedReason\":\"x\"}\n", Kind::Json),
            (b"{&quot;stoppedReason&quot;:1}\n", Kind::Escaped(Escaping::Entities)),
            (
                b"From: a\nContent-Transfer-Encoding: quoted-printable\n\n{\"source\":\"aws.ecs\",=\n\"detail-type\":1}",
                Kind::Escaped(Escaping::QuotedPrintable),
            ),
            (b"2026-03-04T02:10:00+00:00\t(service web) was unable to place a task\n", Kind::Text),
            (b"", Kind::Filtered("empty")),
            (b" \r\n", Kind::Filtered("empty")),
            (b"Permission Check Successful", Kind::Filtered("write_test")),
            (b"[2026-11-20 00:02:53] [run x] done", Kind::Filtered("dstack_log")),
            (b"[2026-11-20 00:02:53] [main] done", Kind::Filtered("not_a_log")),
            (b"\"{\\\"a\\\":1}\"\n\"{\\\"b\\\":2}\"\n", Kind::Json),
            (b"$ describe\n{\n  \"stoppedReason\": \"x\"\n}\n", Kind::Text),
            (b"[]", Kind::Json),
            (b"hello world", Kind::Filtered("not_a_log")),
            (b"\x00\x01\x02", Kind::Filtered("not_a_log")),
            (b"version account-id interface-id srcaddr dstaddr srcport\n", Kind::FlowLog),
            (b"PAR1\x15", Kind::Parquet),
            (b"eventTime,eventName,eventSource\nx,y,z", Kind::Csv),
            (b"eventTime,eventName\nx,y", Kind::Csv),
            (b"eventTime;eventName;eventSource\r\nx;y;z", Kind::Csv),
            (b"\"eventTime\"\t\"eventName\"\nx\ty", Kind::Csv),
            (b"price;amount;note\n1;2;a", Kind::Filtered("not_a_log")),
            (b"ada,s3.amazonaws.com,3", Kind::Filtered("not_a_log")),
            (b" NAME  BACKEND  PRICE  STATUS\n a  aws  $1  failed\n", Kind::Filtered("dstack_table")),
            (b"level=info time=2026-03-04T02:10:00Z msg=\"Registering Instance with ECS\"\n", Kind::Filtered("ecs_agent_log")),
            (b"2026-03-04T02:10:00Z [INFO] Starting Agent: Amazon ECS Agent - v1.13.0\n", Kind::Filtered("ecs_agent_log")),
            (b"2026-03-04T02:10:00Z [INFO] Starting the bakery\n", Kind::Filtered("not_a_log")),
            (b"- buy milk\n- arn:aws:s3:::bucket\n", Kind::Filtered("not_a_log")),
        ];
        for (bytes, want) in table {
            assert_eq!(kind_of(bytes), *want, "{}", String::from_utf8_lossy(bytes));
        }
        for output in [
            "---------\n|  DescribeTasks  |\n|  arn:aws:ecs:us-east-1:111122223333:task/c/1 |\n",
            "TASKS\tarn:aws:ecs:us-east-1:111122223333:cluster/c\n",
            "tasks:\n- clusterArn: arn:aws:ecs:us-east-1:111122223333:cluster/c\n",
        ] {
            assert!(matches!(kind_of(output.as_bytes()), Kind::Refused("unknown_shape", _)), "{output}");
        }
        assert!(matches!(kind_of(b"SQLite format 3\0rest"), Kind::Refused("sqlite", _)));
    }

    #[test]
    fn records_of_aws_in_another_form_are_named() {
        let refused = |content: &[u8], word: &str| match kind_of(content) {
            Kind::Refused("unknown_shape", detail) => assert!(detail.contains(word), "{detail}"),
            other => panic!("{other:?}"),
        };
        refused(b"{'tasks': [{'taskArn': 'arn:aws:ecs:eu-west-1:111122223333:task/shop/0a'}]}", "json.dumps");
        let arn = "arn:aws:ecs:eu-west-1:111122223333:task/shop/0a";
        refused(
            format!("Events:\n- CloudTrailEvent: '{{\"eventSource\":\"ecs.amazonaws.com\",\"x\":\"{arn}\"}}'\n").as_bytes(),
            "--output json",
        );
        refused(b"eventTime: 2026-05-01T00:00:00Z\neventSource: ecs.amazonaws.com\n", "yq -o json");
        for page in [
            "<v>{&quot;eventSource&quot;:&quot;ecs.amazonaws.com&quot;}</v>\n",
            "<pre>{\n &quot;detail-type&quot;: &quot;x&quot;,\n &quot;source&quot;: &quot;aws.ecs&quot;\n}</pre>\n",
        ] {
            assert_eq!(kind_of(page.as_bytes()), Kind::Escaped(Escaping::Entities), "{page}");
        }
        refused(b"---\n|  DescribeServices  |\n||  2026  |  (service web) was unable to place a task ||\n", "--output json");
        refused(b"Started at\tMessage\nMarch 4, 2026\tservice web was unable to place a task\n", "describe-services");
        refused(b"CREATE TABLE jobs (\n\tjob_provisioning_data TEXT\n);\n", "/api/runs/list");
        refused(b" eventname | eventsource\n---------+-----------\n RunTask | ecs.amazonaws.com\n", "--csv");
        for tail in ["{\"source\":\"aws.ecs\",\"detail-type\":\"x\"}", "\n{\n    \"detail-type\": \"x\"\n}"] {
            assert_eq!(kind_of(format!("2026-03-04T02:10:00.1+00:00 ecs/web/7 {tail}\n").as_bytes()), Kind::Json, "{tail}");
        }
        for other in ["2026-03-04T02:10:00Z job1 {\"a\":1}\n", "Task(1) is done\n", "{ a: 1 }\n<v>{&quot;a&quot;:1}</v>"] {
            assert!(!matches!(kind_of(other.as_bytes()), Kind::Refused(..)), "{other}");
        }
        refused(b"(service web) has reached a steady state.\n(service web) has started 1 tasks.\n", "keep the time");
        assert_eq!(kind_of(b"\"Essential container in task exited\"\n"), Kind::Json);
        refused(b"2026-05-01T00:00:00Z,RunTask,ecs.amazonaws.com,eu-west-1,ada\n", "header");
        refused(b"\"ada\";\"ecs.amazonaws.com\";\"RunTask\";\"2026-05-01 00:00:00\"\n", "header");
        refused(format!("\"{arn}\",\"Essential container in task exited\"\n").as_bytes(), "header");
        refused(format!("task {arn} has stopped\n").as_bytes(), "names resources of ECS");
        refused(b"Stack | UPDATE_FAILED | AWS::ECS::Service | Circuit Breaker was triggered\n", "program that deploys");
        refused(format!("json = {{}};\njson.tasks[0].taskArn = \"{arn}\";\n").as_bytes(), "gron --ungron");
        let list = format!("{arn}\t{arn}\n");
        assert_eq!(kind_of(list.as_bytes()), Kind::Filtered("not_a_log"));
        for text in [
            "START RequestId: 1\nINFO got {\"source\":\"aws.ecs\",\"detail-type\":\"x\"}\n",
            "log=>\"{\\\"source\\\":\\\"aws.ecs\\\",\\\"detail-type\\\":\\\"x\\\"}\"\n",
            "| @message |\n| --- |\n| {\"source\":\"aws.ecs\",\"detail-type\":\"x\"} |\n",
        ] {
            assert_eq!(kind_of(text.as_bytes()), Kind::Text, "{text}");
        }
        refused(b"INFO got {'source': 'aws.ecs', 'detail-type': 'x'}\n", "json.dumps");
        assert_eq!(kind_of(b"{'a': 1}"), Kind::Json);
        assert_eq!(kind_of(b"START\nINFO got {\"source\":\"shop\"}\n"), Kind::Filtered("not_a_log"));
    }
}
