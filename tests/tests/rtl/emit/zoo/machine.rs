//! States, structs, and what a clocked process can do.

use nearfield_hdl::prelude::*;

#[derive(Copy, Clone, PartialEq, Debug, LogicState)]
pub enum State {
    Idle,
    RunSlow,
    Drain,
}

#[derive(Copy, Clone, PartialEq, Debug, Default, LogicStruct)]
pub struct Pair {
    pub tag: Bits<3>,
    pub last: Bit,
    pub data: Bits<12>,
}

/// States, structs, synchronous reset, values that are read midway, registers whose next value is read midway.
#[derive(LogicBlock)]
pub struct Machine {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub go: Signal<In, Bit>,
    pub d: Signal<In, Bits<12>>,
    pub busy: Signal<Out, Bit>,
    pub sum: Signal<Out, Bits<12>>,
    pub tag: Signal<Out, Bits<3>>,
    pub last: Signal<Out, Bit>,
    pub midway: Signal<Out, Bits<12>>,
    pub state_out: Signal<Out, Bits<2>>,
    pub state: Reg<State>,
    pub total: Reg<Bits<12>>,
    pub pair: Reg<Pair>,
    pub odd: Reg<Bits<12>>,
    pub start: Reg<Bits<12>>,
    pub scratch: Signal<Local, Bits<12>>,
    pub fields: Signal<Local, Pair>,
    pub seven: Constant<Bits<12>>,
}

impl Default for Machine {
    fn default() -> Self {
        Machine {
            clock: Default::default(),
            reset: Default::default(),
            go: Default::default(),
            d: Default::default(),
            busy: Default::default(),
            sum: Default::default(),
            tag: Default::default(),
            last: Default::default(),
            midway: Default::default(),
            state_out: Default::default(),
            state: Default::default(),
            total: Default::default(),
            pair: Default::default(),
            odd: Default::default(),
            start: Reg::new(0x5a5.into()),
            scratch: Default::default(),
            fields: Default::default(),
            seven: Constant::new(7.into()),
        }
    }
}

impl Logic for Machine {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, total, pair, odd, start);
        self.busy.next = self.state.q.val() != State::Idle;
        self.state_out.next = 0.into();
        match self.state.q.val() {
            State::Idle => {
                self.state_out.next = 1.into();
                if self.go.val() {
                    self.state.d.next = State::RunSlow;
                    self.total.d.next = self.d.val();
                }
            }
            State::RunSlow => {
                self.total.d.next = self.total.q.val() + self.d.val() + self.seven.val();
                if !self.go.val() {
                    self.state.d.next = State::Drain;
                } else if self.d.val() == 5 {
                    self.state.d.next = State::Idle;
                }
            }
            State::Drain => {
                self.state_out.next = 2.into();
                self.state.d.next = State::Idle;
            }
        }
        self.scratch.next = self.d.val() ^ self.total.q.val();
        self.midway.next = self.scratch.val();
        self.odd.d.next = self.scratch.val() + self.odd.q.val();
        if self.go.val() {
            self.scratch.next = self.scratch.val() + 3;
        }
        self.start.d.next = self.start.q.val() ^ self.scratch.val();
        self.fields.next.tag = self.d.val().get_bits::<3>(4);
        self.fields.next.last = self.go.val();
        self.fields.next.data = self.start.q.val();
        self.pair.d.next = self.fields.val();
        self.tag.next = self.pair.q.val().tag;
        self.last.next = self.pair.q.val().last;
        self.sum.next = self.total.q.val() ^ self.odd.q.val() ^ self.pair.q.val().data;
        comment!("reset wins");
        if self.reset.val() {
            self.state.d.next = State::Idle;
            self.total.d.next = 0.into();
        }
    }
    unit!();
}
