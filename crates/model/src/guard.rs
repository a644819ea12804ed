//! What stands before the workers of a process that has limits: its rate limiters and its concurrency limit.

use crate::blame::Takers;
use crate::blueprint::Admission;
use crate::concurrency::Limit;
use crate::limiter::Limiter;
use knockon_kernel::{Key, Time};
use serde::{Deserialize, Serialize};

/// The limits of one process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Guard {
    pub(crate) limiter: Option<Limiter>,
    /// By endpoint: its own limiter stands in the place of the service's, as in nginx.
    endpoints: Vec<Option<Limiter>>,
    pub(crate) concurrency: Option<Limit>,
    /// Requests that ended well, ended for want of time, ended otherwise, and were turned away by the concurrency limit.
    pub(crate) calls: [u64; 4],
    /// Whom its limiters let through lately.
    pub(crate) takers: Takers,
}

impl Guard {
    /// The guard of a process that starts, if it has any limit. `key` addresses the draws of its life.
    pub(crate) fn new(now: Time, admission: &Admission, key: Key) -> Option<Box<Self>> {
        admission.is_guarded().then(|| {
            Box::new(Self {
                limiter: admission.rate_limit.map(|limit| Limiter::new(now, &limit)),
                endpoints: admission
                    .endpoint_limits
                    .iter()
                    .map(|limit| limit.map(|limit| Limiter::new(now, &limit)))
                    .collect(),
                concurrency: admission.concurrency.map(|limit| Limit::new(&limit, key)),
                calls: [0; 4],
                takers: Takers::default(),
            })
        })
    }

    /// The limiter that counts the requests of an endpoint.
    pub(crate) fn limiter_of(&mut self, endpoint: usize) -> Option<&mut Limiter> {
        match self.endpoints.get_mut(endpoint) {
            Some(Some(limiter)) => Some(limiter),
            _ => self.limiter.as_mut(),
        }
    }

    /// Whether an endpoint has a limiter of its own.
    pub(crate) fn has_own_limiter(&self, endpoint: u32) -> bool {
        self.endpoints.get(endpoint as usize).is_some_and(Option::is_some)
    }

    /// Limiters that there can be: that of the service, and one for each endpoint.
    pub(crate) fn limiters(&self) -> u32 {
        1 + self.endpoints.len() as u32
    }

    /// Sums over all its limiters: requests let through at once, after a delay, and turned away.
    pub(crate) fn rate_limited(&self) -> [u64; 3] {
        let mut sums = [0; 3];
        for limiter in self.limiter.iter().chain(self.endpoints.iter().flatten()) {
            sums.iter_mut().zip(limiter.counts).for_each(|(sum, count)| *sum += count);
        }
        sums
    }
}
