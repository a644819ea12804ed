//! What holds for every shipped scenario: sums, nesting, labels that cannot leak, worlds that share what they can.

use crate::support::{self, Run, load, load_changed, minutes, run, set};
use knockon_kernel::{Duration, Time};
use knockon_lab::milestones::State;
use knockon_model::record::{Part, SpanId, SpanKind};
use knockon_model::{Null, World};
use knockon_scenario::{Loaded, Options};
use std::collections::BTreeMap;

const ALL: [&str; 9] = [
    "healthy",
    "memory_leak",
    "memory_leak_cpython",
    "pool_exhaustion",
    "cpu_throttling",
    "liveness_kill_loop",
    "oom_restart_loop",
    "slow_query_cascade",
    "held_lock_cascade",
];

#[test]
fn every_ledger_sums_to_its_span_and_spans_lie_within_their_parents() {
    for name in ALL {
        let run = run(&load(name, &Options::default()));
        let rows = run.by_address();
        assert_eq!(rows.len(), run.records.spans.len(), "{name}: span ids are unique");
        let mut outlived = 0;
        for (span, ledger) in rows.values() {
            assert_eq!(ledger.parts.iter().sum::<u64>(), (span.end - span.start).as_nanos(), "{name}: {span:?}");
            let Some((parent, _)) = rows.get(&(span.trace, span.parent)) else { continue };
            assert!(span.start >= parent.start, "{name}: {span:?} starts before {parent:?}");
            if span.end > parent.end {
                // Its caller gave up: the parent says so.
                outlived += 1;
                assert!(parent.error.is_some(), "{name}: {span:?} ends after {parent:?}");
            }
        }
        assert!(outlived * 20 < rows.len(), "{name}: {outlived} of {} spans outlive their callers", rows.len());
        for request in &run.records.requests {
            assert_eq!(
                request.parts.iter().sum::<u64>(),
                (request.ended - request.sent).as_nanos(),
                "{name}: {request:?}"
            );
            assert_eq!(request.parts[Part::Child as usize], 0, "{name}: {request:?}");
        }
    }
}

#[test]
fn a_calm_shop_stays_calm_for_every_seed() {
    for seed in 1..=20 {
        let loaded = load("healthy", &Options { seed, ..Options::default() });
        let mut world = World::new(loaded.blueprint.clone());
        world.run_until(Time::ZERO + loaded.blueprint.duration, &mut Null).expect("no limit is hit");
        let statistics = world.statistics();
        let clients = &statistics.sources[0];
        assert!(clients.failed * 1000 < clients.sent, "seed {seed}: {} of {} failed", clients.failed, clients.sent);
        let pool = &statistics.services[3].pools[0];
        assert!(pool.wait.maximum() <= Duration::from_millis(100), "seed {seed}: waited {}", pool.wait.maximum());
        assert_eq!(pool.timeouts, 0);
        let redis = &statistics.services[2];
        assert!(redis.hits * 10 > (redis.hits + redis.misses) * 8, "seed {seed}: hits {}", redis.hits);
    }
}

#[test]
fn an_exhausted_pool_heals_when_the_query_is_fast_again() {
    for seed in 1..=3 {
        let run = run(&load("pool_exhaustion", &Options { seed, ..Options::default() }));
        let web = run.process("web-api");
        let errors = |from: u64, to: u64| {
            let servers = run.records.spans.iter().filter(|span| span.process.0 == web && span.http_status == 500);
            servers.filter(|span| span.end >= minutes(from) && span.end < minutes(to)).count()
        };
        assert_eq!(errors(0, 20), 0, "seed {seed}");
        assert!(errors(20, 30) > 500, "seed {seed}: {} errors", errors(20, 30));
        assert_eq!(errors(32, 60), 0, "seed {seed}: it heals");
        let full = run.times(State::PoolFull)[0];
        let timeout = run.times(State::AcquireTimeout)[0];
        assert!(full < timeout && timeout <= run.times(State::ServerError)[0]);
        // The ablation: shorter again, or a larger pool and more workers.
        let pairs = [("web-api/pool.maximum", "60"), ("web-api.workers", "200"), ("postgres.workers", "60")];
        let loaded = load("pool_exhaustion", &Options { seed, ..set(&pairs) });
        assert_eq!(support::run(&loaded).statistics.services[3].pools[0].timeouts, 0, "seed {seed}");
    }
}

