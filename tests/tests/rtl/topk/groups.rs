use super::encode::{beats, groups};
use super::{cell, Cell};
use nearfield_tests::rng::{seed, Rng};

const NAME: &str = "topk_groups";
const LANES: usize = 4;

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

/// Elements of a slice, whether it is the chunk's last, whether that is the run's last.
type Slice = (Vec<(u16, u32)>, bool, bool);

/// Sends chunks with one pause in `pause` cycles on both sides and takes them apart; gives the cycles it took.
fn taken_apart(cell: &mut Cell, chunks: &[Vec<(u16, u32)>], format: u32, pause: usize, rng: &mut Rng) -> usize {
    let mut slices: Vec<Slice> = Vec::new();
    let mut sent: Vec<(Vec<u32>, bool, bool)> = Vec::new();
    for (c, kept) in chunks.iter().enumerate() {
        let parts: Vec<&[(u16, u32)]> = if kept.is_empty() { vec![&[]] } else { kept.chunks(LANES).collect() };
        let ending = c + 1 == chunks.len();
        slices.extend(parts.iter().enumerate().map(|(i, part)| (part.to_vec(), i + 1 == parts.len(), ending)));
        let beats = beats(&groups(kept, format));
        let last = beats.len();
        sent.extend(beats.into_iter().enumerate().map(|(i, beat)| (beat, i == 0, i + 1 == last)));
    }
    cell.set("reset", 1);
    cell.tick();
    cell.set("reset", 0);
    cell.set("wide", (format == 0).into());
    let (mut chunk, mut beat, mut slice, mut cycles, mut offering) = (0, 0, 0, 0, false);
    let mut standing = false;
    // A half of padding may come after the last slice has left.
    while slice < slices.len() || beat < sent.len() || chunk < chunks.len() {
        cell.set("chunk_valid", (chunk < chunks.len()).into());
        cell.set("chunk_kept", chunks.get(chunk).map_or(rng.below(100), Vec::len) as u64);
        cell.set("chunk_end", (chunk + 1 == chunks.len()).into());
        offering = beat < sent.len() && (offering || !rng.one_in(pause));
        cell.set("s_valid", offering.into());
        let port = cell.port("s_data");
        if offering {
            cell.instance.set_words(port, &sent[beat].0);
        }
        let ready = !rng.one_in(pause);
        cell.set("m_ready", ready.into());
        cell.settle();
        let taken = offering && cell.get("s_ready") == 1;
        assert_eq!(cell.get("taken") == 1, taken);
        if taken {
            assert_eq!((cell.get("first") == 1, cell.get("last") == 1), (sent[beat].1, sent[beat].2), "beat {beat}");
            beat += 1;
            offering = false;
        }
        chunk += cell.get("chunk_ready") as usize;
        let valid = cell.get("m_valid") == 1;
        assert!(valid || !standing, "slice {slice} was taken back");
        if valid {
            let (kept, last, ending) = &slices[slice];
            let index = cell.get("m_index");
            let value = cell.instance.words(cell.port("m_value")).to_vec();
            for (i, element) in kept.iter().enumerate() {
                assert_eq!(((index >> (16 * i)) as u16, value[i]), *element, "element {i} of slice {slice}");
            }
            let found = (cell.get("m_kept"), cell.get("m_last") == 1, cell.get("m_end") == 1);
            assert_eq!(found, ((1 << kept.len()) - 1, *last, *ending), "slice {slice}");
        }
        standing = valid && !ready;
        slice += usize::from(valid && ready);
        cell.tick();
        cycles += 1;
        assert!(cycles < 200 + 20 * (slices.len() + sent.len()), "slice {slice} of {}", slices.len());
    }
    cell.set("m_ready", 1);
    cell.settle();
    assert_eq!((beat, chunk), (sent.len(), chunks.len()));
    assert_eq!((cell.get("finished"), cell.get("m_valid")), (1, 0), "nothing more is to come");
    cycles
}

fn chunk(kept: usize, format: u32, rng: &mut Rng) -> Vec<(u16, u32)> {
    (0..kept).map(|i| (i as u16, rng.value(if format == 0 { 32 } else { 16 }) as u32)).collect()
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed(NAME, 0x6772_6f75));
    let mut cell = cell(NAME);
    const COUNTS: [usize; 12] = [0, 1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 65];
    for format in [0, 1] {
        for first in COUNTS {
            for second in COUNTS {
                for pause in [2, 5, 1000] {
                    let counts = [first, second, rng.below(200), 0];
                    let chunks: Vec<_> =
                        counts[..2 + rng.below(3)].iter().map(|n| chunk(*n, format, &mut rng)).collect();
                    taken_apart(&mut cell, &chunks, format, pause, &mut rng);
                }
            }
        }
    }
}

#[test]
fn a_slice_every_cycle() {
    let mut rng = Rng::new(1);
    let mut cell = cell(NAME);
    for format in [0, 1] {
        let kept = 32 * 100;
        let chunks = [chunk(kept, format, &mut rng)];
        let cycles = taken_apart(&mut cell, &chunks, format, usize::MAX, &mut rng);
        assert!(cycles <= kept / LANES + 6, "{cycles} cycles for {kept} elements");
    }
}
