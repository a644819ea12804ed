//! Numbers as people read them: three digits and a unit. Every number of a story comes through here.

use crate::Calendar;
use crate::summary::grouped;
use knockon_kernel::Time;

/// An instant of the run, `0:20:15`; with milliseconds where it is not a whole second. Nanoseconds are rounded, since windows may
/// begin one before a second.
pub(super) fn clock(offset_ns: u64) -> String {
    // Windows begin a nanosecond after the edge before; else times are cut, as the summary of a run cuts them.
    let cut = offset_ns.saturating_add(500) / 1_000_000 * 1_000_000;
    let text = Calendar::offset(Time::from_nanos(cut));
    text.strip_suffix(".000").map_or(text.clone(), str::to_owned)
}

/// A duration: `12.3 ms`, `4.20 s`, `31.2 min`.
pub(super) fn duration(ns: f64) -> String {
    let size = ns.abs();
    let (divisor, unit) = match size {
        size if size < 999.5 => return format!("{ns:.0} ns"),
        size if size < 999.5e3 => (1e3, "µs"),
        size if size < 999.5e6 => (1e6, "ms"),
        size if size < 599.5e9 => (1e9, "s"),
        size if size < 3_599.5e9 * 5.0 => (60e9, "min"),
        _ => (3_600e9, "h"),
    };
    format!("{} {unit}", digits(ns / divisor))
}

/// A difference of durations with its sign: `+12.3 ms`, `−4.20 s`.
pub(super) fn difference(ns: f64) -> String {
    match ns {
        ns if ns > 0.0 => format!("+{}", duration(ns)),
        ns if ns < 0.0 => format!("−{}", duration(-ns)),
        _ => "0 ns".to_owned(),
    }
}

/// A value of a metric in its unit by UCUM, as `truth/windows` has it.
pub(super) fn value(value: f64, metric: &str, unit: &str) -> String {
    match unit {
        "s" => duration(value * 1e9),
        "ns" => duration(value),
        "By" => bytes(value),
        "1" if matches!(metric, "utilisation" | "hit_share" | "buffer_hit_share") => share(value),
        "1/s" => format!("{}/s", digits(value)),
        _ => digits(value),
    }
}

/// A part of a whole: `12.3 %`.
pub(super) fn share(share: f64) -> String {
    format!("{} %", digits(share * 100.0))
}

/// Requests and the like: `1 234`.
pub(super) fn count(count: u64) -> String {
    grouped(count)
}

/// What a metric is of, where its name is the same for several.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Of {
    /// A component as such.
    Component,
    /// A pool of connections, or another part that callers wait for.
    Pool,
    /// An executor.
    Executor,
}

/// What a metric counts or measures, as people call it, where its name does not say so.
pub(super) fn metric(name: &str, of: Of) -> String {
    let in_pool = of == Of::Pool;
    let words = match name {
        "wait.mean" if of == Of::Executor => "mean wait for a thread",
        "waiting.present.mean" if of == Of::Executor => "tasks queued",
        "present.mean" => "requests in it",
        "queue.present.mean" => "requests queued",
        "held_back.present.mean" => "requests held back",
        "locks.present.mean" => "statements waiting for locks",
        "processor.present.mean" => "threads at the processor",
        "utilisation" => "workers busy",
        "latency.mean" => "mean latency",
        "latency.p95" => "95 % faster than",
        "latency.p99" => "99 % faster than",
        "paused" => "standing still",
        "throttled" => "throttled for",
        "hit_share" => "cache hits",
        "misses" => "cache misses",
        "retained" => "bytes kept alive",
        "live_after_full_collection" => "alive after a full collection",
        "resident" => "resident memory",
        "in_use.present.mean" => "connections in use",
        "in_use.sojourn.mean" => "a connection is held for",
        "wait.mean" => "mean wait for a connection",
        "waiting.present.mean" if in_pool => "callers waiting",
        "timeouts" if in_pool => "waits given up",
        "leaked" | "leaked_connections" => "connections leaked",
        "running.present.mean" => "tasks running",
        "submitted" => "tasks handed over",
        "discarded" => "tasks thrown away",
        "failed" => "requests failed",
        "refused" => "requests refused",
        "lost" => "requests lost with the process",
        "sent" => "requests sent",
        "arrived" => "requests arrived",
        "retries" => "attempts sent again",
        "life" => "not up",
        "disk.waiting.present.mean" => "I/Os waiting",
        "disk.present.mean" => "I/Os under way",
        "disk_used" => "on the disk",
        "disk_full" => "writes without room",
        "replay_behind" => "written and not replayed",
        "staleness.mean" => "what was read was so old",
        "stale_reads" => "reads that missed writes",
        "rejected_connections" => "connections refused at maxclients",
        "expire_cycles" => "deleting expired keys took",
        _ => return name.trim_end_matches(".mean").replace(['_', '.'], " "),
    };
    words.to_owned()
}

