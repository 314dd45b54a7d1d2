//! Expressions whose every node has a width.

use super::symbol::SymbolId;
use num_bigint::BigUint;
use num_traits::{One, Zero};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Operator {
    pub fn text(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Sub => "-",
            Operator::Mul => "*",
            Operator::And => "&",
            Operator::Or => "|",
            Operator::Xor => "^",
            Operator::Eq => "==",
            Operator::Ne => "!=",
            Operator::Lt => "<",
            Operator::Le => "<=",
            Operator::Gt => ">",
            Operator::Ge => ">=",
        }
    }

    pub fn compares(self) -> bool {
        matches!(self, Operator::Eq | Operator::Ne | Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Not,
    Neg,
    All,
    Any,
    Parity,
}

/// An expression. Operands of arithmetic and of comparisons have equal widths, so Verilog's context rule changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Const {
        value: BigUint,
        bits: usize,
    },
    /// A named constant: an enum's variant.
    Named {
        name: String,
        bits: usize,
    },
    Name {
        id: SymbolId,
        bits: usize,
    },
    /// `name[low +: bits]` with a constant `low`.
    Part {
        id: SymbolId,
        low: usize,
        bits: usize,
    },
    /// `name[index +: bits]`; the index stays in range.
    Dynamic {
        id: SymbolId,
        index: Box<Expr>,
        bits: usize,
    },
    /// Most significant first.
    Concat(Vec<Expr>),
    /// `{count{e}}`.
    Repeat {
        count: usize,
        e: Box<Expr>,
    },
    Unary {
        op: Unary,
        e: Box<Expr>,
    },
    Binary {
        op: Operator,
        signed: bool,
        l: Box<Expr>,
        r: Box<Expr>,
    },
    Shift {
        left: bool,
        e: Box<Expr>,
        by: Box<Expr>,
    },
}

impl Expr {
    pub fn bits(&self) -> usize {
        match self {
            Expr::Const { bits, .. }
            | Expr::Named { bits, .. }
            | Expr::Name { bits, .. }
            | Expr::Part { bits, .. }
            | Expr::Dynamic { bits, .. } => *bits,
            Expr::Concat(parts) => parts.iter().map(Expr::bits).sum(),
            Expr::Repeat { count, e } => count * e.bits(),
            Expr::Unary { op: Unary::Not | Unary::Neg, e } => e.bits(),
            Expr::Unary { .. } => 1,
            Expr::Binary { op, l, .. } => {
                if op.compares() {
                    1
                } else {
                    l.bits()
                }
            }
            Expr::Shift { e, .. } => e.bits(),
        }
    }

    pub fn zero(bits: usize) -> Expr {
        Expr::Const { value: BigUint::zero(), bits }
    }

    pub fn constant(value: impl Into<BigUint>, bits: usize) -> Expr {
        Expr::Const { value: value.into(), bits }
    }

    pub fn binary(op: Operator, l: Expr, r: Expr) -> Expr {
        debug_assert_eq!(l.bits(), r.bits());
        if op == Operator::Or {
            if let Some(joined) = join(&l, &r) {
                return joined;
            }
        }
        Expr::Binary { op, signed: false, l: Box::new(l), r: Box::new(r) }
    }

    pub fn unary(op: Unary, e: Expr) -> Expr {
        match op {
            Unary::All | Unary::Any | Unary::Parity if e.bits() == 1 => e,
            _ => Expr::Unary { op, e: Box::new(e) },
        }
    }

    /// Joins parts, most significant first; empty parts and neighbouring constants melt.
    pub fn concat(parts: Vec<Expr>) -> Expr {
        let mut flat: Vec<Expr> = Vec::new();
        let nested = parts.into_iter().flat_map(|p| match p {
            Expr::Concat(inner) => inner,
            other => vec![other],
        });
        for part in nested.filter(|p| p.bits() > 0) {
            let merged = match (flat.last(), &part) {
                (Some(Expr::Const { value: high, bits: h }), Expr::Const { value: low, bits: l }) => {
                    Some(Expr::Const { value: (high << *l) | low, bits: h + l })
                }
                (Some(Expr::Part { id: a, low: al, bits: ab }), Expr::Part { id: b, low: bl, bits: bb })
                    if a == b && bl + bb == *al =>
                {
                    Some(Expr::Part { id: *a, low: *bl, bits: ab + bb })
                }
                _ => None,
            };
            match merged {
                Some(merged) => {
                    flat.pop();
                    flat.push(merged);
                }
                None => flat.push(part),
            }
        }
        if flat.len() == 1 {
            flat.remove(0)
        } else {
            Expr::Concat(flat)
        }
    }

    /// Widens with zeros.
    pub fn widen(self, bits: usize) -> Expr {
        let pad = bits - self.bits();
        if pad == 0 {
            self
        } else {
            Expr::concat(vec![Expr::zero(pad), self])
        }
    }

