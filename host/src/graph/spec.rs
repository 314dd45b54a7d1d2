//! Graphs by name, as commands take them.

use super::dataset::{self, FetchError, Name};
use super::rmat::rmat;
use super::{load, Graph, GraphError, Invalid};
use crate::gcn::Dataset;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// `cora`, `citeseer`, `pubmed`, `rmat:SCALE[,degree=N][,seed=S]`, or a file that [`load::open`] reads (`./cora` for one of such a name).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GraphSpec {
    /// A published set; Cora is in this program, the others in the cache.
    Published(Name),
    /// A drawn graph.
    Rmat {
        /// Logarithm of the number of vertices.
        scale: u32,
        /// Edges that are drawn for each.
        degree: u32,
        /// What it is drawn from.
        seed: u64,
    },
    /// A file.
    File(PathBuf),
}

/// Why a named graph cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// A file.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A published set.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A drawn graph that would be too large.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl GraphSpec {
    /// The graph, as it is in its source: undirected and without self-loops where it is published or drawn.
    ///
    /// # Errors
    ///
    /// When it is not in the cache, cannot be read, or would be too large.
    pub fn load(&self) -> Result<Graph, SpecError> {
        Ok(match self {
            GraphSpec::Published(Name::Cora) => embedded_cora()?,
            GraphSpec::Published(name) => dataset::get(*name)?.graph,
            GraphSpec::Rmat { scale, degree, seed } => rmat(*scale, *degree, *seed)?,
            GraphSpec::File(path) => load::open(path)?,
        })
    }
}

fn embedded_cora() -> Result<Graph, SpecError> {
    let damaged = |error: crate::gcn::DatasetError| FetchError::Content { name: Name::Cora, what: error.to_string() };
    let cora = Dataset::load("cora").map_err(damaged)?;
    let ends = cora.edges.iter().flat_map(|&(u, v)| [(u.into(), v.into()), (v.into(), u.into())]);
    Ok(Graph::from_edges(cora.vertices(), ends.collect())?)
}

impl FromStr for GraphSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<GraphSpec, String> {
        if let Ok(name) = text.parse() {
            return Ok(GraphSpec::Published(name));
        }
        let Some(rmat) = text.strip_prefix("rmat:") else { return Ok(GraphSpec::File(text.into())) };
        let (scale, keys) = rmat.split_once(',').map_or((rmat, None), |(scale, keys)| (scale, Some(keys)));
        let wrong = || "a drawn graph is like rmat:16 or rmat:16,degree=8,seed=1".to_owned();
        let (mut degree, mut seed) = (8, 1);
        for key in keys.into_iter().flat_map(|keys| keys.split(',')) {
            match key.split_once('=') {
                Some(("degree", number)) => degree = number.parse().map_err(|_| wrong())?,
                Some(("seed", number)) => seed = number.parse().map_err(|_| wrong())?,
                _ => return Err(wrong()),
            }
        }
        Ok(GraphSpec::Rmat { scale: scale.parse().map_err(|_| wrong())?, degree, seed })
    }
}

impl fmt::Display for GraphSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GraphSpec::Published(name) => write!(f, "{name}"),
            GraphSpec::Rmat { scale, degree, seed } => write!(f, "rmat:{scale},degree={degree},seed={seed}"),
            GraphSpec::File(path) => write!(f, "{}", path.display()),
        }
    }
}
