//! The sink that notices milestones. It wants no records itself; beside a recorder it sees them anyway and cites them.

use super::evidence::{Recent, Shown, Waiting, Witness};
use super::share::PauseWindow;
use super::{GC_SHARE_PERMILLE, KEPT_MAXIMUM, Milestone, Milestones, POOL_FULL_FOR_NS, State};
use knockon_kernel::Time;
use knockon_model::Sink;
use knockon_model::blueprint::{Blueprint, Runtime};
use knockon_model::breaker::BreakerState;
use knockon_model::id::{ExecutorId, LinkId, PoolId, ProcessId, SeriesId};
use knockon_model::record::{
    Catalogue, ChangeKind, ChangeRecord, ErrorType, LedgerRecord, LogEvent, LogRecord, RequestRecord, SampleRecord,
    SpanRecord, StateRecord, Transition,
};
use std::collections::BTreeMap;

/// Collects [`Milestones`]. Its memory is bounded by the number of processes and [`KEPT_MAXIMUM`].
#[derive(Clone, Debug)]
pub struct Watcher {
    processes: Vec<Process>,
    /// Names of links.
    links: Vec<String>,
    /// Series of callers that wait for a pool, with the process and pool that they describe.
    pending: BTreeMap<SeriesId, (ProcessId, PoolId)>,
    waiting: Vec<Waiting>,
    found: Milestones,
}

#[derive(Clone, Debug)]
struct Process {
    name: String,
    instance: String,
    pools: Vec<PoolWatch>,
    /// Names of the queues of a broker.
    queues: Vec<String>,
    /// Names of its executors.
    executors: Vec<String>,
    pauses: PauseWindow,
    /// 0 before the process has run for the first time.
    cycle: u32,
    seen: Vec<(State, Option<Place>)>,
    recent: Recent,
}

/// The part of a process that a milestone is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Pool(PoolId),
    Link(LinkId),
    Queue(u32),
    Executor(ExecutorId),
}

#[derive(Clone, Debug)]
struct PoolWatch {
    component: String,
    full: Option<Fullness>,
}

/// A pool that is full, and may turn out to have been so for a moment only.
#[derive(Clone, Debug)]
struct Fullness {
    since: Time,
    waiting: u32,
    shown: Option<Shown>,
}

impl Process {
    fn new(name: &str, instance: &str, pools: &[&str]) -> Self {
        let watch = |pool: &&str| PoolWatch { component: format!("{name}/{pool}"), full: None };
        Self {
            name: name.to_owned(),
            instance: instance.to_owned(),
            pools: pools.iter().map(watch).collect(),
            queues: Vec::new(),
            executors: Vec::new(),
            pauses: PauseWindow::default(),
            cycle: 0,
            seen: Vec::new(),
            recent: Recent::default(),
        }
    }
}

impl Watcher {
    /// A watcher of the world that was built from `blueprint` and has this `catalogue`.
    #[must_use]
    pub fn new(catalogue: &Catalogue, blueprint: &Blueprint) -> Self {
        let processes: Vec<_> = catalogue
            .processes
            .iter()
            .map(|process| {
                let pools = process.service.map_or(&[][..], |service| &blueprint[service].pools);
                let pools: Vec<_> = pools.iter().map(|pool| pool.name.as_str()).collect();
                let mut watched = Process::new(&process.name, &process.instance, &pools);
                if let Some(Runtime::Broker(broker)) = process.service.map(|service| &blueprint[service].runtime) {
                    let names = broker.queues.iter().map(|queue| format!("{}/{}", process.name, queue.name));
                    watched.queues = names.collect();
                }
                if let Some(service) = process.service {
                    let executors = blueprint[service].executors.iter();
                    watched.executors =
                        executors.map(|executor| format!("{}/{}", process.name, executor.name)).collect();
                }
                watched
            })
            .collect();
        let pending = pending_series(catalogue, &processes);
        let links = (0..blueprint.links.len()).map(|link| blueprint.link_name(LinkId(link as u32))).collect();
        Self { processes, links, pending, waiting: Vec::new(), found: Milestones::default() }
    }

