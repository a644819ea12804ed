//! Caches: commands to a server over the network and its side of them, and the caches within a process, which take no time.
//!
//! What a cache within a process stores lies on the process' heap, where there is one, as retained bytes: it is allocated like any
//! object, and garbage when it is evicted, expired, overwritten or flushed.

use super::World;
use super::execute::Flow;
use super::tables::Op;
use crate::blueprint::{Keyspace, LocalCacheField, Value};
use crate::frame::Outcome;
use crate::id::{FrameRef, KeyspaceId, LocalCacheId};
use crate::process::Process;
use crate::purpose;
use crate::record::ErrorType;
use crate::sink::Sink;
use crate::statistics::KeyspaceStatistics;
use crate::store::{Lookup, Store, Stored};

impl World {
    /// Sends a command about the request's key to a cache.
    pub(super) fn command<S: Sink>(&mut self, frame: FrameRef, edge: u32, keyspace: u32, sink: &mut S) {
        self.choose_key(frame, keyspace);
        self.call(frame, edge, sink);
    }

    /// The key of a key space that a request is about: the same for all its steps.
    fn choose_key(&mut self, frame: FrameRef, keyspace: u32) -> u32 {
        let rank = self.key_for(frame, keyspace);
        let f = &mut self.frames[frame];
        f.cache_key = rank;
        f.keyspace = keyspace;
        rank
    }

    /// The key that the request of a frame has in a key space: the recorded one, or drawn.
    pub(super) fn key_for(&self, frame: FrameRef, keyspace: u32) -> u32 {
        let described = &self.blueprint.keyspaces[keyspace as usize];
        let recorded = described.recorded.and_then(|field| self.recorded(frame, field));
        let rank = match recorded {
            Some(key) => u32::try_from(key).unwrap_or(u32::MAX),
            None => {
                let root = self.frames[frame].root;
                let key = root.with(self.keyspace_keys[keyspace as usize].bits()).purpose(purpose::POPULARITY);
                self.samplers[described.popularity.index()].rank(key)
            }
        };
        rank.min(described.keys - 1)
    }

    /// The server side of a cache command. What is stored can take the process over its container's limit.
    pub(super) fn serve_cache<S: Sink>(&mut self, frame: FrameRef, op: Op, sink: &mut S) -> Flow {
        let now = self.now();
        let f = &mut self.frames[frame];
        let process = &mut self.processes[f.process as usize];
        let statistics = &mut self.services[process.service as usize].statistics;
        let Some(store) = &mut process.store else { return Flow::On };
        match op {
            Op::Lookup => {
                f.found = store.get(now, f.keyspace, f.cache_key);
                if f.found == Lookup::Miss {
                    statistics.misses += 1;
                } else {
                    statistics.hits += 1;
                }
            }
            Op::Store => {
                if store.set(now, f.keyspace, f.cache_key) == Stored::Full {
                    f.outcome = Outcome::lost(ErrorType::CacheFull);
                }
            }
            _ => store.flush(),
        }
        let process = self.frames[frame].process;
        if matches!(op, Op::Store) && self.exceeds_limit(process) {
            self.exit(process, 137, true, sink);
            return Flow::Leave;
        }
        Flow::On
    }

    /// Looks a key up in a cache of the frame's own process. The operation stands at `at`.
    pub(super) fn read_local(&mut self, frame: FrameRef, at: usize, (cache, keyspace): (u8, u32), hit: u32) -> Flow {
        let now = self.now();
        let key = self.choose_key(frame, keyspace);
        let f = &mut self.frames[frame];
        let process = &mut self.processes[f.process as usize];
        let store = &mut process.caches[usize::from(cache)];
        let before = store.used();
        f.found = store.get(now, keyspace, key);
        let gone = before - store.used();
        discard(process, gone);
        let f = &mut self.frames[frame];
        if f.found != Lookup::Miss {
            f.pc = hit;
            if f.found == Lookup::Stale {
                self.refresh(frame, at + 1);
            }
        }
        Flow::On
    }

