use crate::prelude::*;

/// How many of 16 things happened, two cycles ago.
#[derive(Clone, Debug, LogicBlock)]
pub struct Tally {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// It happens.
    pub event: [Signal<In, Bit>; 16],
    /// How many did.
    pub count: Signal<Out, Bits<5>>,
    pack: Pack<16, 1, 16>,
    /// In fields of 2, 4 and 8 bits, how many of as many.
    seen: Reg<Bits<16>>,
    twos: Signal<Local, Bits<16>>,
    fours: Signal<Local, Bits<16>>,
    eights: Signal<Local, Bits<16>>,
    sum: Reg<Bits<5>>,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            clock: Signal::default(),
            event: std::array::from_fn(|_| Signal::default()),
            count: Signal::default(),
            pack: Pack::default(),
            seen: Reg::default(),
            twos: Signal::default(),
            fours: Signal::default(),
            eights: Signal::default(),
            sum: Reg::default(),
        }
    }
}

impl Logic for Tally {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, seen, sum);
        for i in 0..16 {
            self.pack.x[i].next = self.event[i].val().into();
        }
        self.seen.d.next = self.pack.packed.val();
        self.twos.next = (self.seen.q.val() & 0x5555) + ((self.seen.q.val() >> 1) & 0x5555);
        self.fours.next = (self.twos.val() & 0x3333) + ((self.twos.val() >> 2) & 0x3333);
        self.eights.next = (self.fours.val() & 0x0f0f) + ((self.fours.val() >> 4) & 0x0f0f);
        self.sum.d.next =
            bit_cast::<5, 4>(self.eights.val().get_bits::<4>(0)) + bit_cast::<5, 4>(self.eights.val().get_bits::<4>(8));
        self.count.next = self.sum.q.val();
    }
    unit!("sgcn_tally");
}
