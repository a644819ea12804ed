//! `sim run`: the summary, the folder, and what must not change a result.

use super::{digest, end, names, sim, small};
use knockon_telemetry::RunReader;

#[test]
fn a_run_tells_its_story_and_leaves_tables_and_truth() {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("run").arg(small()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for told in [
        "small, seed 1: A slow query fills a small pool",
        "1 service, 1 database, 1 source: clients → api; api → db",
        "db/read.demand",
        "(fault `slow`)",
        "pool full, callers wait",
        "first acquire timeout",
        "fault `slow` ends",
        "2 of 2 held",
        "out/small-s1",
    ] {
        assert!(ended.out.contains(told), "{told:?} is missing in\n{}", ended.out);
    }
    assert_eq!(ended.err, "");
    let run = folder.path().join("out/small-s1");
    assert_eq!(names(&run), ["manifest.json", "observed", "truth"]);
    let truth = [
        "blame",
        "difficulty.json",
        "effects",
        "faults.json",
        "incidents.json",
        "labels_logs",
        "labels_metrics",
        "labels_spans",
        "ledger",
        "milestones.json",
        "propagation.dot",
        "propagation.json",
        "requests",
        "scenario.ron",
        "windows",
    ];
    assert_eq!(names(&run.join("truth")), truth);
    knockon_telemetry::check_tables(&run).unwrap();
}

#[test]
fn milestones_come_in_order_and_cite_rows() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(end(sim(folder.path()).arg("run").arg(small())).code, Some(0));
    let text = std::fs::read_to_string(folder.path().join("out/small-s1/truth/milestones.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let milestones = file["milestones"].as_array().unwrap();
    let offsets: Vec<_> = milestones.iter().map(|row| row["offset_ns"].as_u64().unwrap()).collect();
    assert!(offsets.is_sorted(), "{offsets:?}");
    let table = |state: &str| {
        let row = milestones.iter().find(|row| row["state"] == state).unwrap_or_else(|| panic!("no {state} in {text}"));
        row["shown_by"]["table"].as_str().map(str::to_owned)
    };
    assert_eq!(table("acquire_timeout").as_deref(), Some("observed/logs"));
    assert_eq!(table("server_error").as_deref(), Some("observed/spans"));
    assert!(table("pool_full").is_some());
}

#[test]
fn telemetry_threads_and_processes_do_not_change_the_world() {
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--format", "json"]).args(more));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        digest(&ended)
    };
    let bare = run(&["--telemetry", "none"]);
    assert_eq!(names(folder.path()), [""; 0], "nothing is written without telemetry");
    assert_eq!(run(&["--telemetry", "none"]), bare);
    assert_eq!(run(&["--threads", "1"]), bare);
    let one = knockon_telemetry::read_manifest(&folder.path().join("out/small-s1")).unwrap();
    assert_eq!(run(&["--threads", "2"]), bare);
    let two = knockon_telemetry::read_manifest(&folder.path().join("out/small-s1")).unwrap();
    assert_eq!(one, two);
    assert_ne!(run(&["--telemetry", "none", "--seed", "2"]), bare);
}

#[test]
fn a_run_with_recorded_data_is_repeated_from_its_folder_alone() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = |data: &str| {
        format!(
            r#"(
    duration: "2s",
    data: {{"rows": "{data}"}},
    services: {{"api": (workers: 1, cores: Unlimited, endpoints: {{"GET /": (steps: [Compute(Recorded("work_us"))])}})}},
    load: {{"clients": (target: "api", arrivals: Replay(data: "rows", column: "arrival_us"), mix: {{"GET /": 1}})}},
    expect: [Exact("clients.answered", 3)],
)"#
        )
    };
    let rows = "arrival_us,work_us\n1000,2000\n1500,700\n900000,100\n";
    let run = |file: &str| {
        let run = end(sim(folder.path()).args(["run", file, "--format", "json"]));
        assert_eq!(run.code, Some(0), "{run:?}");
        digest(&run)
    };
    std::fs::create_dir_all(folder.path().join("mine/recorded/day")).unwrap();
    std::fs::write(folder.path().join("mine/recorded/day/one.csv"), rows).unwrap();
    std::fs::write(folder.path().join("mine/told.ron"), scenario("recorded/day/one.csv")).unwrap();
    let first = run("mine/told.ron");
    std::fs::rename(folder.path().join("out/told-s1"), folder.path().join("kept")).unwrap();
    std::fs::remove_dir_all(folder.path().join("mine")).unwrap();
    assert_eq!(run("kept/truth/scenario.ron"), first);
    // The run of a run has them too, and may be replaced by the next.
    std::fs::remove_dir_all(folder.path().join("kept")).unwrap();
    std::fs::create_dir_all(folder.path().join("again")).unwrap();
    std::fs::rename(folder.path().join("out/kept-s1/truth"), folder.path().join("again/truth")).unwrap();
    std::fs::remove_dir_all(folder.path().join("out")).unwrap();
    assert_eq!(run("again/truth/scenario.ron"), first);
    assert_eq!(run("again/truth/scenario.ron"), first);
    // A name that truth needs itself is refused, and nothing is left.
    for taken in ["faults.json", "Ledger/rows.csv"] {
        let path = folder.path().join(taken);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, rows).unwrap();
        std::fs::write(folder.path().join("taken.ron"), scenario(taken)).unwrap();
        let ended = end(sim(folder.path()).args(["run", "taken.ron"]));
        assert!(ended.code != Some(0) && ended.err.contains("needs for something else"), "{ended:?}");
        assert!(!folder.path().join("out/taken-s1").exists());
    }
}

