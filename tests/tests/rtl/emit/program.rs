//! Programs made at run time over rust-hdl's `Bits`, as an AST and as something to execute.

mod draw;

use nearfield_hdl::prelude::*;
use nearfield_tests::rng::Rng;
use rust_hdl_core::ast::{
    VerilogBlockOrConditional, VerilogConditional, VerilogExpression as Ast, VerilogOp, VerilogOpUnary,
    VerilogStatement,
};

/// Signals of one width and direction.
const EACH: usize = 2;

macro_rules! widths {
    ($($v:ident $inputs:ident $locals:ident $outputs:ident $registers:ident $bits:literal),*) => {
        /// The widths: around the words of rust-hdl (32), of Verilator (32, 64) and of literals (64).
        const WIDTHS: &[usize] = &[$($bits),*];

        /// A value of one of the widths, as rust-hdl holds it.
        #[derive(Clone, Copy, Debug)]
        enum Any { $($v(Bits<$bits>)),* }

        /// A block whose logic is a program.
        #[derive(LogicBlock)]
        pub struct Random {
            clock: Signal<In, Clock>,
            $($inputs: Vec<Signal<In, Bits<$bits>>>, $locals: Vec<Signal<Local, Bits<$bits>>>,
              $outputs: Vec<Signal<Out, Bits<$bits>>>, $registers: Vec<Reg<Bits<$bits>>>,)*
            _program: Program,
        }

        impl Random {
            pub fn new(program: Program) -> Random {
                Random {
                    clock: Signal::default(),
                    $($inputs: vec![Signal::default(); EACH], $locals: vec![Signal::default(); EACH],
                      $outputs: vec![Signal::default(); EACH], $registers: vec![Reg::default(); EACH],)*
                    _program: program,
                }
            }

            /// Data in even steps, the clock's rise in odd ones.
            pub fn drive(&mut self, rng: &mut Rng, step: usize) {
                if step % 2 == 0 {
                    $(for signal in &mut self.$inputs { signal.next = rng.value($bits).into(); })*
                }
                self.clock.next.clk = step % 2 == 1;
            }

            fn get(&self, place: Place) -> Any {
                match place.bits {
                    $($bits => Any::$v(match place.kind {
                        Kind::Input => self.$inputs[place.index].val(),
                        Kind::Local => self.$locals[place.index].val(),
                        Kind::Output => self.$outputs[place.index].val(),
                        Kind::Register => self.$registers[place.index].q.val(),
                    }),)*
                    other => unreachable!("no signals of {other} bits"),
                }
            }

            fn set(&mut self, place: Place, value: Any) {
                match value {
                    $(Any::$v(value) => match place.kind {
                        Kind::Input => unreachable!("inputs are not assigned"),
                        Kind::Local => self.$locals[place.index].next = value,
                        Kind::Output => self.$outputs[place.index].next = value,
                        Kind::Register => self.$registers[place.index].d.next = value,
                    },)*
                }
            }

            fn connect_signals(&mut self) {
                $(for r in &mut self.$registers { r.d.connect(); r.clock.connect(); }
                  for l in &mut self.$locals { l.connect(); }
                  for o in &mut self.$outputs { o.connect(); })*
            }

            fn clock_registers(&mut self) {
                $(for r in &mut self.$registers { r.clock.next = self.clock.val(); r.d.next = r.q.val(); })*
            }
        }

        impl Place {
            fn name(self) -> String {
                let field = match (self.bits, self.kind) {
                    $(($bits, Kind::Input) => stringify!($inputs), ($bits, Kind::Local) => stringify!($locals),
                      ($bits, Kind::Output) => stringify!($outputs), ($bits, Kind::Register) => stringify!($registers),)*
                    (other, _) => unreachable!("no signals of {other} bits"),
                };
                format!("{field}[{}]", self.index)
            }
        }

        fn literal(bits: usize, value: u64) -> Any {
            match bits { $($bits => Any::$v(value.into()),)* other => unreachable!("{other} bits") }
        }

        fn resize<const N: usize>(x: Bits<N>, bits: usize) -> Any {
            match bits { $($bits => Any::$v(bit_cast::<$bits, N>(x)),)* other => unreachable!("{other} bits") }
        }

        fn slice<const N: usize>(x: Bits<N>, low: usize, bits: usize) -> Any {
            match bits { $($bits => Any::$v(x.get_bits::<$bits>(low)),)* other => unreachable!("{other} bits") }
        }

        impl Any {
            fn binary(self, op: Op, other: Any) -> Any {
                match (self, other) {
                    $((Any::$v(a), Any::$v(b)) => match op {
                        Op::Add => Any::$v(a + b),
                        Op::Sub => Any::$v(a - b),
                        Op::And => Any::$v(a & b),
                        Op::Or => Any::$v(a | b),
                        Op::Xor => Any::$v(a ^ b),
                        Op::Eq => bit(a == b),
                        Op::Ne => bit(a != b),
                        Op::Lt => bit(a < b),
                        Op::Le => bit(a <= b),
                        Op::Gt => bit(a > b),
                        Op::Ge => bit(a >= b),
                    },)*
                    _ => unreachable!("widths differ"),
                }
            }

            fn unary(self, op: Un) -> Any {
                match self {
                    $(Any::$v(a) => match op {
                        Un::Not => Any::$v(!a),
                        Un::All => bit(a.all()),
                        Un::Any => bit(a.any()),
                        Un::Xor => bit(a.xor()),
                    },)*
                }
            }

            fn shift(self, left: bool, by: u64) -> Any {
                match self { $(Any::$v(a) => Any::$v(if left { a << by } else { a >> by }),)* }
            }

            fn cast(self, bits: usize) -> Any {
                match self { $(Any::$v(a) => resize(a, bits),)* }
            }

            fn part(self, low: usize, bits: usize) -> Any {
                match self { $(Any::$v(a) => slice(a, low, bits),)* }
            }

            fn replace(self, at: usize, value: bool) -> Any {
                match self { $(Any::$v(a) => Any::$v(a.replace_bit(at, value)),)* }
            }

            fn number(self) -> u64 {
                match self { $(Any::$v(a) => a.to_u64(),)* }
            }
        }
    };
}

