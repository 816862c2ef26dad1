//! Arguments, with the help that goes with them.

use crate::check::{Layout as ReportLayout, Severity};
use crate::explain::Layout;
use crate::knowledge::{CLASSES, PHASES, TextKind};
use crate::render::Format;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Offline analyzer for Amazon ECS and dstack failures: load an export, ask a sentence.
#[derive(Debug, Parser)]
#[command(name = "ecs-audit", version, about, max_term_width = 100)]
#[command(after_help = "Examples:
  ecs-audit load s3-export/
  ecs-audit query \"failures by reason since 7d\"
  ecs-audit query --from s3-export/ \"failures by reason since 7d\"
  ecs-audit            (on a terminal: questions one after the other)

Exit codes: 0 = done, 1 = a check found something, 2 = error, 3 = done, but some of the input could not be loaded.")]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do; nothing = questions one after the other, on a terminal.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Folder of the store
    #[arg(long, global = true, value_name = "DIR", env = "ECS_AUDIT_STORE", default_value = ".ecs-audit")]
    pub store: PathBuf,
    /// Time zone of dates, calendar days and display, such as Asia/Tokyo
    #[arg(long, global = true, value_name = "ZONE", env = "ECS_AUDIT_TZ")]
    pub tz: Option<String>,
    /// Say less on standard error: no progress, no window, no notes
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Threads to use (default: one a core)
    #[arg(long, global = true, value_name = "N")]
    pub threads: Option<usize>,
    /// How long to wait for another writer of the store, such as 10m
    #[arg(long, global = true, value_name = "DURATION", default_value = "1m", value_parser = duration)]
    pub wait: std::time::Duration,
    /// Rules of your own, added to the failure catalog (may be repeated; ECS_AUDIT_RULES holds a list like PATH)
    #[arg(long, global = true, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// Configuration file that comes before those of the store and of the user
    #[arg(long, global = true, value_name = "FILE", env = "ECS_AUDIT_CONFIG")]
    pub config: Option<PathBuf>,
    /// Read neither the store's nor the user's configuration file
    #[arg(long, global = true)]
    pub no_config: bool,
    /// What the configuration files say.
    #[arg(skip)]
    pub configured: super::config::Configured,
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    let parsed: Result<jiff::SignedDuration, _> = text.parse();
    parsed
        .ok()
        .and_then(|duration| std::time::Duration::try_from(duration).ok())
        .ok_or_else(|| "expected a duration such as 30s or 10m".to_owned())
}

/// `NAME=VALUE`.
fn assignment(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = parts.ok_or_else(|| "expected NAME=VALUE, such as cluster=batch".to_owned())?;
    Ok((name.trim_start_matches('$').to_owned(), value.to_owned()))
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Load exports into the store: CloudTrail, ECS events, dstack runs, in any mix and nesting
    #[command(after_help = "Examples:
  ecs-audit load s3-export/
  ecs-audit load trail.json.gz ecs-events/ runs.json
  aws ecs describe-tasks --cluster batch --tasks ID | ecs-audit load -

What has been loaded already is not loaded again, so the command can be repeated at any time.")]
    Load(Load),
    /// Ask a question
    #[command(after_help = "Examples:
  ecs-audit query \"failures by reason since 7d\"
  ecs-audit query \"failures where reason = AGENT by cluster every 1d since 30d\" --format csv
  ecs-audit query --from s3-export/ \"calls where failed by user, error_code top 20\"
  ecs-audit query --chart \"failures by weekday(time), hour(time) since 30d\"
  ecs-audit query @lost --set since=30d
  ecs-audit query --explain \"tasks by service show p95(start_latency)\"

`ecs-audit fields` lists what can be asked about. Relative times count back from the newest event
in the store, not from the clock; --as-of now changes that.")]
    Query(Query),
    /// Run plain SQL over the same tables
    #[command(after_help = "Example:
  ecs-audit sql \"select reason, count(*) from failures group by reason order by 2 desc\"")]
    Sql(Sql),
    /// List what can be asked about, or the fields of one noun
    #[command(after_help = "Examples:
  ecs-audit fields
  ecs-audit fields failures")]
    Fields(Fields),
    /// List the saved queries, or show one
    #[command(after_help = "Examples:
  ecs-audit queries
  ecs-audit queries lost
  ecs-audit query @lost --set since=30d
  ecs-audit query \"@lost where cluster = batch top 3\"

