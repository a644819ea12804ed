//! The platform asks processes for their health, ends those that do not live, and takes those that are not ready out of rotation.
//!
//! A question is a real request: it comes to the process' accept queue, takes a worker and does the steps of its endpoint. Its
//! caller is the kubelet on the same node, which nothing of the simulated system holds up, over a network that takes no
//! time. Nobody traces it: what is done for it has no spans, and nobody's request waits for it. One that only opens a connection
//! (TCP) is answered by the kernel, also for a process that stands still, unless its queue is full.
//!
//! A process that fails for good is asked to stop (SIGTERM), finishes what it has, and is killed after the grace period; then the
//! platform restarts it with its back-off. One that is not ready is called by nobody, `propagation` later; where no
//! process of a service is, calls are refused.
//!
//! Left out: the kubelet's own delays in seeing that a container has ended or runs, which the propagation stands for; connections
//! that are open to a process that is taken out of rotation close with their next request.

use super::{Event, World};
use crate::blueprint::{ProbeField, ProbeKind, Rejection, Runtime, Value};
use crate::frame::{CallerSide, Outcome, PROBED};
use crate::id::{EndpointId, FrameRef, ServiceId};
use crate::probe::{Container, Prober, Standing};
use crate::process::{Life, Process};
use crate::purpose;
use crate::record::{ChangeKind, ErrorType, LogEvent, ProbeFailure, Transition};
use crate::sink::Sink;
use knockon_kernel::{Duration, Key, Ticket, Time};
use serde::{Deserialize, Serialize};

/// Exit code of a process that SIGTERM has ended.
const TERMINATED: u16 = 143;
/// That of one that SIGKILL has.
pub(super) const KILLED: u16 = 137;

/// What the platform knows of a process' health.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Watch {
    asked: Vec<Asked>,
    /// Whether it may be called, as the platform's status has it.
    pub(crate) ready: bool,
    /// Whether callers have it in rotation.
    pub(crate) in_rotation: bool,
    /// A probe has failed for good: it is being ended.
    pub(super) condemned: bool,
}

/// A probe and the question that is open.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asked {
    prober: Prober,
    tick: Ticket,
    timeout: Ticket,
    frame: FrameRef,
    /// The answer has come, and is looked at within this instant.
    answer: Option<Outcome>,
}

impl Watch {
    pub(super) fn new(health: &crate::blueprint::Health) -> Self {
        let probers = ProbeKind::ALL.into_iter().filter_map(|kind| Some(Prober::new(kind, health.probe(kind)?)));
        let asked = probers.map(|prober| Asked {
            prober,
            tick: Ticket::NONE,
            timeout: Ticket::NONE,
            frame: FrameRef::NONE,
            answer: None,
        });
        Self { asked: asked.collect(), ready: true, in_rotation: true, condemned: false }
    }

    fn of(&mut self, kind: ProbeKind) -> Option<&mut Asked> {
        self.asked.iter_mut().find(|asked| asked.prober.kind() == kind)
    }

    /// The probe of a kind.
    pub(crate) fn prober(&self, kind: ProbeKind) -> Option<&Prober> {
        self.asked.iter().map(|asked| &asked.prober).find(|prober| prober.kind() == kind)
    }

    /// Failures in a row of the probe that is nearest to its threshold.
    pub(super) fn failing(&self) -> u32 {
        self.asked.iter().map(|asked| asked.prober.failing()).max().unwrap_or(0)
    }

    fn standing(&self, kind: ProbeKind, container: Time) -> Standing {
        self.prober(kind).map_or(Standing::Success, |prober| prober.standing(container))
    }
}

impl Process {
    /// Its container, as the kubelet sees it.
    fn container(&self, watch: &Watch, now: Time) -> Container {
        // What runs when the world begins has run for long.
        let age = if self.started == Time::ZERO { Duration::MAX } else { now - self.started };
        let started = watch.standing(ProbeKind::Startup, self.started) == Standing::Success;
        Container { id: self.started, runs: self.life != Life::Down, started, age }
    }
}

/// Where in a period a grid lies: after some millionths of it, so that a longer period moves it by as much as everything else.
fn offset(period: Duration, unit: f64) -> Duration {
    const PARTS: u64 = 1_000_000;
    let part = 1 + (unit * PARTS as f64) as u64;
    Duration::from_nanos((u128::from(period.as_nanos()) * u128::from(part) / u128::from(PARTS)) as u64)
}

