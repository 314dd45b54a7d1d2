//! The one place that loads built libraries and touches a Verilated model's memory.

use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use nearfield_hdl::emit::{Design, Port};

use super::error::{BuildError, EvalError, PortError, TraceError};

/// What `nf_ports` of the bridge fills in.
#[repr(C)]
#[derive(Clone, Copy)]
struct RawPort {
    name: *const c_char,
    bits: u32,
    output: u32,
    data: *mut c_void,
}

/// The functions of `bridge.rs`. They stay valid as long as `_library` is loaded, which drops with this.
struct Functions {
    new: unsafe extern "C" fn(u32) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    eval: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    ports: unsafe extern "C" fn(*mut c_void, *mut RawPort, u32) -> u32,
    trace_open: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
    trace_close: unsafe extern "C" fn(*mut c_void),
    top: String,
    ports_declared: Vec<Port>,
    _library: libloading::Library,
}

/// A built design, loaded; cheap to clone.
#[derive(Clone)]
pub struct Library(Arc<Functions>);

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Library({})", self.0.top)
    }
}

impl Library {
    /// Loads the library that [`super::build`] made of `design`.
    pub(super) fn load(path: &Path, design: &Design) -> Result<Library, BuildError> {
        let failed = |source| BuildError::Load { path: path.to_owned(), source };
        // SAFETY: the file lies in a cache that only this user can write, and was made by `tool.rs`; it has no
        // constructors but those of Verilator's run-time library.
        let library = unsafe { libloading::Library::new(path) }.map_err(failed)?;
        /// The function `name`, which the bridge declares with the type wanted here.
        fn function<T: Copy>(library: &libloading::Library, name: &[u8]) -> Result<T, libloading::Error> {
            // SAFETY: `T` is the type of this function in `bridge.rs`, and both are changed together.
            unsafe { library.get::<T>(name) }.map(|symbol| *symbol)
        }
        let functions = Functions {
            new: function(&library, b"nf_new\0").map_err(failed)?,
            free: function(&library, b"nf_free\0").map_err(failed)?,
            eval: function(&library, b"nf_eval\0").map_err(failed)?,
            ports: function(&library, b"nf_ports\0").map_err(failed)?,
            trace_open: function(&library, b"nf_trace_open\0").map_err(failed)?,
            trace_close: function(&library, b"nf_trace_close\0").map_err(failed)?,
            top: design.top.clone(),
            ports_declared: design.ports.clone(),
            _library: library,
        };
        let library = Library(Arc::new(functions));
        let model = Model::new(&library.0, 0);
        model.ports().map_err(|reason| BuildError::Interface { path: path.to_owned(), reason })?;
        Ok(library)
    }

    /// A new model of the design with its own state, all zero unless the library was built to randomize it, then with
    /// seed 1.
    pub fn instance(&self) -> Instance {
        self.instance_with_seed(1)
    }

    /// A new model whose unset state comes from `seed`, if the library was built with [`super::Options::randomize`].
    ///
    /// # Panics
    ///
    /// When there is no memory for it.
    pub fn instance_with_seed(&self, seed: u32) -> Instance {
        let model = Model::new(&self.0, seed);
        let slots = model.ports().expect("the ports were checked when the library was loaded");
        Instance { slots, model }
    }

    /// The top module's ports.
    pub fn ports(&self) -> &[Port] {
        &self.0.ports_declared
    }
}

/// A model of the C++ side. Every pointer that `nf_ports` gives lives as long as it does.
struct Model {
    handle: NonNull<c_void>,
    functions: Arc<Functions>,
}

// SAFETY: a model has no ties to the thread that made it (`nf_new` gives it a context of its own), and it is used
// through `&mut` or read through `&`, never from two threads at once, as it is not `Sync`.
unsafe impl Send for Model {}

impl Model {
    fn new(functions: &Arc<Functions>, seed: u32) -> Model {
        // SAFETY: `nf_new` may be called at any time, and catches what it throws.
        let handle = unsafe { (functions.new)(seed) };
        let handle = NonNull::new(handle).expect("no memory for a model");
        Model { handle, functions: functions.clone() }
    }

