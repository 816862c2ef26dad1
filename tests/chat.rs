//! Results for chats and tickets: messages that Slack accepts, and Markdown in which no record acts.

use crate::support::{TestEnv, project};
use serde_json::Value;

fn loaded() -> TestEnv {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    env
}

/// The texts of a message: the header first. Panics if it is not what Slack accepts.
fn message(text: &str) -> Vec<String> {
    let message: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(!message["text"].as_str().unwrap().is_empty());
    let blocks = message["blocks"].as_array().unwrap();
    assert!((1..=50).contains(&blocks.len()), "{}", blocks.len());
    let text = |block: &Value| {
        let (text, most) = match block["type"].as_str().unwrap() {
            "header" => (&block["text"], 150),
            "section" => (&block["text"], 3000),
            "context" => (&block["elements"][0], 3000),
            other => panic!("{other}"),
        };
        assert_eq!(text["type"], if block["type"] == "header" { "plain_text" } else { "mrkdwn" });
        let text = text["text"].as_str().unwrap();
        assert!((1..=most).contains(&text.chars().count()), "{text}");
        assert_eq!(text.matches("```").count() % 2, 0, "{text}");
        // Slack reads mentions and links between angle brackets.
        assert!(!text.contains(['<', '>']), "{text}");
        text.to_owned()
    };
    assert_eq!(blocks[0]["type"], "header");
    blocks.iter().map(text).collect()
}

#[test]
fn a_query_is_a_message_with_its_table() {
    let env = loaded();
    let query = "failures where reason = AGENT since 7d by family";
    let texts = message(&env.run(&["query", query, "--format", "slack", "--quiet"]).ok().out);
    assert_eq!(texts[0], query);
    assert!(texts[1].starts_with("2026-03-01T03:20:11Z … ") && texts[1].ends_with(" · 4 rows"), "{}", texts[1]);
    assert!(
        texts[2].starts_with("```\nfamily ") && texts[2].contains("\nfeed-sync ") && texts[2].ends_with("\n```"),
        "{}",
        texts[2]
    );
    assert_eq!(texts.len(), 3);
    // Rows beyond the limits are counted.
    let many = "select repeat('x', 99) as a from calls, files";
    let long = message(&env.run(&["sql", many, "--format", "slack"]).ok().out);
    assert!(long.last().unwrap().ends_with(" more lines do not fit into a message"), "{}", long.last().unwrap());
    env.run(&["query", query, "--out", "message.slack", "--quiet"]).ok();
    message(&std::fs::read_to_string(env.path("message.slack")).unwrap());
}

#[test]
fn no_record_acts_in_a_message() {
    let env = loaded();
    let sql = "select '<!channel> <@U1> & ``` end' as a";
    let texts = message(&env.run(&["sql", sql, "--format", "slack"]).ok().out);
    assert!(texts.concat().contains("&lt;!channel&gt; &lt;@U1&gt; &amp; ''' end"), "{texts:?}");
}

#[test]
fn explanations_checks_and_briefs_are_messages() {
    let env = loaded();
    let explained = message(&env.run(&["explain", "last", "--format", "slack"]).ok().out);
    assert!(explained.iter().any(|text| text.starts_with("*Failure*\n• ")), "{explained:?}");
    let text = env.run(&["explain", "last"]).ok().out;
    for heading in text.lines().filter(|line| !line.starts_with(' ')) {
        assert!(explained.iter().any(|text| text.starts_with(&format!("*{heading}*"))), "{heading}: {explained:?}");
    }
    for arguments in [
        &["explain", "--all", "--since", "7d"][..],
        &["explain", "quota", "ap-northeast-1"],
        &["timeline", "ecs-svc/1931771335527380427"],
        &["changes", "last"],
    ] {
        let ran = env.run(&[arguments, &["--format", "slack"]].concat()).ok();
        assert!(message(&ran.out).len() > 1, "{arguments:?}");
    }
    let checked = env.run(&["check", "--since", "7d", "--format", "slack"]);
    assert_eq!(checked.code, 1);
    let texts = message(&checked.out);
    assert!(texts[0].starts_with("ecs-audit: ") && texts[0].contains(" findings in "), "{}", texts[0]);
    assert!(texts.iter().any(|text| text.starts_with("*error: lost-launches/lost*\n")), "{texts:?}");

    let brief = ["report", "--since", "7d", "--out", "brief", "--brief", "--quiet"];
    let printed = env.run(&[&brief[..], &["--format", "slack"]].concat()).ok().out;
    let texts = message(&printed);
    assert!(texts[0].starts_with("Post-mortem: "), "{}", texts[0]);
    for part in ["Impact", "Timeline", "Root cause", "Action items"] {
        assert!(texts.iter().any(|text| text.starts_with(&format!("*{part}*\n• "))), "{part}: {texts:?}");
    }
    assert!(!printed.contains("TO WRITE"), "questions are for the document");
    assert_eq!(printed, std::fs::read_to_string(env.path("brief/brief.slack.json")).unwrap());
    let markdown = env.run(&[&brief[..], &["--format", "markdown"]].concat()).ok().out;
    assert_eq!(markdown, std::fs::read_to_string(env.path("brief/brief.md")).unwrap());
    env.run(&["report", "verify", "brief", "--quiet"]).ok();
    assert_eq!(env.run(&["report", "--out", "x", "--format", "slack"]).code, 2, "only a brief is a message");
}

#[test]
fn a_format_of_another_command_is_named() {
    let env = TestEnv::new();
    for (arguments, expected) in [
        (
            &["explain", "last", "--format", "csv"][..],
            "expected text, json, markdown, html or slack; `csv` is a format of query, sql",
        ),
        (
            &["check", "--format", "html"],
            "expected text, json, junit, sarif, markdown, slack, github or gitlab; `html` is a format of query",
        ),
        (&["query", "failures", "--format", "github"], "`github` is a format of check, preflight"),
        (
            &["report", "--out", "x", "--brief", "--format", "json"],
            "expected markdown, html or slack; `json` is a format of query",
        ),
    ] {
        let ran = env.run(arguments);
        assert!(ran.code == 2 && ran.err.contains(expected), "{}", ran.err);
    }
}

#[test]
fn no_record_acts_in_markdown() {
    let env = loaded();
    let sql = "select '@team | <b> C:\\x #7' as a, repeat('x', 600) as b";
    let table = env.run(&["sql", sql, "--format", "md"]).ok().out;
    let row = table.lines().nth(2).unwrap();
    assert!(row.starts_with("| @&#8203;team \\| &lt;b&gt; C:\\\\x #&#8203;7 | xxx"), "{row}");
    assert!(row.ends_with("x… |") && row.chars().count() < 600, "{row}");
}
