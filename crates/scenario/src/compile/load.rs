//! Load sources; a surge is one more.

use super::data::Cells;
use super::program::client;
use super::{Compiler, site};
use crate::decode::{At, Entry};
use crate::language::{
    ArrivalsText, BatchText, ColumnMix, FaultText, LoadText, MixText, ProfileText, ReplayText, ScenarioText,
};
use crate::leaf::{Factor, Name};
use crate::origin::Span;
use crate::suggest;
use knockon_kernel::math::ln;
use knockon_kernel::{Duration, Sampler, Time};
use knockon_model::blueprint::{Arrivals, Batch, Mix, Profile, Rows, Source};
use knockon_model::id::{ColumnId, DataId, EndpointId, FaultId, ServiceId, SourceId};
use std::collections::BTreeMap;

/// The most users of a source: each has a place in memory.
const MAXIMUM_USERS: u32 = 1_000_000;
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
        for (number, (_, entry)) in text.faults.iter().enumerate() {
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
            // Faults get their numbers in this order too.
            let fault = Some(FaultId(number as u32));
            sources.insert(name.clone(), Source { fault, ..source });
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
        let policy = client(text);
        if let (ArrivalsText::Closed(_), Some(other)) = (&text.arrivals.value, open_only(text)) {
            let hint = "several sources make several classes of users".to_owned();
            self.report(other, "users of a closed source come one by one, whenever they have thought", Some(hint));
        }
        let data = self.rows(text);
        let (mix, classes) = self.mix(text, data);
        Source {
            name: name.to_owned(),
            draw_name: super::service::draw_name(name, &text.was),
            target,
            arrivals: self.arrivals(&text.arrivals, data),
            batch: self.batch(text),
            profile: text.profile.value.as_ref().map(|profile| self.profile(profile)),
            rows: data.map(|data| Rows { data, classes }),
            mix,
            policy: self.policy(policy),
            patience: text.patience.value.as_ref().map(|law| self.sampler(law, text.patience.span)),
            from: Time::from_nanos(from.as_nanos()),
            until: until.map(|until| Time::from_nanos(until.as_nanos())),
            requests: text.requests.value.map(|count| u64::from(count.0)),
            class: super::admission::class(&text.class),
            fault: None,
            dropped: Vec::new(),
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

    /// The data whose rows belong to the source's requests: its own, or those that it replays.
    fn rows(&mut self, text: &LoadText) -> Option<DataId> {
        let replayed = match &text.arrivals.value {
            ArrivalsText::Replay(replay) => named(&replay.data),
            _ => None,
        };
        match (named(&text.data), replayed) {
            (Some(own), Some(replayed)) if own.0 != replayed.0 => {
                self.report(own.span, "the source replays other data: its requests would have two rows", None);
                None
            }
            (own, replayed) => self.find_table(&own.or(replayed)?),
        }
    }

    fn replay(&mut self, text: &ReplayText, data: Option<DataId>) -> Arrivals {
        if let Some(column) = &text.column.value {
            if !text.at.is_empty() {
                self.report(text.at.span, "a replay has either instants of its own or a column", None);
            }
            let Some(data) = data else {
                if text.data.value.is_none() && !text.data.broken {
                    let hint = "name it: `Replay(data: \"requests\", column: …)`".to_owned();
                    self.report(text.column.span, "a column of which data?", Some(hint));
                }
                return Arrivals::Replay { at: Vec::new() };
            };
            let column = At::new(column.clone(), text.column.span);
            let column = self.column(data, &column, Cells::Instants);
            return column.map_or(Arrivals::Replay { at: Vec::new() }, |column| Arrivals::Recorded { column });
        }
        if let Some(pair) = text.at.windows(2).find(|pair| pair[1].value < pair[0].value) {
            self.report(pair[1].span, "recorded instants must ascend", None);
        }
        if text.at.len() > MAXIMUM_REPLAY {
            self.report(text.at.span, "more than a million recorded instants: put them into a data file", None);
        }
        if text.at.is_empty() && !text.at.broken && !text.column.broken {
            self.report(text.at.span, "nothing to replay", None);
        }
        Arrivals::Replay { at: text.at.iter().map(|at| Time::from_nanos(at.value.as_nanos())).collect() }
    }

    fn arrivals(&mut self, text: &ArrivalsText, data: Option<DataId>) -> Arrivals {
        match text {
            ArrivalsText::Poisson(text) => Arrivals::Poisson { rate: text.rate.0 },
            ArrivalsText::Constant(text) => Arrivals::Constant { rate: text.rate.0 },
            ArrivalsText::Replay(text) => self.replay(text, data),
            ArrivalsText::Renewal(text) => {
                let gap = self.sampler(&text.gap, text.gap.span);
                if self.blueprint[gap].mean() <= 0.0 && !text.gap.broken {
                    self.report(text.gap.span, "without gaps all requests would come at once", None);
                }
                Arrivals::Renewal { gap }
            }
            ArrivalsText::Closed(text) => {
                if text.users.0 > MAXIMUM_USERS {
                    self.report(text.users.span, format!("at most {MAXIMUM_USERS} users"), None);
                }
                Arrivals::Closed { users: text.users.0, think: self.sampler(&text.think, text.think.span) }
            }
        }
    }

    /// How many come together.
    fn batch(&mut self, text: &LoadText) -> Option<Batch> {
        let batch = text.batch.value.as_ref()?;
        let (least, law, mean) = match batch {
            BatchText::Fixed(batch) => {
                return Some(Batch { least: batch.size.0, more: None, mean: f64::from(batch.size.0) });
            }
            BatchText::Geometric(batch) if batch.mean.0 == 1.0 => return None,
            BatchText::Geometric(batch) => {
                if batch.mean.0 < 1.0 {
                    self.report(batch.mean.span, "a batch has at least one request", None);
                    return None;
                }
                // A geometric number is an exponential one rounded down.
                let again = 1.0 - 1.0 / batch.mean.0;
                (1, Sampler::exponential(-1.0 / ln(again)), batch.mean.0)
            }
            BatchText::Between(batch) => {
                let (low, high) = (batch.low.0, batch.high.0);
                if high < low {
                    self.report(batch.high.span, "the largest batch lies below the smallest", None);
                    return None;
                }
                let mean = (f64::from(low) + f64::from(high)) / 2.0;
                (low, Sampler::uniform(0.0, f64::from(high - low) + 1.0), mean)
            }
            BatchText::OneOf(batch) => {
                let sizes: Vec<f64> = batch.sizes.iter().map(|size| f64::from(size.0)).collect();
                let mean = sizes.iter().sum::<f64>() / sizes.len() as f64;
                (0, Sampler::empirical(sizes), mean)
            }
        };
        match law {
            Ok(law) => Some(Batch { least, more: Some(self.add_sampler(law)), mean }),
            Err(error) => {
                self.report(text.batch.span, error.to_string(), None);
                None
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

    fn mix(&mut self, text: &LoadText, data: Option<DataId>) -> (Vec<Mix>, Option<ColumnId>) {
        match &text.mix.value {
            MixText::Weights(weights) => {
                if weights.entries.is_empty() && !weights.partial {
                    self.report(text.mix.span, "the mix is empty: a source needs endpoints to call", None);
                }
                let part = |(name, entry): (&String, &Entry<Factor>)| {
                    Some(Mix {
                        endpoint: self.mixed(text, name, entry.name)?,
                        site: site("mix", name, 0),
                        weight: entry.value.0,
                    })
                };
                (weights.iter().filter_map(part).collect(), None)
            }
            MixText::Column(column) => self.recorded_mix(text, column, data),
        }
    }

    /// Endpoints by recorded class; their weights are how often each occurs.
    fn recorded_mix(
        &mut self,
        text: &LoadText,
        column: &ColumnMix,
        data: Option<DataId>,
    ) -> (Vec<Mix>, Option<ColumnId>) {
        let mut mix: Vec<Mix> = Vec::new();
        let mut positions = BTreeMap::new();
        for (class, entry) in column.endpoints.iter() {
            let Some(endpoint) = self.mixed(text, &entry.value, entry.name) else { return (mix, None) };
            // Classes may share an endpoint.
            let position = mix.iter().position(|part| part.endpoint == endpoint).unwrap_or(mix.len());
            if position == mix.len() {
                mix.push(Mix { endpoint, site: site("mix", &entry.value, 0), weight: 0.0 });
            }
            positions.insert(class.as_str(), position as u64);
        }
        let Some(data) = data else {
            if !text.data.broken
                && named(&text.data).is_none()
                && !matches!(text.arrivals.value, ArrivalsText::Replay(_))
            {
                let hint = "give the source its rows: `data: \"requests\"`".to_owned();
                self.report(column.column.span, "the requests of this source have no recorded rows", Some(hint));
            }
            return (mix, None);
        };
        let source = self.mixes;
        self.mixes += 1;
        let classes = self.classes(data, column, source, &positions);
        if let Some(id) = classes {
            let values = &self.blueprint.recordings.columns[id.index()].values;
            values.iter().for_each(|&position| mix[position as usize].weight += 1.0);
        }
        (mix, classes)
    }

    /// An endpoint of the source's target.
    fn mixed(&mut self, text: &LoadText, name: &str, span: Span) -> Option<EndpointId> {
        let service = self.system.services.get(&text.target.0)?;
        let endpoint = service.endpoints.names().position(|endpoint| endpoint == name);
        if endpoint.is_none() && !service.endpoints.partial && !service.endpoints.entries.is_empty() {
            let hint = suggest::hint(name, service.endpoints.names());
            self.report(span, format!("{:?} has no endpoint {name:?}", text.target.0), hint);
        }
        endpoint.map(|n| EndpointId(n as u32))
    }
}

/// What only an open source can have.
fn open_only(text: &LoadText) -> Option<Span> {
    if text.batch.is_some() {
        return Some(text.batch.span);
    }
    text.profile.is_some().then_some(text.profile.span)
}

/// A name that may be left out, with its place.
fn named(name: &At<Option<Name>>) -> Option<At<Name>> {
    let value = name.value.clone()?;
    Some(At { value, span: name.span, broken: name.broken })
}
