use super::engine::{Request, Tag};
use super::replacement::Replacement;
use super::stream::Buffer;
use super::Tuning;

/// Ways of a set.
pub(super) const WAYS: usize = 16;
/// Cycles in which the tags are emptied.
const SWEEP: u64 = 64;
/// Answers that may be on their way out.
const CREDIT: usize = 16;
/// Cycles from a decision to an answer that is offered.
const WAY_OUT: u64 = 4;

/// A request, and whose it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    pub(super) engine: u8,
    pub(super) request: Request,
}

/// An answer, and for whom.
pub(super) type Answer = (u8, Tag);

#[derive(Clone, Debug, Default)]
struct Miss {
    line: u32,
    live: bool,
    open: bool,
    keep: bool,
    waiters: Vec<Answer>,
}

/// In the order of `nearfield_abi::kernel::sgcn::CACHE_COUNTERS`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) merged: u64,
    pub(super) stalls: u64,
}

/// The miss whose waiters are answered.
#[derive(Clone, Copy, Debug)]
struct Retiring {
    miss: u8,
    counted: bool,
    keep: bool,
    at: usize,
    count: usize,
}

/// See `nearfield_hdl::sgcn::cache::Bank`.
#[derive(Clone, Debug)]
pub(super) struct Bank {
    hashed: bool,
    sets: u32,
    most_waiters: usize,
    pub(super) skid: Buffer<Asked>,
    compared: Option<Asked>,
    /// Lines in the ways, `u32::MAX` where there is none.
    tags: Vec<[u32; WAYS]>,
    replacement: Replacement,
    /// A tag that is not seen yet: when it is, set, way, line.
    written: Option<(u64, usize, usize, u32)>,
    list: Vec<Miss>,
    /// Lines of the live misses beside each other, `u32::MAX` for others.
    live_lines: Vec<u32>,
    free: Buffer<u8>,
    pub(super) misses: Buffer<(u8, u32)>,
    arrived: Buffer<u8>,
    next: Option<u8>,
    retiring: Option<Retiring>,
    released: Option<u8>,
    turned: bool,
    credit: usize,
    /// Answers, by the engine's number modulo how many there are.
    pub(super) out: Vec<Buffer<Answer>>,
    /// The line that comes in this cycle is this miss'.
    pub(super) fill: Option<u8>,
    pub(super) counts: Counts,
}

impl Bank {
    pub(super) fn new(sets: u32, hashed: bool, tuning: &Tuning) -> Bank {
        let mut free = Buffer::fifo(tuning.misses);
        // Each in a cycle of its own, before there is anything to do.
        for number in 0..tuning.misses {
            free.push(number as u64, number as u8);
        }
        Bank {
            hashed,
            sets,
            most_waiters: tuning.waiters,
            skid: Buffer::skid(),
            compared: None,
            tags: vec![[u32::MAX; WAYS]; 1 << sets],
            replacement: Replacement::new(tuning.replacement, 1 << sets),
            written: None,
            list: vec![Miss::default(); tuning.misses],
            live_lines: vec![u32::MAX; tuning.misses],
            free,
            misses: Buffer::fifo(tuning.misses),
            arrived: Buffer::fifo(tuning.misses),
            next: None,
            retiring: None,
            released: None,
            turned: false,
            credit: CREDIT,
            out: vec![Buffer::new(CREDIT, WAY_OUT); tuning.lanes.1],
            fill: None,
            counts: Counts::default(),
        }
    }

    /// The index of a line, of which the low 4 bits are the bank.
    #[inline]
    pub(super) fn index(line: u32, hashed: bool) -> u32 {
        if hashed {
            line ^ line >> 9 ^ line >> 18
        } else {
            line
        }
    }

    fn set(&self, line: u32) -> usize {
        (Bank::index(line, self.hashed) >> 4 & ((1 << self.sets) - 1)) as usize
    }

    pub(super) fn ready(&self, now: u64) -> bool {
        now >= SWEEP && self.skid.ready(now)
    }

