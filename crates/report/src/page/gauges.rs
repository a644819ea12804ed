//! Which observed series tell how full something is: by the names of the runtimes' own exporters.

use serde::Serialize;

/// What a line of a chart means, which is how it is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Meaning {
    /// What is in use.
    Use,
    /// Who waits.
    Wait,
    /// What there is.
    Limit,
}

/// How samples become a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reading {
    /// As they are, the highest of a window. Samples below zero, which say that there is no such number, count nothing.
    Highest,
    /// The same, the lowest of a window: of what is the worse the less there is.
    Lowest,
    /// What a counter grows by in a second.
    Rate,
}

/// One line: the series of a name with an attribute, of one process, summed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) label: &'static str,
    pub(crate) series: &'static str,
    /// An attribute that it must have.
    pub(crate) having: Option<(&'static str, &'static str)>,
    pub(crate) reading: Reading,
    pub(crate) meaning: Meaning,
}

/// One kind of chart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauge {
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    /// The attribute by which there are several of a process: a pool's name, a queue's.
    pub(crate) each: Option<&'static str>,
    pub(crate) lines: &'static [Line],
}

const fn level(label: &'static str, series: &'static str, meaning: Meaning) -> Line {
    Line { label, series, having: None, reading: Reading::Highest, meaning }
}

const fn rate(label: &'static str, series: &'static str, meaning: Meaning) -> Line {
    Line { label, series, having: None, reading: Reading::Rate, meaning }
}

const fn of(line: Line, key: &'static str, value: &'static str) -> Line {
    Line { having: Some((key, value)), ..line }
}

use Meaning::{Limit, Use, Wait};

/// All kinds, in the order in which they are drawn.
pub(crate) const GAUGES: &[Gauge] = &[
    Gauge {
        title: "connections of the pool",
        unit: "connections",
        each: Some("pool"),
        lines: &[
            level("in use", "hikaricp_connections_active", Use),
            level("waiting for one", "hikaricp_connections_pending", Wait),
            level("at most", "hikaricp_connections_max", Limit),
        ],
    },
    Gauge {
        title: "connections of the pool",
        unit: "connections",
        each: Some("pool_name"),
        lines: &[
            of(level("in use", "db_client_connections_usage", Use), "state", "used"),
            of(level("idle", "db_client_connections_usage", Wait), "state", "idle"),
        ],
    },
    Gauge {
        title: "worker threads",
        unit: "threads",
        each: None,
        lines: &[
            level("busy", "tomcat_threads_busy_threads", Use),
            level("at most", "tomcat_threads_config_max_threads", Limit),
        ],
    },
    Gauge {
        title: "threads of the executor",
        unit: "threads",
        each: Some("name"),
        lines: &[
            level("active", "executor_active_threads", Use),
            level("tasks queued", "executor_queued_tasks", Wait),
            level("at most", "executor_pool_max_threads", Limit),
        ],
    },
    Gauge { title: "worker processes", unit: "workers", each: None, lines: &[level("alive", "gunicorn_workers", Use)] },
    Gauge {
        title: "requests let in",
        unit: "requests",
        each: None,
        lines: &[level("under way", "concurrency_inflight", Use), level("at most", "concurrency_limit", Limit)],
    },
    Gauge {
        title: "delay of the event loop (p99)",
        unit: "s",
        each: None,
        lines: &[level("delay", "nodejs_eventloop_lag_p99_seconds", Use)],
    },
    Gauge {
        title: "heap",
        unit: "bytes",
        each: None,
        lines: &[
            of(level("used", "jvm_memory_used_bytes", Use), "area", "heap"),
            level("live after a full collection", "jvm_gc_live_data_size_bytes", Wait),
            of(level("at most", "jvm_memory_max_bytes", Limit), "area", "heap"),
        ],
    },
    Gauge {
        title: "share of time in collections",
        unit: "share",
        each: None,
        lines: &[rate("paused", "jvm_gc_pause_seconds_sum", Use)],
    },
    Gauge {
        title: "memory",
        unit: "bytes",
        each: None,
        lines: &[
            level("working set", "container_memory_working_set_bytes", Use),
            level("limit", "container_spec_memory_limit_bytes", Limit),
        ],
    },
    Gauge {
        title: "processor",
        unit: "cores",
        each: None,
        lines: &[
            rate("used", "container_cpu_usage_seconds_total", Use),
            rate("throttled", "container_cpu_cfs_throttled_seconds_total", Wait),
        ],
    },
    Gauge {
        title: "sessions",
        unit: "sessions",
        each: None,
        lines: &[
            of(level("active", "pg_stat_activity_count", Use), "state", "active"),
            of(level("idle in transaction", "pg_stat_activity_count", Wait), "state", "idle in transaction"),
            level("at most", "pg_settings_max_connections", Limit),
        ],
    },
    Gauge {
        title: "room on the disk",
        unit: "bytes",
        each: None,
        lines: &[
            Line { reading: Reading::Lowest, ..level("free", "node_filesystem_avail_bytes", Use) },
            level("size", "node_filesystem_size_bytes", Limit),
        ],
    },
    Gauge {
        title: "behind the primary",
        unit: "s",
        each: None,
        lines: &[level("lag", "pg_replication_lag_seconds", Use)],
    },
    Gauge {
        title: "reads",
        unit: "1/s",
        each: None,
        lines: &[rate("hits", "redis_keyspace_hits_total", Use), rate("misses", "redis_keyspace_misses_total", Wait)],
    },
    Gauge {
        title: "clients",
        unit: "connections",
        each: None,
        lines: &[
            level("connected", "redis_connected_clients", Use),
            level("at most", "redis_config_maxclients", Limit),
        ],
    },
    Gauge {
        title: "messages of the queue",
        unit: "messages",
        each: Some("queue"),
        lines: &[
            level("unacknowledged", "rabbitmq_queue_messages_unacked", Use),
            level("ready", "rabbitmq_queue_messages_ready", Wait),
        ],
    },
    Gauge {
        title: "messages of the queue",
        unit: "messages",
        each: Some("queue_name"),
        lines: &[level("ready", "celery_queue_length", Wait)],
    },
    Gauge { title: "tasks", unit: "tasks", each: None, lines: &[level("active", "celery_worker_tasks_active", Use)] },
];
