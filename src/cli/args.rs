//! Command-line arguments and their help texts.

use crate::check::{Layout as ReportLayout, Severity};
use crate::config::Configured;
use crate::explain::Layout;
use crate::knowledge::{CLASSES, PHASES, TextKind};
use crate::lang;
use crate::render::{Format, TextFormat};
use crate::report::BriefFormat;
use crate::store::StoreRoot;
use clap::builder::{PathBufValueParser, PossibleValuesParser, TypedValueParser, ValueHint};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Offline analyzer for failures on Amazon ECS and dstack: load an export, then query it.
#[derive(Debug, Parser)]
#[command(name = "ecs-audit", version, about, max_term_width = 100)]
#[command(override_usage = "ecs-audit [OPTIONS] <COMMAND>\n       ecs-audit [OPTIONS] <QUERY>...")]
#[command(after_help = "Examples:
  ecs-audit load s3-export/
  ecs-audit doctor
  ecs-audit failures by reason since 7d
  ecs-audit query --from s3-export/ \"failures where exit_code > 0 since 7d\"
  ecs-audit explain last

On a terminal, `ecs-audit` alone opens an interactive prompt.

Exit codes: 0 = success, 1 = a check found something, 2 = error, 3 = success, but some input could not be loaded.")]
pub struct Cli {
    /// Options that every command accepts.
    #[command(flatten)]
    pub global: Global,
    /// The command; without one, a terminal gets the interactive prompt.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that every command accepts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Store: a folder, or s3://BUCKET/PREFIX
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "ECS_AUDIT_STORE",
        default_value = ".ecs-audit",
        value_parser = PathBufValueParser::new().map(StoreRoot::from),
        value_hint = ValueHint::AnyPath
    )]
    pub store: StoreRoot,
    /// Time zone for dates, calendar days and display: Asia/Tokyo, +02:00 or local (default: UTC)
    #[arg(long, global = true, value_name = "ZONE", env = "ECS_AUDIT_TZ", allow_hyphen_values = true)]
    pub tz: Option<String>,
    /// Suppress progress, time window and notes on stderr
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Number of threads (default: one per core)
    #[arg(long, global = true, value_name = "N")]
    pub threads: Option<usize>,
    /// Memory limit for queries, such as 4GiB; beyond it they spill to disk (default: half of the machine's memory)
    #[arg(long, global = true, value_name = "SIZE", env = "ECS_AUDIT_MEMORY")]
    pub memory: Option<String>,
    /// How long to wait while another process writes to the store, such as 10m
    #[arg(long, global = true, value_name = "DURATION", default_value = "1m", value_parser = duration)]
    pub wait: std::time::Duration,
    /// Custom rules to add to the failure catalog (repeatable; ECS_AUDIT_RULES holds a list like PATH)
    #[arg(long, global = true, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// Configuration file that takes precedence over those of the store and the user
    #[arg(long, global = true, value_name = "FILE", env = "ECS_AUDIT_CONFIG")]
    pub config: Option<PathBuf>,
    /// Ignore the configuration files of the store and the user
    #[arg(long, global = true)]
    pub no_config: bool,
    /// Settings from the configuration files.
    #[arg(skip)]
    pub configured: Configured,
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    let parsed: Result<jiff::SignedDuration, _> = text.parse();
    parsed
        .ok()
        .and_then(|duration| std::time::Duration::try_from(duration).ok())
        .ok_or_else(|| "expected a duration such as 30s or 10m".to_owned())
}

/// The address of `--listen`: `127.0.0.1:8417`, `localhost:8417` or `8417`.
fn address(text: &str) -> Result<std::net::SocketAddr, String> {
    let full = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None if text.parse::<u16>().is_ok() => format!("127.0.0.1:{text}"),
        None => text.to_owned(),
    };
    full.parse().map_err(|_| "expected an address and a port such as 127.0.0.1:8417, or a port".to_owned())
}

/// `NAME=VALUE`.
fn assignment(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = parts.ok_or_else(|| "expected NAME=VALUE, such as cluster=batch".to_owned())?;
    Ok((name.trim_start_matches('$').to_owned(), value.to_owned()))
}

/// The heading of options that choose a window.
const WINDOW: &str = "Window";

/// The heading of options that choose what is printed, and where.
pub(super) const OUTPUT: &str = "Output";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Load exports into the store: CloudTrail, ECS events, dstack runs, in any mix of files and folders
    #[command(after_help = "Examples:
  ecs-audit load s3-export/
  ecs-audit load trail.json.gz ecs-events/ runs.json
  ecs-audit load s3://BUCKET/AWSLogs/ACCOUNT/CloudTrail/ --since 7d
  ecs-audit load s3-export/ --since 2026-03-01 --region eu-west-1
  ecs-audit load s3-export/ --json
  aws ecs describe-tasks --cluster batch --tasks ID | ecs-audit load -

Records that are already in the store are skipped, so the command can be repeated at any time. With --since, \
--until, --account or --region, files whose S3 path names another day, account or region are not read. Other \
records that are left out count as filtered, and a later load without these options loads them.")]
    Load(Load),
    /// Run a query
    #[command(after_help = "Examples:
  ecs-audit query \"failures by reason since 7d\"
  ecs-audit query \"failures where exit_code > 0 since last week\" --csv
  ecs-audit query --from s3-export/ \"calls where failed by user top 20\"
  ecs-audit query --chart \"failures by weekday(time), hour(time)\"
  ecs-audit query \"failures by cause since 1d top 10\" --format slack
  ecs-audit query \"tasks where exit_code > 0 show task, exit_code\" --links
  ecs-audit query @lost --set since=30d
  ecs-audit query - < query.txt

