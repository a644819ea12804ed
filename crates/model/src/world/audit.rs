//! A stocktaking: everything that the world counts is counted again, the slow way, from what is there.
//!
//! Every frame alive has exactly one thing that will move it on; every place, worker, connection and job that is taken is taken
//! by somebody who is there and knows of it; every sum that is kept is the sum of its parts. A finding is a defect of a
//! machine, never of a scenario. Called between events by tests and fuzzers; reading changes nothing.
//!
//! A new machine that keeps frames or counts adds its part here.

use super::{Event, PoolEvent, World};
use crate::blueprint::LinkEnd;
use crate::frame::{Frame, State};
use crate::id::{ConnectionId, FrameRef};
use crate::process::{Kept, Life, Reason};
use knockon_kernel::Ticket;
use std::collections::{BTreeMap, BTreeSet};

/// What will move frames on: the events addressed to each, in the calendar and in inboxes.
#[derive(Default)]
struct Coming {
    deliveries: BTreeMap<FrameRef, usize>,
    replies: BTreeMap<FrameRef, usize>,
    timers: BTreeMap<(FrameRef, u32), usize>,
    continuations: BTreeMap<FrameRef, usize>,
    retransmissions: BTreeMap<FrameRef, usize>,
    permits: BTreeMap<FrameRef, usize>,
    unblocks: BTreeMap<FrameRef, usize>,
    /// By process and incarnation.
    starts: BTreeMap<(u32, u32), usize>,
    /// Validations under way, by process, pool and connection.
    validations: BTreeSet<(u32, u8, ConnectionId)>,
}

impl Coming {
    fn add(&mut self, event: Event) {
        match event {
            Event::Deliver { frame } | Event::Consume { frame } => *self.deliveries.entry(frame).or_default() += 1,
            Event::Reply { child } => *self.replies.entry(child).or_default() += 1,
            Event::Timer { frame, serial } => *self.timers.entry((frame, serial)).or_default() += 1,
            Event::Continue { frame } => *self.continuations.entry(frame).or_default() += 1,
            Event::Retransmit { frame } => *self.retransmissions.entry(frame).or_default() += 1,
            Event::Permit { frame } => *self.permits.entry(frame).or_default() += 1,
            Event::Unblocked { frame } => *self.unblocks.entry(frame).or_default() += 1,
            Event::Started { process, incarnation } | Event::Supervise { process, incarnation } => {
                *self.starts.entry((process, incarnation)).or_default() += 1;
            }
            Event::Pool { process, connection, pool, what: PoolEvent::Validated, .. } => {
                self.validations.insert((process, pool, connection));
            }
            _ => {}
        }
    }
}

/// What frames do over a link, by account.
#[derive(Clone, Copy, Default)]
struct Calls {
    /// Attempts under way.
    sent: u64,
    /// Callers that wait for a permit, and those whose permit is on its way.
    waiting: u64,
    granted: u64,
    /// Second and later attempts under way, waiting or backing off.
    retries: u64,
}

/// What frames were found to hold, by process.
#[derive(Clone, Default)]
struct Found {
    working: u64,
    queued: u64,
    /// Waiting for rows, without a worker.
    locked: u64,
    /// At the disk.
    ios: u64,
    delayed: u64,
    computing: u64,
    roots: u64,
}

impl World {
    /// Counts everything again. Empty when every sum is right; else one sentence for each that is wrong, with no more than a few
    /// of a kind.
    #[must_use]
    pub fn audit(&self) -> Vec<String> {
        let mut findings = Findings::default();
        let coming = self.coming();
        let found = self.audit_frames(&coming, &mut findings);
        self.audit_processes(&found, &coming, &mut findings);
        self.audit_sums(&found, &mut findings);
        self.audit_accounts(&coming, &mut findings);
        self.audit_loads(&mut findings);
        self.audit_brokers(&mut findings);
        let blame = self.audit_blame();
        findings
            .check(blame.is_none(), || format!("accounts of blame are not what they would be from scratch: {blame:?}"));
        findings.0
    }

