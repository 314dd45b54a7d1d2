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

/// The unit with one piece of its text, or of a module below it, replaced by another must break the property called `label`.
fn refuted(unit: &str, right: &str, wrong: &str, label: &str) {
    let proof = first(unit);
    let mut design: Design = (proof.emit)().unwrap();
    let found: usize = design.artifacts.iter().map(|a| a.text.matches(right).count()).sum();
    assert_eq!(found, 1, "{unit} should contain `{right}` once");
    for artifact in &mut design.artifacts {
        artifact.text = artifact.text.replace(right, wrong);
    }
    refute(proof, &design, label).unwrap_or_else(|e| panic!("{unit} with `{wrong}`: {e}"));
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