The command can be left out if the query starts with a noun: `ecs-audit failures by reason`. Quote a query that \
has `>`, `<`, `*`, `|` or parentheses, which the shell would interpret itself.

`ecs-audit fields` lists the nouns that a query can start with. Relative times count back from the newest event \
in the store; --as-of now uses the clock instead.")]
    Query(Query),
    /// Run a SQL statement on the same tables
    #[command(after_help = "Examples:
  ecs-audit sql \"select reason, count(*) from failures group by 1 order by 2 desc\"
  ecs-audit sql \"select distinct user from calls where failed\" --csv

Nouns are tables: `ecs-audit fields` lists them, and `ecs-audit fields NOUN` lists the columns of one.")]
    Sql(Sql),
    /// List the nouns that can be queried, or the fields of one noun
    #[command(after_help = "Examples:
  ecs-audit fields
  ecs-audit fields failures")]
    Fields(Fields),
    /// List saved queries, or show one
    #[command(after_help = "Examples:
  ecs-audit queries
  ecs-audit queries lost
  ecs-audit query @lost --set since=30d
  ecs-audit query \"@lost where cluster = batch top 3\"

Saved queries are defined in a configuration file (see `ecs-audit config --help`); $NAME is a parameter:

  [queries.exits]
  question = \"Which programs of a service ended with an error?\"
  query = \"failures where service = $service and phase = running by exit_code since $since\"
  defaults = { since = \"7d\" }

Clauses after the name replace those of the saved query, except that conditions are added to its `where`.")]
    Queries(Queries),
    /// Show the effective settings and where each is set
    #[command(after_help = "Examples:
  ecs-audit config
  ecs-audit config --config team.toml

A setting is taken from the first of these sources that defines it:
  1. the command-line option, such as --tz
  2. the environment variable: ECS_AUDIT_STORE, ECS_AUDIT_TZ, ECS_AUDIT_MEMORY, ECS_AUDIT_AS_OF, ECS_AUDIT_RULES, \
     ECS_AUDIT_QUOTAS
  3. the file of --config or ECS_AUDIT_CONFIG
  4. ecs-audit.toml in the store folder
  5. ecs-audit/config.toml in XDG_CONFIG_HOME, else in ~/.config (APPDATA on Windows)

A file can set store, tz, memory, as_of, quotas, rules, packs and [queries]. Paths are relative to the file.")]
    Config(ConfigArgs),
    /// Run routine checks, for cron and CI: exits with 1 if something is found
    #[command(after_help = "Examples:
  ecs-audit check --since 1d
  ecs-audit check lost-launches our-checks.toml --since 7d --format markdown
  ecs-audit check --from s3-export/ --format sarif --out ecs-audit.sarif
  ecs-audit check --since 7d --top 3
  ecs-audit check --since 7d --write-baseline accepted.toml
  ecs-audit check --since 7d --baseline accepted.toml --format github
  ecs-audit check --list

Built-in packs: stopped-tasks, lost-launches, schedules, deployments, exit-status, error-phases. A custom pack:

  name = \"ours\"
  [[check]]
  name = \"settlement\"
  question = \"Did the nightly settlement fail to start?\"
  query = \"failures where family = nightly-settlement and kind = launch by reason\"
  threshold = 1            # a row is a finding if the measure is at least this
  measure = \"count\"        # the column to compare; default: the first numeric column
  severity = \"error\"       # note, warning or error
  remedy = \"Start it by hand before 6:00, then notify the platform team\"
  needs = [\"calls\"]        # additional tables that the check requires

A check is unanswered, never passed, if the store has none of the records it needs, such as task events for \
`failures where kind = task`.

A baseline is a list of accepted findings, each with a reason and a last day (until):

  [[finding]]
  check = \"deployments/failed\"
  about = { cluster = \"storefront\", service = \"search\" }
  reason = \"is replaced in May\"
  until = 2026-05-31

Counts and times do not matter. From the day after `until` on, the finding is reported again; the current day is \
that of --as-of, which is that of the newest event by default.

Exit codes: 0 = nothing found, 1 = findings, 2 = error, 3 = nothing found, but a check was unanswered, some \
input could not be loaded, or the window has no records. Accepted findings do not count.")]
    Check(CheckArgs),
    /// Explain a failure: phase, cause, preceding events, how to verify it and what to do
    #[command(after_help = "Examples:
  ecs-audit explain last
  ecs-audit explain d25e49b0-637f-469f-8e82-413fa77b3188
  ecs-audit explain nightly-settlement --from s3-export/
  ecs-audit explain arn:aws:ecs:ap-northeast-1:111122223333:task/batch/0c3d1c31a0138640d818802046393acb
  ecs-audit explain last --links --format markdown
  ecs-audit explain --all --since 7d
  ecs-audit explain quota ap-northeast-1 --at 2026-03-02T10:00:05Z --quotas quotas.json
  ecs-audit explain 01a0ca2c-b3d1-4068-bfcb-6853eea59b12@2026-03-07T03:00:00Z

`schedules show id, time, state` lists the ids of expected starts. For a name with several failures, the newest \
is explained and the others are counted; --all explains each cause once. Every statement comes from a record or \
from the failure catalog.")]
    Explain(Explain),
    /// Show everything that happened to a task, run, service, deployment or container instance, in order
    #[command(after_help = "Examples:
  ecs-audit timeline 0c3d1c31a0138640d818802046393acb
  ecs-audit timeline ecs-svc/1931771335527380427
  ecs-audit timeline tokenize-corpus --format json
  ecs-audit timeline cart --since 2d

Each line is one event: its time, the time since the previous line, what happened, the caller, and the id of the \
record in brackets (`ecs-audit show ID`). A pause is shown as a gap if it is longer than 5 minutes and a fifth \
of the whole.")]
    Timeline(Timeline),
    /// List the changes in the half hour before a failure, the most closely related first
    #[command(after_help = "Examples:
  ecs-audit changes last
  ecs-audit changes checkout-web
  ecs-audit changes 77954849-eedf-47b8-ac98-415d8259b246 --format json

Lists the write calls before the newest burst of failures of X (failures at most 10 min apart). Calls are ranked \
by the resources they share with it: service, task definition, container instance, role, security group, secret, \
subnet, cluster.")]
    Changes(Changes),
    /// Write a post-mortem report: a folder with an HTML page, Markdown, and one CSV file per section
    #[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
    #[command(after_help = "Examples:
  ecs-audit report --since 7d --out postmortem
  ecs-audit report --between 2026-03-04 2026-03-05 --out postmortem --title \"Checkout, 4 March\"
  ecs-audit report --around 2026-03-04T05:30Z --within 2h --out postmortem --redact
  ecs-audit report --since 7d --out postmortem --sections findings,failures-by-service
  ecs-audit report --since 7d --out brief --brief --format slack
  ecs-audit report --since 7d --out postmortem --query \"Who was refused=calls where failed by user top 10\"
  ecs-audit report verify postmortem

Without a window, the report covers the whole store. The same store always produces the same bytes. report.html \
needs no network and no scripts. A folder that is not a report is never overwritten.")]
    Report(Box<Report>),
    /// Print the original record with an id, and the file it came from
    #[command(after_help = "Examples:
  ecs-audit show d25e49b0-637f-469f-8e82-413fa77b3188
  ecs-audit show d25e49b0
  ecs-audit show d25e49b0 --from s3-export/

The beginning of an id is enough if only one id has it. `--evidence` lists the ids behind each row of a query.")]
    Show(Show),
    /// Browse, test and extend the catalog of failure messages
    #[command(after_help = "Examples:
  ecs-audit catalog list --phase image_pull
  ecs-audit catalog show placement-agent
  ecs-audit catalog explain \"CannotPullContainerError: pull image manifest has been retried 1 time(s)\"
  ecs-audit catalog test rules.toml")]
    Catalog(CatalogArgs),
    /// Check a task definition before it is deployed
    #[command(after_help = "Examples:
  ecs-audit preflight taskdef.json
  ecs-audit preflight taskdef.json --cluster batch --count 3
  aws ecs describe-task-definition --task-definition web | ecs-audit preflight - --format json

Checks the definition itself (Fargate sizes, totals, roles, log options) and compares it with the store: images, \
secrets and roles that failed before, room on the instances, how long stops took. Exit codes are those of \
`check`: 0 = nothing found, 1 = findings, 2 = error, 3 = nothing found, but some input could not be loaded.")]
    Preflight(Preflight),
    /// Show what the store contains, data problems, and which exports are missing
    #[command(after_help = "Examples:
  ecs-audit doctor
  ecs-audit doctor --from s3-export/
  ecs-audit doctor --quotas quotas.json
  ecs-audit doctor --json")]
    Doctor(Doctor),
    /// Check log files against the digest files of CloudTrail
    #[command(after_help = "Examples:
  ecs-audit verify-digests s3-export/
  aws cloudtrail list-public-keys --start-time 2026-05-01 --end-time 2026-06-01 > keys.json
  ecs-audit verify-digests s3-export/ --public-keys keys.json
  ecs-audit verify-digests s3-export/ --json

Names log files that were modified, are missing or are not listed, and gaps in the chain of digests.
Digests are signed; the signature of each one is in the next one, so that only the signature of the
newest is missing. It is in the metadata of its object; save it beside the digest as
NAME.json.gz.head.json:

  aws s3api head-object --bucket BUCKET --key KEY > NAME.json.gz.head.json

Exit codes: 0 = verified, 1 = something differs, 2 = error, 3 = something could not be verified.")]
    VerifyDigests(VerifyDigests),
    /// Serve the store to an assistant (Model Context Protocol on stdin and stdout)
    #[command(after_help = "Examples:
  ecs-audit mcp
  ecs-audit mcp --no-redact

An assistant starts this command by itself, for example after
  claude mcp add ecs-audit -- ecs-audit --store /path/to/.ecs-audit mcp

It only reads. Accounts, ARNs, addresses, users and hosts are replaced with pseudonyms.")]
    Mcp(Mcp),
    /// Serve the store to a browser on this machine: queries, charts, incidents, explanations, the report
    #[command(after_help = "Examples:
  ecs-audit serve
  ecs-audit serve --listen 127.0.0.1:8417
  ecs-audit serve --quiet > address.txt

Prints the address of the page on stdout. It has a random token, so that only people who were given the address \
can read the store. The page only reads, loads nothing from elsewhere, and shows new loads without a restart. \
Ctrl-C ends the server.")]
    Serve(Serve),
    /// Run queries on several machines
    #[cfg(feature = "cluster")]
    #[command(after_help = "Examples:
  ecs-audit cluster executor --listen 127.0.0.1:50051
  ecs-audit query --cluster http://127.0.0.1:50051,http://127.0.0.1:50052 \"failures by reason\"")]
    Cluster(Cluster),
    /// Open an interactive prompt for queries, with completion and history
    #[command(after_help = "Examples:
  ecs-audit repl
  ecs-audit repl --from s3-export/
  ecs-audit repl --format csv < questions.txt

On a terminal, `ecs-audit` without a command does the same. Tab completes clauses, fields and values; \\help \
lists the commands. If stdin is not a terminal, each line is a query; the exit code is 2 if one fails.")]
    Repl(Repl),
    /// Generate shell completions
    #[command(after_help = "Examples:
  ecs-audit completions bash > ~/.local/share/bash-completion/completions/ecs-audit
  ecs-audit completions zsh > ~/.zfunc/_ecs-audit
  ecs-audit completions fish > ~/.config/fish/completions/ecs-audit.fish
  ecs-audit completions powershell >> $PROFILE")]
    Completions(Completions),
    /// Write man pages, one per command
    #[command(after_help = "Examples:
  ecs-audit man --out ~/.local/share/man/man1
  ecs-audit man --out man-pages --quiet")]
    Man(Man),
    /// Show what the store contains, or maintain it
    #[command(after_help = "Examples:
  ecs-audit store
  ecs-audit store verify
  ecs-audit store reclassify --rules rules.toml
  ecs-audit store drop --before 90d")]
    Store(StoreArgs),
}

/// The format of an answer that is a page of text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct TextOutput {
    /// Output format: text or json
    #[arg(long, short, value_name = "FORMAT", default_value = "text", help_heading = OUTPUT)]
    pub format: TextFormat,
}

/// Arguments of `load`.
#[derive(Debug, Args)]
pub struct Load {
    /// Files, folders and s3://BUCKET/PREFIX; - is stdin
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Load only records since this time, such as 2026-03-04, or 30d before the current time
    #[arg(long, value_name = "TIME", help_heading = WINDOW)]
    pub since: Option<String>,
    /// Load only records before this time
    #[arg(long, value_name = "TIME", help_heading = WINDOW)]
    pub until: Option<String>,
    /// Load only records of this account (repeatable)
    #[arg(long, value_name = "ID")]
    pub account: Vec<String>,
    /// Load only records of this region (repeatable)
    #[arg(long, value_name = "NAME")]
    pub region: Vec<String>,
    /// See [`TextOutput`].
    #[command(flatten)]
    pub output: TextOutput,
}

/// Quotas, what-if assumptions and thresholds of the analyses.
#[derive(Debug, Clone, Args)]
pub struct Limits {
    /// Limits for `quota`: TOML with [[quota]], or the output of `aws service-quotas list-service-quotas` (repeatable)
    #[arg(long, value_name = "FILE", env = "ECS_AUDIT_QUOTAS")]
    pub quotas: Vec<PathBuf>,
    /// Reconstruct `quota` under another assumption: limit=16, spot-limit=16 or task-vcpu=2 (repeatable)
    #[arg(long, value_name = "NAME=VALUE")]
    pub what_if: Vec<String>,
    /// Minimum time a task must be blocked to count as a stall
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub min_blocked: std::time::Duration,
}

/// The part of a store that a command is about.
#[derive(Debug, Clone, Default, Args)]
pub struct Scope {
    /// Only rows that match a condition, such as "family = nightly and exit_code = 137"
    #[arg(long = "where", id = "scope_where", value_name = "CONDITION")]
    pub condition: Option<String>,
    /// Only this cluster (repeatable)
    #[arg(long = "cluster", id = "scope_cluster", value_name = "NAME")]
    pub clusters: Vec<String>,
    /// Only this service (repeatable)
    #[arg(long = "service", id = "scope_service", value_name = "NAME")]
    pub services: Vec<String>,
    /// Only this account (repeatable)
    #[arg(long = "account", id = "scope_account", value_name = "ID")]
    pub accounts: Vec<String>,
    /// Only this region (repeatable)
    #[arg(long = "region", id = "scope_region", value_name = "NAME")]
    pub regions: Vec<String>,
}

impl Scope {
    /// The scope as a condition of the query language; empty = everything.
    pub fn condition(&self) -> String {
        let equal: [(&str, &[String]); 4] =
            [("account", &self.accounts), ("region", &self.regions), ("cluster", &self.clusters), ("service", &self.services)];
        lang::scope(&equal, self.condition.as_deref())
    }
}

/// The input of a query and the destination of its result.
#[derive(Debug, Args)]
pub struct Asking {
    /// Read an export directly, without a store (repeatable)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// Output format: table, csv, json, ndjson, markdown, html, parquet or slack
    #[arg(long, short, value_name = "FORMAT", help_heading = OUTPUT)]
    pub format: Option<Format>,
    /// Write the result to a file; the format follows the file extension unless --format is given
    #[arg(long, short, value_name = "FILE", help_heading = OUTPUT)]
    pub out: Option<PathBuf>,
    /// In a table, show one value per line instead of one row per line
    #[arg(long)]
    pub expanded: bool,
}

/// Arguments of `query`.
#[derive(Debug, Args)]
pub struct Query {
    /// The query, @NAME for a saved one, or - to read it from stdin
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,
    /// Reference point for relative times: latest (the newest event), now, or a time [env: ECS_AUDIT_AS_OF]
    #[arg(long, value_name = "TIME", help_heading = WINDOW)]
    pub as_of: Option<String>,
    /// See [`Asking`].
    #[command(flatten)]
    pub asking: Asking,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
    /// See [`OnCluster`].
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub on: OnCluster,
    /// Set a parameter of a saved query (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// Include the ids of the records behind each row
    #[arg(long, help_heading = OUTPUT)]
    pub evidence: bool,
    /// Add a column with links to the AWS console
    #[arg(long, conflicts_with_all = ["redact", "chart"], help_heading = OUTPUT)]
    pub links: bool,
    /// Draw a chart instead of a table: bars, lines over time, or a heat map of the week
    #[arg(long, conflicts_with = "format", help_heading = OUTPUT)]
    pub chart: bool,
    /// Replace accounts, ARNs, addresses, users and hosts with stable pseudonyms (the key stays in the store)
    #[arg(long, help_heading = OUTPUT)]
    pub redact: bool,
    /// Show the query plan instead of running the query
    #[arg(long, help_heading = OUTPUT)]
    pub explain: bool,
    /// Print the query in canonical form instead of running it
    #[arg(long, help_heading = OUTPUT)]
    pub canonical: bool,
}

/// Arguments of `sql`.
#[derive(Debug, Args)]
pub struct Sql {
    /// A SELECT statement
    #[arg(value_name = "STATEMENT")]
    pub statement: String,
    /// See [`Asking`].
    #[command(flatten)]
    pub asking: Asking,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
    /// See [`OnCluster`].
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub on: OnCluster,
}

/// Where a query runs.
#[cfg(feature = "cluster")]
#[derive(Debug, Default, Args)]
pub struct OnCluster {
    /// Run the query on these executors, such as http://127.0.0.1:50051,http://127.0.0.1:50052
    #[arg(long = "cluster", value_name = "URL", value_delimiter = ',', conflicts_with = "from")]
    pub executors: Vec<url::Url>,
}

/// Arguments of `cluster`.
#[cfg(feature = "cluster")]
#[derive(Debug, Args)]
pub struct Cluster {
    /// See [`ClusterAction`].
    #[command(subcommand)]
    pub action: ClusterAction,
}

/// What to run of a cluster.
#[cfg(feature = "cluster")]
#[derive(Debug, Subcommand)]
pub enum ClusterAction {
    /// Run tasks of the queries of other processes
    #[command(after_help = "Examples:
  ecs-audit cluster executor --listen 127.0.0.1:50051
  ecs-audit cluster executor --listen 127.0.0.1:0 --threads 1 --memory 2GiB

Prints its address, and serves until Ctrl-C. It reads the files of the store itself, by the paths that the client \
uses.")]
    Executor(ExecutorArgs),
}

/// Arguments of `cluster executor`.
#[cfg(feature = "cluster")]
#[derive(Debug, Args)]
pub struct ExecutorArgs {
    /// Address and port to listen on; port 0 takes a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50051", value_parser = address)]
    pub listen: std::net::SocketAddr,
    /// Allow an address that other machines can reach; whoever reaches it can read all files that this user can read
    #[arg(long)]
    pub allow_remote: bool,
}

/// Arguments of `fields`.
#[derive(Debug, Args)]
pub struct Fields {
    /// A noun, such as failures
    pub noun: Option<String>,
    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "table", help_heading = OUTPUT)]
    pub format: Format,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Built-in packs by name, custom packs by file (default: all built-in packs and those of the configuration)
    #[arg(value_name = "PACK")]
    pub packs: Vec<String>,
    /// Start of the window: a duration such as 1d, or a time; overrides the windows of the checks [default: 1d]
    #[arg(long, value_name = "TIME", help_heading = WINDOW)]
    pub since: Option<String>,
    /// End of the window (default: none)
    #[arg(long, value_name = "TIME", help_heading = WINDOW)]
    pub until: Option<String>,
    /// Reference point for relative times: latest (the newest event), now, or a time [env: ECS_AUDIT_AS_OF]
    #[arg(long, value_name = "TIME", help_heading = WINDOW)]
    pub as_of: Option<String>,
    /// Check an export directly, without a store (repeatable)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// See [`Scope`].
    #[command(flatten)]
    pub scope: Scope,
    /// Set a parameter of a saved query that a check uses (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
    /// Lowest severity that makes the exit code 1: note, warning or error
    #[arg(long, value_name = "SEVERITY", default_value = "note", value_parser = severity)]
    pub fail_on: Severity,
    /// Report only findings that this file does not accept
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write the findings to a baseline file instead of reporting them; entries that the file has are kept
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "top"])]
    pub write_baseline: Option<PathBuf>,
    /// Show at most this many findings per check (default: as many as fit on a terminal; all otherwise)
    #[arg(long, value_name = "N", help_heading = OUTPUT)]
    pub top: Option<std::num::NonZeroUsize>,
    /// Output format: text, json, junit, sarif, markdown, slack, github or gitlab
    #[arg(long, short, value_name = "FORMAT", default_value = "text", help_heading = OUTPUT)]
    pub format: ReportLayout,
    /// Write the report to a file
    #[arg(long, short, value_name = "FILE", help_heading = OUTPUT)]
    pub out: Option<PathBuf>,
    /// List the checks instead of running them
    #[arg(long)]
    pub list: bool,
}

