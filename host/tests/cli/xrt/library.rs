//! The library as another program uses it: buffers of every kind, several devices, and a helper that dies.

use super::{assert_nothing_is_left, CLOCK};
use crate::journey::gradient;
use crate::workbench::NEARFIELD;
use nearfield::device::xrt::Xrt;
use nearfield::device::{Buffer, BufferKind, Device, DeviceError, Tensors, Value};
use nearfield::step;
use nearfield_abi::kernel::{smartupdate as argument, Kernel};
use nearfield_model::optimizer;
use nearfield_model::optimizer::adamw::{self, Coefficients, Hyper};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(60);

fn open(device: &str) -> Xrt {
    Xrt::open_with(&device.parse().unwrap(), Kernel::SmartUpdate, Path::new(NEARFIELD)).unwrap()
}

fn coefficients() -> Coefficients {
    let hyper = Hyper::default();
    Coefficients::new(&hyper, &hyper.powers().next(hyper.beta1, hyper.beta2))
}

fn adamw_step() -> optimizer::Coefficients {
    optimizer::Coefficients::AdamW(coefficients())
}

/// Four tensors, and three of them after a step.
fn tensors(elements: u64) -> ([Vec<f32>; 4], [Vec<f32>; 3]) {
    let tensor = |seed: u64| (0..elements).map(|i| gradient(seed, i).abs().min(3.0)).collect::<Vec<f32>>();
    let before = [tensor(1), tensor(2), tensor(3), tensor(4)];
    let [mut p, mut m, mut v, g] = before.clone();
    adamw::step(&coefficients(), &mut p, &mut m, &mut v, &g);
    (before, [p, m, v])
}

/// A buffer a tensor, in the bank of its argument.
fn four(device: &mut Xrt, bytes: u64) -> [Buffer; 4] {
    let banks = device.describe().argument_banks.clone();
    [0, 1, 2, 3].map(|id: usize| device.allocate(bytes, banks[id].unwrap()).unwrap())
}

fn bytes(tensor: &[f32]) -> Vec<u8> {
    tensor.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The process ids of helper and board that belong to a device, by the folder they work in.
fn processes_of(test: &str) -> Vec<(u32, PathBuf)> {
    let me = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)).map(str::to_string);
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let ours = String::from_utf8_lossy(&environment).contains(test);
        if let (true, Ok(folder)) = (ours && parent.as_deref() == Some(&me), fs::read_link(entry.path().join("cwd"))) {
            found.push((id, folder));
        }
    }
    found
}

#[test]
fn a_file_goes_into_peer_to_peer_memory_and_back() {
    let elements = 4_099;
    let (before, after) = tensors(elements);
    let length = elements * 4;
    let mut device = open("xrt-emu:smartssd,lanes=1");
    let folder = tempfile::tempdir().unwrap();
    let banks = device.describe().argument_banks.clone();
    let mut buffers: Vec<Buffer> = Vec::new();
    for (id, tensor) in before.iter().enumerate() {
        let path = folder.path().join(id.to_string());
        // The tensor lies somewhere in the middle of a file.
        let mut content = vec![0x5a; 4096];
        content.extend(bytes(tensor));
        fs::write(&path, content).unwrap();
        let buffer = device.allocate_kind(length, banks[id].unwrap(), BufferKind::PeerToPeer).unwrap();
        device.load(&buffer, 0, &File::open(&path).unwrap(), 4096, length).unwrap();
        buffers.push(buffer);
    }
    let buffers: [Buffer; 4] = buffers.try_into().unwrap();
    device.start(&step::arguments(&buffers, &adamw_step(), elements as u32)).unwrap();
    device.wait(BOUND).unwrap();
    for (buffer, tensor) in buffers.iter().zip(&after) {
        let path = folder.path().join("back");
        let file = File::create(&path).unwrap();
        device.store(buffer, 0, &file, 12, length).unwrap();
        assert!(fs::read(&path).unwrap()[12..] == bytes(tensor));
        // The host's own look at such memory is one at the same bytes.
        let mut seen = vec![0; length as usize];
        device.read(buffer, 0, &mut seen).unwrap();
        assert!(seen == bytes(tensor));
    }
    // A file that is too short, and a file that cannot be written.
    let short = File::open(folder.path().join("0")).unwrap();
    let error = device.load(&buffers[0], 0, &short, 8192, length).unwrap_err();
    assert!(
        matches!(&error, DeviceError::File { at: 8192, error } if error.kind() == ErrorKind::UnexpectedEof),
        "{error}"
    );
    let full = File::options().write(true).open("/dev/full").unwrap();
    let error = device.store(&buffers[0], 0, &full, 0, length).unwrap_err();
    assert!(matches!(&error, DeviceError::File { error, .. } if error.kind() == ErrorKind::StorageFull), "{error}");
    // This card's shell has no way to the host's memory.
    let error = device.allocate_kind(4096, banks[0].unwrap(), BufferKind::HostOnly).unwrap_err();
    assert!(matches!(error, DeviceError::NoSuchKind { kind: BufferKind::HostOnly, .. }), "{error}");
    buffers.into_iter().for_each(|buffer| device.release(buffer));
}

