use crate::prelude::*;
use crate::stream::Credit;

/// Lets groups of elements into a pipeline that cannot wait, when `T` buffers behind it have room for all that is in it.
///
/// `2^K` groups make a beat, and a beat needs a place in each buffer: the first group of a beat waits for the places, the
/// others have them already. In the last buffer, which has elements of half the size, `2^HK` groups make a beat, `HK = K + 1`.
/// `DEPTH` is the places of a buffer. It does not see the buffers; they tell it by `freed`.
#[derive(Clone, Debug, LogicBlock)]
pub struct Gate<const T: usize, const K: usize, const HK: usize, const C: usize, const DEPTH: u64> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// All places are free, and the next group is a beat's first in every buffer.
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
    group: Reg<Bits<HK>>,
    room: Signal<Local, Bit>,
    /// The group is a beat's first in this buffer.
    first: [Signal<Local, Bit>; T],
}

impl<const T: usize, const K: usize, const HK: usize, const C: usize, const DEPTH: u64> Default
    for Gate<T, K, HK, C, DEPTH>
{
    fn default() -> Self {
        assert!(HK == K + 1, "Gate: half as large, twice as many");
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
            first: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl<const T: usize, const K: usize, const HK: usize, const C: usize, const DEPTH: u64> Logic
    for Gate<T, K, HK, C, DEPTH>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, group);
        self.room.next = true;
        for i in 0..T {
            if i + 1 < T {
                self.first[i].next = !self.group.q.val().get_bits::<K>(0).any();
            } else {
                self.first[i].next = !self.group.q.val().any();
            }
            if self.first[i].val() && self.used[i].val() && !self.credit[i].available.val().any() {
                self.room.next = false;
            }
        }
        self.s_ready.next = self.room.val();
        self.enter.next = self.s_valid.val() && self.room.val();
        for i in 0..T {
            self.credit[i].clock.next = self.clock.val();
            self.credit[i].reset.next = self.reset.val();
            self.credit[i].take.next = self.enter.val() && self.first[i].val() && self.used[i].val();
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
    unit!("gate", T, K, DEPTH; HK);
}
