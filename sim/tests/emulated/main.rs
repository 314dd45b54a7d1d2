//! The emulated board, driven over its sockets by a host that does what XRT 2.13 does, in its order.

mod host;
mod job;

use host::{b, header, n, Host};
use job::{bytes, places, places_on, register, start, start_on, stepped, tensors, BYTES, ELEMENTS, ENDED};
use nearfield_abi::board::{unit_base, Board, HOST_MEMORY_BASE};
use nearfield_abi::kernel::KernelConfig;
use nearfield_abi::register;
use nearfield_sim::Options;

/// A step on each unit in buffers of the board; gives the units' own counts of cycles.
fn step_on_both_units(host: &mut Host) -> [u32; 2] {
    for unit in [0, 1] {
        for (place, tensor) in places(unit).into_iter().zip(tensors(unit.into())) {
            assert_eq!(host.allocate(place, BYTES, false).as_deref(), Some(""));
            assert_eq!(host.write(place, 0, &bytes(&tensor)), BYTES);
        }
    }
    // Both are started before one is looked at, and the later one is looked at first.
    start(host, 0, places(0));
    start(host, 1, places(1));
    let cycles = [1, 0].map(|unit| {
        assert_eq!(register(host, unit, register::CONTROL), ENDED);
        assert_eq!(register(host, unit, register::CONTROL), register::control::IDLE, "reading clears done and ready");
        assert_eq!(register(host, unit, register::ERROR_CODE), register::error::NONE);
        for (place, expected) in places(unit).into_iter().zip(stepped(tensors(unit.into()))) {
            assert!(host.read(place, 0, BYTES) == expected, "unit {unit}, buffer at {place:#x}");
        }
        register(host, unit, register::CYCLES)
    });
    for place in [places(0), places(1)].concat() {
        assert!(host.free(place));
    }
    cycles
}

#[test]
fn both_units_step_as_the_model_does_in_cycles_that_repeat() {
    let cycles = [0, 1].map(|_| {
        let mut host = Host::open("ideal");
        let padding = b(3, &[b(1, b"pad"), b(2, &[b'x'; 300_000])].concat());
        assert_eq!(host.call(20, &[padding]).0, 1);
        let cycles = step_on_both_units(&mut host);
        // Once more in the same process: it is the same job.
        assert_eq!(step_on_both_units(&mut host), cycles);
        let seen = host.seen.clone();
        host.close();
        let seen = seen.lock().unwrap();
        let numbers: Vec<u64> = seen.messages.iter().map(|m| m.0).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<u64>>());
        assert_eq!((seen.messages[0].1, seen.messages.last().unwrap().1), (20, 1));
        assert!(seen.alive > numbers.len() as u64);
        cycles
    });
    assert_eq!(cycles[0], cycles[1]);
    assert!(cycles[0].iter().all(|&c| c > ELEMENTS as u32), "{cycles:?}");
}

#[test]
fn peer_to_peer_buffers_are_files_that_the_kernel_reads_and_writes() {
    let mut host = Host::open("ideal");
    let places = places(0).map(|place| place + 0x3000);
    let before = tensors(5);
    let (mut files, mut rests) = (Vec::new(), Vec::new());
    for (i, (place, tensor)) in places.into_iter().zip(&before).enumerate() {
        let name = host.allocate(place, BYTES, true).unwrap();
        let fresh = std::fs::read(&name).unwrap();
        assert!(fresh.iter().any(|&b| b != 0), "a buffer that nobody wrote to holds noise");
        rests.push(fresh[BYTES as usize..].to_vec());
        assert!(name.starts_with(host.folder.path().join("files").to_str().unwrap()), "{name}");
        // Whoever has mapped the file writes into it, or copies over the bus: it is the same memory.
        if i % 2 == 0 {
            let file = std::fs::OpenOptions::new().write(true).open(&name).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &bytes(tensor), 0).unwrap();
        } else {
            assert_eq!(host.write(place, 0, &bytes(tensor)), BYTES);
        }
        files.push(name);
    }
    start(&mut host, 0, places);
    assert_eq!(register(&mut host, 0, register::CONTROL), ENDED);
    assert_eq!(register(&mut host, 0, register::ERROR_CODE), register::error::NONE);
    for (i, expected) in stepped(before.clone()).into_iter().enumerate() {
        let file = std::fs::read(&files[i]).unwrap();
        assert_eq!(file.len(), 4096, "whole pages, for the host to map");
        // What was there before, behind what was written: a card's memory holds whatever it held.
        assert!(file[..BYTES as usize] == expected && file[BYTES as usize..] == rests[i][..]);
        assert!(host.read(places[i], 0, BYTES) == expected);
        assert!(host.read(places[i], 400, 64) == expected[400..464]);
    }
    assert!(std::fs::read(&files[3]).unwrap()[..BYTES as usize] == bytes(&before[3]), "gradients are only read");
    // A freed buffer is memory of the board again, without a file.
    assert!(host.free(places[0]) && !std::path::Path::new(&files[0]).exists());
    assert_eq!(host.allocate(places[0], BYTES, false).as_deref(), Some(""));
    assert_eq!(host.write(places[0], 0, &bytes(&before[0])), BYTES);
    start(&mut host, 0, places);
    assert_eq!(register(&mut host, 0, register::CONTROL), ENDED);
    assert!(host.read(places[0], 0, BYTES) != bytes(&before[0]));
    host.close();
}

