//! Faults that do nothing, as can be told before anything runs: those that the run ends before, and those that set what is so already.

use crate::held;
use knockon_kernel::Time;
use knockon_model::blueprint::{Action, Blueprint, Fault};
use knockon_model::id::FaultId;

/// What is to be said of faults that do nothing, a line for each.
#[must_use]
pub fn idle(blueprint: &Blueprint) -> Vec<String> {
    let end = Time::ZERO + blueprint.duration;
    let told = blueprint.faults.iter().enumerate().filter_map(|(n, fault)| {
        if fault.at >= end {
            // A request that does not come has no instant.
            let when = if fault.at == Time::MAX { String::new() } else { format!(" at {}", fault.at) };
            return Some(format!("{}{when} never happens: the run ends after {end}", fault.name));
        }
        let (path, _, to) = changes_nothing(blueprint, FaultId(n as u32), fault)?;
        Some(format!("{} changes nothing: {path} is {} already", fault.name, to.trim_matches('"')))
    });
    told.collect()
}

/// The first setting of a fault that sets nothing but what the scenario has. Where another fault is in force on a parameter, to set it to the
/// same value makes that last.
fn changes_nothing<'a>(blueprint: &Blueprint, id: FaultId, fault: &'a Fault) -> Option<&'a (String, String, String)> {
    let index = blueprint.patches.iter().position(|patch| patch.fault == Some(id))?;
    let patch = &blueprint.patches[index];
    let is_set = matches!(patch.action, Action::Set(_));
    let mut held = held::values(patch).iter().map(|&(target, _)| held::holder(&blueprint.patches, index, target));
    let idle = is_set && held.all(|holder| holder.is_none()) && fault.settings.iter().all(|(_, from, to)| from == to);
    fault.settings.first().filter(|_| idle)
}
