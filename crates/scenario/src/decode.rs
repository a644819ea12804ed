//! Typed values from nodes: one trait, and the reader that collects what is wrong on the way.
//!
//! Decoding never stops. A value that is wrong is reported and replaced by a filler marked as broken, so that one pass
//! finds everything; checks that look at a broken value keep quiet about it.

use crate::diagnostic::Finding;
use crate::origin::Span;
use crate::print::Print;
use crate::schema::Schema;
use crate::suggest;
use crate::tree::{Kind, Node, Word};
use std::collections::BTreeMap;
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

/// A record, seen as fields by name.
pub(crate) trait Record {
    /// Its table.
    const FIELDS: &'static [Field];

    /// The field of this name.
    fn slot(&mut self, field: &str) -> Option<&mut dyn Slot>;
}

/// A field of a record as the tables describe it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) expects: fn() -> String,
    /// Its default as text of the language.
    pub(crate) default: Option<&'static str>,
    /// Whether the default is a value of the field.
    #[cfg(test)]
    pub(crate) default_reads: fn() -> bool,
    /// Whether it may be left out.
    pub(crate) optional: fn() -> bool,
    /// What it means, as lines.
    pub(crate) meaning: &'static [&'static str],
    /// Adds the types it is made of.
    pub(crate) describe: fn(&mut Schema),
}

/// The nodes of a record's fields, in the order of its table.
pub(crate) struct Slots<'n> {
    span: Span,
    nodes: Vec<Option<&'n Node>>,
    /// Whether a field was reported as unknown: one that is missing may be the same one misspelt.
    misspelt: bool,
}

impl Reader {
    /// Sorts a struct's parts into the fields of a table: by name, or in the table's order.
    pub(crate) fn slots<'n>(&mut self, node: &'n Node, what: &str, table: &[Field]) -> Option<Slots<'n>> {
        let what = &with_article(what);
        let mut slots = Slots { span: node.span, nodes: vec![None; table.len()], misspelt: false };
        match &node.kind {
            Kind::Word(_) => {}
            Kind::Tuple(_, items) if items.len() <= table.len() => {
                for (slot, item) in slots.nodes.iter_mut().zip(items) {
                    *slot = Some(item);
                }
            }
            Kind::Tuple(_, items) => {
                let names: Vec<&str> = table.iter().map(|field| field.name).collect();
                let hint = format!("in this order: {}", names.join(", "));
                let most = if table.len() == 1 { "one value".to_owned() } else { format!("{} values", table.len()) };
                self.report(node.span, format!("{what} takes at most {most}, found {}", items.len()), Some(hint));
                return None;
            }
            Kind::Fields(_, fields) => {
                fields.iter().for_each(|(name, value)| self.slot(&mut slots, what, table, name, value))
            }
            _ => return self.mismatch(node, &format!("{what}, written as `(field: value, …)`")),
        }
        Some(slots)
    }

    fn slot<'n>(&mut self, slots: &mut Slots<'n>, what: &str, table: &[Field], name: &Word, value: &'n Node) {
        match table.iter().position(|field| field.name == name.text) {
            Some(n) if slots.nodes[n].is_some() => {
                self.report(
                    name.span,
                    format!("the field `{}` is given twice", name.text),
                    Some("keep one of them".into()),
                );
            }
            Some(n) => slots.nodes[n] = Some(value),
            None => {
                slots.misspelt = true;
                let hint = suggest::hint(&name.text, table.iter().map(|field| field.name));
                self.report(name.span, format!("{what} has no field `{}`", name.text), hint);
            }
        }
    }

    /// Reads one field.
    pub(crate) fn field<T: Decode>(&mut self, slots: &Slots<'_>, what: &str, table: &[Field], n: usize) -> At<T> {
        let field = &table[n];
        if let Some(node) = slots.nodes[n] {
            return At::read(node, self);
        }
        if let Some(text) = field.default {
            let value = read_default(text)
                .unwrap_or_else(|| panic!("the default `{text}` of {what}.{} must be readable", field.name));
            return At::new(value, slots.span);
        }
        if let Some(absent) = T::absent() {
            return At::new(absent, slots.span);
        }
        if !slots.misspelt {
            let what = with_article(what);
            self.report(
                Span { end: slots.span.end.min(slots.span.start + 1), ..slots.span },
                format!("{what} lacks its field `{}`", field.name),
                Some(format!("`{}` takes {}", field.name, (field.expects)())),
            );
        }
        At { value: T::filler(), span: slots.span, broken: true }
    }
}

