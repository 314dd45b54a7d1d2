// axi_read_mover with a buffer of 64 beats, the least that a burst of 4 KiB fits into.
//
// Assumed: the rules of the ports (`start` only while not busy, address and bytes aligned and stable, reset only while nothing is
// outstanding) and a memory that sends no beat that was not asked for. Beats may come at once or never, with any response;
// where `rlast` lies is left open, so nothing is proved of `failed_address`, nor of `stalls`.
module axi_read_mover_properties #(
    parameter INNER = 1
) (
    input wire         clock,
    input wire         reset,
    input wire         start,
    input wire [63:0]  address,
    input wire [33:0]  bytes,
    input wire         stop,
    input wire         arready,
    input wire         rvalid,
    input wire [511:0] rdata,
    input wire [1:0]   rresp,
    input wire         rlast,
    input wire         m_ready,
    input wire         pick
);
    wire arvalid, rready, m_valid, busy, failed, ar_broken, m_broken, watching, wrong;
    wire [63:0] araddr, failed_address;
    wire [7:0] arlen, inside, ahead;
    wire [2:0] arsize;
    wire [1:0] arburst;
    wire [511:0] m_data;
    wire [1:0] watched;
    wire [31:0] beats;
    wire [47:0] stalls;

    // The mover's registers, by name. What is named here loses its initial value, so that is said again.
    (* hierconn, init = 3'd0 *) wire [2:0] \dut.u_bursts.state ;
    (* hierconn, init = 1'd0 *) wire \dut.u_bursts.offered ;
    (* hierconn, init = 26'd0 *) wire [25:0] \dut.u_bursts.page_high ;
    (* hierconn, init = 26'd0 *) wire [25:0] \dut.u_bursts.page_low ;
    (* hierconn, init = 1'd0 *) wire \dut.u_bursts.carry ;
    (* hierconn, init = 6'd0 *) wire [5:0] \dut.u_bursts.offset ;
    (* hierconn, init = 29'd0 *) wire [28:0] \dut.u_bursts.left ;
    (* hierconn, init = 7'd0 *) wire [6:0] \dut.u_bursts.length ;
    (* hierconn, init = 7'd64 *) wire [6:0] \dut.u_credit.count ;
    (* hierconn, init = 7'd0 *) wire [6:0] \dut.u_fifo.head ;
    (* hierconn, init = 7'd0 *) wire [6:0] \dut.u_fifo.tail ;
    (* hierconn *) wire [5:0] \dut.u_fifo.u_ram.place ;
    (* hierconn *) wire [1:0] \dut.u_fifo.u_ram.kept ;
    (* hierconn, init = 1'd0 *) wire \dut.u_failure.met ;
    (* hierconn, init = 1'd0 *) wire \dut.u_failure.low_done ;
    (* hierconn, init = 7'd0 *) wire [6:0] \dut.owed ;

    axi_read_mover dut (
        .clock(clock), .reset(reset), .start(start), .address(address), .bytes(bytes), .stop(stop),
        .axi_arvalid(arvalid), .axi_arready(arready), .axi_araddr(araddr), .axi_arlen(arlen),
        .axi_arsize(arsize), .axi_arburst(arburst),
        .axi_rvalid(rvalid), .axi_rready(rready), .axi_rdata(rdata), .axi_rresp(rresp), .axi_rlast(rlast),
        .m_valid(m_valid), .m_data(m_data), .m_ready(m_ready),
        .busy(busy), .beats(beats), .stalls(stalls), .failed(failed), .failed_address(failed_address)
    );
    stream_rules #(.W(77)) ar_rules (
        .clock(clock), .reset(reset), .valid(arvalid), .data({araddr, arlen, arsize, arburst}), .ready(arready),
        .broken(ar_broken)
    );
    // What is not at the RAM's one place reads as anything, at any time.
    wire at_place = \dut.u_fifo.head [5:0] == \dut.u_fifo.u_ram.place ;
    stream_rules #(.W(2)) m_rules (
        .clock(clock), .reset(reset), .valid(m_valid), .data(at_place ? m_data[1:0] : 2'd0), .ready(m_ready), .broken(m_broken)
    );
    wire came = rvalid & rready;
    stream_order #(.W(2), .C(8)) order (
        .clock(clock), .reset(reset), .pick(pick & \dut.u_fifo.tail [5:0] == \dut.u_fifo.u_ram.place ),
        .push(came), .s_data(rdata[1:0]), .m_valid(m_valid), .m_ready(m_ready), .m_data(m_data[1:0]),
        .inside(inside), .watching(watching), .ahead(ahead), .watched(watched), .wrong(wrong)
    );

    // The run: where the next burst must begin, how many beats are still to be asked for, were asked
    // for and have not come, have come.
    wire took = arvalid & arready;
    wire [8:0] burst = arlen + 9'd1;
    wire [8:0] room = 9'd64 - araddr[11:6];
    reg [63:0] next = 0;
    reg [28:0] remaining = 0;
    reg [7:0] outstanding = 0;
    reg [31:0] arrived = 0;
    // It has been stopped, reset, or met an error response, the latter so many cycles ago (at most 3 are counted).
    reg early = 1'b0;
    reg [1:0] age = 0;
    // What induction must be told of the cycle before.
    reg was_busy = 1'b0;
    reg was_quiet = 1'b0;
    reg [63:0] held;
    reg [2:0] idle = 0;
    // For the cover statements.
    reg waited = 1'b0;
    reg [1:0] bursts = 0;

    wire blocked = (arvalid & !arready) | (outstanding != 0 & !rvalid) | (m_valid & !m_ready);
    wire [34:0] rounded = {1'b0, bytes} + 35'd63;
    always @(posedge clock) begin
        if (took) begin
            next <= next + {burst, 6'd0};
            remaining <= remaining - burst;
            bursts <= bursts + 1'b1;
        end
        outstanding <= outstanding + (took ? burst : 9'd0) - came;
        arrived <= arrived + came;
        early <= early | stop | (came & rresp[1]);
        age <= age + ((came & rresp[1]) | (age != 0 & age != 3));
        if (start) begin
            next <= address;
            remaining <= rounded[34:6];
            arrived <= 0;
            early <= stop;
            age <= 0;
            bursts <= 0;
            waited <= 1'b0;
        end
        if (reset) early <= 1'b1;
        was_busy <= busy & !reset;
        was_quiet <= !arvalid & (stop | age == 3) & !start;
        held <= address;
        // Cycles in which nothing holds the mover back and nothing moves.
        idle <= busy & !blocked & !took & !came & !(m_valid & m_ready) & !reset ? idle + 1'b1 : 0;
        if (\dut.u_bursts.state == 2 & \dut.u_credit.count < \dut.u_bursts.length & !start) waited <= 1'b1;

        assume (!(start & busy));
        assume (address[5:0] == 0);
        assume (!(busy & was_busy & address != held));
        assume (!(reset & (arvalid | outstanding != 0)));
        assume (!(rvalid & outstanding == 0));

        // Each burst follows the one before, in the run, as long as page and run allow, and no longer.
        ar_stable: assert (!ar_broken);
        if (arvalid) begin
            follows: assert (araddr == next);
            within: assert (burst <= remaining);
            page: assert (burst <= room);
            longest: assert (burst == room | burst == remaining);
            beat: assert (arsize == 6 & arburst == 1);
        end
        // Beats that were asked for always find a place, and leave in order.
        roomy: assert (rready | outstanding == 0);
        m_stable: assert (!m_broken);
        in_order: assert (!wrong);
        // None ends before all that it asked for has come, and one that was not cut short has asked for all.
        if (!busy) ends: assert (outstanding == 0 & !arvalid & (early | remaining == 0));
        counts: assert (beats == arrived);
        if (was_quiet) quiet: assert (!arvalid);
        moves: assert (idle < 4);

        if (INNER) begin
            i1: assert (\dut.u_bursts.state <= 4 & \dut.u_bursts.offered == (\dut.u_bursts.state == 3));
            i2: assert (outstanding <= 64 & inside <= 64 & remaining <= 29'h1000_0000);
            if (\dut.u_bursts.state == 0) i3: assert (early | remaining == 0);
            if (\dut.u_bursts.state != 0) begin
                i4: assert (\dut.u_bursts.left == remaining);
                i5: assert (remaining == 0 | next == {
                    \dut.u_bursts.page_high + (\dut.u_bursts.state == 4 & \dut.u_bursts.carry ), \dut.u_bursts.page_low ,
                    \dut.u_bursts.offset , 6'd0});
            end
            if (\dut.u_bursts.state == 2 | \dut.u_bursts.state == 3) begin
                i6: assert (\dut.u_bursts.length != 0 & \dut.u_bursts.length <= remaining & \dut.u_bursts.length <= room
                    & (\dut.u_bursts.length == room | \dut.u_bursts.length == remaining));
            end
            i7: assert (\dut.owed == outstanding + (arvalid ? burst : 9'd0));
            i8: assert (\dut.owed <= 64 & inside <= 64 - \dut.owed & \dut.u_credit.count == 7'd64 - \dut.owed - inside[6:0]);
            i9: assert (inside[6:0] == \dut.u_fifo.tail - \dut.u_fifo.head );
            if (m_valid) ia: assert (inside != 0);
            if (m_valid & at_place) ib: assert (m_data[1:0] == \dut.u_fifo.u_ram.kept );
            if (watching) ic: assert (ahead < inside & \dut.u_fifo.u_ram.kept == watched
                & \dut.u_fifo.u_ram.place == \dut.u_fifo.head [5:0] + ahead[5:0]);
            id: assert ((early | !\dut.u_failure.met ) & (\dut.u_failure.met | !\dut.u_failure.low_done )
                & (\dut.u_failure.low_done | !failed));
            if (idle != 0 & inside != 0) if_: assert (m_valid);
            ig: assert (idle <= {1'b0, \dut.u_bursts.state == 4 ? 2'd0 : \dut.u_bursts.state == 0 ? 2'd3 : \dut.u_bursts.state [1:0]});
            ih: assert (!\dut.u_failure.met | failed | idle <= \dut.u_failure.low_done );
            ie: assert ((age == 0 | \dut.u_failure.met ) & (age < 2 | \dut.u_failure.low_done ) & (age < 3 | failed));
        end

        over_a_page: cover (!busy & !early & bursts == 2 & arrived == 3);
        over_a_half: cover (arvalid & bursts == 1 & araddr[37:0] == 0);
        after_room: cover (arvalid & waited);
        at_an_error: cover (!busy & failed & remaining != 0 & arrived != 0 & bursts == 1);
        stopped: cover (!busy & !failed & remaining != 0 & arrived != 0);
    end
endmodule
