//! The compressor against sorting, on inputs of every kind.

mod feedback;
mod levels;
mod refused;

use super::*;
use crate::topk::tests::{bits, Draw};
use std::sync::Mutex;

/// What is kept, by sorting everything.
fn sorted(run: &[f32], count: usize) -> Kept {
    first(run, &descending(run), count)
}

/// All indices, those of the largest magnitudes first.
fn descending(run: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..run.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(magnitude(run[index])), index));
    order
}

/// The first `count` of an order, by index.
fn first(run: &[f32], order: &[usize], count: usize) -> Kept {
    let mut order = order[..count].to_vec();
    order.sort_unstable();
    Kept {
        values: order.iter().map(|&index| run[index]).collect(),
        indices: order.iter().map(|&index| index as u64).collect(),
    }
}

fn with(threads: usize) -> Compressor {
    Compressor::new(NonZero::new(threads))
}

/// One of this many threads on every level of the processor.
fn on_every_level(threads: usize) -> impl Iterator<Item = Compressor> {
    Level::available().into_iter().map(move |level| Compressor {
        crew: Crew::new(NonZero::new(threads)),
        level,
        spare: Spare::default(),
    })
}

/// Runs with names, of a given length.
pub(super) fn runs(elements: usize) -> Vec<(&'static str, Vec<f32>)> {
    let mut draw = Draw(elements as u64);
    let mut make =
        |value: fn(usize, u64) -> f32| -> Vec<f32> { (0..elements).map(|index| value(index, draw.next())).collect() };
    vec![
        ("any finite bits", make(|_, draw| f32::from_bits(draw as u32 & 0xff7f_ffff))),
        ("normal in size", make(|_, draw| (draw as u32 as f32 / 4e9 - 0.5).powi(5))),
        ("constant", make(|_, draw| if draw & 1 == 0 { 0.5 } else { -0.5 })),
        ("zeros of both signs", make(|_, draw| if draw & 1 == 0 { 0.0 } else { -0.0 })),
        ("subnormal", make(|_, draw| f32::from_bits(draw as u32 & 0x807f_ffff))),
        ("few magnitudes", make(|_, draw| (draw % 7) as f32 - 3.0)),
        ("one in a hundred is infinite", make(|_, draw| if draw % 100 == 0 { f32::NEG_INFINITY } else { draw as f32 })),
        ("one in a thousand is not zero", make(|_, draw| if draw % 1000 == 0 { (draw >> 32) as f32 } else { 0.0 })),
        ("all at the end", make(|index, draw| if index > 60_000 { draw as f32 } else { 1e-9 * draw as f32 })),
        ("periodic", make(|index, draw| if index % 128 < 3 { draw as f32 } else { 1.0 })),
        ("ascending", make(|index, _| index as f32)),
        ("descending", make(|index, _| -1.0 / (index + 1) as f32)),
    ]
}

#[track_caller]
fn same(found: &Kept, expected: &Kept, of: &str) {
    assert!(found.indices == expected.indices, "other elements are kept: {of}");
    assert!(bits(&found.values) == bits(&expected.values), "kept elements have other values: {of}");
}

#[test]
fn every_count_of_short_runs() {
    for elements in (1..=40).chain([64, 65]) {
        for (name, run) in runs(elements) {
            for count in 1..=elements {
                let expected = sorted(&run, count);
                for compressor in on_every_level(1) {
                    let found = compressor.select(&run, Amount::Count(count as u64)).unwrap();
                    same(&found, &expected, &format!("{name}, {count} of {elements}, {compressor:?}"));
                }
            }
        }
    }
}

/// Lengths around those at which the way changes, and counts on both sides of each way; threads and levels do not matter.
#[test]
fn long_runs_on_any_number_of_threads() {
    for elements in [SHORT, SHORT + 1, 3 * PIECE + 12_345] {
        for (name, run) in runs(elements) {
            let order = descending(&run);
            for count in [1, 7, elements / 100, elements / 8, elements / 3, elements] {
                let expected = first(&run, &order, count);
                for compressor in [1, 3].into_iter().flat_map(on_every_level) {
                    let found = compressor.select(&run, Amount::Count(count as u64)).unwrap();
                    same(&found, &expected, &format!("{name}, {count} of {elements}, {compressor:?}"));
                }
            }
        }
    }
}

/// A sample that misleads: what is largest lies where it does not look, and everywhere it looks is more than there is.
#[test]
fn a_wrong_guess_costs_time_only() {
    let elements = 4 * SHORT;
    let looked_at = Mutex::new(Vec::new());
    sample::bound(elements, elements / 100, &Crew::new(NonZero::new(2)), |index| {
        looked_at.lock().unwrap().push(index);
        index as f32
    });
    let mut run: Vec<f32> = (0..elements).map(|index| 1.0 + index as f32 * 1e-6).collect();
    for &index in looked_at.lock().unwrap().iter() {
        run[index] = -1000.0 - index as f32;
    }
    let count = elements / 8;
    let guess = with(2).guess(elements, count, |index| run[index]).unwrap();
    assert!(
        gather(&run, Level::detect(), &Crew::new(NonZero::new(2)), guess, &Spare::default()).len() < count,
        "the sample does not mislead"
    );
    same(&with(2).select(&run, Amount::Count(count as u64)).unwrap(), &sorted(&run, count), "misled");
}

/// The common case is done in one pass: the guess is good on what gradients look like.
#[test]
fn a_guess_gathers_enough_and_not_much_more() {
    let elements = 1 << 20;
    let mut draw = Draw(3);
    // The sum of uniform draws, about normal.
    let run: Vec<f32> =
        (0..elements).map(|_| (0..4).map(|_| (draw.next() >> 40) as f32 / (1 << 24) as f32 - 0.5).sum()).collect();
    for count in [elements / 1000, elements / 100, elements / 10, elements / 2] {
        let guess = with(2).guess(elements, count, |index| run[index]).unwrap();
        let gathered = gather(&run, Level::detect(), &Crew::new(NonZero::new(2)), guess, &Spare::default()).len();
        // The margin is for a small sample, so it is a part of the run and not of the count.
        assert!(gathered >= count && gathered < 2 * count + elements / 256, "{gathered} for {count}");
    }
}
