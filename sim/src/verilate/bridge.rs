//! The C++ between a Verilated model and Rust: six functions of C, the same for every design.

use std::fmt::Write;

use nearfield_hdl::emit::Design;

/// Part of the cache's key; changed with the text below.
pub(super) const VERSION: &str = "bridge 3";

/// The name Verilator gives a port's member, by the header it printed: a double underscore is its separator, so one in a
/// name is escaped, and a word of C++ (`interrupt` is one to Verilator) gets a prefix.
fn member(port: &str, header: &str) -> String {
    let escaped = port.replace("__", "___05F");
    let prefixed = format!("__SYM__{escaped}");
    if header.contains(&format!("(&{prefixed},")) {
        prefixed
    } else {
        escaped
    }
}

/// The C++ source that is compiled with what Verilator printed; `header` is its `Vm.h`.
pub(super) fn source(design: &Design, header: &str) -> String {
    let mut ports = String::new();
    for port in &design.ports {
        let member = member(&port.name, header);
        let bytes = match port.bits {
            0..=8 => 1,
            9..=16 => 2,
            17..=32 => 4,
            33..=64 => 8,
            bits => bits.div_ceil(32) * 4,
        };
        let _ = writeln!(
            ports,
            "    static_assert(sizeof(m->top.{member}) == {bytes}, \"width of {name}\");\n    \
             into[n++] = {{\"{name}\", {bits}, {output}, &m->top.{member}}};",
            name = port.name,
            bits = port.bits,
            output = u8::from(port.output),
        );
    }
    format!("{PROLOGUE}\n#define NF_PORTS {}u\n{PORTS_OPEN}{ports}{PORTS_CLOSE}", design.ports.len())
}

/// `vl_fatal` is what Verilator's run-time library calls to give up; its own would end the process.
const PROLOGUE: &str = r#"#include "Vm.h"
#include "verilated.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
#endif
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#define NF_EXPORT extern "C" __attribute__((visibility("default")))

void vl_fatal(const char* file, int line, const char*, const char* message) {
    throw std::runtime_error(std::string(message) + " (" + (file ? file : "") + ":" + std::to_string(line) + ")");
}

namespace {
struct Model {
    VerilatedContext context;
    Vm top;
#if VM_TRACE_FST
    std::unique_ptr<VerilatedFstC> waves;
#endif
    uint64_t time = 0;
    std::string error;
    static VerilatedContext* prepare(VerilatedContext* c, uint32_t seed) {
        c->threads(1);
        c->traceEverOn(VM_TRACE);
        c->randReset(NF_RANDOMIZE ? 2 : 0);
        c->randSeed(static_cast<int>(seed));
        return c;
    }
    explicit Model(uint32_t seed) : top{prepare(&context, seed), "top"} {}
};
}

struct nf_port {
    const char* name;
    uint32_t bits;
    uint32_t output;
    void* data;
};

NF_EXPORT void* nf_new(uint32_t seed) {
    try {
        return new Model{seed};
    } catch (...) {
        return nullptr;
    }
}

NF_EXPORT void nf_free(void* model) {
    Model* m = static_cast<Model*>(model);
#if VM_TRACE_FST
    if (m->waves) m->waves->close();
#endif
    m->top.final();
    // A model takes leave of the thread's context, which may be that of another model, or of one that is gone.
    Verilated::threadContextp(&m->context);
    delete m;
    Verilated::threadContextp(Verilated::defaultContextp());
}

NF_EXPORT const char* nf_eval(void* model) {
    Model* m = static_cast<Model*>(model);
    try {
        m->top.eval();
#if VM_TRACE_FST
        if (m->waves) m->waves->dump(m->time);
#endif
        ++m->time;
        return nullptr;
    } catch (const std::exception& e) {
        m->error = e.what();
        return m->error.c_str();
    }
}

NF_EXPORT int nf_trace_open(void* model, const char* path) {
#if VM_TRACE_FST
    Model* m = static_cast<Model*>(model);
    if (m->waves) m->waves->close();
    m->waves.reset(new VerilatedFstC);
    m->top.trace(m->waves.get(), 99);
    m->waves->open(path);
    if (m->waves->isOpen()) return 0;
    m->waves.reset();
    return 2;
#else
    (void)model;
    (void)path;
    return 1;
#endif
}

NF_EXPORT void nf_trace_close(void* model) {
#if VM_TRACE_FST
    Model* m = static_cast<Model*>(model);
    if (m->waves) m->waves->close();
    m->waves.reset();
#else
    (void)model;
#endif
}
"#;

const PORTS_OPEN: &str = r#"
NF_EXPORT uint32_t nf_ports(void* model, nf_port* into, uint32_t capacity) {
    Model* m = static_cast<Model*>(model);
    uint32_t n = 0;
    if (capacity != NF_PORTS) return NF_PORTS;
"#;

const PORTS_CLOSE: &str = "    return n;\n}\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_follow_verilator() {
        let header = "VL_IN8(&a___05Fb,0,0);\nVL_OUT8(&__SYM__interrupt,0,0);";
        assert_eq!(member("a__b", header), "a___05Fb");
        assert_eq!(member("x___y", header), "x___05F_y");
        assert_eq!(member("_x_", header), "_x_");
        assert_eq!(member("interrupt", header), "__SYM__interrupt");
        assert_eq!(member("interrupted", header), "interrupted");
    }
}
