//! One device's share: reads, work and writes side by side.

use super::io::{serve, Carried, Gate, Job, Moved, PartOf, Place, Transfer, THREADS};
use super::{DeviceReport, HalfSink, HandlerError, Plan, Worker, TRANSFER_BOUND};
use crate::disk::{Aligned, DiskFile};
use crate::source::Source;
use crate::step::StepReport;
use crate::store::{damaged, sum_with, Piece, Reading, Store, Sums, Writing};
use nearfield_abi::checksum::Checksum;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a device's step came to.
pub(super) struct Ended {
    /// The checksum of its part, for the commit.
    pub part: u32,
    /// What its new files add up to.
    pub sums: Sums,
    pub report: StepReport,
    pub device: DeviceReport,
}

/// What the coordinator hears.
enum Event {
    Moved(Moved),
    Updated(Box<Update>),
}

impl From<Moved> for Event {
    fn from(moved: Moved) -> Event {
        Event::Moved(moved)
    }
}

/// The buffers of a piece.
struct Memory {
    runs: Vec<Option<Aligned>>,
    gradients: Option<Aligned>,
    half: Option<Aligned>,
    /// Bytes of the gradients.
    gradient_bytes: usize,
}

/// A piece that is updated, in a thread of its own.
struct Update {
    slot: usize,
    piece: Piece,
    memory: Memory,
    seconds: f64,
    result: Result<StepReport, HandlerError>,
}

/// A set of buffers, and the piece in it.
struct Slot {
    memory: Memory,
    piece: Option<Piece>,
    /// Transfers that are not done yet.
    pending: usize,
    /// Whether what is pending are writes.
    updated: bool,
}

impl Memory {
    fn buffer(&mut self, part: PartOf) -> &mut Option<Aligned> {
        match part {
            PartOf::Run(run) => &mut self.runs[run],
            PartOf::Gradients => &mut self.gradients,
            PartOf::Half => &mut self.half,
        }
    }
}

impl Slot {
    /// Hands a buffer, if there is one, to the threads that read and write.
    fn ask(&mut self, place: Place, piece: Piece, transfer: Transfer, jobs: &Sender<Job>) {
        if let Some(buffer) = self.memory.buffer(place.part).take() {
            self.pending += 1;
            // The threads live as long as this sender.
            let _ = jobs.send(Job { place, piece, buffer, transfer });
        }
    }
}

type Files = Vec<(Arc<PathBuf>, Arc<dyn DiskFile>)>;

/// What every device does.
#[derive(Clone)]
pub(super) struct Task {
    pub source: Arc<dyn Source>,
    pub worker: Arc<dyn Worker>,
    pub half: Option<Arc<dyn HalfSink>>,
}

/// A device's share.
pub(super) struct Pipeline<'a> {
    store: &'a Store,
    number: usize,
    task: Task,
    plan: &'a Plan,
    from: Files,
    into: Files,
    writing: Writing,
    /// What the files that are read have to add up to, and what they do; then those that are written.
    expected: Sums,
    read: Sums,
    written: Sums,
    /// The place of each subgroup in those.
    places: Vec<Option<usize>>,
    slots: Vec<Slot>,
    report: StepReport,
    about: DeviceReport,
}

