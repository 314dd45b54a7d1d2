use super::{design, family, random_cases, unit};
use nearfield_sim::verilate::{Instance, PortId};
use nearfield_tests::binary32::{corners, Operands};
use nearfield_tests::rng::{seed, Rng};

const NAME: &str = "fp32_square_sum";
const WORDS: usize = 608 / 32;

/// A sum of squares in units of 2^-298, by schoolbook addition of each square's bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Exact([u32; WORDS]);

impl Exact {
    fn add_square(&mut self, number: u32) {
        let value = f32::from_bits(number);
        if !value.is_finite() {
            return;
        }
        // An integer times 2^-149, or an even number of doublings of one below 2^24.
        let (mut integer, mut doublings) = (f64::from(value).abs() * 2f64.powi(149), 0usize);
        while integer >= f64::from(1 << 24) {
            (integer, doublings) = (integer / 2.0, doublings + 1);
        }
        let square = (integer as u64).pow(2);
        for bit in (0..48).filter(|bit| square >> bit & 1 == 1) {
            self.add_bit(bit + 2 * doublings);
        }
    }

    fn add_bit(&mut self, at: usize) {
        let mut word = at / 32;
        let (mut total, mut carry) = self.0[word].overflowing_add(1 << (at % 32));
        self.0[word] = total;
        while carry {
            word += 1;
            (total, carry) = self.0[word].overflowing_add(1);
            self.0[word] = total;
        }
    }

    fn value(&self) -> f64 {
        self.0.iter().rev().fold(0.0, |high, &word| high * 2f64.powi(32) + f64::from(word)) * 2f64.powi(-298)
    }
}

struct Accumulator {
    instance: Instance,
    clock: PortId,
    clear: PortId,
    valid: PortId,
    a: PortId,
    sum: PortId,
    latency: usize,
}

impl Accumulator {
    fn new() -> Accumulator {
        let instance = family().instance();
        let port = |suffix: &str| instance.port(&format!("{NAME}_{suffix}")).unwrap_or_else(|e| panic!("{e}"));
        Accumulator {
            clock: instance.port("clock").expect("the family has a clock"),
            clear: port("clear"),
            valid: port("valid"),
            a: port("a"),
            sum: port("sum"),
            latency: unit(NAME).latency.expect("it is a pipeline"),
            instance,
        }
    }

    /// Forgets; a number that comes along is forgotten, too.
    fn clear(&mut self) {
        self.instance.set(self.clear, 1);
        self.cycle(Some(0x7f7f_ffff));
        self.instance.set(self.clear, 0);
    }

    fn cycle(&mut self, number: Option<u32>) {
        self.instance.set(self.valid, number.is_some().into());
        self.instance.set(self.a, number.unwrap_or(0x7f7f_ffff).into());
        self.instance.tick(self.clock);
    }

    /// The sum when it must stand.
    fn sum(&mut self) -> Exact {
        for _ in 1..self.latency {
            self.cycle(None);
        }
        Exact(self.instance.words(self.sum).try_into().expect("608 bits"))
    }
}

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
    assert_eq!(design(NAME).top, NAME);
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed("float::square_sum", 0x7371_7375));
    let mut operands = Operands::new(rng.word());
    let mut unit = Accumulator::new();
    let mut checked = 0;
    // Each number alone, then sums of more and more, with gaps.
    let alone: Vec<Vec<u32>> = corners().into_iter().map(|x| vec![x]).collect();
    let powers = (0..=254).map(|field| vec![field << 23, field << 23 | 0x7f_ffff]);
    let cases = random_cases();
    let runs = [1, 10, 1000, cases / 2, cases / 2].map(|n| (0..n).map(|_| operands.any()).collect());
    for numbers in alone.into_iter().chain(powers).chain(runs) {
        unit.clear();
        let mut exact = Exact::default();
        for &number in &numbers {
            while rng.one_in(4) {
                unit.cycle(None);
            }
            unit.cycle(Some(number));
            exact.add_square(number);
        }
        assert_eq!(unit.sum(), exact, "of {} numbers from {:08x?}", numbers.len(), &numbers[..numbers.len().min(4)]);
        checked += numbers.len();
    }
    assert!(checked > cases);
    println!("{NAME}: {checked} squares summed exactly");
}

/// What the bits mean: the sum in binary64 is within its rounding of the one taken directly.
#[test]
fn is_a_sum_of_squares() {
    let mut rng = Rng::new(3);
    let mut unit = Accumulator::new();
    unit.clear();
    let mut direct = 0.0;
    for _ in 0..10_000 {
        let number = (rng.below(2_000_001) as f32 - 1e6) / 3e5;
        unit.cycle(Some(number.to_bits()));
        direct += f64::from(number).powi(2);
    }
    let exact = unit.sum().value();
    assert!((exact / direct - 1.0).abs() < 1e-12, "{exact} against {direct}");
}

/// Carries that run through every limb in one go, and arrive in the declared cycle and not before.
#[test]
fn latency_is_as_declared() {
    let mut unit = Accumulator::new();
    // 2^-298 added to a sum of ones from there up to the largest square's top, made of squares 2^(2 i - 298) thrice each:
    // binary 11 at every even place.
    unit.clear();
    let mut exact = Exact::default();
    let powers = (0..23).map(|bit| 1u32 << bit).chain((1..=254).map(|field| field << 23));
    for power in powers {
        for _ in 0..3 {
            unit.cycle(Some(power));
            exact.add_square(power);
        }
    }
    assert_eq!(unit.sum(), exact);
    assert!(exact.0[..17].iter().all(|&word| word == u32::MAX), "all ones: {:08x?}", exact.0);
    unit.cycle(Some(1));
    exact.add_square(1);
    let mut seen = Vec::new();
    for cycle in 1..=unit.latency + 3 {
        seen.push((cycle, Exact(unit.instance.words(unit.sum).try_into().unwrap()) == exact));
        unit.cycle(None);
    }
    let first = seen.iter().find(|s| s.1).expect("the carry arrives").0;
    // The sum has 555 bits, so the carry has one limb less to go than there are.
    assert_eq!(first, unit.latency - 1, "{seen:?}");
    assert!(seen[first - 1..].iter().all(|s| s.1));
}
