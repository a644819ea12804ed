//! Caches that lose what they knew: emptied, emptied near capacity, and crowded; and one whose thread is kept.

use super::shape::{Ablation, Change, End, Shape, Sign, find, incident};
use crate::support::{load, run};
use crate::truth::conclude_observed;
use knockon_kernel::Time;
use knockon_lab::truth::{Part, State};
use knockon_model::record::{ErrorType, Party, ResourceKind};
use knockon_model::{Null, World};
use knockon_scenario::Options;
use std::collections::BTreeMap;

incident!(
    cache_storm,
    Shape {
        scenario: "cache_storm",
        fault: "flush",
        chain: &[
            ("redis", State::Misses),
            ("postgres", State::Load),
            ("postgres", State::Queue),
            ("postgres", State::Latency),
            ("web-api", State::Latency),
            ("clients", State::Latency),
        ],
        signature: &[
            Sign::Share("redis", "redis_keyspace_hits_total", "redis_keyspace_misses_total", 0.2),
            Sign::Counter("redis", "redis_keyspace_misses_total", 5.0, 200.0),
            Sign::Gauge("web-api", "hikaricp_connections_active", 1.5, 10.0),
            Sign::Slower("postgres", 4.0),
            Sign::Slower("web-api", 4.0),
        ],
        end: End::HealsWithin(12 * 60),
        ablations: &[Ablation {
            // A database with nothing else to do: misses as before, and nobody waits.
            change: Change::Set(&[("postgres.workers", "20"), ("web-api/pool.maximum", "40")]),
            gone: &[("postgres", State::Queue), ("web-api/pool", State::PoolWait)],
            kept: &[("redis", State::Misses), ("postgres", State::Load)],
            end: Some(End::HealsWithin(12 * 60)),
        }],
    }
);

incident!(
    cold_cache_collapse,
    Shape {
        scenario: "cold_cache_collapse",
        fault: "flush",
        chain: &[
            ("redis", State::Misses),
            ("web-api/pool", State::Held),
            ("web-api/pool", State::PoolWait),
            ("web-api", State::Latency),
            ("web-api", State::Errors),
            ("clients", State::Errors),
        ],
        signature: &[
            Sign::Share("redis", "redis_keyspace_hits_total", "redis_keyspace_misses_total", 0.05),
            Sign::Gauge("web-api", "hikaricp_connections_pending", 5.0, 30.0),
            Sign::Error("web-api", ErrorType::Timeout, 5_000),
            Sign::Slower("web-api", 10.0),
        ],
        end: End::Metastable,
        ablations: &[Ablation {
            // One load of a key at a time, which fills the cache whoever waits: a cache that is read through.
            change: Change::Set(&[
                ("web-api/GET /api/users/{id}.coalesce", "true"),
                ("web-api/GET /api/users/{id}.abandoned", "Fill"),
            ]),
            gone: &[],
            kept: &[("redis", State::Misses), ("postgres", State::Load), ("postgres", State::Queue)],
            // An echo long after it, of one request in three thousand, is no storm.
            end: Some(End::HealsWithin(15 * 60)),
        }],
    }
);

incident!(
    cache_key_explosion,
    Shape {
        scenario: "cache_key_explosion",
        fault: "crawler",
        chain: &[
            ("crawler", State::Load),
            ("web-pages", State::Load),
            ("redis", State::Load),
            ("redis", State::Evictions),
            ("redis", State::Misses),
            ("postgres", State::Load),
            ("postgres", State::Queue),
            ("postgres", State::Latency),
            ("web-api", State::Latency),
            ("clients", State::Latency),
        ],
        signature: &[
            Sign::Counter("redis", "redis_evicted_keys_total", 5.0, 300.0),
            Sign::Share("redis", "redis_keyspace_hits_total", "redis_keyspace_misses_total", 0.3),
            Sign::Gauge("web-api", "hikaricp_connections_active", 1.2, 10.0),
            Sign::Slower("postgres", 4.0),
            Sign::Slower("web-api", 4.0),
        ],
        end: End::HealsWithin(10 * 60),
        ablations: &[Ablation {
            // With room for both nothing is evicted, and users find what they look for.
            change: Change::Set(&[("redis.maxmemory", "4GiB")]),
            gone: &[
                ("redis", State::Evictions),
                ("postgres", State::Load),
                ("web-api/pool", State::PoolWait),
                ("clients", State::Latency),
            ],
            kept: &[("redis", State::Load), ("redis", State::Misses)],
            end: Some(End::HealsWithin(60)),
        }],
    }
);

incident!(
    redis_mass_expiry,
    Shape {
        scenario: "redis_mass_expiry",
        fault: "batch",
        chain: &[
            ("nightly", State::Load),
            ("recommender", State::Load),
            ("redis", State::Load),
            ("redis", State::Expiry),
            ("redis", State::Pauses),
            ("redis", State::Latency),
            ("web-api", State::Latency),
            ("clients", State::Latency),
        ],
        signature: &[
            Sign::Counter("redis", "redis_expired_keys_total", 20.0, 5_000.0),
            Sign::Counter("redis", "redis_expired_time_cap_reached_total", 10.0, 10.0),
            Sign::Counter("redis", "redis_expire_cycle_cpu_time_ms_total", 100.0, 1_000.0),
            Sign::Slower("web-api", 1.5),
        ],
        end: End::HealsWithin(5 * 60),
        ablations: &[
            Ablation {
                // Freed by another thread (`lazyfree-lazy-expire`): as many keys expire, and nobody notices.
                change: Change::Set(&[("redis/expiry.delete", "2us")]),
                gone: &[("redis", State::Latency), ("clients", State::Latency)],
                kept: &[("redis", State::Load)],
                end: Some(End::HealsWithin(5 * 60)),
            },
            Ablation {
                // Each in its own time: the thread deletes some now and then.
                change: Change::Text(&[("expire_at: \"8min\"", "ttl: \"180s\"")]),
                gone: &[("clients", State::Latency)],
                kept: &[("redis", State::Load), ("redis", State::Expiry)],
                end: Some(End::HealsWithin(5 * 60)),
            },
        ],
    }
);

