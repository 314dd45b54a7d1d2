//! Ids of `sgcn_aggregate`'s arguments, its counters, and what its values mean.
//!
//! Features, table, graph and output lie in one *arena*: a flat space of lines of 64 bytes, striped over the M ports, 1 KiB at a time.
//! Line `la` lies in port `(la >> 4) & (M - 1)`, as that port's line `(la >> (4 + log2 M)) << 4 | la & 15`; see [`place`]. The first
//! M arguments are pointers to each port's part of it, the scalars follow: [`id`].

use super::{pointer, ArgumentKind, Counter, Master};
use crate::register;
use ArgumentKind::U32;

/// Engines of 16 lanes for which the kernel exists: [`super::KernelConfig::lanes`].
pub const ENGINES: &[u32] = &[1, 2, 4, 8, 16];
/// Memory ports for which it exists: [`super::KernelConfig::ports`].
pub const PORTS: &[u32] = &[1, 8];
/// The most of them.
pub const MOST_PORTS: usize = 8;
/// Lanes of an engine, and values of a line.
pub const LANES: u32 = 16;

/// Bytes of a line, one beat.
pub const LINE_BYTES: u64 = super::AXI_BEAT_BYTES as u64;
/// Lines that lie in one port before the next one's turn: 1 KiB.
pub const STRIPE_LINES: u32 = 16;

/// The port in which a line of the arena lies, and the number of the line there. `ports` is a power of two.
pub const fn place(line: u32, ports: u32) -> (u32, u32) {
    let stripe = line / STRIPE_LINES;
    (stripe % ports, stripe / ports * STRIPE_LINES + line % STRIPE_LINES)
}

/// Bits of a read's AXI id: the cache bank (4) and its place among that bank's outstanding misses (6).
pub const ID_BITS: u32 = 10;
/// The most reads outstanding: 64 a cache bank.
pub const READS_OUTSTANDING: u32 = 1024;
/// The most beats of a burst: a stripe. Reads are of one beat.
pub const BURST_BEATS: u32 = STRIPE_LINES;

/// Scalars in the order of the arguments, counted from the first one: see [`id`].
pub mod scalar {
    /// The row pointers, u32 each, rows + 1 of them: the line where they begin.
    pub const ROW_POINTERS: usize = 0;
    /// The column ids, u32 an edge: the line where they begin. Bit 31: see [`super::mode::BYPASS`].
    pub const COLUMNS: usize = 1;
    /// The weights, f32 an edge: the line where they begin.
    pub const WEIGHTS: usize = 2;
    /// The features: the line where they begin.
    pub const FEATURES: usize = 3;
    /// The table of lengths, or of pairs: the line where it begins.
    pub const TABLE: usize = 4;
    /// The output, f32, rows of whole lines: the line where it begins.
    pub const OUTPUT: usize = 5;
    /// Vertices, 1 to 2^31 - 1.
    pub const ROWS: usize = 6;
    /// Edges.
    pub const EDGES: usize = 7;
    /// Columns of a feature row, 1 to [`super::MOST_WIDTH`].
    pub const WIDTH: usize = 8;
    /// Columns of a slice, a multiple of 32 up to [`super::MOST_SLICE`].
    pub const SLICE: usize = 9;
    /// Rows of a strip, 1 to [`super::MOST_STRIP`].
    pub const STRIP: usize = 10;
    /// See [`super::mode`].
    pub const MODE: usize = 11;
    /// How many there are.
    pub const COUNT: usize = 12;
}

/// The most columns of a feature row.
pub const MOST_WIDTH: u32 = 4096;
/// The most columns of a slice.
pub const MOST_SLICE: u32 = 256;
/// Of what the columns of a slice are a multiple.
pub const SLICE_STEP: u32 = 32;
/// The most rows of a strip.
pub const MOST_STRIP: u32 = 1024;

/// The id of a scalar of [`scalar`]; a port's pointer has the port's number.
pub const fn id(ports: u32, scalar: usize) -> usize {
    ports as usize + scalar
}

