//! Queues and workers: the incidents that emerge, what shows them, what takes them away.

use crate::support::{Run, load, minutes, run, set};
use knockon_kernel::{Duration, Time};
use knockon_lab::conservation;
use knockon_lab::milestones::{Milestones, State, Watcher};
use knockon_model::World;
use knockon_model::record::{LogEvent, SpanId, SpanKind};
use knockon_model::statistics::{QueueStatistics, Statistics};
use knockon_scenario::{Loaded, Options};

/// A run of which nothing is kept but milestones and aggregates.
fn briefly(loaded: &Loaded) -> (Milestones, Statistics) {
    let end = Time::ZERO + loaded.blueprint.duration;
    let mut world = World::new(loaded.blueprint.clone());
    let mut watcher = Watcher::new(world.catalogue(), &loaded.blueprint);
    world.run_until(end, &mut watcher).expect("no limit is hit");
    assert!(world.audit().is_empty(), "{:?}", world.audit());
    let statistics = world.statistics();
    assert!(conservation::breaches(&statistics).is_empty(), "every message is accounted for");
    (watcher.finish(end), statistics)
}

fn queue<'s>(statistics: &'s Statistics, name: &str) -> &'s QueueStatistics {
    statistics.queues.iter().find(|queue| queue.name == name).expect("a queue")
}

fn seeded(seed: u64) -> Options {
    Options { seed, ..Options::default() }
}

/// When a component first entered a state.
fn first(milestones: &Milestones, component: &str, state: State) -> Option<Time> {
    milestones.of(state).find(|milestone| milestone.component.starts_with(component)).map(|milestone| milestone.time)
}

#[test]
fn slow_consumers_fill_the_broker_which_blocks_publishers_whose_callers_wait_and_all_of_it_heals() {
    for seed in 1..=10 {
        let (milestones, statistics) = briefly(&load("queue_backlog", &seeded(seed)));
        let alarm = first(&milestones, "rabbitmq", State::MemoryAlarm).expect("the broker runs into its watermark");
        let error = first(&milestones, "web-api", State::ServerError).expect("checkouts time out");
        assert!(minutes(5) < alarm && alarm < error && error < minutes(15), "{seed}: {alarm}, {error}");
        let payments = queue(&statistics, "payments");
        assert!(payments.peak > 4_000 && payments.ready.present() < 50, "{seed}: {payments:?}");
        let broker = statistics.services.iter().find(|service| service.name == "rabbitmq").expect("the broker");
        assert!(broker.blocked.left() > 1_000 && broker.blocked.present() == 0, "{seed}");
        assert_eq!((payments.redelivered, payments.dropped, payments.lost), (0, 0, 0), "{seed}");
    }
}

#[test]
fn the_backlog_grows_as_fast_as_more_comes_than_goes_and_telemetry_shows_each_link() {
    let run = run(&load("queue_backlog", &Options::default()));
    let at = |name: &str, at: u64| {
        let samples = run.metric("rabbitmq", name);
        samples.iter().find(|(time, _)| *time >= minutes(at)).expect("a sample").1
    };
    // Twenty come a second; four workers take 0.43 s · e^(σ²/2) with σ = ln(1300/430)/2.326, and some milliseconds more.
    let sigma = (1_300.0_f64 / 430.0).ln() / 2.326_348;
    let service = 0.430 * (sigma * sigma / 2.0).exp() + 0.0035 + 0.0065;
    let grows = (at("rabbitmq_queue_messages_ready", 10) - at("rabbitmq_queue_messages_ready", 6)) / 240.0;
    let expected = 20.0 - 4.0 / service;
    assert!((grows - expected).abs() < 0.1 * expected, "{grows}/s, not {expected}/s");
    assert_eq!(at("rabbitmq_alarms_memory_used_watermark", 4), 0.0);
    let alarms = run.metric("rabbitmq", "rabbitmq_alarms_memory_used_watermark");
    assert!(alarms.iter().any(|&(time, on)| on == 1.0 && time > minutes(10) && time < minutes(15)));
    let lines = |on: bool| run.records.logs.iter().filter(move |log| log.event == LogEvent::MemoryAlarm { on }).count();
    assert!(lines(true) > 0 && lines(true) == lines(false), "the alarm is cleared in the end");
    blocked_publishers_wait(&run);
    each_message_leads_back_to_what_published_it(&run);
}

