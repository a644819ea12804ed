//! Load: requests come from open sources. Request n of a source has its own address, whatever else happens.

use super::{Event, SourceState, World, tables};
use crate::blueprint::{Arrivals, Profile, Recordings, Source};
use crate::frame::State;
use crate::id::FrameRef;
use crate::purpose;
use crate::sink::Sink;
use knockon_kernel::{Duration, Key, Sampler, Time};

impl World {
    /// Schedules the first request of a source.
    pub(super) fn open(&mut self, source: u32) {
        self.schedule_next(source);
    }

    /// A request (or a candidate that the profile thins out) comes.
    pub(super) fn arrive<S: Sink>(&mut self, source: u32, sink: &mut S) {
        let now = self.now();
        let number = self.sources[source as usize].candidates;
        let key = self.sources[source as usize].key.with(number);
        if self.accepted(source, key, now) {
            self.sources[source as usize].sent += 1;
            self.send_request(source, number, key, sink);
        }
        self.schedule_next(source);
    }

    #[inline]
    fn accepted(&self, source: u32, key: Key, now: Time) -> bool {
        let Some(profile) = &self.blueprint.sources[source as usize].profile else { return true };
        key.purpose(purpose::THINNING).unit() * highest(profile) < shape(profile, now)
    }

    #[inline]
    fn schedule_next(&mut self, source: u32) {
        let described = &self.blueprint.sources[source as usize];
        let state = &mut self.sources[source as usize];
        if described.requests.is_some_and(|limit| state.sent >= limit) {
            return;
        }
        state.candidates += 1;
        let Some(at) = next_arrival(described, state, &self.exponential, &self.blueprint.recordings) else { return };
        if described.until.is_some_and(|until| at >= until) {
            return;
        }
        state.last = at;
        self.calendar.post(at, Event::Arrival { source }.packed());
    }

    #[inline]
    fn send_request<S: Sink>(&mut self, source: u32, number: u64, key: Key, sink: &mut S) {
        let now = self.now();
        let process = self.sources[source as usize].process;
        let mix = &self.tables.mixes[source as usize];
        let mut row = None;
        let mut column = None;
        if let Some(rows) = self.blueprint.sources[source as usize].rows {
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
        let class = self.blueprint.sources[source as usize].class;
        let root = self.frames.occupy();
        let frame = &mut self.frames[root];
        frame.send(key, key, process, u32::MAX, edge, FrameRef::NONE, now);
        frame.class = class;
        frame.state = State::Running;
        frame.number = number;
        frame.row = row;
        frame.pc = self.tables.ops.len() as u32 - 1;
        let statistics = &mut self.sources[source as usize].statistics;
        statistics.sent += 1;
        statistics.requests.enter(now);
        self.call(root, edge, sink);
    }
}

/// The instant of request (or candidate) `state.candidates`, counted from 1. `exponential` has a mean of 1.
fn next_arrival(source: &Source, state: &SourceState, exponential: &Sampler, recordings: &Recordings) -> Option<Time> {
    let peak = source.profile.as_ref().map_or(1.0, highest);
    let n = state.candidates;
    if source.rows.is_some_and(|rows| n > u64::from(recordings.tables[rows.data.index()].rows)) {
        return None;
    }
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
