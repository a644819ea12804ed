//! Quantities, which carry their unit in a text.

use crate::decode::{Decode, Reader};
use crate::origin::Span;
use crate::print::Print;
use crate::tree::{Kind, Node};
use crate::unit::{self, Refusal};
use knockon_kernel::Duration;

/// Durations longer than this cannot be meant, and sums of them stay far from the end of time.
const LONGEST: Duration = knockon_kernel::Sampler::LONGEST;

fn refused<T>(
    reader: &mut Reader,
    span: Span,
    text: &str,
    refusal: &Refusal,
    expected: &str,
    units: &[&str],
) -> Option<T> {
    let (message, hint) = match refusal {
        Refusal::NoNumber => (format!("{text:?} is not {expected}"), None),
        Refusal::NoUnit => (format!("{text:?} lacks its unit"), Some(format!("units here: {}", units.join(", ")))),
        Refusal::UnknownUnit(unit) => {
            (format!("{text:?} has the unknown unit `{unit}`"), Some(format!("units here: {}", units.join(", "))))
        }
        Refusal::OutOfRange => (format!("{text:?} is out of range for {expected}"), None),
    };
    reader.report(span, message, hint);
    None
}

/// A quantity in a text.
macro_rules! quantity {
    ($expected:literal, $parse:path, $units:expr, $node:ident, $reader:ident) => {
        match &$node.kind {
            Kind::Text(text) => match $parse(text) {
                Ok(value) => Some(value),
                Err(refusal) => refused($reader, $node.span, text, &refusal, $expected, &$units),
            },
            Kind::Number(number) if number.is_finite() => {
                $reader.report(
                    $node.span,
                    format!("the number {number} lacks its unit"),
                    Some(concat!("write ", $expected).into()),
                );
                None
            }
            _ => $reader.mismatch($node, $expected),
        }
    };
}

impl Decode for Duration {
    fn expects() -> String {
        "a duration such as \"250ms\"".into()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        let units = ["ns", "us", "ms", "s", "min", "h", "d"];
        let duration = quantity!("a duration such as \"250ms\"", unit::duration, units, node, reader)?;
        if duration > LONGEST {
            reader.report(node.span, "a duration of more than a hundred years", None);
            return None;
        }
        Some(duration)
    }

    fn filler() -> Self {
        Duration::from_secs(1)
    }

    fn print(&self) -> Print {
        Print::text(&unit::print_duration(*self))
    }
}

/// A duration that is longer than nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Period(pub(crate) Duration);

impl Decode for Period {
    fn expects() -> String {
        "a duration above zero such as \"250ms\"".into()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        let duration = Duration::decode(node, reader)?;
        if duration.is_zero() {
            reader.report(node.span, "a duration of zero is impossible here", None);
            return None;
        }
        Some(Self(duration))
    }

    fn filler() -> Self {
        Self(Duration::from_secs(1))
    }

    fn print(&self) -> Print {
        self.0.print()
    }
}

/// Bytes that one step allocates: a tebibyte at most. They are played piece by piece, so that more would not end.
pub(crate) type Allocation = Bytes<0, { 1 << 40 }>;

/// A number of bytes, from `MINIMUM` to `MAXIMUM`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Bytes<const MINIMUM: u64 = 0, const MAXIMUM: u64 = { u64::MAX }>(pub(crate) u64);

impl<const MINIMUM: u64, const MAXIMUM: u64> Decode for Bytes<MINIMUM, MAXIMUM> {
    fn expects() -> String {
        "a size such as \"512MiB\"".into()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "KB", "MB", "GB", "TB"];
        let bytes = quantity!("a size such as \"512MiB\"", unit::bytes, units, node, reader)?;
        if bytes < MINIMUM {
            reader.report(node.span, format!("too small: at least {}", unit::print_bytes(MINIMUM)), None);
            return None;
        }
        if bytes > MAXIMUM {
            reader.report(node.span, format!("too large: at most {}", unit::print_bytes(MAXIMUM)), None);
            return None;
        }
        Some(Self(bytes))
    }

    fn filler() -> Self {
        Self(MINIMUM)
    }

    fn print(&self) -> Print {
        Print::text(&unit::print_bytes(self.0))
    }
}

/// A rate of requests, above zero.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub(crate) struct Rate(pub(crate) f64);

impl Decode for Rate {
    fn expects() -> String {
        "a rate such as \"10/s\"".into()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        let rate = quantity!("a rate such as \"10/s\"", unit::rate, ["/s", "/min", "/h", "/d"], node, reader)?;
        // One request in a thousand years and one a nanosecond: beyond either lies a typing error.
        if !(1e-10..=1e9).contains(&rate) {
            reader.report(node.span, "a rate must be above zero and at most 10⁹ a second", None);
            return None;
        }
        Some(Self(rate))
    }

    fn filler() -> Self {
        Self(1.0)
    }

    fn print(&self) -> Print {
        // Digits without an exponent read back to the same float.
        Print::text(&format!("{}/s", self.0))
    }
}

/// Processor capacity in thousandths of a core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Capacity(pub(crate) Option<u32>);

impl Decode for Capacity {
    fn expects() -> String {
        "cores such as \"0.5 cpu\", or `Unlimited`".into()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        if node.kind == Kind::Word("Unlimited".into()) {
            return Some(Self(None));
        }
        quantity!("cores such as \"0.5 cpu\", or `Unlimited`", unit::cores, ["cpu", "m"], node, reader)
            .map(|milli| Self(Some(milli)))
    }

    fn filler() -> Self {
        Self(Some(1000))
    }

    fn print(&self) -> Print {
        match self.0 {
            None => Print::Atom("Unlimited".into()),
            Some(milli) if milli % 1000 == 0 => Print::text(&format!("{} cpu", milli / 1000)),
            Some(milli) => Print::text(&format!("{milli}m")),
        }
    }
}

/// An instant of the calendar, UTC, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Instant(pub(crate) i64);

impl Decode for Instant {
    fn expects() -> String {
        "an instant such as \"2026-01-05T09:00:00Z\"".into()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Kind::Text(text) = &node.kind else {
            return reader.mismatch(node, &Self::expects());
        };
        let read = chrono::DateTime::parse_from_rfc3339(text).ok();
        // The run has to fit behind its start as well, in every format that is written.
        match read
            .filter(|at| (1970..2150).contains(&chrono::Datelike::year(at)))
            .and_then(|at| at.timestamp_nanos_opt())
        {
            Some(nanos) if nanos >= 0 => Some(Self(nanos)),
            _ => {
                let hint = "RFC 3339, from 1970 to 2149: \"2026-01-05T09:00:00Z\"".into();
                reader.report(node.span, format!("{text:?} is not an instant"), Some(hint));
                None
            }
        }
    }

    fn filler() -> Self {
        Self(0)
    }

    fn print(&self) -> Print {
        let at = chrono::DateTime::from_timestamp_nanos(self.0);
        Print::text(&at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    }
}
