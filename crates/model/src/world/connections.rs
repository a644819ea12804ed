//! Connections: frames acquire, use and release them; the pool's wishes are carried out over the network.
//!
//! A connection occupies a slot at the database from the moment the database accepts it until the news of its closing
//! arrives there. A statement whose client died keeps its slot until it ends.

use super::execute::Flow;
use super::{Event, World};
use crate::blueprint::Runtime;
use crate::frame::{Held, Outcome, State};
use crate::id::{ConnectionId, FrameRef, PoolId};
use crate::pool::{Acquisition, Effect, HOUSEKEEPING};
use crate::process::ConnectionTimer;
use crate::purpose;
use crate::record::{ErrorType, LogEvent, Part, Transition};
use crate::sink::Sink;
use crate::world::event::PoolEvent;
use knockon_kernel::{Duration, Time};

impl World {
    /// A frame asks for a connection.
    pub(super) fn acquire<S: Sink>(&mut self, frame: FrameRef, pool: u8, sink: &mut S) -> Flow {
        let now = self.now();
        self.switch(frame, Part::Pool, now);
        let index = self.frames[frame].process;
        let process = &mut self.processes[index as usize];
        self.services[process.service as usize].statistics.pools[usize::from(pool)].waiting.enter(now);
        let machine = &mut process.pools[usize::from(pool)];
        let acquisition = machine.acquire(now, frame, &mut self.effects);
        let flow = match acquisition {
            Acquisition::Granted(connection) => {
                self.grant::<S>(frame, pool, connection, now);
                Flow::On
            }
            waits => {
                let f = &mut self.frames[frame];
                f.state = State::WaitingPool;
                f.query_pool = pool;
                let timeout = self.processes[index as usize].pools[usize::from(pool)].acquire_timeout();
                self.set_timer(frame, timeout);
                self.follow::<S>(frame, pool, waits);
                self.note_pool(index, pool, sink);
                Flow::Leave
            }
        };
        self.carry_out::<S>(index, pool);
        flow
    }

    /// A frame's turn at a pool has led to something that takes time, or to waiting on.
    pub(super) fn follow<S: Sink>(&mut self, frame: FrameRef, pool: u8, acquisition: Acquisition) {
        let index = self.frames[frame].process;
        self.touch(frame);
        match acquisition {
            Acquisition::Granted(connection) => {
                let now = self.now();
                self.clear_timer(frame);
                self.grant::<S>(frame, pool, connection, now);
                self.frames[frame].state = State::Running;
                self.ready.push(frame);
            }
            Acquisition::Validate(connection) => {
                self.frames[frame].connecting = Some(connection);
                self.round_trip(index, pool, connection, PoolEvent::Validated);
            }
            Acquisition::Connect(connection) => {
                self.frames[frame].connecting = Some(connection);
                self.open_connection(index, pool, connection);
            }
            Acquisition::Waiting => self.frames[frame].connecting = None,
        }
    }

    /// The frame that validates or opens a connection itself.
    pub(super) fn user_of(&self, process: u32, pool: u8, connection: ConnectionId) -> Option<FrameRef> {
        let user = self.processes[process as usize].pools[usize::from(pool)].user(connection)?;
        let f = self.frames.get(user)?;
        (f.state == State::WaitingPool && f.connecting == Some(connection)).then_some(user)
    }

    /// A frame holds a connection from `at` on.
    fn grant<S: Sink>(&mut self, frame: FrameRef, pool: u8, connection: ConnectionId, at: Time) {
        let now = self.now();
        let f = &mut self.frames[frame];
        let (waits_since, waited_ns) = (f.since, (at - f.since).as_nanos());
        f.switch(self.stood, at);
        self.switch(frame, Part::Computing, now);
        let f = &mut self.frames[frame];
        let place =
            f.held.iter_mut().find(|held| held.is_none()).expect("a checked program holds two connections at most");
        *place = Some(Held { pool, transaction: false, broken: false, connection, since: now });
        let index = f.process as usize;
        let service = self.processes[index].service as usize;
        let statistics = &mut self.services[service].statistics.pools[usize::from(pool)];
        statistics.waiting.leave(now, waits_since);
        statistics.in_use.enter(now);
        statistics.acquired += 1;
        statistics.wait.record(Duration::from_nanos(waited_ns));
        if S::OBSERVES {
            self.processes[index].meter.acquired(now, usize::from(pool), waited_ns);
        }
    }

