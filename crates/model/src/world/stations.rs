//! Little's law at every station: what stations counted, against what the frames themselves say.

use super::{ServiceState, World};
use crate::frame::{Frame, State};
use crate::id::FrameRef;
use crate::process::Process;
use crate::statistics::{Balance, ServiceStatistics, Station};
use knockon_kernel::Time;

/// Who is at a station, by their own account.
#[derive(Clone, Copy, Default)]
struct Found {
    count: u64,
    ages_ns: u128,
}

impl Found {
    fn add(&mut self, at: Time, since: Time) {
        self.count += 1;
        self.ages_ns += u128::from((at - since).as_nanos());
    }
}

/// The same for everything of a service.
#[derive(Clone, Default)]
struct FoundAtService {
    requests: Found,
    queue: Found,
    held_back: Found,
    blocked: Found,
    locks: Found,
    disk_wait: Found,
    disk_service: Found,
    processor: Found,
    /// Waiting and in use.
    pools: Vec<(Found, Found)>,
    /// Tasks that wait and tasks that run.
    executors: Vec<(Found, Found)>,
}

/// The same for a link with a traffic policy.
#[derive(Clone, Copy, Default)]
struct FoundOverLink {
    /// Attempts that have not ended.
    under_way: Found,
    /// Callers that wait for a permit.
    waiting: Found,
}

impl World {
    /// How far the world has come: the last event, or later, where it was asked to run until then.
    pub(super) fn reached(&self) -> Time {
        self.now().max(self.ran_until)
    }

    /// What limits its stations, after it was built or changed.
    pub(super) fn note_capacities(&mut self) {
        let now = self.now();
        for (service, described) in self.services.iter_mut().zip(&self.blueprint.services) {
            let processes = service.first_process as usize..(service.first_process + service.replicas) as usize;
            note(now, staff(&self.processes[processes]), &mut service.statistics);
            for (pool, statistics) in described.pools.iter().zip(&mut service.statistics.pools) {
                let connections = u64::from(pool.maximum) + u64::from(pool.overflow);
                statistics.capacity.set(now, connections * u64::from(service.replicas));
            }
        }
    }

    /// Workers of a service's processes; none where nothing limits them.
    pub(super) fn staff_of(&self, service: &ServiceState) -> Option<u64> {
        staff(&self.processes[service.first_process as usize..][..service.replicas as usize])
    }

    /// A process has more or fewer workers than before.
    pub(super) fn note_staff(&mut self, process: u32, before: Option<u64>, after: Option<u64>) {
        let now = self.now();
        let service = self.processes[process as usize].service as usize;
        let state = &self.services[service];
        let staff = match (before, after) {
            (Some(before), Some(after)) => Some(state.statistics.workers.now() - before + after),
            _ => self.staff_of(state),
        };
        note(now, staff, &mut self.services[service].statistics);
    }