#[test]
fn renaming_faults_and_scenario_leaves_every_observed_record_as_it_was() {
    let named = run(&load("memory_leak", &Options::default()));
    let renamed = load_changed("memory_leak", "something_else", |text| text.replace("\"leak\"", "\"zebra\""));
    assert_eq!(renamed.blueprint.faults[0].name, "zebra");
    let renamed = run(&renamed);
    assert_eq!(named.records, renamed.records);
    assert_eq!(named.digest, renamed.digest);
}

/// When each request came to web-api, and what each successful execution of its steps demanded.
fn arrivals_and_demands(run: &Run) -> BTreeMap<(u128, u64), (Time, u64)> {
    let web = run.process("web-api");
    let rows = run.records.spans.iter().zip(&run.records.ledgers);
    let servers = rows.filter(|(span, _)| span.process.0 == web && span.parent == SpanId(0));
    let done = servers.filter(|(span, _)| span.error.is_none());
    done.map(|(span, ledger)| ((span.trace.0, span.span.0), (span.start, ledger.parts[2]))).collect()
}

#[test]
fn removing_the_fault_leaves_the_past_and_every_draw_as_they_were() {
    for (name, fault, at) in [("memory_leak", "leak", 20), ("pool_exhaustion", "slow-search", 20)] {
        let fact = run(&load(name, &Options::default()));
        let twin = run(&load(name, &Options { without: vec![fault.into()], ..Options::default() }));
        let before = |run: &Run| {
            let spans: Vec<_> = run.records.spans.iter().filter(|span| span.end < minutes(at)).copied().collect();
            let samples: Vec<_> = run.records.samples.iter().filter(|s| s.time < minutes(at)).copied().collect();
            let logs: Vec<_> = run.records.logs.iter().filter(|log| log.time < minutes(at)).copied().collect();
            (spans, samples, logs)
        };
        assert!(before(&fact) == before(&twin), "{name}: every record before the fault is the same");
        let (fact, twin) = (arrivals_and_demands(&fact), arrivals_and_demands(&twin));
        let mut common = 0;
        for (address, (arrived, computed)) in &fact {
            let Some((twin_arrived, twin_computed)) = twin.get(address) else { continue };
            assert_eq!(arrived, twin_arrived, "{name}: a request comes when it comes");
            // A young process computes longer, and a miss computes what a hit does: the demand itself is by address.
            let warmed_up = name == "pool_exhaustion";
            assert!(!warmed_up || computed == twin_computed, "{name}: {address:?}");
            common += u32::from(*arrived > minutes(at));
        }
        assert!(common > 10_000, "{name}: {common} requests after the fault are in both worlds");
    }
}

#[test]
fn the_load_before_its_servers_is_the_same_in_every_world() {
    let ids = |loaded: &Loaded| -> Vec<(u128, Time)> {
        let run = run(loaded);
        let roots = run.records.spans.iter().filter(|span| span.parent == SpanId(0));
        // A span is written when it ends: leave out what may be under way at the end.
        let mut roots: Vec<_> =
            roots.map(|span| (span.trace.0, span.start)).filter(|&(_, at)| at < minutes(59)).collect();
        roots.sort_unstable();
        roots
    };
    let calm = ids(&load("healthy", &Options::default()));
    let larger = ids(&load("healthy", &set(&[("web-api.workers", "60"), ("web-api.cores", "4 cpu")])));
    assert!(calm == larger && calm.len() > 30_000);
}

#[test]
fn client_spans_show_what_the_ledger_says() {
    let run = run(&load("healthy", &Options::default()));
    let mut clients = 0;
    for (span, ledger) in run.records.spans.iter().zip(&run.records.ledgers) {
        let kind = run.catalogue.operations[span.operation.index()].kind;
        assert_eq!(ledger.server, kind == SpanKind::Server);
        clients += u32::from(kind == SpanKind::Client);
    }
    assert!(clients > 50_000);
}
