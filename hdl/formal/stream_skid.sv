// stream_skid: at most two words; full rate; ready does not depend on m_ready.
module stream_skid_properties #(
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

    // The cell's second register, by name.
    (* hierconn *) wire [W-1:0] \dut.spare ;

    stream_skid dut (
        .clock(clock), .reset(reset),
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

    reg was_full = 1'b0;
    always @(posedge clock) begin
        was_full <= (was_full | inside == 2) & !reset;

        assume (!s_broken);
        stable: assert (!m_broken);
        in_order: assert (!wrong);
        offers: assert (m_valid == (inside != 0));
        takes: assert (s_ready == (inside < 2));

        // What induction needs to know of the inside.
        if (INNER) begin
            i1: assert (inside <= 2);
            if (watching) i2: assert (ahead < inside);
            if (watching & ahead == 1) i3: assert (\dut.spare == watched);
        end

        cover (was_full & inside == 0);
        cover (watching & ahead == 1);
    end
endmodule
