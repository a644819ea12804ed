//! What a process has only one of, or few: its event loop.

use super::shape::{Ablation, Change, End, Shape, Sign, incident};
use knockon_lab::truth::State;
use knockon_model::record::ErrorType;

incident!(
    event_loop_blocked,
    Shape {
        scenario: "event_loop_blocked",
        fault: "sync-read",
        chain: &[
            ("auth-service", State::Pauses),
            ("auth-service", State::Latency),
            ("web-api", State::Errors),
            ("clients", State::Errors),
        ],
        signature: &[
            Sign::Gauge("auth-service", "nodejs_eventloop_lag_max_seconds", 5.0, 0.9),
            Sign::Gauge("auth-service", "nodejs_eventloop_lag_p99_seconds", 5.0, 0.9),
            Sign::Error("web-api", ErrorType::Timeout, 30),
            Sign::Slower("auth-service", 50.0),
        ],
        end: End::HealsWithin(60),
        ablations: &[Ablation {
            // The same reads for the same time, but asynchronous: whoever wants one waits for it, and nobody else.
            change: Change::Text(&[("POST /verify.block\"", "POST /verify.time\"")]),
            gone: &[
                ("auth-service", State::Pauses),
                ("auth-service", State::Queue),
                ("web-api", State::Errors),
                ("clients", State::Errors),
            ],
            kept: &[("auth-service", State::Latency), ("web-api", State::Latency)],
            end: None,
        }],
    }
);
