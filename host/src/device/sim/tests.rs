//! The simulated board as a device: errors with port and address, refusals, any number of pieces.

use super::*;
use crate::device::{open, open_kernel, Tensors};
use crate::gradient_norm::on_device;
use crate::gradients::Gradients;
use crate::step::{arguments, step};
use crate::topk::tests::Draw;
use crate::topk::{encode, Kept, Stream, ValueFormat};
use nearfield_abi::kernel::gradient_norm::grad_format;
use nearfield_abi::kernel::smartupdate as argument;
use nearfield_abi::kernel::KernelConfig;
use nearfield_abi::register;
use nearfield_model::gradient_norm::sum_of_squares;
use nearfield_model::optimizer;
use nearfield_model::optimizer::adamw::{self, Coefficients, Hyper};
use nearfield_sim::axi::{Fault, Response};

const BOUND: Duration = Duration::from_secs(120);

fn board(name: &str) -> Sim {
    let spec: DeviceSpec = format!("sim:{name},lanes=1").parse().unwrap();
    Sim::open(Board::from_name(name).unwrap(), &spec).unwrap()
}

fn coefficients() -> Coefficients {
    let hyper = Hyper::default();
    Coefficients::new(&hyper, &hyper.powers().next(hyper.beta1, hyper.beta2))
}

fn four(sim: &mut Sim, elements: u64) -> [Buffer; 4] {
    let banks = sim.describe().bank_bytes.len() as u32;
    [0, 1, 2, 3].map(|i| sim.allocate(4 * elements, i % banks).unwrap())
}

#[test]
fn an_axi_error_names_port_and_address_and_the_next_run_is_well() {
    let mut sim = board("ideal");
    let elements = 4096;
    let buffers = four(&mut sim, elements);
    let list = arguments(&buffers, &optimizer::Coefficients::AdamW(coefficients()), elements as u32);
    for (tensor, write, name, code) in [
        (2, false, "gmem2", register::error::AXI_READ),
        (3, false, "gmem3", register::error::AXI_READ),
        (0, true, "gmem0", register::error::AXI_WRITE),
    ] {
        let bad = buffers[tensor].address + 8192;
        sim.simulation().inject(Fault { address: bad, bytes: 64, write, response: Response::SlaveError });
        sim.start(&list).unwrap();
        let error = sim.wait(BOUND).unwrap_err();
        let DeviceError::Axi { code: found, port, address } = &error else { panic!("{error}") };
        assert_eq!((*found, port.as_str()), (code, name));
        let burst = bad & !4095..=bad;
        assert!(burst.contains(address), "{address:#x} is not the burst of {bad:#x}");
        assert!(error.to_string().contains(&format!("m_axi_{name} at address {address:#x}")));
        assert!(!error.refused());
        sim.simulation().clear_faults();
        sim.start(&list).unwrap();
        sim.wait(BOUND).unwrap();
    }
}

#[test]
fn the_kernel_refuses_arguments_by_name() {
    let mut sim = board("ideal");
    let buffers = four(&mut sim, 64);
    let mut list = arguments(&buffers, &optimizer::Coefficients::AdamW(coefficients()), 64);
    list[argument::GRAD_FORMAT] = Value::U32(7);
    sim.start(&list).unwrap();
    let error = sim.wait(BOUND).unwrap_err();
    assert!(matches!(&error, DeviceError::KernelArgument { argument } if argument == "grad_format"), "{error}");
    list.pop();
    assert!(matches!(sim.start(&list), Err(DeviceError::Arguments { .. })));
}

#[test]
fn memory_has_bounds() {
    let mut sim = board("hostile");
    let buffer = sim.allocate(100, 3).unwrap();
    assert!(matches!(sim.allocate(4, 4), Err(DeviceError::NoSuchBank { bank: 4, banks: 4, .. })));
    assert!(matches!(sim.allocate(1 << 40, 0), Err(DeviceError::OutOfMemory { bank: 0, .. })));
    sim.write(&buffer, 90, &[7; 10]).unwrap();
    assert!(matches!(sim.write(&buffer, 91, &[7; 10]), Err(DeviceError::OutsideBuffer { .. })));
    let mut back = [0; 10];
    sim.read(&buffer, 90, &mut back).unwrap();
    assert_eq!(back, [7; 10]);
    sim.release(buffer);
    assert!(matches!(sim.read(&buffer, 0, &mut back), Err(DeviceError::NoBuffer { .. })));
}

#[test]
fn a_run_that_does_not_end_in_time_is_an_error() {
    let mut sim = board("ideal");
    let elements = 1 << 18;
    let buffers = four(&mut sim, elements);
    sim.start(&arguments(&buffers, &optimizer::Coefficients::AdamW(coefficients()), elements as u32)).unwrap();
    // One slice of cycles is less than this run takes on one lane.
    assert!(matches!(sim.wait(Duration::ZERO), Err(DeviceError::Timeout { .. })));
    sim.wait(BOUND).unwrap();
}

