//! Where one frame stands in the accounts: what it waits for and what it holds, as of the last event that touched it.

use super::party_key::PartyKey;
use crate::frame::HELD;
use serde::{Deserialize, Serialize};

/// What a frame waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Wait {
    /// Nothing that is accounted for.
    #[default]
    Nothing,
    /// A worker.
    Worker,
    /// A connection of a pool.
    Pool(u8),
    /// The connection of a pool that it opens or validates itself.
    Opening(u8),
    /// A row.
    Lock,
    /// A permit of the account of a link with this number.
    Permit(u32),
    /// A rate limiter, by number.
    Tokens(u32),
    /// Its process to run again.
    Running,
    /// The disk.
    Disk,
    /// The quota, without being a job of the processor.
    Quota,
    /// A broker's memory.
    Memory,
    /// A thread of an executor.
    Thread(u8),
}

/// Where a frame stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) process: u32,
    pub(crate) party: PartyKey,
    pub(crate) wait: Wait,
    /// Whether it keeps a worker busy.
    pub(crate) works: bool,
    /// Whether it is a job of a processor that jobs share.
    pub(crate) computes: bool,
    /// Whether the disk works on its I/O.
    pub(crate) io: bool,
    /// The pools that it has connections of.
    pub(crate) pools: [Option<u8>; HELD],
    /// Databases with row locks, and its sessions there.
    pub(crate) sessions: [Option<(u32, u32)>; HELD],
    /// The account of the link over which its attempt is under way, where that has permits.
    pub(crate) permit: Option<u32>,
    /// The executor whose thread it has.
    pub(crate) thread: Option<u8>,
}

impl Standing {
    /// The processor that it is a job of, and whose.
    pub(crate) fn job(&self) -> Option<(u32, PartyKey)> {
        self.computes.then_some((self.process, self.party))
    }

    /// Whether it waits for something that is accounted for, but for a share of a processor.
    pub(crate) fn waits(&self) -> bool {
        self.wait != Wait::Nothing
    }
}

/// What is known of a slot of the slab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub(crate) standing: Option<Standing>,
    /// The processor that it is a job of, and whose.
    pub(crate) job: Option<(u32, PartyKey)>,
    /// Position among those of its process.
    pub(crate) position: u32,
    /// Whether it is on the list of those to look at.
    pub(crate) touched: bool,
    /// What it waited for has come, into the inbox of a process that stands still.
    pub(crate) inboxed: bool,
}
