//! A frame is one execution of a program: an interpreter's state, not a coroutine.
//!
//! It is made by its caller when a call is sent, travels to its process, queues, runs, answers, and is freed when the
//! answer has been taken or dropped. Links go upward only (`caller`): work whose caller has left lives on. The one
//! downward handle, `child`, is generational and serves matching and cancelling, never ownership.

use crate::id::{ConnectionId, DataId, FrameRef};
use crate::record::{ErrorType, Part};
use crate::store::Lookup;
use knockon_kernel::{Key, Ticket, Time};
use serde::{Deserialize, Serialize};

/// Where a frame is. A `goto` that the machine does not know is a broken invariant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum State {
    /// On the wire to its process.
    InTransit,
    /// On the wire over a connection that is gone: refused where it arrives, with the outcome that it has.
    Doomed,
    /// In the accept queue.
    Queued,
    /// Being interpreted, or about to be within this instant.
    Running,
    /// Stopped at an allocation until the process runs again.
    Stalled,
    /// Needs the processor.
    Computing,
    /// Waits for a connection.
    WaitingPool,
    /// Waits for a row's lock, without a worker.
    WaitingLock,
    /// Waits for the answer of `child`.
    WaitingReply,
    /// Waits for a permit of a bulkhead.
    WaitingPermit,
    /// Waits for a value that is loaded apart: `child`.
    WaitingLoad,
    /// Waits before the next attempt.
    BackingOff,
    /// Sleeps.
    Sleeping,
    /// Held back by a rate limiter.
    Delayed,
    /// Waits until the disk begins with its I/O.
    WaitingDisk,
    /// Waits for its I/O, with which the disk has begun.
    Reading,
    /// Thrown away at the door without a word: its caller waits for its timer, or for its SYN to be sent again.
    Dropped,
    /// Waits for its branches.
    Joining,
    /// Answered; the answer is on the wire to the caller.
    Answered,
    /// A publication that its broker does not read while its memory alarm is set.
    Blocked,
    /// Keeps the event loop of its process without computing.
    Blocking,
    /// A task in the queue of its executor.
    WaitingThread,
}

/// How a frame ended, or a call: an HTTP-like status, 0 where no answer came, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    pub(crate) error: Option<ErrorType>,
    /// `Retry-After` of the answer, in seconds; 0 where it has none.
    pub(crate) retry_after_s: u8,
}

impl Outcome {
    pub(crate) const OK: Self = Self { status: 200, error: None, retry_after_s: 0 };

    /// No answer came, for this reason.
    pub(crate) const fn lost(error: ErrorType) -> Self {
        Self { status: 0, error: Some(error), retry_after_s: 0 }
    }

    /// Whether the caller got what it asked for.
    pub(crate) fn is_success(self) -> bool {
        self.error.is_none() && self.status < 500
    }
}

/// A connection held from one of the process' pools.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) pool: u8,
    /// Whether a failure must roll back before the connection is given back.
    pub(crate) transaction: bool,
    /// Whether the connection is known to be dead.
    pub(crate) broken: bool,
    pub(crate) connection: ConnectionId,
    /// When it was taken.
    pub(crate) since: Time,
}

/// What the caller's side of a frame is about, in one byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct CallerSide(u8);

impl CallerSide {
    pub(crate) const NOTHING: Self = Self(0);
    const TRACED: u8 = 1;
    const GUARDED: u8 = 2;
    const HIDDEN: u8 = 4;

    #[inline]
    pub(crate) fn new(traced: bool, guarded: bool) -> Self {
        Self(u8::from(traced) * Self::TRACED + u8::from(guarded) * Self::GUARDED)
    }

    /// Its caller reports spans, so its own has a parent.
    #[inline]
    pub(crate) fn is_traced(self) -> bool {
        self.0 & Self::TRACED != 0
    }

    /// Its caller's account of the link counts it as under way.
    #[inline]
    pub(crate) fn is_guarded(self) -> bool {
        self.0 & Self::GUARDED != 0
    }

    /// The same of a frame that works for a request which nobody traces.
    #[inline]
    pub(crate) fn hidden(self) -> Self {
        Self(self.0 | Self::HIDDEN)
    }

    /// It works for a request that nobody traces: a question of the platform.
    #[inline]
    pub(crate) fn is_hidden(self) -> bool {
        self.0 & Self::HIDDEN != 0
    }

    /// The same, where the frame for which it works is hidden.
    #[inline]
    pub(crate) fn below(self, caller: Self) -> Self {
        Self(self.0 | (caller.0 & Self::HIDDEN))
    }

    /// The account counts it no more.
    pub(crate) fn settle(&mut self) {
        self.0 &= !Self::GUARDED;
    }
}

