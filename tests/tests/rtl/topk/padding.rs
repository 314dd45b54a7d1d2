use super::cell;
use nearfield_tests::rng::{seed, Rng};

const NAME: &str = "topk_padding";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

/// Beats with every count, padded right or with something in one place; 65,535 is an index too.
#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x7061_6464));
    let mut cell = cell(NAME);
    let mut verdicts = std::collections::VecDeque::from([None, None]);
    for case in 0..20_000u64 {
        let count = 1 + case as usize % 32;
        let mut beat: Vec<u16> = (0..32).map(|i| if i < count { rng.value(16) as u16 } else { 0xffff }).collect();
        let bad = count < 32 && rng.one_in(2);
        if bad {
            beat[count + rng.below(32 - count)] ^= 1 << rng.below(16);
        }
        let words: Vec<u32> = beat.chunks(2).map(|pair| u32::from(pair[0]) | u32::from(pair[1]) << 16).collect();
        let taken = !rng.one_in(4);
        let port = cell.port("data");
        cell.instance.set_words(port, &words);
        cell.set("taken", taken.into());
        cell.set("count", count as u64);
        cell.set("chunk", case % 512);
        cell.settle();
        let about = (cell.get("wrong") == 1).then(|| cell.get("wrong_chunk"));
        assert_eq!(about, verdicts.pop_front().flatten(), "case {case}");
        verdicts.push_back((taken && bad).then_some(case % 512));
        cell.tick();
    }
}
