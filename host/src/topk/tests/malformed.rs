//! Broken streams: refused with the rule and the place, never with a panic.

use super::*;
use nearfield_abi::checksum::Checksum;
use nearfield_abi::topk::{chunk_bytes, chunks, table_bytes};

/// Two chunks, the second of 100 elements; 40 and 33 are kept, so each has a full and a filled-up group.
fn small(format: ValueFormat) -> Vec<u8> {
    let mut kept = Kept::default();
    (0..40).for_each(|i| kept.push(i * 1600, 1.0 + i as f32));
    (0..33).for_each(|i| kept.push(65_536 + i * 3, -1.0 - i as f32));
    encode(65_636, format, &kept).unwrap()
}

const CHUNK_0: usize = 128;
const CHUNK_1: usize = CHUNK_0 + 2 * 128;

fn changed(bytes: &[u8], at: usize, field: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + field.len()].copy_from_slice(field);
    bytes
}

/// Sets the checksums right, as far as the table makes sense, so that what lies behind them is met.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() < 64 {
        return bytes;
    }
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let elements = u64::from_le_bytes(bytes[16..24].try_into().unwrap());
    let format = word(&bytes, 8);
    let Some(table) = table_bytes(elements).filter(|table| *table < bytes.len() as u64 - 64) else { return bytes };
    let mut at = 64 + table as usize;
    for chunk in 0..chunks(elements) as usize {
        let entry = 64 + 16 * chunk;
        let Some(length) = chunk_bytes(word(&bytes, entry), format) else { return bytes };
        let Some(content) = bytes.get(at..at.saturating_add(length as usize)) else { return bytes };
        let sum = Checksum::of(content).folded();
        bytes[entry + 8..entry + 16].copy_from_slice(&sum.to_le_bytes());
        at += length as usize;
    }
    bytes
}

#[track_caller]
fn refused(bytes: &[u8], rule: Rule, at: usize, chunk: Option<u64>) {
    match Stream::parse(bytes) {
        Ok(_) => panic!("accepted, but {rule:?} is broken at byte {at}"),
        Err(error) => {
            assert_eq!((error.rule, error.at, error.chunk), (rule, at as u64, chunk), "{error}");
            assert!(!error.what.is_empty());
        }
    }
}

#[test]
fn a_cut_at_every_byte_and_a_byte_too_many() {
    for format in ValueFormat::ALL {
        let good = small(format);
        Stream::parse(&good).unwrap();
        for length in 0..good.len() {
            refused(&good[..length], Rule::Length, length, None);
        }
        refused(&[&good[..], &[0]].concat(), Rule::End, good.len(), None);
    }
}

#[test]
fn header_and_table() {
    let good = small(ValueFormat::Fp16);
    refused(&changed(&good, 7, b"2"), Rule::Magic, 0, None);
    refused(&changed(&good, 8, &3u32.to_le_bytes()), Rule::Format, 8, None);
    refused(&changed(&good, 8, &u32::MAX.to_le_bytes()), Rule::Format, 8, None);
    for at in (12..16).chain(32..64) {
        refused(&changed(&good, at, &[1]), Rule::Reserved, at, None);
    }
    for (entry, at) in [(0, 68), (0, 71), (1, 84), (1, 87)] {
        refused(&changed(&good, at, &[0x80]), Rule::Reserved, at, Some(entry));
    }
    for at in 96..128 {
        refused(&changed(&good, at, &[1]), Rule::Reserved, at, None);
    }
    // Elements: too many for the bytes, for 64 bits; one chunk more or less.
    refused(&changed(&good, 16, &u64::MAX.to_le_bytes()), Rule::Length, good.len(), None);
    refused(&changed(&good, 16, &(1u64 << 60).to_le_bytes()), Rule::Length, good.len(), None);
    refused(&changed(&good, 16, &72u64.to_le_bytes()), Rule::Count, 24, None);
    refused(&changed(&good, 16, &73u64.to_le_bytes()), Rule::Reserved, 80, None);
    refused(&changed(&good, 16, &(65_536 + 32u64).to_le_bytes()), Rule::Count, 80, Some(1));
    // Kept elements: those of the header, of a chunk, and together.
    for kept in [0, 72, 74, 65_636u64] {
        refused(&changed(&good, 24, &kept.to_le_bytes()), Rule::Count, 24, None);
    }
    for kept in [65_637, u64::MAX] {
        refused(&changed(&good, 24, &kept.to_le_bytes()), Rule::Count, 24, None);
    }
    for kept in [65_537, u32::MAX] {
        refused(&changed(&good, 64, &kept.to_le_bytes()), Rule::Count, 64, Some(0));
    }
    refused(&changed(&good, 80, &101u32.to_le_bytes()), Rule::Count, 80, Some(1));
    refused(&changed(&good, 80, &34u32.to_le_bytes()), Rule::Count, 24, None);
    // Counts that agree, but need more or fewer bytes than there are.
    let more = changed(&changed(&good, 64, &65u32.to_le_bytes()), 24, &98u64.to_le_bytes());
    refused(&more, Rule::Length, good.len(), None);
    let fewer = changed(&changed(&good, 80, &0u32.to_le_bytes()), 24, &40u64.to_le_bytes());
    refused(&fewer, Rule::End, CHUNK_1, None);
}

