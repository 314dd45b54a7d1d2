//! A bank of DRAM, its controller, and the arbiter before it.

use std::collections::BTreeMap;

use dramsim3::MemorySystem;
use nearfield_abi::kernel::AXI_BEAT_BYTES;

use super::super::traffic::Traffic;

/// A read that DRAM has not answered.
struct InFlight {
    /// The place among the controller's ports.
    place: usize,
    burst: u64,
    beat: u32,
}

/// A bank and what lies between it and its ports.
pub(super) struct Controller {
    system: MemorySystem,
    base: u64,
    bytes: u64,
    /// The numbers of the ports it serves.
    ports: Vec<usize>,
    /// Beats that each of them may have on their way.
    most: u32,
    /// By address in the bank, and by number, so that of reads of one address the first is answered first.
    in_flight: BTreeMap<(u64, u64), InFlight>,
    next_number: u64,
    in_flight_of: Vec<u32>,
    answered: Vec<u64>,
    read_turn: usize,
    write_turn: usize,
}

impl Controller {
    pub(super) fn new(system: MemorySystem, base: u64, bytes: u64, ports: Vec<usize>, most: u32) -> Controller {
        Controller {
            system,
            base,
            bytes,
            in_flight_of: vec![0; ports.len()],
            ports,
            most,
            in_flight: BTreeMap::new(),
            next_number: 0,
            answered: Vec::new(),
            read_turn: 0,
            write_turn: 0,
        }
    }

    pub(super) fn system(&self) -> &MemorySystem {
        &self.system
    }

    /// Hands over at most one read and one write beat, and lets `ticks` of DRAM's clock pass.
    pub(super) fn step<P: AsMut<Traffic>>(&mut self, cycle: u64, ticks: u64, ports: &mut [P]) {
        self.ask_read(cycle, ports);
        self.ask_write(ports);
        for _ in 0..ticks {
            let answered = &mut self.answered;
            self.system.tick(|address, write| {
                if !write {
                    answered.push(address);
                }
            });
        }
        for address in self.answered.drain(..) {
            let (&key, _) =
                self.in_flight.range((address, 0)..).next().expect("DRAM answers while something is on its way");
            assert_eq!(key.0, address, "DRAM answers what it was asked");
            let InFlight { place, burst, beat } = self.in_flight.remove(&key).expect("it was just found");
            self.in_flight_of[place] -= 1;
            ports[self.ports[place]].as_mut().answer(burst, beat);
        }
    }

    /// The address in the bank of a beat of a burst, if it lies in it.
    fn offset(&self, address: u64, beat: u32) -> Option<u64> {
        let offset = (address + u64::from(beat * AXI_BEAT_BYTES)).checked_sub(self.base)?;
        (offset < self.bytes).then_some(offset)
    }

    /// Hands over a read beat of the port whose turn it is, or of the next one that has some. A turn lasts a burst, as in
    /// an interconnect of AXI: by the beat, DRAM's banks would be shared better than on a real board.
    fn ask_read<P: AsMut<Traffic>>(&mut self, cycle: u64, ports: &mut [P]) {
        for step in 0..self.ports.len() {
            let place = (self.read_turn + step) % self.ports.len();
            if self.in_flight_of[place] >= self.most {
                continue;
            }
            let traffic = ports[self.ports[place]].as_mut();
            let Some((number, burst)) = traffic.read_to_ask(cycle) else { continue };
            let beat = burst.asked;
            let offset = self.offset(burst.address, beat);
            if let Some(address) = offset {
                if !self.system.can_add(address, false) {
                    continue;
                }
                self.system.add(address, false);
                self.in_flight_of[place] += 1;
                self.in_flight.insert((address, self.next_number), InFlight { place, burst: number, beat });
                self.next_number += 1;
            }
            burst.asked += 1;
            self.read_turn = place + usize::from(burst.asked == burst.beats);
            if offset.is_none() {
                // Nobody is there to ask; the port answers with an error.
                traffic.answer(number, beat);
            }
            return;
        }
    }

    /// The same for write beats that have come.
    fn ask_write<P: AsMut<Traffic>>(&mut self, ports: &mut [P]) {
        for step in 0..self.ports.len() {
            let place = (self.write_turn + step) % self.ports.len();
            let Some(burst) = ports[self.ports[place]].as_mut().write_to_hand() else { continue };
            if let Some(address) = self.offset(burst.address, burst.asked) {
                if !self.system.can_add(address, true) {
                    continue;
                }
                self.system.add(address, true);
            }
            burst.asked += 1;
            self.write_turn = place + usize::from(burst.asked == burst.beats);
            return;
        }
    }
}
