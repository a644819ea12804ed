//! All that a page shows, read from a run.

use super::compared::Compared;
use super::endpoints::{self, Endpoint};
use super::grid::Grid;
use super::incidents::{self, Shown};
use super::saturation::{self, Chart};
use super::system::System;
use crate::error::Result;
use crate::files::Files;
use knockon_lab::story::Fault;
use serde::Serialize;

/// The data of a page, in the order in which it is shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    run: Run,
    grid: Grid,
    system: Option<System>,
    /// Null where the run was not compared with a world without its faults.
    incidents: Option<Vec<Shown>>,
    faults: Vec<Fault>,
    changes: Vec<Change>,
    endpoints: Vec<Endpoint>,
    saturation: Vec<Chart>,
}

#[derive(Clone, Debug, Serialize)]
struct Run {
    name: String,
    title: Option<String>,
    in_words: Option<String>,
    /// As text: numbers of scripts have no more than 53 bits.
    seed: String,
    start_unix_ns: i64,
    simulated_ns: u64,
    digest: String,
    version: String,
    limits: Vec<String>,
}

/// A change that platform or deployment announced.
#[derive(Clone, Debug, Serialize)]
struct Change {
    offset_ns: u64,
    kind: String,
    component: String,
    message: String,
}

/// Changes that are shown: the first of them.
const CHANGES: usize = 500;

impl Report {
    pub(crate) fn read(files: &Files) -> Result<Self> {
        let manifest = files.manifest();
        let known = files.scenario().map(|loaded| loaded.blueprint.scrape_interval);
        let scrape = known.map_or_else(|| saturation::scrape_interval(files), |known| Ok(Some(known)))?;
        let grid = Grid::new(manifest.simulated_ns, scrape);
        let found = files.incidents()?;
        let told = found.as_deref().unwrap_or_default();
        let mut compared = Compared::new(&grid, told);
        let endpoints = endpoints::read(files, &grid, &mut compared)?;
        let saturation = saturation::read(files, &grid, &compared)?;
        let incidents = found.as_deref().map(|found| incidents::read(files, found)).transpose()?;
        Ok(Self {
            run: Run {
                name: files.name(),
                title: files.title().map(str::to_owned),
                in_words: files.system(),
                seed: manifest.seed.to_string(),
                start_unix_ns: manifest.start_unix_ns,
                simulated_ns: manifest.simulated_ns,
                digest: manifest.run_digest.clone(),
                version: manifest.version.clone(),
                limits: manifest.limits_hit.keys().cloned().collect(),
            },
            grid,
            system: files.scenario().map(|loaded| System::of(&loaded.blueprint)),
            incidents,
            faults: files.faults()?,
            changes: changes(files)?,
            endpoints,
            saturation,
        })
    }

    /// The page's title.
    pub(crate) fn heading(&self) -> &str {
        self.run.title.as_deref().unwrap_or(&self.run.name)
    }
}

fn changes(files: &Files) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    files.each("observed/changes", &["time", "kind", "component", "message"], |batch, row| {
        if changes.len() < CHANGES {
            changes.push(Change {
                offset_ns: files.offset_ns(batch.integer(0, row).unwrap_or(0)),
                kind: batch.text(1, row).unwrap_or_default().to_owned(),
                component: batch.text(2, row).unwrap_or_default().to_owned(),
                message: batch.text(3, row).unwrap_or_default().to_owned(),
            });
        }
    })?;
    Ok(changes)
}