    /// A frame gives its connection back.
    pub(super) fn release<S: Sink>(&mut self, frame: FrameRef, pool: u8, sink: &mut S) {
        let now = self.now();
        let f = &mut self.frames[frame];
        let Some(place) = f.held.iter_mut().find(|held| held.is_some_and(|held| held.pool == pool)) else { return };
        let Some(held) = place.take() else { return };
        let index = f.process;
        let process = &mut self.processes[index as usize];
        if S::OBSERVES {
            process.meter.used(now, usize::from(pool), (now - held.since).as_nanos());
        }
        self.services[process.service as usize].statistics.pools[usize::from(pool)].in_use.leave(now, held.since);
        process.pools[usize::from(pool)].release(now, held.connection, held.broken, &mut self.effects);
        self.touch(frame);
        self.carry_out::<S>(index, pool);
        self.note_pool(index, pool, sink);
    }

    /// A frame may forget the connection that it holds: then nobody gives it back.
    pub(super) fn leak(&mut self, frame: FrameRef, site: u32, pool: u8, share: f64) {
        let f = &mut self.frames[frame];
        let key = f.key.with(u64::from(site)).with(f.iteration());
        if key.purpose(purpose::LEAK).unit() >= share {
            return;
        }
        let Some(place) = f.held.iter_mut().find(|held| held.is_some_and(|held| held.pool == pool)) else { return };
        let Some(held) = place.take() else { return };
        let process = &mut self.processes[f.process as usize];
        let index = f.process;
        process.pools[usize::from(pool)].leak(held.connection, held.since, f.program);
        let statistics = &mut self.services[process.service as usize].statistics.pools[usize::from(pool)];
        statistics.leaked += 1;
        self.touch(frame);
        self.touch_leaks(index);
    }

    /// A frame has waited its whole acquire timeout, which expired at `at`.
    pub(super) fn acquire_timed_out<S: Sink>(&mut self, frame: FrameRef, at: Time, sink: &mut S) {
        let now = self.now();
        let f = &self.frames[frame];
        let (index, pool) = (f.process, f.query_pool);
        let (waits_since, waited) = (f.since, at - f.since);
        let process = &mut self.processes[index as usize];
        let service = process.service as usize;
        let machine = &mut process.pools[usize::from(pool)];
        // HikariCP words its message after the caller has left the queue.
        machine.give_up(now, frame);
        let readings = machine.readings();
        let event = LogEvent::PoolTimeout {
            pool: PoolId(u32::from(pool)),
            waited,
            total: readings.total,
            active: readings.active,
            idle: readings.idle,
            waiting: readings.waiting,
        };
        process.meter.acquire_timed_out(usize::from(pool));
        let statistics = &mut self.services[service].statistics.pools[usize::from(pool)];
        statistics.timeouts += 1;
        statistics.waiting.leave(now, waits_since);
        self.touch_pool(index, pool);
        self.wake(frame, at);
        self.emit_request_log(frame, event, sink);
        self.emit_state(index, Transition::AcquireTimeout { pool: PoolId(u32::from(pool)) }, sink);
        self.fail(frame, Outcome::lost(ErrorType::PoolTimeout), None, sink);
    }

    /// Runs a query on the connection that the frame holds.
    pub(super) fn query<S: Sink>(&mut self, frame: FrameRef, edge: u32, pool: u8, transaction: bool, sink: &mut S) {
        let f = &mut self.frames[frame];
        f.query_pool = pool;
        let index = f.process as usize;
        let held = f.held_from(pool).expect("a checked program queries on a connection that it holds");
        held.transaction = transaction;
        let connection = held.connection;
        let severed = self.processes[index].pools[usize::from(pool)].severed(connection);
        if held.broken || severed.is_some() {
            held.broken = true;
            let error = severed.unwrap_or(ErrorType::ConnectionLost);
            let peer = crate::id::ServiceId(self.tables.edges[edge as usize].service);
            self.emit_log(index as u32, LogEvent::PoolConnectionBroken { pool: PoolId(u32::from(pool)) }, sink);
            self.fail(frame, Outcome::lost(error), Some(peer), sink);
            return;
        }
        self.send_statement(frame, edge, pool, connection, sink);
    }

    /// Sends a statement over a connection, to its back end.
    pub(super) fn send_statement<S: Sink>(
        &mut self,
        frame: FrameRef,
        edge: u32,
        pool: u8,
        connection: ConnectionId,
        sink: &mut S,
    ) {
        self.call(frame, edge, sink);
        let child = self.frames[frame].child;
        let process = self.frames[frame].process as usize;
        if let Some(statement) = self.frames.get_mut(child) {
            statement.backend = self.processes[process].pools[usize::from(pool)].backend(connection);
        }
    }

    /// A Python application times its statements itself.
    pub(super) fn meter_query(&mut self, caller: FrameRef, statement: FrameRef) {
        let (client, answer) = (&self.frames[caller], &self.frames[statement]);
        let process = &mut self.processes[client.process as usize];
        let Some(service) = self.blueprint.services.get(process.service as usize) else { return };
        let program = self.tables.programs[answer.program as usize];
        let endpoint = &self.blueprint.services[program.service as usize].endpoints[program.endpoint as usize];
        if let (Runtime::CPython(_), Some(word)) = (&service.runtime, endpoint.operation.statement()) {
            let now = self.calendar.now();
            process.meter.queried(now, word, (now - answer.sent).as_nanos());
        }
    }

