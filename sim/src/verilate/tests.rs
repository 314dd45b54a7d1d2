//! Designs written by hand here, as `emit` would hand them over.

use super::*;
use nearfield_hdl::emit::{Artifact, Port};

fn port(name: &str, bits: usize, output: bool) -> Port {
    Port { name: name.into(), bits, output }
}

/// A counter that adds `by`, and a copy of each width Verilator stores differently.
fn counter(step: u32) -> Design {
    let text = format!(
        "`default_nettype none
module counter_{step} (
    input  wire clock,
    input  wire [7:0] by,
    output wire [7:0] count,
    output wire interrupt,
    input  wire [15:0] a16, output wire [15:0] b16,
    input  wire [31:0] a32, output wire [31:0] b32,
    input  wire [63:0] a64, output wire [63:0] b64,
    input  wire [69:0] a__70, output wire [69:0] b__70
);
    reg [7:0] state;
    always @(posedge clock) state <= state + by + 8'd{step};
    assign count = state;
    assign interrupt = state == 8'd255;
    assign b16 = ~a16;
    assign b32 = ~a32;
    assign b64 = ~a64;
    assign b__70 = ~a__70;
endmodule
"
    );
    let mut ports =
        vec![port("clock", 1, false), port("by", 8, false), port("count", 8, true), port("interrupt", 1, true)];
    for (i, bits) in [("16", 16), ("32", 32), ("64", 64), ("__70", 70)] {
        ports.push(port(&format!("a{i}"), bits, false));
        ports.push(port(&format!("b{i}"), bits, true));
    }
    let top = format!("counter_{step}");
    Design { artifacts: vec![Artifact { path: format!("{top}.v"), text }], top, ports }
}

#[test]
fn every_width_goes_in_and_out() {
    let mut c = build(&counter(0), &Options::default()).unwrap().instance();
    for (bits, value) in [(16, 0x1234), (32, 0x8765_4321), (64, 0xfedc_ba98_7654_3210_u64)] {
        let (a, b) = (c.port(&format!("a{bits}")).unwrap(), c.port(&format!("b{bits}")).unwrap());
        c.set(a, value);
        c.eval();
        assert_eq!(c.get(b), !value & (u64::MAX >> (64 - bits)));
    }
    let (a, b) = (c.port("a__70").unwrap(), c.port("b__70").unwrap());
    c.set_words(a, &[0x0f0f_0f0f, 0xffff_0000, 0x15]);
    c.eval();
    assert_eq!(c.words(b), [0xf0f0_f0f0, 0x0000_ffff, 0x2a]);
    let a64 = c.port("a64").unwrap();
    c.set_words(a64, &[1, 2]);
    assert_eq!(c.get(a64), 2 << 32 | 1);
}

#[test]
fn instances_have_their_own_state() {
    let library = build(&counter(1), &Options::default()).unwrap();
    let (mut x, mut y) = (library.instance(), library.instance());
    let (clock, by, count) = (x.port("clock").unwrap(), x.port("by").unwrap(), x.port("count").unwrap());
    x.set(by, 10);
    for _ in 0..3 {
        x.tick(clock);
        y.tick(clock);
    }
    assert_eq!((x.get(count), y.get(count)), (33, 3));
    let moved = std::thread::spawn(move || {
        x.tick(clock);
        x.get(count)
    });
    assert_eq!(moved.join().unwrap(), 44);
}

#[test]
fn two_designs_do_not_bind_to_each_other() {
    let (mut one, mut two) = (
        build(&counter(1), &Options::default()).unwrap().instance(),
        build(&counter(2), &Options::default()).unwrap().instance(),
    );
    let (clock, count) = (one.port("clock").unwrap(), one.port("count").unwrap());
    one.tick(clock);
    two.tick(clock);
    assert_eq!((one.get(count), two.get(count)), (1, 2));
}

