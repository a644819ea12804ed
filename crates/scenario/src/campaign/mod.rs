//! Campaigns: incidents drawn from the seed, written out as ordinary faults before anything is compiled.
//!
//! Incident n has an address of its own, below which lies everything about it: when it comes after the one before, whether it begins while that one is on,
//! which kind it is, how long it lasts and with which values. Of the kinds each draws an exponential time by its weight, and the first wins: so a kind that is
//! taken away leaves all incidents of others as they were, but where they begin within one of its own.

mod template;
mod values;

pub(crate) use template::Template;

use crate::decode::{Decode, Entry, Reader, Slot};
use crate::language::{CampaignText, FaultText, KindText, ScenarioText, SystemText};
use crate::leaf::Name;
use crate::origin::Span;
use crate::path::Address;
use knockon_kernel::{Duration, Key, Sampler};

/// Incidents of one campaign at most.
const MAXIMUM: u64 = 10_000;

/// Nanoseconds of a millisecond: what is drawn is written down in whole ones.
const GRAIN: u64 = 1_000_000;

/// Takes the campaign out of a scenario and adds the faults that it draws.
pub(crate) fn expand(text: &mut ScenarioText, system: &SystemText, seed: u64, reader: &mut Reader) {
    let Some(campaign) = text.campaign.value.take() else { return };
    let span = text.campaign.span;
    let found = reader.findings.len();
    check(&campaign, span, system, reader);
    if reader.findings.len() > found || text.duration.broken || text.campaign.broken {
        return;
    }
    for incident in draw(&campaign, text.duration.0, seed, span, reader) {
        let Some(kind) = campaign.kinds.entries.get(&incident.kind) else { continue };
        let place = kind.name;
        let until = kind.value.lasts.value.is_some().then_some(incident.until);
        let node = kind.value.fault.fill(&incident.name, incident.at, until, incident.key.name("values"), reader);
        let Some(value) = node.and_then(|node| FaultText::decode(&node, reader)) else { continue };
        if let Some(twice) = text.faults.entries.get(&incident.name) {
            reader.report(
                twice.name,
                format!("the campaign draws {:?} as well", incident.name),
                Some("give the fault or the kind another name".into()),
            );
            continue;
        }
        text.faults.entries.insert(incident.name, Entry { name: place, value, broken: false });
    }
}

/// A field of a campaign or, where there is none, what is wrong with its path and what could stand there.
pub(crate) type Found<'c> = Result<&'c mut dyn Slot, (String, Vec<String>)>;

/// Sets a field of a campaign by its path, `campaign.rate` or `campaign/slow-query.weight`. `None` where the path is about something else.
pub(crate) fn slot<'c>(campaign: &'c mut CampaignText, path: &str) -> Option<Found<'c>> {
    use crate::decode::Record;
    let rest = path.strip_prefix("campaign")?;
    let fields = |fields: &[crate::decode::Field]| fields.iter().map(|field| field.name.to_owned()).collect();
    if let Some(field) = rest.strip_prefix('.') {
        return Some(
            campaign
                .slot(field)
                .ok_or_else(|| (format!("a campaign has no field `{field}`"), fields(CampaignText::FIELDS))),
        );
    }
    let (kind, field) = rest.strip_prefix('/')?.rsplit_once('.')?;
    let known = campaign.kinds.names().map(str::to_owned).collect();
    Some(match campaign.kinds.value.entries.get_mut(kind) {
        None => Err((format!("the campaign has no kind {kind:?}"), known)),
        Some(entry) => entry
            .value
            .slot(field)
            .ok_or_else(|| (format!("a kind of incident has no field `{field}`"), fields(KindText::FIELDS))),
    })
}