#[test]
fn kernels_reach_the_hosts_memory() {
    let mut host = Host::open("ideal");
    let places = [0, 1, 2, 3].map(|i| HOST_MEMORY_BASE + 0x10_0000 * i);
    let before = tensors(7);
    for (place, tensor) in places.into_iter().zip(&before) {
        let mut buffer = bytes(tensor);
        buffer.resize(4096, 0x5a);
        host.host_buffers.lock().unwrap().buffers.insert(place, buffer);
    }
    start(&mut host, 1, places);
    assert_eq!(register(&mut host, 1, register::CONTROL), ENDED);
    assert_eq!(register(&mut host, 1, register::ERROR_CODE), register::error::NONE);
    {
        let memory = host.host_buffers.lock().unwrap();
        for (place, expected) in places.into_iter().zip(stepped(before)) {
            let buffer = &memory.buffers[&place];
            assert!(buffer[..BYTES as usize] == expected && buffer[BYTES as usize..].iter().all(|&b| b == 0x5a));
        }
        let of = |api| memory.calls.iter().filter(|c| c.0 == api).count();
        assert_eq!((of(34), of(35)), (4, 3), "a page is fetched once, and goes back where it was written");
    }
    // A second run sees what the host has written since.
    let again = tensors(8);
    for (place, tensor) in places.into_iter().zip(&again) {
        let mut memory = host.host_buffers.lock().unwrap();
        memory.buffers.get_mut(&place).unwrap()[..BYTES as usize].copy_from_slice(&bytes(tensor));
    }
    start(&mut host, 1, places);
    assert_eq!(register(&mut host, 1, register::CONTROL), ENDED);
    for (place, expected) in places.into_iter().zip(stepped(again)) {
        assert!(host.host_buffers.lock().unwrap().buffers[&place][..BYTES as usize] == expected);
    }
    host.close();
}

#[test]
fn every_simulated_board_is_served() {
    for board in ["hostile", "smartssd"] {
        let mut host = Host::open(board);
        // One tensor on the board, one in a file, one with the host, one on the board again.
        let before = tensors(9);
        let mut places = places_on(board, 0);
        let with_host = Board::from_name(board).unwrap().host_memory();
        if with_host {
            places[2] = HOST_MEMORY_BASE + 0x7000;
        } else {
            assert_eq!(host.allocate(places[2], BYTES, false).as_deref(), Some(""));
            assert_eq!(host.write(places[2], 0, &bytes(&before[2])), BYTES);
        }
        assert_eq!(host.allocate(places[0], BYTES, false).as_deref(), Some(""));
        assert_ne!(host.allocate(places[1], BYTES, true).as_deref(), Some(""));
        assert_eq!(host.allocate(places[3], BYTES, false).as_deref(), Some(""));
        host.host_buffers.lock().unwrap().buffers.insert(places[2], bytes(&before[2]));
        host.host_buffers.lock().unwrap().buffers.get_mut(&places[2]).unwrap().resize(4096, 0);
        for i in [0, 1, 3] {
            assert_eq!(host.write(places[i], 0, &bytes(&before[i])), BYTES);
        }
        start(&mut host, 0, places);
        assert_eq!(register(&mut host, 0, register::CONTROL), ENDED, "{board}");
        let expected = stepped(before);
        assert!(host.read(places[0], 0, BYTES) == expected[0], "{board}");
        assert!(host.read(places[1], 0, BYTES) == expected[1], "{board}");
        let third = match with_host {
            true => host.host_buffers.lock().unwrap().buffers[&places[2]][..BYTES as usize].to_vec(),
            false => host.read(places[2], 0, BYTES),
        };
        assert!(third == expected[2], "{board}");
        host.close();
    }
}

#[test]
fn a_card_without_a_way_to_the_hosts_memory_answers_with_an_error() {
    let mut host = Host::open("smartssd");
    let mut places = places_on("smartssd", 0);
    for place in places {
        host.allocate(place, BYTES, false).unwrap();
    }
    places[1] = HOST_MEMORY_BASE;
    start(&mut host, 0, places);
    assert_eq!(register(&mut host, 0, register::CONTROL), ENDED);
    assert_eq!(register(&mut host, 0, register::ERROR_CODE), register::error::AXI_READ);
    assert_eq!(register(&mut host, 0, register::ERROR_PORT), 1);
    host.close();
}

