//! Timeouts, retries and back-off.

use crate::decode::At;
use crate::language::{AnswersText, BackoffText, JitterText, LoadText, RetryText};
use crate::leaf::Period;
use knockon_model::blueprint::{Answers, Backoff, CallPolicy, Jitter, RetryOn};

/// A policy without retries.
pub(super) fn plain(timeout: Option<Period>) -> CallPolicy {
    CallPolicy {
        timeout: timeout.map(|period| period.0),
        retries: 0,
        backoff: Backoff {
            base: knockon_kernel::Duration::ZERO,
            factor: 1.0,
            maximum: knockon_kernel::Duration::ZERO,
            jitter: Jitter::None,
        },
        retry_on: RetryOn::default(),
        answers: Answers::Current,
        propagates_deadline: false,
        honours_retry_after: false,
    }
}

pub(super) fn backoff(text: &BackoffText) -> Backoff {
    Backoff {
        base: text.base.value,
        factor: text.factor.0,
        maximum: text.maximum.value,
        jitter: match text.jitter.value {
            JitterText::Off => Jitter::None,
            JitterText::Full => Jitter::Full,
            JitterText::Equal => Jitter::Equal,
            JitterText::Decorrelated => Jitter::Decorrelated,
        },
    }
}

pub(super) fn retry_on(outcomes: &[At<RetryText>]) -> RetryOn {
    let mut on = RetryOn::default();
    for outcome in outcomes {
        match outcome.value {
            RetryText::Timeout => on.timeout = true,
            RetryText::Refused => on.refused = true,
            RetryText::Reset => on.reset = true,
            RetryText::ServerError => on.server_error = true,
            RetryText::RateLimited => on.rate_limited = true,
            RetryText::Rejected => on.rejected = true,
        }
    }
    on
}

pub(super) fn answers(text: &AnswersText) -> Answers {
    match text {
        AnswersText::Current => Answers::Current,
        AnswersText::Outstanding => Answers::Outstanding,
        AnswersText::Any => Answers::Any,
    }
}

/// A source's policy.
pub(in crate::compile) fn client(text: &LoadText) -> CallPolicy {
    CallPolicy {
        retries: text.retries.0,
        backoff: backoff(&text.backoff),
        retry_on: retry_on(&text.retry_on),
        answers: answers(&text.answers),
        honours_retry_after: text.honours_retry_after.value,
        ..plain(text.timeout.value)
    }
}
