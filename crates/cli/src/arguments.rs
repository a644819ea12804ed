//! The command line as typed. What it resolves to is the commands' business.

mod init;

pub(crate) use init::{Cache, Database, Fault, Init, Runtime};

use crate::exit;
use clap::{Args, Parser, Subcommand, ValueEnum};
use knockon_kernel::Duration;
use knockon_replay::Speed;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Simulates software systems and their incidents, deterministically, and writes what an observability stack would have
/// seen together with the truth.
#[derive(Debug, Parser)]
#[command(name = "sim", version, max_term_width = 100, after_help = exit::HELP, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs scenarios, and writes their tables and their truth
    #[command(after_help = "\
Examples:
  sim run scenarios/memory_leak.ron
  sim run scenarios/memory_leak.ron --seed 7 --out /tmp/leak
  sim run scenarios/memory_leak.ron --without leak
  sim run scenarios/memory_leak.ron --set web-api/pool.maximum=20 --telemetry none
  sim run scenarios/healthy.ron --until 10min --format json | jq .digest
  sim run scenarios/theory scenarios/fidelity --summary
  sim run scenarios/theory/mm1.ron --seeds 1..200

The folder is written under a temporary name and renamed when it is complete. Running again replaces a
finished run; a folder that is something else is refused.

Of a folder all scenarios are run that lie in it and in the folders in it, but for those named `systems` and
`data`. Several scenarios are run at once, on all cores; what comes out does not depend on how many there are.")]
    Run(Run),
    /// Checks a scenario without running it, and prints what its healthy state should look like
    #[command(after_help = "\
Examples:
  sim check scenarios/memory_leak.ron
  sim check scenarios/memory_leak.ron --set web-api/pool.maximum=2")]
    Check(Check),
    /// Runs a scenario in two processes at once and compares them step by step
    #[command(after_help = "\
Examples:
  sim verify scenarios/memory_leak.ron
  sim verify scenarios/memory_leak.ron --seed 7 --until 30min

Ends with 0 if both were the same to the last event; otherwise names the first event that differs, as both
processes saw it, and ends with 4.")]
    Verify(Verify),
    /// Compares two finished runs: the first event that differs, then tables, requests and components
    #[command(after_help = "\
Examples:
  sim diff out/memory_leak-s1 out/no-leak
  sim diff out/memory_leak-s1 out/no-leak --requests 100 --format json | jq .requests.listed
  sim diff out/before out/after && echo nothing moved

Both runs are run again from their folders alone, side by side, until they part: with what follows from the
last event that is the same, they differ. Events are the same if the same happened at the same time to the same
request and ended alike; that a fault acts is no difference, what follows from it is. What happens in components
that only one run has is not compared, and they are named. Requests and spans are joined by their ids, which are the same in
all worlds of one seed; differences are those of B from A.

Ends with 0 if both have the same digest and the same tables, and with 1 if they differ.")]
    Diff(Diff),
    /// Tells what the faults of a finished run did: the story of an incident, or of one request
    #[command(after_help = "\
Examples:
  sim explain out/memory_leak-s1
  sim explain out/memory_leak-s1 --incident 0 --format json | jq .story.steps
  sim explain out/memory_leak-s1 --prove
  sim explain out/memory_leak-s1 --request 17000
  sim explain out/memory_leak-s1 --trace 8728a7ff7fcabb584d3c42aa5461953c

Reads what `sim run` has written, and simulates nothing. Of several incidents the one that hurt most requests
is told, and the others are listed. Every number is one of the run's files; the text says of which, and
docs/documents.md what the words mean. Times such as 0:39:15 are offsets from the scenario's `start`, which is
`start_unix_ns` in manifest.json; tables have instants in UTC.

With `--prove` the run is repeated, which takes some hundred runs: with each loop of retries, queue, pool, cause of
pauses and cache taken away, with its faults withdrawn earlier, and with one parameter changed. All cores are used.")]
    Explain(Explain),
    /// Turns a finished run into what other tools read
    #[command(after_help = "\
