use super::*;
use knockon_kernel::Duration;
use proptest::prelude::*;

fn config() -> Config {
    Config {
        consecutive_5xx: 5,
        interval: Duration::from_secs(10),
        base_ejection: Duration::from_secs(30),
        maximum_ejection: Duration::from_secs(300),
        maximum_permille: 100,
        always_one: false,
        panic_permille: 500,
    }
}

fn at(milliseconds: u64) -> Time {
    Time::from_nanos(milliseconds * 1_000_000)
}

fn fail(outliers: &mut Outliers, now: Time, host: u32, times: u32) -> bool {
    (0..times).any(|_| outliers.ended(now, host, true))
}

#[test]
fn the_fifth_failure_in_a_row_ejects_until_the_sweep_after_thirty_seconds() {
    let mut outliers = Outliers::new(config(), 10, at(0));
    assert!(!fail(&mut outliers, at(500), 3, 4));
    outliers.ended(at(600), 3, false);
    assert!(!fail(&mut outliers, at(700), 3, 4), "a success in between begins the row anew");
    assert!(outliers.ended(at(1_000), 3, true));
    assert!(outliers.is_ejected(3) && outliers.ejected() == 1);
    // Sweeps come at 10, 20, 30 … s: that at 30 s is a second early.
    assert_eq!(outliers.sweep(at(39_999)).returned, 0);
    assert_eq!(outliers.sweep(at(40_000)).returned, 1);
    assert!(!outliers.is_ejected(3) && outliers.ejected() == 0);
}

#[test]
fn a_host_that_fails_at_once_again_is_ejected_for_longer_up_to_the_maximum() {
    let mut outliers = Outliers::new(config(), 10, at(0));
    let mut now = 0;
    let mut lasted = Vec::new();
    for _ in 0..12 {
        assert!(fail(&mut outliers, at(now), 0, 5));
        let since = now;
        while outliers.is_ejected(0) {
            now += 10_000;
            outliers.sweep(at(now));
        }
        lasted.push((now - since) / 1_000);
    }
    assert_eq!(lasted, [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]);
    // Ten healthy sweeps and more forgive it all, also when nobody looks in between.
    outliers.sweep(at(now + 130_000));
    assert!(fail(&mut outliers, at(now + 130_000), 0, 5));
    assert_eq!(outliers.sweep(at(now + 160_000)).returned, 1);
}

#[test]
fn no_more_than_the_share_is_ejected() {
    for (hosts, always_one, ejected) in [(9, false, 0), (9, true, 1), (10, false, 1), (10, true, 1), (39, false, 3)] {
        let mut outliers = Outliers::new(Config { always_one, ..config() }, hosts, at(0));
        for host in 0..hosts {
            fail(&mut outliers, at(1), host, 20);
        }
        assert_eq!(outliers.ejected(), ejected, "{hosts} hosts, always one: {always_one}");
    }
}

#[test]
fn with_half_of_the_hosts_gone_ejection_is_ignored() {
    let mut outliers = Outliers::new(Config { maximum_permille: 1_000, ..config() }, 4, at(0));
    let panics = (0..4).map(|host| {
        fail(&mut outliers, at(1), host, 5);
        outliers.panics()
    });
    assert_eq!(panics.collect::<Vec<_>>(), [false, false, true, true]);
}

/// The same, host by host and sweep by sweep, with nothing caught up with later.
struct Naive {
    config: Config,
    failures: Vec<u32>,
    backoff: Vec<u64>,
    until_sweep_after: Vec<Option<u64>>,
    back_since: Vec<u64>,
}

impl Naive {
    fn sweep(&mut self, now_s: u64) {
        for host in 0..self.failures.len() {
            if let Some(since) = self.until_sweep_after[host] {
                if now_s - since >= (30 * self.backoff[host]).min(300) {
                    self.until_sweep_after[host] = None;
                    self.failures[host] = 0;
                    self.back_since[host] = now_s;
                }
            } else if now_s - self.back_since[host] >= 10 && self.backoff[host] > 0 {
                self.backoff[host] -= 1;
            }
        }
    }

    fn ended(&mut self, now_s: u64, host: usize, failed: bool) {
        self.failures[host] = if failed { self.failures[host] + 1 } else { 0 };
        if self.failures[host] == self.config.consecutive_5xx {
            self.failures[host] = 0;
            let ejected = self.until_sweep_after.iter().flatten().count() as u32;
            let allowed = (ejected + 1) * 1_000 <= self.config.maximum_permille * self.failures.len() as u32;
            if self.until_sweep_after[host].is_none() && (allowed || (self.config.always_one && ejected == 0)) {
                self.until_sweep_after[host] = Some(now_s);
                if 30 * self.backoff[host] < 330 {
                    self.backoff[host] += 1;
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn lazy_sweeps_do_what_punctual_ones_do(
        hosts in 1..8u32,
        permille in 0..1_000u32,
        always_one: bool,
        steps in proptest::collection::vec((0..40u64, 0..8u32, proptest::bool::weighted(0.85)), 1..400),
    ) {
        let config = Config { maximum_permille: permille, always_one, consecutive_5xx: 2, ..config() };
        let mut outliers = Outliers::new(config, hosts, at(0));
        let n = hosts as usize;
        let mut naive = Naive {
            config, failures: vec![0; n], backoff: vec![0; n], until_sweep_after: vec![None; n], back_since: vec![0; n],
        };
        let mut second = 0;
        for (gap, host, failed) in steps {
            // Sweeps are at 10, 20, 30 … s; everything else happens in between.
            let gap = if gap > 30 { gap * 10 } else { gap / 4 };
            for passed in second + 1..=second + gap {
                if passed % 10 == 0 {
                    naive.sweep(passed);
                }
            }
            second += gap;
            let host = host % hosts;
            let read = outliers.ejected_at(at(second * 1_000));
            prop_assert_eq!(read as usize, naive.until_sweep_after.iter().flatten().count(), "reading sweeps nothing");
            outliers.sweep(at(second * 1_000));
            outliers.ended(at(second * 1_000), host, failed);
            naive.ended(second, host as usize, failed);
            for host in 0..hosts {
                prop_assert_eq!(outliers.is_ejected(host), naive.until_sweep_after[host as usize].is_some());
            }
            prop_assert_eq!(outliers.ejected() as usize, naive.until_sweep_after.iter().flatten().count());
        }
    }
}
