//! Closed forms of queues and caches, as textbooks have them.

use knockon_kernel::math::{exp, powf};

/// Probability of waiting in M/M/c at an offered load of `load` erlangs (Erlang C; Kleinrock, Queueing Systems I, 1975,
/// section 3.5). One where the load is not below the number of servers.
pub(crate) fn erlang_c(servers: u32, load: f64) -> f64 {
    let c = f64::from(servers);
    if load >= c {
        return 1.0;
    }
    // Erlang B by its recursion, which is stable, then C from B.
    let blocked = (1..=servers).fold(1.0, |b, n| load * b / (f64::from(n) + load * b));
    blocked / (1.0 - load / c * (1.0 - blocked))
}

/// Mean wait in M/M/c, in units of the service time; infinite where the load is not below the number of servers.
pub(crate) fn mean_wait(servers: u32, load: f64) -> f64 {
    let spare = f64::from(servers) - load;
    if spare <= 0.0 { f64::INFINITY } else { erlang_c(servers, load) / spare }
}

/// P(T > timeout) where the time T is exponential with the given mean: exact for M/M/1, and the usual guess elsewhere.
pub(crate) fn exceeds(mean: f64, timeout: f64) -> f64 {
    if mean.is_finite() { exp(-timeout / mean) } else { 1.0 }
}

/// Keys that are about equally popular: the probability of each, and how many they are.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Class {
    p: f64,
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

/// Hit ratio of an LRU cache of `entries` entries (Che, Tung and Wang, "Hierarchical Web Caching Systems", 2002, section III):
/// the time t for which Σ(1 − e^(−pt)) = C decides whether a key is still there.
pub(crate) fn lru_hits(popularity: &[Class], entries: f64) -> f64 {
    if entries >= popularity.iter().map(|class| class.keys).sum() {
        return 1.0;
    }
    let held = |t: f64| popularity.iter().map(|class| class.keys * (1.0 - exp(-class.p * t))).sum::<f64>();
    let (mut low, mut high) = (0.0, 1.0);
    // Doubling, then halving: a fixed number of steps of each, whatever the numbers are.
    for _ in 0..100 {
        if held(high) >= entries {
            break;
        }
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if held(middle) < entries { low = middle } else { high = middle }
    }
    popularity.iter().map(|class| class.keys * class.p * (1.0 - exp(-class.p * high))).sum()
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
        close(mean_wait(2, 1.0), 0.333_333);
        close(mean_wait(10, 8.0), 0.204_590);
        close(mean_wait(1, 0.8), 4.0);
        assert_eq!(erlang_c(3, 3.0), 1.0);
        assert_eq!(mean_wait(3, 3.5), f64::INFINITY);
    }

    #[test]
    fn hit_ratios_are_as_published() {
        close(lru_hits(&popularity(10_000, 0.8), 100.0), 0.156_625);
        close(lru_hits(&popularity(10_000, 0.8), 1000.0), 0.436_660);
        assert_eq!(lru_hits(&popularity(10, 0.8), 10.0), 1.0);
        close(ttl_hits(&popularity(1, 1.0), 1.0, 1.0), 0.5);
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