Examples:
  sim export out/memory_leak-s1 --format otlp
  sim export out/memory_leak-s1 --format otlp --semconv both --out /tmp/leak-otlp
  sim export out/memory_leak-s1 --format ocsf --profile tutorial --evaluation --out data
  sim export out/memory_leak-s1 --format rcaeval

Reads what `sim run` has written, and simulates nothing: the same run gives the same bytes. What
is exported was observed; formats of data sets that come with their answers (below: with truth)
tell these too, and need a run without --no-truth. The folder is written under a temporary name
and renamed when it is complete; export.json in it says what is in each file, whether the truth is
told, and what of the run the format has no place for. An earlier export is replaced; a folder
that is something else is refused.

otlp        traces.jsonl, logs.jsonl, metrics.jsonl: OTLP in JSON, as the OpenTelemetry
            Collector's file exporter writes it; its otlpjsonfile receiver reads them.
csv         truth/traces_labeled.csv, and the same rows split into normal, anomalous, and by kind
            of fault: spans in the 24 columns of robot-shop's data set (with truth).
ocsf        --profile strict: traces, logs, metrics and changes.jsonl, events of schema 1.8.0.
            --profile tutorial: ocsf_logs, ocsf_traces and ocsf_metrics.parquet, flat; with
            --evaluation also 1 000 lines with labels in truth/ (with truth).
petshop     graph.csv, noissue/, test/ and train/issue_N/: each component over five minutes, and
            what the root cause was (with truth); PetShop's loader reads them.
prometheus  metrics.om: OpenMetrics text of the whole run. `promtool tsdb create-blocks-from
            openmetrics metrics.om DIR` makes of it what a Prometheus serves.
rcaeval     SERVICE_FAULT/N/ with data.csv, metrics.json, inject_time.txt, logs.csv, traces.csv: a
            folder an incident, named after its root cause (with truth); RCAEval's methods read
            them.")]
    Export(Export),
    /// Draws a finished run: one HTML page that needs nothing else
    #[command(after_help = "\
Examples:
  sim report out/memory_leak-s1
  sim report out/memory_leak-s1 --out /tmp/leak.html

Reads what `sim run` has written, and simulates nothing: the same run gives the same page. In it: what happened, the system and the way
that the incident went through it, a timeline, latency and failures of what users asked for and how full pools, heaps, processors
and queues were, each beside the same without the faults, single requests with where their time went, and who waited because of whom.
It loads nothing from anywhere, and it is truth: do not hand it to whoever is to find the cause. An earlier report is replaced; a
file that is something else is refused.")]
    Report(Report),
    /// Serves the metrics of a finished run as a scrape target, as simulated time goes by
    #[command(after_help = "\
Examples:
  sim serve out/memory_leak-s1 --speed 60
  sim serve out/memory_leak-s1 --listen 127.0.0.1:0 --speed 10 --loop
  curl 'http://127.0.0.1:9464/metrics?instance=web-api-0'

At every GET of /metrics the series are what they were at the simulated instant that it is by then: in the text format 0.0.4,
or as OpenMetrics to whoever accepts it.

/metrics                    all series, with the labels job and instance, and up; scrape it with honor_labels: true
/metrics?instance=NAME      what the exporter of one process has, for a Prometheus to add job, instance and up to;
                            503 while that process answers no scrape
/metrics?exporter=platform  what cAdvisor and kube-state-metrics have of all processes
/sd                         these targets, for http_sd_configs

Simulates nothing. Ctrl-C ends it, with exit code 0.")]
    Serve(Serve),
    /// Sends a finished run to a receiver of OTLP or remote write, in its order and at its pace
    #[command(after_help = "\