/// Reads a default of a table, by the same rules as scenarios. A test reads all of them.
pub(crate) fn read_default<T: Decode>(text: &str) -> Option<T> {
    let mut origins = crate::origin::Origins::default();
    let origin = origins.add("default", text);
    let mut reader = Reader::default();
    let value = crate::tree::parse(&origins, origin).ok().and_then(|node| T::decode(&node, &mut reader));
    value.filter(|_| reader.findings.is_empty())
}

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
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Entry<T>)> {
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

/// "a service", "an endpoint".
pub(crate) fn with_article(what: &str) -> String {
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O']) { "an" } else { "a" };
    format!("{article} {what}")
}

/// A struct of the language. One table, this one, decodes it, finds misspelt fields, prints it and documents it.
/// A default stands in brackets, as text of the language; `Option` and `Map` fields may be left out without one.
macro_rules! record {
    (
        $(#[doc = $about:literal])+
        $name:ident as $what:literal {
            $( $(#[doc = $meaning:literal])+ $field:ident: $type:ty $(= [$($default:tt)+])? ),* $(,)?
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, PartialEq, Debug)]
        pub(crate) struct $name {
            $( $(#[doc = $meaning])+ pub(crate) $field: $crate::decode::At<$type>, )*
        }

        impl $crate::decode::Record for $name {
            const FIELDS: &'static [$crate::decode::Field] = &[$(
                $crate::decode::Field {
                    name: stringify!($field),
                    expects: <$type as $crate::decode::Decode>::expects,
                    default: record!(@default $($($default)+)?),
                    #[cfg(test)]
                    default_reads: || {
                        record!(@default $($($default)+)?)
                            .is_none_or(|text| $crate::decode::read_default::<$type>(text).is_some())
                    },
                    optional: || <$type as $crate::decode::Decode>::absent().is_some(),
                    meaning: &[$($meaning),+],
                    describe: <$type as $crate::decode::Decode>::describe,
                },
            )*];

            fn slot(&mut self, field: &str) -> Option<&mut dyn $crate::decode::Slot> {
                match field {
                    $( stringify!($field) => Some(&mut self.$field), )*
                    _ => None,
                }
            }
        }

        impl $crate::decode::Decode for $name {
            fn expects() -> String {
                $crate::decode::with_article(concat!($what, " `(…)`"))
            }

            #[expect(unused_assignments, reason = "the count after the last field is not read")]
            fn decode(node: &$crate::tree::Node, reader: &mut $crate::decode::Reader) -> Option<Self> {
                use $crate::decode::Record;
                let slots = reader.slots(node, $what, Self::FIELDS)?;
                let mut n = 0;
                $(
                    let $field = reader.field(&slots, $what, Self::FIELDS, n);
                    n += 1;
                )*
                Some(Self { $($field),* })
            }

            fn filler() -> Self {
                Self { $( $field: $crate::decode::At {
                    value: <$type as $crate::decode::Decode>::filler(), span: Default::default(), broken: true,
                } ),* }
            }

            fn print(&self) -> $crate::print::Print {
                let mut parts = Vec::new();
                $(
                    if !$crate::decode::Decode::is_absent(&self.$field.value) || record!(@default $($($default)+)?).is_some() {
                        parts.push((Some(stringify!($field).to_owned()), $crate::decode::Decode::print(&self.$field.value)));
                    }
                )*
                $crate::print::Print::Group { open: "(".into(), parts, close: ")" }
            }

            fn describe(schema: &mut $crate::schema::Schema) {
                schema.record($what, &[$($about),+], <Self as $crate::decode::Record>::FIELDS);
            }
        }
    };
    (@default) => { None::<&'static str> };
    (@default $($default:tt)+) => { Some(stringify!($($default)+)) };
}

/// An enum of the language: variants alone, or with a record of their own. The first variant stands in for a wrong one.
macro_rules! choice {
    (
        $(#[doc = $about:literal])+
        $name:ident as $what:literal {
            $( $(#[doc = $meaning:literal])+ $variant:ident $(($type:ty))? ),+ $(,)?
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, PartialEq, Debug)]
        pub(crate) enum $name {
            $( $(#[doc = $meaning])+ $variant $(($type))? ),+
        }

        impl $name {
            /// The field of this name of the variant's record.
            #[allow(dead_code, reason = "not every choice is addressed by paths")]
            pub(crate) fn slot(&mut self, field: &str) -> Option<&mut dyn $crate::decode::Slot> {
                match self {
                    $( choice!(@pattern value $variant $(($type))?) => choice!(@slot value field $(($type))?), )+
                }
            }

            /// The table of the variant's record.
            #[allow(dead_code, reason = "not every choice is addressed by paths")]
            pub(crate) fn fields(&self) -> &'static [$crate::decode::Field] {
                match self {
                    $( choice!(@any $variant $(($type))?) => choice!(@table $(($type))?), )+
                }
            }
        }

        impl $crate::decode::Decode for $name {
            fn expects() -> String {
                $crate::decode::with_article(concat!($what, " such as `", choice!(@first $($variant)+), "`"))
            }

            fn decode(node: &$crate::tree::Node, reader: &mut $crate::decode::Reader) -> Option<Self> {
                use $crate::tree::Kind;
                const VARIANTS: &[&str] = &[$(stringify!($variant)),+];
                let (name, bare) = match &node.kind {
                    Kind::Word(name) => (name, true),
                    Kind::Tuple(Some(name), items) => (name, items.is_empty()),
                    Kind::Fields(Some(name), _) => (name, false),
                    _ => {
                        let expected = format!("{}, one of {}", $crate::decode::with_article($what), VARIANTS.join(", "));
                        return reader.mismatch(node, &expected);
                    }
                };
                match name.as_str() {
                    $( stringify!($variant) => choice!(@decode $name $variant node reader bare $(($type))?), )+
                    other => {
                        let hint = $crate::suggest::hint(other, VARIANTS.iter().copied());
                        let place = $crate::origin::Span {
                            end: node.span.end.min(node.span.start + other.len() as u32),
                            ..node.span
                        };
                        reader.report(place, format!("`{other}` is no {}", $what), hint);
                        None
                    }
                }
            }

            fn filler() -> Self {
                choice!(@filler $( $variant $(($type))? ),+)
            }

            fn print(&self) -> $crate::print::Print {
                match self {
                    $( choice!(@pattern value $variant $(($type))?) => choice!(@print value $variant $(($type))?), )+
                }
            }

            fn describe(schema: &mut $crate::schema::Schema) {
                schema.choice($what, &[$($about),+], &[$(
                    (stringify!($variant), &[$($meaning),+], choice!(@table $(($type))?)),
                )+]);
            }
        }
    };
    (@first $first:ident $($rest:ident)*) => { stringify!($first) };
    (@decode $name:ident $variant:ident $node:ident $reader:ident $bare:ident) => {
        if $bare {
            Some(Self::$variant)
        } else {
            $reader.report($node.span, concat!("`", stringify!($variant), "` takes no values"), None);
            None
        }
    };
    (@decode $name:ident $variant:ident $node:ident $reader:ident $bare:ident ($type:ty)) => { {
        let _ = $bare;
        <$type as $crate::decode::Decode>::decode($node, $reader).map(Self::$variant)
    } };
    (@filler $variant:ident $(, $($rest:tt)*)?) => { Self::$variant };
    (@filler $variant:ident ($type:ty) $(, $($rest:tt)*)?) => { Self::$variant(<$type as $crate::decode::Decode>::filler()) };
    (@pattern $value:ident $variant:ident) => { Self::$variant };
    (@pattern $value:ident $variant:ident ($type:ty)) => { Self::$variant($value) };
    (@print $value:ident $variant:ident) => { $crate::print::Print::Atom(stringify!($variant).into()) };
    (@print $value:ident $variant:ident ($type:ty)) => {
        $crate::decode::Decode::print($value).named(stringify!($variant))
    };
    (@any $variant:ident) => { Self::$variant };
    (@any $variant:ident ($type:ty)) => { Self::$variant(_) };
    (@slot $value:ident $field:ident) => { { let _ = $field; None } };
    (@slot $value:ident $field:ident ($type:ty)) => { $crate::decode::Record::slot($value, $field) };
    (@table) => { &[] };
    (@table ($type:ty)) => { <$type as $crate::decode::Record>::FIELDS };
}

pub(crate) use {choice, record};
