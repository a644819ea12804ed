//! Values that are drawn: `Range(low, high)` and `Pick([…])` anywhere in a tree.

use crate::decode::Reader;
use crate::tree::{Kind, Node};
use crate::unit;
use knockon_kernel::{Duration, Key};

/// The tree with every range and choice in it drawn, each at the address of its place.
pub(super) fn drawn(node: &Node, key: Key, reader: &mut Reader) -> Option<Node> {
    let kind = match &node.kind {
        Kind::Tuple(Some(name), items) if name == "Range" => {
            let [low, high] = items.as_slice() else {
                reader.report(node.span, "`Range` takes a low and a high value", None);
                return None;
            };
            let Some(kind) = between(&low.kind, &high.kind, key.unit()) else {
                let hint = "two numbers, or two texts with units of one kind: Range(\"1s\", \"4s\")";
                reader.report(
                    node.span,
                    "`Range` takes two values of one kind, the lower one first",
                    Some(hint.into()),
                );
                return None;
            };
            kind
        }
        Kind::Fields(Some(name), _) if name == "Range" || name == "Pick" => {
            reader.report(node.span, format!("the values of `{name}` stand without names"), None);
            return None;
        }
        Kind::Tuple(Some(name), items) if name == "Pick" => match items.as_slice() {
            [Node { kind: Kind::List(values), .. }] if !values.is_empty() => {
                let one = ((key.unit() * values.len() as f64) as usize).min(values.len() - 1);
                return drawn(&values[one], key.with(one as u64), reader);
            }
            _ => {
                reader.report(node.span, "`Pick` takes a list of values", Some("Pick([\"1s\", \"4s\"])".into()));
                return None;
            }
        },
        Kind::List(items) => Kind::List(each(items, key, reader)?),
        Kind::Tuple(name, items) => Kind::Tuple(name.clone(), each(items, key, reader)?),
        Kind::Map(entries) => Kind::Map(
            entries
                .iter()
                .map(|(name, value)| {
                    let Kind::Text(text) = &name.kind else { return Some((name.clone(), value.clone())) };
                    Some((name.clone(), drawn(value, key.name(text), reader)?))
                })
                .collect::<Option<_>>()?,
        ),
        Kind::Fields(name, fields) => {
            let fields =
                fields.iter().map(|(word, value)| Some((word.clone(), drawn(value, key.name(&word.text), reader)?)));
            Kind::Fields(name.clone(), fields.collect::<Option<_>>()?)
        }
        Kind::Text(_) | Kind::Number(_) | Kind::Flag(_) | Kind::Absent | Kind::Word(_) | Kind::Other => {
            node.kind.clone()
        }
    };
    Some(Node { span: node.span, kind })
}

fn each(items: &[Node], key: Key, reader: &mut Reader) -> Option<Vec<Node>> {
    items.iter().enumerate().map(|(n, item)| drawn(item, key.with(n as u64), reader)).collect()
}

/// A value so far from one to the other.
fn between(low: &Kind, high: &Kind, part: f64) -> Option<Kind> {
    let at = |low: f64, high: f64| (low <= high).then_some(low + (high - low) * part);
    match (low, high) {
        (Kind::Number(low), Kind::Number(high)) => at(*low, *high).map(Kind::Number),
        (Kind::Text(low), Kind::Text(high)) => {
            let (low, high) = (low.as_str(), high.as_str());
            let text = if let (Ok(low), Ok(high)) = (unit::duration(low), unit::duration(high)) {
                let nanos = three_digits(at(low.as_nanos() as f64, high.as_nanos() as f64)?);
                unit::print_duration(Duration::from_nanos(nanos.clamp(low.as_nanos(), high.as_nanos())))
            } else if let (Ok(low), Ok(high)) = (unit::bytes(low), unit::bytes(high)) {
                unit::print_bytes((at(low as f64, high as f64)? as u64 / 1_024 * 1_024).clamp(low, high))
            } else if let (Ok(low), Ok(high)) = (unit::cores(low), unit::cores(high)) {
                format!("{}m", at(f64::from(low), f64::from(high))? as u32)
            } else if let (Ok(low), Ok(high)) = (unit::rate(low), unit::rate(high)) {
                format!("{:.6}/s", at(low, high)?)
            } else if let (Ok(low), Ok(high)) = (unit::percent(low), unit::percent(high)) {
                format!("{:.4} %", at(low, high)? * 100.0)
            } else {
                return None;
            };
            Some(Kind::Text(text))
        }
        _ => None,
    }
}

/// Rounded to three decimal digits, so that people can read what was drawn.
fn three_digits(nanos: f64) -> u64 {
    let nanos = nanos as u64;
    let mut grain = 1;
    while nanos / grain >= 1_000 {
        grain *= 10;
    }
    (nanos + grain / 2) / grain * grain
}