/// In place of a link: not sent but forked.
pub(crate) const FORKED: u32 = u32::MAX - 1;
/// Edge of a frame that nobody called: it loads a value for the cache of its process.
pub(crate) const LOAD: u32 = u32::MAX;
/// Edge of a frame that nobody called: it handles a message.
pub(crate) const CONSUMED: u32 = u32::MAX - 2;
/// Edge of a frame by which the platform asks a process for its health.
pub(crate) const PROBED: u32 = u32::MAX - 1;
/// Connections that a frame can hold at once.
pub(crate) const HELD: usize = 2;
/// Depth to which loops nest.
pub(crate) const LOOPS: usize = 2;

/// One execution of a program.
///
/// In a system of thousands of services a frame is out of the cache whenever it goes on, so it begins at a cache line's start
/// and what nearly every event needs stands in the first two lines.
#[repr(C, align(64))]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Frame {
    pub(crate) state: State,
    /// Part of the ledger that is running.
    pub(crate) part: Part,
    /// Pool whose connection the current query uses.
    pub(crate) query_pool: u8,
    /// Whether a kept-alive connection goes back when the answer arrives.
    pub(crate) keeps_connection: bool,
    /// One more than the life of the server that counts the connection which carries it; 0 where nothing does.
    pub(crate) client: u32,
    /// The caller has left and the server heard of it.
    pub(crate) cancelled: bool,
    /// The heap had no room for its allocation.
    pub(crate) starved: bool,
    /// It failed and is giving back what it holds.
    pub(crate) unwinding: bool,
    /// A cache read is under way or has just been answered.
    pub(crate) looked_up: bool,
    /// Whether the command found its key.
    pub(crate) found: Lookup,
    /// Database statement whose client is gone: its connection ends with it.
    pub(crate) orphan: bool,
    /// What its caller has to do with it.
    pub(crate) caller_side: CallerSide,
    /// How important its request is: 0 is the most important class.
    pub(crate) class: u8,
    pub(crate) attempts: u16,
    /// Attempt of that call, from 1.
    pub(crate) attempt: u16,
    /// Process that executes it.
    pub(crate) process: u32,
    /// Endpoint, numbered over all services.
    pub(crate) program: u32,
    /// Next operation, numbered over all programs.
    pub(crate) pc: u32,
    /// Counts the frames that this place has held; odd while it holds one.
    generation: u32,
    /// Since when that part runs.
    pub(crate) since: Time,
    /// Nothing is expected of it after this instant.
    pub(crate) deadline: Time,
    /// Draw address: the path from the source's request to this attempt.
    pub(crate) key: Key,
    /// Its only timer, and the number that tells a stale one.
    pub(crate) timer: Ticket,
    pub(crate) timer_serial: u32,
    /// The caller's call that it answers.
    pub(crate) call: u32,
    /// Its own current call.
    pub(crate) calls: u32,
    pub(crate) call_edge: u32,
    /// Edge by which it was called, and the link that it came over. A root frame came over none, nor did a branch.
    pub(crate) edge: u32,
    pub(crate) link: u32,
    /// Who waits for it.
    pub(crate) caller: FrameRef,
    pub(crate) child: FrameRef,
    /// When it reached its process.
    pub(crate) arrived: Time,
    /// Processor demand of the running Compute.
    pub(crate) demand_ns: u64,
    /// The process' paused time when the running Compute began.
    pub(crate) paused_mark_ns: u64,
    pub(crate) outcome: Outcome,
    pub(crate) loops: [u32; LOOPS],
    /// While it is queued, its place in the queue; in work under a concurrency limit, how many were when it began.
    pub(crate) place: u32,
    /// Nanoseconds by part, since arrival.
    pub(crate) parts: [u64; Part::COUNT],
    pub(crate) held: [Option<Held>; HELD],
    /// Draw address of the source's request: trace, cache key.
    pub(crate) root: Key,
    /// When the caller sent it.
    pub(crate) sent: Time,
    /// When its answer left.
    pub(crate) answered: Time,
    /// The connection that it validates or opens itself.
    pub(crate) connecting: Option<ConnectionId>,
    /// Previous back-off, for decorrelated jitter.
    pub(crate) backoff_ns: u64,
    /// The process' throttled time when the running Compute began, where it has a quota.
    pub(crate) throttled_mark_ns: u64,
    /// Key of the cache entry that a cache command is about.
    pub(crate) cache_key: u32,
    pub(crate) keyspace: u32,
    /// The recorded row of its source's request.
    pub(crate) row: Option<(DataId, u32)>,
    /// Database back end that runs the statement.
    pub(crate) backend: u32,
    /// Log lines written, for their addresses.
    pub(crate) lines: u32,
    /// Number of the source's request, in its client side.
    pub(crate) number: u64,
    /// The user who sent it, in the client side of a closed source.
    pub(crate) user: u32,
    /// How many of its SYNs were dropped.
    pub(crate) syns: u8,
    /// It has had its turn at the event loop, which it is about to keep.
    pub(crate) has_turn: bool,
}

