//! The hooks of blame: what changes a frame or a process says so here, and when an event is over the accounts are brought up to date.
//!
//! Off, each hook is one branch that is never taken.

use super::World;
use crate::blame::{self, Blame, Cell, OPENING, PartyKey, REFUSAL, Speed, Standing, UNITS, Want};
use crate::blueprint::LinkEnd;
use crate::frame::{Frame, State};
use crate::id::{ExecutorId, FrameRef, PoolId, ServiceId};
use crate::process::Process;
use crate::record::{Activity, BlameRecord, Part, Resource, ResourceKind};
use crate::world::{Event, Program};
use knockon_kernel::Time;
use std::collections::BTreeMap;

/// Amounts by resource and waiting party, then by holding party: nanoseconds and refusals, in their units.
type Sums = BTreeMap<(Resource, PartyKey), BTreeMap<PartyKey, (u128, u128)>>;

impl World {
    /// Begins to account for who holds what others wait for, from what there is now; nothing happens where it is accounted for already.
    pub fn watch_blame(&mut self) {
        if self.blame.is_none() {
            self.blame = Some(self.blame_from_scratch());
        }
    }

    /// Accounts for it no longer.
    pub fn ignore_blame(&mut self) {
        self.blame = None;
    }

    /// What has accrued since [`World::watch_blame`], or since this was last called, in the order of resources and parties; from now
    /// on it accrues anew. Empty where nothing is accounted for.
    #[must_use]
    pub fn take_blame(&mut self) -> Vec<BlameRecord> {
        let Some(mut blame) = self.blame.take() else { return Vec::new() };
        let at = self.reached();
        self.settle(&mut blame, at);
        let mut sums = Sums::new();
        for process in 0..self.processes.len() as u32 {
            self.take_of_process(&mut blame, process, at, &mut sums);
        }
        for (upstream, (account, refusals)) in self.upstreams.iter().zip(&mut blame.permits) {
            let link = self.blueprint.traffic[upstream.policy as usize].link;
            let resource = Resource { owner: self.blueprint[link].from, kind: ResourceKind::Permits(link) };
            add(&mut sums, resource, account.take(at), false);
            add(&mut sums, resource, refusals.take(), true);
        }
        self.blame = Some(blame);
        let programs = &self.tables.programs;
        sums.into_iter().flat_map(|((resource, waiting), shares)| told(programs, resource, waiting, &shares)).collect()
    }

    fn take_of_process(&self, blame: &mut Blame, process: u32, at: Time, sums: &mut Sums) {
        let p = &self.processes[process as usize];
        if p.is_client() {
            return;
        }
        let accounts = &mut blame.processes[process as usize];
        let resource = |kind| Resource { owner: LinkEnd::Service(ServiceId(p.service)), kind };
        let mut waits = |kind, cells| add(sums, resource(kind), cells, false);
        waits(ResourceKind::Workers, accounts.workers.take(at));
        for (pool, accounts) in accounts.pools.iter_mut().enumerate() {
            let kind = ResourceKind::Pool(PoolId(pool as u32));
            waits(kind, accounts.queue.take(at));
            waits(kind, accounts.opening.take(at));
        }
        for (executor, (threads, _)) in accounts.executors.iter_mut().enumerate() {
            waits(ResourceKind::Threads(ExecutorId(executor as u32)), threads.take(at));
        }
        waits(ResourceKind::Processor, accounts.processor.take(at, p.cpu.served_ever(at)));
        waits(ResourceKind::Locks, accounts.locks.take(at));
        waits(ResourceKind::Disk, accounts.disk.take(at));
        waits(ResourceKind::Running, accounts.running.take(at));
        waits(ResourceKind::Memory, accounts.memory.take(at));
        for tokens in &mut accounts.tokens {
            waits(ResourceKind::Tokens, tokens.take(at));
        }
        let refusals = &mut accounts.refusals;
        let mut refused = |kind, cells| add(sums, resource(kind), cells, true);
        refused(ResourceKind::Workers, refusals.workers.take());
        for (executor, (_, refusals)) in accounts.executors.iter_mut().enumerate() {
            refused(ResourceKind::Threads(ExecutorId(executor as u32)), refusals.take());
        }
        refused(ResourceKind::Places, refusals.places.take());
        refused(ResourceKind::Tokens, refusals.tokens.take());
        refused(ResourceKind::Concurrency, refusals.concurrency.take());
        refused(ResourceKind::Memory, refusals.memory.take());
        refused(ResourceKind::Length, refusals.length.take());
    }

