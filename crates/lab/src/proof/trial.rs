//! One run of a changed system beside the same system without its faults, to the end of the incident; and one of the system at rest.

use crate::truth::{Episode, Harm, Recovery, Truth};
use knockon_kernel::Time;
use knockon_model::blueprint::Blueprint;
use knockon_model::id::FaultId;
use knockon_model::{Null, Stop, World};
use std::ops::ControlFlow;

/// What came of an incident in a changed system.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) harm: Harm,
    pub(super) recovery: Recovery,
}

impl Trial {
    /// Whether users fare as without the faults again, or never fared worse.
    pub(super) fn recovers(&self) -> bool {
        matches!(self.recovery, Recovery::At(_) | Recovery::NothingToRecoverFrom)
    }
}

/// Runs until the incident of a fault is over. `None` where it was broken off, since what it had cost by then was `enough`.
pub(super) fn run(
    blueprint: &Blueprint,
    fault: FaultId,
    enough: impl Fn(&Harm) -> bool,
) -> Result<Option<Trial>, Stop> {
    let mut fact = World::new(blueprint.clone());
    let mut truth: Truth<false> = Truth::new(&fact, 1, true);
    let is_his = |one: &Episode| one.faults.contains(&fault) || one.not_contrasted.contains(&fault);
    let mut broken_off = false;
    truth.follow(&mut fact, |truth, _, _| {
        if truth.episodes.iter().any(is_his) {
            return ControlFlow::Break(());
        }
        broken_off = truth.under_way().is_some_and(|one| is_his(one) && enough(&one.whole().harm));
        if broken_off { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if broken_off {
        return Ok(None);
    }
    let found = truth.episodes.iter().position(is_his).map(|over| truth.incidents().swap_remove(over));
    Ok(Some(match found {
        Some(incident) => Trial { harm: incident.harm, recovery: incident.recovery },
        // The fault lies beyond the end of the run.
        None => Trial { harm: Harm::default(), recovery: Recovery::NothingToRecoverFrom },
    }))
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
        world.run_until(until, &mut Null)?;
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