    /// A watcher of processes given by name, instance and pools.
    #[cfg(test)]
    pub(super) fn of_names(processes: &[(&str, &str, &[&str])], pending: &[(SeriesId, ProcessId, PoolId)]) -> Self {
        Self {
            processes: processes.iter().map(|(name, instance, pools)| Process::new(name, instance, pools)).collect(),
            links: Vec::new(),
            pending: pending.iter().map(|&(series, process, pool)| (series, (process, pool))).collect(),
            waiting: Vec::new(),
            found: Milestones::default(),
        }
    }

    /// What was found, in order of time, once the run has come to `end`.
    #[must_use]
    pub fn finish(mut self, end: Time) -> Milestones {
        for process in 0..self.processes.len() {
            self.settle_pools(ProcessId(process as u32), end, false);
        }
        self.found.kept.sort_by_key(|milestone| milestone.time);
        self.found
    }

    fn reach(
        &mut self,
        time: Time,
        process: ProcessId,
        place: Option<Place>,
        state: State,
        value: Option<f64>,
        shown_by: Option<Shown>,
    ) {
        let watched = &mut self.processes[process.index()];
        if watched.seen.contains(&(state, place)) {
            return;
        }
        watched.seen.push((state, place));
        if self.found.kept.len() == KEPT_MAXIMUM {
            *self.found.not_kept.entry(state).or_default() += 1;
            return;
        }
        let shown_by = shown_by.or_else(|| watched.recent.showing(state, time));
        let component = match place {
            Some(Place::Pool(pool)) => watched.pools.get(pool.index()).map(|pool| &pool.component),
            Some(Place::Link(link)) => self.links.get(link.index()),
            Some(Place::Queue(queue)) => watched.queues.get(queue as usize),
            Some(Place::Executor(executor)) => watched.executors.get(executor.index()),
            None => None,
        };
        let component = component.unwrap_or(&watched.name).clone();
        let milestone = Milestone {
            time,
            component,
            instance: watched.instance.clone(),
            cycle: watched.cycle.max(1),
            state,
            value,
            shown_by,
        };
        if milestone.shown_by.is_none() {
            self.waiting.push(Waiting { milestone: self.found.kept.len(), process, state, since: time });
        }
        self.found.kept.push(milestone);
    }

    /// Names the pools that have been full for long enough, and forgets the others if all have been `relieved`.
    fn settle_pools(&mut self, process: ProcessId, now: Time, relieved: bool) {
        for pool in 0..self.processes[process.index()].pools.len() {
            self.settle_pool(process, PoolId(pool as u32), now, relieved);
        }
    }

    fn settle_pool(&mut self, process: ProcessId, pool: PoolId, now: Time, relieved: bool) {
        let Some(watched) = self.processes[process.index()].pools.get_mut(pool.index()) else { return };
        let Some(full) = &watched.full else { return };
        if now.as_nanos() - full.since.as_nanos() >= POOL_FULL_FOR_NS {
            let full = full.clone();
            self.reach(
                full.since,
                process,
                Some(Place::Pool(pool)),
                State::PoolFull,
                Some(f64::from(full.waiting)),
                full.shown,
            );
        }
        if relieved {
            self.processes[process.index()].pools[pool.index()].full = None;
        }
    }

    /// Another life of the process begins.
    fn begin_cycle(&mut self, time: Time, process: ProcessId, restarts: u32) {
        self.settle_pools(process, time, true);
        let watched = &mut self.processes[process.index()];
        watched.seen.clear();
        watched.pauses.clear();
        // A process that a run begins with need not have announced its first life.
        if restarts > 0 && watched.cycle == 0 {
            watched.cycle = 1;
        }
        watched.cycle += 1;
        if watched.cycle > 1 {
            self.reach(time, process, None, State::Restarted, Some(f64::from(restarts)), None);
        }
    }

    fn witness(&mut self, witness: Witness, process: ProcessId, pool: Option<PoolId>, time: Time, shown: &Shown) {
        if let Some(pool) = pool.and_then(|pool| self.processes[process.index()].pools.get_mut(pool.index()))
            && let Some(full) = &mut pool.full
        {
            full.shown.get_or_insert_with(|| shown.clone());
        }
        self.processes[process.index()].recent.note(witness, time, shown.clone());
        let kept = &mut self.found.kept;
        self.waiting.retain(|waiting| {
            if waiting.is_hopeless(time) {
                return false;
            }
            let accepted = waiting.accepts(witness, process, time);
            if accepted {
                kept[waiting.milestone].shown_by = Some(shown.clone());
            }
            !accepted
        });
    }
}

