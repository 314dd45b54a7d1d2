//! Trained weights as a safetensors file.

use super::{Optimize, Plan, Trained};
use crate::safetensors;
use crate::store::by_tensor;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Writes a run's weights, replacing `path` only when everything is on the disk: the tensors of [`super::Shape::tensors`],
/// F32. The metadata say where they come from: `seed`, `steps`, `heads`, which no tensor shows, and `bits_per_byte` of the
/// held-out text.
///
/// # Errors
/// What the file system fails with.
pub fn save(path: &Path, plan: &Plan<'_>, optimizer: &dyn Optimize, trained: &Trained) -> io::Result<()> {
    let tensors = plan.options().shape.tensors();
    let named = by_tensor(&tensors, optimizer.params())
        .map(|(tensor, elements)| (tensor.name.clone(), (&tensor.shape[..], elements)))
        .collect();
    let metadata = [
        ("seed", plan.options().seed.to_string()),
        ("steps", trained.steps.to_string()),
        ("heads", plan.options().shape.heads.to_string()),
        ("bits_per_byte", trained.bits_per_byte.to_string()),
    ];
    let metadata: BTreeMap<String, String> = metadata.map(|(key, value)| (key.to_owned(), value)).into();
    safetensors::write(path, &named, &metadata)
}
