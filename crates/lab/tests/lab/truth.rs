//! What faults do, against the same worlds without them; and that chance alone does nothing.

use crate::support::{self, Records, load};
use knockon_kernel::{Duration, Time};
use knockon_lab::truth::{
    BlameWindow, Harm, Incident, Interaction, Link, Node, Part, Recovery, Role, Rows, State, Truth,
};
use knockon_model::record::{CollectionKind, LogEvent, LogRecord};
use knockon_model::{Stop, World};
use knockon_scenario::{Loaded, Options, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;

/// All that is concluded of a run.
pub(crate) struct Concluded<const OBSERVES: bool = false> {
    pub(crate) truth: Truth<OBSERVES>,
    rows: Vec<Rows>,
    blame: Vec<BlameWindow>,
}

pub(crate) fn conclude(loaded: &Loaded, threads: usize) -> Concluded {
    conclude_after(loaded, threads, |_| ())
}

/// The same of a run whose rows are observed.
pub(crate) fn conclude_observed(loaded: &Loaded) -> Concluded<true> {
    conclude_after(loaded, 2, |_| ())
}

/// The same, with something done to the fact at the instant before its first fault.
fn conclude_after<const O: bool>(loaded: &Loaded, threads: usize, change: impl Fn(&mut World)) -> Concluded<O> {
    let fork = loaded.blueprint.faults.iter().map(|fault| fault.at).min();
    let mut fact = World::new(loaded.blueprint.clone());
    let mut truth = Truth::new(&fact, threads, true);
    let (mut rows, mut blame) = (Vec::new(), Vec::new());
    let followed = truth.follow(&mut fact, |_, fact, settled| {
        rows.extend(settled.rows);
        blame.extend(settled.blame);
        if fork.is_some_and(|fork| fact.time() + Duration::from_nanos(1) == fork) {
            change(fact);
        }
        ControlFlow::Continue(())
    });
    followed.expect("no limit is hit");
    Concluded { truth, rows, blame }
}

impl<const O: bool> Concluded<O> {
    /// Each of these states, or faults, leads to the next, which does not begin before it; and nothing is left unexplained.
    #[track_caller]
    pub(crate) fn assert_way(&self, way: &[(&str, Option<State>)]) {
        let propagation = self.truth.propagations().remove(0);
        assert!(propagation.unexplained().is_empty(), "{:?}: {}", propagation.unexplained(), propagation.to_dot());
        let find = |(place, state): (&str, Option<State>)| {
            let is_it =
                |node: &Node| node.state == state && (node.place() == place || node.fault.as_deref() == Some(place));
            let found = propagation.graph.node_indices().find(|&node| is_it(&propagation.graph[node]));
            found.unwrap_or_else(|| panic!("{place} has the state {state:?}: {}", propagation.to_dot()))
        };
        for pair in way.windows(2) {
            let (a, b) = (find(pair[0]), find(pair[1]));
            assert!(propagation.graph[a].onset <= propagation.graph[b].onset, "{pair:?} in this order");
            let leads = petgraph::algo::has_path_connecting(&propagation.graph, a, b, None);
            assert!(leads, "{:?} leads to {:?}: {}", pair[0], pair[1], propagation.to_dot());
        }
    }

    pub(crate) fn incident(&self) -> Incident {
        let mut incidents = self.truth.incidents();
        assert_eq!(incidents.len(), 1, "{incidents:?}");
        incidents.remove(0)
    }

    fn part_of(&self, component: &str) -> Part {
        let incident = self.incident();
        incident.components.iter().find(|found| found.name == component).expect("a component").part
    }

    /// Components with a labelled number, or with labelled requests.
    fn labelled(&self) -> Vec<String> {
        let metrics = self.truth.metrics().list();
        let windows = self.rows.iter().flat_map(|rows| &rows.windows).filter(|row| row.labelled);
        let mut names: Vec<_> = windows.map(|row| metrics[row.metric].component.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    fn roles(&self) -> Vec<Role> {
        self.incident().faults.iter().map(|found| found.role).collect()
    }
}

/// A scenario of the web shop with these faults, and more of anything else.
fn shop(faults: &str, duration: &str, more: &str) -> Loaded {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let systems = |file: &str| std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string());
    let text = format!(r#"(system: "systems/webshop.ron", duration: "{duration}", faults: {{{faults}}}, {more})"#);
    load_text(&text, &Options::default(), &systems)
}

fn load_text(text: &str, options: &Options, systems: &dyn Fn(&str) -> Result<String, String>) -> Loaded {
    match Scenario::from_text("truth", text, options, systems) {
        Ok(loaded) => loaded,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

/// A system without any phases: a queue before two workers, and another service that shares nothing with it.
fn plain(faults: &str) -> Loaded {
    let text = format!(
        r#"(
            duration: "20min",
            scrape: "10s",
            services: {{
                "api": (workers: 2, places: 100, endpoints: {{"GET /a": (steps: [Compute(Exponential(mean: "100ms"))])}}),
                "other": (workers: 2, places: 100, endpoints: {{"GET /b": (steps: [Compute(Exponential(mean: "100ms"))])}}),
            }},
            load: {{
                "users": (target: "api", arrivals: Poisson("8/s"), mix: {{"GET /a": 1}}, timeout: "10s"),
                "others": (target: "other", arrivals: Poisson("8/s"), mix: {{"GET /b": 1}}, timeout: "10s"),
            }},
            faults: {{{faults}}},
        )"#
    );
    load_text(&text, &Options::default(), &|_| Err("there is none".to_owned()))
}

#[test]
fn a_fault_of_no_size_has_no_effect_and_no_row() {
    for fault in [
        r#""nothing": Set(at: "5min", set: {"web-api/pool.maximum": 10})"#,
        r#""nothing": Deploy(service: "web-api", at: "5min", set: {"web-api/pool.maximum": 10})"#,
    ] {
        let concluded = conclude(&shop(fault, "20min", ""), 2);
        let rows = concluded.rows.iter();
        assert_eq!(rows.map(|rows| rows.windows.len() + rows.effects.len()).sum::<usize>(), 0);
        assert_eq!(concluded.roles(), [Role::NoEffect]);
        assert_eq!(concluded.incident().interaction, Interaction::NoEffect);
        assert_eq!(concluded.incident().recovery, Recovery::NothingToRecoverFrom);
    }
}

#[test]
fn the_leak_hurts_callers_and_leaves_strangers_alone() {
    let more = r#"services: {"stranger": (endpoints: {"GET /x": (steps: [Compute("5ms")])})},
        load: {"strangers": (target: "stranger", arrivals: Poisson("5/s"), mix: {"GET /x": 1}, timeout: "1s")},"#;
    let leak =
        r#""leak": Deploy(service: "web-api", at: "20min", set: {"web-api/POST /api/checkout.retain": "250KiB"})"#;
    let concluded = conclude_observed(&shop(leak, "1h", more));
    let incident = concluded.incident();
    assert_eq!(concluded.roles(), [Role::Cause]);
    assert_eq!(concluded.part_of("web-api"), Part::Trigger);
    assert_eq!(concluded.part_of("clients"), Part::Victim);
    assert_eq!(concluded.part_of("stranger"), Part::Bystander);
    assert_eq!(concluded.part_of("strangers"), Part::Bystander);
    assert_eq!(incident.recovery, Recovery::InForce);
    assert!(incident.harm.failed > 100 && incident.harm.hurt > incident.harm.failed, "{:?}", incident.harm);
    assert!(!concluded.labelled().iter().any(|name| name.starts_with("stranger")));
    let propagation = concluded.truth.propagations().remove(0);
    assert_eq!(propagation.roots(), ["leak"]);
    assert!(propagation.unexplained().is_empty(), "{:?}", propagation.unexplained());
    let way = |place: &str, state| {
        let node = propagation.graph.node_indices().find(|&node| {
            let node = &propagation.graph[node];
            node.place() == place && node.state == Some(state)
        });
        node.unwrap_or_else(|| panic!("{place} has the state {state:?}"))
    };
    let chain = [
        way("web-api", State::Memory),
        way("web-api", State::Pauses),
        way("web-api/pool", State::Held),
        way("web-api/pool", State::PoolWait),
        way("web-api/pool", State::PoolTimeouts),
        way("web-api", State::Errors),
        way("clients", State::Errors),
    ];
    for pair in chain.windows(2) {
        assert!(propagation.graph[pair[0]].onset <= propagation.graph[pair[1]].onset, "in this order");
        assert!(
            petgraph::algo::has_path_connecting(&propagation.graph, pair[0], pair[1], None),
            "{} leads to {}: {}",
            propagation.graph[pair[0]].what(),
            propagation.graph[pair[1]].what(),
            propagation.to_dot(),
        );
    }
}

#[test]
fn a_slow_query_hurts_and_heals() {
    let concluded = conclude(&load("pool_exhaustion", &Options::default()), 2);
    let incident = concluded.incident();
    let Recovery::At(at) = incident.recovery else { panic!("it heals: {incident:?}") };
    let minute = 60_000_000_000;
    assert!((30 * minute..33 * minute).contains(&at.as_nanos()), "soon after the query is fast again, not at {at:?}");
    assert!(incident.until < Time::from_nanos(50 * minute), "and is watched no longer than the horizon");
    assert_eq!(concluded.part_of("postgres"), Part::Trigger);
    assert_eq!(concluded.part_of("web-api"), Part::Victim);
    assert!(incident.harm.failed > 500);
}

#[test]
fn the_retry_collapse_is_metastable() {
    // R0 of "Analyzing Metastable Failures" (HotOS 2025), as in theory/collapse/long_queue, with the spike as a fault.
    let load = |rate: &str| {
        format!(
            r#"target: "server", arrivals: Poisson("{rate}"), mix: {{"GET /": 1}}, timeout: "5s", retries: 5,
            backoff: (base: "0s", jitter: Off)"#
        )
    };
    let text = format!(
        r#"(
            duration: "2700s",
            services: {{"server": (
                workers: 1, places: 150, overflow: Silent, cores: Unlimited,
                endpoints: {{"GET /": (steps: [Compute(Exponential("100ms"))])}},
            )}},
            links: {{"clients -> server": (latency: "0ms"), "spike -> server": (latency: "0ms")}},
            load: {{"clients": ({})}},
            faults: {{"spike": Surge(source: "spike", at: "300s", until: "900s", load: ({}))}},
        )"#,
        load("5/s"),
        load("10/s"),
    );
    let concluded = conclude(&load_text(&text, &Options::default(), &|_| Err("there is none".to_owned())), 2);
    let incident = concluded.incident();
    assert_eq!(incident.recovery, Recovery::Metastable);
    assert_eq!(concluded.part_of("clients"), Part::Victim);
    assert!(incident.harm.failed > 5_000, "{:?}", incident.harm);
}

#[test]
fn requests_are_told_to_the_nanosecond_by_where_their_time_went() {
    let concluded = conclude_observed(&load("pool_exhaustion", &Options::default()));
    let mut told = 0;
    for row in concluded.rows.iter().flat_map(|rows| &rows.effects) {
        for end in [row.pair.with, row.pair.without].into_iter().flatten() {
            assert_eq!(end.parts.iter().sum::<u64>(), (end.ended - end.sent).as_nanos());
            told += 1;
        }
    }
    assert!(told > 1_000);
}

#[test]
fn a_surge_elsewhere_labels_nothing_here() {
    let surge = r#""rush": Surge(source: "rush", at: "5min", until: "8min",
        load: (target: "other", arrivals: Poisson("30/s"), mix: {"GET /b": 1}, timeout: "10s"))"#;
    let concluded = conclude(&plain(surge), 2);
    assert_eq!(concluded.roles(), [Role::Cause]);
    assert_eq!(concluded.part_of("others"), Part::Victim);
    assert_eq!(concluded.labelled(), ["other", "others", "rush"]);
    let here = concluded.rows.iter().flat_map(|rows| &rows.effects).filter(|row| row.labelled);
    let metrics = concluded.truth.metrics();
    assert!(here.clone().count() > 100);
    assert!(metrics.list().iter().any(|metric| metric.component == "users"));
    let Recovery::At(_) = concluded.incident().recovery else { panic!("it heals") };
}

#[test]
fn two_faults_that_each_suffice_are_told_so() {
    let twice = r#""first": Pause(service: "api", at: "5min", until: "6min"), "second": Pause(service: "api", at: "5min", until: "6min")"#;
    let concluded = conclude(&plain(twice), 2);
    assert_eq!(concluded.incident().interaction, Interaction::OverDetermined);
    assert_eq!(concluded.roles(), [Role::Redundant, Role::Redundant]);
}

#[test]
fn a_fault_behind_another_is_masked() {
    // While the service stands still for two minutes, nobody can tell that it would have stood still for one of them.
    let both = r#""long": Pause(service: "api", at: "5min", until: "7min"), "short": Pause(service: "api", at: "330s", until: "6min")"#;
    let concluded = conclude(&plain(both), 2);
    assert_eq!(concluded.roles(), [Role::Cause, Role::Masked]);
    assert_eq!(concluded.incident().interaction, Interaction::Masked);
}

#[test]
fn a_fault_that_does_nothing_neither_counts_beside_another_nor_delays_its_recovery() {
    // What the second one sets is so already, and it stays in force to the end.
    let both =
        r#""stop": Pause(service: "api", at: "5min", until: "6min"), "idle": Set(at: "330s", set: {"api.workers": 2})"#;
    let concluded = conclude(&plain(both), 2);
    assert_eq!(concluded.roles(), [Role::Cause, Role::NoEffect]);
    let incident = concluded.incident();
    assert_eq!(incident.interaction, Interaction::Single);
    let alone = conclude(&plain(r#""stop": Pause(service: "api", at: "5min", until: "6min")"#), 2);
    assert!(matches!(incident.recovery, Recovery::At(_)), "{:?}", incident.recovery);
    assert_eq!(incident.recovery, alone.incident().recovery);
}

#[test]
fn faults_of_services_that_share_nothing_are_independent() {
    let both = r#""here": Pause(service: "api", at: "5min", until: "6min"), "there": Pause(service: "other", at: "330s", until: "400s")"#;
    let concluded = conclude(&plain(both), 2);
    assert_eq!(concluded.incident().interaction, Interaction::Independent);
    assert_eq!(concluded.roles(), [Role::Cause, Role::Cause]);
    for found in concluded.incident().faults {
        let size = |harm: Harm| (harm.hurt, harm.failed, harm.waited_ns);
        assert_eq!(found.alone.map(size), Some(size(found.harm)), "alone as beside the other");
    }
}

#[test]
fn a_fault_that_does_nothing_takes_no_blame_away_when_it_comes_within_a_window() {
    let slow = r#""slow": Pause(service: "api", at: "5min", until: "9min")"#;
    let nothing = r#", "nothing": Set(at: "363s", set: {"api.workers": 2})"#;
    let told = |concluded: &Concluded<true>| {
        let window = |window: &BlameWindow| format!("{} {} {:?}", window.start, window.end, window.records);
        concluded.blame.iter().map(window).collect::<Vec<_>>()
    };
    let (one, two) = (conclude_observed(&plain(slow)), conclude_observed(&plain(&format!("{slow}{nothing}"))));
    let (one, two) = (told(&one), told(&two));
    assert!(one.len() > 60, "{} windows", one.len());
    assert_eq!(one[..60], two[..60]);
}

#[test]
fn rows_are_labelled_to_the_end_of_the_run() {
    // The last window is not a whole one, and shorter than half of one.
    let stops = r#""stops": Pause(service: "auth-service", at: "5min", until: "330s")"#;
    let loaded = shop(stops, "364s", "");
    let concluded = conclude_observed(&loaded);
    let end = Time::ZERO + loaded.blueprint.duration;
    let last = concluded.rows.iter().flat_map(|rows| &rows.windows).map(|row| row.end).max();
    assert_eq!(last, Some(end), "all of the time is in a window");
    let labels = || concluded.rows.iter().map(|rows| &rows.labels);
    let here_only = labels().flat_map(|labels| &labels.spans).filter(|mark| mark.difference_ns.is_none());
    assert!(here_only.count() > 0, "spans that are in the fact only");
    assert!(labels().flat_map(|labels| &labels.logs).count() > 0, "lines that are in the fact only");
    let mut samples = labels().flat_map(|labels| &labels.samples).map(|mark| mark.time).collect::<Vec<_>>();
    samples.sort();
    assert_eq!(samples.last(), Some(&(Time::ZERO + Duration::from_secs(360))), "the last scrape");
}

#[test]
fn what_hits_a_limit_without_the_fault_is_compared_until_then() {
    // Fewer events with the fault than without: nobody listens any more.
    let down = r#""down": Kill(service: "api", at: "5min")"#;
    let mut loaded = plain(down);
    let mut alone = World::new(loaded.blueprint.clone());
    alone.run_until(Time::ZERO + loaded.blueprint.duration, &mut knockon_model::Null).expect("no limit is hit");
    loaded.blueprint.limits.events = alone.events() + 1;
    let concluded = conclude(&loaded, 2);
    let incident = concluded.incident();
    let Some(Stop::Events { at, .. }) = incident.limit else { panic!("{incident:?}") };
    assert!(incident.until <= at && incident.until > incident.from, "{incident:?}");
    assert!(incident.has_effect());
    let later = concluded.rows.iter().flat_map(|rows| &rows.windows).filter(|row| row.end > incident.until);
    assert_eq!(later.count(), 0);
    assert!(incident.in_words(&loaded.blueprint).contains("hits a limit"));
}

#[test]
fn a_run_that_hits_a_limit_is_labelled_to_the_last_window_as_if_it_ended_there() {
    // Nobody's spans have a counterpart, so they wait for one for a quarter of an hour: longer than the run lasts.
    let crowd = r#""crowd": Surge(source: "crowd", at: "5min", load: (target: "web-api", arrivals: Constant("10/s"), mix: {"GET /api/users/{id}": 1}, timeout: "10s"))"#;
    let mut loaded = shop(crowd, "20min", "");
    let mut alone = World::new(loaded.blueprint.clone());
    alone.run_until(Time::ZERO + Duration::from_secs(700), &mut knockon_model::Null).expect("no limit is hit");
    loaded.blueprint.limits.events = alone.events();
    let mut fact = World::new(loaded.blueprint.clone());
    let mut truth: Truth<true> = Truth::new(&fact, 2, true);
    let mut rows = Vec::new();
    let ended = truth.follow(&mut fact, |_, _, settled| {
        rows.extend(settled.rows);
        ControlFlow::Continue(())
    });
    assert!(matches!(ended, Err(Stop::Events { .. })), "{ended:?}");
    let incident = truth.incidents().remove(0);
    let until = (incident.until - Time::ZERO).as_secs_f64();
    assert!((600.0..700.0).contains(&until), "{until}");
    let spans = rows.iter().flat_map(|rows: &Rows| &rows.labels.spans).filter(|mark| mark.difference_ns.is_none());
    let last = spans.clone().map(|mark| mark.start).max().expect("spans that are in the fact only");
    assert!(spans.count() > 3_000 && (last - Time::ZERO).as_secs_f64() > until - 1.0, "{last:?}");
    // The same worlds, ended there.
    loaded.blueprint.limits.events = u64::MAX;
    loaded.blueprint.duration = incident.until - Time::ZERO;
    let whole = conclude_observed(&loaded);
    let labelled = |rows: &[Rows]| {
        let spans = rows.iter().flat_map(|rows| &rows.labels.spans).map(|mark| (mark.trace, mark.span));
        spans.collect::<BTreeSet<_>>()
    };
    assert_eq!(labelled(&rows), labelled(&whole.rows));
}

#[test]
fn threads_change_nothing() {
    let loaded = load("pool_exhaustion", &Options::default());
    let told = |threads| {
        let concluded = conclude(&loaded, threads);
        format!("{:?} {:?}", concluded.rows, concluded.truth.incidents())
    };
    let alone = told(1);
    assert!(told(2) == alone && told(4) == alone);
}

/// Runs of the shop at rest in which nothing happens at five minutes but that components are at other phases.
fn null_faults(seeds: std::ops::RangeInclusive<u64>) -> (u64, [u64; 2], [u64; 2]) {
    let (mut effects, mut windows, mut requests) = (0, [0, 0], [0, 0]);
    for seed in seeds {
        let fault = r#""nothing": Set(at: "5min", set: {"web-api/pool.maximum": 10})"#;
        let mut loaded = shop(fault, "25min", "");
        loaded.blueprint.seed = seed;
        let concluded: Concluded = conclude_after(&loaded, 2, |fact| fact.redraw_phases(1_000 + seed));
        let incident = concluded.incident();
        effects += u64::from(incident.has_effect());
        let labelled: usize =
            concluded.rows.iter().map(|rows| rows.windows.iter().filter(|row| row.labelled).count()).sum();
        let compared = concluded.truth.metrics().list().len() as u64 * 80;
        windows[0] += labelled as u64;
        windows[1] += compared;
        let outside_requests: usize =
            concluded.rows.iter().map(|rows| rows.effects.iter().filter(|row| row.outside).count()).sum();
        requests[0] += outside_requests as u64;
        requests[1] += incident.harm.compared;
    }
    (effects, windows, requests)
}

#[test]
fn chance_alone_labels_nothing() {
    // A hundred of them, or as many as one likes, take a minute or two: KNOCKON_NULL_FAULTS=100.
    let seeds = std::env::var("KNOCKON_NULL_FAULTS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12);
    let (effects, windows, requests) = null_faults(1..=seeds);
    assert!(effects * 100 <= seeds, "{effects} of {seeds} have an effect");
    assert!(windows[0] * 100 < windows[1], "{windows:?}");
    // Even before any gate.
    assert!(requests[0] * 100 < requests[1], "{requests:?}");
}

/// How well scores tell the first from the second: the share of pairs in the right order (Mann and Whitney).
fn area_under_curve(hurt: &[f64], unhurt: &[f64]) -> f64 {
    let mut sorted = unhurt.to_vec();
    sorted.sort_by(f64::total_cmp);
    let below = |score: f64| {
        let (less, not_more) = (sorted.partition_point(|&x| x < score), sorted.partition_point(|&x| x <= score));
        (less + not_more) as f64 / 2.0
    };
    hurt.iter().map(|&score| below(score)).sum::<f64>() / (hurt.len() * unhurt.len()) as f64
}

#[test]
fn ids_do_not_tell_who_was_hurt() {
    let loaded = load("memory_leak", &Options::default());
    let concluded = conclude(&loaded, 2);
    let hurt: std::collections::BTreeSet<_> = concluded
        .rows
        .iter()
        .flat_map(|rows| &rows.effects)
        .filter(|row| row.hurt)
        .map(|row| row.pair.either().trace)
        .collect();
    // Of every minute and endpoint as many of both, in the order of their sending.
    let mut groups: std::collections::BTreeMap<(u64, u32), [Vec<u128>; 2]> = std::collections::BTreeMap::new();
    for request in support::run(&loaded).records.requests {
        let group = groups.entry((request.sent.as_nanos() / 60_000_000_000, request.operation.0)).or_default();
        group[usize::from(hurt.contains(&request.trace))].push(request.trace.0);
    }
    let (mut learn, mut try_on) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for mut group in groups.into_values() {
        let count = group[0].len().min(group[1].len());
        for (class, ids) in group.iter_mut().enumerate() {
            ids.truncate(count);
            for (n, id) in ids.iter().enumerate() {
                if n % 2 == 0 { learn[class].push(*id) } else { try_on[class].push(*id) }
            }
        }
    }
    assert!(try_on[1].len() > 500, "{} requests to try it on", try_on[1].len());
    // A linear classifier on the bits, by the difference of their means.
    let share = |ids: &[u128], bit: u32| ids.iter().filter(|&id| id >> bit & 1 == 1).count() as f64 / ids.len() as f64;
    let weights: Vec<f64> = (0..128).map(|bit| share(&learn[1], bit) - share(&learn[0], bit)).collect();
    let score = |&id: &u128| (0..128).filter(|bit| id >> bit & 1 == 1).map(|bit| weights[bit as usize]).sum::<f64>();
    let scores = |ids: &[u128]| ids.iter().map(score).collect::<Vec<f64>>();
    let by_bits = area_under_curve(&scores(&try_on[1]), &scores(&try_on[0]));
    let values = |ids: &[u128]| ids.iter().map(|&id| id as f64).collect::<Vec<f64>>();
    let by_size = area_under_curve(&values(&try_on[1]), &values(&try_on[0]));
    assert!((by_bits - 0.5).abs() < 0.05, "bits of ids tell: {by_bits}");
    assert!((by_size - 0.5).abs() < 0.05, "sizes of ids tell: {by_size}");
}

/// Two services in a row, a stranger, and their users.
fn row(faults: &str, duration: &str) -> Loaded {
    let text = format!(
        r#"(
            duration: "{duration}",
            scrape: "10s",
            services: {{
                "web": (workers: 50, places: 100, cores: Unlimited, endpoints: {{"GET /w": (steps: [Call(to: "api/GET /a", timeout: "5s")])}}),
                "api": (workers: 50, places: 100, endpoints: {{"GET /a": (steps: [Compute(Exponential(mean: "20ms"))])}}),
                "other": (workers: 50, places: 100, endpoints: {{"GET /b": (steps: [Compute(Exponential(mean: "20ms"))])}}),
            }},
            links: {{"web -> api": (latency: "1ms")}},
            load: {{
                "users": (target: "web", arrivals: Poisson("8/s"), mix: {{"GET /w": 1}}, timeout: "10s"),
                "others": (target: "other", arrivals: Poisson("8/s"), mix: {{"GET /b": 1}}, timeout: "10s"),
            }},
            faults: {{{faults}}},
        )"#
    );
    load_text(&text, &Options::default(), &|_| Err("there is none".to_owned()))
}

impl<const O: bool> Concluded<O> {
    /// Faults that led to something, and how many states nothing led to.
    fn roots(&self) -> (Vec<String>, usize) {
        let propagation = self.truth.propagations().remove(0);
        let mut roots: Vec<_> = propagation.roots().into_iter().map(str::to_owned).collect();
        roots.sort();
        (roots, propagation.unexplained().len())
    }
}

impl Concluded<true> {
    /// How one state led to another, and how much of that is due to it; a fault is named instead of a place.
    fn link(&self, from: (&str, Option<State>), to: (&str, State)) -> Option<Link> {
        let graph = self.truth.propagations().remove(0).graph;
        let find = |place: &str, state: Option<State>| {
            let is_it =
                |node: &Node| node.state == state && (node.place() == place || node.fault.as_deref() == Some(place));
            graph.node_indices().find(|&node| is_it(&graph[node]))
        };
        let edge = graph.find_edge(find(from.0, from.1)?, find(to.0, Some(to.1))?)?;
        Some(graph[edge])
    }

    fn onset(&self, place: &str, state: State) -> Option<Time> {
        let graph = self.truth.propagations().remove(0).graph;
        let mut nodes = graph.node_weights();
        nodes.find(|node| node.place() == place && node.state == Some(state)).map(|node| node.onset)
    }

    fn share(&self, from: (&str, Option<State>), to: (&str, State)) -> f64 {
        let link = self.link(from, to).unwrap_or_else(|| panic!("{from:?} leads to {to:?}"));
        link.share.unwrap_or_else(|| panic!("{link:?} has a share"))
    }
}

#[test]
fn what_leads_to_a_state_is_what_most_of_it_is_due_to() {
    let leak =
        r#""leak": Deploy(service: "web-api", at: "20min", set: {"web-api/POST /api/checkout.retain": "250KiB"})"#;
    let concluded = conclude_observed(&shop(leak, "1h", ""));
    let web = |state| ("web-api", Some(state));
    // Who holds connections stands still: the processor is no word for that.
    assert!(concluded.share(web(State::Pauses), ("web-api/pool", State::Held)) > 0.8);
    assert_eq!(
        concluded.onset("web-api", State::Processor),
        None,
        "threads at the processor stand still, nearly all of them"
    );
    // No longer way stands for what is due to much.
    for cause in [State::Pauses, State::Queue] {
        assert!(concluded.share(web(cause), ("web-api", State::Latency)) > 0.25, "{cause:?}");
    }
    // Its requests fail for want of a connection, and with it breaks what its callers have under way.
    assert!(concluded.share(("web-api/pool", Some(State::PoolTimeouts)), ("web-api", State::Errors)) > 0.9);
    assert_eq!(concluded.link(web(State::Death), ("web-api", State::Errors)), None);
    assert!(concluded.share(web(State::Death), ("clients", State::Errors)) > 0.3);
    // Some find no place in its queue, and some nobody who listens.
    let [full, gone] =
        [State::Queue, State::Death].map(|cause| concluded.share(web(cause), ("web-api", State::Refusals)));
    assert!(full > 0.05 && gone > 0.5 && (full + gone - 1.0).abs() < 1e-9, "{full} {gone}");
    // Fewer and dearer statements are no slower database.
    assert_eq!(concluded.onset("postgres", State::Latency), None);
    // What is counted one by one is timed to the instant: who gets no connection, who finds no place, who is cut off.
    let times = [("web-api/pool", State::PoolTimeouts), ("web-api", State::Refusals), ("web-api", State::Death)];
    let times = times.map(|(place, state)| concluded.onset(place, state).expect("it happens"));
    assert!(times.is_sorted() && times[0] > Time::ZERO + Duration::from_secs(39 * 60 + 15), "{times:?}");
    assert!(times[2] - times[0] < Duration::from_secs(15), "all within a window");
}

#[test]
fn a_fault_that_makes_work_longer_leads_to_what_takes_longer() {
    let concluded = conclude_observed(&load("pool_exhaustion", &Options::default()));
    assert!(concluded.share(("slow-search", None), ("postgres", State::Latency)) > 0.6);
    assert!(concluded.share(("postgres", Some(State::Latency)), ("web-api/pool", State::Held)) > 0.9);
    assert!(concluded.share(("postgres", Some(State::Latency)), ("web-api", State::Latency)) > 0.3);
    assert!(concluded.share(("web-api/pool", Some(State::PoolWait)), ("web-api", State::Latency)) > 0.3);
}

#[test]
fn who_waits_for_what_stands_still_is_led_back_to_that() {
    let pause = r#""pause": Pause(service: "api", at: "5min", until: "310s")"#;
    let concluded = conclude_observed(&row(pause, "20min"));
    assert_eq!(concluded.roots(), (vec!["pause".to_owned()], 0));
    assert!(concluded.share(("api", Some(State::Pauses)), ("api", State::Queue)) > 0.9);
    // Its latency is known only once it goes on, and calls have timed out by then.
    assert!(concluded.share(("api", Some(State::Pauses)), ("web", State::Errors)) > 0.9);
}

#[test]
fn what_most_is_due_to_may_join_in_later() {
    // Work gets longer at once; that it queues comes later, and is most of it in the end.
    let cores = r#""slow": Set(at: "5min", until: "8min", set: {"api.cores": "0.15 cpu"})"#;
    let concluded = conclude_observed(&row(cores, "20min"));
    let (slower, queue) = (concluded.onset("api", State::Latency), concluded.onset("api", State::Queue));
    assert!(slower < queue, "{slower:?} {queue:?}");
    assert!(concluded.share(("api", Some(State::Queue)), ("api", State::Latency)) > 0.3);
}

#[test]
fn a_cold_cache_is_asked_no_more_than_before_and_finds_less() {
    let flush = r#""flush": Kill(service: "redis", at: "5min")"#;
    let concluded = conclude_observed(&shop(flush, "15min", ""));
    assert!(concluded.link(("redis", Some(State::Death)), ("redis", State::Misses)).is_some());
    assert_eq!(concluded.link(("redis", Some(State::Load)), ("redis", State::Misses)), None);
    // The database is asked for more, not slower.
    assert_eq!(concluded.onset("postgres", State::Latency), None);
}

#[test]
fn what_no_mechanism_explains_is_the_faults_all_the_same() {
    let weak = r#""weak": Set(at: "10min", until: "607500ms", set: {"web-api/POST /api/checkout.timeout[1]": "1ms", "web-api/POST /api/checkout.retries[1]": 0})"#;
    let concluded = conclude_observed(&shop(weak, "25min", ""));
    // So few that only the clients' numbers show them.
    assert_eq!(concluded.roots(), (vec!["weak".to_owned()], 1));
    assert!(concluded.link(("weak", None), ("clients", State::Errors)).is_some());
}

#[test]
fn a_surge_is_the_root_of_what_it_does_and_its_own_clients_are_no_victims() {
    let rush = r#""rush": Surge(source: "rush", at: "5min", until: "8min", load: (target: "other", arrivals: Poisson("60/s"), mix: {"GET /b": 1}, timeout: "10s"))"#;
    let concluded = conclude_observed(&row(rush, "20min"));
    assert_eq!(concluded.roots(), (vec!["rush".to_owned()], 0));
    assert_eq!(concluded.part_of("rush"), Part::Trigger);
    assert_eq!(concluded.part_of("others"), Part::Victim);
    assert_eq!(concluded.part_of("api"), Part::Bystander);
    let harm = concluded.incident().harm;
    let effects = || concluded.rows.iter().flat_map(|rows| &rows.effects);
    let only_with = effects().filter(|row| row.pair.without.is_none());
    assert!(harm.added > 5_000 && harm.added_failed > 100, "{harm:?}");
    assert_eq!(only_with.clone().filter(|row| row.labelled).count() as u64, harm.added);
    assert_eq!(only_with.filter(|row| row.hurt).count(), 0, "who comes only with the fault fared no better without");
    assert_eq!(effects().filter(|row| row.hurt).count() as u64, harm.hurt);
}

#[test]
fn a_slow_link_is_the_root_of_what_it_does_and_its_caller_the_trigger() {
    let slow = r#""slow": Set(at: "5min", until: "8min", set: {"web -> api.latency": "200ms"})"#;
    let concluded = conclude_observed(&row(slow, "20min"));
    assert_eq!(concluded.roots(), (vec!["slow".to_owned()], 0));
    assert_eq!(concluded.part_of("web"), Part::Trigger);
    assert_eq!(concluded.part_of("users"), Part::Victim);
    assert_eq!(concluded.part_of("other"), Part::Bystander);
}

#[test]
fn a_fault_on_two_components_is_the_root_of_what_happens_in_both() {
    let slow = r#""slow": Set(at: "5min", until: "8min", set: {"api.cores": "0.05 cpu", "other.cores": "0.05 cpu"}),
        "nothing": Set(at: "5min", until: "8min", set: {"web.workers": 50})"#;
    let concluded = conclude_observed(&row(slow, "20min"));
    assert_eq!(concluded.roots(), (vec!["slow".to_owned()], 0));
    assert_eq!(concluded.roles(), [Role::NoEffect, Role::Cause]);
    for trigger in ["api", "other"] {
        assert_eq!(concluded.part_of(trigger), Part::Trigger);
    }
    assert_eq!(concluded.part_of("web"), Part::Victim);
    let (_, causes, _) = concluded.truth.difficulties().remove(0);
    assert_eq!(causes, ["api", "other"]);
}

#[test]
fn different_faults_that_fail_the_same_requests_are_redundant() {
    // The service stands still, or cannot be reached: either way nobody gets an answer in time.
    let both = r#""freeze": Pause(service: "api", at: "5min", until: "7min"),
        "cut": Set(at: "5min", until: "7min", set: {"web -> api.latency": "8s"})"#;
    let concluded = conclude(&row(both, "20min"), 2);
    assert_eq!(concluded.incident().interaction, Interaction::OverDetermined, "{:?}", concluded.incident().faults);
    assert_eq!(concluded.roles(), [Role::Redundant, Role::Redundant]);
}

#[test]
fn a_story_of_faults_at_different_times_is_told_by_one_contrast() {
    let both = r#""first": Pause(service: "api", at: "5min", until: "6min"), "second": Pause(service: "other", at: "487s", until: "9min")"#;
    let concluded = conclude_observed(&row(both, "20min"));
    let incident = concluded.incident();
    let of_it = || concluded.rows.iter().filter(|rows| rows.contrast == incident.contrast);
    let hurt = of_it().flat_map(|rows| &rows.effects).filter(|row| row.hurt).count();
    assert_eq!(hurt as u64, incident.harm.hurt);
    let first = of_it().flat_map(|rows| &rows.windows).map(|row| row.start).min();
    assert_eq!(first, Some(incident.from), "from the first fault on");
    let onset = |name: &str| incident.components.iter().find(|found| found.name == name).and_then(|found| found.onset);
    assert_eq!(onset("other"), Some(Time::ZERO + Duration::from_secs(487)), "nothing comes of a fault before it");
    let dot = concluded.truth.propagations().remove(0).to_dot();
    assert_eq!(concluded.roots(), (vec!["first".to_owned(), "second".to_owned()], 0), "{dot}");
}

#[test]
fn what_one_more_fault_than_can_be_told_apart_does_is_told_of_all_together() {
    let one = |n: u64| {
        format!(r#""f{n}": Set(at: "{}min", until: "{}min", set: {{"api.cores": "0.05 cpu"}})"#, 4 * n, 4 * n + 1)
    };
    let faults: Vec<_> = (1..=6).map(one).collect();
    let concluded = conclude_observed(&row(&faults.join(", "), "45min"));
    assert_eq!(concluded.roles()[3..], [Role::Cause, Role::NotContrasted, Role::NotContrasted]);
    let incident = concluded.incident();
    let sixth = Time::ZERO + Duration::from_secs(24 * 60);
    let of_it = concluded.rows.iter().filter(|rows| rows.contrast == incident.contrast);
    let hurt = of_it.flat_map(|rows| &rows.effects).filter(|row| row.hurt && row.pair.either().sent >= sixth);
    assert!(hurt.count() > 100);
    assert_eq!(concluded.roots().0.len(), 6);
}

#[test]
fn nobody_is_lost_who_has_not_come_to_a_request_yet() {
    let text = r#"(
        duration: "20min",
        scrape: "10s",
        services: {"api": (workers: 50, places: 100, endpoints: {"GET /a": (steps: [Compute("5ms")])})},
        links: {"users -> api": (latency: "1ms")},
        load: {"users": (target: "api", arrivals: Closed(users: 20, think: Exponential("100ms")), mix: {"GET /a": 1})},
        faults: {"slow": Set(at: "5min", set: {"users -> api.latency": "100ms"})},
    )"#;
    let concluded = conclude_observed(&load_text(text, &Options::default(), &|_| Err("there is none".to_owned())));
    let harm = concluded.incident().harm;
    assert!(harm.hurt > 10_000 && harm.hurt <= harm.compared, "{harm:?}");
    assert_eq!((harm.lost, harm.added), (0, 0));
    let spans = concluded.rows.iter().flat_map(|rows| &rows.labels.spans);
    assert_eq!(spans.filter(|mark| mark.difference_ns.is_none()).count(), 0, "they are in both worlds");
}

#[test]
fn errors_that_are_there_only_with_the_fault_label_their_series() {
    let stops = r#""stops": Kill(service: "postgres", at: "5min")"#;
    let concluded = conclude_observed(&shop(stops, "10min", ""));
    let metrics = concluded.truth.metrics().list();
    let marks = concluded.rows.iter().flat_map(|rows| &rows.labels.samples);
    let errors = marks.filter(|mark| metrics[mark.metric].name.contains("=\"500\""));
    let first = errors.map(|mark| mark.time).min();
    assert_eq!(first, Some(Time::ZERO + Duration::from_secs(315)), "from the first sample on");
}

#[test]
fn one_request_less_of_many_that_take_turns_and_keep_bytes_moves_no_component() {
    for seed in 1..=8 {
        let text = r#"(
            duration: "30min",
            scrape: "10s",
            services: {"api": (replicas: 2, runtime: Jvm(heap: (maximum: "256MiB")), endpoints: {"GET /a": (retain: "2KiB", churn: "64KiB", steps: [Compute(Exponential(mean: "20ms"))])})},
            load: {"users": (target: "api", arrivals: Poisson("8/s"), mix: {"GET /a": 1}, timeout: "10s")},
            faults: {"less": DropRequest(source: "users", number: 1000)},
        )"#;
        let options = Options { seed, ..Options::default() };
        let concluded = conclude(&load_text(text, &options, &|_| Err("there is none".to_owned())), 2);
        assert_eq!(concluded.part_of("api"), Part::Bystander, "seed {seed}");
        let harm = concluded.incident().harm;
        assert_eq!((harm.hurt, harm.lost), (1, 1), "the one that is never sent, seed {seed}");
    }
}

/// By component: whether any row of it is labelled in the contrast that its incident is told by, in whatever table, and whether any is hurt.
fn rows_of_components(concluded: &Concluded<true>) -> BTreeMap<String, (bool, bool)> {
    let components = concluded.truth.components();
    let mut found: BTreeMap<String, (bool, bool)> =
        components.names.iter().map(|name| (name.clone(), (false, false))).collect();
    let contrast = concluded.incident().contrast;
    for rows in concluded.rows.iter().filter(|rows| rows.contrast == contrast) {
        let of_metric = |metric| Some(components.of_metric(metric));
        let windows = rows.windows.iter().filter(|row| row.labelled).map(|row| (of_metric(row.metric), row.hurt));
        let requests = rows.effects.iter().filter(|row| row.labelled);
        let requests = requests.map(|row| (components.of_process(row.pair.either().client), row.hurt));
        let spans = rows.labels.spans.iter().map(|mark| (components.of_process(mark.process), mark.hurt));
        let lines = rows.labels.logs.iter().map(|mark| (components.of_process(mark.process), false));
        let samples = rows.labels.samples.iter().map(|mark| (of_metric(mark.metric), mark.hurt));
        for (component, hurt) in windows.chain(requests).chain(spans).chain(lines).chain(samples) {
            let (labelled, any_hurt) =
                found.get_mut(&components.names[component.expect("somebody's")]).expect("a component");
            *labelled = true;
            *any_hurt |= hurt;
        }
    }
    found
}

#[test]
fn a_component_is_to_an_incident_what_its_rows_say() {
    let kills = r#""down": Kill(service: "redis", at: "5min")"#;
    let flush = r#""cold": Flush(cache: "redis", at: "5min")"#;
    for loaded in [
        load("memory_leak", &Options::default()),
        load("pool_exhaustion", &Options::default()),
        shop(kills, "15min", ""),
        shop(flush, "15min", ""),
    ] {
        let concluded = conclude_observed(&loaded);
        let rows = rows_of_components(&concluded);
        let incident = concluded.incident();
        assert!(rows.values().any(|&(labelled, _)| labelled), "{incident:?}");
        if loaded.blueprint.faults[0].name == "leak" {
            // It is asked less often, and for other keys. Of all its numbers in all windows some are worse by chance.
            assert_eq!(rows["redis"], (true, false), "{incident:?}");
        }
        for found in &incident.components {
            let told = match rows[&found.name] {
                _ if found.part == Part::Trigger => Part::Trigger,
                (false, _) => Part::Bystander,
                (true, false) => Part::Affected,
                (true, true) => Part::Victim,
            };
            assert_eq!(found.part, told, "{}", found.name);
        }
    }
}

#[test]
fn spans_that_come_and_go_by_chance_are_not_labelled_for_being_there() {
    // What a cache does not know is a matter of who asked shortly before: one read in five misses in one of two worlds only.
    let loaded = load("pool_exhaustion", &Options::default());
    let concluded = conclude_observed(&loaded);
    let spans = || concluded.rows.iter().flat_map(|rows| &rows.labels.spans);
    assert!(spans().filter(|mark| mark.difference_ns.is_some()).count() > 4_000);
    assert_eq!(spans().filter(|mark| mark.difference_ns.is_none()).count(), 0, "nothing is sent again here");
}

#[test]
fn full_collections_of_a_leak_are_labelled_and_healthy_ones_after_a_restart_are_not() {
    let loaded = load("memory_leak", &Options::default());
    let mut records = Records::default();
    let mut world = World::new(loaded.blueprint.clone());
    world.run_until(Time::ZERO + loaded.blueprint.duration, &mut records).expect("no limit is hit");
    let concluded = conclude_observed(&loaded);
    let marks = concluded.rows.iter().flat_map(|rows| &rows.labels.logs);
    let labelled: BTreeSet<u128> = marks.map(|mark| mark.uid).collect();
    let is_of = |line: &&LogRecord, wanted| matches!(line.event, LogEvent::Collection { kind, .. } if kind == wanted);
    let of = |kind| records.logs.iter().filter(move |line| is_of(line, kind)).map(|line| line.uid);
    let count = |kind| (of(kind).count(), of(kind).filter(|uid| labelled.contains(uid)).count());
    let (full, full_labelled) = count(CollectionKind::Full);
    assert!(full > 900 && full_labelled == full, "the healthy service has none: {full_labelled} of {full}");
    let (young, young_labelled) = count(CollectionKind::Young);
    assert!(young > 600 && young_labelled * 20 < young, "{young_labelled} of {young}");
}

#[test]
fn counters_of_a_window_are_what_was_counted_in_it_from_the_first_one_on() {
    // The fault acts at an instant at which everything is scraped: that sample is the last one before.
    let loaded = load("pool_exhaustion", &Options::default());
    let run = support::run(&loaded);
    let concluded = conclude_observed(&loaded);
    let metrics = concluded.truth.metrics().list();
    let processor = run.metric("web-api", "container_cpu_usage_seconds_total");
    let at = |time: Time| processor.iter().find(|(other, _)| *other == time).map(|(_, value)| *value).unwrap();
    let (mut seen, mut first) = (0, 0);
    for row in concluded.rows.iter().flat_map(|rows| &rows.windows) {
        let metric = &metrics[row.metric];
        if metric.component == "web-api" && metric.name.starts_with("container_cpu_usage_seconds_total{") {
            assert!((row.with - (at(row.end) - at(row.start))).abs() < 1e-9, "{row:?}");
            seen += 1;
            first += usize::from(row.start == support::minutes(20));
        }
    }
    assert!(seen > 30 && first == 1, "{seen} windows, {first} of them the first");
}
