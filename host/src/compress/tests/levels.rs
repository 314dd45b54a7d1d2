//! Every level of the processor against the plain rule, element for element.

use super::*;
use simd::{Hits, STRETCH};

/// Values of every kind, each as likely as the others, so that hits, ties and NaNs lie in every lane.
fn of_every_kind(draw: &mut Draw) -> f32 {
    let any = draw.next() as u32;
    match draw.below(8) {
        0 => f32::from_bits(any & 0x8000_0000),
        1 => f32::from_bits(any & 0x8000_0000 | 0x7f80_0000),
        2 => f32::from_bits(any | 0x7fc0_0000),
        3 => f32::from_bits(any & 0x807f_ffff),
        4 => f32::from_bits(any & 0x8000_0000 | 0x3f80_0000),
        _ => f32::from_bits(any),
    }
}

/// Nothing, everything, and what lies between and on the borders of the kinds.
const BOUNDS: [u32; 11] = [
    0,
    1,
    0x0040_0000,
    0x0080_0000,
    0x3f7f_ffff,
    0x3f80_0000,
    0x3f80_0001,
    0x7f7f_ffff,
    0x7f80_0000,
    0x7f80_0001,
    0x7fff_ffff,
];

#[track_caller]
fn hits_are_those_of_the_rule(hits: &Hits, stretch: &[f32], least: u32, of: &str) {
    let (offsets, values): (Vec<u32>, Vec<f32>) =
        (0..).zip(stretch).filter(|(_, value)| magnitude(**value) >= least).map(|(at, value)| (at, *value)).unzip();
    assert!(hits.offsets() == offsets, "other elements: {of}");
    assert!(bits(hits.values()) == bits(&values), "other values: {of}");
}

/// Lengths with every rest of a vector and of a block, and the longest.
#[test]
fn hits_of_every_level() {
    let (mut draw, mut hits) = (Draw(5), Hits::new());
    for length in (0..=67).chain([STRETCH - 1, STRETCH]) {
        for least in BOUNDS {
            let stretch: Vec<f32> = (0..length).map(|_| of_every_kind(&mut draw)).collect();
            let residual: Vec<f32> = (0..length).map(|_| of_every_kind(&mut draw)).collect();
            // Which of two NaNs a sum keeps is the compiler's choice of operands, so sums are not made of two.
            let residual: Vec<f32> = residual
                .iter()
                .zip(&stretch)
                .map(|(residual, value)| if value.is_nan() { 0.0 } else { *residual })
                .collect();
            let expected: Vec<f32> = stretch.iter().zip(&residual).map(|(value, residual)| value + residual).collect();
            for level in Level::available() {
                let of = format!("{length} elements, bound {least:#x}, {level:?}");
                level.pass(&stretch, least, &mut hits);
                hits_are_those_of_the_rule(&hits, &stretch, least, &of);
                let mut sums = stretch.clone();
                level.add_and_pass(&mut sums, &residual, least, &mut hits);
                assert!(bits(&sums) == bits(&expected), "other sums: {of}");
                hits_are_those_of_the_rule(&hits, &sums, least, &of);
            }
        }
    }
}

/// Whole runs, at lengths with every rest of a vector.
#[test]
fn runs_of_every_kind_on_every_level() {
    let mut draw = Draw(6);
    for rest in 0..8 {
        let elements = SHORT + 8 + rest;
        let mut kinds = std::iter::repeat_with(|| of_every_kind(&mut draw)).filter(|value| !value.is_nan());
        let run: Vec<f32> = kinds.by_ref().take(elements).collect();
        // No infinity, so that no sum is NaN.
        let residual: Vec<f32> = kinds.filter(|value| value.is_finite()).take(elements).collect();
        let sums: Vec<f32> = run.iter().zip(&residual).map(|(value, residual)| value + residual).collect();
        let (order, order_of_sums) = (descending(&run), descending(&sums));
        for count in [1, elements / 100, elements / 2, elements - 1] {
            for compressor in on_every_level(2) {
                let (amount, of) = (Amount::Count(count as u64), format!("{count} of {elements}, {compressor:?}"));
                same(&compressor.select(&run, amount).unwrap(), &first(&run, &order, count), &of);
                let mut grads = run.clone();
                let found = compressor.with_feedback(&mut grads, &residual, amount, ValueFormat::Fp32).unwrap();
                same(&found.kept, &first(&sums, &order_of_sums, count), &of);
            }
        }
    }
}

#[test]
fn the_portable_level_is_always_there_and_the_widest_is_chosen() {
    let levels = Level::available();
    println!("levels of this processor: {levels:?}");
    assert_eq!(levels.last(), Some(&Level::detect()));
    assert_eq!(with(1).level, Level::detect());
}

/// What is left in the lists of a run, a refused one too, is not seen by the next.
#[test]
fn memory_of_earlier_runs_is_only_memory() {
    for compressor in on_every_level(3) {
        for (elements, count) in [(3 * SHORT, SHORT), (2 * SHORT, 5), (100, 50), (3 * SHORT, 700)] {
            for (name, mut run) in runs(elements) {
                let amount = Amount::Count(count as u64);
                let expected = sorted(&run, count);
                same(&compressor.select(&run, amount).unwrap(), &expected, &format!("{name}, {count} of {elements}"));
                run[elements / 2] = f32::NAN;
                assert!(compressor.select(&run, amount).is_err());
            }
        }
    }
}
