//! Endpoints: what a request does, step by step, and how it calls others.

use super::{ClassText, Law, PublishText, RateLimitText};
use crate::decode::{At, choice, record};
use crate::leaf::{Allocation, Count, Factor, Name, Period, Portion};
use knockon_kernel::Duration;

record! {
    /// What a request does.
    EndpointText as "endpoint" {
        /// Bytes that a request allocates and that live until it ends (managed memory).
        allocate: Allocation = ["0B"],
        /// Bytes that a request allocates and drops at once: most of what real programs allocate (managed memory).
        churn: Allocation = ["0B"],
        /// Bytes of every request that stay reachable until the process ends: a leak (managed memory).
        retain: Allocation = ["0B"],
        /// Its steps, in order.
        steps: Vec<At<StepText>>,
        /// How important its requests are to the service; as important as their caller says when left out.
        class: Option<ClassText>,
        /// A limit of the rate of its requests, in the place of the service's.
        rate_limit: Option<RateLimitText>,
    }
}

choice! {
    /// A step. Values may stand in the order of the fields, without their names: `Compute("4ms")`.
    StepText as "step" {
        /// Needs the processor.
        Compute(ComputeText),
        /// Calls an endpoint of another service and waits for the answer.
        Call(CallText),
        /// Runs a query; outside a transaction it takes a connection for itself.
        Query(QueryStep),
        /// Holds one connection over all its steps and commits.
        Transaction(TransactionText),
        /// Looks its key up in a cache; on a miss runs the steps of `load` and stores the key.
        CacheAside(CacheAsideText),
        /// Reads through a cache that loads by itself: one load of a key at a time in a process, which stores its value whoever waits.
        ReadThrough(ReadThroughText),
        /// Runs one of the `commands` of a Redis server.
        Command(CommandStep),
        /// Allocates more bytes that live until the request ends.
        Allocate(BytesStep),
        /// Allocates more bytes that live until the process ends.
        Retain(BytesStep),
        /// Waits without using anything.
        Sleep(SleepText),
        /// Keeps the one event loop of its process without using the processor: synchronous work (`fs.readFileSync`, a synchronous child process). Only on Node.
        Block(BlockText),
        /// Goes one of several ways, by weight.
        Choose(ChooseText),
        /// Repeats its steps.
        Loop(LoopText),
        /// Steps that `Again` within them goes back to the start of.
        Repeat(RepeatText),
        /// Goes back to the start of the innermost `Repeat`.
        Again,
        /// Runs branches at the same time and waits for them.
        Parallel(ParallelText),
        /// Hands its steps to an executor, and waits for them or goes on.
        Run(RunText),
        /// Writes a log line of the application's own.
        Log(LogText),
        /// Answers with an error.
        Fail(FailText),
        /// Sends a message to a queue of a broker.
        Publish(PublishText),
    }
}

record! {
    /// Needs the processor.
    ComputeText as "Compute" {
        /// Time on a core of its own.
        demand: Law,
    }
}

record! {
    /// A call.
    CallText as "Call" {
        /// Service and endpoint: "auth-service/POST /verify".
        to: String,
        /// Timer of each attempt, from sending. None waits for ever.
        timeout: Option<Period> = ["5s"],
        /// Further attempts after the first.
        retries: Count = [0],
        /// Pause before each further attempt.
        backoff: BackoffText = [()],
        /// Which outcomes are retried.
        retry_on: Vec<At<RetryText>> = [[Timeout, Refused, Reset, ServerError]],
        /// Which of its attempts' answers the call takes.
        answers: AnswersText = [Current],
        /// Whether the callee learns the time that is left and gives up itself when it has passed.
        propagates_deadline: bool = [false],
        /// Whether the pause before another attempt is at least as long as the answer's Retry-After says.
        honours_retry_after: bool = [false],
        /// Whether the request goes on when the call has failed for good.
        optional: bool = [false],
    }
}

record! {
    /// `min(maximum, base · factor^(attempt − 1))`, then jitter.
    BackoffText as "back-off" {
        /// Before the second attempt.
        base: Duration = ["100ms"],
        /// Growth from attempt to attempt.
        factor: Factor = [2],
        /// Longest.
        maximum: Duration = ["10s"],
        /// Randomisation.
        jitter: JitterText = [Full],
    }
}

choice! {
    /// Kinds of jitter (Brooker, "Exponential Backoff and Jitter", 2015).
    JitterText as "jitter" {
        /// As computed.
        Off,
        /// Uniform from 0 to the value.
        Full,
        /// Half the value, and uniform in the other half.
        Equal,
        /// Uniform from the base to three times the previous one, at most the maximum.
        Decorrelated,
    }
}

choice! {
    /// Outcomes that are retried.
    RetryText as "outcome" {
        /// No answer in time.
        Timeout,
        /// Nobody listens, or the accept queue is full.
        Refused,
        /// The connection broke while waiting.
        Reset,
        /// An answer of 500 or above.
        ServerError,
        /// An answer of 429: over a rate limit.
        RateLimited,
        /// Not sent at all: an open breaker, a full bulkhead or the caller's own throttling was in the way.
        Rejected,
    }
}

choice! {
    /// Which answers a call takes. Those of attempts that it has given up count only if they succeeded.
    AnswersText as "set of answers" {
        /// Only that of the current attempt (strict).
        Current,
        /// That of any attempt, while one is outstanding (lenient).
        Outstanding,
        /// Also one that comes in the pause before the next attempt, which is then not sent.
        Any,
    }
}

record! {
    /// A query.
    QueryStep as "Query" {
        /// The query class.
        query: Name,
        /// The pool; within a transaction its pool, else the service's only one, when left out.
        pool: Option<Name>,
        /// How long the caller waits. None waits for ever.
        timeout: Option<Period>,
    }
}

