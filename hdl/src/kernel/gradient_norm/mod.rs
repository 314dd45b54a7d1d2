//! `gradient_norm`: the exact sum of squares of a gradient, and whether one of its values was infinite or NaN.
//!
//! ```text
//!  m_axi_gmem0 ── Gradients ── Squares ─── limbs, nonfinite ──┐
//!                    │            │                           │
//!                    └─ Sequencer ┴─ pending ─────────── s_axi_control
//! ```
//!
//! A word of `LANES` numbers enters the lanes in every cycle; nothing is written, so nothing is held up. Each lane keeps a sum of its
//! own, without rounding, and the host adds them with those of other runs, devices or ranks: the result does not depend on lanes,
//! pieces or order. A run ends when the sums stand.

mod check;
mod squares;

pub use check::ArgumentCheck;
pub use squares::Squares;

use super::{Gradients, Sequencer};
use crate::axi::{AxiLite, AxiMaster, Control};
use crate::float::Fp32SquareSum;
use crate::prelude::*;
use nearfield_abi::kernel::{gradient_norm as abi, KernelConfig};

/// Words of arguments: a pointer of two, three scalars.
const ARGUMENTS: usize = 5;
/// One read stream.
const STREAMS: usize = 1;

/// The word of an argument among the argument words, given its id: the pointer has two.
const fn word(id: usize) -> usize {
    if id < abi::ELEMENTS {
        2 * id
    } else {
        abi::ELEMENTS + id
    }
}

const GRADS: usize = word(abi::GRADS);
const ELEMENTS: usize = word(abi::ELEMENTS);
const GRAD_FORMAT: usize = word(abi::GRAD_FORMAT);
const GRAD_BYTES: usize = word(abi::GRAD_BYTES);

/// The kernel of one lane.
pub type GradientNorm1 = GradientNorm<1, 32, 4, 5, 2, 2, 16, 1, 2, 19, 47>;
/// The kernel of two lanes.
pub type GradientNorm2 = GradientNorm<2, 64, 3, 4, 4, 8, 32, 2, 3, 38, 66>;
/// The kernel of four lanes.
pub type GradientNorm4 = GradientNorm<4, 128, 2, 3, 8, 32, 64, 3, 4, 76, 104>;
/// The kernel of eight lanes.
pub type GradientNorm8 = GradientNorm<8, 256, 1, 2, 16, 128, 128, 4, 5, 152, 180>;

/// The kernel, wiring only. Types have no arithmetic, so a number of lanes comes with the widths that follow from it, spelt out in
/// [`GradientNorm1`] and its like and nowhere else:
///
/// | parameter | what | of |
/// |---|---|---|
/// | `W` | bits of a word of `LANES` numbers | all |
/// | `2^K`, `HK = K + 1` | words of a beat, and words of 16 bits a number | [`Gradients`] |
/// | `H = 16 * LANES`, `D = 2 * LANES`, `P = LANES * D` | indices, kept elements in sight, ways | [`Gradients`] |
/// | `D = 2^NH`, `2^T = 4 * LANES` | halves and bytes of a word | [`Squares`] |
/// | `LIMBS = 19 * LANES` | words of the sums | [`Squares`], [`Control`] |
/// | `WORDS = 28 + LIMBS` | readable words of the register space | [`Control`] |
#[derive(Clone, Debug, LogicBlock)]
pub struct GradientNorm<
    const LANES: usize,
    const W: usize,
    const K: usize,
    const HK: usize,
    const D: usize,
    const P: usize,
    const H: usize,
    const NH: usize,
    const T: usize,
    const LIMBS: usize,
    const WORDS: usize,
> {
    /// Clock.
    pub ap_clk: Signal<In, Clock>,
    /// Reset, active low, synchronous.
    pub ap_rst_n: Signal<In, Bit>,
    /// To the host.
    pub interrupt: Signal<Out, Bit>,
    /// Registers.
    pub s_axi_control: AxiLite,
    /// Gradients; nothing is written.
    pub m_axi_gmem0: AxiMaster,
    control: Control<ARGUMENTS, STREAMS, LIMBS, WORDS>,
    check: ArgumentCheck,
    sequencer: Sequencer<STREAMS>,
    grads: Gradients<LANES, W, K, HK, D, P, H>,
    squares: Squares<LANES, W, D, NH, T, LIMBS>,
    reset: Signal<Local, Bit>,
    grads_at: Pack<2, 32, 64>,
}

