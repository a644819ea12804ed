//! What a parameter is set to when a fault comes to set it: by the last of those faults that are in force on it, or else by the scenario.
//!
//! So does the world have it (`World::patch`): the last one to set a parameter has it; a fault that ends while a later one is in force on the same
//! parameter changes nothing then, and is left out of what the later one ends in. A deploy stays; one that is still being rolled out counts as done.

use knockon_kernel::Time;
use knockon_model::blueprint::{Action, Patch, Target, Value};

/// What a patch sets, if that is what it does.
pub(crate) fn values(patch: &Patch) -> &[(Target, Value)] {
    match &patch.action {
        Action::Set(values) | Action::Deploy { set: values, .. } => values,
        _ => &[],
    }
}

/// The patch that has set a parameter when the one at `index` acts, and which of its values that is; `None` where no other is in force on it. Patches
/// are in the order in which they act.
pub(crate) fn holder(patches: &[Patch], index: usize, target: Target) -> Option<(usize, usize)> {
    let at = patches[index].at;
    patches[..index].iter().enumerate().rev().filter(|(_, patch)| is_in_force(patch, at)).find_map(|(other, patch)| {
        values(patch).iter().position(|&(set, _)| set == target).map(|position| (other, position))
    })
}

/// At one instant an earlier patch ends before a later one acts.
fn is_in_force(patch: &Patch, at: Time) -> bool {
    patch.until.is_none_or(|until| until > at)
}
