//! One AXI4 slave port: what it has accepted, what it drives, what it answers with.

use std::collections::VecDeque;
use std::ops::Range;

use nearfield_abi::board::{HOST_MEMORY_BASE, HOST_MEMORY_BYTES};
use nearfield_abi::kernel::{AXI_BEAT_BYTES, AXI_BURST_BEATS};

use crate::verilate::{Instance, PortError};

use super::memory::{Memory, BEAT_WORDS};
use super::monitor::{self, Offer, Violation};
use super::pace::{Accept, Pace, PaceOf};
use super::pins::{Address, Pins, WriteData};
use super::traffic::{ReadBurst, Traffic, WriteBurst};
use super::{Channel, Handshake, Response};

macro_rules! paced {
    ($self:expr, $pace:ident => $call:expr) => {
        match $self {
            PaceOf::Fixed($pace) => $call,
            PaceOf::Hostile($pace) => $call,
        }
    };
}

/// An access that memory refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// First address.
    pub address: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Whether writes or reads are refused.
    pub write: bool,
    /// The answer, not [`Response::Okay`].
    pub response: Response,
}

/// One slave port.
pub struct Port {
    name: String,
    pins: Pins,
    pace: PaceOf,
    traffic: Traffic,
    /// Write data in the order of arrival, until they are stored.
    beats: VecDeque<WriteData>,
    /// The first write whose data are not in memory.
    storing: u64,
    /// The addresses that the port is wired to, beside the host's memory.
    reach: Range<u64>,
    /// What is driven now.
    accept: Accept,
    read_driven: bool,
    read_number: Option<u64>,
    response_driven: bool,
    aw: Offer<Address>,
    w: Offer<WriteData>,
    ar: Offer<Address>,
    last_transfer: u64,
}

impl Port {
    /// The port that faces the kernel's master `name`.
    ///
    /// # Errors
    ///
    /// The kernel lacks one of its pins.
    pub fn new(instance: &Instance, name: &str, pace: PaceOf) -> Result<Port, PortError> {
        Ok(Port {
            name: name.to_string(),
            pins: Pins::find(instance, name)?,
            traffic: Traffic::new(pace.by_beat()),
            pace,
            beats: VecDeque::new(),
            storing: 0,
            reach: 0..u64::MAX,
            accept: Accept::default(),
            read_driven: false,
            read_number: None,
            response_driven: false,
            aw: Offer::default(),
            w: Offer::default(),
            ar: Offer::default(),
            last_transfer: 0,
        })
    }

    /// The same, but wired to these addresses and the host's memory alone: at others it finds nobody.
    pub fn wired_to(self, reach: Range<u64>) -> Port {
        Port { reach, ..self }
    }

    /// The master's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What has been accepted and not answered.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The last cycle in which a channel transferred something.
    pub fn last_transfer(&self) -> u64 {
        self.last_transfer
    }

    /// Drives the kernel's inputs for this cycle.
    pub fn drive(&mut self, cycle: u64, memory: &mut Memory, faults: &[Fault], instance: &mut Instance) {
        if !self.read_driven {
            self.read_number = paced!(&mut self.pace, p => p.next_read(cycle, &self.traffic));
            match self.read_number {
                Some(number) => {
                    let burst = self.traffic.reads().get(number).expect("a pace gives a number of the queue");
                    let address = burst.address + u64::from(burst.sent * AXI_BEAT_BYTES);
                    let (data, response) = match memory.beat(address) {
                        _ if !reaches(&self.reach, address) => (&[0xdead_dead; BEAT_WORDS], Response::DecodeError),
                        Err(response) => (&[0xdead_dead; BEAT_WORDS], response),
                        Ok(data) => (data, refusal(faults, address, 1, false)),
                    };
                    let last = burst.sent + 1 == burst.beats;
                    self.pins.drive_read(instance, burst.id, data, response.code(), last);
                    self.read_driven = true;
                }
                None => self.pins.drive_no_read(instance, paced!(&mut self.pace, p => p.noise())),
            }
        }
        if !self.response_driven {
            match paced!(&mut self.pace, p => p.next_response(cycle, &self.traffic)) {
                Some(number) => {
                    self.store(number, memory, faults);
                    let burst = self.traffic.remove_write(number);
                    let response = match memory.beat(burst.address) {
                        _ if !reaches(&self.reach, burst.address) => Response::DecodeError,
                        Err(response) => response,
                        Ok(_) => refusal(faults, burst.address, burst.beats, true),
                    };
                    self.pins.drive_response(instance, burst.id, response.code());
                    self.response_driven = true;
                }
                None => self.pins.drive_no_response(instance, paced!(&mut self.pace, p => p.noise())),
            }
        }
        self.accept = paced!(&mut self.pace, p => p.accept(cycle, &self.traffic));
        instance.set(self.pins.aw.ready, u64::from(self.accept.aw));
        instance.set(self.pins.wready, u64::from(self.accept.w));
        instance.set(self.pins.ar.ready, u64::from(self.accept.ar));
    }

