//! A machine without a TUN device carries a cluster all the same, with every power over its links.

use std::process::Command;

use crate::support::{Bench, Ran};
use crate::trial::{Trial, every_fault_bit};
use crate::{is_root, short_plan};

const NEMESIS: &str = r#"nemesis = { steps = [
    { at = "0s", lasts = "3s", fault = { partition = { shape = "leader", key = 0, clients = true } } },
    { at = "5s", lasts = "3s", fault = "delay" },
    { at = "9s", lasts = "2s", fault = "loss" },
] }"#;

#[test]
#[ignore = "brings up a real cluster"]
fn without_a_tun_device_pairs_of_cards_carry_the_cluster() {
    let bench = Bench::new();
    bench.file("plan.toml", short_plan(NEMESIS));
    let arguments = ["run", "plan.toml", "--json", "--out", "run", "--seed", "1"];
    let output = if is_root() {
        // In mounts of its own the device is not there.
        let script = "mount -t tmpfs none /dev/net && exec \"$0\" \"$@\"";
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-c", script])
            .arg(env!("CARGO_BIN_EXE_tribunal"))
            .args(arguments)
            .current_dir(bench.path());
        command.output()
    } else {
        bench.command(&arguments).env("TRIBUNAL_CARDS", "veth").output()
    };
    let ran = Ran::from(output.expect("it can be started"));
    let trial = Trial { bench, ran };
    trial.verdict(0);
    every_fault_bit(&trial, &["partition", "delay", "loss"]);
    let made_of = trial.file("made-of.json");
    assert!(made_of.contains("veth pairs"), "{made_of}");
}
