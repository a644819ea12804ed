//! Endpoints to programs: nested steps become a flat vector with jumps.
//!
//! Every step that draws has a site, which depends on its kind, its target and how many like it came before, never on its
//! position. Alongside, [`Place`] remembers where each step of the text went, so that patches find it.

mod cached;
mod connection;
mod flow;
mod policy;

pub(super) use policy::client;

use super::cycle::Edge;
use super::{Compiler, site};
use crate::decode::{At, Entry};
use crate::language::{
    AbandonedText, AckText, CallText, ConsumerText, EndpointText, PublishText, RuntimeText, ServiceText, SeverityText,
    StepText,
};
use crate::leaf::Allocation;
use crate::origin::Span;
use crate::suggest;
use cached::Loading;
use knockon_model::blueprint::{Abandoned, CallPolicy, Choice, Endpoint, Operation, Severity, Site, Step};
use knockon_model::id::{EndpointId, KeyspaceId, PolicyId, PoolId, ServiceId};
use policy::{answers, backoff, plain, retry_on};
use std::collections::BTreeMap;

/// Where a step of the text went.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Place {
    /// Position of the step that carries its numbers.
    pub(crate) position: u32,
    /// Its timeouts and retries.
    pub(crate) policy: Option<PolicyId>,
}

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
/// Loops may nest so deep.
const LOOPS: u32 = 2;

/// A program under way.
struct Writer<'t> {
    service: ServiceId,
    text: &'t ServiceText,
    name: &'t str,
    endpoint: EndpointId,
    program: Vec<Step>,
    choices: Vec<Choice>,
    messages: Vec<String>,
    places: Vec<Place>,
    ordinals: BTreeMap<(&'static str, String), u64>,
    sites: Vec<Site>,
    /// Pools whose connection is held here, the innermost transaction last.
    held: Vec<PoolId>,
    /// Pools whose connection is held by those who wait for what is written here.
    awaited: Vec<PoolId>,
    /// Key spaces whose one load of a key is being written.
    loading: Vec<KeyspaceId>,
    loops: u32,
    /// Repeats around, the innermost last.
    repeats: Vec<flow::Around>,
}

/// Where a frame is that waits for the one being written.
struct Frame {
    held: Vec<PoolId>,
    repeats: Vec<flow::Around>,
    loops: u32,
}

impl Writer<'_> {
    fn site(&mut self, kind: &'static str, target: &str) -> Site {
        let ordinal = self.ordinals.entry((kind, target.to_owned())).or_insert(0);
        let mut address = site(kind, target, *ordinal);
        *ordinal += 1;
        // Two addresses of one program fall together once in 2^32; the later one moves on.
        while self.sites.contains(&address) {
            address = Site(address.0.wrapping_add(0x9e37_79b9));
        }
        self.sites.push(address);
        address
    }

    /// The program that it becomes.
    fn place(&self) -> (ServiceId, EndpointId) {
        (self.service, self.endpoint)
    }

    fn here(&self) -> u32 {
        self.program.len() as u32
    }

    /// What follows is a frame of its own: it holds nothing, is in no loop, and is waited for by the frame that is being written.
    fn begin_frame(&mut self) -> Frame {
        let held = std::mem::take(&mut self.held);
        self.awaited.extend(&held);
        Frame { held, repeats: std::mem::take(&mut self.repeats), loops: std::mem::take(&mut self.loops) }
    }

    fn end_frame(&mut self, around: Frame) {
        self.awaited.truncate(self.awaited.len() - around.held.len());
        (self.held, self.repeats, self.loops) = (around.held, around.repeats, around.loops);
    }
}

impl<'t> Compiler<'t> {
    pub(super) fn endpoints(&mut self, name: &'t str, text: &'t ServiceText) -> Vec<Endpoint> {
        let service = self.services[name];
        text.all_endpoints()
            .enumerate()
            .map(|(n, (endpoint_name, entry))| {
                self.endpoint(name, text, service, EndpointId(n as u32), endpoint_name, entry)
            })
            .collect()
    }

    fn endpoint(
        &mut self,
        name: &'t str,
        text: &'t ServiceText,
        service: ServiceId,
        endpoint: EndpointId,
        endpoint_name: &'t str,
        entry: &'t Entry<EndpointText>,
    ) -> Endpoint {
        let operation = self.operation(endpoint_name, entry.name);
        let EndpointText { allocate, churn, retain, steps, class: _, rate_limit: _ } = &entry.value;
        let place = (service, endpoint);
        let bytes = [allocate, retain, churn];
        self.program((name, text), place, (endpoint_name, operation), bytes, (steps, false))
    }

