//! Tables: one for each struct and enum of the language, which decodes it, finds misspelt fields, prints and documents it.

use super::{At, Decode, Reader, Slot};
use crate::origin::Span;
use crate::schema::Schema;
use crate::suggest;
use crate::tree::{Kind, Node, Word};

/// A record, seen as fields by name.
pub(crate) trait Record {
    /// Its table.
    const FIELDS: &'static [Field];

    /// The field of this name.
    fn slot(&mut self, field: &str) -> Option<&mut dyn Slot>;
}

/// An enum whose variants may have a record each: the fields of the variant that it is.
pub(crate) trait Choice {
    /// The field of this name of the variant's record.
    fn slot(&mut self, field: &str) -> Option<&mut dyn Slot>;

    /// The table of the variant's record.
    fn fields(&self) -> &'static [Field];
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

        impl $crate::decode::Choice for $name {
            fn slot(&mut self, field: &str) -> Option<&mut dyn $crate::decode::Slot> {
                match self {
                    $( choice!(@pattern value $variant $(($type))?) => choice!(@slot value field $(($type))?), )+
                }
            }

            fn fields(&self) -> &'static [$crate::decode::Field] {
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
