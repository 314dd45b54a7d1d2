use super::cell;
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Sink};

const NAME: &str = "sgcn_window";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

/// Asks for `n` lines, up to `late` of them before one arrives; gives the cycles it took.
fn run(n: usize, late: usize, paces: [Pace; 3], rng: &mut Rng) -> usize {
    let mut cell = cell(NAME);
    let mut sink = Sink::new(cell.wires("m"), paces[2]);
    let lines: Vec<Vec<u32>> = (0..n).map(|_| (0..16).map(|_| rng.word() as u32).collect()).collect();
    let (mut asked, mut under_way, mut cycles) = (0, Vec::new(), 0);
    while sink.taken.len() < n {
        cell.settle();
        assert_eq!(cell.get("room") == 1, asked - sink.taken.len() < 256, "room");
        assert_eq!(cell.get("slot") as usize, asked % 256, "slot");
        let ask = asked < n && cell.get("room") == 1 && paces[0].draw(rng);
        cell.set("allocate", ask.into());
        let due = under_way.len() >= late || asked == n || cell.get("room") == 0;
        let arrives = !under_way.is_empty() && due && paces[1].draw(rng);
        let which: usize = if arrives { under_way.swap_remove(rng.below(under_way.len())) } else { rng.below(n) };
        cell.set("arrive", arrives.into());
        cell.set("arrive_slot", which as u64 % 256);
        let port = cell.port("arrive_data");
        cell.instance.set_words(port, &lines[which]);
        sink.drive(&mut cell.instance, rng);
        cell.settle();
        sink.sample(&mut cell.instance);
        cell.tick();
        if ask {
            under_way.push(asked);
            asked += 1;
        }
        cycles += 1;
        assert!(cycles < 1000 + 60 * n, "{} of {n} lines", sink.taken.len());
    }
    assert_eq!(sink.taken, lines);
    cycles
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x7769_6e64));
    for late in [1, 2, 5, 40, 256] {
        let cycles = run(2000, late, [Pace::ALL[0]; 3], &mut rng);
        println!("{NAME}: 2000 lines in {cycles} cycles with {late} under way");
    }
    assert!(run(2000, 1, [Pace::ALL[0]; 3], &mut rng) < 2010, "one line a cycle");
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed(NAME, 0x7374_616c));
    for asks in Pace::ALL {
        for arrivals in Pace::ALL {
            for takes in Pace::ALL {
                let late = 1 + rng.below(256);
                run(400, late, [asks, arrivals, takes], &mut rng);
            }
        }
    }
}

#[test]
fn resets() {
    let mut cell = cell(NAME);
    cell.set("m_ready", 0);
    for slot in 0..100 {
        cell.set("allocate", 1);
        cell.set("arrive", u64::from(slot > 0));
        cell.set("arrive_slot", slot - u64::from(slot > 0));
        cell.tick();
    }
    cell.set("allocate", 0);
    cell.set("arrive", 0);
    cell.settle();
    assert_eq!((cell.get("m_valid"), cell.get("slot")), (1, 100));
    cell.reset();
    cell.set("m_ready", 1);
    for _ in 0..10 {
        cell.settle();
        assert_eq!((cell.get("m_valid"), cell.get("slot"), cell.get("room")), (0, 0, 1));
        cell.tick();
    }
}
