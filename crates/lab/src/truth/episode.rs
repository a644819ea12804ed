//! Faults that were on at once, and what came of them.

use super::contrast::{Contrast, EffectRow, Kind, WindowRow};
use super::difficulty::Difficulty;
use super::marks::Labels;
use super::outcomes::Outcomes;
use super::system::System;
use super::waits::Waits;
use knockon_kernel::{Duration, Time};
use knockon_model::Stop;
use knockon_model::id::FaultId;
use knockon_model::record::BlameRecord;

/// Rows of a block, of one contrast.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Number of the contrast.
    pub contrast: u32,
    /// What it is about.
    pub kind: Kind,
    /// The faults that it is about, without those that are known to do nothing.
    pub faults: Vec<FaultId>,
    /// Numbers in windows.
    pub windows: Vec<WindowRow>,
    /// Requests.
    pub effects: Vec<EffectRow>,
    /// Labels of observed rows, where any are observed.
    pub labels: Labels,
}

/// Who held what others waited for in a window of the fact.
#[derive(Clone, Debug)]
pub struct BlameWindow {
    /// First instant of the window.
    pub start: Time,
    /// Its end, which belongs to it.
    pub end: Time,
    /// By resource and parties.
    pub records: Vec<BlameRecord>,
}

/// What has come of a stretch.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// Of each contrast.
    pub rows: Vec<Rows>,
    /// Of the fact, where anything is observed and while anything is compared.
    pub blame: Vec<BlameWindow>,
}

/// Faults that were on at once, and what came of them.
#[derive(Clone, Debug)]
pub struct Episode {
    /// The faults, in the order of their times.
    pub faults: Vec<FaultId>,
    /// Those that came when too many others were on.
    pub not_contrasted: Vec<FaultId>,
    /// When the first one acted.
    pub from: Time,
    /// When worlds were compared no longer.
    pub until: Time,
    /// Whether that was because all was over, and not because the run was.
    pub settled: bool,
    /// The limit that one of the worlds beside the fact hit, if that was why.
    pub limit: Option<Stop>,
    /// What is known of each.
    pub contrasts: Vec<Contrast>,
    /// What was waited for, where anything is observed.
    pub(super) waits: Waits,
    /// How requests and calls ended, and how long they took, with all of the faults and with none; where anything is observed.
    pub(super) outcomes: Outcomes,
    /// How hard it is to find out what happened from what is observed, where anything is.
    pub difficulty: Option<Difficulty>,
}

impl Episode {
    /// The contrast of all faults with none.
    ///
    /// # Panics
    /// Never: an episode has a fault, and a fault a contrast.
    #[must_use]
    pub fn whole(&self) -> &Contrast {
        self.find(Kind::Joint).or(self.contrasts.first()).expect("an episode has a contrast")
    }

    /// Takes in who held what others waited for in windows that have been compared.
    pub(super) fn take(&mut self, System { blueprint, components, .. }: &System, windows: &[BlameWindow]) {
        let mut waits = std::mem::take(&mut self.waits);
        for window in windows {
            let is_affected = |component| self.whole().affects(component, window.end);
            waits.take(blueprint, components, &window.records, is_affected);
        }
        self.waits = waits;
    }

    /// All its faults.
    pub(super) fn all_faults(&self) -> impl Iterator<Item = FaultId> + '_ {
        self.faults.iter().chain(&self.not_contrasted).copied()
    }

    /// When something of the whole began that its windows date to `onset`. Where a fault came within that window, and it alone did this, it
    /// did so from its own instant on.
    pub(super) fn began(&self, onset: Time, window: Duration, of: impl Fn(&Contrast) -> Option<Time>) -> Time {
        let alone = self.contrasts.iter().filter(|contrast| matches!(contrast.kind, Kind::Sufficiency(_)));
        let first = alone.filter_map(of).min();
        first.filter(|&first| first > onset && first - onset < window).unwrap_or(onset)
    }

    pub(super) fn find(&self, kind: Kind) -> Option<&Contrast> {
        self.contrasts.iter().find(|contrast| contrast.kind == kind)
    }
}
