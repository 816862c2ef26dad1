//! CSV exports: event-history downloads of the console, CloudTrail Lake results, Logs Insights and log platforms.
//!
//! In: the plain bytes of a file with a header line. Out: one record as JSON per line. If a column holds a complete
//! record, that is used; otherwise a CloudTrail record or a task is assembled from the columns.

use super::budget::{Budget, Exceeded};
use super::looks::{is_arn, is_date};
use super::{flow, quoted, reduced};
use crate::knowledge::cloudtrail_key;
use serde_json::{Map, Value};
use std::io::Cursor;

/// A line of a CSV export.
#[derive(Debug)]
pub enum CsvLine {
    /// The record as JSON, and the offset of its line.
    Record(String, u64),
    /// An unreadable line, with the error and the offset of the line.
    Broken(String, u64),
    /// The file exceeds a limit: nothing is read from this offset on.
    Stopped(Exceeded, u64),
}

/// Known column names (lower case, letters only) and the keys of a CloudTrail record.
const COLUMNS: [(&str, &str); 54] = [
    ("additionaleventdata", "additionalEventData"),
    ("apiversion", "apiVersion"),
    ("awsaccesskey", "userIdentity.accessKeyId"),
    ("accesskeyid", "userIdentity.accessKeyId"),
    ("awseventid", "eventID"),
    ("awsregion", "awsRegion"),
    ("awsrequestid", "requestID"),
    ("errorcode", "errorCode"),
    ("errormessage", "errorMessage"),
    ("eventcategory", "eventCategory"),
    ("eventid", "eventID"),
    ("eventname", "eventName"),
    ("eventsource", "eventSource"),
    ("eventtime", "eventTime"),
    ("eventtype", "eventType"),
    ("eventtypename", "eventType"),
    ("eventversion", "eventVersion"),
    ("managementevent", "managementEvent"),
    ("readonly", "readOnly"),
    ("recipientaccountid", "recipientAccountId"),
    ("requestid", "requestID"),
    ("requestparameters", "requestParameters"),
    ("resources", "resources"),
    ("responseelements", "responseElements"),
    ("serviceeventdetails", "serviceEventDetails"),
    ("sharedeventid", "sharedEventID"),
    ("sourceipaddress", "sourceIPAddress"),
    ("timegenerated", "eventTime"),
    ("timegeneratedutc", "eventTime"),
    ("tlsdetails", "tlsDetails"),
    ("useragent", "userAgent"),
    ("useridentity", "userIdentity"),
    ("useridentityaccesskeyid", "userIdentity.accessKeyId"),
    ("useridentityaccountid", "userIdentity.accountId"),
    ("useridentityarn", "userIdentity.arn"),
    ("useridentityinvokedby", "userIdentity.invokedBy"),
    ("useridentityprincipalid", "userIdentity.principalId"),
    ("useridentitytype", "userIdentity.type"),
    ("useridentityusername", "userIdentity.userName"),
    ("username", "userIdentity.userName"),
    ("vpcendpointid", "vpcEndpointId"),
    ("accountid", "recipientAccountId"),
    ("addendum", "addendum"),
    ("edgedevicedetails", "edgeDeviceDetails"),
    ("eventcontext", "eventContext"),
    ("sessioncredentialfromconsole", "sessionCredentialFromConsole"),
    ("useridentitycredentialid", "userIdentity.credentialId"),
    ("useridentityidentityprovider", "userIdentity.identityProvider"),
    ("useridentitysessioncontext", "userIdentity.sessionContext"),
    ("useridentitysessioncontextsessionissueraccountid", "userIdentity.sessionContext.sessionIssuer.accountId"),
    ("useridentitysessioncontextsessionissuerarn", "userIdentity.sessionContext.sessionIssuer.arn"),
    ("useridentitysessioncontextsessionissuertype", "userIdentity.sessionContext.sessionIssuer.type"),
    ("useridentitysessioncontextsessionissuerusername", "userIdentity.sessionContext.sessionIssuer.userName"),
    ("vpcendpointaccountid", "vpcEndpointAccountId"),
];

/// What separates the cells of a line: a comma, or a semicolon or tab in exports of spreadsheets and databases.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// Whether the bytes start with the header of such an export.
pub fn is_export(bytes: &[u8]) -> bool {
    delimiter_of(bytes).is_some()
}

