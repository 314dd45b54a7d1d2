//! A unit of a family that was verilated together, driven by the names of its ports.

use crate::stream::Wires;
use nearfield_sim::verilate::{Instance, Library, PortId};

/// A unit in an instance of its own.
pub struct Cell {
    /// Its name, which its ports begin with.
    pub name: &'static str,
    /// The whole family; the other units rest.
    pub instance: Instance,
    clock: PortId,
}

impl Cell {
    /// The unit `name` of a family whose ports are called after their unit, after reset if it has one.
    pub fn of(family: &Library, name: &'static str) -> Cell {
        let instance = family.instance();
        let clock = instance.port("clock").expect("the family has a clock");
        let mut cell = Cell { name, instance, clock };
        if cell.instance.port(&format!("{name}_reset")).is_ok() {
            cell.reset();
        }
        cell
    }

    /// Holds `reset` for a cycle.
    pub fn reset(&mut self) {
        self.set("reset", 1);
        self.tick();
        self.set("reset", 0);
    }

    /// A port of the unit.
    pub fn port(&self, port: &str) -> PortId {
        self.instance.port(&format!("{}_{port}", self.name)).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Drives an input of at most 64 bits.
    pub fn set(&mut self, port: &str, value: u64) {
        let port = self.port(port);
        self.instance.set(port, value);
    }

    /// Reads an output of at most 64 bits.
    pub fn get(&self, port: &str) -> u64 {
        self.instance.get(self.port(port))
    }

    /// Lets the inputs of this cycle through.
    pub fn settle(&mut self) {
        self.instance.set(self.clock, 0);
        self.instance.eval();
    }

    /// Ends the cycle.
    pub fn tick(&mut self) {
        self.instance.tick(self.clock);
    }

    /// The wires of a stream.
    pub fn wires(&self, end: &str) -> Wires {
        Wires::new(&self.instance, &format!("{}_{end}", self.name))
    }
}
