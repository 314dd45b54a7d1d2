use crate::prelude::*;
use crate::stream::StreamOut;

/// Puts lines that arrive in any order back into the order in which they were asked for.
///
/// 256 places. Whoever asks for a line takes the next place (`allocate`, while `room`) and sends its number along; the line
/// arrives with it and leaves when all before it have left, one a cycle. A place is free again in the cycle after its line
/// left. A line that all others have waited for is offered two cycles after it arrived. The RAM reads a cycle ahead, as in
/// [`crate::stream::Fifo`], and `m.data` comes straight from it.
///
/// It trusts who asks: a place that was not taken, or has its line already, must not be named.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Window {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets all places; nothing that was asked for may arrive later.
    pub reset: Signal<In, Bit>,
    /// The next place is taken in this cycle; only while there is room.
    pub allocate: Signal<In, Bit>,
    /// Its number.
    pub slot: Signal<Out, Bits<8>>,
    /// At least one place is free.
    pub room: Signal<Out, Bit>,
    /// A line arrives; it is always taken.
    pub arrive: Signal<In, Bit>,
    /// Its place.
    pub arrive_slot: Signal<In, Bits<8>>,
    /// The line.
    pub arrive_data: Signal<In, Bits<512>>,
    /// Lines in order.
    pub m: StreamOut<512>,
    ram: Ram<8, 512>,
    /// Place of the line that leaves next; a bit more than an address, so that full differs from empty.
    head: Reg<Bits<9>>,
    tail: Reg<Bits<9>>,
    /// The places whose line is here.
    arrived: Reg<Bits<256>>,
    present: Reg<Bit>,
    one: Signal<Local, Bits<256>>,
    come: Signal<Local, Bits<256>>,
    gone: Signal<Local, Bits<256>>,
    count: Signal<Local, Bits<9>>,
    at: Signal<Local, Bits<8>>,
    following: Signal<Local, Bits<9>>,
    after: Signal<Local, Bits<8>>,
    here: Signal<Local, Bit>,
    next_here: Signal<Local, Bit>,
}

impl Logic for Window {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, head, tail, arrived, present);
        clock!(self, clock, ram);
        self.count.next = self.tail.q.val() - self.head.q.val();
        self.room.next = !self.count.val().get_bit(8);
        self.slot.next = self.tail.q.val().get_bits::<8>(0);
        if self.allocate.val() {
            self.tail.d.next = self.tail.q.val() + 1;
        }

        self.ram.write_enable.next = self.arrive.val();
        self.ram.write_address.next = self.arrive_slot.val();
        self.ram.write_data.next = self.arrive_data.val();
        self.one.next = 1.into();
        self.come.next = 0.into();
        if self.arrive.val() {
            self.come.next = self.one.val() << self.arrive_slot.val();
        }

        comment!("Both candidates for the next head are looked up while it is decided whether the head leaves.");
        self.at.next = self.head.q.val().get_bits::<8>(0);
        self.following.next = self.head.q.val() + 1;
        self.after.next = self.following.val().get_bits::<8>(0);
        self.here.next = self.arrived.q.val().get_bit(self.at.val().index());
        self.next_here.next = self.arrived.q.val().get_bit(self.after.val().index());
        self.ram.read_address.next = self.at.val();
        self.present.d.next = self.here.val();
        self.gone.next = 0.into();
        if self.present.q.val() && self.m.ready.val() {
            self.head.d.next = self.following.val();
            self.ram.read_address.next = self.after.val();
            self.present.d.next = self.next_here.val();
            self.gone.next = self.one.val() << self.at.val();
        }
        self.arrived.d.next = (self.arrived.q.val() & !self.gone.val()) | self.come.val();
        self.m.valid.next = self.present.q.val();
        self.m.data.next = self.ram.read_data.val();
        if self.reset.val() {
            self.head.d.next = 0.into();
            self.tail.d.next = 0.into();
            self.arrived.d.next = 0.into();
            self.present.d.next = false;
        }
    }
    unit!("sgcn_window");
}
