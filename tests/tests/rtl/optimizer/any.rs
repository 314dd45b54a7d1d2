use super::{random, Lane};
use nearfield_model::optimizer::{adagrad, adam, adamw, lion, sgd};
use nearfield_tests::binary32::{corners, Operands};
use nearfield_tests::rng::{long, seed, Rng};

const NAME: &str = "any_lane";
/// Random elements for each set of hyper-parameters.
pub const RANDOM: usize = 20_000;
pub const RANDOM_LONG: usize = 1_000_000;

/// What the lane's registers hold in a run: binary32 words and flags.
#[derive(Clone, Debug, Default)]
pub struct Registers {
    grad_scale: f32,
    beta1: f32,
    c1: f32,
    beta2: f32,
    c2: f32,
    bias2: f32,
    eps: f32,
    step_size: f32,
    decay: f32,
    pub flags: Vec<&'static str>,
}

const FLAGS: [&str; 8] = ["penalty", "decoupled", "adagrad", "lion", "straight", "buffer", "first", "nesterov"];

/// An optimizer with the coefficients of a step.
#[derive(Clone, Debug)]
pub enum Step {
    AdamW(adamw::Coefficients),
    Adam(adam::Coefficients),
    Adagrad(adagrad::Coefficients),
    Lion(lion::Coefficients),
    Sgd(sgd::Coefficients),
}

impl Step {
    pub fn registers(&self, grad_scale: f32) -> Registers {
        let flag = |on, name| if on { vec![name] } else { vec![] };
        match *self {
            Step::AdamW(k) => Registers {
                grad_scale,
                beta1: k.beta1,
                c1: k.c1,
                beta2: k.beta2,
                c2: k.c2,
                bias2: k.bias2,
                eps: k.eps,
                step_size: k.step_size,
                decay: k.decay,
                flags: flag(k.weight_decay, "decoupled"),
            },
            Step::Adam(k) => Registers {
                grad_scale,
                beta1: k.beta1,
                c1: k.c1,
                beta2: k.beta2,
                c2: k.c2,
                bias2: k.bias2,
                eps: k.eps,
                step_size: k.step_size,
                decay: k.decay,
                flags: flag(k.weight_decay, "penalty"),
            },
            Step::Adagrad(k) => Registers {
                grad_scale,
                bias2: 1.0,
                eps: k.eps,
                step_size: k.step_size,
                decay: k.decay,
                flags: [vec!["adagrad"], flag(k.weight_decay, "penalty")].concat(),
                ..Registers::default()
            },
            Step::Lion(k) => Registers {
                grad_scale,
                beta1: k.beta1,
                c1: k.c1,
                beta2: k.beta2,
                c2: k.c2,
                step_size: k.step_size,
                decay: k.decay,
                flags: [vec!["lion"], flag(k.weight_decay, "decoupled")].concat(),
                ..Registers::default()
            },
            Step::Sgd(k) => Registers {
                grad_scale,
                beta1: k.momentum,
                c1: k.c1,
                step_size: k.step_size,
                decay: k.decay,
                flags: [
                    vec!["straight"],
                    flag(k.weight_decay, "penalty"),
                    flag(k.has_buffer(), "buffer"),
                    flag(k.first && k.has_buffer(), "first"),
                    flag(k.nesterov, "nesterov"),
                ]
                .concat(),
                ..Registers::default()
            },
        }
    }

    /// The three results that count, by the specification, of a scaled gradient.
    pub fn expected(&self, [p, m, v, g]: [f32; 4]) -> [Option<f32>; 3] {
        match self {
            Step::AdamW(k) => {
                let (p, m, v) = adamw::element(k, p, m, v, g);
                [Some(p), Some(m), Some(v)]
            }
            Step::Adam(k) => {
                let (p, m, v) = adam::element(k, p, m, v, g);
                [Some(p), Some(m), Some(v)]
            }
            Step::Adagrad(k) => {
                let (p, v) = adagrad::element(k, p, v, g);
                [Some(p), None, Some(v)]
            }
            Step::Lion(k) => {
                let (p, m) = lion::element(k, p, m, g);
                [Some(p), Some(m), None]
            }
            Step::Sgd(k) if k.has_buffer() => {
                let (p, m) = sgd::element(k, p, m, g);
                [Some(p), Some(m), None]
            }
            Step::Sgd(k) => [Some(sgd::plain_element(k, p, g)), None, None],
        }
    }
}

fn lane() -> Lane<4, 3> {
    Lane::new(NAME, ["p", "m", "v", "g"], ["p_new", "m_new", "v_new"])
}

