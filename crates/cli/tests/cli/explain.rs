//! `sim explain`: the story as it is told, its numbers against the tables, one request, and what cannot be explained.

use super::{Ended, end, sim, small};
use knockon_kernel::Time;
use knockon_lab::Calendar;
use knockon_telemetry::RunReader;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Runs a scenario's text into `run` of a folder of its own.
fn run_of(text: &str, arguments: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.ron"), text).unwrap();
    let ended = end(sim(folder.path()).args(["run", "small.ron", "--out", "run"]).args(arguments));
    assert!(folder.path().join("run/manifest.json").exists(), "{ended:?}");
    folder
}

fn small_text() -> String {
    fs::read_to_string(small()).unwrap()
}

fn explain(folder: &Path, arguments: &[&str]) -> Ended {
    end(sim(folder).args(["explain", "run"]).args(arguments))
}

fn told(folder: &Path, arguments: &[&str]) -> String {
    let ended = explain(folder, arguments);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{arguments:?}: {ended:?}");
    ended.out
}

fn facts(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&told(folder, &[arguments, &["--format", "json"]].concat())).unwrap()
}

fn open(folder: &Path) -> RunReader {
    RunReader::open(&folder.join("run")).unwrap()
}

#[test]
fn the_story_is_told_as_it_was() {
    let folder = run_of(&small_text(), &[]);
    let story = told(folder.path(), &[]);
    let known: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories/small.txt");
    if std::env::var_os("KNOCKON_BLESS").is_some() {
        fs::create_dir_all(known.parent().unwrap()).unwrap();
        fs::write(&known, &story).unwrap();
    }
    let known = fs::read_to_string(known).unwrap();
    assert_eq!(story, known, "KNOCKON_BLESS=1 writes the story that is told now");
    assert!(story.lines().count() <= 35 && !story.contains('\u{1b}'), "{story}");
}

/// A number of the text, in the unit of the tables: `4.20 ms` of a metric in seconds.
fn number(tokens: &[&str], unit: &str) -> f64 {
    let [digits, rest @ ..] = tokens else { panic!("no number in {tokens:?}") };
    let value: f64 = digits.replace('−', "-").parse().unwrap_or_else(|_| panic!("{tokens:?}"));
    let seconds = |power: f64| if unit == "s" { power } else { power * 1e9 };
    value
        * match rest.first().copied().unwrap_or_default() {
            "ns" => seconds(1e-9),
            "µs" => seconds(1e-6),
            "ms" => seconds(1e-3),
            "s" => seconds(1.0),
            "min" => seconds(60.0),
            "KiB" => 1024.0,
            "MiB" => 1024.0 * 1024.0,
            "%" => 0.01,
            _ => 1.0,
        }
}

fn is_close(told: f64, found: f64) -> bool {
    // Three digits are told.
    (told - found).abs() <= 0.0051 * found.abs() + 1e-12
}

/// Numbers around the arrow of a line, in the unit of the metric.
fn around_the_arrow(line: &str, unit: &str) -> (f64, f64) {
    let (before, after) = line.split_once(" → ").unwrap_or_else(|| panic!("{line}"));
    let before: Vec<_> = before.split(' ').collect();
    let start = before.iter().rposition(|token| token.starts_with(|c: char| c.is_ascii_digit() || c == '−')).unwrap();
    let after: Vec<_> = after.split(' ').collect();
    (number(&before[start..], unit), number(&after, unit))
}

/// With and without of a metric in a window of `truth/windows`.
fn windows(run: &RunReader, contrast: i64) -> BTreeMap<(String, i64), (f64, f64)> {
    let columns =
        ["contrast", "component", "part", "metric", "window_start", "with_value", "without_value", "labelled"];
    let start = run.manifest().start_unix_ns;
    let mut found = BTreeMap::new();
    for batch in run.read("truth/windows", &columns).unwrap().map(Result::unwrap) {
        for row in (0..batch.rows()).filter(|&row| batch.integer(0, row) == Some(contrast)) {
            if batch.answer(7, row) != Some(true) {
                continue;
            }
            let (component, metric) = (batch.text(1, row).unwrap(), batch.text(3, row).unwrap());
            let path = match batch.text(2, row) {
                None => format!("{component}.{metric}"),
                Some(part) if part.contains(" -> ") => format!("{part}.{metric}"),
                Some(part) => format!("{component}/{part}.{metric}"),
            };
            if let (Some(with), Some(without)) = (batch.real(5, row), batch.real(6, row)) {
                found.insert((path, batch.integer(4, row).unwrap() - start), (with, without));
            }
        }
    }
    found
}