    /// Puts the data of every burst up to `number` into memory: they have come in this order, and a burst may be seen
    /// before its response.
    fn store(&mut self, number: u64, memory: &mut Memory, faults: &[Fault]) {
        while self.storing <= number {
            let burst = self.traffic.writes().get(self.storing).expect("a burst is stored before it is answered");
            let refused = refusal(faults, burst.address, burst.beats, true) != Response::Okay
                || !reaches(&self.reach, burst.address);
            for i in 0..burst.beats {
                let beat = self.beats.pop_front().expect("a complete burst has its beats");
                if !refused {
                    memory.write_beat(burst.address + u64::from(i * AXI_BEAT_BYTES), &beat.data, beat.strobe);
                }
            }
            self.storing += 1;
        }
    }

    /// Looks at the kernel's outputs after they have settled, checks them, and takes what is transferred at the coming
    /// edge.
    ///
    /// # Errors
    ///
    /// The kernel broke a rule.
    pub fn sample(&mut self, cycle: u64, instance: &Instance) -> Result<(), Violation> {
        let wrong = |port: &Port, channel, rule| Violation { cycle, port: port.name.clone(), channel, rule };
        let high = |pin| instance.get(pin) != 0;

        let aw = high(self.pins.aw.valid).then(|| self.pins.aw.read(instance));
        self.aw.check(aw, self.accept.aw).map_err(|rule| wrong(self, Channel::Aw, rule))?;
        if let (Some(aw), true) = (aw, self.accept.aw) {
            self.take_write_address(cycle, &aw).map_err(|(channel, rule)| wrong(self, channel, rule))?;
        }

        let w = high(self.pins.wvalid).then(|| self.pins.write_data(instance));
        self.w.check(w, self.accept.w).map_err(|rule| wrong(self, Channel::W, rule))?;
        if let (Some(w), true) = (w, self.accept.w) {
            self.take_write_data(cycle, w).map_err(|rule| wrong(self, Channel::W, rule))?;
        }

        let ar = high(self.pins.ar.valid).then(|| self.pins.ar.read(instance));
        self.ar.check(ar, self.accept.ar).map_err(|rule| wrong(self, Channel::Ar, rule))?;
        if let (Some(ar), true) = (ar, self.accept.ar) {
            monitor::address(&ar).map_err(|rule| wrong(self, Channel::Ar, rule))?;
            let mut burst = ReadBurst::new(ar.id, ar.address, u32::from(ar.len) + 1);
            paced!(&mut self.pace, p => p.read_accepted(cycle, &mut burst));
            self.traffic.push_read(burst);
            self.last_transfer = cycle;
        }

        if self.read_driven && high(self.pins.rready) {
            self.traffic.sent(self.read_number.take().expect("a driven beat has a burst"));
            self.read_driven = false;
            self.last_transfer = cycle;
        }
        if self.response_driven && high(self.pins.bready) {
            self.response_driven = false;
            self.last_transfer = cycle;
        }
        Ok(())
    }

    fn take_write_address(&mut self, cycle: u64, aw: &Address) -> Result<(), (Channel, String)> {
        monitor::address(aw).map_err(|rule| (Channel::Aw, rule))?;
        let beats = u32::from(aw.len) + 1;
        // Data may have come before their address: the newest `early` beats are nobody's yet.
        let received = self.traffic.early.min(beats);
        let first = self.beats.len() - self.traffic.early as usize;
        for (i, beat) in self.beats.iter().skip(first).take(received as usize).enumerate() {
            monitor::last(beat.last, i as u32, beats).map_err(|rule| (Channel::W, rule))?;
        }
        self.traffic.early -= received;
        let mut burst = WriteBurst::new(aw.id, aw.address, beats, received);
        if burst.complete() {
            paced!(&mut self.pace, p => p.write_complete(cycle, &mut burst));
        }
        self.traffic.push_write(burst);
        self.last_transfer = cycle;
        Ok(())
    }

    fn take_write_data(&mut self, cycle: u64, w: WriteData) -> Result<(), String> {
        if let Some(burst) = self.traffic.write_to_fill() {
            monitor::write_data(&w, burst.received, Some(burst.beats))?;
            burst.received += 1;
            if burst.complete() {
                paced!(&mut self.pace, p => p.write_complete(cycle, burst));
            }
        } else {
            let index = self.early_index();
            monitor::write_data(&w, index, None)?;
            if index == AXI_BURST_BEATS - 1 && !w.last {
                return Err(format!("{AXI_BURST_BEATS} beats without WLAST"));
            }
            self.traffic.early += 1;
        }
        self.beats.push_back(w);
        self.traffic.beats_written += 1;
        self.last_transfer = cycle;
        Ok(())
    }