impl World {
    /// Schedules the first ticks of a process' probes.
    pub(super) fn begin_probing(&mut self, process: u32) {
        let p = &self.processes[process as usize];
        let Some(watch) = &p.watch else { return };
        let component = p.component;
        let firsts: Vec<_> = watch
            .asked
            .iter()
            .map(|asked| {
                let phase = component.purpose(purpose::PROBE_PHASE).with(asked.prober.kind() as u64);
                (asked.prober.kind(), Time::ZERO + offset(asked.prober.probe().period, phase.unit()))
            })
            .collect();
        for (kind, at) in firsts {
            self.schedule_tick(process, kind, at);
        }
    }

    fn schedule_tick(&mut self, process: u32, kind: ProbeKind, at: Time) {
        let ticket = self.calendar.schedule(at, Event::ProbeTick { process, kind }.packed());
        if let Some(asked) = self.asked(process, kind) {
            asked.tick = ticket;
        }
    }

    /// The grids of a process' probes lie otherwise from now on.
    pub(super) fn redraw_probes(&mut self, process: u32, phase: Key) {
        let reached = self.reached();
        for kind in ProbeKind::ALL {
            let Some(asked) = self.asked(process, kind) else { continue };
            let (tick, period) = (asked.tick, asked.prober.probe().period);
            if self.calendar.cancel(tick) {
                let at = reached + offset(period, phase.with(kind as u64).unit());
                self.schedule_tick(process, kind, at);
            }
        }
    }

    fn asked(&mut self, process: u32, kind: ProbeKind) -> Option<&mut Asked> {
        self.processes[process as usize].watch.as_mut()?.of(kind)
    }

    /// A tick of a probe's grid.
    pub(super) fn probe_tick<S: Sink>(&mut self, process: u32, kind: ProbeKind, sink: &mut S) {
        let now = self.now();
        let p = &self.processes[process as usize];
        let Some(watch) = &p.watch else { return };
        let container = p.container(watch, now);
        let Some(asked) = self.asked(process, kind) else { return };
        let question = asked.prober.tick(container);
        let next = now + asked.prober.probe().period;
        self.schedule_tick(process, kind, next);
        match question {
            Some(number) => self.ask(process, kind, number, sink),
            None => self.review(process, sink),
        }
    }

    /// A question is asked.
    fn ask<S: Sink>(&mut self, process: u32, kind: ProbeKind, number: u64, sink: &mut S) {
        let now = self.now();
        let key = self.processes[process as usize].key.purpose(purpose::PROBE_REQUEST);
        let key = key.with(kind as u64).with(number);
        let Some(asked) = self.asked(process, kind) else { return };
        let probe = asked.prober.probe();
        asked.answer = None;
        let ends = Event::ProbeEnds { process, kind, number: number as u32 }.packed();
        let service = self.processes[process as usize].service as usize;
        self.services[service].statistics.probes += 1;
        let Some(EndpointId(endpoint)) = probe.endpoint else {
            return match self.kernel_answers(process) {
                Some(outcome) => self.probe_is_answered(process, kind, number, outcome),
                None => {
                    let timeout = self.calendar.schedule(now + probe.timeout, ends);
                    self.asked(process, kind).expect("it was there").timeout = timeout;
                }
            };
        };
        let program = self.tables.program_base[service] + endpoint;
        let frame = self.frames.occupy();
        let sent = &mut self.frames[frame];
        sent.send(key, key, process, program, PROBED, FrameRef::NONE, now);
        sent.caller_side = CallerSide::NOTHING.hidden();
        // While somebody waits for its answer.
        sent.keeps_connection = true;
        let timeout = self.calendar.schedule(now + probe.timeout, ends);
        let asked = self.asked(process, kind).expect("it was there");
        (asked.frame, asked.timeout) = (frame, timeout);
        self.deliver(frame, sink);
    }

    /// What comes of opening a connection: none is a packet that was dropped.
    fn kernel_answers(&self, process: u32) -> Option<Outcome> {
        let p = &self.processes[process as usize];
        let refused = Outcome::lost(ErrorType::ConnectionRefused);
        if p.life != Life::Running {
            return Some(refused);
        }
        if p.busy < p.workers && !p.takes_nothing_up() || p.queue.len() < p.places {
            return Some(Outcome::OK);
        }
        match self.blueprint.services[p.service as usize].admission.overflow {
            Rejection::Refuse => Some(refused),
            Rejection::Status(_) => Some(Outcome::OK),
            Rejection::Silent | Rejection::Retransmit(_) => None,
        }
    }