#[derive(Default, PartialEq, Debug)]
struct Counted {
    hurt: i64,
    failed: i64,
    lost: i64,
    slower: i64,
    with_ns: i64,
    without_ns: i64,
}

/// Hurt requests of `truth/effects` by what they asked for.
fn tolls(run: &RunReader, contrast: i64) -> BTreeMap<String, Counted> {
    let columns = ["contrast", "name", "hurt", "with_outcome", "difference_ns", "with_latency_ns", "without_outcome"];
    let mut tolls: BTreeMap<String, Counted> = BTreeMap::new();
    for batch in run.read("truth/effects", &columns).unwrap().map(Result::unwrap) {
        for row in 0..batch.rows() {
            if (batch.integer(0, row), batch.answer(2, row)) != (Some(contrast), Some(true)) {
                continue;
            }
            let toll = tolls.entry(batch.text(1, row).unwrap().to_owned()).or_default();
            toll.hurt += 1;
            match (batch.text(3, row), batch.text(6, row)) {
                (Some("none"), _) => toll.lost += 1,
                (Some("failed"), without) => {
                    assert_ne!(without, Some("failed"), "none failed in both worlds, so that it is clear which counts");
                    toll.failed += 1;
                }
                _ => {
                    let (with, difference) = (batch.integer(5, row).unwrap(), batch.integer(4, row).unwrap());
                    toll.slower += 1;
                    toll.with_ns += with;
                    toll.without_ns += with - difference;
                }
            }
        }
    }
    tolls
}

