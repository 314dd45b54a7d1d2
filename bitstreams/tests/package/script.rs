//! The packaging script, run in `tclsh` with a stand-in for Vivado's commands (`vivado.tcl`).

use crate::package;
use nearfield_abi::kernel::{ArgumentKind, KernelConfig, Master};
use nearfield_abi::{port, register, ABI_VERSION};
use nearfield_bitstreams::{Package, Target};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const VIVADO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/package/vivado.tcl");

/// What a script did: lines of words.
struct Record(Vec<Vec<String>>);

impl Record {
    /// Runs the script of a package that was written to `folder`.
    ///
    /// # Errors
    ///
    /// What Tcl says where the script stops.
    fn of(folder: &Path, infers: &str) -> Result<Record, String> {
        let script = folder.join("package_xo.tcl");
        let mut command = Command::new("tclsh");
        command.arg(VIVADO).arg(script).arg(infers);
        let output = command.output().map_err(|e| format!("tclsh: {e}; install the Debian package `tcl`"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let text = String::from_utf8(output.stdout).map_err(|e| e.to_string())?;
        Ok(Record(text.lines().map(|line| line.split('\t').map(str::to_string).collect()).collect()))
    }

    /// What follows these words, once for each line that begins with them, in order.
    fn after(&self, words: &[&str]) -> Vec<String> {
        let begins = |line: &&Vec<String>| line.len() > words.len() && words.iter().zip(*line).all(|(a, b)| a == b);
        self.0.iter().filter(begins).map(|line| line[words.len()..].join(" ")).collect()
    }
}

/// How a record differs from what the register map and the Verilog ask for.
fn faults(record: &Record, config: &KernelConfig, target: &Target, package: &Package, folder: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    let mut expect = |words: &[&str], wanted: Vec<String>| {
        let got = record.after(words);
        if got != wanted {
            faults.push(format!("{}: {got:?} instead of {wanted:?}", words.join(" ")));
        }
    };
    let kernel = config.kernel.name();
    let one = |word: &str| vec![word.to_string()];

    let verilog = package.files.iter().filter(|file| file.path.ends_with(".v"));
    let files: BTreeSet<String> = verilog.map(|file| folder.join(&file.path).display().to_string()).collect();
    let added = record.after(&["file"]);
    expect(&["part"], one(target.card.part));
    expect(&["package"], one("nearfield kernel"));
    expect(&["set", "core", "name"], one(kernel));
    expect(&["set", "core", "version"], vec![format!("{ABI_VERSION}.0")]);
    expect(&["set", "core", "core_revision"], vec![(config.hash() & 0x7fff_ffff).to_string()]);
    expect(&["set", "core", "description"], vec![format!("{}, configuration {:#018x}", config.name(), config.hash())]);
    expect(&["set", "core", "sdx_kernel"], one("true"));
    expect(&["set", "core", "sdx_kernel_type"], one("rtl"));
    expect(&["set", "core", "vitis_drc"], one("ctrl_protocol ap_ctrl_hs"));
    expect(&["set", "core", "ipi_drc"], one("ignore_freq_hz true"));

    // Every bus has the clock, the clock has the reset, and the reset is active low.
    let masters: Vec<String> = config.masters().iter().map(|master| master.port()).collect();
    let buses: Vec<String> = std::iter::once(port::CONTROL.to_string()).chain(masters.clone()).collect();
    expect(&["bus"], buses.clone());
    expect(&["inferred", port::CLOCK], one("xilinx.com:signal:clock_rtl:1.0"));
    expect(&["inferred", port::RESET], one("xilinx.com:signal:reset_rtl:1.0"));
    expect(&["inferred", port::INTERRUPT], one("xilinx.com:signal:interrupt_rtl:1.0"));
    expect(&["associate", "-busif"], buses.iter().map(|bus| format!("{bus} {}", port::CLOCK)).collect());
    expect(&["associate", "-reset"], vec![format!("{} {}", port::RESET, port::CLOCK)]);
    expect(&["set", &format!("parameter:{}:POLARITY", port::RESET), "value"], one("ACTIVE_LOW"));
    expect(&["has", &format!("parameter:{}:FREQ_HZ", port::CLOCK)], vec![]);
    expect(&["set", &format!("parameter:{}:FREQ_TOLERANCE_HZ", port::CLOCK), "value"], one("-1"));
    let (burst_beats, reads, writes) = config.outstanding();
    for (master, Master { id_bits, .. }) in masters.iter().zip(config.masters()) {
        for (parameter, value) in [
            ("ID_WIDTH", *id_bits),
            ("HAS_BURST", 0),
            ("SUPPORTS_NARROW_BURST", 0),
            ("MAX_BURST_LENGTH", burst_beats),
            ("NUM_READ_OUTSTANDING", reads),
            ("NUM_WRITE_OUTSTANDING", writes),
        ] {
            expect(&["set", &format!("parameter:{master}:{parameter}"), "value"], one(&value.to_string()));
        }
        let space = format!("space:{master}");
        expect(&["set", &space, "width"], one("64"));
        expect(&["set", &space, "range"], one("16E"));
        expect(&["set", &format!("bus:{master}"), "master_address_space_ref"], one(master));
    }

    // The control words, then a register an argument, and no other.
    let block = format!("block:{}:reg0", port::CONTROL);
    expect(&["set", &block, "range"], vec![register::SPACE_BYTES.to_string()]);
    expect(&["set", &format!("bus:{}", port::CONTROL), "slave_memory_map_ref"], one(port::CONTROL));
    let control = [("CTRL", 0x00), ("GIER", 0x04), ("IP_IER", 0x08), ("IP_ISR", 0x0c)];
    let control = control.map(|(name, offset)| (name, offset, 32, None));
    let arguments = config.arguments();
    let arguments = arguments.iter().map(|argument| match argument.kind {
        ArgumentKind::Pointer { master } => (argument.name, argument.offset, 64, Some(&masters[master as usize])),
        ArgumentKind::U32 | ArgumentKind::F32 => (argument.name, argument.offset, 32, None),
    });
    let registers: Vec<_> = control.into_iter().chain(arguments).collect();
    expect(&["register"], registers.iter().map(|(name, ..)| format!("{name} {block}")).collect());
    for (name, offset, bits, master) in registers {
        let object = format!("register:{name}");
        expect(&["set", &object, "address_offset"], vec![format!("{offset:#05x}")]);
        expect(&["set", &object, "size"], vec![bits.to_string()]);
        let association = format!("association:{name}:ASSOCIATED_BUSIF");
        expect(&["set", &association, "value"], master.into_iter().cloned().collect());
    }

    let done = ["create_xgui_files", "update_checksums", "check_integrity", "save_core"];
    expect(&["done"], done.map(str::to_string).to_vec());
    expect(&["xo", "-ctrl_protocol"], one("ap_ctrl_hs"));
    expect(&["xo", "-kernel_name"], one(kernel));
    expect(&["xo", "-xo_path"], vec![folder.join(format!("{}.xo", config.name())).display().to_string()]);
    if added.iter().cloned().collect::<BTreeSet<_>>() != files || added.len() != files.len() {
        faults.push(format!("files: {added:?} instead of {files:?}"));
    }
    faults
}

#[test]
fn says_what_the_register_map_says() {
    for config in KernelConfig::representatives() {
        let design = nearfield_hdl::kernel::emit(config).unwrap();
        for target in Target::all() {
            let package = Package::new(&config, &target, &design);
            let root = tempfile::tempdir().unwrap();
            let folder = package.write(&root.path().canonicalize().unwrap()).unwrap();
            for infers in ["all", "buses"] {
                let record = Record::of(&folder, infers).unwrap();
                let faults = faults(&record, &config, &target, &package, &folder);
                assert!(faults.is_empty(), "{}, {infers}: {faults:#?}", folder.display());
            }
        }
    }
}

/// A spoiled script, or a spoiled list of files, is seen.
#[test]
fn a_spoiled_script_is_seen() {
    let config = KernelConfig::smartupdate(2).unwrap();
    let target = crate::target("smartssd");
    let sound = package(&config, "smartssd");
    let (script, list) = ("package_xo.tcl", "smartupdate_l2.f");
    let spoiled = [
        (script, "{exp_avg 0x01c 64", "{exp_avg 0x018 64", "register:exp_avg address_offset"),
        (script, "{params 0x010 64", "{params 0x010 32", "register:params size"),
        (script, "set reads_outstanding 8", "set reads_outstanding 1", "parameter:m_axi_gmem0:NUM_READ_OUTSTANDING"),
        (
            script,
            "set writes_outstanding 32",
            "set writes_outstanding 1",
            "parameter:m_axi_gmem0:NUM_WRITE_OUTSTANDING",
        ),
        (script, "set id_bits 0", "set id_bits 10", "parameter:m_axi_gmem0:ID_WIDTH"),
        (script, "set burst_beats 64", "set burst_beats 16", "parameter:m_axi_gmem0:MAX_BURST_LENGTH"),
        (script, "SUPPORTS_NARROW_BURST 0", "SUPPORTS_NARROW_BURST 1", "parameter:m_axi_gmem0:SUPPORTS_NARROW_BURST"),
        (script, "HAS_BURST 0", "HAS_BURST 1", "parameter:m_axi_gmem0:HAS_BURST"),
        (script, "64 m_axi_gmem2", "64 m_axi_gmem1", "association:exp_avg_sq"),
        (script, "64 m_axi_gmem0", "64 {}", "association:params"),
        (script, "{elements ", "{element ", "register:"),
        (script, "    {eps 0x0ac 32 {} {eps}}\n", "", "register:eps address_offset"),
        (script, "bus_parameter POLARITY ACTIVE_LOW", "bus_parameter POLARITY ACTIVE_HIGH", "POLARITY"),
        (script, "[concat $control $masters]", "$masters", "associate -busif"),
        (script, "-clock $clock -reset $reset", "-clock $clock", "associate -reset"),
        (script, "range 16E", "range 4G", "range"),
        (script, "-ctrl_protocol ap_ctrl_hs", "-ctrl_protocol ap_ctrl_chain", "xo -ctrl_protocol"),
        (script, "set masters {m_axi_gmem0 ", "set masters {m_axi_gmem9 ", "no bus `m_axi_gmem9`"),
        (script, "set clock ap_clk", "set clock ap_clock", "no port `ap_clock`"),
        (script, "add_files -norecurse $sources", "add_files -norecurse [lrange $sources 1 end]", "files"),
        (list, "rtl/smartupdate_round.v\n", "", "files"),
        (list, "rtl/smartupdate_round.v\n", "rtl/round.v\n", "there is no file"),
    ];
    for (file, from, to, says) in spoiled {
        let mut package = sound.clone();
        let text = &mut package.files.iter_mut().find(|f| f.path == file).unwrap().text;
        assert!(text.contains(from), "{file} has no `{from}` to spoil");
        *text = text.replacen(from, to, 1);
        let root = tempfile::tempdir().unwrap();
        let folder = package.write(&root.path().canonicalize().unwrap()).unwrap();
        let said = match Record::of(&folder, "buses") {
            Ok(record) => faults(&record, &config, &target, &package, &folder).join("\n"),
            Err(stopped) => stopped,
        };
        assert!(said.contains(says), "`{from}` became `{to}`, and nothing said `{says}`: {said}");
    }
}
