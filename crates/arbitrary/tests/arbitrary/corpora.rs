//! Every file that a fuzzer kept, seeds and regressions alike, through the function that it fuzzes.

use knockon_arbitrary::targets;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn each(target: &str, least: usize, run: impl Fn(&Path, Vec<u8>)) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() >= least, "{} files in {}", files.len(), folder.display());
    for file in files {
        run(&file, std::fs::read(&file).expect("a file of the corpus can be read"));
    }
}

fn text(file: &Path, bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn scenario_texts() {
    each("scenario_text", 10, |file, bytes| targets::scenario_text(&text(file, bytes)));
}

#[test]
fn worlds() {
    let used = RefCell::new(BTreeSet::new());
    each("world", 24, |file, bytes| {
        assert!(bytes.len() <= 1_500, "{} is not small", file.display());
        used.borrow_mut().extend(knockon_arbitrary::used(&bytes));
        targets::world(&bytes);
    });
    // Together they have nearly everything that can be made up.
    let all: usize = knockon_arbitrary::vocabulary().values().map(BTreeSet::len).sum();
    let used = used.borrow().len();
    assert!(used * 10 > all * 9, "{used} of {all} words");
}

#[test]
fn worlds_that_something_was_wrong_with() {
    each("world_text", 4, |file, bytes| targets::world_text(&text(file, bytes)));
}

#[test]
fn tables() {
    each("table", 10, |_, bytes| targets::table(&bytes));
}
