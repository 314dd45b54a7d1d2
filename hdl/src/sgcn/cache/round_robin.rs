use crate::prelude::*;

/// Chooses one of `N` that ask, in turn: the first behind the one that was served last.
///
/// Combinational but for the memory of who that was.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct RoundRobin<const N: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The next turn begins with the first.
    pub reset: Signal<In, Bit>,
    /// Who asks.
    pub request: Signal<In, Bits<N>>,
    /// The one that is chosen is served in this cycle.
    pub taken: Signal<In, Bit>,
    /// The one that is chosen, one-hot; 0 if nobody asks.
    pub grant: Signal<Out, Bits<N>>,
    /// Somebody asks.
    pub any: Signal<Out, Bit>,
    /// Those behind the one that was served last.
    behind: Reg<Bits<N>>,
    later: Signal<Local, Bits<N>>,
    chosen: Signal<Local, Bits<N>>,
}

impl<const N: usize> Logic for RoundRobin<N> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, behind);
        self.later.next = self.request.val() & self.behind.q.val();
        comment!("The lowest bit that is set.");
        self.chosen.next = self.request.val() & (0 - self.request.val());
        if self.later.val().any() {
            self.chosen.next = self.later.val() & (0 - self.later.val());
        }
        self.grant.next = self.chosen.val();
        self.any.next = self.request.val().any();
        if self.taken.val() {
            self.behind.d.next = !(self.chosen.val() | (self.chosen.val() - 1));
        }
        if self.reset.val() {
            self.behind.d.next = 0.into();
        }
    }
    unit!("sgcn_round_robin", N);
}