    /// The answer to a question of the platform has come, or what stands for it.
    #[cold]
    pub(super) fn answer_to_platform(&mut self, frame: FrameRef) {
        let f = &self.frames[frame];
        let (process, outcome) = (f.process, f.outcome);
        let waits = |asked: &&mut Asked| asked.frame == frame && asked.prober.open().is_some();
        let watch = self.processes[process as usize].watch.as_mut();
        let Some(asked) = watch.and_then(|watch| watch.asked.iter_mut().find(waits)) else { return };
        if let Some(number) = asked.prober.open() {
            let kind = asked.prober.kind();
            self.probe_is_answered(process, kind, number, outcome);
        }
    }

    /// It is looked at in an event of its own: what follows from it may end the process, in the midst of whose work it was given.
    fn probe_is_answered(&mut self, process: u32, kind: ProbeKind, number: u64, outcome: Outcome) {
        let now = self.now();
        let Some(asked) = self.asked(process, kind) else { return };
        asked.answer = Some(outcome);
        let timeout = std::mem::replace(&mut asked.timeout, Ticket::NONE);
        if timeout != Ticket::NONE {
            self.calendar.cancel(timeout);
        }
        self.calendar.post(now, Event::ProbeEnds { process, kind, number: number as u32 }.packed());
    }

    /// A question was answered, or has been open for its timeout.
    pub(super) fn probe_ends<S: Sink>(&mut self, process: u32, kind: ProbeKind, number: u32, sink: &mut S) {
        let now = self.now();
        let Some(asked) = self.asked(process, kind) else { return };
        if asked.prober.open().is_none_or(|open| open as u32 != number) {
            return;
        }
        asked.timeout = Ticket::NONE;
        let frame = std::mem::replace(&mut asked.frame, FrameRef::NONE);
        let failure = match asked.answer.take() {
            None => Some(ProbeFailure::Timeout),
            Some(Outcome { status: 200..400, error: None, .. }) => None,
            Some(Outcome { status: 0, error: Some(ErrorType::ConnectionRefused), .. }) => Some(ProbeFailure::Refused),
            Some(Outcome { status: 0, .. }) => Some(ProbeFailure::Reset),
            Some(Outcome { status, .. }) => Some(ProbeFailure::Status(status)),
        };
        let endpoint = asked.prober.probe().endpoint;
        let standing = asked.prober.end(failure.is_none());
        self.leave_question(frame);
        let service = self.processes[process as usize].service;
        if let Some(failure) = failure {
            self.services[service as usize].statistics.probe_failures += 1;
            self.emit_state(process, Transition::ProbeFailed { kind }, sink);
            self.emit_change(ChangeKind::Unhealthy { kind, endpoint, failure }, service, Some(process), sink);
        }
        if standing == Some(Standing::Failure) && kind != ProbeKind::Readiness {
            self.condemn(process, kind, sink);
        }
        self.review(process, sink);
        let p = &self.processes[process as usize];
        let Some(watch) = &p.watch else { return };
        let container = p.container(watch, now);
        let next = self.asked(process, kind).and_then(|asked| asked.prober.next(container));
        if let Some(number) = next {
            self.ask(process, kind, number, sink);
        }
    }

    /// Nobody waits for the answer to a question any more.
    fn leave_question(&mut self, frame: FrameRef) {
        let Some(f) = self.frames.get_mut(frame) else { return };
        f.keeps_connection = false;
        let service = self.processes[f.process as usize].service as usize;
        if self.blueprint.services[service].cancels_abandoned {
            self.calendar.post(self.now(), Event::Cancel { frame }.packed());
        }
    }

