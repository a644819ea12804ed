//! What requests suffered in a contrast.

use super::failed;
use super::join::Pair;
use knockon_kernel::Time;

/// What requests suffered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Harm {
    /// Requests compared.
    pub compared: u64,
    /// Labelled requests that took longer or failed.
    pub hurt: u64,
    /// Of them, those that failed where they did not without.
    pub failed: u64,
    /// Labelled requests that were never sent, or had not ended, where they had without.
    pub lost: u64,
    /// Labelled requests that are sent only with the fault, as those of a surge: nobody is hurt that way.
    pub added: u64,
    /// Of them, those that failed.
    pub added_failed: u64,
    /// Labelled requests that fared better.
    pub helped: u64,
    /// Time that those who were answered in both worlds waited longer, in nanoseconds, labelled ones only.
    pub waited_ns: u128,
    /// Sending of the first hurt request.
    pub first: Option<Time>,
    /// End of the last.
    pub last: Option<Time>,
}

impl Harm {
    pub(super) fn count(&mut self, pair: &Pair, distance_ns: f64) {
        if distance_ns < 0.0 {
            match (&pair.with, &pair.without) {
                (Some(_), Some(_)) => self.helped += 1,
                (Some(with), None) => {
                    self.added += 1;
                    self.added_failed += u64::from(failed(with));
                }
                (None, _) => {}
            }
            return;
        }
        let ended = pair.with.as_ref().map_or(pair.either().sent, |with| with.ended);
        self.hurt += 1;
        self.first = Some(self.first.map_or(pair.either().sent, |first| first.min(pair.either().sent)));
        self.last = self.last.max(Some(ended));
        match &pair.with {
            None => self.lost += 1,
            Some(_) if distance_ns == f64::INFINITY => self.failed += 1,
            Some(_) => self.waited_ns += distance_ns as u128,
        }
    }
}
