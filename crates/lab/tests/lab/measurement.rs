//! Values are estimated from batches and judged by their band.

use knockon_kernel::Time;
use knockon_lab::Measurement;
use knockon_lab::expectations::{Judgement, Verdict, judge};
use knockon_lab::milestones::Milestones;
use knockon_model::{Null, World};
use knockon_scenario::{Options, Scenario};

/// A queue before one server: a utilisation of one half, 1 ms a job.
fn queue(arrivals: &str, demand: &str, duration: &str, measure: &str, expect: &str) -> Vec<Judgement> {
    queue_of_seed(1, arrivals, demand, duration, measure, expect)
}

fn queue_of_seed(
    seed: u64,
    arrivals: &str,
    demand: &str,
    duration: &str,
    measure: &str,
    expect: &str,
) -> Vec<Judgement> {
    let text = format!(
        r#"(
    duration: "{duration}",
    measure: {measure},
    services: {{"server": (
        runtime: Native, workers: 1, places: Unlimited, cores: Unlimited,
        endpoints: {{"GET /": (steps: [Compute({demand})])}},
    )}},
    links: {{"clients -> server": (latency: "0s")}},
    load: {{"clients": (target: "server", arrivals: {arrivals}, mix: {{"GET /": 1}}, timeout: None)}},
    expect: [{expect}],
)"#
    );
    let none = |_: &str| Err(String::new());
    let loaded = Scenario::from_text("queue", &text, &Options { seed, ..Options::default() }, &none)
        .unwrap_or_else(|e| panic!("{e}"));
    let mut world = World::new(loaded.blueprint.clone());
    let mut measurement = Measurement::new(&loaded.expectations, loaded.measure, loaded.blueprint.duration);
    let end = Time::ZERO + loaded.blueprint.duration;
    // In pieces, as the command line does it.
    for piece in 1..=7 {
        let until = Time::from_nanos(end.as_nanos() / 7 * piece).min(end);
        measurement.run_until(&mut world, until, &mut Null).expect("no limit is hit");
    }
    measurement.run_until(&mut world, end, &mut Null).expect("no limit is hit");
    judge(&loaded.expectations, &measurement, &world.statistics(), &Milestones::default(), None)
}

