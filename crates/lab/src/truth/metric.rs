//! What is compared between worlds, window by window: numbers of components, of the endpoints that clients ask for, and the observed series.
//!
//! The numbers of components are statistics as `expect:` names them ("web-api/pool.waiting.present.mean"), read at the edges of
//! windows: what is compared is what happened in between. Levels (bytes that are retained, entries of caches, certificates) are
//! compared as they are at the end of a window: what may hurt later, though nothing does yet. Numbers of endpoints come from the
//! requests that ended in the window.
//! Each says which way is worse; a table of them is the only list there is.

use knockon_kernel::Duration;
use knockon_model::LevelKind;

/// What is compared.
#[derive(Clone, PartialEq, Debug)]
pub struct Metric {
    /// The component: a service, or a source of load.
    pub component: String,
    /// The part of it (a pool, a key space), a link `a -> b`, or the endpoint that was asked for.
    pub part: Option<String>,
    /// The metric's name.
    pub name: String,
    /// Its unit.
    pub unit: &'static str,
    /// Which way is worse.
    pub worse: Worse,
    /// Whether it counts things that happen, one by one.
    pub counts: bool,
    /// Whether it is how much there is of something at the end of a window, which is where it was left: what moves it once stays.
    pub is_level: bool,
    /// Whether nothing within the system decides it: what an open source sends.
    pub exogenous: bool,
    /// Whether it decides if its component is affected. Quantiles do not, since they jump with single requests, nor high-water marks, which never
    /// come back, nor what only repeats others in detail.
    pub decides: bool,
}

/// Which way a metric is worse for users or operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Worse {
    /// More is worse.
    Higher,
    /// Less is worse.
    Lower,
    /// Neither is.
    Neither,
}

impl Worse {
    /// Whether a difference is for the worse.
    pub(super) fn is(self, difference: f64) -> bool {
        match self {
            Self::Higher => difference > 0.0,
            Self::Lower => difference < 0.0,
            Self::Neither => false,
        }
    }
}

impl Metric {
    /// Component, part and name in one: "web-api/pool.wait.mean".
    #[must_use]
    pub fn path(&self) -> String {
        match &self.part {
            None => format!("{}.{}", self.component, self.name),
            Some(link) if link.contains(" -> ") => format!("{link}.{}", self.name),
            Some(part) => format!("{}/{part}.{}", self.component, self.name),
        }
    }

    /// Whether a difference in a window is one that leads to anything: more of a load or a time by a tenth at least, a hundredth of somebody
    /// who waits, a hundredth of the bytes, a thousandth of the time in which nobody gets on. Of what is counted one by one, and of other levels, every one.
    pub(super) fn matters(&self, difference: f64, without: f64, window: Duration) -> bool {
        let is_more_of_either = self.worse == Worse::Neither && difference > 0.0;
        if !(self.worse.is(difference) || is_more_of_either) {
            return false;
        }
        let is_more = without.is_nan() || difference >= LEAST_MORE * without;
        match self.name.as_str() {
            "sent"
            | "arrived"
            | "latency.mean"
            | "staleness.mean"
            | "replay_behind"
            | "present.mean"
            | "in_use.present.mean"
            | "in_use.sojourn.mean" => is_more,
            "retained" | "live_after_full_collection" | "resident" | "disk_used" => difference >= LEAST_BYTES * without,
            "paused" | "throttled" | "expire_cycles" => difference >= LEAST_SHARE * window.as_secs_f64(),
            name if name.ends_with("present.mean") => is_more && difference >= LEAST_WAITING,
            _ => true,
        }
    }
}

/// The least share of its own by which there is more of something, or it takes longer.
const LEAST_MORE: f64 = 0.1;
/// The same of bytes that are kept.
const LEAST_BYTES: f64 = 0.01;
/// The least mean number of requests that wait.
const LEAST_WAITING: f64 = 0.01;
/// The least share of a window in which nobody gets on.
const LEAST_SHARE: f64 = 0.001;

use Worse::{Higher, Lower, Neither};

