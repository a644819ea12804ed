//! Blame: who held what others waited for, doing what; in exact integers.
//!
//! A *party* is an endpoint and an activity, or something of no request (a connection that is being opened, a vacation). Each resource
//! of each process has an account of who waits for it and who holds it. While somebody waits, the waiting of each instant is
//! shared out over those who hold at that instant: ∫ w(t) · h(t) / H(t) dt for w waiting, and h of H holders. (The quotient of the
//! integrals ∫ w·h and ∫ w·H would be simpler to keep, but gives instants with many holders more weight than they have waiting.) So the
//! blame of a waiting party sums over all holders to exactly what its waits last.
//!
//! A frame's place in all accounts, its [`Standing`], is a function of what the world is between two events. Whatever changes a frame only
//! notes that it was touched; when the event is over, its standing is worked out anew and the difference booked, at the
//! one instant of the event. So accounts can be begun at any time, from what is there; nothing accrues out of order; and what an event does
//! and undoes costs nothing. And accounts can rest (`rest.rs`): where nobody waits for anything of a process, who holds what is of no
//! consequence, and is looked at when somebody does.
//!
//! What holds:
//!
//! * workers: requests at work, whatever they do. Where a worker is free and yet none takes anything up, what stops the process
//!   is the only reason.
//! * pool: those who have its connections, connections being opened, validated or pinged, and those never given back. Who opens or
//!   validates its connection itself waits for that alone.
//! * threads of an executor: the tasks that they run, whatever those do.
//! * processor: see `processor.rs`. Row locks: the one transaction that has the row, by what its client does.
//! * disk: those whose I/Os it works on.
//! * running: during a collection the heap, by bytes: what was allocated since the one before for young ones, all live bytes for full ones; else who keeps the event loop. A frame
//!   waits for it that would compute, or for whom an answer or a timer has come. Who waits for a pool, a lock, branches, a load or in a
//!   queue goes on waiting for that.
//! * memory and length of a broker: the publishers of the messages that are there, by their bytes and by their number.
//! * places, tokens, concurrency, permits: those in the queue, those let through lately, those in work, those whose attempts are under way.
//!
//! Pure but for its [`Standing`]s, which `world/blaming.rs` and `world/standings.rs` make. Deliberately not here: what follows of it
//! (graphs, propagation), which is the laboratory's; links (nobody waits for a wire's capacity); database slots (refusals there reach pools).

mod account;
mod matrix;
mod origins;
mod pairs;
mod party_key;
mod processor;
mod rest;
mod standing;
mod takers;
#[cfg(test)]
mod tests;

pub(crate) use account::Account;
pub(crate) use matrix::{Cell, Matrix, apportion};
pub(crate) use origins::Origins;
pub(crate) use pairs::Pairs;
pub(crate) use party_key::{NUMBERED_MAXIMUM, PartyKey};
pub(crate) use processor::{Processor, Speed};
pub(crate) use standing::{Slot, Standing, Wait};
pub(crate) use takers::Takers;

use crate::record::Activity;
use knockon_kernel::Time;
use rest::Rest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Parts of a nanosecond in which amounts are counted.
pub(crate) const UNITS: u128 = 1 << 10;
/// Parts of a refusal.
pub(crate) const REFUSAL: u128 = 1 << 32;
/// Who is to blame where nobody is.
pub(crate) const NOTHING: PartyKey = PartyKey::of_nobody(Activity::Nothing);
/// A connection that is being opened, validated or pinged.
pub(crate) const OPENING: PartyKey = PartyKey::of_nobody(Activity::Opening);

/// The accounts of one pool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PoolAccounts {
    /// Those who wait for their turn, and all who hold.
    pub(crate) queue: Account,
    /// Those who open or validate their connection themselves.
    pub(crate) opening: Account,
    /// Connections that frames have, and that were leaked.
    pub(crate) held: u64,
    pub(crate) leaked: u64,
}

impl Default for PoolAccounts {
    fn default() -> Self {
        Self { queue: Account::default(), opening: Account::of(OPENING), held: 0, leaked: 0 }
    }
}

