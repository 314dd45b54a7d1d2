use crate::prelude::*;

/// One of the rows at which an engine works: which edge is next, and whether its ids and weights are there.
///
/// From `adopt` to `freed` it is not free. A line of ids, and of weights, holds 16 edges; when the last of them is taken the next is
/// wanted.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Context {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Free again.
    pub reset: Signal<In, Bit>,
    /// Weights are read.
    pub weighted: Signal<In, Bit>,
    /// Takes a row, if free.
    pub adopt: Signal<In, Bit>,
    /// Its first edge.
    pub first: Signal<In, Bits<32>>,
    /// The edge after its last.
    pub past: Signal<In, Bits<32>>,
    /// The next edge is taken.
    pub take: Signal<In, Bit>,
    /// The wanted line of ids was asked for.
    pub column_asked: Signal<In, Bit>,
    /// It is there.
    pub column_came: Signal<In, Bit>,
    /// The wanted line of weights was asked for.
    pub weight_asked: Signal<In, Bit>,
    /// It is there.
    pub weight_came: Signal<In, Bit>,
    /// The row's result has left.
    pub freed: Signal<In, Bit>,
    /// It can take a row.
    pub free: Signal<Out, Bit>,
    /// An edge can be taken.
    pub ready: Signal<Out, Bit>,
    /// A line of ids is wanted.
    pub want_column: Signal<Out, Bit>,
    /// A line of weights is wanted.
    pub want_weight: Signal<Out, Bit>,
    /// The next edge.
    pub position: Signal<Out, Bits<32>>,
    /// It is the row's last.
    pub last: Signal<Out, Bit>,
    /// The row has no edges, and this one stands for that.
    pub hollow: Signal<Out, Bit>,
    used: Reg<Bit>,
    /// Edges are still to be taken.
    open: Reg<Bit>,
    empty: Reg<Bit>,
    at: Reg<Bits<32>>,
    left: Reg<Bits<32>>,
    column_wanted: Reg<Bit>,
    weight_wanted: Reg<Bit>,
    column_there: Reg<Bit>,
    weight_there: Reg<Bit>,
    final_edge: Signal<Local, Bit>,
}

impl Logic for Context {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, used, open, empty, at, left);
        dff_setup!(self, clock, column_wanted, weight_wanted, column_there, weight_there);
        self.final_edge.next = self.empty.q.val() || (self.left.q.val() == 1);
        if self.column_asked.val() {
            self.column_wanted.d.next = false;
        }
        if self.weight_asked.val() {
            self.weight_wanted.d.next = false;
        }
        if self.column_came.val() {
            self.column_there.d.next = true;
        }
        if self.weight_came.val() {
            self.weight_there.d.next = true;
        }
        if self.take.val() {
            self.at.d.next = self.at.q.val() + 1;
            self.left.d.next = self.left.q.val() - 1;
            if self.final_edge.val() {
                self.open.d.next = false;
            } else if self.at.q.val().get_bits::<4>(0).all() {
                self.column_there.d.next = false;
                self.weight_there.d.next = !self.weighted.val();
                self.column_wanted.d.next = true;
                self.weight_wanted.d.next = self.weighted.val();
            }
        }
        if self.freed.val() {
            self.used.d.next = false;
        }
        if self.adopt.val() {
            self.used.d.next = true;
            self.open.d.next = true;
            self.at.d.next = self.first.val();
            self.left.d.next = self.past.val() - self.first.val();
            self.empty.d.next = self.first.val() == self.past.val();
            self.column_there.d.next = self.first.val() == self.past.val();
            self.weight_there.d.next = !self.weighted.val() || (self.first.val() == self.past.val());
            self.column_wanted.d.next = self.first.val() != self.past.val();
            self.weight_wanted.d.next = self.weighted.val() && (self.first.val() != self.past.val());
        }
        self.free.next = !self.used.q.val();
        self.ready.next = self.open.q.val() && self.column_there.q.val() && self.weight_there.q.val();
        self.want_column.next = self.column_wanted.q.val();
        self.want_weight.next = self.weight_wanted.q.val();
        self.position.next = self.at.q.val();
        self.last.next = self.final_edge.val();
        self.hollow.next = self.empty.q.val();
        if self.reset.val() {
            self.used.d.next = false;
            self.open.d.next = false;
            self.column_wanted.d.next = false;
            self.weight_wanted.d.next = false;
        }
    }
    unit!("sgcn_context");
}
