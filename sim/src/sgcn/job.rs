use super::pattern::{Pattern, Records};
use super::ModelError;
use nearfield_abi::beicsr;
use nearfield_abi::kernel::sgcn::{self, mode};

/// What a run works at, as the kernel's arguments and memory say it.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// One more than there are vertices.
    pub row_pointers: &'a [u32],
    /// Column ids, an edge each; bit 31 as [`mode::BYPASS`] has it.
    pub columns: &'a [u32],
    /// Columns of the features.
    pub width: u32,
    /// Columns of a slice.
    pub slice: u32,
    /// Rows of a strip.
    pub strip: u32,
    /// See [`mode`].
    pub mode: u32,
    /// Which features are not zero.
    pub pattern: Pattern<'a>,
}

/// Lines of the arena where its regions begin: each at a multiple of 1 KiB, in the order of the arguments.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Regions {
    pub(super) row_pointers: u32,
    pub(super) columns: u32,
    pub(super) weights: u32,
    pub(super) features: u32,
    pub(super) table: u32,
    pub(super) output: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Format {
    Beicsr,
    /// Published, lengths learned or known.
    Learned,
    Known,
    Dense,
    Pairs,
}

/// A job, and what follows from it.
#[derive(Clone, Debug)]
pub(super) struct Plan<'a> {
    pub(super) row_pointers: &'a [u32],
    pub(super) columns: &'a [u32],
    pub(super) rows: u32,
    pub(super) width: u32,
    pub(super) slice: u32,
    pub(super) strip: u32,
    pub(super) format: Format,
    pub(super) weighted: bool,
    pub(super) hashed: bool,
    pub(super) dynamic: bool,
    pub(super) bypass: bool,
    pub(super) bitmap_words: u32,
    /// Lines of a full record, from a record to the next, of a dense row.
    pub(super) full: u32,
    pub(super) stride: u32,
    pub(super) row_lines: u32,
    pub(super) regions: Regions,
    pub(super) records: Records<'a>,
    pub(super) pairs_before: Vec<u32>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(job: &Job<'a>) -> Result<Plan<'a>, ModelError> {
        let rows = job.row_pointers.len().saturating_sub(1);
        let refuse = |what: &str| Err(ModelError::Job(what.into()));
        if !beicsr::fits(rows as u64, job.width.into(), job.slice.into()) {
            return refuse("the shape of its features is not built");
        }
        let (rows, edges) = (rows as u32, job.columns.len());
        if job.strip == 0 || job.strip > sgcn::MOST_STRIP || job.mode & !mode::ALL != 0 {
            return refuse("its strip or its mode is not built");
        }
        if job.row_pointers.windows(2).any(|pair| pair[0] > pair[1]) || job.row_pointers[rows as usize] as usize > edges
        {
            return refuse("its row pointers decrease or point past the last edge");
        }
        if job.columns.iter().any(|id| id & !beicsr::BYPASS >= rows) {
            return refuse("a column id is not that of a row");
        }
        if let Pattern::Bits(bits) = job.pattern {
            if bits.len() != rows as usize * job.width.div_ceil(32) as usize {
                return refuse("its pattern has another shape than its features");
            }
        }
        let format = match job.mode & mode::FORMAT {
            mode::BEICSR => Format::Beicsr,
            mode::PUBLISHED if job.mode & mode::LENGTH_KNOWN != 0 => Format::Known,
            mode::PUBLISHED => Format::Learned,
            mode::DENSE => Format::Dense,
            _ => Format::Pairs,
        };
        let records = Records { pattern: job.pattern, width: job.width, slice: job.slice };
        let pairs_before = if format == Format::Pairs { records.pairs_before(rows) } else { Vec::new() };
        let row_lines = job.width.div_ceil(16);
        let count = beicsr::records(rows.into(), job.width.into(), job.slice.into());
        let full = match format {
            Format::Learned | Format::Known => beicsr::published_lines(job.slice.into()),
            _ => beicsr::record_lines(job.slice.into()),
        } as u32;
        let stride = if format == Format::Dense { row_lines } else { full };
        let (features, table) = match format {
            Format::Dense => (64 * u64::from(rows) * u64::from(row_lines), 0),
            Format::Pairs => (8 * pairs_before.last().copied().map_or(0, u64::from), 8 * count),
            Format::Learned | Format::Known | Format::Beicsr => (64 * u64::from(full) * count, count),
        };
        let mut end = 0;
        let mut place = |bytes: u64| {
            let begin = end;
            end += bytes.div_ceil(1024) as u32 * 16;
            begin
        };
        let regions = Regions {
            row_pointers: place(4 * (u64::from(rows) + 1)),
            columns: place(4 * edges as u64),
            weights: place(4 * edges as u64),
            features: place(features),
            table: place(table),
            output: place(64 * u64::from(rows) * u64::from(row_lines)),
        };
        Ok(Plan {
            row_pointers: job.row_pointers,
            columns: job.columns,
            rows,
            width: job.width,
            slice: job.slice,
            strip: job.strip,
            format,
            weighted: job.mode & mode::WEIGHTED != 0,
            hashed: job.mode & mode::HASHED != 0,
            dynamic: job.mode & mode::DYNAMIC != 0,
            bypass: job.mode & mode::BYPASS != 0,
            bitmap_words: job.slice / 32,
            full,
            stride,
            row_lines,
            regions,
            records,
            pairs_before,
        })
    }
}
