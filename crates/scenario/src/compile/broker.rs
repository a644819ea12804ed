//! Brokers: services with a program for each queue; and consumers: programs of services that nobody calls.

use super::service::{draw_name, memory, restart};
use super::{Compiler, site};
use crate::decode::{At, Entry};
use crate::language::{
    AckText, BrokerText, MessageOverflowText, MessageQueueText, OnFailureText, RabbitMqText, ServiceText, TransportText,
};
use crate::leaf::Name;
use crate::suggest;
use knockon_model::blueprint::{
    Ack, Admission, Broker, Consumer, Cores, CpuDiscipline, Endpoint, OnFailure, Operation, Overflow, Runtime, Service,
    Step, Transport,
};
use knockon_model::broker::QueueConfig;
use knockon_model::id::{EndpointId, ServiceId};

/// `worker_prefetch_multiplier`.
const PREFETCH_MULTIPLIER: u32 = 4;

impl<'t> Compiler<'t> {
    pub(super) fn broker(&mut self, name: &str, entry: &Entry<BrokerText>) -> Service {
        let text = &entry.value;
        let id = self.services[name];
        let transport = transport(text);
        let system = transport.word();
        if text.queues.entries.is_empty() && !text.queues.partial && !entry.broken {
            self.report(entry.name, format!("the broker {name:?} has no queue"), None);
        }
        let mut queues = Vec::new();
        let mut endpoints = Vec::new();
        for (number, (queue, entry)) in text.queues.iter().enumerate() {
            if let Some(refusal) = Name::refusal(queue) {
                self.report(entry.name, refusal, None);
            }
            queues.push(self.message_queue(text, queue, &entry.value, transport));
            let place = (id, EndpointId(number as u32));
            let demand = self.step_sampler(&text.publish, text.publish.span, place);
            let operation = Operation::Publish { system: system.into(), queue: queue.clone() };
            let program =
                vec![Step::Compute { site: site("compute", "", 0), demand }, Step::Enqueue { queue: number as u32 }];
            endpoints.push(Endpoint {
                name: format!("publish {queue}"),
                operation,
                program,
                choices: Vec::new(),
                messages: Vec::new(),
            });
        }
        let redis = transport.is_redis();
        let broker = Broker { transport, overhead: text.overhead.0, durable: text.durable.value, queues };
        if let TransportText::RabbitMq(rabbit) = &text.transport.value
            && watermark(rabbit) <= text.memory.baseline.0
            && !text.memory.broken
        {
            self.report(text.transport.span, "without a message the broker is above its high watermark", None);
        }
        Service {
            name: name.to_owned(),
            draw_name: draw_name(name, &text.was),
            runtime: Runtime::Broker(broker),
            replicas: 1,
            workers: redis.then_some(1),
            places: text.places.0,
            cores: if redis { Cores::Milli(1000) } else { text.cores.0.map_or(Cores::Unlimited, Cores::Milli) },
            discipline: if redis { CpuDiscipline::FirstCome } else { CpuDiscipline::Shared },
            quota: None,
            contention: None,
            memory: memory(&text.memory),
            start_up: self.sampler(&text.start_up, text.start_up.span),
            warm_up: None,
            certificate: None,
            vacation: None,
            restart: restart(&text.restart),
            health: None,
            prefork: None,
            executors: Vec::new(),
            stop_grace: knockon_kernel::Duration::ZERO,
            cancels_abandoned: false,
            admission: Admission::default(),
            endpoints,
            pools: Vec::new(),
            consumers: Vec::new(),
            storage: None,
        }
    }

    fn message_queue(
        &mut self,
        broker: &BrokerText,
        name: &str,
        text: &MessageQueueText,
        transport: Transport,
    ) -> QueueConfig {
        let dead_letter = text.dead_letter.value.as_ref().and_then(|to| {
            let found = broker.queues.names().position(|known| known == to.0);
            if to.0 == name {
                self.report(text.dead_letter.span, "a queue's dead letters go to another queue", None);
            } else if found.is_none() && !broker.queues.partial {
                let hint = suggest::hint(&to.0, broker.queues.names());
                self.report(text.dead_letter.span, format!("the broker has no queue {:?}", to.0), hint);
            }
            found.map(|n| n as u32)
        });
        for (span, set, what) in [
            (text.delivery_limit.span, text.delivery_limit.value.is_some(), "delivery limit"),
            (text.ttl.span, text.ttl.value.is_some(), "time to live"),
            (text.max_length.span, text.max_length.value.is_some(), "maximum length"),
            (text.dead_letter.span, text.dead_letter.value.is_some(), "queue of dead letters"),
        ] {
            if set && transport.is_redis() {
                let hint = "Celery's Redis transport keeps lists; use `RabbitMq`".to_owned();
                self.report(span, format!("a list in Redis has no {what}"), Some(hint));
            }
        }
        QueueConfig {
            name: name.to_owned(),
            max_length: text.max_length.value.map(|count| u64::from(count.0)),
            overflow: match text.overflow.value {
                MessageOverflowText::DropHead => Overflow::DropHead,
                MessageOverflowText::RejectPublish => Overflow::RejectPublish,
            },
            dead_letter,
            delivery_limit: text.delivery_limit.value.map(|count| count.0),
            ttl: text.ttl.value.map(|period| period.0),
        }
    }

