//! Maps, lists and what may be absent.

use super::{At, Decode, Reader};
use crate::origin::Span;
use crate::print::Print;
use crate::schema::Schema;
use crate::tree::{Kind, Node};
use std::collections::BTreeMap;

/// A map from names, in name order. Names are checked by whoever knows what they name.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Map<T> {
    pub(crate) entries: BTreeMap<String, Entry<T>>,
    /// Whether something that was meant to be in it is not: what cannot be found says nothing then.
    pub(crate) partial: bool,
}

/// An entry and the place of its name.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Entry<T> {
    pub(crate) name: Span,
    pub(crate) value: T,
    pub(crate) broken: bool,
}

impl<T> Default for Map<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), partial: false }
    }
}

impl<T> Map<T> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Entry<T>)> + Clone {
        self.entries.iter()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.entries.keys().map(String::as_str)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.entries.get(name).map(|entry| &entry.value)
    }
}

impl<T: Decode> Decode for Map<T> {
    fn expects() -> String {
        format!("a map `{{\"name\": {}, …}}`", T::expects())
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Kind::Map(pairs) = &node.kind else {
            return reader.mismatch(node, &Self::expects());
        };
        let mut map = Self::default();
        for (key, value) in pairs {
            let Kind::Text(name) = &key.kind else {
                reader.mismatch::<()>(key, "a name in quotes");
                map.partial = true;
                continue;
            };
            let read = At::<T>::read(value, reader);
            if map.entries.contains_key(name) {
                reader.report(key.span, format!("the name {name:?} is given twice"), Some("keep one of them".into()));
                continue;
            }
            map.entries.insert(name.clone(), Entry { name: key.span, value: read.value, broken: read.broken });
        }
        Some(map)
    }

    fn filler() -> Self {
        Self { entries: BTreeMap::new(), partial: true }
    }

    fn print(&self) -> Print {
        Print::Group {
            open: "{".into(),
            parts: self.iter().map(|(name, entry)| (Some(Print::text(name).line()), entry.value.print())).collect(),
            close: "}",
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn is_absent(&self) -> bool {
        self.entries.is_empty()
    }

    fn describe(schema: &mut Schema) {
        T::describe(schema);
    }
}

impl<T: Decode> Decode for Option<T> {
    fn expects() -> String {
        T::expects()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        if node.kind == Kind::Absent { Some(None) } else { T::decode(node, reader).map(Some) }
    }

    fn filler() -> Self {
        None
    }

    fn print(&self) -> Print {
        self.as_ref().map_or(Print::Atom("None".into()), T::print)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn describe(schema: &mut Schema) {
        T::describe(schema);
    }
}

impl<T: Decode> Decode for Vec<At<T>> {
    fn expects() -> String {
        format!("a list `[…]` of {}", T::expects())
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.kind {
            Kind::List(items) => Some(items.iter().map(|item| At::read(item, reader)).collect()),
            _ => reader.mismatch(node, &Self::expects()),
        }
    }

    fn filler() -> Self {
        Vec::new()
    }

    fn print(&self) -> Print {
        Print::list(self.iter().map(|item| item.value.print()))
    }

    fn describe(schema: &mut Schema) {
        T::describe(schema);
    }
}

impl<T: Decode> Decode for Box<T> {
    fn expects() -> String {
        T::expects()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        T::decode(node, reader).map(Box::new)
    }

    fn filler() -> Self {
        Box::new(T::filler())
    }

    fn print(&self) -> Print {
        T::print(self)
    }

    fn describe(schema: &mut Schema) {
        T::describe(schema);
    }
}
