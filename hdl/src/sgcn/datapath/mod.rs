//! An engine's datapath: lines in any order and descriptors in, bursts of finished rows out.

mod decode;
mod drain;
mod feed;
mod gather;
mod lane;
mod lanes;
mod output;
mod ranks;
mod split;
mod step;
mod whole;
mod window;

pub use decode::Decode;
pub use drain::Drain;
pub use feed::Feed;
pub use gather::Gather;
pub use lane::Lane;
pub use lanes::Lanes;
pub use output::Output;
pub use ranks::Ranks;
pub use split::Split;
pub use step::Step;
pub use whole::Datapath;
pub use window::Window;
