//! Broken files: refused with the rule and the place, never with a panic or with more memory than the file has bytes.

use super::super::*;
use super::handmade::{connection, memory, padded, table, unit, Handmade};
use super::vendor::vendor;
use nearfield_abi::board::Board;
use nearfield_abi::kernel::KernelConfig;

fn small() -> Vec<u8> {
    write(&KernelConfig::smartupdate(2).unwrap(), Board::from_name("smartssd").unwrap()).unwrap()
}

fn refused(bytes: &[u8], at: u64, says: &str) {
    match Xclbin::parse(bytes) {
        Ok(_) => panic!("accepted, but expected at byte {at}: {says}"),
        Err(error) => {
            assert!(error.at == at && error.what.contains(says), "expected at byte {at}: {says}; got: {error}")
        }
    }
}

fn changed(bytes: &[u8], at: usize, field: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + field.len()].copy_from_slice(field);
    bytes
}

#[test]
fn the_header() {
    let good = small();
    let length = good.len() as u64;
    refused(b"", 0, "it ends; the header alone has 456 bytes");
    refused(&good[..455], 455, "it ends");
    refused(&changed(&good, 6, b"1"), 0, "does not begin with `xclbin2`");
    refused(&changed(&good, 304, &(1u64 << 60).to_le_bytes()), 304, "says that it has 1152921504606846976 bytes");
    // A hundred bytes more than the header that claim to be a great deal.
    refused(&changed(&good[..556], 304, &(1u64 << 60).to_le_bytes()), 304, "but it has 556");
    refused(&changed(&good, 448, &u32::MAX.to_le_bytes()), 448, "4294967295 sections; 65536 is the most");
    refused(&changed(&good, 448, &65_536u32.to_le_bytes()), 448, "headers do not fit");
    for bytes in [-2, i32::MIN, i32::MAX, good.len() as i32, good.len() as i32 - 456 - 199] {
        refused(&changed(&good, 8, &bytes.to_le_bytes()), 8, &format!("signature is said to have {bytes} bytes"));
    }
    // A signature that begins within the last section.
    refused(
        &changed(&good, 8, &8i32.to_le_bytes()),
        456 + 4 * 40 + 24,
        &format!("sections lie in bytes 656 to {}", length - 8),
    );
    refused(&changed(&good, 352, b"\x1b[2J"), 352, "byte 0x1b, which is no printable ASCII");
}

#[test]
fn sections() {
    let good = small();
    let header = |index: usize| 456 + 40 * index;
    let length = good.len() as u64;
    for (offset, bytes) in
        [(u64::MAX, 8), (8, u64::MAX), (u64::MAX, u64::MAX), (length, 1), (length - 7, 8), (1 << 60, 0)]
    {
        let bad = changed(&good, header(1) + 24, &[offset.to_le_bytes(), bytes.to_le_bytes()].concat());
        refused(&bad, header(1) as u64 + 24, &format!("{bytes} bytes from byte {offset} on"));
    }
    refused(&changed(&good, header(2) + 24, &655u64.to_le_bytes()), header(2) as u64 + 24, "sections lie in bytes 656");
    let first = Xclbin::parse(&good).unwrap().sections[0].span;
    let bad = changed(&good, header(3) + 24, &(first.offset + 8).to_le_bytes());
    refused(&bad, header(3) as u64 + 24, "CONNECTIVITY begins at byte 664, within BITSTREAM");
    let twice = changed(&good, header(0), &8u32.to_le_bytes());
    refused(&twice, header(4) as u64, "there is a second IP_LAYOUT");
    refused(&changed(&good, header(0) + 4, &[0xff]), header(0) as u64 + 4, "section's tag has the byte 0xff");
}

/// A file of one section of this kind, and where its content begins.
fn one(kind: u32, content: Vec<u8>) -> (Vec<u8>, u64) {
    (Handmade { sections: vec![(kind, "", content)], ..vendor(None) }.bytes(), 496)
}

