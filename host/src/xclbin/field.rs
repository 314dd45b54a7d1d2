//! Fields of a piece of the file, read with every bound checked and with the file's offset in every complaint.

use super::layout::Table;
use super::Malformed;

/// A piece of a file that has been read.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    /// Where in the file the piece begins.
    at: u64,
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8], at: u64) -> Fields<'a> {
        Fields { bytes, at }
    }

    /// A complaint about the field at `offset` of this piece.
    pub(super) fn malformed(&self, offset: usize, what: impl Into<String>) -> Malformed {
        Malformed { at: self.at.saturating_add(offset as u64), what: what.into() }
    }

    fn slice(&self, offset: usize, count: usize) -> Result<&'a [u8], Malformed> {
        let end = offset.checked_add(count);
        end.and_then(|end| self.bytes.get(offset..end))
            .ok_or_else(|| self.malformed(self.bytes.len(), "it ends within an entry"))
    }

    fn array<const N: usize>(&self, offset: usize) -> Result<[u8; N], Malformed> {
        let mut array = [0; N];
        array.copy_from_slice(self.slice(offset, N)?);
        Ok(array)
    }

    pub(super) fn u8(&self, offset: usize) -> Result<u8, Malformed> {
        self.array(offset).map(u8::from_le_bytes)
    }

    pub(super) fn u16(&self, offset: usize) -> Result<u16, Malformed> {
        self.array(offset).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&self, offset: usize) -> Result<u32, Malformed> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(super) fn i32(&self, offset: usize) -> Result<i32, Malformed> {
        self.array(offset).map(i32::from_le_bytes)
    }

    pub(super) fn u64(&self, offset: usize) -> Result<u64, Malformed> {
        self.array(offset).map(u64::from_le_bytes)
    }

    pub(super) fn bytes<const N: usize>(&self, offset: usize) -> Result<[u8; N], Malformed> {
        self.array(offset)
    }

    /// An index or a number of things: an i32 that is not negative.
    pub(super) fn index(&self, offset: usize, what: &str) -> Result<u32, Malformed> {
        let number = self.i32(offset)?;
        u32::try_from(number).map_err(|_| self.malformed(offset, format!("its {what} is {number}, below 0")))
    }

    /// A text of printable ASCII, up to the first zero byte. A field that is `ended` has to have one: XRT reads these as C
    /// strings and would run into what follows.
    pub(super) fn text(&self, offset: usize, count: usize, ended: bool, what: &str) -> Result<String, Malformed> {
        let field = self.slice(offset, count)?;
        let length = field.iter().position(|&b| b == 0);
        if length.is_none() && ended {
            return Err(
                self.malformed(offset, format!("its {what} fills all of its {count} bytes; the last has to be 0"))
            );
        }
        let text = &field[..length.unwrap_or(count)];
        if let Some(strange) = text.iter().position(|b| !(b' '..=b'~').contains(b)) {
            return Err(self.malformed(
                offset + strange,
                format!("its {what} has the byte {:#04x}, which is no printable ASCII", text[strange]),
            ));
        }
        Ok(text.iter().copied().map(char::from).collect())
    }

    /// The whole piece as UTF-8, without zero bytes at its end.
    pub(super) fn utf8(&self, what: &str) -> Result<&'a str, Malformed> {
        let end = self.bytes.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
        std::str::from_utf8(&self.bytes[..end])
            .map_err(|error| self.malformed(error.valid_up_to(), format!("its {what} is not UTF-8")))
    }

    /// The entries of a table section; every one of them lies within the section.
    pub(super) fn table(self, table: &Table) -> Result<impl Iterator<Item = Fields<'a>>, Malformed> {
        let (what, bytes) = (table.what, self.bytes.len());
        if bytes < 4 {
            return Err(self.malformed(0, format!("this section has {bytes} bytes, too few for its number of {what}")));
        }
        let count = self.index(0, &format!("number of {what}"))? as usize;
        let room = bytes.saturating_sub(table.entries) / table.stride;
        if count > room {
            let complaint =
                format!("it says that {count} {what} follow, but its section of {bytes} bytes has room for {room}");
            return Err(self.malformed(0, complaint));
        }
        if count > table.most {
            return Err(self.malformed(0, format!("it says that {count} {what} follow; {} is the most", table.most)));
        }
        let (entries, stride) = (table.entries, table.stride);
        Ok((0..count).map(move |index| {
            // In bounds: `count` entries fit the section.
            let begin = entries + index * stride;
            Fields::new(&self.bytes[begin..begin + stride], self.at.saturating_add(begin as u64))
        }))
    }
}
