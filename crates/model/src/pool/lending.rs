//! Who gets a connection, and for how long: what both kinds of pool have in common.

use super::connection::State;
use super::{Acquisition, Effect, Pool};
use crate::blueprint::PoolKind;
use crate::id::{ConnectionId, FrameRef};
use crate::purpose;
use crate::world::within;
use knockon_kernel::{Duration, Key, Purpose, Time};

impl Pool {
    /// Hands an idle connection to a caller.
    #[inline]
    pub(super) fn lend(&mut self, now: Time, at: usize, frame: FrameRef, out: &mut Vec<Effect>) -> Acquisition {
        self.connections.enter(at, State::InUse);
        let connection = &mut self.connections[at];
        let (id, idle) = (connection.id, now - connection.used);
        connection.user = frame;
        connection.taken = now;
        let validates = self.config.validate_after_idle.is_some_and(|after| match self.config.kind {
            PoolKind::HikariCp => idle > after,
            // Zero is `pool_pre_ping`: always.
            PoolKind::QueuePool => idle >= after,
        });
        if validates {
            return Acquisition::Validate(id);
        }
        self.watch(now, at, out);
        Acquisition::Granted(id)
    }

    /// Hands a connection that nobody uses to the next waiter, or makes it idle.
    pub(super) fn offer(&mut self, now: Time, at: usize, out: &mut Vec<Effect>) {
        let Some(frame) = self.next_waiter(now) else {
            self.connections[at].user = FrameRef::NONE;
            self.connections.enter(at, State::Idle);
            return;
        };
        let acquisition = self.lend(now, at, frame, out);
        out.extend(Effect::of_turn(frame, acquisition));
    }

    /// Whose turn it is. Where arriving callers barge, the caller that came in this very instant is first: in the real pools a
    /// thread that arrives within the microseconds in which a connection changes hands takes it (0.1–3 % of borrowers).
    pub(super) fn next_waiter(&mut self, now: Time) -> Option<FrameRef> {
        let barges = self.config.barging && self.waiters.back().is_some_and(|waiter| waiter.since == now);
        let waiter = if barges { self.waiters.pop_back() } else { self.waiters.pop_front() };
        waiter.map(|waiter| waiter.frame)
    }

    /// Begins to watch a use for a leak.
    #[inline]
    pub(super) fn watch(&mut self, now: Time, at: usize, out: &mut Vec<Effect>) {
        let Some(threshold) = self.config.leak_detection else { return };
        let connection = &mut self.connections[at];
        connection.leak_reported = false;
        // A check that is on its way for an earlier use comes first, and then asks for its successor.
        if !connection.leak_check {
            connection.leak_check = true;
            out.push(Effect::LeakCheckAt { connection: connection.id, at: now + threshold });
        }
    }

    /// Closes a connection for good.
    pub(super) fn close(&mut self, at: usize, out: &mut Vec<Effect>) {
        out.push(self.connections.remove(at).closing());
    }

    /// Draws of connections lie below another key from now on.
    pub(crate) fn redraw(&mut self, key: Key) {
        self.key = key;
    }

    /// When a connection that is open at `now` retires, had its lifetime been drawn as `unit` of those that are not over yet;
    /// `None` where no other is possible.
    pub(crate) fn retires(&self, now: Time, connection: ConnectionId, unit: f64) -> Option<Time> {
        let maximum = self.config.maximum_lifetime?;
        let opened = self.connections[self.connections.find(connection)?].opened;
        let latest = opened.saturating_add(maximum);
        let earliest = opened.saturating_add(maximum.saturating_sub(self.variance(maximum))).max(now);
        (earliest < latest).then(|| within(earliest, latest - earliest, unit).min(latest))
    }

    /// When a connection is next pinged, had the last ping been at any other time.
    pub(crate) fn pings(&self, now: Time, unit: f64) -> Option<Time> {
        self.config.keepalive.map(|interval| within(now, interval, unit))
    }

    /// What is taken off the lifetime of a connection at most. HikariCP takes nothing off up to ten seconds.
    fn variance(&self, maximum: Duration) -> Duration {
        if maximum <= Duration::from_secs(10) {
            return Duration::ZERO;
        }
        Duration::from_nanos(maximum.as_nanos() / 1000 * u64::from(self.config.lifetime_variance_permille))
    }

    /// The lifetime of a connection: the maximum less a uniform share.
    pub(super) fn lifetime(&self, connection: ConnectionId) -> Option<Duration> {
        let maximum = self.config.maximum_lifetime?;
        let variance = self.variance(maximum).as_nanos();
        Some(maximum.saturating_sub(self.share(variance, connection, purpose::LIFETIME)))
    }

    /// A uniform share of `nanos`, drawn for a connection.
    pub(super) fn share(&self, nanos: u64, connection: ConnectionId, purpose: Purpose) -> Duration {
        let unit = self.key.purpose(purpose).with(u64::from(connection.0)).unit();
        Duration::from_nanos((unit * nanos as f64) as u64)
    }
}
