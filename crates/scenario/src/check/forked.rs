//! Workers that gunicorn forks: how many requests its arbiter kills, and how many workers are missing because they have had enough requests.

use super::formula::exceeds;
use super::{BUSY, Report, TIMED_OUT, share, time};
use knockon_model::blueprint::{Prefork, Service};

impl Report<'_> {
    /// A worker that serves for longer than `timeout` is killed with its request. One that exits after its `max_requests` is missed for as long as
    /// another takes to boot; without a jitter all of them, which take turns, have their last request at about the same time.
    pub(super) fn forked(&mut self, n: usize, service: &Service, prefork: &Prefork, workers: u32) {
        let name = &service.name;
        if let Some(timeout) = prefork.timeout {
            let timeout = timeout.as_secs_f64();
            let rate: f64 = self.flow.rates[n].iter().sum();
            let (mut killed, mut slowest): (f64, Option<(usize, f64)>) = (0.0, None);
            for (e, &of_endpoint) in self.flow.rates[n].iter().enumerate().filter(|&(_, &rate)| rate > 0.0) {
                let serving = self.flow.need((n, e)).total;
                killed += of_endpoint / rate * exceeds(serving, timeout);
                if slowest.is_none_or(|(_, other)| serving > other) {
                    slowest = Some((e, serving));
                }
            }
            if let Some((e, serving)) = slowest {
                let text = format!(
                    "{name}: {} keeps a worker longest, mean {}; the arbiter kills who serves for {}, {} of all requests",
                    service.endpoints[e].name,
                    time(serving),
                    time(timeout),
                    share(killed)
                );
                self.line(killed < TIMED_OUT, text);
            }
        }
        if prefork.max_requests == 0 {
            return;
        }
        let rate: f64 = self.flow.rates[n].iter().sum::<f64>() / f64::from(service.replicas);
        if rate == 0.0 {
            return;
        }
        let boot = self.blueprint[prefork.boot].mean() / 1e9;
        // Between one worker's fork and its last request its share of all requests passes.
        let life = (f64::from(prefork.max_requests) + f64::from(prefork.max_requests_jitter) / 2.0)
            * f64::from(workers)
            / rate;
        let busy = self.flow.worker_load(n);
        let missing = boot / (life + boot);
        let all_at_once = prefork.max_requests_jitter == 0 && workers > 1;
        let used = busy / (f64::from(workers) * (1.0 - missing));
        let together = if all_at_once { "all at about the same time, for want of a jitter" } else { "one by one" };
        let text = format!(
            "{name}: each worker exits after some {}, {together}, and another boots for {}: {} of them are missing, {} of the rest busy",
            time(life),
            time(boot),
            share(missing),
            share(used)
        );
        // Requests that come while all of them boot wait that long.
        self.line(used < BUSY && !(all_at_once && rate * boot > f64::from(workers)), text);
    }
}
