//! What becomes of records on their way: no world notices.

use super::law;
use crate::draft::{Draft, map};
use crate::table::{Record, may, must};

pub(super) static OBSERVER: Record = Record {
    what: "observer",
    fields: &[
        may("spans", |d| Some(d.record(&SPANS))),
        may("logs", |d| Some(d.record(&LOGS))),
        may("metrics", |d| Some(d.record(&METRICS))),
        may("clocks", clocks),
    ],
};

pub(super) static SPANS: Record = Record {
    what: "observed spans",
    fields: &[
        may("head", share),
        may("tail", |d| Some(d.record(&TAIL))),
        may("lost", share),
        may("duplicated", share),
        may("delayed", |d| Some(d.record(&DELAYED))),
        may("without_parent", share),
        may("without_peer", share),
        may("without_status_code", share),
    ],
};

pub(super) static TAIL: Record = Record {
    what: "tail sampling",
    fields: &[
        may("errors", |d| d.one_of(&["true", "false"])),
        may("slower_than", |d| d.quoted(&["0s", "10ms", "1s"])),
        may("share", share),
        may("wait", |d| d.quoted(&["30s", "5ms", "1s"])),
        may("traces", |d| d.one_of(&["50000", "1", "7"])),
    ],
};

pub(super) static DELAYED: Record =
    Record { what: "delayed", fields: &[must("share", share), must("by", |d| Some(d.choice(&law::LAW)))] };

pub(super) static LOGS: Record = Record {
    what: "observed logs",
    fields: &[
        may("lost", share),
        may("duplicated", share),
        may("delayed", |d| Some(d.record(&DELAYED))),
        may("without_trace", share),
    ],
};

pub(super) static METRICS: Record = Record { what: "observed metrics", fields: &[may("failed_scrapes", share)] };

pub(super) static CLOCK: Record = Record {
    what: "clock",
    fields: &[
        may("ahead", |d| d.quoted(&["0s", "30ms", "10s"])),
        may("behind", |d| d.quoted(&["0s", "4ms", "10s"])),
        may("spread", |d| d.quoted(&["0s", "1us", "20ms"])),
    ],
};

fn share(d: &mut Draft<'_>) -> Option<String> {
    d.one_of(&["0", "1", "0.5", "\"1 %\""])
}

fn clocks(d: &mut Draft<'_>) -> Option<String> {
    let name = d.any_component();
    Some(map([(name, d.record(&CLOCK))]))
}
