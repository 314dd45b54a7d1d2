//! The measuring of area and paths, on Verilog whose figures can be counted by hand, and the budgets.

use nearfield_hdl::emit::{Artifact, Design};
use nearfield_tests::budget::{self, Budget};
use nearfield_tests::synth::{area, Area};
use nearfield_tests::unit_table::{markdown, replace, Row, BEGIN, END};

/// A design of one module and perhaps a child, with a header that declares everything.
fn design(top: &str, text: &str) -> Design {
    let artifacts = vec![Artifact { path: format!("{top}.v"), text: format!("`default_nettype none\n{text}\n") }];
    Design { top: top.into(), ports: vec![], artifacts }
}

fn measure(top: &str, text: &str) -> Area {
    area(&design(top, text), None).unwrap_or_else(|e| panic!("{top}: {e}"))
}

#[test]
fn a_path_ends_at_flip_flops() {
    // 32 bits of sum: a LUT and a carry chain of eight CARRY4, twice, with a register between.
    let text = "module sums(input wire clock, input wire [31:0] a, input wire [31:0] b, output wire [31:0] q);
        reg [31:0] ra, rb, sum, twice;
        always @(posedge clock) begin ra <= a; rb <= b; sum <= ra + rb; twice <= sum + rb; end
        assign q = twice; endmodule";
    assert_eq!(measure("sums", text), Area { lut: 64, ff: 128, path: 9, ..Area::default() });
}

#[test]
fn a_path_runs_through_all_logic_between_two_flip_flops() {
    // The second sum's first LUT waits for the first sum's top carry; its own top bits follow at once.
    let text = "module chained(input wire clock, input wire [31:0] a, input wire [31:0] b, output wire [31:0] q);
        reg [31:0] ra, rb, r;
        always @(posedge clock) begin ra <= a; rb <= b; r <= {(ra + rb) >> 28} + ra; end
        assign q = r; endmodule";
    assert!(measure("chained", text).path > 9 + 8, "{:?}", measure("chained", text));
}

#[test]
fn a_path_ends_at_dsps() {
    // Eight bits of sum (a LUT, two CARRY4) stand on either side of the multiplier.
    let text = "module product(input wire clock, input wire [16:0] a, input wire [16:0] b, input wire [33:0] c,
                               output wire [33:0] q);
        wire [16:0] x = {9'd0, a[7:0] + b[7:0]};
        wire [33:0] p = {17'd0, x} * {17'd0, b};
        wire [7:0] y = p[7:0] ^ c[7:0];
        assign q = {p[33:8], y}; endmodule";
    let found = measure("product", text);
    assert_eq!((found.dsp, found.path), (1, 3), "{found:?}");
}

#[test]
fn memories_are_counted_by_their_kind() {
    let memory = |top: &str, address: usize, width: usize| {
        format!(
            "module {top}(input wire clock, input wire we, input wire [{0}:0] wa, input wire [{0}:0] ra,
                          input wire [{1}:0] d, output wire [{1}:0] q);
            reg [{1}:0] words [0:{2}]; reg [{1}:0] word;
            always @(posedge clock) begin word <= words[ra]; if (we) words[wa] <= d; end
            assign q = word; endmodule",
            address - 1,
            width - 1,
            (1 << address) - 1
        )
    };
    // Two RAM32M16 of 8 LUTs hold 32 words of 16 bits at 14 bits each.
    let small = measure("small", &memory("small", 5, 16));
    assert_eq!((small.lut, small.bram_halves), (16, 0), "{small:?}");
    // 1,024 words of 32 bits fill a RAMB36.
    let large = measure("large", &memory("large", 10, 32));
    assert_eq!((large.lut, large.bram_halves, large.bram()), (0, 2, 1), "{large:?}");
}

#[test]
fn a_line_of_registers_is_made_of_shift_registers() {
    let text = "module line(input wire clock, input wire [7:0] a, output wire [7:0] q);
        reg [159:0] l = 160'd0;
        always @(posedge clock) l <= {l[151:0], a};
        assign q = l[159:152]; endmodule";
    assert_eq!(measure("line", text), Area { lut: 8, ..Area::default() });
}