fn severity(text: &str) -> Result<Severity, String> {
    let found = Severity::ALL.into_iter().find(|severity| severity.word() == text);
    found.ok_or_else(|| "expected note, warning or error".to_owned())
}

/// Arguments of `queries`.
#[derive(Debug, Args)]
pub struct Queries {
    /// The saved query to show
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "table", help_heading = OUTPUT)]
    pub format: Format,
}

/// Arguments of `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "table", help_heading = OUTPUT)]
    pub format: Format,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A failure id, task, run, job, service, deployment, container instance, task definition, cluster, schedule, ARN
    /// or expected-start id, or the beginning of an id; last for the newest failure; quota for the use of quotas
    #[arg(value_name = "X", required_unless_present = "all")]
    pub what: Option<String>,
    /// With quota: the region
    #[arg(value_name = "REGION")]
    pub region: Option<String>,
    /// With quota: the point in time, such as 2026-03-02T10:00:05Z (default: the largest shortfall)
    #[arg(long, value_name = "TIME", requires = "region", help_heading = WINDOW)]
    pub at: Option<String>,
    /// Explain each cause once, with its number of failures
    #[arg(long)]
    pub all: bool,
    /// With --all: only failures since this time, such as 7d (before the newest event) or 2026-03-04
    #[arg(long, value_name = "TIME", requires = "all", help_heading = WINDOW)]
    pub since: Option<String>,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
    /// Read an export directly, without a store (repeatable)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// See [`Scope`].
    #[command(flatten)]
    pub scope: Scope,
    /// Add links to the AWS console
    #[arg(long, help_heading = OUTPUT)]
    pub links: bool,
    /// Output format: text, json, markdown, html or slack
    #[arg(long, short, value_name = "FORMAT", default_value = "text", help_heading = OUTPUT)]
    pub format: Layout,
}

