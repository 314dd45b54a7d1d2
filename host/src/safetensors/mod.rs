//! Reading and writing safetensors files, whoever made them.
//!
//! Format: <https://huggingface.co/docs/safetensors>: a little-endian u64 with the length of a JSON header, the header
//! (`{"NAME": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {…}}`), then the data.
//!
//! A file is not trusted: the header's length is capped before it is read, names may not repeat, the tensors' bytes must
//! cover the data exactly (no overlap, no hole, nothing past the end) and a tensor's bytes must be those its shape and type
//! need. Only after that is anything allocated for data, so a file cannot make the reader allocate more than its own length.

mod header;
mod run;
mod shards;
mod write;

pub use header::{ElementType, TensorInfo};
pub use run::RunWriter;
pub use shards::Shards;
pub use write::{write, write_bytes, Writer};

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The longest header that is read; the format's own limit.
const HEADER_BYTES: u64 = 100_000_000;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum SafetensorsError {
    /// The system could not read it.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not a safetensors file, or a broken one.
    #[error("{} is not a valid safetensors file: {what}; write it again with the safetensors library", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Which rule is broken.
        what: String,
    },
    /// A tensor of a type that cannot be used.
    #[error("tensor {tensor:?} in {} is {dtype}, but only F32 can be used for now; convert it to F32", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its type.
        dtype: String,
    },
}

/// An open safetensors file, its header checked.
#[derive(Debug)]
pub struct SafetensorsFile {
    path: PathBuf,
    file: File,
    data_start: u64,
    tensors: BTreeMap<String, TensorInfo>,
    metadata: BTreeMap<String, String>,
}

impl SafetensorsFile {
    /// Opens a file of F32 tensors and checks its header.
    pub fn open(path: &Path) -> Result<SafetensorsFile, SafetensorsError> {
        let file = SafetensorsFile::open_any(path)?;
        match file.tensors.iter().find(|(_, info)| info.element != ElementType::F32) {
            None => Ok(file),
            Some((tensor, info)) => {
                let (tensor, dtype) = (tensor.clone(), info.element.name().into());
                Err(SafetensorsError::Type { path: path.into(), tensor, dtype })
            }
        }
    }

    /// Opens a file whose tensors are of any [`ElementType`] and checks its header.
    pub fn open_any(path: &Path) -> Result<SafetensorsFile, SafetensorsError> {
        let read = |source| SafetensorsError::Read { path: path.into(), source };
        let mut file = File::open(path).map_err(read)?;
        let about = file.metadata().map_err(read)?;
        if !about.is_file() {
            return Err(read(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
        }
        let (data_start, header) = read_header(path, &mut file, about.len())?;
        Ok(SafetensorsFile { path: path.into(), file, data_start, tensors: header.tensors, metadata: header.metadata })
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its tensors by name.
    pub fn tensors(&self) -> &BTreeMap<String, TensorInfo> {
        &self.tensors
    }

    /// Its metadata.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Reads one tensor's elements.
    ///
    /// # Panics
    ///
    /// If `info` is not of this file or not F32, or `into` has another number of elements.
    pub fn read_into(&self, info: &TensorInfo, into: &mut [f32]) -> Result<(), SafetensorsError> {
        assert_eq!((info.element, into.len()), (ElementType::F32, info.elements()), "the tensor's elements");
        self.read_part(info, 0, bytemuck::cast_slice_mut(into))
    }

    /// Reads bytes of a tensor from its byte `first` on.
    ///
    /// # Panics
    ///
    /// If `info` is not of this file, or has no such bytes.
    pub fn read_part(&self, info: &TensorInfo, first: u64, into: &mut [u8]) -> Result<(), SafetensorsError> {
        assert!(first + into.len() as u64 <= info.end - info.begin, "the tensor's bytes");
        let at = self.data_start + info.begin + first;
        self.file.read_exact_at(into, at).map_err(|source| SafetensorsError::Read { path: self.path.clone(), source })
    }
}

/// Reads and checks the header of a file of `length` bytes; gives where the data begins.
fn read_header(path: &Path, from: &mut dyn Read, length: u64) -> Result<(u64, header::Header), SafetensorsError> {
    let read = |source| SafetensorsError::Read { path: path.into(), source };
    let malformed = |what: String| SafetensorsError::Malformed { path: path.into(), what };
    if length < 8 {
        return Err(malformed(format!("it has {length} bytes, too few for the header's length")));
    }
    let mut word = [0; 8];
    from.read_exact(&mut word).map_err(read)?;
    let header_bytes = u64::from_le_bytes(word);
    if header_bytes > HEADER_BYTES || header_bytes > length - 8 {
        return Err(malformed(format!(
            "its header is said to have {header_bytes} bytes, but the file has {length} and a header at most {HEADER_BYTES}"
        )));
    }
    let mut text = vec![0; header_bytes as usize];
    from.read_exact(&mut text).map_err(read)?;
    let header = header::parse(&text, length - 8 - header_bytes).map_err(|refusal| match refusal {
        header::Refusal::Malformed(what) => malformed(what),
        header::Refusal::Type { tensor, dtype } => SafetensorsError::Type { path: path.into(), tensor, dtype },
    })?;
    Ok((8 + header_bytes, header))
}

#[cfg(test)]
mod tests;
