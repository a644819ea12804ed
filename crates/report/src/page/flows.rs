//! Who waited, for what, because of whom: sums over `truth/blame`.

use knockon_lab::story::{BlameRow, Holder};
use serde::Serialize;
use std::collections::BTreeMap;

/// Flows that are drawn: the largest. What they leave is told as a sum.
const MOST: usize = 40;

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
    pub(crate) fn add(&mut self, row: &BlameRow<'_>) {
        if row.waited_ns == 0 {
            return;
        }
        let key = (
            row.waiting.to_owned(),
            row.resource.to_owned(),
            row.kind.to_owned(),
            row.holding.map(str::to_owned),
            row.holding_activity.to_owned(),
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