Examples:
  sim replay out/memory_leak-s1 --to http://127.0.0.1:4318 --speed 60 --shift-to-now
  sim replay out/memory_leak-s1 --to http://127.0.0.1:4318 --speed max --resume progress.json
  sim replay out/memory_leak-s1 --to http://127.0.0.1:9090 --protocol remote-write --shift-to-now

Spans are sent when they end, lines of logs and scrapes at their time. One request is in flight at a time; what the receiver refuses
for now (429, 502, 503, 504) or gives no answer to is sent again, as long as it takes: nothing is dropped.
With --resume a file says how far it came; killed and started again, it sends what was under way once more, and says so.

Simulates nothing, and sends only what was observed. Ctrl-C ends it with an account of what was sent.")]
    Replay(Replay),
    /// Writes a first scenario of your own: commented, and healthy as `sim check` sees it
    #[command(after_help = "\
Examples:
  sim init
  sim init shop.ron --services api,orders,payments --cache redis --rate 200/s
  sim init shop.ron --runtime python --duration 2h --fault surge
  sim init - --services api --database none --fault none | less

The first service is where requests come in: reads go on to the second, writes to all others, one after the other. Numbers of
processes, connections and workers follow from the rate, so that nothing is busier than a third. A fault strikes a third into the run.")]
    Init(Init),
    /// Compares runs with the digests and row counts that were recorded for them
    #[command(subcommand)]
    Golden(Golden),
    /// Prints the scenario language or the tables, with every field's meaning and unit
    #[command(after_help = "\
Examples:
  sim schema scenario | less
  sim schema tables")]
    Schema {
        /// Which of them
        #[arg(value_enum)]
        subject: Subject,
    },
    /// Prints a completion script for a shell
    #[command(after_help = "\
Examples:
  sim completions bash > ~/.local/share/bash-completion/completions/sim
  sim completions zsh > ~/.zfunc/_sim")]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// One side of `verify` or `diff`
    #[command(hide = true, name = "verify-side")]
    VerifySide(VerifySide),
}

/// What becomes a world.
#[derive(Args, Clone, Debug)]
pub(crate) struct Subjected {
    /// Scenario file
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenario: PathBuf,
    #[command(flatten)]
    pub(crate) changes: Changes,
}

/// With what a scenario is run.
#[derive(Args, Clone, Debug)]
pub(crate) struct Changes {
    /// Seed of every random draw
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Sets a parameter from the start, as `component[/part].field=value`; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = setting)]
    pub(crate) overrides: Vec<(String, String)>,
    /// Runs the contrast of a fault: what would have been without it; may be given several times
    #[arg(long, value_name = "FAULT")]
    pub(crate) without: Vec<String>,
    /// Simulated time to run for [default: the scenario's duration]
    #[arg(long, value_name = "DURATION", value_parser = knockon_scenario::parse_duration)]
    pub(crate) until: Option<Duration>,
}

/// `PATH=VALUE`; links' paths have no `=`, so the first one parts the two.
fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.is_empty() && !value.is_empty() => Ok((path.to_owned(), value.to_owned())),
        _ => Err("give a path and a value, such as web-api/pool.maximum=20".to_owned()),
    }
}

/// Seeds from one to another, both of them too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seeds {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// `1..200`.
fn seeds(text: &str) -> Result<Seeds, String> {
    let parsed = text.split_once("..").and_then(|(first, last)| {
        let seeds = Seeds { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? };
        (seeds.first <= seeds.last).then_some(seeds)
    });
    parsed.ok_or_else(|| "give the first and the last seed, such as 1..200".to_owned())
}

/// `7`, or `1..200`.
fn seed_or_seeds(text: &str) -> Result<Seeds, String> {
    if let Ok(one) = text.trim().parse() {
        return Ok(Seeds { first: one, last: one });
    }
    seeds(text).map_err(|_| "give seeds, or the first and the last of them, such as 1,2,5..9".to_owned())
}

