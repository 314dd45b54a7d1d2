//! Seeded splits of a data set's vertices.

use super::random::{generator, Purpose};
use super::Dataset;
use rand::seq::SliceRandom;

/// Training vertices of each class, as in the Planetoid splits (Yang et al., ICML 2016).
pub const TRAIN_PER_CLASS: usize = 20;
/// Validation vertices.
pub const VALIDATION: usize = 500;
/// Test vertices.
pub const TEST: usize = 1000;

/// Why a data set cannot be split.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// A class is too small to train on.
    #[error("class {class} has {vertices} vertices; a split takes {TRAIN_PER_CLASS} of each class for training")]
    ClassTooSmall {
        /// The class's name.
        class: String,
        /// Its vertices.
        vertices: usize,
    },
    /// Too few vertices are left for validation and test.
    #[error("{left} vertices are left after training; a split takes {VALIDATION} for validation and {TEST} for test")]
    TooFewLeft {
        /// Vertices left.
        left: usize,
    },
}

/// Disjoint sets of vertices, each ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// [`TRAIN_PER_CLASS`] of each class.
    pub train: Vec<usize>,
    /// [`VALIDATION`] of the others.
    pub validation: Vec<usize>,
    /// [`TEST`] of those that remain.
    pub test: Vec<usize>,
}

impl Split {
    /// The `index`-th random split of a seed.
    ///
    /// # Errors
    /// If the data set has too few vertices, in a class or in all.
    pub fn draw(dataset: &Dataset, seed: u64, index: u32) -> Result<Split, SplitError> {
        let mut order: Vec<usize> = (0..dataset.vertices()).collect();
        order.shuffle(&mut generator(seed, index, Purpose::Split));

        let mut wanted = vec![TRAIN_PER_CLASS; dataset.classes()];
        let (mut train, others): (Vec<_>, Vec<_>) = order.into_iter().partition(|&vertex| {
            let wanted = &mut wanted[usize::from(dataset.labels[vertex])];
            let taken = *wanted > 0;
            *wanted -= usize::from(taken);
            taken
        });
        if let Some(class) = wanted.iter().position(|&missing| missing > 0) {
            let vertices = TRAIN_PER_CLASS - wanted[class];
            return Err(SplitError::ClassTooSmall { class: dataset.class_names[class].clone(), vertices });
        }
        if others.len() < VALIDATION + TEST {
            return Err(SplitError::TooFewLeft { left: others.len() });
        }
        let mut validation = others[..VALIDATION].to_vec();
        let mut test = others[VALIDATION..VALIDATION + TEST].to_vec();
        for set in [&mut train, &mut validation, &mut test] {
            set.sort_unstable();
        }
        Ok(Split { train, validation, test })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_split_has_its_sizes_and_no_vertex_twice() {
        let cora = Dataset::load("cora").unwrap();
        for index in 0..20 {
            let split = Split::draw(&cora, 1, index).unwrap();
            assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (140, 500, 1000));
            let all: BTreeSet<_> = [&split.train, &split.validation, &split.test].into_iter().flatten().collect();
            assert_eq!(all.len(), 1640);
            for class in 0..7 {
                let of_class = split.train.iter().filter(|&&vertex| cora.labels[vertex] == class);
                assert_eq!(of_class.count(), TRAIN_PER_CLASS);
            }
        }
    }

    #[test]
    fn a_split_depends_on_seed_and_index_and_on_nothing_else() {
        let cora = Dataset::load("cora").unwrap();
        let split = Split::draw(&cora, 1, 0).unwrap();
        assert_eq!(split, Split::draw(&cora, 1, 0).unwrap());
        assert_ne!(split, Split::draw(&cora, 1, 1).unwrap());
        assert_ne!(split, Split::draw(&cora, 2, 0).unwrap());
        // Written down once: published figures name splits by seed and index, so they must not move.
        assert_eq!(split.train[..5], [3, 8, 30, 53, 60]);
    }

    #[test]
    fn too_small_a_data_set_is_refused() {
        let mut cora = Dataset::load("cora").unwrap();
        cora.labels.iter_mut().filter(|label| **label == 3).skip(19).for_each(|label| *label = 0);
        let message = Split::draw(&cora, 1, 0).unwrap_err().to_string();
        assert!(message.starts_with("class Probabilistic_Methods has 19 vertices"), "{message}");

        let mut cora = Dataset::load("cora").unwrap();
        cora.labels.truncate(1639);
        let message = Split::draw(&cora, 1, 0).unwrap_err().to_string();
        assert!(message.starts_with("1499 vertices are left"), "{message}");
    }
}
