//! The two forms of text that Prometheus reads, and how numbers and strings are written in them.

use std::fmt::Write as _;

/// A form of text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Text {
    /// OpenMetrics 1.0: times in seconds, counters are named without `_total`, `# EOF` ends it.
    OpenMetrics,
    /// The older text format 0.0.4: times in milliseconds, a family is named as its samples are.
    Plain,
}

impl Text {
    /// What HTTP calls it.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// What ends it.
    #[must_use]
    pub const fn end(self) -> &'static str {
        match self {
            Self::OpenMetrics => "# EOF\n",
            Self::Plain => "",
        }
    }
}

/// Writes a value: whole numbers without a point, the shortest digits that give all others back.
pub fn put_value(out: &mut String, value: f64) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if value.fract() == 0.0 && value.abs() <= EXACT {
        out.push_str(itoa::Buffer::new().format(value as i64));
    } else {
        write!(out, "{value:?}").expect("text takes all");
    }
}

/// Writes an instant, in nanoseconds since the Unix epoch, to its last digit that is not 0.
pub fn put_time(out: &mut String, text: Text, unix_ns: i64) {
    let (unit, digits) = match text {
        Text::OpenMetrics => (1_000_000_000, 9),
        // Whole milliseconds are all that this one has.
        Text::Plain => return out.push_str(itoa::Buffer::new().format(unix_ns.div_euclid(1_000_000))),
    };
    let sign = if unix_ns < 0 { "-" } else { "" };
    let (whole, rest) = (unix_ns.unsigned_abs() / unit, unix_ns.unsigned_abs() % unit);
    write!(out, "{sign}{whole}").expect("text takes all");
    if rest > 0 {
        let from = out.len();
        write!(out, ".{rest:0digits$}").expect("text takes all");
        out.truncate(from + out[from..].trim_end_matches('0').len());
    }
}

/// A label's value, or a help text, without what would end it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

/// The bound of a bucket in the one form that OpenMetrics has of it: `1.0`, `0.5`, `+Inf`.
pub(super) fn bound(le: f64) -> String {
    if le.is_infinite() { "+Inf".to_owned() } else { format!("{le:?}") }
}