/// Sets the words of an optimizer.
pub fn set_words(lane: &mut Lane<4, 3>, registers: &Registers) {
    let words = [
        ("grad_scale", registers.grad_scale),
        ("beta1", registers.beta1),
        ("c1", registers.c1),
        ("beta2", registers.beta2),
        ("c2", registers.c2),
        ("bias2", registers.bias2),
        ("eps", registers.eps),
        ("step_size", registers.step_size),
        ("decay", registers.decay),
    ];
    for (port, value) in words {
        lane.set(port, value.to_bits());
    }
}

fn set(lane: &mut Lane<4, 3>, registers: &Registers) {
    set_words(lane, registers);
    for flag in FLAGS {
        lane.set(flag, registers.flags.contains(&flag).into());
    }
}

/// Every optimizer as runs have it: first and later steps, with and without weight decay, and what else there is.
pub fn steps() -> Vec<Step> {
    let mut steps = Vec::new();
    for weight_decay in [0.0, 0.1] {
        for (step, bias_correction) in [(1, true), (2, true), (12_345, true), (7, false)] {
            let hyper = adamw::Hyper { weight_decay, bias_correction, ..adamw::Hyper::default() };
            let powers = hyper.powers().at(step, hyper.beta1, hyper.beta2);
            steps.push(Step::AdamW(adamw::Coefficients::new(&hyper, &powers)));
            let hyper = adam::Hyper { weight_decay, bias_correction, eps: 1e-6, ..adam::Hyper::default() };
            steps.push(Step::Adam(adam::Coefficients::new(&hyper, &powers)));
        }
        for eps in [1e-10, 0.0] {
            let hyper = adagrad::Hyper { weight_decay, eps, ..adagrad::Hyper::default() };
            steps.push(Step::Adagrad(adagrad::Coefficients::new(&hyper)));
        }
        let hyper = lion::Hyper { weight_decay, ..lion::Hyper::default() };
        steps.push(Step::Lion(lion::Coefficients::new(&hyper)));
        for (momentum, dampening, nesterov) in
            [(0.0, 0.0, false), (0.9, 0.0, false), (0.9, 0.3, false), (0.8, 0.0, true)]
        {
            for step in [1, 2] {
                let hyper = sgd::Hyper { lr: 0.1, momentum, dampening, weight_decay, nesterov };
                hyper.check().unwrap();
                steps.push(Step::Sgd(sgd::Coefficients::new(&hyper, step)));
            }
        }
    }
    steps
}

/// Sends elements through and compares the results that count; gives their number.
fn check(lane: &mut Lane<4, 3>, step: &Step, grad_scale: f32, elements: impl Iterator<Item = [u32; 4]>) -> usize {
    let registers = step.registers(grad_scale);
    set(lane, &registers);
    let expected = elements.map(|x| {
        let [p, m, v, g] = x.map(f32::from_bits);
        let scaled = if grad_scale == 1.0 { g } else { g * grad_scale };
        (x, step.expected([p, m, v, scaled]).map(|result| result.map(f32::to_bits)))
    });
    lane.matches_where(expected, &format!("{step:?}, scale {grad_scale}"))
}

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn every_optimizer_matches_its_specification() {
    let seed = seed("optimizer::any", 0x0061_6e79);
    let (mut rng, mut operands) = (Rng::new(seed), Operands::new(seed ^ 1));
    let mut lane = lane();
    let count = if long() { RANDOM_LONG } else { RANDOM };
    let steps = steps();
    let mut checked = 0;
    for (i, step) in steps.iter().enumerate() {
        let grad_scale = [1.0, 0.5, 1.0 / 65536.0, 3.0e-7][i % 4];
        let elements: Vec<[u32; 4]> = (0..count).map(|_| random(&mut rng, &mut operands)).collect();
        checked += check(&mut lane, step, grad_scale, elements.into_iter());
    }
    assert_eq!(checked, steps.len() * count);
    println!("{NAME}: {checked} elements identical to the specifications, {} sets of hyper-parameters", steps.len());
}

#[test]
fn every_optimizer_matches_its_specification_on_corners() {
    let corners = corners();
    let mut lane = lane();
    for step in steps() {
        let n = corners.len();
        let elements = (0..n * n).map(|i| {
            let (a, b) = (i / n, i % n);
            [corners[a], corners[(a + 7 * b) % n], corners[(3 * a + b) % n], corners[b]]
        });
        assert_eq!(check(&mut lane, &step, 1.0, elements), n * n);
    }
}

#[test]
fn latency_is_as_declared() {
    let mut lane = lane();
    set(&mut lane, &steps()[0].registers(1.0));
    lane.measure_latency([1.0f32, 0.0, 0.0, 1.0].map(f32::to_bits), [2.0f32, 1.0, 1.0, -1.0].map(f32::to_bits));
}
