//! A draft as commented RON.

use super::size::{READS, Size, WRITES};
use super::{Draft, DraftFault, DraftRuntime};
use crate::unit::print_duration;
use knockon_kernel::Duration;
use std::fmt::Write as _;

pub(super) fn text(draft: &Draft, size: &Size, file: &str) -> String {
    let name = crate::name_of(std::path::Path::new(file));
    let mut out = format!(
        "\
// A first scenario. Its shape is yours, its numbers are guesses: replace them by what you know of your system (medians and 99th
// percentiles of what each step takes, sizes of pools, limits of containers).
//
//   sim check {file}
//       what its healthy state looks like, by formulas
//   sim run {file}
//       runs it, and writes spans, logs, metrics and what is true of them to out/{name}-s1
//   sim explain out/{name}-s1
//       what the fault did, to whom, and why
//   sim schema scenario
//       everything that can be said here
(
    title: \"{title}\",
    start: \"2026-01-05T09:00:00Z\",
    duration: \"{duration}\",
    services: {{
",
        title = title(draft),
        duration = print_duration(draft.duration),
    );
    for n in 0..draft.services.len() {
        service(&mut out, draft, size, n);
    }
    out.push_str("    },\n");
    if draft.database {
        database(&mut out, size);
    }
    if draft.cache {
        out.push_str(
            "    caches: {
        \"redis\": (
            maxmemory: \"256MiB\",
            eviction: AllKeysLru,
            keys: {
                // A few keys are read often, most of them rarely. `warm`: all of them are there when the run begins.
                \"items\": (count: 1000, popularity: Zipf(1.2), ttl: \"300s\", value: \"2KiB\", warm: true),
            },
        ),
    },
",
        );
    }
    load(&mut out, draft);
    faults(&mut out, draft, size);
    expectations(&mut out, draft);
    out.push_str(")\n");
    out
}

fn expectations(out: &mut String, draft: &Draft) {
    let (when, until) = match draft.fault {
        DraftFault::Nothing => ("when it has ended", String::new()),
        _ => ("before the fault", format!(", until: \"{}\"", print_duration(begin(draft)))),
    };
    let _ = writeln!(
        out,
        "    // What must hold {when}; `sim run` says whether it did.
    expect: [
        Below(statistic: \"clients.error_share\", value: \"0.1 %\"{until}),
        Below(statistic: \"clients.latency.p50\", value: \"100ms\"{until}),
    ],"
    );
}

fn title(draft: &Draft) -> &'static str {
    match draft.fault {
        DraftFault::SlowQuery => "A query becomes slow",
        DraftFault::Surge => "Five times as many requests come beside the usual ones",
        DraftFault::Pause => "A service stands still",
        DraftFault::Nothing => "Nothing goes wrong",
    }
}

fn runtime(runtime: DraftRuntime) -> &'static str {
    match runtime {
        DraftRuntime::Jvm => {
            "            runtime: Jvm(heap: (maximum: \"512MiB\", collector: G1)),
            workers: 50,
            // Requests that wait for a worker; one more is refused.
            places: 100,
            cores: \"1 cpu\",
            memory: (baseline: \"180MiB\", limit: \"768MiB\"),
            start_up: \"8s\",
            // Young processes are slow: at first everything takes twice as long.
            warm_up: (factor: 2, requests: 200),
"
        }
        DraftRuntime::Node => {
            "            // One event loop: whatever computes, computes alone.
            runtime: Node,
            workers: 200,
            // Requests beyond those; one more is refused.
            places: 100,
            cores: \"1 cpu\",
            memory: (baseline: \"90MiB\", limit: \"256MiB\"),
            start_up: \"2s\",
"
        }
        DraftRuntime::Python => {
            "            runtime: CPython(),
            // Threads. They share one interpreter, hence one core.
            workers: 16,
            // Requests that wait for a thread; one more is refused.
            places: 100,
            cores: \"1 cpu\",
            memory: (baseline: \"60MiB\", limit: \"512MiB\"),
            start_up: \"3s\",
"
        }
        DraftRuntime::Native => {
            "            runtime: Native,
            workers: 100,
            // Requests that wait for a worker; one more is refused.
            places: 100,
            cores: \"1 cpu\",
            memory: (baseline: \"64MiB\", limit: \"256MiB\"),
            start_up: \"1s\",
"
        }
    }
}

fn service(out: &mut String, draft: &Draft, size: &Size, n: usize) {
    let alone = draft.services.len() == 1;
    let _ = writeln!(out, "        \"{}\": (", draft.services[n]);
    out.push_str(runtime(draft.runtime));
    if size.replicas[n] > 1 {
        let _ = writeln!(out, "            replicas: {},", size.replicas[n]);
    }
    if size.pool[n] > 0 {
        let pool = match draft.runtime {
            DraftRuntime::Python => {
                format!("QueuePool(database: \"postgres\", maximum: {}, overflow: {}", size.pool[n], size.pool[n])
            }
            _ => format!("HikariCp(database: \"postgres\", maximum: {}", size.pool[n]),
        };
        let _ = writeln!(
            out,
            "            // Connections of each process, and how long a request waits for one before it fails.
            pools: {{\"pool\": {pool}, acquire_timeout: \"3s\")}},"
        );
    }
    out.push_str("            endpoints: {\n");
    let churn = match draft.runtime {
        DraftRuntime::Jvm | DraftRuntime::Python => {
            "\n                    // Live as long as the request; dropped at once.\n                    allocate: \"100KiB\",\n                    churn: \"1MiB\","
        }
        DraftRuntime::Node | DraftRuntime::Native => "",
    };
    let mut endpoint = |name: &str, steps: &str| {
        let _ = writeln!(
            out,
            "                \"{name}\": ({churn}
                    steps: [
{steps}                    ],
                ),"
        );
    };
    let compute = "                        Compute(LogNormal(median: \"4ms\", p99: \"20ms\")),\n";
    if n == 0 && !alone {
        let call = |to: &str, endpoint: &str| {
            format!("                        Call(to: \"{to}/{endpoint}\", timeout: \"2s\", retries: 1),\n")
        };
        endpoint("GET /items/{id}", &format!("{compute}{}", call(&draft.services[1], "GET /items/{id}")));
        let calls: String = draft.services[1..].iter().map(|to| call(to, "POST /orders")).collect();
        endpoint("POST /orders", &format!("{compute}{calls}"));
    } else {
        if n <= 1 {
            endpoint("GET /items/{id}", &format!("{compute}{}", read(draft)));
        }
        endpoint("POST /orders", &format!("{compute}{}", write(draft)));
    }
    out.push_str("            },\n        ),\n");
}

/// What fetches an item.
fn read(draft: &Draft) -> String {
    let fetch = if draft.database { "Query(\"select_item\")" } else { "Compute(\"2ms\")" };
    if draft.cache {
        format!(
            "                        // Looked up first; fetched and stored where it is not there.
                        CacheAside(keys: \"items\", load: [{fetch}]),\n"
        )
    } else {
        format!("                        {fetch},\n")
    }
}

/// What keeps an order.
fn write(draft: &Draft) -> String {
    let compute = "Compute(LogNormal(median: \"4ms\", p99: \"20ms\"))";
    if draft.database {
        format!(
            "                        // Holds one connection from its first step to its last.
                        Transaction([Query(\"insert_order\"), {compute}]),\n"
        )
    } else {
        format!("                        {compute},\n")
    }
}

fn database(out: &mut String, size: &Size) {
    let select = "
                \"select_item\": (
                    table: \"items\",
                    text: \"SELECT id, name, price FROM items WHERE id = $1\",
                    demand: LogNormal(median: \"3ms\", p99: \"25ms\"),
                ),";
    let _ = writeln!(
        out,
        "    databases: {{
        \"postgres\": (
            // Statements that run at once, and connections that it takes.
            workers: {},
            max_connections: {},
            slow_query: \"250ms\",
            queries: {{{select}
                \"insert_order\": (
                    operation: \"INSERT\",
                    table: \"orders\",
                    text: \"INSERT INTO orders (item_id, total) VALUES ($1, $2) RETURNING id\",
                    demand: LogNormal(median: \"3ms\", p99: \"25ms\"),
                ),
            }},
        ),
    }},",
        size.database_workers, size.max_connections
    );
}

fn load(out: &mut String, draft: &Draft) {
    let _ = writeln!(
        out,
        "    load: {{
        \"clients\": (
            target: \"{}\",
            arrivals: Poisson(\"{}/s\"),
            mix: {{\"GET /items/{{id}}\": {}, \"POST /orders\": {}}},
            timeout: \"10s\",
        ),
    }},",
        draft.services[0],
        draft.rate,
        READS * 100.0,
        WRITES * 100.0,
    );
}

/// When the fault begins, and when it ends.
fn begin(draft: &Draft) -> Duration {
    minutes(draft.duration.as_nanos() / 3)
}

fn end(draft: &Draft) -> Duration {
    minutes(draft.duration.as_nanos() / 2)
}

/// Whole minutes where there are some.
fn minutes(nanos: u64) -> Duration {
    let unit = if nanos >= 300_000_000_000 { 60_000_000_000 } else { 1_000_000_000 };
    Duration::from_nanos(nanos / unit * unit)
}

fn faults(out: &mut String, draft: &Draft, size: &Size) {
    let (at, until) = (print_duration(begin(draft)), print_duration(end(draft)));
    let last = draft.services.last().map_or("", String::as_str);
    let fault = match draft.fault {
        DraftFault::Nothing => return,
        DraftFault::SlowQuery => format!(
            "        // Some index is gone: an INSERT takes the database longer than it has workers for.
        \"slow-query\": Set(at: \"{at}\", until: \"{until}\", set: {{\"postgres/insert_order.demand\": Exponential(\"{}ms\")}}),",
            size.slow_ms
        ),
        DraftFault::Surge => format!(
            "        // A crowd comes beside the usual clients, and tries again whatever fails.
        \"surge\": Surge(
            source: \"crowd\",
            at: \"{at}\",
            until: \"{until}\",
            load: (
                target: \"{}\",
                arrivals: Poisson(\"{}/s\"),
                mix: {{\"GET /items/{{id}}\": 1, \"POST /orders\": 1}},
                timeout: \"10s\",
                retries: 2,
            ),
        ),",
            draft.services[0],
            // Five times what is used of a third is more than there is.
            draft.rate * 5.0
        ),
        DraftFault::Pause => format!(
            "        // Every process of it stands still for a while, as with a hanging disk; connections stay open.
        \"pause\": Pause(service: \"{last}\", at: \"{at}\", until: \"{until}\"),"
        ),
    };
    let _ = writeln!(
        out,
        "    // What goes wrong: one cause. The rest follows from it. Without it: sim run … --without NAME
    faults: {{
{fault}
    }},"
    );
}
