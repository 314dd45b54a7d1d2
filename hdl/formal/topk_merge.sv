// topk_merge with two lanes. A chunk's elements are numbered from 0 to LAST.
//
// Assumed: slices as the unit's description wants them (indices ascend, all but a chunk's last are full, an empty one is alone,
// the run's last chunk says so and nothing follows it), offers that wait for their transfer, and a limit that changes only with a
// reset. The taker and `halt` may do as they like.
module topk_merge_properties #(
    parameter LAST = 16'hffff,
    parameter INNER = 1
) (
    input wire        clock,
    input wire        reset,
    input wire        halt,
    input wire [15:0] limit,
    input wire        s_valid,
    input wire [31:0] s_index,
    input wire [63:0] s_value,
    input wire [1:0]  s_kept,
    input wire        s_last,
    input wire        s_ending,
    input wire        m_ready,
    input wire        pick
);
    wire s_ready, m_valid, finished, s_broken, m_broken;
    wire [63:0] m_data;

    // The unit's registers, by name. What is named here loses its initial value, so that is said again.
    (* hierconn, init = 1'd0 *) wire \dut.full_0 ;
    (* hierconn, init = 1'd0 *) wire \dut.full_1 ;
    (* hierconn *) wire [31:0] \dut.index_0 ;
    (* hierconn *) wire [31:0] \dut.index_1 ;
    (* hierconn *) wire [63:0] \dut.value_0 ;
    (* hierconn *) wire [63:0] \dut.value_1 ;
    (* hierconn *) wire [1:0] \dut.kept_0 ;
    (* hierconn *) wire [1:0] \dut.kept_1 ;
    (* hierconn *) wire \dut.last_0 ;
    (* hierconn *) wire \dut.last_1 ;
    (* hierconn *) wire \dut.ending_0 ;
    (* hierconn *) wire \dut.ending_1 ;
    (* hierconn, init = 16'd0 *) wire [15:0] \dut.at ;
    (* hierconn, init = 1'd0 *) wire \dut.ended ;
    wire full_0 = \dut.full_0 ;
    wire full_1 = \dut.full_1 ;
    wire last_0 = \dut.last_0 ;
    wire last_1 = \dut.last_1 ;
    wire [15:0] at = \dut.at ;

    topk_merge dut (
        .clock(clock), .reset(reset), .halt(halt), .limit(limit),
        .s_valid(s_valid), .s_index(s_index), .s_value(s_value), .s_kept(s_kept), .s_last(s_last), .s_ending(s_ending),
        .s_ready(s_ready), .m_valid(m_valid), .m_data(m_data), .m_ready(m_ready), .finished(finished)
    );
    stream_rules #(.W(100)) s_rules (
        .clock(clock), .reset(reset), .valid(s_valid), .data({s_index, s_value, s_kept, s_last, s_ending}), .ready(s_ready),
        .broken(s_broken)
    );
    stream_rules #(.W(64)) m_rules (
        .clock(clock), .reset(reset), .valid(m_valid), .data(m_data), .ready(m_ready), .broken(m_broken)
    );

    // Whether a slice is what the unit may trust in, by itself.
    function legal(input [31:0] index, input [1:0] kept, input last, input [15:0] bound);
        legal = kept != 2 & (last | kept == 3) & (!kept[1] | index[31:16] > index[15:0])
            & (!kept[0] | index[15:0] <= bound) & (!kept[1] | index[31:16] <= bound);
    endfunction
    function [32:0] found(input [15:0] place, input [31:0] index, input [63:0] value, input [1:0] kept);
        found = kept[0] & index[15:0] == place ? {1'b1, value[31:0]}
            : kept[1] & index[31:16] == place ? {1'b1, value[63:32]} : 33'd0;
    endfunction

    wire push = s_valid & s_ready;
    wire pop = m_valid & m_ready;
    wire [15:0] end_bound = limit | 16'd15;
    // What was taken: the next slice begins a chunk; the index before it; it belongs to the last chunk; that is complete.
    reg first = 1'b1;
    reg [15:0] before_it;
    reg last_chunk = 1'b0;
    reg over = 1'b0;
    // What left: the first index of the word to come, and how many complete chunks were taken that have not left.
    reg [15:0] out_at = 0;
    reg [2:0] behind = 0;
    wire out_ending = last_chunk & behind == {2'd0, over};
    wire out_final = (out_at | 16'd1) == (out_ending ? end_bound : LAST);
    // Of all elements of all chunks the solver picks one: `dist` chunks behind the one that leaves, at `place`.
    (* anyconst *) wire [15:0] place;
    reg tracked = 1'b0;
    reg [2:0] dist = 0;
    reg entering;
    reg seen;
    reg [31:0] value;
    reg passed;
    wire begins = push & first & pick & !tracked;
    wire [32:0] hit = found(place, s_index, s_value, s_kept);
    wire here = m_valid & tracked & dist == 0 & out_at[15:1] == place[15:1];
    // For what depends on the cycle before.
    reg new_run = 1'b1;
    reg [15:0] held;
    reg [1:0] idle = 0;
    reg [1:0] chunks = 0;
    reg hit_before = 1'b0;

    wire blocked = (m_valid & !m_ready) | halt | (s_ready & !s_valid & !over);
    always @(posedge clock) begin
        if (push) begin
            first <= s_last;
            before_it <= s_index[31:16];
            last_chunk <= s_ending;
            over <= s_last & s_ending;
        end
        if (pop) out_at <= out_final ? 16'd0 : out_at + 16'd2;
        behind <= behind + (push & s_last) - (pop & out_final);
        if (pop & out_final) chunks <= chunks + 1'b1;
        dist <= (begins ? behind : dist) - (pop & out_final);
        if (begins) begin
            tracked <= 1'b1;
            passed <= 1'b0;
        end
        if (begins | (tracked & entering & push)) begin
            entering <= !s_last;
            seen <= hit[32] | (seen & !begins);
            if (hit[32]) value <= hit[31:0];
        end
        if (here & m_ready) passed <= 1'b1;
        if (tracked & dist == 0 & pop & out_final) begin
            tracked <= 1'b0;
            hit_before <= seen & value != 0;
        end
        if (reset) begin
            first <= 1'b1;
            last_chunk <= 1'b0;
            over <= 1'b0;
            out_at <= 0;
            behind <= 0;
            tracked <= 1'b0;
            chunks <= 0;
            hit_before <= 1'b0;
        end
        new_run <= reset;
        held <= limit;
        // Cycles in which nothing holds the unit back and nothing moves.
        idle <= !finished & !blocked & !push & !pop & !reset ? idle + 1'b1 : 0;

        assume (!s_broken);
        assume (limit <= LAST & (new_run | limit == held));
        if (s_valid) begin
            assume (!over & legal(s_index, s_kept, s_last, s_ending ? end_bound : LAST));
            assume (first ? 1'b1 : s_kept != 0 & s_index[15:0] > before_it & s_ending == last_chunk);
        end

        stable: assert (!m_broken);
        // The word has the element if it was kept, 0 if not, and none comes after its word.
        if (here) right: assert ((place[0] ? m_data[63:32] : m_data[31:0]) == (seen ? value : 32'd0));
        late: assert (!(tracked & entering & push & hit[32] & passed));
        // Words only of a chunk that has begun, its last only when all of it was taken; then nothing is left.
        if (m_valid) begun: assert (behind != 0 | !first);
        if (m_valid & out_final) complete: assert (behind != 0);
        ends: assert (finished == (over & behind == 0));
        moves: assert (idle < 3);

        if (INNER) begin
            if (full_0) i1: assert (legal(\dut.index_0 , \dut.kept_0 , last_0, \dut.ending_0 ? end_bound : LAST));
            if (full_1) i2: assert (legal(\dut.index_1 , \dut.kept_1 , last_1, \dut.ending_1 ? end_bound : LAST));
            // The slices are of one chunk and ascend, or the first ends its chunk, which is not the last one.
            if (full_0 & full_1) i3: assert (last_0 ? !\dut.ending_0 : \dut.kept_1 [0] & \dut.ending_1 == \dut.ending_0
                & \dut.index_1 [15:0] > \dut.index_0 [31:16]);
            i4: assert (first == (full_1 ? last_1 : !full_0 | last_0));
            if (!first) i5: assert (before_it == (full_1 ? \dut.index_1 [31:16] : \dut.index_0 [31:16])
                & last_chunk == (full_1 ? \dut.ending_1 : \dut.ending_0 ));
            if (full_0 | full_1) i6: assert (last_chunk == (full_1 ? \dut.ending_1 : \dut.ending_0 ));
            i7: assert (over == (first & last_chunk) & \dut.ended == (over & !full_0 & !full_1));
            // The word to be made next, the one that waits, and the chunks they belong to.
            i8: assert (!at[0] & !out_at[0] & (full_0 ? at <= (\dut.ending_0 ? end_bound : LAST) : at == 0));
            if (full_0 & !last_0) i9: assert (\dut.index_0 [31:16] >= at);
            ia: assert (behind == (full_0 & last_0) + (full_1 & last_1) + (m_valid & out_final));
            ib: assert (at == (!m_valid ? out_at : out_final ? 16'd0 : out_at + 16'd2));
            if (m_valid) ic: assert (out_final | (full_0 & (out_at | 16'd1) < (out_ending ? end_bound : LAST)));
            if (m_valid & out_final & !full_0 & !full_1) id: assert (first);
            // The picked element: in a slice, in a word or gone.
            if (tracked) begin
                ie: assert (passed == (dist == 0 & place[15:1] < out_at[15:1]));
                if (m_valid & out_final & dist == 0) if_: assert (!entering);
                else if (dist == (m_valid & out_final)) begin
                    ig: assert ((full_0 | full_1) & entering == !((full_0 & last_0) | (full_1 & last_1 & !(full_0 & last_0))));
                    if (place[15:1] >= at[15:1]) ih: assert (
                        (seen ? {1'b1, value} : 33'd0) == (
                            (full_0 ? found(place, \dut.index_0 , \dut.value_0 , \dut.kept_0 ) : 33'd0)
                            | (full_1 & !(full_0 & last_0) ? found(place, \dut.index_1 , \dut.value_1 , \dut.kept_1 ) : 33'd0)));
                end else begin
                    ii: assert (dist == 1 + (m_valid & out_final) & full_0 & last_0 & full_1 & entering == !last_1);
                    ij: assert ((seen ? {1'b1, value} : 33'd0) == found(place, \dut.index_1 , \dut.value_1 , \dut.kept_1 ));
                end
            end
            ik: assert (idle == 0 | m_valid | (idle == 1 & full_0));
        end

        a_run: cover (finished & chunks != 0 & hit_before);
        a_hole: cover (here & !seen & m_ready & chunks == 0 & out_at == 4);
        waits: cover (full_0 & !full_1 & !last_0 & \dut.kept_0 [1] & \dut.index_0 [31:17] == at[15:1] & at == 4);
    end
    generate
        // A chunk of 65,536 elements is too long to be run through.
        if (LAST < 100) begin
            always @(posedge clock) two_chunks: cover (finished & chunks == 2 & hit_before);
        end
    endgenerate
endmodule
