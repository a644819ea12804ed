//! Closed forms of queues and caches, as textbooks have them.

use knockon_kernel::math::{exp, powf};

/// Probability of waiting in M/M/c at an offered load of `load` erlangs (Erlang C; Kleinrock, Queueing Systems I, 1975,
/// section 3.5). One where the load is not below the number of servers.
pub(crate) fn erlang_c(servers: u32, load: f64) -> f64 {
    let c = f64::from(servers);
    if load >= c {
        return 1.0;
    }
    let blocked = erlang_b(servers, load);
    blocked / (1.0 - load / c * (1.0 - blocked))
}

/// Probability of being turned away in M/M/c/c, by its recursion, which is stable (Erlang B; Kleinrock, Queueing Systems I, 1975,
/// section 3.6).
pub(crate) fn erlang_b(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |b, n| load * b / (f64::from(n) + load * b))
}

/// Mean wait in M/M/c, in units of the service time; infinite where the load is not below the number of servers.
pub(crate) fn mean_wait(servers: u32, load: f64) -> f64 {
    let spare = f64::from(servers) - load;
    if spare <= 0.0 { f64::INFINITY } else { erlang_c(servers, load) / spare }
}

/// What `cores` do together where jobs contend, in jobs that run alone: the most of min(N, c)/(1 + σ(N − 1) + κN(N − 1)) over N up to
/// `most` (the universal scalability law; Gunther, "Guerrilla Capacity Planning", 2007, chapter 4).
pub(crate) fn contended(cores: f64, most: u32, sigma: f64, kappa: f64) -> f64 {
    let of = |jobs: u32| {
        let n = f64::from(jobs);
        let at_work = if n < cores { n } else { cores };
        at_work / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
    };
    let mut best = of(1);
    // It rises to one top and falls behind it.
    for jobs in 2..=most.min(1_000_000) {
        let next = of(jobs);
        if next <= best {
            break;
        }
        best = next;
    }
    best
}

/// P(T > timeout) where the time T is exponential with the given mean: exact for M/M/1, and the usual guess elsewhere.
pub(crate) fn exceeds(mean: f64, timeout: f64) -> f64 {
    if mean.is_finite() { exp(-timeout / mean) } else { 1.0 }
}

/// Keys that are about equally popular: the probability of each, and how many they are.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Class {
    pub(super) p: f64,
    keys: f64,
}

/// Zipf popularity with an exponent; 0 makes all keys equal. The first thousand ranks stand alone; behind them, ranks that
/// differ by a percent are one class, so that ten million keys are some two thousand classes.
pub(crate) fn popularity(keys: u32, exponent: f64) -> Vec<Class> {
    let mut classes = Vec::new();
    let mut rank = 1;
    while rank <= keys {
        let width = if rank <= 1000 { 1 } else { (rank / 100).min(keys - rank + 1) };
        let middle = f64::from(rank) + 0.5 * f64::from(width - 1);
        classes.push(Class { p: powf(middle, -exponent), keys: f64::from(width) });
        rank += width;
    }
    let total: f64 = classes.iter().map(|class| class.p * class.keys).sum();
    classes.iter_mut().for_each(|class| class.p /= total);
    classes
}

/// Hit ratio of a cache whose entries live for `ttl` from storing: Σ p·(pλT)/(1 + pλT) (Fofack et al., "Performance Evaluation of
/// Hierarchical TTL-based Cache Networks", 2014, section 2).
pub(crate) fn ttl_hits(popularity: &[Class], rate: f64, ttl: f64) -> f64 {
    let asked = |class: &Class| class.p * rate * ttl;
    popularity.iter().map(|class| class.keys * class.p * asked(class) / (1.0 + asked(class))).sum()
}

/// The same where each read renews the time to live: Σ p·(1 − e^(−pλT)), the chance that a key is read again in time.
pub(crate) fn renewed_hits(popularity: &[Class], rate: f64, ttl: f64) -> f64 {
    popularity.iter().map(|class| class.keys * class.p * (1.0 - exp(-class.p * rate * ttl))).sum()
}

/// The same where a value older than `fresh` is answered and refreshed at once. A value is read pλ·fresh times while it is
/// fresh, then once more, and that read finds it if it comes before the end of the time to live.
pub(crate) fn stale_hits(popularity: &[Class], rate: f64, fresh: f64, ttl: f64) -> f64 {
    let missed = |class: &Class| {
        let rate = class.p * rate;
        exp(-rate * (ttl - fresh)) / (1.0 + rate * fresh)
    };
    popularity.iter().map(|class| class.keys * class.p * (1.0 - missed(class))).sum()
}

/// Hit ratio of an LRU cache of `entries` entries (Che, Tung and Wang, "Hierarchical Web Caching Systems", 2002, section III):
/// the time t for which Σ(1 − e^(−pt)) = C decides whether a key is still there.
pub(crate) fn lru_hits(popularity: &[Class], entries: f64) -> f64 {
    characteristic(popularity, entries, |asked| 1.0 - exp(-asked))
}

