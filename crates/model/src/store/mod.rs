//! The keys of a cache.
use crate::blueprint::{Keyspace, Redis};
use crate::id::ServiceId;
use knockon_kernel::{Key, Time};
use serde::{Deserialize, Serialize};
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Store {
    expiry: Vec<Vec<u64>>,
    ttl: Vec<u64>,
}
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lookup {
    Hit,
    Miss,
}
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stored {
    Stored { evicted: u32 },
    Full,
}
impl Store {
    pub fn new(_c: &Redis, _s: ServiceId, k: &[Keyspace], _key: Key) -> Self {
        Self {
            expiry: k.iter().map(|k| vec![0; k.keys as usize]).collect(),
            ttl: k.iter().map(|k| k.ttl.map_or(u64::MAX / 2, |t| t.as_nanos())).collect(),
        }
    }
    pub fn get(&mut self, now: Time, k: u32, key: u32) -> Lookup {
        if self.expiry[k as usize][key as usize] > now.as_nanos() { Lookup::Hit } else { Lookup::Miss }
    }
    pub fn set(&mut self, now: Time, k: u32, key: u32) -> Stored {
        self.expiry[k as usize][key as usize] = now.as_nanos() + self.ttl[k as usize];
        Stored::Stored { evicted: 0 }
    }
    pub fn flush(&mut self) {
        for e in &mut self.expiry {
            e.fill(0);
        }
    }
    pub fn warm(&mut self, now: Time, k: u32) {
        let n = self.expiry[k as usize].len() as u64;
        let ttl = self.ttl[k as usize];
        for (i, e) in self.expiry[k as usize].iter_mut().enumerate() {
            *e = now.as_nanos() + ttl / n * (i as u64 + 1);
        }
    }
    pub fn used(&self) -> u64 {
        0
    }
    pub fn set_maxmemory(&mut self, _m: Option<u64>) {}
}