#[test]
fn tensors_may_lie_in_the_hosts_memory() {
    let elements = 2_000;
    let (before, after) = tensors(elements);
    let mut device = open("xrt-emu:ideal,lanes=1");
    let banks = device.describe().argument_banks.clone();
    let buffers: Vec<Buffer> = (0..4)
        .map(|id| device.allocate_kind(elements * 4, banks[id].unwrap(), BufferKind::HostOnly).unwrap())
        .collect();
    let buffers: [Buffer; 4] = buffers.try_into().unwrap();
    for (buffer, tensor) in buffers.iter().zip(&before) {
        device.write(buffer, 0, &bytes(tensor)).unwrap();
    }
    device.start(&step::arguments(&buffers, &adamw_step(), elements as u32)).unwrap();
    device.wait(BOUND).unwrap();
    for (buffer, tensor) in buffers.iter().zip(&after) {
        let mut seen = vec![0; elements as usize * 4];
        device.read(buffer, 0, &mut seen).unwrap();
        assert!(seen == bytes(tensor));
    }
}

/// A pointer that is not used is 0, whatever a run before passed there.
#[test]
fn an_unused_pointer_is_null() {
    let mut device = open("xrt-emu:ideal,lanes=1");
    let config = device.describe().kernel;
    let buffers = four(&mut device, 256);
    let mut list = step::arguments(&buffers, &adamw_step(), 64);
    let half = argument::HALF;
    let offset = config.arguments()[half].offset;
    let mut run = |value| {
        list[half] = value;
        device.start(&list).unwrap();
        device.wait(BOUND).unwrap();
        device.register(offset).unwrap().unwrap()
    };
    let address = buffers[3].address as u32;
    assert_ne!(address, 0);
    for _ in 0..3 {
        assert_eq!(run(Value::Pointer(buffers[3])), address);
    }
    for _ in 0..3 {
        assert_eq!(run(Value::Null), 0);
    }
}

#[test]
fn a_buffer_in_another_bank_than_its_argument_is_refused() {
    let mut device = open("xrt-emu:ideal,lanes=1");
    let mut buffers = four(&mut device, 256);
    buffers[1] = device.allocate(256, 2).unwrap();
    let error = device.start(&step::arguments(&buffers, &adamw_step(), 64)).unwrap_err();
    assert_eq!(error.to_string(), "argument exp_avg is linked to bank 1, but its buffer lies in 2");
}

/// The kernel may still write: the device ends with the run that did not.
#[test]
fn a_run_that_does_not_end_in_time_ends_the_device() {
    let elements = 1 << 17;
    let mut device = open("xrt-emu:ideal,lanes=1");
    let buffers = four(&mut device, 4 * u64::from(elements));
    device.start(&step::arguments(&buffers, &adamw_step(), elements)).unwrap();
    let error = device.wait(Duration::from_millis(1)).unwrap_err();
    assert!(matches!(error, DeviceError::Timeout { .. }), "{error}");
    let folder = device.folder().to_path_buf();
    let error = device.write(&buffers[0], 0, &[0; 4]).unwrap_err();
    assert!(matches!(error, DeviceError::Lost { .. }), "{error}");
    let begun = Instant::now();
    buffers.into_iter().for_each(|buffer| device.release(buffer));
    drop(device);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_nothing_is_left(&folder);
}

