//! A host that speaks to an emulated board as XRT 2.13's hardware emulation does, with an encoder of its own.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use nearfield_abi::board::Board;
use nearfield_abi::kernel::KernelConfig;
use nearfield_sim::emulated::{serve, EmulatedError, Setup, Watch};
use nearfield_sim::Options;

/// What the board told its watch.
#[derive(Default)]
pub struct Seen {
    pub alive: u64,
    pub messages: Vec<(u64, u32)>,
}

struct Watcher(Arc<Mutex<Seen>>);

impl Watch for Watcher {
    fn alive(&mut self) {
        self.0.lock().unwrap().alive += 1;
    }

    fn message(&mut self, number: u64, api: u32) {
        self.0.lock().unwrap().messages.push((number, api));
    }
}

/// Host-only buffers by address, and how the board's calls for them went.
#[derive(Default)]
pub struct HostBuffers {
    pub buffers: BTreeMap<u64, Vec<u8>>,
    pub calls: Vec<(u32, u64, usize)>,
    pub refuse_writes: bool,
    pub closed: bool,
}

/// The host, and the board it talks to.
pub struct Host {
    stream: UnixStream,
    board: JoinHandle<Result<(), EmulatedError>>,
    memory: Option<JoinHandle<()>>,
    pub seen: Arc<Mutex<Seen>>,
    pub host_buffers: Arc<Mutex<HostBuffers>>,
    pub folder: tempfile::TempDir,
}

fn varint(into: &mut Vec<u8>, mut value: u64) {
    while value > 127 {
        into.push(128 | (value & 127) as u8);
        value >>= 7;
    }
    into.push(value as u8);
}

/// A field that is a number.
pub fn n(field: u64, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(&mut bytes, field * 8);
    varint(&mut bytes, value);
    bytes
}

/// A field that is a run of bytes.
pub fn b(field: u64, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(&mut bytes, field * 8 + 2);
    varint(&mut bytes, value.len() as u64);
    bytes.extend(value);
    bytes
}

/// The header of a call.
pub fn header(size: u64, api: u32) -> Vec<u8> {
    [&[9][..], &size.to_le_bytes(), &[21], &api.to_le_bytes()].concat()
}

/// Numbers and runs of bytes of a message, by field.
fn parse(mut bytes: &[u8]) -> BTreeMap<u64, (u64, Vec<u8>)> {
    fn number(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for i in 0.. {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 127) << (7 * i);
            if byte < 128 {
                break;
            }
        }
        value
    }
    let mut fields = BTreeMap::new();
    while !bytes.is_empty() {
        let key = number(&mut bytes);
        let value = number(&mut bytes);
        let data = if key % 8 == 2 { bytes[..value as usize].to_vec() } else { Vec::new() };
        bytes = &bytes[data.len()..];
        fields.insert(key / 8, (value, data));
    }
    fields
}

impl Host {
    /// Listens, as XRT does, and has a board of kind `board` dial.
    pub fn open(board: &str) -> Host {
        Host::with(board, Options::default(), true)
    }

