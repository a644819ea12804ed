//! Text to a tree of spanned nodes, the untyped half of reading.
//!
//! The ron crate does the parsing. Its values carry no places, so each container is read one level at a time with its
//! parts as borrowed raw values, whose offset in the text is the place. Nothing is lost on the way: duplicate keys, the
//! names of structs and the difference between a word and a text all reach the decoder.

use crate::diagnostic::{Finding, is_forbidden};
use crate::origin::{Origins, Position, Span};
use ron::extensions::Extensions;
use ron::value::RawValue;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Larger files are refused unread.
pub(crate) const MAXIMUM_BYTES: u64 = 1 << 20;

/// A value and its place.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

/// The shapes of RON.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Kind {
    Text(String),
    Number(f64),
    Flag(bool),
    /// `None`.
    Absent,
    /// `Name` alone.
    Word(String),
    /// `[…]`
    List(Vec<Node>),
    /// `{key: value, …}`
    Map(Vec<(Node, Node)>),
    /// `(field: value, …)` or `Name(field: value, …)`.
    Fields(Option<String>, Vec<(Word, Node)>),
    /// `(value, …)` or `Name(value, …)`.
    Tuple(Option<String>, Vec<Node>),
    /// Something that RON knows and scenarios have no use for: characters, byte strings, ranges.
    Other,
}

/// A field's name and place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Word {
    pub(crate) span: Span,
    pub(crate) text: String,
}

fn options() -> ron::Options {
    ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME | Extensions::UNWRAP_NEWTYPES)
}

/// Reads a whole text. A syntax error ends the reading, and is the only finding then.
pub(crate) fn parse(origins: &Origins, origin: u32) -> Result<Node, Vec<Finding>> {
    let text = &origins.get(origin).text;
    let strange: Vec<Finding> = text
        .char_indices()
        .filter(|&(_, c)| is_forbidden(c))
        .map(|(at, c)| Finding {
            span: Span { origin, start: at as u32, end: (at + c.len_utf8()) as u32 },
            message: format!("the character U+{:04X} is not allowed in a scenario", u32::from(c)),
            hint: Some(
                "control, invisible and direction-changing characters make a text say one thing and show another"
                    .into(),
            ),
        })
        .take(20)
        .collect();
    if !strange.is_empty() {
        return Err(strange);
    }
    let reader = Reader { origin, text };
    let whole = match options().from_str::<&RawValue>(text) {
        Ok(raw) => raw,
        Err(error) => return Err(vec![syntax_error(origins, origin, &error)]),
    };
    reader.node(whole.get_ron()).map_err(|(span, message)| vec![Finding { span, message, hint: None }])
}

fn syntax_error(origins: &Origins, origin: u32, error: &ron::error::SpannedError) -> Finding {
    let byte = |p: ron::error::Position| origins.byte(origin, Position { line: p.line, column: p.col });
    let (start, end) = (byte(error.span.start), byte(error.span.end));
    let text = &origins.get(origin).text;
    let (before, after) = (text[..start as usize].trim_end(), &text[start as usize..]);
    let hint = match error.code {
        ron::Error::ExpectedComma if after.starts_with(':') => {
            Some("either all values in one pair of parentheses are named, or none is")
        }
        ron::Error::ExpectedComma if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') => {
            Some("a field is written `name: value`, and a comma stands between fields")
        }
        ron::Error::ExpectedComma => Some("a comma is missing before this, or a bracket was closed too late"),
        ron::Error::ExpectedMapColon => Some("write `name: value`; texts as keys belong into `{ … }`"),
        ron::Error::ExpectedStructLikeEnd => Some("either all values in one pair of parentheses are named, or none is"),
        _ => None,
    };
    let hint = hint.map(str::to_owned);
    let message = match &error.code {
        ron::Error::ExceededRecursionLimit => "nested too deeply: at most 64 levels".to_owned(),
        other => {
            let text = other.to_string();
            let mut letters = text.chars();
            letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or(text)
        }
    };
    // An error after the last character is shown at it.
    let last = origins.get(origin).text.trim_end().char_indices().last().map_or(0, |(at, _)| at as u32);
    Finding { span: Span { origin, start: start.min(last), end: end.max(start.min(last) + 1) }, message, hint }
}

/// Turns raw values of one text into nodes.
struct Reader<'t> {
    origin: u32,
    text: &'t str,
}

type Failure = (Span, String);

