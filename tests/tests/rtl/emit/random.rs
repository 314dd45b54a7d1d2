//! Random expressions and random small blocks: rust-hdl's own arithmetic against the emitted Verilog.
//!
//! A block is made at run time: a program over signals of a few widths, which `update` executes with rust-hdl's `Bits`
//! and `hdl` gives as the AST that `#[hdl_gen]` would.

use super::program::{Program, Random};
use nearfield_hdl::emit::{emit, Design};
use nearfield_sim::verilate::{build, bundle, Options};
use nearfield_tests::differential::{record, replay, Recording};
use nearfield_tests::rng::{long, seed, Rng};

/// Blocks in one Verilator build.
const BATCH: usize = 24;
/// Half cycles each block is driven.
const STEPS: usize = 200;

fn batch(rng: &mut Rng, number: usize) -> Vec<(String, Design, Recording)> {
    let mut parts = Vec::new();
    while parts.len() < BATCH {
        let name = format!("b{number}_{}", parts.len());
        let program = Program::random(rng);
        let mut unit = Random::new(program);
        let mut design = emit(&unit, &name, &name).unwrap_or_else(|e| panic!("a program was refused: {e}"));
        // A random program compares what never differs (`x < (y - y)`); in a person's text these two are faults.
        for artifact in &mut design.artifacts {
            artifact.text.insert_str(0, "// verilator lint_off UNSIGNED\n// verilator lint_off CMPCONST\n");
        }
        let recording = record(&mut unit, STEPS, |u, step| u.drive(rng, step));
        parts.push((name, design, recording));
    }
    parts
}

#[test]
fn blocks_mean_the_same() {
    let mut rng = Rng::new(seed("emit::random", 20_261_123));
    let wanted = if long() { 10_000 } else { 1_000 };
    let (mut expressions, mut blocks) = (0, 0);
    while expressions < wanted {
        let parts = batch(&mut rng, blocks / BATCH);
        let designs: Vec<(&str, &Design)> = parts.iter().map(|p| (p.0.as_str(), &p.1)).collect();
        let design = bundle("emit_random", &designs).unwrap_or_else(|e| panic!("{e}"));
        let library = build(&design, &Options::default()).unwrap_or_else(|e| panic!("{e}"));
        for (name, design, recording) in &parts {
            let mut instance = library.instance();
            if let Err(difference) = replay(recording, &mut instance, &format!("{name}_")) {
                let text: String = design.artifacts.iter().map(|a| a.text.as_str()).collect();
                panic!("{name}: {difference}\n{text}");
            }
            blocks += 1;
            expressions += Program::EXPRESSIONS;
        }
    }
    println!("{expressions} expressions in {blocks} blocks, {STEPS} steps each, 0 differences");
}
