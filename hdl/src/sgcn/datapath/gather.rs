use crate::prelude::*;

/// Has the two lines at hand and gives each lane its value, two cycles after the operation.
///
/// [`super::Step`] says when lines move and what an operation is; this is data only, free-running. The values lie one after the
/// other from word `position` of the line in use on, into the next line, so a lane whose value is the r-th takes word
/// `position + r` modulo 16 of a line that is put together of both.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Gather {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The line that is offered.
    pub line: Signal<In, Bits<512>>,
    /// The line in use gives way...
    pub load: Signal<In, Bit>,
    /// ...to the next one, not to the one offered.
    pub shift: Signal<In, Bit>,
    /// The next one is taken from what is offered.
    pub load_next: Signal<In, Bit>,
    /// Word of the line in use with the first value; this and the following are the operation's.
    pub position: Signal<In, Bits<4>>,
    /// Of each lane 4 bits: which value it takes.
    pub ranks: Signal<In, Bits<64>>,
    /// The lanes that take part.
    pub lanes: Signal<In, Bits<16>>,
    /// Those that do so in the upper segment.
    pub half: Signal<In, Bits<16>>,
    /// Context and window.
    pub place: Signal<In, Bits<7>>,
    /// The accumulators become +0.
    pub clear: Signal<In, Bit>,
    /// Weight.
    pub weight: Signal<In, Bits<32>>,
    /// The values, two cycles later; this and the following.
    pub x: Signal<Out, Bits<512>>,
    /// As `lanes`, and so on.
    pub x_lanes: Signal<Out, Bits<16>>,
    /// See `half`.
    pub x_half: Signal<Out, Bits<16>>,
    /// See `place`.
    pub x_place: Signal<Out, Bits<7>>,
    /// See `clear`.
    pub x_clear: Signal<Out, Bit>,
    /// See `weight`.
    pub x_weight: Signal<Out, Bits<32>>,
    current: Reg<Bits<512>>,
    next_line: Reg<Bits<512>>,
    /// The line put together, and which word each lane takes.
    joined: Reg<Bits<512>>,
    words: Reg<Bits<64>>,
    join_pack: Pack<16, 32, 512>,
    word_pack: Pack<16, 4, 64>,
    word: [Signal<Local, Bits<4>>; 16],
    x_pack: Pack<16, 32, 512>,
    values: Reg<Bits<512>>,
    lanes_1: Reg<Bits<16>>,
    half_1: Reg<Bits<16>>,
    place_1: Reg<Bits<7>>,
    clear_1: Reg<Bit>,
    weight_1: Reg<Bits<32>>,
    lanes_2: Reg<Bits<16>>,
    half_2: Reg<Bits<16>>,
    place_2: Reg<Bits<7>>,
    clear_2: Reg<Bit>,
    weight_2: Reg<Bits<32>>,
}

impl Gather {
    /// Cycles from an operation to its values.
    pub const LATENCY: usize = 2;
}

impl Logic for Gather {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, current, next_line, joined, words, values);
        dff_setup!(self, clock, lanes_1, half_1, place_1, clear_1, weight_1);
        dff_setup!(self, clock, lanes_2, half_2, place_2, clear_2, weight_2);
        if self.load.val() {
            self.current.d.next = self.line.val();
            if self.shift.val() {
                self.current.d.next = self.next_line.q.val();
            }
        }
        if self.load_next.val() {
            self.next_line.d.next = self.line.val();
        }
        for j in 0..16 {
            self.join_pack.x[j].next = self.current.q.val().get_bits::<32>(32 * j);
            self.word_pack.x[j].next = self.position.val() + self.ranks.val().get_bits::<4>(4 * j);
            self.word[j].next = self.words.q.val().get_bits::<4>(4 * j);
            self.x_pack.x[j].next = self.joined.q.val().get_bits::<32>(self.word[j].val().index() * 32);
        }
        for j in 0..15 {
            if self.position.val() > j.to_bits() {
                self.join_pack.x[j].next = self.next_line.q.val().get_bits::<32>(32 * j);
            }
        }
        self.joined.d.next = self.join_pack.packed.val();
        self.words.d.next = self.word_pack.packed.val();
        self.values.d.next = self.x_pack.packed.val();
        self.lanes_1.d.next = self.lanes.val();
        self.half_1.d.next = self.half.val();
        self.place_1.d.next = self.place.val();
        self.clear_1.d.next = self.clear.val();
        self.weight_1.d.next = self.weight.val();
        self.lanes_2.d.next = self.lanes_1.q.val();
        self.half_2.d.next = self.half_1.q.val();
        self.place_2.d.next = self.place_1.q.val();
        self.clear_2.d.next = self.clear_1.q.val();
        self.weight_2.d.next = self.weight_1.q.val();
        self.x.next = self.values.q.val();
        self.x_lanes.next = self.lanes_2.q.val();
        self.x_half.next = self.half_2.q.val();
        self.x_place.next = self.place_2.q.val();
        self.x_clear.next = self.clear_2.q.val();
        self.x_weight.next = self.weight_2.q.val();
    }
    unit!("sgcn_gather");
}
