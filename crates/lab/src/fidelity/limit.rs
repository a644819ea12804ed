//! Rate limiters: requests let through and rejected.

use super::Observables;
use super::numbers::count;
use super::seen::Seen;

/// Requests with what became of them: attempts, and whether the last was let through.
pub(super) fn observe(attempts: usize, rejected: usize, let_through: usize) -> Observables {
    Observables::from([
        ("attempts".into(), count(attempts)),
        ("rejected_attempts".into(), count(rejected)),
        ("requests_let_through".into(), count(let_through)),
    ])
}

/// What the clients of a simulated run saw.
pub(super) fn of_run(seen: &Seen) -> Observables {
    let attempts = seen.requests().iter().map(|request| usize::from(request.attempts)).sum();
    let let_through = seen.requests().iter().filter(|request| request.status == 200).count();
    // Every attempt but the one that was let through was rejected.
    observe(attempts, attempts - let_through, let_through)
}