    /// A worker has something to do, even one above the limit.
    pub(super) fn engage(&mut self, process: u32) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        p.busy += 1;
        if p.busy > p.workers {
            self.services[p.service as usize].statistics.workers.up(now);
        }
    }

    /// A worker has nothing to do any more; one above a limit that was lowered is then no worker.
    #[inline]
    pub(super) fn rest(&mut self, process: u32) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.busy > p.workers {
            self.services[p.service as usize].statistics.workers.down(now);
        }
        p.busy -= 1;
    }

    /// A frame is lost with its process: it leaves wherever it is.
    pub(super) fn leave_stations(&mut self, frame: FrameRef) {
        let now = self.now();
        let f = &self.frames[frame];
        let process = &self.processes[f.process as usize];
        let task = self.forks.task(frame).filter(|_| f.is_branch()).copied();
        let statistics = &mut self.services[process.service as usize].statistics;
        if let Some(task) = task {
            let executor = &mut statistics.executors[usize::from(task.executor)];
            match task.runs {
                Some(since) => executor.running.leave(now, since),
                None => executor.queue.leave(now, f.since),
            }
            executor.lost += 1;
        }
        // A branch is part of a request that is counted already; a load is none.
        if !f.is_branch() && !f.is_load() {
            statistics.requests.leave(now, f.arrived);
        }
        match f.state {
            State::Queued => statistics.queue.leave(now, f.since),
            State::Delayed => statistics.held_back.leave(now, f.since),
            State::Blocked => statistics.blocked.leave(now, f.since),
            State::WaitingLock => statistics.locks.leave(now, f.since),
            State::WaitingDisk => statistics.disk_wait.leave(now, f.since),
            State::Reading => statistics.disk_service.leave(now, f.since),
            State::WaitingPool => statistics.pools[usize::from(f.query_pool)].waiting.leave(now, f.since),
            State::Computing if !process.unlimited_cores => statistics.processor.leave(now, f.since),
            State::WaitingLoad => self.keyspaces[f.keyspace as usize].waiting.leave(now, f.since),
            _ => {}
        }
        for held in f.held.iter().flatten() {
            statistics.pools[usize::from(held.pool)].in_use.leave(now, held.since);
        }
    }

    /// Both sides of Little's law at every station.
    pub(super) fn balances(&self) -> Vec<Balance> {
        let at = self.reached();
        let mut sources = vec![Found::default(); self.sources.len()];
        let mut services: Vec<FoundAtService> = self.services.iter().map(|_| FoundAtService::default()).collect();
        for (found, service) in services.iter_mut().zip(&self.services) {
            found.pools = vec![Default::default(); service.statistics.pools.len()];
            found.executors = vec![Default::default(); service.statistics.executors.len()];
        }
        let mut links = vec![FoundOverLink::default(); self.blueprint.traffic.len()];
        let mut keyspaces = vec![Found::default(); self.keyspaces.len()];
        for frame in self.frames.handles() {
            let f = &self.frames[frame];
            if let Some(account) = self.account_of(f) {
                links[self.upstreams[account].policy as usize].under_way.add(at, f.sent);
            }
            match f.state {
                State::WaitingPermit => links[self.awaited_account(f).policy as usize].waiting.add(at, f.since),
                State::WaitingLoad => keyspaces[f.keyspace as usize].add(at, f.since),
                _ => {}
            }
            let process = &self.processes[f.process as usize];
            if process.is_client() {
                if f.program == u32::MAX {
                    sources[process.source as usize].add(at, f.sent);
                }
            } else {
                let found = &mut services[process.service as usize];
                find(f, process.unlimited_cores, at, found);
                if let Some(task) = self.forks.task(frame).filter(|_| f.is_branch()) {
                    let (queued, running) = &mut found.executors[usize::from(task.executor)];
                    match task.runs {
                        Some(since) => running.add(at, since),
                        None => queued.add(at, f.since),
                    }
                }
            }
        }
        for process in self.processes.iter().filter(|process| !process.is_client()) {
            for (pool, found) in process.pools.iter().zip(&mut services[process.service as usize].pools) {
                pool.leaked().for_each(|since| found.1.add(at, since));
            }
        }
        let mut balances = Vec::new();
        for (source, found) in self.sources.iter().zip(sources) {
            balances.push(balance(source.statistics.name.clone(), &source.statistics.requests, found, at));
        }
        for (index, (service, found)) in self.services.iter().zip(services).enumerate() {
            let statistics = &service.statistics;
            let name = &statistics.name;
            let requests = balance(name.clone(), &statistics.requests, found.requests, at);
            let queue = balance(format!("{name} queue"), &statistics.queue, found.queue, at);
            let held_back = balance(format!("{name} held back"), &statistics.held_back, found.held_back, at);
            let locks = balance(format!("{name} locks"), &statistics.locks, found.locks, at);
            balances.push(self.at_workers(index, &requests, [&queue, &held_back, &locks]));
            balances.extend([requests, queue, held_back, locks]);
            balances.push(balance(format!("{name} processor"), &statistics.processor, found.processor, at));
            if self.machine(service.first_process).is_some() {
                balances.push(balance(format!("{name} blocked"), &statistics.blocked, found.blocked, at));
            }
            if self.blueprint.services[index].storage.is_some() {
                balances.push(balance(
                    format!("{name} waits for the disk"),
                    &statistics.disk_wait,
                    found.disk_wait,
                    at,
                ));
                balances.push(balance(format!("{name} disk"), &statistics.disk_service, found.disk_service, at));
            }
            for (pool, (waiting, in_use)) in statistics.pools.iter().zip(found.pools) {
                balances.push(balance(format!("{name}/{} waiting", pool.name), &pool.waiting, waiting, at));
                balances.push(balance(format!("{name}/{} in use", pool.name), &pool.in_use, in_use, at));
            }
            for (executor, (queued, running)) in statistics.executors.iter().zip(found.executors) {
                balances.push(balance(format!("{name}/{} queued", executor.name), &executor.queue, queued, at));
                balances.push(balance(format!("{name}/{} running", executor.name), &executor.running, running, at));
            }
        }
        for (link, found) in self.link_statistics().iter().zip(links) {
            balances.push(balance(format!("{} under way", link.name), &link.under_way, found.under_way, at));
            balances.push(balance(format!("{} permits", link.name), &link.waiting, found.waiting, at));
        }
        for (keys, found) in self.keyspaces.iter().zip(keyspaces) {
            balances.push(balance(format!("{}/{} loads", keys.cache, keys.name), &keys.waiting, found, at));
        }
        balances.extend(self.balances_of_queues(at));
        balances
    }

    /// What queues hold, against their messages one by one.
    fn balances_of_queues(&self, at: Time) -> Vec<Balance> {
        let mut balances = Vec::new();
        for (described, state) in self.blueprint.services.iter().zip(&self.services) {
            let Some(machine) = self.machine(state.first_process) else { continue };
            let mut unacked = vec![Found::default(); machine.queues().len()];
            machine.in_hand().for_each(|(queue, since)| unacked[queue as usize].add(at, since));
            for (queue, unacked) in machine.queues().iter().zip(unacked) {
                let mut ready = Found::default();
                queue.ready().for_each(|message| ready.add(at, message.ready_since));
                let name = format!("{}/{}", described.name, queue.config.name);
                balances.push(balance(format!("{name} ready"), &queue.statistics.ready, ready, at));
                balances.push(balance(format!("{name} unacknowledged"), &queue.statistics.unacked, unacked, at));
            }
        }
        balances
    }

    /// What became of the messages of all queues.
    pub(super) fn queue_statistics(&self) -> Vec<crate::statistics::QueueStatistics> {
        let mut all = Vec::new();
        let at = self.reached();
        for (described, state) in self.blueprint.services.iter().zip(&self.services) {
            let queues = self.machine(state.first_process).map_or(&[][..], |machine| machine.queues());
            all.extend(queues.iter().map(|queue| {
                let mut statistics = queue.statistics.clone();
                statistics.broker.clone_from(&described.name);
                statistics.oldest = statistics.oldest.max(queue.oldest(at));
                statistics
            }));
        }
        all
    }

    /// Who neither is queued or held back nor waits for a row is at a worker: their number is that of the busy ones.
    fn at_workers(&self, service: usize, requests: &Balance, elsewhere: [&Balance; 3]) -> Balance {
        let found: u64 = elsewhere.iter().map(|balance| balance.found).sum();
        let present_ns: u128 = elsewhere.iter().map(|balance| balance.present_ns).sum();
        let times_ns: u128 = elsewhere.iter().map(|balance| balance.sojourns_ns + balance.ages_ns).sum();
        let state = &self.services[service];
        let processes = state.first_process as usize..(state.first_process + state.replicas) as usize;
        Balance {
            name: format!("{} workers", state.statistics.name),
            present: self.processes[processes].iter().map(|process| u64::from(process.busy)).sum(),
            found: requests.found.saturating_sub(found),
            present_ns: requests.present_ns.saturating_sub(present_ns),
            // Ages of requests at a worker tell of their time elsewhere too, which is among the sojourns there.
            sojourns_ns: (requests.sojourns_ns + requests.ages_ns).saturating_sub(times_ns),
            ages_ns: 0,
        }
    }
}

