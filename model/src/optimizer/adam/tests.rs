//! Adam against its formula in f64, against figures worked out by hand, and at the edges of f32.

use super::*;
use crate::optimizer::random::uniform;
use crate::optimizer::{adamw, CANONICAL_NAN};

/// The textbook form (Kingma & Ba 2015, algorithm 1, with the gradient of the L2 penalty) in f64, for meaning.
fn clear(hyper: &Hyper, step: i32, (p, m, v): (f64, f64, f64), g: f64) -> (f64, f64, f64) {
    let g = g + hyper.weight_decay * p;
    let m = hyper.beta1 * m + (1.0 - hyper.beta1) * g;
    let v = hyper.beta2 * v + (1.0 - hyper.beta2) * g * g;
    let (m_hat, v_hat) = if hyper.bias_correction {
        (m / (1.0 - hyper.beta1.powi(step)), v / (1.0 - hyper.beta2.powi(step)))
    } else {
        (m, v)
    };
    (p - hyper.lr * m_hat / (v_hat.sqrt() + hyper.eps), m, v)
}

#[test]
fn follows_the_clear_model() {
    for bias_correction in [true, false] {
        for weight_decay in [0.0, 5e-4, 0.3] {
            let hyper = Hyper { weight_decay, bias_correction, ..Hyper::default() };
            let mut powers = hyper.powers();
            let mut random = 2;
            let mut exact: Vec<(f64, f64, f64)> = (0..64).map(|_| (uniform(&mut random), 0.0, 0.0)).collect();
            let mut state: Vec<(f32, f32, f32)> = exact.iter().map(|e| (e.0 as f32, 0.0, 0.0)).collect();
            for step in 1..=50 {
                powers = powers.next(hyper.beta1, hyper.beta2);
                let k = Coefficients::new(&hyper, &powers);
                for (s, e) in state.iter_mut().zip(&mut exact) {
                    let g = uniform(&mut random) as f32;
                    *s = element(&k, s.0, s.1, s.2, g);
                    *e = clear(&hyper, step, *e, f64::from(g));
                    // An f32 beta of 0.999 makes 1 - beta2 wrong by 1e-5 of itself; the rest is f32's own rounding.
                    assert!((f64::from(s.0) - e.0).abs() < 3e-6, "p {} {}", s.0, e.0);
                    assert!((f64::from(s.1) - e.1).abs() < 2e-6, "m {} {}", s.1, e.1);
                    assert!((f64::from(s.2) - e.2).abs() <= 6e-5 * e.2, "v {} {}", s.2, e.2);
                }
            }
        }
    }
}

#[test]
fn first_step_by_hand() {
    let hyper = Hyper { lr: 0.5, beta1: 0.5, beta2: 0.75, eps: 0.0, weight_decay: 0.25, bias_correction: true };
    let k = Coefficients::new(&hyper, &hyper.powers().next(0.5, 0.75));
    assert_eq!((k.c1, k.c2, k.bias2, k.step_size, k.decay), (0.5, 0.25, 2.0, -1.0, 0.25));
    // g = 2 + 8 / 4 = 4, m' = 4 * 0.5 = 2, v' = 16 * 0.25 = 4, d = 2 * 2 = 4, u = 0.5, p' = 8 - 0.5
    assert_eq!(element(&k, 8.0, 0.0, 0.0, 2.0), (7.5, 2.0, 4.0));
    let plain = Coefficients::new(&Hyper { bias_correction: false, ..hyper }, &hyper.powers().next(0.5, 0.75));
    assert_eq!((plain.bias2, plain.step_size), (1.0, -0.5));
    // d = 2, u = 1, p' = 8 - 0.5
    assert_eq!(element(&plain, 8.0, 0.0, 0.0, 2.0), (7.5, 2.0, 4.0));
}

