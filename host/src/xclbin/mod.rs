//! Reading and writing `.xclbin` files: what is loaded into a board, with the description of what is in it.
//!
//! Format: [docs/formats.md](https://github.com/nearfield/nearfield/blob/main/docs/formats.md#xclbin). A file is a header,
//! the headers of its sections, and the sections. [`Xclbin`] reads everybody's, [`write()`] writes one for hardware
//! emulation, and [`drivable`] says whether this version of the program can drive what is in a file.
//!
//! A file is not trusted: lengths and counts are compared with the file's length before anything is allocated for them,
//! sections may not overlap each other, the headers or the signature, indices are checked, and the XML may neither declare
//! entities nor nest without bound.

mod field;
mod layout;
mod metadata;
mod reader;
mod table;
mod verdict;
mod writer;

pub use layout::{Mode, SectionKind, Uuid};
pub use metadata::{ArgumentMetadata, KernelMetadata, PortMetadata, Qualifier};
pub use table::{Connection, Control, Memory, MemoryType, Unit};
pub use verdict::{drivable, Drivable, Obstacle, Reason, Verdict};
pub use writer::{write, WriteError};

use serde::Serialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Which rule of the format a file breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}, {what}")]
pub struct Malformed {
    /// Bytes from the start of the file.
    pub at: u64,
    /// Which rule.
    pub what: String,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum XclbinError {
    /// The system could not read it.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no xclbin file, or a broken one.
    #[error(
        "{} is not a valid xclbin file: {malformed}; copy it again from where it was built, or build it again",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        malformed: Malformed,
    },
}

/// A piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Its first byte.
    pub offset: u64,
    /// How many there are.
    pub bytes: u64,
}

/// A section's header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// What it holds.
    pub kind: SectionKind,
    /// A name that tells sections of one kind apart; mostly empty.
    pub tag: String,
    /// Where its content lies.
    #[serde(flatten)]
    pub span: Span,
}

/// What a file says of itself. The bitstream is not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Xclbin {
    /// What it is built for.
    pub mode: Mode,
    /// Identifies it.
    pub uuid: Uuid,
    /// The platform it was linked against (vendor, board, name, version).
    pub platform: String,
    /// When it was built, in seconds since 1970; 0 where it does not say.
    pub created: u64,
    /// Major, minor and patch version of what built it.
    pub version: (u8, u8, u16),
    /// Bytes of the file.
    pub bytes: u64,
    /// Where its signature lies, if it is signed. The signature is not verified; XRT does that.
    pub signature: Option<Span>,
    /// Every section, in the order of the file.
    pub sections: Vec<Section>,
    /// MEM_TOPOLOGY.
    pub banks: Vec<Memory>,
    /// GROUP_TOPOLOGY, if it is there: banks, and groups of banks that an argument may be connected to.
    pub groups: Option<Vec<Memory>>,
    /// IP_LAYOUT.
    pub units: Vec<Unit>,
    /// CONNECTIVITY, arguments to [`Xclbin::banks`].
    pub connections: Vec<Connection>,
    /// GROUP_CONNECTIVITY, if it is there: arguments to [`Xclbin::memories`].
    pub group_connections: Option<Vec<Connection>>,
    /// The kernels that EMBEDDED_METADATA describes.
    pub kernels: Vec<KernelMetadata>,
}

impl Xclbin {
    /// Reads a file. Only headers, tables and XML are read, however long the bitstream is.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is no regular file, or breaks a rule of the format.
    pub fn open(path: &Path) -> Result<Xclbin, XclbinError> {
        reader::open(path)
    }

    /// Reads a file that lies in memory.
    ///
    /// # Errors
    ///
    /// When it breaks a rule of the format.
    pub fn parse(bytes: &[u8]) -> Result<Xclbin, Malformed> {
        reader::parse(bytes)
    }

    /// What XRT's group ids are indices of: GROUP_TOPOLOGY if it is there, else MEM_TOPOLOGY.
    pub fn memories(&self) -> &[Memory] {
        self.groups.as_deref().unwrap_or(&self.banks)
    }

    /// Every argument of a unit that is connected to something, as (index in [`Xclbin::units`], id), with the group id XRT
    /// gives it: the largest index in [`Xclbin::memories`] of a memory that it is connected to, that is used, and that is no
    /// stream. `None` where there is no such memory.
    pub fn links(&self) -> BTreeMap<(u32, u32), Option<u32>> {
        let mut links = BTreeMap::new();
        for connection in self.group_connections.as_ref().unwrap_or(&self.connections) {
            let memory = self.memories().get(connection.memory as usize);
            let usable = memory.is_some_and(|m| m.used && m.kind != MemoryType::Stream);
            let link = links.entry((connection.unit, connection.argument)).or_insert(None);
            *link = (*link).max(usable.then_some(connection.memory));
        }
        links
    }
}

#[cfg(test)]
mod tests;
