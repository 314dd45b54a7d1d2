use crate::prelude::*;
use nearfield_abi::kernel::gradient_norm as abi;

/// Finds the first argument of `gradient_norm` that the kernel cannot do, by id.
///
/// Elements must be at least 1, and with a Top-K stream at most 2^25; the pointer and the stream's bytes multiples of 64; the format
/// known. The answer comes a cycle after the arguments.
#[derive(Clone, Debug, LogicBlock)]
pub struct ArgumentCheck {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Low six bits of the pointer.
    pub alignment: Signal<In, Bits<6>>,
    /// Number of elements.
    pub elements: Signal<In, Bits<32>>,
    /// Format of the gradients.
    pub grad_format: Signal<In, Bits<32>>,
    /// Low six bits of the stream's bytes.
    pub stream_alignment: Signal<In, Bits<6>>,
    /// An argument cannot be used.
    pub refused: Signal<Out, Bit>,
    /// Its id.
    pub id: Signal<Out, Bits<32>>,
    bad: Reg<Bits<4>>,
    wrong: [Signal<Local, Bit>; 4],
    pack: Pack<4, 1, 4>,
    ids: [Constant<Bits<32>>; 4],
    topk: Signal<Local, Bit>,
    most_elements: Constant<Bits<32>>,
    value_bits: Constant<Bits<32>>,
    last_value: Constant<Bits<32>>,
}

impl Default for ArgumentCheck {
    fn default() -> Self {
        let constant = |value: u32| Constant::new(u64::from(value).into());
        // In the order of the ids, so that the first of several is the one that is told.
        let ids = [abi::GRADS, abi::ELEMENTS, abi::GRAD_FORMAT, abi::GRAD_BYTES];
        assert!(ids.is_sorted(), "the arguments of gradient_norm have another order");
        ArgumentCheck {
            clock: Signal::default(),
            alignment: Signal::default(),
            elements: Signal::default(),
            grad_format: Signal::default(),
            stream_alignment: Signal::default(),
            refused: Signal::default(),
            id: Signal::default(),
            bad: Reg::default(),
            wrong: std::array::from_fn(|_| Signal::default()),
            pack: Pack::default(),
            ids: ids.map(|id| constant(id as u32)),
            topk: Signal::default(),
            most_elements: constant(abi::MAX_TOPK_ELEMENTS),
            value_bits: constant(!abi::grad_format::TOPK),
            last_value: constant(abi::grad_format::BF16),
        }
    }
}

/// The bit of `grad_format` that says Top-K.
const TOPK: usize = abi::grad_format::TOPK.trailing_zeros() as usize;

impl Logic for ArgumentCheck {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, bad);
        self.topk.next = self.grad_format.val().get_bit(TOPK);
        self.wrong[0].next = self.alignment.val().any();
        self.wrong[1].next =
            !self.elements.val().any() || (self.topk.val() && (self.elements.val() > self.most_elements.val()));
        self.wrong[2].next = (self.grad_format.val() & self.value_bits.val()) > self.last_value.val();
        self.wrong[3].next = self.topk.val() && self.stream_alignment.val().any();
        for i in 0..4 {
            self.pack.x[i].next = self.wrong[i].val().into();
        }
        self.bad.d.next = self.pack.packed.val();
        self.refused.next = self.bad.q.val().any();
        self.id.next = 0.into();
        for i in 0..4 {
            if self.bad.q.val().get_bit(3 - i) {
                self.id.next = self.ids[3 - i].val();
            }
        }
    }
    unit!("argument_check"; TOPK);
}
