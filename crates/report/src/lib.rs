//! Finished runs to what people read: the story of an incident, a single request, and a page with pictures of all of it.
//!
//! ```text
//! out/<run>/ ──Files──► rows and documents ──┬──► Story, Waterfall   (sim explain)
//!                                            └──► Report ──► one HTML file   (sim report)
//! ```
//!
//! Everything is read from the tables and documents of the run; nothing is simulated and no clock is read, so the same run gives the same
//! page. Deliberately not here: what an effect is and how it is told in words (the lab), terminals and arguments (the binary).

mod error;
mod files;
mod page;
mod request;
mod story;

pub use error::{Error, Result};
pub use files::Files;
pub use page::write;
pub use request::{Asked, waterfall};
pub use story::story;
