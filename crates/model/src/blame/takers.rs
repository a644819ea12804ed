//! Who took the tokens of a process' rate limiter lately: in this second and the one before, by endpoint.
//!
//! A bucket has no memory of whose its tokens were, so something must be long enough to tell and short enough to be about
//! the present. It is kept whether or not blame is accounted for, in processes that have a limiter.

use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// Requests let through, by endpoint.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Takers {
    second: u64,
    now: Vec<u64>,
    before: Vec<u64>,
}

impl Takers {
    /// A request was let through, at once or after a delay.
    pub(crate) fn take(&mut self, at: Time, endpoint: u32) {
        let second = at.as_nanos() / 1_000_000_000;
        if second > self.second {
            std::mem::swap(&mut self.now, &mut self.before);
            self.now.clear();
            if second > self.second + 1 {
                self.before.clear();
            }
            self.second = second;
        }
        if self.now.len() <= endpoint as usize {
            self.now.resize(endpoint as usize + 1, 0);
        }
        self.now[endpoint as usize] += 1;
    }

    /// How many each took, as of the last that was taken.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let of = |list: &[u64], endpoint: usize| list.get(endpoint).copied().unwrap_or(0);
        let endpoints = 0..self.now.len().max(self.before.len());
        let counts = endpoints.map(move |n| (n as u32, of(&self.now, n) + of(&self.before, n)));
        counts.filter(|&(_, count)| count > 0)
    }
}
