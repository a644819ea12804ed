//! What transitions leave behind: spans, log lines, changes and states go to the sink; nothing comes back.

use super::World;
use super::tables::Op;
use crate::frame::Outcome;
use crate::id::{FrameRef, PoolId, ServiceId};
use crate::purpose;
use crate::record::{
    ChangeKind, ChangeRecord, ErrorType, LedgerRecord, LogEvent, LogRecord, Part, RequestRecord, SpanId, SpanRecord,
    StateRecord, Status, TraceId, Transition,
};
use crate::sink::Sink;
use knockon_kernel::{Key, Time};

/// A span that is linked to none.
const NO_LINK: (TraceId, SpanId) = (TraceId(0), SpanId(0));

impl World {
    /// The trace of a frame's request.
    pub(super) fn trace(&self, frame: FrameRef) -> TraceId {
        Self::trace_of(self.frames[frame].root)
    }

    /// The trace of what has this address.
    pub(super) fn trace_of(root: Key) -> TraceId {
        let high = u128::from(root.purpose(purpose::TRACE).bits());
        let low = u128::from(root.purpose(purpose::TRACE_LOW).bits());
        TraceId(high << 64 | low)
    }

    /// The span of a frame's execution; never 0, which means none.
    pub(super) fn server_span(key: Key) -> SpanId {
        SpanId(key.purpose(purpose::SERVER_SPAN).bits() | 1)
    }

    /// The span of the call that a frame answers, on the caller's side.
    pub(super) fn client_span(key: Key) -> SpanId {
        SpanId(key.purpose(purpose::CLIENT_SPAN).bits() | 1)
    }

    /// A frame has ended at `now`: its server span.
    pub(super) fn emit_server_span<S: Sink>(&mut self, frame: FrameRef, now: Time, sink: &mut S) {
        if self.frames[frame].caller_side.is_hidden() {
            return;
        }
        if self.frames[frame].is_consumed() {
            self.emit_task_end(frame, sink);
        } else {
            self.note_server_error(frame, sink);
        }
        if !S::OBSERVES && !S::LEDGER {
            return;
        }
        self.spans_since_watermark += 1;
        let f = &self.frames[frame];
        debug_assert_eq!(
            f.parts.iter().sum::<u64>(),
            (now - f.arrived).as_nanos(),
            "every nanosecond of a frame is in exactly one part"
        );
        let trace = self.trace(frame);
        let span = Self::server_span(f.key);
        if S::OBSERVES {
            // What the caller did wrong is no error of the server's.
            let error = f.outcome.status >= 500 || (f.outcome.error.is_some() && f.outcome.status < 400);
            sink.span(SpanRecord {
                trace,
                span,
                parent: if f.caller_side.is_traced() { Self::client_span(f.key) } else { SpanId(0) },
                process: Self::process_id(f.process),
                peer: None,
                operation: self.tables.programs[f.program as usize].operation,
                start: f.arrived,
                end: now,
                status: if error { Status::Error } else { Status::Unset },
                error: f.outcome.error,
                http_status: f.outcome.status,
                resend: 0,
                link: if f.is_consumed() { self.link_of(frame) } else { NO_LINK },
            });
        }
        if S::LEDGER {
            sink.ledger(LedgerRecord { trace, span, start: f.arrived, server: true, parts: f.parts });
        }
    }

    /// A message was sent that nobody waits for the arrival of: the span of its publication, which took no time.
    pub(super) fn emit_sent<S: Sink>(&mut self, frame: FrameRef, sent: FrameRef, sink: &mut S) {
        if !S::OBSERVES && !S::LEDGER || !self.processes[self.frames[frame].process as usize].traced {
            return;
        }
        self.spans_since_watermark += 1;
        let (f, c) = (&self.frames[frame], &self.frames[sent]);
        let (trace, span) = (self.trace(frame), Self::client_span(c.key));
        if S::OBSERVES {
            sink.span(SpanRecord {
                trace,
                span,
                parent: Self::server_span(self.span_key(frame)),
                process: Self::process_id(f.process),
                peer: Some(Self::process_id(c.process)),
                operation: self.tables.edges[c.edge as usize].operation,
                start: c.sent,
                end: c.sent,
                status: Status::Unset,
                error: None,
                http_status: 0,
                resend: 0,
                link: NO_LINK,
            });
        }
        if S::LEDGER {
            sink.ledger(LedgerRecord { trace, span, start: c.sent, server: false, parts: [0; Part::COUNT] });
        }
    }

