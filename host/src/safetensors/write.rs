//! Writing a safetensors file.

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
    let mut header = Map::new();
    if !metadata.is_empty() {
        header.insert("__metadata__".into(), json!(metadata));
    }
    let mut at = 0;
    for (name, (shape, data)) in tensors {
        let end = at + 4 * data.len() as u64;
        header.insert(name.clone(), json!({ "dtype": "F32", "shape": shape, "data_offsets": [at, end] }));
        at = end;
    }
    let mut text = Value::Object(header).to_string().into_bytes();
    // The data begins on a multiple of eight, as the format asks for.
    text.resize(text.len().next_multiple_of(8), b' ');
    durable::replace(path, durable::Access::Shared, |file| {
        file.write_all(&(text.len() as u64).to_le_bytes())?;
        file.write_all(&text)?;
        tensors.values().try_for_each(|(_, data)| file.write_all(bytemuck::cast_slice(data)))
    })
}