    fn coming(&self) -> Coming {
        let mut coming = Coming::default();
        self.calendar.pending().for_each(|packed| coming.add(packed.event()));
        self.processes.iter().flat_map(|process| &process.inbox).for_each(|&(_, event)| coming.add(event));
        coming
    }

    /// Each frame on its own: what moves it on, and what it holds.
    fn audit_frames(&self, coming: &Coming, findings: &mut Findings) -> Vec<Found> {
        let mut found = vec![Found::default(); self.processes.len()];
        for handle in self.frames.handles() {
            let frame = &self.frames[handle];
            let here = &mut found[frame.process as usize];
            let root = frame.program == u32::MAX;
            here.roots += u64::from(root);
            here.queued += u64::from(frame.state == State::Queued);
            here.computing += u64::from(frame.state == State::Computing);
            here.locked += u64::from(frame.state == State::WaitingLock);
            here.ios += u64::from(matches!(frame.state, State::WaitingDisk | State::Reading));
            here.delayed += u64::from(frame.state == State::Delayed);
            let waits = matches!(frame.state, State::Queued | State::Delayed | State::WaitingLock);
            let at_work = !waits && !frame.on_its_way() && frame.state != State::Answered;
            // A branch takes no worker, nor does a load.
            here.working += u64::from(at_work && !root && !frame.is_branch() && !frame.is_load());
            let movers = self.movers(handle, frame, coming);
            findings.check(movers == 1, || {
                format!(
                    "a frame that is {:?} at {} has {movers} ways to go on",
                    frame.state,
                    self.name_of(frame.process)
                )
            });
            self.audit_holdings(handle, frame, findings);
            let accounted: u64 = frame.parts.iter().sum();
            findings.check(frame.on_its_way() || accounted == (frame.since - frame.arrived).as_nanos(), || {
                format!("a frame that is {:?} at {} has lost time", frame.state, self.name_of(frame.process))
            });
        }
        found
    }

    /// In how many ways a frame can go on by itself. A wait for an answer may end by a timer as well: that is one way.
    fn movers(&self, handle: FrameRef, frame: &Frame, coming: &Coming) -> usize {
        let process = &self.processes[frame.process as usize];
        let timer = coming.timers.get(&(handle, frame.timer_serial)).copied().unwrap_or(0);
        match frame.state {
            State::InTransit | State::Doomed => coming.deliveries.get(&handle).copied().unwrap_or(0),
            State::Answered => coming.replies.get(&handle).copied().unwrap_or(0),
            State::Queued => process.queue.waiting().filter(|&queued| queued == handle).count(),
            // Its caller's leaving takes it away, or its SYN comes again.
            // Whoever does not read it does so when the alarm is cleared, for which an event is planned, or which an acknowledgement causes.
            State::Blocked => {
                let machine = self.machine(frame.process);
                let blocked = machine.iter().flat_map(|machine| machine.blocked());
                let waits = blocked.filter(|&blocked| blocked == handle).count();
                if machine.is_some_and(|machine| machine.is_alarmed()) { waits } else { 0 }
            }
            State::Dropped => {
                let awaited = self.frames.get(frame.caller).is_some_and(|caller| caller.child == handle);
                let again = coming.retransmissions.get(&handle).copied().unwrap_or(0);
                if awaited && frame.timer == Ticket::NONE { 1 } else { again }
            }
            State::Blocking if process.blocker != handle || !process.stops.has(Reason::Blocking) => 0,
            State::Blocking => coming.unblocks.get(&handle).copied().unwrap_or(0),
            State::Stalled => coming.continuations.get(&handle).copied().unwrap_or(0),
            State::BackingOff | State::Sleeping | State::Delayed => timer,
            State::WaitingPermit => {
                let upstream = self.awaited_account(frame);
                let waits = upstream.bulkhead.iter().flat_map(|bulkhead| bulkhead.waiters());
                let waits = waits.filter(|&waiter| waiter == handle).count();
                let comes = coming.permits.get(&handle).copied().unwrap_or(0);
                // Whoever waits has the timer of the longest wait running; a permit on its way makes that idle.
                if timer == 1 || comes > 0 { waits + comes } else { 0 }
            }
            State::Computing if process.unlimited_cores => timer,
            State::Computing => process.cpu.jobs().filter(|&job| job == handle).count(),
            State::WaitingReply => usize::from(self.frames.contains(frame.child)),
            State::WaitingLoad => {
                let load = self.loads.get(frame.child);
                load.map_or(0, |load| load.waiters.iter().filter(|&&waiter| waiter == handle).count())
            }
            State::WaitingPool => {
                let pool = &process.pools[usize::from(frame.query_pool)];
                let waits = pool.waiters().filter(|&waiter| waiter == handle).count();
                let opens = |&(connection, user): &_| user == handle && frame.connecting == Some(connection);
                let opening = pool.uses().filter(opens).count();
                // Whoever waits for a connection also has the acquire timeout running.
                if timer == 1 { waits + opening } else { 0 }
            }
            State::WaitingLock => {
                let waiters = process.locks.iter().flat_map(|locks| locks.waiters());
                let timed = self.postgres(frame.process).lock_timeout.is_some();
                if timed && timer != 1 { 0 } else { waiters.filter(|&waiter| waiter == handle).count() }
            }
            State::WaitingDisk => {
                process.disk.iter().flat_map(|disk| disk.waiting()).filter(|&waiter| waiter == handle).count()
            }
            // Whoever is served has its end as a timer.
            State::Reading => {
                let served = process.disk.iter().flat_map(|disk| disk.served()).filter(|&served| served == handle);
                served.count() * timer
            }
            State::WaitingThread => {
                let queues = process.executors.iter().flat_map(|staff| staff.machine.queued());
                queues.filter(|&queued| queued == handle).count()
            }
            State::Joining if self.forks.waits_in_vain(handle) => 1,
            State::Joining => usize::from(self.forks.open(handle).iter().any(|&branch| self.frames.contains(branch))),
            // Frames run within an instant; between events none does.
            State::Running => 0,
        }
    }

