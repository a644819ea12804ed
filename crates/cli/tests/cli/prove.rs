//! `sim explain --prove`: the run is repeated from its own folder, and what is proved can be seen by setting it.

use super::{Ended, end, sim, small};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn run(arguments: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--out", "run"]).args(arguments));
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
    folder
}

fn prove(folder: &Path, arguments: &[&str]) -> Ended {
    end(sim(folder).args(["explain", "run", "--prove"]).args(arguments))
}

fn facts(folder: &Path) -> Value {
    let ended = prove(folder, &["--format", "json"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn a_larger_pool_is_proved_to_prevent_and_does() {
    // A database that could do more, and a pool that does not let it.
    let scarce = ["--seed", "2", "--set", "db.workers=16", "--set", "clients.rate=10/s"];
    let folder = run(&scarce);
    let facts = facts(folder.path());
    let proof = &facts["proof"];
    assert_eq!((&proof["seed"], &proof["faults"][0]), (&2.into(), &"slow".into()));
    // The story is of tables with all series, the proof of components' numbers alone: requests that fail are the same.
    let harm = &facts["story"]["incident"]["requests"];
    assert_eq!(harm["failed"], proof["requests"]["failed"], "{harm}");
    let found = proof["preventions"]["found"].as_array().unwrap();
    let first = &found[0]["settings"][0];
    assert_eq!((&first["path"], &first["from"]), (&"api/pool.maximum".into(), &"2".into()), "{found:?}");
    let setting = format!("api/pool.maximum={}", first["to"].as_str().unwrap());
    let changed = run(&[&scarce[..], &["--set", &setting]].concat());
    let incidents: Value =
        serde_json::from_slice(&fs::read(changed.path().join("run/truth/incidents.json")).unwrap()).unwrap();
    let count = |harm: &Value| harm["failed"].as_u64().unwrap() + harm["lost"].as_u64().unwrap();
    assert!(count(&incidents[0]["requests"]) * 100 <= count(harm), "with {setting}: {}", incidents[0]["requests"]);
}

#[test]
fn the_proof_follows_the_story_in_a_few_lines() {
    let folder = run(&[]);
    let story = end(sim(folder.path()).args(["explain", "run"])).out;
    let both = prove(folder.path(), &[]);
    assert_eq!((both.code, both.err.as_str()), (Some(0), ""));
    let proof = both.out.strip_prefix(&story).expect("the same story");
    assert!(proof.starts_with("\nproofs for slow (seed 1, "), "{proof}");
    for part in ["what amplifies it", "point of no return: none: users recover whenever", "smallest change"] {
        assert!(proof.contains(part), "no {part:?} in {proof}");
    }
    assert!(proof.lines().count() <= 25, "{proof}");
}

#[test]
fn another_run_than_the_folder_s_proves_nothing() {
    let folder = run(&[]);
    let manifest = folder.path().join("run/manifest.json");
    let mut told: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    told["seed"] = 3.into();
    fs::write(&manifest, told.to_string()).unwrap();
    let ended = prove(folder.path(), &[]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(4), ""), "{ended:?}");
    assert!(ended.err.contains("its digest is"), "{}", ended.err);
}

#[test]
fn an_incident_of_other_faults_is_another_one() {
    let folder = run(&[]);
    let incidents = folder.path().join("run/truth/incidents.json");
    let mut told: Value = serde_json::from_slice(&fs::read(&incidents).unwrap()).unwrap();
    let faults = told[0]["faults"].as_array_mut().unwrap();
    let mut another = faults[0].clone();
    another["name"] = "another".into();
    faults.push(another);
    fs::write(&incidents, told.to_string()).unwrap();
    let ended = prove(folder.path(), &[]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.err.contains("another and slow are no incident; there are: slow"), "{}", ended.err);
}

#[test]
fn requests_are_not_proved() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(prove(folder.path(), &["--request", "1"]).code, Some(2));
}
