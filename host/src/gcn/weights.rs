//! Trained weights as a safetensors file.

use super::Run;
use crate::safetensors;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Writes a run's weights, replacing `path` only when everything is on the disk.
///
/// Four F32 tensors: `layer1.weight` `[features, hidden]`, `layer1.bias` `[hidden]`, `layer2.weight`
/// `[hidden, classes]`, `layer2.bias` `[classes]`. The metadata say where they come from: `dataset`, `seed`, `split`,
/// `epoch`, and the accuracies of that split as fractions.
///
/// # Errors
/// What the file system fails with.
pub fn save(path: &Path, run: &Run) -> io::Result<()> {
    let best = &run.report.splits[run.best_split];
    let tensors = run.shape.tensors();
    let dimensions = tensors.clone().map(|tensor| tensor.dimensions.iter().map(|&n| n as u64).collect::<Vec<_>>());
    let named = tensors
        .iter()
        .zip(&dimensions)
        .map(|(tensor, dimensions)| {
            (tensor.name.to_owned(), (dimensions.as_slice(), &run.parameters[tensor.elements.clone()]))
        })
        .collect();
    let metadata = [
        ("dataset", run.report.dataset.clone()),
        ("seed", run.report.seed.to_string()),
        ("split", best.split.to_string()),
        ("epoch", best.best_epoch.to_string()),
        ("validation_accuracy", best.validation_accuracy.to_string()),
        ("test_accuracy", best.test_accuracy.to_string()),
    ];
    let metadata: BTreeMap<String, String> = metadata.map(|(key, value)| (key.to_owned(), value)).into();
    safetensors::write(path, &named, &metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::soft::Soft;
    use crate::gcn::{run, Dataset, Network, Options, Split};
    use crate::safetensors::SafetensorsFile;

    #[test]
    fn saved_weights_classify_as_the_metadata_say() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let cora = Dataset::load("cora").unwrap();
        let options = Options { epochs: 8, ..Options::default() };
        let run = run(&mut Soft::open(Some(1)), &cora, &options, 2, false, &mut |_, _| ()).unwrap();
        save(&path, &run).unwrap();

        let file = SafetensorsFile::open(&path).unwrap();
        let mut parameters = vec![f32::NAN; run.shape.parameters()];
        for tensor in run.shape.tensors() {
            let info = file.tensors()[tensor.name].clone();
            file.read_into(&info, &mut parameters[tensor.elements]).unwrap();
        }
        let metadata = file.metadata();
        assert_eq!((metadata["dataset"].as_str(), metadata["seed"].as_str()), ("cora", "1"));
        let split = Split::draw(&cora, options.seed, metadata["split"].parse().unwrap()).unwrap();
        let network = Network::new(&cora, options.hidden);
        let score = network.score(&network.evaluate(&parameters), &split.test);
        assert_eq!(score.accuracy().to_string(), metadata["test_accuracy"]);
    }
}
