//! A master of AXI4-Lite that drives a kernel's registers, and the rules it holds the kernel to.

use nearfield_abi::port::CONTROL;

use crate::verilate::{Instance, PortError, PortId};

use super::monitor::{Offer, Violation};
use super::random::Random;
use super::{Channel, Handshake};

/// What the kernel answered an access with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiteResponse {
    /// `RDATA`; 0 for a write.
    pub data: u32,
    /// `RRESP` or `BRESP`; 0 is OKAY.
    pub response: u32,
}

/// The access under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Idle,
    /// A write whose address and data are, or are not yet, taken.
    Write {
        address_taken: bool,
        data_taken: bool,
    },
    /// A read whose address is, or is not yet, taken.
    Read {
        address_taken: bool,
    },
}

struct Pins {
    awvalid: PortId,
    awready: PortId,
    awaddr: PortId,
    wvalid: PortId,
    wready: PortId,
    wdata: PortId,
    wstrb: PortId,
    bvalid: PortId,
    bready: PortId,
    bresp: PortId,
    arvalid: PortId,
    arready: PortId,
    araddr: PortId,
    rvalid: PortId,
    rready: PortId,
    rdata: PortId,
    rresp: PortId,
}

/// Makes one access at a time.
pub struct Lite {
    pins: Pins,
    access: Access,
    offset: u32,
    response: Option<LiteResponse>,
    /// Draws waits before each channel; without it nothing waits.
    random: Option<Random>,
    /// Cycles to wait before address, data and readiness for the answer.
    waits: [u32; 3],
    b: Offer<u32>,
    r: Offer<(u32, u32)>,
    last_transfer: u64,
}

impl Lite {
    /// The master that faces the kernel's `s_axi_control`; with a generator it takes its time on every channel.
    ///
    /// # Errors
    ///
    /// The kernel lacks one of the pins.
    pub fn new(instance: &Instance, random: Option<Random>) -> Result<Lite, PortError> {
        let pin = |name: &str| instance.port(&format!("{CONTROL}_{name}"));
        Ok(Lite {
            pins: Pins {
                awvalid: pin("awvalid")?,
                awready: pin("awready")?,
                awaddr: pin("awaddr")?,
                wvalid: pin("wvalid")?,
                wready: pin("wready")?,
                wdata: pin("wdata")?,
                wstrb: pin("wstrb")?,
                bvalid: pin("bvalid")?,
                bready: pin("bready")?,
                bresp: pin("bresp")?,
                arvalid: pin("arvalid")?,
                arready: pin("arready")?,
                araddr: pin("araddr")?,
                rvalid: pin("rvalid")?,
                rready: pin("rready")?,
                rdata: pin("rdata")?,
                rresp: pin("rresp")?,
            },
            access: Access::Idle,
            offset: 0,
            response: None,
            random,
            waits: [0; 3],
            b: Offer::default(),
            r: Offer::default(),
            last_transfer: 0,
        })
    }

    /// Begins a write of all four bytes of the register at `offset`.
    ///
    /// # Panics
    ///
    /// An access is under way.
    pub fn write(&mut self, instance: &mut Instance, offset: u32, value: u32) {
        instance.set(self.pins.awaddr, u64::from(offset));
        instance.set(self.pins.wdata, u64::from(value));
        instance.set(self.pins.wstrb, 0xf);
        self.begin(offset, Access::Write { address_taken: false, data_taken: false });
    }

    /// Begins a read of the register at `offset`.
    ///
    /// # Panics
    ///
    /// An access is under way.
    pub fn read(&mut self, instance: &mut Instance, offset: u32) {
        instance.set(self.pins.araddr, u64::from(offset));
        self.begin(offset, Access::Read { address_taken: false });
    }

    fn begin(&mut self, offset: u32, access: Access) {
        assert_eq!(self.access, Access::Idle, "an access to {:#x} is under way", self.offset);
        self.offset = offset;
        self.access = access;
        self.response = None;
        if let Some(random) = &mut self.random {
            self.waits = [0; 3].map(|_: u32| if random.chance(16) { 0 } else { random.below(12) });
        }
    }

    /// Whether an access is under way.
    pub fn busy(&self) -> bool {
        self.access != Access::Idle
    }

    /// The answer to the last access, once.
    pub fn take_response(&mut self) -> Option<LiteResponse> {
        self.response.take()
    }