pub(super) const SOURCE: &[(&str, Worse)] = &[
    ("sent", Neither),
    ("failed", Higher),
    ("timeouts", Higher),
    ("retries", Higher),
    ("throughput", Lower),
    ("present.mean", Higher),
    ("latency.mean", Higher),
    ("latency.p95", Higher),
    ("latency.p99", Higher),
];

pub(super) const SERVICE: &[(&str, Worse)] = &[
    ("arrived", Neither),
    ("failed", Higher),
    ("refused", Higher),
    ("lost", Higher),
    ("throughput", Neither),
    ("present.mean", Higher),
    ("queue.present.mean", Higher),
    ("held_back.present.mean", Higher),
    ("locks.present.mean", Higher),
    ("utilisation", Higher),
    ("processor.present.mean", Higher),
    ("latency.mean", Higher),
    ("latency.p95", Higher),
    ("latency.p99", Higher),
    ("computed", Neither),
    ("paused", Higher),
    ("throttled", Higher),
    ("collections", Neither),
    ("full_collections", Higher),
    ("out_of_memory", Higher),
    ("oom_killed", Higher),
    ("restarts", Higher),
    ("probe_failures", Higher),
    ("probe_kills", Higher),
    ("not_ready", Higher),
    ("lock_timeouts", Higher),
    ("statement_timeouts", Higher),
    ("hit_share", Lower),
    ("misses", Higher),
    ("abandoned", Higher),
    ("shed", Higher),
    ("expired", Higher),
    ("limited", Higher),
    ("over_limit", Higher),
    ("delayed", Higher),
    ("syn_dropped", Higher),
];

/// Of services whose workers are processes.
pub(super) const PREFORK: &[(&str, Worse)] = &[("worker_timeouts", Higher), ("worker_exits", Neither)];

/// Of databases with a disk.
pub(super) const DISK: &[(&str, Worse)] = &[
    ("disk.waiting.present.mean", Higher),
    ("disk.present.mean", Higher),
    ("buffer_hit_share", Lower),
    ("buffer_misses", Neither),
    ("disk_full", Higher),
    ("panics", Higher),
];

/// Of Redis servers whose cycles for expired keys take time.
pub(super) const EXPIRY: &[(&str, Worse)] = &[("expire_cycles", Higher)];

/// Of Redis servers that count their clients.
pub(super) const CLIENTS: &[(&str, Worse)] = &[("rejected_connections", Higher)];

/// Of replicas.
pub(super) const REPLICA: &[(&str, Worse)] = &[("stale_reads", Higher), ("staleness.mean", Higher)];

/// Of databases whose statements can come to wait for each other.
pub(super) const DEADLOCKS: &[(&str, Worse)] = &[("deadlocks", Higher)];

pub(super) const POOL: &[(&str, Worse)] = &[
    ("acquired", Neither),
    ("timeouts", Higher),
    ("leaked", Higher),
    ("wait.mean", Higher),
    ("waiting.present.mean", Higher),
    ("in_use.present.mean", Higher),
    ("in_use.sojourn.mean", Higher),
];

/// Of executors.
pub(super) const EXECUTOR: &[(&str, Worse)] = &[
    ("submitted", Neither),
    ("rejected", Higher),
    ("discarded", Higher),
    ("wait.mean", Higher),
    ("waiting.present.mean", Higher),
    ("running.present.mean", Higher),
];

pub(super) const KEYS: &[(&str, Worse)] = &[
    ("hit_share", Lower),
    ("misses", Higher),
    ("evicted", Higher),
    ("loads", Neither),
    ("load_failures", Higher),
    ("waiting.present.mean", Higher),
];

/// Of the queues of a broker.
pub(super) const QUEUE: &[(&str, Worse)] = &[
    ("published", Neither),
    ("throughput", Neither),
    ("rejected", Higher),
    ("redelivered", Higher),
    ("dead_lettered", Higher),
    ("dropped", Higher),
    ("ready.present.mean", Higher),
    ("unacked.present.mean", Higher),
    ("wait.mean", Higher),
];

