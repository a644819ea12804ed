//! Values of a request's recorded row, read wherever its work has got to.

use super::{Draw, World};
use crate::blueprint::Blueprint;
use crate::id::{FrameRef, RecordedId};
use knockon_kernel::{Duration, Key, Sampler};

/// How each sampler of a blueprint is drawn.
pub(super) fn draws(blueprint: &Blueprint) -> Vec<Draw> {
    let constant = |sampler: &Sampler| match sampler.is_constant() {
        true => Draw::Constant(sampler.duration(Key::new(0))),
        false => Draw::Law,
    };
    let mut draws: Vec<Draw> = blueprint.samplers.iter().map(constant).collect();
    for &(sampler, field) in &blueprint.recordings.samplers {
        draws[sampler.index()] = Draw::Recorded(field);
    }
    draws
}

impl World {
    /// The value that the row of a frame's request has; none when it has no row. Attempts are those of the call that the frame answers.
    pub(super) fn recorded(&self, frame: FrameRef, field: RecordedId) -> Option<u64> {
        let f = &self.frames[frame];
        let (data, row) = f.row?;
        self.blueprint.recordings.value(field, data, row, f.attempt)
    }

    #[cold]
    pub(super) fn recorded_duration(&self, frame: FrameRef, field: RecordedId) -> Option<Duration> {
        let nanos = self.recorded(frame, field)?;
        let factor = self.blueprint.recordings.fields[field.index()].factor;
        if factor == 1.0 {
            return Some(Duration::from_nanos(nanos));
        }
        let scaled = Duration::from_real_nanos(nanos as f64 * factor).unwrap_or(Sampler::LONGEST);
        Some(scaled.min(Sampler::LONGEST))
    }
}
