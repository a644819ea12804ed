//! A small shop of every runtime, run with and without somebody watching.

mod shop;

use crate::blueprint::{Action, Blueprint, Collector, Patch, Runtime};
use crate::record::{
    ChangeKind, ChangeRecord, LedgerRecord, LogRecord, RequestRecord, SampleRecord, SeriesInfo, SeriesKind, SpanRecord,
    StateRecord,
};
use crate::{Null, Sink, World};
use knockon_kernel::Time;
use shop::{API, CACHE, DATABASE, WEB, shop, with_slow_commands};
use std::collections::BTreeMap;

/// Keeps samples and the changes of processes.
#[derive(Default)]
struct Kept {
    samples: Vec<SampleRecord>,
    changes: Vec<ChangeRecord>,
}

impl Sink for Kept {
    const OBSERVES: bool = true;
    const LEDGER: bool = false;
    const REQUESTS: bool = false;
    const PARTS: bool = false;
    fn span(&mut self, _: SpanRecord) {}
    fn log(&mut self, _: LogRecord) {}
    fn sample(&mut self, record: SampleRecord) {
        self.samples.push(record);
    }
    fn change(&mut self, record: ChangeRecord) {
        self.changes.push(record);
    }
    fn ledger(&mut self, _: LedgerRecord) {}
    fn request(&mut self, _: RequestRecord) {}
    fn state(&mut self, _: StateRecord) {}
    fn watermark(&mut self, _: Time) {}
}

fn at(seconds: u64) -> Time {
    Time::from_nanos(seconds * 1_000_000_000)
}

/// A run, and what was sampled in it.
struct Run {
    world: World,
    kept: Kept,
}

impl Run {
    fn of(patches: Vec<Patch>, seconds: u64) -> Self {
        Self::with(shop(patches), seconds)
    }

    fn with(blueprint: Blueprint, seconds: u64) -> Self {
        let mut world = World::new(blueprint);
        let mut kept = Kept::default();
        world.run_until(at(seconds), &mut kept).expect("no limit is hit");
        Self { world, kept }
    }

    fn info(&self, sample: &SampleRecord) -> &SeriesInfo {
        &self.world.catalogue().series[sample.series.index()]
    }

    /// Samples of a service's metric at a time that have all of the labels.
    fn at(&self, time: Time, service: &str, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        let here = self.kept.samples.iter().filter(|sample| sample.time == time);
        here.filter(|sample| {
            let info = self.info(sample);
            let has = |&(key, value): &(&str, &str)| info.attributes.iter().any(|(k, v)| k == key && v == value);
            info.service == service && info.name == name && labels.iter().all(has)
        })
        .map(|sample| sample.value)
        .collect()
    }

    fn sum(&self, time: Time, service: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.at(time, service, name, labels).iter().sum()
    }

    fn times(&self) -> Vec<Time> {
        let mut times: Vec<Time> = self.kept.samples.iter().map(|sample| sample.time).collect();
        times.dedup();
        times
    }
}

fn patch(seconds: u64, until: Option<u64>, action: Action) -> Patch {
    Patch { fault: None, at: at(seconds), until: until.map(at), action }
}

#[test]
fn the_catalogue_lists_each_series_once_in_name_order() {
    let world = World::new(shop(Vec::new()));
    let series = &world.catalogue().series;
    let identities: Vec<_> = series.iter().map(|info| (&info.name, &info.instance, &info.attributes)).collect();
    let mut sorted = identities.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), identities.len(), "a series is listed twice");
    assert!(series.is_sorted_by_key(|info| &info.name));
    assert!(series.iter().all(|info| info.attributes.is_sorted()));
    for name in [
        "hikaricp_connections_pending",
        "http_server_requests_seconds_max",
        "jvm_gc_overhead",
        "jvm_gc_pause_seconds_sum",
        "http_requests_total",
        "db_query_duration_seconds_bucket",
        "python_gc_collections_total",
        "pg_stat_activity_count",
        "redis_commands_total",
        "container_memory_working_set_bytes",
        "kube_pod_container_status_restarts_total",
    ] {
        assert!(series.iter().any(|info| info.name == name), "{name} is not listed");
    }
    let of_web = series.iter().filter(|info| info.service == WEB);
    let pools: Vec<_> =
        of_web.filter(|info| info.name == "jvm_memory_used_bytes").map(|info| &info.attributes).collect();
    assert_eq!(pools.len(), 3);
    assert!(pools.iter().any(|labels| labels.contains(&("id".into(), "PS Old Gen".into()))), "{pools:?}");
}