impl<'t> Reader<'t> {
    /// The span of a part of the text.
    fn span(&self, part: &str) -> Span {
        let start = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize).min(self.text.len());
        Span { origin: self.origin, start: start as u32, end: (start + part.len()).min(self.text.len()) as u32 }
    }

    fn node(&self, raw: &'t str) -> Result<Node, Failure> {
        let value = match options().from_str::<&RawValue>(raw) {
            Ok(raw) => raw.trim().get_ron(),
            Err(error) => return Err((self.span(raw), error.code.to_string())),
        };
        let span = self.span(value);
        let name = leading_word(value);
        if matches!(name, Some("NaN" | "NaNf32" | "NaNf64" | "inf" | "inff32" | "inff64")) {
            return Ok(Node { span, kind: Kind::Number(f64::NAN) });
        }
        let shape = Shape { reader: self, name: name.filter(|&n| n != "Some").map(str::to_owned), value };
        let mut deserializer = ron::Deserializer::from_str_with_options(value, &options())
            .map_err(|error| (span, error.code.to_string()))?;
        let parts = shape.deserialize(&mut deserializer).map_err(|error| (span, error.to_string()))?;
        self.kind(parts).map(|kind| Node { span, kind })
    }

    fn nodes(&self, raws: Vec<&'t str>) -> Result<Vec<Node>, Failure> {
        raws.into_iter().map(|raw| self.node(raw)).collect()
    }

    fn kind(&self, parts: Parts<'t>) -> Result<Kind, Failure> {
        Ok(match parts {
            Parts::Leaf(kind) => kind,
            Parts::Inner(raw) => self.node(raw)?.kind,
            Parts::List(items) => Kind::List(self.nodes(items)?),
            Parts::Tuple(name, items) => Kind::Tuple(name, self.nodes(items)?),
            Parts::Map(entries) => Kind::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Ok((self.node(key)?, self.node(value)?)))
                    .collect::<Result<_, Failure>>()?,
            ),
            Parts::Fields(name, fields) => Kind::Fields(
                name,
                fields
                    .into_iter()
                    .map(|(key, value)| Ok((Word { span: self.span(key), text: key.to_owned() }, self.node(value)?)))
                    .collect::<Result<_, Failure>>()?,
            ),
        })
    }
}

/// The identifier that a value begins with, if it does.
fn leading_word(value: &str) -> Option<&str> {
    let first = value.chars().next()?;
    if !(first.is_alphabetic() || first == '_') {
        return None;
    }
    let end = value.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(value.len());
    // `r"…"`, `r#"…"#` and `b'…'` are literals.
    (!value[end..].starts_with(['"', '\'', '#'])).then_some(&value[..end])
}

/// One level of a value: its parts are still text.
enum Parts<'t> {
    Leaf(Kind),
    Inner(&'t str),
    List(Vec<&'t str>),
    Tuple(Option<String>, Vec<&'t str>),
    Map(Vec<(&'t str, &'t str)>),
    Fields(Option<String>, Vec<(&'t str, &'t str)>),
}

/// Reads one level.
struct Shape<'r, 't> {
    reader: &'r Reader<'t>,
    name: Option<String>,
    value: &'t str,
}

impl<'t> DeserializeSeed<'t> for Shape<'_, 't> {
    type Value = Parts<'t>;

    fn deserialize<D: de::Deserializer<'t>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for Shape<'_, 't> {
    type Value = Parts<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Parts::Leaf(Kind::Flag(flag)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Parts::Leaf(Kind::Number(number as f64)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Parts::Leaf(Kind::Number(number as f64)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        // ron narrows to f32 where it thinks that nothing is lost; the text itself is the number that was meant.
        let text: String = self.value.chars().filter(|&c| c != '_').collect();
        Ok(Parts::Leaf(Kind::Number(text.parse().unwrap_or(number))))
    }

    fn visit_char<E>(self, _: char) -> Result<Self::Value, E> {
        Ok(Parts::Leaf(Kind::Other))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Parts::Leaf(Kind::Text(text.to_owned())))
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Self::Value, E> {
        Ok(Parts::Leaf(Kind::Other))
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Parts::Leaf(Kind::Absent))
    }

    fn visit_some<D: de::Deserializer<'t>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Parts::Inner(raw.get_ron()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(match self.name {
            Some(name) => Parts::Leaf(Kind::Word(name)),
            None if self.value.starts_with('(') => Parts::Tuple(None, Vec::new()),
            None => Parts::Leaf(Kind::Other),
        })
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut raws = Vec::new();
        while let Some(raw) = items.next_element::<&RawValue>()? {
            raws.push(raw.get_ron());
        }
        Ok(if self.value.starts_with('[') { Parts::List(raws) } else { Parts::Tuple(self.name, raws) })
    }

    fn visit_map<A: MapAccess<'t>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut raws = Vec::new();
        if self.value.starts_with('{') {
            while let Some((key, value)) = entries.next_entry::<&RawValue, &RawValue>()? {
                raws.push((key.get_ron(), value.get_ron()));
            }
            return Ok(Parts::Map(raws));
        }
        if self.name.is_none() && !self.value.starts_with('(') {
            // A range such as `1..2`, which ron presents as a map.
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Parts::Leaf(Kind::Other));
        }
        while let Some(key) = entries.next_key::<&str>()? {
            raws.push((key, entries.next_value::<&RawValue>()?.get_ron()));
        }
        debug_assert!(raws.iter().all(|(key, _)| self.reader.span(key).end > 0));
        Ok(Parts::Fields(self.name, raws))
    }
}