/// Arguments of `timeline`.
#[derive(Debug, Args)]
pub struct Timeline {
    /// A failure id, task, run, job, service, deployment, container instance, task definition, cluster, schedule or
    /// ARN, or the beginning of an id; last for the newest failure
    #[arg(value_name = "X")]
    pub what: String,
    /// Only events since this time, such as 2d (before the newest event) or 2026-03-04
    #[arg(long, value_name = "TIME", help_heading = WINDOW)]
    pub since: Option<String>,
    /// Read an export directly, without a store (repeatable)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// See [`Scope`].
    #[command(flatten)]
    pub scope: Scope,
    /// Add links to the AWS console
    #[arg(long, help_heading = OUTPUT)]
    pub links: bool,
    /// Output format: text, json, markdown, html or slack
    #[arg(long, short, value_name = "FORMAT", default_value = "text", help_heading = OUTPUT)]
    pub format: Layout,
}

/// Arguments of `changes`.
#[derive(Debug, Args)]
pub struct Changes {
    /// A failure id, task, run, job, service, deployment, container instance, task definition, cluster, schedule or
    /// ARN, or the beginning of an id; last for the newest failure
    #[arg(value_name = "X", required_unless_present = "at")]
    pub what: Option<String>,
    /// Look at this time, such as 2026-03-02T10:00:05Z, instead of before the failures of X
    #[arg(long, value_name = "TIME", help_heading = WINDOW)]
    pub at: Option<String>,
    /// Look this far before and after, such as 2h, instead of the half hour before
    #[arg(long, value_name = "DURATION", help_heading = WINDOW)]
    pub around: Option<String>,
    /// Read an export directly, without a store (repeatable)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// Output format: text, json, markdown, html or slack
    #[arg(long, short, value_name = "FORMAT", default_value = "text", help_heading = OUTPUT)]
    pub format: Layout,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// What to do instead of writing a report
    #[command(subcommand)]
    pub action: Option<ReportAction>,
    /// Start of the window, such as 7d (before the newest event) or 2026-03-04
    #[arg(long, value_name = "TIME", group = "window", help_heading = WINDOW)]
    pub since: Option<String>,
    /// Window from the first time to the second
    #[arg(long, num_args = 2, value_names = ["TIME", "TIME"], group = "window", help_heading = WINDOW)]
    pub between: Vec<String>,
    /// Window on both sides of a time, one hour each unless --within is given
    #[arg(long, value_name = "TIME", group = "window", help_heading = WINDOW)]
    pub around: Option<String>,
    /// With --around: how far the window reaches on each side, such as 30m
    #[arg(long, value_name = "DURATION", requires = "around", help_heading = WINDOW)]
    pub within: Option<String>,
    /// Output folder: a new folder, or an earlier report to replace
    #[arg(long, short, value_name = "DIR", required = true)]
    pub out: Option<PathBuf>,
    /// Only these sections (the names of the CSV files), separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub sections: Vec<String>,
    /// Title of the report
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Add a section: TITLE=QUERY, or a saved query as @NAME (repeatable)
    #[arg(long = "query", value_name = "TITLE=QUERY")]
    pub queries: Vec<String>,
    /// Set a parameter of a saved query (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// Write a one-page post-mortem draft, as Markdown, HTML and a Slack message
    #[arg(long)]
    pub brief: bool,
    /// With --brief: print the page as well: markdown, html or slack
    #[arg(long, short, value_name = "FORMAT", requires = "brief", help_heading = OUTPUT)]
    pub format: Option<BriefFormat>,
    /// Print JSON about the report that was written
    #[arg(long, conflicts_with = "format", help_heading = OUTPUT)]
    pub json: bool,
    /// Prices for the cost of failed attempts: TOML with vcpu_hour and gib_hour in USD
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Replace accounts, ARNs, addresses, users and hosts with stable pseudonyms (the key stays in the store)
    #[arg(long, help_heading = OUTPUT)]
    pub redact: bool,
    /// Reference point for relative times: latest (the newest event), now, or a time [env: ECS_AUDIT_AS_OF]
    #[arg(long, value_name = "TIME", help_heading = WINDOW)]
    pub as_of: Option<String>,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
    /// Report on an export directly, without a store (repeatable)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// See [`Scope`].
    #[command(flatten)]
    pub scope: Scope,
}

