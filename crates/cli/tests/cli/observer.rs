//! An observer changes what is observed, and nothing else.

use super::{digest, end, sim, small};
use std::path::{Path, PathBuf};

/// The small scenario with an observer.
fn observed(folder: &Path, observer: &str) -> PathBuf {
    let text = std::fs::read_to_string(small()).unwrap();
    let path = folder.join("observed.ron");
    let at = text.find("(\n").unwrap() + 2;
    std::fs::write(&path, format!("{}    observer: {observer},\n{}", &text[..at], &text[at..])).unwrap();
    path
}

fn tables(run: &Path) -> serde_json::Value {
    let manifest = std::fs::read_to_string(run.join("manifest.json")).unwrap();
    serde_json::from_str::<serde_json::Value>(&manifest).unwrap()["tables"].take()
}

#[test]
fn the_world_and_its_truth_stay_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = observed(
        folder.path(),
        "(spans: (head: \"50 %\", lost: \"1 %\"), logs: (without_trace: \"10 %\"), metrics: (failed_scrapes: \"40 %\"), \
         clocks: {\"db\": (ahead: \"30ms\")})",
    );
    let with = end(sim(folder.path()).arg("run").arg(&path).args(["--format", "json", "--out", "with"]));
    let without = end(sim(folder.path()).arg("run").arg(small()).args(["--format", "json", "--out", "without"]));
    assert_eq!((with.code, without.code), (Some(0), Some(0)), "{with:?}");
    assert_eq!(digest(&with), digest(&without));
    let (with, without) = (tables(&folder.path().join("with")), tables(&folder.path().join("without")));
    for (table, written) in without.as_object().unwrap() {
        let same = with[table]["digest"] == written["digest"];
        let touched = ["observed/spans", "observed/logs", "observed/metrics"].contains(&table.as_str());
        assert_eq!(same, !touched, "{table}");
    }
    let rows = |tables: &serde_json::Value, table: &str| tables[table]["rows"].as_f64().unwrap();
    let kept = rows(&with, "observed/spans") / rows(&without, "observed/spans");
    assert!((0.4..0.6).contains(&kept), "{kept}");
    assert!(rows(&with, "truth/observer") > 1_000.0 && without["truth/observer"].is_null());
    // Run again from its own scenario it is observed alike.
    let again = folder.path().join("with/truth/scenario.ron");
    let ended = end(sim(folder.path()).arg("run").arg(again).args(["--out", "again"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(tables(&folder.path().join("again")), with);
}

#[test]
fn what_cannot_be_observed_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path =
        observed(folder.path(), "(spans: (head: 2), clocks: {\"bd\": (ahead: \"30ms\"), \"db\": (behind: \"3d\")})");
    let ended = end(sim(folder.path()).arg("check").arg(path));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for told in
        ["a share lies between 0 and 1", "there is no service \"bd\"", "did you mean `db`?", "off by more than a day"]
    {
        assert!(ended.err.contains(told), "{told:?} is missing in\n{}", ended.err);
    }
}