#[test]
fn what_is_copied_after_the_start_comes_too_late() {
    let mut host = Host::open("ideal");
    let places = places(0);
    let (before, late) = (tensors(11), tensors(12));
    for (place, tensor) in places.into_iter().zip(&before) {
        host.allocate(place, BYTES, false).unwrap();
        assert_eq!(host.write(place, 0, &bytes(tensor)), BYTES);
    }
    start(&mut host, 0, places);
    assert_eq!(host.write(places[3], 0, &bytes(&late[3])), BYTES);
    assert_eq!(register(&mut host, 0, register::CONTROL), ENDED);
    assert_eq!(register(&mut host, 0, register::CONTROL), register::control::IDLE);
    let expected = stepped(before);
    for (place, expected) in places.into_iter().zip(expected) {
        assert!(host.read(place, 0, BYTES) == expected, "the run saw what was there when it was started");
    }
    assert!(host.read(places[3], 0, BYTES) == bytes(&late[3]));
    host.close();
}

#[test]
fn what_the_host_does_not_take_back_ends_the_board() {
    let mut host = Host::open("ideal");
    let mut places = places(0);
    for place in &places[1..] {
        host.allocate(*place, BYTES, false).unwrap();
    }
    places[0] = HOST_MEMORY_BASE;
    {
        let mut memory = host.host_buffers.lock().unwrap();
        memory.buffers.insert(places[0], vec![0; 4096]);
        memory.refuse_writes = true;
    }
    start(&mut host, 0, places);
    host.send(&header(0, 19));
    let fields = [n(2, unit_base(0)), n(3, 4)].concat();
    host.send(&[header(fields.len() as u64, 11), fields].concat());
    let said = host.failed();
    assert!(said.contains("cannot bring") && said.contains("0x2000000000"), "{said}");
}

#[test]
fn a_unit_that_is_stuck_ends_the_board_and_is_named() {
    // Nothing moves for as long as the board's memory takes to answer.
    let mut host = Host::with("ideal", Options { watchdog_cycles: 20, ..Options::default() }, true);
    let places = places(1);
    for place in places {
        host.allocate(place, BYTES, false).unwrap();
    }
    start(&mut host, 1, places);
    let fields = [n(2, unit_base(1)), n(3, 4)].concat();
    host.send(&[header(fields.len() as u64, 11), fields].concat());
    let said = host.failed();
    assert!(said.contains("compute unit smartupdate_2: nothing moved for"), "{said}");
}

#[test]
fn a_long_run_gives_signs_of_life() {
    let mut host = Host::open("ideal");
    let places = places(0);
    for place in places {
        host.allocate(place, 200_000, false).unwrap();
    }
    start_on(&mut host, 0, places, 50_000);
    let before = host.seen.lock().unwrap().alive;
    assert_eq!(register(&mut host, 0, register::CONTROL), ENDED);
    let signs = host.seen.lock().unwrap().alive - before;
    assert!(signs >= 10, "{signs} signs of life in 50,000 cycles");
    host.close();
}

#[test]
fn a_host_without_a_memory_channel_can_close() {
    let mut host = Host::with("ideal", Options::default(), false);
    assert!(host.allocate(0x1000, 4096, true).is_some());
    assert!(host.free(0x1000));
    host.close();
}

/// XRT answers for host-only buffers that it does not have: with zeros, and takes what is written.
#[test]
fn memory_that_the_host_does_not_have_reads_as_zeros() {
    let mut host = Host::open("ideal");
    let mut places = places(0);
    let mut before = tensors(13);
    for (place, tensor) in places.into_iter().zip(&before) {
        host.allocate(place, BYTES, false).unwrap();
        assert_eq!(host.write(place, 0, &bytes(tensor)), BYTES);
    }
    places[1] = HOST_MEMORY_BASE + 0x4000_0000;
    before[1].fill(0.0);
    start(&mut host, 0, places);
    assert_eq!(register(&mut host, 0, register::CONTROL), ENDED);
    assert_eq!(register(&mut host, 0, register::ERROR_CODE), register::error::NONE);
    assert!(host.read(places[0], 0, BYTES) == stepped(before)[0]);
    assert!(host.free(HOST_MEMORY_BASE + 0x4000_0000), "the host tells of its own buffers when they go");
    host.close();
}