Saved queries stand in a configuration file (see `ecs-audit config --help`), with $NAME for what is left open:

  [queries.exits]
  question = \"Which programs of a service ended with an error?\"
  query = \"failures where service = $service and phase = running by exit_code since $since\"
  defaults = { since = \"7d\" }

Clauses written after the name are added to `where` and replace all others.")]
    Queries(Queries),
    /// Show which settings hold and where they come from
    #[command(after_help = "Example:
  ecs-audit config
  ecs-audit config --config team.toml

A setting comes from the first of these that names it:
  1. its option, such as --tz
  2. its variable: ECS_AUDIT_STORE, ECS_AUDIT_TZ, ECS_AUDIT_AS_OF, ECS_AUDIT_RULES, ECS_AUDIT_QUOTAS
  3. the file of --config or ECS_AUDIT_CONFIG
  4. ecs-audit.toml in the folder of the store
  5. ecs-audit/config.toml in XDG_CONFIG_HOME, else in ~/.config (APPDATA on Windows)

A file may hold store, tz, as_of, quotas, rules, packs and [queries]. Paths in it count from its folder.")]
    Config(ConfigArgs),
    /// Ask the questions of every day, for schedules and CI: exit code 1 when something is found
    #[command(after_help = "Examples:
  ecs-audit check --since 1d
  ecs-audit check lost-launches our-checks.toml --since 7d --format markdown
  ecs-audit check --from s3-export/ --format sarif --out ecs-audit.sarif
  ecs-audit check --list

Built-in packs: stopped-tasks, lost-launches, deployments, exit-status, error-phases. A pack of your own:

  name = \"ours\"
  [[check]]
  name = \"settlement\"
  question = \"Did the nightly settlement fail to start?\"
  query = \"failures where family = nightly-settlement and kind = launch by reason\"
  threshold = 1            # a row is a finding from this number on
  measure = \"count\"        # the column it is compared with; default: the first number
  severity = \"error\"       # note, warning or error
  remedy = \"Start it by hand before six, then tell the platform team\"
  needs = [\"calls\"]        # more tables without which there is no answer

A check is not answered when no records are loaded that its query is about, such as task events for
`failures where kind = task`; it never counts as passed.

Exit codes: 0 = nothing found, 1 = found, 2 = error, 3 = nothing found, but a check was not answered, some
input could not be loaded, or no record is in the window.")]
    Check(CheckArgs),
    /// Explain a failure: phase, cause, what led to it, what to check and what to do
    #[command(after_help = "Examples:
  ecs-audit explain last
  ecs-audit explain d25e49b0-637f-469f-8e82-413fa77b3188
  ecs-audit explain nightly-settlement --from s3-export/
  ecs-audit explain arn:aws:ecs:eu-west-1:111122223333:task/batch/0c3d1c31a0138640d818802046393acb
  ecs-audit explain --all --since 7d
  ecs-audit explain quota ap-northeast-1 --at 2026-03-02T10:00:05Z --quotas quotas.json
  ecs-audit explain 01a0ca2c-b3d1-4068-bfcb-6853eea59b12@2026-03-07T03:00:00Z

The id of an expected start is that of `schedules show id, time, state`. A name with several failures explains the newest and says how many others there are; with --all each
cause is explained once. Only what a record or the failure catalog says is told.")]
    Explain(Explain),
    /// Tell the story of a task, run, service, deployment or container instance on one clock
    #[command(after_help = "Examples:
  ecs-audit timeline 0c3d1c31a0138640d818802046393acb
  ecs-audit timeline ecs-svc/1931771335527380427
  ecs-audit timeline tokenize-corpus --format json
  ecs-audit timeline cart --since 2d

One line an event: the time, the time since the line before, what happened, who called, and the id of the
record in brackets (`ecs-audit show ID`). A gap is over 5 minutes and over a fifth of the story.")]
    Timeline(Timeline),
    /// List what was changed in the half hour before a failure, ranked by what it shares with it
    #[command(after_help = "Examples:
  ecs-audit changes last
  ecs-audit changes checkout-web
  ecs-audit changes 77954849-eedf-47b8-ac98-415d8259b246 --format json

The write calls before the newest burst of failures of X (failures at most 10 min apart), those first that share
most with it: service, task definition, container instance, role, security group, secret, subnet, cluster.")]
    Changes(Changes),
    /// Write a post-mortem report: a folder with a page, Markdown, and a CSV file for each section
    #[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
    #[command(after_help = "Examples:
  ecs-audit report --since 7d --out postmortem
  ecs-audit report --between 2026-03-04 2026-03-05 --out postmortem --title \"Checkout, 4 March\"
  ecs-audit report --around 2026-03-04T05:30Z --within 2h --out postmortem --redact
  ecs-audit report --since 7d --out postmortem --sections findings,failures-by-service
  ecs-audit report --since 7d --out postmortem --query \"Who was refused=calls where failed by user top 10\"
  ecs-audit report verify postmortem

Without a window the report is about the whole store. The same store gives the same bytes. report.html needs
no network and no script. A folder that is not a report is never overwritten.")]
    Report(Box<Report>),
    /// Print the original record of an id, and where it came from
    #[command(after_help = "Example:
  ecs-audit show 6f1d3d2c-3b1a-4c55-9a53-0f4f9c1d2e3f")]
    Show(Show),
    /// See, test and extend what is known about failure messages
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

It is judged by itself (sizes of Fargate, sums, roles, log options) and against the store: images, secrets
and roles that failed before, room on the instances, how long stopping took. Exit codes are those of
`check`: 0 = nothing found, 1 = found, 2 = error, 3 = nothing found, but some input could not be loaded.")]
    Preflight(Preflight),
    /// Tell what is in the store, what is odd about it, and what to export to answer more
    #[command(after_help = "Examples:
  ecs-audit doctor
  ecs-audit doctor --from s3-export/
  ecs-audit doctor --quotas quotas.json
  ecs-audit doctor --json")]
    Doctor(Doctor),
    /// Ask questions one after the other, with completion and history
    #[command(after_help = "Examples:
  ecs-audit repl
  ecs-audit repl --from s3-export/
  ecs-audit repl --format csv < questions.txt

On a terminal `ecs-audit` alone does the same. Tab completes clauses, fields and values, \\help lists the
commands. Where the input is no terminal every line of it is a question; the exit code is 2 if one fails.")]
    Repl(Repl),
    /// Print completions for a shell
    #[command(after_help = "Examples:
  ecs-audit completions bash > ~/.local/share/bash-completion/completions/ecs-audit
  ecs-audit completions zsh > ~/.zfunc/_ecs-audit
  ecs-audit completions fish > ~/.config/fish/completions/ecs-audit.fish
  ecs-audit completions powershell >> $PROFILE")]
    Completions(Completions),
    /// Write man pages, one a command
    #[command(after_help = "Example:
  ecs-audit man --out ~/.local/share/man/man1
  man ecs-audit-query")]
    Man(Man),
    /// Show what the store holds, or look after it
    #[command(after_help = "Examples:
  ecs-audit store
  ecs-audit store reclassify --rules rules.toml
  ecs-audit store compact
  ecs-audit store vacuum")]
    Store(StoreArgs),
}

/// Arguments of `load`.
#[derive(Debug, Args)]
pub struct Load {
    /// Files and folders; - is standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// What use is held against.
#[derive(Debug, Default, Args)]
pub struct Limits {
    /// Limits for `quota`: TOML with [[quota]], or what `aws service-quotas list-service-quotas` prints (may be repeated)
    #[arg(long, value_name = "FILE", env = "ECS_AUDIT_QUOTAS")]
    pub quotas: Vec<PathBuf>,
    /// Replay `quota` with something else: limit=16, spot-limit=16 or task-vcpu=2 (may be repeated)
    #[arg(long, value_name = "NAME=VALUE")]
    pub what_if: Vec<String>,
    /// How long a task must be blocked before it is one of the `stalls`
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub min_blocked: std::time::Duration,
}

/// Where rows come from and where the answer goes.
#[derive(Debug, Args)]
pub struct Asking {
    /// Ask an export directly, without a store (may be repeated)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// Format of the answer: table, csv, json, ndjson, markdown, html or parquet
    #[arg(long, short, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Write the answer to a file; its ending gives the format where --format does not
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `query`.
#[derive(Debug, Args)]
pub struct Query {
    /// The question
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,
    /// See [`Asking`].
    #[command(flatten)]
    pub asking: Asking,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
    /// What relative times count back from: latest (the newest event), now, or a time [env: ECS_AUDIT_AS_OF]
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// A value for a parameter of a saved query (may be repeated)
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// Add the ids of the records behind each row
    #[arg(long)]
    pub evidence: bool,
    /// Draw the answer instead of listing it: bars, lines over time, or a strip of the week
    #[arg(long, conflicts_with = "format")]
    pub chart: bool,
    /// Replace accounts, ARNs, addresses, users and hosts by stable pseudonyms (the key stays in the store)
    #[arg(long)]
    pub redact: bool,
    /// Show how the query runs instead of running it
    #[arg(long)]
    pub explain: bool,
    /// Print the query in canonical form instead of running it
    #[arg(long)]
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
}

/// Arguments of `fields`.
#[derive(Debug, Args)]
pub struct Fields {
    /// A noun such as failures
    pub noun: Option<String>,
    /// Format of the list
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Built-in packs by name, others by file (default: all built-in ones and those of the configuration)
    #[arg(value_name = "PACK")]
    pub packs: Vec<String>,
    /// The window: a duration such as 1d, or a time; replaces also the windows of the checks [default: 1d]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// The end of the window (default: none)
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// What relative times count back from: latest (the newest event), now, or a time [env: ECS_AUDIT_AS_OF]
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Check an export directly, without a store (may be repeated)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// A value for a parameter of a saved query that a check uses (may be repeated)
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
    /// The least severity for which the exit code is 1: note, warning or error
    #[arg(long, value_name = "SEVERITY", default_value = "note", value_parser = severity)]
    pub fail_on: Severity,
    /// Format: text, json, junit, sarif or markdown
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub format: ReportLayout,
    /// Write the report to a file
    #[arg(long, short, value_name = "FILE")]
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
    /// A saved query
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Format of the list
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

/// Arguments of `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Format of the list
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A failure id, task, run, job, service, deployment, container instance, task definition, cluster, schedule, ARN, the beginning of such an id, id of an expected start, or last; or quota
    #[arg(value_name = "X", required_unless_present = "all")]
    pub what: Option<String>,
    /// With quota: the region
    #[arg(value_name = "REGION")]
    pub region: Option<String>,
    /// With quota: the instant, such as 2026-03-02T10:00:05Z (default: where most was missing)
    #[arg(long, value_name = "TIME", requires = "region")]
    pub at: Option<String>,
    /// Explain each cause once, with the number of its failures
    #[arg(long)]
    pub all: bool,
    /// With --all: only failures since then, such as 7d (before the newest event) or 2026-03-04
    #[arg(long, value_name = "TIME", requires = "all")]
    pub since: Option<String>,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
    /// Ask an export directly, without a store (may be repeated)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// Format: text, json, markdown or html
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub format: Layout,
}

/// Arguments of `timeline`.
#[derive(Debug, Args)]
pub struct Timeline {
    /// A task, run, job, service, deployment, container instance, task definition, cluster, schedule, ARN, failure id, or last
    #[arg(value_name = "X")]
    pub what: String,
    /// Only events since then, such as 2d (before the newest event) or 2026-03-04
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Ask an export directly, without a store (may be repeated)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// Format: text, json, markdown or html
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub format: Layout,
}

/// Arguments of `changes`.
#[derive(Debug, Args)]
pub struct Changes {
    /// A failure id, task, run, job, service, deployment, container instance, task definition, cluster, schedule, ARN, or last
    #[arg(value_name = "X", required_unless_present = "at")]
    pub what: Option<String>,
    /// Look at this time, such as 2026-03-02T10:00:05Z, instead of before the failures of X
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Look so far before and after, such as 2h, instead of the half hour before
    #[arg(long, value_name = "DURATION")]
    pub around: Option<String>,
    /// Ask an export directly, without a store (may be repeated)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// Format: text, json or markdown
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub format: Layout,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// What to do instead of writing one
    #[command(subcommand)]
    pub action: Option<ReportAction>,
    /// The window: since then, such as 7d (before the newest event) or 2026-03-04
    #[arg(long, value_name = "TIME", group = "window")]
    pub since: Option<String>,
    /// The window: from the first time until the second
    #[arg(long, num_args = 2, value_names = ["TIME", "TIME"], group = "window")]
    pub between: Vec<String>,
    /// The window: either side of a time, one hour unless --within says otherwise
    #[arg(long, value_name = "TIME", group = "window")]
    pub around: Option<String>,
    /// With --around: how far it reaches, such as 30m
    #[arg(long, value_name = "DURATION", requires = "around")]
    pub within: Option<String>,
    /// The folder to write, which must not exist yet or be an older report
    #[arg(long, short, value_name = "DIR", required = true)]
    pub out: Option<PathBuf>,
    /// Only these sections (the names of the CSV files), separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub sections: Vec<String>,
    /// The heading
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// A section of your own: TITLE=QUERY, or a saved query as @NAME (may be repeated)
    #[arg(long = "query", value_name = "TITLE=QUERY")]
    pub queries: Vec<String>,
    /// A value for a parameter of a saved query (may be repeated)
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// Replace accounts, ARNs, addresses, users and hosts by stable pseudonyms (the key stays in the store)
    #[arg(long)]
    pub redact: bool,
    /// What relative times count back from: latest (the newest event), now, or a time [env: ECS_AUDIT_AS_OF]
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
    /// Report on an export directly, without a store (may be repeated)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
}

/// What to do with a report.
#[derive(Debug, Subcommand)]
pub enum ReportAction {
    /// Compute every number of a report again and name what differs; exit code 1 if anything does
    #[command(after_help = "Example:
  ecs-audit report verify postmortem")]
    Verify(ReportVerify),
}

/// Arguments of `report verify`.
#[derive(Debug, Args)]
pub struct ReportVerify {
    /// The folder of the report
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
    /// Compare with an export directly, without a store (may be repeated)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The id of a record, a failure or an event
    pub id: String,
    /// Ask an export directly, without a store (may be repeated)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
}

/// Arguments of `catalog`.
#[derive(Debug, Args)]
pub struct CatalogArgs {
    /// What to do with it
    #[command(subcommand)]
    pub action: CatalogAction,
}

impl CatalogArgs {
    /// Whether rules are to be tested, not used.
    pub fn is_test(&self) -> bool {
        matches!(self.action, CatalogAction::Test(_))
    }
}

/// What to do with the catalog.
#[derive(Debug, Subcommand)]
pub enum CatalogAction {
    /// List the entries, all or some
    #[command(after_help = "Examples:
  ecs-audit catalog list --class capacity
  ecs-audit catalog list --kind api.failure --format csv
  ecs-audit catalog list secret")]
    List(CatalogList),
    /// Everything about one entry
    #[command(after_help = "Example:
  ecs-audit catalog show placement-agent")]
    Show(CatalogShow),
    /// Which entry explains a message
    #[command(after_help = "Examples:
  ecs-audit catalog explain AGENT
  ecs-audit catalog explain --kind service.event \"(service web) was unable to place a task.\"
  ecs-audit catalog explain - --format ndjson < messages.txt

- reads one message a line. With ndjson every line has its answer: an object, with \"benign\": true for a message
that tells of no failure, or null for one that nobody knows.")]
    Explain(CatalogExplain),
    /// Find the mistakes in rules of your own; exit code 2 if there are any
    #[command(after_help = "Example:
  ecs-audit catalog test rules.toml")]
    Test(CatalogTest),
}

/// Arguments of `catalog list`.
#[derive(Debug, Args)]
pub struct CatalogList {
    /// Words that an entry must hold: in its id, name, cause, patterns or examples
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// Only entries of this phase
    #[arg(long, value_parser = PossibleValuesParser::new(PHASES))]
    pub phase: Option<String>,
    /// Only entries of this class
    #[arg(long, value_parser = PossibleValuesParser::new(CLASSES))]
    pub class: Option<String>,
    /// Only entries for this kind of text
    #[arg(long, value_parser = kinds())]
    pub kind: Option<String>,
    /// Format of the list
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

/// Arguments of `catalog show`.
#[derive(Debug, Args)]
pub struct CatalogShow {
    /// The id of an entry: the `cause` of a failure
    pub id: String,
}

/// Arguments of `catalog explain`.
#[derive(Debug, Args)]
pub struct CatalogExplain {
    /// The message; - reads one a line from standard input
    #[arg(value_name = "MESSAGE", allow_hyphen_values = true)]
    pub message: String,
    /// The kind of text it is (default: all kinds are tried)
    #[arg(long, value_parser = kinds())]
    pub kind: Option<String>,
    /// Format of the answer (default: text for a reader)
    #[arg(long, short, value_name = "FORMAT")]
    pub format: Option<Format>,
}

/// Arguments of `catalog test`.
#[derive(Debug, Args)]
pub struct CatalogTest {
    /// TOML files in the form of the built-in catalog; each is tried together with that one
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(TextKind::ALL.map(TextKind::name))
}

/// Arguments of `preflight`.
#[derive(Debug, Args)]
pub struct Preflight {
    /// The JSON of register-task-definition or describe-task-definition; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The cluster it is for (default: those in which the family has run)
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// How many tasks of it
    #[arg(long, value_name = "N", default_value = "1")]
    pub count: u64,
    /// It runs on Fargate, also where requiresCompatibilities does not say so
    #[arg(long)]
    pub fargate: bool,
    /// How far back failures count
    #[arg(long, value_name = "TIME", default_value = "30d")]
    pub since: String,
    /// Ask an export directly, without a store (may be repeated)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// See [`Limits`].
    #[command(flatten)]
    pub limits: Limits,
    /// The least severity for which the exit code is 1: note, warning or error
    #[arg(long, value_name = "SEVERITY", default_value = "warning", value_parser = severity)]
    pub fail_on: Severity,
    /// Format: text, json, junit, sarif or markdown
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub format: ReportLayout,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Look at an export directly, without a store (may be repeated)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// Limits for `quota`, as `query` takes them: those of accounts named here are known (may be repeated)
    #[arg(long, value_name = "FILE", env = "ECS_AUDIT_QUOTAS")]
    pub quotas: Vec<PathBuf>,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `repl`.
#[derive(Debug, Default, Args)]
pub struct Repl {
    /// Ask an export directly, without a store (may be repeated)
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// Format of the answers
    #[arg(long, short, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// What relative times count back from: latest (the newest event), now, or a time [env: ECS_AUDIT_AS_OF]
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// A value for a parameter of saved queries (may be repeated)
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
    /// Folder to write to; made where it does not exist
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `store`.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// What to do with it
    #[command(subcommand)]
    pub action: Option<StoreAction>,
    /// Format of the overview
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

/// What to do with a store.
#[derive(Debug, Clone, Subcommand)]
pub enum StoreAction {
    /// Bring old rows up to date with the failure catalog and the rules of --rules, without the export
    #[command(after_help = "Examples:
  ecs-audit store reclassify
  ecs-audit store reclassify --rules rules.toml")]
    Reclassify,
    /// Merge small files; a load does most of that by itself
    #[command(after_help = "Examples:
  ecs-audit store compact
  ecs-audit store compact --wait 10m")]
    Compact,
    /// Remove files that were replaced, once nobody can be reading them any more
    #[command(after_help = "Examples:
  ecs-audit store vacuum
  ecs-audit store vacuum --keep 0s

A load that merges files, compact and reclassify leave the old files for those who have opened the store before.
A load removes them after an hour, and this command when you say.")]
    Vacuum(Vacuum),
}

/// Arguments of `store vacuum`.
#[derive(Debug, Clone, Args)]
pub struct Vacuum {
    /// Keep files that were replaced less than this long ago
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub keep: std::time::Duration,
}
