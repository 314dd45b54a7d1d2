//! What holds for every kernel in every configuration.

use nearfield_abi::kernel::{Kernel, KernelConfig};
use nearfield_abi::port;
use nearfield_tests::rng::long;

/// What is looked at here: the representatives, or with the long runs all.
fn looked_at() -> Vec<KernelConfig> {
    if long() {
        KernelConfig::all()
    } else {
        KernelConfig::representatives()
    }
}

#[test]
fn emits_clean() {
    for config in looked_at() {
        let emit = || nearfield_hdl::kernel::emit(config).unwrap_or_else(|e| panic!("{}: {e}", config.name()));
        let design = emit();
        assert_eq!(design.artifacts, emit().artifacts, "emission is not byte-stable");
        // Of the kernels for one optimizer `make lint` looks at all: 7 s each.
        match config.kernel {
            Kernel::SmartUpdateOf(_) if !long() && ![1, 4].contains(&config.lanes) => {
                println!("{}: lint skipped: NEARFIELD_LONG=1 (make test-long) and make lint run it", config.name());
            }
            _ => nearfield_tests::lint::assert_clean(&design),
        }
        let clash = design.ports.iter().find(|p| p.name.contains('$'));
        assert_eq!(clash, None, "a port name that tools stumble over");
    }
}

#[test]
fn ports_are_those_of_abi() {
    let master = "awvalid awready awaddr awlen awsize awburst wvalid wready wdata wstrb wlast bvalid bready bresp \
                  arvalid arready araddr arlen arsize arburst rvalid rready rdata rresp rlast";
    let slave = "awvalid awready awaddr wvalid wready wdata wstrb bvalid bready bresp \
                 arvalid arready araddr rvalid rready rdata rresp";
    for config in looked_at() {
        let signals = |port: &str, names: &str| names.split(' ').map(|s| format!("{port}_{s}")).collect::<Vec<_>>();
        let mut expected = [port::CLOCK, port::RESET, port::INTERRUPT].map(String::from).to_vec();
        expected.extend(signals(port::CONTROL, slave));
        config.masters().iter().for_each(|m| {
            expected.extend(signals(&m.port(), master));
            expected.extend(if m.id_bits > 0 { signals(&m.port(), "awid bid arid rid") } else { Vec::new() });
        });
        expected.sort();
        let design = nearfield_hdl::kernel::emit(config).unwrap();
        let mut names: Vec<String> = design.ports.iter().map(|p| p.name.clone()).collect();
        names.sort();
        assert_eq!(names, expected, "{}", config.name());
        for m in config.masters() {
            for data in ["wdata", "rdata"].map(|s| format!("{}_{s}", m.port())) {
                let bits = design.ports.iter().find(|p| p.name == data).map(|p| p.bits as u32);
                assert_eq!(bits, Some(m.data_bits), "{data} of {}", config.name());
            }
        }
    }
}