/// What of a process others wait for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Accounts {
    pub(crate) workers: Account,
    pub(crate) pools: Vec<PoolAccounts>,
    /// By executor: its threads, and what was refused for want of them.
    pub(crate) executors: Vec<(Account, Matrix)>,
    pub(crate) processor: Processor,
    pub(crate) locks: Pairs,
    pub(crate) disk: Account,
    pub(crate) running: Account,
    /// By rate limiter: that of the service, then those of endpoints.
    pub(crate) tokens: Vec<Account>,
    /// A broker's memory, by the bytes of messages.
    pub(crate) memory: Account,
    pub(crate) refusals: Refusals,
    /// Frames of the process that stand somewhere.
    members: Vec<u32>,
    /// Why it stands still, if it does.
    pub(crate) stillness: Option<Activity>,
    /// Frames that wait for something of it, but for a share of its processor.
    waiting: u32,
    rest: Rest,
    /// Whether it is on the list of those to look at.
    pub(crate) concerned: bool,
}

/// Refusals of a process, by what there was no more of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Refusals {
    pub(crate) workers: Matrix,
    pub(crate) places: Matrix,
    pub(crate) tokens: Matrix,
    pub(crate) concurrency: Matrix,
    /// A broker's memory, and the length of its queues.
    pub(crate) memory: Matrix,
    pub(crate) length: Matrix,
}

/// What a request was refused for want of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Want {
    /// A worker in time.
    Worker(u32),
    /// A place in the queue.
    Place(u32),
    /// A token of a limiter of a process.
    Token(u32, u32),
    /// The concurrency limit of a process.
    Concurrency(u32),
    /// A permit of a caller's account of a link.
    Permit {
        /// The account's number.
        account: u32,
        /// The caller.
        process: u32,
    },
    /// A broker's memory.
    Memory(u32),
    /// Room in a queue of a broker.
    Room(u32, u32),
    /// A thread of an executor of a process, or a place in its queue.
    Thread(u32, u8),
}

impl Want {
    /// The process whose accounts tell who has it: of a permit its caller's.
    pub(crate) fn process(self) -> u32 {
        match self {
            Self::Worker(process)
            | Self::Place(process)
            | Self::Token(process, _)
            | Self::Concurrency(process)
            | Self::Memory(process)
            | Self::Room(process, _)
            | Self::Thread(process, _)
            | Self::Permit { process, .. } => process,
        }
    }
}

/// The accounts of a world, and what has changed since the last event.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Blame {
    pub(crate) processes: Vec<Accounts>,
    /// By number of the caller's account of its link.
    pub(crate) permits: Vec<(Account, Matrix)>,
    /// Frames by the session that they have at a database with row locks.
    #[serde(with = "crate::pairs")]
    pub(crate) sessions: BTreeMap<(u32, u32), u32>,
    slots: Vec<Slot>,
    /// Frames that wait for rows.
    waiting_for_rows: u32,
    /// Processes whose accounts rest.
    resting: u32,
    touched: Vec<u32>,
    pub(crate) touched_processes: Vec<u32>,
    /// Processes of whose frames any has been booked, or that rest no more.
    pub(crate) concerned: Vec<u32>,
    /// And whether a connection was leaked.
    pub(crate) touched_pools: Vec<(u32, u8, bool)>,
    pub(crate) touched_locks: Vec<u32>,
    pub(crate) touched_tokens: Vec<(u32, u32)>,
    pub(crate) touched_brokers: Vec<u32>,
    pub(crate) refused: Vec<(Want, PartyKey)>,
}

impl Blame {
    /// Accounts of so many processes and links, in which nobody is yet.
    pub(crate) fn new(processes: usize, links: usize) -> Box<Self> {
        Box::new(Self {
            processes: vec![Accounts::default(); processes],
            permits: vec![Default::default(); links],
            ..Self::default()
        })
    }

    /// A frame has changed, or is no more.
    #[cold]
    pub(crate) fn touch(&mut self, slot: u32) {
        self.slot(slot).inboxed = false;
        self.look_at(slot);
    }

