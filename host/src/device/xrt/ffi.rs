//! XRT's native C interface, opened at run time. The one place that calls it.
//!
//! Only the helper process comes here: XRT aborts, waits for any child and signals its process group. Handles of XRT are
//! wrapped so that a buffer, a kernel or a run cannot be used after its device, and so that no copy leaves its buffer;
//! XRT checks neither everywhere. What it has to say of an error it prints on standard error.

use super::failure::CallError;
use std::ffi::{c_char, c_int, c_uint, c_void, CString, NulError};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::ptr::NonNull;
use std::rc::Rc;

use c_int as State;

type Handle = *mut c_void;

/// Which way a buffer is synchronised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the host's copy to the device.
    ToDevice = 0,
    /// From the device to the host's copy.
    FromDevice = 1,
}

/// Declares the functions that are used: field, name in the library, type in XRT's headers. XRT exports `xrtRunSetArgV` under
/// its name in C++, from 2.13 on to 2.16 at least.
macro_rules! functions {
    ($($field:ident = $name:literal: $kind:ty;)*) => {
        struct Functions {
            $($field: $kind,)*
            _library: libloading::Library,
        }

        impl Functions {
            fn find(library: libloading::Library) -> Result<Functions, libloading::Error> {
                Ok(Functions {
                    // SAFETY: the type is what xrt_device.h, xrt_bo.h and xrt_kernel.h declare for this name.
                    $($field: unsafe { *library.get::<$kind>($name) ? },)*
                    _library: library,
                })
            }
        }
    };
}

functions! {
    device_open = b"xrtDeviceOpen\0": unsafe extern "C" fn(c_uint) -> Handle;
    device_open_by_bdf = b"xrtDeviceOpenByBDF\0": unsafe extern "C" fn(*const c_char) -> Handle;
    device_close = b"xrtDeviceClose\0": unsafe extern "C" fn(Handle) -> c_int;
    device_load = b"xrtDeviceLoadXclbinFile\0": unsafe extern "C" fn(Handle, *const c_char) -> c_int;
    device_uuid = b"xrtDeviceGetXclbinUUID\0": unsafe extern "C" fn(Handle, *mut u8) -> c_int;
    bo_alloc = b"xrtBOAlloc\0": unsafe extern "C" fn(Handle, usize, u64, u32) -> Handle;
    bo_sub = b"xrtBOSubAlloc\0": unsafe extern "C" fn(Handle, usize, usize) -> Handle;
    bo_free = b"xrtBOFree\0": unsafe extern "C" fn(Handle) -> c_int;
    bo_address = b"xrtBOAddress\0": unsafe extern "C" fn(Handle) -> u64;
    bo_map = b"xrtBOMap\0": unsafe extern "C" fn(Handle) -> *mut c_void;
    bo_sync = b"xrtBOSync\0": unsafe extern "C" fn(Handle, c_int, usize, usize) -> c_int;
    kernel_open = b"xrtPLKernelOpenExclusive\0": unsafe extern "C" fn(Handle, *const u8, *const c_char) -> Handle;
    kernel_close = b"xrtKernelClose\0": unsafe extern "C" fn(Handle) -> c_int;
    kernel_group = b"xrtKernelArgGroupId\0": unsafe extern "C" fn(Handle, c_int) -> c_int;
    kernel_read = b"xrtKernelReadRegister\0": unsafe extern "C" fn(Handle, u32, *mut u32) -> c_int;
    run_open = b"xrtRunOpen\0": unsafe extern "C" fn(Handle) -> Handle;
    run_set_buffer = b"xrtRunSetArg\0": unsafe extern "C" fn(Handle, c_int, ...) -> c_int;
    run_set_bytes = b"_Z13xrtRunSetArgVPviPKvm\0": unsafe extern "C" fn(Handle, c_int, *const c_void, usize) -> c_int;
    run_start = b"xrtRunStart\0": unsafe extern "C" fn(Handle) -> c_int;
    run_state = b"xrtRunState\0": unsafe extern "C" fn(Handle) -> State;
    run_close = b"xrtRunClose\0": unsafe extern "C" fn(Handle) -> c_int;
}

fn failed(call: &'static str, arguments: String) -> CallError {
    CallError { call, arguments, why: None }
}

fn text(call: &'static str, value: &[u8]) -> Result<CString, CallError> {
    CString::new(value).map_err(|error: NulError| CallError {
        call,
        arguments: String::from_utf8_lossy(value).into_owned(),
        why: Some(error.to_string()),
    })
}