    /// A load apart from its request has ended at `now`: its internal span.
    pub(super) fn emit_load_span<S: Sink>(&mut self, task: FrameRef, now: Time, sink: &mut S) {
        if !S::OBSERVES && !S::LEDGER || self.frames[task].caller_side.is_hidden() {
            return;
        }
        let Some(load) = self.loads.get(task) else { return };
        let Op::Load { load: step } = self.tables.ops[load.step as usize] else { return };
        self.spans_since_watermark += 1;
        let f = &self.frames[task];
        debug_assert_eq!(
            f.parts.iter().sum::<u64>(),
            (now - f.arrived).as_nanos(),
            "every nanosecond of a frame is in exactly one part"
        );
        let (trace, span) = (self.trace(task), Self::server_span(load.span));
        if S::OBSERVES {
            sink.span(SpanRecord {
                trace,
                span,
                parent: Self::server_span(load.parent),
                process: Self::process_id(f.process),
                peer: None,
                operation: self.tables.loads[step as usize].operation,
                start: f.arrived,
                end: now,
                status: if f.unwinding { Status::Error } else { Status::Unset },
                error: f.outcome.error,
                http_status: 0,
                resend: 0,
                link: NO_LINK,
            });
        }
        if S::LEDGER {
            sink.ledger(LedgerRecord { trace, span, start: f.arrived, server: true, parts: f.parts });
        }
    }

    /// A call's attempt has ended at `at` and been taken now: its client span. `given_up` is the outcome where no answer came.
    pub(super) fn emit_client_span<S: Sink>(
        &mut self,
        caller: FrameRef,
        child: FrameRef,
        at: Time,
        given_up: Option<Outcome>,
        sink: &mut S,
    ) {
        if !S::OBSERVES && !S::LEDGER {
            return;
        }
        let now = self.now();
        let f = &self.frames[caller];
        if !self.processes[f.process as usize].traced || f.caller_side.is_hidden() {
            return;
        }
        self.spans_since_watermark += 1;
        let f = &self.frames[caller];
        let c = &self.frames[child];
        let edge = self.tables.edges[c.edge as usize];
        let trace = self.trace(caller);
        let span = Self::client_span(c.key);
        if S::OBSERVES {
            let outcome = given_up.unwrap_or(c.outcome);
            let failed = outcome.error.is_some() || outcome.status >= 400;
            let http = self.catalogue.operations[edge.operation.index()].db_system.is_empty();
            sink.span(SpanRecord {
                trace,
                span,
                parent: Self::server_span(self.span_key(caller)),
                process: Self::process_id(f.process),
                peer: Some(Self::process_id(c.process)),
                operation: edge.operation,
                start: c.sent,
                end: now,
                status: if failed { Status::Error } else { Status::Unset },
                error: if outcome.status >= 500 {
                    Some(outcome.error.unwrap_or(ErrorType::Application))
                } else {
                    outcome.error
                },
                http_status: if http { outcome.status } else { 0 },
                resend: c.attempt - 1,
                link: NO_LINK,
            });
        }
        if S::LEDGER {
            let mut parts = [0; Part::COUNT];
            let served_until = if c.answered_yet() { c.answered } else { at };
            let there_ns = if c.on_its_way() { 0 } else { served_until.min(at).saturating_sub(c.arrived).as_nanos() };
            parts[Part::Child as usize] = there_ns;
            parts[Part::Network as usize] = (at - c.sent).as_nanos() - there_ns;
            parts[Part::Paused as usize] = (now - at).as_nanos();
            sink.ledger(LedgerRecord { trace, span, start: c.sent, server: false, parts });
        }
    }

    /// A source's request has ended at `now`.
    pub(super) fn emit_request<S: Sink>(&mut self, root: FrameRef, now: Time, sink: &mut S) {
        self.spans_since_watermark += 1;
        let f = &self.frames[root];
        let parts = if S::PARTS { self.spent_by_request(root) } else { self.frames[root].parts };
        debug_assert_eq!(
            parts.iter().sum::<u64>(),
            (now - f.sent).as_nanos(),
            "every nanosecond of a request is in exactly one part"
        );
        sink.request(RequestRecord {
            client: Self::process_id(f.process),
            number: f.number,
            trace: self.trace(root),
            operation: self.tables.edges[f.call_edge as usize].operation,
            sent: f.sent,
            ended: now,
            attempts: f.attempts,
            status: f.outcome.status,
            error: f.outcome.error,
            parts,
        });
    }

