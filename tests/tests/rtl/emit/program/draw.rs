//! Drawing a program at random.

use super::*;

impl Program {
    /// A program that writes every local, output and register, some of them again under conditions.
    pub fn random(rng: &mut Rng) -> Program {
        let mut known: Vec<Place> = Vec::new();
        for &bits in WIDTHS {
            for index in 0..EACH {
                known.push(Place { kind: Kind::Input, bits, index });
                known.push(Place { kind: Kind::Register, bits, index });
            }
        }
        let mut statements = Vec::new();
        let mut targets: Vec<Place> = Vec::new();
        for kind in [Kind::Local, Kind::Output, Kind::Register] {
            for &bits in WIDTHS {
                targets.extend((0..EACH).map(|index| Place { kind, bits, index }));
            }
        }
        for i in (1..targets.len()).rev() {
            targets.swap(i, rng.below(i + 1));
        }
        for target in targets {
            statements.push(Statement::Assign(target, tree(rng, &known, target.bits, 3)));
            if target.kind == Kind::Local || target.kind == Kind::Output {
                known.push(target);
            }
            // Now and then something known is assigned again, under a condition: values read midway.
            if rng.one_in(4) {
                let again: Vec<Place> =
                    known.iter().copied().filter(|p| matches!(p.kind, Kind::Local | Kind::Output)).collect();
                if !again.is_empty() {
                    statements.push(conditional(rng, &known, &again, 2));
                }
            }
        }
        Program(statements)
    }
}

fn conditional(rng: &mut Rng, known: &[Place], targets: &[Place], depth: usize) -> Statement {
    let test = tree(rng, known, 1, 2);
    let arm = |rng: &mut Rng| {
        let mut block = Vec::new();
        for _ in 0..rng.below(3) {
            if depth > 0 && rng.one_in(3) {
                block.push(conditional(rng, known, targets, depth - 1));
            } else {
                let target = targets[rng.below(targets.len())];
                block.push(Statement::Assign(target, tree(rng, known, target.bits, 2)));
            }
        }
        block
    };
    let then = arm(rng);
    let otherwise = arm(rng);
    Statement::If(test, then, otherwise)
}

fn tree(rng: &mut Rng, known: &[Place], bits: usize, depth: usize) -> Tree {
    let boxed = |rng: &mut Rng, bits: usize| Box::new(tree(rng, known, bits, depth.saturating_sub(1)));
    let other = WIDTHS[rng.below(WIDTHS.len())];
    if depth == 0 {
        let same: Vec<Place> = known.iter().copied().filter(|p| p.bits == bits).collect();
        return Tree::Read(same[rng.below(same.len())]);
    }
    let arithmetic = [Op::Add, Op::Sub, Op::And, Op::Or, Op::Xor];
    let compare = [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge];
    match rng.below(if bits == 1 { 12 } else { 9 }) {
        0 | 1 => {
            let op = arithmetic[rng.below(5)];
            Tree::Binary(op, boxed(rng, bits), boxed(rng, bits))
        }
        2 => {
            let op = arithmetic[rng.below(5)];
            let (first, value) = (rng.one_in(2), rng.value(bits));
            Tree::WithLiteral(op, boxed(rng, bits), value, first)
        }
        3 => Tree::Unary(Un::Not, boxed(rng, bits)),
        4 => {
            let (left, by) = (rng.one_in(2), rng.below(bits) as u64);
            Tree::Shift(left, boxed(rng, bits), by)
        }
        5 => {
            let narrow: Vec<Place> = known.iter().copied().filter(|p| p.bits <= 8).collect();
            let by = narrow[rng.below(narrow.len())];
            Tree::ShiftBy(rng.one_in(2), boxed(rng, bits), by)
        }
        6 => {
            let whole = boxed(rng, other);
            let cut = bits >= other || whole.can_cut(0);
            Tree::Cast(if cut { whole } else { Box::new(tree(rng, known, other, 0)) }, bits)
        }
        7 => {
            let low = rng.below(other);
            let whole = boxed(rng, other);
            Tree::Part(if whole.can_cut(low) { whole } else { Box::new(tree(rng, known, other, 0)) }, low, bits)
        }
        8 => {
            let at = rng.below(bits);
            Tree::Replace(boxed(rng, bits), at, boxed(rng, 1))
        }
        9 => {
            let op = compare[rng.below(6)];
            Tree::Binary(op, boxed(rng, other), boxed(rng, other))
        }
        10 => {
            let (first, value) = (rng.one_in(2), rng.value(other));
            let op = compare[rng.below(6)];
            Tree::WithLiteral(op, boxed(rng, other), value, first)
        }
        _ => Tree::Unary([Un::All, Un::Any, Un::Xor][rng.below(3)], boxed(rng, other)),
    }
}

impl Tree {
    /// Whether the back end takes bits from `low` on of this (`hdl/emit/src/expr.rs`, `part`); what it does not take,
    /// it refuses, which is tested in `refusals`.
    fn can_cut(&self, low: usize) -> bool {
        match self {
            Tree::Read(_) => true,
            Tree::Binary(op, a, b) => op.can_cut(low) && a.can_cut(low) && b.can_cut(low),
            Tree::WithLiteral(op, a, _, _) => op.can_cut(low) && a.can_cut(low),
            Tree::Unary(op, a) => matches!(op, Un::Not) && a.can_cut(low),
            Tree::Shift(true, a, by) => a.can_cut(0) && a.can_cut(low.saturating_sub(*by as usize)),
            Tree::Shift(false, a, by) => a.can_cut(low + *by as usize),
            Tree::ShiftBy(..) => false,
            Tree::Cast(a, _) => a.can_cut(low),
            Tree::Part(a, from, _) => a.can_cut(low + from),
            Tree::Replace(a, _, b) => a.can_cut(low) && b.can_cut(0),
        }
    }
}

impl Op {
    fn can_cut(self, low: usize) -> bool {
        match self {
            Op::And | Op::Or | Op::Xor => true,
            Op::Add | Op::Sub => low == 0,
            _ => false,
        }
    }
}
