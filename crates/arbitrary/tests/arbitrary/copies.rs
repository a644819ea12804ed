//! Copies of worlds in which something is taken out or drawn anew: over arbitrary worlds and the shipped ones.

use knockon_arbitrary::{Records, bytes, load, scenario};
use knockon_kernel::{Duration, Time};
use knockon_lab::conservation;
use knockon_model::blueprint::{Blueprint, Contrast, Dropped, Fault};
use knockon_model::id::{FaultId, SourceId};
use knockon_model::record::Part;
use knockon_model::{Null, World};
use knockon_scenario::{Loaded, Options, Scenario};
use std::collections::BTreeMap;
use std::path::PathBuf;

const LENGTH: usize = 2_500;
const WORLDS: u64 = 280;
/// Events of an arbitrary world.
const EVENTS: u64 = 3_000;
/// Simulated time of one in which little happens.
const LONGEST: Time = Time::from_nanos(60_000_000_000);

struct Case {
    name: String,
    loaded: Loaded,
    end: Time,
}

impl Case {
    fn blueprint(&self) -> &Blueprint {
        &self.loaded.blueprint
    }

    fn without(&self, fault: &Fault) -> Loaded {
        let options = Options { without: vec![fault.name.clone()], ..Options::default() };
        let loaded = Scenario::from_text("without", &self.loaded.resolved_text, &options, &|_| Err("none".into()));
        loaded.unwrap_or_else(|errors| panic!("{errors}"))
    }
}

fn arbitrary() -> impl Iterator<Item = Case> {
    (0..WORLDS).map(|seed| {
        let loaded = load(&scenario(&bytes(seed, LENGTH))).expect("every world loads");
        let mut world = World::new(loaded.blueprint.clone());
        let until = Time::ZERO + loaded.blueprint.duration;
        for _ in 0..EVENTS {
            if !matches!(world.step(until, &mut Null), Ok(Some(_))) {
                break;
            }
        }
        Case { name: format!("world {seed}"), loaded, end: world.time().min(LONGEST) }
    })
}

fn shipped() -> impl Iterator<Item = Case> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    ["healthy", "memory_leak", "memory_leak_cpython", "pool_exhaustion", "liveness_kill_loop"].into_iter().map(
        move |name| {
            let loaded = Scenario::load(&folder.join(name).with_extension("ron"), &Options::default());
            let loaded = loaded.unwrap_or_else(|errors| panic!("{errors}"));
            Case { name: name.to_owned(), loaded, end: Time::ZERO + Duration::from_secs(25 * 60) }
        },
    )
}

/// What replays measured work: its first minute and a half.
fn replayed() -> impl Iterator<Item = Case> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/fidelity");
    let files =
        std::fs::read_dir(folder).expect("there is a folder").map(|entry| entry.expect("it can be read").path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "ron")).collect();
    files.sort_unstable();
    files.into_iter().map(|path| {
        let loaded = Scenario::load(&path, &Options::default()).unwrap_or_else(|errors| panic!("{errors}"));
        Case { name: path.display().to_string(), loaded, end: Time::ZERO + Duration::from_secs(90) }
    })
}

