//! The reads and writes of a step, and nothing else: what its drives take.

use nearfield::disk::{read_exact, write_all, Aligned, DiskFile, Open};
use nearfield::handler::DEPTH;
use nearfield::source::Source;
use nearfield::store::{padded_bytes, Piece, Store};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;

/// Transfers of a store's pieces by as many threads as the handler has, each with buffers of its own.
pub struct Plain {
    pieces: Vec<Piece>,
    source: Arc<dyn Source>,
    /// Of each run, the paths of both sets.
    paths: Vec<[PathBuf; 2]>,
    disk: Arc<dyn nearfield::disk::Disk>,
    piece_elements: u64,
}

impl Plain {
    pub fn new(store: &Store, source: Arc<dyn Source>, piece_elements: u64) -> Plain {
        let pieces = store.layout().subgroups().iter().flat_map(|subgroup| subgroup.pieces(piece_elements)).collect();
        let folder = &store.folders()[0];
        let path = |run: &str, set| folder.join(format!("{run}-{set}.f32"));
        let paths = store.series().runs.iter().map(|run| [path(run, 0), path(run, 1)]).collect();
        Plain { pieces, source, paths, disk: store.disk().clone(), piece_elements }
    }

    /// Bytes that a step reads and writes.
    pub fn bytes(&self) -> (u64, u64) {
        let runs: u64 =
            self.pieces.iter().map(|piece| padded_bytes(piece.elements)).sum::<u64>() * self.paths.len() as u64;
        let grads: u64 = self.pieces.iter().map(|piece| self.source.most_bytes(piece.elements)).sum();
        (runs + grads, runs)
    }

    /// Seconds of reading everything.
    pub fn read(&self, store: &Store) -> io::Result<f64> {
        self.go(store, true, false)
    }

    /// Of writing everything, and syncing.
    pub fn write(&self, store: &Store) -> io::Result<f64> {
        self.go(store, false, true)
    }

    /// Of both, piece by piece.
    pub fn both(&self, store: &Store) -> io::Result<f64> {
        self.go(store, true, true)
    }

    fn go(&self, store: &Store, reads: bool, writes: bool) -> io::Result<f64> {
        // Into the set that does not count, as a step does.
        let set = usize::from(store.manifest().current().set);
        let open = |set: usize, how| -> io::Result<Vec<Arc<dyn DiskFile>>> {
            self.paths.iter().map(|paths| self.disk.open(&paths[set], how)).collect()
        };
        let (from, into) = (open(set, Open::ReadDirect)?, open(1 - set, Open::WriteDirect)?);
        let mut buffers = Vec::new();
        for _ in 0..DEPTH {
            let run = || Aligned::new(4 * self.piece_elements as usize);
            let runs = self.paths.iter().map(|_| run()).collect::<io::Result<Vec<_>>>()?;
            buffers.push((runs, Aligned::new(self.source.most_bytes(self.piece_elements) as usize)?));
        }
        let next = AtomicUsize::new(0);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let threads: Vec<_> = buffers
                .into_iter()
                .map(|(mut runs, mut grads)| {
                    let (from, into, next) = (&from, &into, &next);
                    scope.spawn(move || -> io::Result<()> {
                        while let Some(piece) = self.pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                            let bytes = padded_bytes(piece.elements) as usize;
                            if reads {
                                self.source.read(piece, grads.bytes_mut()).map_err(io::Error::other)?;
                                for (run, file) in runs.iter_mut().zip(from) {
                                    read_exact(file.as_ref(), &mut run.bytes_mut()[..bytes], piece.offset())?;
                                }
                            }
                            if writes {
                                for (run, file) in runs.iter().zip(into) {
                                    write_all(file.as_ref(), &run.bytes()[..bytes], piece.offset())?;
                                }
                            }
                        }
                        Ok(())
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
        })?;
        if writes {
            into.iter().try_for_each(|file| file.sync())?;
        }
        Ok(begun.elapsed().as_secs_f64())
    }
}
