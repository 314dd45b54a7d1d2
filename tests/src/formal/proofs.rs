use super::Proof;
use nearfield_hdl::axi::{ReadMover, WriteMover};
use nearfield_hdl::emit::{emit, Design, EmitError};
use nearfield_hdl::stream::{Fifo, Narrow, Register, Skid, Widen};
use nearfield_hdl::topk::Merge;

/// Every proof, the longest last. What is proved of a stream cell does not depend on the width of a word, so it is small.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "stream_register",
        unit: "stream_register",
        emit: || emit(&Register::<2>::default(), "stream_register", ""),
        steps: 12,
        induction: 4,
        reach: 12,
        properties: include_str!("../../../hdl/formal/stream_register.sv"),
        parameters: &[],
        cut: None,
    },
    Proof {
        name: "stream_skid",
        unit: "stream_skid",
        emit: || emit(&Skid::<2>::default(), "stream_skid", ""),
        steps: 12,
        induction: 4,
        reach: 12,
        properties: include_str!("../../../hdl/formal/stream_skid.sv"),
        parameters: &[],
        cut: None,
    },
    Proof {
        name: "stream_fifo",
        unit: "stream_fifo",
        emit: || emit(&Fifo::<2, 2, 3>::default(), "stream_fifo", ""),
        steps: 12,
        induction: 4,
        reach: 12,
        properties: include_str!("../../../hdl/formal/stream_fifo.sv"),
        parameters: &[],
        cut: None,
    },
    Proof {
        name: "stream_narrow, 4 to 2 bits",
        unit: "stream_narrow",
        emit: || emit(&Narrow::<4, 2, 1>::default(), "stream_narrow", ""),
        steps: 12,
        induction: 4,
        reach: 12,
        properties: include_str!("../../../hdl/formal/stream_narrow.sv"),
        parameters: &[("K", 1)],
        cut: None,
    },
    Proof {
        name: "stream_narrow, 8 to 2 bits",
        unit: "stream_narrow",
        emit: || emit(&Narrow::<8, 2, 2>::default(), "stream_narrow", ""),
        steps: 12,
        induction: 4,
        reach: 12,
        properties: include_str!("../../../hdl/formal/stream_narrow.sv"),
        parameters: &[("K", 2)],
        cut: None,
    },
    Proof {
        name: "stream_widen, 2 to 4 bits",
        unit: "stream_widen",
        emit: || emit(&Widen::<2, 2, 4, 1>::default(), "stream_widen", ""),
        steps: 12,
        induction: 4,
        reach: 12,
        properties: include_str!("../../../hdl/formal/stream_widen.sv"),
        parameters: &[("K", 1)],
        cut: None,
    },
    Proof {
        name: "stream_widen, 2 to 8 bits",
        unit: "stream_widen",
        emit: || emit(&Widen::<2, 4, 8, 2>::default(), "stream_widen", ""),
        steps: 12,
        induction: 4,
        reach: 12,
        properties: include_str!("../../../hdl/formal/stream_widen.sv"),
        parameters: &[("K", 2)],
        cut: None,
    },
    Proof {
        name: "topk_merge, two lanes, chunks of 16 elements",
        unit: "topk_merge",
        emit: short_chunks,
        steps: 4,
        induction: 3,
        reach: 24,
        properties: include_str!("../../../hdl/formal/topk_merge.sv"),
        parameters: &[("LAST", 15)],
        cut: None,
    },
    Proof {
        name: "topk_merge, two lanes",
        unit: "topk_merge",
        emit: merge,
        steps: 4,
        induction: 3,
        reach: 16,
        properties: include_str!("../../../hdl/formal/topk_merge.sv"),
        parameters: &[],
        cut: None,
    },
    Proof {
        name: "axi_read_mover, 64 beats",
        unit: "axi_read_mover",
        emit: || emit(&ReadMover::<6, 7, 64>::default(), "axi_read_mover", ""),
        steps: 4,
        induction: 3,
        reach: 14,
        properties: include_str!("../../../hdl/formal/axi_read_mover.sv"),
        parameters: &[],
        cut: Some("ram_6_512"),
    },
    Proof {
        name: "axi_write_mover, 64 beats",
        unit: "axi_write_mover",
        emit: || emit(&WriteMover::<6, 7, 64>::default(), "axi_write_mover", ""),
        steps: 4,
        induction: 3,
        reach: 16,
        properties: include_str!("../../../hdl/formal/axi_write_mover.sv"),
        parameters: &[],
        cut: Some("ram_6_512"),
    },
];

fn merge() -> Result<Design, EmitError> {
    emit(&Merge::<2, 4, 8, 32, 64>::default(), "topk_merge", "")
}

/// With chunks that a search from the start can run through: two of them are what the real ones are too long to show.
fn short_chunks() -> Result<Design, EmitError> {
    let mut design = merge()?;
    let text = &mut design.artifacts[0].text;
    assert_eq!(text.matches("bound = 16'hffff").count(), 1, "a chunk should end in one place:\n{text}");
    *text = text.replace("bound = 16'hffff", "bound = 16'hf");
    Ok(design)
}