/// `sim run`.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// Scenario files, or folders of them
    #[arg(value_name = "SCENARIO", required = true)]
    pub(crate) scenarios: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// Runs each scenario with every seed from the first to the last, and tells in how many runs each expectation held
    #[arg(long, value_name = "FIRST..LAST", value_parser = seeds, conflicts_with = "seed")]
    pub(crate) seeds: Option<Seeds>,
    /// Prints one table of all expectations: what was expected, what was measured, and whether it held. Writes nothing unless `--out` is given
    #[arg(long)]
    pub(crate) summary: bool,
    /// Scenarios run at once [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Folder to write; of several runs, the folder that theirs lie in [default: out/SCENARIO-sSEED]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// What to record: everything, or nothing (then nothing is written)
    #[arg(long, value_enum)]
    pub(crate) telemetry: Option<Telemetry>,
    /// Form of the closing summary on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Does not compare faults with the same world without them: no effects, labels and incidents, in less time. Of several runs with
    /// `--summary` or `--seeds` none is compared
    #[arg(long)]
    pub(crate) no_truth: bool,
    /// Threads of a run: one simulates, one writes the tables, others simulate the worlds that faults are compared with. Results are the same
    /// for any number. Of several runs each has one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16), default_value_t = 3)]
    pub(crate) threads: u8,
}

/// `sim check`.
#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) subject: Subjected,
}

/// `sim verify`.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) subject: Subjected,
    /// Sets a parameter on the second side only, so that the two differ: a test of the alarm itself
    #[arg(long, value_name = "PATH=VALUE", value_parser = setting, hide = true)]
    pub(crate) tamper: Option<(String, String)>,
}

/// One side of a comparison in lockstep.
#[derive(Args, Debug)]
pub(crate) struct VerifySide {
    #[command(flatten)]
    pub(crate) subject: Subjected,
    /// Tell where the world stands at all multiples of this, in nanoseconds
    #[arg(long)]
    pub(crate) step: u64,
    /// Tell every event after this instant, in nanoseconds
    #[arg(long, requires = "events_until")]
    pub(crate) events_after: Option<u64>,
    /// … and up to this one
    #[arg(long, requires = "events_after")]
    pub(crate) events_until: Option<u64>,
    /// Compared with another world: tell what happened by names only, and nothing of faults
    #[arg(long)]
    pub(crate) by_name: bool,
    /// Tell nothing of this instance or source, which the other world does not have; may be given several times
    #[arg(long, requires = "by_name")]
    pub(crate) apart: Vec<String>,
}

/// `sim diff`.
#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// Folder of a finished run
    #[arg(value_name = "A")]
    pub(crate) first: PathBuf,
    /// Folder of another one
    #[arg(value_name = "B")]
    pub(crate) second: PathBuf,
    /// Lists so many of the requests that differ, in the order of their sending
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) requests: u32,
    /// Form of what is told on standard output
    #[arg(long, value_enum, default_value_t = Plain::Text)]
    pub(crate) format: Plain,
}

/// `sim explain`.
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// Folder of a finished run
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// The incident to tell, by its number in truth/incidents.json [default: the one that hurt most requests]
    #[arg(long, value_name = "N", conflicts_with_all = ["request", "trace"])]
    pub(crate) incident: Option<usize>,
    /// Also proves, by further runs, what amplifies the incident and what sustains it, until when withdrawing its faults would have helped, and
    /// which smallest change of one parameter would have prevented it
    #[arg(long, conflicts_with_all = ["request", "trace"])]
    pub(crate) prove: bool,
    /// Tells of one request instead, by its number within its source
    #[arg(long, value_name = "N")]
    pub(crate) request: Option<u64>,
    /// The source that sent it, if there are several
    #[arg(long, value_name = "SOURCE", requires = "request")]
    pub(crate) source: Option<String>,
    /// Tells of one request instead, by its trace
    #[arg(long, value_name = "ID", value_parser = trace, conflicts_with = "request")]
    pub(crate) trace: Option<u128>,
    /// Form of what is told
    #[arg(long, value_enum, default_value_t = Plain::Text)]
    pub(crate) format: Plain,
}

