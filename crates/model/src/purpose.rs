//! What the model's draws are for. The numbers are part of every draw's address: they are only ever added to.

use knockon_kernel::Purpose;

/// A connection's lifetime, by its number in its pool.
pub const LIFETIME: Purpose = Purpose(1);
/// The keys sampled for an eviction, by its ordinal.
pub const EVICTION: Purpose = Purpose(2);
/// The jitter of a back-off, by the attempt that it precedes.
pub const JITTER: Purpose = Purpose(3);
/// The interval between the keep-alive pings of a connection, by its number in its pool.
pub const KEEPALIVE: Purpose = Purpose(4);
/// A demand, by frame, call site and iteration.
pub const DEMAND: Purpose = Purpose(32);
/// One-way latency of a request.
pub const REQUEST_LATENCY: Purpose = Purpose(33);
/// One-way latency of an answer.
pub const ANSWER_LATENCY: Purpose = Purpose(34);
/// Latencies of the round trips that open a connection.
pub const CONNECT_LATENCY: Purpose = Purpose(35);
/// Latency of the news that a caller left.
pub const CANCEL_LATENCY: Purpose = Purpose(36);
/// The gap before a source's request.
pub const GAP: Purpose = Purpose(37);
/// The endpoint that a source's request goes to.
pub const MIX: Purpose = Purpose(38);
/// Whether a profile lets a candidate through.
pub const THINNING: Purpose = Purpose(39);
/// The replica that a call goes to.
pub const REPLICA: Purpose = Purpose(40);
/// The cache key of a request.
pub const POPULARITY: Purpose = Purpose(41);
/// The branch of a choice.
pub const BRANCH: Purpose = Purpose(42);
/// The time of a sleep.
pub const SLEEP: Purpose = Purpose(43);
/// The time that a process takes to start.
pub const START_UP: Purpose = Purpose(44);
/// Latency of the answer to a new connection.
pub const CONNECT_ANSWER_LATENCY: Purpose = Purpose(45);
/// The database's work for a new connection.
pub const CONNECT_DEMAND: Purpose = Purpose(46);
/// Latency of the news that a connection was closed.
pub const CLOSE_LATENCY: Purpose = Purpose(47);
/// Latencies of a connection's validation or ping.
pub const VALIDATION: Purpose = Purpose(48);
/// Upper half of a trace id.
pub const TRACE: Purpose = Purpose(49);
/// Lower half of a trace id.
pub const TRACE_LOW: Purpose = Purpose(50);
/// A server span.
pub const SERVER_SPAN: Purpose = Purpose(51);
/// A client span.
pub const CLIENT_SPAN: Purpose = Purpose(52);
/// The row that a statement locks, by its table.
pub const ROW: Purpose = Purpose(85);
/// Whether a termination of back ends takes one, by its number and the instant.
pub const TERMINATION: Purpose = Purpose(86);
/// Whether a transaction leaks its connection.
pub const LEAK: Purpose = Purpose(87);
/// The pages that a statement reads.
pub const PAGES: Purpose = Purpose(120);
/// What a disk takes for an I/O.
pub const IO: Purpose = Purpose(121);
/// How long the client of a request waits for its end.
pub const PATIENCE: Purpose = Purpose(110);
/// The phase of a component in a placebo, by what it is of.
pub const PHASE: Purpose = Purpose(111);
/// A component's own draws in a placebo.
pub const COMPONENT: Purpose = Purpose(112);
/// A delivery of a message, by how often it was tried and delivered.
pub const DELIVERY: Purpose = Purpose(130);
/// A message: a trace of its own.
pub const MESSAGE: Purpose = Purpose(131);
/// Latency of an acknowledgement that goes out before the end.
pub const ACK_LATENCY: Purpose = Purpose(132);
/// The phase of a probe's grid, by its kind.
pub const PROBE_PHASE: Purpose = Purpose(120);
/// A probe's request, by its kind and tick.
pub const PROBE_REQUEST: Purpose = Purpose(121);
/// After how many requests more than `max_requests` a worker exits, by its age.
pub const MAX_REQUESTS: Purpose = Purpose(150);
/// How long a worker boots, by its age.
pub const WORKER_BOOT: Purpose = Purpose(151);
/// What tells an object from others of its class in log lines: an executor, a task.
pub const IDENTITY: Purpose = Purpose(160);
/// A log line.
pub const LINE: Purpose = Purpose(53);
/// How long until Vegas next measures the time without load, by the ordinal of the measurement.
pub const PROBE: Purpose = Purpose(60);
/// One of the processes among which a balancer compares.
pub const CHOICE: Purpose = Purpose(65);
/// The process with which a caller that takes turns begins.
pub const FIRST_TURN: Purpose = Purpose(66);
/// A process' points on the ring of consistent hashing.
pub const RING: Purpose = Purpose(67);
/// A request's place on that ring.
pub const RING_KEY: Purpose = Purpose(68);
/// Whether a caller gives an attempt up instead of sending it.
pub const THROTTLE: Purpose = Purpose(69);
/// How many requests come together.
pub const BATCH: Purpose = Purpose(75);
/// A further request of a batch.
pub const BATCH_MEMBER: Purpose = Purpose(76);
/// A user of a closed source.
pub const USER: Purpose = Purpose(77);
/// How long a user thinks.
pub const THINK: Purpose = Purpose(78);
/// The time from one vacation to the next.
pub const VACATION_GAP: Purpose = Purpose(79);
/// The length of a vacation.
pub const VACATION: Purpose = Purpose(80);
/// Whether a use of a key moves its logarithmic counter, by key and instant.
pub const LFU: Purpose = Purpose(95);
/// The keys that a Redis server samples in a cycle for expired ones, by the instant at which it begins.
pub const EXPIRY_SAMPLE: Purpose = Purpose(140);
/// The span of a load apart from its request, by call site and iteration.
pub const LOAD_SPAN: Purpose = Purpose(96);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    /// Numbers that stand for two purposes each: they were given twice before anybody looked, and draws are as they are. One of the two is
    /// addressed below a frame's call site, the other below a process, so no draw is another's. No number is to join them.
    const SHARED: [u64; 2] = [120, 121];

    #[test]
    fn no_two_purposes_have_the_same_number() {
        let declared = include_str!("purpose.rs").lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("pub const ")?.split_once(": Purpose = Purpose(")?;
            Some((rest.strip_suffix(");")?.parse::<u64>().ok()?, name))
        });
        let mut names: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
        declared.for_each(|(number, name)| names.entry(number).or_default().push(name));
        assert!(names.len() > 50, "the constants are found: {}", names.len());
        let twice: Vec<_> = names.iter().filter(|(n, names)| names.len() > 1 && !SHARED.contains(n)).collect();
        assert!(twice.is_empty(), "{twice:?}");
        assert!(SHARED.iter().all(|number| names[number].len() <= 2));
    }
}
