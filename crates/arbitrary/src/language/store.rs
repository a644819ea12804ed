//! Databases and caches.

use super::law::law;
use super::leaf;
use super::service::{MEMORY, RESTART};
use crate::draft::{Draft, map, quote};
use crate::plan::Keys;
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
        may("quota", leaf::quota),
        may("contention", |d| Some(d.record(&CONTENTION))),
        may("max_connections", |d| d.number(4, 12)),
        may("reserved", |d| d.number(0, 3)),
        may("slow_query", leaf::patience_or_none),
        // Two transactions that lock rows in different orders would wait for each other for ever.
        must("lock_timeout", leaf::patience),
        may("statement_timeout", leaf::patience_or_none),
        may("log_lock_waits", leaf::flag),
        may("connect", law),
        may("serial_share", |d| d.one_of(&["0.7", "0", "1", "\"5 %\""])),
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
        may("locks", |d| if d.choices.chance(100) { Some(d.choice(&ROW)) } else { None }),
    ],
};

pub(super) static ROW: Choice = Choice {
    what: "row",
    variants: &[
        variant("Row", &[must("name", |d| table(d, "hot", 1))]),
        variant(
            "Drawn",
            &[
                must("table", |d| table(d, "few", 3)),
                must("count", |d| d.one_of(&["3"])),
                may("popularity", |d| Some(d.choice(&POPULARITY))),
            ],
        ),
    ],
};

/// The name of a row or a table, noted for those who hold it.
fn table(d: &mut Draft<'_>, name: &'static str, rows: usize) -> Option<String> {
    let database = d.plan.databases[d.here.database].name.clone();
    d.rows.push((database, name, rows));
    Some(quote(name))
}

pub(super) static CONTENTION: Record = Record {
    what: "contention",
    fields: &[must("sigma", |d| d.one_of(&["0.05", "0", "1"])), may("kappa", |d| d.one_of(&["0.0001", "0", "1"]))],
};

pub(super) static CACHE: Record = Record {
    what: "cache",
    fields: &[
        rare("was", |d| Some(quote(&format!("old-{}", d.plan.caches[d.here.cache].name)))),
        may("maxmemory", |d| d.quoted(&["100KiB", "1B", "10KiB", "1MiB"])),
        may("maxkeys", leaf::count_from_1),
        may("samples", leaf::count_from_1),
        may("lfu_log_factor", |d| d.one_of(&["10", "0", "100"])),
        may("lfu_decay_minutes", |d| d.one_of(&["1", "0"])),
        may("eviction", |d| Some(d.choice(&EVICTION))),
        may("entry_overhead", |d| d.quoted(&["96B", "0B"])),
        may("get", law),
        may("set", law),
        may("flush", law),
        must("commands", |d| {
            let names = d.plan.caches[d.here.cache].commands.clone();
            Some(map(names.into_iter().map(|name| (name, d.record(&COMMAND)))))
        }),
        may("slow_log", leaf::patience_or_none),
        may("places", leaf::limit),
        may("memory", |d| Some(d.record(&MEMORY))),
        may("start_up", law),
        may("restart", |d| Some(d.choice(&RESTART))),
        must("keys", |d| {
            let keys = d.plan.caches[d.here.cache].keys.clone();
            Some(key_spaces(d, keys))
        }),
    ],
};

pub(super) static COMMAND: Record =
    Record { what: "command", fields: &[must("name", |d| d.quoted(&["KEYS", "HGETALL", "GET"])), must("demand", law)] };

pub(super) static EVICTION: Choice = Choice {
    what: "eviction policy",
    variants: &[
        variant("NoEviction", &[]),
        variant("AllKeysLru", &[]),
        variant("AllKeysLfu", &[]),
        variant("AllKeysRandom", &[]),
        variant("VolatileLru", &[]),
        variant("VolatileLfu", &[]),
        variant("VolatileRandom", &[]),
        variant("VolatileTtl", &[]),
        variant("Lru", &[]),
        variant("Lfu", &[]),
    ],
};

pub(super) static KEYS: Record = Record {
    what: "key space",
    fields: &[
        rare("was", |d| {
            let number = d.used.len();
            Some(quote(&format!("old-keys-{number}")))
        }),
        must("count", |d| Some(d.here.keys.count.to_string())),
        may("popularity", |d| Some(d.choice(&POPULARITY))),
        rare("same_as", |d| {
            let all = d.plan.caches.iter().flat_map(|cache| cache.keys.iter().map(move |keys| (cache, keys)));
            let alike = all.filter(|(_, keys)| keys.count == d.here.keys.count);
            let alike: Vec<String> = alike.map(|(cache, keys)| format!("{}/{}", cache.name, keys.name)).collect();
            (!alike.is_empty()).then(|| quote(&alike[d.choices.below(alike.len())]))
        }),
        may("ttl", |d| {
            d.here.expires = true;
            leaf::age(d)
        }),
        may("renewed", |d| d.here.expires.then(|| leaf::flag(d))?),
        must("fresh", |d| d.here.keys.fresh.then(|| leaf::brief(d))?),
        may("value", leaf::small_bytes),
        may("warm", |d| {
            d.here.warm = true;
            leaf::flag(d)
        }),
        rare("expiries", |d| {
            let count = d.choices.below(d.here.keys.count.min(4) + 1);
            (!d.here.warm).then(|| d.list(count, |d| leaf::age(d).unwrap_or_default()))
        }),
    ],
};

/// Writes key spaces.
fn key_spaces(d: &mut Draft<'_>, keys: Vec<Keys>) -> String {
    let mut entries = Vec::new();
    for keys in keys {
        let name = keys.name.clone();
        (d.here.keys, d.here.expires, d.here.warm) = (keys, false, false);
        entries.push((name, d.record(&KEYS)));
    }
    map(entries)
}

pub(super) static LOCAL_CACHE: Record = Record {
    what: "local cache",
    fields: &[
        may("maximum_entries", leaf::count_from_1),
        may("maximum_bytes", |d| d.quoted(&["100KiB", "1B", "10KiB", "1MiB"])),
        may("eviction", |d| Some(d.choice(&EVICTION))),
        may("entry_overhead", |d| d.quoted(&["64B", "0B", "1MiB"])),
        must("keys", |d| {
            let keys = d.service().caches[d.here.cache].keys.clone();
            Some(key_spaces(d, keys))
        }),
    ],
};

/// Writes the caches within a service's processes.
pub(super) fn local_caches(d: &mut Draft<'_>) -> Option<String> {
    let names: Vec<String> = d.service().caches.iter().map(|cache| cache.name.clone()).collect();
    let mut entries = Vec::new();
    for (n, name) in names.into_iter().enumerate() {
        d.here.cache = n;
        entries.push((name, d.record(&LOCAL_CACHE)));
    }
    Some(map(entries))
}

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
