//! Which windows were compared with a world without faults, and for which incident.

use super::grid::Grid;
use knockon_lab::story::Incident;

/// An incident, and the contrast that it is told by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    pub(crate) incident: usize,
    pub(crate) contrast: u32,
}

/// Windows that were compared. Incidents never overlap: faults that do are one.
#[derive(Clone, Debug)]
pub(crate) struct Compared {
    windows: Vec<Option<usize>>,
    incidents: Vec<Told>,
}

impl Compared {
    pub(crate) fn new(grid: &Grid, incidents: &[Incident]) -> Self {
        let mut compared = Self { windows: vec![None; grid.count], incidents: Vec::new() };
        for incident in incidents {
            let told = Told { incident: incident.incident, contrast: incident.contrast };
            compared.incidents.push(told);
            // What happens at the very instant of a fault is its doing.
            let first = grid.window(incident.start.offset_ns.saturating_add(1));
            for window in first..=grid.window(incident.compared_until.offset_ns) {
                compared.windows[window] = Some(told.incident);
            }
        }
        compared
    }

    pub(crate) fn incidents(&self) -> &[Told] {
        &self.incidents
    }

    /// Something of an earlier window was compared as well.
    pub(crate) fn reaches(&mut self, told: &Told, window: usize) {
        self.windows[window].get_or_insert(told.incident);
    }

    /// Whether a window was compared.
    pub(crate) fn has(&self, window: usize) -> bool {
        self.windows[window].is_some()
    }
}