    /// Carries out what a pool wishes.
    #[inline]
    pub(super) fn carry_out<S: Sink>(&mut self, process: u32, pool: u8) {
        let mut next = 0;
        while let Some(&effect) = self.effects.get(next) {
            next += 1;
            self.carry_out_one::<S>(process, pool, effect);
        }
        self.effects.clear();
        self.touch_pool(process, pool);
    }

    fn carry_out_one<S: Sink>(&mut self, process: u32, pool: u8, effect: Effect) {
        let now = self.now();
        match effect {
            Effect::Connect(connection) => self.open_connection(process, pool, connection),
            Effect::RetryConnect { after } => {
                self.pool_timer(process, pool, ConnectionId(0), PoolEvent::Refill, now + after);
            }
            Effect::Close { connection, backend, severed } => {
                self.cancel_life_timers(process, pool, connection);
                if !severed {
                    self.close_connection(process, pool, connection, backend);
                }
            }
            Effect::Grant { frame, connection } => self.follow::<S>(frame, pool, Acquisition::Granted(connection)),
            Effect::Validate { frame, connection } => self.follow::<S>(frame, pool, Acquisition::Validate(connection)),
            Effect::ConnectFor { frame, connection } => self.follow::<S>(frame, pool, Acquisition::Connect(connection)),
            Effect::Ping(connection) => self.round_trip(process, pool, connection, PoolEvent::Pinged),
            Effect::RetireAt { connection, at } => self.life_timer(process, pool, connection, PoolEvent::Retire, at),
            Effect::KeepAliveAt { connection, at } => {
                self.life_timer(process, pool, connection, PoolEvent::KeepAlive, at);
            }
            Effect::LeakCheckAt { connection, at } => {
                self.life_timer(process, pool, connection, PoolEvent::LeakCheck, at);
            }
        }
    }

    /// A timer about the life of a connection. It is taken back when the connection is closed.
    fn life_timer(&mut self, process: u32, pool: u8, connection: ConnectionId, what: PoolEvent, at: Time) {
        let incarnation = self.processes[process as usize].incarnation;
        let event = Event::Pool { process, incarnation, connection, pool, what };
        let ticket = self.calendar.schedule(at, event.packed());
        let timers = &mut self.processes[process as usize].connection_timers;
        // One that has fired is replaced by its successor.
        timers.retain(|timer| (timer.pool, timer.connection, timer.what) != (pool, connection, what));
        timers.push(ConnectionTimer { pool, connection, what, ticket });
    }

    fn cancel_life_timers(&mut self, process: u32, pool: u8, connection: ConnectionId) {
        let calendar = &mut self.calendar;
        self.processes[process as usize].connection_timers.retain(|timer| {
            let gone = (timer.pool, timer.connection) == (pool, connection);
            if gone {
                calendar.cancel(timer.ticket);
            }
            !gone
        });
    }

    pub(super) fn pool_timer(&mut self, process: u32, pool: u8, connection: ConnectionId, what: PoolEvent, at: Time) {
        let incarnation = self.processes[process as usize].incarnation;
        self.calendar.post(at, Event::Pool { process, incarnation, connection, pool, what }.packed());
    }

    /// A pool's housekeeper looks at it next at `at`, whatever was planned before.
    pub(super) fn keep_house(&mut self, process: u32, pool: u8, at: Time) {
        self.processes[process as usize].housekeeping[usize::from(pool)] = at;
        self.pool_timer(process, pool, ConnectionId(0), PoolEvent::IdleCheck, at);
    }

    /// Asks a connection whether it lives: one round trip.
    fn round_trip(&mut self, process: u32, pool: u8, connection: ConnectionId, what: PoolEvent) {
        let now = self.now();
        let service = self.processes[process as usize].service as usize;
        let link = self.blueprint[self.tables.pool_links[service][usize::from(pool)]];
        let number = self.processes[process as usize].pools[usize::from(pool)].next_round_trip(connection);
        let key = self.connection_key(process, pool, connection).purpose(purpose::VALIDATION).with(u64::from(number));
        let there = self.draw(link.latency, || key.with(0));
        let back = self.draw(link.latency, || key.with(1));
        self.pool_timer(process, pool, connection, what, now + there + back);
    }

