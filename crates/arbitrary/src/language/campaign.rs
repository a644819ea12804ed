//! Campaigns: incidents that are drawn when the world is compiled.

use super::fault;
use super::load::LOAD;
use super::path;
use crate::draft::{Draft, map};
use crate::table::{Record, may, must};

pub(super) static CAMPAIGN: Record = Record {
    what: "campaign",
    fields: &[
        must("rate", |d| d.quoted(&["6/min", "1/min", "20/min"])),
        must("kinds", kinds),
        may("together", |d| d.one_of(&["0", "0.3", "0.9"])),
        may("clustering", |d| d.one_of(&["0", "1", "0.5", "4"])),
        must("quiet_start", |d| d.quoted(&["0s", "1s"])),
        must("quiet_end", |d| d.quoted(&["0s", "500ms", "1min"])),
    ],
};

pub(super) static LASTING: Record = Record {
    what: "kind of incident",
    fields: &[
        may("weight", |d| d.one_of(&["1", "0.5", "3"])),
        must("lasts", |d| {
            d.one_of(&["\"200ms\"", "Uniform(low: \"1ms\", high: \"2s\")", "Exponential(mean: \"300ms\")"])
        }),
        must("fault", |d| {
            Some(match d.choices.below(3) {
                0 => format!("Set(set: {})", path::settings(d, true, None)),
                1 => format!("Pause(service: {})", fault::component(d)?),
                _ => {
                    d.here.source = "crowd".to_owned();
                    format!("Surge(load: {})", d.record(&LOAD))
                }
            })
        }),
    ],
};

static MOMENTARY: Record = Record {
    what: "kind of incident",
    fields: &[
        may("weight", |d| d.one_of(&["1", "0", "2"])),
        must("fault", |d| Some(format!("Kill(service: Pick([{}, {}]))", fault::component(d)?, fault::component(d)?))),
    ],
};

fn kinds(d: &mut Draft<'_>) -> Option<String> {
    let count = d.choices.below(3);
    // The first one has a weight above nothing.
    let mut entries = vec![("kind-0".to_owned(), d.record(&LASTING))];
    for n in 1..=count {
        let kind = if d.choices.chance(128) { d.record(&MOMENTARY) } else { d.record(&LASTING) };
        entries.push((format!("kind-{n}"), kind));
    }
    Some(map(entries))
}
