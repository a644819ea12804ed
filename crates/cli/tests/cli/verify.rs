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
    // Nobody waits for a connection before the query becomes slow at 20 s: until then the two are the same.
    let tamper = ["--tamper", "api/pool.acquire_timeout=450ms"];
    let ended = end(sim(folder.path()).arg("verify").arg(small()).args(tamper));
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let lines: Vec<_> = ended.out.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("different: the first event that differs lies between "), "{}", ended.out);
    assert!(lines[1].starts_with("last equal "), "{}", ended.out);
    let event = |head: &str| {
        let line = lines.iter().find_map(|line| line.strip_prefix(head)).unwrap_or_else(|| panic!("{}", ended.out));
        let words: Vec<_> = line.split_whitespace().collect();
        let [number, time_ns] = [words[1], words[3]].map(|word| word.parse::<u64>().unwrap());
        (number, time_ns, line.to_owned())
    };
    let (first, second) = (event("first side"), event("second side"));
    assert_eq!(first.0, second.0, "{}", ended.out);
    assert!(first.1.min(second.1) > 20_000_000_000, "{}", ended.out);
    assert_ne!(first.2, second.2);
}

#[test]
fn errors_of_the_scenario_are_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("verify").arg(small()).args(["--without", "nothing"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.err.matches("there is no fault").count(), 1, "{}", ended.err);
}
