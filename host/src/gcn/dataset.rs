//! Data sets that are kept in the program: graphs with binary vertex features and one class a vertex.
//!
//! The file format and where each data set comes from are described in `host/data/NAME/README.md`.

use super::csr::Csr;

/// The data sets in this program, by name.
const EMBEDDED: &[(&str, &[u8])] = &[("cora", include_bytes!("../../data/cora/cora.graph"))];

const MAGIC: &[u8; 8] = b"NFGRAPH1";

/// Why a data set cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// No data set of this name is in the program.
    #[error("there is no data set '{name}'; there is: {}", names().collect::<Vec<_>>().join(", "))]
    Unknown {
        /// The name that was asked for.
        name: String,
    },
    /// The bytes are not a data set in the format of this program.
    #[error("the data set is damaged: {0}; build nearfield again from a clean checkout")]
    Damaged(String),
}

/// A graph whose vertices have binary features and one class each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// The name it is asked for by.
    pub name: String,
    /// Number of features a vertex can have.
    pub features: usize,
    /// Name of each class.
    pub class_names: Vec<String>,
    /// Class of each vertex, an index into `class_names`.
    pub labels: Vec<u8>,
    /// Columns of the non-zero features of each vertex, ascending.
    pub words: Vec<Vec<u16>>,
    /// Undirected edges (u, v) with u < v, ascending, each once.
    pub edges: Vec<(u16, u16)>,
}

/// The names of the data sets in this program.
pub fn names() -> impl Iterator<Item = &'static str> {
    EMBEDDED.iter().map(|(name, _)| *name)
}

impl Dataset {
    /// Loads a data set that is kept in the program.
    ///
    /// # Errors
    /// [`DatasetError::Unknown`] lists the names that exist.
    pub fn load(name: &str) -> Result<Dataset, DatasetError> {
        let (_, bytes) = EMBEDDED
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| DatasetError::Unknown { name: name.to_owned() })?;
        Dataset::parse(name, bytes)
    }

    /// Number of vertices.
    pub fn vertices(&self) -> usize {
        self.labels.len()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }

    /// Number of directed edges: two for each undirected one, self-loops not counted.
    pub fn directed_edges(&self) -> usize {
        2 * self.edges.len()
    }

    /// The features as a sparse matrix `[vertices, features]` whose non-empty rows sum to one.
    pub fn row_normalized_features(&self) -> Csr {
        let mut matrix = Csr::builder(self.features);
        for words in &self.words {
            let value = 1.0 / words.len() as f32;
            matrix.push_row(words.iter().map(|&word| (u32::from(word), value)));
        }
        matrix.finish()
    }

    /// Reads the format of `host/data/cora/README.md`, trusting nothing in it.
    fn parse(name: &str, bytes: &[u8]) -> Result<Dataset, DatasetError> {
        let (body, checksum) = bytes
            .split_last_chunk::<4>()
            .ok_or_else(|| DatasetError::Damaged(format!("{} bytes are too few", bytes.len())))?;
        let found = crc32fast::hash(body);
        let expected = u32::from_le_bytes(*checksum);
        if found != expected {
            return Err(DatasetError::Damaged(format!("CRC-32 is {found:08x} and should be {expected:08x}")));
        }
        let mut input = Input { rest: body };
        if input.take(MAGIC.len(), "magic")? != MAGIC {
            return Err(DatasetError::Damaged("it does not begin with NFGRAPH1".into()));
        }
        let vertices = input.count("vertices")?;
        let features = input.count("features")?;
        let classes = input.count("classes")?;
        let edges = input.count("edges")?;
        let nonzeros = input.count("non-zero features")?;
        let name_bytes = input.count("bytes of class names")?;

        let class_names = class_names(input.take(name_bytes, "class names")?, classes)?;
        let labels = input.take(vertices, "labels")?.to_vec();
        let counts = input.u16s(vertices, "feature counts")?;
        let columns = input.u16s(nonzeros, "feature columns")?;
        let ends = input.u16s(edges.saturating_mul(2), "edges")?;
        require(input.rest.is_empty(), || format!("{} bytes follow the edges", input.rest.len()))?;

        require(labels.iter().all(|&label| usize::from(label) < classes), || "a label is not a class".into())?;
        let words = split_rows(&counts, &columns, features)?;
        let edges: Vec<(u16, u16)> = ends.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        require(edges.iter().all(|&(u, v)| u < v && usize::from(v) < vertices), || {
            "an edge is not (u, v), u < v".into()
        })?;
        require(edges.is_sorted_by(|a, b| a < b), || "the edges are not ascending".into())?;
        Ok(Dataset { name: name.to_owned(), features, class_names, labels, words, edges })
    }
}

fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), DatasetError> {
    if holds {
        Ok(())
    } else {
        Err(DatasetError::Damaged(otherwise()))
    }
}

fn class_names(text: &[u8], classes: usize) -> Result<Vec<String>, DatasetError> {
    let text = std::str::from_utf8(text).map_err(|_| DatasetError::Damaged("a class name is not UTF-8".into()))?;
    let names: Vec<String> = text.lines().map(str::to_owned).collect();
    require(names.len() == classes, || format!("{} class names for {classes} classes", names.len()))?;
    Ok(names)
}

