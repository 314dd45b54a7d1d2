//! From plain statements to processes: what is a wire, what an `always @(*)`, what an `always @(posedge clock)`.
//!
//! `update` is one sequence of statements; Verilog wants it in pieces. A piece is the sequence *projected* on its targets:
//! their assignments and the conditions around them, in order. That keeps its meaning as long as what a piece reads from
//! another piece is final there. A read of a value that is assigned again later (`x = a; y = x; x = b`) is *midway*;
//! reader and target then stay in one piece.

use super::expr::Expr;
use super::symbol::{Kind, SymbolId, Symbols};
use super::unroll::{Label, Statement};
use super::EmitError;
use num_bigint::BigUint;
use num_traits::{One, Zero};
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

type Path = Vec<(usize, usize)>;

struct Write {
    path: Path,
    at: usize,
    bits: usize,
}

struct Read {
    id: SymbolId,
    path: Path,
    at: usize,
    /// Whose assignments need it.
    targets: BTreeSet<SymbolId>,
}

/// Plans the logic of a module.
pub(super) fn plan(statements: &[Statement], symbols: &Symbols, unit: &str) -> Result<Plan, EmitError> {
    let mut facts = Facts { symbols, unit, writes: BTreeMap::new(), reads: Vec::new() };
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

struct Facts<'a> {
    symbols: &'a Symbols,
    unit: &'a str,
    writes: BTreeMap<SymbolId, Vec<Write>>,
    reads: Vec<Read>,
}

impl Facts<'_> {
    fn refuse(&self, id: SymbolId, what: &str) -> EmitError {
        EmitError::new(self.unit, self.symbols.list[id].key.replace('$', "."), what)
    }

    /// Collects writes and reads; returns the targets assigned within.
    fn gather(&mut self, statements: &[Statement], path: &mut Path) -> BTreeSet<SymbolId> {
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
    fn midway(&self, read: &Read) -> bool {
        self.writes.get(&read.id).is_some_and(|w| w.iter().any(|w| w.at >= read.at && !exclusive(&w.path, &read.path)))
    }

    /// Undriven signals, latches, reads before writes.
    fn check(&self, statements: &[Statement]) -> Result<(), EmitError> {
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
                (Kind::Output, Expr::Name { id: from, .. }) => {
                    if matches!(list[*from].kind, Kind::ChildOutput(_)) && !plan.aliases.contains_key(from) {
                        plan.aliases.insert(*from, id);
                    }
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
            let read = plan.read.get(to).cloned().unwrap_or_default();
            *plan.read.entry(*from).or_default() |= read | mask(0, self.symbols.list[*to].bits);
        }
    }
}

/// Whether the assignment `target = from` keeps a register's value.
fn holds(target: SymbolId, from: SymbolId, symbols: &Symbols) -> bool {
    match (&symbols.list[target].kind, &symbols.list[from].kind) {
        (Kind::RegisterNext(a), Kind::Register(b)) => a == b,
        _ => false,
    }
}

/// Drops `d = q` where nothing was assigned to `d` before: that is what a register does by itself.
fn without_hold(statements: Vec<Statement>, symbols: &Symbols) -> Vec<Statement> {
    let mut seen = BTreeSet::new();
    statements
        .into_iter()
        .filter(|s| match s {
            Statement::Assign { target, value: Expr::Name { id, .. }, .. } if holds(*target, *id, symbols) => {
                seen.contains(target)
            }
            other => {
                seen.extend(assigned(std::slice::from_ref(other)));
                true
            }
        })
        .collect()
}

fn visit(statements: &[Statement], f: &mut dyn FnMut(&Statement)) {
    for statement in statements {
        f(statement);
        match statement {
            Statement::If { then, otherwise, .. } => {
                visit(then, f);
                visit(otherwise, f);
            }
            Statement::Case { arms, .. } => arms.iter().for_each(|a| visit(&a.1, f)),
            _ => {}
        }
    }
}

