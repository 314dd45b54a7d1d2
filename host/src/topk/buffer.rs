//! A stream with its bytes.

use super::{encode, EncodeError, Kept, Malformed, Stream, ValueFormat};
use nearfield_abi::topk::{table_bytes, HEADER_BYTES};

/// A stream that owns its bytes, checked once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamBuf {
    bytes: Vec<u8>,
    format: ValueFormat,
    elements: u64,
    kept: u64,
    /// Where the chunks begin.
    chunks: usize,
}

impl StreamBuf {
    /// Checks a stream as [`Stream::parse`] does.
    ///
    /// # Errors
    ///
    /// The first rule that the bytes break.
    pub fn parse(bytes: Vec<u8>) -> Result<StreamBuf, Malformed> {
        let Stream { format, elements, kept, chunks, .. } = Stream::parse(&bytes)?;
        let chunks = bytes.len() - chunks.len();
        Ok(StreamBuf { bytes, format, elements, kept, chunks })
    }

    /// Encodes kept elements, as [`encode`] does; nothing is checked again.
    ///
    /// # Errors
    ///
    /// As [`encode`].
    pub fn encode(elements: u64, format: ValueFormat, kept: &Kept) -> Result<StreamBuf, EncodeError> {
        let bytes = encode(elements, format, kept)?;
        // The table is in memory, so its length fits.
        let chunks = (HEADER_BYTES + table_bytes(elements).unwrap_or(0)) as usize;
        Ok(StreamBuf { bytes, format, elements, kept: kept.len() as u64, chunks })
    }

    /// The stream; nothing is checked again.
    pub fn stream(&self) -> Stream<'_> {
        let (head, chunks) = self.bytes.split_at(self.chunks);
        let StreamBuf { format, elements, kept, .. } = *self;
        Stream { format, elements, kept, table: &head[HEADER_BYTES as usize..], chunks }
    }
}