#[test]
fn observing_does_not_disturb() {
    let patches = || {
        vec![
            patch(40, Some(70), Action::Pause { service: shop::id(API) }),
            patch(90, None, Action::Kill { service: shop::id(WEB) }),
        ]
    };
    let observed = Run::of(patches(), 300);
    let mut bare = World::new(shop(patches()));
    bare.run_until(at(300), &mut Null).expect("no limit is hit");
    assert_eq!(observed.world.digest(), bare.digest());
    assert!(!observed.kept.samples.is_empty());
}

#[test]
fn counters_are_the_statistics() {
    let end = at(240);
    let run = Run::of(Vec::new(), 240);
    let statistics = run.world.statistics();
    let of = |name: &str| statistics.services.iter().find(|service| service.name == name).expect("it is a service");
    let ended = |name: &str| (of(name).answered + of(name).failed) as f64;

    assert!(ended(WEB) > 1000.0, "the web is used");
    assert!(of(WEB).failed > 0, "some requests fail");
    assert_eq!(run.sum(end, WEB, "http_server_requests_seconds_count", &[]), ended(WEB));
    let server_errors = [("outcome", "SERVER_ERROR")];
    assert_eq!(run.sum(end, WEB, "http_server_requests_seconds_count", &server_errors), of(WEB).failed as f64);
    assert_eq!(run.sum(end, API, "http_requests_total", &[]), ended(API));
    assert_eq!(run.sum(end, API, "http_request_duration_seconds_count", &[]), ended(API));
    assert_eq!(run.sum(end, shop::AUTH, "http_request_duration_seconds_count", &[]), ended(shop::AUTH));
    assert_eq!(run.sum(end, CACHE, "redis_commands_processed_total", &[]), ended(CACHE));
    assert_eq!(run.sum(end, CACHE, "redis_commands_total", &[]), ended(CACHE));
    assert!(of(CACHE).hits > 0 && of(CACHE).misses > 0);
    assert_eq!(run.sum(end, CACHE, "redis_keyspace_hits_total", &[]), of(CACHE).hits as f64);
    assert_eq!(run.sum(end, CACHE, "redis_keyspace_misses_total", &[]), of(CACHE).misses as f64);
    // Warm at the start, and set after each miss.
    let set = run.sum(end, CACHE, "redis_commands_total", &[("cmd", "set")]);
    let gone = run.sum(end, CACHE, "redis_expired_keys_total", &[]);
    assert!(gone > 0.0 && run.sum(end, CACHE, "redis_db_keys", &[]) <= 100.0 + set - gone);

    let pool = &of(WEB).pools[0];
    assert!(pool.timeouts > 0, "the pool is small enough to run out");
    assert_eq!(run.sum(end, WEB, "hikaricp_connections_acquire_seconds_count", &[]), pool.acquired as f64);
    assert_eq!(run.sum(end, WEB, "hikaricp_connections_timeout_total", &[]), pool.timeouts as f64);
    let created = run.sum(end, WEB, "hikaricp_connections_creation_seconds_count", &[]);
    assert_eq!(created, run.sum(end, WEB, "hikaricp_connections", &[]), "none was closed");

    assert!(of(WEB).full_collections > 0, "the heap is small enough");
    assert_eq!(run.sum(end, WEB, "jvm_gc_pause_seconds_count", &[]), of(WEB).collections as f64);
    let major = [("action", "end of major GC")];
    assert_eq!(run.sum(end, WEB, "jvm_gc_pause_seconds_count", &major), of(WEB).full_collections as f64);
    let paused = run.sum(end, WEB, "jvm_gc_pause_seconds_sum", &[]);
    assert!((paused - of(WEB).paused.as_secs_f64()).abs() < 1e-6, "{paused}");
    let computed = of(WEB).computed.as_secs_f64() * 1e9;
    let used = run.sum(end, WEB, "process_cpu_time_ns_total", &[]);
    assert!(used >= computed, "collections use the processor too: {used} {computed}");
    let of_api = run.sum(end, API, "process_cpu_seconds_total", &[]);
    assert!((of_api - of(API).computed.as_secs_f64()).abs() < 0.2, "{of_api}");
}