impl Frame {
    /// What a frame is before anything is known of it.
    const BLANK: Self = Self {
        key: Key::new(0),
        root: Key::new(0),
        process: 0,
        program: 0,
        pc: 0,
        generation: 1,
        edge: 0,
        link: u32::MAX,
        caller: FrameRef::NONE,
        call: 0,
        attempt: 1,
        state: State::InTransit,
        part: Part::Network,
        since: Time::ZERO,
        sent: Time::ZERO,
        arrived: Time::ZERO,
        answered: Time::ZERO,
        parts: [0; Part::COUNT],
        timer: Ticket::NONE,
        timer_serial: 0,
        demand_ns: 0,
        paused_mark_ns: 0,
        calls: 0,
        attempts: 0,
        call_edge: u32::MAX,
        query_pool: u8::MAX,
        child: FrameRef::NONE,
        connecting: None,
        backoff_ns: 0,
        throttled_mark_ns: 0,
        held: [None; HELD],
        loops: [0; LOOPS],
        place: 0,
        class: 0,
        deadline: Time::MAX,
        outcome: Outcome::OK,
        cache_key: 0,
        keyspace: u32::MAX,
        row: None,
        looked_up: false,
        backend: 0,
        found: Lookup::Miss,
        cancelled: false,
        starved: false,
        unwinding: false,
        orphan: false,
        caller_side: CallerSide::NOTHING,
        lines: 0,
        keeps_connection: false,
        client: 0,
        number: 0,
        user: u32::MAX,
        syns: 0,
        has_turn: false,
    };

    /// Begins anew in this place: a frame as its caller sends it.
    ///
    /// Field by field, since a frame that is made elsewhere and moved here costs several times as much.
    #[expect(clippy::too_many_arguments, reason = "what every frame has from its beginning")]
    #[inline]
    pub(crate) fn send(
        &mut self,
        key: Key,
        root: Key,
        process: u32,
        program: u32,
        edge: u32,
        caller: FrameRef,
        now: Time,
    ) {
        self.key = key;
        self.root = root;
        self.process = process;
        self.program = program;
        self.pc = Self::BLANK.pc;
        self.edge = edge;
        self.link = Self::BLANK.link;
        self.caller = caller;
        self.call = Self::BLANK.call;
        self.attempt = Self::BLANK.attempt;
        self.state = Self::BLANK.state;
        self.part = Self::BLANK.part;
        self.since = now;
        self.sent = now;
        self.arrived = now;
        self.answered = now;
        self.parts = Self::BLANK.parts;
        self.timer = Self::BLANK.timer;
        self.timer_serial = Self::BLANK.timer_serial;
        self.demand_ns = Self::BLANK.demand_ns;
        self.paused_mark_ns = Self::BLANK.paused_mark_ns;
        self.calls = Self::BLANK.calls;
        self.attempts = Self::BLANK.attempts;
        self.call_edge = Self::BLANK.call_edge;
        self.query_pool = Self::BLANK.query_pool;
        self.child = Self::BLANK.child;
        self.connecting = Self::BLANK.connecting;
        self.backoff_ns = Self::BLANK.backoff_ns;
        self.throttled_mark_ns = Self::BLANK.throttled_mark_ns;
        self.held = Self::BLANK.held;
        self.loops = Self::BLANK.loops;
        self.place = Self::BLANK.place;
        self.class = Self::BLANK.class;
        self.deadline = Self::BLANK.deadline;
        self.outcome = Self::BLANK.outcome;
        self.cache_key = Self::BLANK.cache_key;
        self.keyspace = Self::BLANK.keyspace;
        self.row = Self::BLANK.row;
        self.looked_up = Self::BLANK.looked_up;
        self.backend = Self::BLANK.backend;
        self.found = Self::BLANK.found;
        self.cancelled = Self::BLANK.cancelled;
        self.starved = Self::BLANK.starved;
        self.unwinding = Self::BLANK.unwinding;
        self.orphan = Self::BLANK.orphan;
        self.caller_side = Self::BLANK.caller_side;
        self.lines = Self::BLANK.lines;
        self.keeps_connection = Self::BLANK.keeps_connection;
        self.client = Self::BLANK.client;
        self.number = Self::BLANK.number;
        self.user = Self::BLANK.user;
        self.syns = Self::BLANK.syns;
        self.has_turn = Self::BLANK.has_turn;
    }

    /// Ends the running part at `at` and begins another.
    #[inline]
    pub(crate) fn switch(&mut self, part: Part, at: Time) {
        self.parts[self.part as usize] += (at - self.since).as_nanos();
        self.part = part;
        self.since = at;
    }

