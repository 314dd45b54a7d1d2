//! What a sequence of statements reads and writes where, and whether that is hardware: no latches, nothing undriven,
//! nothing read before it is written.

use super::expr::Expr;
use super::sequence::{cover, cover_before, exclusive, mask};
use super::symbol::{Kind, SymbolId, Symbols};
use super::unroll::Statement;
use super::EmitError;
use std::collections::{BTreeMap, BTreeSet};

/// The branches around a statement: which conditional, which arm.
pub(super) type Path = Vec<(usize, usize)>;

pub(super) struct Write {
    pub path: Path,
    pub at: usize,
    pub bits: usize,
}

pub(super) struct Read {
    pub id: SymbolId,
    pub path: Path,
    pub at: usize,
    /// Whose assignments need it.
    pub targets: BTreeSet<SymbolId>,
}

pub(super) struct Facts<'a> {
    pub symbols: &'a Symbols,
    pub unit: &'a str,
    pub writes: BTreeMap<SymbolId, Vec<Write>>,
    pub reads: Vec<Read>,
}

impl<'a> Facts<'a> {
    pub fn new(symbols: &'a Symbols, unit: &'a str) -> Facts<'a> {
        Facts { symbols, unit, writes: BTreeMap::new(), reads: Vec::new() }
    }

    pub fn refuse(&self, id: SymbolId, what: &str) -> EmitError {
        EmitError::new(self.unit, self.symbols.list[id].key.replace('$', "."), what)
    }

    /// Collects writes and reads; returns the targets assigned within.
    pub fn gather(&mut self, statements: &[Statement], path: &mut Path) -> BTreeSet<SymbolId> {
        let mut all = BTreeSet::new();
        for statement in statements {
            match statement {
                Statement::Comment(_) => {}
                Statement::Assign { target, bits, value, at, .. } => {
                    let write = Write { path: path.clone(), at: *at, bits: *bits };
                    self.writes.entry(*target).or_default().push(write);
                    self.note(value, path, *at, &BTreeSet::from([*target]));
                    all.insert(*target);
                }
                Statement::If { test, then, otherwise, at } => {
                    let arms: [&[Statement]; 2] = [then, otherwise];
                    let inner = self.branches(arms.into_iter(), *at, path);
                    self.note(test, path, *at, &inner);
                    all.extend(inner);
                }
                Statement::Case { selector, arms, at } => {
                    let inner = self.branches(arms.iter().map(|a| a.1.as_slice()), *at, path);
                    self.note(selector, path, *at, &inner);
                    all.extend(inner);
                }
            }
        }
        all
    }

    fn branches<'s>(
        &mut self,
        arms: impl Iterator<Item = &'s [Statement]>,
        at: usize,
        path: &mut Path,
    ) -> BTreeSet<SymbolId> {
        let mut inner = BTreeSet::new();
        for (arm, block) in arms.enumerate() {
            path.push((at, arm));
            inner.extend(self.gather(block, path));
            path.pop();
        }
        inner
    }

    fn note(&mut self, e: &Expr, path: &Path, at: usize, targets: &BTreeSet<SymbolId>) {
        let reads = &mut self.reads;
        e.reads(&mut |id, _, _| reads.push(Read { id, path: path.clone(), at, targets: targets.clone() }));
    }

    /// Whether the value read there is assigned again later.
    pub fn midway(&self, read: &Read) -> bool {
        self.writes.get(&read.id).is_some_and(|w| w.iter().any(|w| w.at >= read.at && !exclusive(&w.path, &read.path)))
    }

    /// Undriven signals, latches, reads before writes.
    pub fn check(&self, statements: &[Statement]) -> Result<(), EmitError> {
        for (id, symbol) in self.symbols.list.iter().enumerate() {
            let written = self.writes.contains_key(&id);
            let must = match symbol.kind {
                Kind::Output | Kind::ChildInput(_) | Kind::RegisterNext(_) | Kind::RegisterClock(_) => true,
                Kind::Local => self.reads.iter().any(|r| r.id == id),
                _ => false,
            };
            if must && !written {
                return Err(self.refuse(id, "it is never driven: assign it in `update`"));
            }
            let whole = mask(0, symbol.bits);
            if written && cover(statements, id) != whole {
                let what = "it is not assigned on every path, which would be a latch: give it a default first";
                return Err(self.refuse(id, what));
            }
        }
        for read in &self.reads {
            if matches!(self.symbols.list[read.id].kind, Kind::Local | Kind::Output) {
                let before = cover_before(statements, read.id, read.at, &read.path);
                if before != mask(0, self.symbols.list[read.id].bits) {
                    let what = "it is read before it is written: move its assignment up";
                    return Err(self.refuse(read.id, what));
                }
            }
        }
        Ok(())
    }
}