    fn audit_holdings(&self, handle: FrameRef, frame: &Frame, findings: &mut Findings) {
        let process = &self.processes[frame.process as usize];
        for held in frame.held.iter().flatten() {
            let pool = &process.pools[usize::from(held.pool)];
            findings.check(pool.user(held.connection) == Some(handle), || {
                format!("a frame at {} holds a connection that is not its own", self.name_of(frame.process))
            });
        }
        let child = self.frames.get(frame.child);
        findings.check(child.is_none_or(|child| child.caller == handle || child.is_load()), || {
            format!("a frame at {} waits for the answer to somebody else", self.name_of(frame.process))
        });
        let ended = frame.on_its_way() || matches!(frame.state, State::Queued | State::Answered | State::WaitingThread);
        findings.check(!ended || frame.held.iter().all(Option::is_none), || {
            format!("a frame that is {:?} at {} holds a connection", frame.state, self.name_of(frame.process))
        });
    }

    /// Each process: what it counts against what frames say.
    fn audit_processes(&self, found: &[Found], coming: &Coming, findings: &mut Findings) {
        for (index, (process, found)) in self.processes.iter().zip(found).enumerate() {
            let name = || self.name_of(index as u32);
            let mut equal = |what: &str, kept: u64, counted: u64| {
                findings.check(kept == counted, || format!("{} counts {kept} {what}, there are {counted}", name()));
            };
            equal("requests in its queue", process.queue.len() as u64, found.queued);
            if process.is_client() {
                continue;
            }
            equal("busy workers", u64::from(process.busy), found.working);
            if let Some(prefork) = &process.prefork {
                let alive =
                    prefork.serving().filter(|&frame| self.frames.get(frame).is_some_and(|f| !f.answered_yet()));
                equal("requests in its worker processes", prefork.serving().count() as u64, found.working);
                equal("requests there that have not ended", alive.count() as u64, found.working);
            }
            let ios = process.disk.as_ref().map_or(0, |disk| disk.served().count() + disk.waiting().count());
            equal("I/Os of its disk", ios as u64, found.ios);
            if !process.unlimited_cores {
                equal("jobs on its processor", process.cpu.runnable() as u64, found.computing);
            }
            let serves = matches!(process.life, Life::Running | Life::Stopping);
            findings.check(serves || found.working + found.queued + found.locked == 0, || {
                format!("{} works while it is down", name())
            });
            let stopped = process.is_stopped();
            let rests = process.takes_nothing_up();
            findings.check(process.inbox.is_empty() || stopped, || format!("{} leaves its inbox unread", name()));
            let idle = process.busy < process.workers && !rests && serves;
            findings.check(!idle || process.queue.is_empty(), || format!("{} has free workers and a queue", name()));
            let runs = !process.unlimited_cores && process.cpu.runnable() > 0 && !stopped;
            findings
                .check(!runs || process.cpu_ticket != Ticket::NONE || process.cpu.next_completion().is_none(), || {
                    format!("nothing wakes the processor of {}", name())
                });
            let starts = coming.starts.get(&(index as u32, process.incarnation)).copied().unwrap_or(0);
            let starting = process.life == Life::Starting;
            findings.check(!starting || starts == 1, || format!("{} has {starts} starts before it", name()));
            self.audit_executors(index as u32, findings);
            self.audit_pools(index as u32, coming, findings);
            self.audit_links(index as u32, findings);
        }
    }

