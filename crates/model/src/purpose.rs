//! What the model's draws are for. The numbers are part of every draw's address: they are only ever added to.

use knockon_kernel::Purpose;

/// A connection's lifetime, by its number in its pool.
pub const LIFETIME: Purpose = Purpose(1);
/// The keys sampled for an eviction, by its ordinal.
pub const EVICTION: Purpose = Purpose(2);
/// The jitter of a back-off, by the attempt that it precedes.
pub const JITTER: Purpose = Purpose(3);
/// The interval between the keep-alive pings of a connection, by its number in its pool.
pub const KEEPALIVE: Purpose = Purpose(4);
