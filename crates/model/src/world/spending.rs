//! Where requests spend their time, over all services that they pass through: the ledgers of the frames on a request's critical path, added up.
//!
//! A frame's own ledger says how long it waited for others, [`Part::Child`]. Beside it stands what those others spent meanwhile, to the nanosecond:
//!
//! * an answer that was taken: the ledger of the frame that gave it, and what that one's own children spent; the rest was on the wire,
//! * an attempt that was given up: the same so far, down along whatever it waits for; what never arrived was on the wire,
//! * branches: those of the branch that the parent waited for to the end; where it gave up, of the first that was open,
//! * a load: what the load spent since the wait for it began,
//! * a frame that died with its process: what was known when it died.
//!
//! Each wait is booked on the attempt that the caller's ledger shows for it, also where an earlier attempt's late answer ends it. Where an
//! instant has passed before it is looked at (a late answer in the inbox of a process that stood still), what lies behind it is taken
//! off the greatest parts. What was waited for while nobody wanted requests stays in [`Part::Child`], which else is nothing.
//!
//! Kept only for sinks with [`Sink::PARTS`]; nothing that happens depends on it.

use super::World;
use crate::frame::{Frame, State};
use crate::id::FrameRef;
use crate::record::Part;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// Nanoseconds by [`Part`].
pub(super) type Parts = [u64; Part::COUNT];

const NOTHING: Parts = [0; Part::COUNT];
/// Frames that wait for each other in a row before the rest is left out. Loads can wait for each other in circles.
const DEEPEST: usize = 4_096;

/// What stands beside a frame's ledger, by its slot.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Spent {
    /// The frame that it is about, among those that the slot has held.
    generation: u32,
    /// The frame is gone with its process: `below` is all that it spent, its own ledger too.
    whole: bool,
    /// What others spent while it waited for them.
    below: Parts,
    /// What the load that it waits for had spent before.
    mark: Parts,
    /// A timer that ended its wait lies in the inbox: when it expired, and what the wait was spent on.
    told: Option<Box<(Time, Parts)>>,
}

impl World {
    /// A frame's wait for others ends at `at`.
    pub(super) fn spend(&mut self, frame: FrameRef, at: Time) {
        let told = self.spent_mut(frame).told.take().filter(|told| told.0 == at);
        let parts = told.map_or_else(|| self.waited(frame, at), |told| told.1);
        add(&mut self.spent_mut(frame).below, &parts);
    }

    /// A frame's wait for branches ends with this one.
    pub(super) fn spend_on_branch(&mut self, parent: FrameRef, branch: FrameRef) {
        let now = self.now();
        let parts = self.waited_for(parent, branch, now);
        add(&mut self.spent_mut(parent).below, &parts);
    }

    /// A frame begins to wait for a load, which may be under way already.
    pub(super) fn spend_from_here(&mut self, frame: FrameRef, load: FrameRef) {
        let before = self.spent_until(load, self.now());
        self.spent_mut(frame).mark = before;
    }

    /// The timer of a frame has expired at this instant, and will be heard of later.
    pub(super) fn spend_until_here(&mut self, frame: FrameRef) {
        if self.frames[frame].part == Part::Child {
            let now = self.now();
            let parts = self.waited(frame, now);
            self.spent_mut(frame).told = Some(Box::new((now, parts)));
        }
    }

    /// Frames are about to be lost with their process.
    pub(super) fn spend_to_the_end(&mut self, lost: &[FrameRef]) {
        let now = self.now();
        for &frame in lost {
            let all = self.spent_until(frame, now);
            let spent = self.spent_mut(frame);
            (spent.below, spent.whole) = (all, true);
        }
    }

    /// Where the time of a source's request went that ends now. Sums to how long it took.
    pub(super) fn spent_by_request(&self, root: FrameRef) -> Parts {
        let below = self.spent(root).map_or(NOTHING, |spent| spent.below);
        let mut parts = self.frames[root].parts;
        let followed: u64 = below.iter().sum();
        debug_assert!(followed <= parts[Part::Child as usize], "no more was spent for a frame than it waited");
        parts[Part::Child as usize] -= followed;
        add(&mut parts, &below);
        parts
    }

    /// What a frame's present wait for others was spent on until `at`.
    fn waited(&self, frame: FrameRef, at: Time) -> Parts {
        let f = &self.frames[frame];
        match f.state {
            State::Joining => {
                let open = self.forks.open(frame).first().copied();
                self.waited_for(frame, open.unwrap_or(FrameRef::NONE), at)
            }
            _ => self.waited_for(frame, f.child, at),
        }
    }

