//! Load sources.

use super::{AnswersText, BackoffText, ClassText, Law, MixText, RetryText};
use crate::decode::{At, choice, record};
use crate::leaf::{Count, Factor, Name, Period, Rate};
use knockon_kernel::Duration;

record! {
    /// A source of requests.
    LoadText as "load source" {
        /// Its former name: draws stay as they were over a rename.
        was: Option<Name>,
        /// The service that it calls.
        target: Name,
        /// When requests come.
        arrivals: ArrivalsText,
        /// How many come at each of these instants. None is one.
        batch: Option<BatchText>,
        /// Which endpoints, one at least: by weight, or by a recorded column.
        mix: MixText,
        /// Recorded data whose row n belongs to request n; the source ends with its rows. When left out that of `Replay`.
        data: Option<Name>,
        /// Shape of the rate over time. None is flat.
        profile: Option<ProfileText>,
        /// When the first requests may come.
        from: Duration = ["0s"],
        /// No request from then on. None is until the end.
        until: Option<Duration>,
        /// Requests at most. None is any number.
        requests: Option<Count<1>>,
        /// Timer of each attempt, from sending. None waits for ever.
        timeout: Option<Period> = ["30s"],
        /// How long the client of a request waits for its end, attempts and pauses and all: drawn for each request. None is for ever.
        patience: Option<Law>,
        /// Further attempts after the first.
        retries: Count = [0],
        /// Pause before each further attempt.
        backoff: BackoffText = [()],
        /// Which outcomes are retried.
        retry_on: Vec<At<RetryText>> = [[Timeout, Refused, Reset, ServerError]],
        /// Which of its attempts' answers a request takes.
        answers: AnswersText = [Current],
        /// Whether the pause before another attempt is at least as long as the answer's Retry-After says.
        honours_retry_after: bool = [false],
        /// How important its requests are, for services that queue `by_class`.
        class: ClassText = [Critical],
    }
}

choice! {
    /// When requests come.
    ArrivalsText as "arrival process" {
        /// Recorded instants, ascending, counted from `from`.
        Replay(ReplayText),
        /// Independent gaps of any law.
        Renewal(RenewalText),
        /// Users who think, send a request, wait for its end, well or not, and think again.
        Closed(ClosedText),
        /// Independent of each other: exponential gaps.
        Poisson(RateText),
        /// Equally spaced.
        Constant(RateText),
    }
}

record! {
    /// Independent gaps.
    RenewalText as "Renewal" {
        /// The gap before each request.
        gap: Law,
    }
}

record! {
    /// A closed population. Each user begins by thinking.
    ClosedText as "Closed" {
        /// How many users.
        users: Count<1>,
        /// How long a user thinks before each request.
        think: Law,
    }
}

choice! {
    /// How many requests come together.
    BatchText as "batch" {
        /// Always as many.
        Fixed(FixedBatch),
        /// One, and after each one more with the same probability.
        Geometric(GeometricBatch),
        /// Equally likely any number between two.
        Between(BetweenBatch),
        /// One of a list of numbers, each equally likely.
        OneOf(OneOfBatch),
    }
}

record! {
    /// Always as many.
    FixedBatch as "Fixed" {
        /// How many.
        size: Count<1>,
    }
}

record! {
    /// Geometric on 1, 2, ….
    GeometricBatch as "Geometric" {
        /// How many on average, at least 1.
        mean: Factor,
    }
}

record! {
    /// Uniform.
    BetweenBatch as "Between" {
        /// At least.
        low: Count<1>,
        /// At most.
        high: Count<1>,
    }
}

record! {
    /// Measured sizes.
    OneOfBatch as "OneOf" {
        /// How many.
        sizes: Vec<At<Count<1>>>,
    }
}

record! {
    /// A rate.
    RateText as "rate" {
        /// Requests in a time: "10/s", "600/min".
        rate: Rate,
    }
}

record! {
    /// Recorded instants: either written here or a column of recorded data.
    ReplayText as "Replay" {
        /// Instants.
        at: Vec<At<Duration>> = [[]],
        /// Recorded data.
        data: Option<Name>,
        /// Its column of instants.
        column: Option<String>,
    }
}

record! {
    /// A periodic, piecewise linear shape of the rate.
    ProfileText as "profile" {
        /// Length of a period, counted from the start of the run.
        period: Period = ["1d"],
        /// Moments within the period and factors of the base rate, ascending, the first at zero.
        points: Vec<At<PointText>>,
    }
}

record! {
    /// A point of a profile.
    PointText as "point" {
        /// Moment within the period.
        at: Duration,
        /// Factor of the base rate.
        factor: Factor<true>,
    }
}
