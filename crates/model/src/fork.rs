//! Forks: which frames wait for branches of their own, and whose branch a frame is.
//!
//! Pure bookkeeping beside the slab of frames, since few frames fork: a frame that does is *joining* until its rule is satisfied; a branch
//! is *open* until it ends, also when nobody waits for it any more. Not here: what branches do, which is what frames do.

use crate::blueprint::Join;
use crate::frame::Outcome;
use crate::id::{FrameRef, ServiceId};
use knockon_kernel::Key;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a branch or a fork ended, and whose fault it was.
pub(crate) type End = (Outcome, Option<ServiceId>);

/// A frame that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Joining {
    rule: Join,
    /// Branches that have not ended, in the order of the program.
    open: Vec<FrameRef>,
    /// The failure that will be the fork's, if it fails.
    failure: Option<End>,
}

/// A branch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Branch {
    parent: FrameRef,
    /// Address of the span that its time belongs to.
    span: Key,
    /// Who its failure is blamed on.
    peer: Option<ServiceId>,
}

/// What the end of a branch means.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Ended {
    /// Its parent waits on, or has not waited any more.
    Silently,
    /// Its parent goes on, and leaves the branches that are still open.
    Joined { parent: FrameRef, failure: Option<End>, left: Vec<FrameRef> },
}

/// All forks, by slot of the frame: a slot is that of one frame until it ends.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Forks {
    joining: BTreeMap<u32, Joining>,
    branches: BTreeMap<u32, Branch>,
}

impl Forks {
    /// A frame waits for branches, of which there is at least one.
    pub(crate) fn fork(&mut self, parent: FrameRef, span: Key, rule: Join, branches: Vec<FrameRef>) {
        assert!(!branches.is_empty(), "a fork has branches");
        for branch in &branches {
            self.branches.insert(branch.slot, Branch { parent, span, peer: None });
        }
        let before = self.joining.insert(parent.slot, Joining { rule, open: branches, failure: None });
        assert!(before.is_none(), "a frame waits for one fork at a time");
    }

    /// The address of the span that a branch's time belongs to.
    pub(crate) fn span(&self, branch: FrameRef) -> Key {
        self.branches[&branch.slot].span
    }

    /// Notes whom a branch's failure is blamed on.
    pub(crate) fn blame(&mut self, branch: FrameRef, peer: Option<ServiceId>) {
        if let Some(found) = self.branches.get_mut(&branch.slot) {
            found.peer = peer;
        }
    }

    /// A branch has ended.
    pub(crate) fn ended(&mut self, branch: FrameRef, outcome: Outcome) -> Ended {
        let Some(Branch { parent, peer, .. }) = self.branches.remove(&branch.slot) else { return Ended::Silently };
        let Some(joining) = self.joining.get_mut(&parent.slot) else { return Ended::Silently };
        let Some(place) = joining.open.iter().position(|open| *open == branch) else { return Ended::Silently };
        joining.open.remove(place);
        let success = outcome.is_success() && outcome.status < 400;
        match joining.rule {
            Join::All if !success && joining.failure.is_none() => joining.failure = Some((outcome, peer)),
            Join::First if !success => joining.failure = Some((outcome, peer)),
            _ => {}
        }
        let satisfied = joining.open.is_empty() || (joining.rule == Join::First && success);
        if !satisfied {
            return Ended::Silently;
        }
        let joined = self.joining.remove(&parent.slot).expect("it was just there");
        let failure = joined.failure.filter(|_| joined.rule == Join::All || !success);
        Ended::Joined { parent, failure, left: joined.open }
    }

    /// A frame waits no longer, or is gone: the branches that it leaves.
    pub(crate) fn leave(&mut self, parent: FrameRef) -> Vec<FrameRef> {
        self.joining.remove(&parent.slot).map_or(Vec::new(), |joining| joining.open)
    }

    /// The branches that a frame still waits for.
    pub(crate) fn open(&self, parent: FrameRef) -> &[FrameRef] {
        self.joining.get(&parent.slot).map_or(&[], |joining| &joining.open)
    }

    /// A branch is gone with its process.
    pub(crate) fn lose(&mut self, branch: FrameRef) {
        self.branches.remove(&branch.slot);
    }

    /// Whether nobody waits and nothing is open.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.joining.is_empty() && self.branches.is_empty()
    }
}

#[cfg(test)]
mod tests;
