//! Changes to a scenario that must not matter, or must matter in a known way: over arbitrary worlds and the shipped ones.

use knockon_arbitrary::change::{Tree, frozen, scaled, shuffled};
use knockon_arbitrary::{Records, bytes, load, scenario};
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::{
    Action, Arrivals, Blueprint, Cores, CpuDiscipline, LinkEnd, Patch, Runtime, Service, Source,
};
use knockon_model::id::{LinkId, ServiceId};
use knockon_model::record::{Catalogue, LogRecord};
use knockon_model::{Null, Sink, Tee, World};
use knockon_scenario::{Loaded, Options, Scenario};
use knockon_telemetry::{self as telemetry, Closing, Manifest, Meta, RunWriter};
use std::path::PathBuf;

const LENGTH: usize = 2_500;
const WORLDS: u64 = 120;
/// Events of an arbitrary world.
const EVENTS: u64 = 3_000;
/// Simulated time of one in which little happens: all that is sampled must be kept.
const LONGEST: Time = Time::from_nanos(60_000_000_000);
/// Simulated time of a shipped scenario: long enough for its incident to begin.
const SHIPPED: Duration = Duration::from_secs(25 * 60);

/// A scenario and how long it is run for.
struct Case {
    name: String,
    loaded: Loaded,
    end: Time,
}

impl Case {
    fn of(name: String, loaded: Loaded) -> Self {
        let mut world = World::new(loaded.blueprint.clone());
        let until = Time::ZERO + loaded.blueprint.duration;
        for _ in 0..EVENTS {
            if !matches!(world.step(until, &mut Null), Ok(Some(_))) {
                break;
            }
        }
        Self { name, loaded, end: world.time().min(LONGEST) }
    }

    fn text(&self) -> &str {
        &self.loaded.resolved_text
    }

    fn blueprint(&self) -> &Blueprint {
        &self.loaded.blueprint
    }

    /// A run of the same length; `None` where a limit ended it.
    fn run(&self, blueprint: &Blueprint) -> Option<Told> {
        Told::of(blueprint, self.end)
    }
}

fn arbitrary() -> impl Iterator<Item = Case> {
    (0..WORLDS).map(|seed| {
        let loaded = load(&scenario(&bytes(seed, LENGTH))).expect("every world loads");
        Case::of(format!("world {seed}"), loaded)
    })
}

fn shipped() -> impl Iterator<Item = Case> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    ["healthy", "memory_leak", "memory_leak_cpython", "pool_exhaustion", "liveness_kill_loop"].into_iter().map(
        move |name| {
            let loaded = Scenario::load(&folder.join(name).with_extension("ron"), &Options::default());
            let loaded = loaded.unwrap_or_else(|errors| panic!("{errors}"));
            Case { name: name.to_owned(), loaded, end: Time::ZERO + SHIPPED }
        },
    )
}

/// What a run told.
struct Told {
    records: Records,
    catalogue: Catalogue,
    /// Names of links, by number.
    links: Vec<String>,
    statistics: Vec<String>,
    digest: u128,
    events: u64,
}

impl Told {
    fn of(blueprint: &Blueprint, end: Time) -> Option<Self> {
        let mut world = World::new(blueprint.clone());
        let mut records = Records::default();
        world.run_until(end, &mut records).ok()?;
        Some(Self {
            records,
            catalogue: world.catalogue().clone(),
            links: (0..blueprint.links.len() as u32).map(|link| blueprint.link_name(LinkId(link))).collect(),
            statistics: format!("{:#?}", world.statistics()).lines().map(str::to_owned).collect(),
            digest: world.digest(),
            events: world.events(),
        })
    }

