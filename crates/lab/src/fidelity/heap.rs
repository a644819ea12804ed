//! Heaps: pauses, requests that ended, and death by an OutOfMemoryError.

use super::Observables;
use super::numbers::{S, count, mean, median, millis, percentile, seconds};
use super::seen::{Seen, nanos};
use knockon_model::record::{CollectionKind, LogEvent, Transition};
use knockon_scenario::original::SteadyExperiment;

/// One pause. Instants and durations in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    pub(super) ended: i64,
    pub(super) length: i64,
    pub(super) full: bool,
    /// Whether it collected young regions; neither, where it only ended a marking.
    pub(super) young: bool,
    /// Heap after it in MiB.
    pub(super) after_mib: f64,
}

impl Pause {
    fn began(&self) -> i64 {
        self.ended - self.length
    }
}

/// What happened to a heap.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// Pauses from the start on, in order.
    pub(super) pauses: Vec<Pause>,
    /// When requests arrived and ended.
    pub(super) served: Vec<(i64, i64)>,
    /// When the process died of an OutOfMemoryError.
    pub(super) death: Option<i64>,
}

/// Window and step with which the beginning of the spiral is looked for, and the share that counts as one.
const WINDOW: i64 = 2 * S;
const STEP: i64 = S / 2;
const SPIRAL: f64 = 0.1;
/// The first part of a leak.
const FIRST: i64 = 10 * S;
/// The first part of each step is left out.
const SETTLING: i64 = 4 * S;

/// A leak.
pub(super) fn observe_leak(course: &Course) -> Observables {
    let full: Vec<&Pause> = course.pauses.iter().filter(|pause| pause.full).collect();
    let lengths: Vec<f64> = full.iter().map(|pause| millis(pause.length)).collect();
    let mut observables = Observables::from([
        ("out_of_memory".into(), Some(f64::from(u8::from(course.death.is_some())))),
        ("full".into(), count(full.len())),
        ("first_full_s".into(), full.first().map(|pause| seconds(pause.began()))),
        ("full_pause_ms_median".into(), median(&lengths)),
        ("heap_after_last_gc_mb".into(), course.pauses.last().map(|pause| pause.after_mib)),
        ("completed".into(), count(course.served.len())),
        ("young".into(), count(course.pauses.iter().filter(|pause| pause.young).count())),
        ("longest_pause_ms".into(), course.pauses.iter().map(|pause| pause.length).max().map(millis)),
    ]);
    let asked_in = |from: i64, to: i64| latencies(course, |(asked, _)| (from..to).contains(&asked));
    let first = asked_in(0, FIRST);
    observables.extend([
        ("latency_first_10s_ms_p50".into(), percentile(&first, 50)),
        ("latency_first_10s_ms_p99".into(), percentile(&first, 99)),
    ]);
    let Some(death) = course.death else { return observables };
    let last = |span: i64| Some(share(&course.pauses, death - span, death));
    let spiral = (0..).map(|n| n * STEP).take_while(|from| from + WINDOW <= death);
    let spiral = spiral.into_iter().find(|&from| share(&course.pauses, from, from + WINDOW) > SPIRAL);
    let late = asked_in(death - 3 * S, death);
    observables.extend([
        ("time_of_death_s".into(), Some(seconds(death))),
        ("gc_share_whole".into(), last(death)),
        ("gc_share_last_10s".into(), last(10 * S)),
        ("gc_share_last_3s".into(), last(3 * S)),
        ("gc_share_over_10pc_before_death_s".into(), spiral.map(|from| seconds(death - from))),
        ("gc_share_last_1s".into(), last(S)),
        ("gc_share_first_half".into(), Some(share(&course.pauses, 0, death / 2))),
        ("latency_last_3s_ms_p50".into(), percentile(&late, 50)),
        ("latency_last_3s_ms_max".into(), late.iter().copied().reduce(knockon_kernel::math::max)),
    ]);
    observables
}

/// A store that grows in steps.
pub(super) fn observe_steady(course: &Course, experiment: &SteadyExperiment) -> Observables {
    let instant = |second: f64| (second * S as f64).round() as i64;
    let ends = experiment.steps.iter().skip(1).map(|(_, begins)| *begins).chain([experiment.end_s]);
    let mut observables = Observables::new();
    for (&(mib, begins), ends) in experiment.steps.iter().zip(ends) {
        let (from, to) = (instant(begins) + SETTLING, instant(ends));
        let per_second = |n: usize| Some(n as f64 / seconds(to - from));
        let full = course.pauses.iter().filter(|pause| pause.full && (from..to).contains(&pause.began()));
        let lengths: Vec<f64> = full.map(|pause| millis(pause.length)).collect();
        let done = latencies(course, |(_, ended)| (from..to).contains(&ended));
        let young = course.pauses.iter().filter(|pause| pause.young && (from..to).contains(&pause.began()));
        let young: Vec<f64> = young.map(|pause| millis(pause.length)).collect();
        observables.extend([
            (format!("live{mib}_gc_share"), Some(share(&course.pauses, from, to))),
            (format!("live{mib}_full_per_s"), per_second(lengths.len())),
            (format!("live{mib}_full_ms"), mean(&lengths)),
            (format!("live{mib}_done_per_s"), per_second(done.len())),
            (format!("live{mib}_young_per_s"), per_second(young.len())),
            (format!("live{mib}_young_ms"), mean(&young)),
            (format!("live{mib}_latency_ms_p50"), percentile(&done, 50)),
            (format!("live{mib}_latency_ms_p99"), percentile(&done, 99)),
        ]);
    }
    observables
}

/// How long requests took, of some by when they arrived and ended.
fn latencies(course: &Course, which: impl Fn((i64, i64)) -> bool) -> Vec<f64> {
    course
        .served
        .iter()
        .copied()
        .filter(|&request| which(request))
        .map(|(asked, ended)| millis(ended - asked))
        .collect()
}

/// The share of `[from, to)` that was paused.
fn share(pauses: &[Pause], from: i64, to: i64) -> f64 {
    let paused: i64 = pauses.iter().map(|pause| (pause.ended.min(to) - pause.began().max(from)).max(0)).sum();
    paused as f64 / (to - from) as f64
}

/// What happened to the heap of a simulated service.
pub(super) fn course(seen: &Seen, service: &str) -> Course {
    let mut course = Course::default();
    for log in seen.collections(service) {
        let LogEvent::Collection { kind, after, pause, .. } = log.event else { continue };
        // Marking takes processor time and pauses nothing.
        if kind != CollectionKind::ConcurrentMark {
            course.pauses.push(Pause {
                ended: nanos(log.time),
                length: pause.as_nanos() as i64,
                full: kind == CollectionKind::Full,
                young: matches!(kind, CollectionKind::Young | CollectionKind::ConcurrentStart | CollectionKind::Mixed),
                after_mib: after as f64 / f64::from(1 << 20),
            });
        }
    }
    let served = seen.served(service).filter(|(span, _)| span.error.is_none());
    course.served = served.map(|(span, _)| (nanos(span.start), nanos(span.end))).collect();
    course.death = seen.states(service).find(|(_, state)| *state == Transition::OutOfMemory).map(|(at, _)| at);
    course
}
