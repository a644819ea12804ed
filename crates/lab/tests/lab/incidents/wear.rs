//! Small incidents that heal.

use super::shape::judged;
use crate::support::load;
use crate::truth::conclude_observed;
use knockon_lab::expectations::Judgement;
use knockon_lab::truth::Recovery;
use knockon_scenario::Options;
use std::collections::BTreeSet;

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

#[test]
fn the_incidents_of_a_campaign_are_told_apart() {
    let loaded = load("webshop_2h", &Options::default());
    let drawn = &loaded.blueprint.faults;
    assert!((6..=8).contains(&drawn.len()));
    let concluded = conclude_observed(&loaded);
    let incidents = concluded.truth.incidents();
    let found: Vec<&str> = incidents
        .iter()
        .flat_map(|incident| &incident.faults)
        .map(|found| drawn[found.fault.index()].name.as_str())
        .collect();
    let names: BTreeSet<&str> = drawn.iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(found.len(), drawn.len(), "each belongs to one incident: {found:?}");
    assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), names);
    assert!(incidents.len() >= 3, "they are not all one: {found:?}");
    for (incident, propagation) in incidents.iter().zip(concluded.truth.propagations()) {
        let own: BTreeSet<&str> =
            incident.faults.iter().map(|found| drawn[found.fault.index()].name.as_str()).collect();
        assert!(propagation.roots().iter().all(|root| own.contains(root)), "{:?} of {own:?}", propagation.roots());
    }
    for seed in 1..=5 {
        let (judgements, _, statistics) = judged(&load("webshop_2h", &Options { seed, ..Options::default() }));
        assert!(judgements.iter().all(Judgement::held), "seed {seed}: {judgements:#?}");
        let clients = statistics.sources.iter().find(|source| source.name == "clients").expect("a source");
        assert!((71_000..=73_000).contains(&clients.sent), "seed {seed}: {} sent", clients.sent);
    }
}
