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
        must("lock_timeout", leaf::patience),
        may("statement_timeout", leaf::patience_or_none),
        may("log_lock_waits", leaf::flag),
        may("deadlock_timeout", |d| d.quoted(&["20ms", "1s", "200ms"])),
        must("tables", |d| {
            d.here.kept.clear();
            d.here.sized.clear();
            let names = ["users", "orders"].into_iter().filter(|_| d.choices.chance(60)).collect::<Vec<_>>();
            Some(map(names.into_iter().map(|name| {
                d.here.kept.push(name);
                d.here.writing = Some(name);
                (name.to_owned(), d.record(&TABLE))
            })))
        }),
        must("disk", |d| {
            d.here.disk = d.choices.chance(140);
            d.here.disk.then(|| {
                let name = d.plan.databases[d.here.database].name.clone();
                d.disks.push(name);
                d.record(&DISK)
            })
        }),
        must("replica_of", |d| {
            let found = d.primaries.last().cloned().filter(|_| d.choices.chance(220));
            d.here.replica = found.is_some();
            found.map(|name| quote(&name))
        }),
        must("replay", |d| {
            if !d.here.replica {
                return None;
            }
            let name = d.plan.databases[d.here.database].name.clone();
            d.replicas.push(name);
            d.quoted(&["1MiB", "10MiB", "100KiB"])
        }),
        may("replay_delay", |d| if d.here.replica { d.quoted(&["100ms", "2s"]) } else { None }),
        may("shared_buffers", |d| d.quoted(&["8KiB", "80KiB", "10MiB"])),
        may("connect", law),
        may("serial_share", |d| d.one_of(&["0.7", "0", "1", "\"5 %\""])),
        may("commit", law),
        may("rollback", law),
        may("memory", |d| Some(d.record(&MEMORY))),
        may("start_up", law),
        may("restart", |d| Some(d.choice(&RESTART))),
        must("queries", |d| {
            let names = d.plan.databases[d.here.database].queries.clone();
            if d.here.disk && !d.here.replica {
                let name = d.plan.databases[d.here.database].name.clone();
                d.primaries.push(name);
            }
            Some(map(names.into_iter().map(|name| (name, d.record(&QUERY)))))
        }),
    ],
};

pub(super) static QUERY: Record = Record {
    what: "query class",
    fields: &[
        may("operation", |d| {
            if d.here.replica { d.quoted(&["SELECT"]) } else { d.quoted(&["SELECT", "INSERT", "UPDATE", "DELETE"]) }
        }),
        must("table", |d| {
            let name = d.choices.pick(&["users", "", "orders"]);
            d.here.named = Some(name);
            d.here.table = d.here.kept.contains(&name).then_some(name);
            if let Some(name) = d.here.table {
                d.tables.push((d.plan.databases[d.here.database].name.clone(), name));
            }
            Some(quote(name))
        }),
        rare("text", |d| d.quoted(&["SELECT 1", "SELECT \"x\" FROM t WHERE a = 'b'"])),
        must("demand", law),
        may("locks", |d| if d.choices.chance(100) { Some(d.choice(&ROW)) } else { None }),
        may("reads", |d| {
            (d.here.disk && d.here.named.is_some_and(|name| d.here.sized.contains(&name))).then(|| d.choice(&READS))
        }),
        may(
            "writes",
            |d| if d.here.disk && !d.here.replica { d.quoted(&["1KiB", "0B", "3MiB", "20MiB"]) } else { None },
        ),
        may("table_lock", |d| d.here.table.is_some().then(|| d.choice(&LOCK_MODE))),
    ],
};

pub(super) static TABLE: Record = Record {
    what: "table",
    fields: &[
        may("locked", |d| {
            let locked = d.choices.chance(200);
            if !locked {
                d.here.kept.pop();
            }
            Some(locked.to_string())
        }),
        may("size", |d| {
            let name = d.here.writing?;
            d.here.sized.push(name);
            d.quoted(&["100KiB", "0B", "1MiB", "20KiB"])
        }),
    ],
};

pub(super) static DISK: Record = Record {
    what: "disk",
    fields: &[
        must("capacity", |d| d.quoted(&["100MiB", "160MiB", "1GiB"])),
        may("used", |d| d.quoted(&["10MiB", "0B"])),
        may("latency", law),
        may("bandwidth", |d| d.quoted(&["1MiB", "100MiB", "10KiB"])),
        may("depth", |d| d.one_of(&["1", "2", "16"])),
        may("growth", |d| d.quoted(&["1GiB", "0B", "10MiB"])),
        may("log_growth", |d| d.quoted(&["1GiB", "0B", "10MiB"])),
        may("log_rotation", |d| d.quoted(&["1MiB", "30MiB"])),
        may("log_line", |d| d.quoted(&["200B", "1MiB"])),
        may("min_wal_size", |d| d.quoted(&["16MiB", "80MiB", "0B"])),
        may("max_wal_size", |d| d.quoted(&["16MiB", "32MiB"])),
        may("checkpoint_timeout", |d| d.quoted(&["1s", "100ms"])),
    ],
};

pub(super) static READS: Choice = Choice {
    what: "reads",
    variants: &[variant("Pages", &[must("count", |d| d.one_of(&["1", "3", "20"]))]), variant("Scan", &[])],
};

pub(super) static LOCK_MODE: Choice = Choice {
    what: "lock mode",
    variants: &[
        variant("AccessExclusive", &[]),
        variant("AccessShare", &[]),
        variant("RowShare", &[]),
        variant("RowExclusive", &[]),
        variant("ShareUpdateExclusive", &[]),
        variant("Share", &[]),
        variant("ShareRowExclusive", &[]),
        variant("Exclusive", &[]),
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
                may("draw", |d| d.one_of(&["1", "2"])),
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
        may("maxclients", |d| {
            d.counting.push(d.plan.caches[d.here.cache].name.clone());
            d.one_of(&["1", "3", "100"])
        }),
        may("maxkeys", leaf::count_from_1),
        may("samples", leaf::count_from_1),
        may("lfu_log_factor", |d| d.one_of(&["10", "0", "100"])),
        may("lfu_decay_minutes", |d| d.one_of(&["1", "0"])),
        may("eviction", |d| Some(d.choice(&EVICTION))),
        may("expiry", |d| {
            d.expiries.push(d.plan.caches[d.here.cache].name.clone());
            Some(d.record(&EXPIRY))
        }),
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

pub(super) static EXPIRY: Record = Record {
    what: "expiry",
    fields: &[
        may("hz", |d| d.one_of(&["10", "1", "500"])),
        may("effort", |d| d.one_of(&["1", "10", "4"])),
        may("look", |d| d.quoted(&["100ns", "1ns", "1ms"])),
        may("delete", |d| d.quoted(&["1us", "1ns", "20ms"])),
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
        rare("expire_at", |d| d.quoted(&["500ms", "1s", "3s"])),
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
