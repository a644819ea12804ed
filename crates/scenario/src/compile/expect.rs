//! Expectations to typed ones.

use super::Compiler;
use crate::decode::{At, Decode};
use crate::expectation::{Expectation, Milestone, Miss, Relation, Statistic, Unit, Window, possible};
use crate::language::{Bound, ChainText, Expect, MilestoneText, MissText, ReproducesText, ValueText};
use crate::leaf::{Name, Rate};
use crate::origin::Span;
use crate::original::Original;
use crate::suggest;
use crate::tree::{Kind, Node};
use crate::unit;
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::{Blueprint, LinkEnd, TrafficPolicy};
use std::collections::BTreeMap;

impl Compiler<'_> {
    pub(super) fn expectations(&mut self, texts: &[At<Expect>]) -> Vec<Expectation> {
        texts.iter().filter(|text| !text.broken).filter_map(|text| self.expectation(&text.value)).collect()
    }

    fn expectation(&mut self, text: &Expect) -> Option<Expectation> {
        match text {
            Expect::Below(bound) => self.bound(bound, Relation::Below),
            Expect::AtMost(bound) => self.bound(bound, Relation::AtMost),
            Expect::AtLeast(bound) => self.bound(bound, Relation::AtLeast),
            Expect::Above(bound) => self.bound(bound, Relation::Above),
            Expect::Value(value) => self.estimate(value),
            Expect::Exact(bound) => self.exact(bound),
            Expect::Chain(chain) => self.chain(chain),
            Expect::Reproduces(text) => self.reproduces(text),
            Expect::Never(never) => {
                let milestone = milestone(&never.milestone);
                // What the runtime rules out may well be expected not to happen.
                self.service_with(&never.service, &[])?;
                Some(Expectation::Never { service: never.service.0.clone(), milestone })
            }
        }
    }

    fn bound(&mut self, bound: &Bound, relation: Relation) -> Option<Expectation> {
        let statistic = self.statistic(&bound.statistic, bound.value.broken)?;
        let value = self.value(&bound.value.value.0, statistic.unit())?;
        let window = self.window(bound, &statistic)?;
        Some(Expectation::Bound { statistic, relation, value, window })
    }

    fn estimate(&mut self, text: &ValueText) -> Option<Expectation> {
        let statistic = self.statistic(&text.statistic, text.value.broken)?;
        self.needs_windows(&statistic, text.statistic.span)?;
        let value = self.value(&text.value.value.0, statistic.unit())?;
        if value == 0.0 {
            let hint = "a band that is a part of nothing has no width: use Exact, Below or AtMost";
            self.report(text.value.span, "nothing cannot be estimated", Some(hint.into()));
            return None;
        }
        Some(Expectation::Value { statistic, value, precision: text.precision.0, slack: text.slack.0 })
    }

    fn exact(&mut self, bound: &Bound) -> Option<Expectation> {
        let statistic = self.statistic(&bound.statistic, bound.value.broken)?;
        if !statistic.is_exact() {
            let hint = "numbers of things, durations, their means and maxima are; for others use Value";
            self.report(bound.statistic.span, format!("{:?} is not exact", statistic.path()), Some(hint.into()));
            return None;
        }
        let node = &bound.value.value.0;
        let value = match (statistic.unit(), &node.kind) {
            (Unit::Seconds, _) => Duration::decode(node, self.reader)?.as_nanos(),
            // Up to here every whole number is a float.
            (_, &Kind::Number(number)) if number.fract() == 0.0 && (0.0..=9e15).contains(&number) => number as u64,
            _ => return self.reader.mismatch(node, "a whole number, 0 or more"),
        };
        let window = self.window(bound, &statistic)?;
        Some(Expectation::Exact { statistic, value, window })
    }

    fn statistic(&mut self, path: &At<String>, broken: bool) -> Option<Statistic> {
        if path.broken || broken || self.unsure() {
            return None;
        }
        Statistic::resolve(&self.blueprint, path).map_err(|(message, hint)| self.report(path.span, message, hint)).ok()
    }

    fn window(&mut self, bound: &Bound, statistic: &Statistic) -> Option<Window> {
        let window =
            Window { from: Time::ZERO + bound.from.value, until: bound.until.value.map(|until| Time::ZERO + until) };
        if window.until.is_some_and(|until| until <= window.from) {
            self.report(bound.until.span, "a window ends after it begins", None);
            return None;
        }
        if window != Window::WHOLE {
            self.needs_windows(statistic, bound.statistic.span)?;
        }
        Some(window)
    }

    fn needs_windows(&mut self, statistic: &Statistic, span: Span) -> Option<()> {
        if !statistic.has_windows() {
            let hint = "a maximum, or what is so at the end, can only be bounded, without `from` and `until`";
            self.report(span, format!("{:?} is known for the whole run only", statistic.path()), Some(hint.into()));
            return None;
        }
        Some(())
    }

    fn value(&mut self, node: &Node, unit: Unit) -> Option<f64> {
        let finite = |number: f64| (number.is_finite() && number >= 0.0).then_some(number);
        let (value, expected) = match (unit, &node.kind) {
            (Unit::Seconds, _) => return Duration::decode(node, self.reader).map(Duration::as_secs_f64),
            (Unit::Share, Kind::Text(text)) => (unit::percent(text).ok(), "a share such as 0.001 or \"0.1 %\""),
            (Unit::Share, Kind::Number(number)) => (finite(*number), "a share such as 0.001 or \"0.1 %\""),
            (Unit::PerSecond, _) => return Rate::decode(node, self.reader).map(|rate| rate.0),
            (_, Kind::Number(number)) => (finite(*number), "a number, 0 or more"),
            (Unit::Share, _) => (None, "a share such as 0.001 or \"0.1 %\""),
            (Unit::Count | Unit::SquareSeconds | Unit::Number, _) => (None, "a number, 0 or more"),
        };
        match value {
            Some(value) if unit == Unit::Share && value > 1.0 => {
                self.report(node.span, "a share lies between 0 and 1", Some("write a percentage as \"5 %\"".into()));
                None
            }
            Some(value) => Some(value),
            None => self.reader.mismatch(node, expected),
        }
    }

    fn reproduces(&mut self, text: &ReproducesText) -> Option<Expectation> {
        self.service_with(&text.service, &[])?;
        // One that could not be read was reported when it was looked for.
        let original = self.originals.get(&text.file.value)?;
        let original = Box::new(original.clone());
        let misses = self.misses(&text.misses, &original);
        Some(Expectation::Reproduces { service: text.service.0.clone(), original, misses })
    }

    /// Which observables are missed, and why: each is one of the measured set, and has one reason.
    fn misses(&mut self, texts: &[At<MissText>], original: &Original) -> BTreeMap<String, Miss> {
        let mut misses = BTreeMap::new();
        for text in texts.iter().filter(|text| !text.broken) {
            if text.observables.is_empty() && !text.observables.broken {
                self.report(text.observables.span, "a miss needs observables", None);
            }
            let mechanism = text.mechanism.trim();
            if mechanism.is_empty() && !text.mechanism.broken {
                let hint = "say what the real thing has and the machines have not";
                self.report(text.mechanism.span, "a miss without a mechanism explains nothing", Some(hint.into()));
            }
            let miss = Miss { mechanism: mechanism.to_owned(), drawn: *text.drawn };
            for name in text.observables.iter().filter(|name| !name.broken) {
                let judged = original.observables.iter().map(|observable| observable.name.as_str());
                let names = judged.chain(original.beside.iter().map(|beside| beside.name.as_str()));
                if !names.clone().any(|known| known == name.value) {
                    let message = format!("the measured set {:?} has no observable {:?}", original.set, name.value);
                    self.report(name.span, message, suggest::hint(&name.value, names));
                } else if misses.insert(name.value.clone(), miss.clone()).is_some() {
                    let message = format!("the observable {:?} is given twice", name.value);
                    self.report(name.span, message, Some("keep one of them".into()));
                }
            }
        }
        misses
    }

    fn chain(&mut self, chain: &ChainText) -> Option<Expectation> {
        if chain.milestones.is_empty() && !chain.milestones.broken {
            self.report(chain.milestones.span, "a chain needs milestones", None);
        }
        let milestones: Vec<(Milestone, Span)> =
            chain.milestones.iter().map(|text| (milestone(text), text.span)).collect();
        self.service_with(&chain.service, &milestones)?;
        let milestones = milestones.into_iter().map(|(milestone, _)| milestone).collect();
        Some(Expectation::Chain { service: chain.service.0.clone(), milestones, times: chain.times.0 })
    }

    /// Checks that the service exists and can reach the milestones.
    fn service_with(&mut self, name: &At<Name>, milestones: &[(Milestone, Span)]) -> Option<()> {
        if name.broken {
            return None;
        }
        let end = match self.sources.get(&name.0) {
            Some(&source) => LinkEnd::Source(source),
            None => LinkEnd::Service(self.find_service(&name.0, name.span)?),
        };
        for &(milestone, span) in milestones {
            if !self.blueprint.links.is_empty() && guarded(&self.blueprint, end, milestone) == Some(false) {
                let message = format!("{:?} cannot reach this: no link of it has what does so", name.0);
                self.report(
                    span,
                    message,
                    Some("see `balance`, `outlier`, `breaker` and their like under `links:`".into()),
                );
                continue;
            }
            if let LinkEnd::Service(service) = end
                && let Some(missing) =
                    self.blueprint.services.get(service.index()).and_then(|of| missing(of, milestone))
            {
                self.report(span, format!("{:?} cannot reach this without {missing}", name.0), None);
                continue;
            }
            if let LinkEnd::Service(service) = end
                && let Some(missing) =
                    self.blueprint.services.get(service.index()).and_then(|of| missing(of, milestone))
            {
                self.report(span, format!("{:?} cannot reach this without {missing}", name.0), None);
                continue;
            }
            let runs = match end {
                LinkEnd::Source(_) => guarded(&self.blueprint, end, milestone).is_some(),
                LinkEnd::Service(service) => {
                    let service = self.blueprint.services.get(service.index());
                    service.is_none_or(|service| possible(&service.runtime, milestone))
                }
            };
            if !runs {
                let why = if matches!(end, LinkEnd::Source(_)) { "as a load source" } else { "on its runtime" };
                self.report(span, format!("{:?} cannot reach this {why}", name.0), None);
            }
        }
        Some(())
    }
}

