//! One run of a changed system beside the same system without its faults, to the end of the incident; and one of the system at rest.
//!
//! Only the faults of the incident act: those of others are set aside in every world, so that what they cost is not counted even where, in the changed
//! system, the incidents would run into each other. Faults that were one incident may be several here: all of them are waited for, and
//! their harm is summed.

use crate::truth::{Episode, Harm, Recovery, Truth};
use knockon_kernel::Time;
use knockon_model::blueprint::Blueprint;
use knockon_model::id::FaultId;
use knockon_model::{Stop, World};
use std::ops::ControlFlow;

/// What came of an incident in a changed system.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Trial {
    pub(super) harm: Harm,
    pub(super) recovery: Recovery,
}

impl Trial {
    /// Whether users fare as without the faults again, or never fared worse.
    pub(super) fn recovers(&self) -> bool {
        recovers(self.recovery)
    }
}

/// Whether users fare as without the faults again, or never fared worse.
pub(super) fn recovers(recovery: Recovery) -> bool {
    matches!(recovery, Recovery::At(_) | Recovery::NothingToRecoverFrom)
}

/// Runs until all is over that these faults do, and no others. `None` where it was broken off, since what it had cost by then was `enough`.
pub(super) fn run(
    blueprint: &Blueprint,
    faults: &[FaultId],
    enough: impl Fn(&Harm) -> bool,
) -> Result<Option<Trial>, Stop> {
    let mut blueprint = blueprint.clone();
    let others: Vec<FaultId> =
        (0..blueprint.faults.len() as u32).map(FaultId).filter(|fault| !faults.contains(fault)).collect();
    // What never acts is compared with nothing.
    others.iter().for_each(|fault| blueprint.faults[fault.index()].at = Time::MAX);
    let end = Time::ZERO + blueprint.duration;
    let come = faults.iter().filter(|fault| blueprint.faults[fault.index()].at <= end).count();
    let mut fact = World::new(blueprint);
    others.iter().for_each(|&fault| fact.set_aside(fault));
    let mut truth: Truth<false> = Truth::new(&fact, 1, true);
    let mut broken_off = false;
    truth.follow(&mut fact, |truth, _, _| {
        let episodes = truth.episodes.iter().chain(truth.under_way());
        broken_off = enough(&episodes.fold(Harm::default(), |sum, one| sum_of(sum, one.whole().harm)));
        let all_came = truth.episodes.iter().map(faults_in).sum::<usize>() == come;
        let is_over = truth.episodes.iter().any(|one| one.limit.is_some()) || (all_came && truth.under_way().is_none());
        if broken_off || is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    // How it would have gone on nobody knows.
    if let Some(limit) = truth.episodes.iter().find_map(|one| one.limit) {
        return Err(limit);
    }
    if broken_off {
        return Ok(None);
    }
    let nothing = Trial { harm: Harm::default(), recovery: Recovery::NothingToRecoverFrom };
    Ok(Some(truth.incidents().iter().fold(nothing, |sum, incident| Trial {
        harm: sum_of(sum.harm, incident.harm),
        recovery: worst_of(sum.recovery, incident.recovery),
    })))
}

fn faults_in(episode: &Episode) -> usize {
    episode.faults.len() + episode.not_contrasted.len()
}

/// What requests suffered in one and in the other.
fn sum_of(a: Harm, b: Harm) -> Harm {
    Harm {
        compared: a.compared + b.compared,
        hurt: a.hurt + b.hurt,
        failed: a.failed + b.failed,
        lost: a.lost + b.lost,
        added: a.added + b.added,
        added_failed: a.added_failed + b.added_failed,
        helped: a.helped + b.helped,
        waited_ns: a.waited_ns + b.waited_ns,
        first: a.first.into_iter().chain(b.first).min(),
        last: a.last.max(b.last),
    }
}

/// The one that leaves users worse off, or leaves them so for longer.
fn worst_of(a: Recovery, b: Recovery) -> Recovery {
    let rank = |recovery: &Recovery| match *recovery {
        Recovery::NothingToRecoverFrom => (0, Time::ZERO),
        Recovery::At(at) => (1, at),
        Recovery::InForce => (2, Time::ZERO),
        Recovery::NotYet => (3, Time::ZERO),
        Recovery::Metastable => (4, Time::ZERO),
    };
    std::cmp::max_by_key(a, b, rank)
}

/// How a system fares in which no fault acts.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Rest {
    sent: u64,
    failed: u64,
    mean_ns: f64,
}

/// Requests beyond those that fail anyway, in thousandths, that may fail in a system that is as healthy as another.
const MORE_FAILED_PERMILLE: u64 = 10;
/// How many times as long a request may take in it, on average.
const LONGER: f64 = 2.0;

impl Rest {
    /// Of a run without any of its faults, until an instant.
    pub(super) fn of(blueprint: &Blueprint, until: Time) -> Result<Self, Stop> {
        let mut world = World::new(blueprint.clone());
        (0..blueprint.faults.len() as u32).for_each(|fault| world.set_aside(FaultId(fault)));
        world.run_unwatched(until)?;
        let (mut sent, mut failed, mut answered, mut sum_ns) = (0, 0, 0, 0);
        for source in &world.statistics().sources {
            sent += source.sent;
            failed += source.failed;
            answered += source.latency.count();
            sum_ns += source.latency.sum_ns();
        }
        Ok(Self { sent, failed, mean_ns: sum_ns as f64 / answered.max(1) as f64 })
    }

    /// Why this system is not as healthy as another; `None` if it is.
    pub(super) fn worse_than(&self, other: &Self) -> Option<String> {
        let permille = |rest: &Self| rest.failed as f64 * 1_000.0 / rest.sent.max(1) as f64;
        if permille(self) > permille(other) + MORE_FAILED_PERMILLE as f64 {
            return Some(format!("without any fault {:.1} % of its requests fail", permille(self) / 10.0));
        }
        if self.mean_ns > LONGER * other.mean_ns {
            let times = self.mean_ns / other.mean_ns.max(1.0);
            return Some(format!("without any fault its requests take {times:.1} times as long"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use knockon_scenario::{Options, Scenario};

    /// A spike after which users do not recover, so that what comes later is of the same incident.
    const CHAIN: &str = r#"(
        duration: "2400s",
        services: {"server": (
            workers: 1, places: 150, overflow: Silent, cores: Unlimited,
            endpoints: {"GET /": (steps: [Compute(Exponential("100ms"))])},
        )},
        load: {"clients": (target: "server", arrivals: Poisson("5/s"), mix: {"GET /": 1}, timeout: "5s", retries: 5)},
        faults: {
            "rush": Surge(source: "spike", at: "300s", until: "900s", load: (
                target: "server", arrivals: Poisson("10/s"), mix: {"GET /": 1}, timeout: "5s", retries: 5,
            )),
            "stop": Pause(service: "server", at: "1800s", until: "2100s"),
        },
    )"#;

    fn blueprint(without: &[&str]) -> Blueprint {
        let options = Options { without: without.iter().map(|&name| name.to_owned()).collect(), ..Options::default() };
        let no_systems = |_: &str| Err("there is none".to_owned());
        match Scenario::from_text("chain", CHAIN, &options, &no_systems) {
            Ok(loaded) => loaded.blueprint,
            Err(diagnostics) => panic!("{diagnostics}"),
        }
    }

    #[test]
    fn faults_of_other_incidents_do_not_act() {
        let both = blueprint(&[]);
        for (fault, other) in [(FaultId(0), "stop"), (FaultId(1), "rush")] {
            let alone = blueprint(&[other]);
            let mut fact = World::new(alone.clone());
            let mut truth: Truth<false> = Truth::new(&fact, 1, true);
            truth.follow(&mut fact, |_, _, _| ControlFlow::Continue(())).unwrap();
            let incidents = truth.incidents();
            let [incident] = &incidents[..] else { panic!("{incidents:?}") };
            let expected = Trial { harm: incident.harm, recovery: incident.recovery };
            assert!(expected.harm.failed > 1_000);
            assert_eq!(run(&both, &[fault], |_| false), Ok(Some(expected)), "without {other}");
        }
    }

    #[test]
    fn the_worst_of_several_recoveries_counts_and_the_latest() {
        let at = |seconds| Recovery::At(Time::from_nanos(seconds));
        assert_eq!(worst_of(at(3), at(2)), at(3));
        assert_eq!(worst_of(Recovery::NothingToRecoverFrom, at(2)), at(2));
        assert_eq!(worst_of(Recovery::Metastable, at(2)), Recovery::Metastable);
        assert_eq!(worst_of(Recovery::InForce, Recovery::NotYet), Recovery::NotYet);
    }
}
