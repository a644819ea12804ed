//! Load sources; a surge is one more.

use super::program::client;
use super::{Compiler, site};
use crate::decode::{At, Entry};
use crate::language::{ArrivalsText, FaultText, LoadText, ProfileText, ScenarioText};
use crate::leaf::Name;
use crate::origin::Span;
use crate::suggest;
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::{Arrivals, Mix, Profile, Source};
use knockon_model::id::{EndpointId, ServiceId, SourceId};
use std::collections::BTreeMap;

/// The most recorded instants of a source.
const MAXIMUM_REPLAY: usize = 1_000_000;

impl Compiler<'_> {
    pub(super) fn sources(&mut self, text: &ScenarioText) {
        let mut sources: BTreeMap<String, Source> = BTreeMap::new();
        for (name, Entry { name: span, value, broken }) in self.system.load.iter() {
            if !broken {
                let source = self.source(name, value, *span, (value.from.value, value.until.value));
                sources.insert(name.clone(), source);
            }
        }
        for (_, entry) in text.faults.iter() {
            let FaultText::Surge(surge) = &entry.value else { continue };
            if entry.broken || surge.source.broken || surge.load.broken {
                continue;
            }
            let name = &surge.source.0;
            if sources.contains_key(name) || self.services.contains_key(name.as_str()) {
                self.report(surge.source.span, format!("the name {name:?} is taken"), None);
                continue;
            }
            let source = self.source(name, &surge.load, surge.load.span, (surge.at.value, surge.until.value));
            sources.insert(name.clone(), source);
        }
        if sources.is_empty() && !self.system.load.partial {
            self.report(
                text.title.span,
                "a scenario needs at least one load source",
                Some("add it under `load:`".into()),
            );
        }
        for (n, (name, source)) in sources.into_iter().enumerate() {
            self.sources.insert(name, SourceId(n as u32));
            self.blueprint.sources.push(source);
        }
    }

    fn source(
        &mut self,
        name: &str,
        text: &LoadText,
        span: Span,
        (from, until): (Duration, Option<Duration>),
    ) -> Source {
        if until.is_some_and(|until| until <= from) {
            let place = if text.until.is_some() { text.until.span } else { span };
            self.report(place, "`until` does not lie after the start", None);
        }
        let target = self.target(&text.target);
        let policy = client(text.timeout.value, text.retries.value, &text.backoff, &text.retry_on, text.strict.value);
        Source {
            name: name.to_owned(),
            draw_name: super::service::draw_name(name, &text.was),
            target,
            arrivals: self.arrivals(&text.arrivals),
            profile: text.profile.value.as_ref().map(|profile| self.profile(profile)),
            mix: self.mix(text, target),
            policy: self.policy(policy),
            from: Time::from_nanos(from.as_nanos()),
            until: until.map(|until| Time::from_nanos(until.as_nanos())),
            requests: text.requests.value.map(|count| u64::from(count.0)),
        }
    }

    fn target(&mut self, target: &At<Name>) -> ServiceId {
        if target.broken {
            return ServiceId::default();
        }
        if self.system.services.get(&target.0).is_none() && self.services.contains_key(target.0.as_str()) {
            self.report(target.span, format!("{:?} is not called by load sources", target.0), None);
        }
        self.find_service(&target.0, target.span).unwrap_or_default()
    }

    fn arrivals(&mut self, text: &ArrivalsText) -> Arrivals {
        match text {
            ArrivalsText::Poisson(text) => Arrivals::Poisson { rate: text.rate.0 },
            ArrivalsText::Constant(text) => Arrivals::Constant { rate: text.rate.0 },
            ArrivalsText::Replay(text) => {
                if let Some(pair) = text.at.windows(2).find(|pair| pair[1].value < pair[0].value) {
                    self.report(pair[1].span, "recorded instants must ascend", None);
                }
                if text.at.len() > MAXIMUM_REPLAY {
                    self.report(text.at.span, "more than a million recorded instants", None);
                }
                if text.at.is_empty() && !text.at.broken {
                    self.report(text.at.span, "nothing to replay", None);
                }
                Arrivals::Replay { at: text.at.iter().map(|at| Time::from_nanos(at.value.as_nanos())).collect() }
            }
        }
    }

    fn profile(&mut self, text: &ProfileText) -> Profile {
        let points = &text.points;
        match points.first() {
            None if !points.broken => self.report(points.span, "a profile needs points", None),
            Some(first) if !first.at.is_zero() => {
                self.report(first.span, "the first point of a profile lies at zero", None)
            }
            _ => {}
        }
        if let Some(pair) = points.windows(2).find(|pair| pair[1].at.value <= pair[0].at.value) {
            self.report(pair[1].span, "the points of a profile must ascend", None);
        }
        if let Some(last) = points.last().filter(|last| last.at.value >= text.period.0) {
            self.report(last.span, "a point lies beyond the profile's period", None);
        }
        if !points.is_empty() && points.iter().all(|point| point.factor.0 == 0.0) {
            self.report(points.span, "the profile is zero everywhere", None);
        }
        Profile { period: text.period.0, points: points.iter().map(|point| (point.at.value, point.factor.0)).collect() }
    }

    fn mix(&mut self, text: &LoadText, target: ServiceId) -> Vec<Mix> {
        if text.mix.entries.is_empty() && !text.mix.partial {
            self.report(text.mix.span, "the mix is empty: a source needs endpoints to call", None);
        }
        let Some(service) = self.system.services.get(&text.target.0) else {
            return Vec::new();
        };
        let mut mix = Vec::new();
        for (name, entry) in text.mix.iter() {
            let endpoint = service.endpoints.names().position(|endpoint| endpoint == name);
            match endpoint {
                Some(n) => {
                    mix.push(Mix { endpoint: EndpointId(n as u32), site: site("mix", name, 0), weight: entry.value.0 })
                }
                None if service.endpoints.partial || service.endpoints.entries.is_empty() => {}
                None => {
                    let hint = suggest::hint(name, service.endpoints.names());
                    self.report(entry.name, format!("{:?} has no endpoint {name:?}", text.target.0), hint);
                }
            }
        }
        let _ = target;
        mix
    }
}
