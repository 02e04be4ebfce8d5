//! Builds the library that shifts the wall clock of a node's processes, for it to be embedded (see `src/clock.rs`).
//!
//! The compiler is called directly: cargo holds its lock while it runs this, and one file without dependencies needs
//! nothing of it. Where a target is not known to the library the file is empty, and machines have no clock to shift.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = "clock/preload.rs";
/// Part of that source, and of this crate.
const SHARED: &str = "src/clock/page.rs";
/// The architectures whose number of `clock_gettime` the library knows.
const ARCHITECTURES: [&str; 4] = ["x86_64", "aarch64", "riscv64", "loongarch64"];

fn main() {
    for file in ["build.rs", SOURCE, SHARED] {
        println!("cargo::rerun-if-changed={file}");
    }
    let out = PathBuf::from(variable("OUT_DIR")).join("clock.so");
    let known = variable("CARGO_CFG_TARGET_OS") == "linux"
        && ARCHITECTURES.contains(&variable("CARGO_CFG_TARGET_ARCH").as_str())
        && variable("CARGO_CFG_TARGET_POINTER_WIDTH") == "64";
    if known {
        compile(&out);
    } else {
        std::fs::write(&out, []).expect("the build's own directory can be written");
    }
}

fn compile(out: &Path) {
    let mut compiler = Command::new(variable("RUSTC"));
    compiler.args([
        "--crate-name",
        "clock",
        "--crate-type",
        "cdylib",
        "--edition",
        "2024",
    ]);
    compiler.args(["--target", &variable("TARGET")]);
    for option in [
        "opt-level=2",
        "panic=abort",
        "strip=symbols",
        // On some targets a library is not possible otherwise; and none is named that it needs.
        "target-feature=-crt-static",
        "link-arg=-nostdlib",
        "link-arg=-nostartfiles",
    ] {
        compiler.args(["-C", option]);
    }
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        compiler.args(["-C", &format!("linker={linker}")]);
    }
    let status = compiler.arg(SOURCE).arg("-o").arg(out).status();
    let status = status.expect("cargo has named a compiler that can be started");
    assert!(
        status.success(),
        "the clock library could not be compiled: {compiler:?}"
    );
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}