#[test]
fn twenty_callers_share_one_build() {
    std::thread::scope(|s| {
        for _ in 0..20 {
            s.spawn(|| {
                let mut c = build(&counter(20), &Options::default()).unwrap().instance();
                let (clock, count) = (c.port("clock").unwrap(), c.port("count").unwrap());
                c.tick(clock);
                assert_eq!(c.get(count), 20);
            });
        }
    });
}

#[test]
fn bundles_stand_side_by_side() {
    let parts = [("first", &counter(1)), ("second", &counter(2)), ("third", &counter(1))];
    let design = bundle("counters", &parts).unwrap();
    assert_eq!(design.artifacts.len(), 3, "one module twice is one file");
    let mut c = build(&design, &Options::default()).unwrap().instance();
    let clock = c.port("clock").unwrap();
    let by = c.port("third_by").unwrap();
    c.set(by, 7);
    c.tick(clock);
    let count = |part: &str| c.get(c.port(&format!("{part}_count")).unwrap());
    assert_eq!((count("first"), count("second"), count("third")), (1, 2, 8));
}

#[test]
fn a_bundle_with_a_name_twice_is_refused() {
    let error = bundle("counters", &[("a", &counter(1)), ("a", &counter(2))]).unwrap_err().to_string();
    assert!(error.contains("a_by"), "{error}");
    let mut other = counter(1);
    other.artifacts[0].text.push('\n');
    let error = bundle("counters", &[("a", &counter(1)), ("b", &other)]).unwrap_err().to_string();
    assert!(error.contains("counter_1.v"), "{error}");
}

#[test]
fn a_warning_refuses_the_design() {
    let mut design = counter(3);
    design.artifacts[0].text = design.artifacts[0].text.replace("8'd3", "12'd3");
    let error = build(&design, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("WIDTH") && error.contains("counter_3.v"), "{error}");
}

#[test]
fn an_unknown_port_lists_the_ports() {
    let c = build(&counter(0), &Options::default()).unwrap().instance();
    let error = c.port("cuont").unwrap_err().to_string();
    assert!(error.contains("`cuont`") && error.contains("clock, by, count"), "{error}");
}

#[test]
fn a_loop_that_does_not_settle_is_an_error() {
    let text = "module loop_ (input wire a, output wire y);
    /* verilator lint_off UNOPTFLAT */
    wire b;
    assign b = ~(b & a);
    assign y = b;
endmodule
";
    let design = Design {
        top: "loop_".into(),
        ports: vec![port("a", 1, false), port("y", 1, true)],
        artifacts: vec![Artifact { path: "loop_.v".into(), text: text.into() }],
    };
    let mut c = build(&design, &Options::default()).unwrap().instance();
    c.eval();
    let a = c.port("a").unwrap();
    c.set(a, 1);
    let error = c.try_eval().unwrap_err().to_string();
    assert!(error.contains("loop_") && error.contains("converge"), "{error}");
}

#[test]
fn waves_and_random_state_are_there_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counter.fst");
    let mut plain = build(&counter(5), &Options::default()).unwrap().instance();
    assert_eq!(plain.open_trace(&file), Err(TraceError::NotBuilt("counter_5".into())));

    let library = build(&counter(5), &Options { trace: true, randomize: true }).unwrap();
    let mut c = library.instance_with_seed(1);
    c.open_trace(&file).unwrap();
    let (clock, count) = (c.port("clock").unwrap(), c.port("count").unwrap());
    for _ in 0..10 {
        c.tick(clock);
    }
    c.close_trace();
    assert!(std::fs::metadata(&file).unwrap().len() > 100);

    let start = |seed| {
        let mut c = library.instance_with_seed(seed);
        c.eval();
        c.get(count)
    };
    let starts: Vec<u64> = (1..20).map(start).collect();
    assert!(starts.iter().any(|&s| s != starts[0]), "unset state is the same for every seed: {starts:?}");
    assert_eq!(start(7), start(7));
    assert_eq!(
        c.open_trace(&folder.path().join("missing/x.fst")),
        Err(TraceError::File(folder.path().join("missing/x.fst")))
    );
}
