use super::*;
use crate::lm::{generator, Purpose};
use rand::Rng;

const SHAPE: Shape = Shape { layers: 2, width: 12, heads: 3, context: 9 };

/// Parameters that are far from the initial ones: no gain is 1, no bias 0.
fn parameters(shape: &Shape) -> Vec<f32> {
    let mut chance = generator(7, Purpose::Initialization);
    let mut parameters = shape.initial_parameters(&mut chance);
    parameters.iter_mut().for_each(|value| *value += chance.random_range(-0.3..=0.3));
    parameters
}

fn text(length: usize) -> Vec<u8> {
    let mut chance = generator(8, Purpose::Initialization);
    (0..length).map(|_| chance.random_range(b'a'..=b'd')).collect()
}

fn windows<'t>(text: &'t [u8], context: usize, batch: usize) -> Vec<Window<'t>> {
    let at = |begin: usize| Window { inputs: &text[begin..begin + context], targets: &text[begin + 1..][..context] };
    (0..batch).map(|index| at(3 * index)).collect()
}

#[test]
fn the_first_loss_is_that_of_a_guess() {
    let mut model = Gpt::new(SHAPE, 2, 1);
    let parameters = SHAPE.initial_parameters(&mut generator(1, Purpose::Initialization));
    let text = text(40);
    let loss = model.evaluate(&parameters, &windows(&text, 9, 5)) / 45.0;
    assert!((loss - 256f64.ln()).abs() < 1e-6, "{loss}");
}

/// Every parameter by itself. The derivatives by parameters of one tensor are compared in the sum of their magnitudes: with a step of
/// 2^-7, truncation and rounding (2^-24 · a loss of 6 · 2^7) are each a few 1e-5 an element, where derivatives are some 1e-2.
#[test]
fn derivatives_are_those_of_finite_differences() {
    let mut model = Gpt::new(SHAPE, 3, 1);
    let (parameters, text) = (parameters(&SHAPE), text(40));
    let windows = windows(&text, 9, 3);
    let mut gradients = vec![f32::NAN; parameters.len()];
    let loss = model.gradients(&parameters, &windows, &mut gradients);
    assert!((loss - model.evaluate(&parameters, &windows) / 27.0).abs() < 1e-6);

    let mut moved = parameters.clone();
    let mut difference = |element: usize| {
        let mut at = |step: f32| {
            moved[element] = parameters[element] + step;
            (model.evaluate(&moved, &windows) / 27.0, f64::from(moved[element]))
        };
        let ((above, right), (below, left)) = (at(0.0078125), at(-0.0078125));
        moved[element] = parameters[element];
        (above - below) / (right - left)
    };
    let mut begin = 0;
    for tensor in SHAPE.tensors() {
        let elements = begin..begin + tensor.elements().unwrap() as usize;
        begin = elements.end;
        let (mut error, mut size) = (0.0, 0.0);
        for element in elements {
            let difference = difference(element);
            error += (difference - f64::from(gradients[element])).abs();
            size += difference.abs();
        }
        // The keys' biases move all scores of a row alike, which softmax does not see: those derivatives are 0.
        assert!(error < 0.01 * size, "{}: off by {error:e} of {size:e}", tensor.name);
    }
}

#[test]
fn a_byte_does_not_see_those_behind_it() {
    let mut model = Gpt::new(SHAPE, 1, 1);
    let parameters = parameters(&SHAPE);
    let mut text = text(10);
    let mut logits = |text: &[u8]| {
        model.evaluate(&parameters, &[Window { inputs: &text[..9], targets: &text[1..] }]);
        // The exponentials of the logits, divided by the largest one: as good.
        model.sequences[0].logits.clone()
    };
    let before = logits(&text);
    text[6] = b'z';
    let after = logits(&text);
    assert_eq!(before[..6 * VOCABULARY], after[..6 * VOCABULARY]);
    assert_ne!(before[6 * VOCABULARY..7 * VOCABULARY], after[6 * VOCABULARY..7 * VOCABULARY]);
}

#[test]
fn threads_change_nothing() {
    // Wide enough for the blocked product of matrices and for several tasks a weight.
    let shape = Shape { layers: 2, width: 160, heads: 4, context: 70 };
    let (parameters, text) = (parameters(&shape), text(120));
    let windows = windows(&text, 70, 5);
    let run = |threads| {
        let mut model = Gpt::new(shape, 5, threads);
        let mut gradients = vec![f32::NAN; parameters.len()];
        let losses = [(); 2].map(|_| model.gradients(&parameters, &windows, &mut gradients));
        assert_eq!(losses[0], losses[1], "what a step leaves behind changes the next one");
        (losses[0], gradients.iter().map(|value| value.to_bits()).collect::<Vec<_>>())
    };
    let once = run(1);
    for threads in [2, 3, 8] {
        assert!(run(threads) == once, "{threads} threads");
    }
}