/// `sim export`.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// Folder of a finished run
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Format of the files
    #[arg(long, value_enum)]
    pub(crate) format: ExportFormat,
    /// Where to write them [default: a folder beside the run, named after it and the format]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Of otlp, names of attributes: those of today, those from before they were stable, or both [default: stable]
    #[arg(long, value_enum)]
    pub(crate) semconv: Option<Semconv>,
    /// Of ocsf, events of the schema or flat tables [default: strict]
    #[arg(long, value_enum)]
    pub(crate) profile: Option<Profile>,
    /// Of ocsf's flat tables, a labelled part as well (tells the truth)
    #[arg(long)]
    pub(crate) evaluation: bool,
}

/// `sim report`.
#[derive(Args, Debug)]
pub(crate) struct Report {
    /// Folder of a finished run
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// The page to write [default: beside the run, named after it, such as out/memory_leak-s1.html]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `sim serve`.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Folder of a finished run
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Address and port to listen at; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    pub(crate) listen: SocketAddr,
    /// Simulated seconds that go by in a second, or `max`: one scrape of the run further whenever a target is asked again
    #[arg(long, value_name = "N|max", default_value = "1", value_parser = speed)]
    pub(crate) speed: Speed,
    /// Begins anew when the run is over, as if all processes had restarted [default: goes on with the last scrape]
    #[arg(long = "loop")]
    pub(crate) looped: bool,
    /// Writes the simulated instant beside each sample, which a Prometheus takes only if it is recent
    #[arg(long)]
    pub(crate) timestamps: bool,
}

/// `sim replay`.
#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// Folder of a finished run
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Where to: the receiver's base, such as http://127.0.0.1:4318
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// What is spoken
    #[arg(long, value_enum, default_value_t = Protocol::HttpProtobuf)]
    pub(crate) protocol: Protocol,
    /// Simulated seconds that go by in a second, or `max`
    #[arg(long, value_name = "N|max", default_value = "1", value_parser = speed)]
    pub(crate) speed: Speed,
    /// Moves all times, so that the run begins now
    #[arg(long)]
    pub(crate) shift_to_now: bool,
    /// Begins anew when the run is over, with other ids and times that go on
    #[arg(long = "loop")]
    pub(crate) looped: bool,
    /// Header of every request; may be given several times
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header)]
    pub(crate) headers: Vec<(String, String)>,
    /// Names of OTLP's attributes: those of today, those from before they were stable, or both [default: stable]
    #[arg(long, value_enum)]
    pub(crate) semconv: Option<Semconv>,
    /// File that says how far it came, and from which it goes on if it is there; where all was sent, nothing is (with --loop, all
    /// once more)
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,
}

/// What is spoken to a receiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Protocol {
    /// OTLP: protobuf over HTTP
    #[value(name = "http/protobuf")]
    HttpProtobuf,
    /// OTLP over gRPC
    Grpc,
    /// Prometheus' remote write 1.0: metrics alone
    RemoteWrite,
}

/// `NAME=VALUE`.
fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("give a name and a value, such as Authorization=token".to_owned()),
    }
}

/// `60`, `0.5`, `max`.
fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.parse::<f64>() {
        Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
        _ => Err("give simulated seconds a second, such as 60, or max".to_owned()),
    }
}

/// Formats of other tools.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum ExportFormat {
    /// OTLP in JSON, a signal a file
    Otlp,
    /// Metrics as OpenMetrics text, which promtool imports
    Prometheus,
    /// Labelled spans, in the columns of robot-shop's data set (tells the truth)
    Csv,
    /// OCSF: events of the schema 1.8.0, or flat Parquet tables
    Ocsf,
    /// PetShop's layout: statistics over five minutes, with root causes (tells the truth)
    #[value(name = "petshop")]
    PetShop,
    /// RCAEval's layout, a folder an incident, named after the root cause (tells the truth)
    #[value(name = "rcaeval")]
    RcaEval,
}