record! {
    /// A transaction: takes a connection, runs the steps, commits and gives it back; a failure rolls back.
    TransactionText as "Transaction" {
        /// What happens while the connection is held.
        steps: Vec<At<StepText>>,
        /// The pool; the service's only one when left out.
        pool: Option<Name>,
        /// How often it forgets to give its connection back, having committed.
        leaks: Option<Portion>,
    }
}

record! {
    /// Look-aside caching.
    CacheAsideText as "CacheAside" {
        /// The key space, as `name` or "cache/name".
        keys: String,
        /// What fetches the value on a miss.
        load: Vec<At<StepText>>,
        /// How long the caller waits for the cache; later counts as a miss. None waits for ever.
        timeout: Option<Period> = ["1s"],
        /// Whether callers that miss the same key in the same process wait for the load that is under way (single flight). All get
        /// its value, or all fail with it.
        coalesce: bool = [false],
        /// How long a caller waits for `load`; then it fails. None waits for ever.
        load_timeout: Option<Period>,
        /// What becomes of a load whose callers have all left.
        abandoned: AbandonedText = [Cancel],
    }
}

choice! {
    /// What becomes of a load whose callers have all left.
    AbandonedText as "end of an abandoned load" {
        /// It is cancelled: it leaves the queue for a connection at once, and else stops at its next step.
        Cancel,
        /// It is cancelled, and does not wait for the answer to what it asks either: the connection is lost.
        Interrupt,
        /// It runs on, and its result is dropped (a zombie).
        Drop,
        /// It runs on in the background and fills the cache.
        Fill,
    }
}

record! {
    /// Reading through a cache.
    ReadThroughText as "ReadThrough" {
        /// The key space, as `name` or "cache/name".
        keys: String,
        /// What fetches the value on a miss.
        load: Vec<At<StepText>>,
        /// How long the caller waits for the cache; later counts as a miss. None waits for ever.
        timeout: Option<Period> = ["1s"],
        /// How long a caller waits for `load`; then it fails. None waits for ever.
        load_timeout: Option<Period>,
    }
}

record! {
    /// A command of a Redis server.
    CommandStep as "Command" {
        /// Cache and command: "redis/report".
        command: String,
        /// How long the caller waits; the server runs it to its end all the same. None waits for ever.
        timeout: Option<Period> = ["1s"],
        /// Whether the request goes on when the command has failed.
        optional: bool = [false],
    }
}

record! {
    /// Bytes.
    BytesStep as "bytes" {
        /// How many.
        bytes: Allocation,
    }
}

record! {
    /// A wait.
    SleepText as "Sleep" {
        /// How long.
        time: Law,
    }
}

record! {
    /// Synchronous work: nothing else of the process runs until it ends.
    BlockText as "Block" {
        /// How long it keeps the event loop. With 0 it does not.
        block: Law,
    }
}

record! {
    /// A choice.
    ChooseText as "Choose" {
        /// The ways.
        branches: Vec<At<Branch>>,
    }
}

record! {
    /// One way of a choice.
    Branch as "branch" {
        /// How often, relative to the other weights.
        weight: Factor,
        /// Its steps.
        steps: Vec<At<StepText>>,
    }
}

record! {
    /// A loop.
    LoopText as "Loop" {
        /// How often.
        times: Count<1>,
        /// Its steps. Loops nest two deep.
        steps: Vec<At<StepText>>,
    }
}

record! {
    /// Steps that can be gone through several times: as often as `Again` is come to. Each pass draws anew.
    RepeatText as "Repeat" {
        /// Its steps. Loops and repeats nest two deep.
        steps: Vec<At<StepText>>,
        /// Passes at most; a request that would begin one more fails.
        most: Count<1> = [100_000],
    }
}

record! {
    /// Branches that run at the same time, on the same cores and pools, without workers of their own. Connections held around them are not
    /// theirs to use.
    ParallelText as "Parallel" {
        /// The steps of each branch.
        branches: Vec<At<Vec<At<StepText>>>>,
        /// For which of them it waits.
        join: JoinText = [All],
        /// How long it waits at most; then the request fails. None waits for ever.
        timeout: Option<Period>,
    }
}

choice! {
    /// For which branches to wait. Those that are left run on, unless the service has `cancels_abandoned`.
    JoinText as "join" {
        /// For all to end; fails if one of them did.
        All,
        /// For the first that does not fail; fails if all do.
        First,
    }
}

record! {
    /// A task for one of the service's executors: it runs on a thread of that, or waits for one. Connections held around it are not its to use.
    RunText as "Run" {
        /// The executor.
        executor: Name,
        /// What it does.
        steps: Vec<At<StepText>>,
        /// How long the request waits for its end at most (`Future.get`); then it fails, and the task goes on. None waits for ever.
        timeout: Option<Period>,
        /// Whether it waits at all: if not, it goes on at once, and the task may outlive it (fire and forget).
        wait: bool = [true],
        /// Whether a task for which it waits no longer is cancelled (`Future.cancel`): it keeps its place in the queue and stops at its next step.
        cancel: bool = [false],
    }
}

record! {
    /// A log line.
    LogText as "Log" {
        /// Severity.
        severity: SeverityText,
        /// Text.
        message: String,
    }
}

choice! {
    /// Severity of a log line.
    SeverityText as "severity" {
        /// For developers.
        Debug,
        /// As it should be.
        Info,
        /// Worth a look.
        Warn,
        /// Something failed.
        Error,
        /// Nothing works.
        Fatal,
    }
}

record! {
    /// An error answer.
    FailText as "Fail" {
        /// HTTP status, 400 to 599.
        status: Count<400> = [500],
    }
}
