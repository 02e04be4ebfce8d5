//! Builds the agent that is the first process of a node's container, for it to be embedded (see `src/docker/agent.rs`).
//!
//! The compiler is called directly, as for the sandbox's clock: files without dependencies need nothing of cargo. It
//! is linked statically, so that it runs in any image; where this machine has no static C library, dynamically.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = "docker/agent.rs";
/// Its modules.
const MODULES: [&str; 5] = [
    "docker/files.rs",
    "docker/host.rs",
    "docker/message.rs",
    "docker/rules.rs",
    "docker/tool.rs",
];

fn main() {
    for file in ["build.rs", SOURCE].into_iter().chain(MODULES) {
        println!("cargo::rerun-if-changed={file}");
    }
    let out = PathBuf::from(variable("OUT_DIR")).join("agent");
    if variable("CARGO_CFG_TARGET_OS") != "linux" {
        std::fs::write(&out, []).expect("the build's own directory can be written");
        return;
    }
    let done = compile(&out, "+crt-static") || compile(&out, "-crt-static");
    assert!(
        done,
        "the agent of containers ({SOURCE}) could not be compiled: see above"
    );
}

fn compile(out: &Path, linkage: &str) -> bool {
    let mut compiler = Command::new(variable("RUSTC"));
    compiler.args([
        "--crate-name",
        "agent",
        "--crate-type",
        "bin",
        "--edition",
        "2024",
    ]);
    compiler.args(["--target", &variable("TARGET")]);
    for option in ["opt-level=s", "panic=abort", "strip=symbols"] {
        compiler.args(["-C", option]);
    }
    compiler.args(["-C", &format!("target-feature={linkage}")]);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        compiler.args(["-C", &format!("linker={linker}")]);
    }
    let status = compiler.arg(SOURCE).arg("-o").arg(out).status();
    status.is_ok_and(|status| status.success())
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}