/// The delimiter with which the first line is the header of such an export.
fn delimiter_of(bytes: &[u8]) -> Option<u8> {
    let line = first_line(bytes)?.trim_start_matches('\u{feff}');
    DELIMITERS.into_iter().find(|delimiter| {
        let header: Vec<String> = line.split(char::from(*delimiter)).map(plain_name).collect();
        // Logs Insights: a column with complete messages.
        let has = |wanted: &str| header.iter().any(|name| name == wanted);
        is_header(&header)
            || reduced::is_header(&header)
            || (has("message") && has("timestamp"))
            || holds_records(bytes, line, *delimiter)
    })
}

/// Whether cells hold records of AWS as JSON or lines of a flow log, whatever their column is called: the quotes of a cell are
/// doubled.
fn holds_records(bytes: &[u8], header: &str, delimiter: u8) -> bool {
    let separates = |delimiter: u8| header.contains(char::from(delimiter));
    if header.contains('{') || !separates(delimiter) && DELIMITERS.into_iter().any(separates) {
        return false;
    }
    let head = bytes.get(..1 << 16).unwrap_or(bytes);
    let has = |part: &[u8]| memchr::memmem::find(head, part).is_some();
    // A record in several lines begins with a line break.
    let begins_cell = |before: u8| {
        has(&[before, b'"', b'{', b'"', b'"']) || has(&[before, b'"', b'{', b'\n']) || has(&[before, b'"', b'{', b'\r'])
    };
    let first = head.split(|byte| *byte == b'\n').nth(1).and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let is_flow = |cell: &str| flow::is_default_record(cell.trim().trim_matches('"'));
    // Other text may be before the record in its cell.
    (has(b"{\"\"") || begins_cell(delimiter) || begins_cell(b'\n'))
        && (has(b"\"\"eventSource\"\"") || has(b"\"\"detail-type\"\""))
        || separates(delimiter) && first.split(char::from(delimiter)).any(is_flow)
}

fn first_line(bytes: &[u8]) -> Option<&str> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    std::str::from_utf8(line.get(..line.len().min(8192))?).ok()
}

/// Whether the first line looks like a call or a task of such an export whose header is missing: it has the name of a service and
/// a time, or the ARN of a task beside something else.
pub fn is_without_header(bytes: &[u8]) -> bool {
    let Some(line) = first_line(bytes) else { return false };
    let is_service = |cell: &str| {
        cell.strip_suffix(".amazonaws.com")
            .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
    };
    DELIMITERS.into_iter().any(|delimiter| {
        let cells = || line.split(char::from(delimiter)).map(|cell| cell.trim().trim_matches('"'));
        let is_task = |cell: &str| is_arn(cell) && cell.contains(":ecs:") && cell.contains(":task/");
        cells().count() >= 4 && cells().any(is_service) && cells().any(is_date)
            || cells().any(is_task) && cells().any(|cell| !cell.is_empty() && !is_arn(cell))
    })
}

/// Whether columns (names in lower case, letters only) are those of CloudTrail records.
pub(super) fn is_header(header: &[String]) -> bool {
    let known = header.iter().filter(|name| COLUMNS.iter().any(|(known, _)| known == name)).count();
    let whole = header.iter().any(|name| matches!(name.as_str(), "cloudtrailevent" | "eventjson" | "eventdata"));
    let has = |wanted: &str| header.iter().any(|name| name == wanted);
    let names_events = known >= 2 && has("eventname");
    header.len() > 1 && (known >= 3 || names_events || whole) || (header.len() == 1 && whole)
}

/// Reads the lines of such an export. An unclosed quote affects only its own line.
pub fn read(bytes: &[u8], budget: &Budget, on: &mut dyn FnMut(CsvLine)) {
    let mark = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let table = bytes.get(mark..).unwrap_or_default();
    let delimiter = delimiter_of(table.trim_ascii_start()).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(table);
    let names: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(str::to_owned).collect(),
        Err(error) => return on(CsvLine::Broken(format!("invalid header line: {error}"), 0)),
    };
    let header: Vec<String> = names.iter().map(|name| plain_name(name)).collect();
    let of_tasks = !is_header(&header) && reduced::is_header(&header);
    let at = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
    let Some(rest) = table.get(at..) else { return };
    Lines { rest, before: mark + at, columns: header.len(), delimiter }.read(budget, &mut |line| match line {
        Line::Cells(cells, offset) if of_tasks => {
            on(CsvLine::Record(reduced::object_of_cells(names.iter().map(String::as_str).zip(cells.iter())), offset));
        }
        Line::Cells(cells, offset) => {
            on(CsvLine::Record(record_text(header.iter().map(String::as_str).zip(cells.iter())), offset));
        }
        Line::Other(line) => on(line),
    });
}

