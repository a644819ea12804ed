//! Rate limiters: requests let through, delayed and rejected.

use super::Observables;
use super::numbers::{MS, count};
use super::seen::{Seen, nanos};

/// What the server did with one attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub(super) rejected: bool,
    /// How long it was held back, in whole milliseconds.
    pub(super) delay_ms: i64,
}

/// `let_through` are requests, of which some may have needed several attempts.
pub(super) fn observe(attempts: &[Attempt], let_through: usize) -> Observables {
    let longest = attempts.iter().map(|attempt| attempt.delay_ms).max().unwrap_or(0);
    Observables::from([
        ("attempts".into(), count(attempts.len())),
        ("rejected_attempts".into(), count(attempts.iter().filter(|attempt| attempt.rejected).count())),
        ("requests_let_through".into(), count(let_through)),
        ("delayed_attempts".into(), count(attempts.iter().filter(|attempt| attempt.delay_ms > 0).count())),
        ("longest_delay_ms".into(), Some(longest as f64)),
    ])
}

/// What the limiter of a simulated service did.
pub(super) fn of_run(seen: &Seen, service: &str) -> Observables {
    let attempt = |(span, _): (&knockon_model::record::SpanRecord, _)| Attempt {
        rejected: span.http_status >= 400,
        delay_ms: (nanos(span.end) - nanos(span.start)) / MS,
    };
    let attempts: Vec<Attempt> = seen.served(service).map(attempt).collect();
    observe(&attempts, seen.requests().iter().filter(|request| request.status == 200).count())
}
