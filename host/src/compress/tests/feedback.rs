//! Error feedback: nothing is lost but what is sent.

use super::*;

/// One step by the rule, without anything clever.
fn specified(grads: &[f32], residual: &[f32], count: usize, format: ValueFormat) -> (Feedback, Vec<f32>) {
    let sums: Vec<f32> = grads.iter().zip(residual).map(|(grad, residual)| grad + residual).collect();
    let mut kept = sorted(&sums, count);
    let mut next = sums;
    for (&index, value) in kept.indices.iter().zip(&mut kept.values) {
        next[index as usize] = *value - format.round(*value);
        *value = format.round(*value);
    }
    let finite = kept.values.iter().all(|value| value.is_finite());
    (Feedback { kept, finite }, next)
}

#[test]
fn steps_are_those_of_the_rule() {
    for elements in [1, 100, SHORT + 7, 3 * PIECE + 77] {
        for format in ValueFormat::ALL {
            for count in [1, elements.div_ceil(100), elements.div_ceil(2), elements] {
                let mut draw = Draw((elements + count) as u64);
                let mut residual = vec![0.0; elements];
                for _ in 0..3 {
                    let grads: Vec<f32> = (0..elements).map(|_| draw.next() as u32 as f32 / 2e9 - 1.0).collect();
                    let (expected, next) = specified(&grads, &residual, count, format);
                    for compressor in [1, 3].into_iter().flat_map(on_every_level) {
                        let mut place = grads.clone();
                        let amount = Amount::Count(count as u64);
                        let found = compressor.with_feedback(&mut place, &residual, amount, format).unwrap();
                        let of = format!("{count} of {elements}, {format}, {compressor:?}");
                        same(&found.kept, &expected.kept, &of);
                        assert!(found.finite && bits(&place) == bits(&next), "{of}");
                    }
                    residual = next;
                }
            }
        }
    }
}

/// With values whose sums are exact, what was sent and what is left is all that was put in.
#[test]
fn nothing_is_lost_over_many_steps() {
    let elements = 5000;
    for format in ValueFormat::ALL {
        let mut draw = Draw(9);
        let (mut residual, mut put, mut sent) = (vec![0.0; elements], vec![0.0; elements], vec![0.0; elements]);
        for _ in 0..50 {
            let mut grads: Vec<f32> = (0..elements).map(|_| (draw.below(8191) as f32 - 4095.0) / 4096.0).collect();
            put.iter_mut().zip(&grads).for_each(|(put, grad)| *put += f64::from(*grad));
            let step = with(1).with_feedback(&mut grads, &residual, Amount::Ratio(0.02), format).unwrap();
            assert!(step.finite);
            step.kept.iter().for_each(|(index, value)| sent[index as usize] += f64::from(value));
            residual = grads;
        }
        for index in 0..elements {
            assert_eq!(put[index], sent[index] + f64::from(residual[index]), "{format}, element {index}");
        }
    }
}

#[test]
fn an_overflow_is_told_and_the_residual_is_still_there() {
    let residual = [0.5, 30_000.0, 0.0, 0.0];
    let step = |grads: [f32; 4], format| {
        let mut place = grads;
        with(1).with_feedback(&mut place, &residual, Amount::Count(1), format).unwrap().finite
    };
    assert!(step([0.0, 30_000.0, 0.0, 0.0], ValueFormat::Fp16));
    // 65,530 is past the last fp16, and far from the last bf16.
    assert!(!step([0.0, 35_530.0, 0.0, 0.0], ValueFormat::Fp16));
    assert!(step([0.0, 35_530.0, 0.0, 0.0], ValueFormat::Bf16));
    for format in ValueFormat::ALL {
        assert!(!step([0.0, 0.0, f32::INFINITY, 0.0], format));
    }
}
