// In the place of the RAM of 64 beats: it keeps two bits of one word, at an address that the solver picks, and reads as anything
// elsewhere. So it may do all that the RAM may do and more, and what is proved of a beat at that address is proved of every beat.
// The movers look at no bit of a beat and treat all alike, so two stand for the 512.
module ram_6_512 (
    input  wire         clock,
    input  wire         write_enable,
    input  wire [5:0]   write_address,
    input  wire [511:0] write_data,
    input  wire [5:0]   read_address,
    output wire [511:0] read_data
);
    (* anyconst *) wire [5:0] place;
    (* anyseq *) wire [1:0] other;
    (* anyseq *) wire [509:0] rest;
    reg [1:0] kept;
    reg [1:0] word;
    assign read_data = {rest, word};
    always @(posedge clock) begin
        word <= read_address == place ? kept : other;
        if (write_enable & write_address == place) kept <= write_data[1:0];
    end
endmodule
