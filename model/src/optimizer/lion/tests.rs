//! Lion against its formula in f64, in numbers that do not round, and at the edges of f32.

use super::*;
use crate::optimizer::random::{next_random, uniform};
use crate::optimizer::CANONICAL_NAN;

/// Chen et al. 2023, algorithm 2, in f64, for meaning; a sum of exactly zero goes the way of a positive one.
fn clear(hyper: &Hyper, (p, m): (f64, f64), g: f64) -> (f64, f64, f64) {
    let c = hyper.beta1 * m + (1.0 - hyper.beta1) * g;
    let sign = if c < 0.0 { -1.0 } else { 1.0 };
    let p = p - hyper.lr * (sign + hyper.weight_decay * p);
    (p, hyper.beta2 * m + (1.0 - hyper.beta2) * g, c)
}

#[test]
fn follows_the_clear_model() {
    for weight_decay in [0.0, 0.1, 1.0] {
        let hyper = Hyper { weight_decay, lr: 1e-2, ..Hyper::default() };
        let k = Coefficients::new(&hyper);
        let mut random = 5;
        let mut undecided = 0;
        for _ in 0..64 {
            let mut exact = (uniform(&mut random), 0.0);
            let mut state = (exact.0 as f32, 0.0f32);
            for step in 1..=50 {
                let g = uniform(&mut random) as f32;
                state = element(&k, state.0, state.1, g);
                let (p, m, c) = clear(&hyper, exact, f64::from(g));
                exact = (p, m);
                if c.abs() < 1e-6 {
                    // Rounding may choose the other direction: go on from there.
                    undecided += 1;
                    exact = (f64::from(state.0), f64::from(state.1));
                }
                let bound = f64::from(step) * 1.5e-7;
                assert!((f64::from(state.0) - exact.0).abs() < bound, "p {} {}", state.0, exact.0);
                assert!((f64::from(state.1) - exact.1).abs() < 3e-7, "m {} {}", state.1, exact.1);
            }
        }
        assert!(undecided < 3, "{undecided} directions were not compared");
    }
}

#[test]
fn equals_the_clear_model_where_nothing_rounds() {
    // Small multiples of a power of two: every product and sum is exact, ties at c = 0 among them.
    let hyper = Hyper { lr: 0.25, beta1: 0.5, beta2: 0.75, weight_decay: 0.5 };
    let k = Coefficients::new(&hyper);
    let mut random = 6;
    let mut ties = 0;
    for _ in 0..10_000 {
        let mut small = || (next_random(&mut random) % 17) as f32 - 8.0;
        let (p, m, g) = (small(), small(), small());
        let (p_clear, m_clear, c) = clear(&hyper, (f64::from(p), f64::from(m)), f64::from(g));
        let (p, m) = element(&k, p, m, g);
        assert_eq!((f64::from(p), f64::from(m)), (p_clear, m_clear));
        ties += u32::from(c == 0.0);
    }
    assert!(ties > 100, "{ties} ties");
}

#[test]
fn the_sign_bit_decides_and_not_the_value() {
    let k = Coefficients::new(&Hyper { lr: 0.5, beta1: 0.5, beta2: 0.5, weight_decay: 0.0 });
    for (m, g, moved) in [
        (1.0, 1.0, -0.5),
        (-1.0, -1.0, 0.5),
        // c = 0 * 0.5 + 0 * 0.5 is +0 but where both are -0.
        (0.0, 0.0, -0.5),
        (-0.0, 0.0, -0.5),
        (0.0, -0.0, -0.5),
        (-0.0, -0.0, 0.5),
        // What cancels exactly is +0.
        (1.0, -1.0, -0.5),
        (-1.0, 1.0, -0.5),
        // The smallest numbers have a sign too.
        (f32::from_bits(0x8000_0003), 0.0, 0.5),
        // A product that underflows keeps its sign in the sum with -0.
        (-0.0, f32::from_bits(0x8000_0001), 0.5),
        (f32::NEG_INFINITY, 1.0, 0.5),
        (0.0, f32::INFINITY, -0.5),
    ] {
        assert_eq!(element(&k, 2.0, m, g).0, 2.0 + moved, "m {m:?}, g {g:?}");
    }
}

