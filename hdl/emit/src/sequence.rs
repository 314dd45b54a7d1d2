//! Questions about a sequence of statements: what it assigns, on which paths, and what of it concerns some targets.

use super::expr::Expr;
use super::symbol::{Kind, SymbolId, Symbols};
use super::unroll::{Label, Statement};
use num_bigint::BigUint;
use num_traits::{One, Zero};
use std::collections::BTreeSet;

/// Whether the assignment `target = from` keeps a register's value.
pub(super) fn holds(target: SymbolId, from: SymbolId, symbols: &Symbols) -> bool {
    match (&symbols.list[target].kind, &symbols.list[from].kind) {
        (Kind::RegisterNext(a), Kind::Register(b)) => a == b,
        _ => false,
    }
}

/// Drops `d = q` where nothing was assigned to `d` before: that is what a register does by itself.
pub(super) fn without_hold(statements: Vec<Statement>, symbols: &Symbols) -> Vec<Statement> {
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

pub(super) fn visit(statements: &[Statement], f: &mut dyn FnMut(&Statement)) {
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

pub(super) fn assigned(statements: &[Statement]) -> BTreeSet<SymbolId> {
    let mut out = BTreeSet::new();
    visit(statements, &mut |s| {
        if let Statement::Assign { target, .. } = s {
            out.insert(*target);
        }
    });
    out
}

/// The statements that assign `targets`, the conditions around them, and comments that stand right above them.
pub(super) fn project(statements: &[Statement], targets: &BTreeSet<SymbolId>) -> Vec<Statement> {
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
pub(super) fn apart(block: &[Statement]) -> bool {
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

pub(super) fn mask(low: usize, bits: usize) -> BigUint {
    ((BigUint::one() << bits) - 1u32) << low
}

/// The bits of `id` that are assigned on every path.
pub(super) fn cover(statements: &[Statement], id: SymbolId) -> BigUint {
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
pub(super) fn cover_before(statements: &[Statement], id: SymbolId, at: usize, path: &[(usize, usize)]) -> BigUint {
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

pub(super) fn exclusive(a: &[(usize, usize)], b: &[(usize, usize)]) -> bool {
    a.iter().zip(b).find(|(x, y)| x != y).is_some_and(|(x, y)| x.0 == y.0)
}