impl Sink for Watcher {
    const OBSERVES: bool = false;
    const LEDGER: bool = false;
    const REQUESTS: bool = false;
    const PARTS: bool = false;

    fn state(&mut self, record: StateRecord) {
        let StateRecord { time, process, transition } = record;
        self.settle_pools(process, time, false);
        match transition {
            Transition::Collected { pause, .. } => {
                let permille = self.processes[process.index()].pauses.add(time, pause);
                if permille > GC_SHARE_PERMILLE {
                    let share = permille as f64 / 1_000.0;
                    self.reach(time, process, None, State::GcShareOver30Percent, Some(share), None);
                }
            }
            Transition::PoolFull { pool, waiting } => {
                if let Some(watched) = self.processes[process.index()].pools.get_mut(pool.index()) {
                    watched.full.get_or_insert(Fullness { since: time, waiting, shown: None });
                }
            }
            Transition::PoolRelieved { pool } => self.settle_pool(process, pool, time, true),
            Transition::AcquireTimeout { pool } => {
                self.reach(time, process, Some(Place::Pool(pool)), State::AcquireTimeout, None, None);
            }
            Transition::ServerError { status, trace, span } => {
                let shown = Shown::span(trace, span);
                self.reach(time, process, None, State::ServerError, Some(f64::from(status)), Some(shown));
            }
            Transition::Refused => self.reach(time, process, None, State::Refused, None, None),
            Transition::Shed => self.reach(time, process, None, State::Shed, None, None),
            Transition::Limited => self.reach(time, process, None, State::Limited, None, None),
            Transition::OutOfMemory => self.reach(time, process, None, State::OutOfMemoryError, None, None),
            Transition::OomKilled => self.reach(time, process, None, State::OomKilled, None, None),
            Transition::Exited { code } => {
                self.settle_pools(process, time, true);
                self.reach(time, process, None, State::Exited, Some(f64::from(code)), None);
            }
            Transition::Running { restarts } => self.begin_cycle(time, process, restarts),
            Transition::Paused { on: true } => self.reach(time, process, None, State::Stopped, None, None),
            Transition::Paused { on: false } => {}
            Transition::Breaker { link, state } => {
                let state = match state {
                    BreakerState::Open => State::BreakerOpened,
                    BreakerState::HalfOpen => State::BreakerHalfOpen,
                    BreakerState::Closed => State::BreakerClosed,
                };
                self.reach(time, process, Some(Place::Link(link)), state, None, None);
            }
            // Whoever ejects it, it is this process that is.
            Transition::Ejected { .. } => self.reach(time, process, None, State::Ejected, None, None),
            Transition::BulkheadFull { link } => {
                self.reach(time, process, Some(Place::Link(link)), State::BulkheadFull, None, None);
            }
            Transition::Throttled { link } => {
                self.reach(time, process, Some(Place::Link(link)), State::Throttled, None, None);
            }
            Transition::RetryRefused { link } => {
                self.reach(time, process, Some(Place::Link(link)), State::RetryRefused, None, None);
            }
            Transition::QueueFull { queue } => {
                self.reach(time, process, Some(Place::Queue(queue)), State::QueueFull, None, None);
            }
            Transition::DeadLettered { queue } => {
                self.reach(time, process, Some(Place::Queue(queue)), State::DeadLettered, None, None);
            }
            Transition::MessageDropped { queue } => {
                self.reach(time, process, Some(Place::Queue(queue)), State::MessageDropped, None, None);
            }
            Transition::Redelivered { queue } => {
                self.reach(time, process, Some(Place::Queue(queue)), State::Redelivered, None, None);
            }
            Transition::TakenBack { queue } => {
                self.reach(time, process, Some(Place::Queue(queue)), State::TakenBack, None, None);
            }
            Transition::MemoryAlarm { on: true } => self.reach(time, process, None, State::MemoryAlarm, None, None),
            Transition::MemoryAlarm { on: false } => {}
            Transition::TaskFailed => self.reach(time, process, None, State::TaskFailed, None, None),
            Transition::TaskRejected { executor } => {
                self.reach(time, process, Some(Place::Executor(executor)), State::TaskRejected, None, None);
            }
            Transition::WorkerKilled => self.reach(time, process, None, State::WorkerKilled, None, None),
            Transition::ProbeFailed { .. } => self.reach(time, process, None, State::ProbeFailed, None, None),
            Transition::ProbeKilled { .. } => self.reach(time, process, None, State::ProbeKilled, None, None),
            Transition::Ready { on: false } => self.reach(time, process, None, State::NotReady, None, None),
            Transition::Ready { on: true } => {}
        }
    }

