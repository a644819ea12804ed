//! Where frames and processes stand in the accounts of blame: functions of the world as it is between two events.

use super::World;
use crate::blame::{NOTHING, PartyKey, Standing, Wait};
use crate::frame::{Frame, HELD, State};
use crate::id::{EndpointId, FrameRef, PoolId, ServiceId};
use crate::process::{Process, Reason};
use crate::record::{Activity, CollectionKind};

impl World {
    /// Whose request a frame works for, and what it does.
    pub(super) fn party_of(&self, f: &Frame, activity: Activity) -> PartyKey {
        let called = match activity {
            Activity::Calling(..) => self.tables.edges[f.call_edge as usize].program,
            _ => 0,
        };
        match f.program {
            u32::MAX => PartyKey::of_source(self.processes[f.process as usize].source, activity, called),
            program => PartyKey::of_program(program, activity, called),
        }
    }

    /// Where the frame of a slot stands; nowhere before it has reached its process and after its answer, nor where it has nothing that anybody could wait for.
    pub(super) fn standing_of(&self, slot: u32, inboxed: bool) -> Option<Standing> {
        let handle = self.frames.at(slot)?;
        let f = &self.frames[handle];
        if f.on_its_way() || f.answered_yet() {
            return None;
        }
        let permit = self.permit_of(f);
        // Clients wait for permits of theirs, and for each other's.
        if f.program == u32::MAX && permit.is_none() && f.state != State::WaitingPermit {
            return None;
        }
        let process = &self.processes[f.process as usize];
        let computes = f.state == State::Computing && !process.unlimited_cores;
        let (wait, activity) = match self.held_up(f, process, inboxed) {
            Some(Activity::Throttled) if computes => (Wait::Nothing, Activity::Throttled),
            Some(Activity::Throttled) => (Wait::Quota, Activity::Throttled),
            Some(paused) => (Wait::Running, paused),
            None => self.occupation(handle, f),
        };
        let waits = matches!(f.state, State::Queued | State::Delayed | State::WaitingLock);
        let (mut pools, mut sessions) = ([None; HELD], [None; HELD]);
        for (n, held) in f.held.iter().enumerate() {
            let Some(held) = held else { continue };
            pools[n] = Some(held.pool);
            let database = self.database_of(f.process, held.pool);
            let database = database.filter(|&database| self.processes[database as usize].locks.is_some());
            let backend = process.pools[usize::from(held.pool)].backend(held.connection);
            sessions[n] = database.filter(|_| backend != 0).map(|database| (database, backend));
        }
        let task = self.forks.task(handle).filter(|task| f.is_branch() && task.runs.is_some());
        Some(Standing {
            process: f.process,
            party: self.party_of(f, activity),
            wait,
            io: f.state == State::Reading,
            works: !waits && f.program != u32::MAX && !f.is_branch() && !f.is_load(),
            computes,
            pools,
            sessions,
            permit,
            thread: task.map(|task| task.executor),
        })
    }

    /// What keeps a frame from going on that else would.
    fn held_up(&self, f: &Frame, process: &Process, inboxed: bool) -> Option<Activity> {
        let would = match f.state {
            State::Computing | State::Stalled | State::Running => process.is_stopped(),
            // What ends other waits may lie in the inbox too, but whoever has them is counted as waiting until it is read.
            State::WaitingReply | State::BackingOff | State::Sleeping | State::Reading => {
                inboxed && process.is_stopped()
            }
            _ => false,
        };
        would.then(|| if process.stops.halt() { Activity::Paused } else { Activity::Throttled })
    }

    /// What a frame waits for and does, where its process runs.
    fn occupation(&self, frame: FrameRef, f: &Frame) -> (Wait, Activity) {
        let pool = Activity::Pool(PoolId(u32::from(f.query_pool)));
        match f.state {
            State::Queued => (Wait::Worker, Activity::Queued),
            State::Delayed => (Wait::Tokens(self.limiter_of(f)), Activity::Queued),
            State::WaitingThread => {
                let executor = self.forks.task(frame).map_or(0, |task| task.executor);
                (Wait::Thread(executor), Activity::Queued)
            }
            State::WaitingPool if f.connecting.is_some() => (Wait::Opening(f.query_pool), pool),
            State::WaitingPool => (Wait::Pool(f.query_pool), pool),
            State::WaitingLock => (Wait::Lock, Activity::Lock),
            State::Blocked => (Wait::Memory, Activity::Queued),
            State::WaitingDisk => (Wait::Disk, Activity::Disk),
            State::Reading => (Wait::Nothing, Activity::Disk),
            State::WaitingPermit => {
                let edge = self.tables.edges[f.call_edge as usize];
                let link = edge.upstream.wrapping_add(f.process);
                (Wait::Permit(link), Activity::Permit(ServiceId(edge.service)))
            }
            State::WaitingReply => {
                let edge = self.tables.edges[f.call_edge as usize];
                let endpoint = self.tables.programs[edge.program as usize].endpoint;
                (Wait::Nothing, Activity::Calling(ServiceId(edge.service), EndpointId(endpoint)))
            }
            State::WaitingLoad => (Wait::Nothing, Activity::Loading),
            State::Joining => (Wait::Nothing, Activity::Joining),
            State::BackingOff => (Wait::Nothing, Activity::BackingOff),
            State::Sleeping => (Wait::Nothing, Activity::Sleeping),
            State::Blocking => (Wait::Nothing, Activity::Blocking),
            _ => (Wait::Nothing, Activity::Computing),
        }
    }