    /// A constant part, pushed down to where Verilog can say it; zeros past the top, as in rust-hdl. `None`: it cannot be
    /// pushed, and the expression needs a name.
    pub fn part(&self, low: usize, bits: usize) -> Option<Expr> {
        let have = self.bits();
        if low >= have {
            return Some(Expr::zero(bits));
        }
        if low + bits > have {
            return Some(self.part(low, have - low)?.widen(bits));
        }
        if low == 0 && bits == have {
            return Some(self.clone());
        }
        match self {
            Expr::Const { value, .. } => {
                Some(Expr::Const { value: (value >> low) & ((BigUint::one() << bits) - 1u32), bits })
            }
            Expr::Name { id, .. } => Some(Expr::Part { id: *id, low, bits }),
            Expr::Part { id, low: base, .. } => Some(Expr::Part { id: *id, low: base + low, bits }),
            Expr::Concat(parts) => {
                let mut out = Vec::new();
                let mut base = have;
                for part in parts {
                    base -= part.bits();
                    let (from, to) = (low.max(base), (low + bits).min(base + part.bits()));
                    if from < to {
                        out.push(part.part(from - base, to - from)?);
                    }
                }
                Some(Expr::concat(out))
            }
            Expr::Repeat { e, .. } if e.bits() == 1 => Some(Expr::Repeat { count: bits, e: e.clone() }),
            Expr::Unary { op: Unary::Not, e } => Some(Expr::unary(Unary::Not, e.part(low, bits)?)),
            Expr::Unary { op: Unary::Neg, e } if low == 0 => Some(Expr::unary(Unary::Neg, e.part(0, bits)?)),
            Expr::Binary { op, l, r, .. } => {
                let bitwise = matches!(op, Operator::And | Operator::Or | Operator::Xor);
                let arithmetic = matches!(op, Operator::Add | Operator::Sub) && low == 0;
                if !bitwise && !arithmetic {
                    return None;
                }
                Some(Expr::binary(*op, l.part(low, bits)?, r.part(low, bits)?))
            }
            _ => None,
        }
    }

    /// A shift by a constant, as a concatenation where its operand can be cut, else as a shift.
    pub fn shift(left: bool, e: Expr, by: usize) -> Expr {
        let bits = e.bits();
        if by == 0 {
            return e;
        }
        if by >= bits {
            return Expr::zero(bits);
        }
        let cut = if left { e.part(0, bits - by) } else { e.part(by, bits - by) };
        match cut {
            Some(kept) if left => Expr::concat(vec![kept, Expr::zero(by)]),
            Some(kept) => kept.widen(bits),
            None => Expr::Shift {
                left,
                e: Box::new(e),
                by: Box::new(Expr::constant(by as u64, (usize::BITS - by.leading_zeros()) as usize)),
            },
        }
    }

    /// Calls `f` with every symbol read, and the part of it.
    pub fn reads(&self, f: &mut dyn FnMut(SymbolId, usize, usize)) {
        match self {
            Expr::Const { .. } | Expr::Named { .. } => {}
            Expr::Name { id, bits } => f(*id, 0, *bits),
            Expr::Part { id, low, bits } => f(*id, *low, *bits),
            Expr::Dynamic { id, index, .. } => {
                f(*id, 0, usize::MAX);
                index.reads(f);
            }
            Expr::Concat(parts) => parts.iter().for_each(|p| p.reads(f)),
            Expr::Repeat { e, .. } | Expr::Unary { e, .. } => e.reads(f),
            Expr::Binary { l, r, .. } => {
                l.reads(f);
                r.reads(f);
            }
            Expr::Shift { e, by, .. } => {
                e.reads(f);
                by.reads(f);
            }
        }
    }

    /// Whether it may stand in a port map: a name, a part, a constant.
    pub fn is_plain(&self) -> bool {
        matches!(self, Expr::Const { .. } | Expr::Named { .. } | Expr::Name { .. } | Expr::Part { .. })
    }
}

/// The non-zero field of an expression that is zero elsewhere: low bit and content.
fn field(e: &Expr) -> Option<Vec<(usize, Expr)>> {
    let Expr::Concat(parts) = e else { return None };
    let zero = |p: &Expr| matches!(p, Expr::Const { value, .. } if value.is_zero());
    if !parts.iter().any(zero) {
        return None;
    }
    let mut base = e.bits();
    let mut out = Vec::new();
    for part in parts {
        base -= part.bits();
        if !zero(part) {
            out.push((base, part.clone()));
        }
    }
    Some(out)
}

/// `l | r` as a concatenation, where no bit can be set in both.
fn join(l: &Expr, r: &Expr) -> Option<Expr> {
    let bits = l.bits();
    let mut fields = field(l)?;
    fields.extend(field(r)?);
    fields.sort_by_key(|f| std::cmp::Reverse(f.0));
    let mut parts = Vec::new();
    let mut top = bits;
    for (low, content) in fields {
        let high = low + content.bits();
        if high > top {
            return None;
        }
        parts.push(Expr::zero(top - high));
        parts.push(content);
        top = low;
    }
    parts.push(Expr::zero(top));
    Some(Expr::concat(parts))
}
