//! Outlier ejection: which processes of a callee a caller leaves out because they kept failing.
//!
//! States of a host: called, ejected. Failures in a row eject it at once, if the share of ejected hosts allows; a sweep of a fixed
//! interval takes it back when its time is over, which is the base time multiplied by how often it was ejected of late (each
//! sweep that finds it back for at least an interval takes one off). Sweeps need no calendar: the next use catches up with those that have passed, and
//! nothing could have seen the difference in between.
//!
//! Source: Envoy 1.30, architecture overview, "Outlier detection", its `consecutive_5xx` detector, and what its sweep does. Left out: the detectors of success
//! rate and failure percentage, gateway failures and local errors apart, jitter, active health checks.

use crate::blueprint::Outlier as Config;
use crate::world::within;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// What is known of one host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Host {
    failures: u32,
    /// How often it was ejected, less the sweeps that found it healthy.
    backoff: u32,
    /// Since when it is.
    ejected: Option<Time>,
    /// When it was last taken back.
    returned: Time,
}

impl Host {
    /// When the time of its ejection is over, if it is ejected.
    fn out_until(&self, config: &Config) -> Option<Time> {
        let lasts_ns = config.base_ejection.as_nanos().saturating_mul(u64::from(self.backoff));
        let lasts = Duration::from_nanos(lasts_ns.min(config.maximum_ejection.as_nanos()));
        self.ejected.map(|since| since.saturating_add(lasts))
    }

    /// Whether it is ejected, and its time is not over at the sweep of `now`.
    fn is_out(&self, now: Time, config: &Config) -> bool {
        self.out_until(config).is_some_and(|until| now < until)
    }
}

/// The hosts of one link, seen by one caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outliers {
    config: Config,
    hosts: Vec<Host>,
    ejected: u32,
    next_sweep: Time,
    /// Hosts with a back-off or an ejection: what sweeps are about.
    known: Vec<u32>,
}

/// What a use of the hosts changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Hosts taken back.
    pub returned: u32,
}

impl Outliers {
    /// So many hosts, all called.
    #[must_use]
    pub fn new(config: Config, hosts: u32, now: Time) -> Self {
        let hosts = vec![Host::default(); hosts as usize];
        Self { config, hosts, ejected: 0, next_sweep: now.saturating_add(config.interval), known: Vec::new() }
    }

    /// Hosts that are ejected.
    #[must_use]
    pub fn ejected(&self) -> u32 {
        self.ejected
    }

    /// Hosts that are ejected at `now`, sweeps that nobody has made yet included.
    #[must_use]
    pub fn ejected_at(&self, now: Time) -> u32 {
        if now < self.next_sweep {
            return self.ejected;
        }
        let interval_ns = self.config.interval.as_nanos();
        let sweeps = (now - self.next_sweep).as_nanos() / interval_ns;
        let last = self.next_sweep.saturating_add(self.config.interval * sweeps);
        self.known.iter().filter(|&&n| self.hosts[n as usize].is_out(last, &self.config)).count() as u32
    }

    /// Whether a host is ejected.
    #[must_use]
    pub fn is_ejected(&self, host: u32) -> bool {
        self.hosts[host as usize].ejected.is_some()
    }

    /// Whether so few hosts are left that ejection is ignored.
    #[must_use]
    pub fn panics(&self) -> bool {
        let hosts = self.hosts.len() as u64;
        let left = hosts - u64::from(self.ejected);
        left == 0 || left * 1_000 < u64::from(self.config.panic_permille) * hosts
    }

    /// Catches up with the sweeps up to `now`; the next one comes at any time within an interval.
    pub(crate) fn redraw_sweep(&mut self, now: Time, unit: f64) -> Swept {
        let swept = self.sweep(now);
        self.next_sweep = within(now, self.config.interval, unit);
        swept
    }

    /// Catches up with the sweeps up to `now`.
    pub fn sweep(&mut self, now: Time) -> Swept {
        let mut swept = Swept::default();
        if now < self.next_sweep {
            return swept;
        }
        // Sweeps do not depend on each other but through a host's own state, so however many are due, each host is looked at once.
        let due = (now - self.next_sweep).as_nanos() / self.config.interval.as_nanos() + 1;
        swept.returned = self.sweep_hosts(due);
        self.next_sweep = self.next_sweep.saturating_add(self.config.interval * due);
        swept
    }

    /// What `due` sweeps do, the first of them at `next_sweep`. Gives how many hosts return.
    fn sweep_hosts(&mut self, due: u64) -> u32 {
        let (first, config) = (self.next_sweep, self.config);
        // Number of the first sweep that is not before an instant.
        let sweep_at = |at: Time| at.saturating_sub(first).as_nanos().div_ceil(config.interval.as_nanos());
        let mut returned = 0;
        for &n in &self.known {
            let host = &mut self.hosts[n as usize];
            let forgives_from = if host.ejected.is_some() {
                let back = host.out_until(&config).map_or(due, sweep_at);
                if back >= due {
                    continue;
                }
                let at = first.saturating_add(config.interval * back);
                *host = Host { failures: 0, ejected: None, returned: at, backoff: host.backoff };
                returned += 1;
                back + 1
            } else {
                sweep_at(host.returned.saturating_add(config.interval))
            };
            let forgiven = u32::try_from(due.saturating_sub(forgives_from)).unwrap_or(u32::MAX);
            host.backoff = host.backoff.saturating_sub(forgiven);
        }
        self.ejected -= returned;
        let hosts = &self.hosts;
        self.known.retain(|&n| hosts[n as usize].ejected.is_some() || hosts[n as usize].backoff > 0);
        returned
    }

    /// An attempt on a host has ended; true if that ejects it.
    pub fn ended(&mut self, now: Time, host: u32, failed: bool) -> bool {
        let n = host as usize;
        if !failed {
            self.hosts[n].failures = 0;
            return false;
        }
        self.hosts[n].failures += 1;
        if self.hosts[n].failures < self.config.consecutive_5xx {
            return false;
        }
        self.hosts[n].failures = 0;
        if self.hosts[n].ejected.is_some() || !self.may_eject() {
            return false;
        }
        let config = self.config;
        let found = &mut self.hosts[n];
        found.ejected = Some(now);
        // Past the longest time it counts no further.
        let (base_ns, maximum_ns) = (config.base_ejection.as_nanos(), config.maximum_ejection.as_nanos());
        if base_ns.saturating_mul(u64::from(found.backoff)) < maximum_ns.saturating_add(base_ns) {
            found.backoff += 1;
        }
        self.ejected += 1;
        if !self.known.contains(&host) {
            self.known.push(host);
        }
        true
    }

    fn may_eject(&self) -> bool {
        let share =
            u64::from(self.ejected + 1) * 1_000 <= u64::from(self.config.maximum_permille) * self.hosts.len() as u64;
        share || (self.config.always_one && self.ejected == 0)
    }
}

#[cfg(test)]
mod tests;