#[test]
fn the_penalty_is_added_in_one_rounding() {
    let hyper = Hyper { weight_decay: 1.0 + f64::from(f32::EPSILON), ..Hyper::default() };
    let k = Coefficients { beta1: 0.0, c1: 1.0, ..Coefficients::new(&hyper, &hyper.powers().next(0.9, 0.999)) };
    // p * weight_decay = 1 + 2e + e^2: fused, e^2 survives the subtraction of 1 + 2e.
    let (_, m, _) = element(&k, 1.0 + f32::EPSILON, 0.0, 0.0, -(1.0 + 2.0 * f32::EPSILON));
    assert_eq!(m, f32::EPSILON * f32::EPSILON);
}

#[test]
fn without_decay_it_is_adamw_without_decay() {
    let hyper = Hyper::default();
    let powers = hyper.powers().next(hyper.beta1, hyper.beta2).next(hyper.beta1, hyper.beta2);
    let other = adamw::Hyper { weight_decay: 0.0, ..adamw::Hyper::default() };
    let (k, w) = (Coefficients::new(&hyper, &powers), adamw::Coefficients::new(&other, &powers));
    let mut random = 3;
    let mut draw = || uniform(&mut random) as f32;
    for _ in 0..1000 {
        let (p, m, v, g) = (draw(), draw(), draw().abs(), draw());
        assert_eq!(element(&k, p, m, v, g), adamw::element(&w, p, m, v, g));
    }
}

#[test]
fn edges_of_f32() {
    let hyper = Hyper::default();
    let k = Coefficients::new(&hyper, &hyper.powers().next(hyper.beta1, hyper.beta2));
    // No decay leaves an infinite parameter alone; a decay of zero would make the gradient NaN.
    assert_eq!(element(&k, f32::INFINITY, 0.0, 0.0, 1.0).0, f32::INFINITY);
    let (p, m, v) = element(&k, -0.0, -0.0, 0.0, 0.0);
    assert_eq!((p.to_bits(), m.to_bits(), v.to_bits()), (0x8000_0000, 0, 0));
    // A decay that f32 rounds to zero is none.
    let none = Hyper { weight_decay: 1e-50, ..hyper };
    assert!(!Coefficients::new(&none, &hyper.powers()).weight_decay);
    // Every NaN is the canonical one, and it comes through the penalty too.
    let decayed = Hyper { weight_decay: 0.5, ..hyper };
    let k = Coefficients::new(&decayed, &hyper.powers().next(hyper.beta1, hyper.beta2));
    for (p, g) in [(f32::from_bits(0xffab_cdef), 1.0), (1.0, f32::from_bits(0xffab_cdef))] {
        let (p, m, v) = element(&k, p, 0.0, 0.0, g);
        assert_eq!([p, m, v].map(f32::to_bits), [CANONICAL_NAN; 3]);
    }
    // The penalty overflows: as an infinite gradient.
    let (p, m, v) = element(&k, f32::MAX, 0.0, 0.0, f32::MAX);
    assert_eq!((p.to_bits(), m, v), (CANONICAL_NAN, f32::INFINITY, f32::INFINITY));
}

#[test]
fn bad_hyper_parameters_are_refused_by_name() {
    let good = Hyper::default();
    assert_eq!(good.check(), Ok(()));
    for (name, hyper) in [
        ("lr", Hyper { lr: f64::NAN, ..good }),
        ("beta1", Hyper { beta1: 1.0, ..good }),
        ("beta2", Hyper { beta2: 0.999_999_999_99, ..good }),
        ("eps", Hyper { eps: -1e-8, ..good }),
        ("weight_decay", Hyper { weight_decay: f64::INFINITY, ..good }),
    ] {
        assert_eq!(hyper.check().unwrap_err().name, name);
    }
    let large = Hyper { lr: 1e38, ..good };
    let error = Coefficients::checked(&large, &large.powers().next(0.9, 0.999)).unwrap_err();
    assert!(error.name == "lr" && error.rule.contains("beta1"), "{error}");
}
