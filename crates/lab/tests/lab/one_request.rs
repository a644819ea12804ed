//! What is observed of one request agrees: spans nest, lines belong to spans that are there, counters are the number of what they count.

use crate::support::{Run, load, run};
use knockon_kernel::Duration;
use knockon_lab::milestones::State;
use knockon_model::blueprint::Operation;
use knockon_model::record::{LogEvent, SpanId, SpanKind, SpanRecord, Status, TraceId};
use knockon_scenario::Options;
use std::collections::BTreeMap;

/// Scenarios whose processes live to the end, so that nothing that began is without its record for that reason.
const SCENARIOS: [&str; 4] = ["healthy", "cache_storm", "pool_exhaustion", "breaker_flapping"];

fn of(name: &str) -> Run {
    let run = run(&load(name, &Options::default()));
    assert!(run.times(State::Exited).is_empty(), "{name}");
    run
}

fn kind(run: &Run, span: &SpanRecord) -> SpanKind {
    run.catalogue.operations[span.operation.index()].kind
}

#[test]
fn a_span_lies_within_its_parent_unless_the_caller_left() {
    for name in SCENARIOS {
        let run = of(name);
        let spans: BTreeMap<(TraceId, SpanId), &SpanRecord> =
            run.records.spans.iter().map(|span| ((span.trace, span.span), span)).collect();
        assert_eq!(spans.len(), run.records.spans.len(), "{name}: an id is of one span");
        let (mut nested, mut outlived) = (0, 0);
        for span in run.records.spans.iter().filter(|span| span.parent.0 != 0) {
            let Some(parent) = spans.get(&(span.trace, span.parent)) else {
                // Sent by a load source, whose side is not observed; or it has not ended.
                continue;
            };
            assert!(parent.start <= span.start, "{name}: {span:?} begins before {parent:?}");
            if span.end <= parent.end {
                nested += 1;
            } else {
                assert!(
                    kind(&run, parent) == SpanKind::Client && parent.status == Status::Error,
                    "{name}: {span:?} outlives {parent:?}, which had its answer"
                );
                outlived += 1;
            }
        }
        assert!(nested > 5_000 && outlived * 10 < nested, "{name}: {nested} nested, {outlived} outlived");
    }
}

#[test]
fn a_line_of_a_request_names_a_span_of_its_process_that_was_there() {
    for name in SCENARIOS {
        let run = of(name);
        let spans: BTreeMap<(TraceId, SpanId), &SpanRecord> =
            run.records.spans.iter().map(|span| ((span.trace, span.span), span)).collect();
        let last = run.records.samples.last().expect("there are metrics").time;
        let mut lines = 0;
        for line in &run.records.logs {
            let Some((trace, span)) = line.context else { continue };
            // One that has not ended by the end of the run has no record.
            let Some(span) = spans.get(&(trace, span)) else {
                assert!(line.time + Duration::from_secs(60) > last, "{name}: {line:?} belongs to no span");
                continue;
            };
            assert_eq!(span.process, line.process, "{name}: {line:?}");
            assert!(span.start <= line.time && line.time <= span.end, "{name}: {line:?} within {span:?}");
            lines += 1;
        }
        assert!(lines > 1_000, "{name}: {lines}");
    }
}

#[test]
fn counters_are_the_number_of_the_records_that_they_count() {
    for name in SCENARIOS {
        let run = of(name);
        let at = run.records.samples.last().expect("there are metrics").time;
        let counted = |service: &str, metric: &str| {
            let samples = run.metric(service, metric);
            let &(time, value) = samples.last().unwrap_or_else(|| panic!("{name}: {service} exports {metric}"));
            assert_eq!(time, at);
            value
        };
        let spans = |service: &str, like: &dyn Fn(&SpanRecord) -> bool| {
            let process = run.process(service);
            run.records.spans.iter().filter(|s| s.process.0 == process && s.end <= at && like(s)).count() as f64
        };
        let served = |span: &SpanRecord| kind(&run, span) == SpanKind::Server;
        assert_eq!(counted("web-api", "http_server_requests_seconds_count"), spans("web-api", &served), "{name}");
        assert_eq!(
            counted("auth-service", "http_request_duration_seconds_count"),
            spans("auth-service", &served),
            "{name}"
        );
        let gave_up = run
            .records
            .logs
            .iter()
            .filter(|line| line.time <= at && matches!(line.event, LogEvent::PoolTimeout { .. }));
        assert_eq!(counted("web-api", "hikaricp_connections_timeout_total"), gave_up.count() as f64, "{name}");
        let collections =
            run.records.logs.iter().filter(|line| line.time <= at && matches!(line.event, LogEvent::Collection { .. }));
        assert_eq!(counted("web-api", "jvm_gc_pause_seconds_count"), collections.count() as f64, "{name}");
        // Redis counts what it has read; an answer that is on its way at the last scrape has no span yet.
        let gets = spans("web-api", &|span| {
            let info = &run.catalogue.operations[span.operation.index()];
            matches!(&info.operation, Operation::Cache { command } if command == "GET") && span.status != Status::Error
        });
        let read = counted("redis", "redis_keyspace_hits_total") + counted("redis", "redis_keyspace_misses_total");
        assert!((0.0..=5.0).contains(&(read - gets)), "{name}: Redis read {read}, {gets} were answered");
    }
}

#[test]
fn a_histograms_buckets_are_the_spans_durations() {
    let run = run(&load("pool_exhaustion", &Options::default()));
    let at = run.records.samples.last().expect("there are metrics").time;
    let process = run.process("auth-service");
    let durations: Vec<f64> = run
        .records
        .spans
        .iter()
        .filter(|span| span.process.0 == process && kind(&run, span) == SpanKind::Server && span.end <= at)
        .map(|span| (span.end - span.start).as_secs_f64())
        .collect();
    let mut buckets = BTreeMap::<String, f64>::new();
    for sample in run.records.samples.iter().filter(|sample| sample.time == at) {
        let series = &run.catalogue.series[sample.series.index()];
        if series.service == "auth-service" && series.name == "http_request_duration_seconds_bucket" {
            let bound = series.attributes.iter().find(|(key, _)| key == "le").expect("a bucket has a bound");
            *buckets.entry(bound.1.clone()).or_default() += sample.value;
        }
    }
    assert!(buckets.len() > 5, "{buckets:?}");
    for (bound, counted) in buckets {
        let bound: f64 = bound.replace("+Inf", "inf").parse().expect("a bound is a number");
        let expected = durations.iter().filter(|&&duration| duration <= bound).count() as f64;
        assert!((counted - expected).abs() < 0.5, "le {bound}: {counted} counted, {expected} spans");
    }
}
