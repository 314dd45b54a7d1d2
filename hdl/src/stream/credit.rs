use crate::prelude::*;

/// Counts free places of a buffer that lies some way off, so that no more is sent than will fit.
///
/// `available` starts at `START`, falls by `amount` in a cycle with `take` and rises by one in a cycle with `give`, both at
/// once if need be. It does not guard itself: whoever takes more than is available, or gives more than was taken, gets a
/// wrong count.
#[derive(Clone, Debug, LogicBlock)]
pub struct Credit<const C: usize, const START: u64> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Back to `START`.
    pub reset: Signal<In, Bit>,
    /// `amount` places are taken.
    pub take: Signal<In, Bit>,
    /// How many.
    pub amount: Signal<In, Bits<C>>,
    /// One place has become free.
    pub give: Signal<In, Bit>,
    /// Places that may be taken.
    pub available: Signal<Out, Bits<C>>,
    count: Reg<Bits<C>>,
    kept: Signal<Local, Bits<C>>,
}

impl<const C: usize, const START: u64> Default for Credit<C, START> {
    fn default() -> Self {
        Credit {
            clock: Signal::default(),
            reset: Signal::default(),
            take: Signal::default(),
            amount: Signal::default(),
            give: Signal::default(),
            available: Signal::default(),
            count: Reg::new(START.into()),
            kept: Signal::default(),
        }
    }
}

impl<const C: usize, const START: u64> Logic for Credit<C, START> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, count);
        self.available.next = self.count.q.val();
        self.kept.next = self.count.q.val();
        if self.take.val() {
            self.kept.next = self.count.q.val() - self.amount.val();
        }
        self.count.d.next = self.kept.val();
        if self.give.val() {
            self.count.d.next = self.kept.val() + 1;
        }
        if self.reset.val() {
            self.count.d.next = START.into();
        }
    }
    unit!("stream_credit", C, START);
}
