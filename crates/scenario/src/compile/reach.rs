//! Whose requests come where: a step that reads a request's recorded row needs sources that have one.

use super::Compiler;
use knockon_model::blueprint::{Blueprint, Source, Step};
use knockon_model::id::{EndpointId, ServiceId};
use std::collections::BTreeSet;

type Place = (ServiceId, EndpointId);

impl Compiler<'_> {
    /// Reports steps that read what the requests of some source do not have.
    pub(super) fn rows_reach(&mut self) {
        if self.readings.is_empty() || !self.reader.findings.is_empty() {
            return;
        }
        let mut findings = Vec::new();
        for source in &self.blueprint.sources {
            let reached = reached(&self.blueprint, source);
            for reading in &self.readings {
                let field = &self.blueprint.recordings.fields[reading.field.index()];
                let has = source.rows.is_some_and(|rows| !field.columns[rows.data.index()].is_empty());
                if !has && reached.contains(&reading.place) {
                    let message =
                        format!("requests of {:?} come here, and have no recorded {}", source.name, reading.columns);
                    findings.push((reading.span, message));
                }
            }
        }
        for (span, message) in findings {
            let hint = "give the source its rows: `data: \"…\"`, or `arrivals: Replay(data: \"…\", column: \"…\")`";
            self.report(span, message, Some(hint.into()));
        }
    }
}

/// Every program that requests of a source can come to.
fn reached(blueprint: &Blueprint, source: &Source) -> BTreeSet<Place> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<Place> = source.mix.iter().map(|part| (source.target, part.endpoint)).collect();
    while let Some((service, endpoint)) = open.pop() {
        if !reached.insert((service, endpoint)) {
            continue;
        }
        let own = &blueprint[service];
        let Some(program) = own.endpoints.get(endpoint.index()) else { continue };
        for step in &program.program {
            match *step {
                Step::Call { service, endpoint, .. } => open.push((service, endpoint)),
                Step::Publish { service, endpoint, .. } => {
                    open.push((service, endpoint));
                    open.extend(blueprint.consumers_of(service, endpoint.0));
                }
                Step::Query { pool, endpoint, .. } => {
                    let database = own.pools[pool.index()].database;
                    open.push((database, endpoint));
                    // A failure rolls back.
                    let rollback = blueprint[database].endpoints.iter().position(|found| found.name == "ROLLBACK");
                    open.extend(rollback.map(|n| (database, EndpointId(n as u32))));
                }
                Step::CacheGet { keyspace, endpoint, .. } | Step::CacheSet { keyspace, endpoint, .. } => {
                    open.push((blueprint[keyspace].cache, endpoint));
                }
                _ => {}
            }
        }
    }
    reached
}
