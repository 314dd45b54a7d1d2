//! Writing a safetensors file.

use super::ElementType;
use crate::durable;
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that is written in any order, by any number of threads. It takes its place when it is finished, and leaves nothing if it is not.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: NamedTempFile,
    /// Where each tensor begins in the file.
    begins: Vec<u64>,
}

impl Writer {
    /// Begins a file with these tensors: name, type and shape of each. They lie in the order of their names, so that equal content gives
    /// equal bytes.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or has no room.
    pub fn create(
        path: &Path,
        entries: Vec<(String, ElementType, Vec<u64>)>,
        metadata: &BTreeMap<String, String>,
    ) -> io::Result<Writer> {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by(|&a, &b| entries[a].0.cmp(&entries[b].0));
        let mut header = Header::new(metadata);
        let mut begins = vec![0; entries.len()];
        for number in order {
            let (name, element, shape) = &entries[number];
            begins[number] = header.at;
            header.add(name, *element, shape, element.bytes() * shape.iter().product::<u64>());
        }
        let length = header.at;
        let text = header.text();
        let data = 8 + text.len() as u64;
        begins.iter_mut().for_each(|begin| *begin += data);
        let mode = Permissions::from_mode(0o666);
        let file = tempfile::Builder::new()
            .prefix(durable::TEMPORARY)
            .permissions(mode)
            .tempfile_in(durable::folder_of(path))?;
        file.as_file().write_all_at(&(text.len() as u64).to_le_bytes(), 0)?;
        file.as_file().write_all_at(&text, 8)?;
        file.as_file().set_len(data + length)?;
        Ok(Writer { path: path.into(), file, begins })
    }

    /// Writes bytes of a tensor, counted as it was given, from its byte `first` on.
    pub fn write_at(&self, tensor: usize, first: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.as_file().write_all_at(bytes, self.begins[tensor] + first)
    }

    /// Makes the file durable and puts it in its place.
    pub fn finish(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.path).map_err(|e| e.error)?;
        durable::sync_folder(durable::folder_of(&self.path))
    }
}

/// A header as it grows.
struct Header {
    entries: Map<String, Value>,
    /// Where the next tensor begins in the data.
    at: u64,
}

impl Header {
    fn new(metadata: &BTreeMap<String, String>) -> Header {
        let mut entries = Map::new();
        if !metadata.is_empty() {
            entries.insert("__metadata__".into(), json!(metadata));
        }
        Header { entries, at: 0 }
    }

    fn add(&mut self, name: &str, element: ElementType, shape: &[u64], bytes: u64) {
        let end = self.at + bytes;
        let entry = json!({ "dtype": element.name(), "shape": shape, "data_offsets": [self.at, end] });
        self.entries.insert(name.into(), entry);
        self.at = end;
    }

    fn text(self) -> Vec<u8> {
        let mut text = Value::Object(self.entries).to_string().into_bytes();
        // The data begins on a multiple of eight, as the format asks for.
        text.resize(text.len().next_multiple_of(8), b' ');
        text
    }
}

/// Writes F32 tensors, replacing `path` only when everything is on the disk. Tensors lie in the order of their names, so
/// equal content gives equal bytes.
pub fn write(
    path: &Path,
    tensors: &BTreeMap<String, (&[u64], &[f32])>,
    metadata: &BTreeMap<String, String>,
) -> io::Result<()> {
    let entries = tensors.iter().map(|(name, (shape, data))| Entry {
        name,
        element: ElementType::F32,
        shape: shape.to_vec(),
        data: bytemuck::cast_slice(data),
    });
    write_entries(path, entries.collect(), metadata)
}

/// Writes U8 tensors of one dimension, as [`write()`] does.
pub fn write_bytes(
    path: &Path,
    tensors: &BTreeMap<String, &[u8]>,
    metadata: &BTreeMap<String, String>,
) -> io::Result<()> {
    let entries = tensors.iter().map(|(name, data)| Entry {
        name,
        element: ElementType::U8,
        shape: vec![data.len() as u64],
        data,
    });
    write_entries(path, entries.collect(), metadata)
}

struct Entry<'a> {
    name: &'a str,
    element: ElementType,
    shape: Vec<u64>,
    data: &'a [u8],
}

fn write_entries(path: &Path, entries: Vec<Entry<'_>>, metadata: &BTreeMap<String, String>) -> io::Result<()> {
    let mut header = Header::new(metadata);
    for Entry { name, element, shape, data } in &entries {
        header.add(name, *element, shape, data.len() as u64);
    }
    let text = header.text();
    durable::replace(path, durable::Access::Shared, |file| {
        file.write_all(&(text.len() as u64).to_le_bytes())?;
        file.write_all(&text)?;
        entries.iter().try_for_each(|entry| file.write_all(entry.data))
    })
}
