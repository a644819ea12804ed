//! A fault with values that are drawn for each incident.

use super::values;
use crate::decode::{Decode, Reader};
use crate::leaf::Setting;
use crate::origin::Span;
use crate::print::Print;
use crate::schema::Schema;
use crate::tree::{Kind, Node, Word};
use crate::unit::print_duration;
use knockon_kernel::{Duration, Key};

/// A fault without its times, whose values may be ranges. Read as a fault once they are drawn.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Template(Node);

impl Template {
    /// The fault with its times, a name for what it brings, and its values drawn.
    pub(super) fn fill(
        &self,
        name: &str,
        at: Duration,
        until: Option<Duration>,
        key: Key,
        reader: &mut Reader,
    ) -> Option<Node> {
        let span = self.0.span;
        let mut node = values::drawn(&self.0, key, reader)?;
        let Kind::Fields(Some(kind), fields) = &mut node.kind else { return None };
        for given in ["at", "until"] {
            if let Some((word, _)) = fields.iter().find(|(word, _)| word.text == given) {
                reader.report(
                    word.span,
                    format!("the campaign says `{given}`"),
                    Some("leave it out: `rate` and `lasts` say when incidents begin and end".into()),
                );
                return None;
            }
        }
        let mut add = |field: &str, text: String| {
            fields.push((Word { text: field.to_owned(), span }, Node { span, kind: Kind::Text(text) }));
        };
        add("at", print_duration(at));
        if let Some(until) = until {
            add("until", print_duration(until));
        }
        if kind == "Surge"
            && let Some((_, load)) = fields.iter_mut().find(|(word, _)| word.text == "load")
        {
            number_draws(load, name);
        }
        if kind == "Surge" && !fields.iter().any(|(word, _)| word.text == "source") {
            fields.push((Word { text: "source".to_owned(), span }, Node { span, kind: Kind::Text(name.to_owned()) }));
        }
        Some(node)
    }
}

/// Each incident's source has draws of its own: of a kind that was called otherwise, those of the incident of the same number.
fn number_draws(load: &mut Node, incident: &str) {
    let (Kind::Fields(_, fields), Some((_, number))) = (&mut load.kind, incident.rsplit_once('-')) else { return };
    for (_, node) in fields.iter_mut().filter(|(word, _)| word.text == "was") {
        if let Kind::Text(was) = &mut node.kind {
            was.push('-');
            was.push_str(number);
        }
    }
}

impl Decode for Template {
    fn expects() -> String {
        "a fault without its times, such as `Kill(service: \"api\")`".into()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.kind {
            Kind::Fields(Some(_), _) => Some(Self(node.clone())),
            _ => reader.mismatch(node, &Self::expects()),
        }
    }

    fn filler() -> Self {
        Self(Node { span: Span::default(), kind: Kind::Fields(Some("Kill".into()), Vec::new()) })
    }

    fn print(&self) -> Print {
        Setting(self.0.clone()).print()
    }

    fn describe(_: &mut Schema) {}
}
