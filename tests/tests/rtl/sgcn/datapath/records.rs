//! Records of all kinds, as descriptors and lines, and what they mean.

use nearfield_tests::binary32::native;
use nearfield_tests::rng::Rng;

pub const BITMAP: u32 = 0;
pub const RAW: u32 = 1;
pub const PAIRS: u32 = 2;
pub const NOTHING: u32 = 3;

pub type Line = [u32; 16];

/// A record with all that its descriptor says.
#[derive(Clone, Debug)]
pub struct Record {
    pub weight: u32,
    pub context: u32,
    pub kind: u32,
    pub lines: Vec<Line>,
    /// What the descriptor says of the number of lines, if not the truth.
    pub claimed: Option<u32>,
    pub entry: u32,
    pub count: u32,
    pub last: bool,
    pub segments: u32,
    pub out: u32,
    pub row: u32,
    /// Columns and values in order.
    pub values: Vec<(usize, u32)>,
}

/// An operation as it comes to the lanes: of each lane its column and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub context: u32,
    pub window: usize,
    pub weight: u32,
    pub lanes: Vec<Option<(bool, u32)>>,
}

impl Record {
    pub fn descriptor(&self) -> Vec<u32> {
        let claimed = self.claimed.unwrap_or(self.lines.len() as u32);
        let fields = [
            (self.weight, 32),
            (self.context, 4),
            (self.kind, 2),
            (claimed & 31, 5),
            (self.entry, 3),
            (self.count, 9),
            (u32::from(self.last), 1),
            (self.segments, 5),
            (self.out, 32),
            (self.row, 31),
        ];
        let (mut words, mut at) = (vec![0u32; 4], 0);
        for (value, bits) in fields {
            let shifted = u64::from(value) << (at % 32);
            words[at / 32] |= shifted as u32;
            if shifted >> 32 != 0 {
                words[at / 32 + 1] |= (shifted >> 32) as u32;
            }
            at += bits;
        }
        assert_eq!(at, 124);
        words
    }

    /// The operations that it makes, in order.
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        let mut push = |window: usize, values: &[(usize, u32)]| {
            let mut lanes = vec![None; 16];
            for &(column, value) in values {
                assert_eq!(lanes[column % 16].replace((column / 16 % 2 == 1, value)), None, "a lane twice");
            }
            operations.push(Operation { context: self.context, window, weight: self.weight, lanes });
        };
        let of = |segment: usize, values: &[(usize, u32)]| -> Vec<(usize, u32)> {
            values.iter().copied().filter(|(column, _)| column / 16 == segment).collect()
        };
        match self.kind {
            BITMAP => {
                for window in 0..8 {
                    let [low, high] = [0, 1].map(|half| of(2 * window + half, &self.values));
                    let clash = low.iter().any(|(a, _)| high.iter().any(|(b, _)| b % 16 == a % 16));
                    if !low.is_empty() && !high.is_empty() && !clash {
                        push(window, &[low, high].concat());
                        continue;
                    }
                    for part in [low, high] {
                        if !part.is_empty() {
                            push(window, &part);
                        }
                    }
                }
            }
            RAW => (0..16).map(|s| (s, of(s, &self.values))).for_each(|(s, part)| {
                if !part.is_empty() {
                    push(s / 2, &part);
                }
            }),
            PAIRS => {
                let mut rest = &self.values[..];
                let mut line = 8 - self.entry as usize;
                while !rest.is_empty() {
                    let (now, later) = rest.split_at(line.min(rest.len()));
                    for s in 0..16 {
                        let part = of(s, now);
                        if !part.is_empty() {
                            push(s / 2, &part);
                        }
                    }
                    (rest, line) = (later, 8);
                }
            }
            _ => {}
        }
        operations
    }
}

/// A value that arithmetic finds hard, now and then; of either sign, sometimes zero.
pub fn value(rng: &mut Rng) -> u32 {
    let sign = (rng.word() as u32) << 31;
    match rng.below(24) {
        0 => sign,
        1 => sign | (rng.word() as u32 & 0x007f_ffff),
        2 => sign | 0x7f00_0000 | (rng.word() as u32 & 0x007f_ffff),
        3 => rng.word() as u32 & 0xff7f_ffff,
        _ => sign | ((120 + rng.below(14) as u32) << 23) | (rng.word() as u32 & 0x007f_ffff),
    }
}

fn noise(rng: &mut Rng) -> Line {
    std::array::from_fn(|_| rng.word() as u32)
}

/// A row under way: where it goes, and what all its records have in common.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Words of a bitmap.
    pub words: usize,
    pub segments: usize,
    pub context: u32,
    pub out: u32,
    pub row: u32,
}

