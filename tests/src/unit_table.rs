//! The tables of units in the documentation, which `make synth UPDATE=1` writes between two marker lines.

use crate::synth::Area;

/// A row of the table.
pub struct Row {
    /// Name of the unit, or of the part of a kernel.
    pub name: String,
    /// Its family, which is its folder in `hdl/src`.
    pub family: &'static str,
    /// Cycles from operands to result, for pipelines.
    pub latency: Option<usize>,
    /// What it costs.
    pub area: Area,
}

/// The line before a table.
pub const BEGIN: &str = "<!-- units: written by `make synth UPDATE=1` -->";
/// The line after a table.
pub const END: &str = "<!-- units: end -->";

/// The table in Markdown.
pub fn markdown(rows: &[&Row]) -> String {
    let mut text =
        String::from("| unit | latency | LUT | FF | DSP | BRAM | URAM | path |\n|---|--:|--:|--:|--:|--:|--:|--:|\n");
    for Row { name, latency, area, .. } in rows {
        let latency = latency.map_or("–".to_string(), |l| l.to_string());
        let bram = if area.bram_halves % 2 == 0 {
            (area.bram_halves / 2).to_string()
        } else {
            format!("{}.5", area.bram_halves / 2)
        };
        text += &format!(
            "| {name} | {latency} | {} | {} | {} | {bram} | {} | {} |\n",
            area.lut, area.ff, area.dsp, area.uram, area.path
        );
    }
    text
}

/// `page` with `table` in place of what stands between the markers.
///
/// # Errors
///
/// The page does not have the two marker lines once each, in order.
pub fn replace(page: &str, table: &str) -> Result<String, String> {
    let complaint = || format!("the lines `{BEGIN}` and `{END}` must stand there once each, in this order");
    let (before, rest) = page.split_once(BEGIN).ok_or_else(complaint)?;
    let (_, after) = rest.split_once(END).ok_or_else(complaint)?;
    if after.contains(BEGIN) || after.contains(END) || before.contains(END) {
        return Err(complaint());
    }
    Ok(format!("{before}{BEGIN}\n{table}{END}{after}"))
}