#[test]
fn tables() {
    for (kind, entries, stride, what) in
        [(6, 8, 40, "memories"), (26, 8, 40, "memories"), (7, 4, 12, "connections"), (8, 8, 80, "units")]
    {
        for count in [2, 3, 1 << 20, i32::MAX] {
            let mut content = vec![0; entries + 2 * stride - 1];
            content[..4].copy_from_slice(&count.to_le_bytes());
            let (bytes, at) = one(kind, content);
            refused(&bytes, at, &format!("{count} {what} follow"));
        }
        for count in [-1, i32::MIN] {
            let (bytes, at) = one(kind, table(entries, &[]).iter().map(|_| 0).collect());
            refused(&changed(&bytes, at as usize, &count.to_le_bytes()), at, "below 0");
        }
        let (bytes, at) = one(kind, vec![0; 3]);
        refused(&bytes, at, "too few for its number");
        let most = if kind == 7 { 65_536 } else { 4096 };
        let (bytes, at) = one(kind, table(entries, &vec![vec![0; stride]; most + 1]));
        refused(&bytes, at, &format!("{} {what} follow; {most} is the most", most + 1));
        // None at all is a table too.
        Xclbin::parse(&one(kind, vec![0; 4]).0).unwrap();
    }
    let tag = memory(1, 1, 4, 0, "0123456789abcdef");
    let (bytes, at) = one(6, table(8, &[tag]));
    refused(&bytes, at + 8 + 24, "memory's tag fills all of its 16 bytes");
    for (kib, base) in [(1 << 54, 0), (u64::MAX, 0), (1, u64::MAX), (4, u64::MAX - 4095)] {
        let (bytes, at) = one(26, table(8, &[memory(1, 1, 4, 0, "a"), memory(1, 1, kib, base, "b")]));
        refused(&bytes, at + 48 + 8, "goes past the end of all addresses");
    }
    let (bytes, at) = one(8, table(8, &[unit(1, 0, 0, &"k".repeat(64))]));
    refused(&bytes, at + 8 + 16, "unit's name fills all of its 64 bytes");
}

#[test]
fn indices() {
    let with = |connections: u32, list: &[Vec<u8>]| {
        let sections = vec![
            (connections, "", table(4, list)),
            (6, "", table(8, &[memory(1, 1, 4, 0, "a"), memory(1, 1, 4, 4096, "b")])),
            (8, "", table(8, &[unit(1, 0, 0, "k:k_1")])),
        ];
        Handmade { sections, ..vendor(None) }.bytes()
    };
    let at = 456 + 3 * 40 + 4;
    for kind in [7, 27] {
        Xclbin::parse(&with(kind, &[connection(5, 0, 1)])).unwrap();
        refused(&with(kind, &[connection(-1, 0, 0)]), at, "argument is -1");
        refused(&with(kind, &[connection(0, 1, 0)]), at + 4, "index of a unit is 1, but there are 1");
        refused(&with(kind, &[connection(0, -1, 0)]), at + 4, "index of a unit is -1");
        refused(&with(kind, &[connection(0, 0, 1), connection(0, 0, 2)]), at + 12 + 8, "memory is 2, but there are 2");
        refused(&with(kind, &[connection(0, 0, i32::MIN)]), at + 8, "index of a memory is -2147483648");
    }
}

