use crate::prelude::*;
use crate::sgcn::layout::*;
use crate::stream::{Fifo, StreamOut};

/// What a row reader does next.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum RowsPhase {
    /// Wants a strip.
    Want,
    /// Multiplies the first row by the lines of a row.
    Scale,
    /// Asks for a line of row pointers.
    Ask,
    /// Waits for it.
    Wait,
    /// Takes a pointer out of it.
    Pick,
    /// Compares it with the one before.
    Weigh,
    /// Hands the row on.
    Hand,
    /// A pointer is wrong.
    Fault,
}

/// Reads the row pointers of an engine's strips and hands on the rows, with where their results go.
///
/// A row in three cycles, into a queue of 16. Pointers that decrease, or point behind the last edge, end it with `fault`.
#[derive(Clone, Debug, LogicBlock)]
pub struct Rows {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets everything.
    pub reset: Signal<In, Bit>,
    /// Takes no strip.
    pub stop: Signal<In, Bit>,
    /// Line address of the row pointers; this and the next three are stable during a run.
    pub row_pointers: Signal<In, Bits<32>>,
    /// Line address of the output.
    pub results: Signal<In, Bits<32>>,
    /// Edges of the graph.
    pub edges: Signal<In, Bits<32>>,
    /// Lines of a dense row.
    pub row_lines: Signal<In, Bits<9>>,
    /// A strip can be taken.
    pub want: Signal<Out, Bit>,
    /// It is given, as said below; see [`crate::sgcn::Dispatch`].
    pub give: Signal<In, Bit>,
    /// Its first row.
    pub row: Signal<In, Bits<32>>,
    /// The row after its last.
    pub stop_at: Signal<In, Bits<32>>,
    /// Rows of all slices before.
    pub base: Signal<In, Bits<32>>,
    /// Lines of all slices before in a dense row.
    pub line: Signal<In, Bits<9>>,
    /// Segments of the slice.
    pub segments: Signal<In, Bits<5>>,
    /// Lines of pointers.
    pub request: StreamOut<REQUEST_BITS>,
    /// The line that was asked for is there.
    pub arrive: Signal<In, Bit>,
    /// It.
    pub data: Signal<In, Bits<512>>,
    /// Rows; see [`crate::sgcn::layout`].
    pub m: StreamOut<ROW_BITS>,
    /// There are rows to come.
    pub busy: Signal<Out, Bit>,
    /// A pointer is wrong; until reset.
    pub fault: Signal<Out, Bit>,
    /// Whose.
    pub fault_row: Signal<Out, Bits<32>>,
    queue: Fifo<ROW_BITS, 4, 5>,
    phase: Reg<RowsPhase>,
    at: Reg<Bits<32>>,
    until: Reg<Bits<32>>,
    base_of: Reg<Bits<32>>,
    line_of: Reg<Bits<9>>,
    segments_of: Reg<Bits<5>>,
    scaled: Reg<Bits<2>>,
    product: Reg<Bits<41>>,
    start: Reg<Bits<32>>,
    out: Reg<Bits<32>>,
    /// The pointer that is looked for.
    index: Reg<Bits<32>>,
    words: Reg<Bits<512>>,
    pointer: Reg<Bits<32>>,
    before: Reg<Bits<32>>,
    begun: Reg<Bit>,
    wrong: Reg<Bit>,
    scale: Mul<32, 9, 41>,
    word: Signal<Local, Bits<4>>,
    address: Signal<Local, Bits<32>>,
    place: Signal<Local, Bits<ROW_BITS>>,
    bounds: Signal<Local, Bits<ROW_BITS>>,
    tag: Constant<Bits<REQUEST_BITS>>,
}

impl Default for Rows {
    fn default() -> Self {
        Rows {
            clock: Signal::default(),
            reset: Signal::default(),
            stop: Signal::default(),
            row_pointers: Signal::default(),
            results: Signal::default(),
            edges: Signal::default(),
            row_lines: Signal::default(),
            want: Signal::default(),
            give: Signal::default(),
            row: Signal::default(),
            stop_at: Signal::default(),
            base: Signal::default(),
            line: Signal::default(),
            segments: Signal::default(),
            request: StreamOut::default(),
            arrive: Signal::default(),
            data: Signal::default(),
            m: StreamOut::default(),
            busy: Signal::default(),
            fault: Signal::default(),
            fault_row: Signal::default(),
            queue: Fifo::default(),
            phase: Reg::new(RowsPhase::Want),
            at: Reg::default(),
            until: Reg::default(),
            base_of: Reg::default(),
            line_of: Reg::default(),
            segments_of: Reg::default(),
            scaled: Reg::default(),
            product: Reg::default(),
            start: Reg::default(),
            out: Reg::default(),
            index: Reg::default(),
            words: Reg::default(),
            pointer: Reg::default(),
            before: Reg::default(),
            begun: Reg::default(),
            wrong: Reg::default(),
            scale: Mul::default(),
            word: Signal::default(),
            address: Signal::default(),
            place: Signal::default(),
            bounds: Signal::default(),
            tag: Constant::new((KIND_ROW << (REQUEST_TAG + 8)).into()),
        }
    }
}