    /// Executors: their tasks are frames that know of it, and none is lost count of.
    fn audit_executors(&self, index: u32, findings: &mut Findings) {
        let process = &self.processes[index as usize];
        for (number, staff) in process.executors.iter().enumerate() {
            let machine = &staff.machine;
            let of_it = |frame: &FrameRef| self.forks.task(*frame).filter(|task| usize::from(task.executor) == number);
            let queued: Vec<FrameRef> = machine.queued().collect();
            let waits = |frame: &FrameRef| {
                self.frames.get(*frame).is_some_and(|f| f.state == State::WaitingThread) && of_it(frame).is_some()
            };
            let runs = |frame: &FrameRef| {
                self.frames.get(*frame).is_some_and(|f| f.state != State::WaitingThread)
                    && of_it(frame).is_some_and(|task| task.runs.is_some())
            };
            let name = || format!("an executor of {}", self.name_of(index));
            findings.check(queued.iter().all(waits), || format!("{} has a task in its queue that is none", name()));
            findings.check(machine.running().iter().all(runs), || format!("{} runs a task that is none", name()));
            let idle = machine.threads() > machine.running().len() as u32;
            findings.check(!idle || queued.is_empty(), || format!("{} has idle threads and a queue", name()));
            let planned = machine.next_expiry().is_none_or(|next| staff.due.is_some_and(|due| due <= next));
            findings.check(planned, || format!("nothing ends idle threads of {}", name()));
        }
        let tasks = self.frames.handles().filter(|&frame| {
            let f = &self.frames[frame];
            f.process == index && f.is_branch() && self.forks.task(frame).is_some()
        });
        let known = |staff: &crate::process::Staff| staff.machine.running().len() + staff.machine.queued().len();
        let (counted, kept) = (tasks.count(), process.executors.iter().map(known).sum::<usize>());
        findings.check(counted == kept, || {
            format!("executors of {} count {kept} tasks, there are {counted}", self.name_of(index))
        });
    }

    fn audit_pools(&self, index: u32, coming: &Coming, findings: &mut Findings) {
        let process = &self.processes[index as usize];
        for (number, pool) in process.pools.iter().enumerate() {
            let readings = pool.readings();
            findings.check(pool.kept() <= pool.capacity() as usize + readings.active as usize, || {
                format!(
                    "a pool of {} has {} connections, {} at most",
                    self.name_of(index),
                    pool.kept(),
                    pool.capacity()
                )
            });
            for (connection, user) in pool.uses() {
                let holds = self.frames.get(user).is_some_and(|frame| {
                    let held = frame.held.iter().flatten();
                    let mut held = held.filter(|held| usize::from(held.pool) == number);
                    let opens = frame.state == State::WaitingPool && frame.connecting == Some(connection);
                    held.any(|held| held.connection == connection) || opens
                });
                // A caller that gave up during a validation leaves the connection to the answer.
                let gave_up = coming.validations.contains(&(index, number as u8, connection));
                findings.check(holds || gave_up, || {
                    format!("connection {} of {} is in use by nobody", connection.0, self.name_of(index))
                });
            }
            for waiter in pool.waiters() {
                let waits = self.frames.get(waiter).is_some_and(|frame| frame.state == State::WaitingPool);
                findings.check(waits, || format!("nobody waits at a place of {}'s pool", self.name_of(index)));
            }
        }
    }