impl<
        const LANES: usize,
        const W: usize,
        const K: usize,
        const HK: usize,
        const D: usize,
        const P: usize,
        const H: usize,
        const NH: usize,
        const T: usize,
        const LIMBS: usize,
        const WORDS: usize,
    > GradientNorm<LANES, W, K, HK, D, P, H, NH, T, LIMBS, WORDS>
{
    /// The kernel in this configuration.
    ///
    /// # Panics
    ///
    /// The configuration has another number of lanes, or the widths do not belong to it.
    pub fn new(config: &KernelConfig) -> Self {
        assert_eq!(LANES, config.lanes as usize, "lanes of {}", config.name());
        assert!(W == 32 * LANES && W << K == 512, "widths of {}", config.name());
        const {
            assert!(Fp32SquareSum::LATENCY < 250, "lanes must be shorter than the sequencer's flush of 256 cycles");
        };
        GradientNorm {
            ap_clk: Signal::default(),
            ap_rst_n: Signal::default(),
            interrupt: Signal::default(),
            s_axi_control: AxiLite::default(),
            m_axi_gmem0: AxiMaster::default(),
            control: Control::new(config),
            check: ArgumentCheck::default(),
            sequencer: Sequencer::new(config),
            grads: Gradients::default(),
            squares: Squares::default(),
            reset: Signal::default(),
            grads_at: Pack::default(),
        }
    }
}

