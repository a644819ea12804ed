//! Timing a run and reporting it as one line of JSON.

use rustix::time::{ClockId, clock_gettime};
use std::time::Instant;

/// CPU time used by this process in seconds: what counts on a shared machine.
fn cpu_secs() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Measures from its making on.
#[derive(Debug)]
pub struct Stopwatch {
    wall: Instant,
    cpu: f64,
}

impl Stopwatch {
    /// Starts to measure.
    #[must_use]
    pub fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_secs() }
    }
}

/// What a workload did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Events popped.
    pub events: u64,
    /// Customers, requests or events finished.
    pub done: u64,
    /// Requests whose caller gave up.
    pub timeouts: u64,
    /// Sum of the sojourn times of what finished, in nanoseconds.
    pub sojourn_sum_ns: u128,
}

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Job {
    /// Name of the program under test.
    pub implementation: String,
    /// Name of the workload.
    pub workload: String,
    /// How many customers, requests or events.
    pub n: u64,
    /// The workload's own parameter, or zero.
    pub parameter: u64,
}

/// The line that says what a job did and how long it took.
#[must_use]
pub fn line(job: &Job, since: &Stopwatch, outcome: &Outcome) -> String {
    let (cpu, wall) = (cpu_secs() - since.cpu, since.wall.elapsed().as_secs_f64());
    let Job { implementation, workload, n, parameter } = job;
    let Outcome { events, done, timeouts, sojourn_sum_ns } = outcome;
    let mean_ms = if *done == 0 { 0.0 } else { *sojourn_sum_ns as f64 / *done as f64 / 1e6 };
    format!(
        r#"{{"impl":"{implementation}","workload":"{workload}","n":{n},"param":{parameter},"events":{events},"done":{done},"timeouts":{timeouts},"mean_ms":{mean_ms:.4},"cpu":{cpu:.6},"wall":{wall:.6}}}"#
    )
}