/// The lines below the header.
struct Lines<'t> {
    rest: &'t [u8],
    /// Bytes of the file before them.
    before: usize,
    columns: usize,
    delimiter: u8,
}

enum Line<'r> {
    Cells(&'r csv::StringRecord, u64),
    Other(CsvLine),
}

impl Lines<'_> {
    fn read(&self, budget: &Budget, on: &mut dyn FnMut(Line<'_>)) {
        // One reader for all lines: damage only moves it, because creating one takes as long as reading many lines.
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .delimiter(self.delimiter)
            .buffer_capacity(4096)
            .from_reader(Cursor::new(self.rest));
        let mut cells = csv::StringRecord::new();
        loop {
            let start = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            let offset = (self.before + start) as u64;
            let read = reader.read_record(&mut cells);
            if matches!(read, Ok(false)) {
                return;
            }
            if let Err(limit) = budget.charge_records(1) {
                return on(Line::Other(CsvLine::Stopped(limit, offset)));
            }
            let end = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            match read {
                Ok(_) => {
                    let text = self.rest.get(start..end).unwrap_or_default();
                    if let Some(first) = unclosed(text, (self.columns, self.delimiter), end == self.rest.len()) {
                        on(Line::Other(CsvLine::Broken("unclosed quote".to_owned(), offset)));
                        let mut resume = csv::Position::new();
                        resume.set_byte((start + first) as u64);
                        if reader.seek(resume).is_err() {
                            return;
                        }
                    } else if cells.len() > self.columns {
                        let detail = format!("a line with {} cells; the header has {}", cells.len(), self.columns);
                        on(Line::Other(CsvLine::Broken(detail, offset)));
                    } else {
                        on(Line::Cells(&cells, offset));
                    }
                }
                Err(error) => {
                    let detail = format!("invalid line, expected {} columns: {error}", self.columns);
                    on(Line::Other(CsvLine::Broken(detail, offset)));
                }
            }
        }
    }
}

/// The length of the first line of a record that spans lines which are records themselves: its quote is unclosed, or
/// closed by the next opening quote. Cells with line breaks are rare but valid; a line that begins with a blank continues one, such
/// as a record in several lines.
fn unclosed(record: &[u8], (columns, delimiter): (usize, u8), is_last: bool) -> Option<usize> {
    let text = record.trim_ascii();
    let blanks = record.len() - record.trim_ascii_start().len();
    let first = blanks + memchr::memchr(b'\n', text)? + 1;
    let odd = |line: &[u8]| memchr::memchr_iter(b'"', line).count() % 2 == 1;
    let second = record.get(first..)?.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_record =
        columns > 1 && !second.starts_with(b" ") && second.iter().filter(|byte| **byte == delimiter).count() + 1 >= columns;
    ((is_last && odd(text)) || (is_record && odd(text.get(..first - blanks)?))).then_some(first)
}

/// Whether CloudTrail has a column of this plain name.
pub(super) fn is_column(name: &str) -> bool {
    COLUMNS.iter().any(|(known, _)| *known == name)
}

