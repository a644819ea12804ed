//! The story of an incident, read from the files of a run.

use crate::error::Result;
use crate::files::Files;
use knockon_lab::story::{Incident, Opening, Story};

/// Shows a story all rows that it is made of.
///
/// # Errors
/// If the run cannot be read.
pub fn story(files: &Files, incident: &Incident) -> Result<Story> {
    let graphs = files.graphs()?;
    let graph = graphs.get(incident.incident);
    let faults = files.faults()?;
    let mut opening = Opening::new(incident.clone(), graph, &faults, &files.milestones()?, files.calendar());
    files.each_window(incident.contrast, |row| opening.window(row))?;
    files.each_effect(incident.contrast, |row| opening.effect(row))?;
    files.each_request(|ended_ns, failed| opening.request(ended_ns, failed))?;
    files.each_blame(|row| opening.blame(row))?;
    Ok(opening.finish())
}