    /// What a frame waits for has come to a process that stands still.
    pub(crate) fn inbox(&mut self, slot: u32) {
        self.slot(slot).inboxed = true;
        self.look_at(slot);
    }

    fn slot(&mut self, slot: u32) -> &mut Slot {
        if self.slots.len() <= slot as usize {
            self.slots.resize(slot as usize + 1, Slot::default());
        }
        &mut self.slots[slot as usize]
    }

    fn look_at(&mut self, slot: u32) {
        if !std::mem::replace(&mut self.slots[slot as usize].touched, true) {
            self.touched.push(slot);
        }
    }

    /// A slot to look at, if there is one, and whether what it waited for lies in an inbox.
    pub(crate) fn next_touched(&mut self) -> Option<(u32, bool)> {
        let slot = self.touched.pop()?;
        let known = &mut self.slots[slot as usize];
        known.touched = false;
        Some((slot, known.inboxed))
    }

    /// Whether anything else than frames has changed.
    #[inline]
    pub(crate) fn has_more_than_frames(&self) -> bool {
        !(self.touched_processes.is_empty()
            && self.touched_pools.is_empty()
            && self.touched_locks.is_empty()
            && self.touched_tokens.is_empty()
            && self.touched_brokers.is_empty()
            && self.refused.is_empty())
    }

    /// What others have of what frames of a process wait for is to be looked at.
    pub(crate) fn concern(&mut self, process: u32) {
        if !std::mem::replace(&mut self.processes[process as usize].concerned, true) {
            self.concerned.push(process);
        }
    }

    /// Whether nobody waits for anything of a process, so that its accounts rest.
    #[inline]
    pub(crate) fn rests(&self, process: u32) -> bool {
        self.processes[process as usize].rest.is_resting()
    }

    /// What a frame does is of no interest to a process for now.
    #[inline]
    pub(crate) fn put_off(&mut self, slot: u32, process: u32) {
        self.processes[process as usize].rest.note(slot);
    }

    /// The accounts of a process with so many pools are kept from now on.
    pub(crate) fn rouse(&mut self, process: u32, pools: usize) {
        let Self { processes, slots, touched, touched_pools, resting, .. } = self;
        let accounts = &mut processes[process as usize];
        let rested = accounts.rest.end(|slot| {
            if !std::mem::replace(&mut slots[slot as usize].touched, true) {
                touched.push(slot);
            }
        });
        if rested {
            *resting -= 1;
            touched_pools.extend((0..pools).map(|pool| (process, pool as u8, false)));
        }
    }

    /// The accounts of a process rest from now on if nobody waits for what they are of.
    pub(crate) fn rest(&mut self, process: u32) {
        let accounts = &mut self.processes[process as usize];
        if accounts.waiting == 0 && self.waiting_for_rows == 0 && accounts.rest.begin() {
            self.resting += 1;
        }
    }

    /// Whether the accounts of any process rest.
    pub(crate) fn anybody_rests(&self) -> bool {
        self.resting > 0
    }

    /// Whether anybody waits for a row: holders of rows are frames of any process.
    pub(crate) fn rows_are_waited_for(&self) -> bool {
        self.waiting_for_rows > 0
    }

    /// Books which processor a frame is a job of from now on, and whose. `served`: the service that the processor of a process has given a
    /// job ever since.
    #[inline]
    pub(crate) fn employ(&mut self, now: Time, slot: u32, job: Option<(u32, PartyKey)>, served: impl Fn(u32) -> u64) {
        let known = &mut self.slots[slot as usize].job;
        if *known == job {
            return;
        }
        let before = std::mem::replace(known, job);
        if let Some((process, party)) = before {
            let processor = &mut self.processes[process as usize].processor;
            processor.advance(now, served(process));
            processor.jobs().remove(party, 1);
        }
        if let Some((process, party)) = job {
            let processor = &mut self.processes[process as usize].processor;
            processor.advance(now, served(process));
            processor.jobs().add(party, 1);
        }
    }

    /// Whose job a frame is that a processor works on.
    pub(crate) fn employer(&self, slot: u32) -> Option<PartyKey> {
        self.slots.get(slot as usize)?.job.map(|(_, party)| party)
    }

