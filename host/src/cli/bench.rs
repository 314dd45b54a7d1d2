//! `nearfield bench`: how fast a kernel is, and its simulation, and what the host does itself.

mod aggregate;
mod compress;
mod kernel;
mod roofline;
mod store;

use super::console::Console;
use super::failure::Failure;
use clap::{Args, Subcommand};

/// Measure.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield bench kernel --device sim:ideal,lanes=4")]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// One optimizer step on made-up tensors, for every combination of what is named.
    ///
    /// Prints the kernel's own figures, what they mean at the board's clock and memory, and the speed of the simulation in
    /// cycles and elements a second of wall-clock time, copies to and from the device included. `soft` does a step before
    /// the one that is measured, so that the system's handing out of memory is not in the figure.
    #[command(after_help = "Example:\n  nearfield bench kernel --device sim:smartssd --elements 1000000 --json\n  \
nearfield bench kernel --device sim:smartssd,lanes=2 --device sim:smartssd,lanes=4 --grads fp32,topk-fp16 --half none,fp16 \
--clock 250,300 --plot roofline.svg")]
    Kernel(kernel::Kernel),
    /// Find the largest elements of a made-up gradient.
    ///
    /// Prints elements a second: reading the run and nothing else, selecting, writing a stream too, and with error
    /// feedback. The fastest of several rounds counts.
    #[command(after_help = "Example:\n  nearfield bench compress --ratio 0.01 --json")]
    Compress(compress::Compress),
    /// Aggregate a graph's features on this machine's CPU, from each layout, against a plain loop over dense rows.
    #[command(after_help = "Example:\n  nearfield bench aggregate --graph pubmed --density 1,0.5,0.3 --json")]
    Aggregate(aggregate::Aggregate),
    /// One optimizer step of a store on this machine's CPU, against its transfers alone and its update alone.
    ///
    /// Prints what a step takes, what the same reads and writes take without an update, what the update takes from memory, and the
    /// memory a step has. With --json it is what `nearfield plan --measured` reads.
    #[command(
        after_help = "Example:\n  nearfield bench store --folder /mnt/ssd0 --elements 268435456 --json > measured.json"
    )]
    Store(store::BenchStore),
}

impl Bench {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        match self.what {
            What::Kernel(kernel) => kernel.run(console),
            What::Aggregate(aggregate) => aggregate.run(console),
            What::Compress(compress) => compress.run(console),
            What::Store(store) => store.run(console),
        }
    }
}
