use super::cell;
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Sink};

const NAME: &str = "sgcn_output";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

/// Rows of 1 to 16 lines at any address; a burst's beats are taken after it.
fn run(rows: usize, paces: [Pace; 3], rng: &mut Rng) {
    let mut cell = cell(NAME);
    let mut bursts = Sink::new(cell.wires("burst"), paces[1]);
    let mut beats = Sink::new(cell.wires("w"), paces[2]);
    // Of each line its row's address, its place in the row and the row's length.
    let mut lines = Vec::new();
    let mut expected = Vec::new();
    for _ in 0..rows {
        let (at, n) = (rng.word() as u32 & 0x7fff_ffff, 1 + rng.below(16) as u32);
        lines.extend((0..n).map(|i| (at, i, n)));
        let first = n.min(16 - at % 16);
        expected.push(vec![at, first - 1]);
        if first < n {
            expected.push(vec![at + first, n - first - 1]);
        }
    }
    let data: Vec<Vec<u32>> = lines.iter().map(|_| (0..16).map(|_| rng.word() as u32).collect()).collect();
    // Places taken, and lines that went in.
    let (mut taken, mut counted, mut sent, mut cycles) = (0, 0, 0, 0);
    while beats.taken.len() < lines.len() {
        cell.settle();
        let take = taken < lines.len() && cell.get("room") == 1 && paces[0].draw(rng);
        // A place counts a cycle after it was taken, and one is kept for that.
        assert_eq!(cell.get("room") == 1, counted - beats.taken.len() < 31, "room");
        assert!(taken - beats.taken.len() <= 32);
        assert_eq!(cell.get("busy") == 1, taken > beats.taken.len(), "busy");
        cell.set("take", take.into());
        let send = sent < taken && paces[0].draw(rng);
        cell.set("line", send.into());
        let (at, i, n) = lines[sent.min(lines.len() - 1)];
        cell.set("line_first", (i == 0).into());
        cell.set("line_last", (i + 1 == n).into());
        cell.set("line_row", if i == 0 { at.into() } else { rng.word() & 0xffff_ffff });
        let port = cell.port("line_data");
        cell.instance.set_words(port, &data[sent.min(lines.len() - 1)]);
        bursts.drive(&mut cell.instance, rng);
        let owed: usize = bursts.taken.iter().map(|burst| burst[1] as usize + 1).sum();
        if beats.taken.len() < owed {
            beats.drive(&mut cell.instance, rng);
        } else {
            beats.refuse(&mut cell.instance);
        }
        cell.settle();
        assert!(beats.taken.len() == owed || cell.get("w_valid") == 1, "a burst before its beats");
        bursts.sample(&mut cell.instance);
        beats.sample(&mut cell.instance);
        cell.tick();
        counted = taken;
        taken += usize::from(take);
        sent += usize::from(send);
        cycles += 1;
        assert!(cycles < 1000 + 60 * lines.len(), "{} of {} beats", beats.taken.len(), lines.len());
    }
    assert_eq!(bursts.taken, expected);
    assert_eq!(beats.taken, data);
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x6f75_7470));
    run(200, [Pace::ALL[0]; 3], &mut rng);
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed(NAME, 0x7374_616c));
    for lines in Pace::ALL {
        for bursts in Pace::ALL {
            for beats in Pace::ALL {
                run(40, [lines, bursts, beats], &mut rng);
            }
        }
    }
}
