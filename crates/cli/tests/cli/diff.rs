//! `sim diff`: what is the same is said to be, the first event that differs is named, and requests are told apart exactly.

use super::{Ended, end, names, sim, small};
use knockon_model::record::Part;
use knockon_telemetry::RunReader;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn dropping() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/drop.ron")
}

fn run(folder: &Path, scenario: &Path, out: &str, more: &[&str]) {
    let ended = end(sim(folder).arg("run").arg(scenario).args(["--out", out]).args(more));
    // What is set may well break an expectation.
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
    assert!(folder.join(out).join("manifest.json").exists(), "{ended:?}");
}

fn diff(folder: &Path, arguments: &[&str]) -> Ended {
    end(sim(folder).arg("diff").args(arguments))
}

fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"))
}

#[test]
fn the_same_run_twice_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &small(), "a", &["--threads", "1"]);
    run(folder.path(), &small(), "b", &[]);
    let ended = diff(folder.path(), &["a", "b"]);
    assert_eq!((ended.code, ended.out.lines().count()), (Some(0), 1), "{ended:?}");
    assert!(ended.out.starts_with("same: digest ") && ended.out.ends_with(" tables\n"), "{}", ended.out);
    let ended = diff(folder.path(), &["a", "b", "--format", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(serde_json::from_str::<Value>(&ended.out).unwrap()["same"], true);
    assert_eq!(names(folder.path()), ["a", "b"]);
}

#[test]
fn what_was_not_compared_with_other_worlds_is_the_same_world_with_fewer_tables() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &small(), "a", &[]);
    run(folder.path(), &small(), "b", &["--no-truth"]);
    let told = json(&diff(folder.path(), &["a", "b", "--format", "json"]));
    assert_eq!(told["events"]["same"], true);
    assert_eq!(told["requests"]["differing"], 0);
    assert!(told["requests"]["in_both"].as_u64().unwrap() > 2_000, "{told:#}");
    let differing: Vec<_> = told["tables"].as_array().unwrap().iter().filter(|table| table["same"] == false).collect();
    assert!(!differing.is_empty() && differing.iter().all(|table| table["b"].is_null()), "{told:#}");
}

