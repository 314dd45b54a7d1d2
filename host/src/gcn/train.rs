//! The training loop of one split.

use super::random::{generator, Purpose};
use super::{Compression, CompressionError, CompressionReport, Network, Optimizer, OptimizerError, Score, Split, TopK};
use crate::compress::CompressError;
use crate::gradients::Gradients;
use crate::topk::Stream;
use nearfield_model::optimizer::{adagrad, adam, adamw, lion, sgd, Hyper, Optimizer as Name};

/// What a training run is made of, besides the data set and the device.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Optimizer steps; each sees all training vertices.
    pub epochs: u32,
    /// Decides splits, initial parameters and dropout.
    pub seed: u64,
    /// Hidden units.
    pub hidden: usize,
    /// Probability with which a feature or a hidden value is dropped.
    pub dropout: f32,
    /// The optimizer's hyper-parameters.
    pub hyper: Hyper,
    /// How the gradients are compressed, if they are.
    pub top_k: Option<TopK>,
}

impl Default for Options {
    /// Kipf & Welling's widths, dropout and epochs, with AdamW and the gradients as they are.
    fn default() -> Options {
        Options { epochs: 200, seed: 1, hidden: 16, dropout: 0.5, hyper: Options::hyper(Name::AdamW), top_k: None }
    }
}

impl Options {
    /// An optimizer's hyper-parameters for these networks. A learning rate of 0.01 and an L2 penalty of 5e-4 are Kipf &
    /// Welling's for Adam; the others were chosen on validation vertices, as `docs/gcn.md` says.
    pub fn hyper(optimizer: Name) -> Hyper {
        match optimizer {
            Name::Adam => Hyper::Adam(adam::Hyper { lr: 0.01, weight_decay: 5e-4, ..adam::Hyper::default() }),
            Name::AdamW => Hyper::AdamW(adamw::Hyper { lr: 0.2, weight_decay: 1.0, ..adamw::Hyper::default() }),
            Name::Adagrad => {
                Hyper::Adagrad(adagrad::Hyper { lr: 0.2, weight_decay: 5e-4, ..adagrad::Hyper::default() })
            }
            Name::Sgd => Hyper::Sgd(sgd::Hyper { lr: 0.5, momentum: 0.9, weight_decay: 5e-4, ..sgd::Hyper::default() }),
            Name::Lion => Hyper::Lion(lion::Hyper { lr: 0.03, weight_decay: 0.1, ..lion::Hyper::default() }),
        }
    }
}

/// One epoch, as it ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Counted from 1.
    pub number: u32,
    /// Mean cross-entropy over the training vertices, with dropout, before the epoch's step.
    pub loss: f64,
    /// The validation vertices, without dropout, after the epoch's step.
    pub validation: Score,
}

/// What training one split gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The epoch after which the validation accuracy was highest; among equals the one with the lowest validation loss.
    pub best: Epoch,
    /// The test vertices with the parameters of that epoch.
    pub test: Score,
    /// The parameters of that epoch.
    pub parameters: Vec<f32>,
    /// What was sent of the gradients, where they were compressed.
    pub compression: Option<CompressionReport>,
}

