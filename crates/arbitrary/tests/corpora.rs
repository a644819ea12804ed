//! Every file that a fuzzer kept, seeds and regressions alike, through the function that it fuzzes.

use knockon_arbitrary::targets;
use std::path::{Path, PathBuf};

fn each(target: &str, run: impl Fn(&Path, Vec<u8>)) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() >= 10, "{} files in {}", files.len(), folder.display());
    for file in files {
        run(&file, std::fs::read(&file).expect("a file of the corpus can be read"));
    }
}

#[test]
fn scenario_texts() {
    each("scenario_text", |file, bytes| {
        let text = String::from_utf8(bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        targets::scenario_text(&text);
    });
}

#[test]
#[ignore = "open: no worlds have been kept yet"]
fn worlds() {
    each("world", |_, bytes| targets::world(&bytes));
}

#[test]
fn tables() {
    each("table", |_, bytes| targets::table(&bytes));
}