fn memoryless(duration: &str, expect: &str) -> Vec<Judgement> {
    queue(r#"Poisson("500/s")"#, r#"Exponential("1ms")"#, duration, "()", expect)
}

fn verdicts(judgements: &[Judgement]) -> Vec<Verdict> {
    judgements.iter().map(|judgement| judgement.verdict).collect()
}

#[test]
fn a_memoryless_queue_has_the_values_of_its_formulas() {
    // Sojourn times are exponential with a mean of 1 / (1000 - 500) s.
    let found = memoryless(
        "1000s",
        r#"Value("clients.latency.mean", "2ms"),
        Value("clients.latency.second_moment", 0.000008, "5 %"),
        Value("clients.latency.p95", "5.991465ms", "5 %"),
        Value("clients.latency.p99", "9.210340ms", "5 %"),
        Value("clients.latency.over(5ms)", 0.082085, "5 %"),
        Value("clients.answered", 450000),
        Value("server.computed", "450s"),
        Value("clients.goodput_share", 1)"#,
    );
    assert_eq!(verdicts(&found), [Verdict::Held; 8], "{found:#?}");
}

#[test]
fn stations_have_the_values_of_their_formulas() {
    // L = 1, half of it queued; waits are zero in half of all cases, else exponential with a mean of 2 ms.
    let found = memoryless(
        "5000s",
        r#"Value("server.present.mean", 1),
        Value("clients.present.mean", 1),
        Value("server.queue.present.mean", 0.5),
        Value("server.workers.present.mean", 0.5),
        Value("server.utilisation", "50 %"),
        Value("server.throughput", "500/s"),
        Value("server.sojourn.mean", "2ms"),
        Value("server.queued.mean", "1ms"),
        Value("server.queued.waited_share", "50 %"),
        Value("server.queued.second_moment", 0.000004, "5 %"),
        Value("server.queued.over(2ms)", 0.183940, "5 %")"#,
    );
    assert_eq!(verdicts(&found), [Verdict::Held; 11], "{found:#?}");
}

#[test]
fn what_is_wrong_by_more_than_the_band_differs_and_what_is_too_short_is_imprecise() {
    let found =
        memoryless("1000s", r#"Value("clients.latency.mean", "2.06ms"), Value("clients.latency.p95", "6.4ms", "5 %")"#);
    assert_eq!(verdicts(&found), [Verdict::Differs; 2], "{found:#?}");
    let found =
        memoryless("20s", r#"Value("clients.latency.mean", "2ms"), Value("clients.latency.mean", "2ms", "50 %")"#);
    assert_eq!(verdicts(&found), [Verdict::Imprecise, Verdict::Held], "{found:#?}");
    // With slack the same is near enough, but the band must be as narrow as before.
    let slack = r#"Value(statistic: "clients.latency.mean", value: "2.06ms", slack: "3 %")"#;
    assert_eq!(verdicts(&memoryless("1000s", slack)), [Verdict::Held]);
}

#[test]
fn batches_that_know_of_each_other_are_found_out() {
    // Nearly saturated: a queue of this length takes longer than a batch to change.
    let found = queue(
        r#"Poisson("995/s")"#,
        r#"Exponential("1ms")"#,
        "100s",
        r#"(warm_up: "10s", batches: 400)"#,
        r#"Value("clients.latency.mean", "200ms", "100 %", "100 %")"#,
    );
    assert_eq!(verdicts(&found), [Verdict::Imprecise], "{found:#?}");
    assert!(found[0].numbers.expect("an estimate").correlation > 0.5);
}

#[test]
fn the_error_is_that_of_independent_runs() {
    // A band of one run is about as wide as 24 runs are apart: neither a third of it, nor three times as wide.
    let of_seed = |seed: u64| {
        let expect =
            r#"Value("clients.latency.mean", "2ms", "50 %"), Value("clients.latency.p95", "5.991465ms", "50 %")"#;
        let found = queue_of_seed(seed, r#"Poisson("500/s")"#, r#"Exponential("1ms")"#, "20s", "()", expect);
        [0, 1].map(|at: usize| found[at].numbers.expect("an estimate"))
    };
    let runs: Vec<_> = (0..24).map(of_seed).collect();
    for at in [0, 1] {
        let values: Vec<f64> = runs.iter().map(|run| run[at].measured).collect();
        let mean = values.iter().sum::<f64>() / 24.0;
        let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 23.0).sqrt();
        let claimed = runs.iter().map(|run| run[at].half_width / 4.0).sum::<f64>() / 24.0;
        assert!((0.6..1.6).contains(&(claimed / spread)), "claimed {claimed}, is {spread}");
    }
}

#[test]
fn regular_systems_are_exact() {
    let expect = r#"Exact("clients.answered", 4999),
        Exact("clients.latency.mean", "1ms"),
        Exact("clients.latency.maximum", "1ms"),
        Exact("server.computed", "4999ms"),
        Exact(statistic: "clients.answered", value: 500, from: "1s", until: "2s"),
        Exact(statistic: "clients.answered", value: 499, until: "1s"),
        AtLeast(statistic: "clients.goodput_share", value: 1, from: "9s"),
        Exact("clients.answered", 5000),
        Exact(statistic: "clients.answered", value: 500, from: "9s", until: "11s"),
        Value("clients.latency.mean", "1ms")"#;
    let found = queue(r#"Constant("500/s")"#, r#""1ms""#, "10s", "()", expect);
    let held = [Verdict::Held; 7].into_iter();
    let expected: Vec<_> = held.chain([Verdict::Differs, Verdict::NotMeasured, Verdict::Held]).collect();
    assert_eq!(verdicts(&found), expected, "{found:#?}");
}

#[test]
fn a_run_that_is_cut_before_its_batches_measures_nothing() {
    let expect = r#"Value("clients.latency.mean", "2ms"), Below(statistic: "clients.latency.mean", value: "1s", from: "5s", until: "30s")"#;
    let found = queue(r#"Poisson("500/s")"#, r#"Exponential("1ms")"#, "10s", r#"(warm_up: "9999999999ns")"#, expect);
    assert_eq!(verdicts(&found), [Verdict::NotMeasured; 2], "{found:#?}");
}