#[test]
fn copies_of_a_part_go_to_the_part() {
    let mut host = Host::open("ideal");
    host.allocate(0x8000, 8192, false).unwrap();
    assert_eq!(host.write(0x8000, 0, &[1; 8192]), 8192);
    assert_eq!(host.write(0x8000, 100, &[2; 3000]), 3000);
    let back = host.read(0x8000, 0, 8192);
    assert!(back[..100].iter().chain(&back[3100..]).all(|&b| b == 1) && back[100..3100].iter().all(|&b| b == 2));
    assert_eq!(host.read(0x8000, 99, 2), [1, 2]);
    // The same memory through the calls that name no buffer.
    assert_eq!(host.call(8, &[n(2, 0x8040), n(3, 2), b(4, &[7, 8])]).0, 2);
    assert_eq!(host.call(10, &[n(2, 0x803f), n(3, 4)]).1, [1, 7, 8, 1]);
    host.close();
}

#[test]
fn what_a_card_would_not_do_is_refused_and_the_board_goes_on() {
    let mut host = Host::open("ideal");
    let end = unit_base(0) + u64::from(register::SPACE_BYTES);
    for address in [0, unit_base(0) - 4, unit_base(0) + 2, end, end - 2, unit_base(2), u64::MAX] {
        assert!(!host.set(address, 1), "{address:#x}");
        assert_eq!(host.get(address), None, "{address:#x}");
    }
    for size in [0, 2, 8192] {
        assert_eq!(host.call(11, &[n(2, unit_base(0)), n(3, size)]), (0, vec![]), "{size}");
    }
    assert!(!host.set(unit_base(0), register::control::START | register::control::AUTO_RESTART));
    let (valid, id) = host.call(11, &[n(2, unit_base(1) + u64::from(register::KERNEL_ID)), n(3, 16)]);
    let config = KernelConfig::smartupdate(1).unwrap();
    assert_eq!((valid, id.len()), (1, 16));
    assert_eq!(id[..4], config.kernel.id().to_le_bytes());
    assert_eq!(id[8..], config.hash().to_le_bytes());

    assert!(host.allocate(0x1000, 4096, false).is_some());
    assert!(host.allocate(0x1fff, 4096, false).is_none() && host.allocate(0x0, 0x1001, true).is_none());
    assert!(host.allocate(HOST_MEMORY_BASE, 4096, false).is_none(), "the host keeps those itself");
    assert!(!host.free(0x1001));
    assert_eq!(host.read(0x1000, 4000, 96).len(), 96);
    host.close();
}

/// XRT takes a copy for done whatever the board says of it, so the board says it in the way that is heard.
#[test]
fn a_copy_from_or_to_no_buffer_ends_the_board() {
    let with_buffer = || {
        let mut host = Host::open("ideal");
        host.allocate(0x1000, 4096, false).unwrap();
        host
    };
    for (address, bytes) in [(0x1000 + 4000, 97), (0x3000, 4), (0x1000 + 4096, 1)] {
        for said in
            [with_buffer().read_astray(address, bytes), with_buffer().write_astray(address, &[0; 97][..bytes as usize])]
        {
            assert!(said.contains("message 2") && said.contains("lie in no buffer"), "{said}");
        }
    }
}

#[test]
fn an_end_without_close_is_told_apart() {
    let mut host = Host::open("ideal");
    host.allocate(0x1000, 4096, false).unwrap();
    assert!(host.hang_up().contains("ended after message 1 without closing"));

    let mut host = Host::open("ideal");
    host.send(&header(10, 4));
    host.send(&[8, 0]);
    assert!(host.hang_up().contains("in the middle of message 1"));

    let mut host = Host::open("ideal");
    host.send(&header(10, 4)[..5]);
    assert!(host.hang_up().contains("in the middle of message 1"));
}

#[test]
fn garbage_is_named() {
    let cases: [(Vec<u8>, &str); 8] = [
        (vec![0; 14], "message 2, a header: the header does not consist"),
        (header(0, 4), "message 2, xclAllocDeviceBuffer, field 1: it is missing"),
        (
            [header(4, 5), n(1, 300), vec![0x10]].concat(),
            "message 2, xclFreeDeviceBuffer, field 2: the message ends in",
        ),
        ([header(3, 5), b(1, b"x")].concat(), "message 2, xclFreeDeviceBuffer, field 1: it is not a number"),
        (header(u64::MAX, 6), "message 2, xclCopyBufferHost2Device, has 18446744073709551615 bytes"),
        (header((64 << 20) + 1, 6), "67108864 are taken; set packet_size"),
        (header(0, 3), "message 2 is call 3, xclLoadBitstream, which an emulated board does not serve"),
        (header(0, 999), "message 2 is call 999"),
    ];
    for (bytes, says) in cases {
        let mut host = Host::open("ideal");
        host.call(19, &[]);
        host.send(&bytes);
        let said = host.failed();
        assert!(said.contains(says), "{said}");
    }
}
