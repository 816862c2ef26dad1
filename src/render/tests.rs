//! Tests every format with the same hostile result, byte for byte.

use std::io;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListBuilder, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use jiff::tz::TimeZone;

use super::*;
use crate::answer::{AnswerWindow, Column, ColumnKind};

/// Two rows: a normal one, and one that is as hostile as a log can be.
pub(super) fn fixture() -> Answer {
    let mut ids = ListBuilder::new(StringBuilder::new());
    ids.append_value([Some("a1"), Some("b2")]);
    ids.append_null();
    let columns: Vec<(&str, ColumnKind, ArrayRef)> = vec![
        (
            "time",
            ColumnKind::Time,
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1_772_619_247_250_000), None]).with_timezone("UTC")),
        ),
        ("reason", ColumnKind::Text, Arc::new(StringArray::from(vec!["失敗 | AGENT", "=cmd()\u{1b}[2J\n<script>\u{202e}"]))),
        ("count", ColumnKind::Int, Arc::new(Int64Array::from(vec![14, i64::MAX]))),
        ("share", ColumnKind::Share, Arc::new(Float64Array::from(vec![Some(0.125), None]))),
        ("length", ColumnKind::Duration, Arc::new(Float64Array::from(vec![135.0, f64::NAN]))),
        ("failed", ColumnKind::Bool, Arc::new(BooleanArray::from(vec![true, false]))),
        ("ids", ColumnKind::List, Arc::new(ids.finish())),
    ];
    answer(columns)
}

/// The same columns without a row.
pub(super) fn nothing() -> Answer {
    Answer { batches: Vec::new(), ..fixture() }
}