/// Nothing in the helper needs to be well for its silence to be noticed.
#[test]
fn a_helper_that_stops_is_given_up() {
    let mut device = open("xrt-emu:ideal,lanes=1,seed=79");
    let folder = device.folder().to_path_buf();
    let (id, _) = processes_of("nearfield-xrt-").into_iter().find(|(_, place)| *place == folder).unwrap();
    assert!(Command::new("kill").args(["-STOP", &id.to_string()]).status().unwrap().success());
    let _quiet = CLOCK.read();
    let begun = Instant::now();
    let error = device.register(0x400).unwrap_err();
    assert!(matches!(error, DeviceError::Unresponsive { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(matches!(device.register(0x400), Err(DeviceError::Lost { .. })));
    drop(device);
    assert_nothing_is_left(&folder);
}

#[test]
fn memory_has_bounds_and_banks_are_full_some_time() {
    let mut device = open("xrt-emu:hostile,lanes=1");
    let bank = device.describe().argument_banks[0].unwrap();
    let bytes = device.describe().bank_bytes[bank as usize];
    assert!(matches!(device.allocate(4, 9), Err(DeviceError::NoSuchBank { bank: 9, .. })));
    assert!(matches!(device.allocate(bytes + 1, bank), Err(DeviceError::OutOfMemory { why: None, .. })));
    let all = device.allocate(bytes, bank).unwrap();
    let error = device.allocate(4096, bank).unwrap_err();
    assert!(error.to_string().contains("has no free piece of 4096 bytes"), "{error}");
    assert!(error.to_string().contains("bad_alloc"), "XRT's own words: {error}");
    let error = device.allocate_kind(4096, bank, BufferKind::PeerToPeer).unwrap_err();
    assert!(matches!(error, DeviceError::NoSuchKind { kind: BufferKind::PeerToPeer, .. }), "{error}");
    assert!(error.to_string().contains("xrtBOAlloc(4096 bytes, flags 0x40000000, group 0) failed"), "{error}");
    assert!(error.to_string().contains("xbutil configure --p2p enable"), "{error}");
    device.release(all);
    let buffer = device.allocate(100, bank).unwrap();
    device.write(&buffer, 90, &[7; 10]).unwrap();
    assert!(matches!(device.write(&buffer, 91, &[7; 10]), Err(DeviceError::OutsideBuffer { .. })));
    let mut back = [0; 10];
    device.read(&buffer, 90, &mut back).unwrap();
    assert_eq!(back, [7; 10]);
    let hidden = device.allocate_kind(100, bank, BufferKind::DeviceOnly).unwrap();
    let error = device.read(&hidden, 0, &mut back).unwrap_err().to_string();
    assert!(error.contains("device-only"), "{error}");
    device.release(buffer);
    assert!(matches!(device.read(&buffer, 0, &mut back), Err(DeviceError::NoBuffer { .. })));
    // It still works.
    let buffer = device.allocate(100, bank).unwrap();
    device.write(&buffer, 0, &[1; 100]).unwrap();
}

#[test]
fn an_error_of_the_kernel_is_the_one_sim_gives() {
    let mut device = open("xrt-emu:ideal,lanes=1");
    let buffers = four(&mut device, 256);
    let mut list = step::arguments(&buffers, &adamw_step(), 64);
    list[argument::GRAD_FORMAT] = Value::U32(7);
    device.start(&list).unwrap();
    let error = device.wait(BOUND).unwrap_err();
    assert!(matches!(&error, DeviceError::KernelArgument { argument } if argument == "grad_format"), "{error}");
    let list = step::arguments(&buffers, &adamw_step(), 64);
    device.start(&list).unwrap();
    device.wait(BOUND).unwrap();
}

#[test]
fn a_helper_that_is_killed_is_an_error_and_the_next_device_works() {
    let elements = 1_000;
    let (before, after) = tensors(elements);
    // Two devices at a time, of which one loses its helper.
    let mut devices = [open("xrt-emu:ideal,lanes=1,seed=77"), open("xrt-emu:ideal,lanes=1,seed=78")];
    let folders: Vec<(u32, PathBuf)> = processes_of("nearfield-xrt-");
    let lost = devices[0].register(0x400).unwrap();
    assert_eq!(lost, devices[1].register(0x400).unwrap());
    let folder = devices[0].folder().to_path_buf();
    let (id, _) = folders.iter().find(|(_, place)| *place == folder).expect("the helper works in its folder");
    assert!(Command::new("kill").args(["-9", &id.to_string()]).status().unwrap().success());
    let _quiet = CLOCK.read();
    let begun = Instant::now();
    for _ in 0..2 {
        let error = devices[0].register(0x400).unwrap_err();
        assert!(matches!(error, DeviceError::Lost { .. }), "{error}");
        assert!(error.to_string().contains("open it again"), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    let [p, m, v, g] = before;
    for device in [&mut devices[1], &mut open("xrt-emu:ideal,lanes=1")] {
        let (mut p, mut m, mut v) = (p.clone(), m.clone(), v.clone());
        let tensors = Tensors { params: &mut p, states: vec![&mut m, &mut v], grads: (&g).into(), half: None };
        let k = optimizer::Coefficients::AdamW(coefficients());
        let report = step::step(device, &k, 1.0, tensors, &mut |_| ()).unwrap();
        assert_eq!(report.elements, elements);
        assert!([p, m, v] == after);
    }
    let all = devices.each_ref().map(|device| device.folder().to_path_buf());
    drop(devices);
    all.iter().for_each(|folder| assert_nothing_is_left(folder));
}
