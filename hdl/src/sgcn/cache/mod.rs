//! The cache that engines share, and the memory ports behind it.

mod bank;
mod fills;
mod gather;
mod line_address;
mod line_failure;
mod misses;
mod mshrs;
mod plru;
mod read_port;
mod requests;
mod responses;
mod retire;
mod round_robin;
mod tags;
mod tally;
mod whole;
mod write_port;

pub use bank::Bank;
pub use fills::Fills;
pub use gather::Gather;
pub use line_address::LineAddress;
pub use line_failure::LineFailure;
pub use misses::{Misses, PortLine};
pub use mshrs::Mshrs;
pub use plru::{Plru, PlruPoint};
pub use read_port::ReadPort;
pub use requests::{Entrance, Requests};
pub use responses::Responses;
pub use retire::Retire;
pub use round_robin::RoundRobin;
pub use tags::Tags;
pub use tally::Tally;
pub use whole::Cache;
pub use write_port::WritePort;
