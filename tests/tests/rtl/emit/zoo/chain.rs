//! Interfaces and children.

use nearfield_hdl::prelude::*;

/// A stream's signals as an interface.
#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "StreamOut"]
pub struct StreamIn {
    pub data: Signal<In, Bits<9>>,
    pub valid: Signal<In, Bit>,
    pub ready: Signal<Out, Bit>,
}

#[derive(Clone, Debug, Default, LogicInterface)]
#[join = "StreamIn"]
pub struct StreamOut {
    pub data: Signal<Out, Bits<9>>,
    pub valid: Signal<Out, Bit>,
    pub ready: Signal<In, Bit>,
}

/// One register of a stream.
#[derive(LogicBlock, Default)]
pub struct Stage {
    pub clock: Signal<In, Clock>,
    pub upstream: StreamIn,
    pub downstream: StreamOut,
    pub full: Reg<Bit>,
    pub data: Reg<Bits<9>>,
    pub open: Signal<Local, Bit>,
}

impl Logic for Stage {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, full, data);
        self.downstream.data.next = self.data.q.val();
        self.downstream.valid.next = self.full.q.val();
        self.open.next = !self.full.q.val() | self.downstream.ready.val();
        self.upstream.ready.next = self.open.val();
        if self.open.val() {
            self.full.d.next = self.upstream.valid.val();
            self.data.d.next = self.upstream.data.val();
        }
    }
    unit!();
}

/// Interfaces linked to children, children joined to each other, arrays of children.
#[derive(LogicBlock, Default)]
pub struct Chain {
    pub clock: Signal<In, Clock>,
    pub source: StreamIn,
    pub sink: StreamOut,
    pub stage: [Stage; 3],
    pub first: Stage,
}

impl Logic for Chain {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, first);
        for i in 0..3 {
            self.stage[i].clock.next = self.clock.val();
        }
        StreamIn::link(&mut self.source, &mut self.first.upstream);
        StreamOut::join(&mut self.first.downstream, &mut self.stage[0].upstream);
        for i in 0..2 {
            StreamOut::join(&mut self.stage[i].downstream, &mut self.stage[i + 1].upstream);
        }
        StreamOut::link(&mut self.sink, &mut self.stage[2].downstream);
    }
    unit!();
}
