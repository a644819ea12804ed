//! Opening connections: the first packet, the database's fork and its answer, a slot or a refusal.

use super::World;
use crate::blueprint::Runtime;
use crate::frame::Outcome;
use crate::id::{ConnectionId, PoolId};
use crate::pool::Acquisition;
use crate::process::Life;
use crate::purpose;
use crate::record::{ErrorType, LogEvent};
use crate::sink::Sink;
use crate::world::event::PoolEvent;
use knockon_kernel::{Duration, Key};

impl World {
    /// The address of a component draw about a connection.
    pub(super) fn connection_key(&self, process: u32, pool: u8, connection: ConnectionId) -> Key {
        let p = &self.processes[process as usize];
        let life = p.component.with(u64::from(p.incarnation));
        life.with(u64::from(pool)).with(u64::from(connection.0))
    }

    /// The first packet of a new connection goes out; the database answers it (or nobody does).
    pub(super) fn open_connection(&mut self, process: u32, pool: u8, connection: ConnectionId) {
        let now = self.now();
        let opener = &mut self.processes[process as usize];
        opener.meter.opening(now, usize::from(pool));
        let service = opener.service as usize;
        let link = self.blueprint[self.tables.pool_links[service][usize::from(pool)]];
        let key = self.connection_key(process, pool, connection).purpose(purpose::CONNECT_LATENCY);
        let mut latency = self.draw(link.latency, || key);
        for trip in 1..u64::from(link.connect_round_trips) * 2 + 1 {
            latency += self.draw(link.latency, || key.with(trip));
        }
        self.pool_timer(process, pool, connection, PoolEvent::Arrive, now + latency);
    }

    /// A new connection reaches the database: a fork and an authentication, then a slot or a refusal.
    pub(super) fn connection_arrives<S: Sink>(
        &mut self,
        process: u32,
        database: u32,
        connection: ConnectionId,
        pool: u8,
        sink: &mut S,
    ) {
        let now = self.now();
        let key = self.connection_key(process, pool, connection);
        let d = &mut self.processes[database as usize];
        let service = d.service as usize;
        let Runtime::Postgres(postgres) = self.blueprint.services[service].runtime else {
            unreachable!("a checked blueprint pools connections to databases")
        };
        let client = self.processes[process as usize].service as usize;
        let link = self.blueprint[self.tables.pool_links[client][usize::from(pool)]];
        let back = self.draw(link.latency, || key.purpose(purpose::CONNECT_ANSWER_LATENCY));
        let d = &mut self.processes[database as usize];
        if d.life != Life::Running {
            self.pool_timer(process, pool, connection, PoolEvent::Refused, now + back);
            return;
        }
        d.backends += 1;
        let backend = d.backends;
        let open = d.connections;
        let admitted = open + postgres.reserved < postgres.max_connections;
        if admitted {
            d.connections += 1;
            self.processes[process as usize].pools[usize::from(pool)].accepted(connection, backend);
        }
        let mut fork = self.draw(postgres.connect, || key.purpose(purpose::CONNECT_DEMAND));
        if postgres.serial_share > 0.0 {
            // The postmaster takes connections up one after the other.
            let d = &mut self.processes[database as usize];
            let begins = d.postmaster_free.max(now);
            let busy = Duration::from_real_nanos(fork.as_nanos() as f64 * postgres.serial_share);
            d.postmaster_free = begins + busy.expect("a checked share is a share");
            fork += begins - now;
        }
        let what = if admitted { PoolEvent::Connected } else { PoolEvent::Rejected };
        self.pool_timer(process, pool, connection, what, now + fork + back);
        if !admitted {
            let reserved = open < postgres.max_connections;
            self.emit_log(database, LogEvent::ConnectionRejected { reserved, backend }, sink);
        }
    }

    /// A connection that was being opened is open, or could not be opened.
    pub(super) fn connected<S: Sink>(
        &mut self,
        process: u32,
        pool: u8,
        connection: ConnectionId,
        result: Result<(), ErrorType>,
        sink: &mut S,
    ) {
        let now = self.now();
        let opener = self.user_of(process, pool, connection);
        let machine = &mut self.processes[process as usize].pools[usize::from(pool)];
        machine.connected(now, connection, result, &mut self.effects);
        match result {
            Ok(()) => self.processes[process as usize].meter.opened(now, usize::from(pool)),
            Err(error) => {
                self.emit_log(process, LogEvent::PoolConnectFailed { pool: PoolId(u32::from(pool)), error }, sink);
            }
        }
        let Some(frame) = opener else { return };
        match result {
            Ok(()) => self.follow::<S>(frame, pool, Acquisition::Granted(connection)),
            Err(error) => {
                self.clear_timer(frame);
                let service = self.processes[process as usize].service as usize;
                let since = self.frames[frame].since;
                self.services[service].statistics.pools[usize::from(pool)].waiting.leave(now, since);
                self.wake(frame, now);
                // Failing may give back a connection of another pool, whose wishes are not this one's.
                self.carry_out::<S>(process, pool);
                let peer = self.blueprint.services[self.processes[process as usize].service as usize].pools
                    [usize::from(pool)]
                .database;
                self.fail(frame, Outcome::lost(error), Some(peer), sink);
            }
        }
    }
}
