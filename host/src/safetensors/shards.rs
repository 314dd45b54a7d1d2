//! A file, or a folder of files that together hold a model.

use super::{ElementType, SafetensorsError, SafetensorsFile, TensorInfo};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// How the name of a sharded model's index ends.
const INDEX: &str = ".safetensors.index.json";
/// The longest index that is read.
const INDEX_BYTES: u64 = 256 << 20;

/// Files with the tensors of one model, their headers checked. Nothing of the data is in memory.
#[derive(Debug)]
pub struct Shards {
    path: PathBuf,
    files: Vec<SafetensorsFile>,
    /// Of every tensor, its file and where it lies there.
    tensors: BTreeMap<String, (usize, TensorInfo)>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Shards {
    /// Opens a safetensors file, or a folder of them. A folder's `*.safetensors.index.json` says which of its files count and what is in
    /// them; without one all its `*.safetensors` do.
    ///
    /// # Errors
    ///
    /// When a file is none or broken, when a tensor is in two of them, and when they are not what the index says.
    pub fn open(path: &Path) -> Result<Shards, SafetensorsError> {
        let mut shards = Shards { path: path.into(), files: Vec::new(), tensors: BTreeMap::new() };
        if !path.is_dir() {
            shards.add(path)?;
            return Ok(shards);
        }
        let read = |source| SafetensorsError::Read { path: path.into(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(path).map_err(read)? {
            names.push(entry.map_err(read)?.path());
        }
        names.sort();
        let ends = |path: &Path, end: &str| path.file_name().is_some_and(|n| n.to_string_lossy().ends_with(end));
        let indices: Vec<&PathBuf> = names.iter().filter(|path| ends(path, INDEX)).collect();
        match indices[..] {
            [] => {
                for file in names.iter().filter(|path| ends(path, ".safetensors")) {
                    shards.add(file)?;
                }
                if shards.files.is_empty() {
                    return Err(shards.malformed("it is a folder without files that end with .safetensors".into()));
                }
            }
            [index] => shards.add_indexed(index)?,
            _ => {
                let what = format!("it has {} files that end with {INDEX}; leave one", indices.len());
                return Err(shards.malformed(what));
            }
        }
        Ok(shards)
    }

    /// What was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tensors by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&String, &TensorInfo)> {
        self.tensors.iter().map(|(name, (_, info))| (name, info))
    }

    /// A tensor.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name).map(|(_, info)| info)
    }

    /// What all tensors' elements are, or `None` if they differ; of no tensors, F32.
    pub fn element(&self) -> Option<ElementType> {
        let mut elements = self.tensors.values().map(|(_, info)| info.element);
        let first = elements.next().unwrap_or(ElementType::F32);
        elements.all(|element| element == first).then_some(first)
    }

    /// The metadata of all files.
    pub fn metadata(&self) -> BTreeMap<&str, &str> {
        self.files.iter().flat_map(|file| file.metadata()).map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    /// Reads bytes of a tensor from its byte `first` on.
    ///
    /// # Panics
    ///
    /// If there is no such tensor, or it has no such bytes.
    ///
    /// # Errors
    ///
    /// [`SafetensorsError::Read`].
    pub fn read(&self, name: &str, first: u64, into: &mut [u8]) -> Result<(), SafetensorsError> {
        let (file, info) = &self.tensors[name];
        self.files[*file].read_part(info, first, into)
    }

    fn malformed(&self, what: String) -> SafetensorsError {
        SafetensorsError::Malformed { path: self.path.clone(), what }
    }

    fn add(&mut self, path: &Path) -> Result<(), SafetensorsError> {
        let file = SafetensorsFile::open_any(path)?;
        let number = self.files.len();
        for (name, info) in file.tensors() {
            if let Some((other, _)) = self.tensors.insert(name.clone(), (number, info.clone())) {
                let other = self.files[other].path().display().to_string();
                return Err(self.malformed(format!("the tensor {name:?} is in {other} and in {}", path.display())));
            }
        }
        self.files.push(file);
        Ok(())
    }

    fn add_indexed(&mut self, index: &Path) -> Result<(), SafetensorsError> {
        let read = |source| SafetensorsError::Read { path: index.into(), source };
        let broken = |what: String| SafetensorsError::Malformed { path: index.into(), what };
        let bytes = fs::metadata(index).map_err(read)?.len();
        if bytes > INDEX_BYTES {
            return Err(broken(format!("it has {bytes} bytes, and an index at most {INDEX_BYTES}")));
        }
        let text = fs::read_to_string(index).map_err(read)?;
        let Index { weight_map } = serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
        let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (tensor, file) in &weight_map {
            // The files lie beside the index: a name never leads elsewhere.
            if file.contains('/') || file == ".." || file.is_empty() {
                return Err(broken(format!(
                    "the tensor {tensor:?} is said to be in {file:?}, which is no file's name"
                )));
            }
            by_file.entry(file).or_default().push(tensor);
        }
        for (file, tensors) in by_file {
            self.add(&self.path.join(file))?;
            let there: Vec<&str> = self.files[self.files.len() - 1].tensors().keys().map(String::as_str).collect();
            if there != tensors {
                return Err(broken(format!("{file} does not have the tensors that the index says it has")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::write;
    use super::*;

    fn put(path: &Path, name: &str, data: &[f32]) {
        write(path, &BTreeMap::from([(name.to_string(), (&[data.len() as u64][..], data))]), &BTreeMap::new()).unwrap();
    }

    #[test]
    fn a_folder_is_one_model() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let refused = |what: &str| {
            let error = Shards::open(folder.path()).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        };
        refused("without files");
        put(&at("x-00001-of-00002.safetensors"), "a", &[1.0, 2.0, 3.0]);
        put(&at("x-00002-of-00002.safetensors"), "b", &[4.0]);
        let check = || {
            let shards = Shards::open(folder.path()).unwrap();
            let mut bytes = [0; 8];
            shards.read("a", 4, &mut bytes).unwrap();
            assert_eq!(bytemuck::pod_read_unaligned::<[f32; 2]>(&bytes), [2.0, 3.0]);
            assert_eq!((shards.tensors().count(), shards.element()), (2, Some(ElementType::F32)));
            assert!(shards.tensor("b").is_some() && shards.tensor("c").is_none());
        };
        check();
        let index = |text: &str| fs::write(at("x.safetensors.index.json"), text).unwrap();
        index(r#"{"weight_map": {"a": "x-00001-of-00002.safetensors", "b": "x-00002-of-00002.safetensors"}}"#);
        check();
        index(r#"{"weight_map": {"a": "x-00001-of-00002.safetensors", "b": "../b"}}"#);
        refused("no file's name");
        index(r#"{"weight_map": {"c": "x-00001-of-00002.safetensors"}}"#);
        refused("does not have the tensors");
        index("[");
        refused("EOF");
        fs::remove_file(at("x.safetensors.index.json")).unwrap();
        put(&at("y.safetensors"), "a", &[1.0]);
        refused("is in");
    }
}
