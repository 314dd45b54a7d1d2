//! Which rule features break.

use super::Shape;

/// The rules of encoded features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Records lie in the buffer of features.
    Features,
    /// There is a table, with an entry for each record.
    Table,
    /// A length is one that a record can have.
    Length,
    /// A record has as many lines as its bitmap asks for.
    Count,
    /// Nothing is said of columns past the row's width.
    Width,
    /// What follows the values in the last line is 0.
    Padding,
    /// Columns of pairs ascend.
    Order,
}

/// Encoded features that cannot be read: the rule, and the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{what}", place(.record))]
pub struct Malformed {
    /// The rule.
    pub rule: Rule,
    /// Number, row and slice of the record it is about, if it is about one.
    pub record: Option<(usize, usize, usize)>,
    /// What is wrong.
    pub what: String,
}

fn place(record: &Option<(usize, usize, usize)>) -> String {
    record.map_or_else(String::new, |(number, row, slice)| format!("record {number} (row {row}, slice {slice}): "))
}

impl Malformed {
    /// Of the whole.
    pub(super) fn whole(rule: Rule, what: String) -> Malformed {
        Malformed { rule, record: None, what }
    }

    /// Of a record that is read by itself.
    pub(super) fn record<T>(rule: Rule, what: String) -> Result<T, Malformed> {
        Err(Malformed::whole(rule, what))
    }

    /// The same, with the place of the record.
    pub(super) fn at(mut self, shape: Shape, record: usize) -> Malformed {
        self.record = Some((record, record % shape.rows(), record / shape.rows()));
        self
    }
}
