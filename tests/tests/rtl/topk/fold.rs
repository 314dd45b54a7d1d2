use super::cell;
use super::encode::{beats, checksum, sums};
use nearfield_hdl::topk::Fold;
use nearfield_tests::rng::{seed, Rng};
use std::collections::VecDeque;

const NAME: &str = "topk_fold";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

/// The two numbers that are expected of a chunk, from its folded checksum.
fn expected(bytes: &[u8]) -> (u32, u32) {
    let sum = u64::from_le_bytes(checksum(bytes));
    let (a, b) = (sum as u32, (sum >> 32) as u32);
    let beats = bytes.len() as u32 / 64;
    (a, b.wrapping_sub(a.wrapping_mul(16 * beats)))
}

/// Chunks of random beats with pauses; one in three is expected to be what it is not. Verdicts come on their cycle and on no other.
#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x666f_6c64));
    let mut cell = cell(NAME);
    let mut verdicts: VecDeque<Option<u64>> = VecDeque::from(vec![None; Fold::LATENCY]);
    let mut behind: VecDeque<(u32, u32)> = VecDeque::from(vec![(1, 1); Fold::AHEAD]);
    let (mut wrong, mut right) = (0, 0);
    for chunk in 0..4000u64 {
        let bytes: Vec<u8> = (0..64 * (1 + rng.below(9))).map(|_| rng.value(8) as u8).collect();
        let (mut a, mut target) = expected(&bytes);
        match rng.below(6) {
            0 => a ^= 1 << rng.below(32),
            1 => target ^= 1 << rng.below(32),
            _ => {}
        }
        let bad = (a, target) != expected(&bytes);
        let beats = beats(&bytes);
        let mut sent = 0;
        while sent < beats.len() {
            let taken = !rng.one_in(4);
            let last = sent + 1 == beats.len();
            behind.push_back(if taken { sums(&beats[sent]) } else { (rng.word() as u32, rng.word() as u32) });
            let (sum, after) = behind.pop_front().expect("one has just gone in");
            cell.set("beat_sum", sum.into());
            cell.set("beat_after", after.into());
            cell.set("taken", taken.into());
            cell.set("first", (sent == 0).into());
            cell.set("last", last.into());
            cell.set("a", if last { a.into() } else { rng.word() & 0xffff });
            cell.set("target", if last { target.into() } else { rng.word() & 0xffff });
            cell.set("chunk", chunk % 512);
            cell.settle();
            let verdict = verdicts.pop_front().flatten();
            assert_eq!(cell.get("wrong") == 1, verdict.is_some(), "near chunk {chunk}");
            if let Some(about) = verdict {
                assert_eq!(cell.get("wrong_chunk"), about);
            }
            verdicts.push_back((taken && last && bad).then_some(chunk % 512));
            sent += usize::from(taken);
            cell.tick();
        }
        if bad {
            wrong += 1;
        } else {
            right += 1;
        }
    }
    assert!(wrong > 500 && right > 500, "{wrong} wrong, {right} right");
}
