//! Times a whole number: every duration multiplied, every rate divided.
//!
//! A world whose durations are written down scales exactly: every event of the one is an event of the other, so many times later.
//! What is drawn from a continuous distribution is rounded to whole nanoseconds and does not; neither do a share of a core, costs by
//! size (a pause per MiB, a rate of marking), growth by a broken factor, and what a library or a server has built in
//! (HikariCP's housekeeper, the cycles of Redis). [`frozen`] takes these out of a scenario.

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
    possible.then(|| tree.print())
}

const DISTRIBUTIONS: &[&str] =
    &["Exponential", "LogNormal", "Normal", "Uniform", "Gamma", "Pareto", "Weibull", "Empirical", "Mixture"];

/// What is built in, and has times of its own.
const BUILT_IN: &[&str] = &["HikariCp", "Jvm", "CPython"];

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
    ("fresh", None),
    ("expiries", None),
    ("delay", None),
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
    if ["Poisson", "Constant"].contains(&value.name()) {
        // A gap of a whole number of nanoseconds.
        *value = Tree::parse("Constant(rate: \"125/s\")");
        return true;
    }
    let Tree::Group { parts, .. } = value else { return true };
    let has = |field: &str| parts.iter().any(|(key, _)| key.as_deref() == Some(field));
    if has("runtime") && !has("discipline") {
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
    for (key, value) in parts {
        let whole = |key: &Option<String>| key.as_deref().is_some_and(|key| key.trim_matches('"').ends_with("cores"));
        if whole(key) && value.name() != "Unlimited" {
            *value = Tree::Atom("\"2 cpu\"".into());
        }
    }
    true
}