incident!(
    redis_slow_command,
    Shape {
        scenario: "redis_slow_command",
        fault: "report",
        chain: &[
            ("analysts", State::Load),
            ("back-office", State::Load),
            ("redis", State::Load),
            ("redis", State::Queue),
            ("redis", State::Latency),
            ("web-api", State::Latency),
            ("clients", State::Latency),
        ],
        signature: &[
            Sign::Gauge("redis", "redis_slowlog_length", 1.0, 100.0),
            Sign::Gauge("redis", "redis_last_slow_execution_duration_seconds", 1.0, 0.3),
            Sign::Counter("redis", "redis_commands_duration_seconds_total", 100.0, 5.0),
            Sign::Slower("web-api", 2.5),
        ],
        end: End::HealsWithin(60),
        ablations: &[
            Ablation {
                // The report on a server of its own: it queues behind itself, and nobody else.
                change: Change::Text(&[
                    ("\"redis/report\", timeout", "\"redis-replica/report\", timeout"),
                    (
                        "    faults: {",
                        "    caches: {\"redis-replica\": (commands: {\"report\": (name: \"KEYS\", demand: \"350ms\")})},\n    faults: {",
                    ),
                ]),
                gone: &[
                    ("redis", State::Load),
                    ("redis", State::Queue),
                    ("redis", State::Latency),
                    ("web-api", State::Latency),
                    ("clients", State::Latency),
                ],
                kept: &[("back-office", State::Load), ("redis-replica", State::Queue)],
                end: Some(End::HealsWithin(0)),
            },
            Ablation {
                // As many commands, none of which keeps the thread: a step of SCAN.
                change: Change::Set(&[("redis/report.demand", "100us")]),
                gone: &[("web-api", State::Latency), ("clients", State::Latency)],
                kept: &[("back-office", State::Load), ("redis", State::Load)],
                end: Some(End::HealsWithin(0)),
            },
        ],
    }
);

#[test]
fn who_waits_for_the_thread_of_redis_is_told_which_command_kept_it() {
    let loaded = load("redis_slow_command", &Options::default());
    let blueprint = loaded.blueprint.clone();
    let mut world = World::new(loaded.blueprint);
    world.watch_blame();
    world.run_until(Time::ZERO + blueprint.duration, &mut Null).expect("no limit is hit");
    let mut waited = BTreeMap::new();
    for record in world.take_blame() {
        if record.resource.kind == ResourceKind::Workers && record.resource.name(&blueprint) == "redis" {
            let who = |party: Party| party.who.name(&blueprint);
            *waited.entry((who(record.waiting), who(record.holding))).or_insert(0) += record.ns;
        }
    }
    let all: u64 = waited.values().sum();
    let command = "redis/KEYS report".to_owned();
    let behind: u64 = waited.iter().filter(|((_, holding), _)| *holding == command).map(|(_, ns)| ns).sum();
    assert!(all > 100_000_000_000 && behind as f64 > 0.99 * all as f64, "{waited:#?}");
    // Those who wait are others, and not the reports alone.
    let reads = waited.get(&("redis/GET".to_owned(), command)).copied().unwrap_or(0);
    assert!(reads as f64 > 0.5 * all as f64, "{waited:#?}");
}

#[test]
fn a_flushed_cache_and_one_of_too_many_keys_begin_alike_and_are_told_apart() {
    let truth = ["cache_storm", "cache_key_explosion"].map(|name| {
        let concluded = conclude_observed(&load(name, &Options::default()));
        (concluded.truth.propagations().remove(0), concluded.incident())
    });
    // A dashboard shows the same at first: users are not found in the cache, connections are all in use, the database queues.
    for (propagation, _) in &truth {
        for (place, state) in [
            ("redis", State::Misses),
            ("postgres", State::Load),
            ("postgres", State::Queue),
            ("web-api/pool", State::PoolWait),
        ] {
            assert!(find(propagation, place, state).is_some(), "{place} {state:?}");
        }
    }
    let [(flushed, of_flush), (crowded, of_crowd)] = truth;
    assert!(find(&flushed, "redis", State::Evictions).is_none(), "nothing had to make room");
    assert!(find(&crowded, "redis", State::Evictions).is_some());
    assert_eq!((flushed.roots(), crowded.roots()), (vec!["flush"], vec!["crawler"]));
    let part = |incident: &knockon_lab::truth::Incident, name: &str| {
        incident.components.iter().find(|component| component.name == name).map(|component| component.part)
    };
    assert_eq!(part(&of_flush, "redis"), Some(Part::Trigger));
    assert_eq!(part(&of_crowd, "redis"), Some(Part::Victim));
    assert_eq!(part(&of_crowd, "crawler"), Some(Part::Trigger));
    // And what is observed tells them apart as well: keys are evicted in one of them only.
    let evicted = |name: &str| {
        let samples = run(&load(name, &Options::default())).metric("redis", "redis_evicted_keys_total");
        samples.last().expect("Redis exports it").1
    };
    assert!(evicted("cache_storm") == 0.0 && evicted("cache_key_explosion") > 1_000.0);
}
