//! Message brokers, what is published to their queues, and who consumes it.

use super::{BackoffText, Law, MemoryText, RestartText, RetryText, StepText};
use crate::decode::{At, Map, choice, record};
use crate::leaf::{Allocation, Bytes, Capacity, Count, Limit, Name, Period, Portion};

record! {
    /// A message broker: RabbitMQ, or Redis as Celery uses it.
    BrokerText as "broker" {
        /// Its former name: draws stay as they were over a rename.
        was: Option<Name>,
        /// What it is.
        transport: TransportText = [RabbitMq],
        /// Demand of a publication.
        publish: Law = ["100us"],
        /// Bytes that a message needs beside its body.
        overhead: Bytes = ["512B"],
        /// Whether messages survive the end of its process.
        durable: bool = [true],
        /// Processor capacity; Redis has one thread whatever stands here.
        cores: Capacity = ["1 cpu"],
        /// Places of the queue before it that publications find.
        places: Limit = [10_000],
        /// Memory: the baseline is what the broker needs without a message.
        memory: MemoryText = [(baseline: "128MiB")],
        /// From the start to the first connection.
        start_up: Law = ["5s"],
        /// What the platform does when it exits.
        restart: RestartText = [Kubernetes],
        /// Its queues, by name.
        queues: Map<MessageQueueText>,
    }
}

choice! {
    /// Kinds of brokers.
    TransportText as "transport" {
        /// RabbitMQ: pushes, hears of connections that end, blocks publishers when its memory is full.
        RabbitMq(RabbitMqText),
        /// Redis with Celery's transport (kombu): restores what is not acknowledged in time, refuses publications when its memory is full.
        Redis(RedisTransportText),
    }
}

record! {
    /// RabbitMQ.
    RabbitMqText as "RabbitMq" {
        /// Memory that it finds on its machine.
        memory: Bytes<1> = ["4GiB"],
        /// `vm_memory_high_watermark`: publishers are blocked while more than this part of it is used.
        high_watermark: Portion = [0.4],
        /// `consumer_timeout`: a consumer that has not acknowledged a message after so long loses its channel. None is never.
        consumer_timeout: Option<Period> = ["30min"],
    }
}

record! {
    /// Redis.
    RedisTransportText as "Redis" {
        /// `maxmemory`, with `noeviction`: more messages are refused. None is unlimited.
        maxmemory: Option<Bytes<1>>,
        /// `visibility_timeout`: a message that is not acknowledged after so long is given to another.
        visibility_timeout: Period = ["1h"],
    }
}

record! {
    /// A queue of a broker.
    MessageQueueText as "message queue" {
        /// `x-max-length`: messages that wait at most. None is unlimited.
        max_length: Option<Count<1>>,
        /// `x-overflow`: what becomes of one more.
        overflow: MessageOverflowText = [DropHead],
        /// `x-dead-letter-exchange`: the queue of this broker that gets what is rejected, expires, or is dropped. None drops it.
        dead_letter: Option<Name>,
        /// `x-delivery-limit`: what came back more often than this is a dead letter (RabbitMQ). None is no limit.
        delivery_limit: Option<Count>,
        /// `x-message-ttl`: what has waited for so long is a dead letter (RabbitMQ). None is never.
        ttl: Option<Period>,
    }
}

choice! {
    /// What becomes of a message that finds its queue full.
    MessageOverflowText as "overflow of a message queue" {
        /// The oldest goes.
        DropHead,
        /// It is refused.
        RejectPublish,
    }
}

record! {
    /// A consumer of a queue: each process of the service has one. What it is given waits in the accept queue for a worker.
    ConsumerText as "consumer" {
        /// The queue: "broker/queue".
        queue: String,
        /// Unacknowledged messages of a process at most; 0 is as many as there are. Four times its workers when left out, as Celery has it.
        prefetch: Option<Count>,
        /// When a message is acknowledged.
        ack: AckText = [Early],
        /// What becomes of a message that could not be handled.
        on_failure: OnFailureText = [Acknowledge],
        /// Bytes that handling a message allocates and that live until its end (managed memory).
        allocate: Allocation = ["0B"],
        /// Bytes that it allocates and drops at once (managed memory).
        churn: Allocation = ["0B"],
        /// Bytes that stay reachable until the process ends: a leak (managed memory).
        retain: Allocation = ["0B"],
        /// What is done with a message.
        steps: Vec<At<StepText>>,
    }
}

choice! {
    /// When a consumer acknowledges.
    AckText as "acknowledgement" {
        /// Never: what was sent counts as done, and no prefetch bounds it.
        OnDelivery,
        /// When a worker takes it up (Celery's default): what a process works on when it dies is lost.
        Early,
        /// When it is done with (`acks_late`): what a process works on when it dies is done again.
        Late,
    }
}

choice! {
    /// What becomes of a message that could not be handled.
    OnFailureText as "reaction to a failed message" {
        /// It is acknowledged all the same.
        Acknowledge,
        /// It goes back, to be delivered at once.
        Requeue,
        /// It is rejected: a dead letter.
        Reject,
        /// It is published anew for later (Celery's `retry`); after so many times it is acknowledged.
        Retry(TaskRetryText),
    }
}

record! {
    /// Another try of a task.
    TaskRetryText as "Retry" {
        /// How much later (`default_retry_delay`).
        countdown: Period = ["3min"],
        /// How often (`max_retries`).
        most: Count<1> = [3],
    }
}

record! {
    /// A publication.
    PublishText as "Publish" {
        /// The queue: "broker/queue".
        to: String,
        /// Bytes of the message.
        bytes: Bytes = ["1KiB"],
        /// Whether it waits until the broker has the message. Without, it waits only while the broker blocks publishers.
        confirm: bool = [true],
        /// How long it waits at most. None waits for ever.
        timeout: Option<Period> = ["5s"],
        /// Further attempts after the first.
        retries: Count = [0],
        /// Pause before each further attempt.
        backoff: BackoffText = [()],
        /// Which outcomes are retried; a queue or memory that is full counts as `ServerError`.
        retry_on: Vec<At<RetryText>> = [[Timeout, Refused, Reset, ServerError]],
        /// Whether the request goes on when the publication has failed for good.
        optional: bool = [false],
    }
}
