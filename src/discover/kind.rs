//! Detects the type of a file from its first bytes.

use crate::decode::{csv, flow};

/// The type of uncompressed content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JSON in any layout, optionally with a timestamp before each value.
    Json,
    /// A CSV export of CloudTrail.
    Csv,
    /// Lines of a VPC flow log.
    FlowLog,
    /// A Parquet file, possibly a VPC flow log.
    Parquet,
    /// Recognized and skipped on purpose, with a reason code.
    Filtered(&'static str),
    /// Recognized but not supported, with a reason code and advice.
    Refused(&'static str, &'static str),
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
    if bytes.starts_with(b"PK\x03\x04") {
        return Kind::Refused("zip", "a ZIP archive; unpack it first");
    }
    if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || bytes.starts_with(b"BZh")
        || bytes.starts_with(&[0xfd, b'7', b'z', b'X', b'Z'])
    {
        return Kind::Refused("compression", "unsupported compression (only gzip); decompress it first");
    }
    if content.starts_with(b"Permission Check Successful") {
        return Kind::Filtered("write_test");
    }
    if *first == b'{' {
        return Kind::Json;
    }
    if flow::is_flow_log(content) {
        return Kind::FlowLog;
    }
    let is_array = *first == b'['
        && matches!(content.get(1..).unwrap_or_default().trim_ascii_start().first(), None | Some(b'{' | b'[' | b'"' | b']'));
    if is_array || is_stamped(content) {
        return Kind::Json;
    }
    if csv::is_export(content) {
        return Kind::Csv;
    }
    if has_json_line(content) {
        return Kind::Json;
    }
    if is_cli_output(content) {
        let detail = "`aws ecs` output as a table, text or YAML; export it again with `--output json`";
        return Kind::Refused("unknown_shape", detail);
    }
    if is_ps_table(content) {
        return Kind::Filtered("dstack_table");
    }
    Kind::Filtered("not_a_log")
}

/// Detects the output of `aws ecs` with `--output table`, `text` or `yaml`: a typical first line, followed by an ECS
/// ARN.
fn is_cli_output(content: &[u8]) -> bool {
    const KEYS: [&[u8]; 8] = [
        b"clusters:",
        b"containerInstances:",
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
    let head = content.get(..1 << 16).unwrap_or(content);
    (is_table || is_text || is_yaml)
        && [":ecs:", "arn:aws"].iter().all(|part| memchr::memmem::find(head, part.as_bytes()).is_some())
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

/// Detects a timestamp followed by JSON.
fn is_stamped(content: &[u8]) -> bool {
    let line = first_line(content);
    let Some(blank) = line.iter().take(48).position(|byte| *byte == b' ' || *byte == b'\t') else { return false };
    let (stamp, rest) = line.split_at(blank);
    let plausible = stamp.first().is_some_and(u8::is_ascii_digit)
        && (stamp.contains(&b'T') || (stamp.len() == 13 && stamp.iter().all(u8::is_ascii_digit)));
    plausible && matches!(rest.trim_ascii_start().first(), Some(b'{' | b'['))
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
            (b"garbage\n{\"a\":1}\n", Kind::Json),
            (b"", Kind::Filtered("empty")),
            (b" \r\n", Kind::Filtered("empty")),
            (b"Permission Check Successful", Kind::Filtered("write_test")),
            (b"[2026-11-20 00:02:53] [run x] done", Kind::Filtered("not_a_log")),
            (b"[]", Kind::Json),
            (b"hello world", Kind::Filtered("not_a_log")),
            (b"\x00\x01\x02", Kind::Filtered("not_a_log")),
            (b"version account-id interface-id srcaddr dstaddr srcport\n", Kind::FlowLog),
            (b"PAR1\x15", Kind::Parquet),
            (b"eventTime,eventName,eventSource\nx,y,z", Kind::Csv),
            (b"eventTime,eventName\nx,y", Kind::Csv),
            (b" NAME  BACKEND  PRICE  STATUS\n a  aws  $1  failed\n", Kind::Filtered("dstack_table")),
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
}
