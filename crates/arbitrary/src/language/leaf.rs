//! Values without parts. Short lists on purpose: equal durations make ties, and ties decide incidents.

use crate::draft::{Draft, quote};

/// Demands, latencies, pauses.
pub(super) fn short(d: &mut Draft<'_>) -> Option<String> {
    if d.choices.chance(32) {
        return Some(quote(&format!("{}ns", d.choices.any() % 3_000_000)));
    }
    d.quoted(&["1ms", "0s", "1ns", "333ns", "50us", "1ms", "1.5ms", "2ms", "5ms", "20ms"])
}

/// As [`short`], and never zero.
pub(super) fn brief(d: &mut Draft<'_>) -> Option<String> {
    d.quoted(&["1ms", "1ns", "70us", "1ms", "2ms", "3ms", "10ms", "40ms"])
}

/// Longer than any [`short`] and [`brief`].
pub(super) fn longer(d: &mut Draft<'_>) -> Option<String> {
    d.quoted(&["50ms", "60ms", "200ms", "3s"])
}

/// Timeouts.
pub(super) fn patience(d: &mut Draft<'_>) -> Option<String> {
    d.quoted(&["100ms", "1ns", "1ms", "2ms", "10ms", "50ms", "250ms", "1s", "5s"])
}

/// A timeout or none.
pub(super) fn patience_or_none(d: &mut Draft<'_>) -> Option<String> {
    if d.choices.chance(40) { Some("None".into()) } else { patience(d) }
}

/// Processor limits of containers.
pub(super) fn quota(d: &mut Draft<'_>) -> Option<String> {
    if d.choices.chance(150) { Some("Unlimited".into()) } else { d.quoted(&["500m", "1m", "200m", "1 cpu", "2500m"]) }
}

/// Timeouts that HikariCP takes.
pub(super) fn acquire_timeout(d: &mut Draft<'_>) -> Option<String> {
    d.quoted(&["250ms", "300ms", "1s", "5s"])
}

/// Lifetimes, intervals.
pub(super) fn age(d: &mut Draft<'_>) -> Option<String> {
    d.quoted(&["1s", "100ms", "500ms", "2s", "7s", "45s"])
}

pub(super) fn age_or_none(d: &mut Draft<'_>) -> Option<String> {
    if d.choices.chance(50) { Some("None".into()) } else { age(d) }
}

/// Start-ups, back-offs, graces: nothing to some seconds.
pub(super) fn while_(d: &mut Draft<'_>) -> Option<String> {
    d.quoted(&["100ms", "0s", "1ns", "10ms", "1s", "3s"])
}

/// Nanoseconds as text of the language.
pub(super) fn nanos(ns: u64) -> String {
    quote(&format!("{ns}ns"))
}

pub(super) fn small_bytes(d: &mut Draft<'_>) -> Option<String> {
    d.quoted(&["1KiB", "0B", "1B", "10KiB", "100KiB", "1MiB", "7MiB"])
}

pub(super) fn large_bytes(d: &mut Draft<'_>) -> Option<String> {
    d.quoted(&["1MiB", "0B", "100KiB", "3MiB", "30MiB"])
}

pub(super) fn flag(d: &mut Draft<'_>) -> Option<String> {
    d.one_of(&["true", "false"])
}

/// A small count or none.
pub(super) fn limit(d: &mut Draft<'_>) -> Option<String> {
    if d.choices.chance(25) { Some("Unlimited".into()) } else { d.number(0, 6) }
}

pub(super) fn limit_from_1(d: &mut Draft<'_>) -> Option<String> {
    if d.choices.chance(25) { Some("Unlimited".into()) } else { d.number(1, 6) }
}

pub(super) fn count_from_1(d: &mut Draft<'_>) -> Option<String> {
    d.number(1, 6)
}

pub(super) fn count(d: &mut Draft<'_>) -> Option<String> {
    d.number(0, 5)
}

pub(super) fn weight(d: &mut Draft<'_>) -> Option<String> {
    d.one_of(&["1", "0.5", "3", "100"])
}

pub(super) fn shape(d: &mut Draft<'_>) -> Option<String> {
    d.one_of(&["1", "0.5", "2", "7.25"])
}

pub(super) fn heavy_shape(d: &mut Draft<'_>) -> Option<String> {
    d.one_of(&["2", "1.1", "5"])
}

/// Cores with a bound.
pub(super) fn cores(d: &mut Draft<'_>) -> Option<String> {
    d.quoted(&["1 cpu", "0.5 cpu", "2 cpu", "1500m", "1m", "333m", "8 cpu"])
}

pub(super) fn rate(d: &mut Draft<'_>) -> Option<String> {
    d.quoted(&["10/s", "1/s", "50/s", "100/s", "300/s", "17/s", "600/min", "1000/s"])
}
