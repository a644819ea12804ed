//! Disks of databases, and what queries read and write there.

use super::{Compiler, site};
use crate::language::{DatabaseText, DiskText, QueryText, ReadsText};
use crate::suggest;
use knockon_model::blueprint::{Disk, Endpoint, Step, Storage};
use knockon_model::disk::PAGE;

/// `shared_buffers` when nothing is set.
const SHARED_BUFFERS: u64 = 128 << 20;
/// What a record of the write-ahead log has beside a row: its header, that of the heap tuple and the commit's share.
const RECORD: u64 = 64;

impl Compiler<'_> {
    /// The storage of a database with a disk.
    pub(super) fn storage(&mut self, text: &DatabaseText) -> Option<Storage> {
        let disk = text.disk.value.as_ref()?;
        let pages = |size: u64| size.div_ceil(PAGE);
        let sizes = text.tables.iter().filter_map(|(_, entry)| entry.value.size.value);
        let tables = sizes.map(|size| pages(size.0)).collect();
        let buffers = text.shared_buffers.value.map_or(SHARED_BUFFERS, |size| size.0) / PAGE;
        Some(Storage { disk: self.disk(disk, text.disk.span), buffers, tables })
    }

    fn disk(&mut self, text: &DiskText, span: crate::origin::Span) -> Disk {
        let first = text.used.0.saturating_add(text.min_wal_size.0.max(16 << 20));
        if first > text.capacity.0 && !text.capacity.broken {
            let message = "there is no room for what lies on the disk at the start, with the write-ahead log";
            self.report(text.capacity.span, message, None);
        }
        Disk {
            capacity: text.capacity.0,
            used: text.used.0,
            latency: self.sampler(&text.latency, span),
            bandwidth: text.bandwidth.0,
            depth: text.depth.0,
            growth: text.growth.0,
            log_growth: text.log_growth.0,
            log_rotation: text.log_rotation.value.map(|size| size.0),
            log_line: text.log_line.0,
            minimum_wal: text.min_wal_size.0,
            maximum_wal: text.max_wal_size.0,
            checkpoint_timeout: text.checkpoint_timeout.0,
        }
    }

    /// What a query reads before it computes, and writes after that.
    pub(super) fn store_steps(&mut self, database: &DatabaseText, query: &QueryText, endpoint: &mut Endpoint) {
        if let Some(reads) = &query.reads.value
            && let Some(table) = self.read_table(database, query)
        {
            let pages = if let ReadsText::Pages(pages) = reads { pages.count.0 } else { 0 };
            endpoint.program.insert(0, Step::ReadPages { site: site("read", "", 0), table, pages });
        }
        if let Some(bytes) = query.writes.value
            && self.has_disk(database, query.writes.span, "writes")
        {
            endpoint.program.push(Step::WriteRows { bytes: bytes.0, wal: bytes.0.saturating_add(RECORD) });
            endpoint.program.push(Step::SyncLog { site: site("sync", "", 0) });
        }
    }

    /// COMMIT waits for the write-ahead log.
    pub(super) fn commit_steps(database: &DatabaseText, commit: &mut Endpoint) {
        if database.disk.is_some() {
            commit.program.insert(0, Step::SyncLog { site: site("sync", "", 0) });
        }
    }

    fn has_disk(&mut self, database: &DatabaseText, span: crate::origin::Span, does: &str) -> bool {
        if database.disk.is_none() {
            let hint = "describe it: `disk: (capacity: \"100GiB\")`";
            self.report(span, format!("a query {does}, but the database has no disk"), Some(hint.into()));
        }
        database.disk.is_some()
    }

    /// Which of the tables that have a size a query reads.
    fn read_table(&mut self, database: &DatabaseText, query: &QueryText) -> Option<u32> {
        let span = query.reads.span;
        if !self.has_disk(database, span, "reads pages") {
            return None;
        }
        let sized = database.tables.iter().filter(|(_, entry)| entry.value.size.is_some());
        let sized: Vec<&str> = sized.map(|(name, _)| name.as_str()).collect();
        let found = sized.iter().position(|&name| name == query.table.value);
        if found.is_none() && !database.tables.partial {
            let name = &query.table.value;
            let hint = suggest::hint(name, sized.iter().copied());
            let hint = hint.or(Some(format!("say it: `tables: {{{name:?}: (size: \"1GiB\")}}`")));
            self.report(span, format!("nobody knows the size of the table {name:?}"), hint);
        }
        found.map(|n| n as u32)
    }
}
