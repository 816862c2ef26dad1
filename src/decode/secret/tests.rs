use super::*;
use crate::decode::json::Tape;
use proptest::prelude::*;

/// Masks a record as a load does.
fn masked(text: &str) -> String {
    let mut tape = Tape::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let in_text = has_credential_text(text);
    if !in_text && !tape.is_sensitive() {
        return text.to_owned();
    }
    let out = record::mask_record(&mut tape, text, in_text).unwrap_or_else(|| text.to_owned());
    let mut written = String::new();
    tape.root().write(&mut written);
    let values: [serde_json::Value; 2] = [&out, &written].map(|text| serde_json::from_str(text).unwrap());
    assert_eq!(values[0], values[1], "the tape and the text agree");
    out
}

/// An example of the corpus: its kind and text, and the secrets in it.
struct Example {
    is_text: bool,
    text: String,
    secrets: Vec<String>,
}

fn corpus(file: &str) -> Vec<Example> {
    let lines = file.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (kind, text) = line.split_once('\t').unwrap();
            let is_text = kind == "text";
            let text = text.replace('¬', "");
            let text = if is_text { text.replace(r"\\n", "\u{1}").replace(r"\n", "\n").replace('\u{1}', r"\n") } else { text };
            let secrets = text.split('⟦').skip(1).map(|part| part.split_once('⟧').unwrap().0.to_owned()).collect();
            Example { is_text, text: text.replace(['⟦', '⟧'], ""), secrets }
        })
        .collect()
}

