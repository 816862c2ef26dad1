//! A store that comes from somebody else cannot make the program read or write files elsewhere.

use crate::support::{TestEnv, project};
use std::fs;

fn loaded() -> TestEnv {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports/silent-batch")]).ok();
    env
}

#[test]
fn a_configuration_in_a_store_names_only_files_in_it() {
    let env = loaded();
    env.write("secret.toml", "password = hunter2-not-toml\n");
    let secret = env.path("secret.toml").display().to_string();
    for name in ["../secret.toml", &secret, "a/../../secret.toml"] {
        for key in ["rules", "packs", "quotas"] {
            env.write(".ecs-audit/ecs-audit.toml", format!("{key} = {name:?}\n"));
            let ran = env.run(&["check"]);
            assert_eq!(ran.code, 2, "{key} = {name}: {}", ran.out);
            assert!(ran.err.contains("is outside the store") && !ran.err.contains("hunter2"), "{}", ran.err);
        }
    }
    // Files in the store work as before.
    fs::copy(project().join("samples/rules.toml"), env.path(".ecs-audit/own.toml")).unwrap();
    env.write(".ecs-audit/ecs-audit.toml", "rules = \"own.toml\"\n");
    assert!(env.run(&["catalog", "list", "--format", "csv"]).ok().out.contains("image-candidate-gone"));
}

#[test]
fn no_output_overwrites_a_store() {
    let env = loaded();
    let before = fs::read(env.path(".ecs-audit/manifest.json")).unwrap();
    let logs = fs::read_dir(env.path(".ecs-audit/tables/calls")).unwrap().count();
    for arguments in [
        &["query", "failures", "--out", ".ecs-audit/manifest.json"][..],
        &["query", "failures by reason", "--chart", "--out", ".ecs-audit/lock"],
        &["sql", "select 1", "--out", ".ecs-audit/tables/calls/x.csv"],
        &["query", "failures", "--out", ".ecs-audit/new.csv"],
        &["report", "--out", ".ecs-audit/report"],
        &["store", "export", ".ecs-audit"],
        &["check", "--out", ".ecs-audit/ecs-audit.toml"],
        &["report", "--out", ".ecs-audit/tables/report"],
        &["store", "export", ".ecs-audit/tables/calls"],
    ] {
        let ran = env.run(arguments);
        assert!(ran.code == 2 && ran.err.contains("belongs to the store"), "{arguments:?}: {} {}", ran.code, ran.err);
    }
    assert_eq!(fs::read(env.path(".ecs-audit/manifest.json")).unwrap(), before);
    assert_eq!(fs::read_dir(env.path(".ecs-audit/tables/calls")).unwrap().count(), logs);
    env.run(&["query", "failures", "--out", "answer.csv"]).ok();
}

#[cfg(unix)]
#[test]
fn links_and_devices_in_a_store_are_not_read() {
    use std::os::unix::fs::symlink;
    let env = loaded();
    env.write("secret.txt", "hunter2 = not-toml = at-all\n");
    let config = env.path(".ecs-audit/ecs-audit.toml");
    for target in [env.path("secret.txt"), "/dev/zero".into()] {
        symlink(&target, &config).unwrap();
        let ran = env.run(&["query", "failures by reason"]);
        assert!(ran.code == 2 && ran.err.contains("is a symbolic link"), "{}", ran.err);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
        fs::remove_file(&config).unwrap();
    }
    symlink(env.path("secret.txt"), env.path(".ecs-audit/own.toml")).unwrap();
    env.write(".ecs-audit/ecs-audit.toml", "rules = \"own.toml\"\n");
    let ran = env.run(&["query", "failures by reason"]);
    assert!(ran.code == 2 && ran.err.contains("is a symbolic link") && !ran.err.contains("hunter2"), "{}", ran.err);
    fs::remove_file(&config).unwrap();
    symlink(env.path("secret.txt"), env.path(".ecs-audit/redaction.key")).unwrap();
    let ran = env.run(&["query", "failures by reason", "--redact"]);
    assert!(ran.code == 2 && ran.err.contains("is a symbolic link"), "{}", ran.err);
    // A data file elsewhere is not read either.
    let day = fs::read_dir(env.path(".ecs-audit/tables/failures")).unwrap().flatten();
    let day = day.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("day=")).unwrap();
    fs::rename(&day, env.path("elsewhere")).unwrap();
    symlink(env.path("elsewhere"), &day).unwrap();
    let ran = env.run(&["query", "failures"]);
    assert!(ran.code == 2 && ran.err.contains("is a symbolic link"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn a_default_store_that_is_a_link_is_not_written_to() {
    let env = TestEnv::new();
    fs::create_dir(env.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(env.path("elsewhere"), env.path(".ecs-audit")).unwrap();
    let sample = project().join("samples/exports/silent-batch");
    let ran = env.load(&[&sample]);
    assert!(ran.code == 2 && ran.err.contains("--store .ecs-audit"), "{}", ran.err);
    assert_eq!(fs::read_dir(env.path("elsewhere")).unwrap().count(), 0);
    // Whoever names the link means it.
    env.run(&["load", "--store", ".ecs-audit", sample.to_str().unwrap()]).ok();
    assert!(env.path("elsewhere/manifest.json").exists());
}