/// Every cause that a collector gives is listed, and its spaces are those of its heap.
#[test]
fn every_collector_reports_under_its_own_names() {
    let end = at(120);
    for (collector, old, causes) in [
        (Collector::Serial, "Tenured Gen", 2),
        (Collector::Parallel, "PS Old Gen", 3),
        (Collector::G1, "G1 Old Gen", 2),
    ] {
        let mut blueprint = shop(Vec::new());
        let Runtime::Jvm(heap) = &mut blueprint.services[shop::id(WEB).index()].runtime else { unreachable!() };
        heap.collector = collector;
        let maximum = heap.maximum as f64;
        let run = Run::with(blueprint, 120);
        let statistics = run.world.statistics();
        let web = statistics.services.iter().find(|service| service.name == WEB).expect("it is a service");
        let counted = run.sum(end, WEB, "jvm_gc_pause_seconds_count", &[]);
        if collector == Collector::G1 {
            // Remarks have no bean.
            assert!(counted > 0.0 && counted <= web.collections as f64, "{counted}");
        } else {
            assert_eq!(counted, web.collections as f64, "{collector:?}");
        }
        let listed = run.world.catalogue().series.iter().filter(|info| info.name == "jvm_gc_pause_seconds_count");
        assert_eq!(listed.count(), causes, "{collector:?}");
        let committed = run.sum(end, WEB, "jvm_memory_committed_bytes", &[]);
        assert!(committed <= maximum && committed > 0.9 * maximum, "{collector:?}: {committed}");
        let used = run.sum(end, WEB, "jvm_memory_used_bytes", &[("id", old)]);
        let most = run.sum(end, WEB, "jvm_memory_max_bytes", &[("id", old)]);
        assert!(used > 0.3 * maximum && used <= most, "{collector:?}: {used} of {most}");
        let after = run.sum(end, WEB, "jvm_memory_usage_after_gc", &[]);
        assert!(after > 0.3 && after <= 1.0, "{collector:?}: {after}");
    }
}

#[test]
fn gauges_agree_with_each_other() {
    let run = Run::of(Vec::new(), 240);
    for time in run.times() {
        let one = |service: &str, name: &str, labels: &[(&str, &str)]| {
            let found = run.at(time, service, name, labels);
            assert_eq!(found.len(), 1, "{name} {labels:?} at {time:?}");
            found[0]
        };
        let hikari = |what: &str| one(WEB, &format!("hikaricp_connections{what}"), &[]);
        assert_eq!(hikari("_active") + hikari("_idle"), hikari(""));
        assert!(hikari("") <= hikari("_max"));
        let session = |state| one(DATABASE, "pg_stat_activity_count", &[("state", state)]);
        let sessions = session("active") + session("idle") + session("idle in transaction");
        assert_eq!(sessions, one(DATABASE, "pg_stat_database_numbackends", &[]));
        if time > at(10) {
            let sqlalchemy = run.sum(time, API, "db_client_connections_usage", &[]);
            // One may be on its way from either client.
            assert!((sessions - hikari("") - sqlalchemy).abs() <= 1.0, "{sessions} at {time:?}");
        }
        let spaces = run.sum(time, WEB, "jvm_memory_used_bytes", &[]);
        assert!(spaces > 0.0 && spaces <= run.sum(time, WEB, "jvm_memory_max_bytes", &[]));
        assert!(one(WEB, "jvm_gc_overhead", &[]) <= 1.0);
        // Connections are opened on demand.
        assert_eq!(one(CACHE, "redis_connected_clients", &[]) >= 1.0, time > Time::ZERO);
    }
    let share = run.at(at(240), WEB, "process_cpu_usage", &[])[0];
    assert!(share > 0.0 && share <= 1.0, "{share}");
}