pub(super) fn plain_name(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

pub(super) fn record_text<'a>(cells: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut record = Map::new();
    let mut printed = None;
    for (name, cell) in cells {
        if cell.is_empty() || cell == "null" || cell == "-" {
            continue;
        }
        let is_record = || ["\"eventSource\"", "\"detail-type\""].iter().any(|key| cell.contains(key));
        if begins_object(cell) && (name == "message" || is_record()) {
            return cell.to_owned();
        }
        // The text of a line of a flow log is a JSON string.
        if flow::is_default_record(cell) || name == "message" && flow::is_record(cell) {
            return Value::from(cell).to_string();
        }
        let Some((_, key)) = COLUMNS.iter().find(|(known, _)| *known == name) else {
            // A line of a log before its record, or a record as a program prints it.
            if quoted::holds_record(cell.as_bytes()) || quoted::prints_record(cell.as_bytes()) {
                printed = printed.or(Some(cell));
            }
            continue;
        };
        put(&mut record, key, cell_value(key, cell));
    }
    match printed {
        // A call whose columns are complete may be beside a text about another record.
        Some(cell) if !record.contains_key("eventName") => Value::from(cell).to_string(),
        _ => Value::Object(record).to_string(),
    }
}

/// Whether a cell is a JSON object, maybe in several lines.
fn begins_object(cell: &str) -> bool {
    cell.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('"'))
}

fn put(record: &mut Map<String, Value>, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            // A complete identity and its separate fields do not overwrite each other.
            match (record.get_mut(key), value) {
                (Some(Value::Object(there)), Value::Object(more)) => there.extend(more),
                (_, value) => drop(record.insert(key.to_owned(), value)),
            }
        }
        Some((outer, inner)) => {
            let entry = record.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inside) = entry {
                match inner.split_once('.') {
                    Some(_) => put(inside, inner, value),
                    None => drop(inside.entry(inner).or_insert(value)),
                }
            }
        }
    }
}

/// A cell: JSON, the struct text of CloudTrail Lake, or plain text.
fn cell_value(key: &str, cell: &str) -> Value {
    let structured = matches!(
        key,
        "userIdentity"
            | "requestParameters"
            | "responseElements"
            | "resources"
            | "additionalEventData"
            | "serviceEventDetails"
            | "tlsDetails"
            | "addendum"
            | "eventContext"
            | "userIdentity.sessionContext"
    );
    if !structured {
        return Value::from(cell);
    }
    if let Ok(mut value) = serde_json::from_str::<Value>(cell) {
        spell(&mut value, key == "resources", 0);
        return value;
    }
    if cell.starts_with('{') && cell.ends_with('}') {
        return LakeText { rest: cell, depth: 0 }.value();
    }
    // The console lists resources as text; the record has a list of objects.
    if key == "resources" { Value::Null } else { Value::from(cell) }
}

/// A struct as text: JSON, or that of CloudTrail Lake.
pub(super) fn struct_of(text: &str) -> Value {
    cell_value("requestParameters", text)
}

/// Restores the spelling of keys that a table wrote in lower case or with underscores.
fn spell(value: &mut Value, of_resource: bool, depth: usize) {
    if depth > 32 {
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| spell(item, of_resource, depth + 1)),
        Value::Object(map) => {
            for (key, mut child) in std::mem::take(map) {
                spell(&mut child, false, depth + 1);
                map.insert(spelled(&key, of_resource).map_or(key, str::to_owned), child);
            }
        }
        _ => {}
    }
}

fn spelled(key: &str, of_resource: bool) -> Option<&'static str> {
    if of_resource && key.eq_ignore_ascii_case("arn") {
        return Some("ARN");
    }
    let changed = !key.bytes().any(|byte| byte.is_ascii_uppercase());
    changed.then(|| cloudtrail_key(key)).flatten()
}

/// Parses `{type=AssumedRole, sessioncontext={…}, list=[a, b]}`, the text format of CloudTrail Lake structs.
struct LakeText<'a> {
    rest: &'a str,
    depth: usize,
}

