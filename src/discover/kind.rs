//! Detects the type of a file from its first bytes.

use super::unread::{self, names_ecs};
use crate::decode::{csv, flow, looks, split};
use crate::knowledge::Signature;

/// The type of uncompressed content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JSON in any layout, optionally with a timestamp before each value.
    Json,
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
    if is_python(content) {
        let detail = "a Python literal, not JSON; write it with `json.dumps(answer, default=str)`, or export it with `aws … --output json`";
        return Kind::Refused("unknown_shape", detail);
    }
    if is_literal(content) || is_printed(content) || unread::is_ruby(content) {
        let detail = "an object as a program prints it, not JSON; write it with `JSON.stringify(…)`, `json.Marshal(…)` or `.to_h.to_json`, \
                      or export it with `aws … --output json`";
        return Kind::Refused("unknown_shape", detail);
    }
    if *first == b'{' {
        return Kind::Json;
    }
    if flow::is_flow_log(content) {
        return Kind::FlowLog;
    }
    let is_text = content.strip_prefix(b"\"").is_some_and(|text| is_text_of_ecs(text) || starts_escaped(text));
    if is_text || starts_array(content) || is_stamped(content) || is_tail(content) {
        return Kind::Json;
    }
    if csv::is_export(content) {
        return Kind::Csv;
    }
    if has_json_line(content) || unread::is_json_after_text(content) {
        return Kind::Json;
    }
    if is_cli_output(content) {
        let detail = "output of the AWS CLI as a table, text or YAML; export it again with `--output json`";
        return Kind::Refused("unknown_shape", detail);
    }
    if unread::is_table(content) {
        let detail = "calls or tasks as a table of text; export them as CSV or JSON, in `psql` with `--csv`";
        return Kind::Refused("unknown_shape", detail);
    }
    if unread::is_base64(content) {
        let detail = "records in base64, as a stream holds them; decode each line, for example `while read -r line; do echo \"$line\" | \
                      base64 -d; echo; done < FILE`";
        return Kind::Refused("unknown_shape", detail);
    }
    if unread::is_yaml(content) {
        let detail = "records of AWS as YAML; convert them with `yq -o json FILE`, or export them with `--output json`";
        return Kind::Refused("unknown_shape", detail);
    }
    if csv::is_without_header(content) {
        let detail = "calls or tasks as CSV without their header; export them with it, or put the names of the columns into the first \
                      line, such as `eventTime,eventName,eventSource,…` or `taskArn,stoppedAt,stoppedReason`";
        return Kind::Refused("unknown_shape", detail);
    }
    if is_ps_table(content) {
        return Kind::Filtered("dstack_table");
    }
    if is_agent_log(content) {
        return Kind::Filtered("ecs_agent_log");
    }
    if unread::is_dstack_log(content) {
        return Kind::Filtered("dstack_log");
    }
    if is_text_of_ecs(content) {
        let detail =
            "a message or stop reason of ECS without its time; export it with `--output json`, and keep the time in `--query`";
        return Kind::Refused("unknown_shape", detail);
    }
    if let Some(detail) = unread::quoted_records(content) {
        return Kind::Refused("unknown_shape", detail);
    }
    if is_xml_of_records(content) {
        let detail = "records of AWS as text in XML or HTML; export them as JSON or CSV, in Splunk with `output_mode=json`";
        return Kind::Refused("unknown_shape", detail);
    }
    Kind::Filtered("not_a_log")
}

/// Detects the output of the AWS CLI with `--output table`, `text` or `yaml`: a typical first line, followed by an ECS
/// ARN.
fn is_cli_output(content: &[u8]) -> bool {
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
    let is_table = line.starts_with(b"---") || line.starts_with(b"|");
    let word = line.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let is_text = word > 2 && line.get(word) == Some(&b'\t');
    let is_yaml = line.starts_with(b"- ") || KEYS.iter().any(|key| line.starts_with(key));
    (is_table || is_text || is_yaml) && names_ecs(content)
}

/// Detects an object whose keys have no quotes, or single ones, as JavaScript and Go print it.
fn is_literal(content: &[u8]) -> bool {
    let body = content.strip_prefix(b"[").map_or(content, <[u8]>::trim_ascii_start);
    let Some(body) = body.strip_prefix(b"{").map(<[u8]>::trim_ascii_start) else { return false };
    let is_of_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'\'');
    let key = body.iter().position(|byte| !is_of_key(byte)).unwrap_or(body.len());
    // JSON whose first key is damaged has others with quotes.
    let head = content.get(..1 << 16).unwrap_or(content);
    let is_json = || memchr::memmem::find(head, b"\":").is_some() || memchr::memmem::find(head, b"\" :").is_some();
    key > 0 && body.get(key) == Some(&b':') && names_ecs(content) && !is_json()
}

