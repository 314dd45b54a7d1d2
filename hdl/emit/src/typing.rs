//! From AST expressions to [`Expr`]: the width and sign that rust-hdl's simulation gives every node.
//!
//! Literals, loop variables and constants of the unit are integers without a width; they take the width of what they
//! meet, as in Rust, and are refused where they do not fit.

use super::expr::{Expr, Operator, Unary};
use super::symbol::{hex, Kind, Symbols};
use num_bigint::{BigInt, Sign};
use num_traits::{ToPrimitive, Zero};
use rust_hdl_core::ast::{VerilogExpression as Ast, VerilogOp, VerilogOpUnary};

/// A value whose width is known, or an integer that will take one.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Integer(BigInt),
    Bits { e: Expr, signed: bool },
}

/// What went wrong in an expression, without the place.
pub(super) type Refusal = String;

/// The surroundings in which names are resolved.
pub(super) struct Scope<'a> {
    pub symbols: &'a Symbols,
    pub loops: &'a [(String, i128)],
}

impl Scope<'_> {
    /// An expression that must have this width (and, for a sign change that widens, takes it).
    pub fn expect(&self, ast: &Ast, bits: usize) -> Result<Expr, Refusal> {
        if let Ast::Signed(inner) = strip(ast) {
            if let Value::Bits { e, signed: true } = self.value(inner)? {
                return resize_signed(e, bits);
            }
        }
        let e = sized(self.value(ast)?, bits)?;
        if e.bits() != bits {
            return Err(format!("it has {} bits where {bits} are needed", e.bits()));
        }
        Ok(e)
    }

    /// A whole number known now.
    pub fn integer(&self, ast: &Ast) -> Result<Option<i128>, Refusal> {
        match self.value(ast)? {
            Value::Integer(i) => Ok(i.to_i128()),
            Value::Bits { .. } => Ok(None),
        }
    }

    /// Resolves a name of the AST: indices evaluated, separators unified.
    pub fn key(&self, name: &str) -> Result<String, Refusal> {
        let mut out = String::new();
        let mut rest = name.trim_end_matches("$next").trim_start_matches('.');
        while let Some(open) = rest.find('[') {
            let close = matching(rest, open).ok_or_else(|| format!("`{name}`: a bracket is not closed"))?;
            out.push_str(&rest[..open]);
            let index = super::unroll::evaluate(&rest[open + 1..close], &|n| self.constant(n))
                .map_err(|e| format!("`{name}`: {e}"))?;
            out.push_str(&format!("${index}"));
            rest = &rest[close + 1..];
        }
        out.push_str(rest);
        Ok(out.replace('.', "$").replace("$val()", ""))
    }

    pub fn constant(&self, name: &str) -> Option<i128> {
        let of_loop = self.loops.iter().rev().find(|(n, _)| n == name).map(|(_, v)| *v);
        of_loop.or_else(|| self.symbols.constants.get(name).copied())
    }

    pub fn value(&self, ast: &Ast) -> Result<Value, Refusal> {
        match ast {
            Ast::Paren(inner) | Ast::Unsigned(inner) => match (ast, self.value(inner)?) {
                (Ast::Unsigned(_), Value::Bits { e, .. }) => Ok(Value::Bits { e, signed: false }),
                (_, value) => Ok(value),
            },
            Ast::Signal(name) => self.name(name),
            Ast::Literal(l) => Ok(Value::Integer(BigInt::from_biguint(Sign::Plus, hex(&format!("{l:x}"))))),
            Ast::Cast(inner, bits) => {
                let e = match self.value(inner)? {
                    Value::Integer(i) => sized(Value::Integer(i), *bits)?,
                    Value::Bits { signed: true, .. } => {
                        return Err("bit_cast of a signed value: use unsigned_cast first".into());
                    }
                    Value::Bits { e, .. } if e.bits() <= *bits => e.widen(*bits),
                    Value::Bits { e, .. } => e.part(0, *bits).ok_or_else(name_it)?,
                };
                Ok(unsigned(e))
            }
            Ast::Signed(inner) => match self.value(inner)? {
                Value::Integer(i) => Ok(Value::Integer(i)),
                Value::Bits { e, signed: false } => Ok(Value::Bits { e, signed: true }),
                Value::Bits { signed: true, .. } => {
                    Err("signed_bit_cast stands only alone on the right of an assignment: name its operand".into())
                }
            },
            Ast::Unary(op, inner) => self.unary(op, inner),
            Ast::Binary(l, op, r) => self.binary(l, op, r),
            Ast::Index(inner, index) => self.slice(inner, 1, index, true),
            Ast::Slice(inner, bits, offset) => self.slice(inner, *bits, offset, false),
            Ast::IndexReplace(inner, index, value) => self.replace(inner, index, value),
        }
    }

    fn name(&self, name: &str) -> Result<Value, Refusal> {
        if let Some(value) = self.constant(name) {
            return Ok(Value::Integer(value.into()));
        }
        let key = self.key(name)?;
        if let Some((name, _, bits)) = self.symbols.variant(&key) {
            return Ok(unsigned(Expr::Named { name, bits }));
        }
        let Some(id) = self.symbols.find(&key) else {
            return Err(format!(
                "`{}` is not a signal of this unit; a constant must be listed in its unit!(…), a field of a field needs a \
                 Local of its own",
                name.replace('$', ".")
            ));
        };
        let symbol = &self.symbols.list[id];
        match &symbol.kind {
            Kind::Constant(value) => {
                Ok(Value::Bits { e: Expr::Const { value: value.clone(), bits: symbol.bits }, signed: symbol.signed })
            }
            Kind::ChildInput(_) | Kind::RegisterNext(_) | Kind::RegisterClock(_) => {
                Err(format!("`{}` is an input of a child: read what drives it instead", symbol.key.replace('$', ".")))
            }
            _ => Ok(Value::Bits { e: Expr::Name { id, bits: symbol.bits }, signed: symbol.signed }),
        }
    }

    fn unary(&self, op: &VerilogOpUnary, inner: &Ast) -> Result<Value, Refusal> {
        match (op, self.value(inner)?) {
            (VerilogOpUnary::Neg, Value::Integer(i)) => Ok(Value::Integer(-i)),
            (VerilogOpUnary::Not, Value::Integer(i)) if i == BigInt::zero() || i == 1.into() => {
                Ok(Value::Integer(BigInt::from(1) - i))
            }
            (_, Value::Integer(_)) => Err("this operation on a literal has no width: compute it in Rust".into()),
            (op, Value::Bits { e, signed }) => Ok(match op {
                VerilogOpUnary::Not => Value::Bits { e: Expr::unary(Unary::Not, e), signed },
                VerilogOpUnary::Neg => Value::Bits { e: Expr::unary(Unary::Neg, e), signed },
                VerilogOpUnary::All => unsigned(Expr::unary(Unary::All, e)),
                VerilogOpUnary::Any => unsigned(Expr::unary(Unary::Any, e)),
                VerilogOpUnary::Xor => unsigned(Expr::unary(Unary::Parity, e)),
            }),
        }
    }

    fn binary(&self, l: &Ast, op: &VerilogOp, r: &Ast) -> Result<Value, Refusal> {
        let (left, right) = (self.value(l)?, self.value(r)?);
        if matches!(op, VerilogOp::Shl | VerilogOp::Shr) {
            return shift(left, matches!(op, VerilogOp::Shl), right);
        }
        let op = match op {
            VerilogOp::Add => Operator::Add,
            VerilogOp::Sub => Operator::Sub,
            VerilogOp::Mul => Operator::Mul,
            VerilogOp::LogicalAnd | VerilogOp::BitAnd => Operator::And,
            VerilogOp::LogicalOr | VerilogOp::BitOr => Operator::Or,
            VerilogOp::BitXor => Operator::Xor,
            VerilogOp::Eq => Operator::Eq,
            VerilogOp::Ne => Operator::Ne,
            VerilogOp::Lt => Operator::Lt,
            VerilogOp::Le => Operator::Le,
            VerilogOp::Gt => Operator::Gt,
            VerilogOp::Ge => Operator::Ge,
            VerilogOp::Shl | VerilogOp::Shr => unreachable!("shifts were taken above"),
        };
        let (left, right) = match (left, right) {
            (Value::Integer(a), Value::Integer(b)) => return Ok(Value::Integer(fold(op, &a, &b)?)),
            (Value::Integer(a), Value::Bits { e, signed }) => {
                (Value::Bits { e: sized(Value::Integer(a), e.bits())?, signed }, Value::Bits { e, signed })
            }
            (Value::Bits { e, signed }, Value::Integer(b)) => {
                let b = sized(Value::Integer(b), e.bits())?;
                (Value::Bits { e, signed }, Value::Bits { e: b, signed })
            }
            both => both,
        };
        let (Value::Bits { e: a, signed: sa }, Value::Bits { e: mut b, signed: sb }) = (left, right) else {
            return Err("an operand has no width".into());
        };
        if op == Operator::Add && b.bits() == 1 && a.bits() > 1 {
            b = b.widen(a.bits());
        }
        if a.bits() != b.bits() || sa != sb {
            return Err(format!("its operands have {} and {} bits, or one is signed", a.bits(), b.bits()));
        }
        if op == Operator::Mul {
            if a.bits() != 16 {
                return Err("`*` exists for 16 bits only: use the primitive Mul".into());
            }
            let (a, b) = if sa { (sign_extend(a, 32), sign_extend(b, 32)) } else { (a.widen(32), b.widen(32)) };
            return Ok(Value::Bits { e: Expr::binary(op, a, b), signed: sa });
        }
        if op.compares() {
            let ordered = !matches!(op, Operator::Eq | Operator::Ne);
            let e = Expr::Binary { op, signed: sa && ordered, l: Box::new(a), r: Box::new(b) };
            return Ok(unsigned(e));
        }
        Ok(Value::Bits { e: Expr::binary(op, a, b), signed: sa })
    }
}