fn blocked_publishers_wait(run: &Run) {
    let producers = run.records.spans.iter().filter(|span| {
        run.catalogue.operations[span.operation.index()].kind == SpanKind::Producer && span.start < minutes(15)
    });
    let (mut calm, mut blocked) = (Duration::ZERO, Duration::ZERO);
    for span in producers {
        let longest = if span.start < minutes(5) { &mut calm } else { &mut blocked };
        *longest = (*longest).max(span.end - span.start);
    }
    assert!(calm < Duration::from_millis(100) && blocked >= Duration::from_secs(5), "{calm:?} {blocked:?}");
}

fn each_message_leads_back_to_what_published_it(run: &Run) {
    let spans = run.by_address();
    let kind = |operation: knockon_model::id::OperationId| run.catalogue.operations[operation.index()].kind;
    let consumers: Vec<_> =
        run.records.spans.iter().filter(|span| kind(span.operation) == SpanKind::Consumer).collect();
    assert!(consumers.len() > 10_000);
    for span in &consumers {
        let (publisher, _) = spans.get(&span.link).expect("the span that published it was written");
        assert_eq!(kind(publisher.operation), SpanKind::Producer);
        assert!(publisher.start <= span.start && publisher.trace != span.trace && span.parent == SpanId(0));
    }
}

#[test]
fn with_more_memory_the_backlog_is_as_long_and_nobody_is_blocked() {
    for seed in 1..=3 {
        let options = Options { seed, ..set(&[("rabbitmq/transport.memory", "\"8GiB\"")]) };
        let (milestones, statistics) = briefly(&load("queue_backlog", &options));
        assert!(queue(&statistics, "payments").peak > 6_000, "the consumers are as slow");
        assert_eq!(first(&milestones, "rabbitmq", State::MemoryAlarm), None);
        assert_eq!(first(&milestones, "web-api", State::ServerError), None);
    }
}

#[test]
fn with_more_consumers_there_is_no_backlog() {
    let more = [("payment-worker.workers", "24"), ("payment-worker/charge.prefetch", "96")];
    for seed in 1..=3 {
        let (milestones, statistics) = briefly(&load("queue_backlog", &Options { seed, ..set(&more) }));
        assert!(queue(&statistics, "payments").peak < 100, "{:?}", queue(&statistics, "payments"));
        assert_eq!(first(&milestones, "rabbitmq", State::MemoryAlarm), None);
    }
}

#[test]
fn a_queue_that_is_bounded_and_rejects_fails_publishers_at_once_instead_of_blocking_them() {
    let bounded = [("rabbitmq/payments.max_length", "1000"), ("rabbitmq/payments.overflow", "RejectPublish")];
    let (milestones, statistics) = briefly(&load("queue_backlog", &set(&bounded)));
    let full = first(&milestones, "rabbitmq", State::QueueFull).expect("it is full");
    let error = first(&milestones, "web-api", State::ServerError).expect("publishers are told");
    assert!(minutes(5) < full && full <= error);
    assert_eq!(first(&milestones, "rabbitmq", State::MemoryAlarm), None);
    assert_eq!(queue(&statistics, "payments").peak, 1_000);
}

#[test]
fn consumers_that_stand_still_do_the_same_as_slow_ones() {
    let stopped = |text: &str| {
        let before = &text[..text.find("\"slow-provider\"").expect("the fault")];
        format!("{before}\"stopped\": Pause(service: \"payment-worker\", at: \"5min\", until: \"12min\")}},\n)\n")
    };
    let (milestones, statistics) = briefly(&crate::support::load_changed("queue_backlog", "stopped", stopped));
    let alarm = first(&milestones, "rabbitmq", State::MemoryAlarm).expect("nothing leaves");
    // 301 MiB at 20/s of 64.5 KiB: four minutes.
    assert!(minutes(8) < alarm && alarm < minutes(10), "{alarm}");
    assert!(queue(&statistics, "payments").ready.present() < 50);
}

