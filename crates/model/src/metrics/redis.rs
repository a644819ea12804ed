//! redis_exporter beside a Redis server. Where the server does not answer, `redis_up` is 0 and the rest is missing.
//!
//! Memory is that of the entries: what an empty server uses lies in its baseline. Times by command, of which Redis counts only the execution,
//! and the slow log are listed for a server that has commands of its own beside GET and SET, which take no time to speak of; what cycles
//! for expired keys do, for one whose `expiry` is described.

use super::listing::Listing;
use super::scrape::Target;
use super::timing::{Part, Timing, seconds};
use super::{Reading as Series, Scope};
use crate::blueprint::{Operation, Runtime, Service};
use crate::record::SeriesKind;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    Clients,
    Keys,
    Hits,
    Misses,
    Expired,
    Evicted,
    MemoryUsed,
    MemoryMaximum,
    Uptime,
    /// Commands by name, an index into the metrics' words.
    Commands(u16),
    /// Seconds that they were executed for, likewise.
    CommandTime(u16),
    MaxClients,
    Rejected,
    Expiring,
    StaleShare,
    TimeCaps,
    CycleTime,
    SlowLogLength,
    SlowLogLast,
    SlowLogTime,
}

/// `redis_*`.
pub(super) fn list(listing: &mut Listing, service: &Service) {
    listing.series(Scope::Always, "up", (SeriesKind::Gauge, "1"), &[], Series::Exporter);
    listing.series(Scope::Always, "redis_up", (SeriesKind::Gauge, "1"), &[], Series::Answers);
    if service.replicas == 1 {
        // Which replica an idle connection leads to is not known.
        listing.gauge("redis_connected_clients", "{connection}", &[], Series::Redis(Reading::Clients));
    }
    listing.gauge("redis_db_keys", "{key}", &[("db", "db0")], Series::Redis(Reading::Keys));
    for (name, unit, reading) in [
        ("redis_keyspace_hits_total", "{hit}", Reading::Hits),
        ("redis_keyspace_misses_total", "{miss}", Reading::Misses),
        ("redis_expired_keys_total", "{key}", Reading::Expired),
        ("redis_evicted_keys_total", "{key}", Reading::Evicted),
    ] {
        listing.counter(name, unit, &[], Series::Redis(reading));
    }
    if matches!(&service.runtime, Runtime::Redis(redis) if redis.expiry.is_some()) {
        listing.gauge("redis_db_keys_expiring", "{key}", &[("db", "db0")], Series::Redis(Reading::Expiring));
        listing.gauge("redis_expired_stale_percentage", "%", &[], Series::Redis(Reading::StaleShare));
        let (capped, time) = (Series::Redis(Reading::TimeCaps), Series::Redis(Reading::CycleTime));
        listing.counter("redis_expired_time_cap_reached_total", "{cycle}", &[], capped);
        listing.counter("redis_expire_cycle_cpu_time_ms_total", "ms", &[], time);
    }
    if matches!(&service.runtime, Runtime::Redis(redis) if redis.maxclients.is_some()) {
        listing.gauge("redis_config_maxclients", "{connection}", &[], Series::Redis(Reading::MaxClients));
        let rejected = Series::Redis(Reading::Rejected);
        listing.counter("redis_rejected_connections_total", "{connection}", &[], rejected);
    }
    listing.gauge("redis_memory_used_bytes", "By", &[], Series::Redis(Reading::MemoryUsed));
    listing.gauge("redis_memory_max_bytes", "By", &[], Series::Redis(Reading::MemoryMaximum));
    listing.gauge("redis_uptime_in_seconds", "s", &[], Series::Redis(Reading::Uptime));
    let all = Series::Requests { endpoint: None, status: None, part: Part::Count };
    listing.counter("redis_commands_processed_total", "{command}", &[], all);
    let mut commands: Vec<String> =
        service.endpoints.iter().filter_map(|endpoint| command(&endpoint.operation)).collect();
    commands.sort_unstable();
    commands.dedup();
    for text in commands {
        let word = listing.word(&text);
        let reading = Series::Redis(Reading::Commands(word));
        listing.counter("redis_commands_total", "{command}", &[("cmd", text.as_str())], reading);
        if service.has_slow_commands() {
            let reading = Series::Redis(Reading::CommandTime(word));
            listing.counter("redis_commands_duration_seconds_total", "s", &[("cmd", text.as_str())], reading);
        }
    }
    if service.has_slow_commands() {
        listing.gauge("redis_slowlog_length", "{command}", &[], Series::Redis(Reading::SlowLogLength));
        listing.gauge("redis_slowlog_last_id", "1", &[], Series::Redis(Reading::SlowLogLast));
        let time = Series::Redis(Reading::SlowLogTime);
        listing.gauge("redis_last_slow_execution_duration_seconds", "s", &[], time);
    }
}

/// A command as `INFO commandstats` has it.
fn command(operation: &Operation) -> Option<String> {
    match operation {
        Operation::Cache { command } => Some(command.to_lowercase()),
        _ => None,
    }
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>, words: &[String]) -> Option<f64> {
        let process = target.process;
        let store = process.store.as_ref()?;
        let Runtime::Redis(settings) = &target.service.runtime else { return None };
        let readings = store.readings(target.now);
        Some(match self {
            Self::Keys => readings.keys as f64,
            Self::Hits => readings.hits as f64,
            Self::Misses => readings.misses as f64,
            Self::Expired => readings.expired as f64,
            Self::Evicted => readings.evicted as f64,
            Self::Expiring => store.expiring() as f64,
            // INFO has two decimals of a percentage, and whole milliseconds.
            Self::StaleShare => (store.expiry_readings()?.stale_share * 1e4).round() / 1e2,
            Self::TimeCaps => store.expiry_readings()?.capped as f64,
            Self::CycleTime => (store.expiry_readings()?.spent.as_nanos() / 1_000_000) as f64,
            Self::Clients if settings.maxclients.is_some() => f64::from(process.connections),
            Self::Clients => f64::from(target.clients),
            Self::MaxClients => f64::from(settings.maxclients?),
            Self::Rejected => process.rejected as f64,
            Self::MemoryUsed => readings.used_bytes as f64,
            // 0 is how Redis says that there is none.
            Self::MemoryMaximum => settings.maxmemory.unwrap_or(0) as f64,
            Self::Uptime => seconds((target.now - process.started).as_nanos()),
            Self::SlowLogLength => process.meter.commands.as_ref()?.slow_log_length() as f64,
            Self::SlowLogLast => process.meter.commands.as_ref()?.slow_log_last() as f64,
            // It is kept in microseconds.
            Self::SlowLogTime => process.meter.commands.as_ref()?.last_noted_ns.div_euclid(1000) as f64 / 1e6,
            Self::CommandTime(word) => {
                let times = target.service.endpoints.iter().zip(&process.meter.commands.as_ref()?.executed_ns);
                let named = times
                    .filter(|(endpoint, _)| command(&endpoint.operation).as_ref() == Some(&words[usize::from(word)]));
                seconds(named.map(|(_, ns)| ns).sum())
            }
            Self::Commands(word) => {
                let endpoints = target.service.endpoints.iter().zip(&process.meter.requests);
                let named = endpoints
                    .filter(|(endpoint, _)| command(&endpoint.operation).as_ref() == Some(&words[usize::from(word)]));
                let timings = named.flat_map(|(_, by_status)| by_status).map(|(_, timing)| timing);
                Timing::read(timings, Part::Count, target.now)?
            }
        })
    }
}
