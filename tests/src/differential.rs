//! rust-hdl's simulation against emitted Verilog: a unit is driven in rust-hdl, its ports are recorded after every step,
//! and the recording is replayed under Verilator.

use nearfield_sim::verilate::{Instance, PortId};
use rust_hdl_core::prelude::*;

/// A port's name, width and whether the unit drives it.
#[derive(Clone, Debug, PartialEq)]
struct Pin {
    name: String,
    bits: usize,
    output: bool,
}

/// What the ports of a unit did.
#[derive(Default)]
pub struct Recording {
    pins: Vec<Pin>,
    /// One row a step: the words of each pin.
    rows: Vec<Vec<Vec<u32>>>,
}

#[derive(Default)]
struct Pins {
    depth: usize,
    namespaces: Vec<String>,
    found: Vec<(Pin, Vec<u32>)>,
}

impl Probe for Pins {
    fn visit_start_scope(&mut self, _: &str, _: &dyn Block) {
        self.depth += 1;
    }
    fn visit_end_scope(&mut self, _: &str, _: &dyn Block) {
        self.depth -= 1;
    }
    fn visit_start_namespace(&mut self, name: &str, _: &dyn Block) {
        self.namespaces.push(name.to_string());
    }
    fn visit_end_namespace(&mut self, _: &str, _: &dyn Block) {
        self.namespaces.pop();
    }
    fn visit_atom(&mut self, name: &str, atom: &dyn Atom) {
        let output = match atom.kind() {
            AtomKind::InputParameter => false,
            AtomKind::OutputParameter => true,
            _ => return,
        };
        if self.depth != 1 {
            return;
        }
        let mut path = self.namespaces.clone();
        path.push(name.to_string());
        let text = format!("{:x}", atom.verilog());
        let digits: Vec<u8> = text.rsplit('h').next().unwrap_or("").bytes().collect();
        let mut words: Vec<u32> = digits
            .rchunks(8)
            .map(|c| u32::from_str_radix(std::str::from_utf8(c).unwrap_or("0"), 16).unwrap_or(0))
            .collect();
        words.resize(atom.bits().div_ceil(32), 0);
        let pin = Pin { name: path.join("_").replace('$', "_"), bits: atom.bits(), output };
        self.found.push((pin, words));
    }
}

/// Lets a unit come to rest.
pub fn settle(unit: &mut impl Block) {
    for _ in 0..100 {
        unit.update_all();
        if !unit.has_changed() {
            return;
        }
    }
    panic!("the unit does not settle: it has a combinational loop");
}

/// Drives a unit for `steps` and records its ports after each. The closure sets inputs; in a clocked unit it changes data
/// in even steps and raises the clock in odd ones.
pub fn record<B: Block>(unit: &mut B, steps: usize, mut drive: impl FnMut(&mut B, usize)) -> Recording {
    unit.connect_all();
    settle(unit);
    let mut recording = Recording::default();
    for step in 0..steps {
        drive(unit, step);
        settle(unit);
        let mut pins = Pins::default();
        unit.accept("unit", &mut pins);
        if step == 0 {
            recording.pins = pins.found.iter().map(|p| p.0.clone()).collect();
        }
        recording.rows.push(pins.found.into_iter().map(|p| p.1).collect());
    }
    recording
}

/// Replays a recording on an instance in which the unit's ports carry `prefix` (the clock does not).
///
/// # Errors
///
/// The first difference, and how many there are.
pub fn replay(recording: &Recording, instance: &mut Instance, prefix: &str) -> Result<(), String> {
    let mut ports = Vec::new();
    for pin in &recording.pins {
        let name = if pin.name == "clock" { pin.name.clone() } else { format!("{prefix}{}", pin.name) };
        ports.push(instance.port(&name).map_err(|e| e.to_string())?);
    }
    assert!(recording.pins.iter().any(|p| p.output), "a unit without outputs cannot differ");
    let (mut count, mut first) = (0, None);
    for (step, row) in recording.rows.iter().enumerate() {
        for ((pin, port), words) in recording.pins.iter().zip(&ports).zip(row) {
            if !pin.output {
                write(instance, *port, pin.bits, words);
            }
        }
        instance.eval();
        for ((pin, port), words) in recording.pins.iter().zip(&ports).zip(row) {
            if pin.output {
                let found = read(instance, *port, pin.bits);
                if &found != words {
                    count += 1;
                    first.get_or_insert_with(|| {
                        format!("step {step}, {}: rust-hdl {words:x?}, Verilog {found:x?}", pin.name)
                    });
                }
            }
        }
    }
    first.map_or(Ok(()), |f| Err(format!("{count} differences, the first at {f}")))
}

/// The value of a port of any width, as words.
pub fn read(instance: &Instance, port: PortId, bits: usize) -> Vec<u32> {
    match bits {
        0..=32 => vec![instance.get(port) as u32],
        33..=64 => vec![instance.get(port) as u32, (instance.get(port) >> 32) as u32],
        _ => instance.words(port).to_vec(),
    }
}

/// Sets a port of any width.
pub fn write(instance: &mut Instance, port: PortId, bits: usize, words: &[u32]) {
    match bits {
        0..=32 => instance.set(port, u64::from(words[0])),
        33..=64 => instance.set(port, u64::from(words[0]) | u64::from(words[1]) << 32),
        _ => instance.set_words(port, words),
    }
}
