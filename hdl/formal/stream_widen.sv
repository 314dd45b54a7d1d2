// stream_widen: 2^K short words of W bits make a long one, the first lowest; full rate.
module stream_widen_properties #(
    parameter W = 2,
    parameter K = 1,
    parameter INNER = 1,
    parameter N = 1 << K
) (
    input wire         clock,
    input wire         reset,
    input wire         s_valid,
    input wire [W-1:0] s_data,
    input wire         m_ready,
    input wire         pick
);
    wire s_ready, m_valid, s_broken, m_broken;
    wire [N*W-1:0] m_data;

    // The cell's counter, by name. What is named here loses its initial value, so that is said again.
    (* hierconn, init = {K{1'b0}} *) wire [K-1:0] \dut.count ;

    stream_widen dut (
        .clock(clock), .reset(reset),
        .s_valid(s_valid), .s_data(s_data), .s_ready(s_ready),
        .m_valid(m_valid), .m_data(m_data), .m_ready(m_ready)
    );
    stream_rules #(.W(W)) s_rules (
        .clock(clock), .reset(reset), .valid(s_valid), .data(s_data), .ready(s_ready), .broken(s_broken)
    );
    stream_rules #(.W(N*W)) m_rules (
        .clock(clock), .reset(reset), .valid(m_valid), .data(m_data), .ready(m_ready), .broken(m_broken)
    );

    // Short words inside; of all that enter the solver picks any one, and it is followed by its place in its group.
    wire push = s_valid & s_ready;
    wire pop = m_valid & m_ready;
    reg [K:0] inside = 0;
    wire [K:0] kept = pop ? 0 : inside;
    reg watching = 1'b0;
    reg [K-1:0] place;
    reg [W-1:0] watched;
    wire [W-1:0] offered = m_data >> place * W;
    // Where the parts move down as they come, the word that will be at `place` is still so far above.
    wire [W-1:0] moving = m_data >> (N - inside + place) * W;
    reg [K+1:0] idle = 0;
    reg was_popped = 1'b0;
    always @(posedge clock) begin
        inside <= kept + push;
        if (pop) watching <= 1'b0;
        if ((!watching | pop) & push & pick) begin
            watching <= 1'b1;
            place <= kept[K-1:0];
            watched <= s_data;
        end
        // Cycles in which neither side holds the other back and no long word leaves.
        idle <= s_valid & m_ready & !pop & !reset ? idle + 1'b1 : 0;
        was_popped <= pop & !reset;
        if (reset) begin
            inside <= 0;
            watching <= 1'b0;
        end

        assume (!s_broken);
        stable: assert (!m_broken);
        offers: assert (m_valid == (inside == N));
        takes: assert (s_ready == (m_ready | inside < N));
        if (m_valid & watching) in_order: assert (offered == watched);
        moves: assert (idle <= N);
        if (INNER) begin
            i1: assert (inside <= N & \dut.count == inside[K-1:0] & idle <= inside);
            if (watching) i2: assert (place < inside & moving == watched);
        end

        cover (was_popped & inside == 1);
        cover (watching & place == N - 1 & m_valid & !m_ready);
        cover (idle == N);
    end
endmodule