#[test]
fn xml() {
    let says = |xml: &str, says: &str| {
        let (bytes, _) = one(2, xml.as_bytes().to_vec());
        let error = Xclbin::parse(&bytes).unwrap_err();
        assert!(error.what.contains(says), "{error} for {}", xml.chars().take(200).collect::<String>());
        assert!((496..=496 + xml.len() as u64).contains(&error.at), "{error}");
    };
    let kernel = |inner: &str| {
        format!(
            "<project><platform><device><core><kernel name=\"k\">{inner}</kernel></core></device></platform></project>"
        )
    };
    says("\0\0", "ends before its root does");
    says("no xml", "ends before its root does");
    says("<a/>", "begins with \"a\" instead of `project`");
    says("<project/><project/>", "second root");
    says("<project>", "ends before");
    says("<project></platform>", "XML is broken");
    says("</project>", "XML is broken");
    says("<project", "XML is broken");
    says(&"<project>".repeat(100_000), "nests more than 256 deep");
    let bomb = "<!DOCTYPE project [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><project name=\"&b;\"/>";
    says(bomb, "declares a document type");
    says("<!DOCTYPE project SYSTEM \"file:///etc/passwd\"><project/>", "declares a document type");
    let argument = |id: &str, offset: &str| {
        kernel(&format!("<arg name=\"a\" id=\"{id}\" addressQualifier=\"0\" offset=\"{offset}\" size=\"4\"/>"))
    };
    Xclbin::parse(&one(2, argument("0", "0x10").into_bytes()).0).unwrap();
    says(&argument("0", "0x1_0"), "`offset` of <arg> is \"0x1_0\", which is no number");
    says(&argument("0", "0x"), "no number of 64 bits");
    says(&argument("0", "+1"), "no number of 64 bits");
    says(&argument("0", "09"), "no number of 64 bits");
    says(&argument("0", "18446744073709551616"), "no number of 64 bits");
    says(&argument("4294967296", "16"), "id is 4294967296; it has to be below 2^32");
    says(&argument("&b;", "16"), "attributes of <arg> are broken");
    says(&argument("&#27;", "16"), "`id` of <arg> has control characters");
    says(&argument("0\" id=\"1", "16"), "two attributes `id`");
    says(&kernel("<arg id=\"0\"/>"), "has no attribute `addressQualifier`");
    says(&kernel("<port mode=\"master\"/>"), "<port> has no attribute `name`");
    says(&kernel(&format!("<instance name=\"{}\"/>", "i".repeat(257))), "more than 256 bytes");
    says(&kernel("</kernel><kernel name=\"k\">"), "second kernel k");
    says(&kernel(&"<instance name=\"i\"/>".repeat(4097)), "more than 4096 elements of one kind");
    says(&format!("<project a=\"{}>", "b".repeat(1000)), "XML is broken");
    let (mut bytes, at) = one(2, b"<project/>".to_vec());
    bytes[at as usize + 9] = 0xff;
    refused(&bytes, at + 9, "not UTF-8");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for good in [small(), vendor(None).bytes(), vendor(Some(vec![1; 40])).bytes()] {
        Xclbin::parse(&good).unwrap();
        for end in 0..good.len() {
            assert!(Xclbin::parse(&good[..end]).is_err(), "cut to {end} bytes");
            if end >= 456 {
                // The same with a length that agrees.
                let bytes = changed(&good[..end], 304, &(end as u64).to_le_bytes());
                // Padding and the signature may go; what is said to be there may not.
                if let Ok(file) = Xclbin::parse(&bytes) {
                    check(&file);
                }
            }
        }
    }
}

/// What holds for any file that was read.
fn check(file: &Xclbin) {
    let mut taken = 456 + 40 * file.sections.len() as u64;
    let mut spans: Vec<Span> = file.sections.iter().map(|s| s.span).chain(file.signature).collect();
    spans.sort_by_key(|s| s.offset);
    for span in spans.iter().filter(|s| s.bytes > 0) {
        assert!(span.offset >= taken, "{span:?} overlaps");
        taken = span.offset + span.bytes;
    }
    assert!(taken <= file.bytes);
    for memory in file.banks.iter().chain(file.groups.iter().flatten()).filter(|m| m.used) {
        assert!(memory.base.checked_add(memory.bytes).is_some(), "{memory:?}");
    }
    for unit in drivable(file).units {
        assert_eq!(unit.groups.len(), 5);
        assert!(unit.groups.iter().all(|&(_, group)| file.memories()[group as usize].used));
    }
}

const EXTREMES: [u64; 10] = [0, 1, 0x7f, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 60, 1 << 63, u64::MAX];