    /// The process that a frame stands at, as far as is booked.
    #[inline]
    pub(crate) fn place(&self, slot: u32) -> Option<u32> {
        self.slots[slot as usize].standing.as_ref().map(|standing| standing.process)
    }

    /// Where a frame stands, as far as is booked.
    pub(crate) fn standing(&self, slot: u32) -> Option<&Standing> {
        self.slots.get(slot as usize)?.standing.as_ref()
    }

    /// Frames of a process that stand somewhere.
    pub(crate) fn members(&self, process: u32) -> &[u32] {
        &self.processes[process as usize].members
    }

    /// All frames of a process are to be looked at. What lies in the inbox of one that goes on does so no more.
    pub(crate) fn touch_members(&mut self, process: u32, goes_on: bool) {
        for n in 0..self.processes[process as usize].members.len() {
            let slot = self.processes[process as usize].members[n];
            self.slots[slot as usize].inboxed &= !goes_on;
            self.look_at(slot);
        }
    }

    /// The accounts of a pool.
    pub(crate) fn pool(&mut self, process: u32, pool: u8) -> &mut PoolAccounts {
        let pools = &mut self.processes[process as usize].pools;
        if pools.len() <= usize::from(pool) {
            pools.resize(usize::from(pool) + 1, PoolAccounts::default());
        }
        &mut pools[usize::from(pool)]
    }

    /// The accounts of an executor.
    pub(crate) fn executor(&mut self, process: u32, executor: u8) -> &mut (Account, Matrix) {
        let executors = &mut self.processes[process as usize].executors;
        if executors.len() <= usize::from(executor) {
            executors.resize(usize::from(executor) + 1, Default::default());
        }
        &mut executors[usize::from(executor)]
    }

    /// The account of a rate limiter.
    pub(crate) fn tokens(&mut self, process: u32, limiter: u32) -> &mut Account {
        let tokens = &mut self.processes[process as usize].tokens;
        if tokens.len() <= limiter as usize {
            tokens.resize(limiter as usize + 1, Account::default());
        }
        &mut tokens[limiter as usize]
    }

    /// Books that a frame stands elsewhere. `served`: as in [`Blame::employ`].
    pub(crate) fn book(&mut self, now: Time, slot: u32, standing: Option<Standing>, served: impl Fn(u32) -> u64) {
        self.employ(now, slot, standing.as_ref().and_then(Standing::job), &served);
        let known = &mut self.slots[slot as usize];
        let (before, position) = (std::mem::replace(&mut known.standing, standing), known.position);
        if let Some(before) = before {
            self.stand(now, slot, &before, false, &served);
        }
        if let Some(standing) = standing {
            self.stand(now, slot, &standing, true, &served);
        }
        let place = |standing: Option<Standing>| standing.map(|standing| standing.process);
        if place(before) == place(standing) {
            return;
        }
        if let Some(before) = before {
            let members = &mut self.processes[before.process as usize].members;
            members.swap_remove(position as usize);
            if let Some(&moved) = members.get(position as usize) {
                self.slots[moved as usize].position = position;
            }
        }
        if let Some(standing) = standing {
            let members = &mut self.processes[standing.process as usize].members;
            self.slots[slot as usize].position = members.len() as u32;
            members.push(slot);
        }
    }

