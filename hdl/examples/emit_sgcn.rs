fn main() {
    for (n, m) in [(1, 1), (4, 8), (16, 8)] {
        let config = nearfield_abi::kernel::KernelConfig::sgcn_aggregate(n, m).unwrap();
        match nearfield_hdl::kernel::emit(config) {
            Ok(d) => {
                std::fs::create_dir_all(format!("/tmp/k{n}_{m}")).unwrap();
                let mut lines = 0;
                for a in &d.artifacts {
                    lines += a.text.lines().count();
                    std::fs::write(format!("/tmp/k{n}_{m}/{}", a.path), &a.text).unwrap();
                }
                println!("{} ok {} files {lines} lines", config.name(), d.artifacts.len())
            }
            Err(e) => println!("{}: {e}", config.name()),
        }
    }
    for unit in nearfield_hdl::units().iter().filter(|u| u.family == "sgcn") {
        match (unit.emit)() {
            Ok(d) => {
                for a in &d.artifacts {
                    std::fs::write(format!("/tmp/sgcn_{}", a.path.replace('/', "_")), &a.text).unwrap();
                }
                println!("{} ok {}", unit.name, d.artifacts.len())
            }
            Err(e) => println!("{}: {e}", unit.name),
        }
    }
}
