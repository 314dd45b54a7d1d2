//! From plain statements to processes: what is a wire, what an `always @(*)`, what an `always @(posedge clock)`.
//!
//! `update` is one sequence of statements; Verilog wants it in pieces. A piece is the sequence *projected* on its targets:
//! their assignments and the conditions around them, in order. That keeps its meaning as long as what a piece reads from
//! another piece is final there. A read of a value that is assigned again later (`x = a; y = x; x = b`) is *midway*;
//! reader and target then stay in one piece.

use super::expr::Expr;
use super::facts::Facts;
use super::sequence::{apart, assigned, holds, mask, project, visit, without_hold};
use super::symbol::{Kind, SymbolId, Symbols};
use super::unroll::Statement;
use super::EmitError;
use num_bigint::BigUint;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A module's logic, ready to print.
#[derive(Default)]
pub(super) struct Plan {
    /// Wires and processes in program order.
    pub pieces: Vec<Piece>,
    /// What a child's input is connected to without a wire.
    pub connections: HashMap<SymbolId, Expr>,
    /// Clocked processes: the clock and the statements, whose targets are registers' `d`.
    pub clocked: Vec<(SymbolId, Vec<Statement>)>,
    /// A child's output that is an output of this module.
    pub aliases: HashMap<SymbolId, SymbolId>,
    /// Registers whose next value is a signal of its own: `q <= d`.
    pub split: BTreeSet<SymbolId>,
    /// Signals assigned in an `always @(*)`.
    pub procedural: BTreeSet<SymbolId>,
    /// Signals assigned anywhere in combinational logic.
    pub driven: BTreeSet<SymbolId>,
    /// Per symbol, the bits that are read somewhere.
    pub read: HashMap<SymbolId, BigUint>,
}

/// One piece of combinational logic.
pub(super) enum Piece {
    /// `assign` statements of one target.
    Wire {
        comment: Vec<String>,
        target: SymbolId,
        low: usize,
        bits: usize,
        value: Expr,
    },
    Process(Vec<Statement>),
}

/// Plans the logic of a module.
pub(super) fn plan(statements: &[Statement], symbols: &Symbols, unit: &str) -> Result<Plan, EmitError> {
    let mut facts = Facts::new(symbols, unit);
    facts.gather(statements, &mut Vec::new());
    facts.check(statements)?;
    let mut plan = Plan::default();
    facts.clocks(statements, &mut plan)?;
    facts.connect(statements, &mut plan);
    let groups = facts.groups(statements, &plan);
    for group in groups {
        facts.piece(statements, &group, &mut plan);
    }
    facts.mark_reads(statements, &mut plan);
    Ok(plan)
}

