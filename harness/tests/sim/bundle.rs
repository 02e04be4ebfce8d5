//! `tribunal bundle` and `tribunal replay` from the real command line: a bundle says what the run said, anywhere; and what somebody made to
//! do harm is refused.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::Bench;

/// A run that lost a write, in `run`, and its bundle, in `run.bundle.tar.zst`.
fn bundled() -> Bench {
    let bench = Bench::new();
    let ran = bench.run(&["run", "sim", "--seed", "1", "--bug", "lost-tail", "--out", "run"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let ran = bench.run(&["bundle", "run"]);
    assert_eq!((ran.code, ran.out.trim()), (Some(0), BUNDLE), "{}", ran.err);
    bench
}

const BUNDLE: &str = "run.bundle.tar.zst";

/// The members of an archive: name, kind, content.
type Members = Vec<(String, tar::EntryType, Vec<u8>)>;

fn members(bundle: &Path) -> Members {
    let file = std::fs::File::open(bundle).expect("it is there");
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).expect("it is zstd"));
    let entries = archive.entries().expect("it is an archive");
    entries
        .map(|entry| {
            let mut entry = entry.expect("it is whole");
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).expect("it is whole");
            let path = entry.path().expect("it is a path").display().to_string();
            (path, entry.header().entry_type(), content)
        })
        .collect()
}

/// An archive of these members, whatever they are called.
fn archive(members: &Members) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, kind, content) in members {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if *kind == tar::EntryType::Symlink || *kind == tar::EntryType::Link {
            header.set_link_name("/etc/passwd").expect("it fits");
        }
        header.set_cksum();
        builder
            .append(&header, content.as_slice())
            .expect("it is in memory");
    }
    builder.into_inner().expect("it is in memory")
}

fn packed(tar: &[u8]) -> Vec<u8> {
    zstd::encode_all(tar, 1).expect("it is in memory")
}

/// Changes a bundle's manifest.
fn with_manifest(members: &Members, change: impl FnOnce(&mut Value)) -> Members {
    let mut members = members.clone();
    let mut manifest: Value = serde_json::from_slice(&members[0].2).expect("it is JSON");
    change(&mut manifest);
    members[0].2 = serde_json::to_vec(&manifest).expect("it is JSON");
    members
}

/// Replays bytes that claim to be a bundle, which must be refused without a trace, and gives what was said.
#[track_caller]
fn refused(bench: &Bench, bytes: &[u8], part: &str) {
    bench.file("bad.zst", bytes);
    for arguments in [
        &["replay", "bad.zst", "--judge"][..],
        &["replay", "bad.zst", "--unpack", "inside/out"][..],
        &["replay", "bad.zst", "--out", "new"][..],
    ] {
        let ran = bench.run(arguments);
        assert_eq!(ran.code, Some(2), "{part}: {}", ran.err);
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
        assert!(ran.err.contains("bad.zst"), "{}", ran.err);
    }
    assert!(!bench.path().join("new").exists(), "nothing was run");
    let _ = std::fs::remove_dir_all(bench.path().join("inside"));
    for outside in ["evil", "../evil"] {
        assert!(!bench.path().join(outside).exists(), "{part}: something came out");
    }
}

