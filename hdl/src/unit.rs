//! The one line by which a block tells the back end its name and its constants.

/// Names a unit for the Verilog back end and makes its const generics readable to it.
///
/// Stands in every `impl Logic`, after `update`: `unit!();`, or with the const generics (and any `const` items) that the
/// body mentions as values: `unit!(N, WIDTH);`. The module is called after the type in snake case, then the values of
/// the listed constants: `Skid<512>` with `unit!(W)` becomes `skid_512`. `unit!("fp32_add")` sets the stem by hand.
///
/// Constants after a semicolon are readable and leave the name alone: `unit!("axi_control"; STREAMS, WORDS);`.
///
/// rust-hdl's AST carries neither the type of a block nor the values of constants, and `Logic::timing` is the only free
/// hook on the trait object, so the macro implements that.
#[macro_export]
macro_rules! unit {
    ($name:literal $(, $constant:ident)* $(,)? $(; $($silent:ident),* $(,)?)?) => {
        fn timing(&self) -> Vec<TimingInfo> {
            vec![TimingInfo {
                name: $name.to_string(),
                clock: "@unit".to_string(),
                inputs: vec![$(format!("{}={}", stringify!($constant), $constant)),*],
                outputs: vec![$($(format!("{}={}", stringify!($silent), $silent)),*)?],
            }]
        }
    };
    ($($constant:ident),* $(,)? $(; $($silent:ident),* $(,)?)?) => {
        fn timing(&self) -> Vec<TimingInfo> {
            vec![TimingInfo {
                name: std::any::type_name::<Self>().to_string(),
                clock: "@unit".to_string(),
                inputs: vec![$(format!("{}={}", stringify!($constant), $constant)),*],
                outputs: vec![$($(format!("{}={}", stringify!($silent), $silent)),*)?],
            }]
        }
    };
}

/// Connects registers to a clock and lets each keep its value unless `update` writes its `d`.
///
/// `dff_setup!(self, clock, state, count);` — the name is one that rust-hdl's `hdl_gen` knows.
#[macro_export]
macro_rules! dff_setup {
    ($self:ident, $clock:ident, $($register:ident),+ $(,)?) => {
        $($self.$register.clock.next = $self.$clock.val();)+
        $($self.$register.d.next = $self.$register.q.val();)+
    };
}

/// A comment in the emitted Verilog: `comment!("why");`.
#[macro_export]
macro_rules! comment {
    ($text:literal) => {};
}

/// A unit that can be emitted, linted, simulated and synthesised on its own.
#[derive(Clone, Copy)]
pub struct Unit {
    /// Its Verilog module, its test and its documentation page.
    pub name: &'static str,
    /// The folder it lies in: `float`, `stream`, `axi`, `optimizer`, `topk`, `sgcn`.
    pub family: &'static str,
    /// Cycles from operands to result, for pipelines.
    pub latency: Option<usize>,
    /// Prints it.
    pub emit: fn() -> Result<crate::emit::Design, crate::emit::EmitError>,
}

/// Every unit, by family.
pub fn units() -> Vec<Unit> {
    [
        crate::float::UNITS,
        crate::stream::UNITS,
        crate::axi::UNITS,
        crate::optimizer::UNITS,
        crate::sgcn::UNITS,
        crate::topk::UNITS,
    ]
    .concat()
}
