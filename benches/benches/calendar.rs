//! What an event costs in the calendar, for 16 to a million pending events.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use knockon_kernel::{Calendar, Duration, Key, Next, Sampler, Time};
use std::hint::black_box;

/// As large as the events of a model.
type Event = (u64, u64);

const PENDING: [u64; 4] = [16, 500, 10_000, 1_000_000];

/// A calendar with `pending` events and the delays that keep it so.
fn filled(pending: u64) -> (Calendar<Event>, Vec<Duration>) {
    let law = Sampler::exponential(1e6).unwrap_or_else(|error| panic!("{error}"));
    let delays: Vec<Duration> = (0..1 << 16).map(|n| law.duration(Key::new(1).with(n))).collect();
    let mut calendar = Calendar::new();
    for n in 0..pending {
        calendar.post(Time::ZERO + delays[n as usize & 0xffff], (n, n));
    }
    // Past the transient: the delays repeat, the times do not.
    for n in 0..3 * pending as usize {
        step(&mut calendar, delays[n & 0xffff]);
    }
    (calendar, delays)
}

fn step(calendar: &mut Calendar<Event>, delay: Duration) {
    if let Next::Event(now, event) = calendar.next(Time::MAX) {
        calendar.post(now + delay, event);
    }
}

fn hold(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hold");
    for pending in PENDING {
        let (mut calendar, delays) = filled(pending);
        let mut n = 0;
        group.bench_function(BenchmarkId::from_parameter(pending), |bench| {
            bench.iter(|| {
                n = (n + 1) & 0xffff;
                step(&mut calendar, delays[n]);
            });
        });
    }
    group.finish();
}

/// Beside each event of a hold, one that is scheduled and cancelled before it is due.
fn cancel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hold, schedule and cancel");
    for pending in PENDING {
        let (mut calendar, delays) = filled(pending);
        let mut n = 0;
        group.bench_function(BenchmarkId::from_parameter(pending), |bench| {
            bench.iter(|| {
                n = (n + 1) & 0xffff;
                step(&mut calendar, delays[n]);
                let ticket = calendar.schedule(calendar.now() + delays[0xffff - n], (0, 0));
                black_box(calendar.cancel(ticket))
            });
        });
    }
    group.finish();
}

/// The same with a lane, where the event is cancelled ten events later.
fn lane(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hold, lane and cancel");
    for pending in PENDING {
        let (mut calendar, delays) = filled(pending);
        let lane = calendar.lane(Duration::from_secs(1));
        let mut tickets = [knockon_kernel::Ticket::NONE; 10];
        let mut n = 0;
        group.bench_function(BenchmarkId::from_parameter(pending), |bench| {
            bench.iter(|| {
                n = (n + 1) & 0xffff;
                step(&mut calendar, delays[n]);
                let ticket = calendar.schedule_in_lane(lane, (0, 0));
                let earlier = std::mem::replace(&mut tickets[n % 10], ticket);
                black_box(calendar.cancel(earlier))
            });
        });
    }
    group.finish();
}

/// An event due at once, as most steps of a machine are.
fn zero_delay(criterion: &mut Criterion) {
    let (mut calendar, _) = filled(500);
    calendar.set_events_per_instant(u64::MAX);
    criterion.bench_function("zero delay, 500 pending", |bench| {
        bench.iter(|| {
            calendar.post(calendar.now(), (1, 1));
            calendar.next(Time::MAX)
        });
    });
}

criterion_group!(benches, hold, cancel, lane, zero_delay);
criterion_main!(benches);
