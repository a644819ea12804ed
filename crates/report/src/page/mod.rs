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
    let mut staged = tempfile::Builder::new()
        .prefix(".report-")
        .tempfile_in(folder)
        .map_err(|error| Error::io("write", out, error))?;
    staged
        .write_all(page.as_bytes())
        .and_then(|()| staged.as_file().sync_all())
        .map_err(|error| Error::io("write", out, error))?;
    readable(staged.as_file()).map_err(|error| Error::io("write", out, error))?;
    staged.persist(out).map_err(|error| Error::io("write", out, error.error))?;
    Ok(page.len() as u64)
}

/// A temporary file is its owner's alone; a report is as other files are.
#[cfg(unix)]
fn readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
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
