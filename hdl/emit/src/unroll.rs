//! From AST statements to plain ones: loops unrolled, links and macros resolved, constant conditions folded.

use super::expr::Expr;
use super::symbol::{Kind, SymbolId, Symbols};
use super::typing::{Refusal, Scope};
use super::EmitError;
use rust_hdl_core::ast::{
    VerilogBlock, VerilogBlockOrConditional, VerilogCase, VerilogConditional, VerilogExpression as Ast, VerilogLink,
    VerilogStatement,
};

/// A statement; `at` counts statements in program order.
#[derive(Clone, Debug)]
pub(super) enum Statement {
    Assign { target: SymbolId, low: usize, bits: usize, value: Expr, at: usize },
    If { test: Expr, then: Vec<Statement>, otherwise: Vec<Statement>, at: usize },
    Case { selector: Expr, arms: Vec<(Label, Vec<Statement>)>, at: usize },
    Comment(String),
}

/// The label of a case arm.
#[derive(Clone, Debug)]
pub(super) enum Label {
    Value(Expr),
    /// The rest; the text says which variant that is, if it was one.
    Rest(Option<String>),
}

/// Turns a block's statements into plain ones.
pub(super) fn unroll(block: &VerilogBlock, symbols: &Symbols, unit: &str) -> Result<Vec<Statement>, EmitError> {
    let mut walk = Unroll { symbols, unit, loops: Vec::new(), count: 0 };
    let mut out = Vec::new();
    walk.block(block, &mut out)?;
    Ok(out)
}

struct Unroll<'a> {
    symbols: &'a Symbols,
    unit: &'a str,
    loops: Vec<(String, i128)>,
    count: usize,
}

