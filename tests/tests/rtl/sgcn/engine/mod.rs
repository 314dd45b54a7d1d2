//! An engine's front end, and the dispatcher, under Verilator.

mod dispatch;
mod edges;
mod fetch;
mod lookup;
mod request_mux;
mod rows;
mod whole;

use super::{design, emits_clean, library};
use nearfield_hdl::sgcn::layout::*;
use nearfield_sim::verilate::Library;
use nearfield_tests::cell::Cell;
use nearfield_tests::rng::Rng;
use std::sync::OnceLock;

type Line = [u32; 16];

/// All of them in one library, built once.
fn family() -> &'static Library {
    static FAMILY: OnceLock<Library> = OnceLock::new();
    FAMILY.get_or_init(|| {
        let names = ["dispatch", "rows", "edges", "lookup", "fetch", "request_mux"];
        library("sgcn_front", &names.map(|name| design(&format!("sgcn_{name}"))))
    })
}

fn cell(name: &'static str) -> Cell {
    Cell::of(family(), name)
}

/// Fields of these widths side by side, the lowest first.
fn pack(fields: &[(u64, usize)]) -> Vec<u32> {
    let bits = fields.iter().flat_map(|&(value, width)| {
        assert!(width == 64 || value >> width == 0, "{value:x} in {width} bits");
        (0..width).map(move |bit| value >> bit & 1 == 1)
    });
    let bits: Vec<bool> = bits.collect();
    let word = |chunk: &[bool]| chunk.iter().enumerate().fold(0, |word, (i, bit)| word | u32::from(*bit) << i);
    bits.chunks(32).map(word).collect()
}

/// The field of `width` bits from bit `at` on.
fn field(words: &[u32], at: usize, width: usize) -> u64 {
    (0..width).fold(0, |value, i| value | u64::from(words[(at + i) / 32] >> ((at + i) % 32) & 1) << i)
}

fn noise(rng: &mut Rng) -> Line {
    std::array::from_fn(|_| rng.word() as u32)
}

/// Word `index` of the array that begins at line 0 lies in this line; what lies around it is noise.
fn line_of(array: &[u32], line: usize, rng: &mut Rng) -> Line {
    let mut words = noise(rng);
    for (i, word) in words.iter_mut().enumerate() {
        if let Some(value) = array.get(16 * line + i) {
            *word = *value;
        }
    }
    words
}

/// What is known of a row in a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    row: u32,
    out: u32,
    base: u32,
    line: u32,
    segments: u32,
}

impl Place {
    fn draw(row: u32, rng: &mut Rng) -> Place {
        Place {
            row,
            out: rng.word() as u32,
            base: rng.word() as u32,
            line: rng.below(512) as u32,
            segments: 1 + rng.below(16) as u32,
        }
    }

    fn fields(&self) -> [(u64, usize); 5] {
        [
            (self.row.into(), 31),
            (self.out.into(), 32),
            (self.base.into(), 32),
            (self.line.into(), 9),
            (self.segments.into(), 5),
        ]
    }

    fn of(words: &[u32]) -> Place {
        Place {
            row: field(words, PLACE_ROW, 31) as u32,
            out: field(words, PLACE_OUT, 32) as u32,
            base: field(words, PLACE_BASE, 32) as u32,
            line: field(words, PLACE_LINE, 9) as u32,
            segments: field(words, PLACE_SEGMENTS, 5) as u32,
        }
    }
}

/// A request: line address, kind and slot of its tag, whether it is not to be kept.
fn request(words: &[u32]) -> (u32, u64, usize, bool) {
    let slot = field(words, REQUEST_TAG, 8) as usize;
    (words[0], field(words, REQUEST_TAG + 8, 3), slot, field(words, REQUEST_NOALLOC, 1) == 1)
}