#[test]
fn buckets_are_cumulative_and_end_in_the_count() {
    let run = Run::of(Vec::new(), 120);
    type Identity = (String, Vec<(String, String)>);
    let mut histograms: BTreeMap<Identity, Vec<f64>> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for sample in run.kept.samples.iter().filter(|sample| sample.time == at(120)) {
        let info = run.info(sample);
        let mut labels: Vec<_> = info.attributes.iter().filter(|(key, _)| key != "le").cloned().collect();
        labels.push(("instance".into(), info.instance.clone()));
        if info.kind == SeriesKind::HistogramBucket {
            let family = info.name.trim_end_matches("_bucket").to_owned();
            histograms.entry((family, labels)).or_default().push(sample.value);
        } else if info.kind == SeriesKind::HistogramCount {
            counts.insert((info.name.trim_end_matches("_count").to_owned(), labels), sample.value);
        }
    }
    let families: std::collections::BTreeSet<_> =
        histograms.keys().map(|(family, labels)| (family, labels.last())).collect();
    assert_eq!(families.len(), 3, "requests and statements of the API, requests of the sessions: {families:?}");
    for (histogram, buckets) in &histograms {
        assert!(buckets.is_sorted(), "{histogram:?} {buckets:?}");
        assert_eq!(buckets.last(), counts.get(histogram), "{histogram:?}");
    }
}

/// Within one life of a process a counter only rises; a new life begins at zero.
#[test]
fn counters_reset_at_restarts_alone() {
    let run = Run::of(vec![patch(100, None, Action::Kill { service: shop::id(WEB) })], 300);
    let starts = |info: &SeriesInfo, from: Time, to: Time| {
        let name = if info.name.starts_with("container_") {
            "container_start_time_seconds"
        } else {
            "process_start_time_seconds"
        };
        run.at(from, &info.service, name, &[]) != run.at(to, &info.service, name, &[])
    };
    let mut last: BTreeMap<u32, SampleRecord> = BTreeMap::new();
    let mut resets = 0;
    for sample in &run.kept.samples {
        let info = run.info(sample);
        if matches!(info.kind, SeriesKind::Gauge) {
            continue;
        }
        if let Some(before) = last.insert(sample.series.0, *sample)
            && sample.value < before.value
        {
            assert_eq!(info.service, WEB, "{info:?}");
            assert!(starts(info, before.time, sample.time), "{info:?} fell within a life");
            resets += 1;
        }
    }
    assert!(resets > 5, "the killed process counts anew");
    let restarts = run.at(at(300), WEB, "kube_pod_container_status_restarts_total", &[]);
    assert_eq!(restarts, [1.0]);
    let reason = |word| run.at(at(300), WEB, "kube_pod_container_status_last_terminated_reason", &[("reason", word)]);
    assert_eq!((reason("Error").as_slice(), reason("OOMKilled").len()), ([1.0].as_slice(), 0));
    assert_eq!(run.at(at(300), WEB, "kube_pod_container_status_last_terminated_exitcode", &[]), [137.0]);
}

#[test]
fn what_does_not_answer_has_no_samples_of_its_own() {
    let pause = patch(47, Some(92), Action::Pause { service: shop::id(API) });
    let kill = patch(119, None, Action::Kill { service: shop::id(DATABASE) });
    let run = Run::of(vec![pause, kill], 180);
    for (seconds, up) in [(45, 1.0), (60, 0.0), (75, 0.0), (90, 0.0), (105, 1.0)] {
        assert_eq!(run.at(at(seconds), API, "up", &[]), [up], "at {seconds} s");
        let own = run.at(at(seconds), API, "process_cpu_seconds_total", &[]);
        assert_eq!(own.len(), up as usize, "at {seconds} s");
        assert_eq!(run.at(at(seconds), API, "container_memory_working_set_bytes", &[]).len(), 1);
    }
    assert_eq!(run.at(at(120), DATABASE, "pg_up", &[]), [0.0]);
    assert_eq!(run.at(at(120), DATABASE, "up", &[]), [1.0], "its exporter is there");
    assert_eq!(run.at(at(120), DATABASE, "pg_stat_database_numbackends", &[]).len(), 0);
    assert_eq!(run.at(at(180), DATABASE, "pg_up", &[]), [1.0]);
}

