//! The network: `A · dropout(ReLU(A · dropout(X) · W1 + b1)) · W2 + b2`, A the normalised adjacency, X the features.
//!
//! Formula and initialisation: Kipf & Welling, ICLR 2017, equation 9, with biases as in the authors' later PyTorch code;
//! Glorot & Bengio, AISTATS 2010, equation 16.

use super::{Csr, Dataset};
use ndarray::{s, Array2, ArrayView1, ArrayView2, Axis};
use rand::Rng;
use std::ops::Range;

/// The network's widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Features of a vertex.
    pub features: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Classes.
    pub classes: usize,
}

/// A tensor's place in the flat run of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name in a file of weights.
    pub name: &'static str,
    /// Its dimensions, row-major.
    pub dimensions: Vec<usize>,
    /// Its elements in the flat run.
    pub elements: Range<usize>,
}

impl Shape {
    /// The tensors in the order of the flat run, without gaps.
    pub fn tensors(&self) -> [Tensor; 4] {
        let Shape { features, hidden, classes } = *self;
        let mut end = 0;
        let mut next = |name, dimensions: Vec<usize>| {
            let start = end;
            end += dimensions.iter().product::<usize>();
            Tensor { name, dimensions, elements: start..end }
        };
        [
            next("layer1.weight", vec![features, hidden]),
            next("layer1.bias", vec![hidden]),
            next("layer2.weight", vec![hidden, classes]),
            next("layer2.bias", vec![classes]),
        ]
    }

    /// The widths of a network on a data set.
    pub fn of(dataset: &Dataset, hidden: usize) -> Shape {
        Shape { features: dataset.features, hidden, classes: dataset.classes() }
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.tensors()[3].elements.end
    }

    /// Parameters before the first step: weights uniform within ±sqrt(6 / (rows + columns)), biases zero.
    pub fn initial_parameters(&self, chance: &mut impl Rng) -> Vec<f32> {
        let mut parameters = vec![0.0; self.parameters()];
        for tensor in self.tensors() {
            if let [rows, columns] = tensor.dimensions[..] {
                let limit = (6.0 / (rows + columns) as f64).sqrt() as f32;
                parameters[tensor.elements].fill_with(|| chance.random_range(-limit..=limit));
            }
        }
        parameters
    }

    fn view<'a>(&self, flat: &'a [f32]) -> Layers<'a> {
        let [weight1, bias1, weight2, bias2] = self.tensors().map(|tensor| &flat[tensor.elements]);
        let matrix = |rows, columns, elements| {
            ArrayView2::from_shape((rows, columns), elements).expect("a tensor has as many elements as its shape says")
        };
        Layers {
            weight1: matrix(self.features, self.hidden, weight1),
            bias1: ArrayView1::from(bias1),
            weight2: matrix(self.hidden, self.classes, weight2),
            bias2: ArrayView1::from(bias2),
        }
    }
}

/// The flat run of parameters, seen as tensors.
struct Layers<'a> {
    weight1: ArrayView2<'a, f32>,
    bias1: ArrayView1<'a, f32>,
    weight2: ArrayView2<'a, f32>,
    bias2: ArrayView1<'a, f32>,
}

/// What a forward pass computed and a backward pass needs.
#[derive(Debug)]
pub struct Pass {
    /// The features that were used: `[vertices, features]`, after dropout if there was any.
    features: Csr,
    /// Hidden values after ReLU and dropout: `[vertices, hidden]`.
    hidden: Array2<f32>,
    /// What a kept hidden value was multiplied by.
    hidden_scale: f32,
    /// `[vertices, classes]`, before softmax.
    pub logits: Array2<f32>,
}

/// Mean cross-entropy over some vertices and its derivative.
#[derive(Debug)]
pub struct Loss {
    /// Mean over the vertices, in nats.
    pub value: f64,
    /// By the logits: `[vertices, classes]`.
    by_logits: Array2<f32>,
}

/// How well some vertices are classified.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Vertices whose largest logit is their class.
    pub correct: usize,
    /// Vertices.
    pub vertices: usize,
}

impl Score {
    /// Share of vertices that are classified correctly, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.vertices as f64
    }
}

/// A graph with features and labels, ready for a network of a shape.
#[derive(Debug)]
pub struct Network {
    /// Its widths.
    pub shape: Shape,
    adjacency: Csr,
    features: Csr,
    labels: Vec<u8>,
}

impl Network {
    /// A network on a data set, its features normalised to rows that sum to one.
    pub fn new(dataset: &Dataset, hidden: usize) -> Network {
        Network {
            shape: Shape::of(dataset, hidden),
            adjacency: Csr::normalized_adjacency(dataset.vertices(), &dataset.edges),
            features: dataset.row_normalized_features(),
            labels: dataset.labels.clone(),
        }
    }

    /// The forward pass without dropout.
    pub fn evaluate(&self, parameters: &[f32]) -> Pass {
        let layers = self.shape.view(parameters);
        let hidden = self.hidden(&layers, &self.features);
        self.output(&layers, self.features.clone(), hidden, 1.0)
    }

