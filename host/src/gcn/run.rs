//! A training run: one or several splits of a data set, one after the other, on one device.

use super::{
    train, Checked, CompressionReport, Dataset, Epoch, Network, Optimizer, OptimizerError, Options, Shape, Split,
    SplitError, TrainError,
};
use crate::device::Device;
use crate::step::StepReport;
use serde::Serialize;
use std::time::Instant;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The data set cannot be split. Nothing has run.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// Training a split stopped.
    #[error("training on split {split} stopped")]
    Train {
        /// Counted from 0.
        split: u32,
        /// Why.
        source: TrainError,
    },
}

/// What one split gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitReport {
    /// Counted from 0.
    pub split: u32,
    /// The epoch whose parameters were kept, counted from 1.
    pub best_epoch: u32,
    /// Training loss of that epoch, in nats.
    pub loss: f64,
    /// Share of the validation vertices that are classified correctly, 0 to 1.
    pub validation_accuracy: f64,
    /// Share of the test vertices that are classified correctly, 0 to 1.
    pub test_accuracy: f64,
}

/// What a run gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// The data set's name.
    pub dataset: String,
    /// What splits, initial parameters and dropout were drawn from.
    pub seed: u64,
    /// Epochs of a split.
    pub epochs: u32,
    /// Parameters of the network.
    pub parameters: usize,
    /// One entry a split.
    pub splits: Vec<SplitReport>,
    /// Mean test accuracy over the splits, 0 to 1.
    pub test_accuracy: f64,
    /// Sample standard deviation of the test accuracy; null for one split.
    pub test_accuracy_deviation: Option<f64>,
    /// Optimizer steps.
    pub steps: u64,
    /// What the steps were compared with, where that was asked for.
    pub check: Option<Checked>,
    /// What was sent of the gradients; null where they were not compressed.
    pub compression: Option<CompressionReport>,
    /// All optimizer steps together; `seconds` is the time spent in them.
    pub optimizer: StepReport,
    /// Wall-clock time of the run.
    pub seconds: f64,
}

/// A run that ended.
#[derive(Clone, Debug)]
pub struct Run {
    /// What a person or a machine wants to read.
    pub report: RunReport,
    /// The network's widths.
    pub shape: Shape,
    /// The split with the highest validation accuracy, an index into `report.splits`; the first among equals.
    pub best_split: usize,
    /// The parameters of that split.
    pub parameters: Vec<f32>,
}

/// Trains on splits 0 to `splits` - 1 of `options.seed`. `ended` is called after each epoch, with the split's index.
///
/// # Errors
/// [`RunError::Split`] before anything runs, [`RunError::Train`] after.
///
/// # Panics
/// If `splits` or `options.epochs` is 0.
pub fn run(
    device: &mut dyn Device,
    dataset: &Dataset,
    options: &Options,
    splits: u32,
    check: bool,
    ended: &mut dyn FnMut(u32, &Epoch),
) -> Result<Run, RunError> {
    assert!(splits > 0, "a run takes at least one split");
    let begun = Instant::now();
    let drawn = (0..splits).map(|index| Split::draw(dataset, options.seed, index)).collect::<Result<Vec<_>, _>>()?;
    let network = Network::new(dataset, options.hidden);
    let mut reports: Vec<SplitReport> = Vec::new();
    let (mut best_split, mut parameters) = (0, Vec::new());
    let mut steps = StepReport::default();
    let mut checked: Option<Checked> = None;
    let mut compression: Option<CompressionReport> = None;
    for (index, split) in (0..).zip(&drawn) {
        let mut optimizer = Optimizer::new(device, options.hyper, network.shape.parameters(), check);
        let trained = train(&network, split, index, options, &mut optimizer, &mut |epoch| ended(index, epoch))
            .map_err(|source| RunError::Train { split: index, source })?;
        steps.add(optimizer.report());
        checked = optimizer.checked().map(|new| Checked {
            identical_steps: new.identical_steps + checked.map_or(0, |sum| sum.identical_steps),
            ..new
        });
        compression = trained.compression.map(|new| compression.map_or(new, |sum| sum.and(new)));
        reports.push(SplitReport {
            split: index,
            best_epoch: trained.best.number,
            loss: trained.best.loss,
            validation_accuracy: trained.best.validation.accuracy(),
            test_accuracy: trained.test.accuracy(),
        });
        let last = reports.len() - 1;
        if last == 0 || reports[last].validation_accuracy > reports[best_split].validation_accuracy {
            (best_split, parameters) = (last, trained.parameters);
        }
    }
    let accuracies: Vec<f64> = reports.iter().map(|report| report.test_accuracy).collect();
    let (test_accuracy, test_accuracy_deviation) = mean_and_deviation(&accuracies);
    let report = RunReport {
        dataset: dataset.name.clone(),
        seed: options.seed,
        epochs: options.epochs,
        parameters: network.shape.parameters(),
        splits: reports,
        test_accuracy,
        test_accuracy_deviation,
        steps: u64::from(splits) * u64::from(options.epochs),
        check: checked,
        compression,
        optimizer: steps,
        seconds: begun.elapsed().as_secs_f64(),
    };
    Ok(Run { report, shape: network.shape, best_split, parameters })
}

