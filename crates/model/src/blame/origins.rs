//! Where the bytes on the heap of one process come from, by endpoint.
//!
//! It is kept whether or not blame is accounted for, since what was left behind long ago weighs on every collection after it: one
//! addition an allocation.

use serde::{Deserialize, Serialize};

/// Bytes by endpoint of the service.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Origins {
    /// Allocated since the last collection.
    allocated: Vec<u64>,
    /// Allocated between the last collection and the one before.
    collected: Vec<u64>,
    /// Kept for the life of the process.
    retained: Vec<u64>,
}

impl Origins {
    /// Of a process that starts.
    pub(crate) fn new(endpoints: usize) -> Box<Self> {
        let none = || vec![0; endpoints];
        Box::new(Self { allocated: none(), collected: none(), retained: none() })
    }

    #[inline]
    pub(crate) fn allocated(&mut self, endpoint: u32, bytes: u64) {
        let sum = &mut self.allocated[endpoint as usize];
        *sum = sum.saturating_add(bytes);
    }

    #[inline]
    pub(crate) fn retained(&mut self, endpoint: u32, bytes: u64) {
        let sum = &mut self.retained[endpoint as usize];
        *sum = sum.saturating_add(bytes);
    }

    /// A collection begins.
    pub(crate) fn collect(&mut self) {
        std::mem::swap(&mut self.allocated, &mut self.collected);
        self.allocated.fill(0);
    }

    /// What the last collection found allocated since the one before, by endpoint.
    pub(crate) fn to_collect(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        filled(&self.collected)
    }

    /// What is kept, by endpoint.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        filled(&self.retained)
    }
}

fn filled(bytes: &[u64]) -> impl Iterator<Item = (u32, u64)> + '_ {
    bytes.iter().enumerate().filter(|&(_, &bytes)| bytes > 0).map(|(endpoint, &bytes)| (endpoint as u32, bytes))
}
