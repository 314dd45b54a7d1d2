//! The leaf cells.

use nearfield_hdl::prelude::*;

/// Every leaf cell, loops over arrays, constants of the unit, a prefix sum.
#[derive(LogicBlock)]
pub struct Cells<const N: usize, const W: usize> {
    pub clock: Signal<In, Clock>,
    pub write: Signal<In, Bit>,
    pub at: Signal<In, Bits<4>>,
    pub from: Signal<In, Bits<4>>,
    pub x: Signal<In, Bits<8>>,
    pub words: [Signal<In, Bits<W>>; N],
    pub read: Signal<Out, Bits<8>>,
    pub late: Signal<Out, Bits<8>>,
    pub next_late: Signal<Out, Bits<8>>,
    pub product: Signal<Out, Bits<24>>,
    pub picked: Signal<Out, Bits<W>>,
    pub all: Signal<Out, Bits<32>>,
    pub prefix: Signal<Out, Bits<W>>,
    pub lowest: Signal<Out, Bits<3>>,
    pub constant: Signal<Out, Bits<8>>,
    pub ram: Ram<4, 8>,
    pub line: Delay<8, 5>,
    pub single: Delay<8, 1>,
    pub multiply: Mul<8, 12, 24>,
    pub pack: Pack<N, W, 32>,
    pub packed: Signal<Local, Bits<32>>,
    pub sums: [Signal<Local, Bits<W>>; N],
    pub held: [Reg<Bits<W>>; N],
}

impl<const N: usize, const W: usize> Default for Cells<N, W> {
    fn default() -> Self {
        Cells {
            clock: Default::default(),
            write: Default::default(),
            at: Default::default(),
            from: Default::default(),
            x: Default::default(),
            words: std::array::from_fn(|_| Default::default()),
            read: Default::default(),
            late: Default::default(),
            next_late: Default::default(),
            product: Default::default(),
            picked: Default::default(),
            all: Default::default(),
            prefix: Default::default(),
            lowest: Default::default(),
            constant: Default::default(),
            ram: Default::default(),
            line: Default::default(),
            single: Default::default(),
            multiply: Default::default(),
            pack: Default::default(),
            packed: Default::default(),
            sums: std::array::from_fn(|_| Default::default()),
            held: std::array::from_fn(|i| Reg::new((i as u64).into())),
        }
    }
}

impl<const N: usize, const W: usize> Logic for Cells<N, W> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, ram, line, single);
        self.ram.write_enable.next = self.write.val();
        self.ram.write_address.next = self.at.val();
        self.ram.read_address.next = self.from.val();
        self.ram.write_data.next = self.x.val() ^ 0x3c;
        self.read.next = self.ram.read_data.val();
        self.line.d.next = self.x.val();
        self.late.next = self.line.q.val();
        self.single.d.next = self.line.q.val();
        self.next_late.next = self.single.q.val();
        self.multiply.a.next = self.x.val();
        self.multiply.b.next = bit_cast::<12, 8>(self.x.val()) + 0xf01;
        self.product.next = self.multiply.p.val();
        for i in 0..N {
            self.held[i].clock.next = self.clock.val();
            self.held[i].d.next = self.held[i].q.val() + self.words[N - 1 - i].val();
            self.pack.x[i].next = self.held[i].q.val();
        }
        self.packed.next = self.pack.packed.val();
        self.all.next = self.packed.val();
        self.picked.next = self.packed.val().get_bits::<W>(self.at.val().get_bits::<2>(0).index() * 8);
        self.sums[0].next = self.words[0].val();
        for i in 1..N {
            self.sums[i].next = self.sums[i - 1].val() + self.words[i].val();
        }
        self.prefix.next = self.sums[N - 1].val();
        self.lowest.next = 0.into();
        for i in 0..8 {
            if self.x.val().get_bit(7 - i) {
                self.lowest.next = (7 - i).to_bits();
            }
        }
        self.constant.next = self.x.val() + N.to_bits();
    }
    unit!(N, W);
}
