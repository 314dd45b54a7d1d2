use super::cell;
use nearfield_tests::rng::{seed, Rng};

const NAME: &str = "topk_order";
const LANES: usize = 4;

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

/// Random chunks of random slices, in which some index is often not what it should be. A verdict is two cycles behind its slice.
#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x6f72_6465));
    let mut cell = cell(NAME);
    let mut verdicts = std::collections::VecDeque::from([(false, false, None), (false, false, None)]);
    let mut found = [0; 3];
    for run in 0..600 {
        let limit = rng.below(1000) as u16;
        cell.set("limit", limit.into());
        let chunks = 1 + rng.below(4);
        for chunk in 0..chunks {
            let ending = chunk + 1 == chunks;
            let slices = 1 + rng.below(5);
            let (mut previous, mut next): (Option<u16>, u16) = (None, rng.below(3) as u16);
            for slice in 0..slices {
                let last = slice + 1 == slices;
                let kept = if last { rng.below(LANES + 1) } else { LANES };
                let (mut index, mut descends, mut beyond) = (0u64, false, false);
                for i in 0..LANES {
                    let value = if i < kept { next } else { rng.word() as u16 };
                    index |= u64::from(value) << (16 * i);
                    if i < kept {
                        descends |= previous.is_some_and(|previous| value <= previous);
                        beyond |= ending && value > limit;
                        previous = Some(value);
                        next = match rng.below(30) {
                            0 => value,
                            1 => rng.word() as u16,
                            _ => value.saturating_add(1 + rng.below(60) as u16),
                        };
                    }
                }
                cell.set("index", index);
                cell.set("kept", (1 << kept) - 1);
                cell.set("last", last.into());
                cell.set("ending", ending.into());
                loop {
                    let taken = !rng.one_in(3);
                    cell.set("taken", taken.into());
                    cell.settle();
                    let verdict = verdicts.pop_front().unwrap();
                    let about = (verdict.0 || verdict.1).then(|| cell.get("chunk"));
                    assert_eq!((cell.get("descends") == 1, cell.get("beyond") == 1, about), verdict, "run {run}");
                    let about = (descends || beyond).then_some(chunk as u64);
                    verdicts.push_back(if taken { (descends, beyond, about) } else { (false, false, None) });
                    cell.tick();
                    if taken {
                        break;
                    }
                }
                found[0] += usize::from(descends);
                found[1] += usize::from(beyond);
                found[2] += usize::from(!descends && !beyond);
            }
        }
        cell.set("taken", 0);
        cell.tick();
        cell.tick();
        cell.set("reset", 1);
        cell.tick();
        cell.set("reset", 0);
        verdicts = std::collections::VecDeque::from([(false, false, None), (false, false, None)]);
    }
    assert!(found.iter().all(|n| *n > 100), "{found:?}");
}