    /// The last cycle in which a channel transferred something.
    pub fn last_transfer(&self) -> u64 {
        self.last_transfer
    }

    /// Drives the kernel's inputs for this cycle.
    pub fn drive(&mut self, instance: &mut Instance) {
        let [address, data, answer] = self.waits.map(|w| w == 0);
        self.waits = self.waits.map(|w| w.saturating_sub(1));
        let (mut aw, mut w, mut ar, mut b, mut r) = (false, false, false, false, false);
        match self.access {
            Access::Idle => {}
            Access::Write { address_taken, data_taken } => {
                aw = !address_taken && address;
                w = !data_taken && data;
                b = answer;
            }
            Access::Read { address_taken } => {
                ar = !address_taken && address;
                r = answer;
            }
        }
        let p = &self.pins;
        for (pin, level) in [(p.awvalid, aw), (p.wvalid, w), (p.arvalid, ar), (p.bready, b), (p.rready, r)] {
            instance.set(pin, u64::from(level));
        }
    }

    /// Looks at the kernel's outputs after they have settled.
    ///
    /// # Errors
    ///
    /// The kernel broke a rule: an answer that was not asked for, or one that it took back.
    pub fn sample(&mut self, cycle: u64, instance: &Instance) -> Result<(), Violation> {
        let p = &self.pins;
        let high = |pin| instance.get(pin) != 0;
        let wrong = |channel, rule| Violation { cycle, port: CONTROL.to_string(), channel, rule };
        let bvalid = high(p.bvalid);
        let rvalid = high(p.rvalid);
        let (bready, rready) = (high(p.bready), high(p.rready));
        self.b.check(bvalid.then(|| instance.get(p.bresp) as u32), bready).map_err(|rule| wrong(Channel::B, rule))?;
        self.r
            .check(rvalid.then(|| (instance.get(p.rdata) as u32, instance.get(p.rresp) as u32)), rready)
            .map_err(|rule| wrong(Channel::R, rule))?;
        if bvalid && self.access != (Access::Write { address_taken: true, data_taken: true }) {
            return Err(wrong(Channel::B, "a response to no write".into()));
        }
        if rvalid && self.access != (Access::Read { address_taken: true }) {
            return Err(wrong(Channel::R, "data for no read".into()));
        }
        let transferred = |valid, ready| high(valid) && high(ready);
        let before = self.access;
        match &mut self.access {
            Access::Idle => {}
            Access::Write { address_taken, data_taken } => {
                *address_taken |= transferred(p.awvalid, p.awready);
                *data_taken |= transferred(p.wvalid, p.wready);
                if bvalid && bready {
                    self.response = Some(LiteResponse { data: 0, response: instance.get(p.bresp) as u32 });
                    self.access = Access::Idle;
                }
            }
            Access::Read { address_taken } => {
                *address_taken |= transferred(p.arvalid, p.arready);
                if rvalid && rready {
                    let (data, response) = (instance.get(p.rdata) as u32, instance.get(p.rresp) as u32);
                    self.response = Some(LiteResponse { data, response });
                    self.access = Access::Idle;
                }
            }
        }
        if self.access != before {
            self.last_transfer = cycle;
        }
        Ok(())
    }

    /// Forgets an access, as a reset does.
    pub fn reset(&mut self, instance: &mut Instance) {
        self.access = Access::Idle;
        self.response = None;
        self.waits = [0; 3];
        self.b.clear();
        self.r.clear();
        self.drive(instance);
    }

    /// The channels on which the access under way waits.
    pub fn stuck(&self, instance: &Instance) -> Vec<Handshake> {
        let p = &self.pins;
        let waiting: &[(Channel, PortId, PortId)] = match self.access {
            Access::Idle => &[],
            Access::Write { address_taken: true, data_taken: true } => &[(Channel::B, p.bvalid, p.bready)],
            Access::Write { .. } => &[(Channel::Aw, p.awvalid, p.awready), (Channel::W, p.wvalid, p.wready)],
            Access::Read { address_taken: true } => &[(Channel::R, p.rvalid, p.rready)],
            Access::Read { .. } => &[(Channel::Ar, p.arvalid, p.arready)],
        };
        waiting
            .iter()
            .map(|&(channel, valid, ready)| Handshake {
                port: CONTROL.to_string(),
                channel,
                valid: instance.get(valid) != 0,
                ready: instance.get(ready) != 0,
                note: format!("register {:#x}", self.offset),
            })
            .collect()
    }
}
