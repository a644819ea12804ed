//! `sim report`: a finished run as one page. Nothing is simulated.

use crate::arguments::Report;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::terminal;
use knockon_report::Files;
use std::path::{Component, Path, PathBuf};

pub(crate) fn execute(arguments: &Report) -> Result<Exit, Failure> {
    let files = Files::open(&arguments.run)?;
    let out = arguments.out.clone().map_or_else(|| beside(&arguments.run, &files), Ok)?;
    let progress = Progress::begin();
    let bytes = knockon_report::write(&files, &out)?;
    let elapsed = progress.elapsed();
    drop(progress);
    let megabytes = bytes as f64 / 1e6;
    terminal::print(&format!("written    {} ({megabytes:.1} MB) in {:.1} s\n", out.display(), elapsed.as_secs_f64()))?;
    Ok(Exit::Success)
}

/// The file beside a run that is named after it.
fn beside(run: &Path, files: &Files) -> Result<PathBuf, Failure> {
    let name = files.name();
    if name.is_empty() {
        return Err(Failure::new(Exit::Usage, format!("`{}` has no name to call the report after", run.display()))
            .hint("name a file with `--out`"));
    }
    let parent = match run.components().next_back() {
        Some(Component::Normal(_)) => run.parent().map(Path::to_path_buf),
        // `.` and `..` say nothing of what lies above them.
        _ => run.canonicalize().ok().and_then(|whole| whole.parent().map(Path::to_path_buf)),
    };
    Ok(parent.unwrap_or_default().join(format!("{name}.html")))
}