/// What a world tells from an instant on, one line each, in an order of its own: numbers of components are not those of the other
/// world, and decide what of one instant is told first. Nothing of `left_out`, which only one of them has.
fn told(world: &World, records: &Records, left_out: Option<&str>) -> Vec<String> {
    let catalogue = world.catalogue();
    let process = |id: u32| catalogue.processes[id as usize].instance.as_str();
    let links: Vec<String> = (0..world.blueprint().links.len() as u32)
        .map(|link| world.blueprint().link_name(knockon_model::id::LinkId(link)))
        .collect();
    let ours = |id: u32| Some(process(id)) != left_out;
    let spans = records.spans.iter().zip(&records.ledgers).map(|(span, ledger)| {
        let operation = &catalogue.operations[span.operation.index()].operation;
        let peer = span.peer.map_or("", |peer| process(peer.0));
        let what = (span.trace, span.span, span.parent, span.start, span.end, span.error, span.http_status);
        format!("span {} {peer} {operation:?} {what:?} {:?}", process(span.process.0), ledger.parts)
    });
    let logs = records.logs.iter().map(|log| {
        let event = format!("{:?}", log.event);
        let event = event.split(" peer: ").next().unwrap_or_default().to_owned();
        format!("log {} {} {} {:?} {event}", log.time, process(log.process.0), log.uid, log.context)
    });
    let samples = records.samples.iter().map(|sample| (sample, &catalogue.series[sample.series.index()]));
    let samples = samples.filter(|(_, series)| Some(series.service.as_str()) != left_out);
    let samples = samples.map(|(sample, series)| format!("sample {series:?} {} {}", sample.time, sample.value));
    let requests = records.requests.iter().filter(|request| ours(request.client.0)).map(|request| {
        let what = (request.number, request.trace, request.sent, request.ended, request.attempts);
        format!(
            "request {} {what:?} {} {:?} {:?}",
            process(request.client.0),
            request.status,
            request.error,
            request.parts
        )
    });
    let changes = records.changes.iter().map(|change| {
        let service = &world.blueprint().services[change.service.index()].name;
        let process = change.process.map_or("", |id| process(id.0));
        format!("change {} {service} {process} {:?}", change.time, change.kind)
    });
    let states = records.states.iter().filter(|state| ours(state.process.0)).map(|state| {
        let what = format!("{:?}", state.transition);
        let what = match what.split_once("LinkId(").and_then(|(front, rest)| Some((front, rest.split_once(')')?))) {
            Some((front, (number, rest))) => {
                format!("{front}{:?}{rest}", links[number.parse::<usize>().expect("a link has a number")])
            }
            None => what,
        };
        format!("state {} {} {what}", state.time, process(state.process.0))
    });
    let mut lines: Vec<String> =
        spans.chain(logs).chain(samples).chain(requests).chain(changes).chain(states).collect();
    lines.sort_unstable();
    lines
}

fn assert_same(case: &Case, what: &str, one: &[String], other: &[String]) {
    let first = one.iter().zip(other).position(|(a, b)| a != b);
    if let Some(n) = first {
        panic!("{}: {what}: record {n}\n{}\n{}\n{}", case.name, one[n], other[n], case.loaded.resolved_text);
    }
    assert_eq!(one.len(), other.len(), "{}: {what}", case.name);
}

/// The world of a blueprint just before an instant.
fn before(blueprint: &Blueprint, at: Time) -> Option<World> {
    let mut world = World::new(blueprint.clone());
    if at > Time::ZERO {
        world.run_until(Time::from_nanos(at.as_nanos() - 1), &mut Records::default()).ok()?;
    }
    Some(world)
}

#[test]
fn a_fault_that_is_set_aside_is_none() {
    let mut tried: BTreeMap<String, u32> = BTreeMap::new();
    for case in arbitrary().chain(shipped()) {
        for (number, fault) in case.blueprint().faults.iter().enumerate().filter(|(_, fault)| fault.at < case.end) {
            let loaded = case.without(fault);
            let (Some(mut aside), Some(mut without)) =
                (before(case.blueprint(), fault.at), before(&loaded.blueprint, fault.at))
            else {
                continue;
            };
            aside.set_aside(FaultId(number as u32));
            let (mut of_aside, mut of_without) = (Records::default(), Records::default());
            let ended = (aside.run_until(case.end, &mut of_aside), without.run_until(case.end, &mut of_without));
            let (Ok(()), Ok(())) = ended else { continue };
            assert!(of_aside.faults.is_empty(), "{}: {:?}", case.name, of_aside.faults);
            let source = case.blueprint().sources.iter().find(|source| source.fault == Some(FaultId(number as u32)));
            assert_eq!(source.is_some(), fault.kind == "surge", "{}: {}", case.name, fault.name);
            let left_out = source.map(|source| source.name.as_str());
            let (one, other) = (told(&aside, &of_aside, left_out), told(&without, &of_without, left_out));
            assert_same(&case, &fault.name, &one, &other);
            let whole = |world: &World| {
                let totals = world.statistics();
                let sources = totals.sources.iter().filter(|source| Some(source.name.as_str()) != left_out);
                format!("{:?} {:?}", sources.collect::<Vec<_>>(), totals.services)
            };
            assert_eq!(whole(&aside), whole(&without), "{}: {}", case.name, fault.name);
            *tried.entry(fault.kind.clone()).or_default() += u32::from(one.len() > 20);
        }
    }
    let kinds: Vec<&str> = tried.iter().filter(|(_, count)| **count > 2).map(|(kind, _)| kind.as_str()).collect();
    let all = [
        "deploy",
        "drop request",
        "flush",
        "hold lock",
        "kill",
        "pause",
        "reload",
        "renew",
        "restart",
        "set",
        "surge",
        "terminate",
    ];
    assert!(all.iter().all(|kind| kinds.contains(kind)), "{tried:?}");
}

