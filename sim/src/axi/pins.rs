//! The pins of one AXI4 master of a kernel.

use nearfield_abi::port::MASTER_PREFIX;

use crate::verilate::{Instance, PortError, PortId};

use super::memory::BEAT_WORDS;
use super::random::Random;
use super::Response;

/// A burst's address channel as the kernel drives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) id: u32,
    pub(super) address: u64,
    /// Beats less one, as on the wires.
    pub(super) len: u8,
    pub(super) size: u8,
    pub(super) burst: u8,
    pub(super) lock: u8,
}

/// A beat of write data as the kernel drives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WriteData {
    pub(super) data: [u32; BEAT_WORDS],
    pub(super) strobe: u64,
    pub(super) last: bool,
}

/// An address channel.
pub(super) struct AddressPins {
    pub(super) valid: PortId,
    pub(super) ready: PortId,
    address: PortId,
    len: PortId,
    size: PortId,
    burst: PortId,
    id: Option<PortId>,
    lock: Option<PortId>,
}

impl AddressPins {
    fn find(instance: &Instance, port: &str, channel: &str) -> Result<AddressPins, PortError> {
        let pin = |name: &str| instance.port(&format!("{MASTER_PREFIX}{port}_{channel}{name}"));
        Ok(AddressPins {
            valid: pin("valid")?,
            ready: pin("ready")?,
            address: pin("addr")?,
            len: pin("len")?,
            size: pin("size")?,
            burst: pin("burst")?,
            id: pin("id").ok(),
            lock: pin("lock").ok(),
        })
    }

    pub(super) fn read(&self, instance: &Instance) -> Address {
        Address {
            id: self.id.map_or(0, |p| instance.get(p) as u32),
            address: instance.get(self.address),
            len: instance.get(self.len) as u8,
            size: instance.get(self.size) as u8,
            burst: instance.get(self.burst) as u8,
            lock: self.lock.map_or(0, |p| instance.get(p) as u8),
        }
    }
}

/// All channels. Ids and `lock` are there if the kernel has them; other optional outputs (cache, prot, qos, region) are
/// not looked at.
pub(super) struct Pins {
    pub(super) aw: AddressPins,
    pub(super) ar: AddressPins,
    pub(super) wvalid: PortId,
    pub(super) wready: PortId,
    wdata: PortId,
    wstrb: PortId,
    wlast: PortId,
    pub(super) bvalid: PortId,
    pub(super) bready: PortId,
    bresp: PortId,
    bid: Option<PortId>,
    pub(super) rvalid: PortId,
    pub(super) rready: PortId,
    rdata: PortId,
    rresp: PortId,
    rlast: PortId,
    rid: Option<PortId>,
    /// The bits of ids, if there are any.
    id_mask: u32,
}

impl Pins {
    /// Finds the pins `m_axi_<port>_*`.
    pub(super) fn find(instance: &Instance, port: &str) -> Result<Pins, PortError> {
        let pin = |name: &str| instance.port(&format!("{MASTER_PREFIX}{port}_{name}"));
        let id_bits = pin("rid").or_else(|_| pin("bid")).map_or(0, |id| instance.bits(id));
        Ok(Pins {
            aw: AddressPins::find(instance, port, "aw")?,
            ar: AddressPins::find(instance, port, "ar")?,
            wvalid: pin("wvalid")?,
            wready: pin("wready")?,
            wdata: pin("wdata")?,
            wstrb: pin("wstrb")?,
            wlast: pin("wlast")?,
            bvalid: pin("bvalid")?,
            bready: pin("bready")?,
            bresp: pin("bresp")?,
            bid: pin("bid").ok(),
            rvalid: pin("rvalid")?,
            rready: pin("rready")?,
            rdata: pin("rdata")?,
            rresp: pin("rresp")?,
            rlast: pin("rlast")?,
            rid: pin("rid").ok(),
            id_mask: u32::MAX.unbounded_shr(32 - id_bits),
        })
    }

    pub(super) fn write_data(&self, instance: &Instance) -> WriteData {
        let data = instance.words(self.wdata).try_into().expect("the data bus is 512 bits wide");
        WriteData { data, strobe: instance.get(self.wstrb), last: instance.get(self.wlast) != 0 }
    }

    /// Drives a read beat with valid high.
    pub(super) fn drive_read(&self, i: &mut Instance, id: u32, data: &[u32; BEAT_WORDS], response: u64, last: bool) {
        i.set(self.rvalid, 1);
        i.set_words(self.rdata, data);
        i.set(self.rresp, response);
        i.set(self.rlast, u64::from(last));
        if let Some(pin) = self.rid {
            i.set(pin, u64::from(id));
        }
    }

    /// Drives rvalid low and, with `noise`, what a kernel must not look at then: any data, and an error.
    pub(super) fn drive_no_read(&self, i: &mut Instance, noise: Option<&mut Random>) {
        if let Some(noise) = noise {
            let data = std::array::from_fn(|_| noise.next() as u32);
            let bits = noise.next();
            self.drive_read(i, (bits >> 32) as u32 & self.id_mask, &data, Response::SlaveError.code(), bits & 1 != 0);
        }
        i.set(self.rvalid, 0);
    }

    /// Drives a write response with valid high.
    pub(super) fn drive_response(&self, i: &mut Instance, id: u32, response: u64) {
        i.set(self.bvalid, 1);
        i.set(self.bresp, response);
        if let Some(pin) = self.bid {
            i.set(pin, u64::from(id));
        }
    }

    /// The same for bvalid.
    pub(super) fn drive_no_response(&self, i: &mut Instance, noise: Option<&mut Random>) {
        if let Some(noise) = noise {
            self.drive_response(i, noise.next() as u32 & self.id_mask, Response::SlaveError.code());
        }
        i.set(self.bvalid, 0);
    }
}
