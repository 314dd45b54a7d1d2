use crate::prelude::*;
use nearfield_abi::kernel::{smartupdate as abi, Kernel, KernelConfig};

/// Finds the first argument of `smartupdate` that the kernel cannot do, by id.
///
/// Elements must be at least 1, and with a Top-K stream at most 2^25; pointers and the stream's bytes multiples of 64; flags, formats
/// and optimizer known. The answer comes a cycle after the arguments.
#[derive(Clone, Debug, LogicBlock)]
pub struct ArgumentCheck {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Low six bits of the pointers.
    pub alignment: [Signal<In, Bits<6>>; 5],
    /// Number of elements.
    pub elements: Signal<In, Bits<32>>,
    /// Flags.
    pub flags: Signal<In, Bits<32>>,
    /// Format of the gradients.
    pub grad_format: Signal<In, Bits<32>>,
    /// Low six bits of the stream's bytes.
    pub stream_alignment: Signal<In, Bits<6>>,
    /// Format of the half copy.
    pub half_format: Signal<In, Bits<32>>,
    /// Which optimizer.
    pub optimizer: Signal<In, Bits<32>>,
    /// An argument cannot be used.
    pub refused: Signal<Out, Bit>,
    /// Its id.
    pub id: Signal<Out, Bits<32>>,
    bad: Reg<Bits<11>>,
    wrong: [Signal<Local, Bit>; 11],
    pack: Pack<11, 1, 11>,
    ids: [Constant<Bits<32>>; 11],
    topk: Signal<Local, Bit>,
    known_flags: Constant<Bits<32>>,
    most_elements: Constant<Bits<32>>,
    value_bits: Constant<Bits<32>>,
    last_value: Constant<Bits<32>>,
    last_half: Constant<Bits<32>>,
    optimizers: Constant<Bits<32>>,
}

impl ArgumentCheck {
    /// The check of this kernel. One for a single optimizer may have fewer pointers: the last of `alignment` are then 0, and its
    /// `optimizer` is counted from the only one that there is.
    pub fn new(config: &KernelConfig) -> Self {
        let constant = |value: u32| Constant::new(u64::from(value).into());
        let own = |ids: &[usize]| ids.iter().filter_map(|&id| config.id_of(id)).collect::<Vec<_>>();
        let pointers = own(&[abi::PARAMS, abi::EXP_AVG, abi::EXP_AVG_SQ, abi::GRADS, abi::HALF]);
        let scalars =
            own(&[abi::ELEMENTS, abi::FLAGS, abi::OPTIMIZER, abi::GRAD_FORMAT, abi::GRAD_BYTES, abi::HALF_FORMAT]);
        let last = pointers.len() - 1;
        // In the order of the ids, so that the first of several is the one that is told.
        let ids: [usize; 11] = std::array::from_fn(|i| if i < 5 { pointers[i.min(last)] } else { scalars[i - 5] });
        assert!(ids.is_sorted(), "the arguments of {} have another order", config.name());
        let optimizers = match config.kernel {
            Kernel::SmartUpdateOf(_) => 1,
            _ => abi::optimizer::COUNT,
        };
        ArgumentCheck {
            clock: Signal::default(),
            alignment: std::array::from_fn(|_| Signal::default()),
            elements: Signal::default(),
            flags: Signal::default(),
            grad_format: Signal::default(),
            stream_alignment: Signal::default(),
            half_format: Signal::default(),
            optimizer: Signal::default(),
            refused: Signal::default(),
            id: Signal::default(),
            bad: Reg::default(),
            wrong: std::array::from_fn(|_| Signal::default()),
            pack: Pack::default(),
            ids: ids.map(|id| constant(id as u32)),
            topk: Signal::default(),
            known_flags: constant(abi::flag::ALL),
            most_elements: constant(abi::MAX_TOPK_ELEMENTS),
            value_bits: constant(!abi::grad_format::TOPK),
            last_value: constant(abi::grad_format::BF16),
            last_half: constant(abi::half_format::BF16),
            optimizers: constant(optimizers),
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
        for i in 0..5 {
            self.wrong[i].next = self.alignment[i].val().any();
        }
        self.wrong[5].next =
            !self.elements.val().any() || (self.topk.val() && (self.elements.val() > self.most_elements.val()));
        self.wrong[6].next = (self.flags.val() & !self.known_flags.val()).any();
        self.wrong[7].next = self.optimizer.val() >= self.optimizers.val();
        self.wrong[8].next = (self.grad_format.val() & self.value_bits.val()) > self.last_value.val();
        self.wrong[9].next = self.topk.val() && self.stream_alignment.val().any();
        self.wrong[10].next = self.half_format.val() > self.last_half.val();
        for i in 0..11 {
            self.pack.x[i].next = self.wrong[i].val().into();
        }
        self.bad.d.next = self.pack.packed.val();
        self.refused.next = self.bad.q.val().any();
        self.id.next = 0.into();
        for i in 0..11 {
            if self.bad.q.val().get_bit(10 - i) {
                self.id.next = self.ids[10 - i].val();
            }
        }
    }
    unit!("argument_check"; TOPK);
}