impl Unroll<'_> {
    fn scope(&self) -> Scope<'_> {
        Scope { symbols: self.symbols, loops: &self.loops }
    }

    fn refuse(&self, place: &str, what: Refusal, ast: Option<&Ast>) -> EmitError {
        let shown = ast.map(|a| format!("`{}`: ", show(a))).unwrap_or_default();
        EmitError::new(self.unit, place.replace('$', "."), format!("{shown}{what}"))
    }

    fn next(&mut self) -> usize {
        self.count += 1;
        self.count
    }

    fn block(&mut self, block: &VerilogBlock, out: &mut Vec<Statement>) -> Result<(), EmitError> {
        block.iter().try_for_each(|s| self.statement(s, out))
    }

    fn statement(&mut self, statement: &VerilogStatement, out: &mut Vec<Statement>) -> Result<(), EmitError> {
        match statement {
            VerilogStatement::Comment(text) => {
                let start = text.find('"').map_or(0, |i| i + 1);
                out.push(Statement::Comment(text[start..].trim_end_matches(['"', ')', ';']).trim().to_string()));
            }
            VerilogStatement::Macro(block) => self.block(block, out)?,
            VerilogStatement::Assignment(target, value) => {
                let (id, name) = self.target(target)?;
                let bits = self.symbols.list[id].bits;
                let value = self.scope().expect(value, bits).map_err(|e| self.refuse(&name, e, Some(value)))?;
                let at = self.next();
                out.push(Statement::Assign { target: id, low: 0, bits, value, at });
            }
            VerilogStatement::SliceAssignment { base, width, offset, replacement } => {
                let (id, name) = self.target(base)?;
                let low = self.scope().integer(offset).map_err(|e| self.refuse(&name, e, Some(offset)))?;
                let low = low.and_then(|l| usize::try_from(l).ok());
                let low = low.filter(|l| l + width <= self.symbols.list[id].bits).ok_or_else(|| {
                    self.refuse(&name, "a field is written at an offset that is not known here".into(), Some(offset))
                })?;
                let value =
                    self.scope().expect(replacement, *width).map_err(|e| self.refuse(&name, e, Some(replacement)))?;
                let at = self.next();
                out.push(Statement::Assign { target: id, low, bits: *width, value, at });
            }
            VerilogStatement::If(conditional) => self.conditional(conditional, out)?,
            VerilogStatement::Match(m) => {
                let value = self.scope().value(&m.test).map_err(|e| self.refuse("match", e, Some(&m.test)))?;
                let super::typing::Value::Bits { e: selector, .. } = value else {
                    return Err(self.refuse("match", "a match on a constant: use `if`".into(), Some(&m.test)));
                };
                let at = self.next();
                let arms = self.arms(&m.cases, &selector)?;
                out.push(Statement::Case { selector, arms, at });
            }
            VerilogStatement::Loop(l) => {
                for i in l.from.as_usize()..l.to.as_usize() {
                    self.loops.push((l.index.clone(), i as i128));
                    self.block(&l.block, out)?;
                    self.loops.pop();
                }
            }
            VerilogStatement::Link(links) => {
                for link in links {
                    let (details, forward) = match link {
                        VerilogLink::Forward(d) => (d, true),
                        VerilogLink::Backward(d) => (d, false),
                        VerilogLink::Bidirectional(d) => {
                            return Err(self.refuse(&d.owner_name, "a bidirectional link is not printed".into(), None));
                        }
                    };
                    let owner = Ast::Signal(format!("{}{}", details.owner_name, details.my_name.replace('.', "$")));
                    let other = Ast::Signal(format!("{}{}", details.other_name, details.my_name.replace('.', "$")));
                    let (to, from) = if forward { (other, owner) } else { (owner, other) };
                    self.statement(&VerilogStatement::Assignment(to, from), out)?;
                }
            }
        }
        Ok(())
    }

    fn target(&self, ast: &Ast) -> Result<(SymbolId, String), EmitError> {
        let Ast::Signal(name) = ast else {
            return Err(self.refuse("assignment", "only a signal can be assigned".into(), Some(ast)));
        };
        let key = self.scope().key(name).map_err(|e| self.refuse(name, e, None))?;
        let id = self
            .symbols
            .find(&key)
            .ok_or_else(|| self.refuse(&key, "no such signal in this unit or its children".into(), Some(ast)))?;
        match self.symbols.list[id].kind {
            Kind::Input | Kind::Constant(_) | Kind::ChildOutput(_) | Kind::Register(_) => {
                Err(self.refuse(&key, "it is driven from elsewhere and cannot be assigned here".into(), None))
            }
            _ => Ok((id, key)),
        }
    }

    fn conditional(&mut self, c: &VerilogConditional, out: &mut Vec<Statement>) -> Result<(), EmitError> {
        if let Some(known) = self.scope().integer(&c.test).map_err(|e| self.refuse("if", e, Some(&c.test)))? {
            return if known != 0 { self.block(&c.then, out) } else { self.otherwise(&c.otherwise, out) };
        }
        let test = self.scope().expect(&c.test, 1).map_err(|e| self.refuse("if", e, Some(&c.test)))?;
        let at = self.next();
        let (mut then, mut otherwise) = (Vec::new(), Vec::new());
        self.block(&c.then, &mut then)?;
        self.otherwise(&c.otherwise, &mut otherwise)?;
        out.push(Statement::If { test, then, otherwise, at });
        Ok(())
    }

    fn otherwise(&mut self, o: &VerilogBlockOrConditional, out: &mut Vec<Statement>) -> Result<(), EmitError> {
        match o {
            VerilogBlockOrConditional::Block(block) => self.block(block, out),
            VerilogBlockOrConditional::Conditional(statement) => self.statement(statement, out),
            VerilogBlockOrConditional::None => Ok(()),
        }
    }

    fn arms(&mut self, cases: &[VerilogCase], selector: &Expr) -> Result<Vec<(Label, Vec<Statement>)>, EmitError> {
        let mut arms = Vec::new();
        for (i, case) in cases.iter().enumerate() {
            let mut block = Vec::new();
            self.block(&case.block, &mut block)?;
            let last = i + 1 == cases.len();
            let name = case.condition.clone();
            let label = if name == "default" {
                Label::Rest(None)
            } else if last {
                // Rust has checked that the arms are exhaustive, so the last one is the rest.
                Label::Rest(Some(name.clone()))
            } else {
                Label::Value(self.label(&name, selector.bits())?)
            };
            arms.push((label, block));
            if name == "default" && !last {
                return Err(self.refuse("match", "arms after `_` are never reached: remove them".into(), None));
            }
        }
        Ok(arms)
    }

    fn label(&self, text: &str, bits: usize) -> Result<Expr, EmitError> {
        let number = match text {
            "true" => Some(1),
            "false" => Some(0),
            _ => parse_number(text).or_else(|| self.scope().constant(text)),
        };
        if let Some(number) = number {
            let number = u64::try_from(number).ok().filter(|n| bits >= 64 || n >> bits == 0);
            return number
                .map(|n| Expr::constant(n, bits))
                .ok_or_else(|| self.refuse("match", format!("the arm `{text}` does not fit into {bits} bits"), None));
        }
        match self.symbols.variant(text) {
            Some((name, _, width)) if width == bits => Ok(Expr::Named { name, bits }),
            _ => Err(self.refuse("match", format!("the arm `{text}` is neither a number nor a variant"), None)),
        }
    }
}

fn parse_number(text: &str) -> Option<i128> {
    let plain = text.replace(['_', ' '], "");
    let plain =
        ["usize", "u64", "u32", "u16", "u8"].iter().fold(plain.as_str(), |p, s| p.trim_end_matches(s)).to_string();
    if let Some(digits) = plain.strip_prefix("0x") {
        return i128::from_str_radix(digits, 16).ok();
    }
    if let Some(digits) = plain.strip_prefix("0b") {
        return i128::from_str_radix(digits, 2).ok();
    }
    plain.parse().ok()
}