pub(super) fn name_it() -> Refusal {
    "bits are taken of a result: give it a Signal<Local, …> of its own width and take them of that".into()
}

pub(super) fn unsigned(e: Expr) -> Value {
    Value::Bits { e, signed: false }
}

pub(super) fn strip(ast: &Ast) -> &Ast {
    match ast {
        Ast::Paren(inner) => strip(inner),
        other => other,
    }
}

/// Gives an integer a width; two's complement where it is negative.
fn sized(value: Value, bits: usize) -> Result<Expr, Refusal> {
    match value {
        Value::Bits { e, .. } => Ok(e),
        Value::Integer(i) => {
            let fits =
                if i.sign() == Sign::Minus { (-&i - 1u32).bits() < bits as u64 } else { i.bits() <= bits as u64 };
            if !fits {
                return Err(format!("{i} does not fit into {bits} bits"));
            }
            let wrapped: BigInt = if i.sign() == Sign::Minus { (BigInt::from(1) << bits) + i } else { i };
            Ok(Expr::Const { value: wrapped.to_biguint().unwrap_or_default(), bits })
        }
    }
}

fn fold(op: Operator, a: &BigInt, b: &BigInt) -> Result<BigInt, Refusal> {
    let truth = |t: bool| BigInt::from(u8::from(t));
    Ok(match op {
        Operator::Add => a + b,
        Operator::Sub => a - b,
        Operator::Mul => a * b,
        Operator::And => a & b,
        Operator::Or => a | b,
        Operator::Xor => a ^ b,
        Operator::Eq => truth(a == b),
        Operator::Ne => truth(a != b),
        Operator::Lt => truth(a < b),
        Operator::Le => truth(a <= b),
        Operator::Gt => truth(a > b),
        Operator::Ge => truth(a >= b),
    })
}