    /// Everything but what the change log shows, one line each, with names for numbers, of components that are not `left_out`.
    fn lines(&self, before: Time, left_out: &str) -> Vec<String> {
        let process = |id: u32| self.catalogue.processes[id as usize].instance.as_str();
        let ours = |id: u32| !process(id).starts_with(left_out);
        let (spans, ledgers) = (&self.records.spans, &self.records.ledgers);
        let spans = spans.iter().zip(ledgers).filter(|(span, _)| span.end < before && ours(span.process.0));
        let spans = spans.map(|(span, ledger)| {
            let operation = &self.catalogue.operations[span.operation.index()].operation;
            let peer = span.peer.map_or("", |peer| process(peer.0));
            let what = (span.trace, span.span, span.parent, span.start, span.end, span.error, span.http_status);
            format!("span {} {peer} {operation:?} {what:?} {:?}", process(span.process.0), ledger.parts)
        });
        let logs = self.records.logs.iter().filter(|log| log.time < before && ours(log.process.0));
        let logs = logs.map(|log| self.log(log));
        let samples = self.records.samples.iter().filter(|sample| sample.time < before);
        let samples = samples.map(|sample| (sample, &self.catalogue.series[sample.series.index()]));
        let samples = samples.filter(|(_, series)| !series.service.starts_with(left_out));
        let samples = samples.map(|(sample, series)| format!("sample {series:?} {} {}", sample.time, sample.value));
        let states = self.records.states.iter().filter(|state| state.time < before && ours(state.process.0));
        let states = states.map(|state| {
            let what = self.named(&format!("{:?}", state.transition));
            format!("state {} {} {what}", state.time, process(state.process.0))
        });
        spans.chain(logs).chain(samples).chain(states).collect()
    }

    /// A transition with its link's name in the place of its number, which counts names.
    fn named(&self, transition: &str) -> String {
        let Some((front, (number, rest))) =
            transition.split_once("LinkId(").and_then(|(front, rest)| Some((front, rest.split_once(')')?)))
        else {
            return transition.to_owned();
        };
        let number: usize = number.parse().expect("a link has a number");
        format!("{front}{:?}{rest}", self.links[number])
    }

    /// A line without the number of the other side's service, which counts names.
    fn log(&self, log: &LogRecord) -> String {
        let event = format!("{:?}", log.event);
        let event = [" peer: ", " client: "]
            .iter()
            .fold(event.as_str(), |event, what| event.split(what).next().unwrap_or(event));
        format!(
            "log {} {} {} {:?} {event}",
            log.time,
            self.catalogue.processes[log.process.index()].instance,
            log.uid,
            log.context
        )
    }
}

/// Fails with the first line that differs.
fn assert_same(case: &Case, what: &str, one: &[String], other: &[String]) {
    let first = one.iter().zip(other).position(|(a, b)| a != b);
    if let Some(n) = first {
        let before = &one[n.saturating_sub(3)..n];
        panic!("{}: {what}: record {n}, after {before:?}\n{}\n{}\n{}", case.name, one[n], other[n], case.text());
    }
    assert_eq!(one.len(), other.len(), "{}: {what}\n{}", case.name, case.text());
}

#[test]
fn the_order_of_declarations_means_nothing() {
    for (case, seed) in arbitrary().chain(shipped()).zip(1..) {
        let text = shuffled(case.text(), seed);
        let loaded = load(&text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        assert_eq!(format!("{:?}", loaded.blueprint), format!("{:?}", case.blueprint()), "{}", case.name);
        assert!(case.text().lines().count() < 10 || text != Tree::parse(case.text()).print(), "nothing was moved");
    }
}

#[test]
fn what_is_set_to_what_it_is_changes_nothing() {
    let mut tried = 0;
    for case in arbitrary() {
        let Some(changed) = with_nothing_set(&case) else { continue };
        let loaded = load(&changed).unwrap_or_else(|errors| panic!("{errors}\n{changed}"));
        let names: Vec<String> = set_faults(&case).map(|(name, _)| name).collect();
        let none = load_without(case.text(), &names);
        let (Some(same), Some(none)) = (case.run(&loaded.blueprint), case.run(&none.blueprint)) else { continue };
        assert_same(&case, "what was set already was set", &same.lines(case.end, "-"), &none.lines(case.end, "-"));
        assert_same(&case, "what was set already was set", &same.statistics, &none.statistics);
        tried += 1;
    }
    assert!(tried * 5 > WORLDS, "{tried} worlds were tried");
}

/// The faults that set parameters: names and paths with what was there before.
fn set_faults(case: &Case) -> impl Iterator<Item = (String, Vec<(String, String)>)> + '_ {
    let faults = case.blueprint().faults.iter().filter(|fault| fault.kind == "set");
    faults.map(|fault| {
        let settings = fault.settings.iter().map(|(path, from, _)| (path.clone(), from.clone()));
        (fault.name.clone(), settings.collect())
    })
}

