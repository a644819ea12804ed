//! Who waited, for what, because of whom: sums over `truth/blame`.

use crate::error::Result;
use crate::files::Files;
use knockon_lab::story::Holder;
use serde::Serialize;
use std::collections::BTreeMap;

/// Flows that are drawn: the largest. What they leave is told as a sum.
const MOST: usize = 40;

/// A row of blame that says for whose requests something waited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    resource: &'a str,
    kind: &'a str,
    waiting: &'a str,
    holding: Option<&'a str>,
    activity: &'a str,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    waited_ns: u64,
}

pub(crate) fn each(files: &Files, mut take: impl FnMut(&Row<'_>)) -> Result<()> {
    const COLUMNS: [&str; 8] =
        ["resource", "kind", "waiting", "holding", "holding_activity", "window_start", "window_end", "waited_ns"];
    files.each("truth/blame", &COLUMNS, |batch, row| {
        take(&Row {
            resource: batch.text(0, row).unwrap_or_default(),
            kind: batch.text(1, row).unwrap_or_default(),
            waiting: batch.text(2, row).unwrap_or_default(),
            holding: batch.text(3, row),
            activity: batch.text(4, row).unwrap_or_default(),
            start_ns: files.offset_ns(batch.integer(5, row).unwrap_or(0)),
            end_ns: files.offset_ns(batch.integer(6, row).unwrap_or(0)),
            waited_ns: batch.integer(7, row).unwrap_or(0).cast_unsigned(),
        });
    })
}

/// One flow: for so long those of one endpoint waited for a resource because those of another held it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Flow {
    waiting: String,
    resource: String,
    kind: String,
    /// Who held it, doing what, in words.
    held_by: String,
    waited_ns: u64,
}

type Key = (String, String, String, Option<String>, String);

/// Sums by who waits, for what, and who holds it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flows(BTreeMap<Key, u64>);

impl Flows {
    pub(crate) fn add(&mut self, row: &Row<'_>) {
        if row.waited_ns == 0 {
            return;
        }
        let key = (
            row.waiting.to_owned(),
            row.resource.to_owned(),
            row.kind.to_owned(),
            row.holding.map(str::to_owned),
            row.activity.to_owned(),
        );
        *self.0.entry(key).or_default() += row.waited_ns;
    }

    /// The largest, and what is left, the largest first.
    pub(crate) fn finish(self) -> Vec<Flow> {
        let flow = |((waiting, resource, kind, holding, activity), waited_ns): (Key, u64)| {
            let holder = Holder {
                resource: resource.clone(),
                kind: kind.clone(),
                holding,
                activity,
                waited_ns,
                waited_for_resource_ns: waited_ns,
            };
            Flow { waiting, resource, kind, held_by: holder.in_words(), waited_ns }
        };
        let mut flows: Vec<Flow> = self.0.into_iter().map(flow).collect();
        flows.sort_by_key(|flow| std::cmp::Reverse(flow.waited_ns));
        let rest: u64 = flows.iter().skip(MOST).map(|flow| flow.waited_ns).sum();
        flows.truncate(MOST);
        if rest > 0 {
            let other = |word: &str| word.to_owned();
            flows.push(Flow {
                waiting: other("others"),
                resource: other("others"),
                kind: other("others"),
                held_by: other("others"),
                waited_ns: rest,
            });
        }
        flows
    }
}