    /// Accounts as they are where they are begun now.
    pub(super) fn blame_from_scratch(&self) -> Box<Blame> {
        let mut blame = Blame::new(self.processes.len(), self.upstreams.len());
        self.frames.handles().for_each(|frame| blame.touch(frame.slot));
        for (index, p) in self.processes.iter().enumerate() {
            let index = index as u32;
            blame.touched_processes.push(index);
            blame.touched_brokers.extend(p.broker.is_some().then_some(index));
            blame.touched_pools.extend((0..p.pools.len()).map(|pool| (index, pool as u8, true)));
            let limiters = p.guard.as_ref().map_or(0, |guard| guard.limiters());
            blame.touched_tokens.extend((0..limiters).map(|limiter| (index, limiter)));
            for &(_, event) in &p.inbox {
                if let Some(frame) = self.comes_to(event) {
                    blame.inbox(frame.slot);
                }
            }
        }
        self.settle(&mut blame, self.reached());
        blame
    }

    /// The frame whose wait an event in an inbox ends.
    fn comes_to(&self, event: Event) -> Option<FrameRef> {
        match event {
            Event::Reply { child } => {
                let caller = self.frames.get(child)?.caller;
                self.frames.get(caller).filter(|caller| caller.child == child).map(|_| caller)
            }
            Event::Timer { frame, serial } => {
                self.frames.get(frame).filter(|f| f.timer_serial == serial).map(|_| frame)
            }
            _ => None,
        }
    }

    /// Ends the running part of a frame's ledger at `at` and begins another.
    #[inline(always)]
    pub(super) fn switch(&mut self, frame: FrameRef, part: Part, at: Time) {
        self.frames[frame].switch(part, at);
        self.touch(frame);
    }

    /// A frame waits, works, has or lacks something else than before.
    #[inline(always)]
    pub(super) fn touch(&mut self, frame: FrameRef) {
        if let Some(blame) = &mut self.blame {
            blame.touch(frame.slot);
        }
    }

    /// A process stops, goes on, or has other workers than before.
    #[inline]
    pub(super) fn touch_process(&mut self, process: u32) {
        if let Some(blame) = &mut self.blame {
            blame.touched_processes.push(process);
        }
    }

    /// A pool has other connections in use than before.
    #[inline]
    pub(super) fn touch_pool(&mut self, process: u32, pool: u8) {
        // All pools are looked at when the accounts rest no more.
        if let Some(blame) = &mut self.blame
            && !blame.rests(process)
        {
            blame.touched_pools.push((process, pool, false));
        }
    }

    /// A connection was leaked, or all pools of a process are gone.
    pub(super) fn touch_leaks(&mut self, process: u32) {
        if let Some(blame) = &mut self.blame {
            let pools = blame.processes[process as usize].pools.len().max(self.processes[process as usize].pools.len());
            blame.touched_pools.extend((0..pools).map(|pool| (process, pool as u8, true)));
        }
    }

    /// Rows of a database have gone to others.
    pub(super) fn touch_locks(&mut self, database: u32) {
        if let Some(blame) = &mut self.blame
            && blame.rows_are_waited_for()
        {
            blame.touched_locks.push(database);
        }
    }

    /// A rate limiter has let a request through.
    pub(super) fn touch_tokens(&mut self, frame: FrameRef) {
        if self.blame.is_some() {
            let f = &self.frames[frame];
            let limiter = (f.process, self.limiter_of(f));
            self.blame.iter_mut().for_each(|blame| blame.touched_tokens.push(limiter));
        }
    }

    /// A process has new rate limiters, of which nobody took anything yet.
    pub(super) fn touch_limiters(&mut self, process: u32) {
        if let (Some(blame), Some(guard)) = (&mut self.blame, &self.processes[process as usize].guard) {
            blame.touched_tokens.extend((0..guard.limiters()).map(|limiter| (process, limiter)));
        }
    }

    /// What a frame waits for has come, into the inbox of its process.
    #[inline]
    pub(super) fn touch_inbox(&mut self, event: Event) {
        if self.blame.is_some()
            && let Some(frame) = self.comes_to(event)
        {
            self.blame.iter_mut().for_each(|blame| blame.inbox(frame.slot));
        }
    }

    /// A request is refused, or dropped, for want of something.
    pub(super) fn refused_for(&mut self, frame: FrameRef, want: impl FnOnce(&Self, &Frame) -> (Want, Activity)) {
        if self.blame.is_some() {
            let f = &self.frames[frame];
            let (want, activity) = want(self, f);
            let party = self.party_of(f, activity);
            self.blame.iter_mut().for_each(|blame| blame.refused.push((want, party)));
        }
    }

