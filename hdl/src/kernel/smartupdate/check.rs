use crate::prelude::*;
use nearfield_abi::kernel::smartupdate as abi;

/// Finds the first argument of `smartupdate` that the kernel cannot do, by id.
///
/// Elements must be at least 1, pointers multiples of 64, flags and optimizer known, formats fp32 and no half copy. The answer
/// comes a cycle after the arguments.
#[derive(Clone, Debug, LogicBlock)]
pub struct ArgumentCheck {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Low six bits of the four tensors' pointers.
    pub alignment: [Signal<In, Bits<6>>; 4],
    /// Number of elements.
    pub elements: Signal<In, Bits<32>>,
    /// Flags.
    pub flags: Signal<In, Bits<32>>,
    /// Format of the gradients.
    pub grad_format: Signal<In, Bits<32>>,
    /// Format of the half copy.
    pub half_format: Signal<In, Bits<32>>,
    /// Which optimizer.
    pub optimizer: Signal<In, Bits<32>>,
    /// An argument cannot be used.
    pub refused: Signal<Out, Bit>,
    /// Its id.
    pub id: Signal<Out, Bits<32>>,
    bad: Reg<Bits<9>>,
    wrong: [Signal<Local, Bit>; 9],
    pack: Pack<9, 1, 9>,
    ids: [Constant<Bits<32>>; 9],
    known_flags: Constant<Bits<32>>,
    fp32: Constant<Bits<32>>,
    no_half: Constant<Bits<32>>,
    optimizers: Constant<Bits<32>>,
}

impl Default for ArgumentCheck {
    fn default() -> Self {
        let constant = |value: u32| Constant::new(u64::from(value).into());
        // In the order of the ids, so that the first of several is the one that is told.
        let ids = [
            abi::PARAMS,
            abi::EXP_AVG,
            abi::EXP_AVG_SQ,
            abi::GRADS,
            abi::ELEMENTS,
            abi::FLAGS,
            abi::OPTIMIZER,
            abi::GRAD_FORMAT,
            abi::HALF_FORMAT,
        ];
        assert!(ids.is_sorted(), "the arguments of smartupdate have another order");
        ArgumentCheck {
            clock: Signal::default(),
            alignment: std::array::from_fn(|_| Signal::default()),
            elements: Signal::default(),
            flags: Signal::default(),
            grad_format: Signal::default(),
            half_format: Signal::default(),
            optimizer: Signal::default(),
            refused: Signal::default(),
            id: Signal::default(),
            bad: Reg::default(),
            wrong: std::array::from_fn(|_| Signal::default()),
            pack: Pack::default(),
            ids: ids.map(|id| constant(id as u32)),
            known_flags: constant(abi::flag::ALL),
            fp32: constant(abi::grad_format::FP32),
            no_half: constant(abi::half_format::NONE),
            optimizers: constant(abi::optimizer::COUNT),
        }
    }
}

impl Logic for ArgumentCheck {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, bad);
        for i in 0..4 {
            self.wrong[i].next = self.alignment[i].val().any();
        }
        self.wrong[4].next = !self.elements.val().any();
        self.wrong[5].next = (self.flags.val() & !self.known_flags.val()).any();
        self.wrong[6].next = self.optimizer.val() >= self.optimizers.val();
        self.wrong[7].next = self.grad_format.val() != self.fp32.val();
        self.wrong[8].next = self.half_format.val() != self.no_half.val();
        for i in 0..9 {
            self.pack.x[i].next = self.wrong[i].val().into();
        }
        self.bad.d.next = self.pack.packed.val();
        self.refused.next = self.bad.q.val().any();
        self.id.next = 0.into();
        for i in 0..9 {
            if self.bad.q.val().get_bit(8 - i) {
                self.id.next = self.ids[8 - i].val();
            }
        }
    }
    unit!("argument_check");
}