fn answer(columns: Vec<(&str, ColumnKind, ArrayRef)>) -> Answer {
    let field = |(name, _, array): &(&str, ColumnKind, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let shown = columns.iter().map(|(name, kind, _)| Column { name: (*name).to_owned(), kind: *kind });
    let shown = shown.collect();
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    Answer {
        query: "failures where reason = \"<b>\"".into(),
        columns: shown,
        schema: schema.clone(),
        batches: vec![RecordBatch::try_new(schema, arrays).unwrap()],
        window: AnswerWindow {
            from: Some("2026-02-25T10:14:07Z".parse().unwrap()),
            to: None,
            origin: "7d before newest event".into(),
        },
        spark: false,
    }
}

fn written(format: Format, answer: &Answer, look: &Look) -> String {
    let mut bytes = Vec::new();
    render(format, answer, look, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn plain(format: Format, answer: &Answer) -> String {
    written(format, answer, &Look::default())
}

#[test]
fn table_lines_up() {
    assert_eq!(
        plain(Format::Table, &fixture()),
        "\
time                     reason                                           count  share  length  failed  ids
──────────────────────────────────────────────────────────────────────────────────────────────────────────────
2026-03-04T10:14:07.25Z  失敗 | AGENT                                        14  12.5%  2m 15s  true    a1, b2
—                        =cmd()\\u{1b}[2J\\n<script>\\u{202e}  9223372036854775807      —    NaNs  false   —
"
    );
}

#[test]
fn table_fits_the_terminal() {
    let look = |width| Look { width: Some(width), ..Look::default() };
    for width in 24..130 {
        let table = written(Format::Table, &fixture(), &look(width));
        let widest = table.lines().map(shorten::width_of).max().unwrap();
        assert!(widest <= width, "{widest} > {width}\n{table}");
        assert!(table.contains("2026-03-04T10:14:07.25Z"), "{table}");
        assert!(!table.contains("9223") || table.contains("9223372036854775807"), "{table}");
        let header = table.lines().next().unwrap();
        let left_out = table.lines().position(|line| line.contains(" more column")).is_some();
        let named = ["reason", "count", "share", "length", "failed", "ids"].map(|name| table.contains(name));
        assert!(named == [true; 6], "{width}\n{table}");
        assert!(left_out != header.contains("ids"), "{table}");
    }
}

#[test]
fn a_hint_says_how_to_see_the_other_columns() {
    let look = Look { width: Some(60), layout: Layout::Lines { hint: "--expanded shows them" }, ..Look::default() };
    let table = written(Format::Table, &fixture(), &look);
    let last: Vec<&str> = table.lines().skip(4).collect();
    assert_eq!(last, ["5 more columns: count, share, length, failed, ids", "(--expanded shows them)"]);
}

#[test]
fn rows_can_be_one_below_the_other() {
    let look = Look { layout: Layout::Expanded, ..Look::default() };
    let text = written(Format::Table, &fixture(), &look);
    assert!(text.contains("count   14\nshare   12.5%\nlength  2m 15s\n"), "{text}");
    assert!(text.contains("ids     —\n") && text.contains("─[ 2 ]─"), "{text}");
    let layout = Layout::Wrapped { hint: "--json shows them" };
    let wrapped = written(Format::Table, &fixture(), &Look { width: Some(90), layout, ..Look::default() });
    assert!(wrapped.contains("(--json shows them)") && wrapped.contains("ids"), "{wrapped}");
}

#[test]
fn only_the_header_is_bold_and_missing_values_are_faint() {
    let look = Look { color: true, ..Look::default() };
    let table = written(Format::Table, &fixture(), &look);
    let (header, rest) = table.split_once('\n').unwrap();
    assert!(header.starts_with("\u{1b}[1mtime"), "{header:?}");
    assert!(rest.contains("\u{1b}[2m—\u{1b}[22m") && rest.contains("\u{1b}[31mtrue"), "{rest:?}");
    assert!(!plain(Format::Table, &fixture()).contains('\u{1b}'));
}

#[test]
fn csv_is_safe_and_keeps_its_line_ends() {
    assert_eq!(
        plain(Format::Csv, &fixture()),
        "time,reason,count,share,length,failed,ids\n\
         2026-03-04T10:14:07.25Z,失敗 | AGENT,14,0.125,135,true,\"a1, b2\"\n\
         ,\"'=cmd()\\u{1b}[2J\n<script>\\u{202e}\",9223372036854775807,,NaN,false,\n"
    );
}

#[test]
fn csv_quotes_only_what_needs_it() {
    let texts = vec!["a,b", "say \"hi\"", "-5", "-x"];
    let texts: ArrayRef = Arc::new(StringArray::from(texts));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![-5, 0, 1, 2]));
    let answer = answer(vec![("=text", ColumnKind::Text, texts), ("n", ColumnKind::Int, numbers)]);
    assert_eq!(plain(Format::Csv, &answer), "'=text,n\n\"a,b\",-5\n\"say \"\"hi\"\"\",0\n-5,1\n'-x,2\n");
}

#[test]
fn json_has_real_types() {
    let text = plain(Format::Json, &fixture());
    assert_eq!(
        text,
        r#"{"schema":"ecs-audit/rows/1",
 "query":"failures where reason = \"<b>\"",
 "window":{"from":"2026-02-25T10:14:07Z","to":null,"origin":"7d before newest event"},
 "columns":[{"name":"time","type":"time"},{"name":"reason","type":"text"},{"name":"count","type":"int"},{"name":"share","type":"share"},{"name":"length","type":"duration"},{"name":"failed","type":"bool"},{"name":"ids","type":"list"}],
 "rows":[
{"time":"2026-03-04T10:14:07.25Z","reason":"失敗 | AGENT","count":14,"share":0.125,"length":135.0,"failed":true,"ids":["a1","b2"]},
{"time":null,"reason":"=cmd()\u001b[2J\n<script>\u202e","count":9223372036854775807,"share":null,"length":null,"failed":false,"ids":null}
]}
"#
    );
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(parsed["rows"][1]["count"], i64::MAX);
    assert_eq!(parsed["rows"][1]["reason"], "=cmd()\u{1b}[2J\n<script>\u{202e}");
}

#[test]
fn ndjson_is_the_rows_of_json() {
    let rows: Vec<serde_json::Value> =
        plain(Format::Ndjson, &fixture()).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let whole: serde_json::Value = serde_json::from_str(&plain(Format::Json, &fixture())).unwrap();
    assert_eq!(whole["rows"], serde_json::Value::Array(rows));
}

#[test]
fn markdown_is_a_table_and_nothing_else() {
    assert_eq!(
        plain(Format::Markdown, &fixture()),
        "\
| time | reason | count | share | length | failed | ids |
| --- | --- | --: | --: | --: | --- | --- |
| 2026-03-04T10:14:07.25Z | 失敗 \\| AGENT | 14 | 12.5% | 2m 15s | true | a1, b2 |
| — | =cmd()\\\\u{1b}\\[2J<br>&lt;script&gt;\\\\u{202e} | 9223372036854775807 | — | NaNs | false | — |
"
    );
}

#[test]
fn html_shows_query_window_and_no_markup_of_others() {
    let page = plain(Format::Html, &fixture());
    assert!(page.contains("<h1>failures where reason = &quot;&lt;b&gt;&quot;</h1>"));
    assert!(page.contains("<p class=\"soft\">window 2026-02-25T10:14:07Z … last record (7d before newest event) · 2 rows</p>"));
    assert!(page.contains("<td>=cmd()\\u{1b}[2J\n&lt;script&gt;\\u{202e}</td><td class=\"n\">9223372036854775807</td>"));
    assert!(page.contains("<td class=\"t\">2026-03-04T10:14:07.25Z</td>") && !page.contains("<td class=\"w\">"), "{page}");
    assert!(!page.contains("<script") && !page.contains('\u{202e}'));
    assert!(page.ends_with("</table></div>\n</main>\n</body>\n</html>\n"));
}

#[test]
fn an_empty_answer_has_its_headers() {
    let empty = nothing();
    assert_eq!(plain(Format::Table, &empty), format!("time  reason  count  share  length  failed  ids\n{}\n", "─".repeat(47)));
    assert_eq!(plain(Format::Csv, &empty), "time,reason,count,share,length,failed,ids\n");
    assert!(plain(Format::Json, &empty).ends_with("\"rows\":[]}\n"));
    assert_eq!(plain(Format::Ndjson, &empty), "");
    assert_eq!(plain(Format::Markdown, &empty).lines().count(), 2);
    assert!(plain(Format::Html, &empty).contains("0 rows"));
}

#[test]
fn an_answer_without_columns_does_no_harm() {
    let mut empty = nothing();
    empty.columns.clear();
    empty.schema = Arc::new(Schema::empty());
    for format in Format::ALL {
        let mut bytes = Vec::new();
        render(format, &empty, &Look::default(), &mut bytes).unwrap();
    }
}

#[test]
fn times_are_in_the_zone_of_the_reader() {
    let look = Look { tz: TimeZone::get("Asia/Tokyo").unwrap(), ..Look::default() };
    for format in Format::ALL.into_iter().filter(|format| !format.is_binary()) {
        let text = written(format, &fixture(), &look);
        assert!(text.contains("2026-03-04T19:14:07.25+09:00"), "{text}");
        assert!(!text.contains("10:14:07"), "{text}");
    }
}

#[test]
fn the_same_answer_gives_the_same_bytes() {
    for format in Format::ALL {
        let bytes = || {
            let mut bytes = Vec::new();
            render(format, &fixture(), &Look::default(), &mut bytes).unwrap();
            bytes
        };
        assert_eq!(bytes(), bytes(), "{format}");
    }
}

#[test]
fn rows_do_not_depend_on_how_they_are_batched() {
    let whole = fixture();
    let batch = &whole.batches[0];
    let split = Answer { batches: vec![batch.slice(0, 1), batch.slice(1, 0), batch.slice(1, 1)], ..whole.clone() };
    for format in Format::ALL.into_iter().filter(|format| !format.is_binary()) {
        assert_eq!(plain(format, &split), plain(format, &whole));
    }
}

#[test]
fn a_closed_pipe_is_passed_up_as_it_came() {
    struct Closed;
    impl io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for format in Format::ALL {
        let error = render(format, &fixture(), &Look::default(), &mut Closed).unwrap_err();
        assert!(matches!(&error, RenderError::Io(e) if e.kind() == io::ErrorKind::BrokenPipe), "{format}: {error:?}");
    }
}

#[test]
fn a_wrong_number_of_columns_is_an_error() {
    let mut broken = fixture();
    broken.columns.pop();
    let error = render(Format::Table, &broken, &Look::default(), &mut io::sink());
    let shape = matches!(error, Err(RenderError::Shape { named: 6, found: 7 }));
    assert!(shape);
}

#[test]
fn trends_stand_below_the_table() {
    let hours = [0, 0, 3600, 3600].map(|second: i64| second * 1_000_000);
    let mut trends = answer(vec![
        ("hour", ColumnKind::Time, Arc::new(TimestampMicrosecondArray::from(hours.to_vec()))),
        ("reason", ColumnKind::Text, Arc::new(StringArray::from(vec!["AGENT", "CPU", "AGENT", "CPU"]))),
        ("count", ColumnKind::Int, Arc::new(Int64Array::from(vec![0, 7, 3, 14]))),
    ]);
    trends.spark = true;
    let table = plain(Format::Table, &trends);
    let (_, below) = table.split_once("\n\n").unwrap();
    assert_eq!(
        below,
        "reason  total count  trend\n──────────────────────────\nCPU              21  ▅█\nAGENT             3  ▁█\n"
    );
    assert!(plain(Format::Html, &trends).contains("<td class=\"trend\">▁█</td>"));
    assert!(!plain(Format::Csv, &trends).contains('█'));
}