impl<'a> Pipeline<'a> {
    /// `reading` are the files that are read, if there are any; without, buffers hold anything, and the worker fills them.
    pub(super) fn new(
        store: &'a Store,
        number: usize,
        (reading, writing): (Option<Reading>, Writing),
        task: Task,
        plan: &'a Plan,
    ) -> Result<Pipeline<'a>, HandlerError> {
        let shared = |files: &[(PathBuf, Arc<dyn DiskFile>)]| -> Files {
            files.iter().map(|(path, file)| (Arc::new(path.clone()), file.clone())).collect()
        };
        let Reading { files, sums: expected } =
            reading.unwrap_or_else(|| Reading { files: Vec::new(), sums: Vec::new() });
        let (from, into) = (shared(&files), shared(&writing.files));
        let subgroups = store.layout().of_device(number).count();
        let nothing: Sums = vec![vec![Checksum::default(); plan.runs]; subgroups];
        let mut places = vec![None; store.layout().subgroups().len()];
        for (place, subgroup) in store.layout().of_device(number).enumerate() {
            places[subgroup.number] = Some(place);
        }
        let room = |bytes: u64| {
            Aligned::new(bytes as usize).map_err(|source| HandlerError::NoMemory { bytes: plan.bytes(), source })
        };
        let mut slots = Vec::new();
        for _ in 0..plan.slots {
            let runs = (0..plan.runs).map(|_| room(4 * plan.piece_elements).map(Some)).collect::<Result<_, _>>()?;
            let half = if plan.half_bytes > 0 { Some(room(plan.half_bytes)?) } else { None };
            let memory = Memory { runs, gradients: Some(room(plan.grad_bytes)?), half, gradient_bytes: 0 };
            slots.push(Slot { memory, piece: None, pending: 0, updated: false });
        }
        let direct = from.iter().chain(&into).all(|(_, file)| file.is_direct());
        let about = DeviceReport { direct, ..DeviceReport::default() };
        let (read, written) = (nothing.clone(), nothing);
        let report = StepReport::default();
        Ok(Pipeline {
            store,
            number,
            task,
            plan,
            from,
            into,
            writing,
            expected,
            read,
            written,
            places,
            slots,
            report,
            about,
        })
    }

    /// Runs it to the end. `progress` hears how many elements were written, piece by piece.
    pub(super) fn run(mut self, stop: &Arc<AtomicBool>, progress: &mut dyn FnMut(u64)) -> Result<Ended, HandlerError> {
        let begun = Instant::now();
        let (jobs, queue) = mpsc::channel::<Job>();
        let (events, heard) = mpsc::channel::<Event>();
        let (updates, waiting) = mpsc::channel::<Update>();
        // Not scoped: a drive that never answers must not keep the step from ending.
        let queue = Arc::new(Mutex::new(queue));
        let gate = Arc::new(Gate::default());
        for _ in 0..THREADS {
            let (queue, gate, events, stop) = (queue.clone(), gate.clone(), events.clone(), stop.clone());
            std::thread::spawn(move || serve(&queue, &gate, &events, &stop));
        }
        // One for all may be at work for the others first.
        let bound = self.task.worker.bound(self.plan.piece_elements) * self.store.folders().len() as u32;
        let task = self.task.clone();
        std::thread::spawn(move || task.serve(&waiting, &events));
        let moved = self.move_all(&jobs, &updates, &heard, stop, TRANSFER_BOUND + bound, progress);
        drop((jobs, updates));
        moved?;
        self.verify()?;
        let part = self.writing.finish(&self.written)?;
        self.about.seconds = begun.elapsed().as_secs_f64();
        Ok(Ended { part, sums: self.written, report: self.report, device: self.about })
    }

    fn move_all(
        &mut self,
        jobs: &Sender<Job>,
        updates: &Sender<Update>,
        heard: &Receiver<Event>,
        stop: &AtomicBool,
        bound: Duration,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), HandlerError> {
        let subgroups: Vec<_> = self.store.layout().of_device(self.number).copied().collect();
        let each = self.plan.piece_elements;
        let mut pieces = subgroups.into_iter().flat_map(|subgroup| subgroup.pieces(each));
        let mut free: Vec<usize> = (0..self.slots.len()).collect();
        let mut under_way = 0;
        loop {
            if stop.load(Ordering::Relaxed) {
                return Err(HandlerError::Stopped);
            }
            while let Some(slot) = free.pop() {
                let Some(piece) = pieces.next() else {
                    free.push(slot);
                    break;
                };
                self.read(slot, piece, jobs);
                under_way += 1;
            }
            if under_way == 0 {
                return Ok(());
            }
            let event = heard.recv_timeout(bound).map_err(|error| match error {
                RecvTimeoutError::Timeout => HandlerError::Stalled { device: self.number, seconds: bound.as_secs() },
                // All threads are gone, which only a panic of theirs does.
                RecvTimeoutError::Disconnected => HandlerError::Stopped,
            })?;
            match event {
                Event::Moved(moved) => {
                    if let Some(slot) = self.moved(moved, updates)? {
                        progress(self.slots[slot].piece.take().map_or(0, |piece| piece.elements));
                        free.push(slot);
                        under_way -= 1;
                    }
                }
                Event::Updated(update) => self.updated(*update, jobs)?,
            }
        }
    }

    /// Asks for everything of a piece.
    fn read(&mut self, slot: usize, piece: Piece, jobs: &Sender<Job>) {
        let here = &mut self.slots[slot];
        (here.piece, here.updated) = (Some(piece), false);
        let source = self.task.source.clone();
        here.ask(Place { slot, part: PartOf::Gradients }, piece, Transfer::ReadGradients { source }, jobs);
        for (run, (path, file)) in self.from.iter().enumerate() {
            let transfer = Transfer::Read { path: path.clone(), file: file.clone() };
            here.ask(Place { slot, part: PartOf::Run(run) }, piece, transfer, jobs);
        }
    }

    /// Takes what a transfer came to; gives the slot if its piece is done.
    fn moved(&mut self, moved: Moved, updates: &Sender<Update>) -> Result<Option<usize>, HandlerError> {
        let Moved { place: Place { slot, part }, buffer, result } = moved;
        let here = &mut self.slots[slot];
        here.pending -= 1;
        *here.memory.buffer(part) = Some(buffer);
        let Some(piece) = here.piece else { return Ok(None) };
        match (result?, part) {
            (Carried::Elements(sum, bytes), PartOf::Run(run)) => {
                let (sums, total) = match here.updated {
                    false => (&mut self.read, &mut self.about.read_bytes),
                    true => (&mut self.written, &mut self.about.written_bytes),
                };
                *total += bytes;
                if let Some(place) = self.places[piece.subgroup.number] {
                    sums[place][run] = sum_with(sums[place][run], sum, piece.first);
                }
            }
            (Carried::Gradients(bytes), _) => here.memory.gradient_bytes = bytes,
            _ => {}
        }
        if here.pending > 0 {
            return Ok(None);
        }
        if here.updated {
            return Ok(Some(slot));
        }
        let nothing = Memory { runs: Vec::new(), gradients: None, half: None, gradient_bytes: 0 };
        let memory = std::mem::replace(&mut here.memory, nothing);
        let _ = updates.send(Update { slot, piece, memory, seconds: 0.0, result: Ok(StepReport::default()) });
        Ok(None)
    }

    /// Asks for everything of an updated piece to be written.
    fn updated(&mut self, update: Update, jobs: &Sender<Job>) -> Result<(), HandlerError> {
        let Update { slot, piece, memory, seconds, result } = update;
        self.report.add(&result?);
        self.about.update_seconds += seconds;
        let here = &mut self.slots[slot];
        (here.memory, here.updated) = (memory, true);
        for (run, (path, file)) in self.into.iter().enumerate() {
            let transfer = Transfer::Write { path: path.clone(), file: file.clone() };
            here.ask(Place { slot, part: PartOf::Run(run) }, piece, transfer, jobs);
        }
        if let Some(sink) = &self.task.half {
            here.ask(Place { slot, part: PartOf::Half }, piece, Transfer::WriteHalf { sink: sink.clone() }, jobs);
        }
        Ok(())
    }

    /// Compares what was read with what had been written.
    fn verify(&self) -> Result<(), HandlerError> {
        // Of what was not read nothing is expected.
        for ((subgroup, said), found) in self.store.layout().of_device(self.number).zip(&self.expected).zip(&self.read)
        {
            for (run, (said, found)) in said.iter().zip(found).enumerate() {
                if said != found {
                    return Err(damaged(self.from[run].0.to_path_buf(), subgroup.number, *said, *found).into());
                }
            }
        }
        Ok(())
    }
}

impl Task {
    /// What the thread does that works on pieces.
    fn serve(&self, waiting: &Receiver<Update>, events: &Sender<Event>) {
        while let Ok(mut update) = waiting.recv() {
            let begun = Instant::now();
            update.result = self.work(&update.piece, &mut update.memory);
            update.seconds = begun.elapsed().as_secs_f64();
            if events.send(Event::Updated(Box::new(update))).is_err() {
                return;
            }
        }
    }

    fn work(&self, piece: &Piece, memory: &mut Memory) -> Result<StepReport, HandlerError> {
        let elements = piece.elements as usize;
        let Memory { runs, gradients, half, gradient_bytes } = memory;
        let bytes = gradients.as_ref().map_or(&[][..], |gradients| &gradients.bytes()[..*gradient_bytes]);
        let grads = self.source.form().view(piece, bytes)?;
        let runs = runs.iter_mut().flatten().map(|run| &mut run.floats_mut()[..elements]).collect();
        let half = half.as_mut().map(|copy| {
            let halves: &mut [u16] = bytemuck::cast_slice_mut(copy.bytes_mut());
            &mut halves[..elements]
        });
        self.worker.work(piece, runs, grads, half)
    }
}
