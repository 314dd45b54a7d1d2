//! `nearfield kernels`: the kernels there are, with their ports and registers.

use super::console::Console;
use super::failure::Failure;
use anyhow::anyhow;
use clap::Args;
use nearfield_abi::kernel::{ArgumentKind, KernelConfig};
use nearfield_abi::{port, register};
use serde::Serialize;

/// List the kernels: lanes, ports, registers.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield kernels\n  nearfield kernels smartupdate_l4")]
pub struct Kernels {
    /// Show this configuration with its ports and registers.
    name: Option<String>,
}

#[derive(Serialize)]
struct Printed {
    name: String,
    kernel: &'static str,
    lanes: u32,
    configuration_hash: String,
    ports: Vec<Port>,
    registers: Vec<Register>,
}

#[derive(Serialize)]
struct Port {
    name: String,
    protocol: &'static str,
    data_bits: u32,
    id_bits: u32,
}

#[derive(Serialize)]
struct Register {
    offset: String,
    name: String,
    bits: u32,
    doc: String,
}

fn describe(config: &KernelConfig) -> Printed {
    let mut ports = vec![Port { name: port::CONTROL.into(), protocol: "AXI4-Lite slave", data_bits: 32, id_bits: 0 }];
    ports.extend(config.masters().iter().map(|m| Port {
        name: m.port(),
        protocol: "AXI4 master",
        data_bits: m.data_bits,
        id_bits: m.id_bits,
    }));
    Printed {
        name: config.name(),
        kernel: config.kernel.name(),
        lanes: config.lanes,
        configuration_hash: format!("{:#018x}", config.hash()),
        ports,
        registers: registers(config),
    }
}

/// The whole register space, in the order of offsets.
fn registers(config: &KernelConfig) -> Vec<Register> {
    let mut list = Vec::new();
    let mut add = |offset: u32, name: &str, bits: u32, doc: &str| {
        list.push(Register { offset: format!("{offset:#05x}"), name: name.into(), bits, doc: doc.into() });
    };
    add(register::CONTROL, "control", 32, "start, done (cleared by reading), idle, ready");
    add(register::GLOBAL_INTERRUPT_ENABLE, "global_interrupt_enable", 32, "bit 0: enable");
    add(register::INTERRUPT_ENABLE, "interrupt_enable", 32, "bit 0: done, bit 1: ready");
    add(register::INTERRUPT_STATUS, "interrupt_status", 32, "bit 0: done, bit 1: ready; toggles where 1 is written");
    for argument in config.arguments() {
        let (bits, doc) = match argument.kind {
            ArgumentKind::Pointer { master } => {
                (64, format!("{}, through {}", argument.doc, config.masters()[master as usize].port()))
            }
            ArgumentKind::U32 => (32, format!("{}, unsigned", argument.doc)),
            ArgumentKind::F32 => (32, format!("{}, IEEE 754", argument.doc)),
        };
        add(argument.offset, argument.name, bits, &doc);
    }
    add(register::KERNEL_ID, "kernel_id", 32, "which kernel");
    add(register::ABI_VERSION, "abi_version", 32, "version of the interface");
    add(register::CONFIGURATION_HASH, "configuration_hash", 64, "everything the host relies on");
    add(register::ERROR_CODE, "error_code", 32, "0 none, 1 AXI read, 2 AXI write, 3 argument, 4 stream");
    add(register::ERROR_PORT, "error_port", 32, "the AXI master, the argument's id, the chunk, or the row");
    add(
        register::ERROR_ADDRESS,
        "error_address",
        64,
        "the address of the burst, or what is wrong with the chunk or row",
    );
    add(register::CYCLES, "cycles", 64, "cycles of the last run");
    add(register::NONFINITE, "nonfinite", 32, "1 if a gradient of the last run was infinite or NaN");
    for (index, stream) in config.streams().iter().enumerate() {
        let base = register::STREAMS + index as u32 * register::STREAM_STRIDE;
        for (offset, what) in [
            (register::stream::BEATS, "beats"),
            (register::stream::STALLS, "stalls"),
            (register::stream::CHECKSUM_A, "checksum_a"),
            (register::stream::CHECKSUM_B, "checksum_b"),
        ] {
            add(base + offset, &format!("{}_{what}", stream.name), 64, "counter of the last run");
        }
    }
    for counter in config.counters() {
        add(counter.offset, &counter.name, 32, counter.doc);
    }
    for sum in 0..config.sums() {
        let words = register::SUM_LIMBS;
        let doc = format!("exact sum of squares of lane {sum}, {words} words, the lowest first, in units of 2^-298");
        add(register::SUMS + sum * register::SUM_STRIDE, &format!("sum_{sum}"), 32 * words, &doc);
    }
    list
}

impl Kernels {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let Some(name) = self.name else {
            let all: Vec<Printed> = KernelConfig::all().iter().map(describe).collect();
            return console.result(&all, || overview(&all));
        };
        let config = KernelConfig::from_name(&name).ok_or_else(|| {
            let names: Vec<String> = KernelConfig::all().iter().map(KernelConfig::name).collect();
            Failure::refused(anyhow!("there is no kernel `{name}`; there are {}", names.join(", ")))
        })?;
        let printed = describe(&config);
        console.result(&printed, || details(&printed))
    }
}

fn overview(all: &[Printed]) -> String {
    let mut text = format!("{:<23} {:>5} {:>11} {:>18}\n", "kernel", "lanes", "AXI masters", "configuration");
    for k in all {
        text += &format!("{:<23} {:>5} {:>11} {}\n", k.name, k.lanes, k.ports.len() - 1, k.configuration_hash);
    }
    text + "\n`nearfield kernels NAME` shows ports and registers."
}

fn details(k: &Printed) -> String {
    let mut text = format!("{}: {} lanes, configuration {}\n\n", k.name, k.lanes, k.configuration_hash);
    for port in &k.ports {
        let ids = if port.id_bits > 0 { format!(", ids of {}", port.id_bits) } else { String::new() };
        text += &format!("{:<16} {}, {} bits{ids}\n", port.name, port.protocol, port.data_bits);
    }
    text += &format!("\n{:<7} {:>4}  {:<28} meaning\n", "offset", "bits", "register");
    for r in &k.registers {
        text += &format!("{:<7} {:>4}  {:<28} {}\n", r.offset, r.bits, r.name, r.doc);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_do_not_overlap_and_fit_the_space() {
        for config in KernelConfig::all() {
            let mut next = 0;
            for r in registers(&config) {
                let offset = u32::from_str_radix(&r.offset[2..], 16).unwrap();
                assert!(offset >= next, "{} overlaps", r.name);
                next = offset + r.bits / 8;
            }
            assert!(next <= 4096);
        }
    }
}
