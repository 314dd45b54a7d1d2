use crate::prelude::*;
use nearfield_abi::kernel::sgcn::mode;

/// What follows for all engines from the arguments: how features are laid out, and how far apart.
///
/// Right two cycles after the arguments.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Format {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// See `nearfield_abi::kernel::sgcn::mode`.
    pub mode: Signal<In, Bits<32>>,
    /// Columns of a feature row.
    pub width: Signal<In, Bits<32>>,
    /// Columns of a slice.
    pub slice: Signal<In, Bits<32>>,
    /// Features are dense.
    pub dense: Signal<Out, Bit>,
    /// Features are pairs.
    pub pairs: Signal<Out, Bit>,
    /// Lengths are learned from a record's first line.
    pub learned: Signal<Out, Bit>,
    /// 255 in the table of lengths is the dense escape.
    pub escapes: Signal<Out, Bit>,
    /// Edges have weights.
    pub weighted: Signal<Out, Bit>,
    /// The cache's index is hashed.
    pub hashed: Signal<Out, Bit>,
    /// Strips are dealt to whoever is free.
    pub dynamic: Signal<Out, Bit>,
    /// Bit 31 of a column id is obeyed.
    pub bypass: Signal<Out, Bit>,
    /// Words of a bitmap.
    pub bitmap_words: Signal<Out, Bits<4>>,
    /// Lines of a full record.
    pub full: Signal<Out, Bits<6>>,
    /// Lines from a record to the next.
    pub stride: Signal<Out, Bits<9>>,
    /// Lines of a dense row.
    pub row_lines: Signal<Out, Bits<9>>,
    published: Signal<Local, Bit>,
    is_dense: Signal<Local, Bit>,
    padded: Signal<Local, Bits<13>>,
    words: Signal<Local, Bits<9>>,
    both: Signal<Local, Bits<9>>,
    lines: Reg<Bits<9>>,
    bitmap: Reg<Bits<4>>,
    most: Reg<Bits<6>>,
    apart: Reg<Bits<9>>,
}

const _: () = assert!(mode::FORMAT == 3 && mode::BEICSR == 0, "the format is the two low bits");
const _: () =
    assert!(mode::PUBLISHED == 1 && mode::DENSE == 2 && mode::PAIRS == 3, "published, dense and pairs are 1, 2 and 3");
const WEIGHTED: usize = mode::WEIGHTED.trailing_zeros() as usize;
const HASHED: usize = mode::HASHED.trailing_zeros() as usize;
const DYNAMIC: usize = mode::DYNAMIC.trailing_zeros() as usize;
const LENGTH_KNOWN: usize = mode::LENGTH_KNOWN.trailing_zeros() as usize;
const BYPASS: usize = mode::BYPASS.trailing_zeros() as usize;

impl Logic for Format {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, lines, bitmap, most, apart);
        self.published.next = self.mode.val().get_bits::<2>(0) == 1;
        self.is_dense.next = self.mode.val().get_bits::<2>(0) == 2;
        self.dense.next = self.is_dense.val();
        self.pairs.next = self.mode.val().get_bits::<2>(0) == 3;
        self.learned.next = self.published.val() && !self.mode.val().get_bit(LENGTH_KNOWN);
        self.escapes.next = self.mode.val().get_bits::<2>(0) == 0;
        self.weighted.next = self.mode.val().get_bit(WEIGHTED);
        self.hashed.next = self.mode.val().get_bit(HASHED);
        self.dynamic.next = self.mode.val().get_bit(DYNAMIC);
        self.bypass.next = self.mode.val().get_bit(BYPASS);

        self.padded.next = self.width.val().get_bits::<13>(0) + 15;
        self.lines.d.next = self.padded.val().get_bits::<9>(4);
        self.bitmap.d.next = self.slice.val().get_bits::<4>(5);
        comment!("A published record has its bitmap's words and all columns, rounded up to lines of 16.");
        self.words.next = bit_cast::<9, 4>(self.bitmap.q.val());
        self.both.next = (self.words.val() << 5) + self.words.val() + 15;
        self.most.d.next = bit_cast::<6, 5>(self.slice.val().get_bits::<5>(4));
        if self.published.val() {
            self.most.d.next = bit_cast::<6, 5>(self.both.val().get_bits::<5>(4));
        }
        self.apart.d.next = bit_cast::<9, 6>(self.most.q.val());
        if self.is_dense.val() {
            self.apart.d.next = self.lines.q.val();
        }
        self.bitmap_words.next = self.bitmap.q.val();
        self.full.next = self.most.q.val();
        self.stride.next = self.apart.q.val();
        self.row_lines.next = self.lines.q.val();
    }
    unit!("sgcn_format"; WEIGHTED, HASHED, DYNAMIC, LENGTH_KNOWN, BYPASS);
}
