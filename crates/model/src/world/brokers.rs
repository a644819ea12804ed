//! Brokers: publications, deliveries, acknowledgements, and consumers that come and go.
//!
//! A publication is a call of the broker's program for its queue, or, without a confirm, a frame that nobody waits for. A delivery is a frame
//! that nobody called: its key is that of the publication and the number of the delivery, so that what is drawn for a message depends
//! neither on who handles it nor on when. Its answer is its settlement, on its way to the broker.
//!
//! Consumers' connections begin and end at the broker in the instant in which they do at the consumer; a connection's end overtakes what
//! is on the wire. A publisher without confirms waits where the broker does not read: its socket has no buffer.

use super::execute::Flow;
use super::{Event, World};
use crate::blame::Want;
use crate::blueprint::{BrokerField, ConsumerField, OnFailure, QueueField, Runtime, Transport, Value};
use crate::broker::{Broker, Consumer, Content, Effect, Message, Published, Settlement};
use crate::frame::{CONSUMED, Outcome, State};
use crate::id::{EndpointId, FrameRef, ServiceId};
use crate::metrics::Timing;
use crate::process::{Hosted, Life};
use crate::purpose;
use crate::record::{Activity, ErrorType, LogEvent, Part, SpanId, TaskEnd, TraceId, Transition};
use crate::sink::Sink;
use knockon_kernel::{Duration, Ticket, Time};
use serde::{Deserialize, Serialize};

/// What a frame knows of the delivery that it handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Consumed {
    /// The broker's process, and the number of the delivery there.
    broker: u32,
    delivery: u64,
    /// Which of the service's consumers handles it.
    consumer: u32,
    /// How often the task was tried before.
    attempts: u32,
    /// Whether somebody may have handled the message before.
    redelivered: bool,
    /// The span that published it.
    pub(super) published: (TraceId, SpanId),
}

/// How a consumer comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub(crate) enum Coming {
    /// It connects.
    Connects,
    /// It wants no more.
    Cancels,
    /// It is gone.
    Dies,
    /// It goes, and says so.
    Leaves,
}

impl Coming {
    pub(super) const ALL: [Self; 4] = [Self::Connects, Self::Cancels, Self::Dies, Self::Leaves];
}

impl World {
    /// A step publishes: the frame waits for the broker's answer, or goes on.
    pub(super) fn publish<S: Sink>(&mut self, frame: FrameRef, edge: u32, confirm: bool, sink: &mut S) -> Flow {
        let broker = self.services[self.tables.edges[edge as usize].service as usize].first_process;
        let alarmed = self.machine(broker).is_some_and(|machine| machine.is_alarmed());
        if confirm || alarmed {
            self.call(frame, edge, sink);
            return Flow::Leave;
        }
        let now = self.now();
        let described = self.tables.edges[edge as usize];
        let f = &mut self.frames[frame];
        (f.attempts, f.call_edge) = (1, edge);
        let key = f.attempt_key(described.site);
        let (root, from, row, class) = (f.root, f.process, f.row, f.class);
        let way = self.request_latency(from, broker, described.link.0, key);
        let child = self.frames.occupy();
        let sent = &mut self.frames[child];
        sent.send(key, root, broker, described.program, edge, FrameRef::NONE, now);
        (sent.link, sent.row, sent.class) = (described.link.0, row, class);
        self.emit_sent(frame, child, sink);
        match way {
            Ok(latency) => self.calendar.post(now + latency, Event::Deliver { frame: child }.packed()),
            // The handshake fails, and nobody hears of it.
            Err(_) => self.frames.remove(child),
        }
        Flow::On
    }

