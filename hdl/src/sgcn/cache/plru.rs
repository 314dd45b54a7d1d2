use crate::prelude::*;

/// Which way of a set to give up: a tree of 15 bits a set, each of which points away from the half that was used last.
///
/// Two look at it: the one that hits, and the one that fills. Each names a set a cycle ahead and goes on naming it as long as
/// it waits; neither uses it in the same cycle as the other. Node `n` has the children `2n` and `2n + 1`, the root is node 1.
#[derive(Clone, Debug, LogicBlock)]
pub struct Plru<const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Set of the next request.
    pub touch_ahead: Signal<In, Bits<S>>,
    /// Set of this request, the last cycle's `touch_ahead`.
    pub touch_set: Signal<In, Bits<S>>,
    /// The request hits.
    pub touch: Signal<In, Bit>,
    /// In this way.
    pub touch_way: Signal<In, Bits<4>>,
    /// Set of the next fill.
    pub fill_ahead: Signal<In, Bits<S>>,
    /// Set of this fill, the last cycle's `fill_ahead`.
    pub fill_set: Signal<In, Bits<S>>,
    /// The way to give up in it.
    pub victim: Signal<Out, Bits<4>>,
    /// It is given up and filled.
    pub fill: Signal<In, Bit>,
    /// Forgets a set; not along with the others.
    pub clear: Signal<In, Bit>,
    /// Which.
    pub clear_set: Signal<In, Bits<S>>,
    touched: Ram<S, 16>,
    filled: Ram<S, 16>,
    /// The write of the last cycle, which a read of that cycle has missed.
    missed: Reg<Bit>,
    missed_set: Reg<Bits<S>>,
    missed_tree: Reg<Bits<16>>,
    touch_tree: Signal<Local, Bits<16>>,
    fill_tree: Signal<Local, Bits<16>>,
    /// Nodes on the way down to the victim.
    second: Signal<Local, Bits<2>>,
    third: Signal<Local, Bits<3>>,
    fourth: Signal<Local, Bits<4>>,
    leaf: Signal<Local, Bits<4>>,
    set: Signal<Local, Bits<S>>,
    way: Signal<Local, Bits<4>>,
    old: Signal<Local, Bits<16>>,
    point: PlruPoint,
    tree: Signal<Local, Bits<16>>,
    write: Signal<Local, Bit>,
}

impl<const S: usize> Default for Plru<S> {
    fn default() -> Self {
        Plru {
            clock: Signal::default(),
            touch_ahead: Signal::default(),
            touch_set: Signal::default(),
            touch: Signal::default(),
            touch_way: Signal::default(),
            fill_ahead: Signal::default(),
            fill_set: Signal::default(),
            victim: Signal::default(),
            fill: Signal::default(),
            clear: Signal::default(),
            clear_set: Signal::default(),
            touched: Ram::default(),
            filled: Ram::default(),
            missed: Reg::default(),
            missed_set: Reg::default(),
            missed_tree: Reg::default(),
            touch_tree: Signal::default(),
            fill_tree: Signal::default(),
            second: Signal::default(),
            third: Signal::default(),
            fourth: Signal::default(),
            leaf: Signal::default(),
            set: Signal::default(),
            way: Signal::default(),
            old: Signal::default(),
            point: PlruPoint::default(),
            tree: Signal::default(),
            write: Signal::default(),
        }
    }
}

impl<const S: usize> Logic for Plru<S> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, missed, missed_set, missed_tree);
        clock!(self, clock, touched, filled);
        self.touched.read_address.next = self.touch_ahead.val();
        self.filled.read_address.next = self.fill_ahead.val();
        self.touch_tree.next = self.touched.read_data.val();
        if self.missed.q.val() && (self.missed_set.q.val() == self.touch_set.val()) {
            self.touch_tree.next = self.missed_tree.q.val();
        }
        self.fill_tree.next = self.filled.read_data.val();
        if self.missed.q.val() && (self.missed_set.q.val() == self.fill_set.val()) {
            self.fill_tree.next = self.missed_tree.q.val();
        }

        self.second.next = bit_cast::<2, 1>(self.fill_tree.val().get_bits::<1>(1)) | 2;
        self.third.next = (bit_cast::<3, 2>(self.second.val()) << 1)
            | bit_cast::<3, 1>(self.fill_tree.val().get_bits::<1>(self.second.val().index()));
        self.fourth.next = (bit_cast::<4, 3>(self.third.val()) << 1)
            | bit_cast::<4, 1>(self.fill_tree.val().get_bits::<1>(self.third.val().index()));
        self.leaf.next = (bit_cast::<4, 3>(self.fourth.val().get_bits::<3>(0)) << 1)
            | bit_cast::<4, 1>(self.fill_tree.val().get_bits::<1>(self.fourth.val().index()));
        self.victim.next = self.leaf.val();

        self.set.next = self.touch_set.val();
        self.way.next = self.touch_way.val();
        self.old.next = self.touch_tree.val();
        if self.fill.val() {
            self.set.next = self.fill_set.val();
            self.way.next = self.leaf.val();
            self.old.next = self.fill_tree.val();
        }
        self.point.old.next = self.old.val();
        self.point.way.next = self.way.val();
        self.tree.next = self.point.tree.val();
        if self.clear.val() {
            self.set.next = self.clear_set.val();
            self.tree.next = 0.into();
        }
        self.write.next = self.touch.val() || self.fill.val() || self.clear.val();
        self.touched.write_enable.next = self.write.val();
        self.touched.write_address.next = self.set.val();
        self.touched.write_data.next = self.tree.val();
        self.filled.write_enable.next = self.write.val();
        self.filled.write_address.next = self.set.val();
        self.filled.write_data.next = self.tree.val();
        self.missed.d.next = self.write.val();
        self.missed_set.d.next = self.set.val();
        self.missed_tree.d.next = self.tree.val();
    }
    unit!("sgcn_plru", S);
}

/// Makes the four nodes above a way point away from it.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct PlruPoint {
    /// The tree.
    pub old: Signal<In, Bits<16>>,
    /// The way.
    pub way: Signal<In, Bits<4>>,
    /// The tree that points away.
    pub tree: Signal<Out, Bits<16>>,
    second: Signal<Local, Bits<4>>,
    third: Signal<Local, Bits<4>>,
    fourth: Signal<Local, Bits<4>>,
    one: Signal<Local, Bits<16>>,
    two: Signal<Local, Bits<16>>,
    three: Signal<Local, Bits<16>>,
}

impl Logic for PlruPoint {
    #[hdl_gen]
    fn update(&mut self) {
        self.second.next = bit_cast::<4, 1>(self.way.val().get_bits::<1>(3)) | 2;
        self.third.next = bit_cast::<4, 2>(self.way.val().get_bits::<2>(2)) | 4;
        self.fourth.next = bit_cast::<4, 3>(self.way.val().get_bits::<3>(1)) | 8;
        self.one.next = self.old.val().replace_bit(1, !self.way.val().get_bit(3));
        self.two.next = self.one.val().replace_bit(self.second.val().index(), !self.way.val().get_bit(2));
        self.three.next = self.two.val().replace_bit(self.third.val().index(), !self.way.val().get_bit(1));
        self.tree.next = self.three.val().replace_bit(self.fourth.val().index(), !self.way.val().get_bit(0));
    }
    unit!("sgcn_plru_point");
}
