//! Load: requests come from open sources, one by one or in batches. Request n of a source has its own address, whatever else happens.

use super::users::NOBODY;
use super::{Event, SourceState, World, tables};
use crate::blueprint::{Arrivals, Blueprint, Profile, Recordings, Source};
use crate::frame::State;
use crate::id::{FrameRef, SourceId};
use crate::purpose;
use crate::sink::Sink;
use knockon_kernel::{Duration, Key, Sampler, Time};

impl World {
    /// Schedules the first request of a source.
    pub(super) fn open(&mut self, source: u32) {
        match self.blueprint.sources[source as usize].arrivals {
            Arrivals::Closed { users, .. } => self.open_users(source, users),
            _ => self.schedule_next(source),
        }
    }

    /// A request, or several together (or candidates that the profile thins out), come.
    pub(super) fn arrive<S: Sink>(&mut self, source: u32, sink: &mut S) {
        let now = self.now();
        let described = &self.blueprint.sources[source as usize];
        let state = &mut self.sources[source as usize];
        if state.aside {
            return;
        }
        let key = state.key.with(state.candidates);
        if described.batch.is_some() {
            self.arrive_together(source, key, sink);
        } else {
            state.numbered += 1;
            let number = state.numbered;
            if accepted(described, key, now) {
                state.sent += 1;
                self.send_request(source, NOBODY, number, key, sink);
            }
        }
        self.schedule_next(source);
    }

    /// A batch comes. Its first request has the address that it would have alone.
    fn arrive_together<S: Sink>(&mut self, source: u32, first: Key, sink: &mut S) {
        let accepted = accepted(&self.blueprint.sources[source as usize], first, self.now());
        for member in 0..batch_size(&self.blueprint.sources[source as usize], &self.samplers, first) {
            let described = &self.blueprint.sources[source as usize];
            let state = &mut self.sources[source as usize];
            let number = state.numbered + 1;
            let enough = described.requests.is_some_and(|limit| state.sent >= limit);
            if enough || described.rows.is_some_and(|rows| self.blueprint.recordings.ends_before(rows, number)) {
                return;
            }
            state.numbered = number;
            if accepted {
                state.sent += 1;
                let key = if member == 0 { first } else { first.purpose(purpose::BATCH_MEMBER).with(member) };
                self.send_request(source, NOBODY, number, key, sink);
            }
        }
    }

    #[inline(always)]
    fn schedule_next(&mut self, source: u32) {
        let described = &self.blueprint.sources[source as usize];
        let state = &mut self.sources[source as usize];
        if described.requests.is_some_and(|limit| state.sent >= limit) {
            return;
        }
        if described.rows.is_some_and(|rows| self.blueprint.recordings.ends_before(rows, state.numbered + 1)) {
            return;
        }
        let next = next(described, state, &self.samplers, &self.exponential, &self.blueprint.recordings);
        let Some(at) = next else { return };
        self.calendar.post(at, Event::Arrival { source }.packed());
    }

    /// Sends a source's request of this number, for a user where the source is closed.
    #[inline(always)]
    pub(super) fn send_request<S: Sink>(&mut self, source: u32, user: u32, number: u64, key: Key, sink: &mut S) {
        let now = self.now();
        let described = &self.blueprint.sources[source as usize];
        let state = &mut self.sources[source as usize];
        if state.dropped.contains(&number) {
            // Its user goes on at once, as after an answer.
            if user != NOBODY {
                self.user_goes_on(source, user);
            }
            return;
        }
        state.statistics.sent += 1;
        state.statistics.requests.enter(now);
        let process = state.process;
        let mix = &self.tables.mixes[source as usize];
        let mut row = None;
        let mut column = None;
        if let Some(rows) = described.rows {
            // Requests count from 1, rows from 0.
            row = Some((rows.data, (number - 1) as u32));
            column = rows
                .classes
                .map(|column| self.blueprint.recordings.columns[column.index()].values[number as usize - 1]);
        }
        let edge = match column {
            Some(endpoint) => mix[endpoint as usize].1,
            None if mix.len() == 1 => mix[0].1,
            None => tables::choose(mix, key.purpose(purpose::MIX).unit()),
        };
        let (class, patience) = (described.class, described.patience);
        let root = self.frames.occupy();
        let frame = &mut self.frames[root];
        frame.send(key, key, process, u32::MAX, edge, FrameRef::NONE, now);
        frame.class = class;
        frame.state = State::Running;
        frame.number = number;
        frame.row = row;
        frame.user = user;
        frame.pc = self.tables.ops.len() as u32 - 1;
        if let Some(patience) = patience {
            let patience = self.draw_for(root, patience, || key.purpose(purpose::PATIENCE));
            self.frames[root].deadline = now.saturating_add(patience);
        }
        self.call(root, edge, sink);
    }
}

