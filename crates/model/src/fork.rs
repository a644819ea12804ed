//! Forks: which frames wait for branches of their own, and whose branch a frame is; and which branches are tasks of an executor.
//!
//! Pure bookkeeping beside the slab of frames, since few frames fork: a frame that does is *joining* until its rule is satisfied; a branch
//! is *open* until it ends, also when nobody waits for it any more. A task is a branch that nobody may ever have waited for, or that may be
//! gone while somebody still waits: whoever waits for a task that an executor has thrown away waits *in vain*. Not here: what branches do, which is what frames do.

use crate::blueprint::Join;
use crate::frame::Outcome;
use crate::id::{FrameRef, ServiceId};
use knockon_kernel::{Key, Time};
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
    /// Whether it waits for a task.
    for_task: bool,
    /// Whether it goes on whatever becomes of that.
    takes_any: bool,
}

/// A task of an executor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    /// Which of its process'.
    pub(crate) executor: u8,
    /// When it was handed over, and since when it has a thread.
    pub(crate) handed: Time,
    pub(crate) runs: Option<Time>,
    /// Whether it is cancelled when nobody waits for it any more.
    pub(crate) cancels: bool,
}

/// A branch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Branch {
    parent: FrameRef,
    /// Address of the span that its time belongs to.
    span: Key,
    /// Who its failure is blamed on.
    peer: Option<ServiceId>,
    task: Option<Task>,
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
            self.branches.insert(branch.slot, Branch { parent, span, peer: None, task: None });
        }
        self.join(parent, Joining { rule, open: branches, failure: None, for_task: false, takes_any: false });
    }

    fn join(&mut self, parent: FrameRef, joining: Joining) {
        let before = self.joining.insert(parent.slot, joining);
        assert!(before.is_none(), "a frame waits for one fork at a time");
    }

    /// A frame's branch is a task of an executor, or one that it does itself because that has no place for it.
    pub(crate) fn hand_over(&mut self, parent: FrameRef, span: Key, branch: FrameRef, task: Option<Task>) {
        self.branches.insert(branch.slot, Branch { parent, span, peer: None, task });
    }

    /// A frame waits for its task; with `takes_any` also for one that fails.
    pub(crate) fn wait_for(&mut self, parent: FrameRef, branch: FrameRef, takes_any: bool) {
        let open = vec![branch];
        self.join(parent, Joining { rule: Join::All, open, failure: None, for_task: true, takes_any });
    }

    /// The executor of a frame's task has thrown that away before it could wait for it.
    pub(crate) fn wait_in_vain(&mut self, parent: FrameRef) {
        let open = Vec::new();
        self.join(parent, Joining { rule: Join::All, open, failure: None, for_task: true, takes_any: false });
    }

    /// Whether a frame waits for a task that will never end.
    pub(crate) fn waits_in_vain(&self, parent: FrameRef) -> bool {
        self.joining.get(&parent.slot).is_some_and(|joining| joining.open.is_empty())
    }

    /// Whether a frame waits for a task, in vain or not.
    pub(crate) fn waits_for_task(&self, parent: FrameRef) -> bool {
        self.joining.get(&parent.slot).is_some_and(|joining| joining.for_task)
    }

    /// What a frame has of an executor, where it is a task.
    #[inline]
    pub(crate) fn task(&self, branch: FrameRef) -> Option<&Task> {
        self.branches.get(&branch.slot)?.task.as_ref()
    }

    /// A thread takes a task up.
    pub(crate) fn start(&mut self, branch: FrameRef, now: Time) -> Option<&Task> {
        let task = self.branches.get_mut(&branch.slot)?.task.as_mut()?;
        task.runs = Some(now);
        Some(task)
    }

    /// An executor throws a task away that waits: whoever waits for it does so in vain from now on.
    pub(crate) fn discard(&mut self, branch: FrameRef) {
        let Some(Branch { parent, .. }) = self.branches.remove(&branch.slot) else { return };
        if let Some(joining) = self.joining.get_mut(&parent.slot) {
            joining.open.retain(|open| *open != branch);
        }
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
        let fails = !joined.takes_any && (joined.rule == Join::All || !success);
        let failure = joined.failure.filter(|_| fails);
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
