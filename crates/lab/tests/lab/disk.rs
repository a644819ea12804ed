//! A disk that fills: writes fail, reads go on, and it does not heal by itself.

use crate::support::{self, load, minutes, run};
use knockon_kernel::{Duration, Time};
use knockon_lab::truth::{State, Truth};
use knockon_model::record::{ErrorType, LogEvent};
use knockon_model::statistics::{ServiceStatistics, SourceStatistics};
use knockon_model::{Null, World};
use knockon_scenario::{Loaded, Options};
use std::ops::ControlFlow;

const NAME: &str = "disk_exhaustion";

fn seeded(seed: u64, pairs: &[(&str, &str)]) -> Loaded {
    load(NAME, &Options { seed, ..support::set(pairs) })
}

fn blind(loaded: &Loaded) -> (ServiceStatistics, SourceStatistics) {
    let mut world = World::new(loaded.blueprint.clone());
    world.run_until(Time::ZERO + loaded.blueprint.duration, &mut Null).expect("no limit is hit");
    let statistics = world.statistics();
    let database = statistics.services.iter().find(|service| service.name == "postgres").expect("a database");
    (database.clone(), statistics.sources[0].clone())
}

#[test]
fn the_disk_fills_then_writes_fail_and_reads_go_on_for_every_seed() {
    for seed in 1..=10 {
        let run = run(&seeded(seed, &[]));
        let free = run.metric("postgres", "node_filesystem_avail_bytes");
        let full = free.iter().find(|(_, free)| *free < 8192.0).expect("the disk fills").0;
        // 7.9 GiB at 2 GiB a minute.
        assert!(full > minutes(13) && full <= minutes(14) + Duration::from_secs(15), "seed {seed}: full at {full}");
        assert!(free.windows(2).all(|pair| pair[1].1 <= pair[0].1), "nothing makes room");
        let web = run.process("web-api");
        let servers: Vec<_> =
            run.records.spans.iter().filter(|span| span.process.0 == web && span.peer.is_none()).collect();
        let failed: Vec<_> = servers.iter().filter(|span| span.http_status >= 500).collect();
        let first = failed.iter().map(|span| span.end).min().expect("writes fail");
        assert!(first > minutes(13), "seed {seed}: {first}");
        assert!(failed.iter().all(|span| span.error == Some(ErrorType::DiskFull)), "seed {seed}");
        // A page is full soon after the disk is; from then on every order fails, also when the log is quiet again.
        let of = |name: &str, from: u64, failed: bool| {
            let of_route = servers.iter().filter(|span| {
                let operation = &run.catalogue.operations[span.operation.index()].operation;
                matches!(operation, knockon_model::blueprint::Operation::Http { route, .. } if route == name)
            });
            of_route.filter(|span| span.start >= minutes(from) && (span.http_status >= 500) == failed).count()
        };
        assert!(of("/api/checkout", 15, true) > 1000, "seed {seed}");
        assert_eq!(of("/api/checkout", 21, false), 0, "seed {seed}: it does not heal");
        assert_eq!((of("/api/search", 0, true), of("/api/users/{id}", 0, true)), (0, 0), "seed {seed}: reads go on");
        let postgres = run.process("postgres");
        let lines = run.records.logs.iter().filter(|log| log.process.0 == postgres);
        let hints = lines.filter(|log| matches!(log.event, LogEvent::DiskFullHint)).count();
        assert!(hints > 1000, "seed {seed}: {hints}");
    }
}

#[test]
fn with_rotation_or_without_growth_the_disk_has_room_and_a_larger_volume_only_delays_it() {
    for seed in 1..=3 {
        let (database, clients) = blind(&seeded(seed, &[]));
        assert!(database.disk_full > 1000 && clients.failed > 1000, "seed {seed}");
        // What is read has room in memory, and comes there by being read.
        let (hits, misses) = (database.buffer_hits as f64, database.buffer_misses as f64);
        assert!(misses > 1000.0 && hits > 0.8 * (hits + misses), "seed {seed}: {hits} and {misses}");
        let (database, clients) = blind(&seeded(seed, &[("postgres/disk.log_rotation", "1GiB")]));
        assert_eq!((database.disk_full, clients.failed), (0, 0), "seed {seed}");
        let (database, clients) = blind(&seeded(seed, &[("postgres/disk.capacity", "28GiB")]));
        assert!(database.disk_full > 500 && clients.failed > 500, "seed {seed}");
        assert!(database.disk_full < 1600, "seed {seed}: {} as it is full four minutes later", database.disk_full);
        assert_eq!(database.panics, 0);
    }
    for seed in 1..=20 {
        let duration = Some(Duration::from_secs(240));
        let options = Options { seed, duration, without: vec!["verbose-log".into()], ..Options::default() };
        let (database, clients) = blind(&load(NAME, &options));
        assert_eq!((database.disk_full, database.panics, clients.failed), (0, 0, 0), "seed {seed}");
    }
}

#[test]
fn truth_leads_from_the_log_over_the_disk_to_failed_orders() {
    let loaded = load(NAME, &Options::default());
    let mut fact = World::new(loaded.blueprint.clone());
    let mut truth = Truth::<true>::new(&fact, 1, true);
    truth.follow(&mut fact, |_, _, _| ControlFlow::Continue(())).expect("no limit is hit");
    let propagation = truth.propagations().remove(0);
    assert_eq!(propagation.roots(), ["verbose-log"], "{}", propagation.to_dot());
    let find = |component: &str, state| {
        let nodes = &propagation.graph;
        let found = nodes.node_indices().find(|&n| nodes[n].component == component && nodes[n].state == Some(state));
        found.unwrap_or_else(|| panic!("{component} {state:?}: {}", propagation.to_dot()))
    };
    let chain = [
        find("postgres", State::Storage),
        find("postgres", State::Errors),
        find("web-api", State::Errors),
        find("clients", State::Errors),
    ];
    for pair in chain.windows(2) {
        assert!(propagation.graph[pair[0]].onset <= propagation.graph[pair[1]].onset, "{}", propagation.to_dot());
        assert!(
            petgraph::algo::has_path_connecting(&propagation.graph, pair[0], pair[1], None),
            "{}",
            propagation.to_dot()
        );
    }
}