/// Actions on an existing report.
#[derive(Debug, Subcommand)]
pub enum ReportAction {
    /// Recompute every number in a report and list differences; exits with 1 if there are any
    #[command(after_help = "Examples:
  ecs-audit report verify postmortem
  ecs-audit report verify postmortem --from s3-export/")]
    Verify(ReportVerify),
}

/// Arguments of `report verify`.
#[derive(Debug, Args)]
pub struct ReportVerify {
    /// The report folder
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
    /// Compare with an export directly, without a store (repeatable)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// See [`TextOutput`].
    #[command(flatten)]
    pub output: TextOutput,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The id of a record, failure or event, or the beginning of one
    pub id: String,
    /// Read an export directly, without a store (repeatable)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// See [`TextOutput`].
    #[command(flatten)]
    pub output: TextOutput,
}

/// Arguments of `catalog`.
#[derive(Debug, Args)]
pub struct CatalogArgs {
    /// The action
    #[command(subcommand)]
    pub action: CatalogAction,
}

impl CatalogArgs {
    /// Whether the command tests the rules instead of using them.
    pub fn is_test(&self) -> bool {
        matches!(self.action, CatalogAction::Test(_))
    }
}

/// Actions on the catalog.
#[derive(Debug, Subcommand)]
pub enum CatalogAction {
    /// List all entries, or those that match
    #[command(after_help = "Examples:
  ecs-audit catalog list --class capacity
  ecs-audit catalog list --kind api.failure --format csv
  ecs-audit catalog list secret")]
    List(CatalogList),
    /// Show one entry in full
    #[command(after_help = "Examples:
  ecs-audit catalog show placement-agent
  ecs-audit catalog show ecr-auth-network")]
    Show(CatalogShow),
    /// Show which entry explains a message
    #[command(after_help = "Examples:
  ecs-audit catalog explain AGENT
  ecs-audit catalog explain --kind service.event \"(service web) was unable to place a task.\"
  ecs-audit catalog explain - --format ndjson < messages.txt

- reads one message per line. With ndjson, each line gets an answer: an object (with \"benign\":
true for a message that does not report a failure), or null for an unknown message.")]
    Explain(CatalogExplain),
    /// Test custom rules; exits with 2 if there are errors
    #[command(after_help = "Examples:
  ecs-audit catalog test rules.toml
  ecs-audit catalog test rules.toml --quiet")]
    Test(CatalogTest),
}