impl LakeText<'_> {
    fn value(&mut self) -> Value {
        self.rest = self.rest.trim_start();
        self.depth += 1;
        let value = match self.rest.chars().next() {
            Some('{') if self.depth < 32 => self.object(),
            Some('[') if self.depth < 32 => self.list(),
            _ => self.plain(),
        };
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Value {
        let mut map = Map::new();
        self.skip(1);
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',']);
            if self.rest.is_empty() {
                break;
            }
            if self.rest.starts_with('}') {
                self.skip(1);
                break;
            }
            let Some((name, after)) = self.rest.split_once('=') else {
                self.rest = "";
                break;
            };
            let name = name.trim().to_owned();
            self.rest = after;
            let value = self.value();
            map.insert(spelled(&name, false).map_or(name, str::to_owned), value);
        }
        Value::Object(map)
    }

    fn list(&mut self) -> Value {
        let mut list = Vec::new();
        self.skip(1);
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',']);
            if self.rest.is_empty() {
                break;
            }
            if self.rest.starts_with(']') {
                self.skip(1);
                break;
            }
            let before = self.rest.len();
            list.push(self.value());
            if self.rest.len() == before {
                break;
            }
        }
        Value::Array(list)
    }

    /// A plain value ends before a comma that is followed by another name, or before the closing bracket.
    fn plain(&mut self) -> Value {
        let end = self.rest.find([',', '}', ']']).unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest;
        match value.trim() {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text => Value::from(text),
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<Value> {
        let mut out = Vec::new();
        read(text.as_bytes(), &Budget::default(), &mut |line| match line {
            CsvLine::Record(text, _) => out.push(serde_json::from_str(&text).unwrap()),
            CsvLine::Broken(why, _) => out.push(Value::from(why)),
            CsvLine::Stopped(limit, _) => out.push(Value::from(limit.detail)),
        });
        out
    }

    #[test]
    fn console_and_lake_columns_make_a_record() {
        let text = "Event ID,Event time,User name,Event source,Event name,AWS region,AWS access key\n\
                    e1,2026-03-04T02:10:00Z,mary,ecs.amazonaws.com,RunTask,us-east-1,AKIA1\n";
        assert!(is_export(text.as_bytes()));
        let record = &records(text)[0];
        assert_eq!(record["eventID"], "e1");
        assert_eq!(record["userIdentity"]["userName"], "mary");
        let lake = "eventtime,eventsource,eventname,useridentity,requestparameters\n\
                    2026-03-04 02:10:00.000,ecs.amazonaws.com,RunTask,\"{type=AssumedRole, principalid=A:b, sessioncontext={sessionissuer={username=role}}}\",\"{cluster=batch, count=1}\"\n";
        assert!(is_export(lake.as_bytes()));
        let record = &records(lake)[0];
        assert_eq!(record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"], "role");
        assert_eq!(record["requestParameters"]["cluster"], "batch");
    }

    #[test]
    fn the_header_decides_what_separates_cells() {
        let text = "eventID,eventTime,eventSource,eventName,errorMessage\n\
                    e1,2026-03-04T02:10:00Z,ecs.amazonaws.com,RunTask,\"a b\"\n\
                    e2,\"ListTasks,x\n\
                    e3,2026-03-04T02:10:00Z,ecs.amazonaws.com,StopTask,\n";
        let want = records(text);
        assert_eq!((want.len(), &want[0]["eventName"], &want[2]["eventID"]), (3, &Value::from("RunTask"), &Value::from("e3")));
        for delimiter in [";", "\t"] {
            let text = text.replace(',', delimiter);
            assert!(is_export(text.as_bytes()) && records(&text) == want, "{text}: {:?}", records(&text));
        }
        // Other delimiters within cells are text.
        assert_eq!(records("eventID;eventName;errorMessage\ne1;RunTask;a, b\tc\n")[0]["errorMessage"], "a, b\tc");
        assert_eq!(records("eventID,eventName,errorMessage\ne1,RunTask,a; b\tc\n")[0]["errorMessage"], "a; b\tc");
    }

    #[test]
    fn damage_costs_one_line() {
        let summary = |text: &str| {
            let mut out = Vec::new();
            read(text.as_bytes(), &Budget::default(), &mut |line| {
                out.push(match line {
                    CsvLine::Record(text, offset) => {
                        let record: Value = serde_json::from_str(&text).unwrap();
                        format!("{}@{offset}", record["eventID"].as_str().unwrap_or("?"))
                    }
                    CsvLine::Broken(_, offset) => format!("!@{offset}"),
                    CsvLine::Stopped(_, offset) => format!("#@{offset}"),
                });
            });
            out
        };
        let head = "eventID,eventName,errorMessage\n";
        assert_eq!(summary(&format!("{head}1,a,\"x\n2,b,c\n3,d,e\n")), ["!@31", "2@38", "3@44"]);
        assert_eq!(summary(&format!("{head}1,a,\"x\n2,b,\"c\n3,d,e\n")), ["!@31", "!@38", "3@45"]);
        assert_eq!(summary(&format!("{head}1,a,b,c\n2,b,c\n")), ["!@31", "2@39"]);
        assert_eq!(summary(&format!("{head}1,a,\"two\nlines\"\n2,b\n")), ["1@31", "2@47"]);
        assert_eq!(summary(&format!("{head}1,a,\"x")), Vec::<String>::from(["1@31".to_owned()]));
    }

    #[test]
    fn messages_of_logs_insights_are_records() {
        let text = "@timestamp,@message\n2026-03-04 02:10:00.000,\"{\"\"detail-type\"\":\"\"ECS Task State Change\"\"}\"\n";
        assert!(is_export(text.as_bytes()));
        assert_eq!(records(text)[0]["detail-type"], "ECS Task State Change");
        let line = "2 111122223333 eni-0a1b2c3d 10.0.1.5 10.0.2.9 49152 443 6 10 840 1772586000 1772586060 REJECT OK";
        assert_eq!(records(&format!("@timestamp,@message\n2026-03-04 02:10:00.000,{line}\n")), [Value::from(line)]);
    }

    #[test]
    fn a_column_of_records_may_have_any_name() {
        let call = r#""{""eventSource"":""ecs.amazonaws.com"",""eventName"":""RunTask""}""#;
        for (text, count) in [
            (format!("\"_raw\",\"_time\"\n{call},x\n{call},y\n"), 2),
            (format!("_id;event.original\n1;{call}\n"), 1),
            (format!("Line\n{}\n", call.replace("eventSource", "detail-type")), 1),
        ] {
            assert!(is_export(text.as_bytes()), "{text}");
            let records = records(&text);
            assert_eq!((records.len(), &records[0]["eventName"]), (count, &Value::from("RunTask")), "{text}");
        }
        let line = "2 111122223333 eni-0a1b2c3d 10.0.1.5 10.0.2.9 49152 443 6 10 840 1772586000 1772586060 REJECT OK";
        let flows = format!("\"_raw\",\"_time\"\n\"{line}\",\"x\"\n");
        assert!(is_export(flows.as_bytes()));
        assert_eq!(records(&flows), [Value::from(line)]);
        let pretty = "\"{\n  \"\"eventSource\"\": \"\"ecs.amazonaws.com\"\",\n  \"\"eventName\"\": \"\"RunTask\"\"\n}\"";
        let lines = format!("\"SRC\",\"AT\"\n{pretty},\"x\"\n{pretty},\"y\"\n");
        assert!(is_export(lines.as_bytes()));
        let calls = records(&lines);
        assert_eq!((calls.len(), &calls[0]["eventName"], &calls[0]), (2, &Value::from("RunTask"), &calls[1]));
        assert!(!is_export(b"name,note\na,\"{\"\"price\"\":1}\"\n"));
        let logged = format!("\"at\",\"line\"\n\"x\",\"INFO got {}\n", call.trim_start_matches('"'));
        assert!(is_export(logged.as_bytes()));
        let line = records(&logged).pop().unwrap();
        assert!(line.as_str().is_some_and(|line| line.starts_with("INFO got {\"eventSource\"")), "{line}");
    }

    #[test]
    fn columns_of_tasks_are_tasks() {
        let text = "@timestamp,detail.taskArn,detail.lastStatus,detail.stoppedReason,detail.containers.0.exitCode\n\
                    2026-04-02 07:00:00.000,arn:aws:ecs:eu-west-1:111122223333:task/depot/t1,STOPPED,\"Essential container, exited\",3\n";
        assert!(is_export(text.as_bytes()));
        let want = serde_json::json!({
            "taskArn": "arn:aws:ecs:eu-west-1:111122223333:task/depot/t1", "lastStatus": "STOPPED",
            "stoppedReason": "Essential container, exited", "containers": [{"exitCode": 3}], "stoppedAt": "2026-04-02 07:00:00.000"
        });
        assert_eq!(records(text), [want]);
    }

    #[test]
    fn other_tables_are_not_taken_for_exports() {
        assert!(!is_export(b"name,age,city\n"));
        assert!(!is_export(b"name,reason,stopped\n"));
        assert!(!is_export(b"{\"eventID\":1,\"eventTime\":2,\"eventName\":3}"));
    }
}
