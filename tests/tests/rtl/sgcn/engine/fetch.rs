use super::lookup::{find, telling, Found, Lengths};
use super::{cell, field, pack, request, Line, Place};
use nearfield_hdl::sgcn::layout::{KIND_FEATURE, KIND_LOOKUP};
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Sink, Source};
use std::collections::BTreeMap;

const NAME: &str = "sgcn_fetch";
const FEATURES: u32 = 0x0123_0001;
const TABLE: u32 = 0xfff0_0003;

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[derive(Clone, Copy, Debug)]
struct Format {
    dense: bool,
    lengths: Lengths,
    words: usize,
    /// Lines of a full record, and from one to the next.
    full: u32,
    stride: u32,
}

fn formats(words: usize, rng: &mut Rng) -> Vec<Format> {
    let published = (33 * words as u32).div_ceil(16);
    let segments = 2 * words as u32;
    let format = |lengths, full| Format { dense: false, lengths, words, full, stride: full };
    let stride = 1 + rng.below(256) as u32;
    vec![
        format(Lengths::Table { escapes: true }, segments),
        format(Lengths::Table { escapes: false }, published),
        format(Lengths::Learned, published),
        format(Lengths::Pairs, segments),
        Format { dense: true, stride, ..format(Lengths::Pairs, segments) },
    ]
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    place: Place,
    weight: u32,
    column: u32,
    bypass: bool,
    context: u32,
    last: bool,
    hollow: bool,
}

impl Edge {
    fn draw(number: u32, rng: &mut Rng) -> Edge {
        let hollow = rng.one_in(9);
        Edge {
            place: Place::draw(number, rng),
            weight: rng.word() as u32,
            column: rng.below(1 << 20) as u32,
            bypass: rng.one_in(2),
            context: rng.below(16) as u32,
            last: hollow || rng.one_in(4),
            hollow,
        }
    }

    fn words(&self) -> Vec<u32> {
        let rest: [(u64, usize); 6] = [
            (self.weight.into(), 32),
            (self.column.into(), 31),
            (self.bypass.into(), 1),
            (self.context.into(), 4),
            (self.last.into(), 1),
            (self.hollow.into(), 1),
        ];
        pack(&[&self.place.fields()[..], &rest[..]].concat())
    }
}

/// Lines of the table and the heads of records, made up when first asked for.
struct Memory {
    format: Format,
    sound: bool,
    lines: BTreeMap<u32, Line>,
}

impl Memory {
    fn line(&mut self, address: u32, rng: &mut Rng) -> Line {
        let Format { lengths, full, words, .. } = self.format;
        let broken = !self.sound && rng.one_in(8);
        *self.lines.entry(address).or_insert_with(|| {
            let mut line = telling(lengths, full, rng);
            for byte in (0..64).filter(|_| !broken) {
                if find(lengths, words, full, byte, &line).is_none() {
                    match lengths {
                        Lengths::Pairs => line[byte / 8 * 2 + 1] &= 255,
                        _ => line[byte / 4] &= !(255 << (8 * (byte % 4))),
                    }
                }
            }
            line
        })
    }

    /// Where an edge's record is looked up: the line and the byte.
    fn entry(&self, edge: &Edge) -> (u32, usize) {
        let record = edge.column.wrapping_add(edge.place.base);
        match self.format.lengths {
            Lengths::Learned => (FEATURES.wrapping_add(record.wrapping_mul(self.format.stride)), 0),
            Lengths::Pairs => (TABLE.wrapping_add(record / 8), record as usize % 8 * 8),
            Lengths::Table { .. } => (TABLE.wrapping_add(record / 64), record as usize % 64),
        }
    }