/// What a service would need for the milestone, and has not.
fn missing(service: &knockon_model::blueprint::Service, milestone: Milestone) -> Option<&'static str> {
    let health = service.health.as_ref();
    match milestone {
        Milestone::ProbeFailed | Milestone::NotReady => health.is_none().then_some("`health`"),
        Milestone::ProbeKilled => {
            let is_killed = health.is_some_and(|health| health.liveness.is_some() || health.startup.is_some());
            (!is_killed).then_some("a `liveness` or `startup` under `health`")
        }
        Milestone::TaskRejected => service.executors.is_empty().then_some("`executors`"),
        Milestone::WorkerKilled => service.prefork.is_none().then_some("`prefork`"),
        _ => None,
    }
}

/// Whether a caller or callee has a link on which the milestone can happen; `None` for one that is no link's.
fn guarded(blueprint: &Blueprint, end: LinkEnd, milestone: Milestone) -> Option<bool> {
    let has: fn(&TrafficPolicy) -> bool = match milestone {
        Milestone::BreakerOpened | Milestone::BreakerHalfOpen | Milestone::BreakerClosed => |p| p.breaker.is_some(),
        Milestone::BulkheadFull => |p| p.bulkhead.is_some(),
        Milestone::Throttled => |p| p.throttle.is_some(),
        Milestone::RetryRefused => |p| p.retry_budget.is_some(),
        Milestone::Ejected => |p| p.outlier.is_some(),
        _ => return None,
    };
    let there = |policy: &&TrafficPolicy| {
        let link = &blueprint[policy.link];
        if milestone == Milestone::Ejected { LinkEnd::Service(link.to) == end } else { link.from == end }
    };
    Some(blueprint.traffic.iter().filter(there).any(has))
}

