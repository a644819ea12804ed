//! Load and control flow against closed forms: renewals, batches, closed users, loops, forks, vacations.

use knockon_kernel::Time;
use knockon_lab::Measurement;
use knockon_lab::expectations::{Verdict, judge};
use knockon_lab::milestones::Milestones;
use knockon_model::{Null, World};
use knockon_scenario::{Options, Scenario};

/// A scenario over stations of one server each, by name and mean service time, with a front that anyone may call at once.
fn network(load: &str, front: &str, stations: &[(&str, &str)], rest: &str) -> String {
    let services: String = stations
        .iter()
        .map(|(name, demand)| {
            format!(
                r#""{name}": (workers: 1, places: Unlimited, cores: Unlimited,
                    endpoints: {{"GET /": (steps: [Compute({demand})])}}),"#
            )
        })
        .collect();
    let links: String = stations
        .iter()
        .map(|(name, _)| format!(r#""front -> {name}": (latency: "0s", keep_alive: Always),"#))
        .collect();
    format!(
        r#"(services: {{
            "front": (workers: Unlimited, places: Unlimited, cores: Unlimited, endpoints: {{"GET /": (steps: [{front}])}}),
            {services}
        }},
        links: {{"clients -> front": (latency: "0s"), {links}}},
        load: {{"clients": (target: "front", {load}, mix: {{"GET /": 1}}, timeout: None)}}, {rest})"#
    )
}

/// One server before which requests queue.
fn queue(load: &str, demand: &str, fields: &str, rest: &str) -> String {
    format!(
        r#"(services: {{"server": (workers: 1, places: Unlimited, cores: Unlimited, {fields}
            endpoints: {{"GET /": (steps: [Compute({demand})])}})}},
        links: {{"clients -> server": (latency: "0s")}},
        load: {{"clients": (target: "server", {load}, mix: {{"GET /": 1}}, timeout: None)}}, {rest})"#
    )
}

/// Runs a scenario and expects everything that it expects.
fn holds(text: &str) {
    let none = |_: &str| Err(String::new());
    let loaded = Scenario::from_text("load", text, &Options::default(), &none).unwrap_or_else(|e| panic!("{e}"));
    let mut world = World::new(loaded.blueprint.clone());
    let mut measurement = Measurement::new(&loaded.expectations, loaded.measure, loaded.blueprint.duration);
    let end = Time::ZERO + loaded.blueprint.duration;
    measurement.run_until(&mut world, end, &mut Null).expect("no limit is hit");
    assert_eq!(world.audit(), Vec::<String>::new());
    let found = judge(&loaded.expectations, &measurement, &world.statistics(), &Milestones::default(), None);
    assert!(!found.is_empty() && found.iter().all(|one| one.verdict == Verdict::Held), "{found:#?}");
}