    /// What is to be fetched for an edge, and from where; None if it cannot be.
    fn record(&mut self, edge: &Edge, rng: &mut Rng) -> Option<(u32, Found)> {
        let none = Found { lines: 0, raw: false, entry: 0, count: 0, start: 0 };
        if edge.hollow {
            return Some((0, none));
        }
        if self.format.dense {
            let start =
                FEATURES.wrapping_add(edge.place.line).wrapping_add(edge.column.wrapping_mul(self.format.stride));
            return Some((start, Found { lines: edge.place.segments, raw: true, ..none }));
        }
        let (address, byte) = self.entry(edge);
        let line = self.line(address, rng);
        let found = find(self.format.lengths, self.format.words, self.format.full, byte, &line)?;
        let record = edge.column.wrapping_add(edge.place.base);
        let start = match self.format.lengths {
            Lengths::Pairs => found.start,
            _ => record.wrapping_mul(self.format.stride),
        };
        Some((FEATURES.wrapping_add(start), found))
    }
}

/// Edges, lookups, their answers, lines, descriptors, places in the window.
type Paces = [Pace; 6];

/// Fetches for `edges` until all are done or one cannot be; the cycles from the first line to the last.
fn run(format: Format, edges: &[Edge], sound: bool, paces: Paces, rng: &mut Rng) -> usize {
    let mut memory = Memory { format, sound, lines: BTreeMap::new() };
    let mut cell = cell(NAME);
    for port in ["stop", "arrive", "room", "s_valid", "lookup_ready", "lines_ready", "m_ready"] {
        cell.set(port, 0);
    }
    cell.reset();
    cell.set("dense", format.dense.into());
    cell.set("pairs", (!format.dense && format.lengths == Lengths::Pairs).into());
    cell.set("learned", (!format.dense && format.lengths == Lengths::Learned).into());
    cell.set("escapes", (!format.dense && format.lengths == Lengths::Table { escapes: true }).into());
    cell.set("bitmap_words", format.words as u64);
    for (name, value) in [("full", format.full), ("stride", format.stride), ("features", FEATURES), ("lengths", TABLE)]
    {
        cell.set(name, value.into());
    }

    // What has to come out, up to the first edge that cannot be.
    let (mut right_lines, mut right_descriptors, mut wrong) = (Vec::new(), Vec::new(), None);
    for edge in edges {
        let Some((start, found)) = memory.record(edge, rng) else {
            wrong = Some(edge.place.row);
            break;
        };
        right_lines.extend((0..found.lines).map(|i| (start.wrapping_add(i), edge.bypass)));
        if found.lines > 0 || edge.last {
            right_descriptors.push((*edge, found));
        }
    }

    let mut source = Source::new(cell.wires("s"), edges.iter().map(Edge::words), paces[0]);
    let mut lookups = Sink::new(cell.wires("lookup"), paces[1]);
    let mut lines = Sink::new(cell.wires("lines"), paces[3]);
    let mut descriptors = Sink::new(cell.wires("m"), paces[4]);
    let data = cell.port("data");
    let mut pending: Vec<(u32, usize)> = Vec::new();
    let (mut asked, mut slot, mut places, mut seen, mut quiet) = (0, rng.below(128), 0, 0, 0);
    let (mut first, mut last) = (None, 0);
    let bound = 4000 + 60 * (edges.len() + right_lines.len());
    for cycle in 0.. {
        assert!(cycle < bound, "{} of {} lines: {format:?}", lines.taken.len(), right_lines.len());
        source.drive(&mut cell.instance, rng);
        lookups.drive(&mut cell.instance, rng);
        lines.drive(&mut cell.instance, rng);
        descriptors.drive(&mut cell.instance, rng);
        let answers = !pending.is_empty() && paces[2].draw(rng);
        let (address, for_slot) = match answers {
            true => pending.swap_remove(rng.below(pending.len())),
            false => (rng.word() as u32, rng.below(32)),
        };
        cell.set("arrive", answers.into());
        cell.set("arrive_slot", for_slot as u64);
        let line = match answers {
            true => memory.line(address, rng),
            false => super::noise(rng),
        };
        cell.instance.set_words(data, &line);
        // Places become free one at a time, up to all of the window.
        if places < 128 && paces[5].draw(rng) {
            places += 1;
        }
        cell.set("room", (places > 0).into());
        cell.set("slot", slot as u64);
        cell.settle();
        source.sample(&cell.instance);
        lookups.sample(&mut cell.instance);
        let allocates = cell.get("allocate") == 1;
        lines.sample(&mut cell.instance);
        descriptors.sample(&mut cell.instance);
        for taken in &lookups.taken[asked..] {
            let (address, kind, slot, noalloc) = request(taken);
            assert_eq!((kind, noalloc), (KIND_LOOKUP, false));
            assert!(slot < 32 && pending.iter().all(|(_, other)| *other != slot));
            pending.push((address, slot));
        }
        asked = lookups.taken.len();
        assert_eq!(allocates, lines.taken.len() > seen, "a place is taken with each line");
        if allocates {
            let (address, kind, to, noalloc) = request(&lines.taken[seen]);
            assert!(seen < right_lines.len(), "a line that nobody wants");
            assert_eq!((kind, to), (KIND_FEATURE, slot));
            assert_eq!((address, noalloc), right_lines[seen], "line {seen}: {format:?}");
            seen += 1;
            slot = (slot + 1) % 128;
            places -= 1;
            first.get_or_insert(cycle);
            last = cycle;
        }
        let faulty = cell.get("fault") == 1;
        cell.tick();
        let complete = seen == right_lines.len() && descriptors.taken.len() == right_descriptors.len();
        quiet = if complete && (faulty || source.is_done()) { quiet + 1 } else { 0 };
        if quiet > 60 {
            break;
        }
    }
    assert_eq!(descriptors.taken.len(), right_descriptors.len());
    for (taken, (edge, found)) in descriptors.taken.iter().zip(&right_descriptors) {
        let kind = match found.lines {
            0 => 3,
            _ if found.raw => 1,
            _ if format.lengths == Lengths::Pairs => 2,
            _ => 0,
        };
        assert_eq!(taken[0], edge.weight);
        assert_eq!((field(taken, 32, 4), field(taken, 36, 2)), (edge.context.into(), kind), "{format:?}");
        assert_eq!(field(taken, 38, 5), u64::from(found.lines) & 31);
        if kind == 2 {
            assert_eq!((field(taken, 43, 3), field(taken, 46, 9)), (found.entry.into(), found.count.into()));
        }
        assert_eq!((field(taken, 55, 1) == 1, field(taken, 56, 5)), (edge.last, edge.place.segments.into()));
        assert_eq!((field(taken, 61, 32), field(taken, 93, 31)), (edge.place.out.into(), edge.place.row.into()));
    }
    let fault = (cell.get("fault") == 1).then(|| cell.get("fault_row") as u32);
    assert_eq!(fault, wrong);
    last + 1 - first.unwrap_or(last)
}

fn edges(n: usize, rng: &mut Rng) -> Vec<Edge> {
    (0..n).map(|i| Edge::draw(0x7fff_0000 + i as u32, rng)).collect()
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x6665_7463));
    for words in [1, 4, 8] {
        for format in formats(words, &mut rng) {
            let edges = edges(150, &mut rng);
            run(format, &edges, true, [Pace::ALL[0]; 6], &mut rng);
        }
    }
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed(NAME, 0x7374_616c));
    for _ in 0..8 {
        let words = 1 + rng.below(8);
        for format in formats(words, &mut rng) {
            let paces = std::array::from_fn(|_| Pace::ALL[rng.below(3)]);
            let edges = edges(50, &mut rng);
            run(format, &edges, true, paces, &mut rng);
        }
    }
}

#[test]
fn a_length_that_cannot_be_is_told() {
    let mut rng = Rng::new(seed(NAME, 0x6c69_6573));
    for _ in 0..12 {
        let words = 1 + rng.below(8);
        for format in formats(words, &mut rng) {
            let paces = std::array::from_fn(|_| Pace::ALL[rng.below(3)]);
            let edges = edges(40, &mut rng);
            run(format, &edges, false, paces, &mut rng);
        }
    }
}
