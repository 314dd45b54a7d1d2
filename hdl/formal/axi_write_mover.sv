// axi_write_mover with a buffer of 64 beats, the least that a burst of 4 KiB fits into.
//
// Assumed: the rules of the ports (`start` only while not busy, address aligned and stable, reset only while nothing is
// outstanding) and a memory that answers a burst only when it has its address and all its beats, in order. Address, data and
// answer may each be taken or come at once or never, with any response; data may be taken before the address.
// Nothing is proved of `failed_address`, `stalls` and `freed`.
module axi_write_mover_properties #(
    parameter INNER = 1
) (
    input wire         clock,
    input wire         reset,
    input wire         start,
    input wire [63:0]  address,
    input wire [33:0]  bytes,
    input wire         stop,
    input wire         s_valid,
    input wire [511:0] s_data,
    input wire         awready,
    input wire         wready,
    input wire         bvalid,
    input wire [1:0]   bresp,
    input wire         pick,
    input wire         pick_burst
);
    wire s_ready, freed, awvalid, wvalid, wlast, bready, busy, failed, s_broken, aw_broken, w_broken, watching, wrong;
    wire [63:0] awaddr, wstrb, failed_address;
    wire [7:0] awlen, inside, ahead;
    wire [2:0] awsize;
    wire [1:0] awburst, watched;
    wire [511:0] wdata;
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
    (* hierconn, init = 7'd0 *) wire [6:0] \dut.u_arrived.count ;
    (* hierconn, init = 7'd0 *) wire [6:0] \dut.u_fifo.head ;
    (* hierconn, init = 7'd0 *) wire [6:0] \dut.u_fifo.tail ;
    (* hierconn, init = 1'd0 *) wire \dut.u_fifo.present ;
    (* hierconn *) wire [5:0] \dut.u_fifo.u_ram.place ;
    (* hierconn *) wire [1:0] \dut.u_fifo.u_ram.kept ;
    (* hierconn *) wire [1:0] \dut.u_fifo.u_ram.word ;
    (* hierconn, init = 1'd0 *) wire \dut.u_out.full ;
    (* hierconn, init = 1'd0 *) wire \dut.u_failure.met ;
    (* hierconn, init = 1'd0 *) wire \dut.u_failure.low_done ;
    (* hierconn, init = 7'd0 *) wire [6:0] \dut.due ;
    (* hierconn, init = 6'd0 *) wire [5:0] \dut.owed ;
    (* hierconn, init = 6'd0 *) wire [5:0] \dut.place ;
    (* hierconn, init = 29'd0 *) wire [28:0] \dut.left ;
    (* hierconn, init = 64'd0 *) wire [63:0] \dut.tail ;

    axi_write_mover dut (
        .clock(clock), .reset(reset), .start(start), .address(address), .bytes(bytes), .stop(stop),
        .s_valid(s_valid), .s_data(s_data), .s_ready(s_ready), .freed(freed),
        .axi_awvalid(awvalid), .axi_awready(awready), .axi_awaddr(awaddr), .axi_awlen(awlen),
        .axi_awsize(awsize), .axi_awburst(awburst),
        .axi_wvalid(wvalid), .axi_wready(wready), .axi_wdata(wdata), .axi_wstrb(wstrb), .axi_wlast(wlast),
        .axi_bvalid(bvalid), .axi_bready(bready), .axi_bresp(bresp),
        .busy(busy), .beats(beats), .stalls(stalls), .failed(failed), .failed_address(failed_address)
    );
    stream_rules #(.W(2)) s_rules (
        .clock(clock), .reset(reset), .valid(s_valid), .data(s_data[1:0]), .ready(s_ready), .broken(s_broken)
    );
    stream_rules #(.W(77)) aw_rules (
        .clock(clock), .reset(reset), .valid(awvalid), .data({awaddr, awlen, awsize, awburst}), .ready(awready),
        .broken(aw_broken)
    );
    stream_rules #(.W(67)) w_rules (
        .clock(clock), .reset(reset), .valid(wvalid), .data({wdata[1:0], wstrb, wlast}), .ready(wready), .broken(w_broken)
    );
    wire push = s_valid & s_ready;
    stream_order #(.W(2), .C(8)) order (
        .clock(clock), .reset(reset), .pick(pick & \dut.u_fifo.tail [5:0] == \dut.u_fifo.u_ram.place ),
        .push(push), .s_data(s_data[1:0]), .m_valid(wvalid), .m_ready(wready), .m_data(wdata[1:0]),
        .inside(inside), .watching(watching), .ahead(ahead), .watched(watched), .wrong(wrong)
    );

    wire took = awvalid & awready;
    wire went = wvalid & wready;
    wire [8:0] burst = awlen + 9'd1;
    wire [8:0] room = 9'd64 - awaddr[11:6];
    wire [34:0] rounded = {1'b0, bytes} + 35'd63;
    // A burst is announced in the first cycle in which it is offered; what is counted with `_now` counts it already.
    reg offered = 1'b0;
    wire fresh = awvalid & !offered;
    // The run: where the next burst must begin, beats of bursts that were not taken, beats that were not written, the last
    // one's strobes.
    reg [63:0] next = 0;
    reg [28:0] remaining = 0;
    reg [28:0] unwritten = 0;
    reg [63:0] mask = 0;
    reg [31:0] written = 0;
    // Beats of announced bursts that were not written; such bursts; those that were not answered.
    reg [7:0] due = 0;
    reg [6:0] unsent = 0;
    reg [6:0] unanswered = 0;
    wire [28:0] remaining_now = remaining - (awvalid ? burst : 9'd0);
    wire [7:0] due_now = due + (fresh ? burst : 9'd0);
    wire [6:0] unsent_now = unsent + fresh;
    wire [6:0] unanswered_now = unanswered + fresh;
    wire answerable = unanswered != unsent & unanswered != offered;
    // Of all bursts the solver picks any one: the beats to be written before it, and its own that are left.
    reg tracked = 1'b0;
    reg [7:0] before_it;
    reg [7:0] of_it;
    wire picked = fresh & pick_burst & !tracked;
    wire tracked_now = tracked | picked;
    wire [7:0] before_now = picked ? due : before_it;
    wire [7:0] of_now = picked ? burst[7:0] : of_it;
    // It has been stopped, reset, or met an error response, the latter so many cycles ago (at most 3 are counted).
    reg early = 1'b0;
    reg [1:0] age = 0;
    reg was_busy = 1'b0;
    reg was_quiet = 1'b0;
    reg [63:0] held;
    reg [2:0] idle = 0;
    reg [1:0] bursts = 0;

    wire [5:0] begins = \dut.place + before_now[5:0];

    // The next burst lacks beats; once it has them, no more need come.
    wire [6:0] left_of_page = 7'd64 - next[11:6];
    wire hungry = !awvalid & inside - due_now < (remaining < left_of_page ? remaining : left_of_page);
    wire blocked = (awvalid & !awready) | (wvalid & !wready) | (answerable & !bvalid)
        | (hungry & s_ready & !s_valid & !stop & !failed);
    always @(posedge clock) begin
        offered <= awvalid & !awready & !reset;
        if (took) begin
            next <= next + {burst, 6'd0};
            remaining <= remaining - burst;
            bursts <= bursts + 1'b1;
        end
        unwritten <= unwritten - went;
        written <= written + went;
        due <= due_now - went;
        unsent <= unsent_now - (went & wlast);
        unanswered <= unanswered_now - bvalid;
        tracked <= tracked_now & !(went & before_now == 0 & of_now == 1);
        before_it <= before_now - (went & before_now != 0);
        of_it <= of_now - (went & before_now == 0);
        early <= early | stop | (bvalid & bresp[1]);
        age <= age + ((bvalid & bresp[1]) | (age != 0 & age != 3));
        if (start) begin
            next <= address;
            remaining <= rounded[34:6];
            unwritten <= rounded[34:6];
            mask <= bytes[5:0] == 0 ? ~64'd0 : ~(~64'd0 << bytes[5:0]);
            written <= 0;
            early <= stop;
            age <= 0;
            bursts <= 0;
        end
        if (reset) begin
            early <= 1'b1;
            tracked <= 1'b0;
        end
        was_busy <= busy & !reset;
        was_quiet <= !awvalid & (stop | age == 3) & !start;
        held <= address;
        // Cycles in which nothing holds the mover back and nothing moves.
        idle <= busy & !blocked & !took & !went & !bvalid & !push & !reset ? idle + 1'b1 : 0;

        assume (!s_broken);
        assume (!(start & busy));
        assume (address[5:0] == 0);
        assume (!(busy & was_busy & address != held));
        assume (!(reset & (awvalid | unanswered != 0)));
        assume (!(bvalid & !answerable));

        // Each burst follows the one before, in the run, as long as page and run allow, and no longer.
        aw_stable: assert (!aw_broken);
        if (awvalid) begin
            follows: assert (awaddr == next);
            within: assert (burst <= remaining);
            page: assert (burst <= room);
            longest: assert (burst == room | burst == remaining);
            beat: assert (awsize == 6 & awburst == 1);
        end
        // Beats are written in order, only for announced bursts; the last of each and of the run are marked.
        w_stable: assert (!w_broken);
        in_order: assert (!wrong);
        if (wvalid) announced: assert (due_now != 0);
        if (wvalid & tracked_now & before_now == 0) last: assert (wlast == (of_now == 1));
        if (wvalid) strobes: assert (wstrb == (unwritten == 1 ? mask : ~64'd0));
        answers: assert (bready & unanswered_now <= 32);
        // None ends before all that it announced is written and answered, and one that was not cut short has written all.
        if (!busy) ends: assert (unanswered_now == 0 & due_now == 0 & !awvalid & (early | (remaining == 0 & unwritten == 0)));
        counts: assert (beats == written);
        if (was_quiet) quiet: assert (!awvalid);
        moves: assert (idle < 4);

        if (INNER) begin
            i1: assert (\dut.u_bursts.state <= 4 & \dut.u_bursts.offered == (\dut.u_bursts.state == 3));
            i2: assert (remaining <= 29'h1000_0000 & unwritten <= 29'h1000_0000 & unwritten == remaining_now + due_now);
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
            // Where the beats of announced bursts end, the next burst begins, or the run is over.
            if (remaining_now != 0 & due_now != 0) i7: assert (\dut.place + due_now[5:0] == 6'd0);
            if (remaining != 0) i7b: assert (\dut.place + due_now[5:0] - (awvalid ? burst[5:0] : 6'd0) == next[11:6]);
            i8: assert (\dut.due == due_now & due_now <= 65 & \dut.owed == unanswered_now & \dut.left == unwritten
                & \dut.tail == mask);
            i9: assert (unsent_now == (due_now == 0 ? 7'd0 : (\dut.place + due_now + 8'd63) >> 6));
            ia: assert (unsent_now <= unanswered_now & (!awvalid | unanswered_now != 0) & unanswered_now <= 32);
            ib: assert (inside[6:0] == \dut.u_fifo.tail - \dut.u_fifo.head + \dut.u_out.full );
            ic: assert (inside <= 65 & due_now <= inside & \dut.u_arrived.count == inside - due_now
                & \dut.u_fifo.tail - \dut.u_fifo.head <= 7'd64);
            if (\dut.u_fifo.present ) id: assert (\dut.u_fifo.tail != \dut.u_fifo.head );
            if (\dut.u_fifo.present & \dut.u_fifo.head [5:0] == \dut.u_fifo.u_ram.place )
                ie: assert (\dut.u_fifo.u_ram.word == \dut.u_fifo.u_ram.kept );
            if (watching) begin
                if_: assert (ahead < inside);
                if (\dut.u_out.full & ahead == 0) ig: assert (wdata[1:0] == watched);
                else ih: assert (\dut.u_fifo.u_ram.kept == watched
                    & \dut.u_fifo.u_ram.place == \dut.u_fifo.head [5:0] + ahead[5:0] - \dut.u_out.full );
            end
            if (tracked_now) begin
                ii: assert (of_now != 0 & of_now <= 64 & before_now <= 64 & before_now + of_now <= due_now);
                ij: assert ({2'd0, begins} + of_now <= 64);
                ik: assert (before_now + of_now == unwritten | begins + of_now[5:0] == 6'd0);
            end
            il: assert ((early | !\dut.u_failure.met ) & (\dut.u_failure.met | !\dut.u_failure.low_done )
                & (\dut.u_failure.low_done | !failed));
            im: assert ((age == 0 | \dut.u_failure.met ) & (age < 2 | \dut.u_failure.low_done ) & (age < 3 | failed));
            if (idle != 0 & \dut.u_fifo.tail != \dut.u_fifo.head ) in: assert (\dut.u_fifo.present );
            if (idle > 1 & due_now != 0) io: assert (\dut.u_out.full );
            ip: assert (idle <= (\dut.u_bursts.state == 4 ? 2'd0 : \dut.u_bursts.state == 0 ? 2'd3 : \dut.u_bursts.state [1:0]));
            iq: assert (!\dut.u_failure.met | failed | idle <= \dut.u_failure.low_done );
        end

        over_a_page: cover (!busy & !early & bursts == 2 & written == 3);
        one_byte: cover (wvalid & wlast & wstrb == 64'd1 & unwritten == 1 & written == 1);
        data_first: cover (went & awvalid & !awready);
        at_an_error: cover (!busy & failed & remaining != 0 & written != 0 & bursts == 1);
        stopped: cover (!busy & !failed & remaining != 0 & written != 0);
    end
endmodule
