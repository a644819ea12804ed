//! Faults that are set aside: what the world without them would do, in a copy of the world with them.
//!
//! To be called on a copy before the fault's instant. From then on that copy goes on as a run that was started `--without` the fault: its patches do
//! nothing, its source sends nothing, and a deploy whose contrast is the same deploy replaces the processes, which keep their
//! values. Events that have become idle still pass, so digests and numbers of events differ. Patches that belong to no fault cannot
//! be set aside. A fault that has begun to act is not undone.

use super::World;
use crate::blueprint::{Action, Contrast};
use crate::id::FaultId;

impl World {
    /// The fault will not act.
    pub fn set_aside(&mut self, fault: FaultId) {
        self.put_aside(fault, true);
    }

    /// The fault will act after all.
    pub fn reinstate(&mut self, fault: FaultId) {
        self.put_aside(fault, false);
    }

    /// Whether the fault was set aside.
    #[must_use]
    pub fn is_aside(&self, fault: FaultId) -> bool {
        self.aside.get(fault.index()).is_some_and(|&aside| aside)
    }

    fn put_aside(&mut self, fault: FaultId, aside: bool) {
        // Patches may belong to a fault of which nothing is told.
        let known = self.aside.len().max(fault.index() + 1);
        self.aside.resize(known, false);
        self.aside[fault.index()] = aside;
        for (state, described) in self.sources.iter_mut().zip(&self.blueprint.sources) {
            let is_aside = |fault: FaultId| self.aside.get(fault.index()) == Some(&true);
            state.aside = described.fault.is_some_and(is_aside);
            let acting = described.dropped.iter().filter(|dropped| !is_aside(dropped.fault));
            state.dropped = acting.map(|dropped| dropped.number).collect();
        }
    }

    /// Whether a patch does nothing. A deploy of which the world without its fault has one too is no such patch.
    pub(super) fn is_idle(&self, patch: u32) -> bool {
        let patch = &self.blueprint.patches[patch as usize];
        let Some(fault) = patch.fault.filter(|&fault| self.is_aside(fault)) else { return false };
        let same = self.blueprint.faults.get(fault.index()).is_some_and(|fault| fault.contrast == Contrast::SameDeploy);
        !(same && matches!(patch.action, Action::Deploy { .. }))
    }

    /// Whether a deploy brings no values along.
    pub(super) fn is_without_values(&self, patch: u32) -> bool {
        self.blueprint.patches[patch as usize].fault.is_some_and(|fault| self.is_aside(fault))
    }
}
