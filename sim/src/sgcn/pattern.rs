use nearfield_abi::beicsr;

/// Which features are not zero.
#[derive(Clone, Copy, Debug)]
pub enum Pattern<'a> {
    /// Bits, a row after the other, `width.div_ceil(32)` words each; the lowest bit of a word is its first column.
    Bits(&'a [u32]),
    /// Each with this probability, drawn anew wherever it is asked for, so that nothing is stored.
    Drawn {
        /// The probability, in steps of 2^-16.
        density: f64,
        /// Another pattern for each.
        seed: u64,
    },
}

/// The words of a slice's bitmap.
pub(super) type Words = [u32; 8];

/// A pattern in the slices of a feature matrix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Records<'a> {
    pub(super) pattern: Pattern<'a>,
    pub(super) width: u32,
    pub(super) slice: u32,
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// 64 bits, each of which is 1 with a probability of `steps` / 2^16.
fn draw(key: u64, steps: u32) -> u64 {
    let (mut bits, mut state) = (0, mix(key));
    if steps == 1 << 16 {
        return u64::MAX;
    }
    for bit in steps.trailing_zeros().min(16)..16 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let random = mix(state);
        bits = if steps >> bit & 1 == 1 { bits | random } else { bits & random };
    }
    bits
}

impl Records<'_> {
    /// The bitmap of a vertex in a slice; nothing past the width.
    pub(super) fn words(&self, vertex: u32, slice: u32) -> Words {
        let mut words = Words::default();
        let first = slice * self.slice;
        let columns = self.slice.min(self.width - first);
        let count = columns.div_ceil(32) as usize;
        match self.pattern {
            Pattern::Bits(bits) => {
                let at = vertex as usize * self.width.div_ceil(32) as usize + first as usize / 32;
                words[..count].copy_from_slice(&bits[at..at + count]);
            }
            Pattern::Drawn { density, seed } => {
                let steps = (density.clamp(0.0, 1.0) * 65536.0).round() as u32;
                let key = mix(seed) ^ u64::from(vertex) << 8;
                for pair in 0..count.div_ceil(2) {
                    let bits = draw(
                        key.wrapping_add(u64::from(first / 64) + pair as u64 + (u64::from(first / 32 % 2) << 7)),
                        steps,
                    );
                    words[2 * pair] = bits as u32;
                    words[2 * pair + 1] = (bits >> 32) as u32;
                }
                words[count..].fill(0);
            }
        }
        if !columns.is_multiple_of(32) {
            words[count - 1] &= (1 << (columns % 32)) - 1;
        }
        words
    }

    /// Of pairs, the number of those before each record, and of all.
    pub(super) fn pairs_before(&self, rows: u32) -> Vec<u32> {
        let mut sum = 0;
        let slices = beicsr::slices(self.width.into(), self.slice.into()) as u32;
        let records = (0..slices).flat_map(|slice| (0..rows).map(move |row| (row, slice)));
        let before = |(row, slice)| {
            let before = sum;
            sum += ones(&self.words(row, slice));
            before
        };
        let mut all: Vec<u32> = records.map(before).collect();
        all.push(sum);
        all
    }
}

/// How many features of a record are not zero.
#[inline]
pub(super) fn ones(words: &Words) -> u32 {
    words.iter().map(|word| word.count_ones()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_has_its_density() {
        for density in [0.0, 0.25, 0.3, 0.5, 1.0] {
            let records = Records { pattern: Pattern::Drawn { density, seed: 3 }, width: 200, slice: 96 };
            let of_row = |row| (0..3).map(|slice| ones(&records.words(row, slice))).sum::<u32>();
            let share = f64::from((0..1000).map(of_row).sum::<u32>()) / 200_000.0;
            assert!((share - density).abs() < 0.005, "{share} for {density}");
        }
    }

    #[test]
    fn slices_are_cut_out_of_rows() {
        let bits = [1, 2, 3, 4, 0xffff_ffff, 5, 6, 7, 8, 9];
        let records = Records { pattern: Pattern::Bits(&bits), width: 137, slice: 96 };
        assert_eq!(records.words(0, 0)[..4], [1, 2, 3, 0]);
        assert_eq!(records.words(0, 1)[..3], [4, 0x1ff, 0]);
        assert_eq!(records.words(1, 0)[..3], [5, 6, 7]);
        assert_eq!(records.pairs_before(2), [0, 4, 11, 21, 24]);
    }
}
