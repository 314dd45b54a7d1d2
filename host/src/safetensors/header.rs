//! The header of a safetensors file, parsed with every rule of the format checked.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// What a tensor's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of a binary32.
    BF16,
    /// Bytes: of what has a format of its own.
    U8,
}

impl ElementType {
    /// The name it has in a file.
    pub fn name(self) -> &'static str {
        match self {
            ElementType::F32 => "F32",
            ElementType::F16 => "F16",
            ElementType::BF16 => "BF16",
            ElementType::U8 => "U8",
        }
    }

    /// Bytes of an element.
    pub fn bytes(self) -> u64 {
        match self {
            ElementType::F32 => 4,
            ElementType::F16 | ElementType::BF16 => 2,
            ElementType::U8 => 1,
        }
    }

    fn from_name(name: &str) -> Option<ElementType> {
        [ElementType::F32, ElementType::F16, ElementType::BF16, ElementType::U8]
            .into_iter()
            .find(|element| element.name() == name)
    }
}

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// What its elements are.
    pub element: ElementType,
    /// Its dimensions; none for a scalar.
    pub shape: Vec<u64>,
    /// First byte, counted from the start of the data.
    pub(super) begin: u64,
    /// Byte past the last.
    pub(super) end: u64,
}

impl TensorInfo {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        ((self.end - self.begin) / self.element.bytes()) as usize
    }
}

/// A checked header.
pub(super) struct Header {
    pub(super) tensors: BTreeMap<String, TensorInfo>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// Why a header was refused.
#[derive(Debug)]
pub(super) enum Refusal {
    Malformed(String),
    Type { tensor: String, dtype: String },
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// A JSON object whose keys may not repeat: serde's own maps would keep the last one and hide the others' bytes.
struct Unique<T>(BTreeMap<String, T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Unique<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Keys<T> {
            type Value = Unique<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, T>()? {
                    if entries.contains_key(&key) {
                        return Err(A::Error::custom(format!("the name {key:?} occurs twice")));
                    }
                    entries.insert(key, value);
                }
                Ok(Unique(entries))
            }
        }
        deserializer.deserialize_map(Keys(std::marker::PhantomData))
    }
}

/// Either the metadata or a tensor, told apart by the key; both are objects, so the values are kept as JSON first.
type RawHeader<'a> = Unique<&'a serde_json::value::RawValue>;

/// Parses a header of a file with `data_bytes` of data.
pub(super) fn parse(text: &[u8], data_bytes: u64) -> Result<Header, Refusal> {
    let malformed = |what: String| Refusal::Malformed(what);
    if text.first() != Some(&b'{') {
        return Err(malformed("its header does not begin with `{`".into()));
    }
    let raw: RawHeader<'_> =
        serde_json::from_slice(text).map_err(|e| malformed(format!("its header is no JSON: {e}")))?;
    let mut metadata = BTreeMap::new();
    let mut tensors = BTreeMap::new();
    for (name, value) in raw.0 {
        if name == "__metadata__" {
            let strings: Unique<String> =
                serde_json::from_str(value.get()).map_err(|e| malformed(format!("its metadata: {e}")))?;
            metadata = strings.0;
            continue;
        }
        let raw: RawTensor =
            serde_json::from_str(value.get()).map_err(|e| malformed(format!("its entry for {name:?}: {e}")))?;
        tensors.insert(name.clone(), tensor(name, raw)?);
    }
    check_cover(&tensors, data_bytes).map_err(malformed)?;
    Ok(Header { tensors, metadata })
}

fn tensor(name: String, raw: RawTensor) -> Result<TensorInfo, Refusal> {
    let Some(element) = ElementType::from_name(&raw.dtype) else {
        // Printed with quotes if it is no plain word: it comes from outside and goes to a terminal.
        let plain = !raw.dtype.is_empty()
            && raw.dtype.len() <= 16
            && raw.dtype.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let dtype = if plain { raw.dtype } else { format!("{:?}", raw.dtype.chars().take(16).collect::<String>()) };
        return Err(Refusal::Type { tensor: name, dtype });
    };
    let (begin, end) = raw.data_offsets;
    let needed = raw.shape.iter().try_fold(element.bytes(), |bytes, &n| bytes.checked_mul(n));
    // A dimension of 0 makes an empty tensor even where the others would overflow.
    let needed = if raw.shape.contains(&0) { Some(0) } else { needed };
    match (needed, end.checked_sub(begin)) {
        (Some(needed), Some(given)) if needed == given => Ok(TensorInfo { element, shape: raw.shape, begin, end }),
        _ => Err(Refusal::Malformed(format!(
            "tensor {name:?} of shape {:?} does not have the bytes {begin} to {end} that its header says",
            raw.shape
        ))),
    }
}

/// The tensors' bytes, in order, must touch each other and end where the data ends.
fn check_cover(tensors: &BTreeMap<String, TensorInfo>, data_bytes: u64) -> Result<(), String> {
    let mut order: Vec<(&String, &TensorInfo)> = tensors.iter().collect();
    order.sort_by_key(|(_, t)| (t.begin, t.end));
    let mut at = 0;
    for (name, tensor) in order {
        if tensor.begin != at {
            let kind = if tensor.begin < at { "overlaps another" } else { "leaves a hole before it" };
            return Err(format!("tensor {name:?} begins at byte {} and {kind} (byte {at} is next)", tensor.begin));
        }
        at = tensor.end;
    }
    if at != data_bytes {
        return Err(format!("its tensors take {at} bytes, but the file has {data_bytes} of data"));
    }
    Ok(())
}
