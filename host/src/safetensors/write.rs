//! Writing a safetensors file.

use super::ElementType;
use crate::durable;
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

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

/// Writes F16 or BF16 tensors, given their bits, as [`write()`] does.
pub fn write_half(
    path: &Path,
    element: ElementType,
    tensors: &BTreeMap<String, (&[u64], &[u16])>,
    metadata: &BTreeMap<String, String>,
) -> io::Result<()> {
    let entries = tensors.iter().map(|(name, (shape, data))| Entry {
        name,
        element,
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
    let mut header = Map::new();
    if !metadata.is_empty() {
        header.insert("__metadata__".into(), json!(metadata));
    }
    let mut at = 0;
    for Entry { name, element, shape, data } in &entries {
        let end = at + data.len() as u64;
        let entry = json!({ "dtype": element.name(), "shape": shape, "data_offsets": [at, end] });
        header.insert(name.to_string(), entry);
        at = end;
    }
    let mut text = Value::Object(header).to_string().into_bytes();
    // The data begins on a multiple of eight, as the format asks for.
    text.resize(text.len().next_multiple_of(8), b' ');
    durable::replace(path, durable::Access::Shared, |file| {
        file.write_all(&(text.len() as u64).to_le_bytes())?;
        file.write_all(&text)?;
        entries.iter().try_for_each(|entry| file.write_all(entry.data))
    })
}