/// Recomputes every number of a story from the files of its run.
fn every_number_is_found(folder: &Path, steps_at_least: usize) {
    let (text, facts) = (told(folder, &[]), facts(folder, &[]));
    let (run, story) = (open(folder), &facts["story"]);
    let contrast = story["incident"]["contrast"].as_i64().unwrap();
    let windows = windows(&run, contrast);
    let steps = story["steps"].as_array().unwrap();
    assert!(steps.len() >= steps_at_least, "{text}");
    let lines: Vec<&str> =
        text.lines().filter(|line| line.starts_with("  ") && line.contains(" → ") && line.contains('[')).collect();
    assert_eq!(lines.len(), steps.len(), "{text}");
    let documents: Value = {
        let read = |name: &str| serde_json::from_slice::<Value>(&run.document(name).unwrap().unwrap()).unwrap();
        serde_json::json!({"incidents": read("truth/incidents.json"), "graph": read("truth/propagation.json")})
    };
    let nodes = documents["graph"][0]["nodes"].as_array().unwrap();
    for (line, step) in lines.iter().zip(steps) {
        let evidence = &step["evidence"];
        let path = evidence["path"].as_str().unwrap();
        let key = (path.to_owned(), evidence["window"]["offset_ns"].as_i64().unwrap());
        let &(with, without) = windows.get(&key).unwrap_or_else(|| panic!("{key:?} is no labelled row\n{text}"));
        assert_eq!((evidence["with"].as_f64(), evidence["without"].as_f64()), (Some(with), Some(without)), "{key:?}");
        let (told_without, told_with) = around_the_arrow(line, evidence["unit"].as_str().unwrap());
        assert!(is_close(told_without, without) && is_close(told_with, with), "{without} and {with} in {line}");
        let furthest = windows.iter().filter(|((other, _), _)| *other == path).map(|(_, (a, b))| (a - b).abs());
        assert!(furthest.fold(0.0, f64::max) >= (with - without).abs());
        let node = nodes.iter().find(|node| node["evidence"] == path && node["words"] == step["what"]).expect(path);
        assert_eq!(node["onset_offset_ns"], step["onset"]["offset_ns"]);
    }
    let counted = tolls(&run, contrast);
    let mut sum = Counted::default();
    for toll in story["tolls"].as_array().unwrap() {
        let field = |name: &str| toll[name].as_i64().unwrap();
        let name = toll["name"].as_str().unwrap();
        let found = Counted {
            hurt: field("hurt"),
            failed: field("failed"),
            lost: field("lost"),
            slower: field("slower"),
            with_ns: field("slower_with_ns"),
            without_ns: field("slower_without_ns"),
        };
        assert_eq!(found, counted[name], "{name}");
        let parts: i64 = toll["by_part_ns"].as_object().unwrap().values().map(|ns| ns.as_i64().unwrap()).sum();
        assert_eq!(parts, found.with_ns - found.without_ns, "{name}: the parts are the whole difference");
        let line = text.lines().find(|line| line.contains(&format!(": {name} "))).unwrap();
        let bare = line.replace(' ', "");
        assert!(
            bare.contains(&format!(
                "{}hurt({}failed,{}unanswered);{}slower",
                found.hurt, found.failed, found.lost, found.slower
            )),
            "{line}"
        );
        let (without, with) = around_the_arrow(line, "ns");
        let mean = |sum: i64| sum as f64 / found.slower as f64;
        assert!(is_close(without, mean(found.without_ns)) && is_close(with, mean(found.with_ns)), "{line}");
        sum.hurt += found.hurt;
        sum.failed += found.failed;
        sum.lost += found.lost;
        sum.with_ns += found.with_ns - found.without_ns;
    }
    every_holder_is_found(&text, &run, story);
    every_stretch_is_found(&run, story);
    every_failure_is_told(&text, &run, story);
    let harm = &documents["incidents"][0]["requests"];
    assert_eq!(harm["hurt"], sum.hurt);
    assert_eq!(harm["failed"], sum.failed);
    assert_eq!(harm["lost"], sum.lost);
    assert_eq!(harm["user_seconds_lost"].as_f64(), Some(sum.with_ns as f64 / 1e9));
    let hurt = text.lines().find(|line| line.starts_with("hurt")).unwrap().replace(' ', "");
    let clock = |name: &str| {
        let offset_ns = documents["incidents"][0][name]["offset_ns"].as_u64().unwrap();
        Calendar::offset(Time::from_nanos(offset_ns)).trim_end_matches(".000").to_owned()
    };
    let between = format!("from{}to{}", clock("start"), clock("compared_until"));
    let told = format!("hurt{}of{}requestscompared{between}(", sum.hurt, harm["compared"]);
    assert!(hurt.starts_with(&told), "{told} in {hurt}");
    assert!(
        hurt.contains(&format!(
            ":{}failed,{}unanswered;{:.0}user-seconds",
            sum.failed,
            sum.lost,
            sum.with_ns as f64 / 1e9
        )),
        "{hurt}"
    );
}

/// Recomputes from `truth/effects` when requests were hurt: of all that were under way, nobody for a minute between two stretches.
fn every_stretch_is_found(run: &RunReader, story: &Value) {
    let (contrast, start) = (story["incident"]["contrast"].as_i64().unwrap(), run.manifest().start_unix_ns);
    let mut hurt = Vec::new();
    let columns = ["contrast", "hurt", "sent_time", "with_latency_ns"];
    for batch in run.read("truth/effects", &columns).unwrap().map(Result::unwrap) {
        for row in 0..batch.rows() {
            if (batch.integer(0, row), batch.answer(1, row)) == (Some(contrast), Some(true)) {
                let sent = batch.integer(2, row).unwrap() - start;
                hurt.push((sent, sent + batch.integer(3, row).unwrap_or(0)));
            }
        }
    }
    hurt.sort_unstable();
    let mut found: Vec<(i64, i64)> = Vec::new();
    for (sent, ended) in hurt {
        match found.last_mut() {
            Some(last) if sent - last.1 <= 60_000_000_000 => last.1 = last.1.max(ended),
            _ => found.push((sent, ended)),
        }
    }
    let told = story["stretches"].as_array().unwrap().iter();
    let told = told.map(|of| (of["from_ns"].as_i64().unwrap(), of["until_ns"].as_i64().unwrap()));
    assert_eq!(told.collect::<Vec<_>>(), found);
}

