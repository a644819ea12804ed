//! `sim golden`: recorded once, the same the next time, told layer by layer when it moves.

use super::{end, sim, small};
use std::fs;

#[test]
fn recorded_checked_moved_and_recorded_again() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("small.ron");
    fs::copy(small(), &scenario).unwrap();
    let bless = ["golden", "bless", "--scenario", "small.ron", "--seeds", "1,2", "--because", "a first recording"];
    let ended = end(sim(folder.path()).args(bless));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let golden = folder.path().join("golden/small.json");
    let first = fs::read_to_string(&golden).unwrap();
    assert!(first.contains("a first recording") && first.contains("observed/spans"), "{first}");

    let ended = end(sim(folder.path()).args(["golden", "check"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.out.lines().filter(|line| line.starts_with("same  ")).count(), 2, "{}", ended.out);

    // Another name of the fault relabels truth, and leaves the world and everything observed as it was.
    let text = fs::read_to_string(&scenario).unwrap();
    fs::write(&scenario, text.replace("\"slow\"", "\"sluggish\"")).unwrap();
    let ended = end(sim(folder.path()).args(["golden", "check"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("the world is the same"), "{}", ended.out);
    assert!(ended.out.contains("truth/faults.json"), "{}", ended.out);
    assert!(!ended.out.contains("observed/"), "{}", ended.out);
    assert!(ended.err.contains("sim golden bless --because"), "{}", ended.err);

    fs::write(&scenario, text.replace("Poisson(\"50/s\")", "Poisson(\"51/s\")")).unwrap();
    let ended = end(sim(folder.path()).args(["golden", "check", "--junit", "golden.xml"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("world: ") && ended.out.contains("observed/spans: "), "{}", ended.out);
    assert!(ended.out.contains("it first differs between the first event and event 4096 (0:00:"), "{}", ended.out);
    let report = fs::read_to_string(folder.path().join("golden.xml")).unwrap();
    assert!(report.contains("tests=\"2\" failures=\"2\"") && report.contains("observed/spans: "), "{report}");

    // What comes later is found later.
    fs::write(&scenario, text.replace("at: \"20s\", until: \"30s\"", "at: \"40s\", until: \"50s\"")).unwrap();
    let ended = end(sim(folder.path()).args(["golden", "check"]));
    let parted = ended.out.lines().find(|line| line.contains("it first differs")).unwrap();
    assert!(parted.contains("between event ") && parted.contains("(0:00:2"), "{parted}");
    fs::write(&scenario, text.replace("Poisson(\"50/s\")", "Poisson(\"51/s\")")).unwrap();

    let ended = end(sim(folder.path()).args(["golden", "bless", "--because", "one request a second more"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let second = fs::read_to_string(&golden).unwrap();
    assert!(second.contains("a first recording") && second.contains("one request a second more"), "{second}");
    assert_eq!(end(sim(folder.path()).args(["golden", "check"])).code, Some(0));
}

#[test]
fn what_cannot_be_run_is_told_beside_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        fs::copy(small(), folder.path().join(format!("{name}.ron"))).unwrap();
        let scenario = format!("{name}.ron");
        let bless = ["golden", "bless", "--scenario", &scenario, "--seeds", "3,5..6", "--because", "a first recording"];
        let ended = end(sim(folder.path()).args(bless));
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    fs::write(folder.path().join("a.ron"), "(name: 5").unwrap();
    fs::write(folder.path().join("golden/b.json"), "{}").unwrap();
    let ended = end(sim(folder.path()).args(["golden", "check", "--junit", "golden.xml"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let firsts: Vec<_> = ended.out.lines().filter(|line| !line.starts_with(' ') && !line.is_empty()).collect();
    let heads: Vec<_> = firsts.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(
        heads,
        [
            "BROKEN golden/a.json seed 3",
            "BROKEN golden/a.json seed 5",
            "BROKEN golden/a.json seed 6",
            "BROKEN golden/b.json",
            "same   golden/c.json seed 3",
            "same   golden/c.json seed 5",
            "same   golden/c.json seed 6",
        ],
        "{}",
        ended.out
    );
    assert!(ended.out.contains("`golden/b.json` is not a golden file"), "{}", ended.out);
    let report = fs::read_to_string(folder.path().join("golden.xml")).unwrap();
    assert!(report.contains("tests=\"7\" failures=\"0\" errors=\"4\""), "{report}");
    assert!(report.contains("<testcase classname=\"golden/c.json\" name=\"seed 5\"/>"), "{report}");
}