    /// Where each port lies, in the order of the design's ports, or how the library differs from the design.
    fn ports(&self) -> Result<Vec<Slot>, String> {
        let declared = &self.functions.ports_declared;
        let empty = RawPort { name: std::ptr::null(), bits: 0, output: 0, data: std::ptr::null_mut() };
        let mut raw = vec![empty; declared.len()];
        let capacity = raw.len() as u32;
        // SAFETY: the model is alive, and `raw` has room for `capacity` ports; the bridge writes none if its own number
        // of ports is another.
        let count = unsafe { (self.functions.ports)(self.handle.as_ptr(), raw.as_mut_ptr(), capacity) };
        if count != capacity {
            return Err(format!("{count} ports instead of {capacity}"));
        }
        let slot = |(raw, port): (&RawPort, &Port)| {
            // SAFETY: the bridge fills `name` with a string literal of the library.
            let name = unsafe { CStr::from_ptr(raw.name) }.to_string_lossy();
            if name != port.name || raw.bits as usize != port.bits || (raw.output != 0) != port.output {
                return Err(format!("`{name}` of {} bits instead of `{}` of {}", raw.bits, port.name, port.bits));
            }
            let storage = match raw.bits {
                0..=8 => Storage::U8(raw.data.cast()),
                9..=16 => Storage::U16(raw.data.cast()),
                17..=32 => Storage::U32(raw.data.cast()),
                33..=64 => Storage::U64(raw.data.cast()),
                _ => Storage::Words(raw.data.cast()),
            };
            Ok(Slot { storage, bits: raw.bits, output: port.output })
        };
        raw.iter().zip(declared).map(slot).collect()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: `nf_new` made it, and nothing uses it after this.
        unsafe { (self.functions.free)(self.handle.as_ptr()) }
    }
}

/// Verilator's storage of a port: the smallest of CData, SData, IData, QData that holds it, or 32-bit words, the lowest
/// first. The bridge asserts the sizes.
#[derive(Clone, Copy)]
enum Storage {
    U8(*mut u8),
    U16(*mut u16),
    U32(*mut u32),
    U64(*mut u64),
    Words(*mut u32),
}

#[derive(Clone, Copy)]
struct Slot {
    storage: Storage,
    bits: u32,
    output: bool,
}

/// A port of one design. Handles belong to the design that gave them; another's ports have other numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortId(usize);

/// A running model of a design.
pub struct Instance {
    slots: Vec<Slot>,
    model: Model,
}

// SAFETY: `slots` point into `model`, which may be sent; see there.
unsafe impl Send for Instance {}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance({})", self.model.functions.top)
    }
}

