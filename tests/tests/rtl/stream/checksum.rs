use super::design;
use nearfield_abi::checksum::Checksum;
use nearfield_hdl::emit::{emit, Design};
use nearfield_hdl::stream::{Checksum128, Checksum256, Checksum512, Checksum64, PositionSum};
use nearfield_sim::verilate::{build, bundle, Instance, Library, Options, PortId};
use nearfield_tests::lint::assert_clean;
use nearfield_tests::rng::{long, seed, Rng};
use nearfield_tests::stream::Pace;
use std::collections::VecDeque;
use std::sync::OnceLock;

const NAME: &str = "stream_checksum";
/// Every width, by its words a beat, with its latency.
const WIDTHS: [(usize, &str, usize); 4] = [
    (2, "checksum_64", Checksum64::LATENCY),
    (4, "checksum_128", Checksum128::LATENCY),
    (8, "checksum_256", Checksum256::LATENCY),
    (16, "checksum_512", Checksum512::LATENCY),
];

fn designs() -> [Design; 4] {
    let named = |design: Result<Design, _>| design.unwrap_or_else(|e| panic!("{NAME}: {e}"));
    [
        named(emit(&Checksum64::default(), WIDTHS[0].1, WIDTHS[0].1)),
        named(emit(&Checksum128::default(), WIDTHS[1].1, WIDTHS[1].1)),
        named(emit(&Checksum256::default(), WIDTHS[2].1, WIDTHS[2].1)),
        named(emit(&Checksum512::default(), WIDTHS[3].1, WIDTHS[3].1)),
    ]
}

/// The four widths in one library.
fn widths() -> &'static Library {
    static ALL: OnceLock<Library> = OnceLock::new();
    ALL.get_or_init(|| {
        let designs = designs();
        let parts: Vec<(&str, &Design)> = WIDTHS.iter().map(|w| w.1).zip(&designs).collect();
        let all = bundle("checksums", &parts).expect("the widths can stand side by side");
        build(&all, &Options::default()).unwrap_or_else(|e| panic!("{e}"))
    })
}

struct Unit {
    instance: Instance,
    words: usize,
    latency: usize,
    clock: PortId,
    start: PortId,
    valid: PortId,
    last: PortId,
    tail: PortId,
    data: PortId,
    a: PortId,
    b: PortId,
    done: PortId,
    beat_sum: PortId,
    beat_after: PortId,
}

impl Unit {
    fn new(width: usize) -> Unit {
        let (words, name, latency) = WIDTHS[width];
        let instance = widths().instance();
        let port = |port: &str| instance.port(&format!("{name}_{port}")).unwrap_or_else(|e| panic!("{e}"));
        Unit {
            words,
            latency,
            clock: instance.port("clock").expect("the family has a clock"),
            start: port("start"),
            valid: port("valid"),
            last: port("last"),
            tail: port("tail"),
            data: port("data"),
            a: port("a"),
            b: port("b"),
            done: port("done"),
            beat_sum: port("beat_sum"),
            beat_after: port("beat_after"),
            instance,
        }
    }

    fn start(&mut self) {
        self.instance.set(self.start, 1);
        self.idle(&mut Rng::new(1));
        self.instance.set(self.start, 0);
    }

    /// A cycle without a beat; what stands at the other ports must not matter.
    fn idle(&mut self, rng: &mut Rng) {
        let noise: Vec<u32> = (0..self.words).map(|_| rng.word() as u32).collect();
        self.cycle(false, rng.one_in(2), rng.word(), &noise);
    }

    fn cycle(&mut self, valid: bool, last: bool, tail: u64, data: &[u32]) {
        self.instance.set(self.valid, valid.into());
        self.instance.set(self.last, last.into());
        self.instance.set(self.tail, tail % (4 * self.words as u64));
        self.instance.set_words(self.data, data);
        self.instance.tick(self.clock);
    }

    /// Sends a run, whose last beat has noise where it has no bytes; with `cut`, only that many beats of it.
    fn send(&mut self, bytes: &[u8], pace: Pace, cut: Option<usize>, rng: &mut Rng) {
        let beats = bytes.chunks(4 * self.words);
        let count = beats.len();
        for (i, beat) in beats.enumerate().take(cut.unwrap_or(count)) {
            while !pace.draw(rng) {
                self.idle(rng);
            }
            let mut full = beat.to_vec();
            full.resize_with(4 * self.words, || rng.word() as u8);
            let words: Vec<u32> = full.chunks(4).map(|w| u32::from_le_bytes(w.try_into().unwrap())).collect();
            // Before the last beat `tail` must not matter.
            let last = i + 1 == count;
            let tail = if last { bytes.len() as u64 } else { rng.word() };
            self.cycle(true, last, tail, &words);
        }
    }

    fn is_done(&self) -> bool {
        self.instance.get(self.done) == 1
    }