    fn log(&mut self, record: LogRecord) {
        let (witness, pool) = match record.event {
            LogEvent::Collection { .. } => (Witness::CollectionLine, None),
            LogEvent::PoolTimeout { pool, .. } => (Witness::PoolTimeoutLine, Some(pool)),
            LogEvent::OutOfMemory { .. } => (Witness::OutOfMemoryLine, None),
            LogEvent::Started { .. } => (Witness::StartedLine, None),
            LogEvent::TaskRejected { .. } => (Witness::TaskRejectedLine, None),
            LogEvent::WorkerTimeout { .. } => (Witness::WorkerTimeoutLine, None),
            _ => return,
        };
        self.witness(witness, record.process, pool, record.time, &Shown::log(record.uid));
    }

    fn sample(&mut self, record: SampleRecord) {
        if record.value > 0.0
            && let Some(&(process, pool)) = self.pending.get(&record.series)
        {
            let shown = Shown::sample(record.series, record.time);
            self.witness(Witness::PendingSample, process, Some(pool), record.time, &shown);
        }
    }

    fn change(&mut self, record: ChangeRecord) {
        let (witness, kind) = match record.kind {
            ChangeKind::Exited { oom_killed: true, .. } => (Witness::OomKilledChange, "exited"),
            ChangeKind::Exited { .. } => (Witness::ExitedChange, "exited"),
            ChangeKind::Restarted { .. } => (Witness::RestartedChange, "restarted"),
            ChangeKind::Unhealthy { .. } => (Witness::UnhealthyChange, "unhealthy"),
            ChangeKind::Killing { .. } => (Witness::KillingChange, "killing"),
            ChangeKind::Deployment { .. } | ChangeKind::Configuration => return,
        };
        if let Some(process) = record.process {
            let shown = Shown::change(record.time, kind, self.processes[process.index()].instance.clone());
            self.witness(witness, process, None, record.time, &shown);
        }
    }

    fn span(&mut self, record: SpanRecord) {
        if record.error == Some(ErrorType::ConnectionRefused)
            && let Some(peer) = record.peer
        {
            self.witness(Witness::RefusedSpan, peer, None, record.end, &Shown::span(record.trace, record.span));
        }
        if matches!(record.error, Some(ErrorType::Overloaded | ErrorType::RateLimited)) {
            let who = record.peer.unwrap_or(record.process);
            self.witness(Witness::RejectedSpan, who, None, record.end, &Shown::span(record.trace, record.span));
        }
    }

    fn ledger(&mut self, _: LedgerRecord) {}
    fn request(&mut self, _: RequestRecord) {}
    fn watermark(&mut self, _: Time) {}
}

/// The n-th series of waiting callers of an instance describes its n-th pool: both are made in the order of the blueprint.
fn pending_series(catalogue: &Catalogue, processes: &[Process]) -> BTreeMap<SeriesId, (ProcessId, PoolId)> {
    let mut pending = BTreeMap::new();
    for (process, watched) in processes.iter().enumerate() {
        let series = catalogue
            .series
            .iter()
            .enumerate()
            .filter(|(_, series)| series.instance == watched.instance && series.name.contains("pending"))
            .map(|(series, _)| SeriesId(series as u32));
        for (pool, series) in series.enumerate().take(watched.pools.len()) {
            pending.insert(series, (ProcessId(process as u32), PoolId(pool as u32)));
        }
    }
    pending
}