    /// Closes a connection: its slot at the database is free when the news arrives there.
    pub(super) fn close_connection(&mut self, process: u32, pool: u8, connection: ConnectionId, backend: u32) {
        let now = self.now();
        let Some(database) = self.database_of(process, pool) else { return };
        let service = self.processes[process as usize].service as usize;
        let link = self.blueprint[self.tables.pool_links[service][usize::from(pool)]];
        let key = self.connection_key(process, pool, connection).purpose(purpose::CLOSE_LATENCY);
        let latency = self.draw(link.latency, || key);
        let d = &self.processes[database as usize];
        let (process, incarnation) = (database, d.incarnation);
        let event = if d.locks.is_some() {
            Event::HangUp { process, incarnation, backend }
        } else {
            Event::Disconnect { process, incarnation }
        };
        self.calendar.post(now + latency, event.packed());
    }

    /// The database process behind a pool.
    pub(super) fn database_of(&self, process: u32, pool: u8) -> Option<u32> {
        let service = self.processes[process as usize].service as usize;
        let database = self.blueprint.services[service].pools.get(usize::from(pool))?.database;
        Some(self.services[database.index()].first_process)
    }

    /// The news that a connection was closed reaches the database.
    pub(super) fn disconnect(&mut self, process: u32, incarnation: u32) {
        let p = &mut self.processes[process as usize];
        if p.incarnation == incarnation {
            p.connections = p.connections.saturating_sub(1);
        }
    }

    /// A connection's event.
    #[expect(clippy::too_many_arguments, reason = "an event's fields, unpacked once")]
    pub(super) fn pool_event<S: Sink>(
        &mut self,
        process: u32,
        incarnation: u32,
        connection: ConnectionId,
        pool: u8,
        what: PoolEvent,
        at: Time,
        sink: &mut S,
    ) {
        if self.processes[process as usize].incarnation != incarnation {
            return;
        }
        let event = Event::Pool { process, incarnation, connection, pool, what };
        let addressee =
            if what == PoolEvent::Arrive { self.database_of(process, pool).unwrap_or(process) } else { process };
        if self.processes[addressee as usize].is_stopped() {
            self.processes[addressee as usize].inbox.push_back((at, event));
            return;
        }
        let now = self.now();
        match what {
            PoolEvent::Arrive => return self.connection_arrives(process, addressee, connection, pool, sink),
            PoolEvent::Connected => self.connected(process, pool, connection, Ok(()), sink),
            PoolEvent::Refused => self.connected(process, pool, connection, Err(ErrorType::ConnectionRefused), sink),
            PoolEvent::Rejected => self.connected(process, pool, connection, Err(ErrorType::TooManyConnections), sink),
            PoolEvent::Validated => self.validated(process, pool, connection, sink),
            PoolEvent::LeakCheck => {
                let machine = &mut self.processes[process as usize].pools[usize::from(pool)];
                if let Some(held) = machine.leak_check(now, connection, &mut self.effects) {
                    let event = LogEvent::PoolLeakSuspected { pool: PoolId(u32::from(pool)), held };
                    self.emit_log(process, event, sink);
                }
            }
            // The housekeeper was told to come at another time.
            PoolEvent::IdleCheck if self.processes[process as usize].housekeeping[usize::from(pool)] != at => return,
            PoolEvent::IdleCheck => {
                let machine = &mut self.processes[process as usize].pools[usize::from(pool)];
                machine.idle_check(now, &mut self.effects);
                self.keep_house(process, pool, now + HOUSEKEEPING);
            }
            PoolEvent::Pinged | PoolEvent::Retire | PoolEvent::KeepAlive | PoolEvent::Refill => {
                let machine = &mut self.processes[process as usize].pools[usize::from(pool)];
                match what {
                    PoolEvent::Pinged => {
                        let alive = !machine.is_severed(connection);
                        machine.pinged(now, connection, alive, &mut self.effects);
                    }
                    PoolEvent::Retire => machine.retire(now, connection, &mut self.effects),
                    PoolEvent::KeepAlive => machine.keep_alive(now, connection, &mut self.effects),
                    _ => machine.refill(now, &mut self.effects),
                }
            }
        }
        self.carry_out::<S>(process, pool);
        self.note_pool(process, pool, sink);
    }

    /// The answer to a validation is back.
    fn validated<S: Sink>(&mut self, process: u32, pool: u8, connection: ConnectionId, sink: &mut S) {
        let now = self.now();
        let machine = &mut self.processes[process as usize].pools[usize::from(pool)];
        let alive = !machine.is_severed(connection);
        if !alive {
            self.emit_log(process, LogEvent::PoolConnectionBroken { pool: PoolId(u32::from(pool)) }, sink);
        }
        let user = self.user_of(process, pool, connection);
        let machine = &mut self.processes[process as usize].pools[usize::from(pool)];
        let Some(frame) = user else {
            // Its user gave up meanwhile.
            machine.release(now, connection, !alive, &mut self.effects);
            return;
        };
        let acquisition = machine.validated(now, connection, alive, frame, &mut self.effects);
        self.follow::<S>(frame, pool, acquisition);
    }
}
