//! Which endpoints a source's requests go to: drawn by weight, or as recorded.

use crate::decode::{Decode, Map, Reader, record};
use crate::leaf::Factor;
use crate::print::Print;
use crate::schema::Schema;
use crate::tree::{Kind, Node};

/// Which endpoints.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum MixText {
    /// Endpoints by weight.
    Weights(Map<Factor>),
    /// The column of each request's row says which.
    Column(ColumnMix),
}

record! {
    /// Each request's class is recorded.
    ColumnMix as "Column" {
        /// The column of classes.
        column: String,
        /// The endpoint of each class.
        endpoints: Map<String>,
    }
}

impl Decode for MixText {
    fn expects() -> String {
        "a map of weights `{\"GET /\": 1, …}` or `Column(\"class\", {\"a\": \"GET /\", …})`".into()
    }

    fn decode(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.kind {
            Kind::Map(_) => Map::decode(node, reader).map(Self::Weights),
            Kind::Fields(Some(name), _) | Kind::Tuple(Some(name), _) if name == "Column" => {
                ColumnMix::decode(node, reader).map(Self::Column)
            }
            _ => reader.mismatch(node, &Self::expects()),
        }
    }

    fn filler() -> Self {
        Self::Weights(Map::filler())
    }

    fn print(&self) -> Print {
        match self {
            Self::Weights(weights) => weights.print(),
            Self::Column(column) => column.print().named("Column"),
        }
    }

    fn describe(schema: &mut Schema) {
        ColumnMix::describe(schema);
    }
}
