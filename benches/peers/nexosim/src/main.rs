//! `peer-nexosim mm1|tiers|hold UNITS`: one model a component, ports between them, events that models schedule for themselves.

mod hold;
mod mm1;
mod tiers;

use nexosim::model::{Context, Model};
use nexosim::time::MonotonicTime;
use rand::SeedableRng;
use rand_distr::{Distribution, Exp1};
use rand_pcg::Pcg64Mcg;
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What was simulated, written by a model when it has seen its last request.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub done: u64,
    pub timeouts: u64,
    pub time_ns: u64,
}

pub type Shared = Arc<Mutex<Tally>>;

/// One sequential generator a model.
#[derive(Debug)]
pub struct Draws(Pcg64Mcg);

impl Default for Draws {
    fn default() -> Self {
        Self(Pcg64Mcg::seed_from_u64(1))
    }
}

impl Draws {
    pub fn seeded(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    /// An exponential time in whole nanoseconds, at least one: nexosim schedules into the future only.
    pub fn exponential(&mut self, mean_ns: f64) -> Duration {
        let unit: f64 = Exp1.sample(&mut self.0);
        Duration::from_nanos((unit * mean_ns + 0.5) as u64).max(Duration::from_nanos(1))
    }
}

/// Nanoseconds since the simulation began.
pub fn now<M: Model>(cx: &Context<M>) -> u64 {
    cx.time().duration_since(MonotonicTime::EPOCH).as_nanos() as u64
}

fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, workload, units] = arguments.as_slice() else { panic!("usage: peer-nexosim mm1|tiers|hold UNITS") };
    let units = units.parse().expect("UNITS is a whole number");
    let began = cpu_s();
    let tally = match workload.as_str() {
        "mm1" => mm1::run(units),
        "tiers" => tiers::run(units),
        "hold" => hold::run(units),
        other => panic!("there is no workload {other}"),
    };
    let cpu = cpu_s() - began;
    let Tally { done, timeouts, time_ns } = tally;
    let mean_ms = if done == 0 { 0.0 } else { time_ns as f64 / done as f64 / 1e6 };
    println!(r#"{{"done": {done}, "timeouts": {timeouts}, "mean_ms": {mean_ms}, "cpu": {cpu}}}"#);
}