#[test]
fn a_container_is_charged_for_no_more_than_its_limit() {
    let leak = patch(30, None, shop::leak());
    let run = Run::of(vec![leak], 600);
    let kills =
        run.kept.changes.iter().filter(|change| matches!(change.kind, ChangeKind::Exited { oom_killed: true, .. }));
    let kills = kills.count();
    assert!(kills >= 2, "the leak reaches the limit: {kills}");
    let mut highest = 0.0;
    for time in run.times() {
        let limit = run.at(time, API, "container_spec_memory_limit_bytes", &[]);
        let used = run.at(time, API, "container_memory_working_set_bytes", &[]);
        assert!(used <= limit, "{used:?} {limit:?} at {time:?}");
        if let [used] = used[..] {
            highest = if used > highest { used } else { highest };
        } else {
            let waiting = run.at(time, API, "kube_pod_container_status_waiting_reason", &[]);
            assert_eq!(waiting, [1.0], "no container, so it is backing off");
            assert_eq!(run.at(time, API, "kube_pod_container_status_running", &[]), [0.0]);
        }
    }
    assert!(highest > 0.8 * 100.0 * 1024.0 * 1024.0, "{highest}");
    let last =
        run.times().into_iter().rev().find(|&time| !run.at(time, API, "container_oom_events_total", &[]).is_empty());
    let events = run.at(last.expect("it ran"), API, "container_oom_events_total", &[]);
    assert!(events[0] as usize == kills || events[0] as usize + 1 == kills, "{events:?} {kills}");
    let reason = [("reason", "OOMKilled")];
    assert_eq!(run.at(at(600), API, "kube_pod_container_status_last_terminated_reason", &reason), [1.0]);
}

#[test]
fn samples_come_in_the_order_of_series_at_each_grid_time() {
    let run = Run::of(Vec::new(), 60);
    assert_eq!(run.times(), (0..=4).map(|n| at(15 * n)).collect::<Vec<_>>());
    let order: Vec<_> = run.kept.samples.iter().map(|sample| (sample.time, sample.series)).collect();
    assert!(order.is_sorted());
}

#[test]
fn a_slow_command_is_noted_by_its_execution_without_its_wait() {
    let run = Run::with(with_slow_commands(shop(Vec::new())), 600);
    let statistics = run.world.statistics();
    let cache = statistics.services.iter().find(|service| service.name == CACHE).expect("there is a cache");
    let end = at(600);
    let spent = run.sum(end, CACHE, "redis_commands_duration_seconds_total", &[]);
    let ran = run.sum(end, CACHE, "redis_commands_duration_seconds_total", &[("cmd", "keys")]);
    // GET and SET take no time here: all that the thread did was the slow command, whoever waited for it.
    let computed = cache.computed.as_secs_f64();
    assert!(spent == ran && (ran - computed).abs() < 1e-6 * computed, "{ran} of {computed} s");
    assert!(cache.queued.sum_ns() > 10_000_000_000, "others wait behind it");
    let one = |name: &str| run.sum(end, CACHE, name, &[]);
    assert_eq!(one("redis_slowlog_length"), 128.0);
    let keys = run.sum(end, CACHE, "redis_commands_total", &[("cmd", "keys")]);
    // Of exponential times with a mean of 60 ms so many take 10 ms or longer, within four standard deviations.
    let slow = keys * 0.846_482; // e^(−10/60)
    let noted = one("redis_slowlog_last_id") + 1.0;
    assert!((noted - slow).abs() < 4.0 * (slow * (1.0 - slow / keys)).sqrt() + 1.0, "{noted} of {keys}");
    assert!(one("redis_last_slow_execution_duration_seconds") >= 0.01);
    // A server that is only asked for values has none of these.
    let plain = World::new(shop(Vec::new()));
    assert!(plain.catalogue().series.iter().all(|series| !series.name.contains("slow")));
}