/// Arguments of `catalog list`.
#[derive(Debug, Args)]
pub struct CatalogList {
    /// Words that must occur in an entry: in its id, name, cause, patterns or examples
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// Only entries with this phase
    #[arg(long, value_parser = PossibleValuesParser::new(PHASES))]
    pub phase: Option<String>,
    /// Only entries with this class
    #[arg(long, value_parser = PossibleValuesParser::new(CLASSES))]
    pub class: Option<String>,
    /// Only entries for this kind of text
    #[arg(long, value_parser = kinds())]
    pub kind: Option<String>,
    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "table", help_heading = OUTPUT)]
    pub format: Format,
}

/// Arguments of `catalog show`.
#[derive(Debug, Args)]
pub struct CatalogShow {
    /// The id of the entry, which is the `cause` of a failure, or the beginning of one
    pub id: String,
    /// See [`TextOutput`].
    #[command(flatten)]
    pub output: TextOutput,
}

/// Arguments of `catalog explain`.
#[derive(Debug, Args)]
pub struct CatalogExplain {
    /// The message; - reads one per line from stdin
    #[arg(value_name = "MESSAGE", allow_hyphen_values = true)]
    pub message: String,
    /// The kind of text (default: try all kinds)
    #[arg(long, value_parser = kinds())]
    pub kind: Option<String>,
    /// Output format (default: text)
    #[arg(long, short, value_name = "FORMAT", help_heading = OUTPUT)]
    pub format: Option<Format>,
}

