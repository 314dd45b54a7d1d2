//! AdamW against its formula in f64, against figures worked out by hand, and at the edges of f32.

use super::*;
use crate::optimizer::random::uniform;
use crate::optimizer::CANONICAL_NAN;

/// The textbook form (Loshchilov & Hutter 2019, algorithm 2) in f64, for meaning.
fn clear(hyper: &Hyper, step: i32, (p, m, v): (f64, f64, f64), g: f64) -> (f64, f64, f64) {
    let m = hyper.beta1 * m + (1.0 - hyper.beta1) * g;
    let v = hyper.beta2 * v + (1.0 - hyper.beta2) * g * g;
    let (m_hat, v_hat) = if hyper.bias_correction {
        (m / (1.0 - hyper.beta1.powi(step)), v / (1.0 - hyper.beta2.powi(step)))
    } else {
        (m, v)
    };
    let p = p - hyper.lr * hyper.weight_decay * p;
    (p - hyper.lr * m_hat / (v_hat.sqrt() + hyper.eps), m, v)
}

#[test]
fn follows_the_clear_model() {
    for bias_correction in [true, false] {
        for weight_decay in [0.0, 0.01, 0.3] {
            let hyper = Hyper { weight_decay, bias_correction, ..Hyper::default() };
            let mut powers = hyper.powers();
            let mut random = 1;
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
                    assert!((f64::from(s.0) - e.0).abs() < 2e-6, "p {} {}", s.0, e.0);
                    assert!((f64::from(s.1) - e.1).abs() < 1e-6, "m {} {}", s.1, e.1);
                    assert!((f64::from(s.2) - e.2).abs() <= 5e-5 * e.2, "v {} {}", s.2, e.2);
                }
            }
        }
    }
}

#[test]
fn first_step_by_hand() {
    let hyper = Hyper { lr: 0.5, beta1: 0.5, beta2: 0.75, eps: 0.0, weight_decay: 0.25, bias_correction: true };
    let k = Coefficients::new(&hyper, &hyper.powers().next(0.5, 0.75));
    assert_eq!((k.c1, k.c2, k.bias2, k.step_size, k.decay), (0.5, 0.25, 2.0, -1.0, -0.125));
    // m' = 4 * 0.5 = 2, v' = 16 * 0.25 = 4, d = 2 * 2 = 4, u = 0.5, p = 8 - 1 = 7, p' = 7 - 0.5
    assert_eq!(element(&k, 8.0, 0.0, 0.0, 4.0), (6.5, 2.0, 4.0));
}

#[test]
fn products_are_fused_where_the_order_says_so() {
    let k = Coefficients {
        beta1: 1.0,
        c1: 1.0 + f32::EPSILON,
        beta2: 0.0,
        c2: 1.0,
        bias2: 1.0,
        eps: 0.0,
        step_size: 0.0,
        decay: 0.0,
        weight_decay: false,
    };
    // g * c1 = 1 + 2e + e^2: fused, e^2 survives the subtraction of 1 + 2e.
    let (_, m, _) = element(&k, 0.0, -(1.0 + 2.0 * f32::EPSILON), 0.0, 1.0 + f32::EPSILON);
    assert_eq!(m, f32::EPSILON * f32::EPSILON);
    // g * g rounds before it is multiplied by c2.
    let (_, _, v) = element(&Coefficients { c2: 1.0 - f32::EPSILON, ..k }, 0.0, 0.0, 0.0, 1.0 + f32::EPSILON);
    assert_eq!(v, (1.0 + 2.0 * f32::EPSILON) * (1.0 - f32::EPSILON));
}

#[test]
fn edges_of_f32() {
    let hyper = Hyper { weight_decay: 0.0, ..Hyper::default() };
    let k = Coefficients::new(&hyper, &hyper.powers().next(hyper.beta1, hyper.beta2));
    // No decay leaves -0 alone; a decay of zero would not.
    let (p, m, v) = element(&k, -0.0, -0.0, 0.0, 0.0);
    assert_eq!((p.to_bits(), m.to_bits(), v.to_bits()), (0x8000_0000, 0, 0));
    // A subnormal second moment is kept.
    let (_, _, v) = element(&k, 1.0, 0.0, f32::from_bits(1000), 0.0);
    assert_eq!(v.to_bits(), 999);
    // g * g overflows: v' and d are infinite, u is 0, p stays.
    assert_eq!(element(&k, 1.0, 0.0, 0.0, 1e30), (1.0, 1e30 * k.c1, f32::INFINITY));
    // An infinite gradient gives inf / inf; every NaN is the canonical one.
    let (p, m, v) = element(&k, 1.0, 0.0, 0.0, f32::NEG_INFINITY);
    assert_eq!((p.to_bits(), m, v), (CANONICAL_NAN, f32::NEG_INFINITY, f32::INFINITY));
    let (p, m, v) = element(&k, 1.0, 0.0, 0.0, f32::from_bits(0xffab_cdef));
    assert_eq!((p.to_bits(), m.to_bits(), v.to_bits()), (CANONICAL_NAN, CANONICAL_NAN, CANONICAL_NAN));
}

#[test]
fn bad_hyper_parameters_are_refused_by_name() {
    let good = Hyper::default();
    assert_eq!(good.check(), Ok(()));
    let bad = [
        ("lr", Hyper { lr: f64::NAN, ..good }),
        ("lr", Hyper { lr: -1e-3, ..good }),
        ("lr", Hyper { lr: 1e300, ..good }),
        ("beta1", Hyper { beta1: 1.0, ..good }),
        ("beta1", Hyper { beta1: f64::NAN, ..good }),
        ("beta2", Hyper { beta2: 0.999_999_999_99, ..good }),
        ("beta2", Hyper { beta2: -0.1, ..good }),
        ("eps", Hyper { eps: f64::INFINITY, ..good }),
        ("weight_decay", Hyper { weight_decay: -0.01, ..good }),
    ];
    for (name, hyper) in bad {
        assert_eq!(hyper.check().unwrap_err().name, name);
    }
}

#[test]
fn slices_are_elements_in_order() {
    let k = Coefficients::new(&Hyper::default(), &Hyper::default().powers().next(0.9, 0.999));
    let mut random = 7;
    let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| uniform(&mut random).abs() as f32).collect() };
    let (mut p, mut m, mut v, g) = (draw(37), draw(37), draw(37), draw(37));
    let expected: Vec<_> = (0..37).map(|i| element(&k, p[i], m[i], v[i], g[i])).collect();
    step(&k, &mut p, &mut m, &mut v, &g);
    let got: Vec<_> = (0..37).map(|i| (p[i], m[i], v[i])).collect();
    assert_eq!(got, expected);
}

#[test]
fn coefficients_that_overflow_are_refused() {
    let checked = |hyper: Hyper| Coefficients::checked(&hyper, &hyper.powers().next(hyper.beta1, hyper.beta2));
    assert!(checked(Hyper::default()).is_ok());
    let error = checked(Hyper { lr: 1e38, ..Hyper::default() }).unwrap_err();
    assert!(error.name == "lr" && error.rule.contains("beta1"), "{error}");
    // 1e37 / (1 - 0.9) still fits.
    assert!(checked(Hyper { lr: 1e37, ..Hyper::default() }).is_ok());
    let error = checked(Hyper { lr: 1e30, weight_decay: 1e30, ..Hyper::default() }).unwrap_err();
    assert!(error.name == "lr" && error.rule.contains("weight_decay"), "{error}");
}
