//! What came of a metric in a contrast: how far it moved, and whether that is beyond chance (see `contrast`).

use super::contrast::WindowRow;
use super::metric::Metric;
use super::noise::Noise;
use knockon_kernel::Time;
use std::collections::VecDeque;

/// The probability with which a fault that does nothing is said to have an effect.
pub const FAMILY: f64 = 0.005;

/// Standard deviations from window to window that a single window must be off by.
pub const VARIATION: f64 = 4.0;
/// Windows over which a difference that no single one shows is looked for.
pub const SUSTAINED_WINDOWS: usize = 20;
/// Standard errors that their sum must be off by.
pub const SUSTAINED: f64 = 6.0;
/// Events of one window that each count for themselves.
const BY_THEMSELVES: f64 = 2.0;

/// What came of a metric so far.
#[derive(Clone, Debug, Default)]
pub struct Course {
    noise: Noise,
    /// Events (or windows) by which it differed with the fault while the placebo never did.
    rare: f64,
    /// What it varies by from window to window without the fault.
    without: Spread,
    /// Squares of the noise.
    noise_squares: f64,
    /// Differences in the last windows.
    recent: VecDeque<f64>,
    /// Start of the unbroken row of windows outside the band, on the same side, that it is in, and whether that is above.
    row: Option<(Time, bool)>,
    /// First window of the row in which it was first labelled, or beyond chance.
    pub onset: Option<Time>,
    /// The same of the first row in which it was higher, and of the first in which it was lower.
    pub onset_higher: Option<Time>,
    /// See above.
    pub onset_lower: Option<Time>,
    /// First labelled window in which there was so much more of it that it matters.
    pub mattered: Option<Time>,
    /// Labelled windows.
    pub labelled: u64,
    /// Of them, those that are worse.
    pub hurt: u64,
    /// End of the last of these.
    pub last_hurt: Option<Time>,
    /// Differences by the seconds that they lasted, over labelled windows: of those that are higher.
    pub excess: f64,
}

/// Mean and variance as they come (Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products", 1962).
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
    }

    fn deviation(&self) -> f64 {
        if self.count < 2.0 { 0.0 } else { libm::sqrt(self.squares / (self.count - 1.0)) }
    }
}

impl Course {
    /// A window without the fault, and how far the placebo was off in it.
    pub(super) fn learn(&mut self, without: f64, noise: f64) {
        self.noise.add(noise);
        self.noise_squares += noise * noise;
        self.without.add(without);
    }

    /// How far chance moves it.
    pub(super) fn band(&self, alpha: f64) -> f64 {
        self.noise.band(alpha)
    }

    /// A whole block without any difference.
    pub(super) fn rest(&mut self) {
        self.row = None;
        self.recent.clear();
    }

    /// A window that starts here has this difference.
    pub(super) fn note(&mut self, start: Time, difference: f64, outside: bool) {
        let above = difference > 0.0;
        self.row = match self.row {
            _ if !outside => None,
            Some(row) if row.1 == above => Some(row),
            _ => Some((start, above)),
        };
        if self.recent.len() == SUSTAINED_WINDOWS {
            self.recent.pop_front();
        }
        self.recent.push_back(difference);
    }

    /// It is beyond chance in the window that starts here: where that began.
    pub(super) fn begins(&mut self, start: Time, difference: f64) -> Time {
        let began = self.row.map_or(start, |(began, _)| began);
        self.sets_on(began, difference);
        began
    }

    fn sets_on(&mut self, began: Time, difference: f64) {
        self.onset.get_or_insert(began);
        let side = if difference > 0.0 { &mut self.onset_higher } else { &mut self.onset_lower };
        side.get_or_insert(began);
    }

    /// A window is labelled.
    pub(super) fn label(&mut self, row: &WindowRow, metric: &Metric, began: Time, difference: f64) {
        self.sets_on(began, difference);
        if self.mattered.is_none() && metric.matters(difference, row.without, row.end - row.start) {
            self.mattered = Some(began);
        }
        if difference > 0.0 {
            self.excess += difference * (row.end - row.start).as_secs_f64();
        }
        self.labelled += 1;
        self.hurt += u64::from(row.hurt);
        self.last_hurt = if row.hurt { Some(row.end) } else { self.last_hurt };
    }

    /// Whether a difference in the `nth` window is beyond what chance gives in a whole contrast.
    pub(super) fn is_beyond(&mut self, difference: f64, metric: &Metric, metrics: f64, nth: f64) -> bool {
        if metric.exogenous {
            return true;
        }
        if self.noise.is_silent() {
            // Events stay events. How much there is of something is the same again when a few windows are.
            let rare = if metric.counts {
                self.rare += by_themselves(difference.abs());
                self.rare
            } else {
                let before = self.recent.iter().skip(1);
                self.recent.iter().zip(before).filter(|(before, now)| before != now).count() as f64
            };
            return rare * libm::log(3.0) >= libm::log(metrics / FAMILY);
        }
        // Σ 1/n² = π²/6.
        let alpha = FAMILY / (metrics * nth * nth * (std::f64::consts::PI * std::f64::consts::PI / 6.0));
        let in_this =
            difference.abs() > self.noise.band(alpha) && difference.abs() > VARIATION * self.without.deviation();
        in_this || !metric.is_level && self.is_sustained(difference)
    }

    /// Whether the last windows together are beyond chance, and this one is still off as they were.
    fn is_sustained(&self, difference: f64) -> bool {
        let count = self.recent.len() as f64;
        if self.recent.len() < SUSTAINED_WINDOWS || self.recent.iter().any(|difference| difference.is_infinite()) {
            return false;
        }
        let sum: f64 = self.recent.iter().sum();
        if difference * sum <= 0.0 || difference.abs() < sum.abs() / count / 2.0 {
            return false;
        }
        let squares: f64 = self.recent.iter().map(|difference| difference * difference).sum();
        let own = (squares - sum * sum / count) / (count - 1.0);
        let noise = self.noise_squares / self.noise.count().max(1) as f64;
        sum.abs() > SUSTAINED * libm::sqrt(count * noise.max(own))
    }
}

/// As how many events those of one window count. They may have come of one, the less likely so the more they are.
fn by_themselves(events: f64) -> f64 {
    if events <= BY_THEMSELVES { events } else { BY_THEMSELVES * (1.0 + libm::log2(events / BY_THEMSELVES)) }
}
