//! The codec against bytes that are known, and against bytes that nobody would send.

use super::*;
use crate::axi::Random;
use crate::emulated::message::{api, Call};

/// An allocation of 4096 bytes at 0x1_0000_0000 that is peer-to-peer.
const ALLOCATE: &[u8] = &[0x08, 0x80, 0x80, 0x80, 0x80, 0x10, 0x10, 0x80, 0x20, 0x18, 0x01];

#[test]
fn known_bytes_are_written_and_read() {
    let message = Message::default().number(1, 1 << 32).number(2, 4096).number(3, 1);
    assert_eq!(message.0, ALLOCATE);
    let call = Call::read(api::ALLOCATE, ALLOCATE).unwrap().unwrap();
    assert_eq!(call, Call::Allocate { address: 1 << 32, size: 4096, device_only: true });

    assert_eq!(Message::default().number(1, 1).into_answer(), [9, 2, 0, 0, 0, 0, 0, 0, 0, 8, 1]);
    assert_eq!(Message::default().bytes(2, b"ab").into_answer()[9..], [0x12, 2, b'a', b'b']);
    assert_eq!(Message::default().into_call(1), [9, 0, 0, 0, 0, 0, 0, 0, 0, 0x15, 1, 0, 0, 0]);
    let header = [9, 0x34, 0x12, 0, 0, 0, 0, 0, 0, 0x15, 35, 0, 0, 0];
    assert_eq!(read_header(&header), Ok((0x1234, 35)));
}

#[test]
fn a_header_of_other_fields_is_none() {
    let header = [9, 0, 0, 0, 0, 0, 0, 0, 0, 0x15, 1, 0, 0, 0];
    for wrong in [0, 9] {
        let mut header = header;
        header[wrong] ^= 1;
        assert!(read_header(&header).is_err());
    }
}

#[test]
fn whatever_is_written_is_read() {
    let mut random = Random::new(1, 0);
    for _ in 0..1000 {
        let number = random.next() >> random.below(64);
        let bytes: Vec<u8> = (0..random.below(300)).map(|_| random.next() as u8).collect();
        let (a, b) = (1 + random.below(100), 101 + random.below(1 << 20));
        let message = Message::default().number(a, number).bytes(b, &bytes);
        let fields = Fields::of(&message.0).unwrap();
        assert_eq!(fields.number(a), Ok(number));
        assert_eq!(fields.bytes(b), Ok(&bytes[..]));
        assert_eq!(fields.number_or(b + 1, 5), Ok(5));
    }
}

#[test]
fn the_last_value_counts_and_other_fields_do_not_matter() {
    // Field 9 as 64 bits, field 10 as 32 bits.
    let mut bytes = vec![9 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8, 10 << 3 | 5, 1, 2, 3, 4];
    bytes.extend(Message::default().number(1, 5).number(1, 6).0);
    let fields = Fields::of(&bytes).unwrap();
    assert_eq!(fields.number(1), Ok(6));
    assert_eq!(fields.number(9).unwrap_err(), Malformed::new(9, "it is not a number"));
    assert_eq!(fields.number(2).unwrap_err(), Malformed::new(2, "it is missing"));
}

/// Every call with every field it needs.
fn calls() -> Vec<(u32, Vec<u8>)> {
    let m = Message::default;
    vec![
        (api::ALLOCATE, ALLOCATE.to_vec()),
        (api::FREE, m().number(1, 4096).0),
        (api::HOST_TO_DEVICE, m().bytes(2, b"h").number(3, 300).bytes(4, b"data").number(5, 4).number(6, 0).0),
        (api::DEVICE_TO_HOST, m().bytes(2, b"h").bytes(3, b"junk").number(4, 300).number(5, 4).number(6, 0).0),
        (api::WRITE_REGISTERS, m().number(2, 300).number(3, 4).bytes(4, b"data").0),
        (api::READ_REGISTERS, m().number(2, 300).number(3, 4).0),
    ]
}

#[test]
fn a_message_cut_short_is_refused() {
    for (api, body) in calls() {
        assert!(Call::read(api, &body).unwrap().is_some());
        let needed = match api {
            // What the host adds behind the last field that must be there.
            api::ALLOCATE => body.len() - 2,
            _ => body.len(),
        };
        for end in (0..body.len()).filter(|&end| end != needed) {
            assert!(Call::read(api, &body[..end]).is_err(), "call {api}, {end} of {} bytes", body.len());
        }
    }
}

#[test]
fn noise_is_refused_or_understood_but_nothing_else() {
    let mut random = Random::new(2, 0);
    let mut refused = 0;
    for round in 0..20_000 {
        let (api, mut body) = calls().swap_remove(random.below(6) as usize);
        if round % 2 == 0 {
            body = (0..random.below(40)).map(|_| random.next() as u8).collect();
        } else {
            for _ in 0..1 + random.below(3) {
                let at = random.below(body.len() as u32) as usize;
                body[at] = random.next() as u8;
            }
        }
        if let Err(error) = Call::read(api, &body) {
            assert!(!error.problem.is_empty());
            refused += 1;
        }
    }
    assert!((5_000..20_000).contains(&refused), "{refused}");
}

#[test]
fn a_number_of_more_than_64_bits_is_refused() {
    let longest = [&[0x08][..], &[0xff; 9], &[1]].concat();
    assert_eq!(Fields::of(&longest).unwrap().number(1), Ok(u64::MAX));
    for end in [&[2][..], &[0x80, 0], &[0x81, 1]] {
        let error = Fields::of(&[&[0x08][..], &[0xff; 9], end].concat()).unwrap_err();
        assert_eq!(error, Malformed::new(1, "a number has more than 64 bits"));
    }
    assert!(Fields::of(&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).is_err(), "2^64 - 1 bytes");
    assert!(Fields::of(&[0x00, 0]).is_err(), "field 0");
    assert!(Fields::of(&[0x0b]).is_err(), "a group");
}
