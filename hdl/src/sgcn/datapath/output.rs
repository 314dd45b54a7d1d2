use crate::prelude::*;
use crate::stream::{Credit, Fifo, StreamOut};

/// Cuts the lines of finished rows into bursts that do not cross 1 KiB, and keeps them until they are taken.
///
/// 32 places, of which one stays free because what was taken counts a cycle later. Whoever sends a line takes one first (`take`, while
/// `room`); the line may come from the next cycle on and is always taken. A burst is offered when all its beats are here; its beats are to be taken after it.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Output {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets lines and bursts.
    pub reset: Signal<In, Bit>,
    /// A place is taken.
    pub take: Signal<In, Bit>,
    /// There is one.
    pub room: Signal<Out, Bit>,
    /// A line comes.
    pub line: Signal<In, Bit>,
    /// The line.
    pub line_data: Signal<In, Bits<512>>,
    /// It is its row's first.
    pub line_first: Signal<In, Bit>,
    /// It is its row's last.
    pub line_last: Signal<In, Bit>,
    /// Address of its row in lines, with the first.
    pub line_row: Signal<In, Bits<32>>,
    /// Bursts: the number of beats less one in the five upper bits, then the address in lines.
    pub burst: StreamOut<37>,
    /// Their beats.
    pub w: StreamOut<512>,
    /// There is a line that has not left, or a place taken for one.
    pub busy: Signal<Out, Bit>,
    /// A place was taken.
    taken: Reg<Bit>,
    places: Credit<6, 32>,
    beats: Fifo<512, 5, 6>,
    bursts: Fifo<37, 5, 6>,
    /// Where the burst begins.
    start: Reg<Bits<32>>,
    /// Place of the line in its 1 KiB.
    at: Reg<Bits<4>>,
    /// Beats of the burst before this line.
    count: Reg<Bits<4>>,
    begins: Signal<Local, Bits<32>>,
    here: Signal<Local, Bits<4>>,
    ends: Signal<Local, Bit>,
}

impl Logic for Output {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, taken, start, at, count);
        clock!(self, clock, places, beats, bursts);
        self.places.reset.next = self.reset.val();
        self.beats.reset.next = self.reset.val();
        self.bursts.reset.next = self.reset.val();
        self.taken.d.next = self.take.val();
        self.places.take.next = self.taken.q.val();
        self.places.amount.next = 1.into();
        self.places.give.next = self.beats.m.valid.val() && self.w.ready.val();
        self.room.next = self.places.available.val().get_bits::<5>(1).any();
        self.busy.next = self.taken.q.val() || (self.places.available.val() != 32);

        self.begins.next = self.start.q.val();
        self.here.next = self.at.q.val();
        if self.line_first.val() {
            self.begins.next = self.line_row.val();
            self.here.next = self.line_row.val().get_bits::<4>(0);
        }
        self.ends.next = self.line_last.val() || self.here.val().all();
        if self.line.val() {
            self.start.d.next = self.begins.val();
            self.at.d.next = self.here.val() + 1;
            self.count.d.next = self.count.q.val() + 1;
            if self.ends.val() {
                self.count.d.next = 0.into();
                self.start.d.next = bit_cast::<32, 28>(self.begins.val().get_bits::<28>(4) + 1) << 4;
            }
        }
        comment!("Neither can be full: a burst has at least one beat, and each beat has its place.");
        self.beats.s.valid.next = self.line.val();
        self.beats.s.data.next = self.line_data.val();
        self.bursts.s.valid.next = self.line.val() && self.ends.val();
        self.bursts.s.data.next = (bit_cast::<37, 4>(self.count.q.val()) << 32) | bit_cast::<37, 32>(self.begins.val());
        StreamOut::<37>::link(&mut self.burst, &mut self.bursts.m);
        self.w.valid.next = self.beats.m.valid.val();
        self.w.data.next = self.beats.m.data.val();
        self.beats.m.ready.next = self.w.ready.val();
        if self.reset.val() {
            self.taken.d.next = false;
            self.count.d.next = 0.into();
        }
    }
    unit!("sgcn_output");
}
