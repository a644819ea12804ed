//! Plain numbers within a range.

use crate::decode::{Decode, Reader};
use crate::print::Print;
use crate::tree::{Kind, Node};
use crate::unit;

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
        let possible = (1e-9..=1e9).contains(&number) || (ZERO && number == 0.0);
        if !possible {
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

/// A part of one, from none to all of it.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub(crate) struct Portion(pub(crate) f64);

impl Decode for Portion {
    fn expects() -> String {
        "a share such as 0.001 or \"0.1 %\"".into()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        let share = match &node.kind {
            Kind::Text(text) => match unit::percent(text) {
                Ok(share) => share,
                Err(_) => return reader.mismatch(node, &Self::expects()),
            },
            _ => finite(node, reader, &Self::expects())?,
        };
        if !(0.0..=1.0).contains(&share) {
            reader.report(node.span, "a share lies between 0 and 1", Some("write a percentage as \"5 %\"".into()));
            return None;
        }
        Some(Self(share))
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
