//! Writes sample pages into the folder that is named on the command line, to be looked at.

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    for (name, page) in support::pages() {
        std::fs::write(Path::new(&folder).join(format!("{name}.html")), page)?;
    }
    Ok(())
}