/// Bits of the argument `mode`; every other bit must be 0.
pub mod mode {
    /// The two bits of the format: one of those below.
    pub const FORMAT: u32 = 3;
    /// Bitmap records with dense escape and a table of lengths.
    pub const BEICSR: u32 = 0;
    /// The published layout: bitmap records without escape.
    pub const PUBLISHED: u32 = 1;
    /// Rows as they are.
    pub const DENSE: u32 = 2;
    /// Pairs of a column and a value, with a table of where they begin and how many there are.
    pub const PAIRS: u32 = 3;
    /// Edges have weights; without it each is 1.
    pub const WEIGHTED: u32 = 1 << 2;
    /// The cache's index is hashed; without it, it is plain.
    pub const HASHED: u32 = 1 << 3;
    /// Strips are dealt to whichever engine is free; without it, in turn.
    pub const DYNAMIC: u32 = 1 << 4;
    /// Published layout only: there is a table of lengths; without it they are learned from a record's first line.
    pub const LENGTH_KNOWN: u32 = 1 << 5;
    /// Bit 31 of a column id is obeyed: what it names is not kept in the cache.
    pub const BYPASS: u32 = 1 << 6;
    /// Every bit there is.
    pub const ALL: u32 = FORMAT | WEIGHTED | HASHED | DYNAMIC | LENGTH_KNOWN | BYPASS;
}

/// A length in the table that stands for a dense escape.
pub const ESCAPE: u8 = 255;
/// The bit of a column id that [`mode::BYPASS`] speaks of.
pub const BYPASS_BIT: u32 = 1 << 31;

/// What [`register::ERROR_ADDRESS`] reads with [`register::error::STREAM`]; [`register::ERROR_PORT`] is the row.
pub mod fault {
    /// The row's pointers decrease, or lie past the last edge.
    pub const ROW_POINTERS: u32 = 1;
    /// A column id is not that of a row.
    pub const COLUMN: u32 = 2;
    /// A record's bitmap does not fit its length.
    pub const RECORD: u32 = 3;
    /// The columns of pairs do not ascend, or lie past the slice.
    pub const PAIR: u32 = 4;
}

/// Banks of the cache.
pub const CACHE_BANKS: u32 = 16;
/// Ways of a set of it.
pub const CACHE_WAYS: u32 = 16;

/// The base-2 logarithm of the sets of a bank of the cache, by the number of engines.
pub const fn cache_sets(engines: u32) -> u32 {
    match engines {
        16 => 5,
        8 => 4,
        _ => 2,
    }
}

/// Bytes of the cache: 512 KiB with 16 engines.
pub const fn cache_bytes(engines: u32) -> u64 {
    (LINE_BYTES * CACHE_BANKS as u64 * CACHE_WAYS as u64) << cache_sets(engines)
}

/// The arguments with this many ports.
pub(super) fn list(ports: u32) -> Vec<(&'static str, ArgumentKind, &'static str)> {
    const NAMES: [&str; MOST_PORTS] =
        ["memory0", "memory1", "memory2", "memory3", "memory4", "memory5", "memory6", "memory7"];
    let pointers = (0..).zip(&NAMES[..ports as usize]);
    pointers.map(|(port, name)| pointer(name, port, "this port's part of the arena")).chain(SCALARS).collect()
}

const SCALARS: [(&str, ArgumentKind, &str); scalar::COUNT] = [
    ("row_pointers", U32, "line of the row pointers, u32 each, one more than rows"),
    ("columns", U32, "line of the column ids, u32 an edge"),
    ("weights", U32, "line of the weights, f32 an edge"),
    ("features", U32, "line of the features"),
    ("table", U32, "line of the table of lengths, or of pairs"),
    ("output", U32, "line of the output, f32, rows of whole lines"),
    ("rows", U32, "vertices, 1 to 2^31 - 1"),
    ("edges", U32, "edges"),
    ("width", U32, "columns of a feature row, 1 to 4096"),
    ("slice", U32, "columns of a slice, a multiple of 32 up to 256"),
    ("strip", U32, "rows of a strip, 1 to 1024"),
    (
        "mode",
        U32,
        "bits 0, 1: BEICSR, published, dense, pairs; 2: weighted, 3: hashed, 4: dynamic, 5: length known, 6: bypass",
    ),
];

const fn master(name: &'static str) -> Master {
    Master { name, data_bits: super::AXI_DATA_BITS, id_bits: ID_BITS }
}

pub(super) const MASTERS: [Master; MOST_PORTS] = [
    master("gmem0"),
    master("gmem1"),
    master("gmem2"),
    master("gmem3"),
    master("gmem4"),
    master("gmem5"),
    master("gmem6"),
    master("gmem7"),
];