impl Logic for Rows {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, at, until, base_of, line_of, segments_of, scaled, product, start, out);
        dff_setup!(self, clock, index, words, pointer, before, begun, wrong);
        clock!(self, clock, queue);
        self.queue.reset.next = self.reset.val();

        self.word.next = self.index.q.val().get_bits::<4>(0);
        self.scale.a.next = self.at.q.val();
        self.scale.b.next = self.row_lines.val();
        self.product.d.next = self.scale.p.val();
        self.start.d.next = self.results.val() + bit_cast::<32, 9>(self.line_of.q.val());

        self.place.next = bit_cast::<ROW_BITS, 31>(self.at.q.val().get_bits::<31>(0))
            | (bit_cast::<ROW_BITS, 32>(self.out.q.val()) << 31)
            | (bit_cast::<ROW_BITS, 32>(self.base_of.q.val()) << 63)
            | (bit_cast::<ROW_BITS, 9>(self.line_of.q.val()) << 95)
            | (bit_cast::<ROW_BITS, 5>(self.segments_of.q.val()) << 104);
        self.bounds.next = (bit_cast::<ROW_BITS, 32>(self.before.q.val()) << 109)
            | (bit_cast::<ROW_BITS, 32>(self.pointer.q.val()) << 141);
        self.queue.s.data.next = self.place.val() | self.bounds.val();
        self.queue.s.valid.next = (self.phase.q.val() == RowsPhase::Hand) && !self.wrong.q.val();
        self.request.valid.next = self.phase.q.val() == RowsPhase::Ask;
        self.address.next = self.row_pointers.val() + bit_cast::<32, 28>(self.index.q.val().get_bits::<28>(4));
        self.request.data.next = self.tag.val() | bit_cast::<REQUEST_BITS, 32>(self.address.val());
        self.want.next = (self.phase.q.val() == RowsPhase::Want) && !self.stop.val();

        match self.phase.q.val() {
            RowsPhase::Want => {
                self.scaled.d.next = 0.into();
                self.begun.d.next = false;
                self.at.d.next = self.row.val();
                self.index.d.next = self.row.val();
                self.until.d.next = self.stop_at.val();
                self.base_of.d.next = self.base.val();
                self.line_of.d.next = self.line.val();
                self.segments_of.d.next = self.segments.val();
                if self.give.val() {
                    self.phase.d.next = RowsPhase::Scale;
                }
            }
            RowsPhase::Scale => {
                self.scaled.d.next = self.scaled.q.val() + 1;
                self.out.d.next = self.start.q.val() + self.product.q.val().get_bits::<32>(0);
                if self.scaled.q.val().get_bit(1) {
                    self.phase.d.next = RowsPhase::Ask;
                }
            }
            RowsPhase::Ask => {
                if self.request.ready.val() {
                    self.phase.d.next = RowsPhase::Wait;
                }
            }
            RowsPhase::Wait => {
                self.words.d.next = self.data.val();
                if self.arrive.val() {
                    self.phase.d.next = RowsPhase::Pick;
                }
            }
            RowsPhase::Pick => {
                self.pointer.d.next = self.words.q.val().get_bits::<32>(self.word.val().index() * 32);
                self.before.d.next = self.pointer.q.val();
                self.phase.d.next = RowsPhase::Weigh;
            }
            RowsPhase::Weigh => {
                self.wrong.d.next = (self.pointer.q.val() > self.edges.val())
                    || (self.begun.q.val() && (self.before.q.val() > self.pointer.q.val()));
                self.phase.d.next = RowsPhase::Hand;
                if !self.begun.q.val() {
                    comment!("The strip's first pointer is nobody's end.");
                    self.begun.d.next = true;
                    self.index.d.next = self.index.q.val() + 1;
                    self.phase.d.next = RowsPhase::Pick;
                    if self.word.val().all() {
                        self.phase.d.next = RowsPhase::Ask;
                    }
                }
            }
            RowsPhase::Hand => {
                if self.queue.s.ready.val() && !self.wrong.q.val() {
                    self.index.d.next = self.index.q.val() + 1;
                    self.at.d.next = self.index.q.val();
                    self.out.d.next = self.out.q.val() + bit_cast::<32, 9>(self.row_lines.val());
                    self.phase.d.next = RowsPhase::Pick;
                    if self.word.val().all() {
                        self.phase.d.next = RowsPhase::Ask;
                    }
                    if self.index.q.val() == self.until.q.val() {
                        self.phase.d.next = RowsPhase::Want;
                    }
                }
                if self.wrong.q.val() {
                    self.phase.d.next = RowsPhase::Fault;
                }
            }
            RowsPhase::Fault => {}
        }
        StreamOut::<ROW_BITS>::link(&mut self.m, &mut self.queue.m);
        self.busy.next = (self.phase.q.val() != RowsPhase::Want) || self.queue.fill.val().any();
        self.fault.next = self.phase.q.val() == RowsPhase::Fault;
        self.fault_row.next = self.at.q.val();
        if self.reset.val() {
            self.phase.d.next = RowsPhase::Want;
            self.wrong.d.next = false;
        }
    }
    unit!("sgcn_rows");
}