#[test]
fn steps_are_cut_into_pieces_and_report_their_sum() {
    let spec: DeviceSpec = "sim:ideal,lanes=4".parse().unwrap();
    let mut device = open(&spec).unwrap();
    let n = (1 << 20) + 17;
    let draw = |seed: u32| -> Vec<f32> {
        (0..n as u32)
            .map(|i| f32::from_bits(0x3c00_0000 + (i.wrapping_mul(0x9e37_79b9) ^ seed) % 0x0400_0000))
            .collect()
    };
    let (mut p, mut m, mut v, g) = (draw(1), draw(2), draw(3), draw(4));
    let (mut p2, mut m2, mut v2) = (p.clone(), m.clone(), v.clone());
    let mut heard = Vec::new();
    let tensors = Tensors { params: &mut p, states: vec![&mut m, &mut v], grads: (&g).into(), half: None };
    let k = optimizer::Coefficients::AdamW(coefficients());
    let report = step(device.as_mut(), &k, 1.0, tensors, &mut |done| heard.push(done)).unwrap();
    adamw::step(&coefficients(), &mut p2, &mut m2, &mut v2, &g);
    assert!(p == p2 && m == m2 && v == v2);
    assert_eq!(heard, [1 << 20, n as u64], "one start for each piece");
    assert_eq!((report.elements, report.lanes), (n as u64, Some(4)));
    assert!(report.cycles.unwrap() > n as u64 / 4);
}

/// Several starts for runs longer than a piece; streams are cut at chunks.
#[test]
fn gradient_norm_sums_every_format_in_pieces() {
    let mut device = open_kernel(&"sim:ideal,lanes=4".parse().unwrap(), Kernel::GradientNorm).unwrap();
    assert_eq!(device.describe().kernel, KernelConfig::gradient_norm(4).unwrap());
    let mut soft = open_kernel(&"soft".parse().unwrap(), Kernel::GradientNorm).unwrap();
    let mut draw = Draw(49);
    let fp32: Vec<f32> = (0..5_000).map(|_| f32::from_bits(draw.next() as u32 & 0xff7f_ffff)).collect();
    let fp16: Vec<u16> = (0..(1 << 20) + 1001).map(|_| draw.next() as u16 & 0xfbff).collect();
    let mut kept = Kept::default();
    (0..1_500_000).step_by(39).for_each(|i| kept.push(i, f32::from_bits(draw.next() as u32 & 0xff7f_ffff)));
    let stream = encode(1_500_000, ValueFormat::Fp32, &kept).unwrap();
    let stream = Gradients::TopK(Stream::parse(&stream).unwrap());
    let bad = Gradients::Fp32(&[1.0, f32::NAN, 2.0]);
    for grads in [Gradients::Fp32(&fp32), Gradients::Fp16(&fp16), stream, bad, Gradients::Fp32(&[])] {
        let found = on_device(device.as_mut(), &grads).unwrap();
        assert_eq!(found, sum_of_squares(&grads.widened()), "{} gradients {}", grads.len(), grads.name());
        assert_eq!(found, on_device(soft.as_mut(), &grads).unwrap());
    }
    let whole = device.describe().bank_bytes[0] / 8 * 7;
    device.allocate(whole, 0).expect("no buffer is left behind");
}

#[test]
fn each_kernel_refuses_the_work_of_the_other() {
    let error = on_device(&mut board("ideal"), &Gradients::Fp32(&[1.0])).unwrap_err();
    assert!(error.refused(), "{error}");
    assert!(error.to_string().contains("is smartupdate, but this needs gradient_norm"), "{error}");
    let device = open_kernel(&"sim:ideal,lanes=4".parse().unwrap(), Kernel::GradientNorm).unwrap();
    let error = crate::step::check(device.as_ref(), optimizer::Optimizer::Lion).unwrap_err();
    assert!(error.refused() && error.to_string().contains("cannot do a step of lion"), "{error}");
}

#[test]
fn gradient_norm_ends_with_the_error_of_a_stream() {
    let mut device = open_kernel(&"sim:ideal,lanes=4".parse().unwrap(), Kernel::GradientNorm).unwrap();
    let buffer = device.allocate(4096, 0).unwrap();
    let stream = grad_format::TOPK + grad_format::BF16;
    device.start(&[Value::Pointer(buffer), Value::U32(5), Value::U32(stream), Value::U32(128)]).unwrap();
    let error = device.wait(BOUND).unwrap_err();
    assert!(matches!(error, DeviceError::Stream { chunk: 0, fault: nearfield_abi::topk::fault::HEADER }), "{error}");
    let grads = Gradients::Fp32(&[3.0, 4.0]);
    assert_eq!(on_device(device.as_mut(), &grads).unwrap().rounded(), Some(25.0));
}