    /// Kept connections stay below what their link keeps.
    fn audit_links(&self, index: u32, findings: &mut Findings) {
        let p = &self.processes[index as usize];
        let counts = self.services.get(p.service as usize).is_some_and(|service| service.maxclients.is_some());
        if counts && matches!(p.life, Life::Running | Life::Stopping) {
            let found = self.clients_of(index);
            findings.check(found == p.connections, || {
                format!("{} counts {} clients, and {found} are there", self.name_of(index), p.connections)
            });
        }
        let kept = &p.keep_alive;
        for &Kept { link, to, .. } in kept {
            let idle: u32 = kept.iter().filter(|kept| kept.link == link).map(|kept| kept.idle).sum();
            let described = &self.blueprint.links[link as usize];
            let callee = self.processes[to as usize].service;
            findings
                .check(described.to.0 == callee, || format!("{} keeps a connection to nobody", self.name_of(index)));
            let own =
                matches!(described.from, LinkEnd::Service(from) if from.0 == self.processes[index as usize].service);
            findings.check(own && described.keep_alive.is_some_and(|limit| idle <= limit), || {
                format!("{} keeps {idle} connections of link {link}", self.name_of(index))
            });
        }
    }

    /// Callers' accounts of their links, against the attempts and waiters that are there.
    fn audit_accounts(&self, coming: &Coming, findings: &mut Findings) {
        let mut found = vec![Calls::default(); self.upstreams.len()];
        for handle in self.frames.handles() {
            let frame = &self.frames[handle];
            let calls = matches!(frame.state, State::WaitingPermit | State::WaitingReply | State::BackingOff);
            if !calls || frame.call_edge == u32::MAX {
                continue;
            }
            let edge = self.tables.edges[frame.call_edge as usize];
            if !edge.is_guarded() {
                continue;
            }
            let attempt = self.frames.get(frame.child).filter(|attempt| attempt.caller_side.is_guarded());
            let calls = &mut found[edge.upstream.wrapping_add(frame.process) as usize];
            let comes = coming.permits.contains_key(&handle);
            calls.retries += u64::from(frame.state == State::BackingOff || frame.attempts > 1);
            match frame.state {
                State::WaitingPermit if comes => calls.granted += 1,
                State::WaitingPermit => calls.waiting += 1,
                State::WaitingReply => calls.sent += u64::from(attempt.is_some()),
                _ => {}
            }
        }
        for (upstream, Calls { sent, waiting, granted, retries }) in self.upstreams.iter().zip(found) {
            let mut equal = |what: &str, kept: u64, counted: u64| {
                let name = || self.name_of(upstream.process);
                findings.check(kept == counted, || format!("{} counts {kept} {what}, there are {counted}", name()));
            };
            equal("attempts under way over a link", upstream.statistics.in_flight(), sent);
            equal("attempts under way on its hosts", upstream.active_on_hosts(), sent);
            if let Some(bulkhead) = &upstream.bulkhead {
                let (taken, queued) = bulkhead.load();
                equal("permits out", taken.into(), sent + granted);
                equal("callers that wait for a permit", queued.into(), waiting);
            }
            if let Some(active) = upstream.active_retries() {
                equal("retries in its budget", active, retries);
            }
            let stuck =
                upstream.breaker.as_ref().is_some_and(|breaker| breaker.waits_in_vain(sent + waiting + granted));
            findings.check(!stuck, || format!("a breaker of {} is half-open for ever", self.name_of(upstream.process)));
        }
    }

