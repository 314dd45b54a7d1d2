use super::{random, Lane};
use nearfield_model::optimizer::adamw::{element, Coefficients, Hyper};
use nearfield_tests::binary32::{corners, Operands};
use nearfield_tests::rng::{long, seed, Rng};

const NAME: &str = "adamw_lane";
/// Random elements for each set of hyper-parameters.
const RANDOM: usize = 40_000;
const RANDOM_LONG: usize = 2_000_000;

fn lane() -> Lane<4, 3> {
    Lane::new(NAME, ["p", "m", "v", "g"], ["p_new", "m_new", "v_new"])
}

fn set(lane: &mut Lane<4, 3>, k: &Coefficients) {
    let words = [
        ("beta1", k.beta1),
        ("c1", k.c1),
        ("beta2", k.beta2),
        ("c2", k.c2),
        ("bias2", k.bias2),
        ("eps", k.eps),
        ("step_size", k.step_size),
        ("decay", k.decay),
    ];
    for (port, value) in words {
        lane.set(port, value.to_bits());
    }
    lane.set("weight_decay", k.weight_decay.into());
}

/// The element and what the specification makes of it.
fn expected(k: &Coefficients, x: [u32; 4]) -> ([u32; 4], [u32; 3]) {
    let [p, m, v, g] = x.map(f32::from_bits);
    let (p, m, v) = element(k, p, m, v, g);
    (x, [p.to_bits(), m.to_bits(), v.to_bits()])
}

/// Hyper-parameters as a run has them: first, second, late step; with and without decay and bias correction.
fn usual() -> Vec<Coefficients> {
    let usual = Hyper::default();
    let plain = Hyper { weight_decay: 0.0, ..usual };
    let uncorrected = Hyper { bias_correction: false, lr: 0.1, eps: 0.0, ..usual };
    let odd = Hyper { beta1: 0.0, beta2: 0.95, eps: 1e-6, weight_decay: 0.1, ..usual };
    let sets = [(usual, 1), (usual, 2), (usual, 12_345), (plain, 1), (plain, 100), (uncorrected, 7), (odd, 3)];
    sets.map(|(h, step)| Coefficients::new(&h, &h.powers().at(step, h.beta1, h.beta2))).to_vec()
}

/// Register words that no host would write.
fn hostile(operands: &mut Operands, weight_decay: bool) -> Coefficients {
    let mut word = || f32::from_bits(operands.any());
    Coefficients {
        beta1: word(),
        c1: word(),
        beta2: word(),
        c2: word(),
        bias2: word(),
        eps: word(),
        step_size: word(),
        decay: word(),
        weight_decay,
    }
}

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn matches_specification() {
    let seed = seed("optimizer::adamw", 0x6164_616d);
    let (mut rng, mut operands) = (Rng::new(seed), Operands::new(seed ^ 1));
    let mut lane = lane();
    let mut sets = usual();
    sets.extend((0..12).map(|i| hostile(&mut operands, i % 2 == 0)));
    let count = if long() { RANDOM_LONG } else { RANDOM };
    let mut checked = 0;
    for k in &sets {
        set(&mut lane, k);
        let elements = (0..count).map(|_| expected(k, random(&mut rng, &mut operands)));
        checked += lane.matches(elements, &format!("{k:?}"));
    }
    assert_eq!(checked, sets.len() * count);
    println!("{NAME}: {checked} elements identical to the specification");
}

#[test]
fn matches_specification_on_corners() {
    let corners = corners();
    let mut lane = lane();
    for k in usual() {
        set(&mut lane, &k);
        let n = corners.len();
        // Every pair of gradient and parameter with moments that differ from row to row.
        let elements = (0..n * n).map(|i| {
            let (a, b) = (i / n, i % n);
            expected(&k, [corners[a], corners[(a + 7 * b) % n], corners[(3 * a + b) % n], corners[b]])
        });
        assert_eq!(lane.matches(elements, &format!("{k:?}")), n * n);
    }
}

#[test]
fn latency_is_as_declared() {
    let mut lane = lane();
    set(&mut lane, &usual()[0]);
    lane.measure_latency([1.0f32, 0.0, 0.0, 1.0].map(f32::to_bits), [2.0f32, 1.0, 1.0, -1.0].map(f32::to_bits));
}
