use super::PLACE_BITS;
use crate::prelude::*;
use crate::stream::{StreamIn, StreamOut};
use nearfield_abi::topk::{format, MAGIC};

/// What the next beat of a stream is.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum RoutePhase {
    /// No stream: waits for `start`.
    Idle,
    /// The header.
    Header,
    /// Nothing until the header was looked at.
    Check,
    /// A beat of the table.
    Table,
    /// A beat of a chunk.
    Chunks,
}

/// Holds a stream's header against what the run expects, and sends the beats behind it to the table and then to the chunks.
///
/// The header is refused if a byte of it is wrong: the magic, the format, the elements, what has to be 0. So is a run of no elements
/// or of more than 2^25, and an unknown format. Nothing is taken after a refusal.
#[derive(Clone, Debug, LogicBlock)]
pub struct Route {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Waits for `start`.
    pub reset: Signal<In, Bit>,
    /// Begins a run.
    pub start: Signal<In, Bit>,
    /// Takes nothing.
    pub halt: Signal<In, Bit>,
    /// What the run is of; this and the next are stable from `start` on.
    pub elements: Signal<In, Bits<32>>,
    /// Format of its values.
    pub format: Signal<In, Bits<2>>,
    /// Beats.
    pub s: StreamIn<512>,
    /// Beats of the table.
    pub table: StreamOut<512>,
    /// The next one is the last.
    pub table_last: Signal<In, Bit>,
    /// Beats of the chunks, as long as any come.
    pub chunks: StreamOut<512>,
    /// Kept elements, as the header has it.
    pub total: Signal<Out, Bits<32>>,
    /// Number of the last element.
    pub last_element: Signal<Out, Bits<PLACE_BITS>>,
    /// Values have 32 bits.
    pub wide: Signal<Out, Bit>,
    /// The header is not that of this run; for a cycle.
    pub refused: Signal<Out, Bit>,
    /// There are beats of the header or the table still to come.
    pub wanting: Signal<Out, Bit>,
    phase: Reg<RoutePhase>,
    kept: Reg<Bits<32>>,
    final_element: Reg<Bits<32>>,
    /// What is wrong: with the header five things, with the run two.
    wrong: Reg<Bits<7>>,
    wrongs: Pack<7, 1, 7>,
    judged: Reg<Bit>,
    bad: Signal<Local, Bit>,
    magic: Constant<Bits<64>>,
    fp32: Constant<Bits<2>>,
    unknown: Constant<Bits<2>>,
}

impl Default for Route {
    fn default() -> Self {
        Route {
            clock: Signal::default(),
            reset: Signal::default(),
            start: Signal::default(),
            halt: Signal::default(),
            elements: Signal::default(),
            format: Signal::default(),
            s: StreamIn::default(),
            table: StreamOut::default(),
            table_last: Signal::default(),
            chunks: StreamOut::default(),
            total: Signal::default(),
            last_element: Signal::default(),
            wide: Signal::default(),
            refused: Signal::default(),
            wanting: Signal::default(),
            phase: Reg::default(),
            kept: Reg::default(),
            final_element: Reg::default(),
            wrong: Reg::default(),
            wrongs: Pack::default(),
            judged: Reg::default(),
            bad: Signal::default(),
            magic: Constant::new(u64::from_le_bytes(MAGIC).into()),
            fp32: Constant::new(u64::from(format::FP32).into()),
            unknown: Constant::new(u64::from(format::BF16 + 1).into()),
        }
    }
}

impl Logic for Route {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, kept, final_element, wrong, judged);
        comment!("The upper halves of the counts are 0 with what else has to be, for a run has fewer elements.");
        self.wrongs.x[0].next = (self.s.data.val().get_bits::<64>(0) != self.magic.val()).into();
        self.wrongs.x[1].next = (self.s.data.val().get_bits::<32>(64) != bit_cast::<32, 2>(self.format.val())).into();
        self.wrongs.x[2].next = (self.s.data.val().get_bits::<32>(128) != self.elements.val()).into();
        self.wrongs.x[3].next =
            (self.s.data.val().get_bits::<32>(96).any() || self.s.data.val().get_bits::<32>(160).any()).into();
        self.wrongs.x[4].next = self.s.data.val().get_bits::<288>(224).any().into();
        self.wrongs.x[5].next = self.final_element.q.val().get_bits::<7>(25).any().into();
        self.wrongs.x[6].next = (self.format.val() == self.unknown.val()).into();
        self.wrong.d.next = self.wrongs.packed.val();
        self.final_element.d.next = self.elements.val() - 1;

        self.bad.next = self.wrong.q.val().any();
        self.judged.d.next = false;
        self.s.ready.next = false;
        self.table.valid.next = false;
        self.chunks.valid.next = false;
        match self.phase.q.val() {
            RoutePhase::Idle => {}
            RoutePhase::Header => {
                self.s.ready.next = !self.halt.val();
                if self.s.valid.val() && !self.halt.val() {
                    self.kept.d.next = self.s.data.val().get_bits::<32>(192);
                    self.judged.d.next = true;
                    self.phase.d.next = RoutePhase::Check;
                }
            }
            RoutePhase::Check => {
                self.phase.d.next = RoutePhase::Table;
                if self.bad.val() {
                    self.phase.d.next = RoutePhase::Idle;
                }
            }
            RoutePhase::Table => {
                self.s.ready.next = self.table.ready.val() && !self.halt.val();
                self.table.valid.next = self.s.valid.val() && !self.halt.val();
                if self.s.valid.val() && self.table.ready.val() && !self.halt.val() && self.table_last.val() {
                    self.phase.d.next = RoutePhase::Chunks;
                }
            }
            RoutePhase::Chunks => {
                self.s.ready.next = self.chunks.ready.val() && !self.halt.val();
                self.chunks.valid.next = self.s.valid.val() && !self.halt.val();
            }
        }
        self.table.data.next = self.s.data.val();
        self.chunks.data.next = self.s.data.val();
        self.total.next = self.kept.q.val();
        self.last_element.next = self.final_element.q.val().get_bits::<PLACE_BITS>(0);
        self.wide.next = self.format.val() == self.fp32.val();
        self.refused.next = self.judged.q.val() && self.bad.val();
        self.wanting.next = (self.phase.q.val() == RoutePhase::Header) || (self.phase.q.val() == RoutePhase::Table);
        if self.start.val() {
            self.phase.d.next = RoutePhase::Header;
        }
        if self.reset.val() {
            self.phase.d.next = RoutePhase::Idle;
        }
    }
    unit!("topk_route");
}
