//! A design whose state begins as nobody knows what, so that a reset that is missing shows.

use nearfield_hdl::emit::{Artifact, Design};

/// The same design without initial values: Verilator gives random values only to state that has none.
pub(super) fn without_initial_values(design: &Design) -> Design {
    let artifacts = design.artifacts.iter();
    let artifacts = artifacts.map(|a| Artifact { path: a.path.clone(), text: strip(&a.text) }).collect();
    Design { top: design.top.clone(), ports: design.ports.clone(), artifacts }
}

/// Takes the values from declarations of `reg`s and leaves out the loops that fill memories, as the back end prints them:
/// one a line. Lines keep their numbers, for the messages of Verilator.
fn strip(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let code = line.trim_start();
        if !(code.starts_with("initial for (") && code.ends_with(';')) {
            match line.split_once(" = ").filter(|_| code.starts_with("reg ")) {
                Some((declaration, value)) => {
                    let end = value.find(';').unwrap_or(value.len());
                    out.push_str(declaration);
                    out.push_str(&value[end..]);
                }
                None => out.push_str(line),
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_initial_values_go() {
        let text = "module m (output reg [7:0] q);
    reg a = 1'd1;
    reg [8:0] b = 9'h1f; // why
    reg c;
    reg [511:0] words [0:511];
    integer i;
    initial for (i = 0; i < 512; i = i + 1) words[i] = 512'd0;
    wire [7:0] d = 8'd3;
    localparam E = 8'd4;
    always @(posedge clock) begin
        a = 1'd0;
        regular = 1'd0;
    end
endmodule
";
        let wanted = text
            .replace("reg a = 1'd1;", "reg a;")
            .replace("b = 9'h1f;", "b;")
            .replace("    initial for (i = 0; i < 512; i = i + 1) words[i] = 512'd0;", "");
        assert_eq!(strip(text), wanted);
    }
}
