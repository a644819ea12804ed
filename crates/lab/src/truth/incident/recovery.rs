//! Whether an incident ended.

use crate::truth::HORIZON;
use crate::truth::components::Components;
use crate::truth::contrast::Contrast;
use crate::truth::episode::Episode;
use crate::truth::metrics::Metrics;
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::Blueprint;

/// Whether, and when, users fared as without the faults again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recovery {
    /// No user fared worse in the first place, and no message.
    NothingToRecoverFrom,
    /// From this instant on.
    At(Time),
    /// Not while a fault that does anything was in force, as one was to the end.
    InForce,
    /// Not by the end of the run, which came soon after the fault's.
    NotYet,
    /// Not, long after everything that had been done was undone: something else sustains it.
    Metastable,
}

impl Recovery {
    /// For people and files.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NothingToRecoverFrom => "no user fared worse",
            Self::At(_) => "recovered",
            Self::InForce => "none: a fault is in force to the end",
            Self::NotYet => "none by the end of the run",
            Self::Metastable => "none: metastable",
        }
    }
}

/// Windows in which no user is hurt after which an incident is over.
const LAST_WINDOWS: u64 = 5;

/// The same as time.
pub(in crate::truth) fn lasts(blueprint: &Blueprint) -> Duration {
    Duration::from_nanos(blueprint.scrape_interval.as_nanos().saturating_mul(LAST_WINDOWS))
}

/// Of so many requests that were hurt fewer than one are no going on of what hurt them.
const ECHO: u64 = 100;

impl Contrast {
    /// When the harm ended that all but fewer than one in [`ECHO`] suffered, and when the first of those few was sent, if nobody was hurt in
    /// between for so long that it was over: a key that expires when its caches do no longer, a retry of long after.
    fn echo(&self) -> Option<(Time, Time)> {
        let mut few = 0;
        let mut since = None;
        for stretch in self.hurting.iter().rev() {
            few += stretch.hurt;
            if few.saturating_mul(ECHO) >= self.harm.hurt {
                return Some((Time::from_nanos(stretch.until_ns), Time::from_nanos(since?)));
            }
            since = Some(stretch.from_ns);
        }
        None
    }
}

/// Numbers that tell how messages fare at whoever handles them. What else a process is at is no matter of theirs.
const OF_MESSAGES: [&str; 2] = ["latency.mean", "failed"];

/// When messages last fared worse that a service handles.
fn last_of_messages(blueprint: &Blueprint, metrics: &Metrics, whole: &Contrast) -> Option<Time> {
    let handles =
        |name: &str| blueprint.services.iter().any(|service| service.name == name && !service.consumers.is_empty());
    let courses = metrics.list().iter().zip(&whole.courses);
    let theirs = courses.filter(|(metric, _)| {
        metric.part.is_none() && OF_MESSAGES.contains(&metric.name.as_str()) && handles(&metric.component)
    });
    theirs.filter_map(|(_, course)| course.last_hurt).max()
}

/// Whether, and when, an incident was over: for users, and for messages, which nobody waits for.
pub(super) fn recovery(
    blueprint: &Blueprint,
    metrics: &Metrics,
    components: &Components,
    episode: &Episode,
    whole: &Contrast,
    undone: Option<Time>,
) -> Recovery {
    // Who comes only because of a fault is no user who fared otherwise without.
    let users = |name: &String| {
        let source = blueprint.sources.iter().find(|source| source.name == *name);
        source.is_some_and(|source| source.fault.is_none_or(|fault| !episode.all_faults().any(|one| one == fault)))
    };
    let sources = components.names.iter().zip(&whole.reach).filter(|(name, _)| users(name));
    let of_users = sources.filter_map(|(_, reach)| reach.last_hurt).max();
    let Some(last) = of_users.max(last_of_messages(blueprint, metrics, whole)) else {
        return Recovery::NothingToRecoverFrom;
    };
    let last = match whole.echo().filter(|&(_, since)| undone.is_some_and(|undone| undone < since)) {
        // Whatever numbers of users said since then is the echo's.
        Some((before, since)) if last >= since => before,
        Some((before, _)) => last.max(before),
        None => last.max(whole.harm.last.unwrap_or(last)),
    };
    // While a fault is in force, what it does may come again, as long as it does anything.
    let (quiet_since, lasts) = match undone {
        Some(_) => (last, lasts(blueprint)),
        None => (whole.reach.iter().filter_map(|reach| reach.last).fold(last, Time::max), HORIZON),
    };
    if episode.settled || quiet_since.saturating_add(lasts) <= episode.until {
        return Recovery::At(last);
    }
    match undone {
        None => Recovery::InForce,
        Some(undone) if undone.saturating_add(HORIZON) <= episode.until => Recovery::Metastable,
        Some(_) => Recovery::NotYet,
    }
}
