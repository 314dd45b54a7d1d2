//! Expressions as Verilog text.

use super::expr::{Expr, Operator, Unary};
use super::symbol::Symbols;
use num_bigint::BigUint;

impl Expr {
    /// The text, with the parentheses it needs as a whole right-hand side.
    pub fn text(&self, symbols: &Symbols) -> String {
        match self {
            Expr::Const { value, bits } => literal(value, *bits),
            Expr::Named { name, .. } => name.clone(),
            Expr::Name { id, .. } => symbols.list[*id].name.clone(),
            Expr::Part { id, low, bits } => {
                let symbol = &symbols.list[*id];
                match (symbol.bits, *bits) {
                    (1, _) => symbol.name.clone(),
                    (whole, b) if b == whole => symbol.name.clone(),
                    (_, 1) => format!("{}[{low}]", symbol.name),
                    (_, b) => format!("{}[{}:{low}]", symbol.name, low + b - 1),
                }
            }
            Expr::Dynamic { id, index, bits } => {
                let name = &symbols.list[*id].name;
                match bits {
                    1 => format!("{name}[{}]", index.text(symbols)),
                    _ => format!("{name}[{} +: {bits}]", index.text(symbols)),
                }
            }
            Expr::Concat(parts) => {
                format!("{{{}}}", parts.iter().map(|p| p.text(symbols)).collect::<Vec<_>>().join(", "))
            }
            Expr::Repeat { count, e } => format!("{{{count}{{{}}}}}", e.text(symbols)),
            Expr::Unary { op, e } => {
                let sign = match op {
                    Unary::Not if e.bits() == 1 => "!",
                    Unary::Not => "~",
                    Unary::Neg => "-",
                    Unary::All => "&",
                    Unary::Any => "|",
                    Unary::Parity => "^",
                };
                format!("{sign}{}", e.operand(symbols))
            }
            Expr::Binary { op, signed, l, r } => {
                let side =
                    |e: &Expr| if *signed { format!("$signed({})", e.text(symbols)) } else { e.operand(symbols) };
                let chain = matches!(op, Operator::And | Operator::Or | Operator::Xor | Operator::Add);
                let left = match &**l {
                    Expr::Binary { op: inner, .. } if chain && inner == op => l.text(symbols),
                    other => side(other),
                };
                format!("{left} {} {}", op.text(), side(r))
            }
            Expr::Shift { left, e, by } => {
                format!("{} {} {}", e.operand(symbols), if *left { "<<" } else { ">>" }, by.operand(symbols))
            }
        }
    }

    fn operand(&self, symbols: &Symbols) -> String {
        match self {
            Expr::Unary { .. } | Expr::Binary { .. } | Expr::Shift { .. } => format!("({})", self.text(symbols)),
            _ => self.text(symbols),
        }
    }
}

/// `8'h5a`, decimal where that is short.
pub(super) fn literal(value: &BigUint, bits: usize) -> String {
    if bits <= 8 || value < &BigUint::from(10u32) {
        format!("{bits}'d{value}")
    } else {
        format!("{bits}'h{value:x}")
    }
}
