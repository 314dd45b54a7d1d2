//! NumPy's `.npy` arrays (NEP 1, <https://numpy.org/neps/nep-0001-npy-format.html>, versions 1 to 3), as much as sparse matrices need: plain
//! little-endian numbers in C order. Arrays of objects are pickles and refused.

use crate::graph::GraphError;

/// What the elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Signed integers, or truth values.
    Signed,
    /// Unsigned integers.
    Unsigned,
    /// IEEE 754 numbers.
    Float,
    /// Bytes of text.
    Bytes,
    /// Text of 32-bit characters.
    Text,
}

/// An array of at most two dimensions, or three of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array<'a> {
    /// What the elements are.
    pub kind: Kind,
    /// Bytes of an element.
    pub size: usize,
    /// The dimensions, none for a single element.
    pub shape: Vec<usize>,
    /// The elements.
    pub bytes: &'a [u8],
}

/// The longest header that is read.
const HEADER_MOST: usize = 1 << 16;

impl<'a> Array<'a> {
    /// Reads an array; `place` names it in errors. Allocates nothing but its dimensions.
    ///
    /// # Errors
    ///
    /// When it is not an array of the kinds above, or has more or fewer bytes than its header says.
    pub fn parse(place: &str, bytes: &'a [u8]) -> Result<Array<'a>, GraphError> {
        let refuse = |what: String| GraphError::at(place, what);
        let cut = || refuse("it is cut off".into());
        let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(|| refuse("it is not a .npy array".into()))?;
        let (version, rest) = rest.split_at_checked(2).ok_or_else(cut)?;
        let width = match version[0] {
            1 => 2,
            2 | 3 => 4,
            other => return Err(refuse(format!("it has version {other} of the format; 1 to 3 can be read"))),
        };
        let (length, rest) = rest.split_at_checked(width).ok_or_else(cut)?;
        let length = length.iter().rev().fold(0, |length, &byte| length << 8 | usize::from(byte));
        if length > HEADER_MOST {
            return Err(refuse(format!("its header has {length} bytes; at most {HEADER_MOST} are read")));
        }
        let (header, bytes) = rest.split_at_checked(length).ok_or_else(cut)?;
        let header = std::str::from_utf8(header).map_err(|_| refuse("its header is not text".into()))?;
        let (descr, shape) = Header { rest: header }.parse().ok_or_else(|| {
            refuse("its header is not that of a plain array in C order; save it with numpy.ascontiguousarray".into())
        })?;
        let (kind, size) = kind(descr).map_err(refuse)?;
        let needed = shape.iter().try_fold(size, |bytes, &dimension| bytes.checked_mul(dimension));
        if needed != Some(bytes.len()) {
            let what = format!("an array {shape:?} of {descr} does not have {} bytes; it is damaged", bytes.len());
            return Err(refuse(what));
        }
        Ok(Array { kind, size, shape, bytes })
    }

    /// Its elements as whole numbers that are not negative.
    pub fn numbers(&self) -> Option<impl ExactSizeIterator<Item = Option<u64>> + 'a> {
        let integer = matches!(self.kind, Kind::Signed | Kind::Unsigned) && self.size <= 8;
        let (size, signed) = (self.size, self.kind == Kind::Signed);
        integer.then(|| {
            self.bytes.chunks_exact(size).map(move |element| {
                let number = element.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte));
                (!signed || element[size - 1] < 0x80).then_some(number)
            })
        })
    }

    /// Its elements in f32, rounded to nearest.
    pub fn floats(&self) -> Option<Vec<f32>> {
        let each = self.bytes.chunks_exact(self.size);
        match (self.kind, self.size) {
            (Kind::Float, 4) => Some(each.map(|e| f32::from_le_bytes([e[0], e[1], e[2], e[3]])).collect()),
            (Kind::Float, 8) => {
                let double = |e: &[u8]| f64::from_le_bytes([e[0], e[1], e[2], e[3], e[4], e[5], e[6], e[7]]);
                Some(each.map(|e| double(e) as f32).collect())
            }
            (Kind::Signed | Kind::Unsigned, size) => {
                let signed = self.kind == Kind::Signed;
                Some(
                    each.map(|e| {
                        let fill = if signed && e[size - 1] >= 0x80 { u64::MAX } else { 0 };
                        let number = e.iter().rev().fold(fill, |number, &byte| number << 8 | u64::from(byte));
                        if signed {
                            number as i64 as f32
                        } else {
                            number as f32
                        }
                    })
                    .collect(),
                )
            }
            _ => None,
        }
    }

    /// Its one element as text.
    pub fn text(&self) -> Option<String> {
        let text = match self.kind {
            Kind::Bytes => String::from_utf8(self.bytes.to_vec()).ok()?,
            Kind::Text => {
                let code = |e: &[u8]| char::from_u32(u32::from_le_bytes([e[0], e[1], e[2], e[3]]));
                self.bytes.chunks_exact(4).map(code).collect::<Option<String>>()?
            }
            _ => return None,
        };
        self.shape.is_empty().then(|| text.trim_end_matches('\0').to_owned())
    }
}