    /// A probe has failed for good: the container is asked to stop.
    fn condemn<S: Sink>(&mut self, process: u32, kind: ProbeKind, sink: &mut S) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if matches!(p.life, Life::Down | Life::Stopping) {
            return;
        }
        let service = p.service;
        let booting = p.life == Life::Starting;
        if let Some(watch) = &mut p.watch {
            watch.condemned = true;
        }
        self.services[service as usize].statistics.probe_kills += 1;
        self.emit_state(process, Transition::ProbeKilled { kind }, sink);
        self.emit_change(ChangeKind::Killing { kind }, service, Some(process), sink);
        if booting {
            return self.exit(process, TERMINATED, false, sink);
        }
        let p = &mut self.processes[process as usize];
        p.life = Life::Stopping;
        let incarnation = p.incarnation;
        self.emit_log(process, LogEvent::Stopping, sink);
        let grace = self.blueprint.services[service as usize].stop_grace;
        self.calendar.post(now + grace, Event::Supervise { process, incarnation }.packed());
        self.stop_if_done(process, sink);
    }

    /// A stopping process that has nothing left to do ends, unless it stands still.
    pub(super) fn stop_if_done<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let p = &self.processes[process as usize];
        let condemned = p.watch.as_ref().is_some_and(|watch| watch.condemned);
        if condemned && p.life == Life::Stopping && p.busy == 0 && p.queue.is_empty() && !p.is_stopped() {
            self.stopped(process, sink);
        }
    }

    /// Exit code of a process that was asked to stop and has; none where nobody but a deploy did.
    pub(super) fn code_of_condemned(&self, process: u32) -> Option<u16> {
        let p = &self.processes[process as usize];
        let condemned = p.watch.as_ref().is_some_and(|watch| watch.condemned);
        // A JVM ends as the signal would have ended it; servers that handle the signal end well.
        let code = match self.blueprint.services.get(p.service as usize)?.runtime {
            Runtime::Jvm(_) => TERMINATED,
            _ => 0,
        };
        condemned.then_some(code)
    }

    /// Looks whether a process is ready, and tells the platform of a change.
    pub(super) fn review<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let now = self.now();
        let p = &self.processes[process as usize];
        let Some(watch) = &p.watch else { return };
        let container = p.container(watch, now);
        let passes = watch.standing(ProbeKind::Readiness, container.id) == Standing::Success;
        let ready = container.runs && container.started && passes && !p.redeploys;
        if ready == watch.ready {
            return;
        }
        let service = p.service;
        if let Some(watch) = &mut self.processes[process as usize].watch {
            watch.ready = ready;
        }
        self.services[service as usize].statistics.not_ready += u64::from(!ready);
        self.emit_state(process, Transition::Ready { on: ready }, sink);
        let told = self.blueprint.services[service as usize].health.map_or(Duration::ZERO, |health| health.propagation);
        self.calendar.post(now + told, Event::Rotation { process, ready }.packed());
    }

    /// Callers hear whether a process is ready.
    pub(super) fn rotate(&mut self, process: u32, ready: bool) {
        let p = &mut self.processes[process as usize];
        let Some(watch) = &mut p.watch else { return };
        watch.in_rotation = ready;
        let service = p.service as usize;
        let processes = self.processes_of(ServiceId(service as u32));
        let first = processes.start;
        let in_rotation = |process: &u32| self.is_in_rotation(*process);
        let ready: Vec<u32> = processes.clone().filter(in_rotation).collect();
        let out: Vec<bool> = processes.map(|process| !self.is_in_rotation(process)).collect();
        let state = &mut self.services[service];
        state.out = state.replicas - ready.len() as u32;
        state.rotation = ready;
        for upstream in self.upstreams.iter_mut().filter(|upstream| upstream.first == first) {
            upstream.set_unready(&out);
        }
    }

    /// Whether a process is called.
    pub(super) fn is_in_rotation(&self, process: u32) -> bool {
        self.processes[process as usize].watch.as_ref().is_none_or(|watch| watch.in_rotation)
    }

    /// Sets a parameter of a service's probe and returns what it was.
    pub(super) fn set_probe(&mut self, service: ServiceId, kind: ProbeKind, field: ProbeField, value: Value) -> Value {
        let health = self.blueprint.services[service.index()].health.as_mut();
        let Some(probe) = health.and_then(|health| health.probe_mut(kind)) else {
            unreachable!("a checked patch sets a probe that is there")
        };
        let before = match (field, value) {
            (ProbeField::Timeout, Value::Duration(new)) => Value::Duration(std::mem::replace(&mut probe.timeout, new)),
            (ProbeField::Period, Value::Duration(new)) => Value::Duration(std::mem::replace(&mut probe.period, new)),
            (ProbeField::Failures, Value::Count(new)) => {
                let new = u32::try_from(new).unwrap_or(u32::MAX).max(1);
                Value::Count(u64::from(std::mem::replace(&mut probe.failures, new)))
            }
            (field, value) => {
                unreachable!("a checked patch sets a value of its target's kind, not {value:?} on {field:?}")
            }
        };
        let probe = *probe;
        for process in self.processes_of(service) {
            if let Some(asked) = self.asked(process, kind) {
                asked.prober.set(probe);
            }
        }
        before
    }
}