    /// A line about a request.
    pub(super) fn emit_request_log<S: Sink>(&mut self, frame: FrameRef, event: LogEvent, sink: &mut S) {
        if let Some(f) = self.frames.get(frame)
            && self.processes[f.process as usize].disk.is_some()
        {
            self.grow_log(f.process);
        }
        if !S::OBSERVES || !self.frames.contains(frame) {
            return;
        }
        let f = &self.frames[frame];
        let traced = self.processes[f.process as usize].traced && !f.caller_side.is_hidden();
        let context = traced.then(|| (self.trace(frame), Self::server_span(self.span_key(frame))));
        // Where in its own program: what lies before it in the table of all does not matter.
        let at = f.pc - self.tables.programs[f.program as usize].first;
        let address = f.key.purpose(purpose::LINE).with(u64::from(at)).with(f.iteration()).with(u64::from(f.lines));
        let process = f.process;
        self.frames[frame].lines += 1;
        self.log(process, address, context, event, sink);
    }

    /// A line about the process itself.
    pub(super) fn emit_log<S: Sink>(&mut self, process: u32, event: LogEvent, sink: &mut S) {
        if self.processes[process as usize].disk.is_some() {
            self.grow_log(process);
        }
        if !S::OBSERVES {
            return;
        }
        let p = &mut self.processes[process as usize];
        p.lines += 1;
        let address = p.key.purpose(purpose::LINE).with(p.lines);
        self.log(process, address, None, event, sink);
    }

    fn log<S: Sink>(
        &self,
        process: u32,
        address: Key,
        context: Option<(TraceId, SpanId)>,
        event: LogEvent,
        sink: &mut S,
    ) {
        let uid = u128::from(address.bits()) << 64 | u128::from(address.with(1).bits());
        sink.log(LogRecord { time: self.now(), process: Self::process_id(process), uid, context, event });
    }

    /// Something was changed.
    pub(super) fn emit_change<S: Sink>(&self, kind: ChangeKind, service: u32, process: Option<u32>, sink: &mut S) {
        if S::OBSERVES {
            let process = process.map(Self::process_id);
            sink.change(ChangeRecord { time: self.now(), kind, service: ServiceId(service), process });
        }
    }

    /// A machine entered a state that a reader would name.
    pub(super) fn emit_state<S: Sink>(&self, process: u32, transition: Transition, sink: &mut S) {
        sink.state(StateRecord { time: self.now(), process: Self::process_id(process), transition });
    }

    /// Notes when a pool becomes full with callers waiting, and when that is over.
    pub(super) fn note_pool<S: Sink>(&mut self, process: u32, pool: u8, sink: &mut S) {
        let p = &mut self.processes[process as usize];
        let Some(machine) = p.pools.get(usize::from(pool)) else { return };
        let waiting = machine.waiting();
        let noted = p.pool_full[usize::from(pool)];
        if waiting == 0 && !noted {
            return;
        }
        let full = machine.is_full_with_waiters();
        let service = p.service as usize;
        let statistics = &mut self.services[service].statistics.pools[usize::from(pool)];
        statistics.peak_waiting = statistics.peak_waiting.max(waiting);
        let id = PoolId(u32::from(pool));
        if full && !noted {
            p.pool_full[usize::from(pool)] = true;
            self.emit_state(process, Transition::PoolFull { pool: id, waiting }, sink);
        } else if noted && waiting == 0 {
            p.pool_full[usize::from(pool)] = false;
            self.emit_state(process, Transition::PoolRelieved { pool: id }, sink);
        }
    }

    /// Tells the sink before which instant no more row starts.
    pub(super) fn watermark<S: Sink>(&mut self, sink: &mut S) {
        self.spans_since_watermark = 0;
        let now = self.now();
        let first = self.frames.handles().map(|frame| self.frames[frame].sent).min();
        sink.watermark(first.unwrap_or(now).min(now));
    }
}
