//! Memory: frames allocate; the heap answers with collections, which stop the process, or with having no room.

use super::execute::Flow;
use super::{Event, World};
use crate::blueprint::{Collector, Cores, OnOutOfMemory, Runtime};
use crate::frame::State;
use crate::heap::{self, Share};
use crate::id::FrameRef;
use crate::process::{Life, Reason};
use crate::record::{CollectionKind, LogEvent, Transition};
use crate::sink::Sink;
use knockon_kernel::{Ticket, Time};

impl World {
    /// A frame allocates bytes that live until it ends.
    pub(super) fn allocate<S: Sink>(&mut self, frame: FrameRef, bytes: u64, sink: &mut S) -> Flow {
        let now = self.now();
        let process = self.frames[frame].process;
        let slot = frame.slot as usize;
        if self.shares.len() <= slot {
            self.shares.resize(slot + 1, Share::default());
        }
        let p = &mut self.processes[process as usize];
        let Some(heap) = &mut p.heap else { return Flow::On };
        let outcome = heap.allocate(now, &mut self.shares[slot], bytes);
        self.note_origin(frame, bytes, false);
        if outcome.is_quiet() && !self.exceeds_limit(process) {
            Flow::On
        } else {
            self.play(frame, process, outcome, sink)
        }
    }

    /// A frame allocates bytes that it drops at once.
    pub(super) fn churn<S: Sink>(&mut self, frame: FrameRef, bytes: u64, sink: &mut S) -> Flow {
        if bytes == 0 {
            return Flow::On;
        }
        let now = self.now();
        let process = self.frames[frame].process;
        let Some(heap) = &mut self.processes[process as usize].heap else { return Flow::On };
        let outcome = heap.churn(now, bytes);
        self.note_origin(frame, bytes, false);
        if outcome.is_quiet() && !self.exceeds_limit(process) {
            Flow::On
        } else {
            self.play(frame, process, outcome, sink)
        }
    }

    /// A frame allocates bytes that live as long as its process.
    pub(super) fn retain<S: Sink>(&mut self, frame: FrameRef, bytes: u64, sink: &mut S) -> Flow {
        if bytes == 0 {
            return Flow::On;
        }
        let now = self.now();
        let process = self.frames[frame].process;
        let Some(heap) = &mut self.processes[process as usize].heap else { return Flow::On };
        let outcome = heap.retain(now, bytes);
        if let Some(prefork) = &mut self.processes[process as usize].prefork {
            prefork.retain(frame, bytes);
        }
        self.note_origin(frame, bytes, outcome.out_of_memory.is_none());
        if outcome.is_quiet() && !self.exceeds_limit(process) {
            Flow::On
        } else {
            self.play(frame, process, outcome, sink)
        }
    }

    /// Bytes were allocated for a frame's endpoint, and perhaps are kept for good.
    #[inline]
    pub(super) fn note_origin(&mut self, frame: FrameRef, bytes: u64, kept: bool) {
        let f = &self.frames[frame];
        if let Some(origins) = &mut self.processes[f.process as usize].origins {
            let endpoint = self.tables.programs[f.program as usize].endpoint;
            origins.allocated(endpoint, bytes);
            if kept {
                origins.retained(endpoint, bytes);
            }
        }
    }

    /// A frame has ended: what it allocated becomes garbage.
    #[inline]
    pub(super) fn release_share(&mut self, frame: FrameRef) {
        let process = self.frames[frame].process as usize;
        if let Some(share) = self.shares.get_mut(frame.slot as usize)
            && let Some(heap) = &mut self.processes[process].heap
        {
            heap.release(share);
        }
    }

    /// Plays what an allocation led to: pauses one after the other, marking beside the program, death.
    pub(super) fn play<S: Sink>(
        &mut self,
        frame: FrameRef,
        process: u32,
        outcome: heap::Outcome,
        sink: &mut S,
    ) -> Flow {
        let now = self.now();
        if self.exceeds_limit(process) {
            self.exit(process, 137, true, sink);
            return Flow::Leave;
        }
        if let Some(mark) = outcome.concurrent {
            self.start_marking(process, mark.milli_cores, now + mark.duration);
        }
        let p = &mut self.processes[process as usize];
        p.starved = outcome.out_of_memory.map(|death| (frame, death.overhead_limit));
        if let (false, Some(origins)) = (outcome.collections.is_empty(), &mut p.origins) {
            origins.collect();
        }
        p.collections.extend(outcome.collections);
        let burning = self.collector_milli_cores(process);
        self.begin_stop(process, burning, |stops| stops.set(Reason::Collecting, true));
        self.next_collection(process, sink);
        let runs = self.frames.get(frame).is_some_and(|f| f.state == State::Running);
        if runs { Flow::On } else { Flow::Leave }
    }

