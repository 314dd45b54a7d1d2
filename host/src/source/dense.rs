//! Gradients, or parameters, that are tensors of safetensors files.

use super::{Form, GradientError, MatchError, Source};
use crate::safetensors::{ElementType, SafetensorsError, Shards};
use crate::store::{Piece, TensorEntry};
use std::collections::BTreeSet;
use std::ops::Range;

/// Tensors of one type, end to end in the order of a model.
#[derive(Debug)]
pub struct Dense {
    shards: Shards,
    form: Form,
    /// Of every tensor that has elements, the first one in the run, and its name in the files.
    tensors: Vec<(u64, String)>,
    elements: u64,
}

impl Dense {
    /// Of files in which every entry has a tensor of its name and shape, and every tensor an entry.
    ///
    /// # Errors
    ///
    /// [`GradientError::Match`], and [`GradientError::Mixed`] for tensors of several types.
    pub fn open(shards: Shards, entries: &[TensorEntry]) -> Result<Dense, GradientError> {
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        if let Some((name, _)) = shards.tensors().find(|(name, _)| !names.contains(name.as_str())) {
            let (path, name) = (shards.path().into(), name.clone());
            return Err(MatchError::NoParameter { path, name }.into());
        }
        Dense::named(shards, entries, |name| name.into())
    }

    /// The same of tensors that have other names in the files, among which there may be others.
    ///
    /// # Errors
    ///
    /// As [`Dense::open`].
    pub fn named(
        shards: Shards,
        entries: &[TensorEntry],
        name_of: impl Fn(&str) -> String,
    ) -> Result<Dense, GradientError> {
        let mut dense = Dense { form: Form::Fp32, tensors: Vec::new(), elements: 0, shards };
        let mut elements = BTreeSet::new();
        for entry in entries {
            let (path, name) = (dense.shards.path().into(), name_of(&entry.name));
            let Some(info) = dense.shards.tensor(&name) else { return Err(MatchError::NoTensor { path, name }.into()) };
            if info.shape != entry.shape {
                let (found, expected) = (info.shape.clone(), entry.shape.clone());
                return Err(MatchError::Shape { path, name, found, expected }.into());
            }
            let (count, element) = (info.elements() as u64, info.element);
            elements.insert(element.name());
            if elements.len() > 1 {
                return Err(GradientError::Mixed { path });
            }
            dense.form = Form::of(element).ok_or(GradientError::Mixed { path })?;
            if count > 0 {
                dense.tensors.push((dense.elements, name));
                dense.elements += count;
            }
        }
        Ok(dense)
    }

    /// Refuses 16-bit tensors, where they are to be trained.
    ///
    /// # Errors
    ///
    /// [`SafetensorsError::Type`].
    pub fn refuse_other_than_f32(&self) -> Result<(), SafetensorsError> {
        let other = self.shards.tensors().find(|(_, info)| info.element != ElementType::F32);
        match other {
            None => Ok(()),
            Some((tensor, info)) => {
                let (path, tensor, dtype) = (self.shards.path().into(), tensor.clone(), info.element.name().into());
                Err(SafetensorsError::Type { path, tensor, dtype })
            }
        }
    }

    /// Reads elements of the run as they are in the files.
    ///
    /// # Panics
    ///
    /// If there are no such elements, or `into` has another number of bytes.
    ///
    /// # Errors
    ///
    /// [`SafetensorsError::Read`].
    pub fn read_range(&self, range: Range<u64>, into: &mut [u8]) -> Result<(), SafetensorsError> {
        let value = self.form.value_bytes();
        assert!(range.end <= self.elements && into.len() as u64 == value * (range.end - range.start), "the elements");
        let mut rest = into;
        let mut at = range.start;
        let mut number = self.tensors.partition_point(|(begin, _)| *begin <= at).saturating_sub(1);
        while at < range.end {
            let (begin, name) = &self.tensors[number];
            let end = self.tensors.get(number + 1).map_or(self.elements, |(begin, _)| *begin).min(range.end);
            let (here, after) = rest.split_at_mut((value * (end - at)) as usize);
            self.shards.read(name, value * (at - begin), here)?;
            (rest, at, number) = (after, end, number + 1);
        }
        Ok(())
    }
}

impl Source for Dense {
    fn form(&self) -> Form {
        self.form
    }

    fn most_bytes(&self, elements: u64) -> u64 {
        self.form.value_bytes() * elements
    }

    fn read(&self, piece: &Piece, into: &mut [u8]) -> Result<usize, GradientError> {
        let bytes = (self.form.value_bytes() * piece.elements) as usize;
        self.read_range(piece.range(), &mut into[..bytes])?;
        Ok(bytes)
    }
}
