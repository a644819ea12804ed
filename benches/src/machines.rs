//! One small service, with one machine more than the plain one each: what a request costs more is what that machine costs in the whole
//! simulator, with its events, its draws and its accounts. Loads are calm, so that every system does the same work but for the machine.

use crate::scenarios::load;
use knockon_kernel::Duration;
use knockon_model::blueprint::Blueprint;

/// A machine: its name, what is added to the service, the steps of its endpoint, and what else the scenario has.
pub type Machine = (&'static str, &'static str, &'static str, &'static str);

const COMPUTE: &str = r#"Compute(Exponential("1ms"))"#;
const QUERY: &str = r#"Compute(Exponential("1ms")), Query("select")"#;
const CALL: &str = r#"Compute(Exponential("1ms")), Call(to: "leaf/GET /", timeout: "1s")"#;
const RUN: &str = r#"Run(executor: "calls", timeout: "1s", steps: [Compute(Exponential("1ms"))])"#;
const POOL: &str = r#"pools: {"pool": HikariCp(database: "db", maximum: 20)},"#;

/// The plain service comes first, then those that differ from it, then those that differ from the one with a database, then from the one with a callee.
pub const MACHINES: &[Machine] = &[
    ("plain", "", COMPUTE, ""),
    ("processor quota", r#"quota: "3 cpu","#, COMPUTE, ""),
    ("JVM heap", r#"runtime: Jvm(heap: (maximum: "512MiB", collector: G1)),"#, COMPUTE, ""),
    ("CPython heap", "runtime: CPython(),", COMPUTE, ""),
    ("rate limit", r#"rate_limit: TokenBucket(rate: "1000/s"),"#, COMPUTE, ""),
    ("concurrency limit", "concurrency: Gradient2(),", COMPUTE, ""),
    ("controlled delay", r#"queue: (delay: CoDel(target: "40ms", interval: "100ms")),"#, COMPUTE, ""),
    (
        "health probes",
        r#"health: (liveness: (endpoint: "GET /", period: "1s"), readiness: (endpoint: "GET /", period: "1s")),"#,
        COMPUTE,
        "",
    ),
    ("event loop", "runtime: Node,", r#"Compute(Exponential("1ms")), Block("100us")"#, ""),
    ("worker processes", "runtime: CPython(), prefork: Gunicorn(),", COMPUTE, ""),
    ("executor", r#"runtime: Jvm(), executors: {"calls": (threads: 20, queue: 100)},"#, RUN, ""),
    (
        "cache",
        "",
        r#"Compute(Exponential("1ms")), CacheAside(keys: "keys", load: [Compute("1ms")])"#,
        r#"caches: {"redis": (maxmemory: "1MiB", eviction: AllKeysLru, keys: {"keys": (count: 2000, popularity: Zipf(1.1), ttl: "60s")})},"#,
    ),
    (
        "expiry cycle",
        "",
        r#"Compute(Exponential("1ms")), CacheAside(keys: "keys", load: [Compute("1ms")])"#,
        r#"caches: {"redis": (maxmemory: "1MiB", eviction: AllKeysLru, expiry: (), keys: {"keys": (count: 2000, popularity: Zipf(1.1), ttl: "60s")})},"#,
    ),
    (
        "broker",
        r#"consumers: {"handle": (queue: "rabbitmq/jobs", prefetch: 10, ack: Late, steps: [Compute("100us")])},"#,
        r#"Compute(Exponential("1ms")), Publish(to: "rabbitmq/jobs", bytes: "1KiB")"#,
        r#"brokers: {"rabbitmq": (transport: RabbitMq(memory: "1GiB"), queues: {"jobs": ()})},"#,
    ),
    ("database", POOL, QUERY, r#"databases: {"db": (queries: {"select": (table: "t", demand: Exponential("1ms"))})},"#),
    (
        "table locks",
        POOL,
        QUERY,
        r#"databases: {"db": (tables: {"t": ()}, queries: {"select": (table: "t", demand: Exponential("1ms"))})},"#,
    ),
    (
        "disk and buffers",
        POOL,
        QUERY,
        r#"databases: {"db": (
            tables: {"t": (size: "256MiB")},
            disk: (capacity: "10GiB"),
            queries: {"select": (table: "t", reads: Pages(10), demand: Exponential("1ms"))},
        )},"#,
    ),
    (
        "replica",
        r#"pools: {"pool": HikariCp(database: "db-replica", maximum: 20)},"#,
        QUERY,
        r#"databases: {
            "db": (tables: {"t": (size: "256MiB")}, disk: (capacity: "10GiB"), queries: {"update": (table: "t", demand: "1ms")}),
            "db-replica": (replica_of: "db", replay: "32MiB", queries: {"select": (table: "t", demand: Exponential("1ms"))}),
        },"#,
    ),
    ("call", "", CALL, ""),
    ("circuit breaker", "", CALL, r#"links: {"api -> leaf": (breaker: Resilience4j())},"#),
    ("bulkhead", "", CALL, r#"links: {"api -> leaf": (bulkhead: (maximum: 100))},"#),
    ("outlier ejection", "", CALL, r#"links: {"api -> leaf": (outlier: ())},"#),
    ("retry budget", "", CALL, r#"links: {"api -> leaf": (retry_budget: Grpc())},"#),
    ("peak EWMA", "", CALL, r#"links: {"api -> leaf": (balance: PeakEwma())},"#),
];

/// The scenario of a machine, with requests for so long.
///
/// # Errors
/// Everything that is wrong with the scenario.
pub fn with_machine(&(name, service, steps, rest): &Machine, duration: Duration) -> Result<Blueprint, String> {
    let text = format!(
        r#"(
            duration: "1h",
            services: {{
                "api": (workers: 32, cores: "4 cpu", {service} endpoints: {{"GET /": (steps: [{steps}])}}),
                "leaf": (workers: 32, cores: "4 cpu", endpoints: {{"GET /": (steps: [Compute(Exponential("1ms"))])}}),
            }},
            {rest}
            load: {{"clients": (target: "api", arrivals: Poisson("500/s"), mix: {{"GET /": 1}}, timeout: None)}},
        )"#
    );
    let mut blueprint = load(name, &text, "").map_err(|error| format!("{name}: {error}"))?;
    blueprint.duration = duration;
    Ok(blueprint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::run;
    use knockon_model::Null;

    #[test]
    fn every_machine_runs_and_answers() {
        for machine in MACHINES {
            let blueprint = with_machine(machine, Duration::from_secs(2)).unwrap_or_else(|error| panic!("{error}"));
            let outcome = run(blueprint, &mut Null).unwrap_or_else(|error| panic!("{}: {error}", machine.0));
            assert!(outcome.done > 800 && outcome.timeouts == 0, "{}: {} of some 1 000", machine.0, outcome.done);
        }
    }
}