#[test]
fn a_fault_that_is_set_aside_and_reinstated_is_as_it_was() {
    let (mut tried, mut matters) = (0, 0);
    for case in arbitrary() {
        for (number, fault) in case.blueprint().faults.iter().enumerate().filter(|(_, fault)| fault.at < case.end) {
            let Some(mut world) = before(case.blueprint(), fault.at) else { continue };
            let (mut plain, mut aside) = (world.clone(), world.clone());
            world.set_aside(FaultId(number as u32));
            assert!(world.is_aside(FaultId(number as u32)));
            world.reinstate(FaultId(number as u32));
            aside.set_aside(FaultId(number as u32));
            let ended = world.run_until(case.end, &mut Null);
            assert_eq!(ended, plain.run_until(case.end, &mut Null));
            assert_eq!((world.digest(), world.events()), (plain.digest(), plain.events()), "{}", case.name);
            let _ = aside.run_until(case.end, &mut Null);
            matters += u32::from(format!("{:?}", aside.totals()) != format!("{:?}", plain.totals()));
            tried += 1;
        }
    }
    assert!(tried > 100 && matters > 40, "{tried} faults were tried, {matters} of which mattered");
}

#[test]
fn a_placebo_is_a_world_with_which_nothing_is_wrong_and_its_requests_are_the_same() {
    let (mut differ, mut requests) = (0, 0);
    for (case, salt) in arbitrary().chain(shipped()).zip(1..) {
        let half = Time::from_nanos(case.end.as_nanos() / 2);
        let Some(mut world) = before(case.blueprint(), half) else { continue };
        let mut placebo = world.clone();
        placebo.redraw_phases(salt);
        assert_eq!(placebo.time(), world.time());
        let stock = |world: &World, when: &str| {
            let mut wrong = world.audit();
            wrong.extend(conservation::breaches(&world.statistics()).iter().map(ToString::to_string));
            assert!(wrong.is_empty(), "{} {when}: {wrong:?}\n{}", case.name, case.loaded.resolved_text);
        };
        stock(&placebo, "redrawn");
        let mut records = Records::default();
        for n in 0_u64.. {
            match placebo.step(case.end, &mut records) {
                Ok(Some(_)) if n.is_multiple_of(61) => stock(&placebo, "on the way"),
                Ok(Some(_)) if n < 4 * EVENTS => {}
                _ => break,
            }
        }
        stock(&placebo, "in the end");
        assert!(records.faults.is_empty(), "{}: {:?}", case.name, records.faults);
        let end = placebo.time();
        let mut of_world = Records::default();
        let _ = world.run_until(end, &mut of_world);
        differ += u32::from(format!("{:?}", world.totals().services) != format!("{:?}", placebo.totals().services));
        // Which requests open sources send, when, and what they ask for, phases do not touch.
        let sent = |records: &Records| -> BTreeMap<(u32, u64), String> {
            let rows = records.requests.iter();
            rows.map(|r| ((r.client.0, r.number), format!("{:?} {:?} {}", r.trace, r.operation, r.sent))).collect()
        };
        let closed = |client: u32| {
            let sources = &case.blueprint().sources;
            let name = &world.catalogue().processes[client as usize].name;
            let arrivals = sources.iter().find(|source| &source.name == name).map(|source| &source.arrivals);
            matches!(arrivals, Some(knockon_model::blueprint::Arrivals::Closed { .. }))
        };
        let (one, other) = (sent(&of_world), sent(&records));
        for (request, was) in one.iter().filter(|((client, _), _)| !closed(*client)) {
            if let Some(is) = other.get(request) {
                assert_eq!(was, is, "{}", case.name);
                requests += 1;
            }
        }
    }
    assert!(differ > 10 && requests > 2_000, "{differ} placebos differ, {requests} requests were compared");
}

