//! The stream checksum: what hardware and host compute of a tensor's bytes, in whatever pieces they see them.
//!
//! Over the u32 words w₀ … wₙ₋₁ of a piece (little-endian, the last one filled with zeros): `a` = Σ wᵢ and `b` = Σ (i + 1) · wᵢ, both
//! modulo 2⁶⁴. It catches any flipped bit and any swapped or missing beat, and depends on neither alignment nor beat width.

/// Words that are added side by side: four vectors of the narrowest vector unit.
const LANES: usize = 8;

/// A checksum, and the number of words it covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Checksum {
    /// Sum of the words.
    pub a: u64,
    /// Sum of the words, each times its position counted from 1.
    pub b: u64,
    /// Words so far.
    pub words: u64,
}

impl Checksum {
    /// The checksum of a piece by itself.
    pub fn of(bytes: &[u8]) -> Checksum {
        Checksum::default().with(bytes)
    }

    /// This piece followed by another, which begins on a word: all pieces but the last have a multiple of 4 bytes.
    pub fn with(self, bytes: &[u8]) -> Checksum {
        let (rows, rest) = bytes.as_chunks::<{ 4 * LANES }>();
        self.then(Checksum::of_rows(rows)).with_words(rest)
    }

    /// Word by word: the definition.
    fn with_words(mut self, bytes: &[u8]) -> Checksum {
        for word in bytes.chunks(4) {
            let mut filled = [0; 4];
            filled[..word.len()].copy_from_slice(word);
            let word = u64::from(u32::from_le_bytes(filled));
            self.words = self.words.wrapping_add(1);
            self.a = self.a.wrapping_add(word);
            self.b = self.b.wrapping_add(word.wrapping_mul(self.words));
        }
        self
    }

    /// Of whole rows of words, without a multiplication a word: a lane keeps the sum of its words and the sum of those sums. The
    /// word of row r of R is in the latter R - r times, which gives back r times the word.
    fn of_rows(rows: &[[u8; 4 * LANES]]) -> Checksum {
        let (mut sums, mut sums_of_sums) = ([0u64; LANES], [0u64; LANES]);
        for row in rows {
            for lane in 0..LANES {
                let word = [row[4 * lane], row[4 * lane + 1], row[4 * lane + 2], row[4 * lane + 3]];
                sums[lane] = sums[lane].wrapping_add(u64::from(u32::from_le_bytes(word)));
                sums_of_sums[lane] = sums_of_sums[lane].wrapping_add(sums[lane]);
            }
        }
        let (count, lanes) = (rows.len() as u64, LANES as u64);
        let mut total = Checksum { words: count.wrapping_mul(lanes), ..Checksum::default() };
        for (lane, (&sum, &again)) in (1..).zip(sums.iter().zip(&sums_of_sums)) {
            let by_row = count.wrapping_mul(sum).wrapping_sub(again);
            total.a = total.a.wrapping_add(sum);
            total.b = total.b.wrapping_add(lanes.wrapping_mul(by_row)).wrapping_add(sum.wrapping_mul(lane));
        }
        total
    }

    /// This piece followed by one whose checksum is known.
    pub fn then(self, next: Checksum) -> Checksum {
        Checksum {
            a: self.a.wrapping_add(next.a),
            b: self.b.wrapping_add(next.b).wrapping_add(self.words.wrapping_mul(next.a)),
            words: self.words.wrapping_add(next.words),
        }
    }

    /// The low words of both sums, `a` + 2³² · `b`: what a chunk's entry of a [`crate::topk`] stream holds.
    pub fn folded(self) -> u64 {
        u64::from(self.a as u32) | u64::from(self.b as u32) << 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_to_the_whole() {
        let bytes: Vec<u8> = (0..1003u32).map(|i| (i * 77 + 5) as u8).collect();
        let whole = Checksum::of(&bytes);
        assert_eq!(whole.words, 251);
        for cut in (0..bytes.len()).step_by(4) {
            let (one, two) = bytes.split_at(cut);
            assert_eq!(Checksum::of(one).with(two), whole);
            assert_eq!(Checksum::of(one).then(Checksum::of(two)), whole);
        }
    }

    #[test]
    fn rows_give_what_words_give() {
        let bytes: Vec<u8> = (0..5000u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 23) as u8).collect();
        let before = Checksum { a: 1 << 63, b: u64::MAX - 5, words: (1 << 40) + 3 };
        for length in [0, 1, 4, 31, 32, 33, 64, 100, 4096, 5000] {
            assert_eq!(before.with(&bytes[..length]), before.with_words(&bytes[..length]), "{length} bytes");
        }
    }

    #[test]
    fn it_is_the_sum_the_page_states() {
        let sum = Checksum::of(&[1, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 7]);
        assert_eq!((sum.a, sum.b, sum.words), (3 + 0xffff_ffff + 7, 1 + 2 * 2 + 3 * 0xffff_ffff + 4 * 7, 4));
        assert_eq!(sum.folded(), (sum.a & 0xffff_ffff) | sum.b << 32);
    }

    #[test]
    fn a_swapped_beat_and_a_flipped_bit_are_seen() {
        let bytes: Vec<u8> = (0..256u32).map(|i| (i * i) as u8).collect();
        let whole = Checksum::of(&bytes);
        let mut swapped = bytes.clone();
        swapped.rotate_left(64);
        assert_ne!(Checksum::of(&swapped), whole);
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Checksum::of(&flipped), whole);
        }
    }
}
