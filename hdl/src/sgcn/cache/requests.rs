use super::Gather;
use crate::prelude::*;
use crate::stream::{Skid, StreamIn, StreamOut};

/// Brings the requests of `N` engines to 16 banks: a bank takes one a cycle, engines in turn.
///
/// An engine's requests for one bank keep their order. Two registers on the way.
#[derive(Clone, Debug, LogicBlock)]
pub struct Requests<const N: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets requests.
    pub reset: Signal<In, Bit>,
    /// The bank is a hash of the address, not a part of it; stable from the reset on.
    pub hashed: Signal<In, Bit>,
    /// Requests, an engine a stream: noalloc 1, tag 11, line address 32.
    pub s: [StreamIn<44>; N],
    /// Requests, a bank a stream, with the engine's number, 4 bits, above.
    pub m: [StreamOut<48>; 16],
    /// There are requests inside.
    pub busy: Signal<Out, Bit>,
    entrance: Vec<Entrance>,
    gather: Vec<Gather<N, 48>>,
    taken: Signal<Local, Bits<N>>,
    any: Signal<Local, Bit>,
}

impl<const N: usize> Default for Requests<N> {
    fn default() -> Self {
        assert!((1..=16).contains(&N), "Requests<{N}>: 1 to 16 engines");
        Requests {
            clock: Signal::default(),
            reset: Signal::default(),
            hashed: Signal::default(),
            s: std::array::from_fn(|_| StreamIn::default()),
            m: std::array::from_fn(|_| StreamOut::default()),
            busy: Signal::default(),
            entrance: (0..N).map(|_| Entrance::default()).collect(),
            gather: (0..16).map(|_| Gather::default()).collect(),
            taken: Signal::default(),
            any: Signal::default(),
        }
    }
}

impl<const N: usize> Logic for Requests<N> {
    #[hdl_gen]
    fn update(&mut self) {
        self.taken.next = 0.into();
        self.any.next = false;
        for bank in 0..16 {
            self.gather[bank].clock.next = self.clock.val();
            self.gather[bank].reset.next = self.reset.val();
            for i in 0..N {
                self.gather[bank].s_valid[i].next = self.entrance[i].wants.val().get_bit(bank);
                self.gather[bank].s_data[i].next = self.entrance[i].data.val();
            }
            StreamOut::<48>::link(&mut self.m[bank], &mut self.gather[bank].m);
            self.taken.next = self.taken.val() | self.gather[bank].taken.val();
            self.any.next = self.any.val() || self.gather[bank].m.valid.val();
        }
        for i in 0..N {
            self.entrance[i].clock.next = self.clock.val();
            self.entrance[i].reset.next = self.reset.val();
            self.entrance[i].hashed.next = self.hashed.val();
            self.entrance[i].engine.next = i.to_bits();
            self.entrance[i].taken.next = self.taken.val().get_bit(i);
            StreamIn::<44>::link(&mut self.s[i], &mut self.entrance[i].s);
            self.any.next = self.any.val() || self.entrance[i].wants.val().any();
        }
        self.busy.next = self.any.val();
    }
    unit!("sgcn_requests", N);
}

/// One engine's way in: works out the bank of a request and shows it to that one.
#[derive(Clone, Debug, LogicBlock)]
pub struct Entrance {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets requests.
    pub reset: Signal<In, Bit>,
    /// The bank is a hash of the address.
    pub hashed: Signal<In, Bit>,
    /// The engine's number.
    pub engine: Signal<In, Bits<4>>,
    /// Requests.
    pub s: StreamIn<44>,
    /// The bank that is to take the request, one-hot; 0 if there is none.
    pub wants: Signal<Out, Bits<16>>,
    /// The request and the engine's number.
    pub data: Signal<Out, Bits<48>>,
    /// It is taken in this cycle.
    pub taken: Signal<In, Bit>,
    skid: Skid<48>,
    bank: Signal<Local, Bits<4>>,
    one: Constant<Bits<16>>,
}

impl Default for Entrance {
    fn default() -> Self {
        Entrance {
            clock: Signal::default(),
            reset: Signal::default(),
            hashed: Signal::default(),
            engine: Signal::default(),
            s: StreamIn::default(),
            wants: Signal::default(),
            data: Signal::default(),
            taken: Signal::default(),
            skid: Skid::default(),
            bank: Signal::default(),
            one: Constant::new(1.into()),
        }
    }
}

impl Logic for Entrance {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, skid);
        self.skid.reset.next = self.reset.val();
        self.bank.next = self.s.data.val().get_bits::<4>(0);
        if self.hashed.val() {
            self.bank.next = self.s.data.val().get_bits::<4>(0)
                ^ self.s.data.val().get_bits::<4>(9)
                ^ self.s.data.val().get_bits::<4>(18);
        }
        self.skid.s.valid.next = self.s.valid.val();
        self.skid.s.data.next = (bit_cast::<48, 4>(self.bank.val()) << 44) | bit_cast::<48, 44>(self.s.data.val());
        self.s.ready.next = self.skid.s.ready.val();
        self.wants.next = 0.into();
        if self.skid.m.valid.val() {
            self.wants.next = self.one.val() << self.skid.m.data.val().get_bits::<4>(44);
        }
        self.data.next =
            (bit_cast::<48, 4>(self.engine.val()) << 44) | bit_cast::<48, 44>(self.skid.m.data.val().get_bits::<44>(0));
        self.skid.m.ready.next = self.taken.val();
    }
    unit!("sgcn_entrance");
}
