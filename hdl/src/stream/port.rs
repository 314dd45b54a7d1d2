//! The two ends of a stream.

// The derive makes the method `join` without documentation.
#![allow(missing_docs)]

use rust_hdl_core::prelude::*;

/// The end of a stream that receives: `valid` and `data` come in, `ready` goes out.
///
/// A transfer happens in a cycle where `valid` and `ready` are both 1. Once `valid` is 1, neither it nor `data` changes
/// before the transfer; `valid` never waits for `ready`; `ready` may do as it likes.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "StreamOut"]
pub struct StreamIn<const W: usize> {
    /// A word is offered.
    pub valid: Signal<In, Bit>,
    /// The word.
    pub data: Signal<In, Bits<W>>,
    /// The word is taken in this cycle, if one is offered.
    pub ready: Signal<Out, Bit>,
}

/// The end of a stream that sends; see [`StreamIn`].
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "StreamIn"]
pub struct StreamOut<const W: usize> {
    /// A word is offered.
    pub valid: Signal<Out, Bit>,
    /// The word.
    pub data: Signal<Out, Bits<W>>,
    /// The word is taken in this cycle, if one is offered.
    pub ready: Signal<In, Bit>,
}