#[test]
fn an_absent_module_is_not_counted() {
    let text = "module part(input wire clock, input wire [31:0] a, output wire [31:0] q);
        reg [31:0] r; always @(posedge clock) r <= a + 32'd1; assign q = r; endmodule
    module whole(input wire clock, input wire [31:0] a, output wire [31:0] q);
        wire [31:0] x; wire [31:0] y; reg [31:0] z;
        part p0 (.clock(clock), .a(a), .q(x)); part p1 (.clock(clock), .a(x), .q(y));
        always @(posedge clock) z <= x + y; assign q = z; endmodule";
    let rest = area(&design("whole", text), Some("part")).unwrap();
    assert_eq!((rest.lut, rest.ff), (32, 32));
    assert_eq!(area(&design("whole", text), None).unwrap().ff, 96);
    assert_eq!(
        Area { lut: 3, path: 4, ..rest } * 2 + Area { path: 9, ..rest },
        Area { lut: 6 + 32, ff: 96, path: 9, ..rest }
    );
}

#[test]
fn loops_and_broken_text_are_errors() {
    let text = "module cycle(input wire a, input wire c, output wire b); wire x; wire y;
        assign x = a ^ y; assign y = c & x; assign b = x; endmodule";
    assert!(area(&design("cycle", text), None).unwrap_err().contains("loop"));
    assert!(area(&design("broken", "module broken("), None).unwrap_err().contains("syntax error"));
}

const FIGURES: &str = "lut = 10\nff = 20\ndsp = 1\nbram = 0\nuram = 0\npath = 14\n";

#[test]
fn budgets_are_read_strictly() {
    let good = format!("[a]\n{FIGURES}");
    let budget = budget::read(&good, &["a"]).unwrap()["a"];
    assert_eq!(budget, Budget { lut: 10, ff: 20, dsp: 1, bram: 0, uram: 0, path: 14 });
    for (text, names, complaint) in [
        (good.clone(), &["a", "b"][..], "[b] is missing"),
        (good.clone(), &[], "[a] belongs to no unit"),
        (good.replace("ff = 20\n", ""), &["a"], "missing field `ff`"),
        (format!("{good}luts = 3\n"), &["a"], "unknown field `luts`"),
        (good.replace("10", "-10"), &["a"], "invalid"),
        (format!("{good}{good}"), &["a"], "duplicate"),
    ] {
        let said = budget::read(&text, names).unwrap_err();
        assert!(said.contains(complaint), "{complaint}: {said}");
    }
    let area = Area { lut: 10, ff: 20, dsp: 1, path: 14, ..Area::default() };
    assert!(budget.exceeded_by(&area).is_empty());
    let over = Area { lut: 11, bram_halves: 1, path: 15, ..area };
    assert_eq!(budget.exceeded_by(&over), ["LUT 11 > 10", "BRAM 1 > 0", "path 15 > 14"]);
}

#[test]
fn a_table_stands_between_its_markers() {
    let area = Area { lut: 1, ff: 2, dsp: 3, bram_halves: 3, uram: 4, path: 5 };
    let table = markdown(&[&Row { name: "a".into(), family: "float", latency: Some(6), area }]);
    assert_eq!(table.lines().last(), Some("| a | 6 | 1 | 2 | 3 | 1.5 | 4 | 5 |"));
    let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
    let new = replace(&page, &table).unwrap();
    assert_eq!(new, format!("before\n{BEGIN}\n{table}{END}\nafter\n"));
    assert_eq!(replace(&new, &table).unwrap(), new);
    for page in [format!("{END}\n{BEGIN}\n"), format!("{BEGIN}\n"), format!("{page}{page}")] {
        assert!(replace(&page, &table).is_err(), "{page}");
    }
}

#[test]
fn every_unit_has_a_budget_and_a_page() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut names: Vec<String> = nearfield_hdl::units().iter().map(|u| u.name.to_string()).collect();
    for name in &names {
        // The lanes for one optimizer each are one unit with other constants.
        let page = if name.starts_with("single_lane") { "single_lane" } else { name.as_str() };
        let page = format!("{root}/docs/units/{page}.md");
        assert!(std::path::Path::new(&page).is_file(), "docs/units/{name}.md is missing");
    }
    names.extend(budget::synthesised().iter().map(|c| format!("{}_rest", c.name())));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    budget::read(include_str!("../budget.toml"), &names).unwrap_or_else(|e| panic!("tests/budget.toml: {e}"));
}