impl Blueprint {
    /// When a request of a source comes, sent or thinned out; `None` where there is no such request until the end of the run, or where
    /// it is not known before somebody has lived through it: in closed sources. Takes time in proportion to its number.
    #[must_use]
    pub fn instant_of_request(&self, source: SourceId, number: u64) -> Option<Time> {
        let described = &self[source];
        let mut state = SourceState::new(self, source);
        let exponential = Sampler::exponential(1.0).ok()?;
        let ends = |number| described.rows.is_some_and(|rows| self.recordings.ends_before(rows, number));
        let end = Time::ZERO + self.duration;
        loop {
            if described.requests.is_some_and(|limit| state.sent >= limit) || ends(state.numbered + 1) {
                return None;
            }
            let at = next(described, &mut state, &self.samplers, &exponential, &self.recordings)?;
            if at > end {
                return None;
            }
            let key = state.key.with(state.candidates);
            let accepted = accepted(described, key, at);
            for _ in 0..batch_size(described, &self.samplers, key) {
                if described.requests.is_some_and(|limit| state.sent >= limit) || ends(state.numbered + 1) {
                    break;
                }
                state.numbered += 1;
                state.sent += u64::from(accepted);
                if state.numbered == number {
                    return Some(at);
                }
            }
        }
    }
}

fn batch_size(source: &Source, samplers: &[Sampler], first: Key) -> u64 {
    let Some(batch) = source.batch else { return 1 };
    let more = batch.more.map_or(0, |more| samplers[more.index()].rank(first.purpose(purpose::BATCH)));
    u64::from(batch.least) + u64::from(more)
}

#[inline]
fn accepted(source: &Source, key: Key, now: Time) -> bool {
    let Some(profile) = &source.profile else { return true };
    key.purpose(purpose::THINNING).unit() * highest(profile) < shape(profile, now)
}

/// The instant of an open source's next request or candidate, which is counted; none where there is none.
#[inline(always)]
fn next(
    source: &Source,
    state: &mut SourceState,
    samplers: &[Sampler],
    exponential: &Sampler,
    recordings: &Recordings,
) -> Option<Time> {
    state.candidates += 1;
    let next = match source.arrivals {
        Arrivals::Renewal { gap } => next_renewal(source, state, &samplers[gap.index()]),
        _ => next_arrival(source, state, exponential, recordings),
    };
    let at = next.filter(|&at| source.until.is_none_or(|until| at < until))?;
    state.last = at;
    Some(at)
}

/// After a gap of any law; `state.candidates` counts from 1.
fn next_renewal(source: &Source, state: &SourceState, gap: &Sampler) -> Option<Time> {
    let peak = source.profile.as_ref().map_or(1.0, highest);
    let n = state.candidates;
    let gap = gap.draw(state.key.with(n).purpose(purpose::GAP)) / peak;
    let last = if n == 1 { source.from } else { state.last };
    last.checked_add(Duration::from_real_nanos(gap)?)
}

/// The instant of request (or candidate) `state.candidates`, counted from 1. `exponential` has a mean of 1.
#[inline(always)]
fn next_arrival(source: &Source, state: &SourceState, exponential: &Sampler, recordings: &Recordings) -> Option<Time> {
    let peak = source.profile.as_ref().map_or(1.0, highest);
    let n = state.candidates;
    match &source.arrivals {
        Arrivals::Constant { rate } => {
            let offset = Duration::from_real_nanos(n as f64 * 1e9 / (rate * peak))?;
            source.from.checked_add(offset)
        }
        Arrivals::Poisson { rate } => {
            let unit = exponential.draw(state.key.with(n).purpose(purpose::GAP));
            let gap = Duration::from_real_nanos(unit * 1e9 / (rate * peak))?;
            let last = if n == 1 { source.from } else { state.last };
            last.checked_add(gap)
        }
        Arrivals::Replay { at } => {
            let offset = at.get(usize::try_from(n - 1).ok()?)?;
            source.from.checked_add(*offset - Time::ZERO)
        }
        Arrivals::Recorded { column } => {
            let offset = recordings.columns[column.index()].values.get(usize::try_from(n - 1).ok()?)?;
            source.from.checked_add(Duration::from_nanos(*offset))
        }
        // Other ways lead to these.
        Arrivals::Renewal { .. } | Arrivals::Closed { .. } => None,
    }
}

fn highest(profile: &Profile) -> f64 {
    profile.points.iter().fold(0.0, |highest, &(_, factor)| if factor > highest { factor } else { highest })
}

/// The profile's factor at an instant: linear between its points, from the last back to the first.
fn shape(profile: &Profile, at: Time) -> f64 {
    let period = profile.period.as_nanos();
    let offset = at.as_nanos() % period;
    let after = profile.points.partition_point(|&(start, _)| start.as_nanos() <= offset);
    let (start, from) = profile.points[after - 1];
    let (end, to) = match profile.points.get(after) {
        Some(&(end, to)) => (end.as_nanos(), to),
        None => (period, profile.points[0].1),
    };
    let share = (offset - start.as_nanos()) as f64 / (end - start.as_nanos()) as f64;
    from + (to - from) * share
}
