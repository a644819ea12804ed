//! node_exporter beside a database with a disk, and what postgres_exporter says of its storage.
//!
//! The volume is one of its own: what is free is available. node_exporter outlives the server. Left out: sectors, merged I/Os, discards.

use super::listing::Listing;
use super::scrape::Target;
use super::timing::seconds;
use super::{Reading as Series, Scope};
use crate::blueprint::Service;
use crate::disk::PAGE;
use crate::record::SeriesKind;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    Size,
    Free,
    Files,
    FreeFiles,
    Reads,
    Writes,
    ReadBytes,
    WrittenBytes,
    Busy,
    Weighted,
    DatabaseSize,
    LogSize,
    LogSegments,
    BlocksHit,
    BlocksRead,
    TimedCheckpoints,
    RequestedCheckpoints,
}

/// `node_filesystem_*`, `node_disk_*`, and those of `pg_*` that are about storage.
pub(super) fn list(listing: &mut Listing, service: &Service) {
    let volume = [("device", "/dev/nvme1n1"), ("fstype", "ext4"), ("mountpoint", "/var/lib/postgresql/data")];
    let device = [("device", "nvme1n1")];
    let mut add = |name, (kind, unit), labels: &[(&str, &str)], reading| {
        listing.series(Scope::Always, name, (kind, unit), labels, Series::Disk(reading));
    };
    let (gauge, counter) = (SeriesKind::Gauge, SeriesKind::Counter);
    add("node_filesystem_size_bytes", (gauge, "By"), &volume, Reading::Size);
    add("node_filesystem_avail_bytes", (gauge, "By"), &volume, Reading::Free);
    add("node_filesystem_free_bytes", (gauge, "By"), &volume, Reading::Free);
    add("node_filesystem_files", (gauge, "{file}"), &volume, Reading::Files);
    add("node_filesystem_files_free", (gauge, "{file}"), &volume, Reading::FreeFiles);
    add("node_disk_reads_completed_total", (counter, "{operation}"), &device, Reading::Reads);
    add("node_disk_writes_completed_total", (counter, "{operation}"), &device, Reading::Writes);
    add("node_disk_read_bytes_total", (counter, "By"), &device, Reading::ReadBytes);
    add("node_disk_written_bytes_total", (counter, "By"), &device, Reading::WrittenBytes);
    add("node_disk_io_time_seconds_total", (counter, "s"), &device, Reading::Busy);
    add("node_disk_io_time_weighted_seconds_total", (counter, "s"), &device, Reading::Weighted);
    let database = [("datname", service.name.as_str())];
    let mut of_server = |name, (kind, unit), labels: &[(&str, &str)], reading| {
        listing.series(Scope::Process, name, (kind, unit), labels, Series::Disk(reading));
    };
    of_server("pg_database_size_bytes", (gauge, "By"), &database, Reading::DatabaseSize);
    of_server("pg_wal_size_bytes", (gauge, "By"), &[], Reading::LogSize);
    of_server("pg_wal_segments", (gauge, "{segment}"), &[], Reading::LogSegments);
    of_server("pg_stat_database_blks_hit", (counter, "{block}"), &database, Reading::BlocksHit);
    of_server("pg_stat_database_blks_read", (counter, "{block}"), &database, Reading::BlocksRead);
    of_server("pg_stat_bgwriter_checkpoints_timed_total", (counter, "{checkpoint}"), &[], Reading::TimedCheckpoints);
    of_server("pg_stat_bgwriter_checkpoints_req_total", (counter, "{checkpoint}"), &[], Reading::RequestedCheckpoints);
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>) -> Option<f64> {
        let disk = target.process.disk.as_ref()?;
        let space = || disk.space.readings(target.now);
        let tally = || disk.tally(target.now);
        let blocks = || target.process.buffers.as_ref().map(|buffers| buffers.tally()).unwrap_or_default();
        Some(match self {
            Self::Size => space().capacity as f64,
            Self::Free => space().free as f64,
            Self::Files => space().inodes as f64,
            Self::FreeFiles => space().free_inodes as f64,
            Self::Reads => tally().reads as f64,
            Self::Writes => tally().writes as f64,
            Self::ReadBytes => tally().read_bytes as f64,
            Self::WrittenBytes => tally().written_bytes as f64,
            Self::Busy => seconds(tally().busy.as_nanos()),
            Self::Weighted => seconds(tally().weighted.as_nanos()),
            Self::DatabaseSize => (space().data / PAGE * PAGE) as f64,
            Self::LogSize => space().wal as f64,
            Self::LogSegments => space().segments as f64,
            Self::BlocksHit => blocks().0 as f64,
            Self::BlocksRead => blocks().1 as f64,
            Self::TimedCheckpoints => space().checkpoints.0 as f64,
            Self::RequestedCheckpoints => space().checkpoints.1 as f64,
        })
    }
}
