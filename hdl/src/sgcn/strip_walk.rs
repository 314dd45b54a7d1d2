use crate::prelude::*;

/// Walks over the strips of a graph, slice by slice: from `first` on in steps of `step` rows, then the same in the next slice.
///
/// What it says of a strip is right from the fourth cycle after `start` or `advance` on.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct StripWalk {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Goes to the first strip.
    pub start: Signal<In, Bit>,
    /// Its first row; this and what follows is stable from `start` on.
    pub first: Signal<In, Bits<32>>,
    /// Rows from one strip to the next.
    pub step: Signal<In, Bits<32>>,
    /// Rows of a strip.
    pub height: Signal<In, Bits<32>>,
    /// Rows of the graph.
    pub rows: Signal<In, Bits<32>>,
    /// Columns of the features.
    pub width: Signal<In, Bits<13>>,
    /// Columns of a slice.
    pub slice: Signal<In, Bits<9>>,
    /// Goes to the next strip.
    pub advance: Signal<In, Bit>,
    /// The strip's first row.
    pub row: Signal<Out, Bits<32>>,
    /// The row after its last.
    pub past: Signal<Out, Bits<32>>,
    /// Rows of all slices before this one.
    pub base: Signal<Out, Bits<32>>,
    /// Lines of all slices before this one in a dense row.
    pub line: Signal<Out, Bits<9>>,
    /// Segments of 16 columns in this slice.
    pub segments: Signal<Out, Bits<5>>,
    /// There is no strip.
    pub exhausted: Signal<Out, Bit>,
    at: Reg<Bits<32>>,
    column: Reg<Bits<13>>,
    before: Reg<Bits<32>>,
    ended: Reg<Bit>,
    sum: Reg<Bits<32>>,
    wraps: Reg<Bit>,
    reach: Reg<Bits<32>>,
    stop: Reg<Bits<32>>,
    left: Reg<Bits<13>>,
    last_slice: Reg<Bit>,
    count: Reg<Bits<5>>,
    padded: Signal<Local, Bits<13>>,
    final_slice: Signal<Local, Bit>,
}

impl Logic for StripWalk {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, at, column, before, ended, sum, wraps, reach, stop, left, last_slice, count);
        self.sum.d.next = self.at.q.val() + self.step.val();
        self.wraps.d.next = self.sum.q.val() >= self.rows.val();
        self.reach.d.next = self.at.q.val() + self.height.val();
        self.stop.d.next = self.reach.q.val();
        if self.reach.q.val() > self.rows.val() {
            self.stop.d.next = self.rows.val();
        }
        self.left.d.next = self.width.val() - self.column.q.val();
        self.final_slice.next = self.left.q.val() <= bit_cast::<13, 9>(self.slice.val());
        self.last_slice.d.next = self.final_slice.val();
        self.padded.next = self.left.q.val() + 15;
        self.count.d.next = self.slice.val().get_bits::<5>(4);
        if self.final_slice.val() {
            self.count.d.next = self.padded.val().get_bits::<5>(4);
        }

        if self.advance.val() {
            self.at.d.next = self.sum.q.val();
            if self.wraps.q.val() {
                self.at.d.next = self.first.val();
                self.column.d.next = self.column.q.val() + bit_cast::<13, 9>(self.slice.val());
                self.before.d.next = self.before.q.val() + self.rows.val();
                self.ended.d.next = self.last_slice.q.val();
            }
        }
        if self.start.val() {
            self.at.d.next = self.first.val();
            self.column.d.next = 0.into();
            self.before.d.next = 0.into();
            self.ended.d.next = self.first.val() >= self.rows.val();
        }
        self.row.next = self.at.q.val();
        self.past.next = self.stop.q.val();
        self.base.next = self.before.q.val();
        self.line.next = self.column.q.val().get_bits::<9>(4);
        self.segments.next = self.count.q.val();
        self.exhausted.next = self.ended.q.val();
    }
    unit!("sgcn_strip_walk");
}