/// The scenario with every value that a `Set` sets replaced by what it is anyway; `None` where there is none.
fn with_nothing_set(case: &Case) -> Option<String> {
    let mut tree = Tree::parse(case.text());
    let mut any = false;
    for (name, settings) in set_faults(case) {
        let set = tree.get_mut("faults")?.get_mut(&name)?.get_mut("set")?;
        // A parameter that has no value can be given one, and not be left without one again.
        set.parts_mut().retain(|(path, _)| {
            let path = path.as_deref().unwrap_or_default().trim_matches('"');
            let from = settings.iter().find(|(known, _)| known == path).map_or("None", |(_, from)| from);
            from != "None" || path.ends_with("limit") || path.ends_with("maxmemory")
        });
        for (path, value) in set.parts_mut() {
            let path = path.as_deref().unwrap_or_default().trim_matches('"');
            let (_, from) = settings.iter().find(|(known, _)| known == path)?;
            *value = Tree::parse(from);
            any = true;
        }
    }
    any.then(|| tree.print())
}

fn load_without(text: &str, without: &[String]) -> Loaded {
    let options = Options { without: without.to_vec(), ..Options::default() };
    let loaded = Scenario::from_text("without", text, &options, &|_| Err("none".into()));
    loaded.unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn a_pause_of_no_time_and_a_surge_of_no_requests_change_nothing() {
    for case in arbitrary().chain(shipped().take(2)) {
        let Some(plain) = case.run(case.blueprint()) else { continue };
        let plain_lines = plain.lines(case.end, "zz");
        let moment = Time::from_nanos(case.end.as_nanos() / 2);
        let mut paused = case.blueprint().clone();
        for (service, described) in (0..).zip(&case.blueprint().services) {
            // A shared processor rounds the service of its jobs down whenever it stops or goes on, by less than 2⁻¹⁰ ns each.
            if described.cores == Cores::Unlimited || is_whole(described) {
                let action = Action::Pause { service: ServiceId(service) };
                paused.patches.push(Patch { fault: None, at: moment, until: Some(moment), action });
            }
        }
        let paused = case.run(&paused).expect("no limit was hit before");
        // That processes stopped and went on at once is a state that is told.
        let but_pauses = |lines: Vec<String>| -> Vec<String> {
            lines.into_iter().filter(|line| !line.contains("Paused {")).collect()
        };
        assert_same(&case, "no pause", &but_pauses(plain_lines.clone()), &but_pauses(paused.lines(case.end, "zz")));
        assert_same(&case, "no pause", &plain.statistics, &paused.statistics);

        let mut surge = case.blueprint().clone();
        surge.sources.push(nobody(&surge));
        let link = surge.links.iter().find(|link| link.to == surge.sources[0].target).expect("a source has a link");
        let from =
            knockon_model::blueprint::LinkEnd::Source(knockon_model::id::SourceId(surge.sources.len() as u32 - 1));
        surge.links.push(knockon_model::blueprint::Link { from, ..*link });
        let surge = case.run(&surge).expect("no limit was hit before");
        assert_same(&case, "no surge", &plain_lines, &surge.lines(case.end, "zz"));
    }
}

/// Whether each job runs at full speed.
fn is_whole(service: &Service) -> bool {
    let whole = matches!(service.cores, Cores::Milli(milli) if milli % 1000 == 0);
    let collects = matches!(service.runtime, Runtime::Jvm(_) | Runtime::CPython(_));
    whole && !collects && service.discipline == CpuDiscipline::FirstCome
}

/// A source of no requests.
fn nobody(blueprint: &Blueprint) -> Source {
    let mut source = blueprint.sources[0].clone();
    source.name = "zz-nobody".into();
    source.draw_name = "zz-nobody".into();
    source.arrivals = Arrivals::Replay { at: Vec::new() };
    source.rows = None;
    source
}

#[test]
fn before_a_fault_a_world_is_as_it_would_be_without() {
    let mut tried = 0;
    for case in arbitrary().chain(shipped()) {
        for fault in case.blueprint().faults.clone() {
            // A surge is one more source, whose own name is none of the world without.
            let loaded = load_without(case.text(), std::slice::from_ref(&fault.name));
            let (Some(with), Some(without)) = (case.run(case.blueprint()), case.run(&loaded.blueprint)) else {
                continue;
            };
            let lines = with.lines(fault.at, "surge");
            tried += usize::from(lines.len() > 20);
            assert_same(&case, &fault.name, &lines, &without.lines(fault.at, "surge"));
        }
    }
    assert!(tried > 60, "{tried} faults came after something had happened");
}

#[test]
fn a_service_that_nothing_else_knows_changes_nothing_else() {
    let mut more = 0;
    for name in ["aa", "zz"] {
        for case in arbitrary().chain(shipped().take(2)) {
            let mut tree = Tree::parse(case.text());
            let service =
                "(endpoints: {\"GET /\": (steps: [Compute(Exponential(\"3ms\")), Sleep(\"1ms\")])}, workers: 2)";
            let source =
                format!("(target: \"{name}-alone\", arrivals: Poisson(\"40/s\"), mix: {{\"GET /\": 1}}, retries: 2)");
            for (section, entry, value) in [("services", "alone", service), ("load", "crowd", &source)] {
                let entries = tree.get_mut(section).expect("every scenario has services and load").parts_mut();
                entries.push((Some(format!("\"{name}-{entry}\"")), Tree::parse(value)));
            }
            let loaded = load(&tree.print()).unwrap_or_else(|errors| panic!("{errors}\n{}", tree.print()));
            let (Some(alone), Some(plain)) = (case.run(&loaded.blueprint), case.run(case.blueprint())) else {
                continue;
            };
            assert!(!alone.records.is_full(), "what is sorted must be all");
            more += alone.events - plain.events;
            // Numbers of processes decide what of one instant is told first, so lines are compared in an order of their own.
            let sorted = |lines: Vec<String>| {
                let mut lines: Vec<String> = lines.into_iter().map(|line| without_uid(&line)).collect();
                lines.sort_unstable();
                lines
            };
            let (alone, plain) = (sorted(alone.lines(case.end, name)), sorted(plain.lines(case.end, name)));
            assert_same(&case, name, &alone, &plain);
        }
    }
    assert!(more > 10_000, "{more} events of what was added");
}

/// A line of a log without the hash of its address: that counts operations over all programs, those of other services included.
fn without_uid(line: &str) -> String {
    match line.strip_prefix("log ") {
        Some(rest) => rest.splitn(5, ' ').enumerate().filter(|(n, _)| *n != 3).map(|(_, word)| word).collect(),
        None => line.to_owned(),
    }
}

/// The scenario with every link in it: those that nothing is said about have a latency too.
fn with_links(loaded: &Loaded) -> String {
    let (blueprint, mut tree) = (&loaded.blueprint, Tree::parse(&loaded.resolved_text));
    let links = blueprint.links.iter().map(|link| {
        let from = match link.from {
            LinkEnd::Source(source) => &blueprint.sources[source.index()].name,
            LinkEnd::Service(service) => &blueprint.services[service.index()].name,
        };
        format!("{from} -> {}", blueprint.services[link.to.index()].name)
    });
    let described = tree.get("links").cloned().unwrap_or_else(|| Tree::parse("{}"));
    let missing = links.filter(|link| described.get(link).is_none());
    let missing = missing.map(|link| (Some(format!("\"{link}\"")), Tree::parse("(latency: \"250us\")")));
    let mut all = described.clone();
    all.parts_mut().extend(missing.collect::<Vec<_>>());
    tree.parts_mut().retain(|(name, _)| name.as_deref() != Some("links"));
    tree.parts_mut().push((Some("links".into()), all));
    tree.print()
}

/// How often a world is made longer.
const TIMES: u64 = 8;

/// Machines that must be among the worlds that were made longer.
const SCALED: [&str; 33] = [
    "liveness:",
    "TokenBucket",
    "Aimd",
    "Vegas",
    "Gradient2",
    "Resilience4j",
    "Hystrix",
    "Grpc",
    "Finagle",
    "Envoy",
    "bulkhead:",
    "throttle:",
    "outlier:",
    "PeakEwma",
    "LeastRequest",
    "ConsistentHash",
    "RoundRobin",
    "Lifo",
    "by_class: true",
    "maximum_age:",
    "Closed",
    "Renewal",
    "batch:",
    "Periodic",
    "WhenIdle",
    "Parallel",
    "Repeat",
    "ReadThrough",
    "coalesce: true",
    "QueuePool",
    "Row(",
    "Kubernetes",
    "Restart(",
];

#[test]
fn with_all_times_so_many_times_as_long_everything_is() {
    let (mut tried, mut spans) = (0, 0);
    let mut seen = [0; SCALED.len()];
    for seed in 0..16 * WORLDS {
        let text = with_links(&load(&scenario(&bytes(seed, LENGTH))).expect("every world loads"));
        let Some(text) = frozen(&text) else { continue };
        let case = Case::of(format!("world {seed}"), load(&text).unwrap_or_else(|errors| panic!("{errors}\n{text}")));
        let slow = load(&scaled(case.text(), TIMES)).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        let end = Time::from_nanos(case.end.as_nanos() * TIMES);
        let (Some(fast), Some(slow)) = (case.run(case.blueprint()), Told::of(&slow.blueprint, end)) else { continue };
        let ledgers = fast.records.ledgers.iter().zip(&slow.records.ledgers);
        for ((one, other), (ledger, longer)) in fast.records.spans.iter().zip(&slow.records.spans).zip(ledgers) {
            let times = |time: Time| Time::from_nanos(time.as_nanos() * TIMES);
            assert_eq!(
                (one.trace, one.span, one.parent, one.error),
                (other.trace, other.span, other.parent, other.error),
                "{}: {one:?} {other:?}\n{text}",
                case.name
            );
            assert_eq!((times(one.start), times(one.end)), (other.start, other.end), "{}: {one:?}\n{text}", case.name);
            assert_eq!(ledger.parts.map(|part| part * TIMES), longer.parts, "{}: {one:?}", case.name);
        }
        let requests = fast.records.requests.iter().zip(&slow.records.requests);
        for (one, other) in requests {
            assert_eq!(
                (one.sent.as_nanos() * TIMES, one.ended.as_nanos() * TIMES),
                (other.sent.as_nanos(), other.ended.as_nanos())
            );
            assert_eq!((one.attempts, one.status, one.error), (other.attempts, other.status, other.error));
        }
        assert_eq!(fast.events, slow.events, "{}\n{text}", case.name);
        assert_eq!(fast.records.spans.len(), slow.records.spans.len(), "{}", case.name);
        tried += 1;
        spans += fast.records.spans.len();
        let counts = !fast.records.spans.is_empty();
        seen.iter_mut().zip(SCALED).for_each(|(seen, word)| *seen += u32::from(counts && text.contains(word)));
    }
    assert!(seen.iter().all(|&seen| seen > 0), "{:?}", SCALED.iter().zip(seen).collect::<Vec<_>>());
    assert!(tried > 40 && spans > 5_000, "{tried} worlds and {spans} spans were tried");
}

#[test]
fn cut_stored_and_gone_on_with_a_shipped_scenario_is_as_run_straight() {
    for case in shipped() {
        let straight = case.run(case.blueprint()).expect("no limit is hit");
        let mut records = Records::default();
        let mut world = World::new(case.blueprint().clone());
        for minutes in [7, 21] {
            world.run_until(Time::ZERO + Duration::from_secs(60 * minutes), &mut records).expect("no limit is hit");
            let text = serde_json::to_string(&world).expect("a world can be written down");
            world = serde_json::from_str(&text).expect("and read again");
        }
        world.run_until(case.end, &mut records).expect("no limit is hit");
        assert_eq!((straight.digest, straight.events), (world.digest(), world.events()), "{}", case.name);
        assert!(straight.records == records, "{}", case.name);
    }
}

/// A sink that wants less.
#[derive(Default)]
struct Spans(usize);

impl Sink for Spans {
    const OBSERVES: bool = true;
    const LEDGER: bool = false;
    const REQUESTS: bool = false;
    const PARTS: bool = false;
    fn span(&mut self, _: knockon_model::record::SpanRecord) {
        self.0 += 1;
    }
    fn log(&mut self, _: LogRecord) {}
    fn sample(&mut self, _: knockon_model::record::SampleRecord) {}
    fn change(&mut self, _: knockon_model::record::ChangeRecord) {}
    fn ledger(&mut self, _: knockon_model::record::LedgerRecord) {}
    fn request(&mut self, _: knockon_model::record::RequestRecord) {}
    fn state(&mut self, _: knockon_model::record::StateRecord) {}
    fn watermark(&mut self, _: Time) {}
}

#[test]
fn who_looks_on_changes_nothing() {
    fn digest<S: Sink>(case: &Case, sink: &mut S) -> Option<u128> {
        let mut world = World::new(case.blueprint().clone());
        world.run_until(case.end, sink).ok()?;
        Some(world.digest())
    }
    for case in arbitrary().chain(shipped()) {
        let nobody = digest(&case, &mut Null);
        assert_eq!(nobody, digest(&case, &mut Spans::default()), "{}", case.name);
        assert_eq!(nobody, digest(&case, &mut Tee(Records::default(), Spans::default())), "{}", case.name);
        let mut often = case.blueprint().clone();
        often.scrape_interval = Duration::from_nanos(often.scrape_interval.as_nanos() * 3 / 2 + 1);
        let often = Case { loaded: Loaded { blueprint: often, ..case.loaded }, ..case };
        assert_eq!(nobody, digest(&often, &mut Records::default()), "{}", often.name);
    }
}

/// A run that is written down as tables by so many threads; nothing where a limit ended it.
fn written(case: &Case, threads: usize) -> Option<(u128, Manifest)> {
    let folder = tempfile::tempdir().expect("a folder for a run");
    let mut world = World::new(case.blueprint().clone());
    let options = telemetry::Options { threads, ..Default::default() };
    let out = folder.path().join("run");
    let writer = RunWriter::create(&out, Meta::default(), world.catalogue(), case.blueprint(), options);
    let writer = writer.expect("a run can be staged");
    let mut recorder = writer.recorder().expect("its tables can be opened");
    world.run_until(case.end, &mut recorder).ok()?;
    let manifest = writer.finish(Some(recorder), None, Closing::default()).expect("a run can be written");
    Some((world.digest(), manifest))
}

#[test]
fn writing_everything_down_changes_nothing_whoever_writes() {
    let mut rows = 0;
    for case in arbitrary().take(24) {
        let Some(plain) = case.run(case.blueprint()) else { continue };
        let (alone, together) = (written(&case, 1), written(&case, 2));
        assert_eq!(alone, together, "{}", case.name);
        let (digest, manifest) = alone.expect("no limit was hit before");
        assert_eq!(digest, plain.digest, "{}", case.name);
        rows += manifest.tables.values().map(|table| table.rows).sum::<u64>();
    }
    assert!(rows > 5_000, "{rows} rows were written");
}

#[test]
fn worlds_side_by_side_are_as_one_after_the_other() {
    let cases: Vec<Case> = arbitrary().take(24).collect();
    let digest = |case: &Case| {
        let mut world = World::new(case.blueprint().clone());
        let ended = world.run_until(case.end, &mut Null);
        (world.digest(), ended.is_ok())
    };
    let alone: Vec<_> = cases.iter().map(digest).collect();
    for threads in [2, 5] {
        let together: Vec<_> = std::thread::scope(|scope| {
            let parts: Vec<_> = cases.chunks(cases.len().div_ceil(threads)).collect();
            let running: Vec<_> = parts
                .into_iter()
                .map(|part| scope.spawn(move || part.iter().map(digest).collect::<Vec<_>>()))
                .collect();
            running.into_iter().flat_map(|thread| thread.join().expect("no world panics")).collect()
        });
        assert_eq!(alone, together, "{threads} threads");
    }
}
