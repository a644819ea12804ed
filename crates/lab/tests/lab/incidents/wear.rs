//! Small incidents that heal.

use super::shape::judged;
use crate::support::load;
use crate::truth::conclude_observed;
use knockon_lab::expectations::Judgement;
use knockon_lab::truth::Recovery;
use knockon_scenario::Options;

#[test]
fn normal_wear_heals_and_is_of_low_severity() {
    let names = ["slow-endpoint", "pause", "slow-query", "blip", "broken-connections"];
    let concluded = conclude_observed(&load("normal_wear", &Options::default()));
    let incidents = concluded.truth.incidents();
    let found: Vec<_> = incidents.iter().flat_map(|incident| &incident.faults).collect();
    assert_eq!(found.len(), names.len());
    let (mut hurt, mut failed) = (0, 0);
    for incident in &incidents {
        assert!(
            matches!(incident.recovery, Recovery::At(_) | Recovery::NothingToRecoverFrom),
            "{:?}",
            incident.recovery
        );
        (hurt, failed) = (hurt + incident.harm.hurt, failed + incident.harm.failed + incident.harm.lost);
    }
    assert!(hurt > 500 && hurt < 3_600 && failed < 10, "{hurt} of 36 000 requests hurt, {failed} failed");
    for seed in 1..=10 {
        let (judgements, ..) = judged(&load("normal_wear", &Options { seed, ..Options::default() }));
        assert!(judgements.iter().all(Judgement::held), "seed {seed}: {judgements:#?}");
    }
    let options = |seed| Options { seed, without: names.map(str::to_owned).to_vec(), ..Options::default() };
    for seed in 1..=20 {
        let (_, milestones, statistics) = judged(&load("normal_wear", &options(seed)));
        assert!(milestones.kept.is_empty() && statistics.sources[0].failed == 0, "seed {seed}");
    }
}