/// Hit ratio of a cache that evicts a random entry: as LRU with Σ pt/(1 + pt) = C (Gelenbe, "A unified approach to the evaluation
/// of a class of replacement algorithms", 1973).
pub(crate) fn random_hits(popularity: &[Class], entries: f64) -> f64 {
    characteristic(popularity, entries, |asked| asked / (1.0 + asked))
}

/// Hit ratio of a cache that holds the most popular keys, to which one that evicts the least frequently used tends from below.
pub(crate) fn lfu_hits(popularity: &[Class], entries: f64) -> f64 {
    let mut left = entries;
    let kept = |class: &Class| {
        let of_class = if class.keys < left { class.keys } else { left };
        left -= of_class;
        of_class * class.p
    };
    popularity.iter().map(kept).sum()
}

/// Σ p·held(pt) at the t for which Σ held(pt) is the number of entries.
fn characteristic(popularity: &[Class], entries: f64, held: impl Fn(f64) -> f64) -> f64 {
    if entries >= popularity.iter().map(|class| class.keys).sum() {
        return 1.0;
    }
    let all = |t: f64| popularity.iter().map(|class| class.keys * held(class.p * t)).sum::<f64>();
    let (mut low, mut high) = (0.0, 1.0);
    // Doubling, then halving: a fixed number of steps of each, whatever the numbers are.
    for _ in 0..100 {
        if all(high) >= entries {
            break;
        }
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if all(middle) < entries { low = middle } else { high = middle }
    }
    popularity.iter().map(|class| class.keys * class.p * held(class.p * high)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 2e-5, "{a} is not {b}");
    }

    #[test]
    fn erlang_c_is_as_the_tables_have_it() {
        close(erlang_c(2, 1.0), 0.333_333);
        close(erlang_c(10, 8.0), 0.409_180);
        close(erlang_b(5, 3.0), 0.110_054);
        close(erlang_b(10, 8.0), 0.121_661);
        close(mean_wait(2, 1.0), 0.333_333);
        close(mean_wait(10, 8.0), 0.204_590);
        close(mean_wait(1, 0.8), 4.0);
        assert_eq!(erlang_c(3, 3.0), 1.0);
        assert_eq!(mean_wait(3, 3.5), f64::INFINITY);
    }

    #[test]
    fn contention_has_a_top_and_no_more_jobs_than_there_are() {
        for (most, capacity) in [(1, 1.0), (60, 13.940_52), (97, 14.410_48), (160, 14.410_5)] {
            let found = contended(1000.0, most, 0.05, 0.0001);
            assert!((found - capacity).abs() < 1e-4, "{most}: {found}");
        }
        close(contended(4.0, 1000, 0.0, 0.0), 4.0);
        close(contended(2.0, 1000, 1.0, 0.0), 1.0);
    }

    #[test]
    fn hit_ratios_are_as_published() {
        close(lru_hits(&popularity(10_000, 0.8), 100.0), 0.156_625);
        close(lru_hits(&popularity(10_000, 0.8), 1000.0), 0.436_660);
        assert_eq!(lru_hits(&popularity(10, 0.8), 10.0), 1.0);
        close(ttl_hits(&popularity(1, 1.0), 1.0, 1.0), 0.5);
        close(renewed_hits(&popularity(1, 1.0), 1.0, 1.0), 0.632_121);
        // Stale for no time is a plain time to live; stale for ever never misses.
        close(stale_hits(&popularity(9, 1.0), 2.0, 3.0, 3.0), ttl_hits(&popularity(9, 1.0), 2.0, 3.0));
        close(stale_hits(&popularity(9, 1.0), 2.0, 3.0, 1e9), 1.0);
        // Keys that are all the same are hit as often as there is room for, whatever goes.
        for hits in [lru_hits, random_hits, lfu_hits] {
            close(hits(&popularity(400, 0.0), 100.0), 0.25);
        }
        close(random_hits(&popularity(1_000, 0.8), 100.0), 0.333_680);
        close(lfu_hits(&popularity(1_000, 0.8), 100.0), 0.525_827);
        // The shop: 1 000 users, Zipf 1.2, six requests a second, five minutes.
        close((ttl_hits(&popularity(1000, 1.2), 6.0, 300.0) * 100.0).round() / 100.0, 0.84);
        close((ttl_hits(&popularity(1000, 0.0), 6.0, 300.0) * 100.0).round() / 100.0, 0.64);
    }

    #[test]
    fn a_timeout_at_the_mean_is_missed_by_one_in_e() {
        close(exceeds(0.5, 0.5), 0.367_879);
        assert_eq!(exceeds(f64::INFINITY, 0.5), 1.0);
    }
}
