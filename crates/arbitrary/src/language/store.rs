//! Databases and caches.

use super::law::law;
use super::leaf;
use super::service::{MEMORY, RESTART};
use crate::draft::{Draft, map, quote};
use crate::table::{Choice, Record, may, must, rare, variant};

pub(super) static DATABASE: Record = Record {
    what: "database",
    fields: &[
        rare("was", |d| Some(quote(&format!("old-{}", d.plan.databases[d.here.database].name)))),
        may("workers", leaf::limit_from_1),
        may("cores", |d| {
            let name = d.plan.databases[d.here.database].name.clone();
            d.bounded.insert(name);
            leaf::cores(d)
        }),
        may("max_connections", |d| d.number(4, 12)),
        may("reserved", |d| d.number(0, 3)),
        may("slow_query", leaf::patience_or_none),
        may("connect", law),
        may("commit", law),
        may("rollback", law),
        may("memory", |d| Some(d.record(&MEMORY))),
        may("start_up", law),
        may("restart", |d| Some(d.choice(&RESTART))),
        must("queries", |d| {
            let names = d.plan.databases[d.here.database].queries.clone();
            Some(map(names.into_iter().map(|name| (name, d.record(&QUERY)))))
        }),
    ],
};

pub(super) static QUERY: Record = Record {
    what: "query class",
    fields: &[
        may("operation", |d| d.quoted(&["SELECT", "INSERT", "UPDATE", "DELETE"])),
        may("table", |d| d.quoted(&["users", ""])),
        rare("text", |d| d.quoted(&["SELECT 1", "SELECT \"x\" FROM t WHERE a = 'b'"])),
        must("demand", law),
    ],
};

pub(super) static CACHE: Record = Record {
    what: "cache",
    fields: &[
        rare("was", |d| Some(quote(&format!("old-{}", d.plan.caches[d.here.cache].name)))),
        may("maxmemory", |d| d.quoted(&["100KiB", "1B", "10KiB", "1MiB"])),
        may("eviction", |d| Some(d.choice(&EVICTION))),
        may("entry_overhead", |d| d.quoted(&["96B", "0B"])),
        may("get", law),
        may("set", law),
        may("flush", law),
        may("places", leaf::limit),
        may("memory", |d| Some(d.record(&MEMORY))),
        may("start_up", law),
        may("restart", |d| Some(d.choice(&RESTART))),
        must("keys", |d| {
            let names = d.plan.caches[d.here.cache].keys.clone();
            Some(map(names.into_iter().map(|name| (name, d.record(&KEYS)))))
        }),
    ],
};

pub(super) static EVICTION: Choice = Choice {
    what: "eviction policy",
    variants: &[variant("NoEviction", &[]), variant("AllKeysLru", &[]), variant("AllKeysRandom", &[])],
};

pub(super) static KEYS: Record = Record {
    what: "key space",
    fields: &[
        rare("was", |d| {
            let number = d.used.len();
            Some(quote(&format!("old-keys-{number}")))
        }),
        must("count", |d| d.one_of(&["10", "1", "100", "3000"])),
        may("popularity", |d| Some(d.choice(&POPULARITY))),
        may("ttl", leaf::age),
        may("value", leaf::small_bytes),
        may("warm", leaf::flag),
    ],
};

pub(super) static POPULARITY: Choice = Choice {
    what: "popularity",
    variants: &[variant("Uniform", &[]), variant("Zipf", &[must("exponent", |d| d.one_of(&["1", "0.8", "1.3"]))])],
};

/// Writes every database.
pub(super) fn databases(d: &mut Draft<'_>) -> Option<String> {
    let names: Vec<String> = d.plan.databases.iter().map(|database| database.name.clone()).collect();
    let mut entries = Vec::new();
    for (n, name) in names.into_iter().enumerate() {
        d.here.database = n;
        entries.push((name, d.record(&DATABASE)));
    }
    Some(map(entries))
}

/// Writes every cache.
pub(super) fn caches(d: &mut Draft<'_>) -> Option<String> {
    let names: Vec<String> = d.plan.caches.iter().map(|cache| cache.name.clone()).collect();
    let mut entries = Vec::new();
    for (n, name) in names.into_iter().enumerate() {
        d.here.cache = n;
        entries.push((name, d.record(&CACHE)));
    }
    Some(map(entries))
}
