//! The lanes for one optimizer each, with every flag set that the optimizer does not know.

use super::any::{set_words, steps, Step, RANDOM, RANDOM_LONG};
use super::{random, Lane};
use nearfield_tests::binary32::{corners, Operands};
use nearfield_tests::rng::{long, seed, Rng};

/// A lane, and the flags that its optimizer knows.
const LANES: [(&str, &[&str]); 5] = [
    ("single_lane_adamw", &["decoupled"]),
    ("single_lane_adam", &["penalty"]),
    ("single_lane_adagrad", &["penalty"]),
    ("single_lane_lion", &["decoupled"]),
    ("single_lane_sgd", &["penalty", "buffer", "first", "nesterov"]),
];
const FLAGS: [&str; 5] = ["penalty", "decoupled", "buffer", "first", "nesterov"];

/// The number of the lane in [`LANES`] that does this step.
fn number(step: &Step) -> usize {
    match step {
        Step::AdamW(_) => 0,
        Step::Adam(_) => 1,
        Step::Adagrad(_) => 2,
        Step::Lion(_) => 3,
        Step::Sgd(_) => 4,
    }
}

fn lane(number: usize) -> Lane<4, 3> {
    Lane::new(LANES[number].0, ["p", "state_0", "state_1", "g"], ["p_new", "state_new_0", "state_new_1"])
}

fn set(lane: &mut Lane<4, 3>, step: &Step, grad_scale: f32) {
    let registers = step.registers(grad_scale);
    set_words(lane, &registers);
    for flag in FLAGS {
        let known = LANES[number(step)].1.contains(&flag);
        lane.set(flag, (!known || registers.flags.contains(&flag)).into());
    }
}

/// What comes of an element: Adagrad's sum is its first state here, and its second moment there.
fn expected(step: &Step, grad_scale: f32, [p, first, second, g]: [f32; 4]) -> [Option<u32>; 3] {
    let g = if grad_scale == 1.0 { g } else { g * grad_scale };
    let results = match step {
        Step::Adagrad(_) => {
            let [p, m, v] = step.expected([p, second, first, g]);
            [p, v, m]
        }
        _ => step.expected([p, first, second, g]),
    };
    results.map(|result| result.map(f32::to_bits))
}

fn check(lane: &mut Lane<4, 3>, step: &Step, grad_scale: f32, elements: Vec<[u32; 4]>) -> usize {
    set(lane, step, grad_scale);
    let elements = elements.into_iter().map(|x| (x, expected(step, grad_scale, x.map(f32::from_bits))));
    lane.matches_where(elements, &format!("{step:?}, scale {grad_scale}"))
}

#[test]
fn emits_clean() {
    LANES.iter().for_each(|(name, _)| super::emits_clean(name));
}

#[test]
fn each_matches_its_specification() {
    let seed = seed("optimizer::single", 0x7369_6e67);
    let (mut rng, mut operands) = (Rng::new(seed), Operands::new(seed ^ 1));
    let count = if long() { RANDOM_LONG } else { RANDOM };
    let corners = corners();
    let n = corners.len();
    for (index, (name, _)) in LANES.iter().enumerate() {
        let mut lane = lane(index);
        let mut checked = 0;
        for (i, step) in steps().iter().filter(|step| number(step) == index).enumerate() {
            let grad_scale = [1.0, 0.5, 1.0 / 65536.0, 3.0e-7][i % 4];
            let elements = (0..count).map(|_| random(&mut rng, &mut operands)).collect();
            checked += check(&mut lane, step, grad_scale, elements);
            let pair = |i: usize| [corners[i / n], corners[(i / n + 7 * i) % n], corners[(3 * i) % n], corners[i % n]];
            checked += check(&mut lane, step, 1.0, (0..n * n).map(pair).collect());
        }
        println!("{name}: {checked} elements identical to the specification");
        assert!(checked >= count + n * n);
    }
}

#[test]
fn latency_is_as_declared() {
    let mut lane = lane(0);
    set(&mut lane, &steps()[0], 1.0);
    lane.measure_latency([1.0f32, 0.0, 0.0, 1.0].map(f32::to_bits), [2.0f32, 1.0, 1.0, -1.0].map(f32::to_bits));
}
