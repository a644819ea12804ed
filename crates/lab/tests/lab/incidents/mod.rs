//! The incidents of the web shop: each by the shape that every incident has, and what is particular to it.

mod caches;
mod leaks;
mod pools;
mod processes;
pub(crate) mod shape;
mod storms;
mod wear;

use knockon_model::record::LogEvent;

fn is_pool_timeout(event: &LogEvent) -> bool {
    matches!(event, LogEvent::PoolTimeout { active, total, .. } if active == total)
}
