//! The anchor workloads as scenarios: the whole simulator but for telemetry, with addressed draws, ledgers and digest.

use crate::report::Outcome;
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::{Blueprint, LinkEnd};
use knockon_model::id::{ServiceId, SourceId};
use knockon_model::{Sink, World};
use knockon_scenario::{Options, Scenario};

/// Mean time between two requests of one source.
const W1_GAP: Duration = Duration::from_micros(1_250);
const W2_GAP: Duration = Duration::from_millis(2);
const TIERS_GAP: Duration = Duration::from_nanos(1_000_000_000 / 88);
const WEBSHOP_GAP: Duration = Duration::from_millis(100);

/// Reads a scenario; `system` is the one file that it may name.
pub(crate) fn load(name: &str, text: &str, system: &str) -> Result<Blueprint, String> {
    let loaded = Scenario::from_text(name, text, &Options::default(), &|_| Ok(system.to_owned()));
    loaded.map(|loaded| loaded.blueprint).map_err(|findings| findings.to_string())
}

/// M/M/1 with `n` customers.
///
/// # Errors
/// Everything that is wrong with the scenario.
pub fn w1(n: u64) -> Result<Blueprint, String> {
    load("w1", include_str!("../scenarios/w1.ron"), "").map(|blueprint| limited(blueprint, n, W1_GAP))
}

/// Three tiers with a pool and a timeout, `copies` of them side by side in one world, with `n` requests in all.
///
/// # Errors
/// As [`w1`].
pub fn w2(n: u64, copies: u32) -> Result<Blueprint, String> {
    let one = load("w2", include_str!("../scenarios/w2.ron"), "")?;
    Ok(limited(side_by_side(&one, copies), n / u64::from(copies), W2_GAP))
}

/// Three tiers a tenth beyond the last one's capacity, so that callers give up waiting for a connection, with `n` requests.
///
/// # Errors
/// As [`w1`].
pub fn tiers(n: u64) -> Result<Blueprint, String> {
    load("tiers", include_str!("../scenarios/tiers.ron"), "").map(|blueprint| limited(blueprint, n, TIERS_GAP))
}

/// One server behind a backlog of `depth` requests that stays as deep while `n` more come and go.
///
/// # Errors
/// As [`w1`].
pub fn depth(n: u64, depth: u64) -> Result<Blueprint, String> {
    let mut blueprint = load("depth", include_str!("../scenarios/depth.ron"), "")?;
    blueprint.duration = Duration::from_millis(n);
    blueprint.sources[0].requests = Some(depth);
    Ok(blueprint)
}

/// The web shop on a calm day, with `n` requests.
///
/// # Errors
/// As [`w1`].
pub fn webshop(n: u64) -> Result<Blueprint, String> {
    let system = include_str!("../../scenarios/systems/webshop.ron");
    let calm = load("healthy", include_str!("../../scenarios/healthy.ron"), system)?;
    Ok(limited(calm, n, WEBSHOP_GAP))
}

/// Runs a blueprint to its end.
///
/// # Errors
/// The limit that was hit.
pub fn run<S: Sink>(blueprint: Blueprint, sink: &mut S) -> Result<Outcome, String> {
    let end = Time::ZERO + blueprint.duration;
    let mut world = World::new(blueprint);
    world.run_until(end, sink).map_err(|stop| stop.to_string())?;
    let mut outcome = Outcome { events: world.events(), ..Outcome::default() };
    for source in world.statistics().sources {
        outcome.done += source.answered;
        outcome.timeouts += source.failed;
        outcome.sojourn_sum_ns += u128::from(source.latency.mean().as_nanos()) * u128::from(source.answered);
    }
    Ok(outcome)
}

/// Sets how many requests each source sends, and runs for long enough that all are answered.
fn limited(mut blueprint: Blueprint, requests: u64, gap: Duration) -> Blueprint {
    blueprint.duration = Duration::from_nanos(gap.as_nanos() * requests / 10 * 11) + Duration::from_secs(10);
    for source in &mut blueprint.sources {
        source.requests = Some(requests);
    }
    blueprint
}

/// Repeats services, links and sources; laws and policies are shared. Each copy has draws of its own.
fn side_by_side(one: &Blueprint, copies: u32) -> Blueprint {
    let mut all = Blueprint { services: Vec::new(), links: Vec::new(), sources: Vec::new(), ..one.clone() };
    for copy in 0..copies {
        let service = |id: ServiceId| ServiceId(id.0 + copy * one.services.len() as u32);
        let source = |id: SourceId| SourceId(id.0 + copy * one.sources.len() as u32);
        all.services.extend(one.services.iter().cloned().map(|mut described| {
            described.name.push_str(&copy.to_string());
            described.draw_name.push_str(&copy.to_string());
            for pool in &mut described.pools {
                pool.database = service(pool.database);
            }
            described
        }));
        all.links.extend(one.links.iter().cloned().map(|mut link| {
            link.to = service(link.to);
            link.from = match link.from {
                LinkEnd::Service(id) => LinkEnd::Service(service(id)),
                LinkEnd::Source(id) => LinkEnd::Source(source(id)),
            };
            link
        }));
        all.sources.extend(one.sources.iter().cloned().map(|mut described| {
            described.name.push_str(&copy.to_string());
            described.draw_name.push_str(&copy.to_string());
            described.target = service(described.target);
            described
        }));
    }
    all
}
