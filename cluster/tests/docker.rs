//! Containers as machines, on a daemon of the test's own: processes, faults of the network, what is left and what is
//! swept away. Where there is no `dockerd`, or this user is not root, the tests say so and do nothing.

mod daemon;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use cluster::docker::{self, Image};
use cluster::{
    Cut, DockerEnvironment, DockerOptions, Environment, ExitKind, Machine, Place, ProcessSpec, Skew,
};
use daemon::Daemon;

/// A service that answers each connection with a line: Perl's, which Debian always has.
const SERVICE: &str = "use IO::Socket::INET; my $s = IO::Socket::INET->new(Listen => 9, LocalPort => 7777, ReuseAddr \
                       => 1) or die; while (my $c = $s->accept) { print $c \"hello\\n\"; close $c }";
const PORT: u16 = 7777;

fn spec(machine: &dyn Machine, command: &[&str]) -> ProcessSpec {
    let directory = machine.directory();
    ProcessSpec {
        command: command.iter().map(|&word| word.to_owned()).collect(),
        environment: machine.clock_environment(&directory),
        output: directory.join("out"),
        directory,
    }
}

/// Whether the service of an address answers.
fn answers(address: Ipv4Addr) -> bool {
    let peer = SocketAddr::from((address, PORT));
    let Ok(mut connection) = TcpStream::connect_timeout(&peer, Duration::from_millis(300)) else {
        return false;
    };
    connection
        .set_read_timeout(Some(Duration::from_millis(300)))
        .expect("it can be set");
    let _ = connection.write_all(b"?");
    let mut line = [0; 6];
    connection.read_exact(&mut line).is_ok()
}

