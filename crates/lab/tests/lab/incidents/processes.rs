//! What a process has only one of, or few: its event loop, its workers.

use super::shape::{Ablation, Change, End, Shape, Sign, incident};
use knockon_lab::truth::State;
use knockon_model::record::{ErrorType, LogEvent};

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

incident!(
    worker_timeouts,
    Shape {
        scenario: "worker_timeouts",
        fault: "slow-provider",
        chain: &[("payment-provider", State::Latency), ("web-api", State::Kills), ("clients", State::Errors),],
        signature: &[
            Sign::Counter("web-api", "gunicorn_log_critical", 10.0, 8.0),
            Sign::Log("web-api", |event| matches!(event, LogEvent::WorkerTimeout { .. }), 100),
            Sign::Log("web-api", |event| matches!(event, LogEvent::WorkerBooting { .. }), 100),
            Sign::Slower("web-api", 10.0),
        ],
        end: End::HealsWithin(60),
        ablations: &[
            Ablation {
                // Nobody is killed, and workers wait for the provider all the longer.
                change: Change::Set(&[("web-api/prefork.timeout", "60s")]),
                gone: &[("web-api", State::Kills)],
                kept: &[("payment-provider", State::Latency), ("web-api", State::Queue), ("clients", State::Latency)],
                end: None,
            },
            Ablation {
                // Whoever asks the provider gives up in time: an answer of its own, and a worker that lives on.
                change: Change::Text(&[("charges\", timeout: None)", "charges\", timeout: \"2s\")")]),
                gone: &[("web-api", State::Kills), ("web-api", State::Refusals)],
                kept: &[("payment-provider", State::Latency), ("web-api", State::Errors)],
                end: Some(End::HealsWithin(60)),
            },
        ],
    }
);

incident!(
    executor_saturation,
    Shape {
        scenario: "executor_saturation",
        fault: "slow-provider",
        chain: &[
            ("payment-provider", State::Latency),
            ("web-api/payments", State::Threads),
            // At first of tasks that do not end in time, then of tasks that are rejected.
            ("web-api", State::Errors),
            ("clients", State::Errors),
        ],
        signature: &[
            Sign::Gauge("web-api", "executor_active_threads", 2.0, 10.0),
            Sign::Gauge("web-api", "executor_queued_tasks", 5.0, 10.0),
            Sign::Log("web-api", |event| matches!(event, LogEvent::TaskRejected { threads: 10, queued: 10, .. }), 100),
            Sign::Error("web-api", ErrorType::TaskRejected, 100),
            Sign::Slower("payment-provider", 50.0),
        ],
        end: End::HealsWithin(60),
        ablations: &[Ablation {
            // The same calls by the service's own workers: all of them wait for the provider, and whoever asks for anything waits for them.
            change: Change::Text(&[(
                "Run(executor: \"payments\", timeout: \"3s\", steps: [Call(to: \"payment-provider/POST /charges\", timeout: \"30s\")])",
                "Call(to: \"payment-provider/POST /charges\", timeout: \"30s\")",
            )]),
            gone: &[("web-api/payments", State::Threads), ("web-api/payments", State::Rejections)],
            kept: &[("payment-provider", State::Latency), ("web-api", State::Latency)],
            end: None,
        }],
    }
);

#[test]
fn the_first_rejected_task_and_the_first_killed_worker_are_milestones_with_the_lines_that_show_them() {
    use crate::support::{load, run};
    use knockon_lab::milestones::State::{TaskRejected, WorkerKilled};
    let shows = |state, event: &LogEvent| {
        matches!(
            (state, event),
            (TaskRejected, LogEvent::TaskRejected { .. }) | (WorkerKilled, LogEvent::WorkerTimeout { .. })
        )
    };
    let cases =
        [("executor_saturation", TaskRejected, "web-api/payments"), ("worker_timeouts", WorkerKilled, "web-api")];
    for (scenario, state, component) in cases {
        let run = run(&load(scenario, &knockon_scenario::Options::default()));
        let first = run.milestones.of(state).next().expect("it happens");
        let line = run.records.logs.iter().find(|line| shows(state, &line.event)).expect("it is told");
        assert_eq!((first.component.as_str(), first.time), (component, line.time));
        assert!(first.shown_by.is_some(), "{first:?}");
    }
}