    /// The account of the link over which a frame's attempt is under way, where that has permits.
    fn permit_of(&self, f: &Frame) -> Option<u32> {
        if f.state != State::WaitingReply {
            return None;
        }
        let account = self.account_of(self.frames.get(f.child)?)?;
        self.upstreams[account].bulkhead.as_ref().map(|_| account as u32)
    }

    /// The rate limiter that a frame's request is counted by: 0 for that of the service, else one more than the endpoint.
    pub(super) fn limiter_of(&self, f: &Frame) -> u32 {
        let endpoint = self.tables.programs[f.program as usize].endpoint;
        let guard = self.processes[f.process as usize].guard.as_ref();
        if guard.is_some_and(|guard| guard.has_own_limiter(endpoint)) { endpoint + 1 } else { 0 }
    }

    /// Who took the tokens of a limiter lately.
    pub(super) fn takers_of(&self, process: u32, limiter: u32) -> Vec<(PartyKey, u64)> {
        let p = &self.processes[process as usize];
        let Some(guard) = &p.guard else { return Vec::new() };
        let first = self.tables.program_base[p.service as usize];
        let party = |endpoint| PartyKey::of_program(first + endpoint, Activity::Admitted, 0);
        match limiter.checked_sub(1) {
            Some(endpoint) => vec![(party(endpoint), 1)],
            None => {
                let shared = guard.takers.counts().filter(|&(endpoint, _)| !guard.has_own_limiter(endpoint));
                shared.map(|(endpoint, count)| (party(endpoint), count)).collect()
            }
        }
    }

    /// Why a process stands still, but for its quota.
    pub(super) fn stillness(&self, process: u32) -> Option<Activity> {
        let stops = self.processes[process as usize].stops;
        if stops.has(Reason::Outside) {
            Some(Activity::Outside)
        } else if stops.has(Reason::Collecting) {
            Some(Activity::Collector)
        } else if stops.has(Reason::Away) {
            Some(Activity::Vacation)
        } else if stops.has(Reason::Expiring) {
            Some(Activity::Expiry)
        } else if stops.has(Reason::Blocking) {
            Some(Activity::Blocking)
        } else {
            stops.has(Reason::Throttled).then_some(Activity::Quota)
        }
    }

    /// What alone keeps a process from taking up what is queued, if it is not its workers.
    pub(super) fn keeps_from_work(&self, process: u32) -> Option<PartyKey> {
        let p = &self.processes[process as usize];
        if !p.takes_nothing_up() || p.busy >= p.workers {
            return None;
        }
        Some(match self.stillness(process) {
            Some(Activity::Blocking) => self.blocker_of(p),
            other => PartyKey::of_nobody(other.unwrap_or(Activity::Outside)),
        })
    }

    /// Whose request keeps the event loop of a process.
    fn blocker_of(&self, p: &Process) -> PartyKey {
        self.party_of(&self.frames[p.blocker], Activity::Blocking)
    }

    /// Who is to blame that a process stands still, and with what weight: bytes, during a collection.
    pub(super) fn reasons_of_stillness(&self, process: u32) -> Vec<(PartyKey, u64)> {
        let p = &self.processes[process as usize];
        match self.stillness(process) {
            None => Vec::new(),
            Some(Activity::Collector) => {
                let bytes = self.bytes_collected(process, p);
                let none = bytes.is_empty();
                if none { vec![(PartyKey::of_nobody(Activity::Collector), 1)] } else { bytes }
            }
            Some(Activity::Blocking) => vec![(self.blocker_of(p), 1)],
            Some(other) => vec![(PartyKey::of_nobody(other), 1)],
        }
    }

