//! Databases and caches.

use super::{ContentionText, Law, MemoryText, RestartText};
use crate::decode::{At, Map, choice, record};
use crate::leaf::{Bytes, Capacity, Count, Factor, Limit, Name, Period, Portion};
use knockon_kernel::Duration;

record! {
    /// A PostgreSQL server.
    DatabaseText as "database" {
        /// Its former name: draws stay as they were over a rename.
        was: Option<Name>,
        /// Queries that run at once; more wait.
        workers: Limit<1> = [8],
        /// Processor capacity. Without a bound, only the workers share the machine.
        cores: Capacity = [Unlimited],
        /// The container's processor limit (CFS quota), as of a service.
        quota: Capacity = [Unlimited],
        /// How statements that run at once slow each other down.
        contention: Option<ContentionText>,
        /// `max_connections`.
        max_connections: Count<1> = [100],
        /// `superuser_reserved_connections`: an ordinary role is refused so many earlier.
        reserved: Count = [3],
        /// `log_min_duration_statement`. None logs no statement.
        slow_query: Option<Period> = ["250ms"],
        /// `lock_timeout`: a statement fails (SQLSTATE 55P03) when a wait for a row takes longer. None waits for ever.
        lock_timeout: Option<Period>,
        /// `statement_timeout`: a statement is cancelled (SQLSTATE 57014) so long after it came. None waits for ever.
        statement_timeout: Option<Period>,
        /// `log_lock_waits`: whether waits for a lock of over `deadlock_timeout` are logged.
        log_lock_waits: bool = [false],
        /// `deadlock_timeout`: after so long a wait a session looks whether others wait for it in turn; then its statement fails (SQLSTATE
        /// 40P01). A second when left out.
        deadlock_timeout: Option<Period>,
        /// Tables of which more is told, by name. Queries that name one as their `table` lock it.
        tables: Map<TableText>,
        /// The disk that its tables and its logs lie on. None is one that is never read, never full, and costs nothing.
        disk: Option<DiskText>,
        /// The database whose replica it is: it replays what that writes into its write-ahead log, and serves reads. Clients reach it over pools of
        /// their own.
        replica_of: Option<Name>,
        /// Bytes of the log that a replica replays in a second, one record after the other. 64 MiB when left out.
        replay: Option<Bytes<1>>,
        /// How long after they were written records are replayed at the earliest.
        replay_delay: Option<Period>,
        /// `shared_buffers`: pages of tables in memory. 128 MiB when left out.
        shared_buffers: Option<Bytes<8192>>,
        /// Forking a back end and authenticating; a refusal costs as much.
        connect: Law = [LogNormal(median: "11ms", p99: "30ms")],
        /// Share of that for which the postmaster is busy: connections that come at once queue for so long each.
        serial_share: Portion = [0],
        /// Demand of COMMIT: the flush of the write-ahead log.
        commit: Law = [LogNormal(median: "1ms", p99: "6ms")],
        /// Demand of ROLLBACK.
        rollback: Law = ["0.2ms"],
        /// Memory.
        memory: MemoryText = [(baseline: "256MiB")],
        /// From the start to the first connection.
        start_up: Law = ["3s"],
        /// What the platform does when it exits.
        restart: RestartText = [Kubernetes],
        /// Query classes, by name.
        queries: Map<QueryText>,
    }
}

record! {
    /// A query class.
    QueryText as "query class" {
        /// `SELECT`, `INSERT`, `UPDATE`, `DELETE`.
        operation: String = ["SELECT"],
        /// The table.
        table: String = [""],
        /// The statement's text, for the slow-query log; made from operation and table when left out.
        text: Option<String>,
        /// Time that it keeps a worker busy.
        demand: Law,
        /// The row that it locks before that, until its transaction ends. It waits, without a worker, while another transaction
        /// holds the row.
        locks: Option<RowText>,
        /// The mode in which it locks its table, until its transaction ends, where `tables` of the database has it. When left out it is that
        /// of the operation: SELECT takes ACCESS SHARE (ROW SHARE where it locks a row), INSERT, UPDATE and DELETE take ROW EXCLUSIVE.
        table_lock: Option<LockModeText>,
        /// The pages of its table that it reads before it needs a worker's time. Those that are not in memory come from the disk.
        reads: Option<ReadsText>,
        /// Bytes of rows that it writes after that. They need room on the disk, as does what is written of them into the write-ahead log.
        writes: Option<Bytes>,
    }
}

