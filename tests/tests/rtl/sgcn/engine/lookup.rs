use super::{cell, field, noise, Line};
use nearfield_hdl::sgcn::engine::Lookup;
use nearfield_tests::rng::{seed, Rng};
use std::collections::VecDeque;

pub const NAME: &str = "sgcn_lookup";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

/// How lengths are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lengths {
    /// A byte a record, with 255 for a raw one or without.
    Table { escapes: bool },
    /// From the record's bitmap.
    Learned,
    /// First pair and count.
    Pairs,
}

/// What a line says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub lines: u32,
    pub raw: bool,
    pub entry: u32,
    pub count: u32,
    /// Pairs: address of the first line, from the features on.
    pub start: u32,
}

/// None if it cannot be.
pub fn find(lengths: Lengths, words: usize, full: u32, byte: usize, line: &Line) -> Option<Found> {
    let plain = |lines, raw| Found { lines, raw, entry: 0, count: 0, start: 0 };
    match lengths {
        Lengths::Table { escapes } => match (line[byte / 4] >> (8 * (byte % 4))) & 255 {
            255 if escapes => Some(plain(full, true)),
            lines if lines <= full => Some(plain(lines, false)),
            _ => None,
        },
        Lengths::Learned => {
            let ones: u32 = line[..words].iter().map(|word| word.count_ones()).sum();
            Some(plain((words as u32 + ones).div_ceil(16), false))
        }
        Lengths::Pairs => {
            let (first, count) = (line[byte / 8 * 2], line[byte / 8 * 2 + 1]);
            let lines = if count == 0 { 0 } else { (first % 8 + count.min(256)).div_ceil(8) };
            (count <= 256).then_some(Found { lines, raw: false, entry: first % 8, count, start: first / 8 })
        }
    }
}

/// A line that is likely to say something at the edge of what can be.
pub fn telling(lengths: Lengths, full: u32, rng: &mut Rng) -> Line {
    let mut line = noise(rng);
    match lengths {
        Lengths::Table { .. } => line.iter_mut().for_each(|word| {
            let byte = |rng: &mut Rng| match rng.below(8) {
                0 => 255,
                1 => rng.word() as u32 & 255,
                2 => full + rng.below(2) as u32,
                _ => rng.below(full as usize + 1) as u32,
            };
            *word = (0..4).fold(0, |word, i| word | byte(rng) << (8 * i));
        }),
        Lengths::Learned => {
            let density = rng.below(5);
            line.iter_mut().for_each(|word| match density {
                0 => *word = 0,
                1 => *word = u32::MAX,
                2 => *word &= rng.word() as u32,
                _ => {}
            });
        }
        Lengths::Pairs => line.chunks_mut(2).for_each(|pair| {
            pair[1] = match rng.below(8) {
                0 => 0,
                1 => 255 + rng.below(3) as u32,
                2 => rng.value(32) as u32,
                3 => 512 + rng.below(4) as u32,
                _ => rng.below(257) as u32,
            };
        }),
    }
    line
}

fn run(lengths: Lengths, words: usize, full: u32, cycles: usize, rng: &mut Rng) {
    let mut cell = cell(NAME);
    let features = rng.word() as u32;
    cell.set("pairs", (lengths == Lengths::Pairs).into());
    cell.set("learned", (lengths == Lengths::Learned).into());
    cell.set("escapes", (lengths == Lengths::Table { escapes: true }).into());
    cell.set("bitmap_words", words as u64);
    cell.set("full", full.into());
    cell.set("features", features.into());
    let data = cell.port("data");
    let mut notes: [Option<usize>; 32] = [None; 32];
    // What will be found in the following cycles.
    let mut due: VecDeque<Option<(usize, Option<Found>)>> = vec![None; Lookup::LATENCY].into();
    let (mut checked, mut refused) = (0, 0);
    for cycle in 0..cycles {
        let slot = rng.below(32);
        let arrives = notes[slot].is_some() && !rng.one_in(4);
        let line = telling(lengths, full, rng);
        cell.set("arrive", arrives.into());
        cell.set("arrive_slot", slot as u64);
        cell.instance.set_words(data, &line);
        due.push_back(arrives.then(|| (slot, find(lengths, words, full, notes[slot].unwrap(), &line))));
        let (noted, byte) = (rng.below(32), rng.below(64));
        let notes_it = noted != slot && rng.one_in(2);
        cell.set("note", notes_it.into());
        cell.set("note_slot", noted as u64);
        cell.set("note_byte", byte as u64);
        cell.settle();
        let expected = due.pop_front().expect("as many as the latency");
        // What lay in the pipeline before.
        if cycle >= Lookup::LATENCY {
            assert_eq!(cell.get("found") == 1, expected.is_some());
        }
        if let Some((slot, expected)) = expected {
            assert_eq!(cell.get("found_slot"), slot as u64);
            let result = cell.get("result");
            let words = &[result as u32, (result >> 32) as u32];
            let bad = field(words, 7, 1) == 1;
            assert_eq!(bad, expected.is_none(), "{lengths:?}");
            checked += 1;
            refused += usize::from(bad);
            if let Some(right) = expected {
                let start = match lengths {
                    Lengths::Pairs => (field(words, 20, 32) as u32).wrapping_sub(features),
                    _ => field(words, 20, 32) as u32,
                };
                let found = Found {
                    lines: field(words, 0, 6) as u32,
                    raw: field(words, 6, 1) == 1,
                    entry: field(words, 8, 3) as u32,
                    count: field(words, 11, 9) as u32,
                    start,
                };
                assert_eq!(found, right, "{lengths:?}");
            }
        }
        cell.tick();
        if notes_it {
            notes[noted] = Some(byte);
        }
    }
    assert!(checked > cycles / 4);
    assert!((lengths == Lengths::Learned) == (refused == 0));
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x6c6f_6f6b));
    for words in 1..=8 {
        let published = (33 * words as u32).div_ceil(16);
        run(Lengths::Table { escapes: true }, words, 2 * words as u32, 1000, &mut rng);
        run(Lengths::Table { escapes: false }, words, published, 1000, &mut rng);
        run(Lengths::Learned, words, published, 1000, &mut rng);
        run(Lengths::Pairs, words, 2 * words as u32, 1000, &mut rng);
    }
}
