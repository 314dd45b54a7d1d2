//! From a printed design to a clocked instance: Verilator, the C++ compiler, a cache of built libraries, a loader.
//!
//! ```no_run
//! # fn add(design: nearfield_hdl::emit::Design) -> Result<(), Box<dyn std::error::Error>> {
//! use nearfield_sim::verilate::{build, Options};
//! let mut adder = build(&design, &Options::default())?.instance();
//! let (clock, a, sum) = (adder.port("clock")?, adder.port("a")?, adder.port("sum")?);
//! adder.set(a, 3);
//! adder.tick(clock);
//! println!("{}", adder.get(sum));
//! # Ok(()) }
//! ```

mod apart;
mod bridge;
mod bundle;
mod cache;
mod error;
mod loader;
mod tool;
mod unset;

pub use bundle::bundle;
pub use cache::folder as cache_folder;
pub use error::{BuildError, EvalError, PortError, TraceError};
pub use loader::{Instance, Library, PortId};

use std::path::PathBuf;

use nearfield_hdl::emit::Design;

/// How a design is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Build with support for FST waves ([`Instance::open_trace`]); about half as fast even while no file is open.
    pub trace: bool,
    /// Let all state begin with pseudo-random values ([`Library::instance_with_seed`]), that with an initial value too, as
    /// x assignments do; or else with the initial values, and zeros.
    pub randomize: bool,
}

/// Builds `design`, or finds it built, and loads it.
///
/// The library lies in a cache under a key made from the sources, the flags and the tools' versions. Any number of
/// processes and threads may ask for the same design at once: one builds, the others wait for it.
///
/// # Errors
///
/// A missing tool (with the Debian package that has it), what Verilator or the compiler has to say of the design, an
/// unusable cache folder.
pub fn build(design: &Design, options: &Options) -> Result<Library, BuildError> {
    let unset = options.randomize.then(|| unset::without_initial_values(design));
    let design = unset.as_ref().unwrap_or(design);
    let tools = tool::Tools::find()?;
    let cache = cache::Cache::open()?;
    let runtime = tools.runtime_key(options);
    let apart = apart::configuration(design);
    let key = cache::Key::of(
        std::iter::once(runtime.text())
            .chain([design.top.as_str(), bridge::VERSION])
            .chain(apart.as_deref())
            .chain(design.ports.iter().map(|p| p.name.as_str()))
            .chain(design.artifacts.iter().flat_map(|a| [a.path.as_str(), a.text.as_str()])),
    );
    let folder = cache.entry(&format!("{}-{key}", design.top), |folder| {
        let runtime = cache.entry(&format!("runtime-{}", runtime.key()), |f| tools.build_runtime(options, f))?;
        tools.build_design(design, options, &runtime, folder)
    })?;
    Library::load(&folder.join(tool::LIBRARY_FILE), design)
}

/// Compiles one C++ source into a shared library, or finds it in the cache; gives its path.
pub(crate) fn build_library(name: &str, source: &str) -> Result<PathBuf, BuildError> {
    let tools = tool::Tools::find()?;
    let key = cache::Key::of([tools.library_key().as_str(), name, source]);
    let folder = cache::Cache::open()?.entry(&format!("{name}-{key}"), |f| tools.build_library(name, source, f))?;
    Ok(folder.join(format!("{name}.so")))
}

#[cfg(test)]
mod tests;