choice! {
    /// Pages that a query reads.
    ReadsText as "reads" {
        /// So many, each any of its table's: what an index leads to.
        Pages(PagesText),
        /// All of its table: what is done without an index.
        Scan,
    }
}

record! {
    /// Pages of a table.
    PagesText as "Pages" {
        /// How many.
        count: Count<1>,
    }
}

record! {
    /// A volume of its own. It takes no longer the fuller it is, only the more is asked of it.
    DiskText as "disk" {
        /// Its size.
        capacity: Bytes<1>,
        /// What lies on it at the start, beside the write-ahead log.
        used: Bytes = ["0B"],
        /// What the device takes for an I/O, beside its bytes.
        latency: Law = [LogNormal(median: "0.5ms", p99: "3ms")],
        /// Bytes that it reads or writes in a second.
        bandwidth: Bytes<1> = ["125MiB"],
        /// I/Os that it works on at once; more wait.
        depth: Count<1> = [16],
        /// Bytes a minute by which data grows that no query writes.
        growth: Bytes = ["0B"],
        /// Bytes a minute by which the server's log grows, beside its lines.
        log_growth: Bytes = ["0B"],
        /// Size at which the log is cut off. None keeps it all.
        log_rotation: Option<Bytes<1>>,
        /// Bytes of a line of the log.
        log_line: Bytes = ["200B"],
        /// `min_wal_size`: the write-ahead log keeps so much of its room.
        min_wal_size: Bytes = ["80MiB"],
        /// `max_wal_size`: so much is written between checkpoints, nearly twice.
        max_wal_size: Bytes<16777216> = ["1GiB"],
        /// `checkpoint_timeout`.
        checkpoint_timeout: Period = ["5min"],
    }
}

record! {
    /// A table.
    TableText as "table" {
        /// Whether queries lock it.
        locked: bool = [true],
        /// Bytes of it that queries read: its working set.
        size: Option<Bytes>,
    }
}

choice! {
    /// A mode of locks of tables, from the weakest to the strongest.
    LockModeText as "lock mode" {
        /// What SELECT takes. Excludes `AccessExclusive` alone.
        AccessShare,
        /// What SELECT FOR UPDATE takes. Excludes `Exclusive` and `AccessExclusive`.
        RowShare,
        /// What INSERT, UPDATE and DELETE take. Excludes `Share`, `ShareRowExclusive`, `Exclusive` and `AccessExclusive`.
        RowExclusive,
        /// What VACUUM, ANALYZE and CREATE INDEX CONCURRENTLY take. Excludes itself and all that are stronger.
        ShareUpdateExclusive,
        /// What CREATE INDEX takes. Excludes all but `AccessShare`, `RowShare` and itself.
        Share,
        /// What CREATE TRIGGER takes. Excludes all but `AccessShare` and `RowShare`.
        ShareRowExclusive,
        /// What REFRESH MATERIALIZED VIEW CONCURRENTLY takes. Excludes all but `AccessShare`.
        Exclusive,
        /// What ALTER TABLE, TRUNCATE and VACUUM FULL take. Excludes all.
        AccessExclusive,
    }
}

choice! {
    /// A row of a database. Query classes that name the same row or table lock the same rows.
    RowText as "row" {
        /// One row that has a name.
        Row(NamedRow),
        /// One of a table's rows, drawn for each request.
        Drawn(DrawnRow),
    }
}

record! {
    /// A row.
    NamedRow as "Row" {
        /// Its name.
        name: Name,
    }
}