/// Detects an answer as an SDK for another language prints it: `DescribeTasksResponse(Tasks=[…`, `#<struct Aws::ECS::…`.
fn is_printed(content: &[u8]) -> bool {
    let line = first_line(content);
    let line = line.strip_prefix(b"&").unwrap_or(line);
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'\\');
    let (name, rest) = line.split_at(line.iter().position(|byte| !is_of_name(byte)).unwrap_or(line.len()));
    let says = |word: &str| memchr::memmem::find(name, word.as_bytes()).is_some();
    let is_answer = ["Response", "Result", "Output", "Task", "Service", "Instance"].into_iter().any(says);
    let opens = matches!(rest.first(), Some(b'(' | b'{')) || rest.starts_with(b" {");
    (is_answer && opens || line.starts_with(b"#<struct Aws::")) && names_ecs(content)
}

/// Detects XML or HTML whose elements hold records of AWS as text, with escaped quotes.
fn is_xml_of_records(content: &[u8]) -> bool {
    let head = content.get(..1 << 16).unwrap_or(content);
    let has = |word: &str| memchr::memmem::find(head, word.as_bytes()).is_some();
    content.starts_with(b"<")
        && (has("&quot;detail-type&quot;") && has("aws.ecs") || has("&quot;eventSource&quot;") && has(".amazonaws.com"))
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
    is_date
        && value.is_some_and(|value| value.starts_with(b"{") || starts_array(value))
        && looks::quotes_aws_or_dstack(&String::from_utf8_lossy(head))
}

/// Detects an answer of boto3 that was printed without conversion to JSON.
fn is_python(content: &[u8]) -> bool {
    let head = content.get(..1 << 16).unwrap_or(content);
    let body = content.strip_prefix(b"[").unwrap_or(content);
    body.starts_with(b"{'") && memchr::memmem::find(head, b"arn:aws").is_some()
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

/// Detects a timestamp followed by JSON, which may begin on the next line.
fn is_stamped(content: &[u8]) -> bool {
    let Some(blank) = content.iter().take(48).position(u8::is_ascii_whitespace) else { return false };
    let (stamp, rest) = content.split_at(blank);
    let plausible = stamp.first().is_some_and(u8::is_ascii_digit)
        && (stamp.contains(&b'T') || (stamp.len() == 13 && stamp.iter().all(u8::is_ascii_digit)));
    let rest = rest.trim_ascii_start();
    plausible && (rest.starts_with(b"{") || starts_array(rest))
}

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
    content.split(|byte| *byte == b'\n').take(64).any(|line| {
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
            (b"garbage\n{\"a\":1}\n", Kind::Json),
            (b"", Kind::Filtered("empty")),
            (b" \r\n", Kind::Filtered("empty")),
            (b"Permission Check Successful", Kind::Filtered("write_test")),
            (b"[2026-11-20 00:02:53] [run x] done", Kind::Filtered("dstack_log")),
            (b"[2026-11-20 00:02:53] [main] done", Kind::Filtered("not_a_log")),
            (b"\"{\\\"a\\\":1}\"\n\"{\\\"b\\\":2}\"\n", Kind::Json),
            (b"$ describe\n{\n  \"stoppedReason\": \"x\"\n}\n", Kind::Json),
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
        for printed in [
            format!("{{\n  source: 'aws.ecs',\n  resources: [ '{arn}' ]\n}}\n"),
            format!("[\n  {{\n    'detail-type': 'x',\n    resources: [ '{arn}' ]\n  }}\n]\n"),
            format!("{{\n  Tasks: [{{\n      TaskArn: \"{arn}\"\n    }}]\n}}\n"),
            format!("DescribeTasksResponse(tasks=[Task(taskArn={arn})])\n"),
            format!("DescribeTasksOutput {{ tasks: Some([Task {{ task_arn: Some(\"{arn}\") }}]) }}\n"),
            format!("&ecs.StopTaskOutput{{Task: \"{arn}\"}}\n"),
            format!("#<struct Aws::ECS::Types::Task task_arn=\"{arn}\">\n"),
        ] {
            refused(printed.as_bytes(), "JSON.stringify");
        }
        refused(
            format!("Events:\n- CloudTrailEvent: '{{\"eventSource\":\"ecs.amazonaws.com\",\"x\":\"{arn}\"}}'\n").as_bytes(),
            "--output json",
        );
        refused(b"eventTime: 2026-05-01T00:00:00Z\neventSource: ecs.amazonaws.com\n", "yq -o json");
        refused(b"<v>{&quot;eventSource&quot;:&quot;ecs.amazonaws.com&quot;}</v>\n", "output_mode=json");
        refused(b"<pre>{\n &quot;detail-type&quot;: &quot;x&quot;,\n &quot;source&quot;: &quot;aws.ecs&quot;\n}</pre>\n", "HTML");
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
        let list = format!("{arn}\t{arn}\n");
        assert_eq!(kind_of(list.as_bytes()), Kind::Filtered("not_a_log"));
        refused(b"START RequestId: 1\nINFO got {\"source\":\"aws.ecs\",\"detail-type\":\"x\"}\n", "grep");
        assert_eq!(kind_of(b"{'a': 1}"), Kind::Json);
        assert_eq!(kind_of(b"START\nINFO got {\"source\":\"shop\"}\n"), Kind::Filtered("not_a_log"));
    }
}
