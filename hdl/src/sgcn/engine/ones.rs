use crate::prelude::*;

/// Counts the ones of four bits; combinational.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct OnesOfFour {
    /// The bits.
    pub x: Signal<In, Bits<4>>,
    /// How many are 1.
    pub y: Signal<Out, Bits<9>>,
}

impl Logic for OnesOfFour {
    #[hdl_gen]
    fn update(&mut self) {
        match self.x.val().index() {
            0 => self.y.next = 0.into(),
            1 => self.y.next = 1.into(),
            2 => self.y.next = 1.into(),
            3 => self.y.next = 2.into(),
            4 => self.y.next = 1.into(),
            5 => self.y.next = 2.into(),
            6 => self.y.next = 2.into(),
            7 => self.y.next = 3.into(),
            8 => self.y.next = 1.into(),
            9 => self.y.next = 2.into(),
            10 => self.y.next = 2.into(),
            11 => self.y.next = 3.into(),
            12 => self.y.next = 2.into(),
            13 => self.y.next = 3.into(),
            14 => self.y.next = 3.into(),
            _ => self.y.next = 4.into(),
        }
    }
    unit!("sgcn_ones_of_four");
}

/// Counts the ones of a word, two cycles later.
#[derive(Clone, Debug, LogicBlock)]
pub struct OnesOfWord {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The word.
    pub x: Signal<In, Bits<32>>,
    /// How many of its bits are 1.
    pub y: Signal<Out, Bits<9>>,
    four: [OnesOfFour; 8],
    pair: [Reg<Bits<9>>; 4],
    sum: Reg<Bits<9>>,
}

impl OnesOfWord {
    /// Cycles from the word to the count.
    pub const LATENCY: usize = 2;
}

impl Default for OnesOfWord {
    fn default() -> Self {
        OnesOfWord {
            clock: Signal::default(),
            x: Signal::default(),
            y: Signal::default(),
            four: std::array::from_fn(|_| OnesOfFour::default()),
            pair: std::array::from_fn(|_| Reg::default()),
            sum: Reg::default(),
        }
    }
}

impl Logic for OnesOfWord {
    #[hdl_gen]
    fn update(&mut self) {
        self.sum.clock.next = self.clock.val();
        for i in 0..8 {
            self.four[i].x.next = self.x.val().get_bits::<4>(4 * i);
        }
        for i in 0..4 {
            self.pair[i].clock.next = self.clock.val();
            self.pair[i].d.next = self.four[2 * i].y.val() + self.four[2 * i + 1].y.val();
        }
        self.sum.d.next = self.pair[0].q.val() + self.pair[1].q.val() + (self.pair[2].q.val() + self.pair[3].q.val());
        self.y.next = self.sum.q.val();
    }
    unit!("sgcn_ones_of_word");
}
