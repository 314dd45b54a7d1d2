//! Gradients that are summed up and compressed on their way through XRT.

use crate::journey::model;
use crate::top_k::ordinary;
use crate::workbench::{Workbench, NEARFIELD};
use nearfield::device::xrt::Xrt;
use nearfield::device::{Device, DeviceError, Value};
use nearfield::gradient_norm::on_device;
use nearfield::gradients::Gradients;
use nearfield::topk::{encode, Kept, Stream, ValueFormat};
use nearfield_abi::kernel::gradient_norm::grad_format;
use nearfield_abi::kernel::{Kernel, KernelConfig};
use nearfield_abi::topk::fault;
use nearfield_model::gradient_norm::sum_of_squares;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Bits without a pattern; none of a NaN or an infinity.
fn finite(index: u32) -> f32 {
    f32::from_bits(index.wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b) & 0xff7f_ffff)
}

#[test]
fn squares_of_every_format_are_those_of_the_specification() {
    let spec = "xrt-emu:ideal,lanes=4".parse().unwrap();
    let mut device = Xrt::open_with(&spec, Kernel::GradientNorm, Path::new(NEARFIELD)).unwrap();
    assert_eq!(device.describe().kernel, KernelConfig::gradient_norm(4).unwrap());
    let fp32: Vec<f32> = (0..5_003).map(finite).collect();
    let fp16: Vec<u16> = (0..3_001).map(|i| finite(i).to_bits() as u16 & 0xfbff).collect();
    let bf16: Vec<u16> = (0..77).map(|i| (finite(i).to_bits() >> 16) as u16).collect();
    let mut kept = Kept::default();
    (0..150_000).step_by(39).for_each(|i| kept.push(i, finite(i as u32)));
    let stream = encode(150_000, ValueFormat::Fp32, &kept).unwrap();
    let stream = Gradients::TopK(Stream::parse(&stream).unwrap());
    let bad = Gradients::Fp32(&[1.0, f32::NAN, 2.0]);
    for grads in [Gradients::Fp32(&fp32), Gradients::Fp16(&fp16), Gradients::Bf16(&bf16), stream, bad] {
        let found = on_device(&mut device, &grads).unwrap();
        assert_eq!(found, sum_of_squares(&grads.widened()), "{} gradients {}", grads.len(), grads.name());
    }
    // A malformed stream ends a run, and the next one is right.
    let buffer = device.allocate(4096, 0).unwrap();
    let format = grad_format::TOPK + grad_format::BF16;
    device.start(&[Value::Pointer(buffer), Value::U32(5), Value::U32(format), Value::U32(128)]).unwrap();
    let error = device.wait(Duration::from_secs(60)).unwrap_err();
    assert!(matches!(error, DeviceError::Stream { chunk: 0, fault: fault::HEADER }), "{error}");
    assert_eq!(on_device(&mut device, &Gradients::Fp32(&[3.0, 4.0])).unwrap().rounded(), Some(25.0));
}

#[test]
fn what_is_not_sent_is_that_of_soft() {
    let bench = Workbench::new();
    let elements = 70_003;
    bench.write("params", &model(elements, |i| (i as f32 / 100.0).cos()));
    let flags = "--top-k 0.02 --error-feedback --clip-norm 0.5 --loss-scale 8";
    for (store, device) in [("soft", "soft"), ("board", "xrt-emu:ideal,lanes=4")] {
        bench.done(&format!("init --params params --store {store}"));
        for step in 1..=2 {
            bench.write("grads", &model(elements, |i| ordinary(step, i)));
            bench.done(&format!("step --store {store} --grads grads {flags} --device {device}"));
        }
        bench.done(&format!("export --store {store} -o {store}.safetensors --state"));
        // The residual is part of the next step, whoever does it.
        bench.done(&format!("step --store {store} --grads grads {flags} --device soft"));
        bench.done(&format!("export --store {store} -o {store}.later --state"));
    }
    let read = |name: &str| fs::read(bench.path(name)).unwrap();
    assert!(read("soft.safetensors") == read("board.safetensors"));
    assert!(read("soft.later") == read("board.later"));
    assert!(read("soft.later") != read("soft.safetensors"));
}
