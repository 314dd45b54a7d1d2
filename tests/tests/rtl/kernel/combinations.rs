//! Optimizers, gradient formats and half copies against one another: `sim:ideal` equals `soft`, and `soft` the specification, byte for
//! byte over ten steps with a dynamic loss scale.

use nearfield::device::soft::Soft;
use nearfield::device::{open, Device, Tensors};
use nearfield::gradients::{GradientRun, Gradients, HalfCopy, HalfFormat};
use nearfield::step::step;
use nearfield::topk::{Kept, ValueFormat};
use nearfield_model::optimizer::{adam, adamw, sgd, Coefficients, Hyper, Optimizer};
use nearfield_model::scale::{inverse, LossScale};
use nearfield_tests::rng::{long, seed, Rng};

const STEPS: usize = 10;
/// The steps whose gradients have infinities.
const INFINITE: [usize; 2] = [3, 7];

/// The formats of gradients.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    Dense(ValueFormat),
    /// Every so many elements one is kept.
    TopK(ValueFormat, usize),
}

pub const FORMATS: [Format; 6] = [
    Format::Dense(ValueFormat::Fp32),
    Format::Dense(ValueFormat::Fp16),
    Format::Dense(ValueFormat::Bf16),
    Format::TopK(ValueFormat::Fp32, 100),
    Format::TopK(ValueFormat::Fp16, 3),
    Format::TopK(ValueFormat::Bf16, 10),
];
pub const HALVES: [Option<HalfFormat>; 3] = [None, Some(HalfFormat::Fp16), Some(HalfFormat::Bf16)];

pub fn hypers() -> Vec<Hyper> {
    let momentum = sgd::Hyper { momentum: 0.9, nesterov: true, weight_decay: 1e-4, ..sgd::Hyper::default() };
    let mut all: Vec<Hyper> = Optimizer::ALL.into_iter().map(Hyper::of).collect();
    all.push(Hyper::Sgd(momentum));
    all.push(Hyper::Adam(adam::Hyper { weight_decay: 5e-4, ..adam::Hyper::default() }));
    all.push(Hyper::AdamW(adamw::Hyper { weight_decay: 0.0, ..adamw::Hyper::default() }));
    all
}

impl Format {
    /// A dense run in this format.
    fn of(self, dense: &[f32]) -> GradientRun {
        match self {
            Format::Dense(format) => GradientRun::dense(dense, format),
            Format::TopK(format, every) => {
                let mut kept = Kept::default();
                dense.iter().enumerate().step_by(every).for_each(|(i, &x)| kept.push(i as u64, x));
                GradientRun::top_k(dense.len() as u64, format, &kept).unwrap()
            }
        }
    }

    /// The bits of the largest finite number.
    fn largest(self) -> u32 {
        let (Format::Dense(values) | Format::TopK(values, _)) = self;
        match values {
            ValueFormat::Fp32 => f32::MAX.to_bits(),
            ValueFormat::Fp16 => 65_504f32.to_bits(),
            ValueFormat::Bf16 => 0x7f7f_0000,
        }
    }
}

/// Ordinary values times the loss scale, and among them zeros of both signs, subnormals, and the largest there are.
fn draw(n: usize, rng: &mut Rng, largest: u32, infinities: bool) -> Vec<f32> {
    let value = |rng: &mut Rng| {
        let bits = match rng.below(32) {
            0 => [0, 1 << 31, 1, 0x8000_0001, 0x007f_ffff, 0x0080_0000, largest, largest | 1 << 31][rng.below(8)],
            _ => (rng.word() as u32 & 0x807f_ffff) | ((110 + rng.below(24) as u32) << 23),
        };
        f32::from_bits(bits)
    };
    let mut run: Vec<f32> = (0..n).map(|_| value(rng)).collect();
    if infinities {
        // Where every format keeps an element.
        run[0] = f32::INFINITY;
        run[(n - 1) / 300 * 300] = f32::NEG_INFINITY;
    }
    run
}

/// Parameters, states and half copy.
#[derive(Clone)]
struct State {
    params: Vec<f32>,
    states: Vec<Vec<f32>>,
    half: Vec<u16>,
}

impl State {
    fn new(n: usize, hyper: &Hyper, rng: &mut Rng) -> State {
        let params = draw(n, rng, f32::MAX.to_bits(), false);
        State { states: vec![vec![0.0; n]; hyper.states().len()], half: vec![0; n], params }
    }

    fn tensors<'a>(&'a mut self, grads: Gradients<'a>, format: Option<HalfFormat>) -> Tensors<'a> {
        let half = format.map(|format| HalfCopy { format, into: &mut self.half });
        let states = self.states.iter_mut().map(Vec::as_mut_slice).collect();
        Tensors { params: &mut self.params, states, grads, half }
    }

