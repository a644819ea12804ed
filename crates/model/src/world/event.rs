//! Events of the calendar: small, `Copy`, and addressed. An event whose addressee has gone is stale and does nothing.

use crate::id::{ConnectionId, FrameRef};
use serde::{Deserialize, Serialize};

/// What happens next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Event {
    /// The next request of a source.
    Arrival { source: u32 },
    /// A request reaches its process.
    Deliver { frame: FrameRef },
    /// The answer of a child reaches the process of its caller.
    Reply { child: FrameRef },
    /// The news that the caller left reaches the process of its callee.
    Cancel { frame: FrameRef },
    /// A frame's timer: which one, its state tells.
    Timer { frame: FrameRef, serial: u32 },
    /// A frame goes on after its process stood still.
    Continue { frame: FrameRef },
    /// The next job of a shared processor is done.
    Processor { process: u32, incarnation: u32 },
    /// The running collection's pause is over.
    Collected { process: u32, incarnation: u32 },
    /// Concurrent marking has had its time.
    Marked { process: u32, incarnation: u32 },
    /// The process accepts requests from now on.
    Started { process: u32, incarnation: u32 },
    /// A stopping process is killed, or the platform starts a process that exited.
    Supervise { process: u32, incarnation: u32 },
    /// A pool's timer or network event.
    Pool { process: u32, incarnation: u32, connection: ConnectionId, pool: u8, what: PoolEvent },
    /// A connection reaches its end at the database.
    Disconnect { process: u32, incarnation: u32 },
    /// A patch acts.
    Patch { index: u32 },
    /// A patch is taken back.
    PatchEnd { index: u32 },
}

/// Events of connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub(crate) enum PoolEvent {
    /// A new connection reaches the database.
    Arrive,
    /// It is open.
    Connected,
    /// It was refused: nobody listens.
    Refused,
    /// It was refused: no slot.
    Rejected,
    /// A validation's answer is back.
    Validated,
    /// A ping's answer is back.
    Pinged,
    /// The lifetime is over.
    Retire,
    /// Idle connections are pinged.
    KeepAlive,
    /// Time to look whether the connection is still held.
    LeakCheck,
    /// Idle connections above the minimum are closed.
    IdleCheck,
    /// Another try to fill.
    Refill,
}

impl Event {
    /// Two words for the digest: everything that the event says.
    #[inline]
    pub(crate) fn words(self) -> (u64, u64) {
        let pack = |a: u32, b: u32| u64::from(a) | u64::from(b) << 32;
        match self {
            Self::Arrival { source } => (1, u64::from(source)),
            Self::Deliver { frame } => (2, pack(frame.slot, frame.generation)),
            Self::Reply { child } => (3, pack(child.slot, child.generation)),
            Self::Cancel { frame } => (4, pack(frame.slot, frame.generation)),
            Self::Timer { frame, serial } => (5 | u64::from(serial) << 8, pack(frame.slot, frame.generation)),
            Self::Continue { frame } => (6, pack(frame.slot, frame.generation)),
            Self::Processor { process, incarnation } => (7, pack(process, incarnation)),
            Self::Collected { process, incarnation } => (8, pack(process, incarnation)),
            Self::Marked { process, incarnation } => (9, pack(process, incarnation)),
            Self::Started { process, incarnation } => (10, pack(process, incarnation)),
            Self::Supervise { process, incarnation } => (11, pack(process, incarnation)),
            Self::Pool { process, incarnation, connection, pool, what } => (
                12 | u64::from(pool) << 8 | (what as u64) << 16 | u64::from(connection.0) << 32,
                pack(process, incarnation),
            ),
            Self::Disconnect { process, incarnation } => (13, pack(process, incarnation)),
            Self::Patch { index } => (14, u64::from(index)),
            Self::PatchEnd { index } => (15, u64::from(index)),
        }
    }
}