/// The mean of a statistic within a band of four standard errors that is at most 5 % of it.
fn value(statistic: &str, value: f64) -> String {
    format!(r#"Value("{statistic}", {}, "5 %"),"#, shown(statistic, value))
}

fn shown(statistic: &str, value: f64) -> String {
    if statistic.contains("latency") { format!("\"{}ns\"", (value * 1e9).round()) } else { value.to_string() }
}

#[test]
fn a_jackson_network_has_its_product_form() {
    // Jackson 1957: visits from the traffic equations, then each station is M/M/1 by itself.
    let front = r#"Repeat([
        Call(to: "one/GET /", timeout: None),
        Choose([
            (weight: 6, steps: [Call(to: "two/GET /", timeout: None), Choose([(weight: 1, steps: [Again]), (weight: 4, steps: [])])]),
            (weight: 4, steps: [Call(to: "three/GET /", timeout: None), Choose([(weight: 1, steps: [Again]), (weight: 9, steps: [])])]),
        ]),
    ])"#;
    let stations =
        [("one", r#"Exponential("125ms")"#), ("two", r#"Exponential("200ms")"#), ("three", r#"Exponential("250ms")"#)];
    let visits = [4.0 / 0.84, 4.0 / 0.84 * 0.6, 4.0 / 0.84 * 0.4];
    let sojourn = [1.470588 / visits[0], 1.333333 / visits[1], 0.909091 / visits[2]];
    let expect = [
        value("clients.latency.mean", 0.928253),
        value("one.latency.mean", sojourn[0]),
        value("two.latency.mean", sojourn[1]),
        value("three.latency.mean", sojourn[2]),
        value("two.arrived", visits[1] * 0.9 * 120_000.0),
    ]
    .concat();
    holds(&network(
        r#"arrivals: Poisson("4/s")"#,
        front,
        &stations,
        &format!("duration: \"120000s\", expect: [{expect}]"),
    ));
}

#[test]
fn a_closed_network_has_the_throughput_of_mean_value_analysis() {
    let front = ["one", "two", "three"].map(|name| format!(r#"Call(to: "{name}/GET /", timeout: None)"#)).join(", ");
    let stations =
        [("one", r#"Exponential("50ms")"#), ("two", r#"Exponential("80ms")"#), ("three", r#"Exponential("20ms")"#)];
    for (users, throughput, seconds) in [(1, 0.869565, 40_000), (10, 7.891676, 10_000), (50, 12.499999, 10_000)] {
        let load = format!(r#"arrivals: Closed(users: {users}, think: Exponential("1s"))"#);
        let answered = value("clients.answered", throughput * 0.9 * f64::from(seconds));
        // Little's law over the whole loop: N = X (Z + W).
        let response = value("clients.latency.mean", f64::from(users) / throughput - 1.0);
        let rest = format!("duration: \"{seconds}s\", expect: [{answered} {response}]");
        holds(&network(&load, &front, &stations, &rest));
    }
}

#[test]
fn batches_make_queues_longer_by_their_own_length() {
    // M[X]/M/1 (Gross & Harris, section 3.1): L = ρ (E[X] + E[X²]) / (2 E[X] (1 - ρ)).
    let (rho, rate) = (0.48, 4.8);
    for (batch, first, second) in [
        ("Fixed(3)", 3.0, 9.0),
        ("Geometric(mean: 3)", 3.0, 15.0),
        ("Between(1, 5)", 3.0, 11.0),
        ("OneOf([1, 5])", 3.0, 13.0),
    ] {
        let mean = rho * (first + second) / (2.0 * first * (1.0 - rho)) / rate;
        let load = format!(r#"arrivals: Poisson("1.6/s"), batch: {batch}"#);
        let expect = [value("clients.latency.mean", mean), value("clients.sent", rate * 0.9 * 100_000.0)].concat();
        let rest = format!("duration: \"100000s\", expect: [{expect}]");
        holds(&queue(&load, r#"Exponential("100ms")"#, "", &rest));
    }
}

#[test]
fn renewal_arrivals_wait_as_the_root_of_their_transform_says() {
    // GI/M/1 (Kendall 1953): W = 1 / (μ (1 - σ)). Gaps of Erlang-2: 100 x² + 220 x - 64 = 0 for x = 1 - σ.
    let erlang = 1.0 / (10.0 * (f64::sqrt(220.0 * 220.0 + 4.0 * 100.0 * 64.0) - 220.0) * 200.0_f64.recip());
    for (gap, mean) in [(r#""125ms""#, 0.269_273_1), (r#"Gamma(mean: "125ms", shape: 2)"#, erlang)] {
        let load = format!("arrivals: Renewal({gap})");
        let rest = format!("duration: \"60000s\", expect: [{}]", value("clients.latency.mean", mean));
        holds(&queue(&load, r#"Exponential("100ms")"#, "", &rest));
    }
}

#[test]
fn a_fork_of_two_queues_takes_as_long_as_flatto_and_hahn_say() {
    // Flatto & Hahn 1984; Nelson & Tantawi 1988: T = (12 - ρ) / 8 / (μ - λ).
    let front = r#"Parallel([[Call(to: "one/GET /", timeout: None)], [Call(to: "two/GET /", timeout: None)]])"#;
    let stations = [("one", r#"Exponential("100ms")"#), ("two", r#"Exponential("100ms")"#)];
    let expect = [value("clients.latency.mean", 11.5 / 8.0 / 5.0), value("one.latency.mean", 0.2)].concat();
    let rest = format!("duration: \"20000s\", expect: [{expect}]");
    holds(&network(r#"arrivals: Poisson("5/s")"#, front, &stations, &rest));
    // The first to answer is the minimum of two queues that are then still at work: what is left is not given up.
    let first = r#"Parallel(branches: [[Compute(Exponential("100ms"))], [Compute(Exponential("50ms"))]], join: First)"#;
    let rest = format!("duration: \"20000s\", expect: [{}]", value("clients.latency.mean", 1.0 / 30.0));
    holds(&network(r#"arrivals: Poisson("5/s")"#, first, &[], &rest));
}

#[test]
fn vacations_add_their_residual_time() {
    // Fuhrmann & Cooper 1985: multiple vacations add E[V²] / 2E[V] to the wait of M/G/1.
    for (vacation, mean) in [
        (r#"WhenIdle(Exponential("200ms"))"#, 0.2 + 0.2),
        (r#"WhenIdle("200ms")"#, 0.2 + 0.1),
        // Single: λ E[V²] / 2 (V*(λ) + λ E[V]) (Levy & Yechiali 1975).
        (r#"WhenIdle(length: Exponential("200ms"), repeats: false)"#, 0.2 + 0.4 / (2.0 * 1.5)),
    ] {
        let rest = format!("duration: \"20000s\", expect: [{}]", value("clients.latency.mean", mean));
        let vacation = format!("vacation: {vacation},");
        holds(&queue(r#"arrivals: Poisson("5/s")"#, r#"Exponential("100ms")"#, &vacation, &rest));
    }
}

#[test]
fn regular_loads_are_exact() {
    // One user: thinks 1 s, is served in 0.1 s, over and over.
    let expect =
        r#"Exact("clients.answered", 9), Exact("clients.latency.mean", "100ms"), Exact("clients.in_flight", 0)"#;
    let rest = format!("duration: \"10s\", expect: [{expect}]");
    holds(&queue(r#"arrivals: Closed(users: 1, think: "1s")"#, r#""100ms""#, "", &rest));
    // Three users who think alike queue behind each other, and go on so: 1.0, 1.1, 1.2 s, then each 1.1 s after its own.
    let expect = r#"Exact("clients.answered", 25), Exact("clients.latency.maximum", "300ms")"#;
    let rest = format!("duration: \"9.99s\", expect: [{expect}]");
    holds(&queue(r#"arrivals: Closed(users: 3, think: "1s")"#, r#""100ms""#, "", &rest));
    // A second in each ten the server is not there. Of 100 requests those of that second queue, and some behind them.
    let expect =
        r#"Exact("server.vacations", 9), Exact("server.paused", "9s"), Exact("clients.latency.maximum", "1010ms")"#;
    let rest = format!("duration: \"99.9s\", expect: [{expect}]");
    let vacation = r#"vacation: Periodic(every: "10s", length: "1s"),"#;
    holds(&queue(r#"arrivals: Constant("10/s")"#, r#""10ms""#, vacation, &rest));
}
