//! Executors of services.

use super::Compiler;
use crate::language::{ExecutorText, RejectionText, RuntimeText, ServiceText};
use crate::leaf::Name;
use crate::origin::Span;
use crate::path::FIXED_PARTS;
use knockon_model::blueprint::{Executor, ExecutorKind, RejectionPolicy};

/// Executors of a service at most.
const EXECUTORS: usize = 200;

impl Compiler<'_> {
    pub(super) fn executors(&mut self, text: &ServiceText) -> Vec<Executor> {
        for (n, (name, entry)) in text.executors.iter().enumerate() {
            if let Some(refusal) = Name::refusal(name) {
                self.report(entry.name, refusal, None);
            }
            let others =
                [text.pools.names().any(|other| other == name), text.caches.names().any(|other| other == name)];
            if FIXED_PARTS.contains(&name.as_str()) || others.contains(&true) || text.consumers.get(name).is_some() {
                let message = format!("an executor cannot be called {name:?}: paths use that name for something else");
                self.report(entry.name, message, None);
            }
            if n == EXECUTORS {
                self.report(entry.name, format!("at most {EXECUTORS} executors"), None);
            }
            self.check_runtime(text, entry.name);
            self.check_executor(text, &entry.value, entry.name);
        }
        let kind = match text.runtime.value {
            RuntimeText::CPython(_) => ExecutorKind::ConcurrentFutures,
            _ => ExecutorKind::ThreadPoolExecutor,
        };
        text.executors.iter().map(|(name, entry)| executor(name, kind, &entry.value)).collect()
    }

    /// Only some runtimes have executors of threads.
    fn check_runtime(&mut self, text: &ServiceText, span: Span) {
        if text.runtime.broken {
            return;
        }
        if !matches!(text.runtime.value, RuntimeText::Jvm(_) | RuntimeText::CPython(_)) {
            let hint = match text.runtime.value {
                RuntimeText::Node => {
                    "on Node work goes on beside its request without a thread: use `Parallel`, and `bulkhead:` of a link to bound calls"
                }
                _ => {
                    "give the service `runtime: Jvm()` or `CPython()`; goroutines need no pool: use `Parallel`, and `bulkhead:` of a link to bound calls"
                }
            };
            self.report(span, "only a JVM and CPython have executors", Some(hint.into()));
        }
        if text.prefork.value.is_some() {
            let hint = "leave `prefork` out: then the service's `workers` are threads of one process";
            self.report(span, "with `prefork` each worker would have an executor of its own", Some(hint.into()));
        }
    }

    /// What an executor refuses to be made with.
    pub(super) fn check_executor(&mut self, service: &ServiceText, text: &ExecutorText, at: Span) {
        // What a patch sets has no place in the text: then that of the patch is told.
        let place = |span: Span| if span == Span::default() { at } else { span };
        if text.threads.broken || text.maximum.broken {
            return;
        }
        if matches!(service.runtime.value, RuntimeText::CPython(_)) {
            if text.threads.0 == 0 {
                self.report(place(text.threads.span), "max_workers must be greater than 0", None);
            }
            for (field, said, span) in [
                ("maximum", text.maximum.value.is_some(), text.maximum.span),
                ("queue", text.queue.0.is_some(), text.queue.span),
                ("core_timeout", text.core_timeout.value, text.core_timeout.span),
                ("rejection", !matches!(text.rejection.value, RejectionText::Abort), text.rejection.span),
            ] {
                if said {
                    let message = format!("Python's ThreadPoolExecutor has no `{field}`");
                    let hint = "it has `threads` (`max_workers`) and a queue without end";
                    self.report(place(span), message, Some(hint.into()));
                }
            }
            return;
        }
        match &text.maximum.value {
            // Patches set one after the other, and a core above the maximum counts as that.
            Some(maximum)
                if maximum.0 < text.threads.0
                    && text.maximum.span != Span::default()
                    && text.threads.span != Span::default() =>
            {
                let message = "a ThreadPoolExecutor's maximum is not below its core: `maximum` is less than `threads`";
                self.report(place(text.maximum.span), message, None);
            }
            None if text.threads.0 == 0 => {
                let hint = "say how many it may have: `maximum`";
                self.report(place(text.threads.span), "an executor without a thread does nothing", Some(hint.into()));
            }
            _ => {}
        }
        if text.core_timeout.value && text.keep_alive.value.is_zero() {
            self.report(place(text.core_timeout.span), "core threads must have nonzero keep alive times", None);
        }
        if matches!(text.rejection.value, RejectionText::DiscardOldest) && text.queue.0 == Some(0) {
            let hint = "give it a `queue`, or another `rejection`";
            let message =
                "without a queue there is no oldest task: Java's DiscardOldestPolicy would call itself for ever";
            self.report(place(text.rejection.span), message, Some(hint.into()));
        }
    }
}

fn executor(name: &str, kind: ExecutorKind, text: &ExecutorText) -> Executor {
    Executor {
        name: name.to_owned(),
        kind,
        threads: text.threads.0,
        maximum: text.maximum.value.as_ref().map_or(text.threads.0, |maximum| maximum.0).max(1),
        queue: text.queue.0,
        keep_alive: text.keep_alive.value,
        core_timeout: text.core_timeout.value,
        rejection: rejection(&text.rejection.value),
    }
}

pub(super) fn rejection(text: &RejectionText) -> RejectionPolicy {
    match text {
        RejectionText::Abort => RejectionPolicy::Abort,
        RejectionText::CallerRuns => RejectionPolicy::CallerRuns,
        RejectionText::Discard => RejectionPolicy::Discard,
        RejectionText::DiscardOldest => RejectionPolicy::DiscardOldest,
    }
}
