//! Bits taken of values and bits replaced in them, at constant and at changing places.

use super::expr::{Expr, Operator, Unary};
use super::typing::{name_it, strip, unsigned, Refusal, Scope, Value};
use num_bigint::BigUint;
use num_traits::{ToPrimitive, Zero};
use rust_hdl_core::ast::{VerilogExpression as Ast, VerilogOp};

impl Scope<'_> {
    pub fn slice(&self, inner: &Ast, bits: usize, offset: &Ast, one: bool) -> Result<Value, Refusal> {
        let Value::Bits { e, signed } = self.value(inner)? else {
            return Err("bits of a literal: compute them in Rust".into());
        };
        let signed = signed && !one;
        match self.offset(offset)? {
            Value::Integer(i) => {
                let low = i.to_usize().ok_or("the offset is negative or too large")?;
                if low > e.bits() || (one && low == e.bits()) {
                    return Err(format!("bit {low} of a value of {} bits (rust-hdl panics there)", e.bits()));
                }
                Ok(Value::Bits { e: e.part(low, bits).ok_or_else(name_it)?, signed })
            }
            Value::Bits { e: index, .. } => {
                let Expr::Name { id, bits: whole } = e else {
                    return Err(name_it());
                };
                let (index, most) = dynamic_index(index)?;
                if most + bits > whole {
                    return Err(format!(
                        "the index can reach bit {} of {whole}: widen the value or narrow the index",
                        most + bits - 1
                    ));
                }
                let need = (usize::BITS - (whole - 1).leading_zeros()) as usize;
                let index = if index.bits() < need { index.widen(need) } else { index };
                Ok(Value::Bits { e: Expr::Dynamic { id, index: Box::new(index), bits }, signed })
            }
        }
    }

    /// An offset: an integer, a name, or a name times a power of two (`usize` arithmetic in Rust, so it does not wrap).
    fn offset(&self, ast: &Ast) -> Result<Value, Refusal> {
        if let Ast::Binary(l, VerilogOp::Mul, r) = strip(ast) {
            let (name, factor) = match (self.value(l)?, self.value(r)?) {
                (Value::Bits { e, .. }, Value::Integer(i)) | (Value::Integer(i), Value::Bits { e, .. }) => (e, i),
                (Value::Integer(a), Value::Integer(b)) => return Ok(Value::Integer(a * b)),
                _ => return Err("an index is a product of two signals: compute it in a Local".into()),
            };
            let factor = factor.to_usize().filter(|f| f.is_power_of_two());
            let factor = factor.ok_or("an index is multiplied by a number that is no power of two: use a Local")?;
            if !name.is_plain() {
                return Err("an index is computed and then multiplied: give it a Local".into());
            }
            return Ok(unsigned(Expr::concat(vec![name, Expr::zero(factor.trailing_zeros() as usize)])));
        }
        self.value(ast)
    }

    pub fn replace(&self, inner: &Ast, index: &Ast, value: &Ast) -> Result<Value, Refusal> {
        let Value::Bits { e, signed } = self.value(inner)? else {
            return Err("replace_bit of a literal: compute it in Rust".into());
        };
        let bits = e.bits();
        let bit = self.expect(value, 1)?.widen(bits);
        let (mask, bit) = match self.value(index)? {
            Value::Integer(i) => {
                let i = i.to_usize().filter(|&i| i < bits).ok_or("replace_bit past the top")?;
                (Expr::constant(BigUint::from(1u32) << i, bits), Expr::shift(true, bit, i))
            }
            Value::Bits { e: by, .. } => {
                if by.bits() < 64 && (1u64 << by.bits()) > bits as u64 {
                    return Err("the index of replace_bit can pass the top: narrow it".into());
                }
                let shift = |e: Expr| Expr::Shift { left: true, e: Box::new(e), by: Box::new(by.clone()) };
                (shift(Expr::constant(1u32, bits)), shift(bit))
            }
        };
        let cleared = Expr::binary(Operator::And, e, Expr::unary(Unary::Not, mask));
        Ok(Value::Bits { e: Expr::binary(Operator::Or, cleared, bit), signed })
    }
}

/// The forms an index may have, and the largest value it can take: a name, a part, or one of them times `2^k`.
fn dynamic_index(index: Expr) -> Result<(Expr, usize), Refusal> {
    let most = |bits: usize| if bits >= 32 { usize::MAX / 2 } else { (1usize << bits) - 1 };
    match &index {
        Expr::Name { bits, .. } | Expr::Part { bits, .. } => {
            let most = most(*bits);
            Ok((index, most))
        }
        Expr::Concat(parts) => {
            let low: usize = match parts.last() {
                Some(Expr::Const { value, bits }) if value.is_zero() => *bits,
                _ => 0,
            };
            let most = ((1usize << (index.bits() - low).min(31)) - 1) << low;
            Ok((index, most))
        }
        _ => {
            Err("an index is computed: `(s + 1).index()` and `s.index() + 1` differ in rust-hdl and look alike here; \
                  give it a Local"
                .into())
        }
    }
}
