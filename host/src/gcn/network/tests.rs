//! The network against a clear model: dense matrices in f64, written from the formula alone.

use super::*;
use crate::gcn::{generator, Purpose};
use ndarray::Array1;
use rand_chacha::ChaCha8Rng;

/// What stays of a value: all of it (`None`), or nothing or twice as much, drawn in the order the network documents.
type Dropout<'a> = Option<&'a mut ChaCha8Rng>;

fn keep(dropout: &mut Dropout<'_>) -> f64 {
    dropout.as_mut().map_or(1.0, |chance| if chance.random::<f32>() < 0.5 { 0.0 } else { 2.0 })
}

/// Logits of the network, by the formula.
fn clear_logits(dataset: &Dataset, shape: Shape, parameters: &[f64], mut dropout: Dropout<'_>) -> Array2<f64> {
    let vertices = dataset.vertices();
    let mut adjacency = Array2::<f64>::eye(vertices);
    for &(u, v) in &dataset.edges {
        adjacency[[u.into(), v.into()]] = 1.0;
        adjacency[[v.into(), u.into()]] = 1.0;
    }
    let root = adjacency.sum_axis(Axis(1)).mapv(|degree| 1.0 / degree.sqrt());
    let normalized = Array2::from_shape_fn((vertices, vertices), |(u, v)| root[u] * adjacency[[u, v]] * root[v]);

    let mut features = Array2::<f64>::zeros((vertices, dataset.features));
    for (vertex, words) in dataset.words.iter().enumerate() {
        for &word in words {
            features[[vertex, word.into()]] = keep(&mut dropout) / words.len() as f64;
        }
    }
    let [weight1, bias1, weight2, bias2] = shape.tensors().map(|tensor| parameters[tensor.elements].to_vec());
    let weight1 = Array2::from_shape_vec((shape.features, shape.hidden), weight1).unwrap();
    let weight2 = Array2::from_shape_vec((shape.hidden, shape.classes), weight2).unwrap();
    let before_relu = normalized.dot(&features.dot(&weight1)) + Array1::from(bias1);
    let hidden = before_relu.mapv(|value| value.max(0.0) * keep(&mut dropout));
    normalized.dot(&hidden.dot(&weight2)) + Array1::from(bias2)
}

fn clear_loss(dataset: &Dataset, logits: &Array2<f64>, vertices: &[usize]) -> f64 {
    let of_vertex = |&vertex: &usize| {
        let row = logits.row(vertex);
        row.mapv(f64::exp).sum().ln() - row[usize::from(dataset.labels[vertex])]
    };
    vertices.iter().map(of_vertex).sum::<f64>() / vertices.len() as f64
}

/// A graph small enough to differentiate by every parameter.
fn small_graph() -> Dataset {
    let mut chance = generator(7, 0, Purpose::Split);
    let mut edges: Vec<(u16, u16)> =
        (0..60).map(|_| (chance.random_range(0..29), chance.random_range(0..29))).filter(|(u, v)| u < v).collect();
    edges.sort_unstable();
    edges.dedup();
    Dataset {
        name: "small".into(),
        features: 12,
        class_names: ["a", "b", "c"].map(str::to_owned).to_vec(),
        labels: (0..30).map(|_| chance.random_range(0..3)).collect(),
        words: (0..30).map(|_| (0..12).filter(|_| chance.random::<f32>() < 0.3).collect()).collect(),
        edges, // vertex 29 has none
    }
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}

/// Parameters with biases that are not zero, so that an error in them shows.
fn parameters(shape: Shape) -> Vec<f32> {
    let mut chance = generator(3, 0, Purpose::Initialization);
    let mut parameters = shape.initial_parameters(&mut chance);
    for tensor in shape.tensors().into_iter().filter(|tensor| tensor.dimensions.len() == 1) {
        parameters[tensor.elements].fill_with(|| chance.random_range(-0.1..0.1));
    }
    parameters
}

