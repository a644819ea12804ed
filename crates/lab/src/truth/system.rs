//! What a run is of: all that its worlds have in common.

use super::components::Components;
use super::metrics::Metrics;
use knockon_model::blueprint::Blueprint;
use knockon_model::record::Catalogue;

/// The same in every world.
#[derive(Debug)]
pub(super) struct System {
    pub(super) blueprint: Blueprint,
    pub(super) catalogue: Catalogue,
    pub(super) metrics: Metrics,
    pub(super) components: Components,
    /// Whether chance can move anything.
    pub(super) has_phases: bool,
}