/// The vendor's file without its XML: headers and tables only.
fn without_xml() -> Vec<u8> {
    let sections = vendor(None).sections.into_iter().filter(|(kind, ..)| *kind != 2).collect();
    Handmade { sections, ..vendor(Some(vec![7; 24])) }.bytes()
}

/// Every length, count, offset and index is one of these words.
#[test]
fn every_word_set_to_extremes_is_refused_or_harmless() {
    let (mut refused, mut accepted) = (0, 0);
    for good in [small(), without_xml()] {
        let xml = Xclbin::parse(&good).unwrap().sections.iter().find(|s| s.kind.0 == 2).map(|s| s.span);
        let in_xml = |at: usize| xml.is_some_and(|s| (s.offset..s.offset + s.bytes).contains(&(at as u64)));
        for at in (0..good.len() - 8).step_by(4).filter(|&at| !in_xml(at)) {
            for value in EXTREMES.iter().flat_map(|v| [*v, v.wrapping_sub(1)]) {
                for width in [4, 8] {
                    match Xclbin::parse(&changed(&good, at, &value.to_le_bytes()[..width])) {
                        Ok(file) => {
                            accepted += 1;
                            check(&file);
                        }
                        Err(_) => refused += 1,
                    }
                }
            }
        }
    }
    assert!(refused > 5000 && accepted > 5000, "{refused} and {accepted}");
}

/// A small generator: the mutations are the same on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
}

/// 100,000 mutated files: bytes, words and whole fields set to extremes, pieces cut out, doubled or exchanged, most with a
/// length field that agrees, so that the mutation is met and not the length.
#[test]
fn mutations_never_panic_and_never_reach_outside() {
    let seeds = [small(), vendor(None).bytes(), without_xml()];
    let mut draw = Draw(0x6e66);
    let (mut refused, mut accepted) = (0, 0);
    for round in 0..100_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=draw.below(3) {
            let at = match draw.below(3) {
                // Headers and tables are a small part of the bytes and the larger part of the rules.
                0 => draw.below(bytes.len()),
                1 => draw.below(456.min(bytes.len())),
                _ => 8 * draw.below(bytes.len() / 8),
            };
            let room = bytes.len() - at;
            match draw.below(7) {
                0 => bytes[at] = draw.below(256) as u8,
                1 => bytes[at] ^= 1 << draw.below(8),
                2 if room >= 8 => {
                    let width = [1, 2, 4, 8][draw.below(4)];
                    let value = EXTREMES[draw.below(EXTREMES.len())].wrapping_sub(draw.below(2) as u64);
                    bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
                }
                3 if room >= 8 => {
                    let value = draw.below(2 * bytes.len()) as u64;
                    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
                }
                4 => drop(bytes.drain(at..at + 1 + draw.below(room.min(64)))),
                5 => {
                    let piece = bytes[at..at + 1 + draw.below(room.min(64))].to_vec();
                    let to = draw.below(bytes.len() + 1);
                    drop(bytes.splice(to..to, piece));
                }
                _ => bytes[at] = b"<>/=\"&;! x0"[draw.below(11)],
            }
            if bytes.is_empty() {
                break;
            }
        }
        if bytes.len() >= 456 && draw.below(8) > 0 {
            let length = bytes.len() as u64;
            bytes[304..312].copy_from_slice(&length.to_le_bytes());
        }
        match Xclbin::parse(&bytes) {
            Ok(file) => {
                accepted += 1;
                check(&file);
            }
            Err(error) => {
                refused += 1;
                assert!(error.at <= bytes.len() as u64 + 64 && !error.what.is_empty(), "{error}");
            }
        }
    }
    assert!(refused > 20_000 && accepted > 10_000, "the mutations are of both kinds: {refused} and {accepted}");
}

#[test]
fn padded_fields_are_what_they_say() {
    // The second writer's own check: a field that is too long would move everything after it.
    assert_eq!(padded("ab", 4), [b'a', b'b', 0, 0]);
}
