use super::Context;
use crate::prelude::*;
use crate::sgcn::layout::*;
use crate::stream::{Fifo, StreamIn, StreamOut};

/// Rows at which an engine works.
pub const CONTEXTS: usize = 16;

const _: () =
    assert!(CONTEXTS == 16, "a context has a number of four bits, and the loop over all but the first ends at 15");

/// Reads the column ids and weights of up to 16 rows at once and hands on their edges, a row after the other in turn, so that the
/// same row's accumulators are not wanted twice in a row.
///
/// An edge a cycle where lines are there. A column id that is not below `vertices` ends it with `fault`.
#[derive(Clone, Debug, LogicBlock)]
pub struct Edges {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets everything.
    pub reset: Signal<In, Bit>,
    /// Hands on nothing more.
    pub stop: Signal<In, Bit>,
    /// Line address of the column ids; this and the next four are stable during a run.
    pub columns: Signal<In, Bits<32>>,
    /// Line address of the weights.
    pub weights: Signal<In, Bits<32>>,
    /// There are weights; else each is 1.
    pub weighted: Signal<In, Bit>,
    /// Bit 31 of a column id means something.
    pub bypass: Signal<In, Bit>,
    /// Vertices of the graph.
    pub vertices: Signal<In, Bits<32>>,
    /// Rows.
    pub s: StreamIn<ROW_BITS>,
    /// A row's result has left.
    pub freed: Signal<In, Bit>,
    /// Its context.
    pub freed_context: Signal<In, Bits<4>>,
    /// Lines of ids and weights.
    pub request: StreamOut<REQUEST_BITS>,
    /// A line of ids is there.
    pub column_arrive: Signal<In, Bit>,
    /// A line of weights is there.
    pub weight_arrive: Signal<In, Bit>,
    /// The context that wanted it.
    pub arrive_context: Signal<In, Bits<4>>,
    /// It.
    pub data: Signal<In, Bits<512>>,
    /// Edges; see [`crate::sgcn::layout`].
    pub m: StreamOut<EDGE_BITS>,
    /// There are rows here.
    pub busy: Signal<Out, Bit>,
    /// A column id is wrong; until reset.
    pub fault: Signal<Out, Bit>,
    /// In which row.
    pub fault_row: Signal<Out, Bits<32>>,
    context: [Context; CONTEXTS],
    places: Ram<4, PLACE_BITS>,
    column_lines: Ram<4, 512>,
    weight_lines: Ram<4, 512>,
    queue: Fifo<EDGE_BITS, 4, 5>,
    /// The context that gets the next row.
    spare: Signal<Local, Bits<4>>,
    any_spare: Signal<Local, Bit>,
    any_used: Signal<Local, Bit>,
    takes: Signal<Local, Bit>,
    /// Whose line is asked for next.
    wanting: Signal<Local, Bit>,
    wanting_weight: Signal<Local, Bit>,
    wanter: Signal<Local, Bits<4>>,
    wanted_line: Signal<Local, Bits<28>>,
    asks: Signal<Local, Bit>,
    asked: Reg<Bit>,
    asked_weight: Reg<Bit>,
    asked_context: Reg<Bits<4>>,
    asked_line: Reg<Bits<28>>,
    asked_base: Signal<Local, Bits<32>>,
    asked_tag: Signal<Local, Bits<REQUEST_BITS>>,
    /// The context whose edge is taken.
    pick: Signal<Local, Bits<4>>,
    any_ready: Signal<Local, Bit>,
    picks: Signal<Local, Bit>,
    picked: Reg<Bit>,
    turn: Reg<Bits<4>>,
    word: Reg<Bits<4>>,
    final_edge: Reg<Bit>,
    empty: Reg<Bit>,
    word_at: Signal<Local, Bits<4>>,
    final_at: Signal<Local, Bit>,
    empty_at: Signal<Local, Bit>,
    full: Reg<Bit>,
    full_context: Reg<Bits<4>>,
    full_last: Reg<Bit>,
    full_empty: Reg<Bit>,
    full_place: Reg<Bits<PLACE_BITS>>,
    column: Reg<Bits<32>>,
    weight: Reg<Bits<32>>,
    wrong: Signal<Local, Bit>,
    broken: Reg<Bit>,
    broken_row: Reg<Bits<31>>,
    one: Constant<Bits<32>>,
    column_tag: Constant<Bits<REQUEST_BITS>>,
    weight_tag: Constant<Bits<REQUEST_BITS>>,
}