    /// Starts the first pause that is still to be played, or ends the stop.
    fn next_collection<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let now = self.now();
        while let Some(collection) = self.processes[process as usize].collections.front().copied() {
            if collection.pause.as_nanos() > 0 {
                let p = &mut self.processes[process as usize];
                // A pause beyond the end of time does not end.
                p.pause_ends = now.saturating_add(collection.pause);
                let event = Event::Collected { process, incarnation: p.incarnation };
                p.collected = self.calendar.schedule(p.pause_ends, event.packed());
                self.touch_process(process);
                return;
            }
            self.collection_done(process, sink);
        }
        if self.starve(process, sink) {
            return;
        }
        self.end_stop(process, |stops| stops.set(Reason::Collecting, false), sink);
    }

    /// A collection's pause is over.
    pub(super) fn collected<S: Sink>(&mut self, process: u32, incarnation: u32, sink: &mut S) {
        if self.processes[process as usize].incarnation != incarnation {
            return;
        }
        self.processes[process as usize].collected = Ticket::NONE;
        self.collection_done(process, sink);
        self.next_collection(process, sink);
    }

    fn collection_done<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let p = &mut self.processes[process as usize];
        let Some(done) = p.collections.pop_front() else { return };
        let usable = p.heap.as_ref().and_then(|heap| heap.usable()).unwrap_or(0);
        let service = p.service as usize;
        let full = done.kind == CollectionKind::Full;
        let statistics = &mut self.services[service].statistics;
        statistics.collections += done.times;
        statistics.full_collections += u64::from(full);
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if let Some(heap) = &p.heap {
            p.meter.collected(now, &done, heap);
        }
        if !matches!(done.kind, CollectionKind::Generation(_)) {
            let event = LogEvent::Collection {
                number: done.number,
                kind: done.kind,
                cause: done.cause,
                before: done.before,
                after: done.after,
                committed: done.committed,
                pause: done.pause,
            };
            self.emit_log(process, event, sink);
        }
        let transition = Transition::Collected { pause: done.pause, live_after: done.live_after, usable, full };
        self.emit_state(process, transition, sink);
    }

    /// The pauses are over: an allocation that found no room now has its consequence. True when the process died of it.
    fn starve<S: Sink>(&mut self, process: u32, sink: &mut S) -> bool {
        let p = &mut self.processes[process as usize];
        let Some((frame, overhead_limit)) = p.starved.take() else { return false };
        let service = p.service as usize;
        self.services[service].statistics.out_of_memory += 1;
        self.emit_request_log(frame, LogEvent::OutOfMemory { overhead_limit }, sink);
        self.emit_state(process, Transition::OutOfMemory, sink);
        let exits = match &self.blueprint.services[service].runtime {
            Runtime::Jvm(heap) => heap.on_out_of_memory == OnOutOfMemory::Exit,
            _ => false,
        };
        if exits {
            self.exit(process, 3, false, sink);
        } else if let Some(f) = self.frames.get_mut(frame) {
            f.starved = true;
        }
        exits
    }

    /// Cores that a stop-the-world collection keeps busy: all of them, but for a single-threaded collector.
    pub(super) fn collector_milli_cores(&self, process: u32) -> u32 {
        let service = &self.blueprint.services[self.processes[process as usize].service as usize];
        let cores = match service.cores {
            Cores::Milli(milli) => milli,
            Cores::Unlimited => 1000,
        };
        match &service.runtime {
            Runtime::Jvm(heap) if heap.collector != Collector::Serial => cores,
            _ => cores.min(1000),
        }
    }

    pub(super) fn exceeds_limit(&self, process: u32) -> bool {
        let p = &self.processes[process as usize];
        let memory = self.blueprint.services[p.service as usize].memory;
        memory.limit.is_some_and(|limit| p.resident(memory.baseline) > limit)
    }

    fn start_marking(&mut self, process: u32, milli_cores: u32, until: Time) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.marking_milli_cores > 0 {
            // A full collection has overtaken the one before: it ends here.
            p.cpu.give_back_cores(now, p.marking_milli_cores);
            if let Some(heap) = &mut p.heap {
                heap.mark_finished(now);
            }
        }
        p.marking_number = p.marking_number.wrapping_add(1);
        p.marking_milli_cores = milli_cores;
        p.marking_since = now;
        p.marking_mark_ns = p.stopped_ns(now);
        p.marking_ns = (until - now).as_nanos();
        p.cpu.take_cores(now, milli_cores);
        let event = Event::Marked { process, incarnation: p.incarnation, number: p.marking_number };
        self.calendar.post(until, event.packed());
        self.touch_process(process);
        self.reschedule_processor(process);
    }

    /// Concurrent marking has had its time, but for what the process stood still.
    pub(super) fn marked<S: Sink>(&mut self, process: u32, incarnation: u32, number: u32, at: Time, sink: &mut S) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.incarnation != incarnation || p.marking_number != number || p.life == Life::Down {
            return;
        }
        if p.is_stopped() {
            p.inbox.push_back((at, Event::Marked { process, incarnation, number }));
            return;
        }
        let stood_ns = p.stopped_ns(now) - p.marking_mark_ns;
        let due = p.marking_since + knockon_kernel::Duration::from_nanos(p.marking_ns + stood_ns);
        if due > now {
            self.calendar.post(due, Event::Marked { process, incarnation, number }.packed());
            return;
        }
        p.cpu.give_back_cores(now, p.marking_milli_cores);
        p.marking_milli_cores = 0;
        self.touch_process(process);
        let p = &mut self.processes[process as usize];
        let Some(heap) = &mut p.heap else { return };
        let outcome = heap.mark_finished(now);
        self.reschedule_processor(process);
        if !outcome.is_quiet() {
            self.play(FrameRef::NONE, process, outcome, sink);
        }
    }
}
