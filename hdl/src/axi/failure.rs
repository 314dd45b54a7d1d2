use crate::prelude::*;

/// Remembers the first error response of a mover and works out the address of its burst.
///
/// Responses come in the order of the bursts, and every burst but the first begins at a page of 4 KiB, so the number of
/// bursts answered before the first error is all there is to keep: 23 bits, as 2^34 bytes from any address touch at most
/// 2^22 + 1 pages. `failed` rises three cycles after the response, together with a valid `address`.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Failure {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A new run.
    pub clear: Signal<In, Bit>,
    /// Where the run begins; stable while it lasts.
    pub base: Signal<In, Bits<64>>,
    /// The present burst is answered.
    pub ended: Signal<In, Bit>,
    /// Its answer, or a beat of it, was an error.
    pub error: Signal<In, Bit>,
    /// There was an error since `clear`, and its address is being worked out.
    pub pending: Signal<Out, Bit>,
    /// There was an error since `clear`.
    pub failed: Signal<Out, Bit>,
    /// The first byte of the burst that met it.
    pub address: Signal<Out, Bits<64>>,
    index: Reg<Bits<23>>,
    met: Reg<Bit>,
    low_done: Reg<Bit>,
    done: Reg<Bit>,
    /// Within the page: only the first burst does not begin at 0.
    offset: Reg<Bits<12>>,
    /// 26 bits of page number, and their carry.
    low: Reg<Bits<27>>,
    high: Reg<Bits<26>>,
    page: Signal<Local, Bits<26>>,
}

impl Logic for Failure {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, index, met, low_done, done, offset, low, high);
        if !self.met.q.val() {
            if self.error.val() {
                self.met.d.next = true;
            } else if self.ended.val() {
                self.index.d.next = self.index.q.val() + 1;
            }
        }
        self.low_done.d.next = self.met.q.val();
        self.done.d.next = self.low_done.q.val();
        if self.clear.val() {
            self.index.d.next = 0.into();
            self.met.d.next = false;
            self.low_done.d.next = false;
            self.done.d.next = false;
        }

        self.offset.d.next = 0.into();
        if !self.index.q.val().any() {
            self.offset.d.next = self.base.val().get_bits::<12>(0);
        }
        self.page.next = self.base.val().get_bits::<26>(12);
        self.low.d.next = bit_cast::<27, 26>(self.page.val()) + bit_cast::<27, 23>(self.index.q.val());
        self.high.d.next = self.base.val().get_bits::<26>(38) + bit_cast::<26, 1>(self.low.q.val().get_bits::<1>(26));
        self.pending.next = self.met.q.val() && !self.done.q.val();
        self.failed.next = self.done.q.val();
        self.address.next = (bit_cast::<64, 26>(self.high.q.val()) << 38)
            | (bit_cast::<64, 26>(self.low.q.val().get_bits::<26>(0)) << 12)
            | bit_cast::<64, 12>(self.offset.q.val());
    }
    unit!("axi_failure");
}