#[test]
fn coras_logits_equal_the_clear_models() {
    let cora = Dataset::load("cora").unwrap();
    let network = Network::new(&cora, 16);
    let parameters = parameters(network.shape);
    let pass = network.evaluate(&parameters);
    let clear = clear_logits(&cora, network.shape, &widen(&parameters), None);
    for (got, expected) in pass.logits.iter().zip(&clear) {
        assert!((f64::from(*got) - expected).abs() < 1e-6, "{got} {expected}");
    }
    let spread = clear.iter().fold(0f64, |most, logit| most.max(logit.abs()));
    assert!(spread > 0.1, "the logits are too near zero ({spread}) for the comparison to mean anything");
}

#[test]
fn gradient_equals_finite_differences_of_the_clear_model() {
    let graph = small_graph();
    let network = Network::new(&graph, 5);
    let parameters = parameters(network.shape);
    let train: Vec<usize> = (0..30).step_by(2).collect();
    for epoch in 0..5 {
        let chance = || generator(11, epoch, Purpose::Dropout);
        let pass = network.forward(&parameters, 0.5, &mut chance());
        let loss = network.loss(&pass, &train);
        let gradient = network.backward(&parameters, &pass, &loss);

        let clear = |parameters: &[f64]| {
            let logits = clear_logits(&graph, network.shape, parameters, Some(&mut chance()));
            clear_loss(&graph, &logits, &train)
        };
        let wide = widen(&parameters);
        assert!((loss.value - clear(&wide)).abs() < 1e-6, "loss {} {}", loss.value, clear(&wide));
        assert_eq!(gradient.len(), parameters.len());
        for (element, &got) in gradient.iter().enumerate() {
            let mut moved = wide.clone();
            const STEP: f64 = 1e-5;
            moved[element] += STEP;
            let above = clear(&moved);
            moved[element] -= 2.0 * STEP;
            let expected = (above - clear(&moved)) / (2.0 * STEP);
            assert!((f64::from(got) - expected).abs() < 1e-6, "epoch {epoch}, element {element}: {got} {expected}");
        }
        assert!(gradient.iter().filter(|value| value.abs() > 1e-3).count() > parameters.len() / 4);
    }
}

#[test]
fn dropout_of_nothing_is_the_evaluating_pass() {
    let graph = small_graph();
    let network = Network::new(&graph, 5);
    let parameters = parameters(network.shape);
    let pass = network.forward(&parameters, 0.0, &mut generator(1, 0, Purpose::Dropout));
    assert_eq!(pass.logits, network.evaluate(&parameters).logits);
}

#[test]
fn initial_weights_fill_glorots_range_and_biases_are_zero() {
    let shape = Shape { features: 1433, hidden: 16, classes: 7 };
    assert_eq!(shape.parameters(), 1433 * 16 + 16 + 16 * 7 + 7);
    let parameters = shape.initial_parameters(&mut generator(1, 0, Purpose::Initialization));
    for tensor in shape.tensors() {
        let largest = parameters[tensor.elements.clone()].iter().fold(0f32, |most, value| most.max(value.abs()));
        let limit = match tensor.dimensions[..] {
            [rows, columns] => (6.0 / (rows + columns) as f32).sqrt(),
            _ => 0.0,
        };
        assert!(largest <= limit && largest >= 0.95 * limit, "{}: {largest} of {limit}", tensor.name);
    }
}

#[test]
fn a_tie_counts_for_the_first_class_and_a_nan_for_none() {
    let graph = small_graph();
    let network = Network::new(&graph, 5);
    let pass = |logit: f32| Pass {
        features: network.features.clone(),
        hidden: Array2::zeros((30, 5)),
        hidden_scale: 1.0,
        logits: Array2::from_elem((30, 3), logit),
    };
    let all: Vec<usize> = (0..30).collect();
    let score = network.score(&pass(2.0), &all);
    assert_eq!(score.correct, graph.labels.iter().filter(|&&label| label == 0).count());
    assert!((score.loss - 3f64.ln()).abs() < 1e-12);
    let score = network.score(&pass(f32::NAN), &all);
    assert!(score.correct == 0 && score.loss.is_nan());
    assert!(network.loss(&pass(f32::NAN), &all).value.is_nan());
}
