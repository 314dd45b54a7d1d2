//! The proofs of units, and that they fail for units that are wrong, each on the assertion that is meant.

use nearfield_hdl::emit::Design;
use nearfield_tests::formal::{prove, refute, Proof, PROOFS};

/// The one in which `mutants` are tested: the first of the unit's proofs.
fn first(unit: &str) -> &'static Proof {
    PROOFS.iter().find(|p| p.unit == unit).unwrap_or_else(|| panic!("no properties for {unit}"))
}

fn proved(unit: &str) {
    for proof in PROOFS.iter().filter(|p| p.unit == unit) {
        prove(proof, &(proof.emit)().unwrap()).unwrap_or_else(|e| panic!("{}: {e}", proof.name));
    }
}

/// The unit with one piece of its text, or of a module below it, replaced by another.
fn mutant(unit: &str, right: &str, wrong: &str) -> Design {
    let mut design = (first(unit).emit)().unwrap();
    let found: usize = design.artifacts.iter().map(|a| a.text.matches(right).count()).sum();
    assert_eq!(found, 1, "{unit} should contain `{right}` once");
    for artifact in &mut design.artifacts {
        artifact.text = artifact.text.replace(right, wrong);
    }
    design
}

/// Such a unit must break the property called `label`.
fn refuted(unit: &str, right: &str, wrong: &str, label: &str) {
    refute(first(unit), &mutant(unit, right, wrong), label).unwrap_or_else(|e| panic!("{unit} with `{wrong}`: {e}"));
}

/// What no search of four cycles finds, the step of induction must.
#[test]
fn induction_fails_for_a_wrong_unit() {
    let wrong = mutant("axi_read_mover", "page_high <= page_high + 26'd1", "page_high <= page_high");
    let said = prove(first("axi_read_mover"), &wrong).expect_err("a wrong unit was proved");
    assert!(said.contains(" -i ") && said.contains("FAILED"), "{said}");
}

#[test]
fn stream_register_is_proved() {
    proved("stream_register");
    refuted("stream_register", "word <= s_data", "word <= s_data & 2'd1", "in_order");
}

#[test]
fn stream_skid_is_proved() {
    proved("stream_skid");
    refuted("stream_skid", "word <= spare", "word <= spare ^ 2'd2", "in_order");
    refuted("stream_skid", "s_ready = !spare_full", "s_ready = 1'd1", "takes");
}

#[test]
fn stream_fifo_is_proved() {
    proved("stream_fifo");
    refuted("stream_fifo", "s_ready = !count[2]", "s_ready = 1'd1", "takes");
    refuted("stream_fifo", "present <= head_next != tail", "present <= head != tail", "in_order");
}

#[test]
fn stream_narrow_is_proved() {
    proved("stream_narrow");
    refuted("stream_narrow", "s_ready = m_ready & part", "s_ready = m_ready", "in_order");
    refuted("stream_narrow", "{part, 1'd0}", "{!part, 1'd0}", "in_order");
    refuted("stream_narrow", "part <= part + 1'd1", "part <= part", "moves");
}

#[test]
fn stream_widen_is_proved() {
    proved("stream_widen");
    refuted("stream_widen", "part_0 <= part_1", "part_0 <= s_data", "in_order");
    refuted("stream_widen", "full <= s_valid & count", "full <= s_valid", "offers");
    refuted("stream_widen", "free = m_ready | (!full)", "free = 1'd1", "takes");
    refuted("stream_widen", "count <= count + 1'd1", "count <= count", "offers");
}

#[test]
fn topk_merge_is_proved() {
    proved("topk_merge");
    refuted("topk_merge", "advance = full_0 & ((!spent) | full_1)", "advance = full_0 & (1'd1)", "right");
    refuted("topk_merge", "near_2 = full_1 & (!last_0)", "near_2 = full_1", "right");
    refuted("topk_merge", "bound = limit | 16'hf;", "bound = limit | 16'h7;", "ends");
    refuted(
        "topk_merge",
        "head_free = (!full_0) | (advance & (spent | closes))",
        "head_free = advance & (spent | closes)",
        "moves",
    );
    refuted("topk_merge", "if (free) begin", "if (advance) begin", "begun");
    refuted("topk_merge", "free = m_ready | (!word_full)", "free = 1'd1", "stable");
}

#[test]
fn axi_read_mover_is_proved() {
    proved("axi_read_mover");
    refuted("axi_read_mover", "room = 7'd64 - {1'd0, offset}", "room = 7'd64", "page");
    refuted("axi_read_mover", "offset <= 6'd0", "offset <= offset", "follows");
    refuted("axi_read_mover", "page_high <= page_high + 26'd1", "page_high <= page_high", "follows");
    refuted("axi_read_mover", "left <= left - {22'd0, length}", "left <= left", "within");
    refuted("axi_read_mover", "length <= left[6:0]", "length <= 7'd1", "longest");
    refuted("axi_read_mover", "bursts_stop = stop | failed", "bursts_stop = stop", "quiet");
    refuted(
        "axi_read_mover",
        "busy = bursts_busy | (|owed) | failure_pending",
        "busy = bursts_busy | failure_pending",
        "ends",
    );
    refuted("axi_read_mover", "claim = 1'd1", "claim = left != 29'd2", "moves");
}

#[test]
fn axi_write_mover_is_proved() {
    proved("axi_write_mover");
    refuted("axi_write_mover", "room = 7'd64 - {1'd0, offset}", "room = 7'd64", "page");
    refuted("axi_write_mover", "axi_wlast = end_ | (&place)", "axi_wlast = end_", "last");
    refuted("axi_write_mover", "axi_wstrb = tail", "axi_wstrb = 64'hffffffffffffffff", "strobes");
    refuted("axi_write_mover", "axi_wvalid = allowed & out_m_valid", "axi_wvalid = out_m_valid", "announced");
    refuted("axi_write_mover", "went = allowed & out_m_valid & axi_wready", "went = allowed & axi_wready", "counts");
    refuted("axi_write_mover", "bursts_stop = stop | failed", "bursts_stop = stop", "quiet");
    refuted(
        "axi_write_mover",
        "busy = bursts_busy | (|owed) | failure_pending",
        "busy = bursts_busy | failure_pending",
        "ends",
    );
    refuted(
        "axi_write_mover",
        "bursts_permit = (arrived_available >= asked)",
        "bursts_permit = (arrived_available > asked)",
        "moves",
    );
}
