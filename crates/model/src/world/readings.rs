//! What can be read off a world from outside. Reading changes nothing.

use super::{Event, Stop, World};
use crate::metrics::Surroundings;
use crate::record::{Catalogue, TraceId};
use crate::sink::{Null, Sink};
use crate::statistics::Statistics;
use crate::topology::Topology;
use knockon_kernel::{Digest, Next, Time};
use std::collections::BTreeSet;

/// One event as a person reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventSummary {
    /// How many events came before it, plus one.
    pub number: u64,
    /// When it happened.
    pub time: Time,
    /// Where: an instance, or a source. None acts where a patch does, or where the addressee has gone.
    pub component: Option<String>,
    /// The request that it was for, where it was for one.
    pub trace: Option<TraceId>,
    /// What it was, and for whom.
    pub text: String,
    /// The digest after it.
    pub digest: u128,
}

impl World {
    /// Names and constant attributes of everything that records mention.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Who may call whom.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The blueprint as it stands, with the values that patches have set so far.
    #[must_use]
    pub fn blueprint(&self) -> &crate::blueprint::Blueprint {
        &self.blueprint
    }

    /// The instant of the last event.
    #[must_use]
    pub fn time(&self) -> Time {
        self.calendar.now()
    }

    /// Events so far.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Fingerprint of everything that has happened: worlds in which other values lie idle have the same.
    #[must_use]
    pub fn digest_of_events(&self) -> u128 {
        self.digest.value()
    }

    /// Fingerprint of everything that has happened and of where it led.
    #[must_use]
    pub fn digest(&self) -> u128 {
        let mut digest: Digest = self.digest.clone();
        digest.absorb(self.events, self.frames.len() as u64);
        for source in &self.sources {
            digest.absorb(source.statistics.sent, source.statistics.answered);
            digest.absorb(source.statistics.failed, source.statistics.in_flight());
        }
        for upstream in &self.upstreams {
            let counts = &upstream.statistics;
            digest.absorb(counts.sent, counts.in_flight());
            digest.absorb(counts.throttled + counts.not_permitted + counts.bulkhead_full, counts.retries);
        }
        for process in &self.processes {
            digest.absorb(u64::from(process.incarnation), process.stopped_total_ns);
            digest.absorb(u64::from(process.busy), u64::from(process.queue.len()));
            let heap = process.heap.as_deref();
            digest.absorb(heap.map_or(0, crate::heap::Heap::live), heap.map_or(0, crate::heap::Heap::used));
            absorb_queues(&mut digest, process);
        }
        digest.value()
    }

    /// Fingerprint of what components hold, each by its name: that of a world in which others stand beside them is the same. Sources and
    /// instances in `apart` are left out.
    #[must_use]
    pub fn digest_of_holdings(&self, apart: &BTreeSet<String>) -> u128 {
        let mut digest = Digest::new();
        let named = |digest: &mut Digest, name: &str| {
            let told = !apart.contains(name);
            if told {
                digest.absorb_text(name);
            }
            told
        };
        for (source, described) in self.sources.iter().zip(&self.blueprint.sources) {
            if named(&mut digest, &described.name) {
                digest.absorb(source.statistics.sent, source.statistics.answered);
                digest.absorb(source.statistics.failed, source.statistics.in_flight());
            }
        }
        for upstream in &self.upstreams {
            let ends = [upstream.process, upstream.first].map(|process| self.name_of(process));
            if ends.iter().all(|end| !apart.contains(*end)) && ends.iter().all(|end| named(&mut digest, end)) {
                let counts = &upstream.statistics;
                digest.absorb(counts.sent, counts.in_flight());
                digest.absorb(counts.throttled + counts.not_permitted + counts.bulkhead_full, counts.retries);
            }
        }
        for (index, process) in self.processes.iter().enumerate() {
            if named(&mut digest, self.name_of(index as u32)) {
                digest.absorb(u64::from(process.incarnation), process.stopped_total_ns);
                digest.absorb(u64::from(process.busy), u64::from(process.queue.len()));
                let heap = process.heap.as_deref();
                digest.absorb(heap.map_or(0, crate::heap::Heap::live), heap.map_or(0, crate::heap::Heap::used));
                absorb_queues(&mut digest, process);
            }
        }
        digest.value()
    }

