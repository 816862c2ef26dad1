use super::*;
use proptest::prelude::*;

fn redactor() -> Redactor {
    let names = [
        (Kind::Account, "111122223333".to_owned()),
        (Kind::User, "Engineers_0f1e/ann".to_owned()),
        (Kind::Host, "gpu-box-7".to_owned()),
        (Kind::Ip, "events.amazonaws.com".to_owned()),
    ];
    Redactor::new([7; 32], names)
}

#[test]
fn names_in_free_text_become_pseudonyms() {
    let redactor = redactor();
    for (text, removed) in [
        ("ann stopped it", "ann"),
        ("s3://logs111122223333x/", "111122223333"),
        ("task of 999988887777 failed", "999988887777"),
        ("User: arn:aws:sts::111122223333:assumed-role/app/session is not authorized", "assumed-role"),
        ("dial tcp 10.0.12.7:443: i/o timeout", "10.0.12.7"),
        ("fe80::1ff:fe23:4567:890a is down", "fe80"),
        ("lookup ip-10-0-1-23.eu-west-1.compute.internal: no such host", "10-0-1-23"),
        ("pull registry.example.com/app:1", "example"),
        ("mail kim@example.org", "kim"),
        ("key ASIA882B1D051EXAMPLE", "ASIA882B1D051"),
        ("/home/kim/export/a.json", "kim"),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1", "111122223333"),
        ("orders.c1x2.eu-west-1.rds.amazonaws.com", "orders"),
        ("on gpu-box-7, port 80", "gpu-box-7"),
        ("unable to find user trainer: no matching entries in passwd file", "trainer"),
    ] {
        let redacted = redactor.text(text);
        assert!(!redacted.contains(removed), "{redacted}");
    }
}

#[test]
fn every_spelling_of_a_name_is_replaced() {
    let names = ["Jane Doe", "svc-111122223333-admin", "kim@example.org", "élodie"].map(|name| (Kind::User, name.to_owned()));
    let redactor = Redactor::new([7; 32], names.into_iter().chain([(Kind::Account, "111122223333".to_owned())]));
    let jane = redactor.pseudonym(Kind::User, "Jane Doe");
    for text in ["by JANE DOE", "by jane doe", "?owner=Jane%20Doe&x", "?owner=jane+doe", "by%20Jane%20Doe"] {
        assert!(redactor.text(text).contains(&jane), "{}", redactor.text(text));
    }
    for (text, removed) in [
        ("role svc-111122223333-admin failed", "admin"),
        ("?mail=kim%40example.org", "kim"),
        ("?mail=lee%40Example.ORG", "lee"),
        ("caller %C3%A9lodie", "%C3%A9"),
        ("account 1111-2222-3333", "1111-"),
        ("account 9999-8888-7777", "9999-"),
        ("999988887777_CloudTrail_us-east-1_x.json.gz", "999988887777"),
        ("to assumed-role/deploy/lee.smith now", "lee.smith"),
        ("principal AROAEXAMPLEID12345678:lee-smith", "lee-smith"),
        ("principal AROAEXAMPLEID12345678", "AROAEXAMPLE"),
        ("arn%3Aaws%3Aiam%3A%3A111122223333%3Auser%2Flee", "lee"),
        ("key ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 lee@laptop", "lee"),
        ("ssh-rsa AAAAB3NzaC1yc2E= lee", "lee"),
        (r#"{"userName":"lee","x":1}"#, "lee"),
        (r#"{"userIdentity":{"principalId": "lee"}}"#, "lee"),
        (r#"{\"hostname\":\"box-7\"}"#, "box-7"),
        ("IP-10-0-1-23.EU-WEST-1.compute.internal", "10-0-1-23"),
        ("connect to DB01.Corp.Example", "DB01"),
    ] {
        let redacted = redactor.text(text);
        assert!(!redacted.contains(removed), "{redacted}");
    }
    assert_eq!(redactor.text("1111-2222-3333"), redactor.text("111122223333"));
    assert_eq!(redactor.text("lee%40example.org"), redactor.text("LEE@example.org"));
}

#[test]
fn a_pseudonym_has_a_bound() {
    let long = "n".repeat(100_000);
    let redactor = Redactor::new([7; 32], [(Kind::User, long.clone()), (Kind::Host, format!("{long}.example.com"))]);
    for text in [
        long.clone(),
        format!("{long}@example.com"),
        format!("{long}.example.com"),
        format!("arn:aws:ecs:eu-west-1:111122223333:task/{long}"),
        format!("assumed-role/{long}/{long}"),
        format!(r#"{{"userName":"{long}"}}"#),
    ] {
        assert!(redactor.text(&text).len() < 120, "{}", text.len());
    }
}

#[test]
fn texts_without_names_stay() {
    let redactor = redactor();
    for text in [
        "annual report",
        "d25e49b0-637f-469f-8e82-123456789012",
        "events.amazonaws.com",
        "agent 1.102.0 at 2026-03-04T05:12:20Z",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "logs.eu-west-1.amazonaws.com",
        "failures where reason = RESOURCE:MEMORY",
        "0.0.0.0/0",
        r#"{"userName":"root","invokedBy":"ecs.amazonaws.com"}"#,
        "2026-03-04T05:12:20Z 1772600000000 4096-bit",
    ] {
        assert_eq!(redactor.text(text), text);
    }
}

#[test]
fn pseudonyms_are_stable_and_depend_on_the_key() {
    let (one, other) = (redactor(), Redactor::new([8; 32], []));
    assert_eq!(one.pseudonym(Kind::User, "ann"), one.pseudonym(Kind::User, "ann"));
    assert_ne!(one.pseudonym(Kind::User, "ann"), one.pseudonym(Kind::Host, "ann"));
    assert_ne!(one.pseudonym(Kind::User, "ann"), other.pseudonym(Kind::User, "ann"));
    assert_eq!(one.pseudonym(Kind::User, "ann").len(), "user-".len() + LETTERS);
    let arn = one.text("arn:aws:ecs:eu-west-1:111122223333:task/batch/1");
    assert_eq!(arn.split(':').take(4).collect::<Vec<_>>(), ["arn", "aws", "ecs", "eu-west-1"]);
    assert!(arn.contains(&one.pseudonym(Kind::Account, "111122223333")), "{arn}");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_no_account_gets_through(text in "\\PC{0,40}") {
        let redacted = redactor().text(&format!("{text} 111122223333 {text}"));
        prop_assert!(!redacted.contains("111122223333"));
    }
}
