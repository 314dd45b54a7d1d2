//! A run in the cycle model: no values, so no sums, and graphs that are too large for RTL.

use super::case::{kernel_of, Arranged, Case, Content, Format};
use super::report::{Counted, Run};
use anyhow::{Context, Result};
use nearfield::graph::features::{bernoulli_bits, bits};
use nearfield_abi::beicsr::{
    length, published_length, record_lines, row_lines, EMPTY, ESCAPE, LINE_BYTES, PAIR_BYTES, WORD_COLUMNS,
};
use nearfield_abi::kernel::sgcn::mode;
use nearfield_model::beicsr::Shape;
use nearfield_sim::sgcn::{run_watched, Job, Machine, Pattern};
use std::time::Instant;

/// Cycles for a line that an engine asks for, at most: more than any memory here takes for one alone.
const SLOWEST_LINE: u64 = 1000;

/// Simulates the case; `rows` is told how many more rows were dealt to engines.
pub fn run(case: &Case, rows: &dyn Fn(u64)) -> Result<Run> {
    let (board, config) = kernel_of(&case.device)?;
    let graph = &case.arranged.graph;
    let width = case.content.width();
    let shape = Shape::new(graph.vertices(), width, case.slice as usize)?;
    let bits = bits_of(&case.content, &case.arranged, case.seed);
    let nonzero: u64 = bits.iter().map(|word| u64::from(word.count_ones())).sum();
    let marks = case.marks(&config, || bytes(case.format, shape, &bits));
    let job = Job {
        row_pointers: graph.row_pointers(),
        columns: marks.as_deref().unwrap_or(graph.columns()),
        width: width as u32,
        slice: case.slice,
        strip: case.strips.rows(),
        mode: mode_of(case.format) | case.options(&marks).mode(graph),
        pattern: Pattern::Bits(&bits),
    };
    let machine = Machine::new(config.lanes, config.ports, board);
    let lines = (graph.edges() + graph.vertices()) as u64 * 3 * row_lines(width as u64);
    let mut told = 0;
    let begun = Instant::now();
    let outcome = run_watched(&machine, &job, 1_000_000 + SLOWEST_LINE * lines, &mut |dealt| {
        rows(dealt - told);
        told = dealt;
    })
    .with_context(|| case.name())?;
    let seconds = begun.elapsed().as_secs_f64();
    rows(case.rows() - told);
    let density = nonzero as f64 / (graph.vertices() * width) as f64;
    let counted = Counted { cycles: outcome.cycles, counts: outcome.counters };
    Run::new(case, &config, density, &counted, seconds)
}

/// Which of the features are not 0: `width.div_ceil(32)` words a row.
fn bits_of(content: &Content, arranged: &Arranged, seed: u64) -> Vec<u32> {
    let natural = match content {
        Content::Bernoulli { density, width } => bernoulli_bits(arranged.graph.vertices(), *width, *density, seed),
        Content::Mask(masks, layer) => bits(&masks.features(*layer, seed), masks.width()),
    };
    match &arranged.community {
        Some(order) => order.rows(&natural, content.width().div_ceil(32)),
        None => natural,
    }
}

/// The bits of the mode that name a format.
fn mode_of(format: Format) -> u32 {
    match format {
        Format::Beicsr => mode::BEICSR,
        Format::Published => mode::PUBLISHED | mode::LENGTH_KNOWN,
        Format::Learned => mode::PUBLISHED,
        Format::Dense => mode::DENSE,
        Format::Pairs => mode::PAIRS,
    }
}

/// Bytes of the lines that are read when each row is used once.
fn bytes(format: Format, shape: Shape, bits: &[u32]) -> u64 {
    let (width, slice) = (shape.width() as u64, shape.slice() as u64);
    let words = width.div_ceil(WORD_COLUMNS) as usize;
    let nonzeros = bits.chunks_exact(words).flat_map(|row| {
        let slices = row.chunks((slice / WORD_COLUMNS) as usize);
        slices.map(|slice| slice.iter().map(|word| u64::from(word.count_ones())).sum::<u64>())
    });
    match format {
        Format::Beicsr => nonzeros.map(|count| match length(slice, count) {
            EMPTY => 0,
            ESCAPE => record_lines(slice),
            lines => lines.into(),
        } * LINE_BYTES).sum(),
        Format::Published | Format::Learned => {
            nonzeros.map(|count| u64::from(published_length(slice, count)) * LINE_BYTES).sum()
        }
        Format::Dense => shape.rows() as u64 * row_lines(width) * LINE_BYTES,
        Format::Pairs => nonzeros.sum::<u64>() * PAIR_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::Stored;
    use super::*;
    use nearfield::graph::features::bernoulli;

    #[test]
    fn records_take_what_they_take_when_they_are_encoded() {
        for (width, slice, density) in [(256, 256, 0.5), (256, 96, 0.3), (200, 128, 0.97), (40, 32, 0.0), (33, 64, 1.0)]
        {
            let shape = Shape::new(50, width, slice).unwrap();
            let features = bernoulli(50, width, density, 4);
            for format in [Format::Beicsr, Format::Published, Format::Learned, Format::Dense, Format::Pairs] {
                let stored = Stored::of(format, shape, &features).unwrap().bytes(shape);
                assert_eq!(bytes(format, shape, &bits(&features, width)), stored, "{format:?}, {width}, {slice}");
            }
        }
    }
}
