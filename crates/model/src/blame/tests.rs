//! Accounts against what a list of all intervals says.

use super::{Account, NOTHING, Pairs, PartyKey, Processor, Speed, UNITS, apportion};
use crate::blueprint::{Cores, CpuDiscipline};
use crate::cpu::Cpu;
use crate::id::FrameRef;
use crate::record::Activity;
use knockon_kernel::{Duration, Time};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn party(n: u32) -> PartyKey {
    PartyKey::of_program(n, Activity::Computing, 0)
}

/// A multiple of all numbers of holders that there are in a history: shares are whole in parts of it.
const WHOLE: u128 = 27_720;
/// Holders at most.
const HOLDERS: usize = 12;

/// What waiting parties wait because of holding ones, in [`WHOLE`] parts of a unit, with no rounding at all.
type Exact = BTreeMap<(PartyKey, PartyKey), u128>;

/// Adds an interval.
fn add(exact: &mut Exact, ns: u64, waiting: &[u32], holding: &[u32]) {
    for &waits in waiting {
        let amount = u128::from(ns) * UNITS * WHOLE;
        if holding.is_empty() {
            *exact.entry((party(waits), NOTHING)).or_default() += amount;
        }
        for &holds in holding {
            *exact.entry((party(waits), party(holds))).or_default() += amount / holding.len() as u128;
        }
    }
}

