//! Statistics by name: `component.measure`, `component/part.measure`, durations with what is wanted of them as a last word.
//!
//! Counts are numbers, shares lie in 0 … 1, durations are seconds. A source and a service never share a name.

use knockon_kernel::Duration;
use knockon_model::statistics::{LatencyHistogram, PoolStatistics, ServiceStatistics, SourceStatistics, Statistics};

/// The value of a statistic; `None` if there is none of this name.
#[must_use]
pub fn measure(statistics: &Statistics, name: &str) -> Option<f64> {
    let (component, measure) = name.split_once('.')?;
    if let Some((service, pool)) = component.split_once('/') {
        let service = statistics.services.iter().find(|found| found.name == service)?;
        return of_pool(service.pools.iter().find(|found| found.name == pool)?, measure);
    }
    if let Some(source) = statistics.sources.iter().find(|found| found.name == component) {
        return of_source(source, measure);
    }
    of_service(statistics.services.iter().find(|found| found.name == component)?, measure)
}

fn of_source(source: &SourceStatistics, measure: &str) -> Option<f64> {
    let count = match measure {
        "sent" => source.sent,
        "answered" => source.answered,
        "failed" => source.failed,
        "in_flight" => source.in_flight,
        "attempts" => source.attempts,
        "error_share" => return Some(share(source.failed, source.answered + source.failed)),
        _ => return of_durations(&source.latency, measure.strip_prefix("latency.")?),
    };
    Some(count as f64)
}

fn of_service(service: &ServiceStatistics, measure: &str) -> Option<f64> {
    let count = match measure {
        "arrived" => service.arrived,
        "answered" => service.answered,
        "failed" => service.failed,
        "refused" => service.refused,
        "lost" => service.lost,
        "in_flight" => service.in_flight,
        "collections" => service.collections,
        "full_collections" => service.full_collections,
        "out_of_memory" => service.out_of_memory,
        "oom_killed" => service.oom_killed,
        "restarts" => service.restarts,
        "hits" => service.hits,
        "misses" => service.misses,
        "hit_share" => return Some(share(service.hits, service.hits + service.misses)),
        "error_share" => {
            let errors = service.failed + service.refused + service.lost;
            return Some(share(errors, service.answered + errors));
        }
        "computed" => return Some(seconds(service.computed)),
        "paused" => return Some(seconds(service.paused)),
        _ => return of_durations(&service.latency, measure.strip_prefix("latency.")?),
    };
    Some(count as f64)
}

fn of_pool(pool: &PoolStatistics, measure: &str) -> Option<f64> {
    let count = match measure {
        "acquired" => pool.acquired,
        "timeouts" => pool.timeouts,
        "peak_waiting" => u64::from(pool.peak_waiting),
        "timeout_share" => return Some(share(pool.timeouts, pool.acquired + pool.timeouts)),
        _ => return of_durations(&pool.wait, measure.strip_prefix("wait.")?),
    };
    Some(count as f64)
}

fn of_durations(durations: &LatencyHistogram, wanted: &str) -> Option<f64> {
    let duration = match wanted {
        "count" => return Some(durations.count() as f64),
        "mean" => durations.mean(),
        "p50" => durations.quantile(500),
        "p90" => durations.quantile(900),
        "p95" => durations.quantile(950),
        "p99" => durations.quantile(990),
        "p999" => durations.quantile(999),
        "maximum" => durations.maximum(),
        _ => return None,
    };
    Some(seconds(duration))
}

fn seconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e9
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics() -> Statistics {
        let mut latency = LatencyHistogram::default();
        latency.record(Duration::from_millis(20));
        let pool =
            PoolStatistics { name: "pool".into(), acquired: 3, timeouts: 1, wait: latency.clone(), peak_waiting: 9 };
        let service = ServiceStatistics {
            name: "web-api".into(),
            answered: 6,
            failed: 1,
            refused: 1,
            pools: vec![pool],
            hits: 3,
            misses: 1,
            paused: Duration::from_millis(1_500),
            ..Default::default()
        };
        let source = SourceStatistics {
            name: "clients".into(),
            sent: 5,
            answered: 3,
            failed: 1,
            in_flight: 1,
            latency,
            ..Default::default()
        };
        Statistics { sources: vec![source], services: vec![service] }
    }

    #[test]
    fn by_name() {
        for (name, value) in [
            ("clients.sent", Some(5.0)),
            ("clients.error_share", Some(0.25)),
            ("clients.latency.maximum", Some(0.02)),
            ("clients.latency.mean", Some(0.02)),
            ("web-api.error_share", Some(0.25)),
            ("web-api.hit_share", Some(0.75)),
            ("web-api.paused", Some(1.5)),
            ("web-api.latency.p99", Some(0.0)),
            ("web-api/pool.timeouts", Some(1.0)),
            ("web-api/pool.timeout_share", Some(0.25)),
            ("web-api/pool.peak_waiting", Some(9.0)),
            ("web-api/pool.wait.p99", Some(0.02)),
            ("web-api/pool.wait", None),
            ("web-api/spool.timeouts", None),
            ("web-api.waits", None),
            ("nobody.sent", None),
            ("clients", None),
        ] {
            assert_eq!(measure(&statistics(), name), value, "{name}");
        }
    }
}
