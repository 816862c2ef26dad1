//! CSV exports: event-history downloads of the console, CloudTrail Lake results, Logs Insights and log platforms.
//!
//! In: the plain bytes of a file with a header line. Out: one record as JSON per line. If a column holds a complete
//! record, that is used; otherwise a CloudTrail record or a task is assembled from the columns.

use super::budget::{Budget, Exceeded};
use super::cells::{self, Unreadable};
use super::looks::{is_arn, is_date};
use super::{flow, objects, quoted, reduced};
use serde_json::{Map, Value};
use std::io::Cursor;

/// A line of a CSV export.
#[derive(Debug)]
pub enum CsvLine {
    /// The record as JSON, and the offset of its line.
    Record(String, u64),
    /// An unreadable line, with the error and the offset of the line.
    Broken(String, u64),
    /// A line with an object that cannot be read, and the offset of the line.
    Unreadable(Unreadable, u64),
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
            || objects::is_header(&header)
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
    let of_calls = is_header(&header);
    let (of_tasks, of_objects) = (!of_calls && reduced::is_header(&header), !of_calls && objects::is_header(&header));
    let at = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
    let Some(rest) = table.get(at..) else { return };
    Lines { rest, before: mark + at, columns: header.len(), delimiter }.read(budget, &mut |line| match line {
        Line::Cells(cells, offset) => {
            let named = names.iter().map(String::as_str).zip(cells.iter());
            let record = if of_objects {
                objects::object_of_cells(named)
            } else if of_tasks {
                reduced::object_of_cells(named)
            } else {
                record_text(header.iter().map(String::as_str).zip(cells.iter()))
            };
            on(match record {
                Ok(text) => CsvLine::Record(text, offset),
                Err(unreadable) => CsvLine::Unreadable(unreadable, offset),
            });
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

/// The record that cells with plain names describe.
pub(super) fn record_text<'a>(cells: impl Iterator<Item = (&'a str, &'a str)>) -> Result<String, Unreadable> {
    let mut record = Map::new();
    let mut printed = None;
    for (name, cell) in cells {
        if cells::is_missing(cell) {
            continue;
        }
        let is_record = || ["\"eventSource\"", "\"detail-type\""].iter().any(|key| cell.contains(key));
        if begins_object(cell) && (name == "message" || is_record()) {
            return Ok(cell.to_owned());
        }
        // The text of a line of a flow log is a JSON string.
        if flow::is_default_record(cell) || name == "message" && flow::is_record(cell) {
            return Ok(Value::from(cell).to_string());
        }
        let Some((_, key)) = COLUMNS.iter().find(|(known, _)| *known == name) else {
            // A line of a log before its record, or a record as a program prints it.
            if quoted::holds_record(cell.as_bytes()) || quoted::prints_record(cell.as_bytes()) {
                printed = printed.or(Some(cell));
            }
            continue;
        };
        put(&mut record, key, cells::of_call(key, cell)?);
    }
    Ok(match printed {
        // A call whose columns are complete may be beside a text about another record.
        Some(cell) if !record.contains_key("eventName") => Value::from(cell).to_string(),
        _ => Value::Object(record).to_string(),
    })
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

#[cfg(test)]
mod tests;
