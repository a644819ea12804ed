//! With which state of which component a fault begins.

use super::state::State;
use crate::truth::causes;
use knockon_model::blueprint::{Action, Blueprint};
use knockon_model::id::{FaultId, ServiceId};

/// What a fault acts on, and the state that it sets itself; `None` where that depends on the parameter, and any state may be what it begins with.
pub(super) fn of(blueprint: &Blueprint, fault: FaultId) -> Vec<(String, Option<State>)> {
    let brought = blueprint.sources.iter().filter(|source| source.fault == Some(fault));
    let brought = brought.map(|source| (source.name.clone(), Some(State::Load)));
    let patches = blueprint.patches.iter().filter(|patch| patch.fault == Some(fault));
    let done = patches.filter_map(|patch| begun(&patch.action));
    let done = done.map(|(service, state)| (blueprint[service].name.clone(), Some(state)));
    let known: Vec<_> = brought.chain(done).collect();
    if known.is_empty() {
        return causes::components(blueprint, fault).into_iter().map(|name| (name, None)).collect();
    }
    known
}

/// The state that an action is.
fn begun(action: &Action) -> Option<(ServiceId, State)> {
    match *action {
        Action::Pause { service } | Action::PauseIntake { service } => Some((service, State::Pauses)),
        Action::Kill { service } | Action::Restart { service } => Some((service, State::Death)),
        Action::Flush { service } => Some((service, State::Misses)),
        Action::Hold { service, .. } | Action::HoldTable { service, .. } => Some((service, State::Locks)),
        Action::Set(_)
        | Action::Deploy { .. }
        | Action::Terminate { .. }
        | Action::Renew { .. }
        | Action::Reload { .. } => None,
    }
}
