//! Every edge case of the formats page, both ways, and what a reader refuses.

use super::*;
use nearfield_abi::beicsr::{capacity, EMPTY, ESCAPE};

const LAYOUTS: [Layout; 2] = [Layout::Beicsr, Layout::Published];

/// A multiplicative generator: 31 bits a draw.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) as usize % bound
    }

    /// A value of any kind: zeros of both signs, subnormals, infinities and NaNs among them.
    fn value(&mut self, density: usize) -> f32 {
        if self.below(100) >= density {
            return [0.0, -0.0][self.below(2)];
        }
        match self.below(8) {
            0 => f32::from_bits([1, 0x8000_0001, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc1_2345][self.below(6)]),
            _ => self.below(1 << 20) as f32 / 1024.0 - 512.0,
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    // Zeros have no sign afterwards.
    values.iter().map(|&value| if value == 0.0 { 0 } else { value.to_bits() }).collect()
}

#[test]
fn the_example_of_the_formats_page() {
    let mut row = vec![0.0; 40];
    (row[1], row[5], row[31], row[33]) = (1.5, -0.0, -2.0, f32::from_bits(1));
    let shape = Shape::new(1, 40, 32).unwrap();
    let encoded = encode(Layout::Beicsr, shape, &row);
    assert_eq!(encoded.table, [1, 1]);
    assert_eq!(encoded.words[..4], [0x8000_0002, 0x3fc0_0000, 0xc000_0000, 0]);
    assert_eq!(encoded.words[32..35], [0x0000_0002, 0x0000_0001, 0]);
    let pairs = encode_pairs(shape, &row).unwrap();
    assert_eq!(pairs.table, [Entry { start: 0, count: 2 }, Entry { start: 2, count: 1 }]);
    assert_eq!(pairs.pairs[2], Pair { column: 1, value: f32::from_bits(1) });
}

#[test]
fn lengths_at_their_borders() {
    for slice in (32..=256).step_by(32) {
        let full = capacity(slice as u64) as usize;
        for (count, length) in [(0, EMPTY), (1, 1), (full, (slice / 16) as u8), (full + 1, ESCAPE), (slice, ESCAPE)] {
            let mut values = vec![-0.0; slice];
            values[slice - count..].fill(f32::NAN);
            let mut words = vec![7; Layout::Beicsr.words(slice)];
            assert_eq!(encode_record(Layout::Beicsr, slice, &values, &mut words), length, "{count} of {slice}");
            let mut again = vec![1.0; slice];
            decode_record(Layout::Beicsr, slice, Some(length), &words, &mut again).unwrap();
            assert_eq!(bits(&again), bits(&values));
        }
    }
}

#[test]
fn all_shapes_come_back() {
    let mut draw = Draw(1);
    for width in [1, 16, 31, 32, 33, 96, 100, 256, 300] {
        for slice in (32..=256).step_by(32) {
            for density in [0, 3, 50, 97, 100] {
                let shape = Shape::new(5, width, slice).unwrap();
                let features: Vec<f32> = (0..5 * width).map(|_| draw.value(density)).collect();
                for layout in LAYOUTS {
                    let encoded = encode(layout, shape, &features);
                    let again = decode(layout, shape, &encoded.words, Some(&encoded.table)).unwrap();
                    assert_eq!(again.iter().map(|value| value.to_bits()).collect::<Vec<_>>(), bits(&features));
                    if layout == Layout::Published {
                        assert_eq!(bits(&decode(layout, shape, &encoded.words, None).unwrap()), bits(&features));
                    }
                }
                let pairs = encode_pairs(shape, &features).unwrap();
                let again = decode_pairs(shape, &pairs.pairs, &pairs.table).unwrap();
                assert_eq!(again.iter().map(|value| value.to_bits()).collect::<Vec<_>>(), bits(&features));
            }
        }
    }
}

/// The rule and the record that a change of good records breaks.
fn refused(change: impl Fn(&mut Encoded), layout: Layout) -> (Rule, Option<usize>, String) {
    let shape = Shape::new(3, 40, 32).unwrap();
    let mut features = vec![0.0; 120];
    features[40..72].fill(1.0);
    features[80..90].fill(2.0);
    let mut encoded = encode(layout, shape, &features);
    change(&mut encoded);
    let error = decode(layout, shape, &encoded.words, Some(&encoded.table)).unwrap_err();
    (error.rule, error.record.map(|(number, ..)| number), error.to_string())
}

#[test]
fn what_lies_is_refused() {
    let beicsr = |change: fn(&mut Encoded)| {
        let (rule, record, _) = refused(change, Layout::Beicsr);
        (rule, record)
    };
    assert_eq!(beicsr(|e| e.words.truncate(6 * 32 - 1)), (Rule::Features, None));
    assert_eq!(beicsr(|e| e.table.truncate(5)), (Rule::Table, None));
    // Record 0 is empty, 1 in escape, 2 has ten values; 3 to 5 are the last slice, eight columns wide.
    assert_eq!(beicsr(|e| e.table[0] = 1), (Rule::Count, Some(0)));
    assert_eq!(beicsr(|e| e.table[2] = 2), (Rule::Count, Some(2)));
    assert_eq!(beicsr(|e| e.table[2] = 3), (Rule::Length, Some(2)));
    assert_eq!(beicsr(|e| e.table[2] = 254), (Rule::Length, Some(2)));
    assert_eq!(beicsr(|e| e.table[1] = 2), (Rule::Count, Some(1)));
    assert_eq!(beicsr(|e| (e.table[3], e.words[96]) = (1, 0x100)), (Rule::Width, Some(3)));
    assert_eq!(beicsr(|e| (e.table[3], e.words[96 + 31]) = (ESCAPE, 1)), (Rule::Width, Some(3)));
    assert_eq!(beicsr(|e| e.words[64 + 11] = 9), (Rule::Padding, Some(2)));
    let published = |change: fn(&mut Encoded)| refused(change, Layout::Published);
    assert_eq!(published(|e| e.table[0] = ESCAPE).0, Rule::Length);
    assert_eq!(published(|e| e.table[1] = 2).0, Rule::Count);
    assert_eq!(published(|e| e.words[48 * 3] = 1 << 20).2.split(':').next(), Some("record 3 (row 0, slice 1)"));
    let text = refused(|e| e.table[2] = 2, Layout::Beicsr).2;
    assert_eq!(
        text,
        "record 2 (row 2, slice 0): the length table says 2 lines, but its bitmap has 10 values, which take 1"
    );
}

#[test]
fn pairs_that_lie_are_refused() {
    let shape = Shape::new(2, 40, 32).unwrap();
    let good = encode_pairs(shape, &[1.0; 80]).unwrap();
    let refused = |change: &dyn Fn(&mut Pairs)| {
        let mut pairs = good.clone();
        change(&mut pairs);
        let error = decode_pairs(shape, &pairs.pairs, &pairs.table).unwrap_err();
        (error.rule, error.record.map(|(number, ..)| number))
    };
    assert_eq!(refused(&|p| p.table.truncate(3)), (Rule::Table, None));
    assert_eq!(refused(&|p| p.pairs.truncate(79)), (Rule::Features, Some(3)));
    assert_eq!(refused(&|p| p.table[0] = Entry { start: u32::MAX, count: u32::MAX }), (Rule::Features, Some(0)));
    assert_eq!(refused(&|p| p.pairs[33].column = 0), (Rule::Order, Some(1)));
    assert_eq!(refused(&|p| p.pairs[64].column = 8), (Rule::Width, Some(2)));
    assert_eq!(refused(&|p| p.table[2].count = 9), (Rule::Order, Some(2)));
}

#[test]
fn shapes_that_are_not_built_are_refused() {
    for (rows, width, slice) in [(0, 1, 32), (1, 0, 32), (1, 4097, 32), (1, 1, 0), (1, 1, 16), (1, 1, 48), (1, 1, 288)]
    {
        Shape::new(rows, width, slice).unwrap_err();
    }
    assert!(Shape::new(1 << 31, 1, 32).unwrap_err().to_string().starts_with("2147483648 rows of 1 columns in slices"));
}

/// Mutated words and lengths: read or refused, never a panic, and what is read has nothing past its bits.
#[test]
fn mutations_never_panic() {
    let (mut draw, mut accepted) = (Draw(2), 0);
    for round in 0..20_000 {
        let shape = Shape::new(1 + draw.below(3), 1 + draw.below(70), 32 * (1 + draw.below(2))).unwrap();
        let features: Vec<f32> = (0..shape.rows() * shape.width()).map(|_| draw.value(60)).collect();
        let mut encoded = encode(LAYOUTS[round % 2], shape, &features);
        for _ in 0..draw.below(3) {
            let at = draw.below(encoded.words.len());
            encoded.words[at] ^= 1 << draw.below(32);
            let at = draw.below(encoded.table.len());
            encoded.table[at] = [0, 1, 2, 3, 4, 5, 16, 17, 254, 255][draw.below(10)];
        }
        if let Ok(again) = decode(encoded.layout, shape, &encoded.words, Some(&encoded.table)) {
            accepted += 1;
            assert_eq!(bits(&again), again.iter().map(|value| value.to_bits()).collect::<Vec<_>>());
        }
    }
    assert!((5_000..19_000).contains(&accepted), "{accepted}");
}
