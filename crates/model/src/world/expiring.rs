//! The event loop of a Redis server as far as expired keys have to do with it: when the cycles that delete them begin, and that nothing
//! else runs on its one thread meanwhile.
//!
//! A *turn* of the loop reads the commands that have come and runs all of them; then the server's cron runs, if it is due, and with it a
//! slow cycle; and before the loop waits for commands again, a fast one where the last was cut short. So no command is
//! interrupted, and a slow one delays the cycles. Cron is due again a period after it has ended, so at `hz 10` a slow cycle of its 25 ms
//! comes every 125 ms. A stop from outside goes on for a cycle as for any clock. Left out: `dynamic-hz`, and all else that cron does.

use super::{Event, World};
use crate::process::{Life, Reason, Turn};
use crate::sink::Sink;
use knockon_kernel::Duration;

/// What a cycle keeps busy, in thousandths of a core.
pub(super) const THREAD: u32 = 1000;

impl World {
    /// A Redis server begins its life: its cron comes a period from now.
    pub(super) fn plan_expiry(&mut self, process: u32) {
        let p = &mut self.processes[process as usize];
        let period = p.store.as_ref().and_then(|store| store.expiry_period());
        p.turn = period.map(|_| Turn::default());
        if let Some(period) = period {
            let event = Event::CronDue { process, incarnation: p.incarnation };
            self.calendar.post(self.now().saturating_add(period), event.packed());
        }
    }

    /// A server's cron is due: at once where the loop waits for commands, else at the end of its turn.
    pub(super) fn cron_due(&mut self, process: u32, incarnation: u32) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.incarnation != incarnation || p.life == Life::Down {
            return;
        }
        if p.is_stopped() {
            p.inbox.push_back((now, Event::CronDue { process, incarnation }));
            return;
        }
        let Some(turn) = &mut p.turn else { return };
        turn.is_due = true;
        if p.busy == 0 {
            self.end_turn(process);
        }
    }

    /// A command of a server has ended, and its thread has not taken up another yet.
    pub(super) fn command_done(&mut self, process: u32) {
        let p = &mut self.processes[process as usize];
        let queued = p.queue.len();
        let Some(turn) = &mut p.turn else { return };
        turn.left = turn.left.saturating_sub(1).min(queued);
        if turn.left == 0 && !p.is_stopped() {
            self.end_turn(process);
        }
    }

    /// All commands of a turn have run.
    fn end_turn(&mut self, process: u32) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        let (Some(turn), Some(store)) = (&mut p.turn, &mut p.store) else { return };
        let slow = std::mem::take(&mut turn.is_due);
        let took = if slow { store.expire_cycle(now, false) } else { Duration::ZERO };
        if let (true, Some(period)) = (slow, store.expiry_period()) {
            let event = Event::CronDue { process, incarnation: p.incarnation };
            self.calendar.post(now.saturating_add(took).saturating_add(period), event.packed());
        }
        if !took.is_zero() {
            self.stand_still_for_cycle(process, took, false);
        } else if !self.begin_fast_cycle(process) {
            self.begin_turn(process);
        }
    }

    /// The loop is about to wait for commands: whether there is a fast cycle that takes any time. What has come until then is the next turn.
    fn begin_fast_cycle(&mut self, process: u32) -> bool {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        let store = p.store.as_mut().filter(|store| store.wants_fast_cycle(now));
        let took = store.map_or(Duration::ZERO, |store| store.expire_cycle(now, true));
        if !took.is_zero() {
            self.stand_still_for_cycle(process, took, true);
        }
        !took.is_zero()
    }

    fn begin_turn(&mut self, process: u32) {
        let p = &mut self.processes[process as usize];
        let waiting = u64::from(p.queue.len()) + p.inbox.len() as u64;
        if let Some(turn) = &mut p.turn {
            turn.left = u32::try_from(waiting).unwrap_or(u32::MAX);
        }
    }

    /// A cycle runs, and nothing else.
    fn stand_still_for_cycle(&mut self, process: u32, took: Duration, is_fast: bool) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        p.turn.iter_mut().for_each(|turn| turn.is_fast = is_fast);
        let event = Event::CycleOver { process, incarnation: p.incarnation };
        let service = p.service as usize;
        self.services[service].statistics.expire_cycles += took;
        self.calendar.post(now.saturating_add(took), event.packed());
        if !p.stops.has(Reason::Expiring) {
            self.begin_stop(process, THREAD, |stops| stops.set(Reason::Expiring, true));
        }
    }

    /// A cycle is over. After one of the cron's the loop is about to wait for commands, which a fast one may precede; after that come whatever
    /// commands there are, so two fast ones never follow each other without a turn between them.
    pub(super) fn cycle_over<S: Sink>(&mut self, process: u32, incarnation: u32, sink: &mut S) {
        let p = &self.processes[process as usize];
        if p.incarnation != incarnation || !p.stops.has(Reason::Expiring) {
            return;
        }
        let was_slow = p.turn.is_some_and(|turn| !turn.is_fast);
        if was_slow && self.begin_fast_cycle(process) {
            return;
        }
        self.begin_turn(process);
        self.end_stop(process, |stops| stops.set(Reason::Expiring, false), sink);
    }
}
