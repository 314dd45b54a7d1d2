// Whether one end of a stream breaks the rules: once valid, neither valid nor data changes before the transfer. Reset takes an
// offer back.
module stream_rules #(
    parameter W = 2
) (
    input  wire         clock,
    input  wire         reset,
    input  wire         valid,
    input  wire [W-1:0] data,
    input  wire         ready,
    output wire         broken
);
    reg waiting = 1'b0;
    reg [W-1:0] offered;
    always @(posedge clock) begin
        waiting <= valid & !ready & !reset;
        offered <= data;
    end
    assign broken = waiting & (!valid | data != offered);
endmodule
