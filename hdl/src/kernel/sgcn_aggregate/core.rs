use super::port_tally::{PortTally, PORT_TALLIES};
use super::{ArgumentCheck, Watch};
use crate::axi::{AxiIdMaster, AxiLite, Control};
use crate::kernel::Sequencer;
use crate::prelude::*;
use crate::sgcn::cache::{Cache, ReadPort, WritePort};
use crate::sgcn::engine::{Engine, EventCounter, TALLIES};
use crate::sgcn::{Dispatch, Format};
use crate::stream::StreamOut;
use nearfield_abi::kernel::{sgcn, KernelConfig};

const CACHE_TALLIES: usize = sgcn::CACHE_COUNTERS.len();
/// Argument words: the pointers' come first, then a word a scalar.
const ROW_POINTERS: usize = sgcn::scalar::ROW_POINTERS;
const COLUMNS: usize = sgcn::scalar::COLUMNS;
const WEIGHTS: usize = sgcn::scalar::WEIGHTS;
const FEATURES: usize = sgcn::scalar::FEATURES;
const TABLE: usize = sgcn::scalar::TABLE;
const RESULTS: usize = sgcn::scalar::OUTPUT;
const ROWS: usize = sgcn::scalar::ROWS;
const EDGES: usize = sgcn::scalar::EDGES;
const WIDTH: usize = sgcn::scalar::WIDTH;
const SLICE: usize = sgcn::scalar::SLICE;
const STRIP: usize = sgcn::scalar::STRIP;
const MODE: usize = sgcn::scalar::MODE;

/// `sgcn_aggregate` but for its pins; wiring only.
///
/// | parameter | what |
/// |---|---|
/// | `N` | engines |
/// | `M = 2^LOG` | memory ports |
/// | `S`, `A = S + 4` | logarithm of the sets of a cache bank, and of its lines |
/// | `MOVERS = 2 M` | what the sequencer waits for: reads of each port, then writes |
/// | `Q = M + 5` | arguments that are checked |
/// | `ARGUMENTS = 2 M + 12` | argument words |
/// | `LIMBS = 8 N + 4 + 4 M` | counters |
/// | `WORDS = 15 + ARGUMENTS + LIMBS` | readable words |
#[derive(Clone, Debug, LogicBlock)]
pub struct Core<
    const N: usize,
    const M: usize,
    const LOG: usize,
    const S: usize,
    const A: usize,
    const MOVERS: usize,
    const Q: usize,
    const ARGUMENTS: usize,
    const LIMBS: usize,
    const WORDS: usize,
> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Ends everything.
    pub reset: Signal<In, Bit>,
    /// To the host.
    pub request: Signal<Out, Bit>,
    /// Registers.
    pub bus: AxiLite,
    /// Memory ports.
    pub axi: [AxiIdMaster; M],
    control: Control<ARGUMENTS, 0, LIMBS, WORDS>,
    check: ArgumentCheck<M, Q>,
    sequencer: Sequencer<MOVERS>,
    format: Format,
    dispatch: Dispatch<N>,
    engine: [Engine; N],
    cache: Cache<N, M, LOG, S, A>,
    watch: Watch<N, M>,
    read: [ReadPort; M],
    write: [WritePort<N, M, LOG>; M],
    memory: [Pack<2, 32, 64>; M],
    port: [Constant<Bits<5>>; M],
    cache_tally: [EventCounter; CACHE_TALLIES],
    port_tally: [PortTally; M],
    clears: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
    burst_taken: [Signal<Local, Bit>; N],
    beat_taken: [Signal<Local, Bit>; N],
}