record! {
    /// Rows that requests draw from.
    DrawnRow as "Drawn" {
        /// Name of the table.
        table: Name,
        /// How many rows there are.
        count: Count<1>,
        /// Which ones are asked for.
        popularity: PopularityText = [Uniform],
        /// Which of the request's draws: query classes with the same number, from 1, get the same row within a request, others draw anew. None is
        /// the first.
        draw: Option<Count<1>>,
    }
}

record! {
    /// A Redis server: one thread.
    CacheText as "cache" {
        /// Its former name: draws stay as they were over a rename.
        was: Option<Name>,
        /// `maxmemory`. None is unlimited.
        maxmemory: Option<Bytes<1>>,
        /// Keys at most: what a `maxmemory` does into which so many fit. None is unlimited.
        maxkeys: Option<Count<1>>,
        /// `maxmemory-policy`.
        eviction: EvictionText = [NoEviction],
        /// `maxmemory-samples`: keys looked at for an eviction.
        samples: Count<1> = [5],
        /// `lfu-log-factor`: how slowly the counters of the LFU policies saturate.
        lfu_log_factor: Count = [10],
        /// `lfu-decay-time`: the counters fall by one in so many minutes; 0 never.
        lfu_decay_minutes: Count = [1],
        /// `maxclients`: connections that it takes; who opens another gets an error. A client has one where its link keeps one `Always`, as Lettuce and
        /// node-redis do, else one for each command under way beside the idle ones that it keeps (Jedis, redis-py). None does not count them;
        /// Redis comes with 10000.
        maxclients: Option<Count<1>>,
        /// How it deletes keys that have expired and that nobody asks for: some of them at a time, in cycles that keep its thread. When left out
        /// all go at once, ten times a second, in no time.
        expiry: Option<ExpiryText>,
        /// Bytes that an entry needs beside its value.
        entry_overhead: Bytes = ["96B"],
        /// Demand of GET.
        get: Law = ["30us"],
        /// Demand of SET.
        set: Law = ["40us"],
        /// Demand of FLUSHALL.
        flush: Law = ["2ms"],
        /// Other commands, by a name of one's own: a step `Command` runs one. While it runs nothing else does, since there is one thread.
        commands: Map<CommandText>,
        /// `slowlog-log-slower-than`: a command whose execution takes so long, without its wait for the thread, is noted in the slow log;
        /// 10 ms when left out, as it comes. Its series, and those of times by command, are there where there are `commands`: GET and SET
        /// are never slow.
        slow_log: Option<Period>,
        /// Places of the queue before its thread.
        places: Limit = [10_000],
        /// Memory.
        memory: MemoryText = [(baseline: "16MiB")],
        /// From the start to the first connection.
        start_up: Law = ["1s"],
        /// What the platform does when it exits.
        restart: RestartText = [Kubernetes],
        /// Key spaces that it holds, by name.
        keys: Map<KeysText>,
    }
}

record! {
    /// Cycles that delete expired keys. `hz` times a second one may take a quarter of the time; while that does not suffice, further ones of a
    /// millisecond come between commands.
    ExpiryText as "expiry" {
        /// `hz`: how often the server's cron runs in a second.
        hz: Count<1> = [10],
        /// `active-expire-effort`, from 1 to 10: how many keys a cycle samples, for how long, and how few of them it leaves.
        effort: Count<1> = [1],
        /// Time to look at a sampled key.
        look: Period = ["0.1us"],
        /// Time to delete a key: a microsecond for a string, much more for one with many elements, which are freed one by one
        /// (`lazyfree-lazy-expire no`, as it comes).
        delete: Period = ["1us"],
    }
}

record! {
    /// A command of a Redis server.
    CommandText as "command" {
        /// As the server knows it: `KEYS`, `HGETALL`, `EVALSHA`.
        name: String,
        /// Time that it keeps the thread busy.
        demand: Law,
    }
}

