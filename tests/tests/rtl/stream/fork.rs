use super::{cell, words};
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Sink, Source, Wires};

const NAME: &str = "stream_fork";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed(NAME, 5));
    let mut cell = cell(NAME);
    for frame in 0..100 {
        let sent = words(1 + rng.below(100), 32, &mut rng);
        let mut source = Source::new(cell.wires("s"), sent.clone(), Pace::ALL[rng.below(3)]);
        let mut sinks: Vec<Sink> = (0..3)
            .map(|i| {
                let name = |wire: &str| format!("{NAME}_m_{wire}");
                let (valid, ready) = (format!("{}_{i}", name("valid")), format!("{}_{i}", name("ready")));
                let wires = Wires::named(&cell.instance, &valid, &name("data"), &ready);
                Sink::new(wires, Pace::ALL[if frame < 3 { 0 } else { rng.below(3) }])
            })
            .collect();
        let mut cycles = 0;
        while sinks.iter().any(|s| s.taken.len() < sent.len()) || cycles < 20 {
            source.drive(&mut cell.instance, &mut rng);
            sinks.iter_mut().for_each(|s| s.drive(&mut cell.instance, &mut rng));
            cell.settle();
            source.sample(&cell.instance);
            sinks.iter_mut().for_each(|s| s.sample(&mut cell.instance));
            cell.tick();
            cycles += 1;
            assert!(cycles < 10_000, "words are stuck");
        }
        assert!(source.is_done());
        sinks.iter().for_each(|s| assert_eq!(s.taken, sent, "frame {frame}"));
    }
}
