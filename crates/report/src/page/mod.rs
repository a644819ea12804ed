//! The page: one HTML file that needs nothing else, no network least of all.
//!
//! What it shows is in it as JSON; its own script draws that. A policy in its head lets nothing run but these scripts, by their hashes, and
//! nothing be loaded; whatever a scenario names things, it is text to the page.

mod compared;
mod endpoints;
mod flows;
mod gauges;
mod grid;
mod html;
mod incidents;
mod report;
mod saturation;
mod system;

use crate::error::{Error, Result};
use crate::files::Files;
use report::Report;
use std::io::{Read, Write};
use std::path::Path;

/// What every report begins with: by this a file is known to be one.
const MARKER: &str = "<!doctype html><!-- knockon report -->";

/// Writes the page of a run into a file, and tells how many bytes it has. The file appears when it is whole. An earlier report in its place is
/// replaced; anything else that is there is left alone.
///
/// # Errors
/// If the run cannot be read, something else is in the way, or the file system refuses.
pub fn write(files: &Files, out: &Path) -> Result<u64> {
    if !may_replace(out).map_err(|error| Error::io("look at", out, error))? {
        return Err(Error::Occupied { path: out.into() });
    }
    let page = html::page(&Report::read(files)?);
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))?;
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let staged = folder.join(format!(".{name}.partial-{}", std::process::id()));
    let written = stage(&staged, page.as_bytes(), out).and_then(|()| std::fs::rename(&staged, out));
    written.map_err(|error| {
        // What is left of it is of no use; that it cannot be removed either says no more than what went wrong.
        let _ = std::fs::remove_file(&staged);
        Error::io("write", out, error)
    })?;
    Ok(page.len() as u64)
}

/// Writes a file beside its place, with the permissions of what it replaces.
fn stage(staged: &Path, page: &[u8], out: &Path) -> std::io::Result<()> {
    let mut file = std::fs::File::create(staged)?;
    if let Ok(earlier) = std::fs::metadata(out) {
        file.set_permissions(earlier.permissions())?;
    }
    file.write_all(page)?;
    file.sync_all()
}

/// Whether nothing is there, or an earlier report.
fn may_replace(out: &Path) -> std::io::Result<bool> {
    let mut file = match std::fs::File::open(out) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    if file.metadata()?.is_dir() {
        return Ok(false);
    }
    let mut begin = vec![0; MARKER.len()];
    Ok(file.read_exact(&mut begin).is_ok() && begin == MARKER.as_bytes())
}
