//! Two ways to draw: from one sequential generator, as other simulators do, or by address, as knockon's model does.

use knockon_kernel::{Duration, Key, Sampler, Stream};

/// A source of exponential delays.
pub trait Draws {
    /// The next delay drawn from `law`.
    fn delay(&mut self, law: &Sampler) -> Duration;
}

/// All draws from one generator.
#[derive(Debug)]
pub struct Sequential(Stream);

impl Sequential {
    /// A generator for this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Key::new(seed).stream())
    }
}

impl Draws for Sequential {
    #[inline]
    fn delay(&mut self, law: &Sampler) -> Duration {
        Duration::from_real_nanos(law.sample(&mut self.0)).unwrap_or(Sampler::LONGEST)
    }
}

/// Each draw from an address of four parts: who, what for, which request, which attempt.
#[derive(Debug)]
pub struct Addressed {
    root: Key,
    count: u64,
}

impl Addressed {
    /// Addresses below this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { root: Key::new(seed), count: 0 }
    }
}

impl Draws for Addressed {
    #[inline]
    fn delay(&mut self, law: &Sampler) -> Duration {
        self.count += 1;
        law.duration(self.root.with(7).with(self.count).with(1).with(3))
    }
}