    fn bytes_collected(&self, process: u32, p: &Process) -> Vec<(PartyKey, u64)> {
        let (Some(collection), Some(origins), Some(heap)) = (p.collections.front(), &p.origins, &p.heap) else {
            return Vec::new();
        };
        let first = self.tables.program_base[p.service as usize];
        let party = |endpoint, activity| PartyKey::of_program(first + endpoint, activity, 0);
        let young = matches!(
            collection.kind,
            CollectionKind::Young
                | CollectionKind::ConcurrentStart
                | CollectionKind::Mixed
                | CollectionKind::Generation(0 | 1)
        );
        if young {
            return origins
                .to_collect()
                .map(|(endpoint, bytes)| (party(endpoint, Activity::Allocated), bytes))
                .collect();
        }
        let mut bytes: Vec<_> =
            origins.kept().map(|(endpoint, bytes)| (party(endpoint, Activity::Retained), bytes)).collect();
        let cached: u64 = p.caches.iter().map(crate::store::Store::used).sum();
        bytes.push((PartyKey::of_nobody(Activity::Cached), cached));
        let mut in_flight = std::collections::BTreeMap::new();
        for frame in self.frames.handles().filter(|&frame| self.frames[frame].process == process) {
            let share = self.shares.get(frame.slot as usize).map_or(0, |share| share.bytes());
            *in_flight.entry(self.party_of(&self.frames[frame], Activity::InFlight)).or_insert(0) += share;
        }
        bytes.extend(in_flight);
        let rest = heap.live().saturating_sub(bytes.iter().map(|(_, bytes)| bytes).sum());
        bytes.push((PartyKey::of_nobody(Activity::Base), rest));
        bytes
    }

    /// The statements of a database that wait for rows, and for whom.
    pub(super) fn waits_for_rows(&self, accounts: &crate::blame::Blame, database: u32) -> Vec<(PartyKey, PartyKey)> {
        let d = &self.processes[database as usize];
        let standings = accounts.members(database).iter().filter_map(|&slot| Some((slot, *accounts.standing(slot)?)));
        let waiting = standings.filter(|(_, standing)| standing.wait == Wait::Lock);
        let backend = |slot: u32| self.frames.at(slot).map_or(0, |frame| self.frames[frame].backend);
        let mut waits: Vec<_> = waiting
            .map(|(slot, standing)| {
                let holder = d.locks.as_ref().and_then(|locks| locks.holder_before(backend(slot)));
                let holding = holder.map_or(NOTHING, |holder| self.holder_of_row(accounts, database, holder));
                (standing.party, holding)
            })
            .collect();
        waits.sort_unstable();
        waits
    }

    /// Whose a session is: that of a client that waits for it or thinks, of a statement whose client is gone, of somebody outside, or of a
    /// connection that was never given back.
    fn holder_of_row(&self, accounts: &crate::blame::Blame, database: u32, session: u32) -> PartyKey {
        let client = accounts.sessions.get(&(database, session));
        let statement = || {
            let mine = |&&slot: &&u32| self.frames.at(slot).is_some_and(|frame| self.frames[frame].backend == session);
            accounts.members(database).iter().filter(mine).min()
        };
        if let Some(standing) = client.or_else(statement).and_then(|&slot| accounts.standing(slot)) {
            return standing.party;
        }
        let locks = &self.processes[database as usize].locks;
        if locks.as_ref().is_some_and(|locks| locks.is_outside(session)) {
            return PartyKey::of_nobody(Activity::Session);
        }
        let leaker = self.processes.iter().enumerate().find_map(|(index, process)| {
            let pools = (0u8..).zip(&process.pools);
            let mut pools = pools.filter(|&(pool, _)| self.database_of(index as u32, pool) == Some(database));
            pools.find_map(|(_, pool)| pool.leaks().find(|leak| leak.backend == session).map(|leak| leak.by))
        });
        leaker.map_or(NOTHING, |by| self.leaker(by))
    }

    /// Who did not give a connection back.
    pub(super) fn leaker(&self, program: u32) -> PartyKey {
        PartyKey::of_program(program, Activity::Leaked, 0)
    }

    /// Those whose jobs run on a processor that serves its jobs in the order in which they came.
    pub(super) fn in_service(&self, accounts: &crate::blame::Blame, process: u32) -> Vec<PartyKey> {
        let running = self.processes[process as usize].cpu.in_service();
        running.filter_map(|frame: FrameRef| accounts.employer(frame.slot)).collect()
    }
}
