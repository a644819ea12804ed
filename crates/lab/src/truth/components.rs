//! Components by number: whose a metric is, and whose a process.

use super::metric::Metric;
use knockon_model::id::ProcessId;
use knockon_model::record::{Catalogue, ProcessInfo};
use std::collections::BTreeMap;

/// Components by number.
#[derive(Clone, Debug)]
pub struct Components {
    /// Their names.
    pub names: Vec<String>,
    /// By metric: its component.
    of: Vec<usize>,
    /// By process: its service's.
    of_processes: Vec<Option<usize>>,
    known: BTreeMap<String, usize>,
}

impl Components {
    pub(super) fn of(metrics: &[Metric], catalogue: &Catalogue) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        let mut of = Vec::new();
        for metric in metrics {
            of.push(*known.entry(metric.component.clone()).or_insert_with(|| {
                names.push(metric.component.clone());
                names.len() - 1
            }));
        }
        let of_process = |process: &ProcessInfo| known.get(&process.name).copied();
        let of_processes = catalogue.processes.iter().map(of_process).collect();
        Self { names, of, of_processes, known }
    }

    /// The component of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.known.get(name).copied()
    }

    /// The component that a process belongs to.
    #[must_use]
    pub fn of_process(&self, process: ProcessId) -> Option<usize> {
        self.of_processes[process.index()]
    }

    /// How many metrics they have.
    pub(super) fn of_metrics(&self) -> usize {
        self.of.len()
    }

    /// The component of a metric.
    #[must_use]
    pub fn of_metric(&self, metric: usize) -> usize {
        self.of[metric]
    }
}