    /// What statistics say is under way, against frames.
    fn audit_sums(&self, found: &[Found], findings: &mut Findings) {
        for balance in self.balances() {
            findings.check(balance.holds(), || format!("Little's law does not hold: {balance:?}"));
        }
        for (source, described) in self.sources.iter().zip(&self.blueprint.sources) {
            let (kept, counted) = (source.statistics.in_flight(), found[source.process as usize].roots);
            findings.check(kept == counted, || {
                format!("source {} has {kept} requests in flight, there are {counted}", described.name)
            });
        }
        for service in &self.services {
            let processes = &found[service.first_process as usize..][..service.replicas as usize];
            let waiting = |found: &Found| found.queued + found.locked + found.delayed;
            let counted: u64 = processes.iter().map(|found| found.working + waiting(found)).sum();
            let kept = service.statistics.in_flight();
            findings.check(kept == counted, || {
                format!("service {} has {kept} requests in flight, there are {counted}", service.statistics.name)
            });
            for executor in &service.statistics.executors {
                let present = executor.queue.present() + executor.running.present();
                let ended = executor.completed + executor.rejected + executor.lost;
                findings.check(executor.submitted == ended + present, || {
                    format!(
                        "{}/{} was handed {} tasks, {ended} ended and {present} are there",
                        service.statistics.name, executor.name, executor.submitted
                    )
                });
            }
            let (kept, counted) = (service.statistics.workers.now(), self.staff_of(service).unwrap_or(0));
            findings.check(kept == counted, || {
                format!("service {} counts {kept} workers, there are {counted}", service.statistics.name)
            });
        }
    }

    /// Loads are what their frames are, whoever waits for one is known to it, and none is lost count of.
    fn audit_loads(&self, findings: &mut Findings) {
        let tasks: Vec<_> = self.frames.handles().filter(|&handle| self.frames[handle].is_load()).collect();
        findings.check(tasks.iter().all(|&task| self.loads.get(task).is_some()), || "a frame loads nothing".into());
        let (kept, counted) = (self.loads.iter().count(), tasks.len());
        findings.check(kept == counted, || format!("{kept} loads are under way, there are {counted}"));
        for load in self.loads.iter() {
            let waits = |waiter: &FrameRef| {
                self.frames.get(*waiter).is_some_and(|f| f.state == State::WaitingLoad && f.child == load.frame)
            };
            findings.check(load.waiters.iter().all(waits), || "a load has a waiter who is not".into());
            let same = self.frames.get(load.frame).is_some_and(|frame| frame.process == load.place.process);
            findings.check(same, || "a load runs elsewhere".into());
        }
        for keys in self.keyspace_statistics() {
            let ended = keys.loaded + keys.load_failures + keys.lost;
            findings.check(keys.loads == ended + keys.loading, || {
                format!(
                    "{}/{} began {} loads, {ended} ended and {} go on",
                    keys.cache, keys.name, keys.loads, keys.loading
                )
            });
        }
    }

    /// Brokers: every message is accounted for, and whoever handles one knows of it.
    fn audit_brokers(&self, findings: &mut Findings) {
        for queue in self.queue_statistics() {
            findings.check(queue.is_conserved(), || format!("messages are lost count of: {queue:?}"));
        }
        for process in 0..self.processes.len() as u32 {
            let Some(machine) = self.machine(process) else { continue };
            for finding in machine.audit() {
                findings.check(false, || format!("{}: {finding}", self.name_of(process)));
            }
            for blocked in machine.blocked() {
                let waits = self.frames.get(blocked).is_some_and(|frame| frame.state == State::Blocked);
                findings.check(waits, || format!("nobody waits to be read by {}", self.name_of(process)));
            }
        }
        for handle in self.frames.handles().filter(|&handle| self.frames[handle].is_consumed()) {
            findings.check(self.consumed.contains_key(&handle), || "a frame handles no message".into());
        }
        for handle in self.consumed.keys() {
            let handles = self.frames.get(*handle).is_some_and(Frame::is_consumed);
            findings.check(handles, || "a message is handled by nobody".into());
        }
    }

