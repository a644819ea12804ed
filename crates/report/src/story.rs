//! Stories of incidents, read from the files of a run.

use crate::error::Result;
use crate::files::Files;
use knockon_lab::story::{Incident, Opening, Story};

/// Shows a story all rows that it is made of.
///
/// # Errors
/// If the run cannot be read.
pub fn story(files: &Files, incident: &Incident) -> Result<Story> {
    let mut stories = stories(files, std::slice::from_ref(incident))?;
    Ok(stories.pop().unwrap_or_else(|| unreachable!("an incident has a story")))
}

/// The stories of several incidents, in their order; each table is read once.
///
/// # Errors
/// If the run cannot be read.
pub(crate) fn stories(files: &Files, incidents: &[Incident]) -> Result<Vec<Story>> {
    let (graphs, faults, milestones) = (files.graphs()?, files.faults()?, files.milestones()?);
    let open = |incident: &Incident| {
        Opening::new(incident.clone(), graphs.get(incident.incident), &faults, &milestones, files.calendar())
    };
    let mut openings: Vec<Opening> = incidents.iter().map(open).collect();
    files.each_window(|row| openings.iter_mut().for_each(|opening| opening.window(row)))?;
    files.each_effect(|row| openings.iter_mut().for_each(|opening| opening.effect(row)))?;
    files.each_request(|ended_ns, failed| openings.iter_mut().for_each(|opening| opening.request(ended_ns, failed)))?;
    files.each_blame(|row| openings.iter_mut().for_each(|opening| opening.blame(row)))?;
    Ok(openings.into_iter().map(Opening::finish).collect())
}
