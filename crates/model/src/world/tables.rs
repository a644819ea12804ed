//! Programs compiled for the interpreter: one flat vector of operations, with every name resolved to an index.
//!
//! Operations stand one to one for the blueprint's steps, so that a patch finds its step; each program ends in one more,
//! [`Op::Finish`].

use crate::blame::NUMBERED_MAXIMUM;
use crate::blueprint::{Abandoned, Blueprint, Join, Keyspace, LinkEnd, Operation, Runtime, Severity, Step};
use crate::id::{EndpointId, KeyspaceId, LinkId, OperationId, PolicyId, SamplerId, ServiceId};
use crate::lock::LockMode;
use crate::record::{Catalogue, OperationInfo, SpanKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One operation. What it means is said at [`Step`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Op {
    Compute { site: u32, demand: SamplerId },
    Allocate { bytes: u64 },
    Churn { bytes: u64 },
    Retain { bytes: u64 },
    Call { edge: u32, optional: bool },
    Acquire { pool: u8 },
    Query { edge: u32, pool: u8, transaction: bool },
    Leak { site: u32, pool: u8, share: f64 },
    Release { pool: u8 },
    CacheGet { edge: u32, keyspace: u32, hit: u32 },
    CacheSet { edge: u32, keyspace: u32 },
    LocalGet { cache: u8, keyspace: u32, hit: u32 },
    LocalSet { cache: u8, keyspace: u32 },
    Lock { table: u32, rows: u32, popularity: SamplerId, draw: u32 },
    LockTable { table: u32, mode: LockMode },
    ReadPages { site: u32, table: u32, pages: u32 },
    WriteRows { bytes: u64, wal: u64 },
    SyncLog { site: u32 },
    SeeReplayed,
    Load { load: u32 },
    LoadEnd,
    Lookup,
    Store,
    Flush,
    Sleep { site: u32, time: SamplerId },
    Block { site: u32, time: SamplerId },
    Choose { site: u32, choice: u32 },
    Jump { to: u32 },
    LoopStart { times: u32 },
    LoopEnd { body: u32 },
    RepeatStart { depth: u8 },
    Again { depth: u8, body: u32, most: u32 },
    RepeatEnd { depth: u8 },
    Fork { site: u32, after: u32, branches: u16, join: Join, policy: PolicyId },
    Branch { to: u32 },
    BranchEnd,
    HandOver { site: u32, after: u32, executor: u8, waits: bool, cancels: bool, policy: PolicyId },
    Log { severity: Severity, message: u32 },
    Fail { status: u16 },
    Publish { edge: u32, confirm: bool, optional: bool },
    Enqueue { queue: u32 },
    Accept,
    Finish,
}

/// A step that loads a value apart from the requests that want it. What it means is said at [`Step::Load`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Loading {
    pub(crate) site: u32,
    pub(crate) keyspace: KeyspaceId,
    pub(crate) policy: PolicyId,
    pub(crate) coalesce: bool,
    pub(crate) abandoned: Abandoned,
    /// Next operation of those who have the value.
    pub(crate) after: u32,
    /// Its span.
    pub(crate) operation: OperationId,
}

/// What is published over an edge.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Publication {
    /// The program that publishes.
    pub(crate) program: u32,
    /// Bytes of the body.
    pub(crate) bytes: u32,
}

/// A program: one endpoint of one service.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Program {
    pub(crate) service: u32,
    pub(crate) endpoint: u32,
    /// Its first operation.
    pub(crate) first: u32,
    /// Server side of its spans.
    pub(crate) operation: OperationId,
}

/// A call site: who is called over which link, and how.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Edge {
    pub(crate) site: u32,
    pub(crate) service: u32,
    pub(crate) program: u32,
    pub(crate) link: LinkId,
    pub(crate) policy: PolicyId,
    /// Client side of its spans.
    pub(crate) operation: OperationId,
    /// Less the caller's first process, the number of the first caller's account of the link; [`UNGUARDED`] where none is kept.
    pub(crate) upstream: u32,
}

/// A link whose callers keep no account of it.
pub(crate) const UNGUARDED: u32 = 1 << 31;

impl Edge {
    /// Whether callers keep an account of the link.
    #[inline]
    pub(crate) fn is_guarded(&self) -> bool {
        self.upstream != UNGUARDED
    }
}

/// A table of weighted branches: cumulative shares and positions.
pub(crate) type Branches = Vec<(f64, u32)>;