proptest! {
    /// Each cell is what all intervals give but for less than a unit an interval and holding party; each row sums to its waiting exactly.
    #[test]
    fn an_account_is_the_sum_over_all_intervals(
        history in prop::collection::vec((0u64..1 << 33, 0u32..4, 0u32..6, any::<prop::sample::Index>()), 1..120),
    ) {
        let (mut account, mut now) = (Account::default(), Time::ZERO);
        let (mut waiting, mut holding): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        let (mut exact, mut intervals) = (Exact::new(), 0);
        for (gap, act, who, which) in history {
            now += Duration::from_nanos(gap);
            add(&mut exact, gap, &waiting, &holding);
            intervals += 1;
            match act {
                0 => {
                    account.wait(now, party(who));
                    waiting.push(who);
                }
                1 if !waiting.is_empty() => {
                    account.wait_no_more(now, party(waiting.swap_remove(which.index(waiting.len()))));
                }
                2 if holding.len() < HOLDERS => {
                    account.hold(now, party(who));
                    holding.push(who);
                }
                3 if !holding.is_empty() => {
                    account.hold_no_more(now, party(holding.swap_remove(which.index(holding.len()))));
                }
                _ => account.advance(now),
            }
        }
        let found: Exact = account.take(now).into_iter().map(|cell| ((cell.waiting, cell.holding), cell.units)).collect();
        let row = |of: &Exact, waits: u32| of.iter().filter(|((party_of, _), _)| *party_of == party(waits)).map(|(_, units)| units).sum::<u128>();
        for waits in 0..6 {
            prop_assert_eq!(row(&found, waits) * WHOLE, row(&exact, waits));
        }
        for (cell, units) in &exact {
            let found = found.get(cell).copied().unwrap_or(0) * WHOLE;
            prop_assert!(found.abs_diff(*units) <= intervals * HOLDERS as u128 * WHOLE, "{:?}: {} {}", cell, found, units);
        }
        prop_assert!(found.keys().all(|cell| exact.contains_key(cell)));
        prop_assert_eq!(account.take(now), vec![]);
    }

    /// One waiting for one is one waiting for all there are.
    #[test]
    fn pairs_are_the_sum_over_all_intervals(
        history in prop::collection::vec((0u64..1 << 33, prop::collection::vec((0u32..4, 0u32..4), 0..6)), 1..40),
    ) {
        let (mut pairs, mut now) = (Pairs::default(), Time::ZERO);
        let (mut exact, mut before) = (Exact::new(), Vec::new());
        for (gap, waits) in history {
            now += Duration::from_nanos(gap);
            before.iter().for_each(|&(waiting, holding)| add(&mut exact, gap, &[waiting], &[holding]));
            pairs.set(now, waits.iter().map(|&(waiting, holding)| (party(waiting), party(holding))));
            before = waits;
        }
        exact.retain(|_, units| *units > 0);
        let found: Exact = pairs.take(now).into_iter().map(|cell| ((cell.waiting, cell.holding), cell.units * WHOLE)).collect();
        prop_assert_eq!(found, exact);
    }

    /// Beside a real processor: what a class waited is the time that its jobs were there, less what they demanded.
    #[test]
    fn waiting_for_a_processor_is_the_time_there_less_the_demand(
        jobs in prop::collection::vec((0u64..3_000_000, 1u64..5_000_000, 0u32..3), 1..60),
        milli in 200u32..4000,
        shared in any::<bool>(),
    ) {
        let discipline = if shared { CpuDiscipline::Shared } else { CpuDiscipline::FirstCome };
        let mut cpu = Cpu::new(Cores::Milli(milli), discipline);
        let mut account = Processor::default();
        account.set_speed(Time::ZERO, 0, Speed::Running, 0);
        let mut waited: BTreeMap<PartyKey, (u64, u64)> = BTreeMap::new();
        let (mut arrivals, mut at) = (Vec::new(), Time::ZERO);
        for (gap, demand, who) in jobs {
            at += Duration::from_nanos(gap);
            arrivals.push((at, demand, who));
        }
        let classes: Vec<u32> = arrivals.iter().map(|&(_, _, who)| who).collect();
        let mut next = 0;
        let mut present = 0;
        while next < arrivals.len() || present > 0 {
            let _ = cpu.wake();
            let arrival = arrivals.get(next).map_or(Time::MAX, |&(at, ..)| at);
            let now = cpu.next_completion().unwrap_or(Time::MAX).min(arrival);
            while let Some(done) = cpu.complete(now) {
                let (since, demand, who) = arrivals[done.slot as usize];
                let sum = waited.entry(party(who)).or_default();
                *sum = (sum.0 + (now - since).as_nanos() - demand, sum.1 + 1);
                account.advance(now, cpu.served_ever(now));
                account.jobs().remove(party(who), 1);
                present -= 1;
            }
            if arrival == now {
                let (_, demand, who) = arrivals[next];
                let frame = FrameRef { slot: next as u32, generation: 1 };
                cpu.start(now, frame, Duration::from_nanos(demand));
                account.advance(now, cpu.served_ever(now));
                account.jobs().add(party(who), 1);
                next += 1;
                present += 1;
            }
            let running: Vec<PartyKey> = cpu.in_service().map(|frame| party(classes[frame.slot as usize])).collect();
            account.set_running(now, cpu.served_ever(now), running.into_iter());
        }
        let end = at + Duration::from_secs(3600);
        let mut units: BTreeMap<PartyKey, u128> = BTreeMap::new();
        for cell in account.take(end, cpu.served_ever(end)) {
            *units.entry(cell.waiting).or_default() += cell.units;
        }
        for (party, (ns, jobs)) in waited {
            let (booked, units) = (u128::from(ns) * UNITS, units.get(&party).copied().unwrap_or(0));
            prop_assert!(units <= booked && booked - units <= u128::from(jobs) * UNITS, "{units} of {booked} for {jobs}");
        }
    }

    #[test]
    fn whole_numbers_sum_to_the_whole_and_are_none_off_by_one(
        amounts in prop::collection::vec(0u128..1 << 60, 0..20),
        unit in 1u128..5000,
    ) {
        let parts = apportion(&amounts, unit);
        let whole: u128 = parts.iter().map(|&part| u128::from(part)).sum();
        prop_assert_eq!(whole, amounts.iter().sum::<u128>() / unit);
        for (&part, &amount) in parts.iter().zip(&amounts) {
            prop_assert!((u128::from(part) * unit).abs_diff(amount) < unit, "{part} for {amount}");
        }
    }
}
