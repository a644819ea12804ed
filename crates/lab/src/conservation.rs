//! Nothing is lost: what was sent is answered, failed or still on its way, and Little's law holds at every station to the nanosecond.
//! A breach is a defect of the model, never of a scenario.

use knockon_model::statistics::{Balance, Statistics};
use std::fmt;

/// What does not add up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Breach {
    /// A count.
    Requests {
        /// The source, service or link.
        component: String,
        /// What came in: sent by a source or over a link, arrived at a service.
        came: u64,
        /// What is accounted for.
        accounted: u64,
    },
    /// More workers were busy than there were.
    Workers {
        /// The service.
        service: String,
        /// Time that workers were busy, in nanoseconds.
        busy_ns: u128,
        /// Time that workers were there.
        there_ns: u128,
    },
    /// Little's law: the integral of the number present is the time that all of them spent there, or those who are present are not
    /// those who say so.
    Little(Balance),
}

impl fmt::Display for Breach {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests { component, came, accounted } => {
                write!(out, "`{component}`: {came} requests came, {accounted} are accounted for")
            }
            Self::Workers { service, busy_ns, there_ns } => {
                write!(out, "`{service}`: workers were there for {there_ns} ns and busy for {busy_ns} ns")
            }
            Self::Little(balance) => write!(
                out,
                "`{}`: {} are present, {} say so; ∫N dt is {} ns, sojourns are {} ns and ages {} ns",
                balance.name, balance.present, balance.found, balance.present_ns, balance.sojourns_ns, balance.ages_ns
            ),
        }
    }
}

/// Every breach in the aggregates of a run: `sent = answered + failed + in flight` for a source, with a latency for each that was answered,
/// `arrived = answered + failed + refused + lost + in flight` for a service, `sent = succeeded + failed + cancelled + lost + under way`
/// for the attempts over a link, `begun = loaded + failed + lost + under way` for the loads of a key space,
/// `published = acknowledged + ready + unacknowledged + dropped + dead-lettered + expired + lost` for the messages of a queue, Little's law for every
/// station, and no worker busy who is not there.
#[must_use]
pub fn breaches(statistics: &Statistics) -> Vec<Breach> {
    let sources = statistics
        .sources
        .iter()
        .map(|source| (&source.name, source.sent, source.answered + source.failed + source.in_flight()));
    let services = statistics.services.iter().map(|service| {
        let ended = service.answered + service.failed + service.refused + service.lost;
        (&service.name, service.arrived, ended + service.in_flight())
    });
    let links = statistics.links.iter().map(|link| {
        let ended = link.succeeded + link.failed + link.cancelled + link.lost;
        (&link.name, link.sent, ended + link.in_flight())
    });
    let loads = statistics.keyspaces.iter().map(|keys| {
        let ended = keys.loaded + keys.load_failures + keys.lost;
        (&keys.name, keys.loads, ended + keys.loading)
    });
    let messages = statistics.queues.iter().map(|queue| {
        let gone = queue.acknowledged + queue.dropped + queue.dead_lettered + queue.expired + queue.lost;
        (&queue.name, queue.published, gone + queue.ready.present() + queue.unacked.present())
    });
    let counts = sources
        .chain(services)
        .chain(links)
        .chain(loads)
        .chain(messages)
        .filter(|(_, came, accounted)| came != accounted)
        .map(|(component, came, accounted)| Breach::Requests { component: component.clone(), came, accounted });
    // Of each request that was answered it is known how long it took, and of no other.
    let untimed = statistics.sources.iter().filter(|source| source.answered != source.latency.count()).map(|source| {
        let component = format!("{} latencies", source.name);
        Breach::Requests { component, came: source.answered, accounted: source.latency.count() }
    });
    let unbalanced = statistics.balances.iter().filter(|balance| !balance.holds());
    let busier = statistics.services.iter().filter(|service| !service.utilisation_is_possible(statistics.at));
    let busier = busier.map(|service| Breach::Workers {
        service: service.name.clone(),
        busy_ns: service.busy_ns(statistics.at),
        there_ns: service.workers.integral_ns(statistics.at),
    });
    counts.chain(untimed).chain(busier).chain(unbalanced.cloned().map(Breach::Little)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use knockon_kernel::Time;
    use knockon_model::statistics::{LatencyHistogram, ServiceStatistics, SourceStatistics, Station};

    #[test]
    fn names_what_does_not_add_up() {
        let mut one = Station::default();
        one.enter(Time::from_nanos(5));
        let mut latency = LatencyHistogram::default();
        (0..7).for_each(|_| latency.record_zero());
        let source = SourceStatistics {
            latency,
            name: "users".into(),
            sent: 10,
            answered: 7,
            failed: 2,
            requests: one,
            ..Default::default()
        };
        let service = ServiceStatistics {
            name: "web-api".into(),
            arrived: 10,
            answered: 4,
            failed: 3,
            refused: 1,
            lost: 1,
            requests: one,
            unlimited: true,
            ..Default::default()
        };
        let balance = |found, ages_ns| Balance {
            name: "web-api queue".into(),
            present: 1,
            found,
            present_ns: 7,
            sojourns_ns: 3,
            ages_ns,
        };
        let mut statistics = Statistics {
            sources: vec![source],
            services: vec![service],
            balances: vec![balance(1, 4)],
            ..Statistics::default()
        };
        assert_eq!(breaches(&statistics), []);
        statistics.at = Time::from_nanos(9);
        statistics.services[0].unlimited = false;
        statistics.services[0].lost = 0;
        statistics.sources[0].sent = 11;
        statistics.sources[0].latency.record_zero();
        statistics.balances.extend([balance(1, 5), balance(0, 4)]);
        let found: Vec<_> = breaches(&statistics).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "`users`: 11 requests came, 10 are accounted for",
                "`web-api`: 10 requests came, 9 are accounted for",
                "`users latencies`: 7 requests came, 8 are accounted for",
                "`web-api`: workers were there for 0 ns and busy for 4 ns",
                "`web-api queue`: 1 are present, 1 say so; ∫N dt is 7 ns, sojourns are 3 ns and ages 5 ns",
                "`web-api queue`: 1 are present, 0 say so; ∫N dt is 7 ns, sojourns are 3 ns and ages 4 ns",
            ]
        );
    }
}
