// What goes through a cell comes out once each, unchanged and in order: of all words that enter, the solver picks any one and it
// is followed to the output, by counting the words ahead of it.
module stream_order #(
    parameter W = 2,
    parameter C = 4  // bits of the count
) (
    input  wire         clock,
    input  wire         reset,
    input  wire         pick,
    input  wire         push,
    input  wire [W-1:0] s_data,
    input  wire         m_valid,
    input  wire         m_ready,
    input  wire [W-1:0] m_data,
    output reg  [C-1:0] inside,
    output reg          watching,
    output reg  [C-1:0] ahead,
    output reg  [W-1:0] watched,
    output wire         wrong
);
    wire pop = m_valid & m_ready;
    initial inside = 0;
    initial watching = 0;
    always @(posedge clock) begin
        inside <= inside + push - pop;
        if (watching & pop) begin
            if (ahead == 0) watching <= 1'b0;
            ahead <= ahead - 1'b1;
        end
        if (!watching & push & pick) begin
            watching <= 1'b1;
            ahead <= inside - pop;
            watched <= s_data;
        end
        if (reset) begin
            inside <= 0;
            watching <= 1'b0;
        end
    end
    assign wrong = m_valid & (inside == 0 | (watching & ahead == 0 & m_data != watched));
endmodule
