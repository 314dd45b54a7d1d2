// stream_fifo: here with four words; a word that enters an empty buffer is offered two cycles later.
module stream_fifo_properties #(
    parameter W = 2,
    parameter INNER = 1
) (
    input wire         clock,
    input wire         reset,
    input wire         s_valid,
    input wire [W-1:0] s_data,
    input wire         m_ready,
    input wire         pick
);
    wire s_ready, m_valid, s_broken, m_broken, watching, wrong;
    wire [W-1:0] m_data, watched;
    wire [3:0] inside, ahead;
    wire [2:0] fill;

    // The cell's registers, by name. What is named here loses its initial value, so that of `head` is said again.
    (* hierconn, init = 3'd0 *) wire [2:0] \dut.head ;
    (* hierconn *) wire [W-1:0] \dut.u_ram.words[0] ;
    (* hierconn *) wire [W-1:0] \dut.u_ram.words[1] ;
    (* hierconn *) wire [W-1:0] \dut.u_ram.words[2] ;
    (* hierconn *) wire [W-1:0] \dut.u_ram.words[3] ;

    stream_fifo dut (
        .clock(clock), .reset(reset), .fill(fill),
        .s_valid(s_valid), .s_data(s_data), .s_ready(s_ready),
        .m_valid(m_valid), .m_data(m_data), .m_ready(m_ready)
    );
    stream_rules #(.W(W)) s_rules (
        .clock(clock), .reset(reset), .valid(s_valid), .data(s_data), .ready(s_ready), .broken(s_broken)
    );
    stream_rules #(.W(W)) m_rules (
        .clock(clock), .reset(reset), .valid(m_valid), .data(m_data), .ready(m_ready), .broken(m_broken)
    );
    stream_order #(.W(W)) order (
        .clock(clock), .reset(reset), .pick(pick), .push(s_valid & s_ready), .s_data(s_data),
        .m_valid(m_valid), .m_ready(m_ready), .m_data(m_data),
        .inside(inside), .watching(watching), .ahead(ahead), .watched(watched), .wrong(wrong)
    );

    function [W-1:0] stored(input [1:0] at);
        case (at)
            2'd0: stored = \dut.u_ram.words[0] ;
            2'd1: stored = \dut.u_ram.words[1] ;
            2'd2: stored = \dut.u_ram.words[2] ;
            default: stored = \dut.u_ram.words[3] ;
        endcase
    endfunction
    wire [1:0] place = \dut.head [1:0] + ahead[1:0];

    reg late = 1'b0;
    reg was_full = 1'b0;
    always @(posedge clock) begin
        late <= inside != 0 & !m_valid & !reset;
        was_full <= (was_full | inside == 4) & !reset;

        assume (!s_broken);
        stable: assert (!m_broken);
        in_order: assert (!wrong);
        fills: assert (fill == inside);
        takes: assert (s_ready == (inside < 4));
        if (late) prompt: assert (m_valid);

        // What induction needs to know of the inside.
        if (INNER) begin
            i1: assert (inside <= 4);
            if (m_valid) i2: assert (inside != 0 & m_data == stored(\dut.head [1:0]));
            if (watching) i3: assert (ahead < inside & stored(place) == watched);
        end

        cover (was_full & inside == 0);
        cover (watching & ahead == 3);
    end
endmodule