    /// Whether it loads a value apart from the requests that want it.
    #[inline]
    pub(crate) fn is_load(&self) -> bool {
        self.edge == LOAD && self.link != FORKED
    }

    /// Whether it handles a message.
    #[inline]
    pub(crate) fn is_consumed(&self) -> bool {
        self.edge == CONSUMED && self.link != FORKED
    }

    /// Whether it is a question of the platform: nobody's call.
    #[inline]
    pub(crate) fn is_probe(&self) -> bool {
        self.edge == PROBED && self.link != FORKED
    }

    /// Whether it has not reached its process yet, as far as its caller can tell.
    pub(crate) fn on_its_way(&self) -> bool {
        matches!(self.state, State::InTransit | State::Doomed | State::Dropped)
    }

    /// Whether it is one of the concurrent branches of the frame that is its caller: of the same process, without a worker, span or answer.
    #[inline]
    pub(crate) fn is_branch(&self) -> bool {
        self.link == FORKED
    }

    /// Whether its answer has left.
    pub(crate) fn answered_yet(&self) -> bool {
        self.state == State::Answered
    }

    /// The iteration of the loops around the current step, as part of draw addresses.
    #[inline]
    pub(crate) fn iteration(&self) -> u64 {
        u64::from(self.loops[0]) | u64::from(self.loops[1]) << 32
    }

    /// Draw address of the current attempt of a call at a site.
    #[inline]
    pub(crate) fn attempt_key(&self, site: u32) -> Key {
        self.key.with(u64::from(site)).with(self.iteration()).with(u64::from(self.attempts))
    }

    pub(crate) fn held_from(&mut self, pool: u8) -> Option<&mut Held> {
        self.held.iter_mut().flatten().find(|held| held.pool == pool)
    }
}

/// All frames alive, in a slab.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Frames {
    slots: Vec<Frame>,
    free: Vec<u32>,
}

impl Frames {
    /// Frames alive.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// A place for a frame, which [`Frame::send`] makes a new one of: what a slot held before lies in it still.
    #[inline]
    pub(crate) fn occupy(&mut self) -> FrameRef {
        if let Some(slot) = self.free.pop() {
            let frame = &mut self.slots[slot as usize];
            frame.generation = frame.generation.wrapping_add(1);
            return FrameRef { slot, generation: frame.generation };
        }
        self.slots.push(Frame::BLANK);
        FrameRef { slot: self.slots.len() as u32 - 1, generation: Frame::BLANK.generation }
    }

    #[inline]
    pub(crate) fn remove(&mut self, frame: FrameRef) {
        let freed = self.get_mut(frame).expect("a frame is freed once");
        freed.generation = freed.generation.wrapping_add(1);
        self.free.push(frame.slot);
    }

    #[inline]
    pub(crate) fn contains(&self, frame: FrameRef) -> bool {
        self.get(frame).is_some()
    }

    #[inline]
    pub(crate) fn get(&self, frame: FrameRef) -> Option<&Frame> {
        self.slots.get(frame.slot as usize).filter(|found| found.generation == frame.generation)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, frame: FrameRef) -> Option<&mut Frame> {
        self.slots.get_mut(frame.slot as usize).filter(|found| found.generation == frame.generation)
    }

    /// The frame that is in a slot.
    pub(crate) fn at(&self, slot: u32) -> Option<FrameRef> {
        let generation = self.slots.get(slot as usize)?.generation;
        (generation % 2 == 1).then_some(FrameRef { slot, generation })
    }

    /// The same, itself.
    #[inline]
    pub(crate) fn alive(&self, slot: u32) -> Option<&Frame> {
        self.slots.get(slot as usize).filter(|frame| frame.generation % 2 == 1)
    }

    /// Handles of all frames alive, by slot.
    pub(crate) fn handles(&self) -> impl Iterator<Item = FrameRef> + '_ {
        let slots = self.slots.iter().enumerate();
        slots
            .filter(|(_, frame)| frame.generation % 2 == 1)
            .map(|(slot, frame)| FrameRef { slot: slot as u32, generation: frame.generation })
    }
}

impl std::ops::Index<FrameRef> for Frames {
    type Output = Frame;
    #[inline]
    fn index(&self, frame: FrameRef) -> &Frame {
        debug_assert!(self.contains(frame), "a frame that is used is alive");
        &self.slots[frame.slot as usize]
    }
}

impl std::ops::IndexMut<FrameRef> for Frames {
    #[inline]
    fn index_mut(&mut self, frame: FrameRef) -> &mut Frame {
        debug_assert!(self.contains(frame), "a frame that is used is alive");
        &mut self.slots[frame.slot as usize]
    }
}

#[cfg(test)]
mod tests;