/// The forms in which an example reaches the store: alone, in records in several ways, and in damaged records.
fn forms(example: &Example) -> Vec<(&'static str, String, String)> {
    let text = &example.text;
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let mut forms = Vec::new();
    let mut add = |form: &'static str, record: String| {
        let out = masked(&record);
        forms.push((form, record, out));
    };
    if example.is_text {
        add("record", format!(r#"{{"detail":{{"lastStatus":"STOPPED","stoppedReason":{}}}}}"#, quoted(text)));
        add("list", format!(r#"{{"events":[{{"message":{}}}]}}"#, quoted(text)));
        add("inner", format!(r#"{{"m":{}}}"#, quoted(&format!(r#"{{"reason":{}}}"#, quoted(text)))));
        let cut = format!(r#"{{"detail":{{"stoppedReason":{},"#, quoted(text));
        forms.push(("cut", cut.clone(), mask_fragment(&cut)));
        forms.push(("text", text.clone(), mask_text(text).into_owned()));
    } else {
        add("record", format!(r#"{{"eventName":"RunTask","requestParameters":{text}}}"#));
        add("list", format!(r#"{{"Records":[{{"requestParameters":{text},"eventID":"1"}}]}}"#));
        add("inner", format!(r#"{{"message":{}}}"#, quoted(&format!(r#"{{"detail":{text}}}"#))));
        let cut = format!(r#"{{"eventName":"RunTask","requestParameters":{text},"x":"#);
        forms.push(("cut", cut.clone(), mask_fragment(&cut)));
    }
    forms
}

/// Whether a text has a secret, or six letters of one.
fn leaks(out: &str, secret: &str) -> bool {
    let letters: Vec<char> = secret.chars().collect();
    letters.windows(letters.len().min(6)).any(|window| out.contains(&window.iter().collect::<String>()))
}

#[test]
fn no_example_of_a_secret_leaks() {
    let examples = corpus(include_str!("../../../tests/secrets/leaks.txt"));
    assert!(examples.len() >= 300);
    let mut leaked = Vec::new();
    for example in &examples {
        for (form, before, out) in forms(example) {
            // Letters that the example also has beside the secret prove nothing.
            let beside = example.secrets.iter().fold(before.clone(), |text, secret| text.replace(secret.as_str(), "\u{1}"));
            if example.secrets.iter().any(|secret| leaks(&out, secret) && !leaks(&beside, secret)) {
                leaked.push(format!("{form}: {before}\n   -> {out}"));
            }
        }
    }
    assert!(leaked.is_empty(), "{} leaks\n{}", leaked.len(), leaked.join("\n"));
}

#[test]
fn harmless_texts_stay() {
    let examples = corpus(include_str!("../../../tests/secrets/harmless.txt"));
    assert!(examples.len() >= 300);
    let mut changed = Vec::new();
    for example in &examples {
        for (form, before, out) in forms(example) {
            // A damaged record may hide a value whose name is cut off.
            if before != out && form != "cut" {
                changed.push(format!("{form}: {before}\n   -> {out}"));
            }
        }
    }
    assert!(changed.is_empty(), "{} masked\n{}", changed.len(), changed.join("\n"));
}

#[test]
fn masking_twice_changes_nothing() {
    for example in corpus(include_str!("../../../tests/secrets/leaks.txt")) {
        for (form, _, once) in forms(&example).into_iter().filter(|(form, ..)| *form != "cut") {
            let twice = if form == "text" { mask_text(&once).into_owned() } else { masked(&once) };
            assert_eq!(once, twice);
        }
    }
}

proptest! {
    /// The fast search finds everything that would be masked in a string.
    #[test]
    fn nothing_that_is_masked_is_overlooked(
        text in "((?i:password|passwd|pwd|secret_?key|secretaccesskey|sessiontoken|auth_token|api[_-]?key|signature|bearer|basic|cookie|\
x-amz-credential|awsaccesskeyid|db_pass|a_key|client_secret|authorization|--password|mysql -p|curl -u a:|set |login |-----BEGIN PRIVATE KEY-----)|\
(ghp_|sk-|glpat-|AIza|SG\\.|SK|hvs\\.|\\.eyJ|eyJ|xoxb-|dapi)|://|[@:=' /.,;`()\\[\\]{}\u{a0}_<>&?\"-]|[a-zA-Z0-9é]{1,22}){1,8}",
    ) {
        let record = serde_json::to_string(&text).unwrap();
        if text::masked(&text) != text.as_str() {
            // A text with double quotes has escapes in its record.
            prop_assert!(search::has_credential(&text), "{}", text);
            // Strings with escapes are searched by themselves.
            if !record.contains('\\') {
                let record = format!("{{\"a\":{record},\"b\":\"x\"}}");
                prop_assert!(has_credential_text(&record), "{}", text);
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "([=:@&?'\"\\\\{}\\[\\] <>-]|password|token|-p|mysql|curl -u|echo|\\PC|://|-----BEGIN PRIVATE KEY-----){0,24}") {
        let masked = mask_text(&text).into_owned();
        mask_fragment(&text);
        mask_fragment(&format!("{{\"password\":{text}"));
        super::tests::masked(&serde_json::to_string(&[&text, &masked]).unwrap());
    }
}

#[test]
fn names_are_found_in_escaped_texts() {
    for names in
        [&rules::RULES.names.secret, &rules::RULES.names.variables, &rules::RULES.names.arguments, &rules::RULES.names.values]
    {
        for name in names {
            assert!(WORTH_A_LOOK.is_match(&name.to_uppercase()), "{name}");
        }
    }
    for name in rules::RULES.names.secret_ends.iter().chain(&rules::RULES.names.secret_words) {
        assert!(WORTH_A_LOOK.is_match(name), "{name}");
    }
    assert!(!text_may_hold_secret(r#"{"Statement":[{"Effect":"Allow","Action":"ecs:*"}]}"#));
}

#[test]
fn only_what_may_be_secret_is_looked_at() {
    let out = masked(
        r#"{"credentials":{"sessionToken":"t","credentials":{"x":"y"}},"m":"say \"hi\"","n":[{"env":{"A":"b"}}],"env\u0069":"kept"}"#,
    );
    assert_eq!(
        out,
        r#"{"credentials":{"sessionToken":"***masked***","credentials":{"x":"***masked***"}},"m":"say \"hi\"","n":[{"env":{"A":"***masked***"}}],"env\u0069":"kept"}"#
    );
}

#[test]
fn variables_keep_their_names() {
    assert_eq!(
        masked(r#"{"environment":[{"name":"A","value":"s3cret"}],"env":["B=x","HOME"],"e":{"env":{"C":"y"}}}"#),
        r#"{"environment":[{"name":"A","value":"***masked***"}],"env":["B=***masked***","HOME"],"e":{"env":{"C":"***masked***"}}}"#
    );
}

#[test]
fn credentials_in_plain_texts_are_masked() {
    for (text, left) in [
        (r#"{"command":["run","--password=hunter2"]}"#, "--password=***masked***"),
        (r#"{"m":"Authorization: Bearer abcdefgh12345"}"#, "Bearer ***masked***"),
        (r#"{"m":"password: hunter2, again"}"#, "password: ***masked***, again"),
        (
            r#"{"command":["sh","-c","DB_PASSWORD=hunter2 GITHUB_TOKEN=abc run --key=k"]}"#,
            "DB_PASSWORD=***masked*** GITHUB_TOKEN=***masked*** run --key=k",
        ),
        (
            r#"{"m":"AWS_SECRET_ACCESS_KEY=a/b+c and CLIENT_SECRET='d'"}"#,
            "AWS_SECRET_ACCESS_KEY=***masked*** and CLIENT_SECRET='***masked***'",
        ),
        (r#"{"m": "PASSWORD: hunter2"}"#, "PASSWORD: ***masked***"),
        (r#"{"m":"used api-key: abc"}"#, "api-key: ***masked***"),
        (r#"{"m":"used api_key: abc, token"}"#, "api_key: ***masked***, token"),
        (r#"{"url":"https://b/?X-Amz-Security-Token=abc"}"#, "X-Amz-Security-Token=***masked***"),
        (
            r#"{"m":"PASSWORD:hunter2, passwd:b1 secret_key:b2"}"#,
            "PASSWORD:***masked***, passwd:***masked*** secret_key:***masked***",
        ),
        (r#"{"m":"api_key:abc"}"#, "api_key:***masked***"),
        (r#"{"m":"BEARER abcdefgh12345"}"#, "BEARER ***masked***"),
        (r#"{"m":"-----BEGIN PRIVATE KEY-----MIIEabc"}"#, "-----BEGIN PRIVATE KEY-----***masked***"),
    ] {
        assert!(has_credential_text(text), "{text}");
        assert!(masked(text).contains(left), "{}", masked(text));
    }
    assert!(!has_credential_text(r#"{"password":"below a key","sha":"Ty7hsM27xthM="}"#));
}

#[test]
fn json_within_json_and_urls_are_masked() {
    let out = masked(r#"{"m":"{\"registry_auth\":{\"password\":\"p\"}}","u":"https://h/?X-Amz-Signature=abc&x=1","t":"token"}"#);
    assert!(out.contains("X-Amz-Signature=***masked***&x=1"), "{out}");
    assert!(out.contains(r#"\"password\":\"***masked***\""#), "{out}");
    assert!(out.contains(r#""t":"token""#), "{out}");
    let out = masked(r#"{"m":"{\"c\":\"api_key:abc\"}"}"#);
    assert!(out.contains("api_key:***masked***"), "{out}");
}
