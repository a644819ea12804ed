//! Loops: retries, collections, a circuit breaker.

use super::is_pool_timeout;
use super::shape::{Ablation, Change, End, Shape, Sign, incident, judged};
use crate::support::{load, set};
use knockon_lab::truth::State;
use knockon_model::record::ErrorType;

incident!(
    retry_storm,
    Shape {
        scenario: "retry_storm",
        fault: "pause",
        chain: &[
            ("web-api", State::Pauses),
            ("clients", State::Retries),
            ("web-api", State::Load),
            ("web-api", State::Processor),
        ],
        signature: &[
            Sign::Counter("web-api", "http_server_requests_seconds_count", 2.0, 800.0),
            Sign::Gauge("web-api", "hikaricp_connections_active", 2.0, 10.0),
            Sign::Slower("web-api", 10.0),
        ],
        end: End::Metastable,
        ablations: &[
            Ablation {
                change: Change::Set(&[("clients.retries", "0")]),
                gone: &[("clients", State::Retries)],
                kept: &[("web-api", State::Pauses), ("clients", State::Errors)],
                end: Some(End::HealsWithin(60)),
            },
            Ablation {
                change: Change::Set(&[(
                    "clients->web-api.retry_budget",
                    "Finagle(share: \"10 %\", minimum_per_second: 0)",
                )]),
                gone: &[],
                kept: &[("web-api", State::Pauses), ("clients", State::Errors)],
                end: Some(End::HealsWithin(60)),
            },
        ],
    }
);

incident!(
    gc_collapse,
    Shape {
        scenario: "gc_collapse",
        fault: "spike",
        chain: &[
            ("spike", State::Load),
            ("web-api", State::Load),
            ("web-api", State::Memory),
            ("web-api", State::Pauses),
            ("web-api/pool", State::Held),
            ("web-api/pool", State::PoolWait),
            ("web-api/pool", State::PoolTimeouts),
            ("web-api", State::Errors),
        ],
        signature: &[
            Sign::Counter("web-api", "jvm_gc_pause_seconds_sum", 20.0, 8.0),
            Sign::Log("web-api", is_pool_timeout, 500),
            Sign::Error("web-api", ErrorType::PoolTimeout, 500),
            Sign::Slower("web-api", 20.0),
        ],
        end: End::Metastable,
        ablations: &[
            Ablation {
                change: Change::Set(&[("web-api/heap.maximum", "1GiB"), ("web-api/memory.limit", "2GiB")]),
                gone: &[],
                kept: &[("web-api", State::Load), ("web-api", State::Memory), ("clients", State::Latency)],
                end: Some(End::HealsWithin(120)),
            },
            Ablation {
                change: Change::Set(&[("web-api/heap.pause_scale", "0")]),
                gone: &[("web-api/pool", State::PoolTimeouts), ("web-api", State::Errors)],
                kept: &[("web-api", State::Load), ("clients", State::Latency)],
                end: Some(End::HealsWithin(60)),
            },
        ],
    }
);

incident!(
    breaker_flapping,
    Shape {
        scenario: "breaker_flapping",
        fault: "neighbour",
        chain: &[
            ("auth-service", State::Processor),
            ("auth-service", State::Latency),
            ("web-api", State::Errors),
            ("clients", State::Errors),
        ],
        signature: &[Sign::Error("web-api", ErrorType::CallNotPermitted, 200), Sign::Slower("auth-service", 5.0),],
        end: End::HealsWithin(60),
        ablations: &[Ablation {
            change: Change::Text(&[
                (
                    "breaker: Resilience4j(window: 20, minimum_calls: 10, wait: \"5s\", half_open_calls: 3)",
                    "balance: RoundRobin"
                ),
                ("Chain(service: \"web-api\", milestones: [BreakerOpened, BreakerHalfOpen, BreakerClosed]),", ""),
                ("AtLeast(\"web-api -> auth-service.opened\", 20),", ""),
            ]),
            gone: &[("web-api", State::Guards)],
            kept: &[("auth-service", State::Processor), ("auth-service", State::Latency), ("web-api", State::Errors)],
            end: Some(End::HealsWithin(120)),
        }],
    }
);

#[test]
fn a_breaker_that_waits_longer_opens_less_often() {
    let opened = |wait: &str| {
        let (.., statistics) = judged(&load("breaker_flapping", &set(&[("web-api->auth-service/breaker.wait", wait)])));
        statistics.links.iter().map(|link| link.opened).sum::<u64>()
    };
    let (soon, late) = (opened("5s"), opened("60s"));
    assert!(soon >= 20 && late >= 2 && soon > 4 * late, "it opens {soon} and {late} times");
}

#[test]
fn a_queue_that_holds_less_than_clients_wait_for_recovers_from_the_pause() {
    let (judgements, ..) = judged(&load("retry_storm", &set(&[("web-api.places", "10")])));
    assert!(judgements.iter().any(|judgement| !judgement.held()), "K·S is below the timeout of clients");
}
