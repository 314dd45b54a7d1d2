//! What is written is read back; a file like a vendor's is read; what is broken is refused.

mod handmade;
mod malformed;
mod round_trip;
mod vendor;
mod verdict;
