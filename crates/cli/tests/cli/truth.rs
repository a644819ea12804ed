//! `sim run` with the truth of its faults: what lies in the folder, and what must neither change it nor leak from it.

use super::{end, names, sim, small};
use std::collections::BTreeMap;
use std::path::Path;

/// Every file below a folder, by its path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below it").display().to_string();
                found.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

#[test]
fn threads_change_no_byte_of_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let run = |threads: &str| {
        let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--threads", threads, "--out", threads]));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        files(&folder.path().join(threads))
    };
    let alone = run("1");
    assert!(alone.contains_key("truth/incidents.json"));
    for threads in ["2", "4"] {
        assert!(run(threads) == alone, "{threads} threads write something else");
    }
}

#[test]
fn without_truth_the_same_is_observed_and_nothing_is_concluded() {
    let folder = tempfile::tempdir().unwrap();
    for (out, more) in [("with", None), ("without", Some("--no-truth"))] {
        let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--out", out]).args(more));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.out.contains("requests hurt"), more.is_none(), "{}", ended.out);
    }
    let observed = |out: &str| files(&folder.path().join(out).join("observed"));
    assert!(observed("with") == observed("without"));
    assert_eq!(
        names(&folder.path().join("without/truth")),
        ["faults.json", "ledger", "milestones.json", "requests", "scenario.ron"]
    );
}

#[test]
fn other_names_of_faults_and_scenario_leave_every_observed_byte_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(small()).unwrap();
    assert!(text.contains("\"slow\""));
    let renamed = text.replace("\"slow\"", "\"zz-another-name\"");
    std::fs::write(folder.path().join("renamed.ron"), renamed).unwrap();
    for (scenario, out) in [(small(), "a"), (folder.path().join("renamed.ron"), "b")] {
        let ended = end(sim(folder.path()).arg("run").arg(scenario).args(["--out", out]));
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let observed = |out: &str| files(&folder.path().join(out).join("observed"));
    let a = observed("a");
    assert!(a.len() > 4 && a == observed("b"));
}