    /// The place in its burst of the next beat that comes before its address.
    fn early_index(&self) -> u32 {
        let early = self.beats.iter().rev().take(self.traffic.early as usize);
        early.take_while(|b| !b.last).count() as u32
    }

    /// A violation if anything is offered or outstanding: a kernel that is done must have drained.
    pub fn check_drained(&self, cycle: u64, instance: &Instance) -> Result<(), Violation> {
        let offered = |pin| instance.get(pin) != 0;
        let traffic = &self.traffic;
        let rule = |channel, what: &str| {
            Err(Violation { cycle, port: self.name.clone(), channel, rule: format!("done is set, but {what}") })
        };
        if !traffic.reads().is_empty() {
            return rule(Channel::R, &format!("{} read bursts are outstanding", traffic.reads().len()));
        }
        if !traffic.writes().is_empty() || self.response_driven {
            return rule(Channel::B, "a write's response is outstanding");
        }
        if traffic.early > 0 {
            return rule(Channel::W, "data were sent whose address never came");
        }
        if offered(self.pins.aw.valid) {
            return rule(Channel::Aw, "an address is offered");
        }
        if offered(self.pins.ar.valid) {
            return rule(Channel::Ar, "an address is offered");
        }
        if offered(self.pins.wvalid) {
            return rule(Channel::W, "data are offered");
        }
        Ok(())
    }

    /// Drives every channel idle, forgets everything, and checks that the kernel, held in reset, offers nothing.
    pub fn reset(&mut self, cycle: u64, instance: &mut Instance) -> Result<(), Violation> {
        for pin in [self.pins.aw.ready, self.pins.ar.ready, self.pins.wready, self.pins.rvalid, self.pins.bvalid] {
            instance.set(pin, 0);
        }
        self.traffic.clear();
        self.storing = self.traffic.writes().end();
        self.beats.clear();
        self.read_driven = false;
        self.response_driven = false;
        self.aw.clear();
        self.w.clear();
        self.ar.clear();
        let offers =
            [(Channel::Aw, self.pins.aw.valid), (Channel::W, self.pins.wvalid), (Channel::Ar, self.pins.ar.valid)];
        match offers.into_iter().find(|&(_, pin)| instance.get(pin) != 0) {
            None => Ok(()),
            Some((channel, _)) => {
                let rule = "valid is high in reset".to_string();
                Err(Violation { cycle, port: self.name.clone(), channel, rule })
            }
        }
    }

    /// Every channel on which somebody waits: valid without ready, or something owed.
    pub fn stuck(&self, instance: &Instance) -> Vec<Handshake> {
        let level = |pin| instance.get(pin) != 0;
        let t = &self.traffic;
        let (whole, open): (Vec<&WriteBurst>, _) = t.writes().iter().map(|(_, b)| b).partition(|b| b.complete());
        let missing = open.iter().map(|b| b.beats - b.received).sum::<u32>();
        let unanswered = whole.len();
        let channels = [
            (Channel::Aw, level(self.pins.aw.valid), self.accept.aw, t.early, "beats came without their address"),
            (Channel::W, level(self.pins.wvalid), self.accept.w, missing, "beats of accepted addresses are missing"),
            (Channel::B, self.response_driven, level(self.pins.bready), unanswered as u32, "responses are outstanding"),
            (Channel::Ar, level(self.pins.ar.valid), self.accept.ar, 0, ""),
            (Channel::R, self.read_driven, level(self.pins.rready), t.reads().len() as u32, "bursts are outstanding"),
        ];
        let waits = |&(channel, valid, ready, owed, what): &(Channel, bool, bool, u32, &str)| {
            (valid && !ready || owed > 0).then(|| Handshake {
                port: self.name.clone(),
                channel,
                valid,
                ready,
                note: if owed > 0 { format!("{owed} {what}") } else { String::new() },
            })
        };
        channels.iter().filter_map(waits).collect()
    }
}

/// Whether a port that is wired to `reach` finds somebody at an address, if there is somebody.
#[inline]
fn reaches(reach: &Range<u64>, address: u64) -> bool {
    let host = HOST_MEMORY_BASE..HOST_MEMORY_BASE + HOST_MEMORY_BYTES;
    reach.contains(&address) || host.contains(&address)
}

/// For a memory that marks beats as asked and answered.
impl AsMut<Traffic> for Port {
    fn as_mut(&mut self) -> &mut Traffic {
        &mut self.traffic
    }
}

/// The answer to an access of `beats` beats, if some fault lies among them.
#[inline]
fn refusal(faults: &[Fault], address: u64, beats: u32, write: bool) -> Response {
    let end = address + u64::from(beats * AXI_BEAT_BYTES);
    let hit = |f: &&Fault| f.write == write && f.address < end && address < f.address.saturating_add(f.bytes);
    faults.iter().filter(hit).map(|f| f.response).max().unwrap_or_default()
}
