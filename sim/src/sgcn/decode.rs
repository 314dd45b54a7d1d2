use super::fetch::{Descriptor, Kind};
use super::pattern::Words;
use super::stream::Buffer;
use super::window::Window;

/// What a record, or a line of pairs, is cut into operations of; see `nearfield_hdl::sgcn::datapath::Feed`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Item {
    context: u8,
    words: Words,
    /// Segments that are not empty.
    marks: u16,
    /// Windows of which only one segment goes at a time.
    singles: u8,
    start: u8,
    lines: u8,
    last: bool,
    lineless: bool,
    /// A line of pairs that begins in the segment in which the record's line before ended.
    follows: bool,
}

/// An operation on a window of a context.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Operation {
    pub(super) context: u8,
    pub(super) window: u8,
    pub(super) low: bool,
    pub(super) high: bool,
    /// Values.
    pub(super) count: u8,
    pub(super) begins: bool,
    pub(super) ends: bool,
    /// The row ends with it.
    pub(super) last: bool,
    /// It uses no lines.
    pub(super) dull: bool,
    /// It does not wait for what is under way on its segment: that is of its own record.
    pub(super) follows: bool,
    /// Where the first value lies, and how many lines the record has.
    pub(super) start: u8,
    pub(super) lines: u8,
}

/// `Feed`, `Split` and what lies between and behind them.
#[derive(Clone, Debug)]
pub(super) struct Decode {
    items: Buffer<Item>,
    /// Lines for [`super::step::Step`].
    pub(super) lines: Buffer<()>,
    pub(super) operations: Buffer<Operation>,
    begun: bool,
    left: u32,
    passed: u32,
    /// Of pairs, those that have not been fed.
    unfed: Words,
    /// The segment in which the record's line of pairs before this one ended.
    ended_in: u32,
    done: u16,
    /// A descriptor waited for its line; there was none.
    pub(super) waits: bool,
}

impl Decode {
    pub(super) fn new() -> Decode {
        Decode {
            items: Buffer::skid(),
            lines: Buffer::fifo(16),
            operations: Buffer::skid(),
            begun: false,
            left: 0,
            passed: 0,
            unfed: Words::default(),
            ended_in: 0,
            done: 0,
            waits: false,
        }
    }

    /// Whether something was inside when the cycle began.
    pub(super) fn under_way(&self, now: u64) -> bool {
        self.items.valid(now) || self.operations.valid(now)
    }

    /// Cuts an item into operations, one a cycle.
    #[inline]
    pub(super) fn split(&mut self, now: u64) {
        if !self.operations.ready(now) {
            return;
        }
        let Some(&item) = self.items.peek(now) else { return };
        let pending = item.marks & !self.done;
        let mut operation = Operation {
            context: item.context,
            begins: self.done == 0,
            follows: self.done == 0 && item.follows,
            last: item.last,
            dull: item.lineless,
            start: item.start,
            lines: item.lines,
            ..Operation::default()
        };
        let mut taken = 0;
        if pending != 0 {
            let segment = pending.trailing_zeros() as usize;
            let window = segment / 2;
            let (upper, odd) = (segment | 1, segment % 2 == 1);
            let joins = !odd && pending >> upper & 1 == 1 && item.singles >> window & 1 == 0;
            taken = 1 << segment | if joins { 1 << upper } else { 0 };
            let word = item.words[window];
            let low = if odd { 0 } else { word & 0xffff };
            let high = if odd || joins { word >> 16 } else { 0 };
            operation.window = window as u8;
            operation.low = low != 0;
            operation.high = high != 0;
            operation.count = (low.count_ones() + high.count_ones()) as u8;
        }
        operation.ends = pending & !taken == 0;
        self.done |= taken;
        if operation.ends {
            self.done = 0;
            self.items.pop(now);
        }
        self.operations.push(now, operation);
    }

    /// Brings descriptors and lines together. `bitmap` are the words of a bitmap.
    #[inline]
    pub(super) fn feed(&mut self, now: u64, bitmap: u32, descriptors: &mut Buffer<Descriptor>, window: &mut Window) {
        self.waits = false;
        let Some(&record) = descriptors.peek(now) else { return };
        let pairs = record.kind == Kind::Pairs;
        let needs = record.kind != Kind::Nothing;
        let remaining = if self.begun { self.left } else { u32::from(record.lines) };
        let closes = !needs || remaining == 1;
        let segments = u32::from(record.segments);
        let forwards = needs && !(record.kind == Kind::Raw && self.passed >= segments);
        let gives = if needs { !self.begun || pairs } else { record.last };
        self.waits = needs && !window.valid();
        if self.waits || (gives && !self.items.ready(now)) || (forwards && !self.lines.ready(now)) {
            return;
        }
        if needs {
            window.pop();
        }
        if forwards {
            self.lines.push(now, ());
        }
        if gives {
            let item = self.item(&record, closes, bitmap);
            self.items.push(now, item);
        }
        self.begun = !closes;
        self.left = remaining.wrapping_sub(1);
        self.passed = if closes { 0 } else { self.passed + 1 };
        if closes {
            descriptors.pop(now);
        }
    }

