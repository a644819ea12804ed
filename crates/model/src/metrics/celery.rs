//! Workers: what celery-exporter (danihodovic/celery-exporter) learns from their events. It runs beside them and outlives them.
//!
//! Left out: tasks that were sent (events of publishers are off), started, rejected and revoked ones, the waiting time in the queue.

use super::listing::Listing;
use super::scrape::Target;
use super::timing::{PYTHON, Part, Timing};
use super::{Reading as Series, Scope, flag};
use crate::blueprint::{Operation, Service};
use crate::meter::TaskMeter;
use crate::process::Life;
use crate::record::SeriesKind;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    Up,
    Active,
    /// Of a task, by the number of its endpoint.
    Received(u16),
    Succeeded(u16),
    Failed(u16),
    Retried(u16),
    Runtime(u16, Part),
}

/// `celery_*`.
pub(super) fn list(listing: &mut Listing, service: &Service) {
    if service.consumers.is_empty() {
        return;
    }
    let instance = listing.instance();
    let hostname = [("hostname", instance.as_str())];
    let always = |listing: &mut Listing, name: &str, kind, unit: &str, labels: &[(&str, &str)], reading| {
        listing.series(Scope::Always, name, (kind, unit), labels, Series::Celery(reading));
    };
    always(listing, "celery_worker_up", SeriesKind::Gauge, "1", &hostname, Reading::Up);
    always(listing, "celery_worker_tasks_active", SeriesKind::Gauge, "{task}", &hostname, Reading::Active);
    for consumer in &service.consumers {
        let endpoint = &service.endpoints[consumer.endpoint.index()];
        let Operation::Process { queue, task, .. } = &endpoint.operation else { continue };
        let number = consumer.endpoint.0 as u16;
        let labels = [("hostname", instance.as_str()), ("name", task.as_str()), ("queue_name", queue.as_str())];
        for (name, reading) in [
            ("celery_task_received_total", Reading::Received(number)),
            ("celery_task_succeeded_total", Reading::Succeeded(number)),
            ("celery_task_failed_total", Reading::Failed(number)),
            ("celery_task_retried_total", Reading::Retried(number)),
        ] {
            always(listing, name, SeriesKind::Counter, "{task}", &labels, reading);
        }
        for &(bound, text) in PYTHON {
            let with_bound: Vec<_> = labels.iter().copied().chain([("le", text)]).collect();
            let reading = Reading::Runtime(number, Part::Bucket(bound));
            always(listing, "celery_task_runtime_bucket", SeriesKind::HistogramBucket, "1", &with_bound, reading);
        }
        let part = |part| Reading::Runtime(number, part);
        always(listing, "celery_task_runtime_count", SeriesKind::HistogramCount, "1", &labels, part(Part::Count));
        always(listing, "celery_task_runtime_sum", SeriesKind::HistogramSum, "s", &labels, part(Part::Sum));
    }
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>) -> Option<f64> {
        let task = |number: u16| target.process.meter.tasks.get(&u32::from(number));
        let count = |number: u16, of: fn(&TaskMeter) -> u64| task(number).map(|task| of(task) as f64);
        match self {
            Self::Up => Some(flag(target.answers)),
            Self::Active if target.process.life == Life::Down => Some(0.0),
            Self::Active => Some(f64::from(target.process.busy)),
            Self::Received(number) => count(number, |task| task.received),
            Self::Succeeded(number) => count(number, |task| task.succeeded),
            Self::Failed(number) => count(number, |task| task.failed),
            Self::Retried(number) => count(number, |task| task.retried),
            Self::Runtime(number, part) => Timing::read(task(number)?.runtime.iter(), part, target.now),
        }
    }
}
