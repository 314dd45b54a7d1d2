use super::CHUNK_BITS;
use crate::prelude::*;
use nearfield_abi::topk::fault;

/// Keeps the first thing that is wrong with a stream, and says when a run is over.
///
/// A stream is cut short if more of it is wanted and nothing has been offered for [`Watch::PATIENCE`] cycles since `ended`; a run is
/// over when all its words have left and nothing more was offered for as long, by when the last checksum has been looked at.
#[derive(Clone, Debug, LogicBlock)]
pub struct Watch {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// No run, no fault.
    pub reset: Signal<In, Bit>,
    /// Begins a run and forgets the fault.
    pub start: Signal<In, Bit>,
    /// The source of the stream has delivered its last beat, or will within some cycles.
    pub ended: Signal<In, Bit>,
    /// A beat is offered.
    pub offered: Signal<In, Bit>,
    /// More beats are wanted.
    pub wanting: Signal<In, Bit>,
    /// No more beats are wanted in this run.
    pub full: Signal<In, Bit>,
    /// All words have left.
    pub finished: Signal<In, Bit>,
    /// The chunk whose beats are taken.
    pub at: Signal<In, Bits<CHUNK_BITS>>,
    /// The header is refused.
    pub refused: Signal<In, Bit>,
    /// The table does not add up, or a chunk without elements has a checksum.
    pub miscounted: Signal<In, Bit>,
    /// See `miscounted`.
    pub table_wrong: Signal<In, Bit>,
    /// The chunk that they are about.
    pub table_chunk: Signal<In, Bits<CHUNK_BITS>>,
    /// An index does not ascend.
    pub descends: Signal<In, Bit>,
    /// An index is past the end.
    pub beyond: Signal<In, Bit>,
    /// The chunk that they are about.
    pub order_chunk: Signal<In, Bits<CHUNK_BITS>>,
    /// An index follows a group's last one.
    pub unpadded: Signal<In, Bit>,
    /// The chunk that it is about.
    pub unpadded_chunk: Signal<In, Bits<CHUNK_BITS>>,
    /// A checksum is wrong.
    pub wrong: Signal<In, Bit>,
    /// The chunk that it is about.
    pub wrong_chunk: Signal<In, Bits<CHUNK_BITS>>,
    /// A run is going on.
    pub busy: Signal<Out, Bit>,
    /// A run has failed.
    pub failed: Signal<Out, Bit>,
    /// How: one of `nearfield_abi::topk::fault`, 0 if it has not.
    pub fault: Signal<Out, Bits<3>>,
    /// In which chunk.
    pub fault_chunk: Signal<Out, Bits<CHUNK_BITS>>,
    running: Reg<Bit>,
    kind: Reg<Bits<3>>,
    chunk: Reg<Bits<CHUNK_BITS>>,
    quiet: Reg<Bits<4>>,
    found: Signal<Local, Bits<3>>,
    found_in: Signal<Local, Bits<CHUNK_BITS>>,
    /// By number.
    kinds: [Constant<Bits<3>>; 8],
}

impl Watch {
    /// Cycles without a beat after which none is expected any more: more than a buffer needs to offer what entered it, and than
    /// [`super::Fold::LATENCY`].
    pub const PATIENCE: usize = 15;
}

impl Default for Watch {
    fn default() -> Self {
        const { assert!(Watch::PATIENCE > super::Fold::LATENCY + 4) };
        Watch {
            clock: Signal::default(),
            reset: Signal::default(),
            start: Signal::default(),
            ended: Signal::default(),
            offered: Signal::default(),
            wanting: Signal::default(),
            full: Signal::default(),
            finished: Signal::default(),
            at: Signal::default(),
            refused: Signal::default(),
            miscounted: Signal::default(),
            table_wrong: Signal::default(),
            table_chunk: Signal::default(),
            descends: Signal::default(),
            beyond: Signal::default(),
            order_chunk: Signal::default(),
            unpadded: Signal::default(),
            unpadded_chunk: Signal::default(),
            wrong: Signal::default(),
            wrong_chunk: Signal::default(),
            busy: Signal::default(),
            failed: Signal::default(),
            fault: Signal::default(),
            fault_chunk: Signal::default(),
            running: Reg::default(),
            kind: Reg::default(),
            chunk: Reg::default(),
            quiet: Reg::default(),
            found: Signal::default(),
            found_in: Signal::default(),
            kinds: [
                fault::NONE,
                fault::HEADER,
                fault::COUNT,
                fault::ORDER,
                fault::RANGE,
                fault::CHECKSUM,
                fault::TRUNCATED,
                fault::SURPLUS,
            ]
            .map(|kind| Constant::new(u64::from(kind).into())),
        }
    }
}

impl Logic for Watch {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, running, kind, chunk, quiet);
        self.quiet.d.next = 0.into();
        if self.ended.val() && !self.offered.val() {
            self.quiet.d.next = self.quiet.q.val();
            if !self.quiet.q.val().all() {
                self.quiet.d.next = self.quiet.q.val() + 1;
            }
        }

        comment!("Of several at once the one that was met first, which is written last.");
        self.found.next = self.kinds[0].val();
        self.found_in.next = self.at.val();
        if self.full.val() && self.offered.val() {
            self.found.next = self.kinds[7].val();
        }
        if self.wanting.val() && self.quiet.q.val().all() {
            self.found.next = self.kinds[6].val();
        }
        if self.wrong.val() {
            self.found.next = self.kinds[5].val();
            self.found_in.next = self.wrong_chunk.val();
        }
        if self.unpadded.val() {
            self.found.next = self.kinds[2].val();
            self.found_in.next = self.unpadded_chunk.val();
        }
        if self.beyond.val() {
            self.found.next = self.kinds[4].val();
            self.found_in.next = self.order_chunk.val();
        }
        if self.descends.val() {
            self.found.next = self.kinds[3].val();
            self.found_in.next = self.order_chunk.val();
        }
        if self.table_wrong.val() {
            self.found.next = self.kinds[5].val();
            self.found_in.next = self.table_chunk.val();
        }
        if self.miscounted.val() {
            self.found.next = self.kinds[2].val();
            self.found_in.next = self.table_chunk.val();
        }
        if self.refused.val() {
            self.found.next = self.kinds[1].val();
            self.found_in.next = 0.into();
        }
        if self.running.q.val() && !self.kind.q.val().any() && self.found.val().any() {
            self.kind.d.next = self.found.val();
            self.chunk.d.next = self.found_in.val();
            self.running.d.next = false;
        } else if self.full.val() && self.finished.val() && self.quiet.q.val().all() {
            self.running.d.next = false;
        }
        self.busy.next = self.running.q.val();
        self.failed.next = self.kind.q.val().any();
        self.fault.next = self.kind.q.val();
        self.fault_chunk.next = self.chunk.q.val();
        if self.start.val() {
            self.running.d.next = true;
            self.kind.d.next = self.kinds[0].val();
            self.chunk.d.next = 0.into();
            self.quiet.d.next = 0.into();
        }
        if self.reset.val() {
            self.running.d.next = false;
            self.kind.d.next = self.kinds[0].val();
            self.chunk.d.next = 0.into();
        }
    }
    unit!("topk_watch");
}
