//! Names of metrics and labels that Prometheus takes, and units that its names end in.
//!
//! A name that no parser of the text formats takes is written by Prometheus' own scheme for it, `values`: `U__`, then each underscore doubled
//! and every other character that is not allowed as its code between underscores, so that different names stay different. Source:
//! Prometheus, "Content negotiation: escaping schemes".

use std::borrow::Cow;
use std::fmt::Write as _;

/// The name of a metric: colons are allowed.
pub(super) fn metric(name: &str) -> Cow<'_, str> {
    legal(name, |c| c == ':')
}

/// The name of a label.
pub(super) fn label(name: &str) -> Cow<'_, str> {
    legal(name, |_| false)
}

fn legal(name: &str, also: impl Fn(char) -> bool) -> Cow<'_, str> {
    let fits = |(at, c): (usize, char)| c.is_ascii_alphabetic() || c == '_' || at > 0 && c.is_ascii_digit() || also(c);
    if !name.is_empty() && name.chars().enumerate().all(fits) {
        return Cow::Borrowed(name);
    }
    let mut escaped = "U__".to_owned();
    for (at, c) in name.chars().enumerate() {
        match c {
            '_' => escaped.push_str("__"),
            _ if fits((at, c)) => escaped.push(c),
            _ => write!(escaped, "_{:x}_", u32::from(c)).expect("text takes all"),
        }
    }
    Cow::Owned(escaped)
}

/// The unit that a family's name ends in, if that is the one by which its values are measured. OpenMetrics allows no other.
pub(super) fn unit(family: &str, ucum: &str) -> Option<&'static str> {
    let words: &[&str] = match ucum {
        "s" => &["seconds"],
        "ms" => &["milliseconds", "ms"],
        "us" => &["microseconds", "us"],
        "ns" => &["nanoseconds", "ns"],
        "By" => &["bytes"],
        "%" => &["percent", "percentage"],
        "1" => &["ratio"],
        _ => &[],
    };
    words.iter().copied().find(|word| family.strip_suffix(word).is_some_and(|rest| rest.ends_with('_')))
}
