//! Steps that hold connections: queries alone, and transactions.

use super::policy::plain;
use super::{Compiler, Place, Writer};
use crate::decode::At;
use crate::language::{PoolText, StepText};
use crate::leaf::{Name, Period};
use crate::origin::Span;
use crate::suggest;
use knockon_model::blueprint::Step;
use knockon_model::id::{EndpointId, PoolId};

/// A frame holds connections of at most so many pools.
const POOLS_HELD: usize = 2;

impl<'t> Compiler<'t> {
    /// The pool that a step means: the one it names, else the transaction's, else the service's only one.
    pub(super) fn find_pool(
        &mut self,
        writer: &Writer<'t>,
        named: &At<Option<Name>>,
        span: Span,
        within: bool,
    ) -> Option<PoolId> {
        let pools = &writer.text.pools;
        if named.broken || pools.partial {
            return None;
        }
        if let Some(name) = &named.value {
            let found = pools.names().position(|pool| pool == name.0);
            if found.is_none() {
                let hint = suggest::hint(&name.0, pools.names());
                self.report(named.span, format!("{:?} has no pool {:?}", writer.name, name.0), hint);
            }
            return found.map(|n| PoolId(n as u32));
        }
        if let Some(&held) = writer.held.last().filter(|_| within) {
            return Some(held);
        }
        match pools.entries.len() {
            1 => Some(PoolId(0)),
            0 => {
                self.report(span, format!("{:?} has no pool to take a connection from", writer.name), None);
                None
            }
            _ => {
                let names: Vec<&str> = pools.names().collect();
                self.report(
                    span,
                    "which pool is meant is not clear",
                    Some(format!("say `pool:`, one of {}", names.join(", "))),
                );
                None
            }
        }
    }

    /// Writes a transaction; returns where the step is that leaks its connection, if there is one.
    pub(super) fn transaction(
        &mut self,
        writer: &mut Writer<'t>,
        pool: Option<PoolId>,
        span: Span,
        steps: &'t [At<StepText>],
        leaks: Option<f64>,
    ) -> Option<u32> {
        let taken = pool.filter(|&pool| !self.takes_twice(writer, pool, span));
        let Some(pool) = taken else {
            self.steps(writer, steps);
            return None;
        };
        writer.program.push(Step::Acquire { pool });
        writer.held.push(pool);
        self.steps(writer, steps);
        self.commit(writer, pool);
        writer.held.pop();
        let position = leaks.map(|share| {
            let site = writer.site("leak", "");
            writer.program.push(Step::Leak { site, pool, share });
            writer.here() - 1
        });
        writer.program.push(Step::Release { pool });
        position
    }

    fn takes_twice(&mut self, writer: &Writer<'t>, pool: PoolId, span: Span) -> bool {
        if writer.held.contains(&pool) || writer.awaited.contains(&pool) {
            let hint =
                "a request that waits for a second connection of the pool it holds one of can wait for itself".into();
            self.report(span, "a connection of this pool is held already", Some(hint));
            return true;
        }
        if writer.held.len() == POOLS_HELD {
            self.report(span, "connections of more than two pools are held at once", None);
            return true;
        }
        false
    }

    fn commit(&mut self, writer: &mut Writer<'t>, pool: PoolId) {
        let policy = self.policy(plain(None));
        let site = writer.site("query", "COMMIT");
        // COMMIT is the first of every database's endpoints.
        writer.program.push(Step::Query { site, pool, endpoint: EndpointId(0), policy, transaction: true });
    }

    pub(super) fn query(
        &mut self,
        writer: &mut Writer<'t>,
        pool: PoolId,
        query: &At<Name>,
        timeout: Option<Period>,
    ) -> Place {
        let policy = self.policy(plain(timeout));
        let held = writer.held.contains(&pool);
        if !held && self.takes_twice(writer, pool, query.span) {
            return Place { position: writer.here(), policy: Some(policy) };
        }
        let endpoint = self.find_query(writer, pool, query).unwrap_or_default();
        if !held {
            writer.program.push(Step::Acquire { pool });
        }
        let place = Place { position: writer.here(), policy: Some(policy) };
        let site = writer.site("query", &query.0);
        writer.program.push(Step::Query { site, pool, endpoint, policy, transaction: held });
        if !held {
            writer.program.push(Step::Release { pool });
        }
        place
    }

    fn find_query(&mut self, writer: &Writer<'t>, pool: PoolId, query: &At<Name>) -> Option<EndpointId> {
        let (_, entry) = writer.text.pools.iter().nth(pool.index())?;
        let database_name = match &entry.value {
            PoolText::HikariCp(pool) => &pool.database,
            PoolText::QueuePool(pool) => &pool.database,
        };
        let database = self.system.databases.get(&database_name.0)?;
        let found = database.queries.names().position(|name| name == query.0);
        if found.is_none() && !query.broken && !database.queries.partial {
            let hint = suggest::hint(&query.0, database.queries.names());
            self.report(query.span, format!("{:?} has no query class {:?}", database_name.0, query.0), hint);
        }
        // COMMIT and ROLLBACK come first.
        found.map(|n| EndpointId(n as u32 + 2))
    }
}