impl<
        const N: usize,
        const M: usize,
        const LOG: usize,
        const S: usize,
        const A: usize,
        const MOVERS: usize,
        const Q: usize,
        const ARGUMENTS: usize,
        const LIMBS: usize,
        const WORDS: usize,
    > Core<N, M, LOG, S, A, MOVERS, Q, ARGUMENTS, LIMBS, WORDS>
{
    /// The kernel in this configuration.
    ///
    /// # Panics
    ///
    /// The parameters do not belong to it.
    pub fn new(config: &KernelConfig) -> Self {
        assert!(N == config.lanes as usize && M == config.ports as usize, "engines and ports of {}", config.name());
        assert!(M == 1 << LOG && MOVERS == 2 * M, "widths of {}", config.name());
        assert_eq!(S, sgcn::cache_sets(config.lanes) as usize, "sets of {}", config.name());
        let movers = (0..2 * config.ports).map(|i| (i < config.ports, i % config.ports)).collect::<Vec<_>>();
        Core {
            clock: Signal::default(),
            reset: Signal::default(),
            request: Signal::default(),
            bus: AxiLite::default(),
            axi: std::array::from_fn(|_| AxiIdMaster::default()),
            control: Control::new(config),
            check: ArgumentCheck::default(),
            sequencer: Sequencer::of(&movers),
            format: Format::default(),
            dispatch: Dispatch::default(),
            engine: std::array::from_fn(|_| Engine::default()),
            cache: Cache::default(),
            watch: Watch::default(),
            read: std::array::from_fn(|_| ReadPort::default()),
            write: std::array::from_fn(|_| WritePort::default()),
            memory: std::array::from_fn(|_| Pack::default()),
            port: std::array::from_fn(|i| Constant::new((i as u64).into())),
            cache_tally: std::array::from_fn(|_| EventCounter::default()),
            port_tally: std::array::from_fn(|_| PortTally::default()),
            clears: Signal::default(),
            ends: Signal::default(),
            burst_taken: std::array::from_fn(|_| Signal::default()),
            beat_taken: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl<
        const N: usize,
        const M: usize,
        const LOG: usize,
        const S: usize,
        const A: usize,
        const MOVERS: usize,
        const Q: usize,
        const ARGUMENTS: usize,
        const LIMBS: usize,
        const WORDS: usize,
    > Logic for Core<N, M, LOG, S, A, MOVERS, Q, ARGUMENTS, LIMBS, WORDS>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, control, check, sequencer, format, dispatch, cache, watch);
        self.control.reset.next = self.reset.val();
        self.sequencer.reset.next = self.reset.val();
        self.ends.next = self.reset.val() || self.sequencer.flush.val() || self.sequencer.prepare.val();
        self.clears.next = self.sequencer.prepare.val();
        self.dispatch.reset.next = self.ends.val();
        self.cache.reset.next = self.ends.val();
        AxiLite::link(&mut self.bus, &mut self.control.bus);
        self.request.next = self.control.request.val();

        for i in 0..M {
            self.memory[i].x[0].next = self.control.argument[2 * i].val();
            self.memory[i].x[1].next = self.control.argument[2 * i + 1].val();
            self.check.alignment[i].next = self.control.argument[2 * i].val().get_bits::<12>(0);
        }
        self.check.rows.next = self.control.argument[2 * M + ROWS].val();
        self.check.width.next = self.control.argument[2 * M + WIDTH].val();
        self.check.slice.next = self.control.argument[2 * M + SLICE].val();
        self.check.strip.next = self.control.argument[2 * M + STRIP].val();
        self.check.mode.next = self.control.argument[2 * M + MODE].val();
        self.format.mode.next = self.control.argument[2 * M + MODE].val();
        self.format.width.next = self.control.argument[2 * M + WIDTH].val();
        self.format.slice.next = self.control.argument[2 * M + SLICE].val();
        self.cache.hashed.next = self.format.hashed.val();

        self.dispatch.start.next = self.sequencer.launch.val();
        self.dispatch.hold.next = self.sequencer.stop.val();
        self.dispatch.dynamic.next = self.format.dynamic.val();
        self.dispatch.height.next = self.control.argument[2 * M + STRIP].val();
        self.dispatch.rows.next = self.control.argument[2 * M + ROWS].val();
        self.dispatch.width.next = self.control.argument[2 * M + WIDTH].val().get_bits::<13>(0);
        self.dispatch.slice.next = self.control.argument[2 * M + SLICE].val().get_bits::<9>(0);

        for i in 0..N {
            self.engine[i].clock.next = self.clock.val();
            self.engine[i].reset.next = self.ends.val();
            self.engine[i].clear.next = self.clears.val();
            self.engine[i].stop.next = self.sequencer.stop.val();
            self.engine[i].running.next = !self.sequencer.idle.val();
            self.engine[i].row_pointers.next = self.control.argument[2 * M + ROW_POINTERS].val();
            self.engine[i].columns.next = self.control.argument[2 * M + COLUMNS].val();
            self.engine[i].weights.next = self.control.argument[2 * M + WEIGHTS].val();
            self.engine[i].features.next = self.control.argument[2 * M + FEATURES].val();
            self.engine[i].lengths.next = self.control.argument[2 * M + TABLE].val();
            self.engine[i].results.next = self.control.argument[2 * M + RESULTS].val();
            self.engine[i].vertices.next = self.control.argument[2 * M + ROWS].val();
            self.engine[i].edges.next = self.control.argument[2 * M + EDGES].val();
            self.engine[i].dense.next = self.format.dense.val();
            self.engine[i].pairs.next = self.format.pairs.val();
            self.engine[i].learned.next = self.format.learned.val();
            self.engine[i].escapes.next = self.format.escapes.val();
            self.engine[i].weighted.next = self.format.weighted.val();
            self.engine[i].bypass.next = self.format.bypass.val();
            self.engine[i].bitmap_words.next = self.format.bitmap_words.val();
            self.engine[i].full.next = self.format.full.val();
            self.engine[i].stride.next = self.format.stride.val();
            self.engine[i].row_lines.next = self.format.row_lines.val();
            self.dispatch.want[i].next = self.engine[i].want.val();
            self.engine[i].give.next = self.dispatch.give[i].val();
            self.engine[i].row.next = self.dispatch.row.val();
            self.engine[i].stop_at.next = self.dispatch.past.val();
            self.engine[i].base.next = self.dispatch.base.val();
            self.engine[i].line.next = self.dispatch.line.val();
            self.engine[i].segments.next = self.dispatch.segments.val();
            StreamOut::<44>::join(&mut self.engine[i].request, &mut self.cache.s[i]);
            self.engine[i].arrive.next = self.cache.m_valid[i].val();
            self.engine[i].tag.next = self.cache.m_data[i].val().get_bits::<11>(512);
            self.engine[i].data.next = self.cache.m_data[i].val().get_bits::<512>(0);
        }

        for i in 0..M {
            self.read[i].clock.next = self.clock.val();
            self.read[i].reset.next = self.ends.val();
            self.read[i].memory.next = self.memory[i].packed.val();
            StreamOut::<42>::join(&mut self.cache.miss[i], &mut self.read[i].miss);
            StreamOut::<522>::join(&mut self.read[i].fill, &mut self.cache.fill[i]);
            self.axi[i].arvalid.next = self.read[i].axi.arvalid.val();
            self.read[i].axi.arready.next = self.axi[i].arready.val();
            self.axi[i].arid.next = self.read[i].axi.arid.val();
            self.axi[i].araddr.next = self.read[i].axi.araddr.val();
            self.axi[i].arlen.next = self.read[i].axi.arlen.val();
            self.axi[i].arsize.next = self.read[i].axi.arsize.val();
            self.axi[i].arburst.next = self.read[i].axi.arburst.val();
            self.read[i].axi.rvalid.next = self.axi[i].rvalid.val();
            self.axi[i].rready.next = self.read[i].axi.rready.val();
            self.read[i].axi.rid.next = self.axi[i].rid.val();
            self.read[i].axi.rdata.next = self.axi[i].rdata.val();
            self.read[i].axi.rresp.next = self.axi[i].rresp.val();
            self.read[i].axi.rlast.next = self.axi[i].rlast.val();

            self.write[i].clock.next = self.clock.val();
            self.write[i].reset.next = self.ends.val();
            self.write[i].port.next = self.port[i].val();
            self.write[i].memory.next = self.memory[i].packed.val();
            self.axi[i].awvalid.next = self.write[i].axi.awvalid.val();
            self.write[i].axi.awready.next = self.axi[i].awready.val();
            self.axi[i].awid.next = self.write[i].axi.awid.val();
            self.axi[i].awaddr.next = self.write[i].axi.awaddr.val();
            self.axi[i].awlen.next = self.write[i].axi.awlen.val();
            self.axi[i].awsize.next = self.write[i].axi.awsize.val();
            self.axi[i].awburst.next = self.write[i].axi.awburst.val();
            self.axi[i].wvalid.next = self.write[i].axi.wvalid.val();
            self.write[i].axi.wready.next = self.axi[i].wready.val();
            self.axi[i].wdata.next = self.write[i].axi.wdata.val();
            self.axi[i].wstrb.next = self.write[i].axi.wstrb.val();
            self.axi[i].wlast.next = self.write[i].axi.wlast.val();
            self.write[i].axi.bvalid.next = self.axi[i].bvalid.val();
            self.axi[i].bready.next = self.write[i].axi.bready.val();
            self.write[i].axi.bid.next = self.axi[i].bid.val();
            self.write[i].axi.bresp.next = self.axi[i].bresp.val();
        }
        for i in 0..N {
            self.burst_taken[i].next = false;
            self.beat_taken[i].next = false;
            for p in 0..M {
                self.write[p].burst[i].valid.next = self.engine[i].burst.valid.val();
                self.write[p].burst[i].data.next = self.engine[i].burst.data.val();
                self.write[p].w[i].valid.next = self.engine[i].w.valid.val();
                self.write[p].w[i].data.next = self.engine[i].w.data.val();
                if self.write[p].burst[i].ready.val() {
                    self.burst_taken[i].next = true;
                }
                if self.write[p].w[i].ready.val() {
                    self.beat_taken[i].next = true;
                }
            }
            self.engine[i].burst.ready.next = self.burst_taken[i].val();
            self.engine[i].w.ready.next = self.beat_taken[i].val();
        }

        comment!("What runs, and what went wrong.");
        self.watch.reset.next = self.reset.val();
        self.watch.stop.next = self.sequencer.stop.val();
        self.watch.dealing.next = self.dispatch.busy.val();
        self.watch.cache_busy.next = self.cache.busy.val();
        for i in 0..N {
            self.watch.engine_busy[i].next = self.engine[i].busy.val() || !self.dispatch.none[i].val();
            self.watch.engine_owed[i].next = self.engine[i].outstanding.val() || self.engine[i].burst.valid.val();
            self.watch.engine_fault[i].next = self.engine[i].fault.val();
            self.watch.engine_kind[i].next = self.engine[i].fault_kind.val();
            self.watch.engine_row[i].next = self.engine[i].fault_row.val();
        }
        for i in 0..M {
            self.watch.port_busy[i].next = self.read[i].busy.val() || self.write[i].busy.val();
            self.watch.port_failed[i].next = self.read[i].failed.val() || self.write[i].failed.val();
        }
        self.sequencer.pending.next = self.watch.pending.val();
        self.sequencer.malformed.next = self.watch.fault.val();
        self.sequencer.fault.next = bit_cast::<32, 3>(self.watch.fault_kind.val());
        self.sequencer.fault_chunk.next = self.watch.fault_row.val();
        self.sequencer.start.next = self.control.start.val();
        self.sequencer.refused.next = self.check.refused.val();
        self.sequencer.refused_id.next = self.check.id.val();
        for i in 0..M {
            self.sequencer.busy[i].next = self.read[i].busy.val() || self.watch.waits.val();
            self.sequencer.failed[i].next = self.read[i].failed.val();
            self.sequencer.failed_address[i].next = self.read[i].failed_address.val();
            self.sequencer.busy[M + i].next = self.write[i].busy.val();
            self.sequencer.failed[M + i].next = self.write[i].failed.val();
            self.sequencer.failed_address[M + i].next = self.write[i].failed_address.val();
        }
        self.control.done.next = self.sequencer.done.val();
        self.control.idle.next = self.sequencer.idle.val();
        self.control.error_code.next = self.sequencer.error_code.val();
        self.control.error_port.next = self.sequencer.error_port.val();
        self.control.error_address.next = self.sequencer.error_address.val();
        self.control.cycles.next = self.sequencer.cycles.val();
        self.control.nonfinite.next = false;

        comment!("Counters: of engines, of the cache, of ports.");
        for i in 0..N {
            for j in 0..TALLIES {
                self.control.limb[TALLIES * i + j].next = self.engine[i].tally[j].val();
            }
        }
        self.cache_tally[0].amount.next = self.cache.hits.val();
        self.cache_tally[1].amount.next = self.cache.misses.val();
        self.cache_tally[2].amount.next = self.cache.merges.val();
        self.cache_tally[3].amount.next = self.cache.stalls.val();
        for i in 0..CACHE_TALLIES {
            self.cache_tally[i].clock.next = self.clock.val();
            self.cache_tally[i].clear.next = self.clears.val();
            self.control.limb[TALLIES * N + i].next = self.cache_tally[i].count.val();
        }
        for i in 0..M {
            self.port_tally[i].clock.next = self.clock.val();
            self.port_tally[i].clear.next = self.clears.val();
            self.port_tally[i].event[0].next = self.read[i].beat.val();
            self.port_tally[i].event[1].next = self.read[i].axi.arvalid.val() && !self.axi[i].arready.val();
            self.port_tally[i].event[2].next = self.write[i].beat.val();
            self.port_tally[i].event[3].next = (self.write[i].axi.awvalid.val() && !self.axi[i].awready.val())
                || (self.write[i].axi.wvalid.val() && !self.axi[i].wready.val());
            for j in 0..PORT_TALLIES {
                self.control.limb[TALLIES * N + CACHE_TALLIES + PORT_TALLIES * i + j].next =
                    self.port_tally[i].count[j].val();
            }
        }
    }
    unit!("sgcn_core", N, M; LOG, ROW_POINTERS, COLUMNS, WEIGHTS, FEATURES, TABLE, RESULTS, ROWS, EDGES, WIDTH, SLICE, STRIP, MODE, CACHE_TALLIES, TALLIES, PORT_TALLIES);
}