/// `libxrt_coreutil`, loaded.
#[derive(Clone)]
pub struct Xrt(Rc<Functions>);

impl Xrt {
    /// Loads the library. The environment XRT wants must be set already.
    ///
    /// # Errors
    ///
    /// The library cannot be loaded, or lacks a function.
    pub fn load(path: &Path) -> Result<Xrt, libloading::Error> {
        // SAFETY: the file is XRT's, named by the search in `library.rs` or by the user; its constructors are XRT's own.
        let library = unsafe { libloading::Library::new(path) }?;
        Ok(Xrt(Rc::new(Functions::find(library)?)))
    }

    /// Opens the device with this index.
    pub fn open_index(&self, index: u32) -> Result<Device, CallError> {
        // SAFETY: the function takes any number.
        let handle = unsafe { (self.0.device_open)(index) };
        self.device(handle, "xrtDeviceOpen", index.to_string())
    }

    /// Opens the device at this place on the bus, `0000:65:00.1`.
    pub fn open_bdf(&self, bdf: &str) -> Result<Device, CallError> {
        let name = text("xrtDeviceOpenByBDF", bdf.as_bytes())?;
        // SAFETY: `name` is a C string that lives through the call.
        let handle = unsafe { (self.0.device_open_by_bdf)(name.as_ptr()) };
        self.device(handle, "xrtDeviceOpenByBDF", bdf.to_string())
    }

    fn device(&self, handle: Handle, call: &'static str, arguments: String) -> Result<Device, CallError> {
        let handle = NonNull::new(handle).ok_or_else(|| failed(call, arguments))?;
        Ok(Device(Rc::new(OpenDevice { xrt: self.clone(), handle })))
    }
}

struct OpenDevice {
    xrt: Xrt,
    handle: NonNull<c_void>,
}

impl Drop for OpenDevice {
    fn drop(&mut self) {
        // SAFETY: the handle came from opening and is closed once; buffers, kernels and runs hold an `Rc` of this.
        unsafe { (self.xrt.0.device_close)(self.handle.as_ptr()) };
    }
}

/// An open device. It is closed when it and everything made from it is dropped.
#[derive(Clone)]
pub struct Device(Rc<OpenDevice>);

impl Device {
    fn functions(&self) -> &Functions {
        &self.0.xrt.0
    }

    /// Loads an xclbin and gives its UUID.
    pub fn load(&self, xclbin: &Path) -> Result<[u8; 16], CallError> {
        let name = text("xrtDeviceLoadXclbinFile", xclbin.as_os_str().as_bytes())?;
        // SAFETY: the handle is open, `name` is a C string that lives through the call.
        let code = unsafe { (self.functions().device_load)(self.0.handle.as_ptr(), name.as_ptr()) };
        if code != 0 {
            return Err(failed("xrtDeviceLoadXclbinFile", xclbin.display().to_string()));
        }
        let mut uuid = [0; 16];
        // SAFETY: a uuid has 16 bytes.
        let code = unsafe { (self.functions().device_uuid)(self.0.handle.as_ptr(), uuid.as_mut_ptr()) };
        if code != 0 {
            return Err(failed("xrtDeviceGetXclbinUUID", xclbin.display().to_string()));
        }
        Ok(uuid)
    }

    /// Allocates `bytes` in a memory group.
    pub fn allocate(&self, bytes: usize, flags: u64, group: u32) -> Result<Buffer, CallError> {
        // SAFETY: the handle is open; the function takes any size, flags and group.
        let handle = unsafe { (self.functions().bo_alloc)(self.0.handle.as_ptr(), bytes, flags, group) };
        let describe = || format!("{bytes} bytes, flags {flags:#x}, group {group}");
        let handle = NonNull::new(handle).ok_or_else(|| failed("xrtBOAlloc", describe()))?;
        Ok(Buffer { device: self.clone(), handle, bytes, parent: None })
    }

    /// Opens a compute unit for this process alone, `smartupdate:{smartupdate_1}`.
    pub fn kernel(&self, uuid: &[u8; 16], name: &str) -> Result<Kernel, CallError> {
        let c_name = text("xrtPLKernelOpenExclusive", name.as_bytes())?;
        // SAFETY: the handle is open, a uuid has 16 bytes, `c_name` lives through the call.
        let handle = unsafe { (self.functions().kernel_open)(self.0.handle.as_ptr(), uuid.as_ptr(), c_name.as_ptr()) };
        let handle = NonNull::new(handle).ok_or_else(|| failed("xrtPLKernelOpenExclusive", name.to_string()))?;
        Ok(Kernel(Rc::new(OpenKernel { device: self.clone(), handle })))
    }
}

