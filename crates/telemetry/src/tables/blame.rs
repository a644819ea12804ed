//! `truth/blame`: who held what others waited for, doing what, window by window.

use super::arrays::{NULL, Words, nanoseconds, times};
use super::declaration::{optional, required};
use super::{Encoder, Epoch, Kind, Table};
use crate::truth::BlameRow;
use arrow::array::{ArrayRef, UInt64Array};
use knockon_model::blueprint::Blueprint;
use knockon_model::record::{Party, Resource, ResourceKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The table.
pub(super) static BLAME: Table = Table {
    path: "truth/blame",
    meaning: "One row for each window, resource, waiting party and holding party: for how long those of the one waited for the resource \
              because those of the other held it. Each instant of a wait is shared out over all who hold at that instant, so the rows of a waiting \
              party sum to all that it waited for the resource in the window, to the nanosecond. Whoever is waiting and whoever holds \
              may be traced on: the activity says what it waits for itself.",
    columns: &[
        required(
            "resource",
            Kind::Word,
            "",
            "What was waited for: a service, `service/pool` for a pool, `service/executor` for threads, `caller -> callee` for permits. All instances together.",
        ),
        required(
            "kind",
            Kind::Word,
            "",
            "Of which kind it is: workers, pool, processor, locks, running (the process stood still), places (of the accept queue), \
             tokens (of a rate limit), concurrency (of a limit that refuses), permits (of a bulkhead), threads (of an executor).",
        ),
        required("waiting", Kind::Word, "", "For which requests something waited: `service/endpoint`, or a source."),
        required("waiting_activity", Kind::Word, "", "As what: `queued`, `pool db`, `computing` (without a core) …"),
        optional(
            "holding",
            Kind::Word,
            "",
            "For which requests it was held, as `waiting`; null where it was held for none.",
        ),
        required(
            "holding_activity",
            Kind::Word,
            "",
            "What those did who held it: `computing`, `child postgres/select_user` (waiting for its answer), `pool db`, `paused`, `blocking` (keeping the event loop) …; for bytes \
             during a collection `allocated`, `in_flight`, `retained`, `base`, `cached`; for connections also `leaked` and `opening`; for tokens \
             `admitted`; of no request: `session`, `vacation`, `outside` (stopped), `collector`, `expiry` (a Redis deletes \
             expired keys), `quota`, or `nothing` (nobody else held \
             it then: a processor that is too small for a single job, a pool that has no connection to give).",
        ),
        required("window_start", Kind::Time, "ns", "First instant of the window."),
        required("window_end", Kind::Time, "ns", "End of the window."),
        required("waited_ns", Kind::Nanoseconds, "ns", "Waiting, summed over those who waited."),
        required("refusals", Kind::U64, "", "Requests refused, or dropped from a queue, for want of it."),
    ],
};

/// Makes blame rows.
#[derive(Debug)]
pub(crate) struct Blame {
    epoch: Epoch,
    blueprint: Arc<Blueprint>,
    resources: BTreeMap<Resource, i32>,
    parties: BTreeMap<Party, (i32, i32)>,
    names: Words,
    kinds: Words,
    whose: Words,
    activities: Words,
}

impl Blame {
    pub(crate) fn new(blueprint: &Arc<Blueprint>) -> Self {
        let mut kinds = Words::default();
        for kind in ResourceKind::WORDS {
            kinds.key(kind);
        }
        Self {
            epoch: Epoch(blueprint.epoch_unix_ns),
            blueprint: Arc::clone(blueprint),
            resources: BTreeMap::new(),
            parties: BTreeMap::new(),
            names: Words::default(),
            kinds,
            whose: Words::default(),
            activities: Words::default(),
        }
    }

    fn resource(&mut self, resource: Resource) -> i32 {
        let Self { resources, names, blueprint, .. } = self;
        *resources.entry(resource).or_insert_with(|| names.key(&resource.name(blueprint)))
    }

    /// Numbers of whose requests a party is, and of what it does.
    fn party(&mut self, party: Party) -> (i32, i32) {
        let Self { parties, whose, activities, blueprint, .. } = self;
        *parties.entry(party).or_insert_with(|| {
            let name = party.who.name(blueprint);
            (whose.key_or_null(&name), activities.key(&party.activity.words(party.who, blueprint)))
        })
    }
}

impl Encoder for Blame {
    type Record = BlameRow;
    const TABLE: &'static Table = &BLAME;

    fn encode(&mut self, rows: &[BlameRow]) -> Vec<ArrayRef> {
        let resources = rows.iter().map(|r| self.resource(r.blame.resource)).collect();
        let kinds: Vec<i32> = rows.iter().map(|r| self.kinds.key(r.blame.resource.kind.word())).collect();
        let waiting: Vec<(i32, i32)> = rows.iter().map(|r| self.party(r.blame.waiting)).collect();
        let holding: Vec<(i32, i32)> = rows.iter().map(|r| self.party(r.blame.holding)).collect();
        debug_assert!(waiting.iter().all(|&(whose, _)| whose != NULL), "only requests wait");
        let epoch = self.epoch;
        vec![
            self.names.column(resources),
            self.kinds.column(kinds),
            self.whose.column(waiting.iter().map(|&(whose, _)| whose).collect()),
            self.activities.column(waiting.iter().map(|&(_, activity)| activity).collect()),
            self.whose.column(holding.iter().map(|&(whose, _)| whose).collect()),
            self.activities.column(holding.iter().map(|&(_, activity)| activity).collect()),
            times(rows.iter().map(|r| epoch.unix_ns(r.start))),
            times(rows.iter().map(|r| epoch.unix_ns(r.end))),
            nanoseconds(rows.iter().map(|r| r.blame.ns), None),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| r.blame.refusals))),
        ]
    }
}
