//! Micrometer's `ExecutorServiceMetrics` of a `ThreadPoolExecutor`: gauges and a counter of the executor, timers of its tasks.
//!
//! As `ExecutorServiceMetrics.monitor` makes them, with the tag `name`. A task that is refused is in neither timer, nor is one that
//! whoever hands it over does itself, where Micrometer has the latter in both; one that was cancelled before a thread took it up is in both, with no time
//! of its own, where Micrometer has it in neither. Of an executor whose
//! queue has no end the places left are `Integer.MAX_VALUE` less those taken. Python's `ThreadPoolExecutor` has no exporter.
//!
//! Source: Micrometer 1.13, `ExecutorServiceMetrics`, `TimedExecutorService`.

use super::Reading as Series;
use super::listing::Listing;
use super::scrape::Target;
use super::timing::{Part, Timing};
use crate::blueprint::Service;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    Active,
    Completed,
    Queued,
    PlacesLeft,
    Size,
    Core,
    Maximum,
    Idle(Part),
    Run(Part),
}

/// What an `int` can hold at most.
const INTEGER_MAXIMUM: u32 = i32::MAX as u32;

/// `executor_*` of each executor.
pub(super) fn list(listing: &mut Listing, service: &Service) {
    for (index, executor) in service.executors.iter().enumerate() {
        let labels = [("name", executor.name.as_str())];
        let of_it = |reading| Series::Executor(index as u16, reading);
        for (name, unit, reading) in [
            ("executor_active_threads", "{thread}", Reading::Active),
            ("executor_queued_tasks", "{task}", Reading::Queued),
            ("executor_queue_remaining_tasks", "{task}", Reading::PlacesLeft),
            ("executor_pool_size_threads", "{thread}", Reading::Size),
            ("executor_pool_core_threads", "{thread}", Reading::Core),
            ("executor_pool_max_threads", "{thread}", Reading::Maximum),
        ] {
            listing.gauge(name, unit, &labels, of_it(reading));
        }
        listing.counter("executor_completed_tasks_total", "{task}", &labels, of_it(Reading::Completed));
        listing.timer("executor_seconds", &labels, |part| of_it(Reading::Run(part)));
        listing.timer("executor_idle_seconds", &labels, |part| of_it(Reading::Idle(part)));
    }
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>, executor: usize) -> Option<f64> {
        let machine = &target.process.executors.get(executor)?.machine;
        let meter = &target.process.meter.executors[executor];
        let timed = |timing, part| Timing::read(std::iter::once(timing), part, target.now);
        let queued = machine.queued().len() as u32;
        Some(match self {
            Self::Active => machine.running().len() as f64,
            Self::Completed => machine.completed() as f64,
            Self::Queued => f64::from(queued),
            Self::PlacesLeft => f64::from(machine.places_left().unwrap_or(INTEGER_MAXIMUM.saturating_sub(queued))),
            Self::Size => f64::from(machine.threads()),
            Self::Core => f64::from(machine.core()),
            Self::Maximum => f64::from(machine.maximum()),
            Self::Idle(part) => timed(&meter.idle, part)?,
            Self::Run(part) => timed(&meter.run, part)?,
        })
    }
}