#[test]
fn the_first_event_that_differs_is_the_one_that_verify_finds() {
    let folder = tempfile::tempdir().unwrap();
    let change = "api/pool.acquire_timeout=450ms";
    run(folder.path(), &small(), "a", &["--no-truth"]);
    run(folder.path(), &small(), "b", &["--no-truth", "--set", change]);
    let ended = diff(folder.path(), &["a", "b"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!((10..=35).contains(&ended.out.lines().count()), "{}", ended.out);
    for told in
        ["A is a, B is b", "A: ", "500ms", "450ms", "A then event ", "B then event ", "GET /", "slower in B", "api: "]
    {
        assert!(ended.out.contains(told), "{told:?} is missing in\n{}", ended.out);
    }
    let told = json(&diff(folder.path(), &["a", "b", "--format", "json"]));
    let verified = end(sim(folder.path()).arg("verify").arg(small()).args(["--tamper", change]));
    for (side, head) in [("last_equal", "last equal"), ("a", "first side"), ("b", "second side")] {
        let event = &told["events"][side];
        let words =
            format!("event {} at {} ns: {} (", event["number"], event["offset_ns"], event["text"].as_str().unwrap());
        let line = verified.out.lines().find(|line| line.trim().starts_with(head)).unwrap();
        assert!(line.contains(&words), "{words}\n{}", verified.out);
    }
    // Nobody waits for a connection before 20 s, and then whoever waits gives up sooner.
    assert!(told["events"]["a"]["offset_ns"].as_u64().unwrap() > 20_000_000_000, "{told:#}");
    let component = told["events"]["b"]["component"].as_str().unwrap();
    assert!(component.starts_with("api"), "{told:#}");
    assert!(told["requests"]["listed"].as_array().unwrap().len() == 3, "{told:#}");
}

/// A leak fills the heap long before a collection takes longer for it.
#[test]
fn what_worlds_hold_may_differ_before_any_event_does() {
    let folder = tempfile::tempdir().unwrap();
    let leak = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/memory_leak.ron");
    run(folder.path(), &leak, "a", &["--no-truth", "--until", "21min"]);
    run(folder.path(), &leak, "b", &["--no-truth", "--until", "21min", "--without", "leak"]);
    let told = json(&diff(folder.path(), &["a", "b", "--format", "json"]));
    let events = &told["events"];
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{events:#}"));
    let held = &events["held_differs_between_ns"];
    let deployed = 20 * 60 * 1_000_000_000;
    assert!(number(&held[1]) > deployed && number(&held[0]) < number(&held[1]), "{events:#}");
    for side in ["a", "b"] {
        assert!(number(&events[side]["offset_ns"]) > number(&held[1]), "{events:#}");
        assert_eq!(number(&events[side]["number"]), number(&events["last_equal"]["number"]) + 1, "{events:#}");
    }
    let ended = diff(folder.path(), &["a", "b"]);
    assert!(ended.out.contains("before that, what they hold (such as memory) differs"), "{}", ended.out);
    let tamper = ["--without", "leak", "--until", "21min", "--tamper", "web-api/heap.maximum=300MiB"];
    let ended = end(sim(folder.path()).arg("verify").arg(&leak).args(tamper));
    assert_eq!(ended.code, Some(4), "{ended:?}");
}

/// Where two runs part in events, and what they hold before.
fn events_of(folder: &Path, a: &str, b: &str) -> Value {
    json(&diff(folder, &[a, b, "--format", "json"]))["events"].take()
}

#[test]
fn runs_with_a_fault_and_without_it_part_after_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &small(), "with", &["--no-truth"]);
    run(folder.path(), &small(), "without", &["--no-truth", "--without", "slow"]);
    let events = events_of(folder.path(), "with", "without");
    let begins = 20_000_000_000;
    let [last, a, b] = ["last_equal", "a", "b"].map(|side| events[side]["offset_ns"].as_u64().unwrap());
    assert!(a.min(b) > begins && a.min(b) < begins + 1_000_000_000 && last <= a.min(b), "{events:#}");
    let held = events["held_differs_between_ns"][1].as_u64();
    assert!(held.is_none_or(|held| held > begins), "{events:#}");
}

#[test]
fn a_fault_that_changes_nothing_and_a_service_that_nobody_asks_make_no_event_differ() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(small()).unwrap();
    let nil = r#"faults: { "nil": Set(at: "5s", set: {"db/read.demand": Exponential("4ms")}),"#;
    let aside = r#"services: { "aside": (runtime: Native, workers: 1, cores: "1 cpu", endpoints: {"GET /": (steps: [Compute("1ms")])}),"#;
    for (name, part, with) in [("nil", "faults: {", nil), ("aside", "services: {", aside)] {
        fs::write(folder.path().join(format!("{name}.ron")), text.replace(part, with)).unwrap();
    }
    run(folder.path(), &small(), "base", &["--no-truth"]);
    for name in ["nil", "aside"] {
        let scenario = folder.path().join(format!("{name}.ron"));
        run(folder.path(), &scenario, name, &["--no-truth"]);
        let told = diff(folder.path(), &["base", name]);
        assert!(told.out.contains("events       the same to the last\n"), "{told:?}");
        assert_eq!(told.out.contains("not compared, for only B has it: aside-0"), name == "aside", "{told:?}");
        let events = events_of(folder.path(), "base", name);
        assert_eq!((&events["same"], &events["held_differs_between_ns"]), (&true.into(), &Value::Null), "{events:#}");
        // What lies aside does not hide where others part.
        run(folder.path(), &scenario, "other", &["--no-truth", "--without", "slow"]);
        let events = events_of(folder.path(), "base", "other");
        assert!(events["a"]["offset_ns"].as_u64().unwrap() > 20_000_000_000, "{events:#}");
        fs::remove_dir_all(folder.path().join("other")).unwrap();
    }
}