/// Failed requests of the comparison are those that are told as hurt, and those that failed anyway.
fn every_failure_is_told(text: &str, run: &RunReader, story: &Value) {
    let offset = |name: &str| story["incident"][name]["offset_ns"].as_i64().unwrap() + run.manifest().start_unix_ns;
    let (from, until) = (offset("start"), offset("compared_until"));
    let mut failed = BTreeMap::new();
    for batch in run.read("truth/requests", &["trace_id", "ended_time", "outcome"]).unwrap().map(Result::unwrap) {
        for row in (0..batch.rows()).filter(|&row| batch.text(2, row) == Some("failed")) {
            if (from..=until).contains(&batch.integer(1, row).unwrap()) {
                failed.insert(batch.id(0, row).unwrap(), ());
            }
        }
    }
    let columns = ["trace_id", "with_outcome", "hurt", "contrast"];
    for batch in run.read("truth/effects", &columns).unwrap().map(Result::unwrap) {
        for row in (0..batch.rows()).filter(|&row| batch.integer(3, row) == story["incident"]["contrast"].as_i64()) {
            if batch.text(1, row) == Some("failed") && batch.answer(2, row) == Some(true) {
                assert!(failed.remove(&batch.id(0, row).unwrap()).is_some());
            }
        }
    }
    assert_eq!(story["failed_anyway"], failed.len());
    let line = text.lines().find_map(|line| line.strip_prefix("not by it"));
    let number = |line: &str| line.split(" requests").next().unwrap().replace(' ', "").parse::<usize>().unwrap();
    assert_eq!(line.map_or(0, number), failed.len(), "{text}");
}

/// Recomputes who held what from `truth/blame`, within the incident.
fn every_holder_is_found(text: &str, run: &RunReader, story: &Value) {
    let columns = ["resource", "kind", "holding", "holding_activity", "waited_ns", "window_start", "window_end"];
    let offset = |name: &str| story["incident"][name]["offset_ns"].as_i64().unwrap() + run.manifest().start_unix_ns;
    let (from, until) = (offset("start"), offset("compared_until"));
    let (mut held, mut whole) = (BTreeMap::new(), BTreeMap::new());
    for batch in run.read("truth/blame", &columns).unwrap().map(Result::unwrap) {
        for row in 0..batch.rows() {
            if batch.integer(5, row).unwrap() < from || batch.integer(6, row).unwrap() > until {
                continue;
            }
            let word = |column| batch.text(column, row).map(str::to_owned);
            let waited = batch.integer(4, row).unwrap();
            *held.entry([word(0), word(1), word(2), word(3)]).or_insert(0) += waited;
            *whole.entry([word(0), word(1)]).or_insert(0) += waited;
        }
    }
    let holders = story["holders"].as_array().unwrap();
    assert!(!holders.is_empty(), "{text}");
    assert_eq!(
        holders[0]["waited_for_resource_ns"].as_i64(),
        whole.values().max().copied(),
        "the most wanted comes first"
    );
    for holder in holders {
        let word = |name: &str| holder[name].as_str().map(str::to_owned);
        let (resource, kind) = (word("resource"), word("kind"));
        let waited = held[&[resource.clone(), kind.clone(), word("holding"), word("activity")]];
        let of = whole[&[resource.clone(), kind.clone()]];
        assert_eq!((holder["waited_ns"].as_i64(), holder["waited_for_resource_ns"].as_i64()), (Some(waited), Some(of)));
        let head = format!("  {} ({}): of ", resource.unwrap(), kind.unwrap());
        let line =
            text.lines().find_map(|line| line.strip_prefix(&head)).unwrap_or_else(|| panic!("{head:?} in\n{text}"));
        let (all, shares) = line.split_once(", ").unwrap();
        assert!(is_close(number(&all.split(' ').collect::<Vec<_>>(), "ns"), of as f64), "{line}");
        let told = |share: &str| number(&share.split(' ').collect::<Vec<_>>(), "");
        assert!(shares.split("; ").any(|share| is_close(told(share), waited as f64 / of as f64)), "{line}");
    }
}

#[test]
fn every_number_of_a_story_is_found_in_the_tables() {
    let folder = run_of(&small_text(), &[]);
    every_number_is_found(folder.path(), 8);
}

