use super::*;

fn records(text: &str) -> Vec<Value> {
    let mut out = Vec::new();
    read(text.as_bytes(), &Budget::default(), &mut |line| match line {
        CsvLine::Record(text, _) => out.push(serde_json::from_str(&text).unwrap()),
        CsvLine::Broken(why, _) => out.push(Value::from(why)),
        CsvLine::Unreadable(row, _) => out.push(Value::from(format!("unreadable {}", row.column))),
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
fn cells_may_hold_python_literals() {
    let head = "eventTime,eventSource,eventName,readOnly,errorCode,userIdentity,requestParameters";
    let line = "2026-03-04T02:10:00Z,ecs.amazonaws.com,RunTask,False,nan,\"{'type': 'AssumedRole', 'arn': None}\",";
    let good =
        format!("{head}\n{line}\"{{'cluster': 'batch', 'overrides': {{'containerOverrides': [{{'name': \"\"it's\"\"}}]}}}}\"\n");
    let record = &records(&good)[0];
    assert_eq!(
        (&record["requestParameters"]["cluster"], &record["userIdentity"]["type"]),
        (&Value::from("batch"), &Value::from("AssumedRole"))
    );
    assert_eq!(
        (&record["requestParameters"]["overrides"]["containerOverrides"][0]["name"], record.get("errorCode")),
        (&Value::from("it's"), None)
    );
    for cell in ["{'cluster': datetime.date(2026, 3, 4)}", "{'cluster': 'ba", "{cluster: 'batch'}"] {
        let text = format!("{head}\n{line}\"{cell}\"\n{line}None\n");
        let records = records(&text);
        assert_eq!(
            (&records[0], &records[1]["eventName"]),
            (&Value::from("unreadable requestParameters"), &Value::from("RunTask")),
            "{cell}"
        );
    }
    let tabs =
        "eventName\teventSource\tawsRegion\trequestParameters\nRunTask\tecs.amazonaws.com\teu-west-1\t{'cluster': 'batch'}\n";
    assert_eq!(records(tabs)[0]["requestParameters"]["cluster"], "batch");
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
                CsvLine::Broken(_, offset) | CsvLine::Unreadable(_, offset) => format!("!@{offset}"),
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
    let described = |containers: &str| format!("taskArn,lastStatus,stoppedReason,containers\nt1,STOPPED,x,\"{containers}\"\n");
    let want = serde_json::json!([{"name": "web", "exitCode": 3, "reason": null}]);
    assert_eq!(records(&described("[{'name': 'web', 'exitCode': 3, 'reason': None}]"))[0]["containers"], want);
    assert_eq!(
        records(&described("[{'name': 'web', 'at': datetime.datetime(2026, 3, 4)}]")),
        [Value::from("unreadable containers")]
    );
}

#[test]
fn other_tables_are_not_taken_for_exports() {
    assert!(!is_export(b"name,age,city\n"));
    assert!(!is_export(b"name,reason,stopped\n"));
    assert!(!is_export(b"{\"eventID\":1,\"eventTime\":2,\"eventName\":3}"));
}