/// Why training stopped.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The loss is NaN or infinite.
    #[error("the loss of epoch {epoch} is {loss}; training cannot go on, try a smaller learning rate")]
    LossNotFinite {
        /// Counted from 1.
        epoch: u32,
        /// The loss.
        loss: f64,
    },
    /// The gradients cannot be compressed this way. Nothing has run.
    #[error(transparent)]
    TopK(#[from] CompressError),
    /// A gradient could not be compressed.
    #[error("the gradient of epoch {epoch} could not be sent")]
    Compression {
        /// Counted from 1.
        epoch: u32,
        /// Why.
        source: CompressionError,
    },
    /// A step failed, or was not the reference's.
    #[error(transparent)]
    Optimizer(#[from] OptimizerError),
}

/// Trains on the `index`-th split of `options.seed`, from initial parameters of its own. `ended` is called after each epoch.
///
/// # Errors
/// When the loss is no longer finite, a gradient cannot be compressed, or an optimizer step fails.
///
/// # Panics
/// If `options.epochs` is 0.
pub fn train(
    network: &Network,
    split: &Split,
    index: u32,
    options: &Options,
    optimizer: &mut Optimizer<'_>,
    ended: &mut dyn FnMut(&Epoch),
) -> Result<Trained, TrainError> {
    assert!(options.epochs > 0, "training takes at least one epoch");
    let mut chance = generator(options.seed, index, Purpose::Dropout);
    let mut parameters = network.shape.initial_parameters(&mut generator(options.seed, index, Purpose::Initialization));
    let mut compression = options.top_k.map(|top_k| Compression::new(top_k, parameters.len())).transpose()?;
    let mut best: Option<Trained> = None;
    for number in 1..=options.epochs {
        let pass = network.forward(&parameters, options.dropout, &mut chance);
        let loss = network.loss(&pass, &split.train);
        if !loss.value.is_finite() {
            return Err(TrainError::LossNotFinite { epoch: number, loss: loss.value });
        }
        let gradient = network.backward(&parameters, &pass, &loss);
        match &mut compression {
            None => optimizer.step(&mut parameters, &gradient)?,
            Some(compression) => {
                let stream = compression.compress(gradient);
                let stream = stream.map_err(|source| TrainError::Compression { epoch: number, source })?;
                let stream = Stream::parse(&stream).map_err(OptimizerError::from)?;
                optimizer.step(&mut parameters, Gradients::TopK(stream))?;
            }
        }

        let pass = network.evaluate(&parameters);
        let epoch = Epoch { number, loss: loss.value, validation: network.score(&pass, &split.validation) };
        ended(&epoch);
        if best.as_ref().is_none_or(|best| is_better(&epoch.validation, &best.best.validation)) {
            let test = network.score(&pass, &split.test);
            best = Some(Trained { best: epoch, test, parameters: parameters.clone(), compression: None });
        }
    }
    let best = best.expect("at least one epoch ended");
    Ok(Trained { compression: compression.map(|compression| compression.report()), ..best })
}

fn is_better(score: &Score, than: &Score) -> bool {
    score.correct > than.correct || score.correct == than.correct && score.loss < than.loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::Amount;
    use crate::device::soft::Soft;
    use crate::gcn::Dataset;
    use crate::topk::ValueFormat;

    /// Trains on one split of Cora, on `soft` with this many threads.
    fn train_cora(options: &Options, threads: usize) -> (Result<Trained, TrainError>, Vec<Epoch>) {
        let cora = Dataset::load("cora").unwrap();
        let network = Network::new(&cora, options.hidden);
        let split = Split::draw(&cora, options.seed, 0).unwrap();
        let mut device = Soft::open(Some(threads));
        let mut optimizer = Optimizer::new(&mut device, options.hyper, network.shape.parameters(), false);
        let mut epochs = Vec::new();
        let trained = train(&network, &split, 0, options, &mut optimizer, &mut |epoch| epochs.push(*epoch));
        (trained, epochs)
    }

    #[test]
    fn a_few_epochs_lower_the_loss_and_raise_the_accuracy() {
        let options = Options { epochs: 30, ..Options::default() };
        let (trained, epochs) = train_cora(&options, 1);
        let trained = trained.unwrap();
        assert_eq!(epochs.len(), 30);
        // Glorot's weights on small features begin near the loss of a guess, log 7.
        assert!((epochs[0].loss - 7f64.ln()).abs() < 0.01, "{}", epochs[0].loss);
        assert!(epochs[29].loss < 0.6 * epochs[0].loss, "{}", epochs[29].loss);
        assert!(trained.test.accuracy() > 0.7, "{}", trained.test.accuracy());
    }

    #[test]
    fn the_best_epoch_is_kept() {
        let options = Options { epochs: 60, ..Options::default() };
        let (trained, epochs) = train_cora(&options, 1);
        let trained = trained.unwrap();
        let most = epochs.iter().map(|epoch| epoch.validation.correct).max().unwrap();
        assert_eq!(trained.best.validation.correct, most);
        assert_eq!(trained.best, epochs[trained.best.number as usize - 1]);

        let cora = Dataset::load("cora").unwrap();
        let network = Network::new(&cora, options.hidden);
        let split = Split::draw(&cora, options.seed, 0).unwrap();
        let pass = network.evaluate(&trained.parameters);
        assert_eq!(network.score(&pass, &split.test), trained.test);
        assert_eq!(network.score(&pass, &split.validation), trained.best.validation);
    }

    #[test]
    fn the_seed_decides_everything_and_the_threads_nothing() {
        let options = Options { epochs: 5, ..Options::default() };
        let trained = |options: &Options, threads| train_cora(options, threads).0.unwrap();
        let once = trained(&options, 1);
        assert_eq!(once, trained(&options, 1));
        assert_eq!(once, trained(&options, 3));
        assert_ne!(once.parameters, trained(&Options { seed: 2, ..options }, 1).parameters);
    }

    fn top_k(ratio: f64, error_feedback: bool, format: ValueFormat) -> Option<TopK> {
        Some(TopK { amount: Amount::Ratio(ratio), error_feedback, format })
    }

    #[test]
    fn all_of_a_gradient_in_fp32_is_the_gradient() {
        for hyper in Name::ALL.map(Options::hyper) {
            let options = Options { epochs: 4, hyper, ..Options::default() };
            let (plain, epochs) = train_cora(&options, 1);
            let bits = |trained: &Trained| trained.parameters.iter().map(|p| p.to_bits()).collect::<Vec<_>>();
            let plain = plain.unwrap();
            for error_feedback in [false, true] {
                let options = Options { top_k: top_k(1.0, error_feedback, ValueFormat::Fp32), ..options };
                let (sent, sent_epochs) = train_cora(&options, 1);
                let sent = sent.unwrap();
                assert!(bits(&plain) == bits(&sent) && epochs == sent_epochs, "{hyper:?}, {error_feedback}");
                assert_eq!(sent.compression.unwrap().kept_per_step, 23_063);
            }
        }
    }

    #[test]
    fn compressed_training_depends_on_the_seed_alone_and_on_what_is_sent() {
        let options = Options { epochs: 4, top_k: top_k(0.01, true, ValueFormat::Fp32), ..Options::default() };
        let trained = |options: &Options, threads| {
            let (trained, epochs) = train_cora(options, threads);
            (trained.unwrap(), epochs)
        };
        let once = trained(&options, 1);
        assert!(once == trained(&options, 1) && once == trained(&options, 3));
        for (error_feedback, format) in
            [(false, ValueFormat::Fp32), (true, ValueFormat::Fp16), (true, ValueFormat::Bf16)]
        {
            let options = Options { top_k: top_k(0.01, error_feedback, format), ..options };
            let (other, epochs) = trained(&options, 1);
            // Each epoch's loss depends on all steps before it.
            assert_ne!(once.1, epochs, "{error_feedback}, {format}");
            assert_eq!(other.compression.unwrap().kept_per_step, 231);
        }
        let none = Options { top_k: top_k(1.5, false, ValueFormat::Fp32), ..options };
        assert!(matches!(train_cora(&none, 1).0, Err(TrainError::TopK(CompressError::Ratio { .. }))));
    }

    #[test]
    fn a_loss_that_is_not_finite_stops_training() {
        // The step that is taken with it fits f32.
        let hyper = Options::default().hyper.with_lr(1e37);
        let (trained, epochs) = train_cora(&Options { hyper, ..Options::default() }, 1);
        let error = trained.unwrap_err();
        assert!(
            matches!(error, TrainError::LossNotFinite { epoch, .. } if epoch as usize == epochs.len() + 1),
            "{error}"
        );
        assert!(epochs.len() < 5, "{} epochs went by", epochs.len());
    }
}
