//! A file of streams: a whole model's gradient, a stream a subgroup.
//!
//! It is a safetensors file of U8 tensors `subgroup.0`, `subgroup.1`, …, each with the bytes of one stream.

use super::{Malformed, StreamBuf};
use crate::gradients::GradientRun;
use crate::safetensors::{self, flatten, flatten_half, ElementType, MatchError, SafetensorsError, SafetensorsFile};
use crate::store::TensorEntry;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Elements of a subgroup; the last one of a run may have fewer.
pub const SUBGROUP_ELEMENTS: usize = 1 << 24;

/// Why gradients were not read.
#[derive(Debug, thiserror::Error)]
pub enum GradientError {
    /// It is no safetensors file, or cannot be read.
    #[error(transparent)]
    File(#[from] SafetensorsError),
    /// Its tensors are not those of the model.
    #[error(transparent)]
    Match(#[from] MatchError),
    /// Its subgroups are not those of the model.
    #[error("{} does not have the subgroups of this store: {what}; compress the gradients again for this store", path.display())]
    Subgroups {
        /// The file.
        path: PathBuf,
        /// What is missing or too much.
        what: String,
    },
    /// Dense tensors of several types.
    #[error("{} has gradients of several types; convert them to one of F32, F16 and BF16", path.display())]
    Mixed {
        /// The file.
        path: PathBuf,
    },
    /// A stream is broken.
    #[error("subgroup {subgroup} in {} is not a valid Top-K stream: {malformed}; compress the gradients again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Which one.
        subgroup: usize,
        /// What is wrong with it.
        malformed: Malformed,
    },
}

/// The subgroups of a run of `elements`, front to back.
pub fn subgroups(elements: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    (0..elements.div_ceil(SUBGROUP_ELEMENTS)).map(move |number| {
        let begin = number * SUBGROUP_ELEMENTS;
        begin..elements.min(begin + SUBGROUP_ELEMENTS)
    })
}

fn name(subgroup: usize) -> String {
    format!("subgroup.{subgroup}")
}

/// Writes streams in the order of their subgroups, replacing `path` only when everything is on the disk.
pub fn write(path: &Path, streams: &[Vec<u8>]) -> io::Result<()> {
    let tensors = streams.iter().enumerate().map(|(number, stream)| (name(number), stream.as_slice()));
    safetensors::write_bytes(path, &tensors.collect(), &BTreeMap::new())
}

/// Reads gradients end to end in the order of `entries`: from a file of tensors of their names and shapes, all F32, all F16 or all
/// BF16, or from one of streams.
///
/// # Errors
///
/// When the file cannot be read, is not of this model, or has a stream that breaks a rule.
pub fn read_gradients(path: &Path, entries: &[TensorEntry]) -> Result<GradientRun, GradientError> {
    let mut file = SafetensorsFile::open_any(path)?;
    let types: Vec<ElementType> = file.tensors().values().map(|info| info.element).collect();
    let all = |element: ElementType| !types.is_empty() && types.iter().all(|&found| found == element);
    if types.contains(&ElementType::U8) {
        // A manifest whose sum overflows has been refused where it was read.
        let elements: u64 = entries.iter().filter_map(TensorEntry::elements).sum();
        return Ok(GradientRun::TopK(streams(file, elements as usize)?));
    }
    if all(ElementType::F16) {
        return Ok(GradientRun::Fp16(flatten_half(&mut file, entries)?));
    }
    if all(ElementType::BF16) {
        return Ok(GradientRun::Bf16(flatten_half(&mut file, entries)?));
    }
    if types.is_empty() || all(ElementType::F32) {
        return Ok(GradientRun::Fp32(flatten(&mut file, entries)?));
    }
    Err(GradientError::Mixed { path: path.into() })
}

fn streams(mut file: SafetensorsFile, elements: usize) -> Result<Vec<StreamBuf>, GradientError> {
    let path = file.path().to_path_buf();
    let refused = |what: String| GradientError::Subgroups { path: path.clone(), what };
    let ranges = subgroups(elements);
    let (there, needed) = (file.tensors().len(), ranges.len());
    if there != needed {
        return Err(refused(format!("it has {there} tensors, but {elements} elements have {needed} subgroups")));
    }
    let mut streams = Vec::new();
    for (subgroup, range) in ranges.enumerate() {
        let info = match file.tensors().get(&name(subgroup)) {
            Some(info) if info.element == ElementType::U8 => info.clone(),
            _ => return Err(refused(format!("it has no U8 tensor {:?}", name(subgroup)))),
        };
        let bytes = file.read_bytes(&info)?;
        let stream = StreamBuf::parse(bytes).map_err(|malformed| {
            let path = path.clone();
            GradientError::Malformed { path, subgroup, malformed }
        })?;
        if stream.stream().elements() != range.len() as u64 {
            let (there, needed) = (stream.stream().elements(), range.len());
            return Err(refused(format!("subgroup {subgroup} has {there} elements instead of {needed}")));
        }
        streams.push(stream);
    }
    Ok(streams)
}
