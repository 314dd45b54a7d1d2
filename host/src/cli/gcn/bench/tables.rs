//! The tables of docs/performance.md.

use super::super::super::console::Console;
use super::super::super::failure::Failure;
use super::case::{Arranged, Case, Content, Format};
use super::report::{self, columns, grouped, Run};
use super::Bench;
use clap::ValueEnum;
use nearfield::aggregate::Strips;
use nearfield::device::DeviceSpec;
use nearfield::graph::dataset::Name;
use nearfield::graph::masks::Masks;
use nearfield::graph::GraphSpec;
use serde::Serialize;
use std::sync::Arc;

/// Which table.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Table {
    /// Beside the published simulator's best: BEICSR in natural order, in community order with bypass bits, and our best dense.
    Published,
    /// Each of the kernel's choices switched off alone.
    Ablation,
    /// The 28 layers of a real network on Cora.
    Layers,
}

/// A graph and density of the published table: the published best, and the most that BEICSR in natural order, in community order with bypass
/// bits, and dense features may take; then the rows of a strip for the first two.
struct Row {
    graph: Name,
    density: f64,
    published: u64,
    allowed: [u64; 3],
    strips: [u32; 2],
}

const PUBLISHED: [Row; 4] = [
    row(Name::Cora, 0.3, 32_725, [26_200, 21_300, 37_000], [4, 6]),
    row(Name::Cora, 0.5, 41_691, [33_400, 26_300, 37_000], [8, 8]),
    row(Name::PubMed, 0.3, 386_784, [310_000, 213_000, 600_000], [8, 8]),
    row(Name::PubMed, 0.5, 536_738, [430_000, 279_000, 600_000], [8, 8]),
];
/// Slices of dense features of which the best counts, and the rows of a strip.
const DENSE_SLICES: [u32; 4] = [64, 96, 128, 256];
const DENSE_STRIP: u32 = 4;