/// What a `descr` says: kind and bytes.
fn kind(descr: &str) -> Result<(Kind, usize), String> {
    let unusable = || format!("its elements are '{}'; plain little-endian numbers can be read", descr.escape_debug());
    if descr.trim_start_matches(['|', '<', '>', '=']).starts_with('O') {
        return Err("it is an array of objects, which is a pickle and not read; save plain numbers".into());
    }
    let mut characters = descr.chars();
    let order = characters.next().ok_or_else(unusable)?;
    let letter = characters.next().ok_or_else(unusable)?;
    let size: usize = characters.as_str().parse().map_err(|_| unusable())?;
    match (order, letter, size) {
        ('|' | '<', 'b', 1) => Ok((Kind::Unsigned, 1)),
        ('|' | '<', 'i', 1) | ('<', 'i', 2 | 4 | 8) => Ok((Kind::Signed, size)),
        ('|' | '<', 'u', 1) | ('<', 'u', 2 | 4 | 8) => Ok((Kind::Unsigned, size)),
        ('<', 'f', 4 | 8) => Ok((Kind::Float, size)),
        ('|', 'S', 1..=256) => Ok((Kind::Bytes, size)),
        ('<', 'U', 1..=256) => Ok((Kind::Text, 4 * size)),
        _ => Err(unusable()),
    }
}

/// The header, a Python dictionary of three keys.
struct Header<'a> {
    rest: &'a str,
}

impl<'a> Header<'a> {
    fn parse(mut self) -> Option<(&'a str, Vec<usize>)> {
        let (mut descr, mut order, mut shape) = (None, None, None);
        self.token("{")?;
        while self.token("}").is_none() {
            let key = self.quoted()?;
            self.token(":")?;
            match key {
                "descr" if descr.is_none() => descr = Some(self.quoted()?),
                "fortran_order" if order.is_none() => order = Some(self.token("False")?),
                "shape" if shape.is_none() => shape = Some(self.shape()?),
                _ => return None,
            }
            if self.token(",").is_none() {
                self.token("}")?;
                break;
            }
        }
        order?;
        self.rest.trim().is_empty().then_some((descr?, shape?))
    }

    fn token(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn quoted(&mut self) -> Option<&'a str> {
        self.token("'")?;
        let (text, rest) = self.rest.split_once('\'')?;
        self.rest = rest;
        Some(text)
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        self.token("(")?;
        let (inside, rest) = self.rest.split_once(')')?;
        self.rest = rest;
        let mut dimensions = Vec::new();
        let inside = inside.trim();
        for part in inside.strip_suffix(',').unwrap_or(inside).split(',').filter(|_| !inside.is_empty()) {
            // As many as anybody here needs.
            if dimensions.len() == 3 {
                return None;
            }
            dimensions.push(part.trim().trim_end_matches('L').parse().ok()?);
        }
        Some(dimensions)
    }
}
