//! Modes of table locks, and which of them exclude each other.

use serde::{Deserialize, Serialize};

/// A mode in which a transaction locks a table, from the weakest to the strongest. Names are PostgreSQL's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LockMode {
    /// What SELECT takes.
    AccessShare,
    /// What SELECT FOR UPDATE takes.
    RowShare,
    /// What INSERT, UPDATE and DELETE take.
    RowExclusive,
    /// What VACUUM, ANALYZE and CREATE INDEX CONCURRENTLY take.
    ShareUpdateExclusive,
    /// What CREATE INDEX takes.
    Share,
    /// What CREATE TRIGGER takes.
    ShareRowExclusive,
    /// What REFRESH MATERIALIZED VIEW CONCURRENTLY takes.
    Exclusive,
    /// What ALTER TABLE, DROP TABLE, TRUNCATE and VACUUM FULL take.
    AccessExclusive,
}

/// A set of modes, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Modes(u8);

impl Modes {
    pub(super) fn has(self, mode: LockMode) -> bool {
        self.0 & mode.bit() != 0
    }

    pub(super) fn add(&mut self, mode: LockMode) {
        self.0 |= mode.bit();
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl LockMode {
    /// All modes, from the weakest.
    pub const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The modes that other transactions must not hold on the table meanwhile (`LockConflicts` in PostgreSQL's `lock.c`, table 13.2 of its
    /// manual).
    pub(super) const fn conflicting(self) -> Modes {
        let rs = Self::RowShare.bit();
        let re = Self::RowExclusive.bit();
        let sue = Self::ShareUpdateExclusive.bit();
        let s = Self::Share.bit();
        let sre = Self::ShareRowExclusive.bit();
        let e = Self::Exclusive.bit();
        let ae = Self::AccessExclusive.bit();
        Modes(match self {
            Self::AccessShare => ae,
            Self::RowShare => e | ae,
            Self::RowExclusive => s | sre | e | ae,
            Self::ShareUpdateExclusive => sue | s | sre | e | ae,
            Self::Share => re | sue | sre | e | ae,
            Self::ShareRowExclusive => re | sue | s | sre | e | ae,
            Self::Exclusive => rs | re | sue | s | sre | e | ae,
            Self::AccessExclusive => u8::MAX,
        })
    }

    /// Whether two transactions cannot have a table in these modes at once.
    #[must_use]
    pub const fn excludes(self, other: Self) -> bool {
        self.conflicting().0 & other.bit() != 0
    }

    /// The word in logs: `AccessExclusiveLock`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AccessShare => "AccessShareLock",
            Self::RowShare => "RowShareLock",
            Self::RowExclusive => "RowExclusiveLock",
            Self::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Self::Share => "ShareLock",
            Self::ShareRowExclusive => "ShareRowExclusiveLock",
            Self::Exclusive => "ExclusiveLock",
            Self::AccessExclusive => "AccessExclusiveLock",
        }
    }
}