    /// An event is over: the accounts are brought up to date.
    #[cold]
    pub(super) fn settle_blame(&mut self) {
        if let Some(mut blame) = self.blame.take() {
            self.settle(&mut blame, self.now());
            self.blame = Some(blame);
        }
    }

    fn settle(&self, blame: &mut Blame, now: Time) {
        let more = blame.has_more_than_frames();
        if more {
            self.settle_processes(blame, now);
        }
        self.settle_frames(blame, now);
        if more || !blame.concerned.is_empty() {
            self.settle_resources(blame, now);
        }
    }

    /// Processes that stand still, go on or refuse are looked at before their frames.
    #[cold]
    fn settle_processes(&self, blame: &mut Blame, now: Time) {
        for n in 0..blame.refused.len() {
            self.rouse(blame, blame.refused[n].0.process());
        }
        for process in std::mem::take(&mut blame.touched_processes) {
            self.rouse(blame, process);
            blame.concern(process);
            self.settle_stillness(blame, process, now);
        }
    }

    /// Books where the frames stand that were touched.
    fn settle_frames(&self, blame: &mut Blame, now: Time) {
        while let Some((slot, inboxed)) = blame.next_touched() {
            let frame = self.frames.alive(slot);
            let (booked, is) = (blame.place(slot), frame.map(|f| f.process));
            let rests = |process: Option<u32>| process.is_none_or(|process| blame.rests(process));
            if rests(is) && rests(booked) && !frame.is_some_and(|f| may_wait(f.state)) {
                let job = frame.and_then(|f| self.job_of(f));
                blame.employ(now, slot, job, |process| self.processes[process as usize].cpu.served_ever(now));
                is.into_iter().for_each(|process| blame.put_off(slot, process));
                booked.filter(|_| booked != is).into_iter().for_each(|process| blame.put_off(slot, process));
            } else {
                self.settle_frame(blame, now, slot, inboxed, is);
            }
        }
    }

    /// Books where the frame of a slot stands, which is of a process, if there is one.
    fn settle_frame(&self, blame: &mut Blame, now: Time, slot: u32, inboxed: bool, is: Option<u32>) {
        let served = |process: u32| self.processes[process as usize].cpu.served_ever(now);
        let (standing, booked) = (self.standing_of(slot, inboxed), blame.place(slot));
        if standing.is_none() && booked.is_none() {
            // It may have been a job while nothing else of it was booked.
            return blame.employ(now, slot, None, served);
        }
        for process in booked.into_iter().chain(is) {
            self.rouse(blame, process);
            blame.concern(process);
        }
        if blame.standing(slot) == standing.as_ref() {
            blame.employ(now, slot, standing.as_ref().and_then(Standing::job), served);
        } else {
            blame.book(now, slot, standing, served);
        }
    }

    /// What others than frames have of what is waited for, and what follows of where frames stand.
    fn settle_resources(&self, blame: &mut Blame, now: Time) {
        if blame.rows_are_waited_for() && blame.anybody_rests() {
            self.rouse_all(blame);
            self.settle_frames(blame, now);
        }
        let mut concerned = std::mem::take(&mut blame.concerned);
        for &process in &concerned {
            let p = &self.processes[process as usize];
            let accounts = &mut blame.processes[process as usize];
            accounts.workers.set_sole(now, self.keeps_from_work(process));
            if p.cpu.serves_in_turn() {
                let running = self.in_service(blame, process);
                let accounts = &mut blame.processes[process as usize];
                accounts.processor.set_running(now, p.cpu.served_ever(now), running.into_iter());
            }
            if p.locks.is_some() && !blame.processes[process as usize].locks.is_empty() {
                blame.touched_locks.push(process);
            }
        }
        if !blame.touched_pools.is_empty() {
            let mut pools = std::mem::take(&mut blame.touched_pools);
            pools.dedup();
            pools.drain(..).for_each(|pool| self.settle_pool(blame, pool, now));
            blame.touched_pools = pools;
        }
        if !blame.touched_locks.is_empty() {
            self.settle_locks(blame, now);
        }
        if !blame.touched_tokens.is_empty() {
            self.settle_tokens(blame, now);
        }
        if !blame.touched_brokers.is_empty() {
            self.settle_brokers(blame, now);
        }
        if !blame.refused.is_empty() {
            let refused = std::mem::take(&mut blame.refused);
            refused.into_iter().for_each(|(want, party)| self.share_refusal(blame, want, party));
        }
        for process in concerned.drain(..) {
            blame.processes[process as usize].concerned = false;
            let p = &self.processes[process as usize];
            if !p.is_stopped() && !p.cpu.serves_in_turn() {
                blame.rest(process);
            }
        }
        blame.concerned = concerned;
    }

