//! From a device's name to an open compute unit: everything that can be refused is refused before XRT is called.

use super::library;
use super::place::Place;
use super::process::Helper;
use super::protocol::{Emulation, Reply, Request, Target};
use super::Bank;
use crate::device::{DeviceError, DeviceKind, DeviceSpec};
use crate::xclbin::{drivable, Drivable, MemoryType, Mode, Verdict, Xclbin};
use nearfield_abi::board::Board;
use nearfield_abi::kernel::{Kernel, KernelConfig};
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a board has to take its bitstream.
const LOAD_BOUND: Duration = Duration::from_secs(60);

/// A compute unit that was opened and not yet asked what it is.
pub(super) struct Opened {
    pub(super) helper: Helper,
    pub(super) banks: Vec<Bank>,
    /// The bank of every argument, by XRT's word.
    pub(super) argument_banks: Vec<Option<u32>>,
    /// The configuration it must be, where that is known.
    pub(super) config: Option<KernelConfig>,
}

fn open_error(what: impl Into<String>) -> DeviceError {
    DeviceError::Open { what: what.into() }
}

/// What went wrong while a device was opened was refused: nothing has run.
pub(super) fn refused(error: DeviceError) -> DeviceError {
    if error.refused() {
        return error;
    }
    open_error(error.to_string())
}

/// What is opened, before XRT is asked.
struct Plan {
    library: PathBuf,
    place: Place,
    target: Target,
    xclbin: PathBuf,
    file: Xclbin,
    unit: Drivable,
    config: Option<KernelConfig>,
    emulation: Option<Emulation>,
    bound: Duration,
}

/// Opens the compute unit of this kernel that `spec` names.
pub(super) fn open(spec: &DeviceSpec, kernel: Kernel, program: &Path) -> Result<Opened, DeviceError> {
    let plan = match spec.kind {
        DeviceKind::XrtIndex(index) => on_board(spec, kernel, Target::Index(index))?,
        DeviceKind::XrtBdf(bdf) => on_board(spec, kernel, Target::Bdf(bdf.to_string()))?,
        DeviceKind::XrtEmulated(board) => emulated(spec, kernel, board)?,
        DeviceKind::Soft | DeviceKind::Sim(_) => return Err(open_error(format!("{spec} is no device of XRT's"))),
    };
    let Plan { library, place, target, xclbin, file, unit, config, emulation, bound } = plan;
    tracing::info!("XRT works in {}, from {}", place.folder.path().display(), library.display());
    let mut helper = Helper::start(&spec.to_string(), program, place).map_err(open_error)?;
    let pointers: Vec<usize> = unit.groups.iter().map(|&(id, _)| id as usize).collect();
    let request =
        Request::Open { library, target, xclbin, unit: unit.xrt_name(), pointers: pointers.clone(), emulation };
    let groups = match helper.call(&request, bound).map_err(refused)? {
        Reply::Opened { groups } => groups,
        other => return Err(refused(helper.nonsense(&other))),
    };
    let mut banks: Vec<Bank> = (0..)
        .zip(file.memories())
        .map(|(group, m)| Bank { base: m.base, bytes: m.bytes, host: m.kind == MemoryType::Host, group })
        .collect();
    let any = unit.configs.first().ok_or_else(|| open_error("the compute unit has no configuration of ours"))?;
    let mut argument_banks = vec![None; any.arguments().len()];
    for (&id, &group) in pointers.iter().zip(&groups) {
        // The low half is the memory's number; later versions of XRT keep a slot above it, and want it back.
        let number = group & 0xffff;
        match (banks.get_mut(number as usize), argument_banks.get_mut(id)) {
            (Some(bank), Some(place)) => {
                bank.group = group;
                *place = Some(number);
            }
            _ => {
                let what = format!("XRT says that argument {id} lies in memory {group}, which the xclbin lacks");
                return Err(open_error(what));
            }
        }
    }
    Ok(Opened { helper, banks, argument_banks, config })
}

fn on_board(spec: &DeviceSpec, kernel: Kernel, target: Target) -> Result<Plan, DeviceError> {
    let installed = library::find().map_err(open_error)?;
    if let Some(mode) = env::var_os("XCL_EMULATION_MODE").filter(|mode| !mode.is_empty()) {
        let mode = mode.to_string_lossy();
        return Err(open_error(format!(
            "XCL_EMULATION_MODE is {mode}, so XRT would not go to a board; unset it, or use xrt-emu:BOARD"
        )));
    }
    let bdf = match spec.kind {
        DeviceKind::XrtBdf(bdf) => Some(bdf),
        _ => None,
    };
    let Some(path) = &spec.xclbin else {
        return Err(open_error(format!(
            "{spec} needs the file that is loaded onto the board: {spec},xclbin=FILE; make xclbin BOARD=… builds it where \
             Vivado and v++ are"
        )));
    };
    let (xclbin, file) = read(path)?;
    let unit = choose(spec, kernel, path, &file, Mode::Hw)?;
    library::check_device(bdf).map_err(open_error)?;
    let place = Place::for_board(&installed).map_err(no_folder)?;
    let library = installed.coreutil;
    Ok(Plan { library, place, target, xclbin, file, unit, config: None, emulation: None, bound: LOAD_BOUND })
}

