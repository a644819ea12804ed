//! The ring of consistent hashing: each host has many points on it, and a key belongs to the host of the first point at or after it.
//!
//! Points hang on the callee's name and the number of the process alone, so that a host more or less moves only the keys that it
//! gets or had, and all callers agree. Source: D. Karger et al., "Consistent Hashing and Random Trees", STOC 1997; as in
//! libketama and Envoy's `RING_HASH`. Deliberately not here: bounded loads, weights.

use crate::purpose;
use knockon_kernel::Key;
use serde::{Deserialize, Serialize};

/// Points by hash, ascending, with their hosts. The same for every caller over a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring(Vec<(u64, u32)>);

impl Ring {
    /// The ring of the hosts 0 … `hosts` − 1 of a callee, each with so many points.
    #[must_use]
    pub fn new(name: &str, hosts: u32, points: u32) -> Self {
        let callee = Key::new(0).name(name).purpose(purpose::RING);
        let hosts = (0..hosts).map(|host| (host, callee.with(u64::from(host))));
        let mut ring: Vec<_> =
            hosts.flat_map(|(host, key)| (0..points).map(move |n| (hash(key.with(u64::from(n))), host))).collect();
        ring.sort_unstable();
        Self(ring)
    }

    /// The host of a hash: that of the first point from there on whose host may be called, going round; else the first's.
    ///
    /// # Panics
    /// If the ring has no points.
    #[must_use]
    pub fn find(&self, hash: u64, is_eligible: impl Fn(u32) -> bool) -> u32 {
        let from = self.0.partition_point(|&(point, _)| point < hash);
        let round = self.0[from..].iter().chain(&self.0[..from]);
        let mut hosts = round.map(|&(_, host)| host);
        let first = hosts.clone().next().expect("a ring has points");
        hosts.find(|&host| is_eligible(host)).unwrap_or(first)
    }
}

/// The place on the ring of what lies at an address: 64 random bits.
#[must_use]
pub fn hash(key: Key) -> u64 {
    key.stream().bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(hosts: u32) -> Vec<u32> {
        let ring = Ring::new("auth", hosts, 160);
        (0..20_000).map(|key| ring.find(hash(Key::new(9).with(key)), |_| true)).collect()
    }

    #[test]
    fn one_more_host_takes_its_share_and_moves_nothing_else() {
        let (before, after) = (owners(10), owners(11));
        assert!(before.iter().zip(&after).all(|(old, new)| old == new || *new == 10));
        let moved = after.iter().filter(|&&host| host == 10).count() as f64 / 20_000.0;
        // A share of 1/11 with 160 points has a standard deviation of about 1/11/√160.
        assert!((moved - 1.0 / 11.0).abs() < 4.0 / 11.0 / 160f64.sqrt(), "{moved}");
        for host in 0..10 {
            let share = before.iter().filter(|&&owner| owner == host).count() as f64 / 2_000.0;
            assert!((share - 1.0).abs() < 4.0 / 160f64.sqrt(), "host {host} has {share} of its share");
        }
    }

    #[test]
    fn keys_of_a_host_that_is_left_out_go_to_the_next_and_all_others_stay() {
        let ring = Ring::new("auth", 5, 160);
        let mut taken = [0; 5];
        for key in 0..5_000 {
            let place = hash(Key::new(3).with(key));
            let (before, after) = (ring.find(place, |_| true), ring.find(place, |host| host != 2));
            assert!(after != 2 && (before == 2 || before == after));
            if before == 2 {
                taken[after as usize] += 1;
            }
        }
        assert!([0, 1, 3, 4].iter().all(|&host: &usize| taken[host] > 50), "spread over the others: {taken:?}");
        assert_eq!(
            ring.find(7, |_| false),
            ring.find(7, |_| true),
            "with nobody left the first is called all the same"
        );
    }
}
