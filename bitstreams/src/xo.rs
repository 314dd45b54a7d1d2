//! The Vivado script that packages emitted Verilog as a Vitis RTL kernel (`.xo`).
//!
//! What such a kernel has to be is in UG1393, "Packaging RTL kernels": a clock that every bus is associated with, an active
//! low reset, 64-bit address spaces, and a register a kernel argument, with the master that a pointer is used through. The
//! script is for the Tcl 8.5 that Vivado has, and takes the Verilog's names from the `.f` list beside it.

use nearfield_abi::board::Card;
use nearfield_abi::kernel::{Argument, ArgumentKind, KernelConfig};
use nearfield_abi::{port, register, ABI_VERSION};
use std::fmt::Write;

/// The file name of the script in a package.
pub const FILE: &str = "package_xo.tcl";

/// Vendor and library of the packaged IP; its name is the kernel's, its version the ABI's.
const VENDOR_LIBRARY: (&str, &str) = ("nearfield", "kernel");

/// The names by which `package_xo` knows the words of `ap_ctrl_hs`. Every other register becomes an argument of the kernel,
/// so the registers from [`register::KERNEL_ID`] on, which no launch writes, are not declared.
const CONTROL: [(&str, u32, &str); 4] = [
    ("CTRL", register::CONTROL, "start, done, idle, ready, auto-restart"),
    ("GIER", register::GLOBAL_INTERRUPT_ENABLE, "global interrupt enable"),
    ("IP_IER", register::INTERRUPT_ENABLE, "interrupt enable: done, ready"),
    ("IP_ISR", register::INTERRUPT_STATUS, "interrupt status: done, ready"),
];

/// The script for a configuration and a card.
pub fn script(config: &KernelConfig, card: &Card) -> String {
    let name = config.name();
    let hash = config.hash();
    let masters: Vec<String> = config.masters().iter().map(|master| master.port()).collect();
    // All masters of a kernel are alike.
    let id_bits = config.masters().first().map_or(0, |master| master.id_bits);
    let (burst_beats, reads, writes) = config.outstanding();
    let (vendor, library) = VENDOR_LIBRARY;
    let mut text = format!(
        "# Packages {name} as a Vitis RTL kernel, {name}.xo: vivado -mode batch -source {FILE}\n\
         # Written by Nearfield from its register map; not yet run in Vivado.\n\n\
         set name {name}\n\
         set kernel {kernel}\n\
         set part {part}\n\
         set vlnv {{{vendor} {library} {kernel} {ABI_VERSION}.0}}\n\
         # The configuration hash, as register {hash_register:#05x} reads it, and its low 31 bits: what a revision can hold.\n\
         set hash {hash:#018x}\n\
         set revision {revision}\n\
         set clock {clock}\n\
         set reset {reset}\n\
         set interrupt {interrupt}\n\
         set control {control}\n\
         set control_bytes {control_bytes}\n\
         set masters {{{masters}}}\n\
         set id_bits {id_bits}\n\
         set burst_beats {burst_beats}\n\
         set reads_outstanding {reads}\n\
         set writes_outstanding {writes}\n\
         # name, offset, bits, the master that a pointer is used through, meaning\n\
         set registers {{\n",
        kernel = config.kernel.name(),
        part = card.part,
        hash_register = register::CONFIGURATION_HASH,
        revision = hash & 0x7fff_ffff,
        clock = port::CLOCK,
        reset = port::RESET,
        interrupt = port::INTERRUPT,
        control = port::CONTROL,
        control_bytes = register::SPACE_BYTES,
        masters = masters.join(" "),
    );
    for (name, offset, doc) in CONTROL {
        row(&mut text, name, offset, 32, "", doc);
    }
    for Argument { name, kind, offset, doc } in config.arguments() {
        let bits = 8 * kind.bytes();
        match kind {
            ArgumentKind::Pointer { master } => row(&mut text, name, offset, bits, &masters[master as usize], doc),
            ArgumentKind::U32 | ArgumentKind::F32 => row(&mut text, name, offset, bits, "", doc),
        }
    }
    text + "}\n\n" + include_str!("xo.tcl")
}

fn row(text: &mut String, name: &str, offset: u32, bits: u32, master: &str, doc: &str) {
    let master = if master.is_empty() { "{}" } else { master };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "    {{{name} {offset:#05x} {bits} {master} {{{doc}}}}}");
}
