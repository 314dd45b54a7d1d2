//! `nearfield emit`: the generated Verilog.

use super::console::Console;
use super::failure::Failure;
use anyhow::{anyhow, Context};
use clap::{ArgGroup, Args};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Write the Verilog of kernels and units.
///
/// A folder a design: one file a module, and NAME.f with the list of files, children first, for `verilator -F`.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield emit --kernel smartupdate_l4 -o rtl\n  nearfield emit --all -o rtl")]
#[command(group = ArgGroup::new("what").required(true).multiple(true))]
pub struct Emit {
    /// A kernel's configuration; `nearfield kernels` lists them. May be repeated.
    #[arg(long, value_name = "NAME", group = "what")]
    kernel: Vec<String>,
    /// A unit, `fp32_add` for example. May be repeated.
    #[arg(long, value_name = "NAME", group = "what")]
    unit: Vec<String>,
    /// Every kernel and every unit.
    #[arg(long, group = "what", conflicts_with_all = ["kernel", "unit"])]
    all: bool,
    /// The folder to write to; made if it is missing.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

/// A design that was written.
#[derive(Serialize)]
struct Written {
    name: String,
    top: String,
    files: Vec<PathBuf>,
    list: PathBuf,
}

/// A file of a design.
struct Text {
    path: String,
    text: String,
}

/// A design as text, before anything is written.
struct Design {
    name: String,
    top: String,
    files: Vec<Text>,
}

#[cfg(feature = "sim")]
impl Emit {
    fn designs(&self) -> anyhow::Result<Vec<Design>> {
        use nearfield_abi::kernel::KernelConfig;
        let units = nearfield_hdl::units();
        let mut designs = Vec::new();
        let mut add = |name: String, design: Result<nearfield_hdl::emit::Design, nearfield_hdl::emit::EmitError>| {
            let design = design.with_context(|| format!("{name} cannot be printed"))?;
            let files = design.artifacts.into_iter().map(|a| Text { path: a.path, text: a.text }).collect();
            designs.push(Design { name, top: design.top, files });
            anyhow::Ok(())
        };
        let kernels =
            if self.all { KernelConfig::all().iter().map(KernelConfig::name).collect() } else { self.kernel.clone() };
        for name in kernels {
            let config = KernelConfig::from_name(&name).ok_or_else(|| {
                let names: Vec<String> = KernelConfig::all().iter().map(KernelConfig::name).collect();
                anyhow!("there is no kernel `{name}`; there are {}", names.join(", "))
            })?;
            add(name, nearfield_hdl::kernel::emit(config))?;
        }
        let wanted = if self.all { units.iter().map(|u| u.name.to_string()).collect() } else { self.unit.clone() };
        for name in wanted {
            let unit = units.iter().find(|u| u.name == name).ok_or_else(|| {
                let names: Vec<&str> = units.iter().map(|u| u.name).collect();
                anyhow!("there is no unit `{name}`; there are {}", names.join(", "))
            })?;
            add(name, (unit.emit)())?;
        }
        Ok(designs)
    }
}

#[cfg(not(feature = "sim"))]
impl Emit {
    fn designs(&self) -> anyhow::Result<Vec<Design>> {
        let asked = self.kernel.len() + self.unit.len() + usize::from(self.all);
        Err(anyhow!("the {asked} designs asked for are not in this build; build with --features sim"))
    }
}

impl Emit {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let designs = self.designs().map_err(Failure::refused)?;
        if self.output.exists() && !self.output.is_dir() {
            return Err(Failure::refused(anyhow!("{} is a file; name a folder", self.output.display())));
        }
        let written = designs.iter().map(|d| write(&self.output, d)).collect::<anyhow::Result<Vec<_>>>();
        let written = written.map_err(Failure::failed)?;
        console.result(&written, || {
            let lines: Vec<String> =
                written.iter().map(|w| format!("{}: {} files, {}", w.name, w.files.len(), w.list.display())).collect();
            lines.join("\n")
        })
    }
}

fn write(output: &Path, design: &Design) -> anyhow::Result<Written> {
    let folder = output.join(&design.name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut files = Vec::new();
    let mut list = String::new();
    for file in &design.files {
        let path = folder.join(&file.path);
        fs::write(&path, &file.text).with_context(|| format!("cannot write {}", path.display()))?;
        list += &format!("{}\n", file.path);
        files.push(path);
    }
    let path = folder.join(format!("{}.f", design.name));
    fs::write(&path, list).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Written { name: design.name.clone(), top: design.top.clone(), files, list: path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_design_is_a_folder_with_a_list_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let file = |path: &str| Text { path: path.into(), text: format!("// {path}\n") };
        let design = Design { name: "top_l2".into(), top: "top".into(), files: vec![file("child.v"), file("top.v")] };
        for _ in 0..2 {
            let written = write(folder.path(), &design).unwrap();
            assert_eq!(fs::read_to_string(written.list).unwrap(), "child.v\ntop.v\n");
            assert_eq!(fs::read_to_string(&written.files[0]).unwrap(), "// child.v\n");
        }
    }
}