fn no_folder(error: std::io::Error) -> DeviceError {
    open_error(format!("no folder can be made in /tmp for XRT ({error}); make room there"))
}

fn read(path: &Path) -> Result<(PathBuf, Xclbin), DeviceError> {
    let file = Xclbin::open(path).map_err(|error| open_error(error.to_string()))?;
    let path = path.canonicalize().map_err(|error| open_error(format!("{}: {error}", path.display())))?;
    Ok((path, file))
}

/// The compute unit of this kernel that `spec` asks for, or why there is none.
fn choose(spec: &DeviceSpec, kernel: Kernel, path: &Path, file: &Xclbin, mode: Mode) -> Result<Drivable, DeviceError> {
    let name = path.display();
    if file.mode != mode {
        let wanted = spec.to_string();
        return Err(open_error(format!("{name} is built for {}, but {wanted} takes one for {mode}", file.mode)));
    }
    let Verdict { units, reasons } = drivable(file);
    let (units, others): (Vec<_>, Vec<_>) = units.into_iter().partition(|unit| unit.kernel == kernel);
    let there = units.len();
    if let Some(unit) = units.into_iter().nth(spec.unit as usize) {
        return Ok(unit);
    }
    if there > 0 {
        return Err(open_error(format!(
            "{name} has {there} compute units that this program can drive, counted from 0; there is no unit {}",
            spec.unit
        )));
    }
    if let Some(other) = others.first() {
        let (has, kernel) = (other.kernel.name(), kernel.name());
        return Err(open_error(format!(
            "{name} has compute units of {has}, but none of {kernel}, which is needed here; the key optimizer chooses a kernel \
             for one optimizer"
        )));
    }
    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    Err(open_error(format!("{name} has nothing this program can drive: {}", reasons.join("; "))))
}

#[cfg(not(feature = "sim"))]
fn emulated(spec: &DeviceSpec, _: Kernel, _: &'static Board) -> Result<Plan, DeviceError> {
    Err(DeviceError::NotInThisBuild { device: spec.to_string(), features: "sim,xrt" })
}

/// Builds the kernel unless that has been done before, and gathers what the helper starts the board with.
#[cfg(feature = "sim")]
fn emulated(spec: &DeviceSpec, kernel: Kernel, board: &'static Board) -> Result<Plan, DeviceError> {
    use crate::xclbin;
    use nearfield_sim::{emulated, verilate};

    let installed = library::find_for_emulation().map_err(open_error)?;
    let config = spec.configuration(kernel, board).map_err(open_error)?;
    let own = xclbin::write(&config, board).map_err(|error| open_error(error.to_string()))?;
    let expected = Xclbin::parse(&own).map_err(|error| open_error(error.to_string()))?;
    let given = spec.xclbin.as_deref().map(|path| read(path).map(|(_, file)| (path, file))).transpose()?;
    if let Some((path, file)) = &given {
        choose(spec, kernel, path, file, Mode::HwEmu)?;
        if (&file.platform, &file.banks, &file.units) != (&expected.platform, &expected.banks, &expected.units) {
            return Err(open_error(format!(
                "{} is built for {}, whose memory and compute units are not those of {}; leave the key xclbin out, or name \
                 the board it was built for",
                path.display(),
                file.platform,
                board.name
            )));
        }
    }
    let design = nearfield_hdl::kernel::emit(config).map_err(|error| open_error(error.to_string()))?;
    let how = verilate::Options { trace: spec.waves.is_some(), ..verilate::Options::default() };
    verilate::build(&design, &how).map_err(|error| open_error(error.to_string()))?;
    let preload = emulated::preload().map_err(|error| open_error(error.to_string()))?;
    let place = Place::for_emulation(&installed, &preload).map_err(no_folder)?;
    let path = place.folder.path().join("board.xclbin");
    std::fs::write(&path, &own).map_err(no_folder)?;
    let (xclbin, file) = match &given {
        Some((path, _)) => read(path)?,
        None => (path.clone(), expected),
    };
    let unit = choose(spec, kernel, &xclbin, &file, Mode::HwEmu)?;
    let emulation = Emulation { arguments: board_arguments(spec, board, &config, &place).map_err(no_folder)? };
    let (bound, target) = (super::process::BOUND, Target::Index(0));
    let library = installed.coreutil;
    Ok(Plan { library, place, target, xclbin, file, unit, config: Some(config), emulation: Some(emulation), bound })
}

/// The words after `nearfield __xrt-board`.
#[cfg(feature = "sim")]
fn board_arguments(
    spec: &DeviceSpec,
    board: &Board,
    config: &KernelConfig,
    place: &Place,
) -> std::io::Result<Vec<String>> {
    let (socket, host_socket) = place.sockets();
    let mut words = vec![
        format!("--board={}", board.name),
        format!("--kernel={}", config.name()),
        format!("--seed={}", spec.seed),
        format!("--socket={}", socket.display()),
        format!("--host-socket={}", host_socket.display()),
        format!("--folder={}", place.folder.path().display()),
    ];
    if let Some(clock) = spec.clock_mhz {
        words.push(format!("--clock={clock}"));
    }
    if let Some(waves) = &spec.waves {
        // The board does not run where the user is.
        words.push(format!("--waves={}", env::current_dir()?.join(waves).display()));
    }
    Ok(words)
}
