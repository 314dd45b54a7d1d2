use crate::prelude::*;
use crate::stream::Credit;

/// Lets groups of elements into a pipeline that cannot wait, when `T` buffers behind it have room for all that is in it.
///
/// `2^K` groups make a beat, and a beat needs a place in each buffer: the first group of a beat waits for the places, the
/// others have them already. `DEPTH` is the places of a buffer. It does not see the buffers; they tell it by `freed`.
#[derive(Clone, Debug, LogicBlock)]
pub struct Gate<const T: usize, const K: usize, const C: usize, const DEPTH: u64> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// All places are free.
    pub reset: Signal<In, Bit>,
    /// A group is offered.
    pub s_valid: Signal<In, Bit>,
    /// It enters in this cycle, if it is offered.
    pub s_ready: Signal<Out, Bit>,
    /// A group enters the pipeline in this cycle.
    pub enter: Signal<Out, Bit>,
    /// Whether this buffer takes part; without it its places do not count.
    pub used: [Signal<In, Bit>; T],
    /// A beat has left this buffer.
    pub freed: [Signal<In, Bit>; T],
    credit: [Credit<C, DEPTH>; T],
    group: Reg<Bits<K>>,
    room: Signal<Local, Bit>,
    first: Signal<Local, Bit>,
}

impl<const T: usize, const K: usize, const C: usize, const DEPTH: u64> Default for Gate<T, K, C, DEPTH> {
    fn default() -> Self {
        Gate {
            clock: Signal::default(),
            reset: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            enter: Signal::default(),
            used: std::array::from_fn(|_| Signal::default()),
            freed: std::array::from_fn(|_| Signal::default()),
            credit: std::array::from_fn(|_| Credit::default()),
            group: Reg::default(),
            room: Signal::default(),
            first: Signal::default(),
        }
    }
}

impl<const T: usize, const K: usize, const C: usize, const DEPTH: u64> Logic for Gate<T, K, C, DEPTH> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, group);
        self.first.next = !self.group.q.val().any();
        self.room.next = true;
        for i in 0..T {
            if self.first.val() && self.used[i].val() && !self.credit[i].available.val().any() {
                self.room.next = false;
            }
        }
        self.s_ready.next = self.room.val();
        self.enter.next = self.s_valid.val() && self.room.val();
        for i in 0..T {
            self.credit[i].clock.next = self.clock.val();
            self.credit[i].reset.next = self.reset.val();
            self.credit[i].take.next = self.enter.val() && self.first.val() && self.used[i].val();
            self.credit[i].amount.next = 1.into();
            self.credit[i].give.next = self.freed[i].val();
        }
        if self.enter.val() {
            self.group.d.next = self.group.q.val() + 1;
        }
        if self.reset.val() {
            self.group.d.next = 0.into();
        }
    }
    unit!("gate", T, K, DEPTH);
}
