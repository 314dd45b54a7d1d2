//! Streams that are not what they should be: refused, with the right chunk, and the next good one passes.

use super::encode::{checksum, groups, Sparse};
use super::run::{Decompressor, Outcome};
use nearfield_abi::topk::fault;
use nearfield_tests::rng::{long, seed, Rng};
use nearfield_tests::stream::Pace;

/// Where the first chunk of a stream of three begins: behind the header and one beat of table.
const CHUNKS: usize = 128;

/// Three chunks, of which the last is short, and where each one's bytes are.
struct Good {
    sparse: Sparse,
    stream: Vec<u8>,
    begins: [usize; 4],
}

impl Good {
    fn new(share: usize, rng: &mut Rng) -> Good {
        let sparse = Sparse::uniform(140_000, share, rng.below(3) as u32, rng);
        let mut begins = [CHUNKS; 4];
        for (c, kept) in sparse.chunks().iter().enumerate() {
            assert!(kept.len() > 40, "a chunk should have two groups");
            begins[c + 1] = begins[c] + groups(kept, sparse.format).len();
        }
        let stream = sparse.encode();
        assert_eq!(stream.len(), begins[3]);
        Good { sparse, stream, begins }
    }

    /// The stream in which chunk `c` keeps these elements, checksum and all, and every count is as it was.
    fn with_chunk(&self, c: usize, kept: &[(u16, u32)]) -> Vec<u8> {
        let bytes = groups(kept, self.sparse.format);
        let mut stream = self.stream.clone();
        stream[64 + 16 * c + 8..][..8].copy_from_slice(&checksum(&bytes));
        stream.splice(self.begins[c]..self.begins[c + 1], bytes);
        stream
    }

    fn run(&self, unit: &mut Decompressor, stream: &[u8], rng: &mut Rng) -> Outcome {
        let paces = [Pace::ALL[rng.below(2)], Pace::ALL[rng.below(2)]];
        let outcome = unit.run(stream, self.sparse.elements, self.sparse.format, paces, rng);
        assert!(outcome.elements.len() <= self.sparse.dense().len(), "more words than the run has");
        outcome
    }

    /// `stream` is refused with this fault, and the unit does the next one right.
    fn refuses(&self, unit: &mut Decompressor, stream: &[u8], fault: (u32, usize), what: &str, rng: &mut Rng) {
        let found = self.run(unit, stream, rng).fault;
        assert_eq!(found, (fault.0, fault.1 as u32), "{what}, {} lanes", unit.lanes);
        recovers(unit, rng);
    }
}

fn recovers(unit: &mut Decompressor, rng: &mut Rng) {
    let next = Sparse::uniform(1 + rng.below(300), 200_000, rng.below(3) as u32, rng);
    unit.passes(&next, [Pace::ALL[rng.below(2)], Pace::ALL[rng.below(2)]], rng);
}

fn each(test: &str, mut check: impl FnMut(&mut Decompressor, &Good, &mut Rng)) {
    let mut rng = Rng::new(seed(test, 0x6261_6421));
    let lanes: &[usize] = if long() { &[1, 2, 4] } else { &[1, 4] };
    for &lanes in lanes {
        let mut unit = Decompressor::new(lanes);
        let good = Good::new(8_000, &mut rng);
        unit.passes(&good.sparse, [Pace::ALL[0]; 2], &mut rng);
        check(&mut unit, &good, &mut rng);
    }
}

#[test]
fn every_bit_of_the_header_counts() {
    each("topk::malformed header", |unit, good, rng| {
        for bit in 0..512 {
            let mut stream = good.stream.clone();
            stream[bit / 8] ^= 1 << (bit % 8);
            // The kept count of a run that fits 32 bits is held against the table.
            let fault = if (192..224).contains(&bit) { (fault::COUNT, 2) } else { (fault::HEADER, 0) };
            good.refuses(unit, &stream, fault, &format!("bit {bit}"), rng);
        }
    });
}

