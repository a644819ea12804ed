//! Indices of the typed arenas. An id is only meaningful within the world it came from.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in its arena.
            #[inline]
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )+};
}

ids! {
    /// A service: one name, one program, `replicas` processes. Databases and caches are services too.
    ServiceId,
    /// An endpoint, query class or command *within its service*.
    EndpointId,
    /// A process: one running instance of a service, or the client side of a source.
    ProcessId,
    /// A load source.
    SourceId,
    /// A connection pool *within its service*.
    PoolId,
    /// An executor *within its service*.
    ExecutorId,
    /// A distribution in [`crate::blueprint::Blueprint::samplers`].
    SamplerId,
    /// A table in [`crate::blueprint::Recordings::tables`].
    DataId,
    /// A column in [`crate::blueprint::Recordings::columns`].
    ColumnId,
    /// A value of a request's row in [`crate::blueprint::Recordings::fields`].
    RecordedId,
    /// A call policy in [`crate::blueprint::Blueprint::policies`].
    PolicyId,
    /// A key space in [`crate::blueprint::Blueprint::keyspaces`].
    KeyspaceId,
    /// A cache within the processes of a service, in [`crate::blueprint::Blueprint::local_caches`].
    LocalCacheId,
    /// A directed link in [`crate::blueprint::Blueprint::links`].
    LinkId,
    /// A fault in [`crate::blueprint::Blueprint::faults`]. Truth only.
    FaultId,
    /// A connection within its pool. Numbers are never reused within one life of a process.
    ConnectionId,
    /// A metric series in [`crate::record::Catalogue::series`].
    SeriesId,
    /// One side of one edge, as spans name it: [`crate::record::Catalogue::operations`].
    OperationId,
}

/// A generational handle to a frame (one execution of a program). A handle whose frame has ended finds nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct FrameRef {
    /// Slot in the slab.
    pub slot: u32,
    /// Generation of the slot when the handle was made: odd for a frame, even for none.
    pub generation: u32,
}

impl FrameRef {
    /// A handle that never finds a frame.
    pub const NONE: Self = Self { slot: u32::MAX, generation: 0 };
}