/// Counters of an engine, in order.
pub const ENGINE_COUNTERS: [(&str, &str); 8] = [
    ("ops", "operations of the lanes"),
    ("hazard", "cycles in which an operation waited for one before it on the same sums"),
    ("starved", "cycles in which a record was due whose line had not come"),
    ("idle", "cycles without a record"),
    ("graph_requests", "lines of row pointers, column ids and weights that were asked for"),
    ("lookup_requests", "lines of the table that were asked for"),
    ("feature_requests", "lines of features that were asked for"),
    ("rows", "rows of a slice that were summed"),
];
/// Counters of the cache, in order, after those of all engines.
pub const CACHE_COUNTERS: [(&str, &str); 4] = [
    ("hits", "requests that found their line"),
    ("misses", "requests that had their line fetched"),
    ("merged", "requests that waited for a line on its way"),
    ("stalls", "cycles in which a bank held its requests back"),
];
/// Counters of a port, in order, after those of the cache.
pub const PORT_COUNTERS: [(&str, &str); 4] = [
    ("read_beats", "beats read"),
    ("read_stalls", "cycles in which memory did not take a read's address"),
    ("write_beats", "beats written"),
    ("write_stalls", "cycles in which memory did not take an address or a beat that was written"),
];

/// All counters, from [`register::COUNTERS`] on, in the order of their words.
pub(super) fn counters(engines: u32, ports: u32) -> Vec<Counter> {
    let block = |prefix: String, list: &'static [(&str, &str)]| {
        list.iter().map(move |(name, doc)| (format!("{prefix}_{name}"), *doc))
    };
    let engines = (0..engines).flat_map(|engine| block(format!("engine{engine}"), &ENGINE_COUNTERS));
    let ports = (0..ports).flat_map(|port| block(format!("gmem{port}"), &PORT_COUNTERS));
    let named = engines.chain(block("cache".into(), &CACHE_COUNTERS)).chain(ports);
    (0..).zip(named).map(|(word, (name, doc))| Counter { name, offset: register::COUNTERS + 4 * word, doc }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Kernel, KernelConfig};
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_argument_ids_are_those_of_the_contract() {
        let config = KernelConfig::sgcn_aggregate(4, 8).unwrap();
        assert_eq!((config.name().as_str(), config.kernel.name()), ("sgcn_aggregate_n4_m8", "sgcn_aggregate"));
        assert_eq!(config.kernel.id().to_le_bytes(), *b"NFSA");
        assert_eq!((config.masters().len(), config.masters()[7].name, config.streams().len()), (8, "gmem7", 0));
        let arguments = config.arguments();
        assert_eq!(arguments[7].kind, ArgumentKind::Pointer { master: 7 });
        assert_eq!((arguments[1].offset, arguments[8].offset, arguments[9].offset), (0x1c, 0x70, 0x78));
        for (scalar, name) in
            [(scalar::ROW_POINTERS, "row_pointers"), (scalar::OUTPUT, "output"), (scalar::MODE, "mode")]
        {
            assert_eq!(arguments[id(8, scalar)].name, name);
        }
        assert_eq!(arguments.len(), id(8, scalar::COUNT));
        let one = KernelConfig::sgcn_aggregate(16, 1).unwrap();
        assert_eq!((one.name().as_str(), one.arguments().len()), ("sgcn_aggregate_n16_m1", 13));
        assert_eq!((KernelConfig::sgcn_aggregate(3, 1), KernelConfig::sgcn_aggregate(1, 2)), (None, None));
    }

    #[test]
    fn everything_fits_the_space_and_nothing_meets() {
        let mut hashes = BTreeSet::new();
        for config in KernelConfig::of(Kernel::SgcnAggregate) {
            assert!(config.arguments().iter().all(|a| a.offset + 8 <= register::KERNEL_ID));
            let counters = config.counters();
            assert_eq!(counters.len() as u32, 8 * config.lanes + 4 + 4 * config.ports);
            assert!(counters.windows(2).all(|pair| pair[0].offset + 4 == pair[1].offset));
            assert!(counters.last().unwrap().offset < register::SPACE_BYTES);
            assert!(hashes.insert(config.hash()));
        }
        assert_eq!(hashes.len(), ENGINES.len() * PORTS.len());
    }

    #[test]
    fn counters_lie_where_the_table_says() {
        let counters = KernelConfig::sgcn_aggregate(16, 8).unwrap().counters();
        let at = |name: &str| counters.iter().find(|c| c.name == name).unwrap().offset;
        assert_eq!((at("engine0_ops"), at("engine15_rows"), at("cache_hits")), (0x480, 0x67c, 0x680));
        assert_eq!((at("gmem0_read_beats"), at("gmem7_write_stalls")), (0x690, 0x70c));
    }

    #[test]
    fn lines_are_striped() {
        assert_eq!((place(15, 8), place(16, 8), place(128 + 17, 8)), ((0, 15), (1, 0), (1, 17)));
        assert_eq!(place(12345, 1), (0, 12345));
        assert_eq!((cache_bytes(16), cache_bytes(8), cache_bytes(4)), (512 << 10, 256 << 10, 64 << 10));
    }
}
