//! A certificate that expires, is loaded when it has, and is renewed: one client connects for each request, one keeps its connection.

use super::Observables;
use super::numbers::seconds;
use super::seen::{Seen, nanos};
use knockon_scenario::original::CertificateExperiment;

/// One request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Try {
    /// When it was sent, in nanoseconds.
    pub(super) sent: i64,
    /// Whether its client connects for each request.
    pub(super) new: bool,
    pub(super) ok: bool,
}

pub(super) fn observe(tries: &[Try], expires_s: f64) -> Observables {
    let of = |new: bool| tries.iter().filter(move |one| one.new == new);
    let failed = |new: bool| of(new).filter(|one| !one.ok).map(|one| one.sent).min();
    let again = |new: bool| {
        let last = of(new).filter(|one| !one.ok).map(|one| one.sent).max()?;
        of(new).filter(|one| one.sent > last).map(|one| one.sent).min()
    };
    Observables::from([
        ("expires_s".into(), Some(expires_s)),
        ("new_first_failure_s".into(), failed(true).map(seconds)),
        ("kept_first_failure_s".into(), failed(false).map(seconds)),
        ("new_ok_again_s".into(), again(true).map(seconds)),
        ("kept_ok_again_s".into(), again(false).map(seconds)),
    ])
}

/// What the clients of a simulated run saw.
pub(super) fn tries(seen: &Seen, experiment: &CertificateExperiment) -> Vec<Try> {
    let one = |request: &knockon_model::record::RequestRecord| Try {
        sent: nanos(request.sent),
        new: seen.requested(request) == experiment.new_endpoint,
        ok: request.error.is_none(),
    };
    seen.requests().iter().map(one).collect()
}
