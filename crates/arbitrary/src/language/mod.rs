//! The scenario language as tables of what can be made up.

mod admission;
mod broker;
mod campaign;
mod fault;
mod law;
mod leaf;
mod limit;
mod load;
mod observer;
mod path;
mod policy;
mod service;
mod step;
mod store;
mod traffic;

use crate::draft::{Draft, map};
use crate::table::{Choice, Record, may, must, rare};

pub(crate) use path::FORMS;

/// The scenario. Its parts are made in this order: what comes later refers to what came before.
pub(crate) static SCENARIO: Record = Record {
    what: "scenario",
    fields: &[
        rare("title", |d| d.quoted(&["", "a \"title\" of many words, with: (everything) in it"])),
        rare("start", |d| d.quoted(&["2026-01-05T09:00:00+01:00", "1999-12-31T23:59:59Z"])),
        must("duration", |d| d.quoted(&["1min", "10min", "1s", "7s"])),
        may("scrape", |d| d.quoted(&["15s", "1s", "250ms", "777ms"])),
        must("services", services),
        must("databases", store::databases),
        must("caches", store::caches),
        must("brokers", broker::brokers),
        must("load", load::sources),
        must("links", load::links),
        must("faults", fault::faults),
        may("with", |d| Some(path::settings_from_the_start(d))),
        rare("limits", |d| Some(d.record(&LIMITS))),
        rare("campaign", |d| Some(d.record(&campaign::CAMPAIGN))),
        may("observer", |d| Some(d.record(&observer::OBSERVER))),
    ],
};

static LIMITS: Record = Record {
    what: "limits",
    fields: &[
        may("frames", |d| d.one_of(&["4000000", "50"])),
        may("events_per_instant", |d| d.one_of(&["1000", "100000"])),
    ],
};

fn services(d: &mut Draft<'_>) -> Option<String> {
    let mut entries = Vec::new();
    for n in 0..d.plan.services.len() {
        d.here.service = n;
        let name = d.service().name.clone();
        d.bounded.insert(name.clone());
        entries.push((name, d.record(&service::SERVICE)));
    }
    Some(map(entries))
}

/// Every struct of the language that is made up.
pub(crate) static RECORDS: &[&Record] = &[
    &SCENARIO,
    &LIMITS,
    &campaign::CAMPAIGN,
    &campaign::LASTING,
    &service::SERVICE,
    &admission::QUEUE,
    &store::LOCAL_CACHE,
    &service::HEAP,
    &service::PAUSE,
    &service::MEMORY,
    &service::WARM_UP,
    &service::HEALTH,
    &service::PROBE,
    &service::EXECUTOR,
    &step::ENDPOINT,
    &step::BRANCH,
    &policy::BACKOFF,
    &law::PART,
    &store::DATABASE,
    &store::QUERY,
    &store::CACHE,
    &store::COMMAND,
    &store::KEYS,
    &store::CONTENTION,
    &broker::BROKER,
    &broker::MESSAGE_QUEUE,
    &broker::CONSUMER,
    &load::LOAD,
    &load::PROFILE,
    &load::POINT,
    &load::LINK,
    &traffic::OUTLIER,
    &traffic::BULKHEAD,
    &traffic::THROTTLE,
    &store::TABLE,
    &store::DISK,
    &store::EXPIRY,
    &observer::OBSERVER,
    &observer::SPANS,
    &observer::TAIL,
    &observer::DELAYED,
    &observer::LOGS,
    &observer::METRICS,
    &observer::CLOCK,
];

/// Every enum of the language that is made up.
pub(crate) static CHOICES: &[&Choice] = &[
    &admission::ORDER,
    &admission::DELAY,
    &admission::VICTIM,
    &admission::REJECTION,
    &admission::OVERFLOW,
    &admission::SCHEDULE,
    &admission::CLASS,
    &limit::RATE_LIMIT,
    &limit::CONCURRENCY,
    &limit::EXCESS,
    &law::LAW,
    &step::STEP,
    &step::ABANDONED,
    &step::JOIN,
    &step::SEVERITY,
    &policy::JITTER,
    &policy::OUTCOME,
    &service::RUNTIME,
    &service::COLLECTOR,
    &service::OUT_OF_MEMORY,
    &service::DISCIPLINE,
    &service::VACATION,
    &service::PREFORK,
    &service::HANDLER,
    &service::RESTART,
    &service::POOL,
    &store::EVICTION,
    &store::POPULARITY,
    &store::ROW,
    &broker::TRANSPORT,
    &broker::MESSAGE_OVERFLOW,
    &broker::ACK,
    &broker::ON_FAILURE,
    &load::ARRIVALS,
    &load::BATCH,
    &load::PERSISTENCE,
    &policy::ANSWERS,
    &traffic::BALANCE,
    &traffic::BREAKER,
    &traffic::BUDGET,
    &fault::FAULT,
    &fault::CONTRAST,
    &store::LOCK_MODE,
    &store::READS,
];