#[test]
fn every_number_of_a_pool_exhaustion_is_found_too_and_who_shares_nothing_is_a_bystander() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/pool_exhaustion.ron");
    let ended = end(sim(folder.path()).arg("run").arg(scenario).args(["--until", "35min", "--out", "run"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    every_number_is_found(folder.path(), 10);
    let text = told(folder.path(), &[]);
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words:?} is missing in\n{text}"));
    let chain = [
        "fault `slow-search` (set of postgres)",
        "callers wait for connections",
        "acquire timeouts",
        "clients       errors",
    ];
    assert!(chain.map(place).is_sorted(), "{text}");
    assert!(text.contains("\nbystanders auth-service"), "{text}");
    assert!(!text.contains("because of nothing"), "{text}");
    assert!(!text.contains("web-api (processor)"), "waits of every day are not told of: {text}");
}

#[test]
fn a_leak_that_comes_and_goes_is_told_with_when_it_last_hurt_and_what_its_deploy_does_anyway() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/memory_leak.ron");
    let ended = end(sim(folder.path()).arg("run").arg(scenario).args(["--out", "run"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    every_number_is_found(folder.path(), 10);
    let (text, story) = (told(folder.path(), &[]), facts(folder.path(), &[])["story"].clone());
    let end = text.lines().find_map(|line| line.strip_prefix("the end")).unwrap();
    for words in
        ["no recovery: a fault is in force to the end; the last request that it hurt ended at 1:52:56", "5 stretches"]
    {
        assert!(end.contains(words), "{words:?} is missing in {end}");
    }
    assert_eq!(story["stretches"].as_array().unwrap().len(), 5);
    let restart = "requests failed in that time as they do without it: it is compared with the same deploy without the \
                   defect, which restarts web-api too";
    assert!(story["failed_anyway"].as_u64() > Some(0) && text.contains(restart), "{text}");
    assert!(text.contains("(a request's time over all services on its way; whose queue"), "{text}");
}

/// A request's number and trace.
type Numbered = (i64, u128);

/// Requests that a fault hurt: those that failed, and those that were slower.
fn hurt_requests(run: &RunReader) -> (Vec<Numbered>, Vec<Numbered>) {
    let (mut failed, mut slower) = (Vec::new(), Vec::new());
    for batch in run.read("truth/effects", &["number", "trace_id", "with_outcome", "hurt"]).unwrap().map(Result::unwrap)
    {
        for row in (0..batch.rows()).filter(|&row| batch.answer(3, row) == Some(true)) {
            let request = (batch.integer(0, row).unwrap(), batch.id(1, row).unwrap());
            if batch.text(2, row) == Some("failed") { failed.push(request) } else { slower.push(request) }
        }
    }
    (failed, slower)
}

/// Recomputes who held connections while a request waited for one.
fn who_held_is_found(folder: &Path, number: i64) {
    let request = facts(folder, &["--request", &number.to_string()]);
    let client = &request["client"];
    let Some(waited) = client["parts"]["pool"].as_i64() else { return };
    assert!(waited > 0);
    let run = open(folder);
    let sent = client["sent_ns"].as_i64().unwrap() + run.manifest().start_unix_ns;
    let ended = sent + client["latency_ns"].as_i64().unwrap();
    let mut whole = 0;
    let columns = ["resource", "waiting", "waited_ns", "window_start", "window_end"];
    for batch in run.read("truth/blame", &columns).unwrap().map(Result::unwrap) {
        for row in 0..batch.rows() {
            let meets = batch.integer(3, row).unwrap() < ended && batch.integer(4, row).unwrap() > sent;
            if meets && (batch.text(0, row), batch.text(1, row)) == (Some("api/pool"), Some("api/GET /")) {
                whole += batch.integer(2, row).unwrap();
            }
        }
    }
    let holders = request["holders"].as_array().unwrap();
    let held: Vec<_> = holders.iter().filter(|holder| holder["resource"] == "api/pool").collect();
    assert!(whole >= waited && !held.is_empty(), "{request}");
    assert!(held.iter().all(|holder| holder["waited_for_resource_ns"] == whole), "{whole} in {held:?}");
}

#[test]
fn a_request_is_told_with_its_spans_its_logs_and_its_twin() {
    let folder = run_of(&small_text(), &[]);
    let folder = folder.path();
    let (failed, slower) = hurt_requests(&open(folder));
    let sum = |parts: &Value| parts.as_object().unwrap().values().map(|ns| ns.as_i64().unwrap()).sum::<i64>();
    for &(number, trace) in failed.iter().chain(&slower).step_by(97) {
        let number = number.to_string();
        let request = facts(folder, &["--request", &number]);
        assert_eq!(request["trace_id"], format!("{trace:032x}"));
        assert_eq!(request, facts(folder, &["--trace", &format!("{trace:032X}")]));
        let client = &request["client"];
        assert_eq!(sum(&client["parts"]), client["latency_ns"].as_i64().unwrap());
        for span in request["spans"].as_array().unwrap() {
            assert_eq!(sum(&span["parts"]), span["duration_ns"].as_i64().unwrap(), "{span}");
        }
        let twin = &request["twins"][0];
        assert_eq!((&twin["faults"], &twin["hurt"]), (&serde_json::json!(["slow"]), &true.into()));
        let without = twin["without_latency_ns"].as_i64().unwrap();
        assert_eq!(client["latency_ns"].as_i64().unwrap() - without, sum(&twin["differences"]));
    }
    for &(number, _) in failed.iter().step_by(131) {
        who_held_is_found(folder, number);
    }
    let log = "api ERROR: context deadline exceeded";
    let given_up = failed.iter().map(|(number, _)| told(folder, &["--request", &number.to_string()]));
    let text =
        given_up.take(20).find(|text| text.contains(log)).expect("one of the first gave up waiting for a connection");
    for words in [
        "request ",
        " of clients: GET /",
        "failed (500) after 5",
        "█",
        "pool 500 ms",
        "without `slow`",
        "in all",
        "the fault hurt it",
    ] {
        assert!(text.contains(words), "{words:?} is missing in\n{text}");
    }
    let early = told(folder, &["--request", "5", "--source", "clients"]);
    assert!(early.contains("it was not compared with a world without faults"), "{early}");
}

#[test]
fn of_several_sources_those_that_sent_such_a_request_are_named() {
    let more = r#"load: {
        "cron": (target: "api", arrivals: Constant("1/s"), mix: {"GET /": 1}),
        "web": (target: "api", arrivals: Constant("20/s"), mix: {"GET /": 1}),"#;
    let folder = run_of(&small_text().replacen("load: {", more, 1), &["--no-truth"]);
    let ended = explain(folder.path(), &["--request", "1000"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("2 sources have a request 1000"), "{}", ended.err);
    assert!(ended.err.contains("hint: name one with `--source`: `clients`, `web`\n"), "{}", ended.err);
    let all = explain(folder.path(), &["--request", "1000", "--source", "nobody"]);
    assert!(all.err.contains("there are `clients`, `cron`, `web`"), "{}", all.err);
}

#[test]
fn what_cannot_be_explained_is_refused_with_what_to_do() {
    let folder = run_of(&small_text(), &[]);
    let nothing = "0".repeat(32);
    for (arguments, told) in [
        (&["--request", "4000000"][..], "the nearest that ended is 30"),
        (&["--request", "0"], "the nearest that ended is 1"),
        (&["--request", "one"], "invalid digit"),
        (&["--request", "1", "--source", "user"], "there are `clients`"),
        (&["--trace", "12ab"], "give the 32 hexadecimal digits"),
        (&["--trace", &nothing], "there is no request with the trace"),
        (&["--trace", &nothing, "--request", "1"], "cannot be used with"),
        (&["--source", "clients"], "--request"),
        (&["--incident", "1"], "there is one incident"),
        (&["--format", "markdown"], "text, json"),
    ] {
        let ended = explain(folder.path(), arguments);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(told), "{arguments:?}: {told:?} is missing in\n{}", ended.err);
    }
    let ended = end(sim(folder.path()).args(["explain", "nowhere"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let of_diff = end(sim(folder.path()).args(["diff", "nowhere", "nowhere"]));
    assert!(ended.err.contains("`nowhere` is not the folder of a finished run"), "{}", ended.err);
    assert_eq!(ended.err, of_diff.err, "one mistake is told in one way");

    fs::write(folder.path().join("run/truth/incidents.json"), "[{").unwrap();
    let ended = explain(folder.path(), &[]);
    assert_eq!(ended.code, Some(74), "{ended:?}");
    assert!(ended.err.contains("incidents.json") && ended.err.contains("run the scenario again"), "{}", ended.err);
}

#[test]
fn runs_without_faults_without_truth_or_without_effect_are_said_to_be_such() {
    let folder = run_of(&small_text(), &["--without", "slow"]);
    let text = told(folder.path(), &[]);
    assert!(text.contains("no fault acted in this run"), "{text}");
    assert_eq!(facts(folder.path(), &[])["incidents"], serde_json::json!([]));

    let folder = run_of(&small_text(), &["--no-truth"]);
    let ended = explain(folder.path(), &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("(`slow`)") && ended.err.contains("without"), "{}", ended.err);
    assert!(told(folder.path(), &["--request", "1200"]).contains("it was not compared"));

    let folder = run_of(&small_text().replace("\"400ms\"", "Exponential(\"4ms\")"), &[]);
    let text = told(folder.path(), &[]);
    assert!(text.contains("effect     none") && !text.contains("what it did"), "{text}");
    assert!(told(folder.path(), &["--request", "1200"]).contains("the same, to the nanosecond"));
}

#[test]
fn of_several_incidents_the_worst_is_told_and_any_can_be_chosen() {
    let text = small_text()
        .replace("duration: \"60s\"", "duration: \"15min\"")
        .replace("Poisson(\"50/s\")", "Poisson(\"20/s\")")
        .replace(
            "\"slow\": Set(",
            "\"little\": Set(at: \"10s\", until: \"11s\", set: {\"db/read.demand\": \"60ms\"}),\n\"slow\": Set(",
        )
        .replace("at: \"20s\", until: \"30s\"", "at: \"12min\", until: \"13min\"");
    let folder = run_of(&text, &[]);
    let worst = told(folder.path(), &[]);
    assert!(worst.starts_with("#0  "), "{worst}");
    assert!(worst.contains("#1 hurt most") && worst.contains("fault `slow`"), "{worst}");
    let first = told(folder.path(), &["--incident", "0"]);
    assert!(first.contains("fault `little`") && !first.contains("`slow`"), "{first}");
}

#[test]
fn of_several_faults_at_once_each_is_told_with_its_part() {
    let text = small_text().replace(
        "\"slow\": Set(",
        "\"other\": Set(at: \"22s\", until: \"28s\", set: {\"api/pool.acquire_timeout\": \"100ms\"}),\n\"slow\": Set(",
    );
    let folder = run_of(&text, &[]);
    let story = told(folder.path(), &[]);
    let incident = &facts(folder.path(), &[])["story"]["incident"];
    assert_eq!(incident["faults"].as_array().unwrap().len(), 2, "{story}");
    let changed = story.lines().filter(|line| line.starts_with("changed")).count();
    let together: Vec<_> = story.lines().filter(|line| line.starts_with("together")).collect();
    assert_eq!((changed, together.len()), (2, 3), "{story}");
    for fault in incident["faults"].as_array().unwrap() {
        let name = format!("`{}` ", fault["name"].as_str().unwrap());
        let line = together.iter().find(|line| line.contains(&name)).unwrap_or_else(|| panic!("{name} in {story}"));
        if fault["role"] == "cause" {
            assert!(
                line.replace(' ', "").contains(&format!("acause:{}requests", fault["without_it"]["hurt"])),
                "{line}"
            );
        }
        assert!(line.replace(' ', "").ends_with(&format!("aloneithurts{}", fault["alone"]["hurt"])), "{line}");
    }
}

/// A shipped scenario as it is explained.
fn shipped(name: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(name).with_extension("ron");
    let ended = end(sim(folder.path()).arg("run").arg(scenario).args(["--out", "run"]));
    assert!(folder.path().join("run/manifest.json").exists(), "{ended:?}");
    told(folder.path(), &[])
}

#[test]
fn two_exhausted_pools_are_told_apart_by_who_held_what() {
    let (slow, held) = (shipped("slow_query_cascade"), shipped("held_lock_cascade"));
    for story in [&slow, &held] {
        assert!(story.contains("acquire timeouts"), "{story}");
    }
    let line = |story: &str, of: &str| story.lines().find(|line| line.trim_start().starts_with(of)).map(str::to_owned);
    let workers = line(&slow, "postgres (workers):").expect("who held the workers");
    assert!(workers.contains("because of postgres/revenue_report, computing"), "{workers}");
    assert_eq!(line(&slow, "postgres (locks):"), None, "{slow}");
    let locks = line(&held, "postgres (locks):").expect("who held the lock");
    assert!(locks.contains("100 % because of session"), "{locks}");
    assert_eq!(line(&held, "postgres (workers):"), None, "{held}");
}
