//! Limits before a service's workers: of the rate of requests, and of those in work at once.

use super::DroppedText;
use crate::decode::{choice, record};
use crate::leaf::{Count, Factor, Period, Rate};

choice! {
    /// A limit of the rate of requests of each process, before its accept queue.
    RateLimitText as "rate limit" {
        /// A bucket of tokens, filled at the rate; what finds none is told when the next one comes (`Retry-After`).
        TokenBucket(TokenBucketText),
        /// nginx's `limit_req`, to the millisecond.
        LimitReq(LimitReqText),
    }
}

record! {
    /// A token bucket.
    TokenBucketText as "TokenBucket" {
        /// Tokens in a time.
        rate: Rate,
        /// Tokens of a full bucket: requests that may come at once. When left out what comes in within a second, at least 1.
        burst: Option<Count<1>>,
        /// Status of the answer to what finds no token.
        status: Count<400> = [429],
    }
}

record! {
    /// nginx's `limit_req`.
    LimitReqText as "LimitReq" {
        /// `rate=` of its zone.
        rate: Rate,
        /// `burst=`: requests over the rate that are not turned away.
        burst: Count = [0],
        /// `nodelay`: they do not wait either.
        nodelay: bool = [false],
        /// `delay=`: so many of them do not wait.
        delay: Count = [0],
        /// `limit_req_status`.
        status: Count<400> = [503],
    }
}

choice! {
    /// A limit of the requests that a process works on at once, after Netflix' `concurrency-limits`.
    ConcurrencyText as "concurrency limit" {
        /// Stays as it is.
        Fixed(FixedText),
        /// One more for each answer, by a factor less for each request that ended for want of time.
        Aimd(AimdText),
        /// TCP Vegas: keeps the queue that times show short.
        Vegas(VegasText),
        /// Shrinks as times grow over their long average.
        Gradient2(Gradient2Text),
    }
}

choice! {
    /// What becomes of a request over a concurrency limit.
    ExcessText as "excess" {
        /// It is turned away.
        Reject(RejectText),
        /// It waits in the accept queue.
        Queue,
    }
}

record! {
    /// How a request over the limit is told.
    RejectText as "Reject" {
        /// How.
        told: DroppedText = [Status()],
    }
}

record! {
    /// A limit that stays as it is.
    FixedText as "Fixed" {
        /// Requests.
        limit: Count<1>,
        /// What becomes of others.
        excess: ExcessText = [Reject()],
    }
}

record! {
    /// Additive increase, multiplicative decrease.
    AimdText as "Aimd" {
        /// At first.
        initial: Count<1> = [20],
        /// At least.
        minimum: Count<1> = [20],
        /// At most.
        maximum: Count<1> = [200],
        /// Factor of a decrease, from 0.5 to below 1.
        backoff: Factor = [0.9],
        /// What takes longer counts as dropped.
        timeout: Period = ["5s"],
        /// Times are averaged over so long. None: each request counts.
        window: Option<Period>,
        /// What becomes of others.
        excess: ExcessText = [Reject()],
    }
}

record! {
    /// TCP Vegas.
    VegasText as "Vegas" {
        /// At first.
        initial: Count<1> = [20],
        /// At least.
        minimum: Count<1> = [1],
        /// At most.
        maximum: Count<1> = [1000],
        /// Weight of a new estimate.
        smoothing: Factor = [1],
        /// The time without load is measured anew every so many times the limit.
        probe_multiplier: Count<1> = [30],
        /// Times are averaged over so long. None: each request counts.
        window: Option<Period>,
        /// What becomes of others.
        excess: ExcessText = [Reject()],
    }
}

record! {
    /// Gradient of short against long averages.
    Gradient2Text as "Gradient2" {
        /// At first.
        initial: Count<1> = [20],
        /// At least.
        minimum: Count<1> = [20],
        /// At most.
        maximum: Count<1> = [200],
        /// Weight of a new estimate.
        smoothing: Factor = [0.2],
        /// Requests that may queue.
        queue: Count = [4],
        /// Samples of the long average.
        long_window: Count<1> = [600],
        /// Growth of times that is tolerated.
        tolerance: Factor = [1.5],
        /// Times are averaged over so long. None: each request counts.
        window: Option<Period> = ["1s"],
        /// What becomes of others.
        excess: ExcessText = [Reject()],
    }
}