#[test]
fn copies_have_the_same_levels_in_the_same_order() {
    for case in arbitrary().take(60) {
        let Some(mut world) = before(case.blueprint(), Time::from_nanos(case.end.as_nanos() / 2)) else { continue };
        let keys = |world: &World| -> Vec<_> {
            world.levels().iter().map(|level| (level.process, level.part, level.kind)).collect()
        };
        let mut placebo = world.clone();
        assert_eq!(world.levels(), placebo.levels());
        let first = keys(&World::new(case.blueprint().clone()));
        for fault in 0..case.blueprint().faults.len() {
            placebo.set_aside(FaultId(fault as u32));
        }
        placebo.redraw_phases(5);
        let _ = (world.run_until(case.end, &mut Null), placebo.run_until(case.end, &mut Null));
        assert_eq!(first, keys(&world), "{}", case.name);
        assert_eq!(first, keys(&placebo), "{}", case.name);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), first.len(), "{}: each level is there once", case.name);
    }
}

#[test]
fn where_the_time_of_requests_went_is_known_to_the_nanosecond() {
    let mut seen = [0_u64; Part::COUNT];
    let mut requests = 0;
    for case in arbitrary().chain(shipped()).chain(replayed()) {
        let mut world = World::new(case.blueprint().clone());
        let mut records = Records::default();
        let _ = world.run_until(case.end, &mut records);
        // The sums are looked at row by row as they come.
        assert!(records.faults.is_empty(), "{}: {:?}", case.name, records.faults);
        for request in &records.requests {
            seen.iter_mut().zip(request.parts).for_each(|(seen, part)| *seen += u64::from(part > 0));
            requests += 1;
        }
    }
    let missing: Vec<Part> = Part::ALL.into_iter().filter(|part| seen[*part as usize] == 0).collect();
    assert_eq!(missing, [Part::Child], "{seen:?}");
    assert!(requests > 20_000, "{requests} requests");
}