/// Everything compiled.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tables {
    pub(crate) ops: Vec<Op>,
    pub(crate) programs: Vec<Program>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) loads: Vec<Loading>,
    pub(crate) choices: Vec<Branches>,
    /// First program of each service.
    pub(crate) program_base: Vec<u32>,
    /// For each source, the cumulative shares of its mix and the edges.
    pub(crate) mixes: Vec<Branches>,
    /// For each service and pool, the edge of `ROLLBACK`.
    pub(crate) rollbacks: Vec<Vec<Option<u32>>>,
    /// For each service and pool, whether it is one of fixed size: its minimum follows its maximum.
    pub(crate) fixed_pools: Vec<Vec<bool>>,
    /// For each service and executor, whether it has one size.
    pub(crate) fixed_executors: Vec<Vec<bool>>,
    /// For each service and pool, the link to the database.
    pub(crate) pool_links: Vec<Vec<LinkId>>,
    /// By edge.
    #[serde(with = "crate::pairs")]
    pub(crate) publications: BTreeMap<u32, Publication>,
    /// By consuming service and broker.
    #[serde(with = "crate::pairs")]
    pub(crate) consumer_links: BTreeMap<(u32, u32), LinkId>,
}

/// Compiles programs; adds the operations that spans name to the catalogue.
pub(crate) fn compile(blueprint: &Blueprint, catalogue: &mut Catalogue) -> Tables {
    Compiler { blueprint, catalogue, tables: Tables::default(), known: BTreeMap::new(), loaded: BTreeMap::new() }
        .compile()
}

struct Compiler<'a> {
    blueprint: &'a Blueprint,
    catalogue: &'a mut Catalogue,
    tables: Tables,
    /// Operations by side and program, so that each is listed once.
    known: BTreeMap<(SpanKind, u32), OperationId>,
    /// Operations of loads by service and key space.
    loaded: BTreeMap<(ServiceId, KeyspaceId), OperationId>,
}