/// Workers of a service's processes; none where nothing limits them.
fn staff(processes: &[Process]) -> Option<u64> {
    processes.iter().map(Process::staff).sum()
}

/// A service has so many workers from now on.
fn note(now: Time, staff: Option<u64>, statistics: &mut ServiceStatistics) {
    statistics.workers.set(now, staff.unwrap_or(0));
    // What is set up at the beginning takes no time.
    statistics.unlimited = staff.is_none() || statistics.unlimited && now > Time::ZERO;
}

fn find(f: &Frame, unlimited_cores: bool, at: Time, found: &mut FoundAtService) {
    if matches!(f.state, State::InTransit | State::Doomed | State::Dropped | State::Answered) {
        return;
    }
    if !f.is_branch() && !f.is_load() {
        found.requests.add(at, f.arrived);
    }
    match f.state {
        State::Queued => found.queue.add(at, f.since),
        State::Delayed => found.held_back.add(at, f.since),
        State::Blocked => found.blocked.add(at, f.since),
        State::WaitingLock => found.locks.add(at, f.since),
        State::WaitingDisk => found.disk_wait.add(at, f.since),
        State::Reading => found.disk_service.add(at, f.since),
        State::WaitingPool => found.pools[usize::from(f.query_pool)].0.add(at, f.since),
        State::Computing if !unlimited_cores => found.processor.add(at, f.since),
        _ => {}
    }
    for held in f.held.iter().flatten() {
        found.pools[usize::from(held.pool)].1.add(at, held.since);
    }
}

fn balance(name: String, station: &Station, found: Found, at: Time) -> Balance {
    Balance {
        name,
        present: station.present(),
        found: found.count,
        present_ns: station.present_ns(at),
        sojourns_ns: station.sojourns_ns(),
        ages_ns: found.ages_ns,
    }
}
