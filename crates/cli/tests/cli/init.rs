//! `sim init`: what it writes runs, holds what it expects, and is hurt by its fault.

use super::{end, names, sim};

#[test]
fn what_is_written_is_healthy_and_its_fault_hurts() {
    for arguments in [
        &["--rate", "20/s"][..],
        &["--services", "api", "--runtime", "native", "--database", "none", "--rate", "40/s"],
        &["--services", "api,orders,stock", "--runtime", "python", "--cache", "redis", "--fault", "pause"],
        &["--runtime", "node", "--rate", "60/s", "--fault", "surge"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let ended = end(sim(folder.path()).args(["init", "mine.ron", "--duration", "6min"]).args(arguments));
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        assert!(ended.out.contains("mine.ron") && ended.out.contains("healthy"), "{ended:?}");
        let checked = end(sim(folder.path()).args(["check", "mine.ron"]));
        assert!(checked.code == Some(0) && !checked.out.contains("WARN"), "{arguments:?}: {checked:?}");
        let ended = end(sim(folder.path()).args(["run", "mine.ron", "--format", "json"]));
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        let incidents = std::fs::read_to_string(folder.path().join("out/mine-s1/truth/incidents.json")).unwrap();
        let incidents: serde_json::Value = serde_json::from_str(&incidents).unwrap();
        let hurt = incidents[0]["requests"]["hurt"].as_u64();
        assert!(hurt.is_some_and(|hurt| hurt > 100), "{arguments:?}: {incidents:#}");
    }
}

#[test]
fn without_a_fault_nothing_happens() {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).args(["init", "-", "--fault", "none", "--rate", "600/min"]));
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.contains("Poisson(\"10/s\")") && !ended.out.contains("faults:"), "{}", ended.out);
    assert_eq!(names(folder.path()), [""; 0]);
    std::fs::write(folder.path().join("calm.ron"), &ended.out).unwrap();
    let ended = end(sim(folder.path()).args(["run", "calm.ron", "--telemetry", "none", "--until", "5min"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scenario.ron"), "mine").unwrap();
    let ended = end(sim(folder.path()).arg("init"));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("`scenario.ron` is there already") && ended.err.contains("--force"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(folder.path().join("scenario.ron")).unwrap(), "mine");
    assert_eq!(end(sim(folder.path()).args(["init", "--force"])).code, Some(0));
    assert!(std::fs::read_to_string(folder.path().join("scenario.ron")).unwrap().starts_with("// A first scenario."));
    assert_eq!(names(folder.path()), ["scenario.ron"]);
    let ended = end(sim(folder.path()).args(["init", "no/such/folder.ron"]));
    assert_eq!(ended.code, Some(74), "{ended:?}");
}

#[test]
fn choices_that_cannot_be_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, told) in [
        (&["--services", "Api"][..], "cannot be a name"),
        (&["--services", "a,a"], "two services `a`"),
        (&["--rate", "10"], "give a number in a time"),
        (&["--rate", "1000000/s"], "to 5000/s"),
        (&["--runtime", "cobol"], "jvm"),
        (&["--database", "none", "--fault", "slow-query"], "no query without a database"),
    ] {
        let ended = end(sim(folder.path()).arg("init").args(arguments));
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(told), "{arguments:?}: {told:?} is missing in\n{}", ended.err);
    }
    assert_eq!(names(folder.path()), [""; 0]);
}
