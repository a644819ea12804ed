//! What was waited for in the fact while the component whose it is fared otherwise than without the faults, and what those did who held it.

use super::components::Components;
use knockon_model::blueprint::{Blueprint, LinkEnd};
use knockon_model::record::{Activity, BlameRecord, ResourceKind};
use std::collections::BTreeMap;

/// Sums over the windows of an episode.
#[derive(Clone, Debug, Default)]
pub(super) struct Waits(BTreeMap<(usize, ResourceKind, Activity), Wait>);

/// How much.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wait {
    /// Nanoseconds, summed over those who waited.
    pub(super) ns: u64,
    /// Requests refused.
    pub(super) refusals: u64,
}

impl Waits {
    /// Takes in a window, as far as it is about components that are `affected`.
    pub(super) fn take(
        &mut self,
        blueprint: &Blueprint,
        components: &Components,
        records: &[BlameRecord],
        affected: impl Fn(usize) -> bool,
    ) {
        for record in records {
            let owner = match record.resource.owner {
                LinkEnd::Service(service) => &blueprint[service].name,
                LinkEnd::Source(source) => &blueprint[source].name,
            };
            if let Some(component) = components.find(owner).filter(|&component| affected(component)) {
                let wait = self.0.entry((component, record.resource.kind, record.holding.activity)).or_default();
                wait.ns += record.ns;
                wait.refusals += record.refusals;
            }
        }
    }

    /// What was waited for at a component, and what its holders did.
    pub(super) fn of(&self, component: usize) -> impl Iterator<Item = (ResourceKind, Activity, Wait)> {
        let own = self.0.iter().filter(move |((one, ..), _)| *one == component);
        own.map(|(&(_, kind, activity), &wait)| (kind, activity, wait))
    }
}
