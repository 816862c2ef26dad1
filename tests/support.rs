//! Running the real binary in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// The folder of the project.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The binary under test: the one just built, or another that `ECS_AUDIT_BINARY` names.
pub fn binary() -> PathBuf {
    std::env::var_os("ECS_AUDIT_BINARY").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_ecs-audit")), PathBuf::from)
}

/// Options of a load that keeps everything and never finds a record to be dated in the future.
pub fn load_options() -> ecs_audit::load::LoadOptions {
    ecs_audit::load::LoadOptions {
        latest: i64::MAX,
        keep_raw: true,
        tables: ecs_audit::table::TableSet::ALL,
        limits: Default::default(),
        selection: Default::default(),
        integrity: None,
    }
}

/// Variables with which a caller could change what the binary does.
pub const VARIABLES: &[&str] = &[
    "ECS_AUDIT_STORE",
    "ECS_AUDIT_RULES",
    "ECS_AUDIT_QUOTAS",
    "ECS_AUDIT_CONFIG",
    "ECS_AUDIT_TZ",
    "ECS_AUDIT_AS_OF",
    "COLUMNS",
    "NO_COLOR",
];

/// A folder with a store in it, and the binary to ask.
pub struct TestEnv {
    dir: TempDir,
}

/// What a run printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub out: String,
    pub err: String,
    pub code: i32,
}

impl Ran {
    fn of(output: Output) -> Ran {
        Ran {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// Fails with everything that was printed unless the run ended well.
    pub fn ok(self) -> Ran {
        assert_eq!(self.code, 0, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// The cells of a CSV answer, header first.
    pub fn cells(&self) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(self.out.as_bytes());
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
    }
}

impl TestEnv {
    /// An empty folder.
    pub fn new() -> TestEnv {
        TestEnv { dir: tempfile::tempdir().unwrap() }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The binary, in this folder, without the caller's settings.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.dir.path());
        for name in VARIABLES {
            command.env_remove(name);
        }
        command.env("XDG_CONFIG_HOME", self.dir.path());
        command.stdin(Stdio::null());
        command
    }

    /// Runs the binary.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command().args(arguments).output().unwrap())
    }

    /// Loads paths and expects all of it to go well.
    pub fn load(&self, paths: &[&Path]) -> Ran {
        let mut command = self.command();
        command.arg("load").args(paths);
        Ran::of(command.output().unwrap())
    }

    /// What a terminal with this many columns shows while a shell runs a line and reads the input, without colors. The
    /// terminal is that of `script`, which belongs to the base system of Linux distributions.
    #[cfg(target_os = "linux")]
    pub fn at_terminal(&self, line: &str, columns: usize, input: &str) -> String {
        use std::io::Write as _;
        let path = format!("{}:{}", binary().parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("script");
        let line = format!("stty cols {columns} rows 24; {line}");
        command.args(["-qec", &line, "/dev/null"]).current_dir(self.dir.path()).env("PATH", path);
        for name in VARIABLES {
            command.env_remove(name);
        }
        command.env("XDG_CONFIG_HOME", self.dir.path()).env("XDG_STATE_HOME", self.path("state"));
        command.env("TERM", "xterm").env("NO_COLOR", "1").env("PAGER", "cat");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("`script` of util-linux");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
    }

    /// The cells of a query's CSV answer, without the header.
    pub fn query(&self, query: &str) -> Vec<Vec<String>> {
        let mut cells = self.run(&["query", query, "--format", "csv", "--quiet"]).ok().cells();
        cells.remove(0);
        cells
    }

    /// The cells of an SQL answer, without the header.
    pub fn sql(&self, statement: &str) -> Vec<Vec<String>> {
        let mut cells = self.run(&["sql", statement, "--format", "csv", "--quiet"]).ok().cells();
        cells.remove(0);
        cells
    }
}
