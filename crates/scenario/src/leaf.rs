//! The types of single values: names, numbers and quantities with units.

use crate::decode::{Decode, Reader};
use crate::origin::Span;
use crate::print::Print;
use crate::schema::Schema;
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

/// A number of bytes, at least `MINIMUM`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Bytes<const MINIMUM: u64 = 0>(pub(crate) u64);

impl<const MINIMUM: u64> Decode for Bytes<MINIMUM> {
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

/// A whole number, at least `MINIMUM`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Count<const MINIMUM: u32 = 0>(pub(crate) u32);

impl<const MINIMUM: u32> Decode for Count<MINIMUM> {
    fn expects() -> String {
        if MINIMUM == 0 { "a whole number".into() } else { format!("a whole number, at least {MINIMUM}") }
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Kind::Number(number) = node.kind else {
            return reader.mismatch(node, &Self::expects());
        };
        if !number.is_finite() || number.fract() != 0.0 {
            return reader.mismatch(node, &Self::expects());
        }
        if !(f64::from(MINIMUM)..=1e9).contains(&number) {
            reader.report(node.span, format!("{number} is impossible: at least {MINIMUM}, at most 10⁹"), None);
            return None;
        }
        Some(Self(number as u32))
    }

    fn filler() -> Self {
        Self(MINIMUM)
    }

    fn print(&self) -> Print {
        Print::Atom(self.0.to_string())
    }
}

fn finite(node: &Node, reader: &mut Reader, expected: &str) -> Option<f64> {
    match node.kind {
        Kind::Number(number) if number.is_finite() => Some(number + 0.0),
        Kind::Number(_) => {
            reader.report(node.span, "a number must be finite", None);
            None
        }
        _ => reader.mismatch(node, expected),
    }
}

/// A number that scales or weighs something: not negative, at most 10⁹; above zero unless `ZERO`.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub(crate) struct Factor<const ZERO: bool = false>(pub(crate) f64);

impl<const ZERO: bool> Decode for Factor<ZERO> {
    fn expects() -> String {
        if ZERO { "a number, 0 or more".into() } else { "a number above 0".into() }
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        let number = finite(node, reader, &Self::expects())?;
        if !(1e-9..=1e9).contains(&number) && !(ZERO && number == 0.0) {
            let range = if ZERO { "0 or more" } else { "above 0" };
            reader.report(node.span, format!("{number} is impossible: {range}, at most 10⁹"), None);
            return None;
        }
        Some(Self(number))
    }

    fn filler() -> Self {
        Self(1.0)
    }

    fn print(&self) -> Print {
        Print::Atom(format!("{}", self.0))
    }
}

/// A count that can be asked to be without a bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limit<const MINIMUM: u32 = 0>(pub(crate) Option<u32>);

impl<const MINIMUM: u32> Decode for Limit<MINIMUM> {
    fn expects() -> String {
        format!("{}, or `Unlimited`", Count::<MINIMUM>::expects())
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.kind {
            Kind::Word(word) if word == "Unlimited" => Some(Self(None)),
            Kind::Number(_) => Count::<MINIMUM>::decode(node, reader).map(|count| Self(Some(count.0))),
            _ => reader.mismatch(node, &Self::expects()),
        }
    }

    fn filler() -> Self {
        Self(Some(MINIMUM))
    }

    fn print(&self) -> Print {
        Print::Atom(self.0.map_or("Unlimited".into(), |n| n.to_string()))
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

impl Decode for bool {
    fn expects() -> String {
        "`true` or `false`".into()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.kind {
            Kind::Flag(flag) => Some(flag),
            _ => reader.mismatch(node, &Self::expects()),
        }
    }

    fn filler() -> Self {
        false
    }

    fn print(&self) -> Print {
        Print::Atom(self.to_string())
    }
}

/// Free text.
impl Decode for String {
    fn expects() -> String {
        "a text".into()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Kind::Text(text) = &node.kind else {
            return reader.mismatch(node, "a text in quotes");
        };
        // Escapes such as \u{202e} come past the check of the file's own characters.
        if let Some(c) = text.chars().find(|&c| crate::diagnostic::is_forbidden(c)) {
            reader.report(
                node.span,
                format!("the character U+{:04X} is not allowed in a scenario", u32::from(c)),
                None,
            );
            return None;
        }
        if text.chars().count() > 1000 {
            reader.report(node.span, "a text may have at most 1 000 characters", None);
            return None;
        }
        Some(text.clone())
    }

    fn filler() -> Self {
        String::new()
    }

    fn print(&self) -> Print {
        Print::text(self)
    }
}

/// The name of a component, pool, key space, query or fault.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Name(pub(crate) String);

impl Name {
    /// Why a text cannot be a name: names are slugs, so that they need no escaping in any format written.
    pub(crate) fn refusal(text: &str) -> Option<String> {
        let mut characters = text.chars();
        let first = characters.next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let rest = characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
        if text.chars().count() > 100 {
            Some("a name may have at most 100 characters".into())
        } else if first && rest {
            None
        } else {
            Some(format!(
                "{text:?} cannot be a name: small letters, digits, `-` and `_`, beginning with a letter or digit"
            ))
        }
    }
}

impl Decode for Name {
    fn expects() -> String {
        "a name".into()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        let text = String::decode(node, reader)?;
        if let Some(refusal) = Self::refusal(&text) {
            reader.report(node.span, refusal, None);
            return None;
        }
        Some(Self(text))
    }

    fn filler() -> Self {
        Self(String::new())
    }

    fn print(&self) -> Print {
        Print::text(&self.0)
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

/// A value whose type is not known before its path is: kept as it stands until then.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Setting(pub(crate) Node);

impl Decode for Setting {
    fn expects() -> String {
        "a value of the kind that its path takes".into()
    }

    fn decode(node: &Node, _: &mut Reader) -> Option<Self> {
        Some(Self(node.clone()))
    }

    fn filler() -> Self {
        Self(Node { span: Span::default(), kind: Kind::Absent })
    }

    fn print(&self) -> Print {
        print_node(&self.0)
    }

    fn describe(_: &mut Schema) {}
}

fn print_node(node: &Node) -> Print {
    match &node.kind {
        Kind::Text(text) => Print::text(text),
        Kind::Number(number) => Print::Atom(format!("{number}")),
        Kind::Flag(flag) => Print::Atom(flag.to_string()),
        Kind::Word(word) => Print::Atom(word.clone()),
        Kind::List(items) => Print::list(items.iter().map(print_node)),
        Kind::Map(entries) => Print::Group {
            open: "{".into(),
            parts: entries.iter().map(|(key, value)| (Some(print_node(key).line()), print_node(value))).collect(),
            close: "}",
        },
        Kind::Fields(name, fields) => Print::Group {
            open: format!("{}(", name.as_deref().unwrap_or("")),
            parts: fields.iter().map(|(name, value)| (Some(name.text.clone()), print_node(value))).collect(),
            close: ")",
        },
        Kind::Tuple(name, items) => Print::Group {
            open: format!("{}(", name.as_deref().unwrap_or("")),
            parts: items.iter().map(|item| (None, print_node(item))).collect(),
            close: ")",
        },
        Kind::Absent | Kind::Other => Print::Atom("None".into()),
    }
}
