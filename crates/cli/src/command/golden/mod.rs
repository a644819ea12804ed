//! `sim golden`: what runs gave once, compared with what they give now, and recorded anew with a reason.
//!
//! A golden keeps no Parquet bytes, which move with every encoder, but layers of meaning: the world's digest, each table's rows and
//! digest, and a few readable lines; and fingerprints on the way there, which tell when the world first differs. Which layers move tells what changed: wording alone leaves the world as it was.

mod check;
mod file;
mod junit;
mod record;

use crate::arguments::Golden;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use file::GoldenFile;
use std::path::{Path, PathBuf};

/// Where golden files lie.
const FOLDER: &str = "golden";

pub(crate) fn execute(command: Golden) -> Result<Exit, Failure> {
    let interrupt = Interrupt::watch()?;
    match command {
        Golden::Check { files, junit } => check::execute(&or_all(files)?, junit.as_deref(), &interrupt),
        Golden::Bless { because, scenario: Some(scenario), seeds, until, .. } => {
            let golden = GoldenFile::begin(&scenario, &seeds, until)?;
            record::execute(vec![golden], &because, &interrupt)
        }
        Golden::Bless { files, because, .. } => {
            let goldens = or_all(files)?.iter().map(|path| GoldenFile::read(path)).collect::<Result<_, _>>()?;
            record::execute(goldens, &because, &interrupt)
        }
    }
}

/// The files named, or every golden file.
fn or_all(files: Vec<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
    if !files.is_empty() {
        return Ok(files);
    }
    let folder = Path::new(FOLDER);
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Failure::new(Exit::Usage, format!("cannot read the folder `{FOLDER}/`"))
            .because(&error)
            .hint("run `sim golden` from the folder that holds it, or name golden files")
    })?;
    let mut found: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    if found.is_empty() {
        return Err(Failure::new(Exit::Usage, format!("no golden files in `{FOLDER}/`"))
            .hint("begin one with `sim golden bless --scenario SCENARIO --because TEXT`"));
    }
    found.sort();
    Ok(found)
}
