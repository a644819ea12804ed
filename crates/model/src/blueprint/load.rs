//! Load as described: who sends what, when.

use super::{Rows, Site};
use crate::id::{ColumnId, EndpointId, FaultId, PolicyId, SamplerId, ServiceId};
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// A load source. Request n of a source is the same request whatever else happens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    /// Its name in the truth tables.
    pub name: String,
    /// The name that addresses its draws.
    pub draw_name: String,
    /// Who is called.
    pub target: ServiceId,
    /// When requests come.
    pub arrivals: Arrivals,
    /// How many come at each of these instants; `None` is one.
    pub batch: Option<Batch>,
    /// Shape of the rate over time; `None` is flat.
    pub profile: Option<Profile>,
    /// Which endpoints, by weight.
    pub mix: Vec<Mix>,
    /// Recorded rows of its requests.
    pub rows: Option<Rows>,
    /// Client-side timeout and retries.
    pub policy: PolicyId,
    /// How long the client of a request waits for its end, attempts and pauses and all; `None` is for ever.
    pub patience: Option<SamplerId>,
    /// First instant of sending.
    pub from: Time,
    /// No request at or after this instant; `None` until the end.
    pub until: Option<Time>,
    /// Requests at most; `None` is unlimited.
    pub requests: Option<u64>,
    /// How important its requests are: 0 is the most important class.
    pub class: u8,
    /// The fault that it is, if it is a surge: truth only.
    pub fault: Option<FaultId>,
    /// Requests that faults take out.
    pub dropped: Vec<Dropped>,
}

/// A request that is never sent. Its number stays used, and every other request is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Number within its source, from 1.
    pub number: u64,
    /// The fault that takes it out.
    pub fault: FaultId,
}

/// When requests come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Arrivals {
    /// Request n (from 1) at `from` + round(n · 10⁹ / rate) ns.
    Constant {
        /// Requests a second.
        rate: f64,
    },
    /// Exponential gaps, each drawn at the address of its request.
    Poisson {
        /// Requests a second.
        rate: f64,
    },
    /// Independent gaps of any law, each drawn at the address of its request.
    Renewal {
        /// The gap before a request.
        gap: SamplerId,
    },
    /// Users who think, send a request, and think again when it has ended, well or not.
    Closed {
        /// How many.
        users: u32,
        /// Time of thinking before each request, the first one too.
        think: SamplerId,
    },
    /// A recorded list of instants, ascending, counted from `from`.
    Replay {
        /// Instants.
        at: Vec<Time>,
    },
    /// The same from a column, in nanoseconds.
    Recorded {
        /// Instants.
        column: ColumnId,
    },
}

/// A periodic, piecewise linear shape of the rate. Candidates come at the highest rate and are thinned, so a request that
/// is sent under two profiles is the same in both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Length of a period, from simulated time zero.
    pub period: Duration,
    /// Offset within the period and factor of the base rate; ascending, first at zero.
    pub points: Vec<(Duration, f64)>,
}

/// How many requests come together: `least` and a drawn whole number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// In any case.
    pub least: u32,
    /// More, rounded down; `None` is none.
    pub more: Option<SamplerId>,
    /// How many on average, for formulas.
    pub mean: f64,
}

/// A part of the mix.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// Endpoint of the source's target.
    pub endpoint: EndpointId,
    /// Draw address of the call.
    pub site: Site,
    /// Weight, positive.
    pub weight: f64,
}
