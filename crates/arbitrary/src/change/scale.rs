//! Times a whole number: every duration multiplied, every rate divided.
//!
//! A world whose durations are written down scales exactly: every event of the one is an event of the other, so many times later.
//! [`frozen`] takes out of a scenario what does not:
//!
//! - what is rounded to whole nanoseconds: draws from continuous distributions, shares of a core, contention, the roots of CoDel,
//!   growth by a broken factor;
//! - costs by size: a pause per MiB, a rate of marking;
//! - what counts in a unit of its own, because the real thing does: nginx' `limit_req` in milliseconds, `Retry-After` in seconds,
//!   Finagle's least retries by the second, a token bucket's default of a second's burst, `lfu-decay-time` in minutes;
//! - what is drawn at an instant: which back ends a termination takes;
//! - what has times built in: HikariCP's housekeeper, the instants at which brokers look at deadlines and memory, the cycles of Redis, the periods of a CFS quota, the SYNs of Linux,
//!   PostgreSQL's `deadlock_timeout` where it is not written down.

use super::Tree;

/// The scenario with every duration `k` times as long and every rate a `k`-th.
#[must_use]
pub fn scaled(resolved: &str, k: u64) -> String {
    let mut tree = Tree::parse(resolved);
    tree.visit(&mut |value| {
        if let Tree::Atom(text) = value
            && let Some(changed) =
                text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|t| times(t, k))
        {
            *text = format!("\"{changed}\"");
        }
    });
    tree.print()
}

fn times(text: &str, k: u64) -> Option<String> {
    if let Ok(duration) = knockon_scenario::parse_duration(text) {
        return Some(format!("{}ns", duration.as_nanos() * k));
    }
    let (number, unit) = text.split_once('/')?;
    let rate: f64 = number.parse().ok()?;
    ["s", "min", "h", "d"].contains(&unit).then(|| format!("{}/{unit}", rate / k as f64))
}

/// The scenario with nothing in it that does not scale exactly; `None` where that cannot be.
#[must_use]
pub fn frozen(resolved: &str) -> Option<String> {
    let mut tree = Tree::parse(resolved);
    let mut possible = true;
    tree.visit(&mut |value| possible &= freeze(value));
    if resolved.contains("fresh: ") {
        // A load that refreshed stale values in the background may be none of its own any more, with a timeout to set.
        tree.visit(&mut |value| {
            if let Tree::Group { parts, .. } = value {
                parts.retain(|(key, _)| !key.as_deref().is_some_and(|key| key.contains(".load_timeout[")));
            }
        });
    }
    possible.then(|| tree.print())
}

const DISTRIBUTIONS: &[&str] =
    &["Exponential", "LogNormal", "Normal", "Uniform", "Gamma", "Pareto", "Weibull", "Empirical", "Mixture"];

/// What is built in, and has times of its own.
const BUILT_IN: &[&str] = &["HikariCp", "Jvm", "CPython", "RabbitMq", "Redis"];

/// Fields whose values do not scale, and what they are set to; they are left out where that is nothing.
const UNSCALED: &[(&str, Option<&str>)] = &[
    ("profile", None),
    ("warm_up", None),
    ("jitter", Some("Off")),
    ("factor", Some("2")),
    ("discipline", Some("FirstCome")),
    ("eviction", Some("NoEviction")),
    ("ttl", None),
    ("renewed", None),
    ("expire_at", None),
    ("fresh", None),
    ("expiries", None),
    ("delay", None),
    ("contention", None),
    ("honours_retry_after", Some("false")),
    ("minimum_per_second", Some("0")),
    ("log_lock_waits", Some("false")),
    ("replay", Some("\"4096TiB\"")),
    ("writes", Some("\"0B\"")),
    ("bandwidth", Some("\"4096TiB\"")),
    ("growth", Some("\"0B\"")),
    ("log_growth", Some("\"0B\"")),
];

/// The same of fields that can also be set later, by the end of their paths.
const UNSCALED_PATHS: &[(&str, &str)] = &[
    ("cores", "\"2 cpu\""),
    ("quota", "Unlimited"),
    (".ttl", "None"),
    ("/rate_limit.rate", "\"40/s\""),
    (".replay", "\"4096TiB\""),
    ("/disk.growth", "\"0B\""),
    ("/disk.log_growth", "\"0B\""),
];

/// False where something is in the way.
fn freeze(value: &mut Tree) -> bool {
    if BUILT_IN.contains(&value.name()) {
        return false;
    }
    if DISTRIBUTIONS.contains(&value.name()) && matches!(value, Tree::Group { .. }) {
        *value = Tree::Atom("\"1700us\"".into());
        return true;
    }
    if value.name() == "DropSyn" {
        *value = Tree::Atom("Refuse".into());
        return true;
    }
    if ["LimitReq", "TokenBucket"].contains(&value.name()) {
        let burst = value.get("burst").map_or("3", Tree::name);
        // Thousandths of a request a second, also when they are divided.
        *value = Tree::parse(&format!("TokenBucket(rate: \"40/s\", burst: {burst})"));
        return true;
    }
    if ["Poisson", "Constant"].contains(&value.name()) {
        // A gap of a whole number of nanoseconds.
        *value = Tree::parse("Constant(rate: \"125/s\")");
        return true;
    }
    let terminates = value.name() == "Terminate";
    let Tree::Group { parts, .. } = value else { return true };
    if terminates {
        parts.retain(|(key, _)| key.as_deref() != Some("share"));
    }
    let has =
        |parts: &[(Option<String>, Tree)], field: &str| parts.iter().any(|(key, _)| key.as_deref() == Some(field));
    // The limits of a Redis' cycles have times built in.
    if has(parts, "expiry") {
        return false;
    }
    if has(parts, "runtime") && !has(parts, "discipline") {
        parts.push((Some("discipline".into()), Tree::Atom("FirstCome".into())));
    }
    for &(field, fixed) in UNSCALED {
        match fixed {
            None => parts.retain(|(key, _)| key.as_deref() != Some(field)),
            Some(fixed) => {
                let named = parts.iter_mut().filter(|(key, _)| key.as_deref() == Some(field));
                named.for_each(|(_, value)| *value = Tree::Atom(fixed.into()));
            }
        }
    }
    let database = has(parts, "queries");
    if database && !has(parts, "deadlock_timeout") {
        parts.push((Some("deadlock_timeout".into()), Tree::Atom("\"200ms\"".into())));
    }
    for (key, value) in parts {
        let key = key.as_deref().unwrap_or_default().trim_matches('"');
        for &(end, fixed) in UNSCALED_PATHS.iter().filter(|(end, _)| key.ends_with(end)) {
            if value.name() != "Unlimited" || end == "quota" {
                *value = Tree::Atom(fixed.into());
            }
            // A database always shares its cores: it gets one for each statement.
            if end == "cores" && value.name() != "Unlimited" && (database || key.starts_with("store-")) {
                *value = Tree::Atom("\"64 cpu\"".into());
            }
        }
    }
    true
}
