//! From the tensors of a file to a flat run, matched by name and shape.

use super::{SafetensorsError, SafetensorsFile, TensorInfo};
use crate::store::TensorEntry;
use std::path::{Path, PathBuf};

/// Why a file's tensors are not those of a model.
#[derive(Debug, thiserror::Error)]
pub enum MatchError {
    /// The file has a tensor that the model has not.
    #[error("{} has a tensor {name:?} for which there is no parameter; leave it out, or name the right store", path.display())]
    NoParameter {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// The file lacks a tensor.
    #[error("{} has no tensor for the parameter {name:?}; every parameter needs one of its name", path.display())]
    NoTensor {
        /// The file.
        path: PathBuf,
        /// The parameter.
        name: String,
    },
    /// A tensor has another shape than the parameter.
    #[error("tensor {name:?} in {} has the shape {found:?}, but the parameter has {expected:?}; reshape it, or name the right store", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape in the file.
        found: Vec<u64>,
        /// The parameter's shape.
        expected: Vec<u64>,
    },
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] SafetensorsError),
}

/// A file's tensors in the order of `entries`. Every entry must have a tensor of its name and shape, and every tensor an entry.
pub fn match_entries(file: &SafetensorsFile, entries: &[TensorEntry]) -> Result<Vec<TensorInfo>, MatchError> {
    let path: &Path = file.path();
    for entry in entries {
        match file.tensors().get(&entry.name) {
            None => return Err(MatchError::NoTensor { path: path.into(), name: entry.name.clone() }),
            Some(info) if info.shape != entry.shape => {
                return Err(MatchError::Shape {
                    path: path.into(),
                    name: entry.name.clone(),
                    found: info.shape.clone(),
                    expected: entry.shape.clone(),
                })
            }
            Some(_) => {}
        }
    }
    let names: std::collections::BTreeSet<&str> = entries.iter().map(|e| e.name.as_str()).collect();
    if let Some(name) = file.tensors().keys().find(|name| !names.contains(name.as_str())) {
        return Err(MatchError::NoParameter { path: path.into(), name: name.clone() });
    }
    Ok(entries.iter().map(|e| file.tensors()[&e.name].clone()).collect())
}

/// Reads a file's F32 tensors end to end in the order of `entries`.
///
/// # Errors
///
/// As [`match_entries`], and when the file cannot be read.
pub fn flatten(file: &mut SafetensorsFile, entries: &[TensorEntry]) -> Result<Vec<f32>, MatchError> {
    let infos = match_entries(file, entries)?;
    end_to_end(&infos, |info, into| file.read_into(info, into))
}

/// Reads the bits of a file's F16 or BF16 tensors end to end in the order of `entries`.
///
/// # Errors
///
/// As [`match_entries`], and when the file cannot be read.
pub fn flatten_half(file: &mut SafetensorsFile, entries: &[TensorEntry]) -> Result<Vec<u16>, MatchError> {
    let infos = match_entries(file, entries)?;
    end_to_end(&infos, |info, into| file.read_half_into(info, into))
}

fn end_to_end<T: Copy + Default>(
    infos: &[TensorInfo],
    mut read: impl FnMut(&TensorInfo, &mut [T]) -> Result<(), SafetensorsError>,
) -> Result<Vec<T>, MatchError> {
    let mut run = vec![T::default(); infos.iter().map(|i| i.elements()).sum()];
    let mut rest = run.as_mut_slice();
    for info in infos {
        let (here, after) = std::mem::take(&mut rest).split_at_mut(info.elements());
        read(info, here)?;
        rest = after;
    }
    Ok(run)
}