#[test]
fn redeliveries_keep_workers_from_catching_up_long_after_what_slowed_them() {
    for seed in 1..=10 {
        let (milestones, statistics) = briefly(&load("redelivery_storm", &seeded(seed)));
        let again = first(&milestones, "redis", State::Redelivered).expect("messages are taken back");
        assert!(again > minutes(20), "{seed}: {again}");
        let reports = queue(&statistics, "reports");
        assert!(reports.redelivered * 4 > reports.delivered && reports.late > 1_000, "{seed}: {reports:?}");
        // Two and a half hours after its trigger it goes on.
        let waits = reports.ready.present() + reports.unacked.present();
        assert!(waits > 500, "{seed}: {reports:?}");
    }
}

#[test]
fn a_longer_visibility_timeout_or_fewer_reserved_messages_end_the_storm_and_leave_its_trigger() {
    let longer = [("redis/transport.visibility_timeout", "\"2h\"")];
    let fewer = [("report-worker/render.prefetch", "8")];
    for (ablation, none) in [(&longer, true), (&fewer, false)] {
        for seed in 1..=3 {
            let (_, statistics) = briefly(&load("redelivery_storm", &Options { seed, ..set(ablation) }));
            let reports = queue(&statistics, "reports");
            assert!(reports.peak > 20 || reports.unacked.present_ns(statistics.at) > 0, "work piled up all the same");
            assert!(reports.ready.present() < 20, "{seed}: {reports:?}");
            assert!(reports.redelivered * 10 < reports.delivered, "{seed}: {reports:?}");
            assert!(!none || reports.redelivered == 0, "{seed}: {reports:?}");
        }
    }
}

#[test]
fn without_their_faults_both_are_calm() {
    for (name, fault, broker) in
        [("queue_backlog", "slow-provider", "rabbitmq"), ("redelivery_storm", "hung-renderer", "redis")]
    {
        for seed in 1..=20 {
            let duration = Some(Duration::from_secs(1_200));
            let options = Options { seed, duration, without: vec![fault.into()], ..Options::default() };
            let (milestones, statistics) = briefly(&load(name, &options));
            assert!(milestones.kept.is_empty(), "{name}, {seed}: {:?}", milestones.kept);
            let of_broker = statistics.queues.iter().filter(|queue| queue.broker == broker);
            assert!(of_broker.map(|queue| queue.peak).sum::<u64>() < 60, "{name}, {seed}");
        }
    }
}

#[test]
fn a_killed_worker_loses_what_it_had_acknowledged_and_the_rest_comes_again_after_the_visibility_timeout() {
    for seed in 1..=10 {
        // Eight that are not acknowledged come again. Where what is begun is acknowledged, the two in work are beside them, and gone.
        for (ack, had) in [("Early", 10), ("Late", 8)] {
            let options = Options { seed, ..set(&[("payment-worker/charge.ack", ack)]) };
            let (milestones, statistics) = briefly(&load("worker_killed", &options));
            let back = first(&milestones, "redis-broker", State::Redelivered).expect("messages are taken back");
            assert!(minutes(14) < back && back <= minutes(16), "{seed}: {back}");
            let payments = queue(&statistics, "payments");
            assert_eq!(payments.redelivered, 8, "{seed}, {ack}: {payments:?}");
            let worker =
                statistics.services.iter().find(|service| service.name == "payment-worker").expect("it is there");
            assert_eq!(worker.lost, had, "{seed}, {ack}");
            assert!(payments.ready.present() < 10 && payments.dropped == 0, "{seed}, {ack}: {payments:?}");
            assert_eq!(statistics.sources[0].failed, 0, "{seed}, {ack}: nobody at the front notices");
        }
    }
    for seed in 1..=20 {
        let without = vec!["killed".into(), "slow-provider".into()];
        let (milestones, statistics) =
            briefly(&load("worker_killed", &Options { seed, without, ..Options::default() }));
        assert!(milestones.kept.is_empty(), "{seed}: {:?}", milestones.kept);
        assert_eq!(queue(&statistics, "payments").redelivered, 0, "{seed}");
    }
}
