//! The text that a model is trained on and the part of it that is held out.

use super::Window;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The text in this program; `host/data/kjv/README.md` says where it comes from.
const EMBEDDED: &[u8] = include_bytes!("../../data/kjv/new-testament.txt");
/// What the embedded text is called.
const EMBEDDED_NAME: &str = "the New Testament in the King James Version";

/// One byte in so many is held out.
const HELD_OUT_SHARE: usize = 10;
/// At most so many, so that scoring them does not take long.
const HELD_OUT_MOST: usize = 1 << 17;
/// More than any of these models learns from.
const MOST: u64 = 1 << 30;

/// A text, its beginning for training and its end held out.
#[derive(Clone, Debug)]
pub struct Text {
    name: String,
    bytes: Vec<u8>,
}

/// A text that no model can be trained on.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}; name a text file", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// All files together are too long.
    #[error("the text is longer than {MOST} bytes; name less of it")]
    Long,
    /// There is not enough of it.
    #[error("the text has {length} bytes; a context of {context} takes at least {least}: name more text or a smaller context")]
    Short {
        /// Bytes of the text.
        length: usize,
        /// Bytes that a prediction looks back on.
        context: usize,
        /// Bytes that are needed.
        least: usize,
    },
}

impl Text {
    /// The text that is part of this program.
    pub fn embedded() -> Text {
        Text { name: EMBEDDED_NAME.into(), bytes: EMBEDDED.into() }
    }

    /// Some bytes, with a name for people.
    pub fn new(name: impl Into<String>, bytes: Vec<u8>) -> Text {
        Text { name: name.into(), bytes }
    }

    /// Files, one after the other.
    ///
    /// # Errors
    /// [`TextError::Read`] and [`TextError::Long`].
    pub fn read(paths: &[PathBuf]) -> Result<Text, TextError> {
        let mut bytes = Vec::new();
        for path in paths {
            append(path, &mut bytes).map_err(|source| TextError::Read { path: path.clone(), source })?;
            if bytes.len() as u64 > MOST {
                return Err(TextError::Long);
            }
        }
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        Ok(Text { name: names.join(", "), bytes })
    }

    /// Refuses a text that has no window of a context in both of its parts.
    ///
    /// # Errors
    /// [`TextError::Short`].
    pub fn check(&self, context: usize) -> Result<(), TextError> {
        let least = HELD_OUT_SHARE * (context + 1);
        match self.bytes.len() {
            length if length < least => Err(TextError::Short { length, context, least }),
            _ if context >= HELD_OUT_MOST => {
                Err(TextError::Short { length: HELD_OUT_MOST, context, least: context + 1 })
            }
            _ => Ok(()),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// CRC-32 (IEEE 802.3) of all bytes.
    pub fn checksum(&self) -> u32 {
        crc32fast::hash(&self.bytes)
    }

    fn split(&self) -> usize {
        self.bytes.len() - (self.bytes.len() / HELD_OUT_SHARE).min(HELD_OUT_MOST)
    }

    /// The part that is trained on.
    pub fn training(&self) -> &[u8] {
        &self.bytes[..self.split()]
    }

    /// The part that is held out: the last tenth, at most 128 KiB.
    pub fn held_out(&self) -> &[u8] {
        &self.bytes[self.split()..]
    }

    /// The held-out part as windows side by side, as many as fit. Together their targets are the bytes from the second one
    /// on, each once.
    pub fn held_out_windows(&self, context: usize) -> Vec<Window<'_>> {
        let held_out = self.held_out();
        (0..held_out.len().saturating_sub(1) / context)
            .map(|index| window(held_out, index * context, context))
            .collect()
    }

    /// The targets of [`Text::held_out_windows`] with the two bytes before them.
    pub fn scored(&self, context: usize) -> &[u8] {
        let targets = self.held_out().len().saturating_sub(1) / context * context;
        let begin = (self.split() + 1).saturating_sub(2);
        &self.bytes[begin..begin + 2 + targets]
    }
}

/// The window that begins at a byte.
pub(super) fn window(bytes: &[u8], begin: usize, context: usize) -> Window<'_> {
    Window { inputs: &bytes[begin..begin + context], targets: &bytes[begin + 1..][..context] }
}

fn append(path: &Path, bytes: &mut Vec<u8>) -> io::Result<()> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    file.take(MOST + 1).read_to_end(bytes).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_text_is_what_its_page_says() {
        let text = Text::embedded();
        assert_eq!((text.len(), text.checksum()), (949_481, 3_959_544_845));
        assert!(text.training().starts_with(b"The book of the generation of Jesus Christ"));
        assert!(text.held_out().ends_with(b"be with you all. Amen.\n"));
        assert_eq!((text.training().len(), text.held_out().len()), (854_533, 94_948));
    }

    #[test]
    fn windows_cover_the_held_out_part_once() {
        let text = Text::new("numbers", (0..=255).collect());
        assert_eq!(text.held_out(), (231..=255).collect::<Vec<u8>>());
        let windows = text.held_out_windows(8);
        assert_eq!(windows.len(), 3);
        let targets: Vec<u8> = windows.iter().flat_map(|window| window.targets).copied().collect();
        assert_eq!(targets, (232..=255).collect::<Vec<u8>>());
        assert_eq!(windows[1].inputs, (239..=246).collect::<Vec<u8>>());
        assert_eq!(text.scored(8), (230..=255).collect::<Vec<u8>>());
    }

    #[test]
    fn a_text_that_is_too_short_or_no_file_is_refused() {
        let text = Text::new("short", vec![b'a'; 99]);
        assert!(text.check(8).is_ok());
        assert!(matches!(text.check(9), Err(TextError::Short { length: 99, context: 9, least: 100 })));
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("absent"), folder.path().to_path_buf()] {
            assert!(matches!(Text::read(&[path]), Err(TextError::Read { .. })));
        }
    }

    #[test]
    fn files_follow_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().join("a"), folder.path().join("b")];
        std::fs::write(&paths[0], "one ").unwrap();
        std::fs::write(&paths[1], "two").unwrap();
        assert_eq!(Text::read(&paths).unwrap().bytes, b"one two");
    }
}
