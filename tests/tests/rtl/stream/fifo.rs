use super::{cell, pass, words};
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Sink, Source};

const NAME: &str = "stream_fifo";
const DEPTH: usize = 512;

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn survives_stalls() {
    super::survives(NAME, 512, 1, |sent| sent.to_vec());
}

#[test]
fn one_word_a_cycle() {
    assert_eq!(super::full_speed(NAME, 512, 2000, 2000), 2002);
}

#[test]
fn holds_its_depth_and_says_so() {
    let mut rng = Rng::new(seed("stream::fifo", 3));
    let mut cell = cell(NAME);
    for round in 0..3 {
        let sent = words(DEPTH + 3, 512, &mut rng);
        let mut source = Source::new(cell.wires("s"), sent.clone(), Pace::ALL[0]);
        let mut sink = Sink::new(cell.wires("m"), Pace::ALL[0]);
        for i in 0..DEPTH + 10 {
            source.drive(&mut cell.instance, &mut rng);
            sink.refuse(&mut cell.instance);
            cell.settle();
            assert_eq!(cell.get("fill"), i.min(DEPTH) as u64, "fill");
            assert_eq!(cell.get("s_ready") == 1, i < DEPTH, "room after {i} words, round {round}");
            source.sample(&cell.instance);
            sink.sample(&mut cell.instance);
            cell.tick();
        }
        while sink.taken.len() < sent.len() {
            super::step(&mut cell, &mut source, &mut sink, &mut rng);
        }
        assert_eq!(sink.taken, sent);
        cell.settle();
        assert_eq!((cell.get("fill"), cell.get("m_valid")), (0, 0));
        // Moves the pointers, so that the next round wraps at another place.
        let sent = words(101, 512, &mut rng);
        assert_eq!(pass(&mut cell, &sent, 101, [Pace::ALL[1]; 2], &mut rng).0, sent);
    }
}
