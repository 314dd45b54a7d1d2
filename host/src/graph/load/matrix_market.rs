//! Matrix Market files (<https://math.nist.gov/MatrixMarket/formats.html>): coordinate matrices whose field is pattern, real or integer and
//! whose symmetry is general or symmetric. Square, for rows and columns are the same vertices.

use super::{check_vertices, fields, lines, number, shown, weight};
use crate::graph::{Edges, Graph, GraphError};

/// What the first line says.
struct Banner {
    weighted: bool,
    symmetric: bool,
}

fn banner(line: &[u8]) -> Result<Banner, GraphError> {
    let refuse = |what: String| GraphError::at("line 1", what);
    let text = String::from_utf8_lossy(&line[..line.len().min(100)]).to_ascii_lowercase();
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let ["%%matrixmarket", "matrix", format, field, symmetry] = words[..] else {
        return Err(refuse(
            "it does not begin with `%%MatrixMarket matrix coordinate …`; is it a Matrix Market file?".into(),
        ));
    };
    if format != "coordinate" {
        return Err(refuse(format!(
            "the matrix is in the format '{}'; only coordinate matrices are graphs",
            format.escape_debug()
        )));
    }
    let weighted = match field {
        "pattern" => false,
        "real" | "integer" | "double" => true,
        _ => {
            return Err(refuse(format!(
                "the values are '{}'; pattern, real and integer can be used",
                field.escape_debug()
            )))
        }
    };
    let symmetric = match symmetry {
        "general" => false,
        "symmetric" => true,
        _ => {
            return Err(refuse(format!(
                "the matrix is '{}'; general and symmetric can be used",
                symmetry.escape_debug()
            )))
        }
    };
    Ok(Banner { weighted, symmetric })
}

/// Reads a matrix as a graph: an entry (i, j) is the edge from row i to column j, ids from 1 as the format has them. Entries of a symmetric
/// matrix stand on or below the diagonal and count in both directions. An entry that is there more than once is one, its values summed.
///
/// # Errors
///
/// The first line that breaks a rule of the format, and what [`Edges::build`] refuses.
pub fn parse(bytes: &[u8]) -> Result<Graph, GraphError> {
    let mut lines = lines(bytes);
    let Banner { weighted, symmetric } = banner(lines.next().map_or(&[][..], |(_, line)| line))?;
    let mut content = lines.filter(|(_, line)| !line.starts_with(b"%") && fields(line, false).next().is_some());
    let Some((at, sizes)) = content.next() else {
        return Err(GraphError::at("the file", "ends before the line with rows, columns and entries"));
    };
    let place = format!("line {at}");
    let sizes: Option<Vec<u64>> = fields(sizes, false).map(number).collect();
    let Some([rows, columns, entries]) = sizes.as_deref().and_then(|sizes| <[u64; 3]>::try_from(sizes).ok()) else {
        return Err(GraphError::at(place, "three whole numbers are expected: rows, columns and entries"));
    };
    if rows != columns {
        let what = format!("{rows} rows and {columns} columns are no graph; a graph's matrix is square");
        return Err(GraphError::at(place, what));
    }
    let vertices = check_vertices(&place, rows, bytes.len())?;
    // The shortest entry is `1 1` and the end of a line.
    if entries > bytes.len() as u64 / 4 + 1 {
        return Err(GraphError::at(
            place,
            format!("{entries} entries do not fit the file's {} bytes; it is cut off", bytes.len()),
        ));
    }
    let room = entries as usize * if symmetric { 2 } else { 1 };
    let mut edges =
        Edges { ends: Vec::with_capacity(room), weights: Vec::with_capacity(if weighted { room } else { 0 }) };
    let mut met = 0;
    for (at, line) in content {
        let place = || format!("line {at}");
        if met == entries {
            return Err(GraphError::at(place(), format!("there are more than the {entries} entries that line says")));
        }
        met += 1;
        let mut fields = fields(line, false);
        let mut id = || {
            let field = fields.next().unwrap_or_default();
            // A row is below 2^31 by now, for no file has that many bytes more.
            number(field).filter(|id| (1..=rows).contains(id)).map(|id| (id - 1) as u32).ok_or_else(|| {
                let what = format!("'{}' is no vertex; write row and column, 1 to {rows}", shown(field));
                GraphError::at(place(), what)
            })
        };
        let (row, column) = (id()?, id()?);
        let value = fields.next();
        if value.is_some() != weighted || fields.next().is_some() {
            let expected = if weighted { "row, column and value" } else { "row and column" };
            return Err(GraphError::at(place(), format!("{expected} are expected")));
        }
        if symmetric && column > row {
            let what = "the entry lies above the diagonal of a symmetric matrix; only those on or below it are written";
            return Err(GraphError::at(place(), what));
        }
        let both = symmetric && column != row;
        edges.ends.push((row, column));
        if both {
            edges.ends.push((column, row));
        }
        if let Some(field) = value {
            let what = || GraphError::at(place(), format!("'{}' is no value; write a number", shown(field)));
            let weight = weight(field).ok_or_else(what)?;
            edges.weights.extend(std::iter::repeat_n(weight, if both { 2 } else { 1 }));
        }
    }
    if met < entries {
        return Err(GraphError::at("the file", format!("ends after {met} of {entries} entries; it is cut off")));
    }
    Ok(edges.build(vertices)?)
}
