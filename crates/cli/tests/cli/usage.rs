//! Mistakes of the command line: exit code 2, what is wrong, what to do.

use super::{end, sim, small};

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let small = small();
    let small = small.to_str().unwrap();
    for (arguments, told) in [
        (&["rnu"][..], "unrecognized subcommand 'rnu'"),
        (&["run"], "<SCENARIO>"),
        (&["run", "nowhere.ron"], "cannot read the scenario `nowhere.ron`"),
        (&["run", small, "--set", "maximum"], "give a path and a value"),
        (&["run", small, "--until", "5"], "give a number with a unit"),
        (&["run", small, "--seed", "first"], "invalid digit"),
        (&["run", small, "--threads", "17"], "17 is not in 1..=16"),
        (&["run", small, "--telemetry", "none", "--out", "x"], "exclude each other"),
        (&["run", small, "--telemetry", "none", "--out", "x"], "leave out `--telemetry none` to have the tables"),
        (&["run", small, "--telemetry", "none", "--out", "x"], "or `--out` to have nothing written"),
        (&["run", small, "--format", "markdown"], "add `--summary`"),
        (&["golden", "check"], "cannot read the folder `golden/`"),
        (&["golden", "bless"], "--because"),
        (&["golden", "bless", "--because", " ", "--scenario", small], "`--because` is empty"),
        (&["schema", "table"], "tables"),
    ] {
        let ended = end(sim(folder.path()).args(arguments));
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(told), "{arguments:?}: {told:?} is missing in\n{}", ended.err);
        assert_eq!(ended.out, "", "{arguments:?}");
    }
    assert_eq!(super::names(folder.path()), [""; 0]);
}

#[test]
fn errors_of_a_scenario_come_all_at_once_and_end_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("run").arg(small()).args([
        "--set",
        "api/pol.maximum=3",
        "--set",
        "db.max_conections=5",
        "--without",
        "slwo",
    ]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for told in ["did you mean `pool`?", "did you mean `max_connections`?", "did you mean `slow`?", "3 errors"] {
        assert!(ended.err.contains(told), "{told:?} is missing in\n{}", ended.err);
    }
}

#[test]
fn check_prints_the_healthy_state_and_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("check").arg(small()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("small: no errors") && ended.out.contains("api/pool"), "{}", ended.out);
    let ended = end(sim(folder.path()).arg("check").arg(small()).args(["--set", "clients.rate=5000/s"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("WARN") && ended.err.contains("not those of a healthy system"), "{ended:?}");
    assert_eq!(super::names(folder.path()), [""; 0]);
}

#[test]
fn help_schema_and_completions_are_data() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, told) in [
        (&["--help"][..], "143  stopped by SIGTERM"),
        (&["run", "--help"], "--without <FAULT>"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
        (&["schema", "scenario"], "HikariCp"),
        (&["schema", "tables"], "observed/spans"),
        (&["completions", "bash"], "_sim"),
        (&["completions", "fish"], "complete -c sim"),
    ] {
        let ended = end(sim(folder.path()).args(arguments));
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        assert!(ended.out.contains(told), "{arguments:?}: {told:?} is missing in\n{}", ended.out);
        assert_eq!(ended.err, "", "{arguments:?}");
    }
}
