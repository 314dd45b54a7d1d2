use crate::prelude::*;

/// Which lines lie in the 16 ways of `2^S` sets.
///
/// The set at `ahead` is looked at; a cycle later `hit` and `way` say whether and where `line` is in it. What is written in a
/// cycle is seen by those that look from the next cycle on. At most one way of a set holds a line: whoever writes sees to that.
#[derive(Clone, Debug, LogicBlock)]
pub struct Tags<const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The set to look at.
    pub ahead: Signal<In, Bits<S>>,
    /// The line that is looked for in the set of the last cycle's `ahead`, without the low 4 bits of its address.
    pub line: Signal<In, Bits<28>>,
    /// It is there.
    pub hit: Signal<Out, Bit>,
    /// In this way.
    pub way: Signal<Out, Bits<4>>,
    /// Writes a line into a way.
    pub write: Signal<In, Bit>,
    /// Empties all ways of a set; not along with `write`.
    pub clear: Signal<In, Bit>,
    /// The set that is written or emptied.
    pub write_set: Signal<In, Bits<S>>,
    /// The way that is written.
    pub write_way: Signal<In, Bits<4>>,
    /// The line that is written.
    pub write_line: Signal<In, Bits<28>>,
    /// A word a set: a bit that is 1 where there is a line, and the line.
    ram: [Ram<S, 29>; 16],
    matches: Pack<16, 1, 16>,
    number: Pack<4, 1, 4>,
    key: Signal<Local, Bits<29>>,
    word: Signal<Local, Bits<29>>,
    chosen: Signal<Local, Bits<16>>,
    one: Constant<Bits<16>>,
    /// Ways whose number has this bit.
    mask: [Constant<Bits<16>>; 4],
}

impl<const S: usize> Default for Tags<S> {
    fn default() -> Self {
        Tags {
            clock: Signal::default(),
            ahead: Signal::default(),
            line: Signal::default(),
            hit: Signal::default(),
            way: Signal::default(),
            write: Signal::default(),
            clear: Signal::default(),
            write_set: Signal::default(),
            write_way: Signal::default(),
            write_line: Signal::default(),
            ram: std::array::from_fn(|_| Ram::default()),
            matches: Pack::default(),
            number: Pack::default(),
            key: Signal::default(),
            word: Signal::default(),
            chosen: Signal::default(),
            one: Constant::new(1.into()),
            mask: [0xaaaa, 0xcccc, 0xf0f0, 0xff00].map(|mask: u64| Constant::new(mask.into())),
        }
    }
}

impl<const S: usize> Logic for Tags<S> {
    #[hdl_gen]
    fn update(&mut self) {
        self.key.next = bit_cast::<29, 28>(self.line.val()) | 0x1000_0000;
        self.word.next = bit_cast::<29, 28>(self.write_line.val()) | 0x1000_0000;
        self.chosen.next = 0.into();
        if self.write.val() {
            self.chosen.next = self.one.val() << self.write_way.val();
        }
        if self.clear.val() {
            self.chosen.next = 0xffff.into();
            self.word.next = 0.into();
        }
        for way in 0..16 {
            self.ram[way].clock.next = self.clock.val();
            self.ram[way].read_address.next = self.ahead.val();
            self.ram[way].write_enable.next = self.chosen.val().get_bit(way);
            self.ram[way].write_address.next = self.write_set.val();
            self.ram[way].write_data.next = self.word.val();
            self.matches.x[way].next = (self.ram[way].read_data.val() == self.key.val()).into();
        }
        self.hit.next = self.matches.packed.val().any();
        for bit in 0..4 {
            self.number.x[bit].next = (self.matches.packed.val() & self.mask[bit].val()).any().into();
        }
        self.way.next = self.number.packed.val();
    }
    unit!("sgcn_tags", S);
}
