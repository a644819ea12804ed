//! Pools that run empty: too many clients at once, a query that takes longer, connections that are never given back.

use super::is_pool_timeout;
use super::shape::{Ablation, Change, End, Shape, Sign, incident, judged};
use crate::support::load;
use knockon_kernel::{Duration, Time};
use knockon_lab::milestones::State as Milestone;
use knockon_lab::truth::State;
use knockon_model::record::ErrorType;
use knockon_scenario::Options;

incident!(
    pool_exhaustion_by_clients,
    Shape {
        scenario: "pool_exhaustion_clients",
        fault: "rush",
        chain: &[
            ("rush", State::Load),
            ("web-api", State::Load),
            ("web-api", State::Processor),
            ("web-api/pool", State::Held),
            ("web-api/pool", State::PoolWait),
            ("web-api/pool", State::PoolTimeouts),
            ("web-api", State::Errors),
            ("clients", State::Errors),
        ],
        signature: &[
            Sign::Gauge("web-api", "hikaricp_connections_active", 2.0, 10.0),
            Sign::Gauge("web-api", "hikaricp_connections_pending", 5.0, 20.0),
            Sign::Counter("web-api", "hikaricp_connections_timeout_total", 1.0, 50.0),
            Sign::Log("web-api", is_pool_timeout, 100),
            Sign::Error("web-api", ErrorType::PoolTimeout, 100),
            Sign::Slower("web-api", 5.0),
        ],
        end: End::HealsWithin(60),
        ablations: &[Ablation {
            // Who finds a connection at once waits for a core as before.
            change: Change::Set(&[("web-api/pool.maximum", "90")]),
            gone: &[("web-api/pool", State::PoolWait), ("web-api/pool", State::PoolTimeouts)],
            kept: &[("web-api", State::Processor), ("web-api/pool", State::Held), ("clients", State::Latency)],
            end: Some(End::HealsWithin(60)),
        }],
    }
);

incident!(
    pool_exhaustion_by_a_slow_query,
    Shape {
        scenario: "pool_exhaustion",
        fault: "slow-search",
        chain: &[
            ("postgres", State::Latency),
            ("web-api/pool", State::Held),
            ("web-api/pool", State::PoolWait),
            ("web-api/pool", State::PoolTimeouts),
            ("web-api", State::Errors),
            ("clients", State::Errors),
        ],
        signature: &[
            Sign::Gauge("web-api", "hikaricp_connections_active", 2.0, 10.0),
            Sign::Gauge("web-api", "hikaricp_connections_pending", 5.0, 10.0),
            Sign::Log("web-api", is_pool_timeout, 100),
            Sign::Error("web-api", ErrorType::PoolTimeout, 100),
            Sign::Slower("web-api", 5.0),
            Sign::Slower("postgres", 8.0),
        ],
        end: End::HealsWithin(60),
        ablations: &[Ablation {
            change: Change::Set(&[
                ("web-api/pool.maximum", "60"),
                ("web-api.workers", "200"),
                ("postgres.workers", "60")
            ]),
            gone: &[
                ("web-api/pool", State::PoolWait),
                ("web-api/pool", State::PoolTimeouts),
                ("web-api", State::Errors),
                ("clients", State::Errors),
            ],
            kept: &[("postgres", State::Latency), ("web-api/pool", State::Held), ("clients", State::Latency)],
            end: Some(End::HealsWithin(60)),
        }],
    }
);

incident!(
    pool_exhaustion_by_a_leak,
    Shape {
        scenario: "pool_exhaustion_leak",
        fault: "forgetful",
        chain: &[
            ("web-api/pool", State::Leak),
            ("web-api/pool", State::PoolWait),
            ("web-api/pool", State::PoolTimeouts),
            ("web-api", State::Errors),
            ("clients", State::Errors),
        ],
        signature: &[
            Sign::Gauge("web-api", "hikaricp_connections_active", 2.0, 10.0),
            Sign::Gauge("web-api", "hikaricp_connections_pending", 5.0, 10.0),
            Sign::Counter("web-api", "hikaricp_connections_timeout_total", 1.0, 50.0),
            Sign::Log("web-api", is_pool_timeout, 1_000),
            Sign::Error("web-api", ErrorType::PoolTimeout, 1_000),
        ],
        end: End::InForce,
        ablations: &[Ablation {
            // It lasts until the larger pool is used up too: (c − λ·hold) / ℓ.
            change: Change::Set(&[("web-api/pool.maximum", "60")]),
            gone: &[
                ("web-api/pool", State::PoolWait),
                ("web-api/pool", State::PoolTimeouts),
                ("clients", State::Errors)
            ],
            kept: &[("web-api/pool", State::Leak), ("web-api/pool", State::Held)],
            end: None,
        }],
    }
);

#[test]
fn a_leak_of_connections_lasts_as_long_as_the_pool_does() {
    // ℓ = 10/s · 15 % · 2 % leaks a second, and 10 connections: exhausted after 10/ℓ = 333 s on average.
    let mut total = 0.0;
    for seed in 1..=10 {
        let (_, milestones, _) = judged(&load("pool_exhaustion_leak", &Options { seed, ..Options::default() }));
        let full = milestones.of(Milestone::PoolFull).next().expect("it is exhausted").time;
        total += (full - (Time::ZERO + Duration::from_secs(240))).as_secs_f64();
    }
    // The mean of ten sums of ten exponential gaps of 33.3 s: 333 s with a deviation of 33 s.
    let mean = total / 10.0;
    assert!((mean - 333.0).abs() < 4.0 * 33.4, "exhausted after {mean} s on average");
}