impl Facts<'_> {
    /// Sorts registers into clocked processes.
    fn clocks(&self, statements: &[Statement], plan: &mut Plan) -> Result<(), EmitError> {
        let list = &self.symbols.list;
        let mut by_clock: BTreeMap<SymbolId, BTreeSet<SymbolId>> = BTreeMap::new();
        for (id, symbol) in list.iter().enumerate() {
            let Kind::RegisterNext(child) = symbol.kind else { continue };
            if self.reads.iter().any(|r| r.targets.contains(&id) && self.midway(r)) {
                plan.split.insert(id);
            }
            let clock = list.iter().position(|s| s.kind == Kind::RegisterClock(child));
            let clock = clock.and_then(|c| self.only_value(statements, c));
            match clock {
                Some(Expr::Name { id: clock, .. }) if matches!(list[clock].kind, Kind::Input) => {
                    by_clock.entry(clock).or_default().insert(id);
                }
                _ => {
                    return Err(self.refuse(
                        id,
                        "its clock is not simply a clock input of this unit: gated clocks are not printed",
                    ))
                }
            }
        }
        for (clock, registers) in by_clock {
            let direct: BTreeSet<SymbolId> = registers.difference(&plan.split).copied().collect();
            let mut process = without_hold(project(statements, &direct), self.symbols);
            for id in registers.intersection(&plan.split) {
                let value = Expr::Name { id: *id, bits: list[*id].bits };
                process.push(Statement::Assign { target: *id, low: 0, bits: list[*id].bits, value, at: usize::MAX });
            }
            plan.clocked.push((clock, process));
        }
        Ok(())
    }

    /// The value of a signal that is assigned once, wholly and unconditionally.
    fn only_value(&self, statements: &[Statement], id: SymbolId) -> Option<Expr> {
        let [write] = self.writes.get(&id)?.as_slice() else { return None };
        if !write.path.is_empty() || write.bits != self.symbols.list[id].bits {
            return None;
        }
        if self.reads.iter().any(|r| r.targets.contains(&id) && self.midway(r)) {
            return None;
        }
        statements.iter().find_map(|s| match s {
            Statement::Assign { target, value, .. } if *target == id => Some(value.clone()),
            _ => None,
        })
    }

    /// Finds inputs of children that need no wire and outputs that are a child's.
    fn connect(&self, statements: &[Statement], plan: &mut Plan) {
        let list = &self.symbols.list;
        for (id, symbol) in list.iter().enumerate() {
            if !matches!(symbol.kind, Kind::ChildInput(_) | Kind::RegisterClock(_) | Kind::Output) {
                continue;
            }
            let Some(value) = self.only_value(statements, id) else { continue };
            match (&symbol.kind, &value) {
                (Kind::Output, Expr::Name { id: from, .. })
                    if matches!(list[*from].kind, Kind::ChildOutput(_)) && !plan.aliases.contains_key(from) =>
                {
                    plan.aliases.insert(*from, id);
                }
                (Kind::Output, _) => {}
                (_, value) if value.is_plain() => {
                    plan.connections.insert(id, value.clone());
                }
                _ => {}
            }
        }
    }

    fn alias_target(&self, id: SymbolId, plan: &Plan) -> bool {
        plan.aliases.values().any(|t| *t == id)
    }

    /// Targets of combinational logic, grouped into pieces in program order.
    fn groups(&self, statements: &[Statement], plan: &Plan) -> Vec<BTreeSet<SymbolId>> {
        let targets: BTreeSet<SymbolId> = self
            .writes
            .keys()
            .copied()
            .filter(|id| match self.symbols.list[*id].kind {
                Kind::RegisterNext(_) => plan.split.contains(id),
                Kind::RegisterClock(_) => false,
                _ => !plan.connections.contains_key(id) && !self.alias_target(*id, plan),
            })
            .collect();
        let mut fine = Union::default();
        for read in self.reads.iter().filter(|r| self.midway(r)) {
            for target in read.targets.iter().filter(|t| targets.contains(t)) {
                fine.join(*target, read.id);
            }
        }
        let mut coarse = fine.clone();
        for statement in statements {
            let inner: Vec<SymbolId> =
                assigned(std::slice::from_ref(statement)).intersection(&targets).copied().collect();
            inner.windows(2).for_each(|w| coarse.join(w[0], w[1]));
        }
        // A coarse group may close a loop that the signals themselves do not: it is split. Values read midway may close
        // one that only the order of statements resolves: those groups become one.
        let mut groups = Vec::new();
        let coarse_groups = coarse.groups(&targets);
        for (i, reached) in self.reach(&coarse_groups).into_iter().enumerate() {
            if reached.contains(&i) {
                groups.extend(fine.groups(&coarse_groups[i]));
            } else {
                groups.push(coarse_groups[i].clone());
            }
        }
        let reach = self.reach(&groups);
        let mut whole = Union::default();
        for (i, group) in groups.iter().enumerate() {
            let together = reach[i].iter().filter(|&&j| reach[j].contains(&i)).flat_map(|&j| &groups[j]);
            let members: Vec<SymbolId> = group.iter().chain(together).copied().collect();
            members.windows(2).for_each(|w| whole.join(w[0], w[1]));
        }
        let mut groups = whole.groups(&targets);
        groups.sort_by_key(|g| g.iter().filter_map(|id| self.writes.get(id)).flatten().map(|w| w.at).min());
        groups
    }

    /// For each group, the groups that depend on it through others.
    fn reach(&self, groups: &[BTreeSet<SymbolId>]) -> Vec<BTreeSet<usize>> {
        let home: HashMap<SymbolId, usize> =
            groups.iter().enumerate().flat_map(|(i, g)| g.iter().map(move |id| (*id, i))).collect();
        let mut next: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); groups.len()];
        for read in &self.reads {
            let Some(&from) = home.get(&read.id) else { continue };
            next[from].extend(read.targets.iter().filter_map(|t| home.get(t)).filter(|to| **to != from));
        }
        (0..groups.len())
            .map(|start| {
                let (mut seen, mut todo) = (BTreeSet::new(), vec![start]);
                while let Some(i) = todo.pop() {
                    todo.extend(next[i].iter().filter(|j| seen.insert(**j)));
                }
                seen
            })
            .collect()
    }

    /// Makes wires or a process of one group.
    fn piece(&self, statements: &[Statement], group: &BTreeSet<SymbolId>, plan: &mut Plan) {
        plan.driven.extend(group);
        let block = project(statements, group);
        let flat = group.len() == 1
            && !self.reads.iter().any(|r| !r.targets.is_disjoint(group) && self.midway(r))
            && block.iter().all(|s| matches!(s, Statement::Assign { .. } | Statement::Comment(_)))
            && apart(&block);
        if !flat {
            plan.procedural.extend(group);
            plan.pieces.push(Piece::Process(block));
            return;
        }
        let mut comment = Vec::new();
        for statement in block {
            match statement {
                Statement::Comment(text) => comment.push(text),
                Statement::Assign { target, low, bits, value, .. } => {
                    plan.pieces.push(Piece::Wire { comment: std::mem::take(&mut comment), target, low, bits, value });
                }
                _ => {}
            }
        }
    }

    /// Notes which bits are read by what is printed.
    fn mark_reads(&self, statements: &[Statement], plan: &mut Plan) {
        let skip: BTreeSet<SymbolId> = plan.aliases.values().copied().collect();
        let mut marks: Vec<(SymbolId, usize, usize)> = Vec::new();
        visit(statements, &mut |statement| match statement {
            Statement::Assign { target, value, .. } if !skip.contains(target) => {
                let hold = matches!(value, Expr::Name { id, .. } if holds(*target, *id, self.symbols));
                if !hold {
                    value.reads(&mut |id, low, bits| marks.push((id, low, bits)));
                }
            }
            Statement::If { test: e, .. } | Statement::Case { selector: e, .. } => {
                e.reads(&mut |id, low, bits| marks.push((id, low, bits)));
            }
            _ => {}
        });
        for (id, low, bits) in marks {
            let whole = self.symbols.list[id].bits;
            let bits = if bits == usize::MAX { whole } else { bits };
            *plan.read.entry(id).or_default() |= mask(low, bits);
        }
        for (from, to) in &plan.aliases {
            *plan.read.entry(*from).or_default() |= mask(0, self.symbols.list[*to].bits);
        }
    }
}

/// Sets of symbols that belong together.
#[derive(Clone, Default)]
struct Union(HashMap<SymbolId, SymbolId>);

impl Union {
    fn root(&self, id: SymbolId) -> SymbolId {
        let mut id = id;
        while let Some(&up) = self.0.get(&id) {
            id = up;
        }
        id
    }

    fn join(&mut self, a: SymbolId, b: SymbolId) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.0.insert(a, b);
        }
    }

    fn groups(&self, of: &BTreeSet<SymbolId>) -> Vec<BTreeSet<SymbolId>> {
        let mut by_root: BTreeMap<SymbolId, BTreeSet<SymbolId>> = BTreeMap::new();
        for &id in of {
            by_root.entry(self.root(id)).or_default().insert(id);
        }
        by_root.into_values().collect()
    }
}
