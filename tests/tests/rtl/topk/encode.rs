//! A Top-K encoder for the tests, written from `docs/formats.md` and sharing nothing with the hardware or the host.

use nearfield_tests::rng::Rng;

/// Formats of values, by their number in a stream.
pub const FORMATS: [u32; 3] = [0, 1, 2];

/// What a stream says: elements, and those of them that are kept with their values as they stand in the stream.
#[derive(Clone, Debug)]
pub struct Sparse {
    pub elements: usize,
    pub format: u32,
    pub kept: Vec<(usize, u32)>,
}

/// A value of a format in which zeros, subnormals, infinities and NaNs occur.
fn value(format: u32, rng: &mut Rng) -> u32 {
    match format {
        0 => rng.value(32) as u32,
        _ => rng.value(16) as u32,
    }
}

impl Sparse {
    /// Each element is kept with a chance of `share` in a million.
    pub fn uniform(elements: usize, share: usize, format: u32, rng: &mut Rng) -> Sparse {
        let places: Vec<usize> = (0..elements).filter(|_| rng.below(1_000_000) < share).collect();
        Sparse { elements, format, kept: places.into_iter().map(|at| (at, value(format, rng))).collect() }
    }

    /// Runs of `run` adjacent kept elements, with gaps at random so that one in `of` elements is kept.
    pub fn runs(elements: usize, run: usize, of: usize, format: u32, rng: &mut Rng) -> Sparse {
        let mut kept = Vec::new();
        let mut at = rng.below(2 * run * (of - 1) + 1);
        while at + run <= elements {
            kept.extend((at..at + run).map(|at| (at, value(format, rng))));
            at += run + 1 + rng.below(2 * run * (of - 1));
        }
        Sparse { elements, format, kept }
    }

    /// The dense run, values as they stand in the stream, up to the end of the last 16 elements.
    pub fn dense(&self) -> Vec<u32> {
        let mut all = vec![0; self.elements.next_multiple_of(16)];
        for &(at, value) in &self.kept {
            all[at] = value;
        }
        all
    }

    /// The kept elements of each chunk: local index and value.
    pub fn chunks(&self) -> Vec<Vec<(u16, u32)>> {
        let mut chunks = vec![Vec::new(); self.elements.div_ceil(65_536)];
        for &(at, value) in &self.kept {
            chunks[at / 65_536].push(((at % 65_536) as u16, value));
        }
        chunks
    }

    /// The stream.
    pub fn encode(&self) -> Vec<u8> {
        let chunks: Vec<Vec<u8>> = self.chunks().iter().map(|kept| groups(kept, self.format)).collect();
        let mut table = Vec::new();
        for (kept, bytes) in self.chunks().iter().zip(&chunks) {
            table.extend((kept.len() as u64).to_le_bytes());
            table.extend(checksum(bytes));
        }
        table.resize(table.len().next_multiple_of(64), 0);
        let mut stream = header(self.elements as u64, self.kept.len() as u64, self.format);
        stream.extend(table);
        stream.extend(chunks.concat());
        stream
    }
}

/// The first 64 bytes.
fn header(elements: u64, kept: u64, format: u32) -> Vec<u8> {
    let mut bytes = b"NFTOPK01".to_vec();
    bytes.extend(format.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(elements.to_le_bytes());
    bytes.extend(kept.to_le_bytes());
    bytes.resize(64, 0);
    bytes
}

/// A chunk's bytes.
pub fn groups(kept: &[(u16, u32)], format: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for group in kept.chunks(32) {
        for i in 0..32 {
            bytes.extend(group.get(i).map_or(0xffff, |kept| kept.0).to_le_bytes());
        }
        for i in 0..32 {
            let value = group.get(i).map_or(0, |kept| kept.1).to_le_bytes();
            bytes.extend(&value[..if format == 0 { 4 } else { 2 }]);
        }
    }
    bytes
}

/// The low words of a chunk's two sums.
pub fn checksum(bytes: &[u8]) -> [u8; 8] {
    let words = bytes.chunks(4).map(|word| word.iter().rev().fold(0u32, |word, byte| word << 8 | u32::from(*byte)));
    let (mut a, mut b) = (0u32, 0u32);
    for (i, word) in words.enumerate() {
        a = a.wrapping_add(word);
        b = b.wrapping_add(word.wrapping_mul(i as u32 + 1));
    }
    (u64::from(b) << 32 | u64::from(a)).to_le_bytes()
}

/// The sum of a beat's words, and that of its words each times the number of words after it.
pub fn sums(beat: &[u32]) -> (u32, u32) {
    beat.iter().rev().zip(0u32..).fold((0, 0), |(sum, after), (word, behind)| {
        (sum.wrapping_add(*word), after.wrapping_add(word.wrapping_mul(behind)))
    })
}

/// binary16 as binary32, by way of its value; a NaN becomes the canonical one.
pub fn binary32_of_half(half: u16) -> u32 {
    let sign = if half >> 15 == 1 { -1.0f32 } else { 1.0 };
    let (exponent, fraction) = (i32::from(half >> 10 & 31), f32::from(half & 1023));
    let magnitude = match (exponent, half & 1023) {
        (31, 0) => f32::INFINITY,
        (31, _) => return 0x7fc0_0000,
        (0, _) => fraction * 2f32.powi(-24),
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    };
    (sign * magnitude).to_bits()
}

/// A stream as beats of words.
pub fn beats(stream: &[u8]) -> Vec<Vec<u32>> {
    assert_eq!(stream.len() % 64, 0, "a stream is made of whole beats");
    let word = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    stream.chunks(64).map(|beat| beat.chunks(4).map(word).collect()).collect()
}