#[test]
fn a_run_must_be_what_the_header_says() {
    each("topk::malformed run", |unit, good, rng| {
        let elements = good.sparse.elements;
        for (elements, format) in [(elements + 1, good.sparse.format), (elements, (good.sparse.format + 1) % 3)] {
            let found = unit.run(&good.stream, elements, format, [Pace::ALL[0]; 2], rng).fault;
            assert_eq!(found, (fault::HEADER, 0), "{elements} elements, format {format}");
            recovers(unit, rng);
        }
        // Header and run agree on what no run can be.
        for (elements, format) in [(0u64, 0u32), ((1 << 25) + 1, 1), (u64::from(u32::MAX), 2), (100, 3)] {
            let mut stream = good.stream[..128].to_vec();
            stream[8..12].copy_from_slice(&format.to_le_bytes());
            stream[16..24].copy_from_slice(&elements.to_le_bytes());
            let found = unit.run(&stream, elements as usize, format, [Pace::ALL[0]; 2], rng).fault;
            assert_eq!(found, (fault::HEADER, 0), "{elements} elements, format {format}");
            recovers(unit, rng);
        }
    });
}

#[test]
fn the_table_must_add_up() {
    each("topk::malformed table", |unit, good, rng| {
        let change = |at: usize, value: u32| {
            let mut stream = good.stream.clone();
            stream[at..at + 4].copy_from_slice(&value.to_le_bytes());
            stream
        };
        let count = |c: usize| good.sparse.chunks()[c].len() as u32;
        for c in 0..3 {
            let entry = 64 + 16 * c;
            let last = (fault::COUNT, 2);
            good.refuses(unit, &change(entry, count(c) + 1), last, "one more", rng);
            good.refuses(unit, &change(entry, count(c) - 1), last, "one less", rng);
            for most in [65_537, u32::MAX, 1 << 31 | count(c)] {
                good.refuses(unit, &change(entry, most), (fault::COUNT, c), "too many", rng);
            }
            good.refuses(unit, &change(entry + 4, 1 << rng.below(32)), (fault::COUNT, c), "not 0", rng);
        }
        good.refuses(unit, &change(64 + 32, 140_000 - 131_072 + 1), (fault::COUNT, 2), "above the last chunk", rng);
        for word in 28..32 {
            good.refuses(unit, &change(4 * word, 1 << rng.below(32)), (fault::COUNT, 2), "padding", rng);
        }
    });
}

/// The largest run, with an entry of its table that is none: each of 512 has a place of its own.
#[test]
fn the_longest_table_is_read_to_its_end() {
    each("topk::malformed long table", |unit, _, rng| {
        let elements = 1 << 25;
        let stream = Sparse { elements, format: 2, kept: vec![(7, 1), (elements - 1, 2)] }.encode();
        for c in [0, 3, 255, 256, 510, 511] {
            let mut stream = stream.clone();
            stream[64 + 16 * c + 4 + rng.below(4)] = 1;
            let found = unit.run(&stream, elements, 2, [Pace::ALL[0]; 2], rng).fault;
            assert_eq!(found, (fault::COUNT, c as u32));
            recovers(unit, rng);
        }
    });
}

/// The sum is right and the checksums are, but an element has changed sides: it stands where padding should.
#[test]
fn a_count_must_be_that_of_the_indices() {
    each("topk::malformed count", |unit, _, rng| {
        for kept in 2..=32usize {
            let mut sparse = Sparse { elements: 140_000, format: rng.below(3) as u32, kept: Vec::new() };
            sparse.kept.extend((0..64 + kept).map(|i| (100 * i, 7)));
            sparse.kept.extend((0..5).map(|i| (65_536 + i, 7)));
            let mut stream = sparse.encode();
            stream[64..68].copy_from_slice(&(64 + kept as u32 - 1).to_le_bytes());
            stream[80..84].copy_from_slice(&6u32.to_le_bytes());
            let found = unit.run(&stream, 140_000, sparse.format, [Pace::ALL[0]; 2], rng).fault;
            assert_eq!(found, (fault::COUNT, 0), "{kept} in the last group, {} lanes", unit.lanes);
        }
        recovers(unit, rng);
    });
}

