//! What cannot be compressed, and what is said of it.

use super::*;

fn says(error: CompressError, text: &str) {
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn amounts() {
    let run = [1.0, -2.0, 3.0];
    let refused = |run: &[f32], amount| with(1).select(run, amount).unwrap_err();
    for ratio in [0.0, -0.0, -0.5, 1.0000001, f64::INFINITY, f64::NAN] {
        says(refused(&run, Amount::Ratio(ratio)), "choose one above 0 and at most 1");
    }
    says(refused(&run, Amount::Count(0)), "0 elements cannot be kept of a run of 3; choose 1 to 3");
    says(refused(&run, Amount::Count(4)), "4 elements cannot be kept of a run of 3; choose 1 to 3");
    says(refused(&run, Amount::Count(u64::MAX)), "choose 1 to 3");
    for amount in [Amount::Count(0), Amount::Ratio(0.5)] {
        says(refused(&[], amount), "a run without elements");
    }
    assert_eq!(Amount::Ratio(1e-300).of(1 << 40), Ok(1));
    assert_eq!(Amount::Ratio(1.0).of(u64::MAX), Ok(u64::MAX));
    // Neither product is a whole number in f64.
    assert_eq!((Amount::Ratio(0.29).of(100), Amount::Ratio(0.07).of(100)), (Ok(29), Ok(7)));
    assert_eq!((Amount::Ratio(0.01).of(1 << 24), Amount::Count(3).of(3)), (Ok(167_772), Ok(3)));
}

#[test]
fn the_first_nan() {
    for elements in [5, 1000, 4 * SHORT] {
        for count in [1, elements / 100 + 1, elements / 2, elements] {
            for places in [vec![0], vec![elements - 1], vec![elements / 2, elements - 2], (1..elements).collect()] {
                let mut run: Vec<f32> = (0..elements).map(|index| index as f32).collect();
                // Payloads fall, so that the first is the largest, or rise, so that it is the smallest.
                for sign in [1, -1] {
                    for (order, &place) in (0..).zip(&places) {
                        run[place] = f32::from_bits((0x7fc0_0000 + sign * order) as u32);
                        assert!(run[place].is_nan());
                    }
                    let (amount, zeros) = (Amount::Count(count as u64), vec![0.0; elements]);
                    let expected = CompressError::NaN { index: places[0] as u64 };
                    for compressor in on_every_level(2) {
                        let error = compressor.select(&run, amount).unwrap_err();
                        assert_eq!(error, expected, "{count} of {elements}, {compressor:?}");
                        let mut grads = run.clone();
                        let error =
                            compressor.with_feedback(&mut grads, &zeros, amount, ValueFormat::Fp32).unwrap_err();
                        assert_eq!(error, expected, "{count} of {elements}, {compressor:?}");
                    }
                }
            }
        }
    }
    says(CompressError::NaN { index: 7 }, "element 7 is NaN");
    // Two infinities that cancel.
    let error = with(1).with_feedback(
        &mut [1.0, f32::INFINITY],
        &[0.0, f32::NEG_INFINITY],
        Amount::Count(1),
        ValueFormat::Fp32,
    );
    assert_eq!(error, Err(CompressError::NaN { index: 1 }));
}

#[test]
fn a_residual_of_another_run() {
    let error = with(1).with_feedback(&mut [1.0, 2.0], &[0.0], Amount::Count(1), ValueFormat::Fp32).unwrap_err();
    assert_eq!(error, CompressError::Lengths { grads: 2, residual: 1 });
}