impl Instance {
    /// The port of this name.
    ///
    /// # Errors
    ///
    /// There is none; the error lists those there are.
    pub fn port(&self, name: &str) -> Result<PortId, PortError> {
        let ports = &self.model.functions.ports_declared;
        ports.iter().position(|p| p.name == name).map(PortId).ok_or_else(|| PortError {
            name: name.to_string(),
            ports: ports.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The width of a port in bits.
    pub fn bits(&self, port: PortId) -> u32 {
        self.slots[port.0].bits
    }

    /// Drives an input of at most 64 bits. Outputs follow with the next [`Instance::eval`].
    ///
    /// # Panics
    ///
    /// The port is an output or wider than 64 bits, or the value is wider than the port.
    #[inline]
    pub fn set(&mut self, port: PortId, value: u64) {
        let slot = self.slots[port.0];
        assert!(!slot.output, "port {} of {self:?} is an output", port.0);
        assert!(slot.bits >= 64 || value >> slot.bits == 0, "{value:#x} does not fit {} bits", slot.bits);
        // SAFETY: the pointer is that of a port of the model, alive as long as `self`, of the type that `Storage` says;
        // `&mut self` keeps others out.
        unsafe {
            match slot.storage {
                Storage::U8(p) => *p = value as u8,
                Storage::U16(p) => *p = value as u16,
                Storage::U32(p) => *p = value as u32,
                Storage::U64(p) => *p = value,
                Storage::Words(_) => panic!("a port of {} bits takes set_words", slot.bits),
            }
        }
    }

    /// The value of a port of at most 64 bits.
    ///
    /// # Panics
    ///
    /// The port is wider than 64 bits.
    #[inline]
    pub fn get(&self, port: PortId) -> u64 {
        let slot = self.slots[port.0];
        // SAFETY: as in `set`; a model changes only through `&mut self`.
        unsafe {
            match slot.storage {
                Storage::U8(p) => u64::from(*p),
                Storage::U16(p) => u64::from(*p),
                Storage::U32(p) => u64::from(*p),
                Storage::U64(p) => *p,
                Storage::Words(_) => panic!("a port of {} bits takes words", slot.bits),
            }
        }
    }

    /// Drives an input of any width with 32-bit words, the lowest first.
    ///
    /// # Panics
    ///
    /// The port is an output, or the number of words or a bit past its width does not fit.
    pub fn set_words(&mut self, port: PortId, words: &[u32]) {
        let slot = self.slots[port.0];
        assert_eq!(words.len(), slot.bits.div_ceil(32) as usize, "words of a port of {} bits", slot.bits);
        let Storage::Words(p) = slot.storage else {
            return self.set(port, words.iter().rev().fold(0, |value, &w| value << 32 | u64::from(w)));
        };
        assert!(!slot.output, "port {} of {self:?} is an output", port.0);
        let past = slot.bits % 32;
        assert!(past == 0 || words[words.len() - 1] >> past == 0, "bits past the port's width of {}", slot.bits);
        // SAFETY: as in `set`; the bridge asserts that this many words lie there, and `words` is not among them, as no
        // reference into the model outlives a `&mut self`.
        unsafe { std::ptr::copy_nonoverlapping(words.as_ptr(), p, words.len()) }
    }

    /// The value of a port wider than 64 bits: 32-bit words, the lowest first.
    ///
    /// # Panics
    ///
    /// The port has at most 64 bits.
    pub fn words(&self, port: PortId) -> &[u32] {
        let slot = self.slots[port.0];
        let Storage::Words(p) = slot.storage else { panic!("a port of {} bits takes get", slot.bits) };
        // SAFETY: as in `set_words`; the slice borrows `self`, which must not change while it lives.
        unsafe { std::slice::from_raw_parts(p, slot.bits.div_ceil(32) as usize) }
    }

    /// Lets the design settle on its inputs and clocks.
    ///
    /// # Errors
    ///
    /// Verilator gave up: a combinational loop that does not settle.
    pub fn try_eval(&mut self) -> Result<(), EvalError> {
        // SAFETY: the model is alive; the bridge catches what it throws.
        let message = unsafe { (self.model.functions.eval)(self.model.handle.as_ptr()) };
        if message.is_null() {
            return Ok(());
        }
        // SAFETY: a message is a C string that the model keeps until its next evaluation.
        let message = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
        Err(EvalError { top: self.model.functions.top.clone(), message })
    }

    /// [`Instance::try_eval`] where a design that does not settle is a mistake of the program.
    ///
    /// # Panics
    ///
    /// Verilator gave up.
    #[inline]
    pub fn eval(&mut self) {
        if let Err(error) = self.try_eval() {
            panic!("{error}");
        }
    }

    /// One cycle: clock low, settle, clock high, settle.
    ///
    /// # Panics
    ///
    /// As [`Instance::eval`].
    pub fn tick(&mut self, clock: PortId) {
        self.set(clock, 0);
        self.eval();
        self.set(clock, 1);
        self.eval();
    }

    /// Writes waves (FST) of every evaluation from now on to `path`, one time unit an evaluation.
    ///
    /// # Errors
    ///
    /// The design was built without waves, or the file cannot be written.
    pub fn open_trace(&mut self, path: &Path) -> Result<(), TraceError> {
        let file = || TraceError::File(path.to_owned());
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| file())?;
        // SAFETY: the model is alive and `name` is a C string.
        match unsafe { (self.model.functions.trace_open)(self.model.handle.as_ptr(), name.as_ptr()) } {
            0 => Ok(()),
            1 => Err(TraceError::NotBuilt(self.model.functions.top.clone())),
            _ => Err(file()),
        }
    }

    /// Ends the waves' file; without one nothing happens. Dropping the instance does the same.
    pub fn close_trace(&mut self) {
        // SAFETY: the model is alive.
        unsafe { (self.model.functions.trace_close)(self.model.handle.as_ptr()) }
    }
}