async fn serve(machine: &dyn Machine) {
    machine
        .start(&spec(machine, &["/usr/bin/perl", "-e", SERVICE]))
        .await
        .expect("it starts");
    for _ in 0..100 {
        if answers(machine.side_address()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("node {} does not serve", machine.node());
}

/// Everything here, one after the other: a daemon is not shared between threads that change its environment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_are_machines() {
    let Some(daemon) = Daemon::start() else {
        return;
    };
    // SAFETY: nothing else in this process reads or writes the environment yet.
    unsafe { std::env::set_var("DOCKER_HOST", daemon.host()) };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let environment = make(directory.path()).expect("containers can be made");
    assert_eq!(daemon.containers(), 3);
    let [one, two, _] = environment.machines() else {
        panic!("three machines were asked for");
    };
    processes(&**one).await;
    clock(&**one).await;
    groups(&**one).await;
    links(&environment, &**one, &**two).await;
    sweeping(&daemon);
    assert_eq!(daemon.containers(), 3, "what lives is not swept away");
    drop(environment);
    assert_eq!((daemon.containers(), daemon.networks()), (0, 0));
    without_an_image(directory.path());
    assert_eq!((daemon.containers(), daemon.networks()), (0, 0));
}

fn make(directory: &Path) -> anyhow::Result<DockerEnvironment> {
    DockerEnvironment::create(3, directory, &DockerOptions::default())
}

async fn processes(machine: &dyn Machine) {
    assert_eq!(
        machine.exited().await.expect("at once").kind,
        ExitKind::NeverStarted
    );
    assert!(machine.signal(libc::SIGKILL).await.is_err(), "nothing runs");
    let sleep = spec(machine, &["/bin/sleep", "60"]);
    machine.start(&sleep).await.expect("it starts");
    assert!(machine.start(&sleep).await.is_err(), "one is running");
    machine.signal(libc::SIGSTOP).await.expect("it runs");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(machine.process_state().await.expect("asked"), Some('T'));
    machine.signal(libc::SIGCONT).await.expect("it runs");
    machine.signal(libc::SIGTERM).await.expect("it runs");
    assert_eq!(
        machine.exited().await.expect("it ends").kind,
        ExitKind::Signal(15)
    );
    assert_eq!(machine.process_state().await.expect("asked"), None);
    let user = spec(machine, &["/bin/sh", "-c", "id -u; hostname; exit 143"]);
    machine.start(&user).await.expect("it starts");
    assert_eq!(
        machine.exited().await.expect("it ends").kind,
        ExitKind::Status(143)
    );
    let said = std::fs::read_to_string(machine.directory().join("out")).expect("written");
    // SAFETY: this cannot fail.
    assert_eq!(said, format!("{}\nn1\n", unsafe { libc::getuid() }));
    let none = machine.start(&spec(machine, &["/no/such/program"])).await;
    assert!(none.is_err(), "there is no such program");
}

async fn clock(machine: &dyn Machine) {
    let Some(clock) = machine.clock() else {
        return;
    };
    let hour = 3_600_000_000_000;
    let skew = clock.skew(Skew::Jump { nanoseconds: hour }).expect("it can jump");
    let out = machine.directory().join("out");
    std::fs::remove_file(&out).expect("it was written");
    machine
        .start(&spec(machine, &["/bin/date", "+%s"]))
        .await
        .expect("it starts");
    machine.exited().await.expect("it ends");
    clock.restore(skew);
    let said = std::fs::read_to_string(&out).expect("written");
    let said: u64 = said.trim().parse().expect("seconds");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ahead = said.abs_diff(now.expect("after 1970").as_secs());
    assert!((3590..=3610).contains(&ahead), "{ahead} s");
}

async fn groups(machine: &dyn Machine) {
    let groups = machine.groups().expect("an engine has them");
    machine
        .start(&spec(machine, &["/bin/sleep", "60"]))
        .await
        .expect("it starts");
    groups.freeze().await.expect("it runs");
    assert!(groups.held().await.expect("asked").frozen);
    assert!(machine.process_state().await.expect("asked").is_some());
    groups.thaw().await.expect("it can");
    assert!(!groups.held().await.expect("asked").frozen);
    groups.freeze().await.expect("it runs");
    machine.signal(libc::SIGKILL).await.expect("also what is frozen");
    assert_eq!(machine.exited().await.expect("it ends").kind, ExitKind::Signal(9));
    machine
        .start(&spec(machine, &["/bin/sh", "-c", "while :; do :; done"]))
        .await
        .expect("it starts");
    groups.limit_cpu(20).await.expect("it can");
    let before = machine.cpu_time().await.expect("asked").expect("known");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = machine
        .cpu_time()
        .await
        .expect("asked")
        .expect("known")
        .saturating_sub(before);
    assert!(used < Duration::from_millis(450), "a fifth of a second: {used:?}");
    let held = groups.held().await.expect("asked");
    assert!(
        held.throttled_periods > 0 && !held.throttled.is_zero(),
        "{held:?}"
    );
    groups.unlimit_cpu().await.expect("it can");
    machine.signal(libc::SIGKILL).await.expect("it runs");
    machine.exited().await.expect("it ends");
}

async fn links(environment: &DockerEnvironment, one: &dyn Machine, two: &dyn Machine) {
    let links = environment.links().expect("an engine has them");
    serve(one).await;
    let (address, side) = (one.address(), one.side_address());
    assert!(answers(address));
    let to_clients = Cut {
        from: Place::Node(1),
        to: Place::Clients,
        destination_port: None,
        source_port: None,
    };
    for cut in [
        to_clients,
        Cut {
            from: Place::Clients,
            to: Place::Node(1),
            ..to_clients
        },
        Cut {
            source_port: Some(PORT),
            ..to_clients
        },
    ] {
        let id = links.cut(&[cut]).expect("it can be cut");
        assert!(!answers(address), "{cut:?}");
        assert!(answers(side), "the side channel is never cut");
        assert!(links.report(id).dropped.frames > 0, "{cut:?}");
        let deeds = links.heal(id);
        assert!(deeds.dropped.bytes > 0 && answers(address), "{cut:?}");
    }
    let elsewhere = links
        .cut(&[Cut {
            source_port: Some(PORT + 1),
            ..to_clients
        }])
        .expect("it can be cut");
    assert!(answers(address), "another service is cut");
    assert_eq!(links.heal(elsewhere).dropped.frames, 0);
    between(&*links, address, two).await;
    let groups = one.groups().expect("an engine has them");
    groups.freeze().await.expect("it runs");
    let id = links.cut(&[to_clients]).expect("also of what stands still");
    groups.thaw().await.expect("it can");
    assert!(!answers(address), "the cut outlasts the freeze");
    groups.freeze().await.expect("it runs");
    assert!(links.heal(id).dropped.frames > 0);
    groups.thaw().await.expect("it can");
    assert!(answers(address));
    one.signal(libc::SIGKILL).await.expect("it runs");
}

/// What one node sends to another, in one direction at a time.
async fn between(links: &dyn cluster::Links, address: Ipv4Addr, two: &dyn Machine) {
    let ask = format!(
        "use IO::Socket::INET; my $s = IO::Socket::INET->new(PeerAddr => '{address}', PeerPort => {PORT}, Timeout => 1) \
         or exit 7; exit(<$s> =~ /hello/ ? 0 : 8)"
    );
    let reaches = async || {
        two.start(&spec(two, &["/usr/bin/perl", "-e", &ask]))
            .await
            .expect("it starts");
        two.exited().await.expect("it ends").kind == ExitKind::Status(0)
    };
    assert!(reaches().await);
    for (from, to) in [(1, 2), (2, 1)] {
        let cut = Cut {
            from: Place::Node(from),
            to: Place::Node(to),
            destination_port: None,
            source_port: None,
        };
        let id = links.cut(&[cut]).expect("it can be cut");
        assert!(!reaches().await, "{cut:?}");
        assert!(answers(address), "clients are not cut");
        assert!(links.heal(id).dropped.frames > 0 && reaches().await, "{cut:?}");
    }
    let nowhere = Cut {
        from: Place::Node(9),
        to: Place::Node(1),
        destination_port: None,
        source_port: None,
    };
    assert!(links.cut(&[nowhere]).is_err(), "there is no node 9");
}

/// What is not labelled as ours stays; what is ours and has no process any more goes.
fn sweeping(daemon: &Daemon) {
    daemon.docker(&["network", "create", "--internal", "not-ours"]);
    let dead = [
        "--label",
        "tribunal.run=x",
        "--label",
        "tribunal.pid=999999999",
        "--label",
        "tribunal.started=x",
    ];
    let namespace = std::fs::read_link("/proc/self/ns/pid").expect("it is there");
    let namespace = format!("tribunal.namespace={}", namespace.display());
    let mut make = vec!["network", "create", "--internal", "--label", &namespace];
    make.extend(dead);
    make.push("ours-and-dead");
    daemon.docker(&make);
    let swept = docker::sweep(false).expect("it can be swept");
    assert_eq!(swept.networks, ["ours-and-dead"]);
    assert!(swept.containers.is_empty(), "{swept:?}");
    assert!(
        docker::sweep(true).expect("again").is_empty(),
        "the image is in use"
    );
    daemon.docker(&["network", "rm", "not-ours"]);
}

fn without_an_image(directory: &Path) {
    let options = DockerOptions {
        image: Image::Named("no/such:image".to_owned()),
        ..DockerOptions::default()
    };
    let made = DockerEnvironment::create(1, directory, &options).map(|_| ());
    let error = format!("{:#}", made.expect_err("there is no such image"));
    assert!(error.contains("find the image no/such:image"), "{error}");
    let options = DockerOptions {
        image: Image::Base("no-such-base:none".to_owned()),
        ..DockerOptions::default()
    };
    let made = DockerEnvironment::create(1, directory, &options).map(|_| ());
    let error = format!("{:#}", made.expect_err("there is no such base"));
    assert!(
        error.contains("build docker/Dockerfile on no-such-base:none"),
        "{error}"
    );
    let swept = docker::sweep(true).expect("it can be swept");
    assert_eq!(swept.images.len(), 1, "the host's image: {swept:?}");
}