const fn row(graph: Name, density: f64, published: u64, allowed: [u64; 3], strips: [u32; 2]) -> Row {
    Row { graph, density, published, allowed, strips }
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Printed<T> {
    table: &'static str,
    rows: Vec<T>,
    runs: Vec<Run>,
}

/// A row of the published table.
#[derive(Serialize)]
struct PublishedRow {
    graph: &'static str,
    density: f64,
    published: u64,
    natural: Figure,
    community_bypass: Figure,
    dense: Figure,
    dense_slice: u32,
}

/// A figure, and the most it may be.
#[derive(Serialize)]
struct Figure {
    cycles: u64,
    allowed: u64,
    /// Of the published best.
    ratio: f64,
    /// Cycles of the best dense run by these.
    speed_up: f64,
}

/// A row of the others: a run, and its cycles by those of the one it is compared with.
#[derive(Serialize)]
struct Change {
    name: String,
    cycles: u64,
    ratio: f64,
}

impl Table {
    pub fn run(self, bench: &Bench, console: &Console) -> Result<(), Failure> {
        match self {
            Table::Published => published(bench, console),
            Table::Ablation => ablation(bench, console),
            Table::Layers => layers(bench, console),
        }
    }
}

/// The case that the tables change.
fn base(bench: &Bench, device: &DeviceSpec, arranged: &Arc<Arranged>, content: Content) -> Case {
    Case {
        device: device.clone(),
        arranged: arranged.clone(),
        content,
        format: Format::Beicsr,
        slice: 256,
        strips: Strips::Dynamic(8),
        hashed: true,
        bypass: false,
        seed: bench.seed,
        model: bench.model,
    }
}

fn published(bench: &Bench, console: &Console) -> Result<(), Failure> {
    if !(bench.device.is_empty() && bench.density.is_empty() && bench.width == 256) {
        let what = "--table published is for 16 engines on hbm2-256 and 256 columns; leave out --device, --density and --width";
        return Err(Failure::refused(anyhow::Error::msg(what)));
    }
    let wanted = |name| bench.graph.is_empty() || bench.graph.contains(&GraphSpec::Published(name));
    let rows: Vec<&Row> = PUBLISHED.iter().filter(|row| wanted(row.graph)).collect();
    if rows.is_empty() {
        return Err(Failure::refused(anyhow::Error::msg(
            "--table published has the graphs cora and pubmed; name one of them",
        )));
    }
    let device = "sim:hbm2-256,engines=16,ports=8".parse().map_err(Failure::refused)?;
    let mut cases = Vec::new();
    let mut last: Option<(Name, Arc<Arranged>, Arc<Arranged>)> = None;
    for row in &rows {
        let known = last.take().filter(|(name, ..)| *name == row.graph);
        let is_new = known.is_none();
        let (name, natural, community) = match known {
            Some(known) => known,
            None => {
                let graph = bench.graph(&GraphSpec::Published(row.graph))?;
                let natural = Arc::new(Arranged::natural(row.graph.to_string(), graph));
                (row.graph, natural.clone(), Arc::new(natural.by_community()))
            }
        };
        let content = Content::Bernoulli { density: row.density, width: 256 };
        let of = |arranged, strip| Case {
            strips: Strips::Dynamic(strip),
            ..base(bench, &device, arranged, content.clone())
        };
        cases.push(of(&natural, row.strips[0]));
        cases.push(Case { bypass: true, ..of(&community, row.strips[1]) });
        if is_new {
            let dense = |slice| Case { format: Format::Dense, slice, ..of(&natural, DENSE_STRIP) };
            cases.extend(DENSE_SLICES.map(dense));
        }
        last = Some((name, natural, community));
    }
    let runs = bench.measure(&cases, console)?;
    let rows =
        rows.iter().map(|row| published_row(row, &runs)).collect::<anyhow::Result<_>>().map_err(Failure::failed)?;
    let printed = Printed { table: "published", rows, runs };
    console.result(&printed, || published_text(&printed))
}

fn published_row(row: &Row, runs: &[Run]) -> anyhow::Result<PublishedRow> {
    let of_graph = || runs.iter().filter(|run| run.graph == row.graph.name());
    let best = of_graph().filter(|run| run.format == "dense").min_by_key(|run| run.cycles);
    let beicsr = |order| {
        of_graph().find(|run| run.format == "beicsr" && run.order == order && run.drawn_density == Some(row.density))
    };
    let all = (beicsr("natural"), beicsr("community"), best);
    let (Some(natural), Some(community), Some(dense)) = all else { anyhow::bail!("a run of the table is missing") };
    let figure = |run: &Run, allowed| Figure {
        cycles: run.cycles,
        allowed,
        ratio: run.cycles as f64 / row.published as f64,
        speed_up: dense.cycles as f64 / run.cycles as f64,
    };
    Ok(PublishedRow {
        graph: row.graph.name(),
        density: row.density,
        published: row.published,
        natural: figure(natural, row.allowed[0]),
        community_bypass: figure(community, row.allowed[1]),
        dense: figure(dense, row.allowed[2]),
        dense_slice: dense.slice,
    })
}

fn published_text(printed: &Printed<PublishedRow>) -> String {
    let mut rows = vec![[
        "cycles",
        "published",
        "BEICSR",
        "allowed",
        "",
        "speed-up",
        "order, bypass",
        "allowed",
        "",
        "speed-up",
        "dense",
        "allowed",
        "",
        "C",
    ]
    .map(str::to_owned)];
    for row in &printed.rows {
        let met = |figure: &Figure| if figure.cycles <= figure.allowed { "met" } else { "missed" }.to_owned();
        let ours = |figure: &Figure| format!("{} ({:.2})", grouped(figure.cycles), figure.ratio);
        let times = |figure: &Figure| format!("{:.2}", figure.speed_up);
        rows.push([
            format!("{}, density {}", row.graph, row.density),
            grouped(row.published),
            ours(&row.natural),
            grouped(row.natural.allowed),
            met(&row.natural),
            times(&row.natural),
            ours(&row.community_bypass),
            grouped(row.community_bypass.allowed),
            met(&row.community_bypass),
            times(&row.community_bypass),
            grouped(row.dense.cycles),
            grouped(row.dense.allowed),
            met(&row.dense),
            row.dense_slice.to_string(),
        ]);
    }
    let runs = report::table(&printed.runs);
    format!(
        "{}\n(in brackets: of the published best; speed-up: over our best dense, natural order)\n\n{runs}",
        columns(&rows, 1)
    )
}

/// What is switched off, and how.
type Switch = (&'static str, fn(&mut Case));

fn ablation(bench: &Bench, console: &Console) -> Result<(), Failure> {
    const SWITCHES: [Switch; 6] = [
        ("all", |_| {}),
        ("plain index", |case| case.hashed = false),
        ("static strips of 32 rows", |case| case.strips = Strips::Static(32)),
        ("published layout, lengths known", |case| case.format = Format::Published),
        ("published layout, lengths learned", |case| case.format = Format::Learned),
        ("bypass bits ignored", |case| case.bypass = false),
    ];
    let devices = bench.devices()?;
    let (naturals, _) = bench.graphs()?;
    let contents = bench.bernoulli(&[0.3, 0.5]);
    let mut cases = Vec::new();
    for natural in naturals {
        let community = Arc::new(natural.by_community());
        for (device, content) in devices.iter().flat_map(|device| contents.iter().map(move |content| (device, content)))
        {
            let base = Case { bypass: true, ..base(bench, device, &community, content.clone()) };
            cases.extend(SWITCHES.map(|(_, switch)| {
                let mut case = base.clone();
                switch(&mut case);
                case
            }));
            cases.push(Case { bypass: false, ..Case { arranged: natural.clone(), ..base } });
        }
    }
    let names: Vec<&str> =
        SWITCHES.iter().map(|(name, _)| *name).chain(["natural order, bypass bits ignored"]).collect();
    let runs = bench.measure(&cases, console)?;
    let changes = runs.chunks(names.len()).flat_map(|runs| {
        names.iter().zip(runs).map(move |(name, run)| Change {
            name: format!("{}, {}: {name}", run.graph, run.content()),
            cycles: run.cycles,
            ratio: run.cycles as f64 / runs[0].cycles as f64,
        })
    });
    let printed = Printed { table: "ablation", rows: changes.collect(), runs };
    console.result(&printed, || changes_text("without", "by all", &printed))
}

fn layers(bench: &Bench, console: &Console) -> Result<(), Failure> {
    let devices = bench.devices()?;
    let (graph, masks) = Masks::cora28().map_err(Failure::refused)?;
    let (natural, masks) = (Arc::new(Arranged::natural("cora".into(), graph)), Arc::new(masks));
    let community = Arc::new(natural.by_community());
    let mut cases = Vec::new();
    for device in &devices {
        let of = |arranged, layer| Case {
            strips: Strips::Dynamic(DENSE_STRIP),
            ..base(bench, device, arranged, Content::Mask(masks.clone(), layer))
        };
        cases.push(Case { format: Format::Dense, slice: 96, ..of(&natural, 0) });
        cases.extend(
            (0..masks.layers()).flat_map(|layer| [of(&natural, layer), Case { bypass: true, ..of(&community, layer) }]),
        );
    }
    let runs = bench.measure(&cases, console)?;
    let dense = |run: &Run| runs.iter().find(|dense| dense.format == "dense" && dense.device == run.device);
    let changes = runs.iter().map(|run| {
        let what = match (run.format, run.bypass) {
            ("dense", _) => format!("dense, natural order, C = {}", run.slice),
            (_, false) => format!("{}, {:.1} % zeros: natural order", run.content(), 100.0 * (1.0 - run.density)),
            (_, true) => format!("{}, {:.1} % zeros: order, bypass", run.content(), 100.0 * (1.0 - run.density)),
        };
        let ratio = dense(run).map_or(f64::NAN, |dense| run.cycles as f64 / dense.cycles as f64);
        Change { name: what, cycles: run.cycles, ratio }
    });
    let printed = Printed { table: "layers", rows: changes.collect(), runs };
    console.result(&printed, || changes_text("cora", "by dense", &printed))
}

fn changes_text(what: &str, ratio: &str, printed: &Printed<Change>) -> String {
    let mut rows = vec![[what.to_owned(), "cycles".into(), ratio.to_owned()]];
    rows.extend(printed.rows.iter().map(|row| [row.name.clone(), grouped(row.cycles), format!("{:.3}", row.ratio)]));
    format!("{}\n\n{}", columns(&rows, 1), report::table(&printed.runs))
}