    /// The processor that a frame of a process that runs is a job of, and whose.
    fn job_of(&self, f: &Frame) -> Option<(u32, PartyKey)> {
        let computes = f.state == State::Computing && !self.processes[f.process as usize].unlimited_cores;
        computes.then(|| (f.process, self.party_of(f, Activity::Computing)))
    }

    /// The accounts of a process are kept again, if they rest.
    fn rouse(&self, blame: &mut Blame, process: u32) {
        if blame.rests(process) {
            blame.rouse(process, self.processes[process as usize].pools.len());
            blame.concern(process);
        }
    }

    fn rouse_all(&self, blame: &mut Blame) {
        if blame.anybody_rests() {
            (0..self.processes.len() as u32).for_each(|process| self.rouse(blame, process));
        }
    }

    fn settle_tokens(&self, blame: &mut Blame, now: Time) {
        for (process, limiter) in std::mem::take(&mut blame.touched_tokens) {
            let takers = self.takers_of(process, limiter);
            let account = blame.tokens(process, limiter);
            account.keep_holding(now, |party| takers.iter().any(|&(taker, _)| taker == party));
            takers.into_iter().for_each(|(party, count)| account.set_holding(now, party, count));
        }
    }

    fn settle_brokers(&self, blame: &mut Blame, now: Time) {
        let mut brokers = std::mem::take(&mut blame.touched_brokers);
        brokers.sort_unstable();
        brokers.dedup();
        for broker in brokers.drain(..) {
            let Some(machine) = self.machine(broker) else { continue };
            let bytes = machine.bytes_by_origin().map(|(origin, bytes)| (publisher(origin), bytes));
            let bytes: BTreeMap<PartyKey, u64> = bytes.collect();
            let memory = &mut blame.processes[broker as usize].memory;
            memory.keep_holding(now, |party| bytes.contains_key(&party));
            bytes.into_iter().for_each(|(party, bytes)| memory.set_holding(now, party, bytes));
        }
        blame.touched_brokers = brokers;
    }

    /// A broker has more or fewer messages than before.
    pub(super) fn touch_broker(&mut self, broker: u32) {
        if let Some(blame) = &mut self.blame {
            blame.touched_brokers.push(broker);
        }
    }

    fn share_refusal(&self, blame: &mut Blame, want: Want, party: PartyKey) {
        let Want::Room(broker, queue) = want else { return refuse(blame, want, party) };
        let Some(machine) = self.machine(broker) else { return };
        let ready: Vec<_> = machine.ready_by_origin(queue).map(|(origin, count)| (publisher(origin), count)).collect();
        let length = &mut blame.processes[broker as usize].refusals.length;
        length.share(party, REFUSAL, ready.iter().copied(), blame::NOTHING);
    }

    fn settle_locks(&self, blame: &mut Blame, now: Time) {
        let mut databases = std::mem::take(&mut blame.touched_locks);
        databases.sort_unstable();
        databases.dedup();
        for database in databases.drain(..) {
            let waits = self.waits_for_rows(blame, database);
            blame.processes[database as usize].locks.set(now, waits.into_iter());
        }
        blame.touched_locks = databases;
    }

    fn settle_stillness(&self, blame: &mut Blame, process: u32, now: Time) {
        let p: &Process = &self.processes[process as usize];
        let stillness = self.stillness(process);
        let accounts = &mut blame.processes[process as usize];
        let changed = std::mem::replace(&mut accounts.stillness, stillness) != stillness;
        if !p.unlimited_cores {
            let speed = match stillness {
                None => Speed::Running,
                Some(Activity::Quota) => Speed::Throttled,
                Some(_) => Speed::Halted,
            };
            accounts.processor.set_speed(now, p.cpu.served_ever(now), speed, p.marking_milli_cores);
        }
        let reasons = self.reasons_of_stillness(process);
        accounts.running.keep_holding(now, |party| reasons.iter().any(|&(reason, _)| reason == party));
        reasons.into_iter().for_each(|(party, weight)| accounts.running.set_holding(now, party, weight));
        if changed {
            blame.touch_members(process, stillness.is_none());
        }
    }

