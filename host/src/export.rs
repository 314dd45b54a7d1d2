//! A store's tensors as safetensors files, read a piece at a time.

use crate::durable;
use crate::safetensors::{ElementType, Writer};
use crate::store::{Store, StoreError};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;

/// Elements that are read and written at once.
const PIECE: u64 = 1 << 20;
/// The name of a sharded model's index.
const INDEX: &str = "model.safetensors.index.json";

/// Where tensors go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// One file.
    File(PathBuf),
    /// A new folder of files, none above this many bytes of data unless it has one tensor only, and their index.
    Shards {
        /// The folder.
        folder: PathBuf,
        /// Bytes of data.
        bytes: u64,
    },
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Tensors.
    pub tensors: usize,
    /// Files with tensors.
    pub files: usize,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Two tensors would have one name.
    #[error("two tensors would be called {name:?}; export without --state, or rename the parameter")]
    Names {
        /// The name.
        name: String,
    },
    /// The store cannot be read, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// A tensor to be written: its name, which run it is of, and its place there.
struct Entry {
    name: String,
    shape: Vec<u64>,
    run: usize,
    begin: u64,
    elements: u64,
}

/// Writes parameters, and the optimizer's state if `state` is set, under the names that the tensors have, the state's with `.exp_avg` and so
/// on behind. What is read is checked before the files take their places. `progress` hears how many elements were written.
///
/// # Errors
///
/// [`ExportError`]; nothing is left then.
pub fn export(
    store: &Store,
    output: &Output,
    state: bool,
    progress: &mut dyn FnMut(u64),
) -> Result<Exported, ExportError> {
    let entries = entries(store, state)?;
    let tensors = entries.len();
    match output {
        Output::File(path) => {
            let mut done = 0;
            let writer = write(store, path.clone(), &entries, &mut done, progress)?;
            writer.finish()?;
            Ok(Exported { tensors, files: 1 })
        }
        Output::Shards { folder, bytes } => {
            let shards = deal(entries, *bytes);
            let beside = tempfile::Builder::new()
                .prefix(durable::TEMPORARY)
                .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777))
                .tempdir_in(durable::folder_of(folder))?;
            let (count, mut done, mut total) = (shards.len(), 0, 0);
            let mut weight_map = BTreeMap::new();
            for (number, shard) in (1..).zip(&shards) {
                let name = format!("model-{number:05}-of-{count:05}.safetensors");
                write(store, beside.path().join(&name), shard, &mut done, progress)?.finish()?;
                for entry in shard {
                    total += 4 * entry.elements;
                    weight_map.insert(&entry.name, name.clone());
                }
            }
            let step = store.manifest().current().progress.step.to_string();
            let index = json!({ "metadata": { "total_size": total, "step": step }, "weight_map": weight_map });
            let text = format!("{index:#}\n");
            durable::replace(&beside.path().join(INDEX), durable::Access::Shared, |f| f.write_all(text.as_bytes()))?;
            fs::rename(beside.path(), folder)?;
            let _ = beside.keep();
            durable::sync_folder(durable::folder_of(folder))?;
            Ok(Exported { tensors, files: count })
        }
    }
}

fn entries(store: &Store, state: bool) -> Result<Vec<Entry>, ExportError> {
    let runs = store.series().runs;
    let mut entries = Vec::new();
    for (run, name) in runs.iter().enumerate().take(if state { runs.len() } else { 1 }) {
        let mut begin = 0;
        for tensor in &store.manifest().tensors {
            let elements = tensor.elements().unwrap_or(0);
            let name = if run == 0 { tensor.name.clone() } else { format!("{}.{name}", tensor.name) };
            entries.push(Entry { name, shape: tensor.shape.clone(), run, begin, elements });
            begin += elements;
        }
    }
    refuse_twice(entries.iter().map(|entry| entry.name.as_str()))?;
    Ok(entries)
}

fn refuse_twice<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), ExportError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(ExportError::Names { name: name.into() });
        }
    }
    Ok(())
}

/// Fills one file after the other, in the order of the tensors' names.
fn deal(mut entries: Vec<Entry>, bytes: u64) -> Vec<Vec<Entry>> {
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let mut shards = vec![Vec::new()];
    let mut full = 0;
    for entry in entries {
        let more = 4 * entry.elements;
        if full > 0 && full + more > bytes {
            shards.push(Vec::new());
            full = 0;
        }
        full += more;
        let last = shards.len() - 1;
        shards[last].push(entry);
    }
    shards
}

fn write(
    store: &Store,
    path: PathBuf,
    entries: &[Entry],
    done: &mut u64,
    progress: &mut dyn FnMut(u64),
) -> Result<Writer, ExportError> {
    let step = store.manifest().current().progress.step;
    let metadata = BTreeMap::from([("step".to_string(), step.to_string())]);
    let names = entries.iter().map(|entry| (entry.name.clone(), ElementType::F32, entry.shape.clone())).collect();
    let writer = Writer::create(&path, names, &metadata)?;
    let mut reader = store.reader()?;
    let mut memory = vec![0.0f32; PIECE as usize];
    for (number, entry) in entries.iter().enumerate() {
        for first in (0..entry.elements).step_by(PIECE as usize) {
            let here = &mut memory[..(entry.elements - first).min(PIECE) as usize];
            reader.read(entry.run, entry.begin + first, here)?;
            writer.write_at(number, 4 * first, bytemuck::cast_slice(here))?;
            *done += here.len() as u64;
            progress(*done);
        }
    }
    reader.verify()?;
    Ok(writer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_collide() {
        assert!(refuse_twice(["w", "w.exp_avg"].into_iter()).is_ok());
        let twice = refuse_twice(["w", "w.exp_avg", "w.exp_avg"].into_iter()).unwrap_err().to_string();
        assert!(twice.contains("w.exp_avg"), "{twice}");
    }
}
