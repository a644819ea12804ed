//! Nothing is lost: what was sent is answered, failed or still on its way. A breach is a defect of the model, never of a scenario.

use knockon_model::statistics::Statistics;
use std::fmt;

/// A count that does not add up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breach {
    /// The source or service.
    pub component: String,
    /// What came in: sent by a source, arrived at a service.
    pub came: u64,
    /// What is accounted for.
    pub accounted: u64,
}

impl fmt::Display for Breach {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}`: {} requests came, {} are accounted for", self.component, self.came, self.accounted)
    }
}

/// Every breach in the aggregates of a run: `sent = answered + failed + in flight` for a source,
/// `arrived = answered + failed + refused + lost + in flight` for a service.
#[must_use]
pub fn breaches(statistics: &Statistics) -> Vec<Breach> {
    let sources = statistics
        .sources
        .iter()
        .map(|source| (&source.name, source.sent, source.answered + source.failed + source.in_flight));
    let services = statistics.services.iter().map(|service| {
        let ended = service.answered + service.failed + service.refused + service.lost;
        (&service.name, service.arrived, ended + service.in_flight)
    });
    sources
        .chain(services)
        .filter(|(_, came, accounted)| came != accounted)
        .map(|(name, came, accounted)| Breach { component: name.clone(), came, accounted })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use knockon_model::statistics::{ServiceStatistics, SourceStatistics};

    #[test]
    fn names_what_does_not_add_up() {
        let source = SourceStatistics {
            name: "users".into(),
            sent: 10,
            answered: 7,
            failed: 2,
            in_flight: 1,
            ..Default::default()
        };
        let service = ServiceStatistics {
            name: "web-api".into(),
            arrived: 10,
            answered: 4,
            failed: 3,
            refused: 1,
            lost: 1,
            in_flight: 1,
            ..Default::default()
        };
        let mut statistics = Statistics { sources: vec![source], services: vec![service], ..Default::default() };
        assert_eq!(breaches(&statistics), []);
        statistics.services[0].lost = 0;
        statistics.sources[0].sent = 11;
        let found: Vec<_> = breaches(&statistics).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["`users`: 11 requests came, 10 are accounted for", "`web-api`: 10 requests came, 9 are accounted for"]
        );
    }
}