    fn settle_pool(&self, blame: &mut Blame, (process, pool, leaks): (u32, u8, bool), now: Time) {
        let machine = self.processes[process as usize].pools.get(usize::from(pool));
        let accounts = blame.pool(process, pool);
        if leaks {
            let leaks = machine.iter().flat_map(|machine| machine.leaks());
            let mut leakers = BTreeMap::new();
            leaks.for_each(|leak| *leakers.entry(self.leaker(leak.by)).or_insert(0) += 1);
            accounts.leaked = leakers.values().sum();
            accounts.queue.keep_holding(now, |party| !party.is_leaked());
            leakers.into_iter().for_each(|(party, count)| accounts.queue.set_holding(now, party, count));
        }
        let taken = machine.map_or(0, |machine| u64::from(machine.taken()));
        let opening = taken.saturating_sub(accounts.held + accounts.leaked);
        accounts.queue.set_holding(now, OPENING, opening);
    }

    /// Whether accounts that were kept along are what accounts from scratch are, and say the same of waiting as stations.
    pub(super) fn audit_blame(&self) -> Option<String> {
        let mut blame = self.blame.clone()?;
        self.rouse_all(&mut blame);
        self.settle(&mut blame, self.reached());
        blame.differs_from(&self.blame_from_scratch())
    }
}

/// Whether a frame of a process that runs waits for anything that is accounted for, but for a share of the processor.
fn may_wait(state: State) -> bool {
    matches!(
        state,
        State::Queued
            | State::Delayed
            | State::WaitingPool
            | State::WaitingLock
            | State::WaitingDisk
            | State::WaitingPermit
            | State::Blocked
            | State::WaitingThread
    )
}

/// Whoever published messages that are there.
fn publisher(origin: u32) -> PartyKey {
    PartyKey::of_program(origin, Activity::Published, 0)
}

/// Shares a refusal out over those who have what it was for.
fn refuse(blame: &mut Blame, want: Want, party: PartyKey) {
    if let Want::Thread(process, executor) = want {
        let (threads, refusals) = blame.executor(process, executor);
        return threads.refuse(refusals, party);
    }
    let Blame { processes, permits, .. } = blame;
    match want {
        Want::Place(process) => {
            let blame::Accounts { workers, refusals, .. } = &mut processes[process as usize];
            // Where there is not one place, those at work have what is wanted.
            if workers.waiting().total() > 0 {
                refusals.places.share(party, REFUSAL, workers.waiting().iter(), blame::NOTHING);
            } else {
                workers.refuse(&mut refusals.places, party);
            }
        }
        Want::Worker(process) => {
            let accounts = &mut processes[process as usize];
            accounts.workers.refuse(&mut accounts.refusals.workers, party);
        }
        Want::Concurrency(process) => {
            let accounts = &mut processes[process as usize];
            accounts.workers.refuse(&mut accounts.refusals.concurrency, party);
        }
        Want::Token(process, limiter) => {
            let accounts = &mut processes[process as usize];
            if let Some(tokens) = accounts.tokens.get(limiter as usize) {
                tokens.refuse(&mut accounts.refusals.tokens, party);
            }
        }
        Want::Memory(broker) => {
            let accounts = &mut processes[broker as usize];
            accounts.memory.refuse(&mut accounts.refusals.memory, party);
        }
        Want::Room(..) | Want::Thread(..) => {
            unreachable!("queues are asked who fills them, executors have their accounts")
        }
        Want::Permit { account, .. } => {
            let (account, refusals) = &mut permits[account as usize];
            account.refuse(refusals, party);
        }
    }
}

fn add(sums: &mut Sums, resource: Resource, cells: Vec<Cell>, refusals: bool) {
    for Cell { waiting, holding, units } in cells {
        let sum = sums.entry((resource, waiting)).or_default().entry(holding).or_default();
        *(if refusals { &mut sum.1 } else { &mut sum.0 }) += units;
    }
}

/// One waiting party's rows, in whole numbers that sum to what it waited in all.
fn told(
    programs: &[Program],
    resource: Resource,
    waiting: PartyKey,
    shares: &BTreeMap<PartyKey, (u128, u128)>,
) -> Vec<BlameRecord> {
    let waits: Vec<u128> = shares.values().map(|&(waits, _)| waits).collect();
    let refusals: Vec<u128> = shares.values().map(|&(_, refusals)| refusals).collect();
    let rounded = blame::apportion(&waits, UNITS).into_iter().zip(blame::apportion(&refusals, REFUSAL));
    let rows = shares.keys().zip(rounded).filter(|&(_, (ns, refusals))| ns + refusals > 0);
    let waiting = waiting.party(programs);
    rows.map(|(&holding, (ns, refusals))| BlameRecord {
        resource,
        waiting,
        holding: holding.party(programs),
        ns,
        refusals,
    })
    .collect()
}