fn bytes(bytes: f64) -> String {
    const KIB: f64 = 1_024.0;
    match bytes.abs() {
        size if size < 1_023.5 => format!("{bytes:.0} B"),
        size if size < 1_023.5 * KIB => format!("{} KiB", digits(bytes / KIB)),
        size if size < 1_023.5 * KIB * KIB => format!("{} MiB", digits(bytes / KIB / KIB)),
        _ => format!("{} GiB", digits(bytes / KIB / KIB / KIB)),
    }
}

/// A number with three digits, or all of them where it has more before the point; whole numbers as such.
fn digits(number: f64) -> String {
    let size = number.abs();
    if number == libm::trunc(number) && size < 1e15 {
        let text = grouped(size as u64);
        return if number < 0.0 { format!("−{text}") } else { text };
    }
    match size {
        size if size >= 999.5 => digits(libm::round(number)),
        size if size >= 99.95 => format!("{number:.0}"),
        size if size >= 9.995 => format!("{number:.1}"),
        size if size >= 0.999_5 => format!("{number:.2}"),
        size if size >= 0.099_95 => format!("{number:.3}"),
        size if size >= 0.009_995 => format!("{number:.4}"),
        size if size >= 0.000_999_5 => format!("{number:.5}"),
        _ => format!("{number:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        for (ns, text) in [
            (0.0, "0 ns"),
            (831.0, "831 ns"),
            (999.7, "1.00 µs"),
            (12_345.0, "12.3 µs"),
            (999.6e6, "1.00 s"),
            (1.5e9, "1.50 s"),
            (253.4e9, "253 s"),
            (4_427e9, "73.8 min"),
            (36_000e9, "10 h"),
        ] {
            assert_eq!(duration(ns), text, "{ns}");
        }
        assert_eq!([difference(1.5e6), difference(-2e9), difference(0.0)], ["+1.50 ms", "−2 s", "0 ns"]);
    }

    #[test]
    fn values_by_unit() {
        for (of, metric, unit, text) in [
            (0.013, "paused", "s", "13 ms"),
            (209_715_200.0, "retained", "By", "200 MiB"),
            (62_000.0, "retained", "By", "60.5 KiB"),
            (0.512, "hit_share", "1", "51.2 %"),
            (3.0, "leaked", "1", "3"),
            (1_234.0, "failed", "count", "1 234"),
            (9.873, "in_use.present.mean", "mean count", "9.87"),
            (0.007_94, "present.mean", "mean count", "0.00794"),
            (0.000_001_4, "present.mean", "mean count", "1.40e-6"),
            (48.21, "throughput", "1/s", "48.2/s"),
        ] {
            assert_eq!(value(of, metric, unit), text, "{of} {metric}");
        }
    }

    #[test]
    fn clocks_show_what_is_not_a_whole_second() {
        assert_eq!(
            [clock(1_199_999_999_999), clock(1_215_000_000_000), clock(12_345_678_901)],
            ["0:20:00", "0:20:15", "0:00:12.345"]
        );
    }
}