/// Forms of OCSF.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Profile {
    /// Nested JSON, an event a line, valid by the schema
    Strict,
    /// Flat Parquet tables with the names that tutorials use
    Tutorial,
}

/// Names of attributes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Semconv {
    /// Those of today: http.request.method
    Stable,
    /// Those before: http.method
    Old,
    /// Each attribute twice
    Both,
}

/// A trace's id: 32 hexadecimal digits, with or without hyphens.
fn trace(text: &str) -> Result<u128, String> {
    let digits: String = text.chars().filter(|&c| c != '-').collect();
    let is_id = digits.len() == 32 && digits.chars().all(|c| c.is_ascii_hexdigit());
    let parsed = is_id.then(|| u128::from_str_radix(&digits, 16).ok()).flatten();
    parsed.ok_or_else(|| "give the 32 hexadecimal digits of a trace_id".to_owned())
}

/// `sim golden`.
#[derive(Debug, Subcommand)]
pub(crate) enum Golden {
    /// Runs what was recorded again and says what differs, layer by layer
    #[command(after_help = "\
Examples:
  sim golden check
  sim golden check golden/memory_leak.json
  sim golden check --junit golden.xml

A golden file names its scenario by its path from the folder that holds golden/, and has for each seed: the world's digest with
some on the way there, which tell between which events it first differs; rows and digest of every table; and the lines of
the summary. What moved is told in this order. Exit code 1 if anything did, or if something could not be run.")]
    Check {
        /// Golden files [default: all in golden/]
        files: Vec<PathBuf>,
        /// Writes what was found to a file as well, in JUnit's XML
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
    },
    /// Records what runs give now, with the reason
    #[command(after_help = "\
Examples:
  sim golden bless --because 'pool waits are measured from the first try'
  sim golden bless --scenario scenarios/healthy.ron --seeds 1..5 --until 10min --because 'a first recording'")]
    Bless {
        /// Golden files [default: all in golden/]
        files: Vec<PathBuf>,
        /// Why the results moved, for those who read the history
        #[arg(long, value_name = "TEXT")]
        because: String,
        /// Begins a recording of this scenario, as golden/SCENARIO.json
        #[arg(long, value_name = "SCENARIO", conflicts_with = "files")]
        scenario: Option<PathBuf>,
        /// Seeds of a recording that begins
        #[arg(long, value_name = "N|FIRST..LAST,…", value_delimiter = ',', value_parser = seed_or_seeds, requires = "scenario", default_value = "1")]
        seeds: Vec<Seeds>,
        /// Simulated time of a recording that begins
        #[arg(long, value_name = "DURATION", value_parser = knockon_scenario::parse_duration, requires = "scenario")]
        until: Option<Duration>,
    },
}

/// What is recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Telemetry {
    /// Every table
    All,
    /// Nothing
    None,
}

/// How a summary is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// A page, with `--summary`: the table, and what real systems did beside what was simulated
    Markdown,
}

/// How facts are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Plain {
    /// For people
    Text,
    /// For programs
    Json,
}

/// What `sim schema` prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Subject {
    /// The scenario language
    Scenario,
    /// The tables of a run
    Tables,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_visible_command_shows_examples() {
        fn leaves(command: &clap::Command) -> Vec<&clap::Command> {
            let inner: Vec<_> =
                command.get_subcommands().filter(|inner| !inner.is_hide_set()).flat_map(leaves).collect();
            if inner.is_empty() { vec![command] } else { inner }
        }
        for command in leaves(&Arguments::command()) {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.starts_with("Examples:"), "`{}` shows no example", command.get_name());
        }
    }
}
