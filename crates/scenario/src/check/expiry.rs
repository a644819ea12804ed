//! Keys that expire together: how long deleting them keeps the one thread of a Redis.

use super::{Report, number, time};
use knockon_kernel::Duration;
use knockon_model::blueprint::{Redis, Service};

/// Samples of keys after which a cycle looks at the clock.
const SAMPLES: usize = 16;
/// A standstill that nobody minds, and all of them together.
const SHORT: f64 = 0.025;
const ALTOGETHER: f64 = 1.0;

impl Report<'_> {
    /// Where keys expire at full multiples of a time all of a key space may do so at once. A cycle ends after the first 16 samples by which its limit
    /// has passed, however long they take.
    pub(super) fn expiry(&mut self, n: usize, service: &Service, redis: &Redis) {
        let Some(expiry) = redis.expiry else { return };
        let each = (expiry.look + expiry.delete).as_secs_f64();
        let between_looks = each * (SAMPLES * expiry.keys_per_sample()) as f64;
        for keyspace in &self.blueprint.keyspaces {
            let is_here = keyspace.cache.index() == n && keyspace.local.is_none();
            if !is_here || keyspace.expire_at.is_none_or(Duration::is_zero) {
                continue;
            }
            let altogether = each * f64::from(keyspace.keys);
            let longest = (between_looks * (expiry.slow_limit().as_secs_f64() / between_looks).ceil()).min(altogether);
            let healthy = longest <= 2.0 * SHORT && altogether <= ALTOGETHER;
            self.line(
                healthy,
                format!(
                    "{}/{}: {} keys may expire at once; deleting them takes {} of the thread, up to {} at a time",
                    service.name,
                    keyspace.name,
                    number(f64::from(keyspace.keys)),
                    time(altogether),
                    time(longest)
                ),
            );
        }
    }
}
