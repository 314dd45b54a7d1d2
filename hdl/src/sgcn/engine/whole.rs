use super::{Edges, EventCounter, Fetch, RequestMux, Rows, DESCRIPTOR_BITS};
use crate::prelude::*;
use crate::sgcn::datapath::Datapath;
use crate::sgcn::layout::*;
use crate::stream::StreamOut;

/// Counters of an engine; what they count, `nearfield_abi::kernel::sgcn::ENGINE_COUNTERS` says.
pub const TALLIES: usize = 8;

/// One engine: takes strips of rows, reads their edges, fetches the records, and writes the rows' sums.
///
/// ```text
///  strips ── Rows ── Edges ── Fetch ── descriptors ── Datapath ── bursts
///             │        │       │ │                      │
///             └────────┴───────┴─┴─ RequestMux ── cache ── lines
/// ```
///
/// Every request has exactly one response, which is always taken.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Engine {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets everything; for 64 cycles, with nothing outstanding.
    pub reset: Signal<In, Bit>,
    /// Clears the counters.
    pub clear: Signal<In, Bit>,
    /// Begins nothing more.
    pub stop: Signal<In, Bit>,
    /// A run is on, in which cycles without work count.
    pub running: Signal<In, Bit>,
    /// Line address of the row pointers; this and what follows is stable during a run.
    pub row_pointers: Signal<In, Bits<32>>,
    /// Of the column ids.
    pub columns: Signal<In, Bits<32>>,
    /// Of the weights.
    pub weights: Signal<In, Bits<32>>,
    /// Of the features.
    pub features: Signal<In, Bits<32>>,
    /// Of the table.
    pub lengths: Signal<In, Bits<32>>,
    /// Of the output.
    pub results: Signal<In, Bits<32>>,
    /// Vertices.
    pub vertices: Signal<In, Bits<32>>,
    /// Edges.
    pub edges: Signal<In, Bits<32>>,
    /// See [`crate::sgcn::Format`], as what follows.
    pub dense: Signal<In, Bit>,
    /// Features are pairs.
    pub pairs: Signal<In, Bit>,
    /// Lengths are learned.
    pub learned: Signal<In, Bit>,
    /// There is a dense escape.
    pub escapes: Signal<In, Bit>,
    /// Edges have weights.
    pub weighted: Signal<In, Bit>,
    /// Bit 31 of a column id is obeyed.
    pub bypass: Signal<In, Bit>,
    /// Words of a bitmap.
    pub bitmap_words: Signal<In, Bits<4>>,
    /// Lines of a full record.
    pub full: Signal<In, Bits<6>>,
    /// Lines from a record to the next.
    pub stride: Signal<In, Bits<9>>,
    /// Lines of a dense row.
    pub row_lines: Signal<In, Bits<9>>,
    /// A strip can be taken; this and what follows as [`Rows`] has it.
    pub want: Signal<Out, Bit>,
    /// It is given.
    pub give: Signal<In, Bit>,
    /// First row.
    pub row: Signal<In, Bits<32>>,
    /// The row after the last.
    pub stop_at: Signal<In, Bits<32>>,
    /// Rows of all slices before.
    pub base: Signal<In, Bits<32>>,
    /// Lines of all slices before in a dense row.
    pub line: Signal<In, Bits<9>>,
    /// Segments of the slice.
    pub segments: Signal<In, Bits<5>>,
    /// To the cache.
    pub request: StreamOut<REQUEST_BITS>,
    /// A response.
    pub arrive: Signal<In, Bit>,
    /// Its tag.
    pub tag: Signal<In, Bits<11>>,
    /// Its line.
    pub data: Signal<In, Bits<512>>,
    /// Bursts of results, as [`Datapath`] has them.
    pub burst: StreamOut<37>,
    /// Their beats.
    pub w: StreamOut<512>,
    /// Rows are under way.
    pub busy: Signal<Out, Bit>,
    /// Responses are to come.
    pub outstanding: Signal<Out, Bit>,
    /// Something in memory is malformed; until reset.
    pub fault: Signal<Out, Bit>,
    /// What: see `nearfield_abi::kernel::sgcn::fault`.
    pub fault_kind: Signal<Out, Bits<3>>,
    /// In which row.
    pub fault_row: Signal<Out, Bits<32>>,
    /// Counters.
    pub tally: [Signal<Out, Bits<32>>; TALLIES],
    rows: Rows,
    edges_of: Edges,
    fetch: Fetch,
    requests: RequestMux,
    datapath: Datapath,
    tallies: [EventCounter; TALLIES],
    event: [Signal<Local, Bit>; TALLIES],
    arrived: Reg<Bit>,
    arrived_tag: Reg<Bits<11>>,
    arrived_data: Reg<Bits<512>>,
    kind: Signal<Local, Bits<3>>,
    sends: Signal<Local, Bit>,
    /// Requests without a response: places of the window, lookups, lines of 16 contexts and one of pointers.
    owed: Reg<Bits<9>>,
    owed_more: Signal<Local, Bits<9>>,
}

