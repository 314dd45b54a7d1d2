use crate::prelude::*;

/// What [`Bursts`] is doing.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum BurstState {
    /// Waits for `start`.
    Idle,
    /// Works out the next burst's length.
    Size,
    /// Waits for `permit`.
    Wait,
    /// Offers the burst.
    Offer,
    /// Carries into the upper half of the page number.
    Carry,
}

/// Cuts a run of bytes into INCR bursts of 64-byte beats that end at 4 KiB boundaries.
///
/// The first burst runs to the first boundary, every other one is a page or what is left. A burst takes four cycles at
/// least, which no mover notices: a page takes 64. The 52-bit page number is incremented in two halves, a cycle apart.
/// `address` must be a multiple of 64; `bytes` may be anything, and the last beat may be used in part. It does not know
/// what becomes of its bursts.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Bursts {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets the run.
    pub reset: Signal<In, Bit>,
    /// Begins a run; ignored while `busy`.
    pub start: Signal<In, Bit>,
    /// The first byte; read at `start`.
    pub address: Signal<In, Bits<64>>,
    /// How many; read at `start`. 34 bits: 2^32 words of four bytes.
    pub bytes: Signal<In, Bits<34>>,
    /// Whole beats of `bytes`: 29 bits, as 2^34 - 1 bytes are 2^28 beats.
    pub total: Signal<Out, Bits<29>>,
    /// Ends the run; a burst that is offered stays so until it is taken.
    pub stop: Signal<In, Bit>,
    /// There is room for a burst of `beats`; once 1, it stays so until `claim`.
    pub permit: Signal<In, Bit>,
    /// The room is taken: the burst will be offered from the next cycle on.
    pub claim: Signal<Out, Bit>,
    /// A burst is offered.
    pub valid: Signal<Out, Bit>,
    /// It is taken in this cycle.
    pub ready: Signal<In, Bit>,
    /// Its first byte.
    pub burst: Signal<Out, Bits<64>>,
    /// Its beats, 1 to 64.
    pub beats: Signal<Out, Bits<7>>,
    /// A run is going on.
    pub busy: Signal<Out, Bit>,
    state: Reg<BurstState>,
    offered: Reg<Bit>,
    page_high: Reg<Bits<26>>,
    page_low: Reg<Bits<26>>,
    carry: Reg<Bit>,
    /// In beats.
    offset: Reg<Bits<6>>,
    left: Reg<Bits<29>>,
    length: Reg<Bits<7>>,
    room: Signal<Local, Bits<7>>,
}

impl Logic for Bursts {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, offered, page_high, page_low, carry, offset, left, length);
        self.total.next = bit_cast::<29, 28>(self.bytes.val().get_bits::<28>(6))
            + bit_cast::<29, 1>(self.bytes.val().get_bits::<6>(0).any().into());
        self.room.next = 64 - bit_cast::<7, 6>(self.offset.q.val());
        self.claim.next = false;
        match self.state.q.val() {
            BurstState::Idle => {
                if self.start.val() {
                    self.page_high.d.next = self.address.val().get_bits::<26>(38);
                    self.page_low.d.next = self.address.val().get_bits::<26>(12);
                    self.offset.d.next = self.address.val().get_bits::<6>(6);
                    self.left.d.next = self.total.val();
                    self.state.d.next = BurstState::Size;
                }
            }
            BurstState::Size => {
                self.length.d.next = self.room.val();
                if !self.left.q.val().get_bits::<22>(7).any() && (self.left.q.val().get_bits::<7>(0) < self.room.val())
                {
                    self.length.d.next = self.left.q.val().get_bits::<7>(0);
                }
                self.state.d.next = BurstState::Wait;
                if !self.left.q.val().any() {
                    self.state.d.next = BurstState::Idle;
                }
            }
            BurstState::Wait => {
                if self.stop.val() {
                    self.state.d.next = BurstState::Idle;
                } else if self.permit.val() {
                    self.claim.next = true;
                    self.offered.d.next = true;
                    self.state.d.next = BurstState::Offer;
                }
            }
            BurstState::Offer => {
                if self.ready.val() {
                    self.offered.d.next = false;
                    self.page_low.d.next = self.page_low.q.val() + 1;
                    self.carry.d.next = self.page_low.q.val().all();
                    self.offset.d.next = 0.into();
                    self.left.d.next = self.left.q.val() - bit_cast::<29, 7>(self.length.q.val());
                    self.state.d.next = BurstState::Carry;
                }
            }
            BurstState::Carry => {
                if self.carry.q.val() {
                    self.page_high.d.next = self.page_high.q.val() + 1;
                }
                self.state.d.next = BurstState::Size;
            }
        }
        self.valid.next = self.offered.q.val();
        self.burst.next = (bit_cast::<64, 26>(self.page_high.q.val()) << 38)
            | (bit_cast::<64, 26>(self.page_low.q.val()) << 12)
            | (bit_cast::<64, 6>(self.offset.q.val()) << 6);
        self.beats.next = self.length.q.val();
        self.busy.next = self.state.q.val() != BurstState::Idle;
        if self.reset.val() {
            self.state.d.next = BurstState::Idle;
            self.offered.d.next = false;
        }
    }
    unit!("axi_bursts");
}
