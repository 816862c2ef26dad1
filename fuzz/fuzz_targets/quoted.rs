#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ecs_audit::fuzzing::run("quoted", &std::env::temp_dir(), bytes));