impl Logic for Engine {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, arrived, arrived_tag, arrived_data, owed);
        clock!(self, clock, rows, edges_of, fetch, requests, datapath);
        self.rows.reset.next = self.reset.val();
        self.edges_of.reset.next = self.reset.val();
        self.fetch.reset.next = self.reset.val();
        self.requests.reset.next = self.reset.val();
        self.datapath.reset.next = self.reset.val();
        self.rows.stop.next = self.stop.val();
        self.edges_of.stop.next = self.stop.val();
        self.fetch.stop.next = self.stop.val();

        self.arrived.d.next = self.arrive.val();
        self.arrived_tag.d.next = self.tag.val();
        self.arrived_data.d.next = self.data.val();
        self.kind.next = self.arrived_tag.q.val().get_bits::<3>(8);

        self.rows.row_pointers.next = self.row_pointers.val();
        self.rows.results.next = self.results.val();
        self.rows.edges.next = self.edges.val();
        self.rows.row_lines.next = self.row_lines.val();
        self.want.next = self.rows.want.val();
        self.rows.give.next = self.give.val();
        self.rows.row.next = self.row.val();
        self.rows.stop_at.next = self.stop_at.val();
        self.rows.base.next = self.base.val();
        self.rows.line.next = self.line.val();
        self.rows.segments.next = self.segments.val();
        self.rows.arrive.next = self.arrived.q.val() && (self.kind.val() == 4);
        self.rows.data.next = self.arrived_data.q.val();

        StreamOut::<ROW_BITS>::join(&mut self.rows.m, &mut self.edges_of.s);
        self.edges_of.columns.next = self.columns.val();
        self.edges_of.weights.next = self.weights.val();
        self.edges_of.weighted.next = self.weighted.val();
        self.edges_of.bypass.next = self.bypass.val();
        self.edges_of.vertices.next = self.vertices.val();
        self.edges_of.freed.next = self.datapath.freed.val();
        self.edges_of.freed_context.next = self.datapath.freed_context.val();
        self.edges_of.column_arrive.next = self.arrived.q.val() && (self.kind.val() == 2);
        self.edges_of.weight_arrive.next = self.arrived.q.val() && (self.kind.val() == 3);
        self.edges_of.arrive_context.next = self.arrived_tag.q.val().get_bits::<4>(0);
        self.edges_of.data.next = self.arrived_data.q.val();

        StreamOut::<EDGE_BITS>::join(&mut self.edges_of.m, &mut self.fetch.s);
        self.fetch.dense.next = self.dense.val();
        self.fetch.pairs.next = self.pairs.val();
        self.fetch.learned.next = self.learned.val();
        self.fetch.escapes.next = self.escapes.val();
        self.fetch.bitmap_words.next = self.bitmap_words.val();
        self.fetch.full.next = self.full.val();
        self.fetch.stride.next = self.stride.val();
        self.fetch.features.next = self.features.val();
        self.fetch.lengths.next = self.lengths.val();
        self.fetch.arrive.next = self.arrived.q.val() && (self.kind.val() == 1);
        self.fetch.arrive_slot.next = self.arrived_tag.q.val().get_bits::<5>(0);
        self.fetch.data.next = self.arrived_data.q.val();
        self.fetch.room.next = self.datapath.room.val();
        self.fetch.slot.next = self.datapath.slot.val();
        self.datapath.allocate.next = self.fetch.allocate.val();

        StreamOut::<DESCRIPTOR_BITS>::join(&mut self.fetch.m, &mut self.datapath.descriptor);
        self.datapath.words.next = self.bitmap_words.val();
        self.datapath.arrive.next = self.arrived.q.val() && (self.kind.val() == 0);
        self.datapath.arrive_slot.next = self.arrived_tag.q.val().get_bits::<8>(0);
        self.datapath.arrive_data.next = self.arrived_data.q.val();
        StreamOut::<37>::link(&mut self.burst, &mut self.datapath.burst);
        StreamOut::<512>::link(&mut self.w, &mut self.datapath.w);

        StreamOut::<REQUEST_BITS>::join(&mut self.rows.request, &mut self.requests.rows);
        StreamOut::<REQUEST_BITS>::join(&mut self.edges_of.request, &mut self.requests.edges);
        StreamOut::<REQUEST_BITS>::join(&mut self.fetch.lookup, &mut self.requests.lookup);
        StreamOut::<REQUEST_BITS>::join(&mut self.fetch.lines, &mut self.requests.lines);
        self.request.valid.next = self.requests.m.valid.val();
        self.request.data.next = self.requests.m.data.val();
        self.requests.m.ready.next = self.request.ready.val();

        self.sends.next = self.requests.m.valid.val() && self.request.ready.val();
        self.owed_more.next = self.owed.q.val();
        if self.sends.val() {
            self.owed_more.next = self.owed.q.val() + 1;
        }
        self.owed.d.next = self.owed_more.val();
        if self.arrived.q.val() {
            self.owed.d.next = self.owed_more.val() - 1;
        }
        self.outstanding.next = self.owed.q.val().any() || self.requests.m.valid.val();
        self.busy.next = self.rows.busy.val() || self.edges_of.busy.val() || self.datapath.busy.val();

        self.fault.next =
            self.rows.fault.val() || self.edges_of.fault.val() || self.fetch.fault.val() || self.datapath.fault.val();
        self.fault_kind.next = 3.into();
        self.fault_row.next = bit_cast::<32, 31>(self.datapath.fault_row.val());
        if self.pairs.val() {
            self.fault_kind.next = 4.into();
        }
        if self.fetch.fault.val() {
            self.fault_kind.next = 3.into();
            self.fault_row.next = self.fetch.fault_row.val();
        }
        if self.edges_of.fault.val() {
            self.fault_kind.next = 2.into();
            self.fault_row.next = self.edges_of.fault_row.val();
        }
        if self.rows.fault.val() {
            self.fault_kind.next = 1.into();
            self.fault_row.next = self.rows.fault_row.val();
        }

        self.event[0].next = self.datapath.op.val();
        self.event[1].next = self.datapath.hazard.val();
        self.event[2].next = self.datapath.starved.val();
        self.event[3].next = self.datapath.idle.val() && self.running.val();
        self.event[4].next = self.sends.val() && self.requests.m.data.val().get_bits::<2>(41).any();
        self.event[5].next = self.sends.val() && (self.requests.m.data.val().get_bits::<3>(40) == 1);
        self.event[6].next = self.sends.val() && !self.requests.m.data.val().get_bits::<3>(40).any();
        self.event[7].next = self.datapath.freed.val();
        for i in 0..TALLIES {
            self.tallies[i].clock.next = self.clock.val();
            self.tallies[i].amount.next = 0.into();
            if self.event[i].val() {
                self.tallies[i].amount.next = 1.into();
            }
            self.tallies[i].clear.next = self.clear.val();
            self.tally[i].next = self.tallies[i].count.val();
        }
        if self.reset.val() {
            self.arrived.d.next = false;
            self.owed.d.next = 0.into();
        }
    }
    unit!("sgcn_engine"; TALLIES);
}