    /// What of the world has not ended: frames, work, waiting, connections in use. Empty once every request has.
    #[must_use]
    pub fn unfinished(&self) -> Vec<String> {
        let mut findings = Findings::default();
        for handle in self.frames.handles() {
            let frame = &self.frames[handle];
            findings.check(false, || format!("a frame is {:?} at {}", frame.state, self.name_of(frame.process)));
        }
        for (index, process) in self.processes.iter().enumerate() {
            let name = || self.name_of(index as u32);
            findings.check(process.busy == 0, || format!("{} has {} busy workers", name(), process.busy));
            findings.check(process.queue.is_empty(), || format!("{} has a queue", name()));
            findings.check(process.inbox.is_empty(), || format!("{} has an inbox", name()));
            let waiting =
                process.locks.as_ref().map_or(0, |locks| locks.waiters().filter(|&f| f != FrameRef::NONE).count());
            findings.check(waiting == 0, || format!("{waiting} statements wait for rows of {}", name()));
            findings.check(process.cpu.runnable() == 0, || format!("the processor of {} has jobs", name()));
            for pool in &process.pools {
                findings.check(pool.waiting() == 0, || format!("a pool of {} has waiters", name()));
                findings.check(pool.uses().next().is_none(), || format!("a pool of {} is in use", name()));
            }
        }
        for (slot, share) in self.shares.iter().enumerate() {
            findings.check(share.is_empty(), || format!("slot {slot} holds a share of a heap"));
        }
        findings.0
    }

    /// Whether somebody waits for ever, without a timer: for the answer to a request that was dropped without a word, for a task that was
    /// thrown away, or for frames
    /// that wait for each other in a circle, such as loads of two keys that each ask for the other's.
    #[must_use]
    pub fn waits_in_vain(&self) -> bool {
        let mut clear = BTreeSet::new();
        self.frames.handles().any(|frame| {
            let f = &self.frames[frame];
            let in_vain = f.state == State::Joining && f.timer == Ticket::NONE && self.forks.waits_in_vain(frame);
            f.state == State::Dropped || in_vain || self.is_in_circle(frame, &mut clear)
        })
    }

    /// Whether the waits that begin at a frame lead into a circle. Frames from which none does are added to `clear`.
    fn is_in_circle(&self, frame: FrameRef, clear: &mut BTreeSet<FrameRef>) -> bool {
        let mut path: Vec<(FrameRef, Vec<FrameRef>)> = vec![(frame, self.waits_for(frame))];
        while let Some(next) = path.last_mut().map(|(_, ahead)| ahead.pop()) {
            match next {
                Some(next) if path.iter().any(|&(before, _)| before == next) => return true,
                Some(next) if clear.contains(&next) => {}
                Some(next) => path.push((next, self.waits_for(next))),
                None => clear.extend(path.pop().map(|(at, _)| at)),
            }
        }
        false
    }

    /// The frames that must end before this one can go on; none where it has a timer.
    fn waits_for(&self, frame: FrameRef) -> Vec<FrameRef> {
        match self.frames.get(frame) {
            Some(waiting) if waiting.timer == Ticket::NONE => match waiting.state {
                State::WaitingLoad | State::WaitingReply => vec![waiting.child],
                State::Joining => self.forks.open(frame).to_vec(),
                State::WaitingThread => {
                    let executor = self.forks.task(frame).map_or(0, |task| usize::from(task.executor));
                    self.processes[waiting.process as usize].executors[executor].machine.running().to_vec()
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// Events that are still to come, stale ones included.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.calendar.len()
    }

    pub(super) fn name_of(&self, process: u32) -> &str {
        &self.catalogue.processes[process as usize].instance
    }
}

/// Findings of a kind that are told before the rest is left out.
const TOLD: usize = 8;

/// What was found to be wrong.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn check(&mut self, right: bool, what: impl FnOnce() -> String) {
        if !right && self.0.len() < TOLD {
            self.0.push(what());
        }
    }
}
