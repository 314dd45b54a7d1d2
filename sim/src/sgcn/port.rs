use super::drain::Burst;
use super::engine::Engine;
use super::stream::{Buffer, Turn};
use crate::axi::{Accept, Fixed, Pace, ReadBurst, Traffic, WriteBurst};
use nearfield_abi::kernel::sgcn;

/// A miss: bank and number, and its line of the port.
pub(super) type Fetch = (u16, u32);

/// In the order of `nearfield_abi::kernel::sgcn::PORT_COUNTERS`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) read_beats: u64,
    pub(super) read_stalls: u64,
    pub(super) write_beats: u64,
    pub(super) write_stalls: u64,
}

/// A write port's burst: engine and what is left of it.
#[derive(Clone, Copy, Debug)]
struct Active {
    engine: usize,
    left: u32,
}

/// `ReadPort` and `WritePort` of `nearfield_hdl::sgcn::cache`, and the board's port that they face.
pub(super) struct Port {
    number: u32,
    ports: u32,
    base: u64,
    pub(super) traffic: Traffic,
    pace: Fixed,
    accept: Accept,
    read: Option<u64>,
    answers: bool,
    // Reads.
    pub(super) gathered: Option<Fetch>,
    pub(super) turn: Turn,
    skid: Buffer<Fetch>,
    half: Option<Fetch>,
    address: Option<Fetch>,
    /// Lines that were read: bank and number.
    pub(super) fills: Buffer<u16>,
    // Writes.
    write_turn: Turn,
    next: Option<(usize, Burst)>,
    active: Option<Active>,
    word: bool,
    write_half: Option<Burst>,
    write_address: Option<Burst>,
    owed: usize,
    most_owed: usize,
    pub(super) counts: Counts,
}

impl Port {
    pub(super) fn new(number: u32, ports: u32, base: u64, pace: Fixed, traffic: Traffic, writes: usize) -> Port {
        Port {
            number,
            ports,
            base,
            traffic,
            pace,
            accept: Accept::default(),
            read: None,
            answers: false,
            gathered: None,
            turn: Turn::default(),
            skid: Buffer::skid(),
            half: None,
            address: None,
            fills: Buffer::skid(),
            write_turn: Turn::default(),
            next: None,
            active: None,
            word: false,
            write_half: None,
            write_address: None,
            owed: 0,
            most_owed: writes,
            counts: Counts::default(),
        }
    }

    pub(super) fn busy(&self) -> bool {
        let reads = self.gathered.is_some() || !self.skid.is_empty() || self.half.is_some() || self.address.is_some();
        reads || !self.traffic.reads().is_empty() || !self.fills.is_empty() || self.next.is_some() || self.owed > 0
    }

    /// What the board answers in this cycle.
    #[inline]
    pub(super) fn drive(&mut self, now: u64) {
        if self.read.is_none() {
            self.read = self.pace.next_read(now, &self.traffic);
        }
        self.answers = false;
        if let Some(number) = self.pace.next_response(now, &self.traffic) {
            self.traffic.remove_write(number);
            self.answers = true;
        }
        self.accept = self.pace.accept(now, &self.traffic);
    }

    fn address_of(&self, line: u32) -> u64 {
        self.base + sgcn::LINE_BYTES * u64::from(sgcn::place(line, self.ports).1)
    }

    /// Writes: which engines' bursts, and what the board takes of them.
    #[inline]
    pub(super) fn write(&mut self, now: u64, engines: &mut [Engine]) {
        let waits = (self.write_address.is_some() && !self.accept.aw) || (self.word && !self.accept.w);
        self.counts.write_stalls += u64::from(waits);
        if self.accept.aw {
            if let Some(burst) = self.write_address.take() {
                let received = self.traffic.early.min(burst.beats);
                self.traffic.early -= received;
                let mut write = WriteBurst::new(0, self.address_of(burst.line), burst.beats, received);
                if write.complete() {
                    self.pace.write_complete(now, &mut write);
                }
                self.traffic.push_write(write);
            }
        }
        if self.accept.w && std::mem::take(&mut self.word) {
            self.counts.write_beats += 1;
            self.traffic.beats_written += 1;
            if let Some(write) = self.traffic.write_to_fill() {
                write.received += 1;
                if write.complete() {
                    self.pace.write_complete(now, write);
                }
            } else {
                self.traffic.early += 1;
            }
        }

        let owner = self.active.map(|active| active.engine);
        let owed = self.owed;
        if self.answers {
            self.owed -= 1;
        }
        let mut finished = None;
        if let Some(active) = self.active.filter(|_| !self.word) {
            let drain = &mut engines[active.engine].drain;
            if drain.beats.peek(now).is_some() {
                drain.beats.pop(now);
                drain.beat_left();
                self.word = true;
                self.active = (active.left > 1).then_some(Active { left: active.left - 1, ..active });
                finished = self.active.is_none().then_some(active.engine);
            }
        }
        if self.write_address.is_none() {
            self.write_address = self.write_half.take();
        }
        let had_next = self.next.is_some();
        if self.active.is_none() && owed < self.most_owed && self.write_half.is_none() {
            if let Some((engine, burst)) = self.next.take() {
                self.active = Some(Active { engine, left: burst.beats });
                self.write_half = Some(burst);
                self.owed += 1;
            }
        }
        if !had_next {
            let mut asks = 0;
            for (i, engine) in engines.iter().enumerate().filter(|(i, _)| Some(*i) != owner) {
                let burst = engine.drain.bursts.peek(now);
                if burst.is_some_and(|burst| sgcn::place(burst.line, self.ports).0 == self.number) {
                    asks |= 1 << i;
                }
            }
            if let Some(engine) = self.write_turn.serve(asks) {
                self.next = engines[engine].drain.bursts.peek(now).map(|burst| (engine, *burst));
            }
        }
        if let Some(engine) = finished {
            engines[engine].drain.bursts.pop(now);
        }
    }

    /// Reads: addresses to the board, and lines that come from it.
    #[inline]
    pub(super) fn read(&mut self, now: u64) {
        self.counts.read_stalls += u64::from(self.address.is_some() && !self.accept.ar);
        if self.accept.ar {
            if let Some((id, line)) = self.address.take() {
                let mut read = ReadBurst::new(id.into(), self.address_of(line), 1);
                self.pace.read_accepted(now, &mut read);
                self.traffic.push_read(read);
            }
        }
        if self.address.is_none() {
            self.address = self.half.take();
        }
        if self.half.is_none() && self.skid.peek(now).is_some() {
            self.half = Some(self.skid.pop(now));
        }
        if self.gathered.is_some() && self.skid.ready(now) {
            self.skid.push(now, self.gathered.take().expect("it is there"));
        }
        if self.fills.ready(now) {
            if let Some(number) = self.read.take() {
                let id = self.traffic.reads().get(number).expect("it was driven").id;
                self.traffic.sent(number);
                self.counts.read_beats += 1;
                self.fills.push(now, id as u16);
            }
        }
    }
}

impl AsMut<Traffic> for Port {
    fn as_mut(&mut self) -> &mut Traffic {
        &mut self.traffic
    }
}