fn empty(frame: Frame, rng: &mut Rng) -> Record {
    Record {
        weight: match rng.below(8) {
            0 => 0x3f80_0000,
            1 => rng.word() as u32 & 0x807f_ffff,
            2 => 0x7f00_0000 | (rng.word() as u32 & 0x807f_ffff),
            _ => value(rng),
        },
        context: frame.context,
        kind: NOTHING,
        lines: Vec::new(),
        claimed: None,
        entry: rng.below(8) as u32,
        count: rng.below(512) as u32,
        last: false,
        segments: frame.segments as u32,
        out: frame.out,
        row: frame.row,
        values: Vec::new(),
    }
}

/// A record with a bitmap, `per_mille` of its columns in it.
pub fn bitmap(frame: Frame, per_mille: usize, rng: &mut Rng) -> Record {
    let mut record = Record { kind: BITMAP, ..empty(frame, rng) };
    let most = 32 * frame.words - frame.words;
    for column in 0..16 * frame.segments {
        if rng.below(1000) < per_mille && record.values.len() < most {
            record.values.push((column, value(rng)));
        }
    }
    pack(&mut record, frame, rng);
    record
}

/// Writes the lines of a bitmap record from its values.
pub fn pack(record: &mut Record, frame: Frame, rng: &mut Rng) {
    let mut all = vec![0u32; frame.words];
    record.values.iter().for_each(|(column, _)| all[column / 32] |= 1 << (column % 32));
    all.extend(record.values.iter().map(|(_, value)| value));
    record.lines = all
        .chunks(16)
        .map(|chunk| {
            let mut line = noise(rng);
            line[..chunk.len()].copy_from_slice(chunk);
            line
        })
        .collect();
}

/// A record with every column of the row, and perhaps lines beyond it.
pub fn raw(frame: Frame, rng: &mut Rng) -> Record {
    let mut record = Record { kind: RAW, ..empty(frame, rng) };
    let lines = if rng.one_in(4) { 2 * frame.words } else { frame.segments };
    for line in 0..lines {
        let zeros = rng.below(3);
        let words: Line = std::array::from_fn(|_| match rng.below(3) < zeros {
            true => (rng.word() as u32) << 31,
            false => value(rng),
        });
        if line < frame.segments {
            record.values.extend(words.iter().enumerate().map(|(i, word)| (16 * line + i, *word)));
        }
        record.lines.push(words);
    }
    record
}

/// Pairs of column and value.
pub fn pairs(frame: Frame, per_mille: usize, rng: &mut Rng) -> Record {
    let mut record = Record { kind: PAIRS, ..empty(frame, rng) };
    for column in 0..16 * frame.segments {
        if rng.below(1000) < per_mille {
            record.values.push((column, value(rng)));
        }
    }
    lay(&mut record, rng);
    record
}

/// Writes the lines of pairs from a record's values.
pub fn lay(record: &mut Record, rng: &mut Rng) {
    record.lines.clear();
    record.count = record.values.len() as u32;
    let mut at = record.entry as usize;
    for (column, value) in &record.values {
        if at == 8 || record.lines.is_empty() {
            record.lines.push(noise(rng));
            at %= 8;
        }
        let line = record.lines.last_mut().expect("a line was pushed");
        (line[2 * at], line[2 * at + 1]) = (*column as u32, *value);
        at += 1;
    }
}

/// A record of any kind.
pub fn any(frame: Frame, rng: &mut Rng) -> Record {
    let density = [0, 30, 300, 700, 1000][rng.below(5)];
    match rng.below(8) {
        0..=3 => bitmap(frame, density, rng),
        4 => raw(frame, rng),
        5 | 6 => pairs(frame, density, rng),
        _ => empty(frame, rng),
    }
}

/// A row of `n` records that `one` makes; without any it is one record of nothing.
pub fn row(frame: Frame, n: usize, rng: &mut Rng, mut one: impl FnMut(Frame, &mut Rng) -> Record) -> Vec<Record> {
    let mut records: Vec<Record> = (0..n).map(|_| one(frame, rng)).collect();
    if n == 0 || rng.one_in(8) {
        records.push(empty(frame, rng));
    }
    records.last_mut().expect("there is one").last = true;
    records
}

/// What a row comes to: its lines.
pub fn aggregate(records: &[Record]) -> Vec<Line> {
    let segments = records[0].segments as usize;
    let mut lines = vec![[0u32; 16]; segments];
    for record in records {
        for &(column, x) in record.values.iter().filter(|(_, x)| x << 1 != 0) {
            let sum = &mut lines[column / 16][column % 16];
            *sum = native(f32::from_bits(record.weight).mul_add(f32::from_bits(x), f32::from_bits(*sum)));
        }
    }
    lines
}
