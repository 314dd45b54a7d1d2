// stream_narrow: 2^K short words of W bits from each long one, the lowest first; nothing is kept inside but the number of the part.
module stream_narrow_properties #(
    parameter W = 2,
    parameter K = 1,
    parameter INNER = 1,
    parameter N = 1 << K
) (
    input wire           clock,
    input wire           reset,
    input wire           s_valid,
    input wire [N*W-1:0] s_data,
    input wire           m_ready
);
    wire s_ready, m_valid, s_broken, m_broken;
    wire [W-1:0] m_data;

    // The cell's register, by name. What is named here loses its initial value, so that is said again.
    (* hierconn, init = {K{1'b0}} *) wire [K-1:0] \dut.part ;

    stream_narrow dut (
        .clock(clock), .reset(reset),
        .s_valid(s_valid), .s_data(s_data), .s_ready(s_ready),
        .m_valid(m_valid), .m_data(m_data), .m_ready(m_ready)
    );
    stream_rules #(.W(N*W)) s_rules (
        .clock(clock), .reset(reset), .valid(s_valid), .data(s_data), .ready(s_ready), .broken(s_broken)
    );
    stream_rules #(.W(W)) m_rules (
        .clock(clock), .reset(reset), .valid(m_valid), .data(m_data), .ready(m_ready), .broken(m_broken)
    );

    // The short words that left since a long one was taken, put together again.
    wire pop = m_valid & m_ready;
    wire push = s_valid & s_ready;
    reg [K:0] taken = 0;
    reg [N*W-1:0] gathered = 0;
    wire [N*W-1:0] whole = gathered | ({{N*W-W{1'b0}}, m_data} << taken * W);
    reg [K:0] idle = 0;
    reg was_whole = 1'b0;
    always @(posedge clock) begin
        if (pop) begin
            taken <= taken + 1'b1;
            gathered <= whole;
        end
        if (push | reset) begin
            taken <= 0;
            gathered <= 0;
        end
        // Cycles in which neither side holds the other back and no long word is used up.
        idle <= s_valid & m_ready & !push & !reset ? idle + 1'b1 : 0;
        was_whole <= (was_whole | push) & !reset;

        assume (!s_broken);
        stable: assert (!m_broken);
        offers: assert (m_valid == s_valid);
        // A long word is taken with the last of its parts, and they are its parts in order.
        if (push) in_order: assert (pop & taken == N - 1 & whole == s_data);
        moves: assert (idle < N);
        if (INNER) begin
            i1: assert (\dut.part == taken[K-1:0] & taken < N & idle <= taken);
            if (taken != 0) i2: assert (s_valid);
            i3: assert (gathered == (s_data & ~({N*W{1'b1}} << taken * W)));
        end

        cover (was_whole & push);
        cover (was_whole & pop & m_data != 0);
        cover (taken == N - 1 & !m_ready);
    end
endmodule
