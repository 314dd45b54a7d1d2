//! Adagrad against its formula in f64, against figures worked out by hand, and at the edges of f32.

use super::*;
use crate::optimizer::random::uniform;
use crate::optimizer::CANONICAL_NAN;

/// Duchi, Hazan & Singer 2011 with a diagonal matrix, in f64, for meaning. The sum is taken anew over all gradients.
fn clear(hyper: &Hyper, p: f64, gradients: &[f64]) -> (f64, f64) {
    let sum: f64 = gradients.iter().map(|g| g * g).sum();
    let last = gradients.last().copied().unwrap_or(0.0);
    (p - hyper.lr * last / (sum.sqrt() + hyper.eps), sum)
}

#[test]
fn follows_the_clear_model() {
    for weight_decay in [0.0, 0.01, 0.3] {
        let hyper = Hyper { weight_decay, ..Hyper::default() };
        let k = Coefficients::new(&hyper);
        let mut random = 4;
        for _ in 0..64 {
            let mut exact = uniform(&mut random);
            let mut gradients = Vec::new();
            let (mut p, mut v) = (exact as f32, 0.0);
            for step in 1..=50 {
                let g = uniform(&mut random) as f32;
                gradients.push(f64::from(g) + hyper.weight_decay * exact);
                (p, v) = element(&k, p, v, g);
                let sum;
                (exact, sum) = clear(&hyper, exact, &gradients);
                // Half an ulp of p and a few of u * lr a step; half an ulp of v a step, and what the gradient's decay adds.
                let bound = f64::from(step) * 1.5e-7;
                assert!((f64::from(p) - exact).abs() < bound, "p {p} {exact} at step {step}");
                assert!((f64::from(v) - sum).abs() <= bound * (1.0 + sum), "v {v} {sum} at step {step}");
            }
        }
    }
}

#[test]
fn steps_by_hand() {
    let hyper = Hyper { lr: 0.5, eps: 1.0, weight_decay: 0.25 };
    let k = Coefficients::new(&hyper);
    assert_eq!((k.eps, k.step_size, k.decay, k.weight_decay), (1.0, -0.5, 0.25, true));
    // g = 1 + 8 / 4 = 3, v' = 9, u = 3 / (3 + 1), p' = 8 - 0.375
    assert_eq!(element(&k, 8.0, 0.0, 1.0), (7.625, 9.0));
    // g = 4, v' = 9 + 16 = 25, u = 4 / 6, p' = -fma(u, 0.5, 0)
    let plain = Coefficients::new(&Hyper { weight_decay: 0.0, ..hyper });
    assert_eq!(element(&plain, 0.0, 9.0, 4.0), (-0.5 * (4.0f32 / 6.0), 25.0));
}

#[test]
fn operations_are_fused_where_the_order_says_so() {
    let k = Coefficients::new(&Hyper { lr: 1.0 + f64::from(f32::EPSILON), eps: 0.0, weight_decay: 0.0 });
    // g * g = 1 + 2e + e^2: fused, e^2 survives the subtraction of 1 + 2e (no sum of squares is negative, but any f32 may
    // stand in the state).
    let (_, v) = element(&k, 0.0, -(1.0 + 2.0 * f32::EPSILON), 1.0 + f32::EPSILON);
    assert_eq!(v, f32::EPSILON * f32::EPSILON);
    // u = 1 exactly, so p' = p - (1 + e): 1 + e - (1 + e) = 0, which no rounding of a product spoils.
    let (p, _) = element(&k, 1.0 + f32::EPSILON, 0.0, 3.0);
    assert_eq!(p, 0.0);
    // The sum in the denominator rounds: an eps far below is lost.
    let k = Coefficients { eps: 1e-10, ..k };
    assert_eq!(element(&k, 0.0, 0.0, 1.0).0, -(1.0 + f32::EPSILON));
}

#[test]
fn edges_of_f32() {
    let k = Coefficients::new(&Hyper::default());
    // Nothing has happened yet: 0 / (0 + eps).
    assert_eq!(element(&k, -0.0, 0.0, 0.0).0.to_bits(), 0x8000_0000);
    // With eps = 0 it is 0 / 0.
    let bare = Coefficients { eps: 0.0, ..k };
    assert_eq!(element(&bare, 1.0, 0.0, 0.0).0.to_bits(), CANONICAL_NAN);
    // No decay leaves an infinite parameter alone.
    assert_eq!(element(&k, f32::NEG_INFINITY, 0.0, 1.0).0, f32::NEG_INFINITY);
    // A gradient whose square is lost still moves p, because eps is there.
    let (p, v) = element(&k, 0.0, 0.0, 1e-30);
    assert_eq!((p, v), (1e-30 / k.eps * k.step_size, 0.0));
    // A subnormal sum is kept.
    let (_, v) = element(&k, 0.0, f32::from_bits(7), 0.0);
    assert_eq!(v.to_bits(), 7);
    // The square overflows: u is 0.
    assert_eq!(element(&k, 1.0, 0.0, 1e30), (1.0, f32::INFINITY));
    // An infinite gradient gives inf / inf; every NaN is the canonical one.
    let (p, v) = element(&k, 1.0, 0.0, f32::INFINITY);
    assert_eq!((p.to_bits(), v), (CANONICAL_NAN, f32::INFINITY));
    let (p, v) = element(&k, 1.0, 0.0, f32::from_bits(0xffab_cdef));
    assert_eq!((p.to_bits(), v.to_bits()), (CANONICAL_NAN, CANONICAL_NAN));
    let (p, v) = element(&k, 1.0, f32::from_bits(0x7f80_0001), 1.0);
    assert_eq!((p.to_bits(), v.to_bits()), (CANONICAL_NAN, CANONICAL_NAN));
}

#[test]
fn bad_hyper_parameters_are_refused_by_name() {
    let good = Hyper::default();
    assert_eq!(good.check(), Ok(()));
    for (name, hyper) in [
        ("lr", Hyper { lr: -1.0, ..good }),
        ("lr", Hyper { lr: 1e39, ..good }),
        ("eps", Hyper { eps: f64::NAN, ..good }),
        ("weight_decay", Hyper { weight_decay: -0.01, ..good }),
    ] {
        assert_eq!(hyper.check().unwrap_err().name, name);
    }
}

#[test]
fn slices_are_elements_in_order() {
    let k = Coefficients::new(&Hyper::default());
    let mut random = 7;
    let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| uniform(&mut random).abs() as f32).collect() };
    let (mut p, mut v, g) = (draw(37), draw(37), draw(37));
    let expected: Vec<_> = (0..37).map(|i| element(&k, p[i], v[i], g[i])).collect();
    step(&k, &mut p, &mut v, &g);
    assert_eq!(p.into_iter().zip(v).collect::<Vec<_>>(), expected);
}