record! {
    /// A cache within each process of a service, such as Caffeine or Guava: no network, lost with the process, its bytes on the
    /// process' heap.
    LocalCacheText as "local cache" {
        /// Entries at most (`maximumSize`). None is unlimited.
        maximum_entries: Option<Count<1>>,
        /// Bytes at most (`maximumWeight`). None is unlimited.
        maximum_bytes: Option<Bytes<1>>,
        /// What makes room for an entry that is to be stored.
        eviction: EvictionText = [Lru],
        /// Bytes that an entry needs beside its value.
        entry_overhead: Bytes = ["64B"],
        /// Key spaces that it holds, by name.
        keys: Map<KeysText>,
    }
}

choice! {
    /// What goes when a cache is full.
    EvictionText as "eviction policy" {
        /// Nothing: writes fail.
        NoEviction,
        /// Of five sampled keys the least recently used (Redis `allkeys-lru`).
        AllKeysLru,
        /// Of five sampled keys the one with the lowest logarithmic counter of uses (Redis `allkeys-lfu`).
        AllKeysLfu,
        /// A random key (Redis `allkeys-random`).
        AllKeysRandom,
        /// As `AllKeysLru`, among the keys that expire (Redis `volatile-lru`).
        VolatileLru,
        /// As `AllKeysLfu`, among the keys that expire (Redis `volatile-lfu`).
        VolatileLfu,
        /// A random one of the keys that expire (Redis `volatile-random`).
        VolatileRandom,
        /// Of five sampled keys that expire the one that expires first (Redis `volatile-ttl`).
        VolatileTtl,
        /// Exactly the least recently used key.
        Lru,
        /// Exactly the key used least often since it was stored; of several the one that was so for longest.
        Lfu,
    }
}

record! {
    /// A set of keys that requests draw from.
    KeysText as "key space" {
        /// Its former name: draws stay as they were over a rename.
        was: Option<Name>,
        /// How many keys there are.
        count: Count<1>,
        /// Which ones are asked for.
        popularity: PopularityText = [Uniform],
        /// The key space of another cache that has the same keys: a request asks both for the same one.
        same_as: Option<String>,
        /// Time to live from storing. None never expires.
        ttl: Option<Period>,
        /// Keys expire only at multiples of this, counted from the start: at the first one after their time to live, if there is one
        /// (`EXPIREAT` of the next full hour). None expires each in its own time.
        expire_at: Option<Period>,
        /// Whether reads renew the time to live (`GETEX`, `expireAfterAccess`).
        renewed: bool = [false],
        /// A value older than this is stale: it is still answered, and refreshed in the background. None is never.
        fresh: Option<Period>,
        /// Bytes of a value.
        value: Bytes = ["1KiB"],
        /// Whether all keys are there at the start, with ages spread evenly over the time to live.
        warm: bool = [false],
        /// Instants, counted from the start, at which the first keys expire, which are there at the start; in the order of the keys.
        expiries: Vec<At<Duration>> = [[]],
        /// The same from recorded data.
        preload: Option<PreloadText>,
    }
}

record! {
    /// Recorded expiries: a row for each key that is there at the start.
    PreloadText as "preload" {
        /// Recorded data.
        data: Name,
        /// Column of times, counted from the start, at which the keys expire.
        expires: String,
        /// Column of the keys' numbers, from 0. Without one the rows are the keys in order.
        key: Option<String>,
    }
}

choice! {
    /// Which keys are asked for.
    PopularityText as "popularity" {
        /// All the same.
        Uniform,
        /// Key of rank k as often as k to the power of minus the exponent.
        Zipf(ZipfText),
        /// What was recorded for each request: the number of its key, from 0.
        Recorded(RecordedKeysText),
    }
}

record! {
    /// Zipf's law.
    ZipfText as "Zipf" {
        /// Exponent.
        exponent: Factor,
    }
}

record! {
    /// Recorded keys.
    RecordedKeysText as "Recorded" {
        /// Column of the data of the request's source.
        column: String,
    }
}