#[test]
fn it_is_known_when_a_request_of_an_open_source_comes_and_without_it_all_others_come_as_they_did() {
    let (mut known, mut dropped, mut elsewhere) = (0, 0, 0);
    for case in arbitrary().chain(shipped().take(1)) {
        let mut world = World::new(case.blueprint().clone());
        let mut records = Records::default();
        if world.run_until(case.end, &mut records).is_err() {
            continue;
        }
        for (number, source) in (0..).zip(&case.blueprint().sources) {
            let closed = matches!(source.arrivals, knockon_model::blueprint::Arrivals::Closed { .. });
            let own = |r: &&knockon_model::record::RequestRecord| {
                world.catalogue().processes[r.client.index()].name == source.name
            };
            let requests: Vec<_> = records.requests.iter().filter(own).collect();
            for request in requests.iter().step_by(requests.len() / 8 + 1) {
                let at = case.blueprint().instant_of_request(SourceId(number), request.number);
                assert_eq!(at, (!closed).then_some(request.sent), "{} {}", case.name, source.name);
                known += u32::from(!closed);
            }
            let Some(gone) = requests.get(requests.len() / 2).filter(|_| !closed) else { continue };
            let mut blueprint = case.blueprint().clone();
            let fault = FaultId(blueprint.faults.len() as u32);
            let template = Fault {
                name: "gone".into(),
                component: source.name.clone(),
                settings: Vec::new(),
                kind: "drop request".into(),
                at: gone.sent,
                until: None,
                contrast: Contrast::Nothing,
            };
            blueprint.faults.push(template);
            blueprint.sources[number as usize].dropped.push(Dropped { number: gone.number, fault });
            let mut other = World::new(blueprint);
            let mut others = Records::default();
            if other.run_until(case.end, &mut others).is_err() {
                continue;
            }
            let sent = |world: &World| world.totals().sources[number as usize].sent;
            assert_eq!(sent(&other) + 1, sent(&world), "{} {}", case.name, source.name);
            let of = |records: &Records, number| {
                let found = records.requests.iter().find(|r| r.client == gone.client && r.number == number);
                found.map(|r| (r.trace, r.operation, r.sent, r.ended))
            };
            assert_eq!(of(&others, gone.number), None);
            for request in &requests {
                if let (true, Some((trace, operation, sent, ended))) =
                    (request.number != gone.number, of(&others, request.number))
                {
                    assert_eq!((trace, operation, sent), (request.trace, request.operation, request.sent));
                    elsewhere += u32::from(ended != request.ended);
                }
            }
            dropped += 1;
        }
    }
    assert!(known > 500 && dropped > 60, "{known} instants and {dropped} requests were tried");
    assert!(elsewhere > 20, "{elsewhere} others fared otherwise");
}

#[test]
fn where_nothing_waits_phases_are_no_matter_of_requests() {
    let loaded = load(
        r#"(
            duration: "4min",
            services: {
                "front": (cores: Unlimited, workers: Unlimited, endpoints: {"GET /": (steps: [Call("api/GET /")])}),
                "api": (
                    runtime: Jvm(heap: (maximum: "64MiB", base: "20MiB", pause_scale: 0)),
                    cores: Unlimited, workers: Unlimited, replicas: 3,
                    pools: {"pool": HikariCp(database: "postgres", maximum: 30, maximum_lifetime: "40s", keepalive: "31s")},
                    endpoints: {"GET /": (allocate: "50KiB", churn: "1MiB", steps: [
                        Compute(Exponential("1ms")), Query("read"), Sleep(LogNormal("5ms", "20ms")),
                    ])},
                ),
            },
            databases: {"postgres": (
                cores: Unlimited, workers: Unlimited, max_connections: 500, queries: {"read": (demand: Exponential("2ms"))},
            )},
            links: {
                "client -> front": (latency: Exponential("1ms"), keep_alive: Always),
                "front -> api": (latency: "1ms", keep_alive: Always, balance: RoundRobin),
                "api -> postgres": (latency: "0s"),
            },
            load: {"client": (target: "front", mix: {"GET /": 1}, arrivals: Poisson("60/s"))},
        )"#,
    );
    let loaded = loaded.unwrap_or_else(|errors| panic!("{errors}"));
    let half = Time::ZERO + Duration::from_secs(120);
    let end = Time::ZERO + loaded.blueprint.duration;
    let mut world = before(&loaded.blueprint, half).expect("no limit is hit");
    let mut placebos = [1, 2, 3].map(|salt| {
        let mut placebo = world.clone();
        placebo.redraw_phases(salt);
        placebo
    });
    let mut plain = Records::default();
    world.run_until(end, &mut plain).expect("no limit is hit");
    assert!(plain.requests.len() > 6_000);
    let hosts = |records: &Records| -> Vec<_> { records.spans.iter().filter_map(|span| span.peer).collect() };
    let (mut collections, mut turns) = (0, 0);
    for placebo in &mut placebos {
        let mut redrawn = Records::default();
        placebo.run_until(end, &mut redrawn).expect("no limit is hit");
        assert_eq!(plain.requests, redrawn.requests);
        collections += u32::from(plain.states != redrawn.states);
        turns += u32::from(hosts(&plain) != hosts(&redrawn));
    }
    // It may be the turn of the same one as before.
    assert!(collections == 3 && turns > 0, "phases were redrawn {collections} and {turns} times");
}
