//! The types of single values: texts, names, numbers and quantities with units.

mod number;
mod quantity;

pub(crate) use number::{Count, Factor, Limit, Portion};
pub(crate) use quantity::{Allocation, Bytes, Capacity, Instant, Period, Rate};

use crate::decode::{Decode, Reader};
use crate::origin::Span;
use crate::print::Print;
use crate::schema::Schema;
use crate::tree::{Kind, Node};

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
