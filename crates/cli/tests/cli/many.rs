//! `sim run` with several scenarios, folders and seeds: one table, the same for any number of jobs, and nothing lost to a neighbour.

use super::{Ended, end, names, sim, small};
use std::collections::BTreeSet;
use std::path::Path;

/// A queue before one worker, with these expectations.
fn queue(expect: &str) -> String {
    format!(
        r#"(
    duration: "200s",
    limits: (frames: 2000),
    services: {{"server": (
        runtime: Native, workers: 1, places: Unlimited, cores: Unlimited,
        endpoints: {{"GET /": (steps: [Compute(Exponential("1ms"))])}},
    )}},
    links: {{"clients -> server": (latency: "0s")}},
    load: {{"clients": (target: "server", arrivals: Poisson("500/s"), mix: {{"GET /": 1}}, timeout: None)}},
    expect: [{expect}],
)"#
    )
}

const MEAN: &str = r#"Value("clients.latency.mean", "2ms", "10 %")"#;

/// A folder with good scenarios, with parts of scenarios that are none themselves, and with a folder in it.
fn fill(folder: &Path) {
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("all/b.ron", &queue(MEAN));
    write("all/deep/c.ron", &queue(r#"Below("server.queued.p99", "1s"), AtMost("clients.failed", 0)"#));
    write("all/a.ron", &queue(r#"Value("server.present.mean", 1, "10 %")"#));
    write("all/systems/shared.ron", "no scenario");
    write("all/data/list.ron", "no scenario either");
    write("all/notes.txt", "nor this");
}

fn run(folder: &Path, arguments: &[&str]) -> Ended {
    end(sim(folder).arg("run").args(arguments))
}

#[test]
fn a_folder_gives_one_table_in_the_order_of_paths_for_any_number_of_jobs() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let one = run(folder.path(), &["all", "--summary", "--jobs", "1"]);
    assert_eq!((one.code, one.err.as_str()), (Some(0), ""), "{one:?}");
    let systems: Vec<_> = one.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(systems, ["system", "a", "b", "c", "c", "4"], "{}", one.out);
    assert!(one.out.contains("2.000 ms") && one.out.contains("± "), "{}", one.out);
    assert!(one.out.ends_with("4 of 4 held, in 3 scenarios\n"), "{}", one.out);
    assert_eq!(names(folder.path()), ["all"], "a table writes nothing");
    let json = |jobs| run(folder.path(), &["all", "--summary", "--format", "json", "--jobs", jobs]).out;
    for jobs in ["2", "3", "8"] {
        assert_eq!(run(folder.path(), &["all", "--summary", "--jobs", jobs]).out, one.out);
        assert_eq!(json(jobs), json("1"));
    }
    let page = run(folder.path(), &["all", "--summary", "--format", "markdown"]).out;
    assert!(page.contains("\n4 of 4 held, in 3 scenarios.\n\n| system | statistic |"), "{page}");
    assert_eq!(page.lines().filter(|line| line.starts_with("| c |")).count(), 2, "{page}");
    let json: serde_json::Value = serde_json::from_str(&json("2")).unwrap();
    assert_eq!(json["held"], 4);
    assert_eq!(json["expectations"][1]["judgements"][0]["verdict"], "held");
    let shown = json["expectations"][1]["judgements"][0]["numbers"]["measured"].as_f64().unwrap();
    assert!((0.0018..0.0022).contains(&shown), "{shown}");
}

#[test]
fn what_is_wrong_with_one_scenario_costs_no_other() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    std::fs::write(folder.path().join("all/broken.ron"), "(title: 5)").unwrap();
    let limited = queue(MEAN).replace("500/s", "5000/s");
    std::fs::write(folder.path().join("all/limited.ron"), limited).unwrap();
    std::fs::write(folder.path().join("all/wrong.ron"), queue(r#"Value("clients.latency.mean", "3ms", "10 %")"#))
        .unwrap();
    let ended = run(folder.path(), &["all", "--summary"]);
    assert_eq!(ended.code, Some(3), "a limit counts for more than what does not hold: {ended:?}");
    let line =
        |name: &str| ended.out.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{ended:?}"));
    assert!(line("broken").contains("in the scenario"), "{}", ended.out);
    assert!(ended.err.contains("broken.ron:1:"), "{}", ended.err);
    assert!(line("limited").contains("limit hit"), "{}", ended.out);
    assert!(line("wrong").ends_with("differs"), "{}", ended.out);
    for name in ["a ", "b ", "c "] {
        assert!(line(name).ends_with("held"), "{}", ended.out);
    }
    std::fs::remove_file(folder.path().join("all/limited.ron")).unwrap();
    std::fs::remove_file(folder.path().join("all/broken.ron")).unwrap();
    assert_eq!(run(folder.path(), &["all", "--summary"]).code, Some(1));
}

#[test]
fn seeds_tell_in_how_many_runs_each_expectation_held() {
    let folder = tempfile::tempdir().unwrap();
    let expect =
        format!(r#"{MEAN}, Below("clients.latency.maximum", "18ms"), Below("clients.latency.maximum", "1ms")"#);
    std::fs::write(folder.path().join("queue.ron"), queue(&expect)).unwrap();
    let ended = run(folder.path(), &["queue.ron", "--seeds", "1..12", "--jobs", "3"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let verdicts: Vec<_> = ended.out.lines().filter_map(|line| Some(line.split_once("held in ")?.1)).collect();
    assert_eq!((verdicts.len(), verdicts[0], verdicts[2]), (3, "12 of 12", "0 of 12; differs in 12"), "{}", ended.out);
    assert!(ended.out.contains(" … "), "the smallest and the largest: {}", ended.out);
    // The same as one by one.
    let alone = (1..=12).filter(|seed| {
        let ended = run(folder.path(), &["queue.ron", "--summary", "--seed", &seed.to_string()]);
        let line = ended.out.lines().nth(2).unwrap().to_owned();
        line.ends_with("held")
    });
    let held = alone.count();
    let differs = if held == 12 { String::new() } else { format!("; differs in {}", 12 - held) };
    assert_eq!(verdicts[1], format!("{held} of 12{differs}"));
}

#[test]
fn several_runs_write_a_folder_each_and_tell_their_summaries_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(small()).unwrap();
    for name in ["z", "a", "m"] {
        std::fs::write(folder.path().join(name).with_extension("ron"), &text).unwrap();
    }
    let ended = run(folder.path(), &["z.ron", "a.ron", "m.ron", "--out", "runs", "--jobs", "2"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(names(&folder.path().join("runs")), ["a-s1", "m-s1", "z-s1"]);
    let heads: Vec<_> = ended.out.lines().filter(|line| line.contains(", seed 1:")).collect();
    assert!(heads[0].starts_with("z,") && heads[1].starts_with("a,") && heads[2].starts_with("m,"), "{}", ended.out);
    let manifest = |name: &str| knockon_telemetry::check_tables(&folder.path().join("runs").join(name)).unwrap();
    assert_eq!(manifest("a-s1").tables, manifest("z-s1").tables);
    let json = run(folder.path(), &["z.ron", "a.ron", "--telemetry", "none", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json[0]["scenario"], &json[1]["scenario"]), (&"z".into(), &"a".into()));
    assert_eq!(json[0]["digest"], json[1]["digest"]);
    assert_eq!(names(folder.path()), ["a.ron", "m.ron", "runs", "z.ron"]);
}

#[test]
fn scenarios_of_one_name_are_told_apart_by_their_folders() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(small()).unwrap();
    for name in ["one", "one/deep"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("lifo.ron"), &text).unwrap();
    }
    std::fs::write(folder.path().join("one/other.ron"), &text).unwrap();
    let ended = run(folder.path(), &["one", "--summary", "--out", "runs"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let systems: BTreeSet<_> = ended.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for name in ["one/lifo", "deep/lifo", "other"] {
        assert!(systems.contains(name), "{}", ended.out);
    }
    assert_eq!(names(&folder.path().join("runs")), ["deep-lifo-s1", "one-lifo-s1", "other-s1"]);
}

#[test]
fn mistakes_about_many_are_named() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    for (arguments, told) in [
        (&["all", "empty"][..], "no scenario lies in `empty`"),
        (&["all", "all/a.ron"], "would both be written to `out/a-s1`"),
        (&["all", "--seeds", "5..1"], "give the first and the last seed"),
        (&["all", "--seeds", "1..2", "--seed", "1"], "cannot be used with"),
        (&["all", "--jobs", "0"], "0 is not in 1.."),
    ] {
        let ended = run(folder.path(), arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(told), "{arguments:?}: {told:?} is missing in\n{}", ended.err);
    }
    assert_eq!(names(folder.path()), ["all", "empty"]);
}

/// The set of a database's slots, of which one observable is missed, and declared as a miss.
#[test]
fn a_declared_miss_is_told_and_does_not_fail_the_run_unless_it_is_none() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/fidelity");
    let folder = tempfile::tempdir().unwrap();
    let scenario = std::fs::read_to_string(shipped.join("f2_max_connections.ron")).unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let data = "data/f2_max_connections.json";
    std::fs::copy(shipped.join(data), folder.path().join(data)).unwrap();
    let as_written = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        (run(folder.path(), &[name, "--summary"]), run(folder.path(), &[name, "--telemetry", "none"]))
    };
    let declared = "at_once_accepted_ms_median";
    assert_eq!(scenario.matches(declared).count(), 1);

    let (table, one) = as_written("declared.ron", &scenario);
    assert_eq!((table.code, one.code), (Some(0), Some(0)), "{table:?}\n{one:?}");
    assert!(table.out.contains("missed, explained\n"), "{}", table.out);
    assert!(table.out.ends_with("7 of 8 held, 1 missed and explained, in 1 scenario\n"), "{}", table.out);
    assert!(one.out.contains("expectations 7 of 8 held, 1 missed and explained\n  missed     at_once"), "{}", one.out);

    // The same miss, which nobody declares, and one that is declared, hangs on nothing that is drawn, and is none.
    let elsewhere = scenario.replace(declared, "at_once_refused").replace("drawn: true,", "");
    let elsewhere = elsewhere.replacen("\"at_once_refused_ms_median\"", "", 1).replacen(
        "\"sequential_accepted_ms_median\", \"sequential_refused_ms_median\", ",
        "\"at_once_accepted\"",
        1,
    );
    let (table, one) = as_written("elsewhere.ron", &elsewhere);
    assert_eq!((table.code, one.code), (Some(1), Some(1)), "{table:?}\n{one:?}");
    assert!(table.out.ends_with("5 of 8 held, in 1 scenario\n"), "{}", table.out);
    for told in ["differs\n", "no longer a miss: remove it\n"] {
        assert!(table.out.contains(told), "{told:?} is missing in\n{}", table.out);
    }
    assert_eq!(one.out.matches("\n  not held   ").count(), 3, "{}", one.out);
    // What hangs on draws may be fair with another seed, and is no mistake of the scenario then.
    let seeds = run(folder.path(), &["declared.ron", "--seeds", "1..12"]);
    assert_eq!(seeds.code, Some(0), "{seeds:?}");
    assert!(seeds.out.contains("; missed, explained in ") && !seeds.out.contains("remove it"), "{}", seeds.out);
}
