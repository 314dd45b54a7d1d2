use crate::prelude::*;
use crate::stream::{StreamIn, StreamOut};

/// How many of four columns have a value: of the first, the first two, the first three, all. Tables, a LUT an output bit.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Ones {
    /// The four.
    pub x: Signal<In, Bits<4>>,
    /// Of the first.
    pub one: Signal<Out, Bits<5>>,
    /// Of the first two.
    pub two: Signal<Out, Bits<5>>,
    /// Of the first three.
    pub three: Signal<Out, Bits<5>>,
    /// Of all.
    pub four: Signal<Out, Bits<5>>,
    three_bits: Signal<Local, Bits<3>>,
}

impl Logic for Ones {
    #[hdl_gen]
    fn update(&mut self) {
        self.one.next = bit_cast::<5, 1>(self.x.val().get_bits::<1>(0));
        self.two.next = 1.into();
        if self.x.val().get_bits::<2>(0).all() {
            self.two.next = 2.into();
        } else if !self.x.val().get_bits::<2>(0).any() {
            self.two.next = 0.into();
        }
        self.three_bits.next = self.x.val().get_bits::<3>(0);
        match self.three_bits.val().index() {
            0 => self.three.next = 0.into(),
            1 => self.three.next = 1.into(),
            2 => self.three.next = 1.into(),
            3 => self.three.next = 2.into(),
            4 => self.three.next = 1.into(),
            5 => self.three.next = 2.into(),
            6 => self.three.next = 2.into(),
            _ => self.three.next = 3.into(),
        }
        match self.x.val().index() {
            0 => self.four.next = 0.into(),
            1 => self.four.next = 1.into(),
            2 => self.four.next = 1.into(),
            3 => self.four.next = 2.into(),
            4 => self.four.next = 1.into(),
            5 => self.four.next = 2.into(),
            6 => self.four.next = 2.into(),
            7 => self.four.next = 3.into(),
            8 => self.four.next = 1.into(),
            9 => self.four.next = 2.into(),
            10 => self.four.next = 2.into(),
            11 => self.four.next = 3.into(),
            12 => self.four.next = 2.into(),
            13 => self.four.next = 3.into(),
            14 => self.four.next = 3.into(),
            _ => self.four.next = 4.into(),
        }
    }
    unit!("sgcn_ones");
}

/// Counts an operation's values and says of each lane how many come before its own, modulo 16; one register.
///
/// The values of the lower segment come first, each segment's in the order of its columns. No lane has two.
///
/// Adds to an operation of [`super::Split`]: in its last word the number of values (5 bits from bit 24), whether the lower (29)
/// and the upper (30) segment have any; then two words, 4 bits a lane.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Ranks {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets the operation.
    pub reset: Signal<In, Bit>,
    /// Operations.
    pub s: StreamIn<160>,
    /// Operations with ranks.
    pub m: StreamOut<224>,
    full: Reg<Bit>,
    operation: Reg<Bits<224>>,
    free: Signal<Local, Bit>,
    /// Groups of four columns, the lower segment's first, then of four lanes.
    ones: [Ones; 12],
    /// Values of a segment before a group.
    before: [Signal<Local, Bits<5>>; 8],
    low: Signal<Local, Bits<5>>,
    /// The rank of a column in its segment.
    own: [Signal<Local, Bits<5>>; 32],
    rank: [Signal<Local, Bits<5>>; 16],
    ranks: Pack<16, 4, 64>,
    count: Signal<Local, Bits<5>>,
    any_low: Signal<Local, Bit>,
    any_high: Signal<Local, Bit>,
    pack: Pack<7, 32, 224>,
}

impl Logic for Ranks {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, full, operation);
        for g in 0..8 {
            self.ones[g].x.next = self.s.data.val().get_bits::<4>(96 + 4 * g);
        }
        comment!("No lane has two values, so there are as many as lanes with one.");
        for g in 0..4 {
            self.ones[8 + g].x.next =
                self.s.data.val().get_bits::<4>(96 + 4 * g) | self.s.data.val().get_bits::<4>(112 + 4 * g);
        }
        for h in 0..2 {
            self.before[4 * h].next = 0.into();
            self.before[4 * h + 1].next = self.ones[4 * h].four.val();
            self.before[4 * h + 2].next = self.ones[4 * h].four.val() + self.ones[4 * h + 1].four.val();
            self.before[4 * h + 3].next =
                (self.ones[4 * h].four.val() + self.ones[4 * h + 1].four.val()) + self.ones[4 * h + 2].four.val();
        }
        self.low.next =
            (self.ones[0].four.val() + self.ones[1].four.val()) + (self.ones[2].four.val() + self.ones[3].four.val());
        self.count.next =
            (self.ones[8].four.val() + self.ones[9].four.val()) + (self.ones[10].four.val() + self.ones[11].four.val());
        self.any_low.next = self.s.data.val().get_bits::<16>(96).any();
        self.any_high.next = self.s.data.val().get_bits::<16>(112).any();
        for g in 0..8 {
            self.own[4 * g].next = self.before[g].val();
            self.own[4 * g + 1].next = self.before[g].val() + self.ones[g].one.val();
            self.own[4 * g + 2].next = self.before[g].val() + self.ones[g].two.val();
            self.own[4 * g + 3].next = self.before[g].val() + self.ones[g].three.val();
        }
        for i in 0..16 {
            self.rank[i].next = self.own[i].val();
            if self.s.data.val().get_bit(112 + i) {
                self.rank[i].next = self.low.val() + self.own[16 + i].val();
            }
            self.ranks.x[i].next = self.rank[i].val().get_bits::<4>(0);
        }
        for w in 0..4 {
            self.pack.x[w].next = self.s.data.val().get_bits::<32>(32 * w);
        }
        self.pack.x[4].next = (bit_cast::<32, 1>(self.s.data.val().get_bits::<1>(159)) << 31)
            | (bit_cast::<32, 1>(self.any_high.val().into()) << 30)
            | (bit_cast::<32, 1>(self.any_low.val().into()) << 29)
            | (bit_cast::<32, 5>(self.count.val()) << 24)
            | bit_cast::<32, 24>(self.s.data.val().get_bits::<24>(128));
        self.pack.x[5].next = self.ranks.packed.val().get_bits::<32>(0);
        self.pack.x[6].next = self.ranks.packed.val().get_bits::<32>(32);

        self.free.next = self.m.ready.val() || !self.full.q.val();
        self.s.ready.next = self.free.val();
        if self.free.val() {
            self.full.d.next = self.s.valid.val();
            self.operation.d.next = self.pack.packed.val();
        }
        self.m.valid.next = self.full.q.val();
        self.m.data.next = self.operation.q.val();
        if self.reset.val() {
            self.full.d.next = false;
        }
    }
    unit!("sgcn_ranks");
}
