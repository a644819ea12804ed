//! Closed load: users who think, send, wait for the end of their request, and think again. Draws are addressed by user and
//! ordinal, so one user's thinking does not depend on how the others fare.

use super::{Event, World};
use crate::blueprint::Arrivals;
use crate::purpose;
use crate::sink::Sink;
use knockon_kernel::Time;

/// Who sends no request of a closed source.
pub(super) const NOBODY: u32 = u32::MAX;

impl World {
    /// All users of a source begin by thinking: nobody sends at the first instant but who thinks no time.
    pub(super) fn open_users(&mut self, source: u32, users: u32) {
        self.sources[source as usize].users = vec![0; users as usize];
        let from = self.blueprint.sources[source as usize].from;
        for user in 0..users {
            self.think(source, user, from);
        }
    }

    /// A user's next request comes after a time of thinking from `since` on.
    fn think(&mut self, source: u32, user: u32, since: Time) {
        let described = &self.blueprint.sources[source as usize];
        let Arrivals::Closed { think, .. } = described.arrivals else { return };
        let state = &self.sources[source as usize];
        let ordinal = state.users[user as usize];
        let key = state.key.purpose(purpose::USER).with(u64::from(user)).with(ordinal);
        let time = self.draw(think, || key.purpose(purpose::THINK));
        let Some(at) = since.checked_add(time) else { return };
        if described.until.is_none_or(|until| at < until) {
            self.calendar.post(at, Event::User { source, user }.packed());
        }
    }

    /// A user has thought, and sends.
    pub(super) fn user_sends<S: Sink>(&mut self, source: u32, user: u32, sink: &mut S) {
        let described = &self.blueprint.sources[source as usize];
        let state = &mut self.sources[source as usize];
        if state.aside {
            return;
        }
        if described.requests.is_some_and(|limit| state.sent >= limit) {
            return;
        }
        let number = state.numbered + 1;
        if described.rows.is_some_and(|rows| self.blueprint.recordings.ends_before(rows, number)) {
            return;
        }
        state.numbered = number;
        state.sent += 1;
        let ordinal = state.users[user as usize];
        state.users[user as usize] += 1;
        let key = state.key.purpose(purpose::USER).with(u64::from(user)).with(ordinal);
        self.send_request(source, user, number, key, sink);
    }

    /// A user's request has ended, well or not.
    #[cold]
    pub(super) fn user_goes_on(&mut self, source: u32, user: u32) {
        let now = self.now();
        self.think(source, user, now);
    }
}
