//! Simulated time as people write it. Only here: the world itself counts nanoseconds and has no calendar.

use chrono::{DateTime, SecondsFormat};
use knockon_kernel::Time;

/// Maps simulated time to dates, and to the offsets that a summary prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calendar {
    /// Simulated time zero in nanoseconds since the Unix epoch, UTC.
    pub epoch_unix_ns: i64,
}

impl Calendar {
    /// `2026-01-05T10:00:00.000000000Z`. Times beyond the year 2262 stay at its end.
    #[must_use]
    pub fn rfc3339(self, time: Time) -> String {
        let offset_ns = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        DateTime::from_timestamp_nanos(self.epoch_unix_ns.saturating_add(offset_ns))
            .to_rfc3339_opts(SecondsFormat::Nanos, true)
    }

    /// Time since the run began, `1:02:03.456`, rounded down to milliseconds.
    #[must_use]
    pub fn offset(time: Time) -> String {
        let ms = time.as_nanos() / 1_000_000;
        let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        format!("{hours}:{minutes:02}:{seconds:02}.{:03}", ms % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_offsets() {
        let calendar = Calendar { epoch_unix_ns: 1_767_571_200_000_000_000 };
        for (ns, date, offset) in [
            (0, "2026-01-05T00:00:00.000000000Z", "0:00:00.000"),
            (1, "2026-01-05T00:00:00.000000001Z", "0:00:00.000"),
            (3_723_456_999_999, "2026-01-05T01:02:03.456999999Z", "1:02:03.456"),
            (360_000_000_000_000, "2026-01-09T04:00:00.000000000Z", "100:00:00.000"),
        ] {
            assert_eq!(calendar.rfc3339(Time::from_nanos(ns)), date);
            assert_eq!(Calendar::offset(Time::from_nanos(ns)), offset);
        }
    }
}