/// A buffer object.
pub struct Buffer {
    device: Device,
    handle: NonNull<c_void>,
    bytes: usize,
    /// A part of another buffer keeps that one.
    parent: Option<Rc<Buffer>>,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the handle came from allocation and is freed once, before its parent and its device.
        unsafe { (self.device.functions().bo_free)(self.handle.as_ptr()) };
        self.parent = None;
    }
}

impl Buffer {
    /// The part of `bytes` bytes from `offset` on.
    pub fn part(self: &Rc<Buffer>, bytes: usize, offset: usize) -> Result<Buffer, CallError> {
        self.check("xrtBOSubAlloc", offset, bytes)?;
        // SAFETY: the handle is live, the range lies in the buffer.
        let handle = unsafe { (self.device.functions().bo_sub)(self.handle.as_ptr(), bytes, offset) };
        let handle =
            NonNull::new(handle).ok_or_else(|| failed("xrtBOSubAlloc", format!("{bytes} bytes from {offset}")))?;
        Ok(Buffer { device: self.device.clone(), handle, bytes, parent: Some(self.clone()) })
    }

    /// Device address of the first byte.
    pub fn address(&self) -> u64 {
        // SAFETY: the handle is live.
        unsafe { (self.device.functions().bo_address)(self.handle.as_ptr()) }
    }

    fn check(&self, call: &'static str, offset: usize, length: usize) -> Result<(), CallError> {
        match offset.checked_add(length) {
            Some(end) if end <= self.bytes => Ok(()),
            _ => Err(CallError {
                call,
                arguments: format!("{length} bytes from {offset} of {}", self.bytes),
                why: Some("the range leaves the buffer".into()),
            }),
        }
    }

    /// Where the process sees the range. XRT maps a buffer once, whatever part of it is asked for.
    fn mapped(&self, offset: usize, length: usize) -> Result<NonNull<u8>, CallError> {
        self.check("xrtBOMap", offset, length)?;
        // SAFETY: the handle is live.
        let base = unsafe { (self.device.functions().bo_map)(self.handle.as_ptr()) };
        let base = NonNull::new(base.cast::<u8>())
            .ok_or_else(|| failed("xrtBOMap", format!("{} bytes at {:#x}", self.bytes, self.address())))?;
        // SAFETY: the mapping has `bytes` bytes, and `offset` is at most that.
        Ok(unsafe { base.add(offset) })
    }

    /// Brings a range of the host's copy and the device's memory into agreement.
    pub fn sync(&self, direction: Direction, offset: usize, length: usize) -> Result<(), CallError> {
        self.check("xrtBOSync", offset, length)?;
        // SAFETY: the handle is live, the range lies in the buffer; hardware emulation does not check that itself.
        let code =
            unsafe { (self.device.functions().bo_sync)(self.handle.as_ptr(), direction as c_int, length, offset) };
        if code != 0 {
            let way = format!("{direction:?}, {length} bytes from {offset} of the buffer at {:#x}", self.address());
            return Err(failed("xrtBOSync", way));
        }
        Ok(())
    }

    /// Copies `data` into the mapping.
    pub fn copy_in(&self, offset: usize, data: &[u8]) -> Result<(), CallError> {
        let to = self.mapped(offset, data.len())?;
        // SAFETY: the mapping has room for the range, and no slice of Rust's lies in it.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), to.as_ptr(), data.len()) };
        Ok(())
    }

    /// Copies from the mapping into `data`.
    pub fn copy_out(&self, offset: usize, data: &mut [u8]) -> Result<(), CallError> {
        let from = self.mapped(offset, data.len())?;
        // SAFETY: as in `copy_in`.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), data.as_mut_ptr(), data.len()) };
        Ok(())
    }

    /// Reads from a file straight into the mapping: with a peer-to-peer buffer that is the device's memory.
    pub fn load(&self, offset: usize, length: usize, file: &File, at: u64) -> Result<io::Result<()>, CallError> {
        let to = self.mapped(offset, length)?;
        // SAFETY: the range lies in the mapping, which lives as long as `self`; nothing else in this process looks at it
        // meanwhile. The kernel writes it through the system call.
        let slice = unsafe { std::slice::from_raw_parts_mut(to.as_ptr(), length) };
        Ok(file.read_exact_at(slice, at))
    }