#[test]
fn a_shorter_run_is_the_same_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &small(), "a", &["--no-truth", "--until", "7s"]);
    run(folder.path(), &small(), "b", &["--no-truth"]);
    let told = json(&diff(folder.path(), &["a", "b", "--format", "json"]));
    assert_eq!(told["events"]["same"], false);
    assert_eq!(told["events"]["a"], Value::Null);
    assert!(told["events"]["last_equal"]["offset_ns"].as_u64().unwrap() <= 7_000_000_000, "{told:#}");
    assert!(told["events"]["b"]["offset_ns"].as_u64().unwrap() > 7_000_000_000, "{told:#}");
    let requests = &told["requests"];
    assert_eq!(
        (&requests["only_a"], &requests["other_outcome"], &requests["other_latency"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert!(requests["only_b"].as_u64().unwrap() > 2_000, "{told:#}");
}

#[test]
fn other_seeds_are_other_requests() {
    let folder = tempfile::tempdir().unwrap();
    for (out, seed) in [("a", "1"), ("b", "2")] {
        run(folder.path(), &small(), out, &["--no-truth", "--seed", seed, "--until", "5s"]);
    }
    let told = json(&diff(folder.path(), &["a", "b", "--format", "json"]));
    assert_eq!(told["requests"]["in_both"], 0);
    assert!(told["notes"][0].as_str().unwrap().contains("different seeds"), "{told:#}");
}

/// A fault that takes one request out: its effects, found while it ran in lockstep with a copy that was forked from it, are what two
/// runs differ in that know nothing of each other.
#[test]
fn the_effects_of_a_fault_are_the_differences_between_two_independent_runs() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &dropping(), "with", &[]);
    run(folder.path(), &dropping(), "without", &["--no-truth", "--without", "gap"]);
    let told = json(&diff(folder.path(), &["without", "with", "--requests", "1000000", "--format", "json"]));
    let mut found = BTreeMap::new();
    for one in told["requests"]["listed"].as_array().unwrap() {
        let id = u128::from_str_radix(one["trace_id"].as_str().unwrap(), 16).unwrap();
        let end = |side: &str| {
            one[side].as_object().map(|end| {
                (end["outcome"].clone(), end["status"].clone(), end["error_type"].clone(), end["latency_ns"].as_i64())
            })
        };
        let parts = Part::ALL.map(|part| one["parts_difference"][part.column()].as_i64());
        let asked = (one["source"].as_str().unwrap().to_owned(), one["number"].as_i64().unwrap());
        found.insert(id, (asked, end("b"), end("a"), one["difference_ns"].as_i64(), parts));
    }
    assert_eq!(found.len() as u64, told["requests"]["differing"].as_u64().unwrap());

    let reader = RunReader::open(&folder.path().join("with")).unwrap();
    let differences = Part::ALL.map(|part| part.column().replace("_ns", "_difference_ns"));
    let mut columns = vec![
        "trace_id",
        "source",
        "number",
        "with_outcome",
        "with_status",
        "with_error_type",
        "with_latency_ns",
        "without_outcome",
        "without_status",
        "without_error_type",
        "without_latency_ns",
        "difference_ns",
        "contrast",
    ];
    columns.extend(differences.iter().map(String::as_str));
    let mut effects = BTreeMap::new();
    for batch in reader.read("truth/effects", &columns).unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.rows() {
            let text = |column| batch.text(column, row).map(str::to_owned);
            let end = |first: usize| {
                let outcome = text(first).filter(|outcome| outcome != "none")?;
                let (status, error) = (batch.integer(first + 1, row), text(first + 2));
                Some((outcome.into(), status.into(), error.into(), batch.integer(first + 3, row)))
            };
            let parts = std::array::from_fn(|part| batch.integer(13 + part, row));
            let asked = (text(1).unwrap(), batch.integer(2, row).unwrap());
            let known =
                effects.insert(batch.id(0, row).unwrap(), (asked, end(3), end(7), batch.integer(11, row), parts));
            assert_eq!((known, batch.integer(12, row)), (None, Some(0)), "one fault is one contrast");
        }
    }
    assert_eq!(effects, found);
    // That which was dropped, and many that it would have moved, either way, to the end of the run.
    let dropped: Vec<_> = found.values().filter(|(_, with, ..)| with.is_none()).collect();
    assert!(dropped.iter().any(|(asked, ..)| *asked == ("clients".to_owned(), 700)), "{dropped:?}");
    let moved: Vec<i64> = found.values().filter_map(|(_, _, _, difference_ns, _)| *difference_ns).collect();
    assert!(moved.len() > 100 && moved.iter().any(|&ns| ns > 0) && moved.iter().any(|&ns| ns < 0), "{}", moved.len());
    // Both part where the request would have been sent.
    let last = told["events"]["last_equal"]["text"].as_str().unwrap();
    assert_eq!(last, "request 700 of clients", "{told:#}");
}

#[test]
fn what_this_version_does_not_reproduce_is_compared_by_its_tables() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &small(), "a", &["--no-truth", "--until", "5s"]);
    run(folder.path(), &small(), "b", &["--no-truth", "--until", "5s", "--set", "api/pool.maximum=3"]);
    let manifest = folder.path().join("b/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let digest = serde_json::from_str::<Value>(&text).unwrap()["run_digest"].as_str().unwrap().to_owned();
    fs::write(&manifest, text.replace(&digest, &"0".repeat(32))).unwrap();
    let told = json(&diff(folder.path(), &["a", "b", "--format", "json"]));
    let why = told["events"]["why"].as_str().unwrap();
    assert!(why.contains("does not reproduce B") && why.contains(&digest), "{why}");
    assert!(told["requests"]["in_both"].as_u64().unwrap() > 100, "{told:#}");

    fs::remove_file(folder.path().join("b/truth/scenario.ron")).unwrap();
    let ended = diff(folder.path(), &["a", "b"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("not compared: this version cannot run B again"), "{}", ended.out);
}

#[test]
fn what_is_no_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &small(), "a", &["--no-truth", "--until", "1s"]);
    fs::create_dir(folder.path().join("empty")).unwrap();
    for other in ["nowhere", "empty"] {
        let ended = diff(folder.path(), &["a", other]);
        assert_eq!((ended.code, &*ended.out), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains(&format!("`{other}` is not the folder of a finished run")), "{}", ended.err);
        assert!(ended.err.contains("hint: give a folder that `sim run` wrote"), "{}", ended.err);
    }
    let manifest = folder.path().join("a/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replacen("\"tables\": 2", "\"tables\": 99", 1)).unwrap();
    let ended = diff(folder.path(), &["a", "a"]);
    assert_eq!((ended.code, &*ended.out), (Some(2), ""), "{ended:?}");
    assert!(ended.err.contains("has tables of epoch 99") && ended.err.contains("hint: "), "{}", ended.err);
}
