//! Connections to a Redis: how many its callers may open, and how many it takes.

use super::{Report, number};
use knockon_model::blueprint::{LinkEnd, Redis, Service};

impl Report<'_> {
    /// A process that multiplexes has one connection; one that does not may have one for each worker of its own, and more where workers
    /// run several commands at a time.
    pub(super) fn clients(&mut self, n: usize, service: &Service, redis: &Redis) {
        let Some(maxclients) = redis.maxclients else { return };
        let (mut most, mut unbounded) = (0.0, None);
        for link in self.blueprint.links.iter().filter(|link| link.to.index() == n) {
            let LinkEnd::Service(from) = link.from else {
                most += 1.0;
                continue;
            };
            let caller = &self.blueprint[from];
            match (link.keep_alive, caller.workers) {
                (None, _) => most += f64::from(caller.replicas),
                (Some(_), Some(workers)) => most += f64::from(caller.replicas) * f64::from(workers),
                (Some(_), None) => unbounded = Some(caller.name.clone()),
            }
        }
        let front = format!("{}: {maxclients} connections at most", service.name);
        match unbounded {
            Some(caller) => {
                self.line(false, format!("{front}; {caller} opens one for each command at a time, without bound"))
            }
            None => self.line(
                most <= f64::from(maxclients),
                format!("{front}, of which callers open {} when all their workers ask at once", number(most)),
            ),
        }
    }
}
