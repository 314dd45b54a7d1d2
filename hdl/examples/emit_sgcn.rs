fn main() {
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
