//! Load balancing: which process of a callee gets an attempt, as one caller sees them.
//!
//! A balancer knows of each host the attempts of its own caller that are under way, and how long they took; nothing of the
//! load that others bring, and nothing of whether the host lives: only outlier ejection takes hosts out, and what is sent to
//! one that is down is refused there. Draws are made at the attempt's address, so who else calls changes none of them.
//! Deliberately not here: weights, zones, subsets, slow start, active health checks, aperture.

mod ewma;
mod ring;

pub use ewma::PeakEwma;
pub use ring::{Ring, hash};

use crate::blueprint::Balance;
use crate::purpose;
use knockon_kernel::{Key, Time};
use serde::{Deserialize, Serialize};

/// One caller's view of the hosts of a link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balancer {
    balance: Balance,
    hosts: u32,
    /// Attempts under way, by host.
    active: Vec<u32>,
    /// Latencies by host, where they count.
    latency: Vec<PeakEwma>,
    /// Hosts that may be called, ascending; empty while all may be.
    eligible: Vec<u32>,
    /// Attempts so far, from where the caller began, for taking turns.
    turn: u64,
}

impl Balancer {
    /// A balancer over so many hosts. `key` is the caller's address, at which the first turn is drawn.
    #[must_use]
    pub fn new(balance: Balance, hosts: u32, key: Key) -> Self {
        let latency = matches!(balance, Balance::PeakEwma { .. });
        Self {
            balance,
            hosts,
            active: vec![0; hosts as usize],
            latency: if latency { vec![PeakEwma::default(); hosts as usize] } else { Vec::new() },
            eligible: Vec::new(),
            turn: below(key.purpose(purpose::FIRST_TURN), hosts).into(),
        }
    }

    /// It is the turn of another one: any.
    pub(crate) fn redraw_turn(&mut self, key: Key) {
        self.turn += u64::from(below(key, self.hosts));
    }

    /// Attempts of this caller under way on a host.
    #[must_use]
    pub fn active(&self, host: u32) -> u32 {
        self.active[host as usize]
    }

    /// From now on only the hosts for which `is_out` is false are called; all of them if that leaves none.
    pub fn leave_out(&mut self, is_out: impl Fn(u32) -> bool) {
        self.eligible.clear();
        self.eligible.extend((0..self.hosts).filter(|&host| !is_out(host)));
        if self.eligible.len() == self.hosts as usize {
            self.eligible.clear();
        }
    }

    /// The host of the attempt with this address. `ring` and `hash` are for consistent hashing alone.
    pub fn pick(&mut self, now: Time, key: Key, ring: Option<&Ring>, hash: u64) -> u32 {
        match self.balance {
            Balance::Random => self.host(below(key.purpose(purpose::REPLICA), self.candidates())),
            Balance::RoundRobin => {
                let host = self.host((self.turn % u64::from(self.candidates())) as u32);
                self.turn += 1;
                host
            }
            Balance::LeastRequest { choices } => self.least_request(key, choices),
            Balance::PeakEwma { decay } => {
                let (first, second) = self.two(key);
                let load = |host: u32| self.latency[host as usize].load(now, decay, self.active[host as usize]);
                if load(second) < load(first) { second } else { first }
            }
            Balance::ConsistentHash { .. } => {
                let is_eligible = |host: u32| self.eligible.is_empty() || self.eligible.binary_search(&host).is_ok();
                ring.map_or(0, |ring| ring.find(hash, is_eligible))
            }
        }
    }

    /// An attempt goes to a host.
    pub fn begin(&mut self, host: u32) {
        self.active[host as usize] += 1;
    }

    /// An attempt on a host is over, after `latency_ns` where that is known.
    pub fn end(&mut self, now: Time, host: u32, latency_ns: Option<u64>) {
        self.active[host as usize] -= 1;
        if let (Balance::PeakEwma { decay }, Some(latency_ns)) = (self.balance, latency_ns) {
            self.latency[host as usize].observe(now, decay, latency_ns);
        }
    }

    /// The first draw decides between equals, so ties are random.
    fn least_request(&self, key: Key, choices: u32) -> u32 {
        let draw = |n: u32| self.host(below(key.purpose(purpose::CHOICE).with(u64::from(n)), self.candidates()));
        let mut best = draw(0);
        for n in 1..choices {
            let other = draw(n);
            if self.active[other as usize] < self.active[best as usize] {
                best = other;
            }
        }
        best
    }

    /// Two different hosts, or the only one twice.
    fn two(&self, key: Key) -> (u32, u32) {
        let n = self.candidates();
        let first = below(key.purpose(purpose::CHOICE).with(0), n);
        if n == 1 {
            return (self.host(0), self.host(0));
        }
        let second = below(key.purpose(purpose::CHOICE).with(1), n - 1);
        (self.host(first), self.host(second + u32::from(second >= first)))
    }

    fn candidates(&self) -> u32 {
        if self.eligible.is_empty() { self.hosts } else { self.eligible.len() as u32 }
    }

    fn host(&self, candidate: u32) -> u32 {
        if self.eligible.is_empty() { candidate } else { self.eligible[candidate as usize] }
    }
}

/// A whole number below `n`, drawn at an address.
fn below(key: Key, n: u32) -> u32 {
    (key.unit() * f64::from(n)) as u32
}

#[cfg(test)]
mod tests;