    /// The forward pass with features and hidden values dropped with probability `dropout` (0 ≤ `dropout` < 1), and
    /// those that are kept multiplied by 1 / (1 - `dropout`).
    pub fn forward(&self, parameters: &[f32], dropout: f32, chance: &mut impl Rng) -> Pass {
        let layers = self.shape.view(parameters);
        let scale = 1.0 / (1.0 - dropout);
        let mut drop = |value: &mut f32| *value *= if chance.random::<f32>() < dropout { 0.0 } else { scale };
        let mut features = self.features.clone();
        features.values_mut().iter_mut().for_each(&mut drop);
        let mut hidden = self.hidden(&layers, &features);
        hidden.iter_mut().for_each(&mut drop);
        self.output(&layers, features, hidden, scale)
    }

    fn hidden(&self, layers: &Layers<'_>, features: &Csr) -> Array2<f32> {
        let mut hidden = self.adjacency.multiply(features.multiply(layers.weight1).view());
        hidden += &layers.bias1;
        // A NaN stays one, where f32::max would hide it behind a zero.
        hidden.mapv_inplace(|value| if value < 0.0 { 0.0 } else { value });
        hidden
    }

    fn output(&self, layers: &Layers<'_>, features: Csr, hidden: Array2<f32>, hidden_scale: f32) -> Pass {
        let mut logits = self.adjacency.multiply(hidden.dot(&layers.weight2).view());
        logits += &layers.bias2;
        Pass { features, hidden, hidden_scale, logits }
    }

    /// The mean cross-entropy of softmax(logits) over `vertices`.
    pub fn loss(&self, pass: &Pass, vertices: &[usize]) -> Loss {
        let mut by_logits = Array2::zeros(pass.logits.raw_dim());
        let mut sum = 0.0;
        for &vertex in vertices {
            let label = usize::from(self.labels[vertex]);
            let logits = pass.logits.row(vertex);
            let log_sum = log_sum_exp(logits);
            sum += log_sum - f64::from(logits[label]);
            for (class, &logit) in logits.iter().enumerate() {
                let probability = (f64::from(logit) - log_sum).exp();
                let target = if class == label { 1.0 } else { 0.0 };
                by_logits[[vertex, class]] = ((probability - target) / vertices.len() as f64) as f32;
            }
        }
        Loss { value: sum / vertices.len() as f64, by_logits }
    }

    /// The loss's derivative by every parameter, as a flat run like the parameters themselves.
    pub fn backward(&self, parameters: &[f32], pass: &Pass, loss: &Loss) -> Vec<f32> {
        let layers = self.shape.view(parameters);
        let [_, bias1, weight2, bias2] = self.shape.tensors().map(|tensor| tensor.elements);
        let mut gradient = Vec::with_capacity(self.shape.parameters());

        // The adjacency is symmetric: it is its own transpose.
        let by_product2 = self.adjacency.multiply(loss.by_logits.view());
        let mut by_hidden = by_product2.dot(&layers.weight2.t());
        by_hidden.zip_mut_with(&pass.hidden, |derivative, &kept| {
            // Positive exactly where ReLU let the value through and dropout kept it.
            *derivative = if kept > 0.0 { *derivative * pass.hidden_scale } else { 0.0 };
        });
        let by_product1 = self.adjacency.multiply(by_hidden.view());

        gradient.extend(pass.features.multiply_transposed(by_product1.view()));
        debug_assert_eq!(gradient.len(), bias1.start);
        gradient.extend(by_hidden.sum_axis(Axis(0)));
        debug_assert_eq!(gradient.len(), weight2.start);
        gradient.extend(pass.hidden.t().dot(&by_product2));
        debug_assert_eq!(gradient.len(), bias2.start);
        gradient.extend(loss.by_logits.sum_axis(Axis(0)));
        gradient
    }

    /// How well `vertices` are classified.
    pub fn score(&self, pass: &Pass, vertices: &[usize]) -> Score {
        let (mut correct, mut sum) = (0, 0.0);
        for &vertex in vertices {
            let label = usize::from(self.labels[vertex]);
            let logits = pass.logits.row(vertex);
            sum += log_sum_exp(logits) - f64::from(logits[label]);
            let before = logits.slice(s![..label]).iter().all(|&other| other < logits[label]);
            let after = logits.slice(s![label + 1..]).iter().all(|&other| other <= logits[label]);
            correct += usize::from(before && after);
        }
        Score { loss: sum / vertices.len() as f64, correct, vertices: vertices.len() }
    }
}

/// log Σ exp(logit), without overflow.
fn log_sum_exp(logits: ArrayView1<'_, f32>) -> f64 {
    let largest = logits.fold(f64::NEG_INFINITY, |largest, &logit| largest.max(f64::from(logit)));
    largest + logits.iter().map(|&logit| (f64::from(logit) - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests;