fn split_rows(counts: &[u16], columns: &[u16], features: usize) -> Result<Vec<Vec<u16>>, DatasetError> {
    let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
    require(total == columns.len(), || format!("the feature counts sum to {total}, not {}", columns.len()))?;
    require(columns.iter().all(|&c| usize::from(c) < features), || "a feature column is out of range".into())?;
    let mut rest = columns;
    counts
        .iter()
        .map(|&count| {
            let (row, after) = rest.split_at(usize::from(count));
            rest = after;
            require(row.is_sorted_by(|a, b| a < b), || "feature columns are not ascending".into())?;
            Ok(row.to_vec())
        })
        .collect()
}

/// The bytes not read yet.
struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn take(&mut self, bytes: usize, what: &str) -> Result<&'a [u8], DatasetError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(bytes)
            .ok_or_else(|| DatasetError::Damaged(format!("{what} need {bytes} bytes, {} are left", self.rest.len())))?;
        self.rest = rest;
        Ok(taken)
    }

    fn count(&mut self, what: &str) -> Result<usize, DatasetError> {
        let bytes = self.take(4, what)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    }

    fn u16s(&mut self, count: usize, what: &str) -> Result<Vec<u16>, DatasetError> {
        let bytes = self.take(count.saturating_mul(2), what)?;
        Ok(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cora_bytes() -> Vec<u8> {
        EMBEDDED[0].1.to_vec()
    }

    /// Puts a valid checksum under changed contents, so that the check behind it is what is tested.
    fn seal(mut body: Vec<u8>) -> Vec<u8> {
        let checksum = crc32fast::hash(&body);
        body.extend(checksum.to_le_bytes());
        body
    }

    #[test]
    fn cora_has_its_published_sizes() {
        let cora = Dataset::load("cora").unwrap();
        assert_eq!((cora.vertices(), cora.features, cora.classes()), (2708, 1433, 7));
        assert_eq!(cora.directed_edges(), 10_556);
        assert_eq!(cora.words.iter().map(Vec::len).sum::<usize>(), 49_216);
        let mut sizes = [0; 7];
        cora.labels.iter().for_each(|&label| sizes[usize::from(label)] += 1);
        let named: Vec<_> = cora.class_names.iter().map(String::as_str).zip(sizes).collect();
        assert_eq!(named[..3], [("Case_Based", 298), ("Genetic_Algorithms", 418), ("Neural_Networks", 818)]);
        assert_eq!(named[3..5], [("Probabilistic_Methods", 426), ("Reinforcement_Learning", 217)]);
        assert_eq!(named[5..], [("Rule_Learning", 180), ("Theory", 351)]);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let message = Dataset::load("corra").unwrap_err().to_string();
        assert_eq!(message, "there is no data set 'corra'; there is: cora");
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let bytes = cora_bytes();
        for at in (0..bytes.len()).step_by(997) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            let message = Dataset::parse("cora", &damaged).unwrap_err().to_string();
            assert!(message.contains("CRC-32"), "byte {at}: {message}");
        }
    }

    #[test]
    fn lengths_and_ranges_are_checked_behind_the_checksum() {
        let bytes = cora_bytes();
        let body = &bytes[..bytes.len() - 4];
        let names_end = 32 + u32::from_le_bytes(body[28..32].try_into().unwrap()) as usize;
        type Change = Box<dyn Fn(&mut Vec<u8>)>;
        let changes: Vec<(&str, Change)> = vec![
            ("NFGRAPH1", Box::new(|b| b[0] = b'X')),
            ("edges need 17179869180 bytes", Box::new(|b| b[20..24].copy_from_slice(&u32::MAX.to_le_bytes()))),
            ("magic need 8 bytes, 0 are left", Box::new(|b| b.truncate(0))),
            ("edges need", Box::new(|b| b.truncate(b.len() - 1))),
            ("bytes follow", Box::new(|b| b.push(0))),
            ("class names for", Box::new(|b| b[16] = 8)),
            ("not a class", Box::new(move |b| b[names_end] = 7)),
            ("sum to", Box::new(move |b| b[names_end + 2708] += 1)),
            ("out of range", Box::new(|b| b[12..16].copy_from_slice(&1000u32.to_le_bytes()))),
            (
                "columns are not ascending",
                Box::new(move |b| b.copy_within(names_end + 8126..names_end + 8128, names_end + 8124)),
            ),
            ("u < v", Box::new(|b| b.last_mut().into_iter().for_each(|high| *high = 0xff))),
            (
                "edges are not ascending",
                Box::new(|b| {
                    let last = b.len() - 4;
                    b.copy_within(last.., last - 4)
                }),
            ),
        ];
        for (expected, change) in changes {
            let mut changed = body.to_vec();
            change(&mut changed);
            let message = Dataset::parse("cora", &seal(changed)).unwrap_err().to_string();
            assert!(message.contains(expected), "expected '{expected}', got: {message}");
        }
        assert!(Dataset::parse("cora", &[]).unwrap_err().to_string().contains("too few"));
    }

    #[test]
    fn feature_rows_sum_to_one() {
        let cora = Dataset::load("cora").unwrap();
        let features = cora.row_normalized_features();
        assert_eq!((features.rows(), features.columns()), (2708, 1433));
        for (vertex, row) in (0..features.rows()).map(|vertex| (vertex, features.row(vertex))) {
            assert_eq!(row.len(), cora.words[vertex].len());
            let sum: f64 = row.map(|(_, value)| f64::from(value)).sum();
            assert!((sum - 1.0).abs() < 1e-6, "vertex {vertex}: {sum}");
        }
    }
}
