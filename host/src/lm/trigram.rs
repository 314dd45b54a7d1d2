//! The model to beat: bytes predicted from the two bytes before them.
//!
//! Interpolated Kneser-Ney smoothing with three discounts an order (Chen & Goodman, "An Empirical Study of Smoothing
//! Techniques for Language Modeling", 1999, section 3): the order below is that of the distinct bytes a byte was seen
//! after, and the lowest order is interpolated with the uniform distribution. It is the best smoothing of that study; on the embedded
//! text it predicts held-out bytes better than Witten-Bell's, which `docs/lm.md` has beside it.

/// The discount of the lowest order, and of any order with too few counts to estimate one.
const DISCOUNT: f64 = 0.75;
const BYTES: usize = 256;

/// Counts of bytes behind each context of an order.
#[derive(Debug)]
struct Order {
    /// For a context, where its bytes begin in `seen`; one more entry at the end.
    begins: Vec<u32>,
    /// Byte and count, ascending by context and byte.
    seen: Vec<(u8, u32)>,
    /// What is taken off a count of 1, of 2, and of 3 or more.
    discounts: [f64; 3],
}

/// The probabilities of bytes given the two before them.
#[derive(Debug)]
pub struct Trigram {
    three: Order,
    two: Order,
    one: [f64; BYTES],
}

impl Trigram {
    /// Of a text.
    pub fn new(text: &[u8]) -> Trigram {
        let mut grams: Vec<u32> = text.windows(3).map(|g| u32::from_be_bytes([0, g[0], g[1], g[2]])).collect();
        grams.sort_unstable();
        let three = Order::new(BYTES * BYTES, &grams);
        // A pair counts once for each distinct byte before it, a byte once for each distinct byte before it.
        grams.dedup();
        let mut pairs: Vec<u32> = grams.iter().map(|gram| gram & 0xffff).collect();
        pairs.sort_unstable();
        let two = Order::new(BYTES, &pairs);
        pairs.dedup();
        let mut counts = [0u32; BYTES];
        pairs.iter().for_each(|pair| counts[(pair & 0xff) as usize] += 1);
        let distinct = counts.iter().filter(|&&count| count > 0).count() as f64;
        let total = pairs.len() as f64;
        let one = counts.map(|count| {
            let uniform = 1.0 / BYTES as f64;
            match count {
                _ if pairs.is_empty() => uniform,
                0 => DISCOUNT * distinct / total * uniform,
                count => (f64::from(count) - DISCOUNT + DISCOUNT * distinct * uniform) / total,
            }
        });
        Trigram { three, two, one }
    }

    /// The probability of `byte` behind `before`.
    pub fn probability(&self, before: [u8; 2], byte: u8) -> f64 {
        let one = self.one[usize::from(byte)];
        let two = self.two.probability(usize::from(before[1]), byte, one);
        self.three.probability(usize::from(u16::from_be_bytes(before)), byte, two)
    }

    /// Bits a byte that it takes to say `bytes`, the first two of which are given; 0 of none.
    pub fn bits_per_byte(&self, bytes: &[u8]) -> f64 {
        let bits = bytes.windows(3).map(|g| -self.probability([g[0], g[1]], g[2]).log2()).sum::<f64>();
        bits / bytes.len().saturating_sub(2).max(1) as f64
    }
}

impl Order {
    /// Of grams in ascending order: the last byte of each is what was seen, the bytes before it the context.
    fn new(contexts: usize, grams: &[u32]) -> Order {
        let mut begins = vec![0; contexts + 1];
        let mut seen = Vec::new();
        let mut counted = [0u64; 5];
        for run in grams.chunk_by(|a, b| a == b) {
            let count = run.len() as u32;
            seen.push((run[0] as u8, count));
            begins[(run[0] >> 8) as usize + 1] = seen.len() as u32;
            counted[run.len().min(5) - 1] += 1;
        }
        // A context that was not seen begins, and ends, where the one before it ends.
        (1..=contexts).for_each(|context| begins[context] = begins[context].max(begins[context - 1]));
        Order { begins, seen, discounts: discounts(&counted) }
    }

    /// The probability of a byte in a context, given that in the order below.
    fn probability(&self, context: usize, byte: u8, below: f64) -> f64 {
        let seen = &self.seen[self.begins[context] as usize..self.begins[context + 1] as usize];
        if seen.is_empty() {
            return below;
        }
        let discount = |count: u32| self.discounts[count.min(3) as usize - 1];
        let total: f64 = seen.iter().map(|&(_, count)| f64::from(count)).sum();
        let taken: f64 = seen.iter().map(|&(_, count)| discount(count)).sum();
        let count = seen.binary_search_by_key(&byte, |&(byte, _)| byte).map_or(0, |index| seen[index].1);
        let kept = if count == 0 { 0.0 } else { f64::from(count) - discount(count) };
        (kept + taken * below) / total
    }
}

/// The discounts, given how many grams were seen once, twice, three and four times (Chen & Goodman, equation 26).
fn discounts(counted: &[u64; 5]) -> [f64; 3] {
    let [n1, n2, n3, n4, _] = counted.map(|count| count as f64);
    if n1 == 0.0 || n2 == 0.0 || n3 == 0.0 {
        return [DISCOUNT; 3];
    }
    let y = n1 / (n1 + 2.0 * n2);
    let of = |count: f64, here: f64, next: f64| (count - (count + 1.0) * y * next / here).clamp(0.0, count);
    [of(1.0, n1, n2), of(2.0, n2, n3), of(3.0, n3, n4)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lm::Text;

    fn sum(model: &Trigram, before: [u8; 2]) -> f64 {
        (0..=255).map(|byte| model.probability(before, byte)).sum()
    }

    #[test]
    fn probabilities_sum_to_one_in_every_context() {
        for text in [&b""[..], b"a", b"ab", b"abc", b"abababbabac", &Text::embedded().training()[..20_000]] {
            let model = Trigram::new(text);
            for before in [*b"th", *b"he", *b"zz", *b"a\n", *b"ab", [0, 255]] {
                assert!((sum(&model, before) - 1.0).abs() < 1e-9, "{before:?}");
            }
        }
    }

    #[test]
    fn a_small_text_by_hand() {
        // Trigrams aba 2, bab 1; pairs behind distinct bytes ba 1, ab 1; bytes a 1, b 1. Too few counts: all discounts 0.75.
        let model = Trigram::new(b"ababa");
        let one = (0.25 + 0.75 * 2.0 / 256.0) / 2.0;
        let two = 0.25 + 0.75 * one;
        let three = (1.25 + 0.75 * two) / 2.0;
        assert!((model.probability(*b"ab", b'a') - three).abs() < 1e-12);
        // Behind b only a was seen, of the bytes in the text; z is only in the uniform distribution.
        let unseen = 0.75 / 2.0 * 0.75 * (0.75 * 2.0 / 2.0 / 256.0);
        assert!((model.probability(*b"ab", b'z') - unseen).abs() < 1e-12);
        // A context that was not seen is that of its last byte.
        assert!((model.probability(*b"zb", b'a') - two).abs() < 1e-12);
        assert!((model.bits_per_byte(b"xaba") + (three * model.probability(*b"xa", b'b')).log2() / 2.0).abs() < 1e-12);
    }

    #[test]
    fn the_embedded_text_takes_as_many_bits_as_another_program_says() {
        // The same formulas, written apart in Python.
        let text = Text::embedded();
        let bits = Trigram::new(text.training()).bits_per_byte(text.held_out());
        assert!((bits - 2.533_174_919_425).abs() < 1e-9, "{bits}");
    }
}
