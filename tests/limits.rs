//! What a file may cost, and that everything in it is accounted for.

use crate::support::{load_options, project};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ecs_audit::decode::budget::Limits;
use ecs_audit::discover::find_inputs;
use ecs_audit::load::{FileReport, LoadOptions, Silent, load};
use ecs_audit::store::MemorySink;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::Path;

fn record(number: usize) -> String {
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"IAMUser","userName":"ada"}},"eventTime":"2026-03-04T02:00:{:02}Z","eventSource":"ecs.amazonaws.com","eventName":"ListTasks","awsRegion":"us-east-1","eventID":"id-{number}","recipientAccountId":"111122223333"}}"#,
        number % 60
    )
}

fn records(count: usize) -> String {
    format!(r#"{{"Records":[{}]}}"#, (0..count).map(record).collect::<Vec<_>>().join(","))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn loaded_with(bytes: &[u8], limits: Limits) -> FileReport {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("input"), bytes).unwrap();
    let (inputs, _) = find_inputs(&[dir.path().join("input")], Path::new("/"), None);
    let options = LoadOptions { limits, ..load_options() };
    let report = load(&inputs, &MemorySink::default(), None, None, &options, &Silent).unwrap().pop().unwrap();
    assert!(report.balances(), "{report:?}");
    report
}

/// Loaded, duplicate, filtered and quarantined records, and why the last ones were.
fn account(bytes: impl AsRef<[u8]>) -> String {
    summary(&loaded_with(bytes.as_ref(), Limits::STANDARD))
}

fn summary(report: &FileReport) -> String {
    let whys: Vec<&str> = report.problems.iter().map(|problem| problem.why.as_str()).collect();
    format!("{}+{}+{}+{} {}", report.loaded, report.duplicate, report.filtered, report.quarantined, whys.join(","))
}

#[test]
fn what_is_damaged_within_an_envelope_is_named() {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let packed = gzip(record(1).as_bytes());
    let damaged = {
        let mut packed = packed.clone();
        let at = packed.len() - 12;
        packed[at] ^= 0xff;
        packed
    };
    let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
    let broken_base64 = base64(&packed).replacen('A', "*", 1);
    for (envelope, what) in [
        (r#"{"awslogs":{"data":@}}"#, "a CloudWatch subscription"),
        (r#"{"Records":[{"kinesis":{"data":@}}]}"#, "Kinesis"),
        (r#"{"records":[{"recordId":"1","data":@}]}"#, "Firehose"),
    ] {
        let wrap = |inner: &str| envelope.replace('@', &quoted(inner));
        assert_eq!(account(wrap(&base64(&packed))), "1+0+0+0 ", "{what}");
        assert!(account(wrap(&base64(&damaged))).ends_with("damaged_envelope"), "{what}: {}", account(wrap(&base64(&damaged))));
        assert_eq!(account(wrap(&broken_base64)), "0+0+0+1 damaged_envelope", "{what}");
    }
    let cut = quoted(&record(1)[..150]);
    for envelope in [
        r#"{"logEvents":[{"id":"1","timestamp":1,"message":@}]}"#,
        r#"{"Records":[{"EventSource":"aws:sns","Sns":{"Type":"Notification","Message":@}}]}"#,
        r#"{"Type":"Notification","Message":@}"#,
    ] {
        assert_eq!(account(envelope.replace('@', &cut)), "0+0+0+1 broken_json", "{envelope}");
    }
    let other = quoted(&format!("[{}", &record(1)[..150]));
    for envelope in [
        r#"{"Records":[%]}"#,
        r#"[%]"#,
        r#"["no record",[%]]"#,
        r#"{"results":[[{"field":"@message","value":%},{"field":"@ptr","value":"x"}]],"status":"Complete"}"#,
    ] {
        for cut in [&cut, &other] {
            let want = if envelope.contains("no record") { "0+0+1+1 broken_json" } else { "0+0+0+1 broken_json" };
            assert_eq!(account(envelope.replace('%', cut)), want, "{envelope}");
        }
    }
    // A record and a broken one in one text.
    let both = quoted(&format!("{} {}", record(1), &record(2)[..100]));
    assert_eq!(account(format!(r#"{{"message":{both}}}"#)), "1+0+0+1 broken_json");
}

#[test]
fn data_of_a_stream_that_does_not_open_is_quarantined() {
    let text = record(1);
    let sound = STANDARD.encode(&text);
    let changed = |at: usize, to: &str| format!("{}{to}{}", &sound[..at], &sound[at + 1..]);
    for envelope in [
        r#"{"Records":[{"eventSource":"aws:kinesis","kinesis":{"partitionKey":"p","sequenceNumber":"7","data":@}}]}"#,
        r#"{"Records":[{"Data":@,"PartitionKey":"p","SequenceNumber":"7"}],"MillisBehindLatest":0}"#,
        r#"{"deliveryStreamArn":"arn:aws:firehose:us-east-1:111122223333:deliverystream/d","records":[{"recordId":"1","data":@}]}"#,
    ] {
        let data = |inner: &str| account(envelope.replace('@', inner));
        let of = |inner: &str| data(&format!("\"{inner}\""));
        assert_eq!(of(&sound), "1+0+0+0 ", "{envelope}");
        // A letter that base64 does not have, in the middle and at the beginning; bytes that are not text; no base64 at all.
        let no_text = STANDARD.encode(b"\xff\xfe\x01");
        for damaged in [changed(90, "*"), changed(0, "!"), no_text, "A".to_owned(), "no base64".to_owned()] {
            assert_eq!(of(&damaged), "0+0+0+1 damaged_envelope", "{envelope}: {damaged}");
        }
        // The JSON is cut, or its first byte is damaged.
        let cut = STANDARD.encode(&text[..text.len() - 40]);
        let beginning = STANDARD.encode(format!("K{}", &text[1..]));
        for damaged in [&cut, &beginning] {
            assert_eq!(of(damaged), "0+0+0+1 broken_json", "{envelope}: {damaged}");
        }
        for missing in ["null", "7"] {
            assert_eq!(data(missing), "0+0+0+1 damaged_envelope", "{envelope}: {missing}");
        }
        // Nothing is lost with the text of another program.
        for harmless in [String::new(), STANDARD.encode("a line of a program"), STANDARD.encode(r#"{"a":1}"#)] {
            assert_eq!(of(&harmless), "0+0+1+0 ", "{envelope}: {harmless}");
        }
    }
    // Other envelopes hold texts of all kinds: only what begins like base64 of JSON is meant to be it.
    let message = |inner: &str| account(format!(r#"{{"message":"{inner}"}}"#));
    assert_eq!(message(&changed(90, "*")), "0+0+0+1 damaged_envelope");
    assert_eq!(message(&STANDARD.encode(&text[..120])), "0+0+0+1 broken_json");
    for harmless in ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln*", "ewo is a word", "A"] {
        assert_eq!(message(harmless), "0+0+1+0 ", "{harmless}");
    }
}

#[test]
fn a_message_that_is_not_a_record_is_judged_by_its_log_group() {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let group = |messages: &[&str]| {
        let event = |message: &&str| format!(r#"{{"id":"7","timestamp":1772589600000,"message":{}}}"#, quoted(message));
        let events: Vec<String> = messages.iter().map(event).collect();
        format!(r#"{{"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":[{}]}}"#, events.join(","))
    };
    let of = |messages: &[&str]| {
        let report = loaded_with(group(messages).as_bytes(), Limits::STANDARD);
        let packed = format!(r#"{{"awslogs":{{"data":"{}"}}}}"#, STANDARD.encode(gzip(group(messages).as_bytes())));
        assert_eq!(summary(&report), account(packed), "{messages:?}");
        format!("{}{}", summary(&report), report.filtered_as.join(","))
    };
    let (one, two) = (record(1), record(2));
    // A trail delivers to a group of its own.
    assert_eq!(of(&[&one, "buy milk", &two]), "2+0+0+1 unknown_shape");
    let others = ["", "[1,2]", r#"{"a":1}"#];
    assert_eq!(of(&[&one, others[0], others[1], others[2]]), "1+0+0+3 unknown_shape,unknown_shape,unknown_shape");
    // Lines of a program, and those of a function that prints the events it gets.
    assert_eq!(of(&["buy milk", r#"{"a":1}"#]), "0+0+2+0 log_line");
    assert_eq!(of(&["START RequestId: 1 Version: 2", &one, "done", "END RequestId: 1"]), "1+0+3+0 log_line");
    assert_eq!(of(&[r#"{"time":"t","type":"platform.start"}"#, &one]), "1+0+1+0 log_line");
    // The answer of `filter-log-events` and `get-log-events` is read one message at a time.
    let answer = |messages: &[&str]| {
        account(group(messages).replace(r#""messageType":"DATA_MESSAGE","logGroup":"g","logEvents""#, r#""events""#))
    };
    assert_eq!(answer(&[&one, "buy milk", &two, "", "beer"]), "2+0+0+3 unknown_shape");
    assert_eq!(answer(&["buy milk", "beer"]), "0+0+2+0 ");
    assert_eq!(answer(&["buy milk", &one, "START RequestId: 1 Version: 2"]), "1+0+2+0 ");
    // Damage among the lines of a program makes no group of records.
    assert_eq!(of(&["buy milk", &one[..100]]), "0+0+1+1 broken_jsonlog_line");
}

#[test]
fn a_text_with_records_has_the_limits_of_a_file() {
    let text: String = (0..3).map(|number| format!("got {}\n", record(number))).collect();
    let open = format!("got {}\n{}", record(1), "{\"taskArn\":[\n".repeat(100) + &"1,\n".repeat(3_000));
    let damaged = |resync: u64| summary(&loaded_with(open.as_bytes(), Limits { resync, ..Limits::STANDARD }));
    assert_eq!(damaged(64 << 20), "1+0+0+0 ");
    assert_eq!(damaged(0), "1+0+0+1 too_damaged");
    let cut = format!("got {}\n", &record(1)[..150]).repeat(Limits::STANDARD.remembered + 2);
    let report = loaded_with((text + &cut).as_bytes(), Limits::STANDARD);
    assert_eq!((report.loaded, report.quarantined), (3, Limits::STANDARD.remembered as u64 + 2));
}

/// Wraps a text in an envelope.
type Wrap<'w> = &'w dyn Fn(String) -> String;

#[test]
fn envelopes_are_counted_alike_in_every_form() {
    let quoted = |text: String| serde_json::Value::from(text).to_string();
    let in_text = |inner: String| format!(r#"{{"body":{}}}"#, quoted(inner));
    let in_list = |inner: String| format!(r#"{{"part":[{inner}]}}"#);
    let in_strings = |inner: String| format!(r#"{{"page":[{}]}}"#, quoted(inner));
    let in_turn = |depth: usize, forms: &[Wrap<'_>]| (0..depth).fold(record(1), |inner, level| forms[level % forms.len()](inner));
    let forms: [(&str, usize, &[Wrap<'_>]); 4] = [
        ("text", 10, &[&in_text]),
        ("list", 10, &[&in_list]),
        ("text and list", 10, &[&in_text, &in_list]),
        // An object and a text each.
        ("list of strings", 5, &[&in_strings]),
    ];
    for (name, most, forms) in forms {
        for depth in [1, most] {
            assert_eq!(account(in_turn(depth, forms)), "1+0+0+0 ", "{name}: {depth}");
        }
        // Whatever is deeper is never called a file without records.
        for depth in most + 1..=most + 4 {
            assert_eq!(account(in_turn(depth, forms)), "0+0+0+1 too_deep", "{name}: {depth}");
        }
    }
}

#[test]
fn every_list_and_layer_is_read() {
    let one = record(1);
    for text in
        [format!(r#"{{"Records":[{one}],"More":[{}]}}"#, record(2)), format!(r#"{{"More":[{}],"Records":[{one}]}}"#, record(2))]
    {
        assert_eq!(account(text), "2+0+0+0 ");
    }
    let utf16 = |unit: fn(u16) -> [u8; 2], mark: [u8; 2]| -> Vec<u8> {
        mark.into_iter().chain(one.encode_utf16().flat_map(unit)).collect()
    };
    assert_eq!(account(utf16(u16::to_le_bytes, [0xff, 0xfe])), "1+0+0+0 ");
    assert_eq!(account(utf16(u16::to_be_bytes, [0xfe, 0xff])), "1+0+0+0 ");
    let utf32 = |unit: fn(u32) -> [u8; 4]| -> Vec<u8> {
        format!("\u{feff}{one}").chars().flat_map(|letter| unit(letter.into())).collect()
    };
    for wide in [utf32(u32::to_le_bytes), utf32(u32::to_be_bytes)] {
        let report = loaded_with(&wide, Limits::STANDARD);
        assert_eq!((summary(&report).as_str(), report.notes), ("1+0+0+0 ", vec!["decoded from UTF-32".to_owned()]));
    }
    let zlib = {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(one.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    assert_eq!(account(&zlib), "1+0+0+0 ");
    assert!(account(&zlib[..zlib.len() - 2]).ends_with("truncated_zlib"), "{}", account(&zlib[..zlib.len() - 2]));
    assert_eq!(account([&*zlib, b"more"].concat()), "1+0+0+1 damaged_zlib");
    assert_eq!(
        account("ada,2026-03-04T02:00:01Z,ecs.amazonaws.com,RunTask\nada,2026-03-04T02:00:02Z,ecs.amazonaws.com,StopTask\n"),
        "0+0+0+1 unknown_shape"
    );
    assert_eq!(account(gzip(&gzip(one.as_bytes()))), "1+0+0+0 ");
    let mut wrong = gzip(one.as_bytes());
    let at = wrong.len() - 8;
    wrong[at..at + 4].fill(0);
    assert_eq!(account(&wrong), "1+0+0+1 damaged_gzip");
    wrong[at] = 1;
    assert_eq!(account(&wrong), "1+0+0+1 damaged_gzip");
    let wrapped = |depth: usize| (0..depth).fold(one.clone(), |inner, _| format!(r#"{{"x":{inner}}}"#));
    assert_eq!(account(wrapped(10)), "1+0+0+0 ");
    assert_eq!(account(wrapped(11)), "0+0+0+1 too_deep");
}

#[test]
fn damaged_lines_cost_themselves() {
    let head = "eventID,eventName,eventSource,eventTime\n";
    let line = |number: usize| format!("e{number},ListTasks,ecs.amazonaws.com,2026-03-04T02:00:0{number}Z\n");
    assert_eq!(account(format!("{head}{}e2,\"ListTasks,x,y\n{}", line(1), line(3))), "2+0+0+1 broken_csv");
    assert_eq!(account(format!("{head}{}e2,a,b,c,d\n{}", line(1), line(3))), "2+0+0+1 broken_csv");
    let header = "version account-id interface-id srcaddr dstaddr start end action\n";
    let flow = |number: usize| format!("2 111122223333 eni-1 10.0.0.1 10.0.0.{number} 1418530010 1418530070 ACCEPT\n");
    let bad = "srcaddr dstaddr action version\n10.0.0.1 10.0.0.2 ACCEPT 2\n";
    let report = account(format!("{header}{}{bad}{header}{}", flow(1), flow(2)));
    assert_eq!(report, "2+0+0+1 flow_format");
    // A format without addresses and ports: equal lines may be several flows.
    let short = "start end action\n1418530010 1418530070 REJECT\n1418530010 1418530070 REJECT\n";
    assert!(account(short).starts_with("1+1+0+0") || account(short).starts_with("2+0+0+0"), "{}", account(short));
}

#[test]
fn damaged_records_cost_themselves() {
    let [one, two, three] = [1, 2, 3].map(record);
    let list = |items: &[&str]| format!(r#"{{"Records":[{}]}}"#, items.join(","));
    let broken = [
        two.replacen("\"1.09\"", "\"1.09", 1),
        two.replacen(":", "", 1),
        two.strip_suffix('}').unwrap().to_owned(),
        two.replacen("}", "", 1),
        two.replacen("{\"type\"", "[\"type\"", 1),
    ];
    for broken in &broken {
        let report = loaded_with(list(&[&one, broken, &three]).as_bytes(), Limits::STANDARD);
        assert_eq!((report.loaded, report.quarantined > 0), (2, true), "{broken}: {report:?}");
        // Many in turn, so that the search for the next record adapts.
        let items: Vec<String> = (0..60).flat_map(|number| [broken.clone(), record(number)]).collect();
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        let report = loaded_with(list(&items).as_bytes(), Limits::STANDARD);
        assert_eq!(report.loaded, 60, "{broken}: {}", summary(&report));
    }
}

#[test]
fn each_limit_of_a_file_is_met_and_exceeded_by_one() {
    let text = records(3);
    let size = text.len() as u64;
    let ok = "3+0+0+0 ";
    let plain = |limits: Limits| summary(&loaded_with(text.as_bytes(), limits));
    assert_eq!(plain(Limits { file_bytes: size, ..Limits::STANDARD }), ok);
    assert_eq!(plain(Limits { file_bytes: size - 1, ..Limits::STANDARD }), "0+0+0+1 unreadable");
    let packed = gzip(text.as_bytes());
    let inflated = |inflated: u64| {
        summary(&loaded_with(&packed, Limits { inflated, ratio: 0, ratio_large: 0, inflated_large: 0, ..Limits::STANDARD }))
    };
    assert_eq!((inflated(size).as_str(), inflated(size - 1).as_str()), (ok, "0+0+0+1 decompression_bomb"));
    // Many small records: fewer bytes on disk than records.
    let many = gzip(format!("[{}]", vec!["{}"; 5000].join(",")).as_bytes());
    let most = |records: u64| loaded_with(&many, Limits { records, ..Limits::STANDARD });
    assert_eq!(most(5000).filtered, 5000);
    let report = most(4999);
    assert_eq!((report.filtered, summary(&report).as_str()), (4999, "0+0+4999+1 too_many_records"));
    let nodes = |file_nodes: u64| loaded_with(&many, Limits { file_nodes, ..Limits::STANDARD });
    assert_eq!((nodes(5000).quarantined, nodes(4999).quarantined), (0, 1));
}

#[test]
fn messages_share_the_budget_of_their_file() {
    let bomb = STANDARD.encode(gzip(&vec![b' '; 1 << 20]));
    let messages: Vec<String> = (0..50).map(|_| format!(r#"{{"data":"{bomb}"}}"#)).collect();
    let text = format!(r#"{{"Records":[{}]}}"#, messages.join(","));
    let limits = Limits { inflated: 10 << 20, inflated_large: 0, ratio_large: 0, ..Limits::STANDARD };
    let report = loaded_with(text.as_bytes(), limits);
    assert_eq!(report.problems.iter().filter(|problem| problem.why == "decompression_bomb").count(), 40);
}

#[test]
fn rejected_records_are_remembered_up_to_a_limit() {
    for count in [1000, 1001, 5000] {
        let text = "[{\"a\":1}".to_owned() + &",{\"a\":[1}".repeat(count) + "]";
        let report = loaded_with(text.as_bytes(), Limits::STANDARD);
        assert_eq!((report.quarantined, report.problems.len()), (count as u64, count.min(1001)), "{count}");
        if count > 1001 {
            let last = report.problems.last().unwrap();
            assert!(last.detail.starts_with("4000 more records") && last.why == "broken_json", "{last:?}");
        }
    }
}

#[test]
fn one_id_with_two_contents_is_a_conflict() {
    let [one, other] = [record(1), record(1).replace("ListTasks", "DeleteCluster")];
    let same = account(format!(r#"{{"Records":[{one},{one}]}}"#));
    assert_eq!(same, "1+1+0+0 ");
    let loaded = |first: &str, second: &str, third: &str| {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("a", first), ("b", second), ("c", third)] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let (inputs, _) = find_inputs(&[dir.path().to_path_buf()], Path::new("/"), None);
        let sink = MemorySink::default();
        let reports = load(&inputs, &sink, None, None, &load_options(), &Silent).unwrap();
        assert!(reports.iter().all(FileReport::balances));
        let total = |count: fn(&FileReport) -> u64| reports.iter().map(count).sum::<u64>();
        let problems: Vec<_> =
            reports.iter().flat_map(|report| report.problems.iter().map(move |problem| (report, problem))).collect();
        assert_eq!(problems.len(), 1, "{reports:?}");
        let (report, problem) = problems[0];
        assert_eq!(problem.why, "conflicting_id");
        // Both files are named.
        let others = ["/a ", "/b ", "/c "].iter().filter(|name| problem.detail.contains(*name)).count();
        assert!(others == 1 && !problem.detail.contains(&format!("{} ", report.name)), "{problem:?}");
        let memory = sink.finish(&reports, 0).unwrap();
        let calls = &memory.batches[&ecs_audit::table::Table::Calls];
        let rows: Vec<String> = calls
            .iter()
            .flat_map(|batch| {
                let column =
                    arrow::compute::cast(batch.column_by_name("event_name").unwrap(), &arrow::datatypes::DataType::Utf8).unwrap();
                let column = arrow::array::AsArray::as_string::<i32>(&column).clone();
                (0..batch.num_rows()).map(move |row| column.value(row).to_owned()).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(rows.len(), 1);
        (rows, total(|report| report.loaded), total(|report| report.duplicate), total(|report| report.quarantined))
    };
    let (kept, ..) = loaded(&one, &one, &other);
    for (first, second, third) in [(&one, &one, &other), (&one, &other, &one), (&other, &one, &one)] {
        for _ in 0..5 {
            assert_eq!(loaded(first, second, third), (kept.clone(), 1, 1, 1));
        }
    }
}

#[test]
fn one_id_with_many_contents_is_as_many_conflicts() {
    let contents: Vec<String> = (0..300).map(|number| record(1).replace("ListTasks", &format!("ListTasks{number}"))).collect();
    let report = loaded_with(contents.join("\n").as_bytes(), Limits::STANDARD);
    assert_eq!((report.loaded, report.duplicate, report.quarantined), (1, 0, 299));
    let twice = [contents.join("\n"), contents.join("\n")].join("\n");
    let report = loaded_with(twice.as_bytes(), Limits::STANDARD);
    assert_eq!((report.loaded, report.duplicate, report.quarantined), (1, 300, 299));
}

#[test]
fn the_page_of_limits_has_the_numbers() {
    let page = std::fs::read_to_string(project().join("docs/limits.md")).unwrap();
    let Limits { file_bytes, text_bytes, inflated, ratio, inflated_large, ratio_large, message_bytes, records, .. } =
        Limits::STANDARD;
    let Limits { record_bytes, nodes, file_nodes, resync, remembered, notes, .. } = Limits::STANDARD;
    let size = |bytes: u64| if bytes >= 1 << 30 { format!("{} GiB", bytes >> 30) } else { format!("{} MiB", bytes >> 20) };
    let expected = [
        ("File on disk", size(file_bytes)),
        ("Decompressed text", size(text_bytes as u64)),
        ("Decompressed bytes of a file", format!("{ratio} per byte on disk up to {}", size(inflated_large))),
        ("Decompressed bytes of a file", format!("{ratio_large} per byte")),
        ("Decompressed bytes of a file", size(inflated)),
        ("Compressed message in a record", size(message_bytes as u64)),
        ("Records of a file", format!("{} million", records / 1_000_000)),
        ("Record", size(record_bytes as u64)),
        ("Values and keys of a record", format!("{} million", nodes / 1_000_000)),
        ("Values and keys of a file", format!("{} million", file_nodes / 1_000_000)),
        ("Search after damage", size(resync)),
        ("Rejected records with details", remembered.to_string()),
        ("Notes of a file", notes.to_string()),
    ];
    for (name, number) in expected {
        let line =
            page.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap_or_else(|| panic!("no line for {name}"));
        assert!(line.contains(&number), "{name}: expected {number} in: {line}");
    }
}