fn shift(left: Value, up: bool, by: Value) -> Result<Value, Refusal> {
    match (left, by) {
        (Value::Integer(a), Value::Integer(b)) => {
            let by = b.to_usize().ok_or("a shift by a negative or too large number")?;
            Ok(Value::Integer(if up { a << by } else { a >> by }))
        }
        (Value::Integer(_), Value::Bits { .. }) => {
            Err("a literal shifted by a signal has 64 bits in rust-hdl: give it a Constant or a Local first".into())
        }
        (Value::Bits { signed: true, .. }, _) => Err("shifts of signed values: use unsigned_cast first".into()),
        (Value::Bits { e, signed }, Value::Integer(b)) => {
            let by = b.to_usize().ok_or("a shift by a negative or too large number")?;
            Ok(Value::Bits { e: Expr::shift(up, e, by), signed })
        }
        (Value::Bits { e, signed }, Value::Bits { e: by, .. }) => {
            Ok(Value::Bits { e: Expr::Shift { left: up, e: Box::new(e), by: Box::new(by) }, signed })
        }
    }
}

pub(super) fn sign_extend(e: Expr, bits: usize) -> Expr {
    let have = e.bits();
    let Some(top) = e.part(have - 1, 1) else { return e };
    Expr::concat(vec![Expr::Repeat { count: bits - have, e: Box::new(top) }, e])
}

fn resize_signed(e: Expr, bits: usize) -> Result<Expr, Refusal> {
    if !e.is_plain() {
        return Err("signed_bit_cast of a result: give it a Local first".into());
    }
    match e.bits() {
        have if have < bits => Ok(sign_extend(e, bits)),
        _ => e.part(0, bits).ok_or_else(name_it),
    }
}

/// The bracket that closes the one at `open`.
fn matching(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    for (i, c) in text.char_indices().skip_while(|(i, _)| *i < open) {
        match c {
            '[' => depth += 1,
            ']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
    }
    None
}