widths!(
    B1 i1 l1 o1 r1 1, B3 i3 l3 o3 r3 3, B8 i8_ l8 o8 r8 8, B16 i16_ l16 o16 r16 16, B31 i31 l31 o31 r31 31,
    B32 i32_ l32 o32 r32 32, B33 i33 l33 o33 r33 33, B64 i64_ l64 o64 r64 64
);

fn bit(value: bool) -> Any {
    Any::B1(value.into())
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Input,
    Local,
    Output,
    Register,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    kind: Kind,
    bits: usize,
    index: usize,
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Add,
    Sub,
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

#[derive(Clone, Copy, Debug)]
enum Un {
    Not,
    All,
    Any,
    Xor,
}

#[derive(Clone, Debug)]
enum Tree {
    Read(Place),
    /// A literal that takes its width from its neighbour.
    Binary(Op, Box<Tree>, Box<Tree>),
    WithLiteral(Op, Box<Tree>, u64, bool),
    Unary(Un, Box<Tree>),
    Shift(bool, Box<Tree>, u64),
    ShiftBy(bool, Box<Tree>, Place),
    Cast(Box<Tree>, usize),
    Part(Box<Tree>, usize, usize),
    Replace(Box<Tree>, usize, Box<Tree>),
}

#[derive(Clone, Debug)]
enum Statement {
    Assign(Place, Tree),
    If(Tree, Vec<Statement>, Vec<Statement>),
}

/// A straight sequence of assignments and conditions in which nothing is read before it is written.
#[derive(Clone, Debug)]
pub struct Program(Vec<Statement>);

impl Program {
    /// Expressions in every program: one a local, output and register.
    pub const EXPRESSIONS: usize = 3 * EACH * WIDTHS.len();
}

impl Tree {
    fn bits(&self) -> usize {
        match self {
            Tree::Read(place) => place.bits,
            Tree::Binary(op, a, _) | Tree::WithLiteral(op, a, _, _) => match op {
                Op::Add | Op::Sub | Op::And | Op::Or | Op::Xor => a.bits(),
                _ => 1,
            },
            Tree::Unary(Un::Not, a) | Tree::Shift(_, a, _) | Tree::ShiftBy(_, a, _) | Tree::Replace(a, _, _) => {
                a.bits()
            }
            Tree::Unary(..) => 1,
            Tree::Cast(_, bits) | Tree::Part(_, _, bits) => *bits,
        }
    }

    fn value(&self, unit: &Random) -> Any {
        match self {
            Tree::Read(place) => unit.get(*place),
            Tree::Binary(op, a, b) => a.value(unit).binary(*op, b.value(unit)),
            Tree::WithLiteral(op, a, value, first) => {
                let number = literal(a.bits(), *value);
                if *first {
                    number.binary(*op, a.value(unit))
                } else {
                    a.value(unit).binary(*op, number)
                }
            }
            Tree::Unary(op, a) => a.value(unit).unary(*op),
            Tree::Shift(left, a, by) => a.value(unit).shift(*left, *by),
            Tree::ShiftBy(left, a, by) => a.value(unit).shift(*left, unit.get(*by).number()),
            Tree::Cast(a, bits) => a.value(unit).cast(*bits),
            Tree::Part(a, low, bits) => a.value(unit).part(*low, *bits),
            Tree::Replace(a, at, b) => a.value(unit).replace(*at, b.value(unit).number() == 1),
        }
    }

    fn ast(&self) -> Ast {
        let b = |t: &Tree| Box::new(Ast::Paren(Box::new(t.ast())));
        let number = |v: u64| Box::new(Ast::Literal(v.into()));
        match self {
            Tree::Read(place) => place.read(),
            Tree::Binary(op, l, r) => Ast::Binary(b(l), op.ast(), b(r)),
            Tree::WithLiteral(op, e, v, true) => Ast::Binary(number(*v), op.ast(), b(e)),
            Tree::WithLiteral(op, e, v, false) => Ast::Binary(b(e), op.ast(), number(*v)),
            Tree::Unary(op, e) => {
                let op = match op {
                    Un::Not => VerilogOpUnary::Not,
                    Un::All => VerilogOpUnary::All,
                    Un::Any => VerilogOpUnary::Any,
                    Un::Xor => VerilogOpUnary::Xor,
                };
                Ast::Unary(op, b(e))
            }
            Tree::Shift(left, e, by) => Ast::Binary(b(e), direction(*left), number(*by)),
            Tree::ShiftBy(left, e, by) => Ast::Binary(b(e), direction(*left), Box::new(by.read())),
            Tree::Cast(e, bits) => Ast::Cast(Box::new(e.ast()), *bits),
            Tree::Part(e, low, bits) => Ast::Slice(b(e), *bits, number(*low as u64)),
            Tree::Replace(e, at, v) => Ast::IndexReplace(b(e), number(*at as u64), b(v)),
        }
    }
}

impl Place {
    fn read(self) -> Ast {
        Ast::Signal(self.name() + if self.kind == Kind::Register { "$q" } else { "" })
    }
}

fn direction(left: bool) -> VerilogOp {
    if left {
        VerilogOp::Shl
    } else {
        VerilogOp::Shr
    }
}

impl Op {
    fn ast(self) -> VerilogOp {
        match self {
            Op::Add => VerilogOp::Add,
            Op::Sub => VerilogOp::Sub,
            Op::And => VerilogOp::BitAnd,
            Op::Or => VerilogOp::BitOr,
            Op::Xor => VerilogOp::BitXor,
            Op::Eq => VerilogOp::Eq,
            Op::Ne => VerilogOp::Ne,
            Op::Lt => VerilogOp::Lt,
            Op::Le => VerilogOp::Le,
            Op::Gt => VerilogOp::Gt,
            Op::Ge => VerilogOp::Ge,
        }
    }
}

impl Statement {
    fn run(&self, unit: &mut Random) {
        match self {
            Statement::Assign(place, tree) => {
                let value = tree.value(unit);
                unit.set(*place, value);
            }
            Statement::If(test, then, otherwise) => {
                let block = if test.value(unit).number() == 1 { then } else { otherwise };
                block.iter().for_each(|s| s.run(unit));
            }
        }
    }

    fn ast(&self) -> VerilogStatement {
        match self {
            Statement::Assign(place, tree) => {
                let suffix = if place.kind == Kind::Register { "$d$next" } else { "$next" };
                VerilogStatement::Assignment(Ast::Signal(format!("{}{suffix}", place.name())), tree.ast())
            }
            Statement::If(test, then, otherwise) => VerilogStatement::If(VerilogConditional {
                test: test.ast(),
                then: then.iter().map(Statement::ast).collect(),
                otherwise: VerilogBlockOrConditional::Block(otherwise.iter().map(Statement::ast).collect()),
            }),
        }
    }
}

impl Logic for Random {
    fn update(&mut self) {
        self.clock_registers();
        let program = std::mem::replace(&mut self._program, Program(Vec::new()));
        program.0.iter().for_each(|s| s.run(self));
        self._program = program;
    }

    fn connect(&mut self) {
        self.connect_signals();
    }

    fn hdl(&self) -> Verilog {
        let mut block = Vec::new();
        for &bits in WIDTHS {
            for index in 0..EACH {
                let r = Place { kind: Kind::Register, bits, index }.name();
                let assign = |port: &str, from: String| {
                    VerilogStatement::Assignment(Ast::Signal(format!("{r}${port}$next")), Ast::Signal(from))
                };
                block.push(assign("clock", "clock".into()));
                block.push(assign("d", format!("{r}$q")));
            }
        }
        block.extend(self._program.0.iter().map(Statement::ast));
        Verilog::Combinatorial(block)
    }
}
