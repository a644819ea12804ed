//! A campaign: incidents that are drawn.

use super::Law;
use crate::campaign::Template;
use crate::decode::{Map, record};
use crate::leaf::{Factor, Portion, Rate};
use knockon_kernel::Duration;

record! {
    /// Incidents that are drawn from the scenario's seed. What is drawn is a fault like any other, called by its kind and its number: `slow-query-3` is
    /// the third incident, and a slow query. When the third comes, and what it would be were it of another kind, does not hang on which kinds there are: without
    /// one of them others come where it would have come, and everything else stays. `truth/scenario.ron` lists what was drawn, in the place of the campaign.
    CampaignText as "campaign" {
        /// Incidents in a time, on average, between the quiet times: "4/h".
        rate: Rate,
        /// Kinds of incidents, one at least, by name.
        kinds: Map<KindText>,
        /// Share of them that begin while the one before is on; others may happen to.
        together: Portion = ["30 %"],
        /// How much the others come in clusters: the squared coefficient of variation of the times between them. 1 is a Poisson process, 0 is as regular as a clock.
        clustering: Factor<true> = [1],
        /// No incident begins before.
        quiet_start: Duration = ["5min"],
        /// Every incident is taken back so long before the end; one that would not be does not come.
        quiet_end: Duration = ["10min"],
    }
}

record! {
    /// A kind of incident.
    KindText as "kind of incident" {
        /// How often, relative to the other weights; 0 is never.
        weight: Factor<true> = [1],
        /// From its `at` to its `until`. None leaves `until` out, for faults that have none.
        lasts: Option<Law>,
        /// What is done: a fault without `at` and `until`, and a surge without the name of its `source`, which is that of the incident. Anywhere within,
        /// `Range(low, high)` is a value between two, equally likely anywhere, and `Pick([value, …])` one of several.
        fault: Template,
    }
}