/// What is wrong with a campaign, whatever is drawn.
fn check(campaign: &CampaignText, span: Span, system: &SystemText, reader: &mut Reader) {
    if campaign.together.0 >= 1.0 {
        reader.report(
            campaign.together.span,
            "some incidents must begin by themselves",
            Some("give a share below 100 %".into()),
        );
    }
    let weighs = campaign.kinds.iter().any(|(_, kind)| kind.value.weight.0 > 0.0 || kind.broken);
    if !weighs && !campaign.kinds.partial && !campaign.kinds.broken {
        reader.report(span, "a campaign needs a kind of incident with a weight", None);
    }
    for (name, kind) in campaign.kinds.iter().filter(|(_, kind)| !kind.broken) {
        if let Some(refusal) = Name::refusal(&format!("{name}-{MAXIMUM}")) {
            let refusal = Name::refusal(name).unwrap_or(refusal);
            reader.report(kind.name, refusal, None);
        }
        if let Some(law) = &kind.value.lasts.value {
            let place = kind.value.lasts.span;
            if law.recorded().is_some() {
                reader.report(place, "what is recorded belongs to requests", None);
            } else if let Err(error) = law.sampler() {
                reader.report(place, error.to_string(), None);
            }
        }
        if kind.value.fault.broken {
            continue;
        }
        // One of each kind is made to see whether any can be, since this run may draw none.
        let until = kind.value.lasts.value.is_some().then_some(Duration::from_secs(2));
        let fault = &kind.value.fault;
        let Some(node) = fault.fill(name, Duration::from_secs(1), until, Key::new(0), reader) else { continue };
        let set = match FaultText::decode(&node, reader) {
            Some(FaultText::Set(set)) => set.set.value,
            Some(FaultText::Deploy(deploy)) => deploy.set.value,
            _ => continue,
        };
        if system.services.partial || system.databases.partial || system.caches.partial || system.load.partial {
            continue;
        }
        for (path, entry) in &set.entries {
            let mut changed = system.clone();
            match Address::resolve(&mut changed, path) {
                Err(lost) => reader.report(entry.name, lost.message, lost.hint),
                Ok(address) => {
                    if let Some(slot) = address.slot(&mut changed) {
                        slot.set(&entry.value.0, reader);
                    }
                }
            }
        }
    }
}

/// An incident that was drawn.
struct Incident {
    kind: String,
    name: String,
    key: Key,
    at: Duration,
    until: Duration,
}

fn draw(campaign: &CampaignText, duration: Duration, seed: u64, span: Span, reader: &mut Reader) -> Vec<Incident> {
    let root = Key::new(seed).name("campaign");
    let together = campaign.together.0;
    // As many more come by themselves less often as others join them.
    let mean = 1e9 / (campaign.rate.0 * (1.0 - together));
    // The first one comes as if incidents had come for ever: what is left of a gap that is met with a probability by its length.
    let (gaps, first) = match campaign.clustering.0 {
        0.0 => (Sampler::constant(mean), Sampler::constant(mean)),
        clustering => {
            let shape = 1.0 / clustering;
            (Sampler::gamma(shape, mean), Sampler::gamma(shape + 1.0, mean * (shape + 1.0) / shape))
        }
    };
    let (gaps, first) = match (gaps, first) {
        (Ok(gaps), Ok(first)) => (gaps, first),
        (Err(error), _) | (_, Err(error)) => {
            reader.report(campaign.clustering.span, error.to_string(), None);
            return Vec::new();
        }
    };
    let last = duration.as_nanos().saturating_sub(campaign.quiet_end.value.as_nanos());
    let mut clock = campaign.quiet_start.value.as_nanos();
    let mut drawn = Vec::new();
    let mut before: Option<(u64, u64)> = None;
    for number in 1.. {
        let key = root.with(number);
        let at = match before.filter(|_| key.name("joins").unit() < together) {
            Some((at, lasts)) => at.saturating_add((key.name("within").unit() * lasts as f64) as u64),
            None => {
                let gap = if before.is_none() {
                    first.draw(key.name("gap")) * key.name("left").unit()
                } else {
                    gaps.draw(key.name("gap"))
                };
                clock = clock.saturating_add(gap as u64);
                clock
            }
        };
        // One that joins another never begins later than the next one by itself may: the run is over.
        if clock > last {
            break;
        }
        if number > MAXIMUM {
            reader.report(
                span,
                format!("over {MAXIMUM} incidents: too many for one scenario"),
                Some("give a lower rate or a shorter duration".into()),
            );
            return Vec::new();
        }
        let Some((kind, described)) = wins(campaign, key) else { break };
        let law = described.lasts.value.as_ref().and_then(|law| law.sampler().ok());
        let lasts = law.map_or(0, |law| law.duration(key.name("lasts")).as_nanos()).max(GRAIN);
        before = Some((at, lasts));
        let (at, until) = (at / GRAIN * GRAIN, (at / GRAIN + lasts.div_ceil(GRAIN)).saturating_mul(GRAIN));
        if until <= last {
            let (at, until) = (Duration::from_nanos(at), Duration::from_nanos(until));
            drawn.push(Incident { kind: kind.to_owned(), name: format!("{kind}-{number}"), key, at, until });
        }
    }
    drawn
}

/// The kind that an incident is of: that whose exponential time is over first.
fn wins(campaign: &CampaignText, key: Key) -> Option<(&str, &KindText)> {
    let weighing = campaign.kinds.iter().filter(|(_, kind)| kind.value.weight.0 > 0.0);
    let times = weighing.filter_map(|(name, kind)| {
        let time = Sampler::exponential(1.0 / kind.value.weight.0).ok()?.draw(key.name("kind").name(name));
        Some((time, name.as_str(), &kind.value))
    });
    times.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name, kind)| (name, kind))
}
