//! SGD against the buffer written out as a sum of gradients, against figures worked out by hand, and at the edges of f32.

use super::*;
use crate::optimizer::random::uniform;
use crate::optimizer::CANONICAL_NAN;

const PLAIN: Hyper = Hyper { lr: 0.5, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
const HEAVY: Hyper = Hyper { momentum: 0.5, ..PLAIN };

/// The buffer after these gradients, in f64 and without recursion: the first one with its full weight, every other with
/// 1 - dampening, each times momentum to the power of its age.
fn buffer(hyper: &Hyper, gradients: &[f64]) -> f64 {
    let last = gradients.len() - 1;
    let weight = |i: usize| if i == 0 { 1.0 } else { 1.0 - hyper.dampening };
    (0..=last).map(|i| weight(i) * hyper.momentum.powi((last - i) as i32) * gradients[i]).sum()
}

#[test]
fn follows_the_sum_over_all_gradients() {
    let momentum = Hyper { lr: 1e-2, momentum: 0.9, ..PLAIN };
    for hyper in [
        Hyper { lr: 1e-2, ..PLAIN },
        Hyper { lr: 1e-2, weight_decay: 0.1, ..PLAIN },
        momentum,
        Hyper { weight_decay: 0.1, ..momentum },
        Hyper { dampening: 0.3, weight_decay: 0.1, ..momentum },
        Hyper { nesterov: true, weight_decay: 0.1, ..momentum },
    ] {
        hyper.check().unwrap();
        let mut random = 8;
        for _ in 0..64 {
            let mut exact = uniform(&mut random);
            let mut gradients = Vec::new();
            // What stands in the buffer before the first step does not matter.
            let (mut p, mut buf) = (exact as f32, f32::NAN);
            for step in 1..=40 {
                let k = Coefficients::new(&hyper, step);
                let g = uniform(&mut random) as f32;
                gradients.push(f64::from(g) + hyper.weight_decay * exact);
                let sum = buffer(&hyper, &gradients);
                let last = gradients[gradients.len() - 1];
                let direction = if hyper.nesterov { last + hyper.momentum * sum } else { sum };
                if hyper.has_buffer() {
                    (p, buf) = element(&k, p, buf, g);
                    // Half an ulp of a buffer below 8 a step, ten of them remembered.
                    assert!((f64::from(buf) - sum).abs() < 4e-6, "buf {buf} {sum} at step {step}");
                    exact -= hyper.lr * direction;
                } else {
                    p = plain_element(&k, p, g);
                    exact -= hyper.lr * last;
                }
                let bound = step as f64 * 2e-7;
                assert!((f64::from(p) - exact).abs() < bound, "p {p} {exact} at step {step} of {hyper:?}");
            }
        }
    }
}

#[test]
fn plain_steps_by_hand() {
    let k = Coefficients::new(&PLAIN, 1);
    assert_eq!(plain_element(&k, 8.0, 3.0), 6.5);
    let k = Coefficients::new(&Hyper { weight_decay: 0.25, ..PLAIN }, 1);
    // g = 3 + 8 / 4 = 5
    assert_eq!(plain_element(&k, 8.0, 3.0), 5.5);
    assert_eq!((k.step_size, k.decay, k.weight_decay), (-0.5, 0.25, true));
}

#[test]
fn the_first_gradient_becomes_the_buffer() {
    let hyper = Hyper { dampening: 0.75, ..HEAVY };
    let first = Coefficients::new(&hyper, 1);
    assert!(first.first && !Coefficients::new(&hyper, 2).first && !Coefficients::new(&hyper, 0).first);
    // Neither dampening nor what was in the buffer plays a part.
    for old in [0.0, 100.0, f32::NAN, f32::INFINITY] {
        assert_eq!(element(&first, 8.0, old, 4.0), (6.0, 4.0));
    }
    // -0 stays -0: nothing is added to it.
    assert_eq!(element(&first, 8.0, 0.0, -0.0).1.to_bits(), 0x8000_0000);
    // The penalty is part of the gradient: g = 4 + 8 / 4.
    let decayed = Coefficients::new(&Hyper { weight_decay: 0.25, ..hyper }, 1);
    assert_eq!(element(&decayed, 8.0, 1.0, 4.0), (5.0, 6.0));
    // buf' = 4 * 0.5 + 2 * 0.25
    assert_eq!(element(&Coefficients::new(&hyper, 2), 6.0, 4.0, 2.0), (4.75, 2.5));
}

#[test]
fn nesterov_by_hand() {
    let hyper = Hyper { nesterov: true, ..HEAVY };
    // buf' = 4, g = 4 + 0.5 * 4 = 6
    assert_eq!(element(&Coefficients::new(&hyper, 1), 8.0, 0.0, 4.0), (5.0, 4.0));
    // buf' = 4 * 0.5 + 2 = 4, g = 2 + 0.5 * 4 = 4
    assert_eq!(element(&Coefficients::new(&hyper, 2), 5.0, 4.0, 2.0), (3.0, 4.0));
}

#[test]
fn dampening_is_taken_from_one_in_f64() {
    let c1 = |dampening| Coefficients::new(&Hyper { dampening, ..HEAVY }, 2).c1;
    assert_eq!((c1(0.0), c1(1.0), c1(0.75)), (1.0, 0.0, 0.25));
    // 1 - f(d) in f32 is another number: 0.9 has an error of 2.4e-8 in f32, and 1 - 0.9 shows it.
    assert_eq!(c1(0.9).to_bits(), 0.1f32.to_bits());
    assert_ne!(c1(0.9), 1.0 - 0.9f32);
    // So has 1 - f64(f(d)).
    assert_ne!(c1(0.9), (1.0 - f64::from(0.9f32)) as f32);
}

#[test]
fn products_are_fused_where_the_order_says_so() {
    const E: f32 = f32::EPSILON;
    let k = Coefficients { momentum: 1.0, c1: 1.0 + E, ..Coefficients::new(&HEAVY, 2) };
    // g * c1 = 1 + 2e + e^2: fused, e^2 survives the subtraction of 1 + 2e.
    assert_eq!(element(&k, 0.0, -(1.0 + 2.0 * E), 1.0 + E).1, E * E);
    // buf * momentum rounds: 1 + 2e + e^2 becomes 1 + 2e.
    let k = Coefficients { momentum: 1.0 + E, c1: 1.0, ..k };
    assert_eq!(element(&k, 0.0, 1.0 + E, -(1.0 + 2.0 * E)).1, 0.0);
    // lr and the penalty are fused too.
    let k = Coefficients { step_size: 1.0 + E, ..Coefficients::new(&PLAIN, 1) };
    assert_eq!(plain_element(&k, -(1.0 + 2.0 * E), 1.0 + E), E * E);
    let k = Coefficients { step_size: 1.0, decay: 1.0 + E, weight_decay: true, ..k };
    assert_eq!(plain_element(&k, 1.0 + E, -(1.0 + 2.0 * E)), (1.0 + E) + E * E);
    // With nesterov fma(buf', momentum, g): buf' = g = 1 + e on the first step, (1 + e)^2 + (1 + e).
    let k = Coefficients::new(&Hyper { momentum: 1.0 + f64::from(E), nesterov: true, ..HEAVY }, 1);
    let once = f64::from(1.0 + E);
    let look_ahead = (once * once + once) as f32;
    assert_eq!(element(&k, 0.0, 0.0, 1.0 + E).0, look_ahead * -0.5);
}

#[test]
fn edges_of_f32() {
    let k = Coefficients::new(&PLAIN, 1);
    // No decay leaves an infinite parameter alone.
    assert_eq!(plain_element(&k, f32::INFINITY, 1.0), f32::INFINITY);
    assert_eq!(plain_element(&k, -0.0, 0.0).to_bits(), 0x8000_0000);
    assert_eq!(plain_element(&k, 0.0, f32::from_bits(2)).to_bits(), 0x8000_0001, "subnormals are kept");
    for g in [f32::from_bits(0xffab_cdef), f32::from_bits(0x7f80_0001)] {
        assert_eq!(plain_element(&k, 1.0, g).to_bits(), CANONICAL_NAN);
        for step in [1, 2] {
            let (p, buf) = element(&Coefficients::new(&HEAVY, step), 1.0, 0.0, g);
            assert_eq!((p.to_bits(), buf.to_bits()), (CANONICAL_NAN, CANONICAL_NAN));
        }
    }
    let (p, buf) = element(&Coefficients::new(&HEAVY, 2), 1.0, f32::INFINITY, f32::NEG_INFINITY);
    assert_eq!((p.to_bits(), buf.to_bits()), (CANONICAL_NAN, CANONICAL_NAN));
    assert_eq!(element(&Coefficients::new(&HEAVY, 2), 1.0, f32::MAX, f32::MAX).1, f32::INFINITY);
}

#[test]
fn bad_hyper_parameters_are_refused_by_name() {
    for good in [PLAIN, HEAVY, Hyper::default(), Hyper { nesterov: true, ..HEAVY }, Hyper { dampening: 1.0, ..HEAVY }] {
        assert_eq!(good.check(), Ok(()));
    }
    for (name, hyper) in [
        ("lr", Hyper { lr: f64::NAN, ..PLAIN }),
        ("momentum", Hyper { momentum: -0.9, ..PLAIN }),
        ("momentum", Hyper { momentum: 1e39, ..PLAIN }),
        ("dampening", Hyper { dampening: 1.1, ..HEAVY }),
        ("dampening", Hyper { dampening: f64::NAN, ..HEAVY }),
        ("weight_decay", Hyper { weight_decay: -1.0, ..PLAIN }),
        ("momentum", Hyper { nesterov: true, ..PLAIN }),
        ("dampening", Hyper { nesterov: true, dampening: 0.1, ..HEAVY }),
        ("dampening", Hyper { dampening: 0.1, ..PLAIN }),
        // A momentum that f32 rounds to zero is none.
        ("momentum", Hyper { nesterov: true, momentum: 1e-50, ..PLAIN }),
    ] {
        assert_eq!(hyper.check().unwrap_err().name, name, "{hyper:?}");
    }
}

#[test]
fn slices_are_elements_in_order() {
    let mut random = 7;
    let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| uniform(&mut random) as f32).collect() };
    let (mut p, mut buf, g) = (draw(37), draw(37), draw(37));
    let k = Coefficients::new(&HEAVY, 2);
    let expected: Vec<_> = (0..37).map(|i| element(&k, p[i], buf[i], g[i])).collect();
    step(&k, &mut p, &mut buf, &g);
    assert_eq!(p.iter().copied().zip(buf).collect::<Vec<_>>(), expected);
    let k = Coefficients::new(&PLAIN, 2);
    let expected: Vec<_> = (0..37).map(|i| plain_element(&k, p[i], g[i])).collect();
    plain_step(&k, &mut p, &g);
    assert_eq!(p, expected);
}
