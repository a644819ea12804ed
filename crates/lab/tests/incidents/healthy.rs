//! The calm state, over many seeds.

use super::{assert_held, options, run};
use knockon_kernel::Duration;
use knockon_lab::milestones::Milestones;

#[test]
fn twenty_seeds_are_calm() {
    for seed in 1..=20 {
        let ran = run("healthy", &options(seed, &[], &[]));
        let clients = ran.source("clients");
        assert!(clients.sent > 30_000, "seed {seed}");
        assert!(clients.failed * 1_000 < clients.sent, "seed {seed}: {} of {} failed", clients.failed, clients.sent);
        for pool in &ran.service("web-api").pools {
            let longest = pool.wait.maximum();
            assert!(longest <= Duration::from_millis(100), "seed {seed}: a caller of {} waited {longest}", pool.name);
            assert_eq!(pool.timeouts, 0, "seed {seed}");
        }
        assert_eq!(ran.milestones, Milestones::default(), "seed {seed}");
        assert_held(&ran);
    }
}

#[test]
fn latencies_and_hit_ratio_are_those_of_a_healthy_shop() {
    let ran = run("healthy", &options(1, &[], &[]));
    let latency = &ran.source("clients").latency;
    let (median, tail) = (latency.quantile(500), latency.quantile(990));
    assert!((Duration::from_millis(5)..Duration::from_millis(80)).contains(&median), "median {median}");
    let spread = tail.as_secs_f64() / median.as_secs_f64();
    assert!((3.0..=20.0).contains(&spread), "p99 is {spread} times the median");
    let redis = ran.service("redis");
    let hit_ratio = redis.hits as f64 / (redis.hits + redis.misses) as f64;
    assert!((0.80..0.90).contains(&hit_ratio), "hit ratio {hit_ratio}");
}