    /// Writes from the mapping straight into a file.
    pub fn store(&self, offset: usize, length: usize, file: &File, at: u64) -> Result<io::Result<()>, CallError> {
        let from = self.mapped(offset, length)?;
        // SAFETY: as in `load`.
        let slice = unsafe { std::slice::from_raw_parts(from.as_ptr(), length) };
        Ok(file.write_all_at(slice, at))
    }
}

struct OpenKernel {
    device: Device,
    handle: NonNull<c_void>,
}

impl Drop for OpenKernel {
    fn drop(&mut self) {
        // SAFETY: the handle came from opening and is closed once; runs hold an `Rc` of this.
        unsafe { (self.device.functions().kernel_close)(self.handle.as_ptr()) };
    }
}

/// A compute unit, open exclusively.
#[derive(Clone)]
pub struct Kernel(Rc<OpenKernel>);

impl Kernel {
    fn functions(&self) -> &Functions {
        self.0.device.functions()
    }

    /// The memory group that a pointer argument is linked to.
    pub fn group(&self, argument: usize) -> Result<u32, CallError> {
        // SAFETY: the handle is open; an argument that is not there is answered with -1.
        let group = unsafe { (self.functions().kernel_group)(self.0.handle.as_ptr(), argument as c_int) };
        u32::try_from(group).map_err(|_| failed("xrtKernelArgGroupId", format!("argument {argument}")))
    }

    /// Reads a register.
    pub fn register(&self, offset: u32) -> Result<u32, CallError> {
        let mut value = 0;
        // SAFETY: the handle is open, `value` lives through the call.
        let code = unsafe { (self.functions().kernel_read)(self.0.handle.as_ptr(), offset, &mut value) };
        if code != 0 {
            return Err(failed("xrtKernelReadRegister", format!("{offset:#x}")));
        }
        Ok(value)
    }

    /// A run of this unit, whose arguments are to be set.
    pub fn run(&self) -> Result<Run, CallError> {
        // SAFETY: the handle is open.
        let handle = unsafe { (self.functions().run_open)(self.0.handle.as_ptr()) };
        let handle = NonNull::new(handle).ok_or_else(|| failed("xrtRunOpen", String::new()))?;
        Ok(Run { kernel: self.clone(), handle })
    }
}

/// A run: arguments, start, state.
pub struct Run {
    kernel: Kernel,
    handle: NonNull<c_void>,
}

impl Drop for Run {
    fn drop(&mut self) {
        // SAFETY: the handle came from opening and is closed once, before its kernel.
        unsafe { (self.kernel.functions().run_close)(self.handle.as_ptr()) };
    }
}

impl Run {
    /// Passes a buffer as a pointer argument.
    pub fn set_buffer(&self, argument: usize, buffer: &Buffer) -> Result<(), CallError> {
        // SAFETY: for a pointer argument the function takes one buffer handle, which is live.
        let code = unsafe {
            (self.kernel.functions().run_set_buffer)(self.handle.as_ptr(), argument as c_int, buffer.handle.as_ptr())
        };
        self.set("xrtRunSetArg", code, argument, || format!("the buffer at {:#x}", buffer.address()))
    }

    /// Passes an argument as the bytes that its registers shall hold.
    pub fn set_bytes(&self, argument: usize, value: &[u8]) -> Result<(), CallError> {
        let functions = self.kernel.functions();
        // SAFETY: the handle is live; the function copies `len` bytes from `value`.
        let code = unsafe {
            (functions.run_set_bytes)(
                self.handle.as_ptr(),
                argument as c_int,
                value.as_ptr().cast::<c_void>(),
                value.len(),
            )
        };
        self.set("xrtRunSetArgV", code, argument, || format!("{value:x?}"))
    }

    fn set(
        &self,
        call: &'static str,
        code: c_int,
        argument: usize,
        value: impl Fn() -> String,
    ) -> Result<(), CallError> {
        match code {
            0 => Ok(()),
            _ => Err(failed(call, format!("argument {argument}, {}", value()))),
        }
    }

    /// Starts the unit.
    pub fn start(&self) -> Result<(), CallError> {
        // SAFETY: the handle is live.
        match unsafe { (self.kernel.functions().run_start)(self.handle.as_ptr()) } {
            0 => Ok(()),
            _ => Err(failed("xrtRunStart", String::new())),
        }
    }

    /// The state now, without waiting.
    pub fn state(&self) -> State {
        // SAFETY: the handle is live.
        unsafe { (self.kernel.functions().run_state)(self.handle.as_ptr()) }
    }
}
