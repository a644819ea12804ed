//! Steps that look into a cache: a read that a hit jumps from, what loads a value, and a write.
//!
//! A request loads for itself where nothing else is said; else the steps that load stand between `Load` and `LoadEnd` and run as a
//! task of their own.

use super::policy::plain;
use super::{Compiler, Writer};
use crate::decode::At;
use crate::language::StepText;
use crate::leaf::Period;
use knockon_model::blueprint::{Abandoned, Step};
use knockon_model::id::{EndpointId, PolicyId};

/// How a value is loaded.
pub(super) struct Loading<'t> {
    pub(super) steps: &'t At<Vec<At<StepText>>>,
    /// Whether by a task of its own.
    pub(super) apart: bool,
    pub(super) coalesce: bool,
    pub(super) load_timeout: Option<Period>,
    pub(super) abandoned: Abandoned,
}

/// Commands of every cache, in the order of its endpoints.
const GET: EndpointId = EndpointId(1);
const SET: EndpointId = EndpointId(2);

impl<'t> Compiler<'t> {
    /// Writes the steps, and returns the policy of the cache's commands.
    pub(super) fn cached(
        &mut self,
        writer: &mut Writer<'t>,
        keys: &'t At<String>,
        timeout: Option<Period>,
        load: &Loading<'t>,
    ) -> PolicyId {
        let policy = self.policy(plain(timeout));
        let found = self.find_keys(writer.name, keys);
        let keyspace = found.map(|(id, _)| id).unwrap_or_default();
        let name = found.map_or("", |(_, name)| name);
        let described = found.map(|(id, _)| &self.blueprint[id]);
        let local = described.is_some_and(|keys| keys.local.is_some());
        let refreshed = described.is_some_and(|keys| keys.fresh.is_some());
        let apart = load.apart || refreshed;
        if found.is_some() {
            self.read_keys(keyspace, writer.place());
            if load.coalesce && writer.loading.contains(&keyspace) {
                let hint = "who misses a key joins the load of it that is under way, which this is".to_owned();
                self.report(keys.span, "a load would wait for itself", Some(hint));
            }
        }
        let read = writer.here() as usize;
        if local {
            writer.program.push(Step::LocalGet { keyspace, hit: 0 });
        } else {
            let site = writer.site("cache-get", name);
            writer.program.push(Step::CacheGet { site, keyspace, endpoint: GET, policy, hit: 0 });
        }
        let waiting = if apart {
            let site = writer.site("cache-load", name);
            let policy = self.policy(plain(load.load_timeout));
            let (coalesce, abandoned) = (load.coalesce, load.abandoned);
            writer.program.push(Step::Load { site, keyspace, policy, coalesce, abandoned, after: 0 });
            Some(writer.begin_frame())
        } else {
            None
        };
        // A value is refreshed by one load at a time, whoever asks.
        let shared = apart && (load.coalesce || refreshed);
        writer.loading.extend(shared.then_some(keyspace));
        self.steps(writer, load.steps);
        writer.loading.truncate(writer.loading.len() - usize::from(shared));
        if local {
            writer.program.push(Step::LocalSet { keyspace });
        } else {
            let site = writer.site("cache-set", name);
            writer.program.push(Step::CacheSet { site, keyspace, endpoint: SET, policy });
        }
        if let Some(around) = waiting {
            writer.program.push(Step::LoadEnd);
            writer.end_frame(around);
        }
        let after = writer.here();
        for step in &mut writer.program[read..(read + 2).min(after as usize)] {
            if let Step::CacheGet { hit: to, .. } | Step::LocalGet { hit: to, .. } | Step::Load { after: to, .. } = step
                && *to == 0
            {
                *to = after;
            }
        }
        policy
    }
}
