use super::edges::Edge;
use super::job::{Format, Plan};
use super::pattern::{ones, Words};
use super::rows::Row;
use super::stream::Buffer;
use nearfield_abi::beicsr;

/// Edges whose records' lengths are looked up.
const SLOTS: usize = 32;
/// Cycles from an edge to its slot.
const ENTRY: usize = 4;
/// Cycles from a looked-up line to the slot's being resolved.
const LOOKUP: u64 = 8;

/// What the lines of a record are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Kind {
    #[default]
    Bitmap,
    Raw,
    Pairs,
    Nothing,
}

/// A record that will come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Descriptor {
    pub(super) context: u8,
    pub(super) kind: Kind,
    pub(super) lines: u8,
    /// Of pairs, the first one's place in its line.
    pub(super) entry: u8,
    pub(super) last: bool,
    pub(super) segments: u8,
    pub(super) words: Words,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    descriptor: Descriptor,
    bypass: bool,
    line: u32,
    /// From this cycle on it is resolved.
    resolved: u64,
}

/// What is asked of the cache in place of a lookup or of lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lookup {
    pub(super) line: u32,
    pub(super) slot: u8,
}

/// See `nearfield_hdl::sgcn::engine::Fetch`.
#[derive(Clone, Debug)]
pub(super) struct Fetch {
    pub(super) queue: Buffer<Lookup>,
    pub(super) descriptors: Buffer<Descriptor>,
    most: usize,
    /// Edges on their way in, with the cycle of their entry.
    moving: [Option<(Edge, Row)>; ENTRY],
    slots: [Slot; SLOTS],
    tail: usize,
    head: usize,
    /// The record whose lines are asked for: the next line, how many are left, not to be kept.
    loaded: Option<(u32, u8, bool)>,
}

impl Fetch {
    /// `most`: descriptors with which no more records are begun.
    pub(super) fn new(most: usize) -> Fetch {
        Fetch {
            most,
            queue: Buffer::fifo(16),
            descriptors: Buffer::fifo(32),
            moving: [None; ENTRY],
            slots: [Slot::default(); SLOTS],
            tail: 0,
            head: 0,
            loaded: None,
        }
    }

    /// The line that is asked for, and whether it is not to be kept.
    #[inline]
    pub(super) fn request(&self) -> Option<(u32, bool)> {
        self.loaded.map(|(line, _, noalloc)| (line, noalloc))
    }

    /// `fires`: the line of [`Fetch::request`] is asked for in this cycle; `came` the slot whose looked-up line is there.
    #[inline]
    pub(super) fn step(
        &mut self,
        now: u64,
        plan: &Plan,
        edges: &mut Buffer<Edge>,
        rows: &[Row],
        fires: bool,
        came: Option<u8>,
    ) {
        if let Some(slot) = came {
            self.slots[slot as usize].resolved = now + LOOKUP;
        }
        let inside = self.tail - self.head;
        let full = self.queue.fill(now) >= 8;
        self.load(now, fires);

        let place = now as usize % ENTRY;
        if let Some((edge, row)) = self.moving[place].take() {
            self.enter(now, plan, edge, row);
        }
        if inside < 24 && !full && edges.peek(now).is_some() {
            let edge = edges.pop(now);
            self.moving[place] = Some((edge, rows[edge.context as usize]));
        }
    }

    fn load(&mut self, now: u64, fires: bool) {
        let mut free = self.loaded.is_none();
        if fires {
            let (line, left, noalloc) = self.loaded.expect("a line was asked for");
            free = left == 1;
            self.loaded = (!free).then_some((line + 1, left - 1, noalloc));
        }
        let slot = &mut self.slots[self.head % SLOTS];
        if !free || self.head == self.tail || slot.resolved > now || self.descriptors.fill(now) >= self.most {
            return;
        }
        let descriptor = slot.descriptor;
        if descriptor.lines > 0 {
            self.loaded = Some((slot.line, descriptor.lines, slot.bypass));
        }
        if descriptor.lines > 0 || descriptor.last {
            self.descriptors.push(now, descriptor);
        }
        slot.resolved = u64::MAX;
        self.head += 1;
    }

    fn enter(&mut self, now: u64, plan: &Plan, edge: Edge, row: Row) {
        let number = self.tail % SLOTS;
        self.tail += 1;
        let record = row.slice * plan.rows + edge.column;
        let mut line = plan.regions.features + record.wrapping_mul(plan.stride);
        if plan.format == Format::Dense {
            line = plan.regions.features + row.slice * plan.slice / 16 + edge.column * plan.stride;
        }
        let mut descriptor = Descriptor {
            context: edge.context,
            kind: Kind::Nothing,
            lines: 0,
            entry: 0,
            last: edge.last,
            segments: row.segments as u8,
            words: Words::default(),
        };
        let looks = !edge.hollow && plan.format != Format::Dense;
        if !edge.hollow {
            let words = plan.records.words(edge.column, row.slice);
            let (slice, nonzeros) = (u64::from(plan.slice), u64::from(ones(&words)));
            (descriptor.kind, descriptor.lines) = match plan.format {
                Format::Dense => (Kind::Raw, row.segments as u8),
                Format::Beicsr => match beicsr::length(slice, nonzeros) {
                    beicsr::ESCAPE => (Kind::Raw, plan.full as u8),
                    lines => (Kind::Bitmap, lines),
                },
                Format::Learned => (Kind::Bitmap, beicsr::used_lines(slice, nonzeros) as u8),
                Format::Known => (Kind::Bitmap, beicsr::published_length(slice, nonzeros)),
                Format::Pairs => {
                    let first = plan.pairs_before[record as usize];
                    line = plan.regions.features + first / 8;
                    descriptor.entry = (first % 8) as u8;
                    let lines = if nonzeros == 0 { 0 } else { (u64::from(first % 8) + nonzeros).div_ceil(8) };
                    (Kind::Pairs, lines as u8)
                }
            };
            descriptor.words = words;
        }
        if looks {
            let line = match plan.format {
                Format::Learned => line,
                Format::Pairs => plan.regions.table + record / 8,
                _ => plan.regions.table + record / 64,
            };
            self.queue.push(now, Lookup { line, slot: number as u8 });
        }
        let resolved = if looks { u64::MAX } else { now + 2 };
        if descriptor.lines == 0 {
            descriptor.kind = Kind::Nothing;
        }
        self.slots[number] = Slot { descriptor, bypass: edge.bypass, line, resolved };
    }

    /// Edges whose lines are not asked for yet.
    pub(super) fn inside(&self) -> usize {
        self.tail - self.head
    }
}