    /// A frame begins to stand somewhere, or stands there no more.
    fn stand(&mut self, now: Time, slot: u32, standing: &Standing, begins: bool, served: &impl Fn(u32) -> u64) {
        let Standing { process, party, wait, works, io, pools, sessions, permit, thread, .. } = *standing;
        let waits = |account: &mut Account| match begins {
            true => account.wait(now, party),
            false => account.wait_no_more(now, party),
        };
        let holds = |account: &mut Account| match begins {
            true => account.hold(now, party),
            false => account.hold_no_more(now, party),
        };
        let change = if begins { 1 } else { -1 };
        let here = &mut self.processes[process as usize];
        here.waiting = here.waiting.wrapping_add_signed(if standing.waits() { change } else { 0 });
        if wait == Wait::Lock {
            self.waiting_for_rows = self.waiting_for_rows.wrapping_add_signed(change);
        }
        if wait == Wait::Quota {
            here.processor.advance(now, served(process));
            let held_up = here.processor.held_up();
            if begins { held_up.add(party, 1) } else { held_up.remove(party, 1) }
        }
        if works {
            holds(&mut here.workers);
        }
        if io {
            holds(&mut here.disk);
        }
        match wait {
            Wait::Nothing | Wait::Quota => {}
            Wait::Worker => waits(&mut here.workers),
            Wait::Running => waits(&mut here.running),
            Wait::Disk => waits(&mut here.disk),
            Wait::Lock => self.touched_locks.push(process),
            Wait::Pool(pool) => waits(&mut self.pool(process, pool).queue),
            Wait::Opening(pool) => waits(&mut self.pool(process, pool).opening),
            Wait::Tokens(limiter) => waits(self.tokens(process, limiter)),
            Wait::Memory => waits(&mut here.memory),
            Wait::Thread(executor) => waits(&mut self.executor(process, executor).0),
            Wait::Permit(link) => waits(&mut self.permits[link as usize].0),
        }
        for pool in pools.into_iter().flatten() {
            let accounts = self.pool(process, pool);
            holds(&mut accounts.queue);
            accounts.held = if begins { accounts.held + 1 } else { accounts.held - 1 };
            self.touched_pools.push((process, pool, false));
        }
        if let Some(executor) = thread {
            holds(&mut self.executor(process, executor).0);
        }
        if let Some(link) = permit {
            holds(&mut self.permits[link as usize].0);
        }
        for session in sessions.into_iter().flatten() {
            if begins {
                self.sessions.insert(session, slot);
            } else if self.sessions.get(&session) == Some(&slot) {
                self.sessions.remove(&session);
            }
            self.touched_locks.push(session.0);
        }
    }

    /// Who is there and differs from other accounts of the same world, if anybody does.
    pub(crate) fn differs_from(&self, other: &Self) -> Option<String> {
        let agree = |a: &Accounts, b: &Accounts| {
            let pools = |a: &PoolAccounts, b: &PoolAccounts| {
                a.queue.agrees_with(&b.queue) && a.opening.agrees_with(&b.opening) && a.leaked == b.leaked
            };
            [
                ("workers", a.workers.agrees_with(&b.workers)),
                ("processor", a.processor.agrees_with(&b.processor)),
                ("locks", a.locks.agrees_with(&b.locks)),
                ("running", a.running.agrees_with(&b.running)),
                ("memory", a.memory.agrees_with(&b.memory)),
                ("disk", a.disk.agrees_with(&b.disk)),
                ("pools", all_agree(&a.pools, &b.pools, pools)),
                ("executors", all_agree(&a.executors, &b.executors, |a, b| a.0.agrees_with(&b.0))),
                ("tokens", all_agree(&a.tokens, &b.tokens, Account::agrees_with)),
                ("stillness", a.stillness == b.stillness),
            ]
            .into_iter()
            .find(|&(_, agree)| !agree)
            .map(|(what, _)| what)
        };
        let processes = self.processes.iter().zip(&other.processes).enumerate();
        for (process, (a, b)) in processes {
            if let Some(what) = agree(a, b) {
                return Some(format!("{what} of process {process}: {a:?}\n{b:?}"));
            }
        }
        let links = self.permits.iter().zip(&other.permits).position(|(a, b)| !a.0.agrees_with(&b.0));
        links.map(|link| format!("permits of account {link}: {:?}\n{:?}", self.permits[link].0, other.permits[link].0))
    }
}

/// Whether two lists agree; what only one of them has must be as if it were not there.
fn all_agree<T: Default>(a: &[T], b: &[T], agree: impl Fn(&T, &T) -> bool) -> bool {
    let none = T::default();
    (0..a.len().max(b.len())).all(|n| agree(a.get(n).unwrap_or(&none), b.get(n).unwrap_or(&none)))
}