    /// Aggregates of the run so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics { balances: self.balances(), ..self.totals() }
    }

    /// Aggregates of the run so far without the balances, for which all frames have to be asked.
    #[must_use]
    pub fn totals(&self) -> Statistics {
        Statistics {
            at: self.reached(),
            sources: self.sources.iter().map(|source| source.statistics.clone()).collect(),
            services: self.service_statistics(),
            keyspaces: self.keyspace_statistics(),
            balances: Vec::new(),
            links: self.link_statistics(),
            queues: self.queue_statistics(),
        }
    }

    /// Runs exactly one event at or before `until` and tells what it was; `None` when there is none.
    ///
    /// # Errors
    /// The limit that was hit.
    pub fn step<S: Sink>(&mut self, until: Time, sink: &mut S) -> Result<Option<EventSummary>, Stop> {
        if let Some(stop) = self.stopped {
            return Err(stop);
        }
        while S::OBSERVES
            && self.next_scrape <= until
            && self.calendar.next_time().is_none_or(|at| at > self.next_scrape)
        {
            self.scrape(sink);
        }
        match self.calendar.next(until) {
            Next::Event(time, event) => {
                let text = self.describe(event.event());
                let (component, trace) = self.place_of(event.event());
                self.handle(time, event, sink);
                self.check_limits(time)?;
                let digest = self.digest.value();
                Ok(Some(EventSummary { number: self.events, time, component, trace, text, digest }))
            }
            Next::Idle => Ok(None),
            Next::Livelock { at } => {
                self.livelock(at)?;
                self.step(until, sink)
            }
        }
    }

    /// Runs exactly one event, for those who want no records.
    ///
    /// # Errors
    /// The limit that was hit.
    pub fn step_unwatched(&mut self, until: Time) -> Result<Option<EventSummary>, Stop> {
        self.step(until, &mut Null)
    }

    /// Samples all series at the next grid time.
    pub(super) fn scrape<S: Sink>(&mut self, sink: &mut S) {
        let at = self.next_scrape;
        self.next_scrape = at.saturating_add(self.blueprint.scrape_interval);
        self.watermark(sink);
        let around = Surroundings {
            blueprint: &self.blueprint,
            processes: &self.processes,
            frames: &self.frames,
            upstreams: &self.upstreams,
            now: at,
        };
        self.metrics.sample(&around, sink);
    }

    fn describe(&self, event: Event) -> String {
        let name = |process: u32| self.catalogue.processes[process as usize].instance.as_str();
        let of_frame = |frame: crate::id::FrameRef| {
            let Some(f) = self.frames.get(frame) else { return "a frame that has ended".to_owned() };
            let program = self.tables.programs.get(f.program as usize);
            let endpoint = program.map_or("a request", |program| {
                self.blueprint.services[program.service as usize].endpoints[program.endpoint as usize].name.as_str()
            });
            format!("{endpoint} at {} (request address {:016x})", name(f.process), f.root.bits())
        };
        match event {
            Event::Arrival { source } => {
                let (state, described) = (&self.sources[source as usize], &self.blueprint.sources[source as usize]);
                format!("request {} of {}", state.numbered + 1, described.name)
            }
            Event::User { source, user } => {
                format!("user {user} of {} sends", self.blueprint.sources[source as usize].name)
            }
            Event::Deliver { frame } => format!("delivery of {}", of_frame(frame)),
            Event::Reply { child } => format!("answer of {}", of_frame(child)),
            Event::Cancel { frame } => format!("the caller left {}", of_frame(frame)),
            Event::Timer { frame, .. } => format!("timer of {}", of_frame(frame)),
            Event::Continue { frame } => format!("continuation of {}", of_frame(frame)),
            Event::Processor { process, .. } => format!("a completion on the processor of {}", name(process)),
            Event::Collected { process, .. } => format!("the end of a collection's pause at {}", name(process)),
            Event::Marked { process, .. } => format!("the end of concurrent marking at {}", name(process)),
            Event::Started { process, .. } => format!("the start of {}", name(process)),
            Event::Supervise { process, .. } => format!("the platform looks after {}", name(process)),
            Event::Pool { process, connection, what, .. } => {
                format!("{what:?} of connection {} of {}", connection.0, name(process))
            }
            Event::Disconnect { process, .. } => format!("a connection of {} is closed", name(process)),
            Event::HangUp { process, .. } => format!("a session of {} is over", name(process)),
            Event::StatementTimeout { frame } => format!("statement timeout of {}", of_frame(frame)),
            Event::LockWait { frame, .. } => format!("a long wait for a lock of {}", of_frame(frame)),
            Event::Unblocked { frame } => format!("the event loop is free of {}", of_frame(frame)),
            Event::ArbiterLooks { process, .. } => format!("the arbiter of {} looks", name(process)),
            Event::WorkerBooted { process, worker, .. } => format!("worker {worker} of {} has booted", name(process)),
            Event::ThreadsExpire { process, .. } => format!("idle threads of an executor of {}", name(process)),
            Event::VacationDue { process, .. } => format!("a vacation of {}", name(process)),
            Event::VacationOver { process, .. } => format!("the end of a vacation of {}", name(process)),
            Event::Patch { index } => format!("patch {index} acts"),
            Event::Retransmit { frame } => format!("a SYN comes again for {}", of_frame(frame)),
            Event::PatchAt { index, process } => format!("patch {index} acts on {}", self.name_of(process)),
            Event::PatchEnd { index } => format!("patch {index} is taken back"),
            Event::Permit { frame } => format!("a permit for {}", of_frame(frame)),
            Event::Consume { frame } => format!("a message for {}", of_frame(frame)),
            Event::Accepted { process, delivery, .. } => {
                format!("delivery {delivery} of {} is acknowledged", name(process))
            }
            Event::Consumer { process, worker, coming, .. } => {
                format!("a consumer of {} ({}): {coming:?}", name(process), name(worker))
            }
            Event::BrokerDue { process, .. } => format!("something is due at {}", name(process)),
            Event::Checkpoint { process, .. } => format!("a checkpoint is due at {}", name(process)),
            Event::CronDue { process, .. } => format!("the cron of {}", name(process)),
            Event::CycleOver { process, .. } => format!("the end of an expire cycle of {}", name(process)),
            Event::ProbeTick { process, kind } => format!("a tick of the {kind:?} probe of {}", name(process)),
            Event::ProbeEnds { process, kind, .. } => format!("the end of a {kind:?} probe of {}", name(process)),
            Event::Rotation { process, ready } => {
                format!("{} is {} rotation", name(process), if ready { "in" } else { "out of" })
            }
        }
    }

    /// Where an event happens, and for which request.
    fn place_of(&self, event: Event) -> (Option<String>, Option<TraceId>) {
        let process = match event {
            Event::Arrival { source } | Event::User { source, .. } => {
                return (Some(self.blueprint.sources[source as usize].name.clone()), None);
            }
            Event::Deliver { frame }
            | Event::Reply { child: frame }
            | Event::Cancel { frame }
            | Event::Timer { frame, .. }
            | Event::Continue { frame }
            | Event::StatementTimeout { frame }
            | Event::LockWait { frame, .. }
            | Event::Retransmit { frame }
            | Event::Unblocked { frame }
            | Event::Consume { frame }
            | Event::Permit { frame } => {
                let Some(f) = self.frames.get(frame) else { return (None, None) };
                return (Some(self.name_of(f.process).to_owned()), Some(self.trace(frame)));
            }
            Event::Patch { .. } | Event::PatchEnd { .. } => return (None, None),
            Event::Processor { process, .. }
            | Event::Collected { process, .. }
            | Event::Marked { process, .. }
            | Event::Started { process, .. }
            | Event::Supervise { process, .. }
            | Event::Pool { process, .. }
            | Event::Disconnect { process, .. }
            | Event::HangUp { process, .. }
            | Event::ArbiterLooks { process, .. }
            | Event::WorkerBooted { process, .. }
            | Event::ThreadsExpire { process, .. }
            | Event::VacationDue { process, .. }
            | Event::VacationOver { process, .. }
            | Event::Accepted { process, .. }
            | Event::Consumer { process, .. }
            | Event::BrokerDue { process, .. }
            | Event::Checkpoint { process, .. }
            | Event::CronDue { process, .. }
            | Event::CycleOver { process, .. }
            | Event::PatchAt { process, .. }
            | Event::ProbeTick { process, .. }
            | Event::ProbeEnds { process, .. }
            | Event::Rotation { process, .. } => process,
        };
        (Some(self.name_of(process).to_owned()), None)
    }
}

/// What a broker holds, where the process is one.
fn absorb_queues(digest: &mut Digest, process: &crate::process::Process) {
    let Some(hosted) = &process.broker else { return };
    for queue in hosted.machine.queues() {
        digest.absorb(queue.statistics.published, queue.statistics.acknowledged);
        digest.absorb(queue.statistics.ready.present(), queue.statistics.unacked.present());
    }
    digest.absorb(hosted.machine.bytes(), u64::from(hosted.machine.is_alarmed()));
}