    pub(super) fn busy(&self) -> bool {
        !self.skid.is_empty()
            || self.compared.is_some()
            || self.retiring.is_some()
            || self.next.is_some()
            || self.credit < CREDIT
            || self.list.iter().any(|miss| miss.live)
    }

    #[inline]
    fn answer(&mut self, now: u64, answer: Answer) {
        let lane = usize::from(answer.0) % self.out.len();
        self.out[lane].push(now, answer);
    }

    /// An answer has left.
    #[inline]
    pub(super) fn give_back(&mut self) {
        self.credit += 1;
    }

    #[inline]
    pub(super) fn step(&mut self, now: u64) {
        if let Some((_, set, way, line)) = self.written.filter(|written| written.0 <= now) {
            self.tags[set][way] = line;
            self.written = None;
        }
        let wants = self.retiring.is_some_and(|retiring| retiring.counted);
        let turn = wants && self.credit > 0 && (!self.turned || self.compared.is_none());
        self.turned = turn;

        if self.compare(now, turn) {
            self.compared = self.skid.peek(now).is_some().then(|| self.skid.pop(now));
        }
        self.retire(now, turn);
        if let Some(number) = self.fill.take() {
            self.arrived.push(now, number);
        }
    }

    /// Whether the request that is compared goes, or there is none.
    #[inline]
    fn compare(&mut self, now: u64, turn: bool) -> bool {
        let Some(Asked { engine, request }) = self.compared else { return true };
        let set = self.set(request.line);
        if let Some(way) = self.tags[set].iter().position(|&tag| tag == request.line) {
            let hits = self.credit > 0 && !turn;
            if hits {
                self.counts.hits += 1;
                self.credit -= 1;
                self.replacement.touch(set, way);
                self.answer(now, (engine, request.tag));
            } else {
                self.counts.stalls += 1;
            }
            return hits;
        }
        if let Some(number) = self.live_lines.iter().position(|&line| line == request.line) {
            let miss = &mut self.list[number];
            let joins = miss.open && miss.waiters.len() < self.most_waiters;
            if joins {
                self.counts.merged += 1;
                miss.keep |= !request.noalloc;
                miss.waiters.push((engine, request.tag));
            } else {
                self.counts.stalls += 1;
            }
            return joins;
        }
        if self.free.peek(now).is_none() {
            self.counts.stalls += 1;
            return false;
        }
        let number = self.free.pop(now);
        self.counts.misses += 1;
        self.live_lines[number as usize] = request.line;
        let miss = &mut self.list[number as usize];
        (miss.line, miss.live, miss.open, miss.keep) = (request.line, true, true, !request.noalloc);
        miss.waiters.clear();
        miss.waiters.push((engine, request.tag));
        self.misses.push(now, (number, request.line));
        true
    }

    #[inline]
    fn retire(&mut self, now: u64, turn: bool) {
        if let Some(number) = self.released.take() {
            self.list[number as usize].live = false;
            self.live_lines[number as usize] = u32::MAX;
            self.free.push(now, number);
        }
        if let Some(mut retiring) = self.retiring {
            let number = retiring.miss as usize;
            if turn {
                let line = self.list[number].line;
                if retiring.at == 0 && retiring.keep {
                    let set = self.set(line);
                    let way = self.replacement.victim(set, &self.tags[set]);
                    self.written = Some((now + 2, set, way, line));
                }
                self.credit -= 1;
                self.answer(now, self.list[number].waiters[retiring.at]);
                retiring.at += 1;
                if retiring.at == retiring.count {
                    self.released = Some(retiring.miss);
                    self.retiring = None;
                } else {
                    self.retiring = Some(retiring);
                }
            } else if !retiring.counted {
                (retiring.counted, retiring.count) = (true, self.list[number].waiters.len());
                retiring.keep = self.list[number].keep;
                self.retiring = Some(retiring);
            }
        }
        if self.retiring.is_none() {
            if let Some(number) = self.next.take() {
                self.list[number as usize].open = false;
                self.retiring = Some(Retiring { miss: number, counted: false, keep: false, at: 0, count: 0 });
            }
        }
        if self.next.is_none() && self.arrived.peek(now).is_some() {
            self.next = Some(self.arrived.pop(now));
        }
    }
}
