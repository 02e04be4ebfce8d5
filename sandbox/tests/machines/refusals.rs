//! Machines that refuse something: root prepares one, and an ordinary user hears what it lacks and what to do, or does
//! without.

use std::fs;
use std::io;
use std::process::Stdio;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_dumpable;

use sandbox::Cards;

use crate::user::{give_away, give_root_up, lay_tun, own_mounts, prepared};

/// A name, how the machine is prepared, the kind of network cards that is asked for, if any, the scenario, its status, and
/// what the error must say.
type Refusal = (
    &'static str,
    fn() -> io::Result<()>,
    &'static str,
    &'static str,
    i32,
    &'static [&'static str],
);

pub const ALL: &[Refusal] = &[
    (
        "a_missing_tun_device_is_named",
        without_tun,
        "tap",
        "_idle",
        101,
        &[
            "set up node 1: failed to open /dev/net/tun: ENOENT",
            "\nhint: ",
            "modprobe tun",
        ],
    ),
    (
        "a_tun_device_of_root_alone_is_named_with_its_mode",
        with_roots_tun,
        "tap",
        "_idle",
        101,
        &[
            "open /dev/net/tun (mode 0600, owner ",
            "EACCES",
            "\nhint: ",
            "chmod 0666 /dev/net/tun",
        ],
    ),
    (
        "pairs_take_the_place_of_a_missing_tun_device",
        without_tun,
        "",
        "nodes_and_clients_reach_each_other_by_name",
        0,
        &[],
    ),
    (
        "pairs_take_the_place_of_roots_tun_device",
        with_roots_tun,
        "",
        "a_cut_is_one_way_and_heals",
        0,
        &[],
    ),
    (
        "pairs_work_where_no_proc_can_be_mounted",
        with_masked_proc,
        "veth",
        "bulk_passes_whole",
        0,
        &[],
    ),
    (
        "an_unknown_kind_of_card_is_named",
        without_tun,
        "token-ring",
        "_idle",
        101,
        &["TRIBUNAL_CARDS is `token-ring`: it can be `tap` or `veth`"],
    ),
    (
        "user_namespaces_that_are_switched_off_are_named",
        without_user_namespaces,
        "",
        "_idle",
        4,
        &[
            "failed to make a user namespace: ENOSPC",
            "\nhint: ",
            "sysctl -w user.max_user_namespaces",
        ],
    ),
    (
        "processes_run_where_no_proc_can_be_mounted",
        with_masked_proc,
        "",
        "a_process_is_stopped_continued_killed_and_started_again",
        0,
        &[],
    ),
    (
        "losses_are_told_where_no_proc_can_be_mounted",
        with_masked_proc,
        "",
        "the_end_of_an_agent_is_told",
        0,
        &[],
    ),
];

/// Runs one as the ordinary user.
pub fn check(refusal: &Refusal) -> Result<(), String> {
    let (_, prepare, cards, scenario, status, parts) = refusal;
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    give_away(directory.path());
    let mut program = prepared(directory.path(), *prepare);
    program.args(["inside", scenario]).stdin(Stdio::null());
    program.env(Cards::VARIABLE, cards);
    let output = program.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.code() != Some(*status) {
        return Err(format!("{} instead of {status}:\n{text}", output.status));
    }
    match parts.iter().find(|part| !text.contains(**part)) {
        Some(part) => Err(format!("{part:?} is missing in:\n{text}")),
        None => Ok(()),
    }
}

fn without_tun() -> io::Result<()> {
    own_mounts()?;
    lay_tun(None)?;
    give_root_up()
}

fn with_roots_tun() -> io::Result<()> {
    own_mounts()?;
    lay_tun(Some(0o600))?;
    give_root_up()
}

/// In a user namespace of its own, whose children's number is limited to none; there this user has no powers.
fn without_user_namespaces() -> io::Result<()> {
    give_root_up()?;
    // The files of a process that changed its user are root's until it is started anew.
    set_dumpable(true)?;
    let user = nix::unistd::geteuid();
    unshare(CloneFlags::CLONE_NEWUSER)?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/sys/user/max_user_namespaces", "0")
}

/// With a part of `/proc` covered, as container engines do: the kernel then refuses a fresh one to a user namespace.
fn with_masked_proc() -> io::Result<()> {
    own_mounts()?;
    lay_tun(Some(0o666))?;
    let (none, path) = (None::<&str>, "/proc/sys");
    mount(Some(path), path, none, MsFlags::MS_BIND, none)?;
    let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    mount(none, path, none, flags, none)?;
    give_root_up()
}