/// Arguments of `catalog test`.
#[derive(Debug, Args)]
pub struct CatalogTest {
    /// TOML files in the format of the built-in catalog; each is tested together with it
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// See [`TextOutput`].
    #[command(flatten)]
    pub output: TextOutput,
}

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(TextKind::ALL.map(TextKind::name))
}

/// Arguments of `preflight`.
#[derive(Debug, Args)]
pub struct Preflight {
    /// JSON as register-task-definition takes it or describe-task-definition prints it; - is stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Target cluster (default: the clusters in which the family has run)
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Target account (default: that of the ARN of the cluster or definition; without an ARN, all)
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// Target region, likewise
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// Number of tasks to start
    #[arg(long, value_name = "N", default_value = "1")]
    pub count: u64,
    /// Treat as Fargate even if requiresCompatibilities does not list it
    #[arg(long)]
    pub fargate: bool,
    /// How far back to look for failures
    #[arg(long, value_name = "TIME", default_value = "30d", help_heading = WINDOW)]
    pub since: String,
    /// Read an export directly, without a store (repeatable)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
    /// Lowest severity that makes the exit code 1: note, warning or error
    #[arg(long, value_name = "SEVERITY", default_value = "warning", value_parser = severity)]
    pub fail_on: Severity,
    /// Output format: text, json, junit, sarif, markdown, slack, github or gitlab
    #[arg(long, short, value_name = "FORMAT", default_value = "text", help_heading = OUTPUT)]
    pub format: ReportLayout,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Inspect an export directly, without a store (repeatable)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// Limits for `quota`, in the formats that `query` accepts; their accounts count as covered (repeatable)
    #[arg(long, value_name = "FILE", env = "ECS_AUDIT_QUOTAS")]
    pub quotas: Vec<PathBuf>,
    /// See [`TextOutput`].
    #[command(flatten)]
    pub output: TextOutput,
}

/// Arguments of `verify-digests`.
#[derive(Debug, Args)]
pub struct VerifyDigests {
    /// Files and folders with the log files and the digest files
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Public keys of AWS, to check signatures: the output of `aws cloudtrail list-public-keys` (repeatable)
    #[arg(long, value_name = "FILE")]
    pub public_keys: Vec<PathBuf>,
    /// See [`TextOutput`].
    #[command(flatten)]
    pub output: TextOutput,
}

/// Arguments of `mcp`.
#[derive(Debug, Args)]
pub struct Mcp {
    /// Answer with the real names of accounts, users, hosts and addresses
    #[arg(long)]
    pub no_redact: bool,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Address and port to listen on; port 0 takes a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = address)]
    pub listen: std::net::SocketAddr,
    /// Allow an address that other machines can reach; the connection is not encrypted
    #[arg(long)]
    pub allow_remote: bool,
}