    /// Bit for bit, but that one NaN is as good as another.
    fn assert_equals(&self, other: &State, about: &str) {
        let bits = |x: &f32| if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() };
        let runs = |state: &State| -> Vec<Vec<u32>> {
            let all = [&state.params].into_iter().chain(&state.states);
            all.map(|run| run.iter().map(bits).collect()).collect()
        };
        for (tensor, (found, expected)) in runs(self).iter().zip(runs(other)).enumerate() {
            let differs = (0..expected.len()).find(|&i| found[i] != expected[i]);
            assert_eq!(differs, None, "{about}: an element of tensor {tensor}");
        }
        assert!(self.half == other.half, "{about}: the half copy");
    }
}

/// The step as the specification has it.
fn specified(k: &Coefficients, scale: f32, state: &mut State, grads: Gradients<'_>, format: Option<HalfFormat>) {
    let mut dense = grads.widened().into_owned();
    if scale != 1.0 {
        dense.iter_mut().for_each(|g| *g *= scale);
    }
    let mut states: Vec<&mut [f32]> = state.states.iter_mut().map(Vec::as_mut_slice).collect();
    k.step(&mut state.params, &mut states, &dense);
    if let Some(format) = format {
        state.half.iter_mut().zip(&state.params).for_each(|(half, &p)| *half = format.round(p));
    }
}

/// A number of steps on three implementations.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub steps: usize,
    pub elements: usize,
    /// A step whose gradients are not finite is skipped.
    pub check: bool,
}

/// Steps on `sim`, on `soft` and by the specification, which must agree.
pub fn run(sim: &mut dyn Device, hyper: &Hyper, format: Format, half: Option<HalfFormat>, how: Run) {
    let Run { steps, elements: n, check } = how;
    let about = format!("{} {hyper:?}, {format:?}, half copy {half:?}, {n} elements", hyper.optimizer());
    let mut rng = Rng::new(seed("combinations", 41));
    let mut soft = Soft::open(Some(2));
    let mut state = State::new(n, hyper, &mut rng);
    let (mut powers, mut loss_scale, mut skipped) = (hyper.powers(), LossScale::default(), 0);
    for number in 0..steps {
        let infinite = INFINITE.contains(&number);
        let run = format.of(&draw(n, &mut rng, format.largest(), infinite));
        let grads = run.parts()[0];
        let next = hyper.next(&powers);
        let k = hyper.coefficients(&next).unwrap();
        // With 1 the multiplication is left out.
        let scale = if number == 1 { 1.0 } else { inverse(loss_scale.scale) };
        let about = format!("{about}, step {number}");
        let (mut on_soft, mut on_sim, mut expected) = (state.clone(), state.clone(), state.clone());
        specified(&k, scale, &mut expected, grads, half);
        let one = step(&mut soft, &k, scale, on_soft.tensors(grads, half), &mut |_| ()).unwrap();
        let two =
            step(sim, &k, scale, on_sim.tensors(grads, half), &mut |_| ()).unwrap_or_else(|e| panic!("{about}: {e}"));
        on_soft.assert_equals(&expected, &format!("{about}, soft"));
        on_sim.assert_equals(&expected, &format!("{about}, sim"));
        let sum = grads.sum_of_squares();
        assert_eq!((one.nonfinite, two.nonfinite), (sum.nonfinite, sum.nonfinite), "{about}: what is not finite");
        if check {
            loss_scale = loss_scale.next(sum.nonfinite);
        }
        if check && sum.nonfinite {
            skipped += 1;
        } else {
            (state, powers) = (on_sim, next);
        }
    }
    if check {
        assert_eq!(skipped, INFINITE.iter().filter(|&&step| step < steps).count(), "{about}: steps that were skipped");
        assert_eq!(loss_scale.scale, LossScale::default().scale / (1 << skipped) as f32, "{about}");
    }
}

#[test]
fn sim_equals_soft_and_soft_the_specification() {
    let n = if long() { 100_003 } else { 20_003 };
    let mut sim = open(&"sim:ideal,lanes=4".parse().unwrap()).unwrap();
    let hypers = hypers();
    println!("{:<10} {:<22} {:<12} {:>6}", "optimizer", "gradients", "half copy", "check");
    let mut done = 0;
    for (h, hyper) in hypers.iter().enumerate() {
        for (f, &format) in FORMATS.iter().enumerate() {
            for (c, &half) in HALVES.iter().enumerate() {
                // Of all pairs each at least once: every optimizer with three formats and every half copy.
                if !long() && (f + 2 * c + h) % FORMATS.len() != 0 {
                    continue;
                }
                for check in [true, false] {
                    // Without the check infinities go into the state: one optimizer after the other is enough of that.
                    if check || long() || c == h % HALVES.len() {
                        run(sim.as_mut(), hyper, format, half, Run { steps: STEPS, elements: n, check });
                        let half = half.map_or("none", HalfFormat::name);
                        println!(
                            "{:<10} {:<22} {half:<12} {check:>6}",
                            hyper.optimizer().name(),
                            format!("{format:?}")
                        );
                        done += 1;
                    }
                }
            }
        }
    }
    println!("{done} combinations, {n} elements, {STEPS} steps each");
    assert!(done >= 3 * hypers.len());
}
