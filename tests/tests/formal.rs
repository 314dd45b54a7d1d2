//! The proofs of handshake cells, and that they fail for cells that are wrong.

use nearfield_hdl::emit::Design;
use nearfield_tests::formal::{prove, Cell, CELLS};

fn cell(name: &str) -> &'static Cell {
    CELLS.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no properties for {name}"))
}

fn proved(name: &str) {
    let cell = cell(name);
    prove(cell, &(cell.emit)().unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
}

/// The cell with one piece of its text replaced by another must not be provable.
fn refuted(name: &str, right: &str, wrong: &str) {
    let cell = cell(name);
    let mut design: Design = (cell.emit)().unwrap();
    let top = design.artifacts.last_mut().unwrap();
    assert_eq!(top.text.matches(right).count(), 1, "{name} should contain `{right}` once:\n{}", top.text);
    top.text = top.text.replace(right, wrong);
    let said = prove(cell, &design).expect_err("a wrong cell was proved");
    assert!(said.contains("yosys-smtbmc") && said.contains("FAILED"), "{name}: {said}");
}

#[test]
fn stream_register_is_proved() {
    proved("stream_register");
    refuted("stream_register", "word <= s_data", "word <= s_data & 2'd1");
}

#[test]
fn stream_skid_is_proved() {
    proved("stream_skid");
    refuted("stream_skid", "word <= spare", "word <= spare ^ 2'd2");
    refuted("stream_skid", "s_ready = !spare_full", "s_ready = 1'd1");
}

#[test]
fn stream_fifo_is_proved() {
    proved("stream_fifo");
    refuted("stream_fifo", "s_ready = !count[2]", "s_ready = 1'd1");
    refuted("stream_fifo", "present <= head_next != tail", "present <= head != tail");
}
