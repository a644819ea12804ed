//! Which windows were compared with a world without faults.

use super::grid::Grid;
use knockon_lab::story::Incident;
use std::collections::BTreeSet;

/// Windows that were compared, in the contrasts by which incidents are told. Incidents never overlap: faults that do are one.
#[derive(Clone, Debug)]
pub(crate) struct Compared {
    windows: Vec<bool>,
    contrasts: BTreeSet<u32>,
}

impl Compared {
    pub(crate) fn new(grid: &Grid, incidents: &[Incident]) -> Self {
        let contrasts = incidents.iter().map(|incident| incident.contrast).collect();
        let mut compared = Self { windows: vec![false; grid.count], contrasts };
        for incident in incidents {
            // What happens at the very instant of a fault is its doing.
            let first = grid.window(incident.start.offset_ns.saturating_add(1));
            compared.windows[first..=grid.window(incident.compared_until.offset_ns)].fill(true);
        }
        compared
    }

    /// Whether an incident is told by a contrast.
    pub(crate) fn is_told_by(&self, contrast: u32) -> bool {
        self.contrasts.contains(&contrast)
    }

    /// Something of an earlier window was compared as well.
    pub(crate) fn reaches(&mut self, window: usize) {
        self.windows[window] = true;
    }

    /// Whether a window was compared.
    pub(crate) fn has(&self, window: usize) -> bool {
        self.windows[window]
    }
}