    /// Stores a key in a cache of the frame's own process. One that is full and evicts nothing is passed over.
    pub(super) fn write_local<S: Sink>(&mut self, frame: FrameRef, cache: u8, keyspace: u32, sink: &mut S) -> Flow {
        if self.drops(frame, keyspace) {
            return Flow::On;
        }
        let now = self.now();
        let key = self.choose_key(frame, keyspace);
        let index = self.frames[frame].process;
        let process = &mut self.processes[index as usize];
        let store = &mut process.caches[usize::from(cache)];
        let before = store.used();
        let added = match store.set(now, keyspace, key) {
            Stored::Stored { .. } => store.entry_bytes(keyspace),
            Stored::Full => 0,
        };
        let gone = before + added - store.used();
        discard(process, gone);
        if added == 0 {
            return Flow::On;
        }
        let Some(heap) = &mut process.heap else {
            if self.exceeds_limit(index) {
                self.exit(index, 137, true, sink);
                return Flow::Leave;
            }
            return Flow::On;
        };
        let outcome = heap.retain(now, added);
        self.note_origin(frame, added, false);
        let process = &mut self.processes[index as usize];
        if outcome.out_of_memory.is_some() {
            process.caches[usize::from(cache)].delete(keyspace, key);
        }
        if outcome.is_quiet() && !self.exceeds_limit(index) { Flow::On } else { self.play(frame, index, outcome, sink) }
    }

    /// Every store, in the processes that are up, that holds a key space.
    pub(super) fn each_store_of(&mut self, keyspace: KeyspaceId, mut visit: impl FnMut(&mut Store)) {
        let Keyspace { cache, local, .. } = self.blueprint[keyspace];
        let place = local.and_then(|local| self.blueprint.local_caches_of(cache).position(|(id, _)| id == local));
        for process in self.processes_of(cache) {
            let p = &mut self.processes[process as usize];
            let store = match place {
                Some(place) => p.caches.get_mut(place),
                None => p.store.as_deref_mut(),
            };
            store.into_iter().for_each(&mut visit);
        }
    }

    /// Sets a limit of a cache within processes and returns what it was. The next read or write finds out.
    pub(super) fn set_local_cache(&mut self, cache: LocalCacheId, field: LocalCacheField, limit: Option<u64>) -> Value {
        let described = &mut self.blueprint.local_caches[cache.index()];
        let service = described.service;
        let before = match field {
            LocalCacheField::MaximumEntries => std::mem::replace(&mut described.maximum_entries, limit),
            LocalCacheField::MaximumBytes => std::mem::replace(&mut described.maximum_bytes, limit),
        };
        let place = self.blueprint.local_caches_of(service).position(|(id, _)| id == cache);
        for process in self.processes_of(service) {
            let Some(store) = place.and_then(|place| self.processes[process as usize].caches.get_mut(place)) else {
                continue;
            };
            match field {
                LocalCacheField::MaximumEntries => store.set_maximum_entries(limit),
                LocalCacheField::MaximumBytes => store.set_maxmemory(limit),
            }
        }
        Value::Limit(before)
    }

    /// Empties the caches of a process.
    pub(super) fn flush_caches(&mut self, process: u32) {
        let process = &mut self.processes[process as usize];
        if let Some(store) = &mut process.store {
            store.flush();
        }
        let gone = process.caches.iter().map(Store::used).sum();
        process.caches.iter_mut().for_each(Store::flush);
        discard(process, gone);
    }

    /// What became of the keys of each key space.
    pub(super) fn keyspace_statistics(&self) -> Vec<KeyspaceStatistics> {
        let mut statistics = self.keyspaces.clone();
        for process in &self.processes {
            for store in process.store.as_deref().into_iter().chain(&process.caches) {
                store.tallies().for_each(|(keyspace, tally)| statistics[keyspace as usize].keys.add(tally));
            }
        }
        for load in self.loads.iter() {
            statistics[load.place.keyspace as usize].loading += 1;
        }
        statistics
    }
}

/// Bytes that a cache within a process held are garbage now.
fn discard(process: &mut Process, bytes: u64) {
    if let (Some(heap), true) = (&mut process.heap, bytes > 0) {
        heap.discard(bytes);
    }
}