impl Compiler<'_> {
    fn compile(mut self) -> Tables {
        let mut programs = 0;
        for service in &self.blueprint.services {
            self.tables.program_base.push(programs);
            programs += service.endpoints.len() as u32;
        }
        let most = self.blueprint.services.len().max(self.blueprint.sources.len()).max(programs as usize);
        assert!(most <= NUMBERED_MAXIMUM, "{most} services, sources or endpoints are more than can be numbered");
        for (index, service) in self.blueprint.services.iter().enumerate() {
            let from = LinkEnd::Service(ServiceId(index as u32));
            let links = service.pools.iter().map(|pool| self.link(from, pool.database)).collect();
            self.tables.pool_links.push(links);
            for consumer in &service.consumers {
                let link = self.link(from, consumer.broker);
                self.tables.consumer_links.insert((index as u32, consumer.broker.0), link);
            }
            let fixed = service.pools.iter().map(|pool| pool.minimum_idle >= pool.maximum);
            self.tables.fixed_pools.push(fixed.collect());
            let fixed = service.executors.iter().map(crate::blueprint::Executor::is_fixed);
            self.tables.fixed_executors.push(fixed.collect());
            for endpoint in 0..service.endpoints.len() {
                self.program(ServiceId(index as u32), EndpointId(endpoint as u32));
            }
            let rollbacks = service.pools.iter().map(|pool| {
                let database = &self.blueprint[pool.database];
                let endpoint = database.endpoints.iter().position(|e| e.name == "ROLLBACK")?;
                Some((pool.database, EndpointId(endpoint as u32)))
            });
            let rollbacks: Vec<_> = rollbacks.collect();
            // A frame that failed within two transactions rolls back one after the other: each pool is a site of its own.
            let rollbacks = (0..)
                .zip(rollbacks)
                .map(|(pool, found)| found.map(|(service, endpoint)| self.edge(from, pool, service, endpoint, None)))
                .collect();
            self.tables.rollbacks.push(rollbacks);
        }
        for (index, source) in self.blueprint.sources.iter().enumerate() {
            let from = LinkEnd::Source(crate::id::SourceId(index as u32));
            let weights: Vec<(f64, u32)> = source
                .mix
                .iter()
                .map(|mix| (mix.weight, self.edge(from, mix.site.0, source.target, mix.endpoint, Some(source.policy))))
                .collect();
            self.tables.mixes.push(cumulative(&weights));
        }
        self.tables
    }

    fn program(&mut self, service: ServiceId, endpoint: EndpointId) {
        let blueprint = self.blueprint;
        let described = &blueprint[service].endpoints[endpoint.index()];
        let first = self.tables.ops.len() as u32;
        let choices = self.tables.choices.len() as u32;
        let number = self.tables.programs.len() as u32;
        let kind = match described.operation {
            Operation::Process { .. } => SpanKind::Consumer,
            _ => SpanKind::Server,
        };
        let operation = self.operation(kind, number, service, endpoint);
        self.tables.programs.push(Program { service: service.0, endpoint: endpoint.0, first, operation });
        for step in &described.program {
            let op = self.op(service, *step, first, choices);
            self.tables.ops.push(op);
        }
        self.tables.ops.push(Op::Finish);
        for choice in &described.choices {
            let branches: Branches = choice.branches.iter().map(|&(weight, to)| (weight, first + to)).collect();
            self.tables.choices.push(cumulative(&branches));
        }
    }

    fn op(&mut self, service: ServiceId, step: Step, first: u32, choices: u32) -> Op {
        let from = LinkEnd::Service(service);
        match step {
            Step::Compute { site, demand } => Op::Compute { site: site.0, demand },
            Step::Allocate { bytes } => Op::Allocate { bytes },
            Step::Churn { bytes } => Op::Churn { bytes },
            Step::Retain { bytes } => Op::Retain { bytes },
            Step::Call { site, service: to, endpoint, policy, optional } => {
                Op::Call { edge: self.edge(from, site.0, to, endpoint, Some(policy)), optional }
            }
            Step::Acquire { pool } => Op::Acquire { pool: pool.0 as u8 },
            Step::Query { site, pool, endpoint, policy, transaction } => {
                let database = self.blueprint[service].pools[pool.index()].database;
                let edge = self.edge(from, site.0, database, endpoint, Some(policy));
                Op::Query { edge, pool: pool.0 as u8, transaction }
            }
            Step::Leak { site, pool, share } => Op::Leak { site: site.0, pool: pool.0 as u8, share },
            Step::Release { pool } => Op::Release { pool: pool.0 as u8 },
            Step::CacheGet { site, keyspace, endpoint, policy, hit } => {
                let cache = self.blueprint[keyspace].cache;
                let edge = self.edge(from, site.0, cache, endpoint, Some(policy));
                Op::CacheGet { edge, keyspace: keyspace.0, hit: first + hit }
            }
            Step::CacheSet { site, keyspace, endpoint, policy } => {
                let cache = self.blueprint[keyspace].cache;
                Op::CacheSet { edge: self.edge(from, site.0, cache, endpoint, Some(policy)), keyspace: keyspace.0 }
            }
            Step::LocalGet { keyspace, hit } => {
                Op::LocalGet { cache: self.local_cache(keyspace), keyspace: keyspace.0, hit: first + hit }
            }
            Step::LocalSet { keyspace } => Op::LocalSet { cache: self.local_cache(keyspace), keyspace: keyspace.0 },
            Step::Lock { table, rows, popularity, draw } => Op::Lock { table: table.0, rows, popularity, draw },
            Step::LockTable { table, mode } => Op::LockTable { table: table.0, mode },
            Step::ReadPages { site, table, pages } => Op::ReadPages { site: site.0, table, pages },
            Step::WriteRows { bytes, wal } => Op::WriteRows { bytes, wal },
            Step::SyncLog { site } => Op::SyncLog { site: site.0 },
            Step::SeeReplayed => Op::SeeReplayed,
            Step::Load { site, keyspace, policy, coalesce, abandoned, after } => {
                let operation = self.load_operation(service, keyspace);
                let (site, after) = (site.0, first + after);
                self.tables.loads.push(Loading { site, keyspace, policy, coalesce, abandoned, after, operation });
                Op::Load { load: self.tables.loads.len() as u32 - 1 }
            }
            Step::LoadEnd => Op::LoadEnd,
            Step::Lookup => Op::Lookup,
            Step::Store => Op::Store,
            Step::Flush => Op::Flush,
            Step::Sleep { site, time } => Op::Sleep { site: site.0, time },
            Step::Block { site, time } => Op::Block { site: site.0, time },
            Step::Choose { site, choice } => Op::Choose { site: site.0, choice: choices + choice },
            Step::Jump { to } => Op::Jump { to: first + to },
            Step::LoopStart { times } => Op::LoopStart { times },
            Step::LoopEnd { body } => Op::LoopEnd { body: first + body },
            Step::RepeatStart { depth, .. } => Op::RepeatStart { depth },
            Step::Again { depth, body, most } => Op::Again { depth, body: first + body, most },
            Step::RepeatEnd { depth } => Op::RepeatEnd { depth },
            Step::Fork { site, branches, join, policy, after } => {
                Op::Fork { site: site.0, after: first + after, branches, join, policy }
            }
            Step::Branch { to } => Op::Branch { to: first + to },
            Step::BranchEnd => Op::BranchEnd,
            Step::HandOver { site, executor, waits, cancels, policy, after } => {
                let (site, after, executor) = (site.0, first + after, executor.0 as u8);
                Op::HandOver { site, after, executor, waits, cancels, policy }
            }
            Step::Log { severity, message } => Op::Log { severity, message },
            Step::Fail { status } => Op::Fail { status },
            Step::Publish { site, service: to, endpoint, policy, bytes, confirm, optional } => {
                let edge = self.edge(from, site.0, to, endpoint, Some(policy));
                let program = self.tables.programs.len() as u32 - 1;
                self.tables.publications.insert(edge, Publication { program, bytes });
                Op::Publish { edge, confirm, optional }
            }
            Step::Enqueue { queue } => Op::Enqueue { queue },
            Step::Accept => Op::Accept,
        }
    }

    /// The span of loading a key space's values in a service.
    fn load_operation(&mut self, service: ServiceId, keyspace: KeyspaceId) -> OperationId {
        if let Some(&known) = self.loaded.get(&(service, keyspace)) {
            return known;
        }
        let name = format!("load {}", self.blueprint[keyspace].name);
        self.catalogue.operations.push(OperationInfo {
            kind: SpanKind::Internal,
            service,
            endpoint: EndpointId(0),
            operation: Operation::Internal { name },
            db_system: String::new(),
        });
        let id = OperationId(self.catalogue.operations.len() as u32 - 1);
        self.loaded.insert((service, keyspace), id);
        id
    }

    /// Which of its process' caches holds a key space.
    fn local_cache(&self, keyspace: KeyspaceId) -> u8 {
        let Keyspace { cache, local, .. } = self.blueprint[keyspace];
        let mine = self.blueprint.local_caches_of(cache).position(|(id, _)| Some(id) == local);
        mine.expect("a checked program reads the caches of its own process") as u8
    }

    fn link(&self, from: LinkEnd, to: ServiceId) -> LinkId {
        let position = self.blueprint.links.iter().position(|link| link.from == from && link.to == to);
        LinkId(position.expect("a checked blueprint links every caller to its callee") as u32)
    }

    fn edge(
        &mut self,
        from: LinkEnd,
        site: u32,
        service: ServiceId,
        endpoint: EndpointId,
        policy: Option<PolicyId>,
    ) -> u32 {
        let program = self.tables.program_base[service.index()] + endpoint.0;
        let kind = match self.blueprint[service].endpoints[endpoint.index()].operation {
            Operation::Publish { .. } => SpanKind::Producer,
            _ => SpanKind::Client,
        };
        let operation = self.operation(kind, program, service, endpoint);
        let policy = policy.unwrap_or(PolicyId(u32::MAX));
        let link = self.link(from, service);
        self.tables.edges.push(Edge {
            site,
            service: service.0,
            program,
            link,
            policy,
            operation,
            upstream: UNGUARDED,
        });
        self.tables.edges.len() as u32 - 1
    }

    fn operation(&mut self, kind: SpanKind, program: u32, service: ServiceId, endpoint: EndpointId) -> OperationId {
        if let Some(&known) = self.known.get(&(kind, program)) {
            return known;
        }
        let described = &self.blueprint[service];
        let db_system = match described.runtime {
            Runtime::Postgres(_) => "postgresql",
            Runtime::Redis(_) => "redis",
            _ => "",
        };
        let operation: Operation = described.endpoints[endpoint.index()].operation.clone();
        self.catalogue.operations.push(OperationInfo {
            kind,
            service,
            endpoint,
            operation,
            db_system: db_system.into(),
        });
        let id = OperationId(self.catalogue.operations.len() as u32 - 1);
        self.known.insert((kind, program), id);
        id
    }
}

/// Weights to cumulative shares in (0, 1]; the last is exactly 1.
fn cumulative(weights: &[(f64, u32)]) -> Branches {
    let total: f64 = weights.iter().map(|&(weight, _)| weight).sum();
    // Classes that are recorded in no row have no weight: nothing is ever drawn among them.
    let total = if total > 0.0 { total } else { 1.0 };
    let mut sum = 0.0;
    let mut branches: Branches = weights
        .iter()
        .map(|&(weight, to)| {
            sum += weight / total;
            (sum, to)
        })
        .collect();
    if let Some(last) = branches.last_mut() {
        last.0 = 1.0;
    }
    branches
}

/// The branch that a uniform draw in [0, 1) falls into.
#[inline]
pub(crate) fn choose(branches: &Branches, unit: f64) -> u32 {
    let found = branches.iter().find(|&&(share, _)| unit < share);
    found.or(branches.last()).expect("a choice has branches").1
}