fn assigned(statements: &[Statement]) -> BTreeSet<SymbolId> {
    let mut out = BTreeSet::new();
    visit(statements, &mut |s| {
        if let Statement::Assign { target, .. } = s {
            out.insert(*target);
        }
    });
    out
}

/// The statements that assign `targets`, the conditions around them, and comments that stand right above them.
fn project(statements: &[Statement], targets: &BTreeSet<SymbolId>) -> Vec<Statement> {
    let mut out = Vec::new();
    let mut comments = Vec::new();
    for statement in statements {
        let kept = match statement {
            Statement::Comment(_) => {
                comments.push(statement.clone());
                continue;
            }
            Statement::Assign { target, .. } => targets.contains(target).then(|| statement.clone()),
            Statement::If { test, then, otherwise, at } => {
                let (then, otherwise) = (project(then, targets), project(otherwise, targets));
                (!then.is_empty() || !otherwise.is_empty()).then(|| Statement::If {
                    test: test.clone(),
                    then,
                    otherwise,
                    at: *at,
                })
            }
            Statement::Case { selector, arms, at } => {
                let arms: Vec<(Label, Vec<Statement>)> =
                    arms.iter().map(|(l, b)| (l.clone(), project(b, targets))).collect();
                arms.iter().any(|a| !a.1.is_empty()).then(|| Statement::Case {
                    selector: selector.clone(),
                    arms,
                    at: *at,
                })
            }
        };
        if let Some(kept) = kept {
            out.append(&mut comments);
            out.push(kept);
        }
        comments.clear();
    }
    out
}

/// Whether no bit is assigned twice in a flat block.
fn apart(block: &[Statement]) -> bool {
    let mut seen = BigUint::zero();
    block.iter().all(|s| match s {
        Statement::Assign { low, bits, .. } => {
            let bits = mask(*low, *bits);
            let free = (&seen & &bits).is_zero();
            seen |= bits;
            free
        }
        _ => true,
    })
}

fn mask(low: usize, bits: usize) -> BigUint {
    ((BigUint::one() << bits) - 1u32) << low
}

/// The bits of `id` that are assigned on every path.
fn cover(statements: &[Statement], id: SymbolId) -> BigUint {
    let mut bits = BigUint::zero();
    for statement in statements {
        bits |= match statement {
            Statement::Comment(_) => BigUint::zero(),
            Statement::Assign { target, low, bits, .. } if *target == id => mask(*low, *bits),
            Statement::Assign { .. } => BigUint::zero(),
            Statement::If { then, otherwise, .. } => cover(then, id) & cover(otherwise, id),
            Statement::Case { arms, .. } => {
                arms.iter().map(|a| cover(&a.1, id)).reduce(|a, b| a & b).unwrap_or_default()
            }
        };
    }
    bits
}

/// The bits of `id` that are assigned on every path to the point `at`, which lies on `path`.
fn cover_before(statements: &[Statement], id: SymbolId, at: usize, path: &[(usize, usize)]) -> BigUint {
    let mut bits = BigUint::zero();
    for statement in statements {
        let (here, inner): (usize, Option<&[Statement]>) = match statement {
            Statement::Comment(_) => continue,
            Statement::Assign { at, .. } => (*at, None),
            Statement::If { at, then, otherwise, .. } => {
                let arm = path.first().filter(|p| p.0 == *at).map(|p| if p.1 == 0 { then } else { otherwise });
                (*at, arm.map(Vec::as_slice))
            }
            Statement::Case { at, arms, .. } => {
                let arm = path.first().filter(|p| p.0 == *at).and_then(|p| arms.get(p.1));
                (*at, arm.map(|a| a.1.as_slice()))
            }
        };
        if here >= at {
            break;
        }
        bits |= match inner {
            Some(inner) => return bits | cover_before(inner, id, at, &path[1..]),
            None => cover(std::slice::from_ref(statement), id),
        };
    }
    bits
}

fn exclusive(a: &[(usize, usize)], b: &[(usize, usize)]) -> bool {
    a.iter().zip(b).find(|(x, y)| x != y).is_some_and(|(x, y)| x.0 == y.0)
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