    /// The program of a consumer.
    pub(super) fn task(
        &mut self,
        name: &'t str,
        text: &'t ServiceText,
        place: (ServiceId, EndpointId),
        task: &str,
        operation: Operation,
        consumer: &'t ConsumerText,
    ) -> Endpoint {
        let ConsumerText { allocate, churn, retain, steps, ack, .. } = consumer;
        let early = ack.value == AckText::Early;
        self.program((name, text), place, (task, operation), [allocate, retain, churn], (steps, early))
    }

    /// A program from its steps; `early` where it begins with an acknowledgement.
    fn program(
        &mut self,
        (name, text): (&'t str, &'t ServiceText),
        (service, endpoint): (ServiceId, EndpointId),
        (endpoint_name, operation): (&str, Operation),
        bytes: [&'t At<Allocation>; 3],
        (steps, early): (&'t [At<StepText>], bool),
    ) -> Endpoint {
        let mut writer = Writer {
            service,
            text,
            name,
            endpoint,
            program: Vec::new(),
            choices: Vec::new(),
            messages: Vec::new(),
            places: Vec::new(),
            ordinals: BTreeMap::new(),
            sites: Vec::new(),
            held: Vec::new(),
            awaited: Vec::new(),
            loading: Vec::new(),
            loops: 0,
            repeats: Vec::new(),
        };
        if managed(text) {
            let [allocate, retain, churn] = bytes;
            // Always there, so that a later version can leak where this one does not.
            writer.program.push(Step::Allocate { bytes: allocate.0 });
            writer.program.push(Step::Retain { bytes: retain.0 });
            writer.program.push(Step::Churn { bytes: churn.0 });
        } else {
            let [allocate, retain, churn] = bytes;
            for field in [allocate, churn, retain] {
                if field.0 > 0 {
                    self.unmanaged(field.span, text);
                }
            }
        }
        writer.program.extend(early.then_some(Step::Accept));
        self.steps(&mut writer, steps);
        self.places.insert((service, endpoint.0), writer.places);
        Endpoint {
            name: endpoint_name.to_owned(),
            operation,
            program: writer.program,
            choices: writer.choices,
            messages: writer.messages,
        }
    }

    fn unmanaged(&mut self, span: Span, text: &ServiceText) {
        if !text.runtime.broken {
            let hint = "give the service a `Jvm` or `CPython` runtime, or leave this out".into();
            self.report(span, "a service without managed memory allocates nothing", Some(hint));
        }
    }

    fn operation(&mut self, name: &str, span: Span) -> Operation {
        let (method, route) = name.split_once(' ').unwrap_or((name, ""));
        let route_is_good = route.starts_with('/')
            && route.chars().all(|c| c.is_ascii_alphanumeric() || "_./{}-:*".contains(c))
            && route.len() <= 200;
        if !METHODS.contains(&method) || !route_is_good {
            let hint = "a method and a route template, such as \"GET /api/users/{id}\"".into();
            self.report(span, format!("{name:?} is not an endpoint's name"), Some(hint));
        }
        Operation::Http { method: method.to_owned(), route: route.to_owned() }
    }

    fn steps(&mut self, writer: &mut Writer<'t>, steps: &'t [At<StepText>]) {
        for step in steps {
            // The place is taken before the steps within are written, so that places are in the order of the text.
            let place = writer.places.len();
            writer.places.push(Place { position: writer.here(), policy: None });
            if !step.broken {
                writer.places[place] = self.step(writer, step);
            }
        }
    }

    fn step(&mut self, writer: &mut Writer<'t>, step: &'t At<StepText>) -> Place {
        let mut place = Place { position: writer.here(), policy: None };
        match &step.value {
            StepText::Compute(compute) => {
                let demand = self.step_sampler(&compute.demand, compute.demand.span, writer.place());
                let site = writer.site("compute", "");
                writer.program.push(Step::Compute { site, demand });
            }
            StepText::Sleep(sleep) => {
                let time = self.step_sampler(&sleep.time, sleep.time.span, writer.place());
                let site = writer.site("sleep", "");
                writer.program.push(Step::Sleep { site, time });
            }
            StepText::Block(block) => {
                if !matches!(writer.text.runtime.value, RuntimeText::Node) && !writer.text.runtime.broken {
                    let hint = "give the service `runtime: Node`; where each request has a thread, one that waits is a `Sleep`, and one that computes a `Compute`";
                    self.report(
                        step.span,
                        "a service without an event loop cannot keep it: only one on Node can `Block`",
                        Some(hint.into()),
                    );
                }
                let time = self.step_sampler(&block.block, block.block.span, writer.place());
                let site = writer.site("block", "");
                writer.program.push(Step::Block { site, time });
            }
            StepText::Allocate(step) | StepText::Retain(step) if !managed(writer.text) => {
                self.unmanaged(step.bytes.span, writer.text);
            }
            StepText::Allocate(step) => writer.program.push(Step::Allocate { bytes: step.bytes.0 }),
            StepText::Retain(step) => writer.program.push(Step::Retain { bytes: step.bytes.0 }),
            StepText::Call(call) => place.policy = self.call(writer, call),
            StepText::Query(query) => {
                if let Some(pool) = self.find_pool(writer, &query.pool, query.query.span, true) {
                    return self.query(writer, pool, &query.query, query.timeout.value);
                }
            }
            StepText::Transaction(transaction) => {
                let pool = self.find_pool(writer, &transaction.pool, step.span, false);
                let leaks = transaction.leaks.value.as_ref().map(|share| share.0);
                if let Some(position) = self.transaction(writer, pool, step.span, &transaction.steps, leaks) {
                    place.position = position;
                }
            }
            StepText::CacheAside(cache) => {
                let abandoned = match cache.abandoned.value {
                    AbandonedText::Cancel => Abandoned::Cancel,
                    AbandonedText::Interrupt => Abandoned::Interrupt,
                    AbandonedText::Drop => Abandoned::Drop,
                    AbandonedText::Fill => Abandoned::Fill,
                };
                let load_timeout = cache.load_timeout.value;
                let apart = cache.coalesce.value || load_timeout.is_some();
                let load =
                    Loading { steps: &cache.load, apart, coalesce: cache.coalesce.value, load_timeout, abandoned };
                place.policy = Some(self.cached(writer, &cache.keys, cache.timeout.value, &load));
            }
            StepText::ReadThrough(cache) => {
                let (load_timeout, abandoned) = (cache.load_timeout.value, Abandoned::Fill);
                let load = Loading { steps: &cache.load, apart: true, coalesce: true, load_timeout, abandoned };
                place.policy = Some(self.cached(writer, &cache.keys, cache.timeout.value, &load));
            }
            StepText::Command(command) => {
                let policy = self.policy(plain(command.timeout.value));
                place.policy = Some(policy);
                if let Some((service, endpoint)) = self.find_command(&command.command) {
                    let site = writer.site("command", &command.command);
                    let optional = command.optional.value;
                    writer.program.push(Step::Call { site, service, endpoint, policy, optional });
                }
            }
            StepText::Choose(choose) => self.choose(writer, step.span, &choose.branches),
            StepText::Loop(repeat) => {
                if writer.loops == LOOPS {
                    self.report(step.span, "loops nest two deep at most", None);
                }
                writer.loops += 1;
                writer.program.push(Step::LoopStart { times: repeat.times.0 });
                let body = writer.here();
                self.steps(writer, &repeat.steps);
                writer.program.push(Step::LoopEnd { body });
                writer.loops -= 1;
            }
            StepText::Repeat(repeat) => self.repeat(writer, step.span, repeat),
            StepText::Again => self.again(writer, step.span),
            StepText::Parallel(parallel) => place.policy = Some(self.parallel(writer, step.span, parallel)),
            StepText::Run(run) => place.policy = self.run(writer, run),
            StepText::Log(log) => {
                let severity = match log.severity.value {
                    SeverityText::Debug => Severity::Debug,
                    SeverityText::Info => Severity::Info,
                    SeverityText::Warn => Severity::Warn,
                    SeverityText::Error => Severity::Error,
                    SeverityText::Fatal => Severity::Fatal,
                };
                writer.program.push(Step::Log { severity, message: writer.messages.len() as u32 });
                writer.messages.push(log.message.value.clone());
            }
            StepText::Fail(fail) => {
                if fail.status.0 > 599 {
                    self.report(fail.status.span, "an error's status lies between 400 and 599", None);
                }
                writer.program.push(Step::Fail { status: fail.status.0.min(599) as u16 });
            }
            StepText::Publish(publish) => place.policy = self.publish(writer, publish),
        }
        place
    }

    fn choose(&mut self, writer: &mut Writer<'t>, span: Span, branches: &'t At<Vec<At<crate::language::Branch>>>) {
        if branches.is_empty() && !branches.broken {
            self.report(span, "a choice needs branches", None);
        }
        let choice = writer.choices.len();
        writer.choices.push(Choice { branches: Vec::new() });
        let site = writer.site("choose", "");
        writer.program.push(Step::Choose { site, choice: choice as u32 });
        let mut ends = Vec::new();
        let mut ways = Vec::new();
        for branch in branches.iter() {
            ways.push((branch.weight.0, writer.here()));
            self.steps(writer, &branch.steps);
            ends.push(writer.program.len());
            writer.program.push(Step::Jump { to: 0 });
        }
        let after = writer.here();
        for end in ends {
            writer.program[end] = Step::Jump { to: after };
        }
        writer.choices[choice].branches = ways;
    }

    fn call(&mut self, writer: &mut Writer<'t>, call: &'t CallText) -> Option<PolicyId> {
        let policy = self.policy(CallPolicy {
            timeout: call.timeout.value.map(|period| period.0),
            retries: call.retries.0,
            backoff: backoff(&call.backoff),
            retry_on: retry_on(&call.retry_on),
            answers: answers(&call.answers),
            propagates_deadline: call.propagates_deadline.value,
            honours_retry_after: call.honours_retry_after.value,
        });
        let (service, endpoint) = self.find_endpoint(&call.to)?;
        self.calls.push(Edge { from: (writer.service, writer.endpoint), to: (service, endpoint), span: call.to.span });
        let site = writer.site("call", &call.to);
        writer.program.push(Step::Call { site, service, endpoint, policy, optional: call.optional.value });
        Some(policy)
    }

    fn publish(&mut self, writer: &mut Writer<'t>, publish: &'t PublishText) -> Option<PolicyId> {
        let policy = self.policy(CallPolicy {
            retries: publish.retries.0,
            backoff: backoff(&publish.backoff),
            retry_on: retry_on(&publish.retry_on),
            ..policy::plain(publish.timeout.value)
        });
        let bytes = u32::try_from(publish.bytes.0).unwrap_or_else(|_| {
            self.report(publish.bytes.span, "a message has less than 4 GiB", None);
            0
        });
        let (service, queue, _) = self.find_queue(&publish.to)?;
        let site = writer.site("publish", &publish.to);
        writer.program.push(Step::Publish {
            site,
            service,
            // A broker has an endpoint for each queue.
            endpoint: EndpointId(queue),
            policy,
            bytes,
            confirm: publish.confirm.value,
            optional: publish.optional.value,
        });
        Some(policy)
    }

    /// "auth-service/POST /verify" as ids.
    fn find_endpoint(&mut self, to: &At<String>) -> Option<(ServiceId, EndpointId)> {
        if to.broken {
            return None;
        }
        let Some((service_name, endpoint_name)) = to.split_once('/').filter(|(_, endpoint)| endpoint.contains(' '))
        else {
            let hint = "service and endpoint: \"auth-service/POST /verify\"".into();
            self.report(to.span, format!("{:?} names no endpoint", to.value), Some(hint));
            return None;
        };
        let service = self.find_service(service_name, to.span)?;
        let Some(text) = self.system.services.get(service_name) else {
            let hint = "databases are asked by `Query`, caches by `CacheAside`, brokers by `Publish`".into();
            self.report(to.span, format!("{service_name:?} is not called by its endpoints"), Some(hint));
            return None;
        };
        let endpoint = text.endpoints.names().position(|name| name == endpoint_name);
        if endpoint.is_none() && !text.endpoints.partial {
            let hint = suggest::hint(endpoint_name, text.endpoints.names());
            self.report(to.span, format!("{service_name:?} has no endpoint {endpoint_name:?}"), hint);
        }
        endpoint.map(|n| (service, EndpointId(n as u32)))
    }
}

fn managed(text: &ServiceText) -> bool {
    matches!(text.runtime.value, RuntimeText::Jvm(_) | RuntimeText::CPython(_))
}
