//! Executors: how busy their threads are, and what cannot happen in them.

use super::formula::{erlang_c, exceeds};
use super::{BUSY, Report, TIMED_OUT, number, share, time};
use knockon_model::blueprint::{Executor, RejectionPolicy, Service, Step};

impl Report<'_> {
    /// Threads busy = λ·time; the wait for one by Erlang C, where the queue has room for it.
    pub(super) fn executors(&mut self, n: usize, service: &Service) {
        for (x, executor) in service.executors.iter().enumerate() {
            let (mut rate, mut busy) = (0.0, 0.0);
            for endpoint in 0..service.endpoints.len() {
                let calls = self.flow.rates[n][endpoint] / f64::from(service.replicas);
                if calls > 0.0 {
                    busy += calls * self.flow.need((n, endpoint)).threads.get(&(x as u32)).copied().unwrap_or(0.0);
                }
                self.flow.walk((n, endpoint), &mut |step, often| match *step {
                    Step::HandOver { executor, .. } if executor.index() == x => rate += calls * often,
                    _ => {}
                });
            }
            let threads = executor.most_threads();
            let takes = if rate > 0.0 { busy / rate } else { 0.0 };
            let name = format!("{}/{}", service.name, executor.name);
            // Above their core threads come only once the queue is full.
            let core = executor.threads.max(1).min(threads);
            let used = busy / f64::from(threads);
            let waits = match executor.queue {
                Some(0) => String::new(),
                _ if core == threads => format!(", a task waits with probability {}", share(erlang_c(core, busy))),
                _ => format!(
                    ", a task finds all {core} core threads busy with probability {}",
                    share(erlang_c(core, busy))
                ),
            };
            let text = format!(
                "{name}: λ·time = {}/s · {} = {} of {threads} threads busy, {}{waits}",
                number(rate),
                time(takes),
                number(busy),
                share(used),
            );
            self.line(used < BUSY, text);
            self.never_grows(&name, executor);
            self.waits_in_vain(n, service, x, &name);
        }
    }

    fn never_grows(&mut self, name: &str, executor: &Executor) {
        if executor.queue.is_none() && executor.maximum > executor.most_threads() {
            let text = format!(
                "{name}: its queue has no end and so is never full: of at most {} threads there are never more than {}",
                executor.maximum,
                executor.most_threads()
            );
            self.line(false, text);
        }
    }

    /// Tasks that may never end, or that nobody is told of.
    fn waits_in_vain(&mut self, n: usize, service: &Service, x: usize, name: &str) {
        let discards =
            matches!(service.executors[x].rejection, RejectionPolicy::Discard | RejectionPolicy::DiscardOldest);
        for (e, endpoint) in service.endpoints.iter().enumerate() {
            let task = format!("{} {}", service.name, endpoint.name);
            // Where the tasks end that are written around the next step.
            let mut around: Vec<u32> = Vec::new();
            for (at, step) in endpoint.program.iter().enumerate() {
                around.retain(|&after| at < after as usize);
                let Step::HandOver { executor, waits, policy, after, .. } = *step else { continue };
                if executor.index() != x {
                    continue;
                }
                let timeout = self.blueprint[policy].timeout;
                if waits && timeout.is_none() && discards {
                    let text = format!(
                        "{task} waits for its tasks without a timeout, and {name} throws tasks away: it may wait for ever"
                    );
                    self.line(false, text);
                }
                if waits && !around.is_empty() {
                    let text = format!(
                        "{task} waits within a task of {name} for another one of it: once all threads do, none goes on"
                    );
                    self.line(false, text);
                }
                around.push(after);
                if let (true, Some(timeout)) = (waits, timeout) {
                    let mean = self.flow.need((n, e)).tasks.get(&at).copied().unwrap_or(0.0);
                    let (timeout, missed) = (timeout.as_secs_f64(), exceeds(mean, timeout.as_secs_f64()));
                    let text = format!(
                        "{task}: a task of {name}: mean {}, P(T > {}) ≈ {}",
                        time(mean),
                        time(timeout),
                        share(missed)
                    );
                    self.line(missed < TIMED_OUT, text);
                }
            }
        }
    }
}
