use super::*;

fn run(events: u64, odd_one: Option<u64>) -> Digest {
    let mut digest = Digest::new();
    for event in 0..events {
        digest.fold(event * 10, if odd_one == Some(event) { 1 } else { 0 });
    }
    digest
}

#[test]
fn the_first_divergent_interval_is_found() {
    let table = [
        (10_000, 10_000, None, None),
        (10_000, 20_000, None, None),
        (20_000, 20_000, Some(0), Some(0..4_096)),
        (20_000, 20_000, Some(4_095), Some(0..4_096)),
        (20_000, 20_000, Some(4_096), Some(4_096..8_192)),
        (20_000, 20_000, Some(19_999), None),
        // The longer run has thinned its checkpoints.
        (5_000_000, 40_000, Some(20_000), Some(16_384..24_576)),
    ];
    for (left, right, odd_one, expected) in table {
        let (a, b) = (run(left, None), run(right, odd_one));
        assert_eq!(first_divergence(a.checkpoints(), b.checkpoints()), expected, "{left} {right} {odd_one:?}");
        assert_eq!(a.value() == b.value(), odd_one.is_none() && left == right);
    }
}

#[test]
fn checkpoints_are_bounded_evenly_spaced_and_timed() {
    let digest = run(10_000_000, None);
    let checkpoints = digest.checkpoints();
    assert!((512..=1_024).contains(&checkpoints.len()), "{}", checkpoints.len());
    for (index, checkpoint) in checkpoints.iter().enumerate() {
        assert_eq!(checkpoint.events, (index as u64 + 1) * 16_384);
        assert_eq!(checkpoint.time, Time::from_nanos((checkpoint.events - 1) * 10));
    }
}

#[test]
fn the_value_is_stable_and_depends_on_order_and_every_bit() {
    assert_eq!(run(100, None).to_string(), "5b98c06330064bcad7f180c19d672158");
    let value = |words: &[(u64, u64)]| {
        let mut digest = Digest::new();
        words.iter().for_each(|&(a, b)| digest.fold(a, b));
        digest.value()
    };
    assert_ne!(value(&[(1, 2), (3, 4)]), value(&[(3, 4), (1, 2)]));
    assert_ne!(value(&[(1, 2)]), value(&[(2, 1)]));
    assert_ne!(value(&[(0, 0)]), value(&[(0, 0), (0, 0)]));
    for bit in 0..64 {
        assert_ne!(value(&[(1 << bit, 0), (0, 0)]), value(&[(0, 0), (0, 0)]));
        assert_ne!(value(&[(0, 1 << bit), (0, 0)]), value(&[(0, 0), (0, 0)]));
    }
}

#[test]
fn texts_are_told_apart_by_every_byte_and_by_where_they_end() {
    let value = |texts: &[&str]| {
        let mut digest = Digest::new();
        texts.iter().for_each(|text| digest.absorb_text(text));
        digest.value()
    };
    let texts: [&[&str]; 7] =
        [&[], &[""], &["web-api-0"], &["web-api-1"], &["web-api-", "0"], &["web-api-0", ""], &["web-api-0\0"]];
    let values: std::collections::BTreeSet<u128> = texts.iter().map(|texts| value(texts)).collect();
    assert_eq!(values.len(), texts.len());
}
