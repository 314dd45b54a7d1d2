use super::*;

fn error(text: &str) -> String {
    text.parse::<DeviceSpec>().unwrap_err().to_string()
}

#[test]
fn what_exists_is_understood() {
    for name in [
        "soft",
        "soft,threads=3",
        "sim:hostile,optimizer=adamw,lanes=1,seed=9,clock=250,waves=run.fst",
        "sim:smartssd",
        "sim:hbm2-256,engines=16,ports=8,seed=2",
        "xrt:3,optimizer=lion,xclbin=a.xclbin,unit=2",
        "xrt:0000:65:00.1,xclbin=a.xclbin",
        "xrt-emu:ideal,lanes=1,seed=9,clock=250,waves=run.fst,xclbin=a.xclbin,unit=1",
    ] {
        assert_eq!(name.parse::<DeviceSpec>().unwrap().to_string(), name);
    }
    for (name, config) in [
        ("sim:hbm2-256", (16, 8)),
        ("sim:hbm2-256,engines=2", (2, 8)),
        ("sim:ideal,engines=1,ports=1", (1, 1)),
        ("sim:smartssd", (4, 1)),
    ] {
        let spec: DeviceSpec = name.parse().unwrap();
        let found = spec.configuration(Kernel::SgcnAggregate, spec.board().unwrap());
        assert_eq!((found.ok(), spec.to_string().as_str()), (KernelConfig::sgcn_aggregate(config.0, config.1), name));
    }
    let spec: DeviceSpec = "sim:ideal,lanes=2,seed=7,clock=250".parse().unwrap();
    assert_eq!((spec.lanes, spec.seed, spec.clock_mhz), (Some(2), 7, Some(250.0)));
    let bdf = Bdf { domain: 0xa, bus: 0x65, device: 0x1f, function: 1 };
    assert_eq!("xrt:a:65:1f.1".parse::<DeviceSpec>().unwrap().kind, DeviceKind::XrtBdf(bdf));
    assert_eq!("xrt:65:1f.1".parse::<DeviceSpec>().unwrap().to_string(), "xrt:0000:65:1f.1");
    for kernel in Kernel::ALL.iter().filter(|kernel| ![Kernel::GradientNorm, Kernel::SgcnAggregate].contains(kernel)) {
        let one = kernel.name().strip_prefix("smartupdate_").map(|one| format!(",optimizer={one}"));
        let spec: DeviceSpec = format!("sim:ideal{}", one.unwrap_or_default()).parse().unwrap();
        assert_eq!(spec.kernel(), *kernel);
    }
    assert_eq!("sim:smartssd".parse::<DeviceSpec>().unwrap().lanes, None);
    assert_eq!("soft,threads=3".parse::<DeviceSpec>().unwrap().threads, Some(3));
    assert_eq!("soft".parse::<DeviceSpec>().unwrap(), DeviceSpec::soft());
}

#[test]
fn errors_say_what_exists() {
    assert!(error("").contains("there are soft, sim:ideal, sim:hostile, sim:smartssd"));
    assert!(error("gpu").contains("there is no `gpu`"));
    assert!(error("sim").contains("needs a board"));
    assert!(error("sim:vcu128").contains("there is no board `vcu128`; there are sim:ideal"));
    assert!(error("soft:fast").contains("has no target"));
    for target in ["xrt", "xrt:", "xrt:-1", "xrt:65:00", "xrt:65:20.0", "xrt:65:00.8", "xrt:+5:00.0", "xrt:1:2:3:4.0"] {
        assert!(error(target).contains("xrt:0000:65:00.1"), "{target}");
    }
    assert!(error("xrt:0,lanes=2").contains("there are optimizer, xclbin, unit"));
    assert!(error("xrt-emu").contains("there are xrt-emu:ideal, xrt-emu:hostile, xrt-emu:smartssd"));
    assert!(error("xrt-emu:u250").contains("known for packaging only"));
    assert!(error("xrt:0,xclbin=").contains("xclbin=smartupdate.xclbin"));
    assert!(error("sim:ideal,lanes=3").contains("lanes can be 1, 2, 4"));
    assert!(error("sim:ideal,lanes=many").contains("no number"));
    assert!(error("sim:ideal,optimizer=adan").contains("`adan` alone; there are adam, adamw, adagrad, sgd, lion"));
    assert!(error("soft,optimizer=lion").contains("there is threads"));
    assert!(error("sim:ideal,lanes").contains("no key=value"));
    assert!(error("sim:ideal,lanes=2,lanes=4").contains("twice"));
    assert!(error("sim:ideal,threads=2").contains("there are optimizer, lanes, seed, clock, waves, engines, ports"));
    assert!(error("sim:ideal,clock=NaN").contains("1 to 2000"));
    assert!(error("soft,threads=0").contains("1 to 1024"));
    assert!(error("soft,lanes=4").contains("there is threads"));
    assert!(error("sim:ideal,engines=3").contains("engines can be 1, 2, 4, 8, 16"));
    assert!(error("sim:ideal,ports=4").contains("ports can be 1, 8"));
}