    fn waited_for(&self, frame: FrameRef, child: FrameRef, at: Time) -> Parts {
        let f = &self.frames[frame];
        let mut parts = self.spent_until(child, at);
        if f.state == State::WaitingLoad
            && let Some(spent) = self.spent(frame)
        {
            subtract(&mut parts, &spent.mark);
        }
        fit(&mut parts, at.saturating_sub(f.since).as_nanos());
        parts
    }

    /// What a frame has spent from its arrival until `at` or its answer, whichever came first, down along all that it waits for.
    fn spent_until(&self, frame: FrameRef, at: Time) -> Parts {
        let (mut parts, mut before) = (NOTHING, NOTHING);
        let Some(first) = self.frames.get(frame).filter(|f| !f.on_its_way()) else { return parts };
        let total_ns = end(first, at).saturating_sub(first.arrived).as_nanos();
        let (mut next, mut at) = (frame, at);
        for _ in 0..DEEPEST {
            let Some(f) = self.frames.get(next).filter(|f| !f.on_its_way()) else { break };
            at = end(f, at);
            if let Some(spent) = self.spent(next) {
                add(&mut parts, &spent.below);
                if spent.whole {
                    break;
                }
            }
            add(&mut parts, &f.parts);
            parts[Part::Child as usize] -= f.parts[Part::Child as usize];
            let running_ns = at.saturating_sub(f.since.max(f.arrived)).as_nanos();
            if f.state == State::Computing {
                add(&mut parts, &self.computing(next, f, running_ns));
                break;
            }
            if f.part != Part::Child {
                parts[f.part as usize] += running_ns;
                break;
            }
            next = match f.state {
                State::WaitingReply => f.child,
                State::WaitingLoad => {
                    if let Some(spent) = self.spent(next) {
                        add(&mut before, &spent.mark);
                    }
                    f.child
                }
                State::Joining => self.forks.open(next).first().copied().unwrap_or(FrameRef::NONE),
                _ => break,
            };
        }
        subtract(&mut parts, &before);
        fit(&mut parts, total_ns);
        parts
    }

    /// What of a demand under way has been computed, and what it waited for.
    fn computing(&self, frame: FrameRef, f: &Frame, running_ns: u64) -> Parts {
        let now = self.now();
        let process = &self.processes[f.process as usize];
        let elapsed_ns = (now - f.since).as_nanos();
        let stood_ns = process.stopped_ns(now) - f.paused_mark_ns;
        let throttled_ns = if process.has_quota { process.throttled_ns(now) - f.throttled_mark_ns } else { 0 };
        let ran_ns = elapsed_ns.saturating_sub(stood_ns);
        let done_ns = match process.unlimited_cores {
            true => f.demand_ns,
            false => f.demand_ns - process.cpu.left(now, frame).map_or(0, Duration::as_nanos),
        };
        let done_ns = done_ns.min(ran_ns);
        let mut parts = NOTHING;
        parts[Part::Computing as usize] = done_ns;
        parts[Part::CpuWait as usize] = ran_ns - done_ns;
        parts[Part::Throttled as usize] = throttled_ns;
        parts[Part::Paused as usize] = stood_ns.saturating_sub(throttled_ns);
        fit(&mut parts, running_ns);
        parts
    }

    fn spent(&self, frame: FrameRef) -> Option<&Spent> {
        self.spent.get(frame.slot as usize).filter(|spent| spent.generation == frame.generation)
    }

    fn spent_mut(&mut self, frame: FrameRef) -> &mut Spent {
        let slot = frame.slot as usize;
        if self.spent.len() <= slot {
            self.spent.resize_with(slot + 1, Spent::default);
        }
        let spent = &mut self.spent[slot];
        if spent.generation != frame.generation {
            *spent = Spent { generation: frame.generation, ..Spent::default() };
        }
        spent
    }
}

/// Until when what a frame spends counts.
fn end(frame: &Frame, at: Time) -> Time {
    if frame.answered_yet() { at.min(frame.answered) } else { at }
}

fn add(parts: &mut Parts, more: &Parts) {
    parts.iter_mut().zip(more).for_each(|(part, more)| *part += more);
}

fn subtract(parts: &mut Parts, less: &Parts) {
    parts.iter_mut().zip(less).for_each(|(part, less)| *part = part.saturating_sub(*less));
}

/// Makes parts sum to so much: what is missing was on the wire, what is too much is taken off the greatest.
fn fit(parts: &mut Parts, total_ns: u64) {
    let sum: u64 = parts.iter().sum();
    parts[Part::Network as usize] += total_ns.saturating_sub(sum);
    let mut excess = sum.saturating_sub(total_ns);
    while excess > 0 {
        let Some(greatest) = parts.iter_mut().max() else { return };
        let off = excess.min(*greatest);
        *greatest -= off;
        excess -= off;
    }
    debug_assert_eq!(parts.iter().sum::<u64>(), total_ns, "every nanosecond of a wait is in exactly one part");
}
