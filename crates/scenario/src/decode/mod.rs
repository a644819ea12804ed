//! Typed values from nodes: one trait, and the reader that collects what is wrong on the way.
//!
//! Decoding never stops. A value that is wrong is reported and replaced by a filler marked as broken, so that one pass
//! finds everything; checks that look at a broken value keep quiet about it.

mod container;
mod table;

pub(crate) use container::{Entry, Map};
#[cfg(test)]
pub(crate) use table::read_default;
pub(crate) use table::{Choice, Field, Record, choice, record, with_article};

use crate::diagnostic::Finding;
use crate::origin::Span;
use crate::print::Print;
use crate::schema::Schema;
use crate::tree::{Kind, Node};
use std::ops::{Deref, DerefMut};

/// A type of the language: read from a node, written as text, described to people.
pub(crate) trait Decode: Sized {
    /// What is expected, for messages and the schema: `a duration such as "250ms"`.
    fn expects() -> String;

    /// Reads the value; `None` after reporting what is wrong with it.
    fn decode(node: &Node, reader: &mut Reader) -> Option<Self>;

    /// A valid value that stands in for a wrong one.
    fn filler() -> Self;

    /// The text that reads as this value.
    fn print(&self) -> Print;

    /// The value of a field that is not there and has no default.
    fn absent() -> Option<Self> {
        None
    }

    /// Whether a field with this value is left out of the resolved text.
    fn is_absent(&self) -> bool {
        false
    }

    /// Adds the records and choices that this type is made of.
    fn describe(_: &mut Schema) {}
}

/// Collects findings.
#[derive(Default, Debug)]
pub(crate) struct Reader {
    pub(crate) findings: Vec<Finding>,
}

impl Reader {
    pub(crate) fn report(&mut self, span: Span, message: impl Into<String>, hint: Option<String>) {
        self.findings.push(Finding { span, message: message.into(), hint });
    }

    /// Reports that a node is of another kind than its place takes.
    pub(crate) fn mismatch<T>(&mut self, node: &Node, expected: &str) -> Option<T> {
        let found = match &node.kind {
            Kind::Text(text) if text.chars().count() <= 40 => format!("the text {text:?}"),
            Kind::Text(_) => "a text".into(),
            Kind::Number(number) if number.is_finite() => format!("the number {number}"),
            Kind::Number(_) => "a number that is not finite".into(),
            Kind::Flag(flag) => format!("`{flag}`"),
            Kind::Absent => "`None`".into(),
            Kind::Word(word) => format!("`{word}`"),
            Kind::List(_) => "a list".into(),
            Kind::Map(_) => "a map `{…}`".into(),
            Kind::Fields(Some(name), _) | Kind::Tuple(Some(name), _) => format!("`{name}(…)`"),
            Kind::Fields(None, _) | Kind::Tuple(None, _) => "a struct `(…)`".into(),
            Kind::Other => "something that scenarios have no use for".into(),
        };
        self.report(node.span, format!("expected {expected}, found {found}"), None);
        None
    }
}

/// A value with its place. A broken one is a filler whose error is reported already.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
    pub(crate) broken: bool,
}

impl<T> At<T> {
    pub(crate) fn new(value: T, span: Span) -> Self {
        Self { value, span, broken: false }
    }
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for At<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Decode> At<T> {
    /// Reads a node, with a filler for what is wrong.
    pub(crate) fn read(node: &Node, reader: &mut Reader) -> Self {
        match T::decode(node, reader) {
            Some(value) => Self::new(value, node.span),
            None => Self { value: T::filler(), span: node.span, broken: true },
        }
    }
}

/// A field whose type does not matter to whoever sets or shows it.
pub(crate) trait Slot {
    /// Reads a new value into the field. What is wrong is reported, and leaves the field as it was.
    fn set(&mut self, node: &Node, reader: &mut Reader);

    /// The value as text.
    fn show(&self) -> String;
}

impl<T: Decode> Slot for At<T> {
    fn set(&mut self, node: &Node, reader: &mut Reader) {
        if let Some(value) = T::decode(node, reader) {
            *self = Self::new(value, node.span);
        }
    }

    fn show(&self) -> String {
        self.value.print().line()
    }
}
