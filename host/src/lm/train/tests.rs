use super::*;
use crate::device::soft::Soft;
use crate::device::DeviceError;
use crate::lm::{InMemory, Options, Shape, Text};
use nearfield_model::optimizer::{adamw, Hyper};

const WATCH: Watch = Watch { threads: 2, every: 20 };

/// A small model with high rates, for small texts.
fn options(steps: u64) -> Options {
    let hyper = adamw::Hyper { lr: 5e-3, beta2: 0.99, weight_decay: 0.01, ..adamw::Hyper::default() };
    let shape = Shape { layers: 2, width: 32, heads: 2, context: 16 };
    Options { shape, batch: 4, steps, hyper: Hyper::AdamW(hyper), ..Options::default() }
}

/// The same with a lower rate, which is what attention takes to find its places.
fn slow(steps: u64) -> Options {
    let options = options(steps);
    Options { hyper: options.hyper.with_lr(2e-3), ..options }
}

fn in_memory<'d>(device: &'d mut Soft, plan: &Plan<'_>) -> InMemory<'d> {
    InMemory::new(device, plan.options().hyper, plan.initial_parameters(), plan.record(0))
}

fn bits_of(optimizer: &dyn Optimize) -> Vec<u32> {
    optimizer.params().iter().map(|value| value.to_bits()).collect()
}

/// Stops before a step, as a process that is killed does.
struct Killed<'o, 'd>(&'o mut InMemory<'d>, u64);

impl Optimize for Killed<'_, '_> {
    fn params(&self) -> &[f32] {
        self.0.params()
    }
    fn steps(&self) -> u64 {
        self.0.steps()
    }
    fn record(&self) -> &[u8] {
        self.0.record()
    }
    fn step(&mut self, update: Update<'_>) -> Result<(), OptimizeError> {
        if self.0.steps() == self.1 {
            return Err(DeviceError::Lost { device: "killed".into(), what: "killed".into() }.into());
        }
        self.0.step(update)
    }
    fn report(&self) -> &StepReport {
        self.0.report()
    }
}

#[test]
fn a_tiny_text_is_learned_by_heart() {
    let text = Text::new("a line", b"the quick brown fox jumps over the lazy dog. ".repeat(20));
    let plan = Plan::new(options(300), &text).unwrap();
    let mut device = Soft::open(Some(1));
    let mut events = Vec::new();
    let trained = train(&plan, &mut in_memory(&mut device, &plan), WATCH, &mut |event| events.push(event)).unwrap();
    assert!(matches!(events[0], Event::Step { step: 1, bits_per_byte } if (bits_per_byte - 8.0).abs() < 1e-6));
    assert_eq!((events.len(), trained.samples.len(), trained.held_out_bytes), (315, 15, 80));
    // Only the first bytes of a window leave something to guess.
    assert!(trained.bits_per_byte < 0.5, "{}", trained.bits_per_byte);
    assert_eq!((trained.steps, trained.resumed_at), (300, 0));
}

#[test]
fn more_than_the_two_bytes_before_is_learned() {
    // What comes after "xx" was said four bytes earlier: a trigram has to guess.
    let words: Vec<u8> = (0..600u32)
        .flat_map(|n| if n.wrapping_mul(2_654_435_761) >> 31 == 0 { *b"axxa " } else { *b"bxxb " })
        .collect();
    let text = Text::new("pairs", words);
    let plan = Plan::new(slow(1500), &text).unwrap();
    let trained = train(&plan, &mut in_memory(&mut Soft::open(Some(1)), &plan), WATCH, &mut |_| ()).unwrap();
    let Trained { bits_per_byte, trigram_bits_per_byte, .. } = trained;
    assert!(bits_per_byte < trigram_bits_per_byte - 0.1, "{bits_per_byte} and {trigram_bits_per_byte}");
}

#[test]
fn the_seed_decides_everything_and_the_threads_nothing() {
    let text = Text::embedded();
    let trained = |seed, threads| {
        let plan = Plan::new(Options { seed, ..options(5) }, &text).unwrap();
        let mut device = Soft::open(Some(threads));
        let mut optimizer = in_memory(&mut device, &plan);
        let watch = Watch { threads, every: 0 };
        let trained = train(&plan, &mut optimizer, watch, &mut |_| ()).unwrap();
        (bits_of(&optimizer), trained.bits_per_byte)
    };
    let once = trained(1, 1);
    assert!(once == trained(1, 1) && once == trained(1, 3));
    assert_ne!(once.0, trained(2, 1).0);
}

#[test]
fn a_killed_run_ends_with_the_bytes_of_one_that_was_not() {
    let text = Text::embedded();
    let plan = Plan::new(options(9), &text).unwrap();
    let mut device = Soft::open(Some(1));
    let mut whole = in_memory(&mut device, &plan);
    let whole_trained = train(&plan, &mut whole, WATCH, &mut |_| ()).unwrap();

    let mut device = Soft::open(Some(1));
    let mut killed = in_memory(&mut device, &plan);
    for stop in [0, 4, 8] {
        let error = train(&plan, &mut Killed(&mut killed, stop), WATCH, &mut |_| ()).unwrap_err();
        assert!(matches!(error, TrainError::Step { step, .. } if step == stop + 1), "{error}");
    }
    let trained = train(&plan, &mut killed, WATCH, &mut |_| ()).unwrap();
    assert_eq!((trained.resumed_at, trained.steps), (8, 9));
    assert_eq!(trained.bits_per_byte, whole_trained.bits_per_byte);
    assert!(bits_of(&killed) == bits_of(&whole) && killed.record() == whole.record());
    // Once more: there is nothing left to do.
    let again = train(&plan, &mut killed, WATCH, &mut |_| ()).unwrap();
    assert_eq!((again.resumed_at, again.bits_per_byte), (9, trained.bits_per_byte));
}

#[test]
fn the_state_of_another_run_is_refused() {
    let text = Text::embedded();
    let plan = Plan::new(options(9), &text).unwrap();
    let other = Plan::new(options(10), &text).unwrap();
    let mut device = Soft::open(Some(1));
    let error = train(&other, &mut in_memory(&mut device, &plan), WATCH, &mut |_| ()).unwrap_err();
    assert!(error.refused() && error.to_string().contains("another number of steps (9, here 10)"), "{error}");
}

#[test]
fn a_loss_that_is_not_finite_stops_training() {
    let text = Text::embedded();
    let options = options(20);
    let plan = Plan::new(Options { hyper: options.hyper.with_lr(1e30), ..options }, &text).unwrap();
    let mut device = Soft::open(Some(1));
    let error = train(&plan, &mut in_memory(&mut device, &plan), WATCH, &mut |_| ()).unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { .. }) && !error.refused(), "{error}");
}
