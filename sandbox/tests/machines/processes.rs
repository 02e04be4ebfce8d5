//! What a node does with real processes.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::Exit;

use crate::roles::{ECHO_PORTS, echo_from};
use crate::scenarios::{SILENCE_MS, await_equal, await_orders, make, role, serving, start};

pub fn a_process_has_what_it_was_given(_: &[String]) {
    let sandbox = make(2);
    let node = &sandbox.nodes()[1];
    let home = node.directory().to_owned();
    let mut command = role(&["print", "/etc/hosts"]);
    command.environment = vec![("VALUE".to_owned(), "a b".to_owned())];
    command.directory.clone_from(&home);
    command.output = home.join("out");
    fs::write(&command.output, "before\n").expect("it can be written");
    let process = node.start(&command).expect("it can be started");
    let exit = process
        .wait_exit(Duration::from_secs(10))
        .expect("the node lives");
    assert_eq!(exit, Some(Exit::Status(7)));
    let text = fs::read_to_string(&command.output).expect("it was written");
    let expected = [
        "before\n",
        "10.77.0.1 n1\n10.77.0.2 n2\n",
        "\nvalue=a b\n",
        "\nvariables=1\n",
        "\nhost=n2\n",
        "to the error stream",
        &format!("\ndirectory={}\n", home.display()),
    ];
    for part in expected {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

pub fn a_process_lives_and_dies(_: &[String]) {
    let sandbox = make(1);
    let node = &sandbox.nodes()[0];
    for _ in 0..3 {
        let process = start(node, &["server"]);
        await_orders(node);
        let (sender, exits) = mpsc::channel();
        process.on_exit(move |exit| sender.send(exit).expect("it is waited for"));
        let state = || process.state().expect("the node lives").expect("it runs").state;
        process.signal(libc::SIGSTOP).expect("it runs");
        await_equal(state, &'T');
        assert_eq!(
            echo_from((node.address(), ECHO_PORTS[0]).into(), SILENCE_MS),
            "silence"
        );
        process.signal(libc::SIGCONT).expect("it runs");
        await_equal(state, &'S');
        assert_eq!(process.exit(), None);
        assert_eq!(
            process
                .wait_exit(Duration::from_millis(50))
                .expect("the node lives"),
            None
        );
        process.signal(libc::SIGKILL).expect("it runs");
        let exit = exits
            .recv_timeout(Duration::from_secs(5))
            .expect("its end is told unasked");
        assert_eq!(exit.expect("the node lives"), Exit::Signal(libc::SIGKILL));
        assert_eq!(process.exit(), Some(Exit::Signal(libc::SIGKILL)));
        assert_eq!(process.state().expect("the node lives"), None);
        process.signal(libc::SIGKILL).expect_err("it has ended");
    }
}

pub fn what_a_process_leaves_behind_is_killed(_: &[String]) {
    let sandbox = make(1);
    let node = &sandbox.nodes()[0];
    for _ in 0..3 {
        let process = start(node, &["parent"]);
        let exit = process
            .wait_exit(Duration::from_secs(10))
            .expect("the node lives");
        assert_eq!(exit, Some(Exit::Status(0)));
    }
    let server = start(node, &["server"]);
    await_orders(node);
    assert_eq!(server.exit(), None, "its ports were free");
}

pub fn a_program_that_is_not_there_is_named(_: &[String]) {
    let sandbox = make(1);
    let node = &sandbox.nodes()[0];
    let mut command = role(&["sleep"]);
    "/no/such/program".clone_into(&mut command.argv[0]);
    let error = node.start(&command).expect_err("it is not there").to_string();
    assert!(
        error.contains("/no/such/program") && error.contains("node 1"),
        "{error}"
    );
    let mut command = role(&["sleep"]);
    command.directory = PathBuf::from("/no/such/directory");
    let error = node.start(&command).expect_err("it is not there").to_string();
    assert!(error.contains("/no/such/directory"), "{error}");
    start(node, &["sleep"])
        .signal(libc::SIGKILL)
        .expect("the agent goes on");
}

pub fn the_end_of_an_agent_is_told(_: &[String]) {
    let sandbox = make(2);
    let process = start(&sandbox.nodes()[0], &["sleep"]);
    let (sender, losses) = mpsc::channel();
    sandbox.on_loss(move |node| sender.send(node).expect("it is waited for"));
    kill_by_name("sandbox-n1");
    assert_eq!(
        losses.recv_timeout(Duration::from_secs(5)).expect("it is told"),
        1
    );
    process
        .wait_exit(Duration::from_secs(5))
        .expect_err("nobody saw its end");
    let error = sandbox.nodes()[0]
        .start(&role(&["sleep"]))
        .expect_err("the node is lost")
        .to_string();
    assert!(error.contains("node 1") && error.contains("died"), "{error}");
    start(&sandbox.nodes()[1], &["sleep"])
        .signal(libc::SIGKILL)
        .expect("the other node goes on");
}

/// Kills the process below this one that has this name.
fn kill_by_name(name: &str) {
    // `/proc` may show an outer pid namespace: then each process has more numbers than one, the outermost first.
    let depth = pids("self").expect("this process is there").len();
    // The outer one may hold other sandboxes too; each test has a directory of its own.
    let home = std::env::current_dir().expect("it is somewhere");
    let is_it = |pid: &str| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == name)
            && fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|directory| directory == home)
    };
    let entries = fs::read_dir("/proc").expect("/proc is there").flatten();
    let mut names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let found = names.find_map(|pid| pids(&pid).filter(|pids| is_it(&pid) && pids.len() > depth));
    let pid = found.expect("it runs")[depth - 1];
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it runs");
}

/// The numbers of a process, from the pid namespace that `/proc` shows to its own.
fn pids(pid: &str) -> Option<Vec<i32>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    line.split_whitespace()
        .map(|number| number.parse().ok())
        .collect()
}

pub fn a_sandbox_can_follow_another(_: &[String]) {
    for _ in 0..3 {
        let (sandbox, processes) = serving(2);
        let (sender, exits) = mpsc::channel();
        processes[0].on_exit(move |exit| sender.send(exit).expect("it is waited for"));
        drop(sandbox);
        let exit = exits
            .try_recv()
            .expect("when a sandbox is gone, so are its processes");
        assert_eq!(exit.expect("it was seen"), Exit::Signal(libc::SIGKILL));
    }
}