#[test]
fn checksums_name_their_chunk() {
    for format in ValueFormat::ALL {
        let good = small(format);
        let second = 128 + chunk_bytes(40, format.code()).unwrap() as usize;
        for at in 128..good.len() {
            let (chunk, begin) = if at < second { (0, 128) } else { (1, second) };
            refused(&changed(&good, at, &[good[at] ^ 0x10]), Rule::Checksum, begin, Some(chunk));
        }
        refused(&changed(&good, 72, &[good[72] ^ 1]), Rule::Checksum, 128, Some(0));
        refused(&changed(&good, 95, &[good[95] ^ 1]), Rule::Checksum, second, Some(1));
    }
}

#[test]
fn indices_and_padding() {
    let good = small(ValueFormat::Fp16);
    let index = |at: usize, index: u16| sealed(changed(&good, at, &index.to_le_bytes()));
    assert_eq!(sealed(good.clone()), good);
    // Repeated, descending, and across the border of two groups.
    refused(&index(CHUNK_0 + 2, 0), Rule::Order, CHUNK_0 + 2, Some(0));
    refused(&index(CHUNK_0 + 4, 1599), Rule::Order, CHUNK_0 + 4, Some(0));
    refused(&index(CHUNK_0 + 128, 31 * 1600), Rule::Order, CHUNK_0 + 128, Some(0));
    refused(&index(CHUNK_0, 65_535), Rule::Order, CHUNK_0 + 2, Some(0));
    // Past the end of the short chunk; the largest there is is accepted.
    refused(&index(CHUNK_1 + 128, 100), Rule::Range, CHUNK_1 + 128, Some(1));
    refused(&index(CHUNK_1 + 128, 65_535), Rule::Range, CHUNK_1 + 128, Some(1));
    Stream::parse(&index(CHUNK_1 + 128, 99)).unwrap();
    // 65,535 is an index too where the count says so.
    Stream::parse(&index(CHUNK_0 + 128 + 2 * 7, 65_535)).unwrap();
    // Eight of a group's 32 are used, so from byte 16 on indices and values are filled up.
    for at in (CHUNK_0 + 128 + 16..CHUNK_0 + 128 + 64).step_by(2) {
        refused(&index(at, 65_534), Rule::Padding, at, Some(0));
        refused(&index(at, 0), Rule::Padding, at, Some(0));
    }
    for at in CHUNK_0 + 192 + 16..CHUNK_0 + 256 {
        refused(&sealed(changed(&good, at, &[0x80])), Rule::Padding, at, Some(0));
    }
}

#[test]
fn errors_say_where() {
    let good = small(ValueFormat::Fp32);
    let error = Stream::parse(&good[..10]).unwrap_err().to_string();
    assert_eq!(error, "at byte 10, it ends; the header alone has 64 bytes");
    let error = Stream::parse(&changed(&good, 200, &[good[200] ^ 1])).unwrap_err().to_string();
    assert!(error.starts_with("at byte 128 (chunk 0), the chunk's checksum is 0x"), "{error}");
}

/// 100,000 mutated streams: bytes and fields set to extremes, pieces cut out or doubled, most with right checksums. Whatever
/// is accepted is what encoding its elements again gives: there is one stream for each content.
#[test]
fn mutations_never_panic_and_are_accepted_only_whole() {
    const EXTREMES: [u64; 10] = [0, 1, 32, 100, 65_535, 65_536, 65_537, u32::MAX as u64, 1 << 48, u64::MAX];
    let seeds = ValueFormat::ALL.map(small);
    let mut draw = Draw(0x746f_706b);
    let (mut refused, mut accepted) = (0, 0);
    let mut rules = std::collections::HashSet::new();
    for round in 0..100_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=draw.below(2) {
            let at = if draw.below(2) == 0 { draw.below(bytes.len()) } else { draw.below(128.min(bytes.len())) };
            let room = bytes.len() - at;
            match draw.below(6) {
                0 => bytes[at] = draw.below(256) as u8,
                1 => bytes[at] ^= 1 << draw.below(8),
                2 | 3 => {
                    let width = [1, 2, 4, 8][draw.below(4)].min(room);
                    let value = EXTREMES[draw.below(EXTREMES.len())].wrapping_sub(draw.below(2) as u64);
                    bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
                }
                4 => drop(bytes.drain(at..at + 1 + draw.below(room.min(64)))),
                _ => {
                    let piece = bytes[at..at + 1 + draw.below(room.min(64))].to_vec();
                    let to = draw.below(bytes.len() + 1);
                    drop(bytes.splice(to..to, piece));
                }
            }
        }
        if draw.below(8) > 0 {
            bytes = sealed(bytes);
        }
        match Stream::parse(&bytes) {
            Ok(stream) => {
                accepted += 1;
                let again = encode(stream.elements(), stream.format(), &stream.pairs()).unwrap();
                // A NaN other than the canonical one is a value that is read as the canonical one.
                let nan = stream.format() != ValueFormat::Fp32 && stream.pairs().values.iter().any(|v| v.is_nan());
                assert!(again == bytes || nan, "another stream of the same content");
            }
            Err(error) => {
                refused += 1;
                rules.insert(error.rule);
                assert!(error.at <= bytes.len() as u64, "{error}");
            }
        }
    }
    assert!(refused > 20_000 && accepted > 10_000, "the mutations are of both kinds: {refused} and {accepted}");
    assert!(rules.len() >= 10, "every rule but one is met: {rules:?}");
}