    /// Waits for `done`, which must come when it is declared to; gives both sums.
    fn sums(&mut self, rng: &mut Rng) -> (u64, u64) {
        // The last beat's cycle is the first of these.
        for cycle in 1..self.latency {
            assert!(!self.is_done(), "done after {cycle} of {} cycles", self.latency);
            self.idle(rng);
        }
        assert!(self.is_done(), "not done after {} cycles", self.latency);
        (self.instance.get(self.a), self.instance.get(self.b))
    }
}

fn draw(bytes: usize, rng: &mut Rng) -> Vec<u8> {
    match rng.below(4) {
        0 => vec![0xff; bytes],
        1 => (0..bytes).map(|_| if rng.one_in(16) { rng.word() as u8 } else { 0 }).collect(),
        _ => (0..bytes).map(|_| rng.word() as u8).collect(),
    }
}

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
    designs().iter().for_each(assert_clean);
    assert_eq!(design(NAME).artifacts.len(), designs()[3].artifacts.len());
}

/// Every length from one byte to three beats, then random ones, at every pace, each after another.
#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed("stream::checksum", 0x6368_6b73));
    let rounds = if long() { 4000 } else { 400 };
    let mut checked = 0;
    for width in 0..WIDTHS.len() {
        let mut unit = Unit::new(width);
        let short = 1..=12 * unit.words;
        let random: Vec<usize> = (0..rounds).map(|i| 1 + rng.below([200, 5_000, 20_000][i % 3])).collect();
        for length in short.chain(random) {
            let bytes = draw(length, &mut rng);
            unit.start();
            assert!(!unit.is_done(), "start takes done back");
            let pace = Pace::ALL[rng.below(3)];
            unit.send(&bytes, pace, None, &mut rng);
            let expected = Checksum::of(&bytes);
            assert_eq!(
                unit.sums(&mut rng),
                (expected.a, expected.b),
                "{length} bytes in beats of {} words",
                unit.words
            );
            for _ in 0..rng.below(4) {
                unit.idle(&mut rng);
                assert!(unit.is_done());
            }
            assert_eq!(unit.instance.get(unit.b), expected.b, "the sums stand");
            checked += 1;
        }
    }
    assert!(checked >= 4 * rounds);
    println!("{NAME}: {checked} runs identical to abi::checksum");
}

/// The sums go past 32 bits, and `b` past 64: a long run of the largest words.
#[test]
fn matches_reference_past_every_carry() {
    let mut rng = Rng::new(2);
    for width in 0..WIDTHS.len() {
        let mut unit = Unit::new(width);
        let bytes = vec![0xff; 4 * 100_000 + 3];
        unit.start();
        unit.send(&bytes, Pace::ALL[0], None, &mut rng);
        let expected = Checksum::of(&bytes);
        assert!(expected.a > 1 << 48 && expected.words.pow(2) / 2 > 1 << 32, "b wraps");
        assert_eq!(unit.sums(&mut rng), (expected.a, expected.b));
    }
}

/// Both sums of each beat, the declared cycles after it, whatever else goes on. A word's position and the words after it come to the
/// words of a beat.
#[test]
fn sums_of_beats_come_when_declared() {
    let mut rng = Rng::new(seed("stream::checksum beats", 0x6265_6174));
    for (width, (words, _, latency)) in WIDTHS.into_iter().enumerate() {
        let mut unit = Unit::new(width);
        let ahead = latency - PositionSum::<1>::LATENCY;
        assert_eq!(ahead, 1 + words.ilog2() as usize);
        let mut behind = VecDeque::new();
        for _ in 0..3000 {
            let bytes = draw(4 * words, &mut rng);
            let data: Vec<u32> = bytes.chunks(4).map(|w| u32::from_le_bytes(w.try_into().unwrap())).collect();
            unit.cycle(rng.one_in(2), false, rng.word(), &data);
            let sum = Checksum::of(&bytes);
            behind.push_back((sum.a as u32, (sum.a as u32).wrapping_mul(words as u32).wrapping_sub(sum.b as u32)));
            if behind.len() == ahead {
                let found = [unit.beat_sum, unit.beat_after].map(|port| unit.instance.get(port) as u32);
                assert_eq!(Some(found.into()), behind.pop_front(), "beats of {words} words");
            }
        }
    }
}

/// A run that is cut off, or a sum that is under way, leaves nothing behind.
#[test]
fn starts_anew_at_any_time() {
    let mut rng = Rng::new(seed("stream::checksum restarts", 0x7265_7374));
    for width in 0..WIDTHS.len() {
        let mut unit = Unit::new(width);
        for round in 0..200 {
            let first = draw(1 + rng.below(2_000), &mut rng);
            let cut = (round % 2 == 0).then(|| rng.below(20));
            unit.start();
            unit.send(&first, Pace::ALL[0], cut, &mut rng);
            for _ in 0..rng.below(unit.latency + 3) {
                unit.idle(&mut rng);
            }
            let second = draw(1 + rng.below(2_000), &mut rng);
            unit.start();
            unit.send(&second, Pace::ALL[rng.below(2)], None, &mut rng);
            let expected = Checksum::of(&second);
            assert_eq!(unit.sums(&mut rng), (expected.a, expected.b), "round {round}");
        }
    }
}
