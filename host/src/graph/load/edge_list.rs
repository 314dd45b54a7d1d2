//! Edge lists: a line `u v` or `u v w` an edge.
//!
//! Ids count from 0, row first; blanks, tabs or commas part the fields; lines that begin with `#` or `%`, and empty ones, are passed over.
//! Either all edges have weights or none. The graph has as many vertices as the largest id says.

use super::{check_vertices, fields, lines, number, shown, weight};
use crate::graph::{Edges, Graph, GraphError};

/// Reads an edge list. Edges are taken in the direction they have; one that is there more than once is one, its weights summed.
///
/// # Errors
///
/// The first line that is none of the above, an id that is too large, and what [`Edges::build`] refuses.
pub fn parse(bytes: &[u8]) -> Result<Graph, GraphError> {
    let mut edges = Edges::default();
    let mut largest = 0;
    for (line_number, line) in lines(bytes) {
        let mut fields = fields(line, true);
        let Some(first) = fields.next().filter(|first| !matches!(first[0], b'#' | b'%')) else { continue };
        let place = format_args!("line {line_number}").to_string();
        let mut id = |field: Option<&[u8]>| {
            let field = field.unwrap_or_default();
            let id = number(field).filter(|&id| id < 1 << 31).ok_or_else(|| {
                let what = format!("'{}' is no vertex; write two whole numbers below 2147483648 a line", shown(field));
                GraphError::at(&place, what)
            })?;
            largest = largest.max(id);
            Ok::<u32, GraphError>(id as u32)
        };
        let ends = (id(Some(first))?, id(fields.next())?);
        let given = fields.next();
        if fields.next().is_some() {
            return Err(GraphError::at(place, "there are more than three fields; an edge is `u v` or `u v weight`"));
        }
        if given.is_some() != (edges.weights.len() == edges.ends.len()) && !edges.ends.is_empty() {
            return Err(GraphError::at(
                place,
                "some edges have weights and others none; give a weight to all or to none",
            ));
        }
        if let Some(field) = given {
            let what = || GraphError::at(&place, format!("'{}' is no weight; write a number", shown(field)));
            edges.weights.push(weight(field).ok_or_else(what)?);
        }
        edges.ends.push(ends);
    }
    if edges.ends.is_empty() {
        return Err(GraphError::at("the list", "has no edges; write a line `u v` an edge"));
    }
    let vertices = check_vertices("the list", largest + 1, bytes.len())?;
    Ok(edges.build(vertices)?)
}