    /// The broker's side of a publication.
    pub(super) fn enqueue_message<S: Sink>(&mut self, frame: FrameRef, queue: u32, sink: &mut S) -> Flow {
        let now = self.now();
        let f = &self.frames[frame];
        let process = f.process;
        let Some(publication) = self.tables.publications.get(&f.edge) else { return Flow::On };
        let (origin, bytes) = (publication.program, publication.bytes);
        let content = Content { key: f.key, root: f.root, row: f.row, origin, bytes };
        let Some(hosted) = &mut self.processes[process as usize].broker else { return Flow::On };
        let machine = &mut hosted.machine;
        let published = machine.publish(now, queue, Message::new(content), &mut self.broker_effects);
        match published {
            Published::Stored => {
                machine.deliver(now, queue, &mut self.broker_effects);
                self.carry_out_of_broker(process, sink);
            }
            Published::Blocked => {
                machine.block(frame);
                let f = &mut self.frames[frame];
                // It is read, and comes back here, when the alarm is cleared.
                f.pc -= 1;
                f.state = State::Blocked;
                let service = self.processes[process as usize].service as usize;
                self.services[service].statistics.blocked.enter(now);
                self.switch(frame, Part::Queued, now);
                return Flow::Leave;
            }
            Published::Rejected | Published::OutOfMemory => {
                let rejected = published == Published::Rejected;
                let error = if rejected { ErrorType::Nacked } else { ErrorType::CacheFull };
                self.refused_for(frame, |_, _| match rejected {
                    true => (Want::Room(process, queue), Activity::Computing),
                    false => (Want::Memory(process), Activity::Computing),
                });
                self.frames[frame].outcome = Outcome::lost(error);
                self.emit_state(process, Transition::QueueFull { queue }, sink);
            }
        }
        Flow::On
    }

    /// A message reaches the process of its consumer. One that stands still finds it when it goes on; one that is gone never does.
    pub(super) fn receive<S: Sink>(&mut self, frame: FrameRef, at: Time, sink: &mut S) {
        let Some(f) = self.frames.get(frame) else { return };
        let (index, program) = (f.process, f.program);
        let p = &mut self.processes[index as usize];
        if p.is_stopped() && p.life != Life::Down {
            p.inbox.push_back((at, Event::Consume { frame }));
            return;
        }
        // Nor does one whose connection is gone.
        let known = self.consumed.get(&frame).is_some_and(|consumed| {
            self.machine(consumed.broker).is_some_and(|machine| machine.delivery(consumed.delivery).is_some())
        });
        if !known || self.processes[index as usize].life != Life::Running {
            self.forget_delivery(frame);
            return;
        }
        if S::OBSERVES {
            let endpoint = EndpointId(self.tables.programs[program as usize].endpoint);
            let task = self.task_of(frame);
            self.processes[index as usize].meter.task(endpoint.0).received += 1;
            self.frames[frame].pc = self.tables.programs[program as usize].first;
            self.emit_request_log(frame, LogEvent::TaskReceived { endpoint, task }, sink);
        }
        self.deliver(frame, sink);
    }

    /// A worker that has taken a message up says so, where it acknowledges before it has done with it.
    pub(super) fn accept_message(&mut self, frame: FrameRef) {
        let Some(&Consumed { broker, delivery, .. }) = self.consumed.get(&frame) else { return };
        let f = &self.frames[frame];
        let key = f.key;
        let latency = self.blueprint.links[f.link as usize].latency;
        let latency = self.draw(latency, || key.purpose(purpose::ACK_LATENCY));
        let incarnation = self.processes[broker as usize].incarnation;
        let event = Event::Accepted { process: broker, incarnation, delivery };
        self.calendar.post(self.now() + latency, event.packed());
    }

