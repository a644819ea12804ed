//! A leak becomes a GC spiral, an exhausted pool, errors, a crash and a cold restart; without one link, another story.

use super::{Ran, assert_held, minutes, options, run};
use knockon_kernel::Time;
use knockon_lab::milestones::State;

const CHAIN: [State; 6] = [
    State::GcShareOver30Percent,
    State::PoolFull,
    State::AcquireTimeout,
    State::ServerError,
    State::OutOfMemoryError,
    State::Restarted,
];

/// Times of the chain's states in the first cycle that has them all.
fn chain(ran: &Ran) -> Vec<Time> {
    let mut reached = minutes(20);
    CHAIN
        .iter()
        .map(|&state| {
            // Two states can be entered at the same instant.
            let found = ran.milestones.of(state).map(|milestone| milestone.time).find(|&time| time >= reached);
            reached = found.unwrap_or_else(|| panic!("no {state:?} after {reached}"));
            reached
        })
        .collect()
}

#[test]
fn the_chain_emerges_three_times_whatever_the_seed() {
    for seed in 1..=5 {
        let ran = run("memory_leak", &options(seed, &[], &[]));
        assert_held(&ran);
        let found = knockon_lab::expectations::times(&ran.milestones, "web-api", &CHAIN);
        assert!(found >= 3, "seed {seed}: the chain shows {found} times");
    }
}

#[test]
fn before_the_deploy_nothing_happens() {
    let ran = run("memory_leak", &options(1, &[], &[]));
    let before: Vec<_> = ran.milestones.kept.iter().filter(|milestone| milestone.time < minutes(20)).collect();
    assert!(before.is_empty(), "{before:?}");
}

#[test]
fn without_the_leak_nothing_happens() {
    let ran = run("memory_leak", &options(1, &[], &["leak"]));
    for state in CHAIN.into_iter().take(5) {
        assert_eq!(ran.count(state), 0, "{state:?}");
    }
    // The deploy itself remains: 10 requests a second find nobody for the 8 s that the new version takes to start.
    let failed = ran.source("clients").failed;
    assert!(failed < 150, "{failed} requests failed");
}

#[test]
fn with_pauses_of_no_length_the_pool_never_fills_and_only_the_kill_remains() {
    let ran = run("memory_leak", &options(1, &[("web-api/heap.pause_scale", "0")], &[]));
    for state in [State::GcShareOver30Percent, State::PoolFull, State::AcquireTimeout] {
        assert_eq!(ran.count(state), 0, "{state:?}");
    }
    assert!(ran.count(State::OutOfMemoryError) >= 3);
    assert!(ran.count(State::Restarted) >= 3);
}

#[test]
fn with_twice_the_pool_exhaustion_comes_later() {
    let single = run("memory_leak", &options(1, &[], &[]));
    let double = run("memory_leak", &options(1, &[("web-api/pool.maximum", "20")], &[]));
    let gc_share = |ran: &Ran| ran.first(State::GcShareOver30Percent, Time::ZERO).expect("the spiral is the heap's");
    let exhausted = |ran: &Ran| ran.first(State::AcquireTimeout, Time::ZERO);
    // The cause is where it was; its effect is later, or does not come in time.
    let apart = gc_share(&double).as_nanos().abs_diff(gc_share(&single).as_nanos());
    assert!(apart < 30_000_000_000, "{apart} ns");
    let single_at = exhausted(&single).expect("the pool is exhausted");
    assert!(exhausted(&double).is_none_or(|double_at| double_at > single_at));
}

#[test]
fn the_chain_is_in_order_and_its_links_are_apart() {
    let times = chain(&run("memory_leak", &options(1, &[], &[])));
    assert!(times.is_sorted(), "{times:?}");
    assert!(times[0] < times[1] && times[1] < times[2] && times[3] < times[4] && times[4] < times[5], "{times:?}");
}

#[test]
fn cpython_shows_only_the_kill_and_the_cold_restart() {
    let ran = run("memory_leak_cpython", &options(1, &[], &[]));
    assert_held(&ran);
    for state in [State::GcShareOver30Percent, State::PoolFull, State::AcquireTimeout, State::OutOfMemoryError] {
        assert_eq!(ran.count(state), 0, "{state:?}");
    }
    assert!(ran.count(State::OomKilled) >= 3);
    assert!(ran.count(State::Restarted) >= 3);
    assert_eq!(ran.service("web-api").out_of_memory, 0);
}