impl RunError {
    /// Whether this was refused before anything ran (exit code 2), not a run that failed (exit code 1).
    pub fn refused(&self) -> bool {
        match self {
            RunError::Split(_) => true,
            RunError::Train { source: TrainError::TopK(_), .. } => true,
            RunError::Train { source: TrainError::Optimizer(OptimizerError::Device(error)), .. } => error.refused(),
            // The first step has the largest step size: nothing has run.
            RunError::Train { source: TrainError::Optimizer(OptimizerError::Hyper(_)), .. } => true,
            RunError::Train { .. } => false,
        }
    }
}

/// The mean, and the sample standard deviation where there are two values or more.
fn mean_and_deviation(values: &[f64]) -> (f64, Option<f64>) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::Amount;
    use crate::device::soft::Soft;
    use crate::gcn::{Reference, TopK};
    use crate::topk::ValueFormat;
    use nearfield_model::optimizer::{adam, Hyper, Optimizer as Name};

    /// Mean test accuracy over ten splits of Cora.
    fn ten_splits(options: &Options) -> f64 {
        let cora = Dataset::load("cora").unwrap();
        let Run { report, .. } = run(&mut Soft::open(None), &cora, options, 10, false, &mut |_, _| ()).unwrap();
        println!("test accuracy {:.4} ± {:.4}", report.test_accuracy, report.test_accuracy_deviation.unwrap());
        assert_eq!(report.splits.len(), 10);
        report.test_accuracy
    }

    #[test]
    fn ten_splits_reach_the_accuracy() {
        assert!(ten_splits(&Options::default()) >= 0.78);
    }

    #[test]
    fn ten_splits_reach_the_accuracy_with_adam() {
        let hyper = Options::hyper(Name::Adam);
        // Kipf & Welling's: the accuracy is that of their hyper-parameters and not of others.
        let theirs = adam::Hyper { lr: 0.01, weight_decay: 5e-4, ..adam::Hyper::default() };
        assert_eq!(hyper, Hyper::Adam(theirs));
        assert!(ten_splits(&Options { hyper, ..Options::default() }) >= 0.79);
    }

    /// Fails where 1 % of each gradient, with error feedback, gives a mean test accuracy over ten seeds of `splits` splits
    /// each that is more than 1.5 points below that of the same training with the gradients as they are. The learning
    /// rate was chosen on validation vertices of another seed, as `docs/gcn.md` says; it is better for both than 0.01.
    fn compare_a_hundredth(splits: u32) {
        let cora = Dataset::load("cora").unwrap();
        let plain = Options { hyper: Options::hyper(Name::Adam).with_lr(0.2), ..Options::default() };
        let top_k = TopK { amount: Amount::Ratio(0.01), error_feedback: true, format: ValueFormat::Fp32 };
        let [plain, sent] = [None, Some(top_k)].map(|top_k| {
            let of_seed = |seed| {
                let options = Options { seed, top_k, ..plain.clone() };
                run(&mut Soft::open(None), &cora, &options, splits, false, &mut |_, _| ()).unwrap().report.test_accuracy
            };
            (1..=10).map(of_seed).sum::<f64>() / 10.0
        });
        println!("ten seeds, {splits} splits each: {plain:.4}, with a hundredth of each gradient {sent:.4}");
        assert!(plain >= 0.79 && sent >= plain - 0.015);
    }

    #[test]
    fn a_hundredth_of_each_gradient_costs_at_most_1_5_points_over_ten_seeds() {
        compare_a_hundredth(1);
    }

    #[test]
    fn a_hundredth_of_each_gradient_costs_at_most_1_5_points_over_a_hundred_splits() {
        if std::env::var_os("NEARFIELD_LONG").is_none_or(|value| value != "1") {
            println!("skipped: NEARFIELD_LONG=1 (make test-long) runs it");
            return;
        }
        compare_a_hundredth(10);
    }

    #[test]
    fn the_report_counts_splits_epochs_and_steps() {
        let dataset = Dataset::load("cora").unwrap();
        let options = Options { epochs: 3, ..Options::default() };
        let mut seen = Vec::new();
        let mut device = Soft::open(Some(1));
        let Run { report, best_split, parameters, .. } =
            run(&mut device, &dataset, &options, 2, true, &mut |split, epoch| seen.push((split, epoch.number)))
                .unwrap();
        assert_eq!(seen, [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)]);
        assert_eq!((report.steps, report.optimizer.elements, report.parameters), (6, 6 * 23_063, 23_063));
        assert_eq!(report.check, Some(Checked { reference: Reference::Specification, identical_steps: 6 }));
        let [first, second] = &report.splits[..] else { panic!("{report:?}") };
        assert_eq!(report.test_accuracy, (first.test_accuracy + second.test_accuracy) / 2.0);
        assert_eq!(best_split, usize::from(second.validation_accuracy > first.validation_accuracy));
        assert_eq!(parameters.len(), 23_063);
    }

    #[test]
    fn deviation_is_the_samples() {
        assert_eq!(mean_and_deviation(&[1.0, 2.0, 3.0]), (2.0, Some(1.0)));
        assert_eq!(mean_and_deviation(&[5.0]), (5.0, None));
    }
}