impl Default for Edges {
    fn default() -> Self {
        let tag = |kind: u64| Constant::new((kind << (REQUEST_TAG + 8)).into());
        Edges {
            clock: Signal::default(),
            reset: Signal::default(),
            stop: Signal::default(),
            columns: Signal::default(),
            weights: Signal::default(),
            weighted: Signal::default(),
            bypass: Signal::default(),
            vertices: Signal::default(),
            s: StreamIn::default(),
            freed: Signal::default(),
            freed_context: Signal::default(),
            request: StreamOut::default(),
            column_arrive: Signal::default(),
            weight_arrive: Signal::default(),
            arrive_context: Signal::default(),
            data: Signal::default(),
            m: StreamOut::default(),
            busy: Signal::default(),
            fault: Signal::default(),
            fault_row: Signal::default(),
            context: std::array::from_fn(|_| Context::default()),
            places: Ram::default(),
            column_lines: Ram::default(),
            weight_lines: Ram::default(),
            queue: Fifo::default(),
            spare: Signal::default(),
            any_spare: Signal::default(),
            any_used: Signal::default(),
            takes: Signal::default(),
            wanting: Signal::default(),
            wanting_weight: Signal::default(),
            wanter: Signal::default(),
            wanted_line: Signal::default(),
            asks: Signal::default(),
            asked: Reg::default(),
            asked_weight: Reg::default(),
            asked_context: Reg::default(),
            asked_line: Reg::default(),
            asked_base: Signal::default(),
            asked_tag: Signal::default(),
            pick: Signal::default(),
            any_ready: Signal::default(),
            picks: Signal::default(),
            picked: Reg::default(),
            turn: Reg::default(),
            word: Reg::default(),
            final_edge: Reg::default(),
            empty: Reg::default(),
            word_at: Signal::default(),
            final_at: Signal::default(),
            empty_at: Signal::default(),
            full: Reg::default(),
            full_context: Reg::default(),
            full_last: Reg::default(),
            full_empty: Reg::default(),
            full_place: Reg::default(),
            column: Reg::default(),
            weight: Reg::default(),
            wrong: Signal::default(),
            broken: Reg::default(),
            broken_row: Reg::default(),
            one: Constant::new(0x3f80_0000_u64.into()),
            column_tag: tag(KIND_COLUMN),
            weight_tag: tag(KIND_WEIGHT),
        }
    }
}