#[test]
fn a_learning_rate_of_zero_moves_nothing() {
    let k = Coefficients::new(&Hyper { lr: 0.0, ..Hyper::default() });
    // -lr is -0 here, and lr is +0.
    assert_eq!(element(&k, 0.0, 0.0, 1.0).0.to_bits(), 0);
    assert_eq!(element(&k, -0.0, 0.0, 1.0).0.to_bits(), 0x8000_0000);
    assert_eq!(element(&k, -0.0, 0.0, -1.0).0.to_bits(), 0);
    assert_eq!(element(&k, 3.5, 0.0, -1.0).0, 3.5);
}

#[test]
fn decay_by_hand() {
    let k = Coefficients::new(&Hyper { lr: 0.5, beta1: 0.5, beta2: 0.75, weight_decay: 0.5 });
    assert_eq!((k.step_size, k.decay, k.c1, k.c2), (-0.5, 0.75, 0.5, 0.25));
    // c = 4 * 0.5 - 2 * 0.5 = 1, p' = 8 * 0.75 - 0.5, m' = 4 * 0.75 - 2 * 0.25
    assert_eq!(element(&k, 8.0, 4.0, -2.0), (5.5, 2.5));
    // lr * weight_decay is not rounded before it is taken from 1: with 1 + e each, 1 - (1 + e)^2 = -2e - e^2.
    let e = 2.0 * f32::EPSILON;
    let once = 1.0 + f64::from(e);
    let k = Coefficients::new(&Hyper { lr: once, weight_decay: once, ..Hyper::default() });
    assert_eq!(k.decay, -2.0 * e - e * e);
    assert_ne!(k.decay, -2.0 * e);
    let plain = Coefficients::new(&Hyper::default());
    assert!(!plain.weight_decay && plain.decay == 1.0);
}

#[test]
fn nan_propagates_in_spite_of_the_sign() {
    for weight_decay in [0.0, 0.1] {
        let k = Coefficients::new(&Hyper { weight_decay, ..Hyper::default() });
        for nan in [0x7fc0_0000, 0xffab_cdef, 0x7f80_0001].map(f32::from_bits) {
            for (p, m, g) in [(1.0, nan, 0.5), (1.0, 0.5, nan), (1.0, f32::INFINITY, f32::NEG_INFINITY)] {
                let (p, m) = element(&k, p, m, g);
                assert_eq!((p.to_bits(), m.to_bits()), (CANONICAL_NAN, CANONICAL_NAN));
            }
            let (p, m) = element(&k, nan, 0.0, 1.0);
            assert_eq!((p.to_bits(), m), (CANONICAL_NAN, k.c2), "a NaN of p stays out of m");
        }
    }
}

#[test]
fn bad_hyper_parameters_are_refused_by_name() {
    let good = Hyper::default();
    assert_eq!(good.check(), Ok(()));
    for (name, hyper) in [
        ("lr", Hyper { lr: f64::NEG_INFINITY, ..good }),
        ("beta1", Hyper { beta1: 1.0, ..good }),
        ("beta2", Hyper { beta2: -0.1, ..good }),
        ("weight_decay", Hyper { weight_decay: f64::NAN, ..good }),
    ] {
        assert_eq!(hyper.check().unwrap_err().name, name);
    }
    let error = Coefficients::checked(&Hyper { lr: 1e30, weight_decay: 1e30, ..good }).unwrap_err();
    assert!(error.name == "lr" && error.rule.contains("weight_decay"), "{error}");
}

#[test]
fn slices_are_elements_in_order() {
    let k = Coefficients::new(&Hyper::default());
    let mut random = 7;
    let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| uniform(&mut random) as f32).collect() };
    let (mut p, mut m, g) = (draw(37), draw(37), draw(37));
    let expected: Vec<_> = (0..37).map(|i| element(&k, p[i], m[i], g[i])).collect();
    step(&k, &mut p, &mut m, &g);
    assert_eq!(p.into_iter().zip(m).collect::<Vec<_>>(), expected);
}
