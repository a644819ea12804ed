//! The story of an incident, told from the files of a finished run: what was changed, what that did, in order, who was hurt, who was not,
//! how it ended. Every number is one of a table or document, and the story says of which.
//!
//! A [`Story`] is begun from documents of truth, is then shown rows of `truth/windows` and `truth/effects` one by one, and keeps of
//! them what it tells; a run may be as long as it likes. [`Waterfall`] is the story of a single request. Deliberately not here: where files
//! lie and how they are read (telemetry, the command line), and what an effect is (`truth`).

mod blame;
mod documents;
mod plot;
mod steps;
mod stretches;
mod tell;
mod toll;
mod waterfall;
mod waterfall_text;
mod words;

pub use blame::{BlameRow, Holder};
pub use documents::{
    Component, Edge, Fault, Found, Graph, Harm, Incident, Instant, Milestones, Node, Recovery, Setting,
};
pub use plot::{Cycle, Opening, Story, overview, worst};
pub use steps::{Because, Evidence, Step, WindowRow};
pub use tell::Told;
pub use toll::{EffectRow, Ended, Toll};
pub use waterfall::{Client, Line, Log, Parts, Span, Twin, Waterfall};