impl Logic for Edges {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, asked, asked_weight, asked_context, asked_line, picked, turn, word, final_edge, empty);
        dff_setup!(self, clock, full, full_context, full_last, full_empty, full_place, column, weight);
        dff_setup!(self, clock, broken, broken_row);
        clock!(self, clock, places, column_lines, weight_lines, queue);
        self.queue.reset.next = self.reset.val();

        self.any_spare.next = false;
        self.any_used.next = false;
        self.spare.next = 0.into();
        self.wanting.next = false;
        self.wanting_weight.next = false;
        self.wanter.next = 0.into();
        self.wanted_line.next = 0.into();
        self.any_ready.next = false;
        self.pick.next = 0.into();
        for i in 0..CONTEXTS {
            if self.context[CONTEXTS - 1 - i].free.val() {
                self.any_spare.next = true;
                self.spare.next = (CONTEXTS - 1 - i).to_bits();
            } else {
                self.any_used.next = true;
            }
            if self.context[CONTEXTS - 1 - i].want_column.val() || self.context[CONTEXTS - 1 - i].want_weight.val() {
                self.wanting.next = true;
                self.wanting_weight.next = !self.context[CONTEXTS - 1 - i].want_column.val();
                self.wanter.next = (CONTEXTS - 1 - i).to_bits();
                self.wanted_line.next = self.context[CONTEXTS - 1 - i].position.val().get_bits::<28>(4);
            }
            if self.context[CONTEXTS - 1 - i].ready.val() {
                self.any_ready.next = true;
                self.pick.next = (CONTEXTS - 1 - i).to_bits();
            }
        }
        comment!("The next context after the last that was taken, if any, goes before the first of all.");
        for i in 0..15 {
            if self.context[CONTEXTS - 1 - i].ready.val() && (self.turn.q.val() < (CONTEXTS - 1 - i).to_bits()) {
                self.pick.next = (CONTEXTS - 1 - i).to_bits();
            }
        }

        self.s.ready.next = self.any_spare.val();
        self.takes.next = self.s.valid.val() && self.any_spare.val();
        self.places.write_enable.next = self.takes.val();
        self.places.write_address.next = self.spare.val();
        self.places.write_data.next = self.s.data.val().get_bits::<PLACE_BITS>(0);

        self.asks.next = self.wanting.val() && (!self.asked.q.val() || self.request.ready.val());
        if self.request.ready.val() {
            self.asked.d.next = false;
        }
        if self.asks.val() {
            self.asked.d.next = true;
            self.asked_weight.d.next = self.wanting_weight.val();
            self.asked_context.d.next = self.wanter.val();
            self.asked_line.d.next = self.wanted_line.val();
        }
        self.request.valid.next = self.asked.q.val();
        self.asked_base.next = self.columns.val();
        if self.asked_weight.q.val() {
            self.asked_base.next = self.weights.val();
        }
        self.asked_tag.next = self.column_tag.val();
        if self.asked_weight.q.val() {
            self.asked_tag.next = self.weight_tag.val();
        }
        self.request.data.next =
            bit_cast::<REQUEST_BITS, 32>(self.asked_base.val() + bit_cast::<32, 28>(self.asked_line.q.val()))
                | (bit_cast::<REQUEST_BITS, 4>(self.asked_context.q.val()) << 32)
                | self.asked_tag.val();

        comment!("Three edges are on their way to the queue at most.");
        self.picks.next = self.any_ready.val() && !self.queue.fill.val().get_bits::<2>(3).any() && !self.stop.val();
        self.picked.d.next = self.picks.val();
        self.word_at.next = 0.into();
        self.final_at.next = false;
        self.empty_at.next = false;
        for i in 0..CONTEXTS {
            self.context[i].clock.next = self.clock.val();
            self.context[i].reset.next = self.reset.val();
            self.context[i].weighted.next = self.weighted.val();
            self.context[i].first.next = self.s.data.val().get_bits::<32>(ROW_BEGIN);
            self.context[i].past.next = self.s.data.val().get_bits::<32>(ROW_END);
            self.context[i].adopt.next = self.takes.val() && (self.spare.val() == i.to_bits());
            self.context[i].take.next = self.picks.val() && (self.pick.val() == i.to_bits());
            self.context[i].column_asked.next =
                self.asks.val() && !self.wanting_weight.val() && (self.wanter.val() == i.to_bits());
            self.context[i].weight_asked.next =
                self.asks.val() && self.wanting_weight.val() && (self.wanter.val() == i.to_bits());
            self.context[i].column_came.next = self.column_arrive.val() && (self.arrive_context.val() == i.to_bits());
            self.context[i].weight_came.next = self.weight_arrive.val() && (self.arrive_context.val() == i.to_bits());
            self.context[i].freed.next = self.freed.val() && (self.freed_context.val() == i.to_bits());
            if self.pick.val() == i.to_bits() {
                self.word_at.next = self.context[i].position.val().get_bits::<4>(0);
                self.final_at.next = self.context[i].last.val();
                self.empty_at.next = self.context[i].hollow.val();
            }
        }
        self.column_lines.write_enable.next = self.column_arrive.val();
        self.column_lines.write_address.next = self.arrive_context.val();
        self.column_lines.write_data.next = self.data.val();
        self.weight_lines.write_enable.next = self.weight_arrive.val();
        self.weight_lines.write_address.next = self.arrive_context.val();
        self.weight_lines.write_data.next = self.data.val();
        self.places.read_address.next = self.pick.val();
        self.column_lines.read_address.next = self.pick.val();
        self.weight_lines.read_address.next = self.pick.val();
        if self.picks.val() {
            self.turn.d.next = self.pick.val();
        }
        self.word.d.next = self.word_at.val();
        self.final_edge.d.next = self.final_at.val();
        self.empty.d.next = self.empty_at.val();

        self.full.d.next = self.picked.q.val();
        self.full_context.d.next = self.turn.q.val();
        self.full_last.d.next = self.final_edge.q.val();
        self.full_empty.d.next = self.empty.q.val();
        self.full_place.d.next = self.places.read_data.val();
        self.column.d.next = self.column_lines.read_data.val().get_bits::<32>(self.word.q.val().index() * 32);
        self.weight.d.next = self.weight_lines.read_data.val().get_bits::<32>(self.word.q.val().index() * 32);
        if !self.weighted.val() {
            self.weight.d.next = self.one.val();
        }

        self.wrong.next = self.full.q.val()
            && !self.full_empty.q.val()
            && (bit_cast::<32, 31>(self.column.q.val().get_bits::<31>(0)) >= self.vertices.val());
        if self.wrong.val() && !self.broken.q.val() {
            self.broken.d.next = true;
            self.broken_row.d.next = self.full_place.q.val().get_bits::<31>(PLACE_ROW);
        }
        self.queue.s.valid.next = self.full.q.val() && !self.wrong.val() && !self.broken.q.val();
        self.queue.s.data.next = bit_cast::<EDGE_BITS, PLACE_BITS>(self.full_place.q.val())
            | (bit_cast::<EDGE_BITS, 32>(self.weight.q.val()) << 109)
            | (bit_cast::<EDGE_BITS, 31>(self.column.q.val().get_bits::<31>(0)) << 141)
            | (bit_cast::<EDGE_BITS, 1>((self.column.q.val().get_bit(31) & self.bypass.val()).into()) << 172)
            | (bit_cast::<EDGE_BITS, 4>(self.full_context.q.val()) << 173)
            | (bit_cast::<EDGE_BITS, 1>(self.full_last.q.val().into()) << 177)
            | (bit_cast::<EDGE_BITS, 1>(self.full_empty.q.val().into()) << 178);
        StreamOut::<EDGE_BITS>::link(&mut self.m, &mut self.queue.m);
        self.busy.next = self.any_used.val() || self.s.valid.val();
        self.fault.next = self.broken.q.val();
        self.fault_row.next = bit_cast::<32, 31>(self.broken_row.q.val());
        if self.reset.val() {
            self.asked.d.next = false;
            self.picked.d.next = false;
            self.full.d.next = false;
            self.broken.d.next = false;
        }
    }
    unit!("sgcn_edges"; CONTEXTS, PLACE_ROW, PLACE_BITS, ROW_BEGIN, ROW_END, REQUEST_TAG, EDGE_WEIGHT, EDGE_COLUMN, EDGE_BYPASS, EDGE_CONTEXT, EDGE_LAST, EDGE_HOLLOW);
}