impl<
        const LANES: usize,
        const W: usize,
        const K: usize,
        const HK: usize,
        const D: usize,
        const P: usize,
        const H: usize,
        const NH: usize,
        const T: usize,
        const LIMBS: usize,
        const WORDS: usize,
    > Logic for GradientNorm<LANES, W, K, HK, D, P, H, NH, T, LIMBS, WORDS>
{
    #[hdl_gen]
    fn update(&mut self) {
        self.control.clock.next = self.ap_clk.val();
        self.check.clock.next = self.ap_clk.val();
        self.sequencer.clock.next = self.ap_clk.val();
        self.grads.clock.next = self.ap_clk.val();
        self.squares.clock.next = self.ap_clk.val();
        self.reset.next = !self.ap_rst_n.val();
        self.control.reset.next = self.reset.val();
        self.sequencer.reset.next = self.reset.val();
        self.grads.reset.next = self.reset.val() || self.sequencer.flush.val() || self.sequencer.prepare.val();

        AxiLite::link(&mut self.s_axi_control, &mut self.control.bus);
        self.interrupt.next = self.control.request.val();
        self.m_axi_gmem0.arvalid.next = self.grads.axi.arvalid.val();
        self.grads.axi.arready.next = self.m_axi_gmem0.arready.val();
        self.m_axi_gmem0.araddr.next = self.grads.axi.araddr.val();
        self.m_axi_gmem0.arlen.next = self.grads.axi.arlen.val();
        self.m_axi_gmem0.arsize.next = self.grads.axi.arsize.val();
        self.m_axi_gmem0.arburst.next = self.grads.axi.arburst.val();
        self.grads.axi.rvalid.next = self.m_axi_gmem0.rvalid.val();
        self.m_axi_gmem0.rready.next = self.grads.axi.rready.val();
        self.grads.axi.rdata.next = self.m_axi_gmem0.rdata.val();
        self.grads.axi.rresp.next = self.m_axi_gmem0.rresp.val();
        self.grads.axi.rlast.next = self.m_axi_gmem0.rlast.val();
        comment!("The write channels are there because tools expect them, and rest.");
        self.m_axi_gmem0.awvalid.next = false;
        self.m_axi_gmem0.awaddr.next = 0.into();
        self.m_axi_gmem0.awlen.next = 0.into();
        self.m_axi_gmem0.awsize.next = 6.into();
        self.m_axi_gmem0.awburst.next = 1.into();
        self.m_axi_gmem0.wvalid.next = false;
        self.m_axi_gmem0.wdata.next = 0.into();
        self.m_axi_gmem0.wstrb.next = 0.into();
        self.m_axi_gmem0.wlast.next = false;
        self.m_axi_gmem0.bready.next = false;

        for half in 0..2 {
            self.grads_at.x[half].next = self.control.argument[GRADS + half].val();
        }
        self.grads.address.next = self.grads_at.packed.val();
        self.grads.elements.next = self.control.argument[ELEMENTS].val();
        self.grads.format.next = self.control.argument[GRAD_FORMAT].val();
        self.grads.stream_bytes.next = self.control.argument[GRAD_BYTES].val();
        self.squares.elements.next = self.control.argument[ELEMENTS].val();
        self.check.alignment.next = self.grads_at.packed.val().get_bits::<6>(0);
        self.check.elements.next = self.control.argument[ELEMENTS].val();
        self.check.grad_format.next = self.control.argument[GRAD_FORMAT].val();
        self.check.stream_alignment.next = self.control.argument[GRAD_BYTES].val().get_bits::<6>(0);

        self.sequencer.refused.next = self.check.refused.val();
        self.sequencer.refused_id.next = self.check.id.val();
        self.sequencer.start.next = self.control.start.val();
        self.sequencer.busy[0].next = self.grads.busy.val();
        self.sequencer.failed[0].next = self.grads.failed.val();
        self.sequencer.failed_address[0].next = self.grads.failed_address.val();
        self.sequencer.malformed.next = self.grads.malformed.val();
        self.sequencer.fault.next = bit_cast::<32, 3>(self.grads.fault.val());
        self.sequencer.fault_chunk.next = bit_cast::<32, 9>(self.grads.fault_chunk.val());
        self.sequencer.pending.next = self.grads.pending.val() || self.squares.pending.val();
        self.grads.start.next = self.sequencer.launch.val();
        self.grads.stop.next = self.sequencer.stop.val();
        self.squares.start.next = self.sequencer.launch.val();
        self.squares.valid.next = self.grads.m.valid.val();
        self.squares.data.next = self.grads.m.data.val();
        self.grads.m.ready.next = true;

        self.control.done.next = self.sequencer.done.val();
        self.control.idle.next = self.sequencer.idle.val();
        self.control.error_code.next = self.sequencer.error_code.val();
        self.control.error_port.next = self.sequencer.error_port.val();
        self.control.error_address.next = self.sequencer.error_address.val();
        self.control.cycles.next = self.sequencer.cycles.val();
        self.control.nonfinite.next = self.squares.nonfinite.val();
        self.control.used[0].next = true;
        self.control.beats[0].next = self.grads.beats.val();
        self.control.stalls[0].next = self.grads.stalls.val();
        self.control.sum_a[0].next = self.grads.sum_a.val();
        self.control.sum_b[0].next = self.grads.sum_b.val();
        for i in 0..LIMBS {
            self.control.limb[i].next = self.squares.limb[i].val();
        }
    }
    unit!("gradient_norm", LANES; LIMBS, GRADS, ELEMENTS, GRAD_FORMAT, GRAD_BYTES);
}

#[cfg(test)]
mod tests {
    use super::*;
    use nearfield_abi::kernel::{ArgumentKind, Kernel};

    #[test]
    fn words_and_streams_are_where_abi_puts_them() {
        for config in KernelConfig::of(Kernel::GradientNorm) {
            let mut words = 0;
            for (id, argument) in config.arguments().iter().enumerate() {
                assert_eq!(word(id), words, "{}", argument.name);
                words += if matches!(argument.kind, ArgumentKind::Pointer { .. }) { 2 } else { 1 };
            }
            assert_eq!(words, ARGUMENTS);
            let wired: Vec<(bool, u32)> = config.streams().iter().map(|s| (s.read, s.master)).collect();
            assert_eq!(wired, [(true, 0)], "{}", config.name());
        }
    }
}
