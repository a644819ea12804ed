//! Output folders: refused, replaced, unwritable, full.

use super::{end, names, sim, small};
use std::fs;
use std::path::Path;

#[test]
fn a_finished_run_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    for seed in ["1", "2"] {
        let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--out", "run", "--seed", seed]));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(names(folder.path()), ["run"]);
    }
    assert_eq!(knockon_telemetry::check_tables(&folder.path().join("run")).unwrap().seed, 2);
}

#[test]
fn a_foreign_folder_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let thesis = folder.path().join("papers/thesis.tex");
    fs::create_dir(folder.path().join("papers")).unwrap();
    fs::write(&thesis, "ten years of work").unwrap();
    let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--out", "papers"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("papers is there already and is not a finished run"), "{}", ended.err);
    assert!(ended.err.contains("hint: choose another folder with --out"), "{}", ended.err);
    assert_eq!(ended.out, "");
    assert_eq!(names(folder.path()), ["papers"]);
    assert_eq!(names(&folder.path().join("papers")), ["thesis.tex"]);
    assert_eq!(fs::read_to_string(thesis).unwrap(), "ten years of work");
}

#[test]
fn a_file_in_the_way_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("run"), "mine").unwrap();
    let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--out", "run"]));
    assert!(matches!(ended.code, Some(2 | 74)), "{ended:?}");
    assert_eq!(fs::read_to_string(folder.path().join("run")).unwrap(), "mine");
    assert_eq!(names(folder.path()), ["run"]);
}

/// Not the permission bits of a folder, which do not bind a superuser: `/proc` takes no folders from anyone.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_ends_with_74() {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--out", "/proc/run"]));
    assert_eq!(ended.code, Some(74), "{ended:?}");
    assert!(ended.err.contains("/proc") && ended.err.contains("hint:"), "{}", ended.err);
}

/// A limit on the size of files stands in for a full disk: the system refuses the write in the middle of a table.
#[cfg(target_os = "linux")]
#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let limited = |threads: &str| {
        let script = format!(
            "trap '' XFSZ; ulimit -f 8; exec '{}' run '{}' --out run --threads {threads}",
            env!("CARGO_BIN_EXE_sim"),
            small().display()
        );
        end(std::process::Command::new("bash").current_dir(folder.path()).args(["-c", &script]))
    };
    for threads in ["1", "2"] {
        let ended = limited(threads);
        assert_eq!(ended.code, Some(74), "{ended:?}");
        assert!(ended.err.contains("File too large") && ended.err.contains("hint:"), "{}", ended.err);
        assert_eq!(names(folder.path()), [""; 0]);
    }
}

#[test]
fn a_new_folder_may_lie_deep() {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--out", "a/b/c"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(Path::new(&folder.path().join("a/b/c/manifest.json")).exists());
}
