use super::{cell, Cell};
use nearfield_hdl::stream::Nonfinite512;
use nearfield_tests::half::Half;
use nearfield_tests::rng::{seed, Rng};
use softfloat_wrapper::{Float, F16};

const NAME: &str = "stream_nonfinite";
const BYTES: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Fp32,
    Fp16,
    Bf16,
}

impl Format {
    const ALL: [Format; 3] = [Format::Fp32, Format::Fp16, Format::Bf16];

    fn bytes(self) -> usize {
        if self == Format::Fp32 {
            4
        } else {
            2
        }
    }

    /// Whether the number that these bytes are is finite.
    fn is_finite(self, number: &[u8]) -> bool {
        match (self, number) {
            (Format::Fp32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]).is_finite(),
            (Format::Bf16, &[a, b]) => f32::from_le_bytes([0, 0, a, b]).is_finite(),
            (Format::Fp16, &[a, b]) => {
                let half = F16::from_bits(u16::from_le_bytes([a, b]));
                !half.is_nan() && !half.is_positive_infinity() && !half.is_negative_infinity()
            }
            _ => panic!("{number:x?} is no number of {self:?}"),
        }
    }
}

fn select(cell: &mut Cell, format: Format) {
    cell.set("fp16", (format == Format::Fp16).into());
    cell.set("bf16", (format == Format::Bf16).into());
}

fn start(cell: &mut Cell) {
    cell.set("start", 1);
    cell.set("valid", 1);
    cell.tick();
    cell.set("start", 0);
    cell.set("valid", 0);
}

fn beat(cell: &mut Cell, valid: bool, last: bool, tail: u64, bytes: &[u8]) {
    cell.set("valid", valid.into());
    cell.set("last", last.into());
    cell.set("tail", tail % BYTES as u64);
    let words: Vec<u32> = bytes.chunks(4).map(|w| u32::from_le_bytes(w.try_into().unwrap())).collect();
    let data = cell.port("data");
    cell.instance.set_words(data, &words);
    cell.tick();
}

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

/// Every number of 16 bits, and every upper half of a binary32, alone in each place.
#[test]
fn matches_reference_on_every_number() {
    let mut cell = cell(NAME);
    let table = Half::fp16();
    let mut found = 0;
    for format in Format::ALL {
        select(&mut cell, format);
        for upper in 0..=0xffffu16 {
            let number = upper.to_le_bytes();
            let number = if format == Format::Fp32 { vec![1, 0, number[0], number[1]] } else { number.to_vec() };
            let place = usize::from(upper.wrapping_mul(31)) % (BYTES / number.len()) * number.len();
            let mut bytes = [0; BYTES];
            bytes[place..place + number.len()].copy_from_slice(&number);
            start(&mut cell);
            beat(&mut cell, true, true, 0, &bytes);
            beat(&mut cell, false, true, 0, &[0xff; BYTES]);
            let wanted = !format.is_finite(&number);
            assert_eq!(cell.get("found") == 1, wanted, "{format:?} {number:x?} at byte {place}");
            if format == Format::Fp16 {
                assert_eq!(f32::from_bits(table.widen(upper)).is_finite(), !wanted, "widened {upper:04x}");
            }
            found += u32::from(wanted);
        }
    }
    // Exponents of all ones: 2 * 2^10 in binary16, 2 * 2^7 in the others.
    assert_eq!(found, 2048 + 2 * 256);
}

/// Runs of any length, with something infinite rarely, in every format: what is past the end does not count, nor does what
/// comes without a beat.
#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed("stream::nonfinite", 0x6e6f_6e66));
    let mut cell = cell(NAME);
    let mut verdicts = [0; 2];
    for run in 0..3_000 {
        let format = Format::ALL[run % 3];
        select(&mut cell, format);
        let count = 1 + rng.below(200);
        let finite = |rng: &mut Rng| loop {
            let number: Vec<u8> = (0..format.bytes()).map(|_| rng.word() as u8 | rng.word() as u8).collect();
            if format.is_finite(&number) {
                break number;
            }
        };
        let mut bytes: Vec<u8> = (0..count).flat_map(|_| finite(&mut rng)).collect();
        if rng.one_in(2) {
            let end = (1 + rng.below(count)) * format.bytes();
            bytes[end - 1] = [0x7f, 0xff][rng.below(2)];
            bytes[end - 2] |= 0x80 | rng.word() as u8;
        }
        let wanted = bytes.chunks(format.bytes()).any(|n| !format.is_finite(n));

        start(&mut cell);
        let beats = bytes.len().div_ceil(BYTES);
        for (i, chunk) in bytes.chunks(BYTES).enumerate() {
            while rng.one_in(3) {
                beat(&mut cell, false, rng.one_in(2), rng.word(), &[0xff; BYTES]);
            }
            let mut full = chunk.to_vec();
            full.resize(BYTES, 0xff);
            let last = i + 1 == beats;
            beat(&mut cell, true, last, if last { bytes.len() as u64 } else { rng.word() }, &full);
        }
        for _ in 0..1 + rng.below(4) {
            beat(&mut cell, false, false, 0, &[0xff; BYTES]);
        }
        assert_eq!(cell.get("found") == 1, wanted, "run {run}: {count} numbers of {format:?}");
        verdicts[usize::from(wanted)] += 1;
    }
    assert!(verdicts.iter().all(|&v| v > 500), "{verdicts:?}");
}

#[test]
fn latency_is_as_declared() {
    let mut cell = cell(NAME);
    select(&mut cell, Format::Fp32);
    start(&mut cell);
    let seen: Vec<u64> = (0..6)
        .map(|i| {
            beat(&mut cell, true, false, 0, &[if i == 0 { 0xff } else { 0 }; BYTES]);
            cell.get("found")
        })
        .collect();
    let at = seen.iter().position(|&found| found == 1).map(|i| i + 1);
    assert_eq!(at, Some(Nonfinite512::LATENCY));
    assert!(seen[Nonfinite512::LATENCY..].iter().all(|&found| found == 1), "it stands");
    start(&mut cell);
    assert_eq!(cell.get("found"), 0, "start forgets");
}
