//! `nearfield xclbin`: what is in an `.xclbin` file.

use super::console::Console;
use super::failure::Failure;
use clap::{Args, Subcommand};
use nearfield::xclbin::{self, Drivable, Memory, Reason};
use serde::Serialize;
use std::path::PathBuf;

/// Look into files for boards.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield xclbin info smartupdate_l2-smartssd.xclbin")]
pub struct Xclbin {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Info(Info),
}

impl Xclbin {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        match self.command {
            Command::Info(command) => command.run(console),
        }
    }
}

/// Say what is in a file, whoever made it, and whether this program can drive it.
///
/// Prints platform, sections, memories, compute units and kernels, and for every unit of a kernel of this project whether it
/// can be driven, or why not. The bitstream is not read, and a signature is not verified. Ends with exit code 0 whenever
/// the file could be read.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
nearfield xclbin info smartupdate_l2-smartssd.xclbin\n  \
nearfield xclbin info --json kernel.xclbin")]
struct Info {
    /// The file.
    file: PathBuf,
}

#[derive(Serialize)]
struct Printed<'a> {
    file: String,
    #[serde(flatten)]
    content: &'a xclbin::Xclbin,
    drivable: Vec<Unit>,
    obstacles: &'a [Reason],
}

/// A unit that can be driven.
#[derive(Serialize)]
struct Unit {
    unit: usize,
    name: String,
    /// The configurations that it may be of.
    configurations: Vec<String>,
    arguments: Vec<Placed>,
}

/// A pointer argument and the memory it is connected to.
#[derive(Serialize)]
struct Placed {
    argument: u32,
    memory: u32,
}

impl From<&Drivable> for Unit {
    fn from(drivable: &Drivable) -> Unit {
        Unit {
            unit: drivable.unit,
            name: drivable.xrt_name(),
            configurations: drivable.configs.iter().map(|c| c.name()).collect(),
            arguments: drivable.groups.iter().map(|&(argument, memory)| Placed { argument, memory }).collect(),
        }
    }
}

impl Info {
    fn run(self, console: &Console) -> Result<(), Failure> {
        let content = xclbin::Xclbin::open(&self.file)?;
        let verdict = xclbin::drivable(&content);
        let printed = Printed {
            file: self.file.display().to_string(),
            content: &content,
            drivable: verdict.units.iter().map(Unit::from).collect(),
            obstacles: &verdict.reasons,
        };
        console.result(&printed, || text(&printed))
    }
}

fn text(printed: &Printed<'_>) -> String {
    let content = printed.content;
    let (major, minor, patch) = content.version;
    let mut text = format!("{:<10} {}\n", "file", printed.file);
    let signature = content.signature.map_or("none".into(), |s| format!("{} bytes, not verified here", s.bytes));
    for (what, value) in [
        ("mode", content.mode.to_string()),
        ("platform", content.platform.clone()),
        ("uuid", content.uuid.to_string()),
        ("created", date(content.created)),
        ("built by", format!("version {major}.{minor}.{patch}")),
        ("signature", signature),
        ("bytes", content.bytes.to_string()),
    ] {
        text += &format!("{what:<10} {value}\n");
    }
    text += &format!("\n{:<24} {:>12} {:>12}  tag\n", "section", "offset", "bytes");
    for section in &content.sections {
        let (offset, bytes) = (section.span.offset, section.span.bytes);
        let line = format!("{:<24} {offset:>12} {bytes:>12}  {}", section.kind, section.tag);
        text += &format!("{}\n", line.trim_end());
    }
    memories(&mut text, "bank", &content.banks);
    if let Some(groups) = &content.groups {
        memories(&mut text, "group", groups);
    }
    units(&mut text, content);
    kernels(&mut text, content);
    verdict(&mut text, printed);
    text
}

fn memories(text: &mut String, what: &str, memories: &[Memory]) {
    *text += &format!("\n{what:<5} {:<16} {:<8} {:<6} {:>18} {:>14}\n", "tag", "type", "used", "base", "bytes");
    for (index, memory) in memories.iter().enumerate() {
        let Memory { kind, used, base, bytes, tag } = memory;
        let used = if *used { "yes" } else { "no" };
        *text += &format!("{index:<5} {tag:<16} {kind:<8} {used:<6} {base:>#18x} {bytes:>14}\n");
    }
}

fn units(text: &mut String, content: &xclbin::Xclbin) {
    *text += &format!("\n{:<5} {:<40} {:<14} {:>12}  arguments in memory\n", "unit", "name", "control", "base");
    let links = content.links();
    for (index, unit) in content.units.iter().enumerate() {
        let control = unit.control.map_or(format!("type {}", unit.kind), |c| c.to_string());
        let base = unit.base.map_or("none".into(), |base| format!("{base:#x}"));
        let tag = |memory: u32| content.memories().get(memory as usize).map_or("none", |m| m.tag.as_str());
        let here = links.range((index as u32, 0)..=(index as u32, u32::MAX));
        let placed = here.map(|((_, id), group)| format!("{id}:{}", group.map_or("none", tag)));
        let placed: Vec<String> = placed.collect();
        *text += &format!("{index:<5} {:<40} {control:<14} {base:>12}  {}\n", unit.name(), placed.join(" "));
    }
}

fn kernels(text: &mut String, content: &xclbin::Xclbin) {
    for kernel in &content.kernels {
        let control = kernel.control.as_deref().unwrap_or("no control protocol named");
        *text += &format!("\nkernel {} ({control}), units {}\n", kernel.name, kernel.instances.join(", "));
        *text += &format!("{:<5} {:<20} {:>7} {:>5}  {:<9} port\n", "id", "argument", "offset", "bytes", "kind");
        for argument in &kernel.arguments {
            let id = argument.id.map_or("-".into(), |id| id.to_string());
            let port = argument.port.as_deref().unwrap_or("-");
            *text += &format!(
                "{id:<5} {:<20} {:>#7x} {:>5}  {:<9} {port}\n",
                argument.name, argument.offset, argument.bytes, argument.qualifier
            );
        }
    }
}

fn verdict(text: &mut String, printed: &Printed<'_>) {
    *text += "\n";
    for unit in &printed.drivable {
        let configurations = unit.configurations.join(" or ");
        *text += &format!("this program can drive {} (its registers say whether it is {configurations})\n", unit.name);
    }
    if printed.drivable.is_empty() {
        *text += "this program can drive nothing in it\n";
    }
    for reason in printed.obstacles {
        *text += &format!("  {reason}\n");
    }
}

/// Seconds since 1970 as a date and time in UTC, by the proleptic Gregorian calendar.
fn date(seconds: u64) -> String {
    const DAY: u64 = 86_400;
    // The years 1970 to 9999: anything else is no time of building.
    if !(1..253_402_300_800).contains(&seconds) {
        return if seconds == 0 { "not said".into() } else { format!("{seconds} s after 1970") };
    }
    let (mut day, second) = (seconds / DAY, seconds % DAY);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{:02} {hour:02}:{minute:02}:{:02} UTC", day + 1, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, says) in [
            (0, "not said"),
            (1, "1970-01-01 00:00:01 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_660_000_000, "2022-08-08 23:06:40 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (253_402_300_799, "9999-12-31 23:59:59 UTC"),
            (253_402_300_800, "253402300800 s after 1970"),
            (u64::MAX, "18446744073709551615 s after 1970"),
        ] {
            assert_eq!(date(seconds), says);
        }
    }
}