/// Of brokers, beside what they have in common with other services.
pub(super) const BROKER: &[(&str, Worse)] = &[("blocked.present.mean", Higher)];

pub(super) const LINK: &[(&str, Worse)] = &[
    ("sent", Neither),
    ("failed", Higher),
    ("retries", Higher),
    ("retries_refused", Higher),
    ("not_permitted", Higher),
    ("opened", Higher),
    ("bulkhead_full", Higher),
    ("throttled", Higher),
    ("ejections", Higher),
    ("under_way.mean", Higher),
    ("permits.present.mean", Higher),
];

/// Numbers of each endpoint of a source, of the requests that ended: name, unit, which way is worse, whether it counts.
pub(super) const ENDPOINT: &[(&str, &str, Worse, bool)] = &[
    ("ended", "count", Neither, true),
    ("failed", "count", Higher, true),
    ("latency.mean", "s", Higher, false),
    ("latency.p95", "s", Higher, false),
    ("latency.p99", "s", Higher, false),
];

/// Levels that are compared. Others are the momentary state of what has averages above, count lives, which do not come back, or say no more than that a
/// fault is in force.
pub(super) const LEVELS: &[(LevelKind, Worse)] = &[
    (LevelKind::RetainedBytes, Higher),
    (LevelKind::LiveAfterFullBytes, Higher),
    (LevelKind::ResidentBytes, Higher),
    (LevelKind::Leaked, Higher),
    (LevelKind::Severed, Higher),
    (LevelKind::PoolConnections, Neither),
    (LevelKind::Connections, Neither),
    (LevelKind::Entries, Neither),
    (LevelKind::RowHolders, Higher),
    (LevelKind::DiskUsedBytes, Higher),
    (LevelKind::BehindBytes, Higher),
    (LevelKind::Inbox, Higher),
    (LevelKind::WarmUpLeft, Higher),
    (LevelKind::Life, Higher),
    (LevelKind::RestartDelay, Higher),
    (LevelKind::CertificateExpires, Neither),
    (LevelKind::RenewedExpires, Neither),
    (LevelKind::ConcurrencyLimit, Lower),
    (LevelKind::Breaker, Higher),
    (LevelKind::Ejected, Higher),
    (LevelKind::Ready, Higher),
    (LevelKind::Unacknowledged, Neither),
    (LevelKind::Consumers, Lower),
    (LevelKind::NotReady, Higher),
    (LevelKind::ProbesFailing, Higher),
];

/// What `truth/windows` calls an observed series: `jvm_memory_used_bytes{area="heap",id="PS Old Gen"}`.
#[must_use]
pub fn series_name<'a>(name: &str, attributes: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let labels: Vec<String> = attributes.map(|(key, value)| format!("{key}={value:?}")).collect();
    if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_to_nothing_leads_to_nothing() {
        let matters = |name: &str, worse, difference, without| {
            let metric = Metric {
                component: "web".to_owned(),
                part: None,
                name: name.to_owned(),
                unit: "",
                worse,
                counts: false,
                is_level: false,
                exogenous: false,
                decides: true,
            };
            metric.matters(difference, without, Duration::from_secs(15))
        };
        assert!(matters("latency.mean", Higher, 4e-3, 30e-3) && !matters("latency.mean", Higher, 0.4e-3, 30e-3));
        assert!(matters("latency.mean", Higher, 4e-3, f64::NAN), "there was none before");
        assert!(matters("paused", Higher, 0.1, 0.0) && !matters("paused", Higher, 4e-3, 2e-3));
        assert!(matters("queue.present.mean", Higher, 1.0, 0.0) && !matters("queue.present.mean", Higher, 6e-4, 0.0));
        assert!(matters("failed", Higher, 1.0, 100.0), "each failure is one");
        assert!(matters("arrived", Neither, 20.0, 100.0), "more load leads somewhere, whether it is worse or not");
        assert!(!matters("arrived", Neither, -20.0, 100.0) && !matters("failed", Higher, -1.0, 2.0));
    }
}