    /// An early acknowledgement reaches the broker.
    pub(super) fn accepted<S: Sink>(&mut self, process: u32, incarnation: u32, delivery: u64, at: Time, sink: &mut S) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.incarnation != incarnation {
            return;
        }
        if p.is_stopped() {
            p.inbox.push_back((at, Event::Accepted { process, incarnation, delivery }));
            return;
        }
        if let Some(hosted) = &mut p.broker {
            hosted.machine.accept(now, delivery, &mut self.broker_effects);
            self.carry_out_of_broker(process, sink);
        }
    }

    /// The end of what a worker did with a message reaches the broker.
    pub(super) fn settled<S: Sink>(&mut self, frame: FrameRef, at: Time, sink: &mut S) {
        let Some(&consumed) = self.consumed.get(&frame) else { return self.forget_delivery(frame) };
        let now = self.now();
        let p = &mut self.processes[consumed.broker as usize];
        if p.is_stopped() && p.life != Life::Down {
            p.inbox.push_back((at, Event::Reply { child: frame }));
            return;
        }
        let settlement = self.settlement(frame, &consumed);
        self.forget_delivery(frame);
        let p = &mut self.processes[consumed.broker as usize];
        if p.life == Life::Running
            && let Some(hosted) = &mut p.broker
        {
            hosted.machine.settle(now, consumed.delivery, settlement, &mut self.broker_effects);
            self.carry_out_of_broker(consumed.broker, sink);
        }
    }

    /// What a worker says of a message when it has done with it.
    fn settlement(&self, frame: FrameRef, consumed: &Consumed) -> Settlement {
        let f = &self.frames[frame];
        let service = self.processes[f.process as usize].service as usize;
        if f.outcome.is_success() {
            return Settlement::Acknowledge;
        }
        // The worker had no place for it.
        if matches!(f.outcome.error, Some(ErrorType::ConnectionRefused)) {
            return Settlement::Requeue;
        }
        match self.blueprint.services[service].consumers[consumed.consumer as usize].on_failure {
            OnFailure::Acknowledge => Settlement::Acknowledge,
            OnFailure::Requeue => Settlement::Requeue,
            OnFailure::Reject => Settlement::Reject,
            OnFailure::Retry { countdown, most } if consumed.attempts < most => {
                Settlement::Retry { at: f.answered.saturating_add(countdown) }
            }
            OnFailure::Retry { .. } => Settlement::Acknowledge,
        }
    }

    /// A delivery's frame is gone.
    pub(super) fn forget_delivery(&mut self, frame: FrameRef) {
        self.consumed.remove(&frame);
        self.frames.remove(frame);
    }

    /// A frame that handles a message is lost with its process.
    pub(super) fn lose_delivery(&mut self, frame: FrameRef) {
        if let Some(share) = self.shares.get_mut(frame.slot as usize) {
            *share = crate::heap::Share::default();
        }
        self.forget_delivery(frame);
    }

    /// The span that published what a frame handles.
    pub(super) fn link_of(&self, frame: FrameRef) -> (TraceId, SpanId) {
        self.consumed.get(&frame).map_or((TraceId(0), SpanId(0)), |consumed| consumed.published)
    }

    /// The id of the task that a frame handles: the same for all deliveries of a message.
    fn task_of(&self, frame: FrameRef) -> u128 {
        self.trace(frame).0
    }

    /// A worker has done with a task: what it says of it.
    pub(super) fn emit_task_end<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let Some(&consumed) = self.consumed.get(&frame) else { return };
        let f = &self.frames[frame];
        let (outcome, process) = (f.outcome, f.process);
        let endpoint = EndpointId(self.tables.programs[f.program as usize].endpoint);
        let took = self.now() - f.arrived - Duration::from_nanos(f.parts[Part::Queued as usize]);
        let end = match (outcome.is_success(), self.settlement(frame, &consumed)) {
            (true, _) => TaskEnd::Succeeded,
            (false, Settlement::Retry { .. }) => TaskEnd::Retried,
            (false, _) => TaskEnd::Failed,
        };
        match end {
            TaskEnd::Failed => self.emit_state(process, Transition::TaskFailed, sink),
            TaskEnd::Retried | TaskEnd::Succeeded => {}
        }
        if S::OBSERVES {
            let now = self.now();
            let tasks = self.processes[process as usize].meter.task(endpoint.0);
            match end {
                TaskEnd::Succeeded => {
                    tasks.succeeded += 1;
                    tasks.runtime.get_or_insert_with(|| Timing::new(now)).record(now, took.as_nanos());
                }
                TaskEnd::Failed => tasks.failed += 1,
                TaskEnd::Retried => tasks.retried += 1,
            }
        }
        let task = self.task_of(frame);
        let error = outcome.error.unwrap_or(ErrorType::Application);
        self.emit_request_log(frame, LogEvent::TaskEnded { endpoint, task, end, took, error }, sink);
    }

    /// Does what a broker wants done.
    fn carry_out_of_broker<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let mut effects = std::mem::take(&mut self.broker_effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Deliver { delivery, consumer } => self.send_message(process, delivery, consumer, sink),
                Effect::DeadLettered { queue } => self.emit_state(process, Transition::DeadLettered { queue }, sink),
                Effect::Dropped { queue } => self.emit_state(process, Transition::MessageDropped { queue }, sink),
                Effect::Alarm { on } => {
                    self.emit_log(process, LogEvent::MemoryAlarm { on }, sink);
                    self.emit_state(process, Transition::MemoryAlarm { on }, sink);
                }
                Effect::Read { publication } => {
                    let now = self.now();
                    let (since, service) = (self.frames[publication].since, self.processes[process as usize].service);
                    self.services[service as usize].statistics.blocked.leave(now, since);
                    self.wake(publication, now);
                    self.ready.push(publication);
                }
                Effect::TimedOut { consumer } => {
                    let queue = self.machine(process).map_or(0, |machine| machine.consumers()[consumer as usize].queue);
                    self.emit_log(process, LogEvent::ConsumerTimedOut { queue }, sink);
                    self.emit_state(process, Transition::TakenBack { queue }, sink);
                    // Its client opens another channel.
                    let now = self.now();
                    if let Some(hosted) = &mut self.processes[process as usize].broker {
                        hosted.machine.connect(now, consumer, &mut self.broker_effects);
                    }
                }
                Effect::Restored { queue } => self.emit_state(process, Transition::TakenBack { queue }, sink),
            }
        }
        if !self.broker_effects.is_empty() {
            return self.carry_out_of_broker(process, sink);
        }
        self.broker_effects = effects;
        self.touch_broker(process);
        self.plan_broker(process);
    }

    /// Sends a message to its consumer.
    fn send_message<S: Sink>(&mut self, broker: u32, delivery: u64, consumer: u32, sink: &mut S) {
        let now = self.now();
        let Some(machine) = self.machine(broker) else { return };
        let Consumer { process, endpoint, .. } = machine.consumers()[consumer as usize];
        let Some(&message) = machine.delivery(delivery).map(|delivery| &delivery.message) else { return };
        if message.redelivered {
            let queue = machine.consumers()[consumer as usize].queue;
            self.emit_state(broker, Transition::Redelivered { queue }, sink);
        }
        let service = self.processes[process as usize].service;
        let program = self.tables.program_base[service as usize] + endpoint;
        let content = message.content;
        let number = u64::from(message.attempts) << 32 | u64::from(message.deliveries);
        let key = content.key.purpose(purpose::DELIVERY).with(number);
        // A message is a trace of its own, which all its deliveries share.
        let root = content.key.purpose(purpose::MESSAGE);
        let to = ServiceId(self.processes[broker as usize].service);
        let link = self.tables.consumer_links[&(service, to.0)];
        let latency = self.draw(self.blueprint[link].latency, || key.purpose(purpose::REQUEST_LATENCY));
        let consumers = &self.blueprint.services[service as usize].consumers;
        let mine = consumers.iter().position(|consumer| consumer.endpoint.0 == endpoint);
        let frame = self.frames.occupy();
        let f = &mut self.frames[frame];
        f.send(key, root, process, program, CONSUMED, FrameRef::NONE, now);
        (f.link, f.row) = (link.0, content.row);
        let consumed = Consumed {
            broker,
            delivery,
            consumer: mine.map_or(0, |n| n as u32),
            attempts: message.attempts,
            redelivered: message.redelivered,
            published: (Self::trace_of(content.root), Self::client_span(content.key)),
        };
        self.consumed.insert(frame, consumed);
        self.calendar.post(now + latency, Event::Consume { frame }.packed());
    }

    /// Something of a broker's own is due.
    pub(super) fn broker_due<S: Sink>(&mut self, process: u32, incarnation: u32, sink: &mut S) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.incarnation != incarnation {
            return;
        }
        if p.is_stopped() {
            p.inbox.push_back((now, Event::BrokerDue { process, incarnation }));
            return;
        }
        let Some(hosted) = &mut p.broker else { return };
        hosted.ticket = Ticket::NONE;
        hosted.due = Time::MAX;
        hosted.machine.due(now, &mut self.broker_effects);
        self.carry_out_of_broker(process, sink);
    }

    /// Sees to it that what a broker does by itself happens in time; one event too many does nothing.
    fn plan_broker(&mut self, process: u32) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        let incarnation = p.incarnation;
        let Some(hosted) = &mut p.broker else { return };
        let Some(due) = hosted.machine.next_due(now) else { return };
        if due < hosted.due {
            self.calendar.cancel(hosted.ticket);
            hosted.due = due;
            hosted.ticket = self.calendar.schedule(due.max(now), Event::BrokerDue { process, incarnation }.packed());
        }
    }

    /// A broker starts, with what its disk holds; consumers that run connect.
    pub(super) fn start_broker<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let now = self.now();
        let service = self.processes[process as usize].service;
        let Runtime::Broker(described) = &self.blueprint.services[service as usize].runtime else { return };
        if self.processes[process as usize].broker.is_none() {
            let consumers = self.consumers_of(ServiceId(service));
            let (transport, queues) = (described.transport, described.queues.clone());
            let machine = Broker::new(transport, described.overhead, described.durable, queues, consumers);
            let hosted = Hosted { machine, ticket: Ticket::NONE, due: Time::MAX };
            self.processes[process as usize].broker = Some(Box::new(hosted));
        }
        let Some(hosted) = &mut self.processes[process as usize].broker else { return };
        let workers: Vec<u32> = hosted.machine.consumers().iter().map(|consumer| consumer.process).collect();
        for (consumer, worker) in workers.into_iter().enumerate() {
            if self.processes[worker as usize].life == Life::Running
                && let Some(hosted) = &mut self.processes[process as usize].broker
            {
                hosted.machine.connect(now, consumer as u32, &mut self.broker_effects);
            }
        }
        self.carry_out_of_broker(process, sink);
    }

    /// A broker's process has ended.
    pub(super) fn end_broker<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let now = self.now();
        let Some(hosted) = &mut self.processes[process as usize].broker else { return };
        self.calendar.cancel(std::mem::replace(&mut hosted.ticket, Ticket::NONE));
        hosted.due = Time::MAX;
        hosted.machine.crash(now, &mut self.broker_effects);
        self.carry_out_of_broker(process, sink);
        let Some(hosted) = &mut self.processes[process as usize].broker else { return };
        self.calendar.cancel(std::mem::replace(&mut hosted.ticket, Ticket::NONE));
        hosted.due = Time::MAX;
    }

    /// Everyone who consumes from a broker: by service, then by process.
    fn consumers_of(&self, broker: ServiceId) -> Vec<Consumer> {
        let mut all = Vec::new();
        for (service, state) in self.blueprint.services.iter().zip(&self.services) {
            for process in state.first_process..state.first_process + state.replicas {
                let mine = service.consumers.iter().filter(|consumer| consumer.broker == broker);
                all.extend(mine.map(|c| Consumer::new(process, c.endpoint.0, c.queue, c.prefetch, c.ack)));
            }
        }
        all
    }

    /// The consumers of a process come or go.
    pub(super) fn consumers_come<S: Sink>(&mut self, worker: u32, coming: Coming, sink: &mut S) {
        let service = self.processes[worker as usize].service as usize;
        let Some(described) = self.blueprint.services.get(service) else { return };
        if described.consumers.is_empty() {
            return;
        }
        let mut brokers: Vec<ServiceId> = described.consumers.iter().map(|consumer| consumer.broker).collect();
        brokers.sort_unstable();
        brokers.dedup();
        for broker in brokers {
            let process = self.services[broker.index()].first_process;
            let p = &mut self.processes[process as usize];
            let incarnation = p.incarnation;
            if p.life == Life::Running && p.is_stopped() {
                let event = Event::Consumer { process, incarnation, worker, coming };
                p.inbox.push_back((self.calendar.now(), event));
            } else {
                self.consumer_comes(process, incarnation, worker, coming, sink);
            }
        }
    }

    /// The same as the broker sees it.
    pub(super) fn consumer_comes<S: Sink>(
        &mut self,
        process: u32,
        incarnation: u32,
        worker: u32,
        coming: Coming,
        sink: &mut S,
    ) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.incarnation != incarnation || p.life != Life::Running {
            return;
        }
        let Some(hosted) = &mut p.broker else { return };
        let machine = &mut hosted.machine;
        let effects = &mut self.broker_effects;
        for consumer in 0..machine.consumers().len() as u32 {
            if machine.consumers()[consumer as usize].process != worker {
                continue;
            }
            match coming {
                Coming::Connects => machine.connect(now, consumer, effects),
                Coming::Cancels => machine.cancel(consumer),
                Coming::Dies => machine.disconnect(now, consumer, false, effects),
                Coming::Leaves => machine.disconnect(now, consumer, true, effects),
            }
        }
        self.carry_out_of_broker(process, sink);
    }

    /// The machine of a broker.
    pub(super) fn machine(&self, process: u32) -> Option<&Broker> {
        self.processes[process as usize].broker.as_ref().map(|hosted| &hosted.machine)
    }

    /// Sets a broker's own parameter.
    pub(super) fn set_broker<S: Sink>(
        &mut self,
        service: ServiceId,
        field: BrokerField,
        value: Value,
        sink: &mut S,
    ) -> Value {
        let Runtime::Broker(described) = &mut self.blueprint.services[service.index()].runtime else {
            unreachable!("only brokers have {field:?}")
        };
        let longest = |timeout: Option<Duration>| Value::Duration(timeout.unwrap_or(Duration::MAX));
        let before = match (&mut described.transport, field, value) {
            (Transport::RabbitMq { limit, .. }, BrokerField::Memory, Value::Limit(new)) => {
                Value::Limit(std::mem::replace(limit, new))
            }
            (Transport::Redis { maxmemory, .. }, BrokerField::Memory, Value::Limit(new)) => {
                Value::Limit(std::mem::replace(maxmemory, new))
            }
            (Transport::RabbitMq { consumer_timeout, .. }, BrokerField::Timeout, Value::Duration(new)) => {
                longest(std::mem::replace(consumer_timeout, (new != Duration::MAX).then_some(new)))
            }
            (Transport::Redis { visibility_timeout, .. }, BrokerField::Timeout, Value::Duration(new)) => {
                Value::Duration(std::mem::replace(visibility_timeout, new))
            }
            (_, field, value) => {
                unreachable!("a checked patch sets a value of its target's kind, not {value:?} on {field:?}")
            }
        };
        let transport = described.transport;
        self.change_broker(service, sink, |machine, _, _| machine.set_transport(transport));
        before
    }

    /// Sets a parameter of a queue.
    pub(super) fn set_queue<S: Sink>(
        &mut self,
        service: ServiceId,
        queue: u32,
        field: QueueField,
        value: Value,
        sink: &mut S,
    ) -> Value {
        let Runtime::Broker(described) = &mut self.blueprint.services[service.index()].runtime else {
            unreachable!("only brokers have queues")
        };
        let config = &mut described.queues[queue as usize];
        match (field, value) {
            (QueueField::MaxLength, Value::Limit(limit)) => {
                let before = std::mem::replace(&mut config.max_length, limit);
                self.change_broker(service, sink, |machine, _, _| machine.set_max_length(queue, limit));
                Value::Limit(before)
            }
            (QueueField::DeliveryLimit, Value::Limit(limit)) => {
                let limit = limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX));
                let before = std::mem::replace(&mut config.delivery_limit, limit);
                self.change_broker(service, sink, |machine, _, _| machine.set_delivery_limit(queue, limit));
                Value::Limit(before.map(u64::from))
            }
            (QueueField::Ttl, Value::Duration(ttl)) => {
                let ttl = (ttl != Duration::MAX).then_some(ttl);
                let before = std::mem::replace(&mut config.ttl, ttl);
                self.change_broker(service, sink, |machine, _, _| machine.set_ttl(queue, ttl));
                Value::Duration(before.unwrap_or(Duration::MAX))
            }
            (field, value) => {
                unreachable!("a checked patch sets a value of its target's kind, not {value:?} on {field:?}")
            }
        }
    }

    /// Sets a parameter of a service's consumer.
    pub(super) fn set_consumer<S: Sink>(
        &mut self,
        service: ServiceId,
        number: u32,
        field: ConsumerField,
        value: Value,
        sink: &mut S,
    ) -> Value {
        let consumer = &mut self.blueprint.services[service.index()].consumers[number as usize];
        let (ConsumerField::Prefetch, Value::Count(prefetch)) = (field, value) else {
            unreachable!("a checked patch sets a value of its target's kind, not {value:?} on {field:?}")
        };
        let prefetch = u32::try_from(prefetch).unwrap_or(u32::MAX);
        let before = std::mem::replace(&mut consumer.prefetch, prefetch);
        let (broker, endpoint) = (consumer.broker, consumer.endpoint.0);
        let workers = self.processes_of(service);
        let stands = self.processes[self.services[broker.index()].first_process as usize].is_stopped();
        self.change_broker(broker, sink, |machine, now, effects| {
            for n in 0..machine.consumers().len() as u32 {
                let consumer = machine.consumers()[n as usize];
                if workers.contains(&consumer.process) && consumer.endpoint == endpoint {
                    machine.set_prefetch(n, prefetch);
                    if !stands {
                        machine.deliver(now, consumer.queue, effects);
                    }
                }
            }
        });
        Value::Count(u64::from(before))
    }

    /// Changes a broker's machine, and does what follows. One that stands still does it when it goes on: with whatever comes next.
    fn change_broker<S: Sink>(
        &mut self,
        service: ServiceId,
        sink: &mut S,
        change: impl FnOnce(&mut Broker, Time, &mut Vec<Effect>),
    ) {
        let now = self.now();
        let process = self.services[service.index()].first_process;
        if let Some(hosted) = &mut self.processes[process as usize].broker {
            change(&mut hosted.machine, now, &mut self.broker_effects);
            self.carry_out_of_broker(process, sink);
        }
    }
}
