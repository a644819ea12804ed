//! `sim verify`: quiet where nothing differs, and an alarm that rings where something does.

use super::{end, sim, small};

#[test]
fn two_processes_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("verify").arg(small()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.starts_with("same: "), "{}", ended.out);
    assert!(!ended.out.starts_with("same: 0 events"), "{}", ended.out);
}

#[test]
fn a_difference_is_found_and_its_first_event_named() {
    let folder = tempfile::tempdir().unwrap();
    // A longer query from the first request on changes the first event after that query began, and nothing before.
    let ended = end(sim(folder.path()).arg("verify").arg(small()).args(["--tamper", "db/read.demand=Constant(5ms)"]));
    let ended = if ended.code == Some(4) {
        ended
    } else {
        end(sim(folder.path()).arg("verify").arg(small()).args(["--tamper", "db/read.demand=5ms"]))
    };
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let lines: Vec<_> = ended.out.lines().collect();
    assert!(lines[0].starts_with("different: the first event that differs lies between "), "{}", ended.out);
    let event = |head: &str| {
        let line = lines.iter().find_map(|line| line.trim().strip_prefix(head)).unwrap_or_else(|| panic!("{}", ended.out));
        let (number, rest) = line.trim().strip_prefix("event ").unwrap().split_once(' ').unwrap();
        (number.parse::<u64>().unwrap(), rest.to_owned())
    };
    let (last_equal, first, second) = (event("last equal"), event("first side"), event("second side"));
    assert_eq!((first.0, second.0), (last_equal.0 + 1, last_equal.0 + 1), "{}", ended.out);
    assert_ne!(first.1, second.1);
}

#[test]
fn errors_of_the_scenario_are_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("verify").arg(small()).args(["--without", "nothing"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.err.matches("there is no fault").count(), 1, "{}", ended.err);
}
