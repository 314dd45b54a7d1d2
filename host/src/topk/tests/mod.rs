//! Streams: what is kept comes back, and what breaks a rule does not come in.

mod malformed;

use super::*;

/// A small generator: the same numbers on every machine.
pub(crate) struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 16) as usize % n
    }

    /// Each element of a run is kept with the probability `density`, with any bits but a NaN's.
    pub fn kept(&mut self, elements: u64, density: f64) -> Kept {
        let mut kept = Kept::default();
        for index in 0..elements {
            if ((self.next() >> 11) as f64) < density * (1u64 << 53) as f64 {
                let value = f32::from_bits(self.next() as u32);
                kept.push(index, if value.is_nan() { -0.0 } else { value });
            }
        }
        kept
    }
}

pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn what_is_kept_comes_back_rounded() {
    let mut draw = Draw(1);
    for format in ValueFormat::ALL {
        for elements in [0, 1, 2, 31, 32, 33, 63, 64, 65, 1000, 65_535, 65_536, 65_537, 131_072, 200_003] {
            for density in [0.0, 0.0005, 0.01, 0.1, 0.5, 0.999, 1.0] {
                let kept = draw.kept(elements, density);
                let bytes = encode(elements, format, &kept).unwrap();
                let stream = Stream::parse(&bytes).unwrap();
                assert_eq!((stream.elements(), stream.kept()), (elements, kept.len() as u64));
                assert_eq!(stream.format(), format);
                let back = stream.pairs();
                assert!(back.indices == kept.indices, "{format} {elements} {density}");
                let rounded: Vec<f32> = kept.values.iter().map(|value| format.round(*value)).collect();
                assert!(bits(&back.values) == bits(&rounded), "{format} {elements} {density}");
                let mut run = vec![7.0; elements as usize];
                stream.expand_into(&mut run);
                let mut expected = vec![0.0; elements as usize];
                back.iter().for_each(|(index, value)| expected[index as usize] = value);
                assert!(bits(&run) == bits(&expected), "{format} {elements} {density}");
                // What was rounded once does not change again, so the bytes are the same.
                assert!(encode(elements, format, &back).unwrap() == bytes);
            }
        }
    }
}

/// The worked example of docs/formats.md, byte for byte.
#[test]
fn the_example_of_the_page() {
    let kept = Kept { indices: vec![5, 65_535, 65_537], values: vec![1.5, -2.0, 0.25] };
    let bytes = encode(65_540, ValueFormat::Fp16, &kept).unwrap();
    let mut expected = vec![0; 384];
    let mut put = |at: usize, field: &[u8]| expected[at..at + field.len()].copy_from_slice(field);
    put(0, b"NFTOPK01");
    put(8, &[1, 0, 0, 0]);
    put(16, &[0x04, 0x00, 0x01, 0, 0, 0, 0, 0]);
    put(24, &[3]);
    put(64, &[2, 0, 0, 0, 0, 0, 0, 0, 0xf6, 0x3d, 0xff, 0xbf, 0x7e, 0x1d, 0x03, 0xc0]);
    put(80, &[1, 0, 0, 0, 0, 0, 0, 0, 0xf2, 0x33, 0xff, 0xff, 0x7a, 0x73, 0x02, 0x00]);
    put(128, &[0xff; 64]);
    put(128, &[5, 0, 0xff, 0xff]);
    put(192, &[0x00, 0x3e, 0x00, 0xc0]);
    put(256, &[0xff; 64]);
    put(256, &[1, 0]);
    put(320, &[0x00, 0x34]);
    assert_eq!(bytes, expected);
}

#[test]
fn what_cannot_be_a_stream_is_refused() {
    let kept = |indices: &[u64]| Kept { indices: indices.into(), values: vec![1.0; indices.len()] };
    let refused = |elements, indices: &[u64]| encode(elements, ValueFormat::Fp32, &kept(indices)).unwrap_err();
    assert_eq!(refused(9, &[1, 1]), EncodeError::Order { position: 1, index: 1, before: 1 });
    assert_eq!(refused(9, &[0, 5, 4, 8]), EncodeError::Order { position: 2, index: 4, before: 5 });
    assert_eq!(refused(9, &[0, 9]), EncodeError::Range { index: 9, elements: 9 });
    assert_eq!(refused(0, &[0]), EncodeError::Range { index: 0, elements: 0 });
    let uneven = Kept { indices: vec![1, 2], values: vec![1.0] };
    assert_eq!(encode(9, ValueFormat::Fp32, &uneven).unwrap_err(), EncodeError::Lengths { indices: 2, values: 1 });
    assert_eq!(refused(u64::MAX, &[]), EncodeError::Memory { elements: u64::MAX });
}

#[test]
fn formats_have_the_names_they_are_chosen_by() {
    for format in ValueFormat::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
        assert_eq!(ValueFormat::from_code(format.code()), Some(format));
        assert_eq!(nearfield_abi::topk::value_bytes(format.code()), Some(format.bytes() as u64));
    }
    assert_eq!(ValueFormat::from_code(3), None);
    assert!("FP32".parse::<ValueFormat>().unwrap_err().contains("fp16"));
}
