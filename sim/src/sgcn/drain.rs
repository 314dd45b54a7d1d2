use super::rows::Row;
use super::stream::Buffer;
use std::collections::VecDeque;

/// Cycles in which the accumulators are cleared.
const CLEARING: u64 = 256;
/// Places for lines that have not left.
const PLACES: u32 = 32;
/// Cycles from a drain operation to its line.
const LINE: u64 = 3;

/// A burst of results.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Burst {
    pub(super) line: u32,
    pub(super) beats: u32,
}

/// `Drain` and `Output` of `nearfield_hdl::sgcn::datapath`.
#[derive(Clone, Debug)]
pub(super) struct Drain {
    /// Rows that ended, each with its context and the cycle in which it may be read.
    rows: VecDeque<(u8, Row, u64)>,
    segment: u32,
    wait: u64,
    /// The context that is free.
    pub(super) freed: Option<u8>,
    places: u32,
    returned: u32,
    /// Lines on their way from the lanes: when they come, their address, the row's last.
    coming: VecDeque<(u64, u32, bool)>,
    start: u32,
    pub(super) beats: Buffer<()>,
    pub(super) bursts: Buffer<Burst>,
    count: u32,
}

impl Drain {
    /// `hold`: cycles until an operation can be seen in the accumulators.
    pub(super) fn new(hold: u64) -> Drain {
        Drain {
            rows: VecDeque::new(),
            segment: 0,
            wait: hold,
            freed: None,
            places: PLACES,
            returned: 0,
            coming: VecDeque::new(),
            start: 0,
            beats: Buffer::fifo(32),
            bursts: Buffer::fifo(32),
            count: 0,
        }
    }

    /// Whether there is a place for a line.
    pub(super) fn room(&self) -> bool {
        self.places > 0
    }

    pub(super) fn busy(&self) -> bool {
        !self.rows.is_empty() || self.places + self.returned < PLACES
    }

    /// Whether an operation is wanted, and before others.
    #[inline]
    pub(super) fn wants(&self, now: u64, room: bool) -> (bool, bool) {
        if now < CLEARING {
            return (true, true);
        }
        let ripe = |place: usize| self.rows.get(place).is_some_and(|row| row.2 <= now);
        (room && ripe(0), ripe(3))
    }

    /// The segment, of all contexts', that is drained next.
    #[inline]
    pub(super) fn segment(&self) -> Option<usize> {
        self.rows.front().map(|row| 16 * usize::from(row.0) + self.segment as usize)
    }

    /// A beat has left.
    #[inline]
    pub(super) fn beat_left(&mut self) {
        self.returned += 1;
    }

    #[inline]
    pub(super) fn step(&mut self, now: u64, drained: bool, ended: Option<(u8, Row)>) {
        if let Some(&(_, line, last)) = self.coming.front().filter(|(when, ..)| *when == now) {
            self.coming.pop_front();
            if self.count == 0 {
                self.start = line;
            }
            self.count += 1;
            self.beats.push(now, ());
            if last || line % 16 == 15 {
                self.bursts.push(now, Burst { line: self.start, beats: self.count });
                self.count = 0;
            }
        }
        self.places += std::mem::take(&mut self.returned);
        self.freed = None;
        if drained && now >= CLEARING {
            let (context, row, _) = self.rows[0];
            let line = row.out + self.segment;
            self.segment += 1;
            let closes = self.segment == row.segments;
            self.coming.push_back((now + LINE, line, closes));
            self.places -= 1;
            if closes {
                self.segment = 0;
                self.rows.pop_front();
                self.freed = Some(context);
            }
        }
        if let Some((context, row)) = ended {
            self.rows.push_back((context, row, now + self.wait));
        }
    }
}
