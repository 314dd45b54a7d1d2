use super::encode::Sparse;
use super::{cell, Cell};
use nearfield_tests::rng::{seed, Rng};

const NAME: &str = "topk_merge";
const LANES: usize = 4;

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

/// What a chunk is cut into: indices, values, whether it is the chunk's last, whether that is the run's last.
type Slice = (Vec<u16>, Vec<u32>, bool, bool);

fn slices(sparse: &Sparse) -> Vec<Slice> {
    let chunks = sparse.chunks();
    let mut slices = Vec::new();
    for (c, kept) in chunks.iter().enumerate() {
        let parts: Vec<&[(u16, u32)]> = if kept.is_empty() { vec![&[]] } else { kept.chunks(LANES).collect() };
        for (i, part) in parts.iter().enumerate() {
            let (index, value) = part.iter().copied().unzip();
            slices.push((index, value, i + 1 == parts.len(), c + 1 == chunks.len()));
        }
    }
    slices
}

/// Sends slices with pauses and takes words with pauses; what stands in places that hold nothing is noise.
fn merged(cell: &mut Cell, sparse: &Sparse, pause: usize, rng: &mut Rng) -> Vec<u32> {
    let slices = slices(sparse);
    let words = sparse.elements.next_multiple_of(16) / LANES;
    let (mut sent, mut offering, mut elements, mut cycles) = (0, false, Vec::new(), 0);
    let mut standing: Option<Vec<u32>> = None;
    cell.set("reset", 1);
    cell.tick();
    cell.set("reset", 0);
    cell.set("halt", 0);
    cell.set("limit", (sparse.elements - 1) as u64 % 65_536);
    while elements.len() < words * LANES {
        offering = sent < slices.len() && (offering || !rng.one_in(pause));
        let mut noise = (Vec::new(), Vec::new(), rng.one_in(2), rng.one_in(2));
        let (index, value, last, ending) = if offering { slices[sent].clone() } else { std::mem::take(&mut noise) };
        let kept = index.len();
        let index = (0..LANES).fold(0, |all, i| {
            let index = index.get(i).map_or(rng.word() & 0xffff, |index| u64::from(*index));
            all | index << (16 * i)
        });
        let value: Vec<u32> = (0..LANES).map(|i| value.get(i).map_or(rng.word() as u32, |value| *value)).collect();
        cell.set("s_valid", offering.into());
        cell.set("s_index", index);
        let port = cell.port("s_value");
        cell.instance.set_words(port, &value);
        cell.set("s_kept", (1 << kept) - 1);
        cell.set("s_last", last.into());
        cell.set("s_ending", ending.into());
        let ready = !rng.one_in(pause);
        cell.set("m_ready", ready.into());
        cell.settle();
        if offering && cell.get("s_ready") == 1 {
            sent += 1;
            offering = false;
        }
        let word = (cell.get("m_valid") == 1).then(|| cell.instance.words(cell.port("m_data")).to_vec());
        if let Some(before) = standing.take() {
            assert_eq!(word.as_ref(), Some(&before), "an offer changed or vanished");
        }
        match word {
            Some(word) if ready => elements.extend(word),
            offered => standing = offered,
        }
        cell.tick();
        cycles += 1;
        assert!(cycles < 1000 + 20 * words, "{} of {words} words", elements.len() / LANES);
    }
    cell.settle();
    assert_eq!((cell.get("finished"), sent), (1, slices.len()));
    elements
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed(NAME, 0x6d65_7267));
    let mut cell = cell(NAME);
    let mut one = |sparse: Sparse, rng: &mut Rng| {
        let pause = 2 + rng.below(20);
        assert_eq!(merged(&mut cell, &sparse, pause, rng), sparse.dense(), "{sparse:?}");
    };
    for elements in (1..70).chain([1000, 4096]) {
        for share in [0, 20_000, 300_000, 800_000, 1_000_000] {
            let sparse = Sparse::uniform(elements, share, 0, &mut rng);
            one(sparse, &mut rng);
        }
    }
    // Every way in which 12 elements can lie across the end of a run.
    for pattern in 0..4096usize {
        let kept = (0..12).filter(|i| pattern >> i & 1 == 1).map(|i| (20 + i, rng.word() as u32)).collect();
        one(Sparse { elements: 32, format: 0, kept }, &mut rng);
    }
    // And across the border of two chunks.
    for _ in 0..6 {
        let kept = (0..24).filter(|_| rng.one_in(2)).map(|i| (65_536 - 12 + i, i as u32)).collect();
        one(Sparse { elements: 65_536 + 20, format: 0, kept }, &mut rng);
    }
}
