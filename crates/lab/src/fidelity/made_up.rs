//! A comparison that nobody measured, for tests of what is told of comparisons.

use super::{About, Comparison};
use std::sync::Arc;

/// Of 3 to 5, of which 2 to 6 are fair.
pub(crate) fn comparison(simulated: Option<f64>) -> Comparison {
    Comparison {
        family: "heap",
        set: "leak".into(),
        observable: "full".into(),
        median: 4.0,
        smallest: 3.0,
        largest: 5.0,
        fair: [2.0, 6.0],
        counted: true,
        simulated,
        mechanism: None,
        drawn: false,
        about: Arc::new(About::default()),
    }
}

/// The same, declared as a miss.
pub(crate) fn declared(simulated: Option<f64>, mechanism: &str) -> Comparison {
    Comparison { mechanism: Some(mechanism.into()), ..comparison(simulated) }
}