/// Evaluates an index: whole numbers, names, `+ - * / % << >>` and parentheses, with Rust's precedences.
pub(super) fn evaluate(text: &str, name: &dyn Fn(&str) -> Option<i128>) -> Result<i128, Refusal> {
    let mut tokens = Vec::new();
    let letters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let mut i = 0;
    while i < letters.len() {
        let c = letters[i];
        let start = i;
        if c.is_alphanumeric() || c == '_' {
            while i < letters.len() && (letters[i].is_alphanumeric() || letters[i] == '_') {
                i += 1;
            }
        } else if (c == '<' || c == '>') && letters.get(i + 1) == Some(&c) {
            i += 2;
        } else {
            i += 1;
        }
        tokens.push(letters[start..i].iter().collect::<String>());
    }
    let mut at = 0;
    let value = binary(&tokens, &mut at, 0, name)?;
    if at != tokens.len() {
        return Err(format!("the index `{text}` is not understood at `{}`", tokens[at]));
    }
    if value < 0 {
        return Err(format!("the index `{text}` is {value}"));
    }
    Ok(value)
}

fn binary(t: &[String], at: &mut usize, level: usize, name: &dyn Fn(&str) -> Option<i128>) -> Result<i128, Refusal> {
    const LEVELS: [&[&str]; 3] = [&["<<", ">>"], &["+", "-"], &["*", "/", "%"]];
    if level == LEVELS.len() {
        let token = t.get(*at).ok_or("an index ends too early")?;
        *at += 1;
        if token == "(" {
            let value = binary(t, at, 0, name)?;
            if t.get(*at).map(String::as_str) != Some(")") {
                return Err("a parenthesis of an index is not closed".into());
            }
            *at += 1;
            return Ok(value);
        }
        return parse_number(token)
            .or_else(|| name(token))
            .ok_or_else(|| format!("`{token}` in an index is no loop variable and no constant listed in unit!(…)"));
    }
    let mut left = binary(t, at, level + 1, name)?;
    while let Some(op) = t.get(*at).filter(|o| LEVELS[level].contains(&o.as_str())).cloned() {
        *at += 1;
        let right = binary(t, at, level + 1, name)?;
        let result = match op.as_str() {
            "+" => left.checked_add(right),
            "-" => left.checked_sub(right),
            "*" => left.checked_mul(right),
            "/" => left.checked_div(right),
            "%" => left.checked_rem(right),
            "<<" => u32::try_from(right).ok().and_then(|r| left.checked_shl(r)),
            _ => u32::try_from(right).ok().and_then(|r| left.checked_shr(r)),
        };
        left = result.ok_or_else(|| format!("`{left} {op} {right}` in an index"))?;
    }
    Ok(left)
}

/// An AST expression for people, near to the Rust it came from.
fn show(ast: &Ast) -> String {
    use rust_hdl_core::ast::{VerilogOp as Op, VerilogOpUnary as Un};
    match ast {
        Ast::Signal(name) => name.replace('$', "."),
        Ast::Literal(l) => super::symbol::hex(&format!("{l:x}")).to_string(),
        Ast::Cast(e, n) => format!("bit_cast::<{n}>({})", show(e)),
        Ast::Signed(e) => format!("signed_cast({})", show(e)),
        Ast::Unsigned(e) => format!("unsigned_cast({})", show(e)),
        Ast::Paren(e) => format!("({})", show(e)),
        Ast::Index(e, i) => format!("{}.get_bit({})", show(e), show(i)),
        Ast::Slice(e, n, i) => format!("{}.get_bits::<{n}>({})", show(e), show(i)),
        Ast::IndexReplace(e, i, v) => format!("{}.replace_bit({}, {})", show(e), show(i), show(v)),
        Ast::Unary(op, e) => match op {
            Un::Not => format!("!{}", show(e)),
            Un::Neg => format!("-{}", show(e)),
            Un::All => format!("{}.all()", show(e)),
            Un::Any => format!("{}.any()", show(e)),
            Un::Xor => format!("{}.xor()", show(e)),
        },
        Ast::Binary(l, op, r) => {
            let op = match op {
                Op::Add => "+",
                Op::Sub => "-",
                Op::Mul => "*",
                Op::LogicalAnd => "&&",
                Op::LogicalOr => "||",
                Op::BitXor => "^",
                Op::BitAnd => "&",
                Op::BitOr => "|",
                Op::Shl => "<<",
                Op::Shr => ">>",
                Op::Eq => "==",
                Op::Lt => "<",
                Op::Le => "<=",
                Op::Ne => "!=",
                Op::Ge => ">=",
                Op::Gt => ">",
            };
            format!("{} {op} {}", show(l), show(r))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::evaluate;

    #[test]
    fn indices_evaluate_as_in_rust() {
        let name = |n: &str| (n == "i").then_some(3);
        assert_eq!(evaluate("(i+1)*4-(1<<i)", &name), Ok(8));
        assert_eq!(evaluate("1 << i + 1", &name), Ok(16));
        assert_eq!(evaluate("i / 2 % 2", &name), Ok(1));
        assert!(evaluate("i-4", &name).is_err());
        assert!(evaluate("k", &name).unwrap_err().contains("unit!"));
    }
}
