use super::*;
use knockon_kernel::Duration;

fn address(n: u64) -> Key {
    Key::new(1).with(n)
}

fn picks(balance: Balance, hosts: u32, calls: u64) -> Vec<u32> {
    let mut balancer = Balancer::new(balance, hosts, Key::new(5));
    (0..calls).map(|n| balancer.pick(Time::ZERO, address(n), None, 0)).collect()
}

#[test]
fn random_picks_are_the_draws_of_a_link_without_balancing() {
    let expected: Vec<u32> = (0..500).map(|n| (address(n).purpose(purpose::REPLICA).unit() * 7.0) as u32).collect();
    assert_eq!(picks(Balance::Random, 7, 500), expected);
}

#[test]
fn round_robin_takes_turns_from_a_drawn_start() {
    let turns = picks(Balance::RoundRobin, 4, 9);
    assert!(turns.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 4), "{turns:?}");
    let starts: Vec<u32> = (0..200)
        .map(|caller| Balancer::new(Balance::RoundRobin, 4, Key::new(caller)).pick(Time::ZERO, address(0), None, 0))
        .collect();
    for host in 0..4 {
        let share = starts.iter().filter(|&&start| start == host).count();
        assert!((26..75).contains(&share), "{share} of 200 callers begin at host {host}");
    }
}

#[test]
fn hosts_that_are_left_out_get_nothing_and_the_others_all() {
    for balance in [
        Balance::Random,
        Balance::RoundRobin,
        Balance::LeastRequest { choices: 2 },
        Balance::PeakEwma { decay: Duration::from_secs(10) },
    ] {
        let mut balancer = Balancer::new(balance, 5, Key::new(5));
        balancer.leave_out(|host| host == 1 || host == 4);
        let mut got = [0; 5];
        (0..300).for_each(|n| got[balancer.pick(Time::ZERO, address(n), None, 0) as usize] += 1);
        assert!(got[1] == 0 && got[4] == 0 && got[0] > 50 && got[2] > 50 && got[3] > 50, "{balance:?}: {got:?}");
        balancer.leave_out(|_| true);
        let all: std::collections::BTreeSet<u32> =
            (0..300).map(|n| balancer.pick(Time::ZERO, address(n), None, 0)).collect();
        assert_eq!(all.len(), 5, "{balance:?}: nobody left is everybody");
    }
}

#[test]
fn of_d_choices_the_least_loaded_is_taken_and_ties_are_random() {
    let mut balancer = Balancer::new(Balance::LeastRequest { choices: 3 }, 10, Key::new(5));
    (0..9).for_each(|host| balancer.begin(host));
    let idle = (0..4_000).filter(|&n| balancer.pick(Time::ZERO, address(n), None, 0) == 9).count() as f64 / 4_000.0;
    // Three draws with replacement miss one of ten hosts with probability 0.9³.
    let expected = 1.0 - 0.9f64 * 0.9 * 0.9;
    assert!((idle - expected).abs() < 4.0 * (expected * (1.0 - expected) / 4_000.0).sqrt(), "{idle} not {expected}");
    balancer.end(Time::ZERO, 3, None);
    assert_eq!((balancer.active(3), balancer.active(4)), (0, 1));
    let balanced = picks(Balance::LeastRequest { choices: 2 }, 4, 4_000);
    for host in 0..4 {
        let share = balanced.iter().filter(|&&picked| picked == host).count();
        assert!((890..1_110).contains(&share), "{share} of 4000 on host {host} where all are equal");
    }
}

#[test]
fn peak_ewma_avoids_the_slow_host_until_its_latency_is_forgotten() {
    let decay = Duration::from_secs(10);
    let mut balancer = Balancer::new(Balance::PeakEwma { decay }, 3, Key::new(5));
    for (host, latency_ms) in [(0, 10u64), (1, 10), (2, 900)] {
        balancer.begin(host);
        balancer.end(Time::ZERO, host, Some(latency_ms * 1_000_000));
    }
    let slow = (0..300).filter(|&n| balancer.pick(Time::ZERO, address(n), None, 0) == 2).count();
    assert_eq!(slow, 0, "one of any two is faster");
    let later = Time::from_nanos(60_000_000_000);
    for host in [0, 1] {
        balancer.begin(host);
        balancer.end(later, host, Some(10_000_000));
    }
    let slow = (0..300).filter(|&n| balancer.pick(later, address(n), None, 0) == 2).count();
    // 900 ms · e⁻⁶ is 2.2 ms, less than 10: whenever it is drawn.
    assert!((160..240).contains(&slow), "{slow} of 300");
}

#[test]
fn a_pick_depends_on_its_own_address_and_the_load_alone() {
    let mut few = Balancer::new(Balance::LeastRequest { choices: 2 }, 50, Key::new(5));
    let mut many = few.clone();
    (100..200).for_each(|n| {
        many.pick(Time::ZERO, address(n), None, 0);
    });
    assert_eq!(few.pick(Time::ZERO, address(7), None, 0), many.pick(Time::ZERO, address(7), None, 0));
}
