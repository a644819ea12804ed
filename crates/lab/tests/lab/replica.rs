//! A replica that replays more slowly than its primary writes: how far it is behind follows from the two rates alone.

use crate::support::{Run, run};
use crate::truth::conclude;
use knockon_kernel::Duration;
use knockon_lab::truth::State;
use knockon_model::statistics::ServiceStatistics;
use knockon_scenario::{Loaded, Options, Scenario};

/// Orders of 100 KiB, 5 a second; between the first and the second minute 20 a second more. The replica replays so much in a second.
fn shop(replay: &str) -> Run {
    run(&loaded(replay, IMPORT))
}

const IMPORT: &str = r#""import": Surge(source: "imports", at: "1min", until: "2min", load: (
            target: "web", arrivals: Constant("20/s"), mix: {"POST /order": 1}, timeout: None,
        ))"#;

fn loaded(replay: &str, faults: &str) -> Loaded {
    let text = r#"(
        duration: "8min",
        scrape: "5s",
        services: {"web": (
            workers: Unlimited, cores: Unlimited,
            pools: {
                "primary": HikariCp(database: "db", maximum: 50),
                "reading": HikariCp(database: "db-replica", maximum: 50),
            },
            endpoints: {
                "POST /order": (steps: [Query(query: "insert_order", pool: "primary")]),
                "GET /orders": (steps: [Query(query: "list_orders", pool: "reading")]),
            },
        )},
        databases: {
            "db": (
                workers: 50,
                disk: (capacity: "100GiB", latency: "0.1ms", bandwidth: "1GiB"),
                queries: {"insert_order": (operation: "INSERT", table: "orders", demand: "1ms", writes: "102336B")},
            ),
            "db-replica": (
                replica_of: "db", replay: "REPLAY",
                queries: {"list_orders": (table: "orders", demand: "1ms")},
            ),
        },
        faults: {FAULTS},
        load: {
            "orders": (target: "web", arrivals: Constant("5/s"), mix: {"POST /order": 1}, timeout: None),
            "readers": (target: "web", arrivals: Constant("10/s"), mix: {"GET /orders": 1}, timeout: None),
        },
    )"#;
    let text = text.replace("REPLAY", replay).replace("FAULTS", faults);
    let loaded = Scenario::from_text("replica", &text, &Options::default(), &|_| Err(String::new()));
    loaded.unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn of<'r>(run: &'r Run, name: &str) -> &'r ServiceStatistics {
    run.statistics.services.iter().find(|service| service.name == name).expect("a database")
}

#[test]
fn a_replica_that_replays_too_slowly_answers_with_what_was_a_minute_and_a_half_ago() {
    // 100 KiB with its header, ten times a second: 1 000 KiB.
    let run = shop("1024000B");
    let replica = of(&run, "db-replica");
    // 5 a second keep it half busy. Of the 25 a second of a minute it replays 10: when the last of these is replayed, a minute and a half have passed.
    let longest = replica.staleness.maximum().as_secs_f64();
    assert!((longest - 90.0).abs() < 2.0, "{longest} s");
    let samples = run.metric("db-replica", "pg_replication_lag_seconds");
    let at = |second: u64| {
        let found = samples.iter().find(|(time, _)| time.as_nanos() >= second * 1_000_000_000);
        found.expect("a sample").1
    };
    assert!(at(50) < 0.2, "{}", at(50));
    // After a minute it is where it was after 24 seconds.
    assert!((at(120) - 36.0).abs() < 1.0, "{}", at(120));
    // What came since then is half of what it can do: behind for three minutes in all after the import.
    assert!(at(295) > 1.0 && at(310) < 0.2, "{} and {}", at(295), at(310));
    assert!(replica.stale_reads as f64 > 0.4 * replica.staleness.count() as f64);
    let primary = of(&run, "db");
    assert_eq!((primary.stale_reads, primary.staleness.count()), (0, 0));
}

#[test]
fn a_replica_that_keeps_up_is_behind_by_a_record_at_most() {
    let run = shop("20MiB");
    let replica = of(&run, "db-replica");
    assert!(replica.staleness.maximum() < Duration::from_millis(50), "{}", replica.staleness.maximum());
    assert!(replica.stale_reads * 5 < replica.staleness.count());
}

#[test]
fn more_writes_than_are_replayed_make_a_replica_lag_and_its_reads_stale() {
    let concluded = conclude(&loaded("1024000B", IMPORT), 2);
    concluded.assert_way(&[
        ("import", None),
        ("imports", Some(State::Load)),
        ("web", Some(State::Load)),
        ("db", Some(State::Load)),
        ("db-replica", Some(State::Lag)),
        ("db-replica", Some(State::StaleReads)),
    ]);
}

#[test]
fn a_replica_that_replays_more_slowly_lags_though_nobody_writes_more() {
    let slower = r#""slower": Set(at: "1min", until: "2min", set: {"db-replica.replay": "200KiB"})"#;
    let concluded = conclude(&loaded("20MiB", slower), 2);
    concluded.assert_way(&[
        ("slower", None),
        ("db-replica", Some(State::Lag)),
        ("db-replica", Some(State::StaleReads)),
    ]);
}