#[test]
fn a_bundle_says_anywhere_what_the_run_said() {
    let bench = bundled();
    let first = std::fs::read(bench.path().join(BUNDLE)).expect("it is there");
    // The same run, the same bytes, wherever it lies.
    std::fs::create_dir(bench.path().join("elsewhere")).expect("it can be made");
    std::fs::rename(bench.path().join("run"), bench.path().join("elsewhere/moved")).expect("it can be moved");
    let ran = bench.run(&["bundle", "elsewhere/moved", "--out", "again.zst"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(first == std::fs::read(bench.path().join("again.zst")).expect("it is there"));

    let ran = bench.run(&["replay", BUNDLE, "--json", "--out", "new"]);
    let replayed: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(
        (&replayed["same"], &replayed["same-history"]),
        (&json!(true), &json!(true)),
        "{replayed}"
    );
    let ran = bench.run(&["replay", BUNDLE, "--judge"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("the verdict is the same"), "{}", ran.err);

    let ran = bench.run(&["replay", BUNDLE, "--unpack", "unpacked"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ran = bench.run(&["report", "unpacked"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(bench.path().join("unpacked/report.html").exists());
}

#[test]
fn what_came_out_otherwise_is_not_called_the_same() {
    let bench = bundled();
    let members = members(&bench.path().join(BUNDLE));
    let verdict = members
        .iter()
        .position(|(path, ..)| path == "verdict.json")
        .expect("it has one");
    // Somebody says that nothing was lost, and that another Tribunal said so; the sums are right.
    let mut lying = members.clone();
    let mut claimed: Value = serde_json::from_slice(&lying[verdict].2).expect("it is JSON");
    claimed["valid"] = json!("valid");
    claimed["anomalies"] = json!({});
    lying[verdict].2 = serde_json::to_vec(&claimed).expect("it is JSON");
    bench.file("content", &lying[verdict].2);
    let (bytes, sum) = (lying[verdict].2.len(), sha256(&bench.path().join("content")));
    let lying = with_manifest(&lying, |manifest| {
        manifest["tribunal"] = json!("0.0.1");
        for file in manifest["files"].as_array_mut().expect("it has files") {
            if file["path"] == "verdict.json" {
                file["bytes"] = json!(bytes);
                file["sha256"] = json!(sum);
            }
        }
    });
    bench.file("lying.zst", packed(&archive(&lying)));
    for arguments in [
        &["replay", "lying.zst", "--judge"][..],
        &["replay", "lying.zst", "--out", "new"][..],
    ] {
        let ran = bench.run(arguments);
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(ran.err.contains("NOT the same"), "{}", ran.err);
        assert!(ran.err.contains("made by Tribunal 0.0.1"), "{}", ran.err);
    }
}

fn sha256(file: &Path) -> String {
    let output = std::process::Command::new("sha256sum")
        .arg(file)
        .output()
        .expect("sha256sum can be started");
    String::from_utf8_lossy(&output.stdout)[..64].to_owned()
}

#[test]
fn bundles_that_would_do_harm_are_refused() {
    let bench = bundled();
    let whole = std::fs::read(bench.path().join(BUNDLE)).expect("it is there");
    let good = members(&bench.path().join(BUNDLE));
    refused(&bench, b"", "no bundle");
    refused(&bench, b"{\"time\":1}", "no bundle");
    refused(&bench, &whole[..whole.len() / 2], "cut off");
    refused(&bench, &[whole.as_slice(), b"more"].concat(), "something follows");
    let mut flipped = archive(&good);
    let half = flipped.len() / 2;
    flipped[half] ^= 1;
    refused(&bench, &packed(&flipped), "is not what was bundled");
    refused(&bench, &packed(&archive(&good[..2].to_vec())), "cut off before");

    let kinds = [
        tar::EntryType::Symlink,
        tar::EntryType::Link,
        tar::EntryType::Char,
        tar::EntryType::Block,
        tar::EntryType::Fifo,
        tar::EntryType::Directory,
        tar::EntryType::GNULongName,
        tar::EntryType::XHeader,
        tar::EntryType::GNUSparse,
    ];
    for kind in kinds {
        let mut bad = good.clone();
        bad[1] = ("history.jsonl".to_owned(), kind, Vec::new());
        refused(&bench, &packed(&archive(&bad)), "no plain file");
    }
    for path in ["../evil", "/tmp/evil", "a/../../evil", "./evil"] {
        // A member that leads out, where the manifest names another…
        let mut bad = good.clone();
        path.clone_into(&mut bad[1].0);
        refused(&bench, &packed(&archive(&bad)), "where its manifest has");
        // …and where the manifest names it itself.
        let bad = with_manifest(&bad, |manifest| manifest["files"][0]["path"] = json!(path));
        refused(&bench, &packed(&archive(&bad)), "does not lie below");
    }
}

#[test]
fn a_bundle_never_holds_more_than_it_says() {
    let bench = bundled();
    let good = members(&bench.path().join(BUNDLE));
    let newer = with_manifest(&good, |manifest| manifest["version"] = json!(2));
    refused(&bench, &packed(&archive(&newer)), "a newer one reads it");
    let foreign = with_manifest(&good, |manifest| manifest["format"] = json!("zip"));
    refused(&bench, &packed(&archive(&foreign)), "names the format");
    let mut headless = good.clone();
    headless.remove(0);
    refused(&bench, &packed(&archive(&headless)), "instead of a manifest");
    let mut longer = good.clone();
    longer[1].2.push(b'\n');
    refused(&bench, &packed(&archive(&longer)), "by the manifest");
    let mut more = good.clone();
    more.push(("more".to_owned(), tar::EntryType::Regular, Vec::new()));
    refused(&bench, &packed(&archive(&more)), "does not name");
    let huge = with_manifest(&good, |manifest| {
        manifest["files"][0]["bytes"] = json!(1_u64 << 60);
    });
    refused(&bench, &packed(&archive(&huge)), "--size-max allows more");
    let overflowing = with_manifest(&good, |manifest| {
        for index in 0..2 {
            manifest["files"][index]["bytes"] = json!(u64::MAX);
        }
    });
    refused(&bench, &packed(&archive(&overflowing)), "more than there can be");
    // A gigabyte of zeros after the last file takes a few kilobytes.
    let mut bomb = archive(&good);
    bomb.resize(bomb.len() + (64 << 20), 0);
    refused(&bench, &packed(&bomb), "more than its manifest says");
    let mut manifest = good.clone();
    manifest[0].2.resize(32 << 20, b' ');
    refused(&bench, &packed(&archive(&manifest)), "are read at most");
}

#[test]
fn only_whole_runs_are_bundled_unless_somebody_insists() {
    let bench = bundled();
    for (arguments, part) in [
        (&["bundle", "run"][..], "is there already"),
        (&["bundle", "nowhere"][..], "nowhere"),
        (&["bundle", "."][..], "no run's directory"),
    ] {
        let ran = bench.run(arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains(part), "{}", ran.err);
    }
    // Whoever brings a run about holds a lock on its plan.
    let history = bench.path().join("run/history.jsonl");
    let file = std::fs::File::open(bench.path().join("run/resolved.toml")).expect("it is there");
    let lock = nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusive).expect("it is free");
    let ran = bench.run(&["bundle", "run", "--out", "b", "--force"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("goes on"), "{}", ran.err);
    drop(lock);

    let text = std::fs::read(&history).expect("it is there");
    std::fs::write(&history, &text[..text.len() - 10]).expect("it can be written");
    std::fs::remove_file(bench.path().join("run/verdict.json")).expect("it is there");
    let ran = bench.run(&["bundle", "run", "--out", "b"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(
        ran.err.contains("is damaged") && ran.err.contains("cut off"),
        "{}",
        ran.err
    );
    assert!(!bench.path().join("b").exists());
    let ran = bench.run(&["bundle", "run", "--out", "b", "--force"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ran = bench.run(&["replay", "b", "--judge"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("no verdict to compare with"), "{}", ran.err);
}

#[test]
fn logs_and_evidence_are_taken_or_left() {
    let bench = bundled();
    for (file, content) in [
        ("evidence/001-n1/log-0/0.log", "copied"),
        ("nodes/n1/logs/broker.log", "said"),
        ("nodes/n1/config/server.properties", "set"),
        ("nodes/n1/data/log-0/0.log", "kept at home"),
        ("clients.log", "said"),
        ("delivered.pcap", "passed"),
    ] {
        let path = bench.path().join("run").join(file);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        std::fs::write(path, content).expect("it can be written");
    }
    std::os::unix::fs::symlink("/etc/passwd", bench.path().join("run/nodes/n1/logs/link"))
        .expect("it can be made");
    let held = |arguments: &[&str], out: &str| -> Vec<String> {
        let ran = bench.run(&[&["bundle", "run", "--out", out], arguments].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let members = members(&bench.path().join(out));
        let plain = [
            "manifest.json",
            "figures.json",
            "history.jsonl",
            "made-of.json",
            "measured.json",
            "resolved.toml",
            "verdict.json",
        ];
        let names = members.into_iter().map(|(path, ..)| path);
        names.filter(|path| !plain.contains(&path.as_str())).collect()
    };
    assert_eq!(
        held(&[], "all"),
        [
            "clients.log",
            "delivered.pcap",
            "evidence/001-n1/log-0/0.log",
            "nodes/n1/config/server.properties",
            "nodes/n1/logs/broker.log"
        ]
    );
    assert_eq!(
        held(&["--without", "evidence", "--without", "logs"], "few"),
        ["nodes/n1/config/server.properties"]
    );
    let ran = bench.run(&["replay", "few", "--judge"]);
    assert!(ran.err.contains("without evidence, logs"), "{}", ran.err);
}