    fn item(&mut self, record: &Descriptor, closes: bool, bitmap: u32) -> Item {
        let mut item = Item {
            context: record.context,
            words: record.words,
            marks: 0,
            follows: false,
            singles: 0,
            start: bitmap as u8,
            lines: record.lines,
            last: record.last,
            lineless: false,
        };
        match record.kind {
            Kind::Bitmap => {}
            Kind::Raw => {
                item.lines = record.lines.min(record.segments);
                item.words = [u32::MAX; 8];
                item.singles = 0xff;
                item.start = 0;
                item.marks = ((1_u32 << item.lines) - 1) as u16;
                return item;
            }
            Kind::Pairs => {
                let first = if self.begun { 0 } else { record.entry };
                if !self.begun {
                    self.unfed = record.words;
                }
                item.words = take(&mut self.unfed, 8 - first);
                item.singles = 0xff;
                item.start = first;
                item.lines = 1;
                item.last = record.last && closes;
            }
            Kind::Nothing => item.lineless = true,
        }
        if record.kind != Kind::Nothing {
            for (i, word) in item.words.iter().enumerate() {
                item.marks |= (u16::from(word & 0xffff != 0) | u16::from(word >> 16 != 0) << 1) << (2 * i);
                item.singles |= u8::from(word & word >> 16 & 0xffff != 0) << i;
            }
        }
        if record.kind == Kind::Pairs && item.marks != 0 {
            item.follows = self.begun && item.marks.trailing_zeros() == self.ended_in;
            self.ended_in = item.marks.ilog2();
        }
        item
    }
}

/// Takes the lowest ones out, `most` of them at most.
fn take(from: &mut Words, most: u8) -> Words {
    let (mut taken, mut left) = (Words::default(), most);
    for (word, into) in from.iter_mut().zip(&mut taken) {
        while left > 0 && *word != 0 {
            *into |= *word & word.wrapping_neg();
            *word &= *word - 1;
            left -= 1;
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the operations of a record, in order, and whether each is on the lower and the upper segment.
    fn operations(kind: Kind, words: Words, lines: u8) -> Vec<(u8, u8, bool, bool)> {
        let (mut decode, mut window, mut descriptors) = (Decode::new(), Window::new(128), Buffer::fifo(32));
        let mut result = Vec::new();
        for now in 0..100 {
            if decode.operations.peek(now).is_some() {
                let operation = decode.operations.pop(now);
                result.push((operation.window, operation.count, operation.low, operation.high));
            }
            if decode.lines.peek(now).is_some() {
                decode.lines.pop(now);
            }
            decode.split(now);
            decode.feed(now, 8, &mut descriptors, &mut window);
            let slot = (now < u64::from(lines)).then(|| window.allocate());
            window.step(slot);
            if now == 0 {
                descriptors.push(0, Descriptor { kind, words, lines, segments: 16, ..Descriptor::default() });
            }
        }
        result
    }

    #[test]
    fn halves_go_together_where_no_lane_is_wanted_twice() {
        let words = [0x0001_0002, 0, 0x0003_0001, 0xffff_0000, 0, 0, 0, 0x8000];
        let expected =
            [(0, 2, true, true), (2, 1, true, false), (2, 2, false, true), (3, 16, false, true), (7, 1, true, false)];
        assert_eq!(operations(Kind::Bitmap, words, 2), expected);
        assert_eq!(operations(Kind::Bitmap, [0; 8], 1), [(0, 0, false, false)]);
    }

    #[test]
    fn a_raw_line_is_an_operation_and_a_line_of_pairs_one_a_segment() {
        let of_segment = |s: u8| (s / 2, 16, s.is_multiple_of(2), s % 2 == 1);
        assert_eq!(operations(Kind::Raw, [0; 8], 16), (0..16).map(of_segment).collect::<Vec<_>>());
        let expected = [(0, 6, true, false), (0, 2, false, true), (0, 3, false, true), (1, 1, true, false)];
        assert_eq!(operations(Kind::Pairs, [0x001f_003f, 1, 0, 0, 0, 0, 0, 0], 2), expected);
    }
}