    /// The same with options, and perhaps without ever listening for calls to the host's memory.
    pub fn with(board: &str, options: Options, memory: bool) -> Host {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("main");
        let host_socket = folder.path().join("host");
        let files = folder.path().join("files");
        std::fs::create_dir(&files).unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let setup = Setup {
            board: Board::from_name(board).unwrap(),
            config: KernelConfig::smartupdate(1).unwrap(),
            options,
            socket: socket.clone(),
            host_socket: host_socket.clone(),
            folder: files,
        };
        let mut watcher = Watcher(seen.clone());
        let board = std::thread::spawn(move || serve(setup, &mut watcher));
        // The board may be the first: it dials until somebody listens.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let host_buffers = Arc::new(Mutex::new(HostBuffers::default()));
        let memory = memory.then(|| serve_memory(&host_socket, host_buffers.clone()));
        let listener = UnixListener::bind(&socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        let stream = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(_) if board.is_finished() => panic!("the board did not come: {:?}", board.join().unwrap()),
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(5)),
            }
        };
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(120))).unwrap();
        Host { stream, board, memory, seen, host_buffers, folder }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Calls the board; gives field 1 and field 2 of its answer.
    pub fn call(&mut self, api: u32, fields: &[Vec<u8>]) -> (u64, Vec<u8>) {
        let body = fields.concat();
        self.send(&header(body.len() as u64, api));
        self.send(&body);
        let mut size = [0; 9];
        self.stream.read_exact(&mut size).unwrap();
        assert_eq!(size[0], 9);
        let mut answer = vec![0; u64::from_le_bytes(size[1..].try_into().unwrap()) as usize];
        self.stream.read_exact(&mut answer).unwrap();
        let mut fields = parse(&answer);
        let data = fields.remove(&2).unwrap_or_default().1;
        (fields.get(&1).map_or(u64::MAX, |field| field.0), data)
    }

    /// Allocates a buffer; gives the name of its file, which is empty for one that lies on the board.
    pub fn allocate(&mut self, address: u64, bytes: u64, peer: bool) -> Option<String> {
        let (ack, name) = self.call(4, &[n(1, address), n(2, bytes), n(3, peer.into())]);
        (ack == 1).then(|| String::from_utf8(name).unwrap())
    }

    pub fn free(&mut self, address: u64) -> bool {
        self.call(5, &[n(1, address)]).0 == 1
    }

    /// Copies to a buffer at `address`, `seek` bytes into it, in pieces; gives what the board took.
    pub fn write(&mut self, address: u64, seek: u64, data: &[u8]) -> u64 {
        let mut taken = 0;
        for (i, piece) in data.chunks(1024).enumerate() {
            let place = n(3, address + 1024 * i as u64);
            let size = n(5, piece.len() as u64);
            taken += self.call(6, &[b(2, b"h"), place, b(4, piece), size, n(6, seek), n(7, 0)]).0;
        }
        taken
    }

    /// Copies from no buffer: gives what the board says that ends by it.
    pub fn read_astray(mut self, address: u64, bytes: u64) -> String {
        let junk = vec![0xee; bytes as usize];
        let body = [b(2, b"h"), b(3, &junk), n(4, address), n(5, bytes), n(6, 0), n(7, 0)].concat();
        self.send(&[header(body.len() as u64, 7), body].concat());
        self.failed()
    }

    /// Copies to no buffer: gives what the board says that ends by it.
    pub fn write_astray(mut self, address: u64, data: &[u8]) -> String {
        let body = [b(2, b"h"), n(3, address), b(4, data), n(5, data.len() as u64), n(6, 0), n(7, 0)].concat();
        self.send(&[header(body.len() as u64, 6), body].concat());
        self.failed()
    }

    /// Copies from a buffer.
    pub fn read(&mut self, address: u64, skip: u64, bytes: u64) -> Vec<u8> {
        let junk = vec![0xee; bytes as usize];
        let fields = [b(2, b"h"), b(3, &junk), n(4, address), n(5, bytes), n(6, skip), n(7, 0)];
        let (size, data) = self.call(7, &fields);
        assert_eq!(size, data.len() as u64);
        data
    }

    /// Writes a word to a register.
    pub fn set(&mut self, address: u64, value: u32) -> bool {
        self.call(9, &[n(2, address), n(3, 4), b(4, &value.to_le_bytes()), n(6, 0), n(7, 0)]).0 == 1
    }

    /// Reads a register, after a look at the simulator's messages, as XRT does each time.
    pub fn get(&mut self, address: u64) -> Option<u32> {
        assert_eq!(self.call(19, &[n(1, 1), n(2, 0)]).0, u64::MAX);
        let (valid, data) = self.call(11, &[n(2, address), n(3, 4), n(6, 0), n(7, 0)]);
        (valid == 1).then(|| u32::from_le_bytes(data.try_into().unwrap()))
    }

    /// Closes the device as XRT does, and waits for the board and the memory's thread to end well.
    pub fn close(mut self) {
        self.call(19, &[n(1, 1), n(2, 1)]);
        assert_eq!(self.call(1, &[b(2, b"h"), n(3, 0)]).0, 1);
        self.board.join().unwrap().unwrap();
        if let Some(memory) = self.memory {
            memory.join().unwrap();
            assert!(self.host_buffers.lock().unwrap().closed, "XRT would wait for the last header");
        }
        let left: Vec<_> = std::fs::read_dir(self.folder.path().join("files")).unwrap().collect();
        assert!(left.is_empty(), "files are left: {left:?}");
    }

    /// Ends without closing, and gives what the board says.
    pub fn hang_up(self) -> String {
        self.stream.shutdown(Shutdown::Both).unwrap();
        self.board.join().unwrap().unwrap_err().to_string()
    }

    /// Gives what the board says that has ended by itself.
    pub fn failed(self) -> String {
        self.board.join().unwrap().unwrap_err().to_string()
    }
}

/// Answers the board's calls for host-only buffers.
fn serve_memory(socket: &Path, buffers: Arc<Mutex<HostBuffers>>) -> JoinHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut head = [0; 14];
        while stream.read_exact(&mut head).is_ok() {
            let size = u64::from_le_bytes(head[1..9].try_into().unwrap());
            let api = u32::from_le_bytes(head[10..].try_into().unwrap());
            let mut body = vec![0; size as usize];
            stream.read_exact(&mut body).unwrap();
            let mut host = buffers.lock().unwrap();
            if api == 1 {
                assert_eq!(size, 0);
                host.closed = true;
                return;
            }
            let fields = parse(&body);
            let (address, bytes) = (fields[&1].0, fields[&2].0 as usize);
            host.calls.push((api, address, bytes));
            let refused = api == 35 && host.refuse_writes;
            let found = host.buffers.range_mut(..=address).next_back().and_then(|(base, buffer)| {
                let from = (address - base) as usize;
                buffer.get_mut(from..from + bytes).filter(|_| !refused)
            });
            let answer = match (api, found) {
                (34, Some(found)) => [n(1, 1), b(2, found)].concat(),
                // XRT has no buffer there, answers with zeros, and says that all is well.
                (34, None) => [n(1, 1), b(2, &vec![0; bytes])].concat(),
                (35, Some(found)) => {
                    found.copy_from_slice(&fields[&3].1);
                    n(1, 1)
                }
                (35, None) => n(1, u64::from(!refused)),
                (api, _) => panic!("call {api}"),
            };
            stream.write_all(&header(answer.len() as u64, 0)).unwrap();
            stream.write_all(&answer).unwrap();
        }
    })
}
