use super::*;
use std::collections::BTreeSet;

#[test]
fn addresses_do_not_collide() {
    let mut seen = BTreeSet::new();
    let mut count = 0;
    for seed in 0..4 {
        for component in ["", "a", "b", "web", "web-api", "web-api2", "longer-than-eight-bytes"] {
            let owner = Key::new(seed).name(component);
            for request in 0..200 {
                for attempt in 0..3 {
                    for purpose in 0..4 {
                        seen.insert(owner.with(request).with(attempt).purpose(Purpose(purpose)).bits());
                        count += 1;
                    }
                }
            }
        }
    }
    assert_eq!(seen.len(), count);
}

#[test]
fn order_and_kind_of_the_parts_matter() {
    let root = Key::new(1);
    assert_ne!(root.with(1).with(2), root.with(2).with(1));
    assert_ne!(root.with(3), root.purpose(Purpose(3)));
    assert_ne!(root.name("ab").name("c"), root.name("a").name("bc"));
    assert_ne!(root.name(""), root);
    assert_ne!(root.name("a\0"), root.name("a"));
}

/// Neighbouring addresses must look independent: each draw is the first of its own stream.
#[test]
fn uniforms_of_neighbouring_addresses_are_independent() {
    type Draw = fn(Key) -> f64;
    let draws: [(&str, Draw); 2] = [("unit", Key::unit), ("stream", |key| key.stream().unit())];
    type Address = fn(u64) -> Key;
    let addresses: [(&str, Address); 3] = [
        ("ordinal", |n| Key::new(7).with(n)),
        ("two levels", |n| Key::new(7).with(n / 16).with(n % 16).purpose(Purpose(2))),
        ("seed", Key::new),
    ];
    const COUNT: u64 = 160_000;
    for (draw_name, draw) in draws {
        for (address_name, address) in addresses {
            // Pairs of neighbours fall into 16 x 16 cells; chi-square with 255 degrees of freedom stays within 5 sigma.
            let mut cells = [0_u32; 256];
            for n in 0..COUNT {
                let (left, right) = (draw(address(n)), draw(address(n + 1)));
                cells[(left * 16.0) as usize * 16 + (right * 16.0) as usize] += 1;
            }
            let expected = COUNT as f64 / 256.0;
            let chi_square: f64 =
                cells.iter().map(|&seen| (f64::from(seen) - expected) * (f64::from(seen) - expected) / expected).sum();
            let sigma = (2.0 * 255.0_f64).sqrt();
            assert!((chi_square - 255.0).abs() < 5.0 * sigma, "{draw_name} of {address_name}: chi-square {chi_square}");
        }
    }
}

/// Flipping any one bit of a number flips each bit of the draw about half the time.
#[test]
fn numbers_avalanche() {
    for bit in 0..64 {
        let mut flips = [0_u32; 53];
        for n in 0..4_000_u64 {
            let draw = |n: u64| (Key::new(3).with(n).unit() * (1_u64 << 53) as f64) as u64;
            let changed = draw(n) ^ draw(n ^ (1 << bit));
            for (index, count) in flips.iter_mut().enumerate() {
                *count += (changed >> index & 1) as u32;
            }
        }
        // Binomial(4000, 1/2): sigma is 31.6.
        assert!(flips.iter().all(|&count| (1_800..2_200).contains(&count)), "bit {bit}: {flips:?}");
    }
}