    /// "rabbitmq/payments" as ids, with what telemetry calls the broker.
    pub(super) fn find_queue(&mut self, to: &At<String>) -> Option<(ServiceId, u32, &'static str)> {
        if to.broken {
            return None;
        }
        let Some((broker, queue)) = to.split_once('/') else {
            let hint = "broker and queue: \"rabbitmq/payments\"".into();
            self.report(to.span, format!("{:?} names no queue", to.value), Some(hint));
            return None;
        };
        let Some(text) = self.system.brokers.get(broker) else {
            if !self.unsure() {
                let hint = suggest::hint(broker, self.system.brokers.names());
                self.report(to.span, format!("there is no broker {broker:?}"), hint);
            }
            return None;
        };
        let number = text.queues.names().position(|known| known == queue);
        if number.is_none() && !text.queues.partial {
            let hint = suggest::hint(queue, text.queues.names());
            self.report(to.span, format!("{broker:?} has no queue {queue:?}"), hint);
        }
        let service = *self.services.get(broker)?;
        Some((service, number? as u32, transport(text).word()))
    }

    /// The consumers of a service: their programs come behind those of its endpoints.
    pub(super) fn consumers(&mut self, name: &'t str, text: &'t ServiceText) -> (Vec<Endpoint>, Vec<Consumer>) {
        let service = self.services[name];
        let (mut endpoints, mut consumers) = (Vec::new(), Vec::new());
        let first = text.all_endpoints().count();
        let mut reserved = 0_u64;
        for (n, (task, entry)) in text.consumers.iter().enumerate() {
            if let Some(refusal) = Name::refusal(task) {
                self.report(entry.name, refusal, None);
            }
            if crate::path::FIXED_PARTS.contains(&task.as_str())
                || text.pools.get(task).is_some()
                || text.caches.get(task).is_some()
            {
                let message = format!("a consumer cannot be called {task:?}: paths use that name for something else");
                self.report(entry.name, message, None);
            }
            let consumer = &entry.value;
            let (broker, queue, system) = self.find_queue(&consumer.queue).unwrap_or_default();
            let endpoint = EndpointId((first + n) as u32);
            let operation = Operation::Process {
                system: system.to_owned(),
                queue: consumer.queue.split_once('/').map_or("", |(_, queue)| queue).to_owned(),
                task: task.clone(),
            };
            endpoints.push(self.task(name, text, (service, endpoint), task, operation, consumer));
            let prefetch = match consumer.prefetch.value {
                Some(prefetch) => prefetch.0,
                None => text.workers.0.map_or(0, |workers| workers.saturating_mul(PREFETCH_MULTIPLIER)),
            };
            let ack = match consumer.ack.value {
                AckText::OnDelivery => Ack::OnDelivery,
                AckText::Early => Ack::Early,
                AckText::Late => Ack::Late,
            };
            let unbounded = prefetch == 0 || ack == Ack::OnDelivery;
            reserved = if unbounded { u64::MAX } else { reserved.saturating_add(u64::from(prefetch)) };
            let on_failure = match &consumer.on_failure.value {
                OnFailureText::Acknowledge => OnFailure::Acknowledge,
                OnFailureText::Requeue => OnFailure::Requeue,
                OnFailureText::Reject => OnFailure::Reject,
                OnFailureText::Retry(retry) => OnFailure::Retry { countdown: retry.countdown.0, most: retry.most.0 },
            };
            consumers.push(Consumer { endpoint, broker, queue, prefetch, ack, on_failure });
        }
        if let Some(places) = text.places.0
            && reserved > u64::from(places)
        {
            let hint = "set `places: Unlimited`, or bound what consumers are given at once (`prefetch`)".to_owned();
            self.report(text.places.span, "its consumers may be given more messages than it has places", Some(hint));
        }
        (endpoints, consumers)
    }
}

fn watermark(rabbit: &RabbitMqText) -> u64 {
    (rabbit.memory.0 as f64 * rabbit.high_watermark.0) as u64
}

/// What a broker's text says about its kind.
pub(super) fn transport(text: &BrokerText) -> Transport {
    match &text.transport.value {
        TransportText::RabbitMq(rabbit) => Transport::RabbitMq {
            limit: Some(watermark(rabbit).saturating_sub(text.memory.baseline.0)),
            consumer_timeout: rabbit.consumer_timeout.value.map(|period| period.0),
        },
        TransportText::Redis(redis) => Transport::Redis {
            maxmemory: redis.maxmemory.value.map(|bytes| bytes.0),
            visibility_timeout: redis.visibility_timeout.0,
        },
    }
}