/// Arguments of `repl`.
#[derive(Debug, Args)]
pub struct Repl {
    /// Read an export directly, without a store (repeatable)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// Reference point for relative times: latest (the newest event), now, or a time [env: ECS_AUDIT_AS_OF]
    #[arg(long, value_name = "TIME", help_heading = WINDOW)]
    pub as_of: Option<String>,
    /// Output format
    #[arg(long, short, value_name = "FORMAT", help_heading = OUTPUT)]
    pub format: Option<Format>,
    /// Set a parameter of saved queries (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Output folder; created if it does not exist
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `store`.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// The action
    #[command(subcommand)]
    pub action: Option<StoreAction>,
    /// Output format of the overview
    #[arg(long, short, value_name = "FORMAT", default_value = "table", help_heading = OUTPUT)]
    pub format: Format,
}

/// Actions on a store.
#[derive(Debug, Clone, Subcommand)]
pub enum StoreAction {
    /// Reclassify existing rows with the current failure catalog and --rules, without the export
    #[command(after_help = "Examples:
  ecs-audit store reclassify
  ecs-audit store reclassify --rules rules.toml")]
    Reclassify(TextOutput),
    /// Merge small files; a load does most of this automatically
    #[command(after_help = "Examples:
  ecs-audit store compact
  ecs-audit store compact --wait 10m")]
    Compact(TextOutput),
    /// Delete unreferenced files
    #[command(after_help = "Examples:
  ecs-audit store vacuum
  ecs-audit store vacuum --keep 0s

Loads, compact and reclassify keep replaced files for processes that still have the store open. A load deletes \
them after an hour; this command deletes them now, subject to --keep. In a bucket, it also deletes what writers left \
that stopped or died, after a day.")]
    Vacuum(Vacuum),
    /// Check that the store is intact: files, sizes, rows, logs, ledger; exit code 1 if it is not
    #[command(after_help = "Examples:
  ecs-audit store verify
  ecs-audit store verify --repair

Every column of every file is decoded. --repair rebuilds manifest.json, undoes what an interrupted load left and \
adopts what other programs changed; files that are missing or damaged have to be loaded again.")]
    Verify(Verify),
    /// Make changes of other programs (DELETE, OPTIMIZE, VACUUM by Spark, delta-rs) a part of the store
    #[command(after_help = "Examples:
  ecs-audit store adopt
  ecs-audit store adopt --undo

The next load does this where it is safe. Records that another program deleted are not loaded again.")]
    Adopt(Adopt),
    /// Remove old records, and do not load them again
    #[command(after_help = "Examples:
  ecs-audit store drop --before 90d
  ecs-audit store drop --before 2026-01-01 --account 111122223333 --yes
  ecs-audit store drop --before 30d --table flows --yes

Without --yes it shows what would be removed. The files themselves are deleted an hour later, by a load or by \
`ecs-audit store vacuum`.")]
    Drop(Drop),
    /// Write nouns to Parquet or CSV files, for other tools
    #[command(after_help = "Examples:
  ecs-audit store export out/
  ecs-audit store export out/ --format csv failures stalls schedules")]
    Export(Export),
}

/// Arguments of `store verify`.
#[derive(Debug, Clone, Args)]
pub struct Verify {
    /// Repair what can be repaired, then check
    #[arg(long)]
    pub repair: bool,
    /// See [`TextOutput`].
    #[command(flatten)]
    pub output: TextOutput,
}

/// Arguments of `store adopt`.
#[derive(Debug, Clone, Args)]
pub struct Adopt {
    /// Return all tables to what ecs-audit wrote last instead
    #[arg(long)]
    pub undo: bool,
    /// See [`TextOutput`].
    #[command(flatten)]
    pub output: TextOutput,
}

/// Arguments of `store drop`.
#[derive(Debug, Clone, Args)]
pub struct Drop {
    /// Records from before then: a duration back from the newest event such as 90d, or a time such as 2026-01-01
    #[arg(long, value_name = "TIME", required = true)]
    pub before: String,
    /// Only records of this account
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// Only rows of this table
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// Remove them; without it, show what would be removed
    #[arg(long)]
    pub yes: bool,
    /// See [`TextOutput`].
    #[command(flatten)]
    pub output: TextOutput,
}

/// Arguments of `store export`.
#[derive(Debug, Clone, Args)]
pub struct Export {
    /// Output folder; created if it does not exist
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Nouns such as failures (default: all)
    #[arg(value_name = "NOUN")]
    pub nouns: Vec<String>,
    /// Format: parquet, csv or ndjson
    #[arg(long, short, value_name = "FORMAT", default_value = "parquet", value_parser = export_format, help_heading = OUTPUT)]
    pub format: Format,
    /// With the original records, where a noun has them
    #[arg(long)]
    pub raw: bool,
    /// Print JSON about the files that were written
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
}

fn export_format(text: &str) -> Result<Format, String> {
    let format: Format = text.parse().map_err(|_| "expected parquet, csv or ndjson".to_owned())?;
    let fits = matches!(format, Format::Parquet | Format::Csv | Format::Ndjson);
    fits.then_some(format).ok_or_else(|| "expected parquet, csv or ndjson".to_owned())
}

/// Arguments of `store vacuum`.
#[derive(Debug, Clone, Args)]
pub struct Vacuum {
    /// Keep files that were replaced more recently than this
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub keep: std::time::Duration,
    /// See [`TextOutput`].
    #[command(flatten)]
    pub output: TextOutput,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for text in ["127.0.0.1:8417", "localhost:8417", "8417"] {
            assert_eq!(address(text).unwrap().to_string(), "127.0.0.1:8417", "{text}");
        }
        assert!(address("[::1]:0").unwrap().ip().is_loopback());
        for wrong in ["", "localhost", "example.com:80", "70000", "127.0.0.1"] {
            assert!(address(wrong).unwrap_err().contains("such as 127.0.0.1:8417"), "{wrong}");
        }
    }
}
