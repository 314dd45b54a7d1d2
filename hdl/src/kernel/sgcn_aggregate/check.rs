use crate::prelude::*;
use nearfield_abi::kernel::sgcn::{id, mode, scalar, MOST_SLICE, MOST_STRIP, MOST_WIDTH, SLICE_STEP};

/// Finds the first argument of `sgcn_aggregate` that the kernel cannot do, by id: `Q = M + 5` are looked at.
///
/// Pointers must be multiples of 4096; rows at least 1 and below 2^31; columns, slice and strip in their ranges; the mode without unknown
/// bits, and lengths known in the published layout only. The answer comes a cycle after the arguments.
#[derive(Clone, Debug, LogicBlock)]
pub struct ArgumentCheck<const M: usize, const Q: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Low 12 bits of each pointer.
    pub alignment: [Signal<In, Bits<12>>; M],
    /// Vertices.
    pub rows: Signal<In, Bits<32>>,
    /// Columns of a feature row.
    pub width: Signal<In, Bits<32>>,
    /// Columns of a slice.
    pub slice: Signal<In, Bits<32>>,
    /// Rows of a strip.
    pub strip: Signal<In, Bits<32>>,
    /// See `nearfield_abi::kernel::sgcn::mode`.
    pub mode: Signal<In, Bits<32>>,
    /// An argument cannot be used.
    pub refused: Signal<Out, Bit>,
    /// Its id.
    pub id: Signal<Out, Bits<32>>,
    wrong: [Reg<Bit>; Q],
    ids: [Constant<Bits<32>>; Q],
    most_width: Constant<Bits<32>>,
    most_slice: Constant<Bits<32>>,
    most_strip: Constant<Bits<32>>,
    step: Constant<Bits<32>>,
    unknown: Constant<Bits<32>>,
    known: Constant<Bits<32>>,
    published: Constant<Bits<32>>,
    layout: Constant<Bits<32>>,
}

impl<const M: usize, const Q: usize> Default for ArgumentCheck<M, Q> {
    fn default() -> Self {
        assert_eq!(Q, M + 5, "ArgumentCheck<{M}, {Q}>: the pointers and five scalars");
        let constant = |value: u32| Constant::new(u64::from(value).into());
        let scalars = [scalar::ROWS, scalar::WIDTH, scalar::SLICE, scalar::STRIP, scalar::MODE];
        assert!(scalars.is_sorted(), "the scalars have another order");
        let of = |i: usize| if i < M { i } else { id(M as u32, scalars[i - M]) };
        ArgumentCheck {
            clock: Signal::default(),
            alignment: std::array::from_fn(|_| Signal::default()),
            rows: Signal::default(),
            width: Signal::default(),
            slice: Signal::default(),
            strip: Signal::default(),
            mode: Signal::default(),
            refused: Signal::default(),
            id: Signal::default(),
            wrong: std::array::from_fn(|_| Reg::default()),
            ids: std::array::from_fn(|i| constant(of(i) as u32)),
            most_width: constant(MOST_WIDTH),
            most_slice: constant(MOST_SLICE),
            most_strip: constant(MOST_STRIP),
            step: constant(SLICE_STEP - 1),
            unknown: constant(!mode::ALL),
            known: constant(mode::LENGTH_KNOWN),
            published: constant(mode::PUBLISHED),
            layout: constant(mode::FORMAT),
        }
    }
}

impl<const M: usize, const Q: usize> Logic for ArgumentCheck<M, Q> {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..Q {
            self.wrong[i].clock.next = self.clock.val();
        }
        for i in 0..M {
            self.wrong[i].d.next = self.alignment[i].val().any();
        }
        self.wrong[M].d.next = !self.rows.val().any() || self.rows.val().get_bit(31);
        self.wrong[M + 1].d.next = !self.width.val().any() || (self.width.val() > self.most_width.val());
        self.wrong[M + 2].d.next = !self.slice.val().any()
            || (self.slice.val() > self.most_slice.val())
            || (self.slice.val() & self.step.val()).any();
        self.wrong[M + 3].d.next = !self.strip.val().any() || (self.strip.val() > self.most_strip.val());
        self.wrong[M + 4].d.next = (self.mode.val() & self.unknown.val()).any()
            || ((self.mode.val() & self.known.val()).any()
                && ((self.mode.val() & self.layout.val()) != self.published.val()));
        self.refused.next = false;
        self.id.next = 0.into();
        for i in 0..Q {
            if self.wrong[Q - 1 - i].q.val() {
                self.refused.next = true;
                self.id.next = self.ids[Q - 1 - i].val();
            }
        }
    }
    unit!("sgcn_argument_check", M; Q);
}