#[test]
fn the_scenario_in_truth_repeats_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let first =
        end(sim(folder.path()).arg("run").arg(small()).args(["--set", "api/pool.maximum=3", "--format", "json"]));
    assert_eq!(first.code, Some(0), "{first:?}");
    let again = end(sim(folder.path()).args([
        "run",
        "out/small-s1/truth/scenario.ron",
        "--telemetry",
        "none",
        "--format",
        "json",
    ]));
    assert_eq!(digest(&again), digest(&first));
}

#[test]
fn an_expectation_that_does_not_hold_is_named_and_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--without", "slow"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("1 of 2 held"), "{}", ended.out);
    assert!(ended.out.contains("not held") && ended.out.contains("measured never"), "{}", ended.out);
    assert_eq!(names(&folder.path().join("out")), ["small-s1"], "the run is there to be looked at");
}

#[test]
fn a_limit_ends_the_run_with_3_and_what_was_simulated_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(small()).unwrap().replace("duration:", "limits: (frames: 5),\n    duration:");
    std::fs::write(folder.path().join("limited.ron"), text).unwrap();
    let ended = end(sim(folder.path()).args(["run", "limited.ron"]));
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.out.contains("ended early") && ended.out.contains("limit hit"), "{}", ended.out);
    let manifest = knockon_telemetry::check_tables(&folder.path().join("out/limited-s1")).unwrap();
    assert_eq!(manifest.limits_hit.get("frames"), Some(&1));
}

#[test]
fn until_cuts_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--until", "10s", "--telemetry", "none", "--format", "json"];
    let ended = end(sim(folder.path()).arg("run").arg(small()).args(arguments));
    let summary: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(summary["simulated_ns"], 10_000_000_000u64);
}

#[test]
fn a_fault_that_does_nothing_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--telemetry", "none"]).args(arguments));
        assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
        ended.err
    };
    assert_eq!(run(&["--until", "10s"]), "warning: slow at 20 s never happens: the run ends after 10 s\n");
    let already = "warning: slow changes nothing: db/read.demand is 400ms already\n";
    assert_eq!(run(&["--set", "db/read.demand=\"400ms\""]), already);
    assert_eq!(run(&["--until", "10s", "--without", "slow"]), "");
}

/// What is told of faults on one parameter (`docs/documents.md`) is what the world does.
#[test]
fn of_two_faults_on_one_parameter_the_last_has_it_and_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = r#"(
        duration: "10min",
        services: {"api": (endpoints: {"GET /": (steps: [Query("read")])}, pools: {"pool": HikariCp(database: "db")})},
        databases: {"db": (queries: {"read": (demand: "1ms")})},
        load: {"clients": (target: "api", arrivals: Constant("2/s"), mix: {"GET /": 1})},
        faults: {
            "a": Set(at: "1min", until: "5min", set: {"db/read.demand": "500ms"}),
            "b": Set(at: "3min", until: "9min", set: {"db/read.demand": "200ms"}),
        },
    )"#;
    std::fs::write(folder.path().join("two.ron"), scenario).unwrap();
    let ended = end(sim(folder.path()).args(["run", "two.ron", "--out", "run", "--no-truth"]));
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    for told in ["1ms → 500ms (fault `a`)", "500ms → 200ms (fault `b`)"] {
        assert!(ended.out.contains(told), "{told:?} is missing in\n{}", ended.out);
    }
    let run = RunReader::open(&folder.path().join("run")).unwrap();
    let start = run.manifest().start_unix_ns;
    let mut requests = 0;
    for batch in run.read("truth/requests", &["sent_time", "latency_ns"]).unwrap().map(Result::unwrap) {
        for row in 0..batch.rows() {
            let since = batch.integer(0, row).unwrap() - start;
            let held_ms = match since / 60_000_000_000 {
                0 | 9 => 1,
                1 | 2 => 500,
                _ => 200,
            };
            let latency_ms = batch.integer(1, row).unwrap() / 1_000_000;
            assert!((held_ms..held_ms + 50).contains(&latency_ms), "{latency_ms} ms at {since}");
            requests += 1;
        }
    }
    assert!(requests > 1_100, "{requests}");
}

#[test]
fn a_fault_without_effect_is_not_credited_with_what_another_did() {
    let folder = tempfile::tempdir().unwrap();
    let nil = r#"faults: { "nil": Set(at: "20s", until: "31s", set: {"api.places": 20}),"#;
    let text = std::fs::read_to_string(small()).unwrap().replace("faults: {", nil);
    std::fs::write(folder.path().join("zero.ron"), text).unwrap();
    let ended = end(sim(folder.path()).args(["run", "zero.ron", "--telemetry", "none"]));
    let line = ended.out.lines().find(|line| line.starts_with("truth")).unwrap_or_else(|| panic!("{ended:?}"));
    let told = line.trim_start_matches("truth").trim_start();
    assert!(told.starts_with("slow: ") && told.ends_with("; no effect: nil"), "{line}");
}

#[test]
fn a_run_that_is_too_short_for_its_value_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let queue = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/theory/mm1.ron");
    let ended = end(sim(folder.path()).arg("run").arg(queue).args(["--until", "1000s", "--telemetry", "none"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let imprecise = |line: &&str| line.starts_with("  not held") && line.ends_with("; too imprecise: run longer");
    assert!(ended.out.lines().any(|line| imprecise(&line)), "{}", ended.out);
    assert!(
        ended.out.contains("station.present.mean = 4.000000, in a band of at most ± 2 %; measured "),
        "{}",
        ended.out
    );
}