#[test]
fn indices_must_ascend() {
    each("topk::malformed order", |unit, good, rng| {
        for c in 0..3 {
            let kept = good.sparse.chunks()[c].clone();
            for at in [1, 2, 4, 7, 8, 31, 32, 33, kept.len() - 1] {
                let mut repeated = kept.clone();
                repeated[at].0 = repeated[at - 1].0;
                good.refuses(unit, &good.with_chunk(c, &repeated), (fault::ORDER, c), "repeated", rng);
                let mut swapped = kept.clone();
                (swapped[at].0, swapped[at - 1].0) = (swapped[at - 1].0, swapped[at].0);
                good.refuses(unit, &good.with_chunk(c, &swapped), (fault::ORDER, c), "swapped", rng);
            }
        }
    });
}

#[test]
fn indices_must_be_in_range() {
    each("topk::malformed range", |unit, good, rng| {
        let kept = good.sparse.chunks()[2].clone();
        let elements = (good.sparse.elements - 2 * 65_536) as u16;
        for index in [elements, elements + 1, 65_535] {
            let mut beyond = kept.clone();
            beyond.last_mut().unwrap().0 = index;
            good.refuses(unit, &good.with_chunk(2, &beyond), (fault::RANGE, 2), "beyond", rng);
        }
        let mut last = kept;
        last.last_mut().unwrap().0 = elements - 1;
        assert_eq!(good.run(unit, &good.with_chunk(2, &last), rng).fault, (0, 0), "the last element itself");
    });
}

#[test]
fn checksums_must_be_right() {
    each("topk::malformed checksum", |unit, good, rng| {
        for c in 0..3 {
            for bit in [0, 63, rng.below(64)] {
                let mut stream = good.stream.clone();
                stream[64 + 16 * c + 8 + bit / 8] ^= 1 << (bit % 8);
                good.refuses(unit, &stream, (fault::CHECKSUM, c), "checksum", rng);
            }
            // A value that has changed: nothing else can see it.
            for _ in 0..3 {
                let mut kept = good.sparse.chunks()[c].clone();
                let at = rng.below(kept.len());
                kept[at].1 ^= 1 << rng.below(if good.sparse.format == 0 { 32 } else { 16 });
                let mut stream = good.with_chunk(c, &kept);
                stream[64..128].copy_from_slice(&good.stream[64..128]);
                good.refuses(unit, &stream, (fault::CHECKSUM, c), "a value", rng);
            }
            // Any bit at all: whoever sees it first names the right chunk.
            for _ in 0..8 {
                let mut stream = good.stream.clone();
                let at = good.begins[c] + rng.below(good.begins[c + 1] - good.begins[c]);
                stream[at] ^= 1 << rng.below(8);
                let found = good.run(unit, &stream, rng).fault;
                assert!(found.0 != 0 && found.1 as usize == c, "byte {at} of chunk {c}: {found:?}");
            }
            recovers(unit, rng);
        }
        let mut empty = Sparse { elements: 140_000, format: 1, kept: vec![(3, 4), (140_000 - 1, 5)] }.encode();
        empty[64 + 16 + 8 + rng.below(8)] ^= 1;
        let found = unit.run(&empty, 140_000, 1, [Pace::ALL[0]; 2], rng).fault;
        assert_eq!(found, (fault::CHECKSUM, 1), "of a chunk without elements");
        recovers(unit, rng);
    });
}

#[test]
fn a_stream_must_be_whole() {
    each("topk::malformed length", |unit, good, rng| {
        for beats in [0, 1] {
            good.refuses(unit, &good.stream[..64 * beats], (fault::TRUNCATED, 0), "no table", rng);
        }
        for c in 0..3 {
            for end in [good.begins[c], good.begins[c] + 64, good.begins[c + 1] - 64] {
                good.refuses(unit, &good.stream[..end], (fault::TRUNCATED, c), "cut", rng);
            }
        }
        let mut surplus = good.stream.clone();
        surplus.extend([0; 64]);
        good.refuses(unit, &surplus, (fault::SURPLUS, 2), "a beat more", rng);
        surplus.extend([0xff; 640]);
        good.refuses(unit, &surplus, (fault::SURPLUS, 2), "beats more", rng);
    });
}