fn milestone(text: &MilestoneText) -> Milestone {
    match text {
        MilestoneText::GcShare => Milestone::GcShare,
        MilestoneText::PoolFull => Milestone::PoolFull,
        MilestoneText::AcquireTimeout => Milestone::AcquireTimeout,
        MilestoneText::ServerError => Milestone::ServerError,
        MilestoneText::Refused => Milestone::Refused,
        MilestoneText::OutOfMemory => Milestone::OutOfMemory,
        MilestoneText::OomKilled => Milestone::OomKilled,
        MilestoneText::Exited => Milestone::Exited,
        MilestoneText::Restarted => Milestone::Restarted,
        MilestoneText::Shed => Milestone::Shed,
        MilestoneText::Limited => Milestone::Limited,
        MilestoneText::BreakerOpened => Milestone::BreakerOpened,
        MilestoneText::BreakerHalfOpen => Milestone::BreakerHalfOpen,
        MilestoneText::BreakerClosed => Milestone::BreakerClosed,
        MilestoneText::Ejected => Milestone::Ejected,
        MilestoneText::BulkheadFull => Milestone::BulkheadFull,
        MilestoneText::Throttled => Milestone::Throttled,
        MilestoneText::RetryRefused => Milestone::RetryRefused,
        MilestoneText::MemoryAlarm => Milestone::MemoryAlarm,
        MilestoneText::Redelivered => Milestone::Redelivered,
        MilestoneText::DeadLettered => Milestone::DeadLettered,
        MilestoneText::MessageDropped => Milestone::MessageDropped,
        MilestoneText::QueueFull => Milestone::QueueFull,
        MilestoneText::TaskFailed => Milestone::TaskFailed,
        MilestoneText::ProbeFailed => Milestone::ProbeFailed,
        MilestoneText::ProbeKilled => Milestone::ProbeKilled,
        MilestoneText::NotReady => Milestone::NotReady,
        MilestoneText::TaskRejected => Milestone::TaskRejected,
        MilestoneText::WorkerKilled => Milestone::WorkerKilled,
    }
}
