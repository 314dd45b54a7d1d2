//! A flat run written as the tensors that lie in it.

use super::{ElementType, Writer};
use crate::store::TensorEntry;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// A file of the tensors of a model, all of one type, that is written as one run, in any order. It is there when it is finished.
#[derive(Debug)]
pub struct RunWriter {
    writer: Writer,
    element: ElementType,
    /// Of every tensor the first element in the run, and the end of the run.
    begins: Vec<u64>,
}

impl RunWriter {
    /// Begins a file at `path`.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or has no room.
    pub fn create(path: &Path, element: ElementType, tensors: &[TensorEntry]) -> io::Result<RunWriter> {
        let entries = tensors.iter().map(|tensor| (tensor.name.clone(), element, tensor.shape.clone())).collect();
        let mut begins = vec![0];
        for tensor in tensors {
            begins.push(begins[begins.len() - 1] + tensor.elements().unwrap_or(0));
        }
        Ok(RunWriter { writer: Writer::create(path, entries, &BTreeMap::new())?, element, begins })
    }

    /// Writes elements from `first` on, counted through the run.
    pub fn write(&self, first: u64, bytes: &[u8]) -> io::Result<()> {
        let value = self.element.bytes();
        let end = first + bytes.len() as u64 / value;
        let mut tensor = self.begins.partition_point(|begin| *begin <= first) - 1;
        let mut at = first;
        while at < end {
            let (begin, until) = (self.begins[tensor], self.begins[tensor + 1].min(end));
            let part = &bytes[(value * (at - first)) as usize..(value * (until - first)) as usize];
            self.writer.write_at(tensor, value * (at - begin), part)?;
            (at, tensor) = (until, tensor + 1);
        }
        Ok(())
    }

    /// Makes the file durable and puts it in its place.
    pub fn finish(self) -> io::Result<()> {
        self.writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::SafetensorsFile;
    use super::*;

    #[test]
    fn a_run_is_cut_by_its_tensors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let entry = |name: &str, shape: &[u64]| TensorEntry { name: name.into(), shape: shape.into() };
        // Not in the order of their names, and one of them empty.
        let tensors = [entry("b", &[2, 3]), entry("none", &[0]), entry("a", &[]), entry("c", &[4])];
        let run: Vec<f32> = (0..11).map(|i| i as f32).collect();
        let writer = RunWriter::create(&path, ElementType::F32, &tensors).unwrap();
        for (first, end) in [(7, 11), (0, 5), (5, 7)] {
            writer.write(first as u64, bytemuck::cast_slice(&run[first..end])).unwrap();
        }
        assert!(!path.exists());
        writer.finish().unwrap();
        let file = SafetensorsFile::open(&path).unwrap();
        for (name, expected) in [("b", &run[..6]), ("none", &[]), ("a", &run[6..7]), ("c", &run[7..])] {
            let info = file.tensors()[name].clone();
            let mut data = vec![0.0; info.elements()];
            file.read_into(&info, &mut data).unwrap();
            assert_eq!(data, expected, "{name}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
