//! Commands of a cache that keep its one thread: who comes meanwhile waits for the rest.

use super::{Report, number, share, time};
use knockon_kernel::Duration;
use knockon_model::blueprint::{Redis, Service};

/// What nobody calls slow where the server has no slow log: `slowlog-log-slower-than` as it comes.
const SLOW: Duration = Duration::from_millis(10);

impl Report<'_> {
    /// Poisson arrivals see the thread as it is on average: busy with the command for λE\[S\], of which half is left (Kleinrock, "Queueing
    /// Systems", vol. 1, 1975, section 5.2: E\[S²\]/2E\[S\], which is more where S varies).
    pub(super) fn commands(&mut self, n: usize, service: &Service, redis: &Redis) {
        let own = service.endpoints.iter().enumerate().skip(if service.has_slow_commands() { 3 } else { usize::MAX });
        for (e, command) in own {
            let (kept, rate) = (self.flow.need((n, e)).compute, self.flow.rates[n][e]);
            let front = format!("{}: {} keeps the thread for {}", service.name, command.name, time(kept));
            if rate == 0.0 {
                self.line(true, format!("{front}; nobody runs it"));
                continue;
            }
            let meanwhile = share((rate * kept).min(1.0));
            let healthy = kept < redis.slow_log.unwrap_or(SLOW).as_secs_f64();
            let rate = number(rate);
            let wait = time(kept / 2.0);
            self.line(
                healthy,
                format!(
                    "{front}, {rate}/s: {meanwhile} of all commands come meanwhile, and wait {wait} for its end alone"
                ),
            );
        }
    }
}
