//! The documents of truth as they are read back: what a story needs of each.

use crate::truth::{Interaction, Part, Role};
use serde::{Deserialize, Serialize};

/// An instant of the run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Instant {
    /// RFC 3339.
    pub time: String,
    /// Since the run began, in nanoseconds.
    pub offset_ns: u64,
}

/// An entry of `truth/faults.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// Its name.
    pub name: String,
    /// Of which kind it is.
    pub kind: String,
    /// What it acts on.
    pub component: String,
    /// When, since the run began.
    pub offset_ns: u64,
    /// What it is compared with.
    #[serde(default)]
    pub contrast: String,
    /// When it was taken back, if it was.
    pub until_offset_ns: Option<u64>,
    /// What was set.
    pub settings: Vec<Setting>,
}

/// A parameter that a fault set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setting {
    /// The parameter.
    pub path: String,
    /// Its value before.
    pub from: String,
    /// Its value afterwards.
    pub to: String,
}

/// An entry of `truth/incidents.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Incident {
    /// Its number, from 0.
    pub incident: usize,
    /// Whether anything came of its faults.
    pub effect: bool,
    /// The contrast that it is read from.
    pub contrast: u32,
    /// All its contrasts.
    #[serde(default)]
    pub contrasts: Vec<ContrastOf>,
    /// When its first fault acted.
    pub start: Instant,
    /// When its last fault was taken back.
    pub undone: Option<Instant>,
    /// When worlds were compared no longer.
    pub compared_until: Instant,
    /// How its faults go together.
    pub interaction: Interaction,
    /// Its faults.
    pub faults: Vec<Found>,
    /// Whether it ended.
    pub recovery: Recovery,
    /// What requests suffered.
    pub requests: Harm,
    /// Every component.
    pub components: Vec<Component>,
}

/// What a contrast is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContrastOf {
    /// Its number.
    pub contrast: u32,
    /// `necessity`, `sufficiency` or `joint`.
    pub kind: String,
    /// The faults that are in one of its worlds only.
    pub faults: Vec<String>,
}

/// A fault's part in an incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    /// The fault.
    pub name: String,
    /// What it acts on.
    pub component: String,
    /// Its part.
    pub role: Role,
    /// What would not have happened without it.
    pub without_it: Harm,
    /// What it would have done alone, where there were others.
    pub alone: Option<Harm>,
}

/// What requests suffered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Harm {
    /// Requests compared.
    pub compared: u64,
    /// Those that fared worse.
    pub hurt: u64,
    /// Of them, those that failed.
    pub failed: u64,
    /// Of them, those that were never answered: not sent, or not ended.
    pub lost: u64,
    /// Those that were sent only because of the fault.
    pub added: u64,
    /// Of them, those that failed.
    pub added_failed: u64,
    /// Time that those who were answered waited longer.
    pub user_seconds_lost: f64,
    /// Sending of the first.
    pub first_hurt: Option<Instant>,
    /// End of the last.
    pub last_hurt: Option<Instant>,
}

/// Whether an incident ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recovery {
    /// In words.
    pub verdict: String,
    /// When, if it did.
    pub at: Option<Instant>,
}

/// A component of an incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// What it is to the incident.
    pub part: Part,
    /// When it was first affected.
    pub onset: Option<Instant>,
}

/// An entry of `truth/propagation.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Graph {
    /// States and faults.
    pub nodes: Vec<Node>,
    /// What led to what.
    pub edges: Vec<Edge>,
}

/// A state of a component that left its band, or a fault.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    /// Its number.
    pub id: usize,
    /// The component.
    pub component: String,
    /// The part of it, where it is about one.
    pub part: Option<String>,
    /// The fault's name, for one.
    pub fault: Option<String>,
    /// What it is.
    pub words: String,
    /// When it left its band.
    pub onset: String,
    /// The same since the run began.
    pub onset_offset_ns: u64,
    /// The metric that shows it.
    pub evidence: Option<String>,
}

/// One state led to another.
#[derive(Clone, Debug, Deserialize)]
pub struct Edge {
    /// The one.
    pub from: usize,
    /// The other.
    pub to: usize,
    /// How.
    pub mechanism: String,
    /// The share of the other that is due to the one, where an account tells.
    #[serde(default)]
    pub share: Option<f64>,
}

/// `truth/milestones.json`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Milestones {
    /// Those that were kept.
    pub milestones: Vec<Milestone>,
}

/// An entry of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Milestone {
    /// When, since the run began.
    pub offset_ns: u64,
    /// The process.
    pub instance: String,
    /// The state that was entered.
    pub state: String,
}
