//! Hosts of the test's own: network namespaces on a bridge, each with an OpenSSH server that has keys of its own. The
//! command runs in a fourth. Nothing of this is to be seen from the machine's own network, and all of it ends with the test.

use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const SERVER: &str = "/usr/sbin/sshd";
/// The servers listen within this time.
const UP_WITHIN: Duration = Duration::from_secs(20);
/// So many hosts there are where a test does not say.
const HOSTS: u32 = 3;

/// Counts the tests of this process: each has its own network.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The hosts.
pub struct Servers {
    /// How many there are.
    hosts: u32,
    directory: tempfile::TempDir,
    name: String,
    running: Vec<Child>,
}

impl Servers {
    /// Starts three; nothing, with a word on standard error, where that cannot be.
    pub fn start() -> Option<Self> {
        Self::of(HOSTS)
    }

    /// Starts so many.
    pub fn of(hosts: u32) -> Option<Self> {
        // SAFETY: it cannot fail.
        let root = unsafe { libc::geteuid() } == 0;
        if !root || !Path::new(SERVER).exists() || !ran("ip", &["netns", "list"]) {
            eprintln!(
                "skipped: it takes root, `ip` and Debian's openssh-server to start SSH servers of the test's own"
            );
            return None;
        }
        let mut servers = Self {
            hosts,
            directory: tempfile::tempdir().expect("a temporary directory"),
            name: format!(
                "tribunal-ssh-{}-{}",
                std::process::id(),
                COUNT.fetch_add(1, Ordering::Relaxed)
            ),
            running: Vec::new(),
        };
        servers.make_keys();
        servers.make_network();
        for host in 1..=hosts {
            let server = servers.serve(host);
            servers.running.push(server);
        }
        servers.wait();
        servers.write_known("host");
        servers.inventory("inventory.toml", "key", 1);
        Some(servers)
    }

    fn make_keys(&self) {
        for name in ["host", "other", "key", "wrong"] {
            let file = self.path(name).display().to_string();
            assert!(
                ran("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &file]),
                "a key"
            );
        }
        fs::copy(self.path("key.pub"), self.path("authorized")).expect("writable");
        let path = |name: &str| self.path(name).display().to_string();
        let config = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nPermitRootLogin yes\nStrictModes no\nUsePAM no\nPidFile none\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\n",
            path("host"),
            path("authorized")
        );
        fs::write(self.path("config"), config).expect("writable");
        // Where it gives its rights up; the directory is empty, and Debian's own service makes it too.
        fs::create_dir_all("/run/sshd").expect("writable");
        fs::set_permissions("/run/sshd", Permissions::from_mode(0o755)).expect("ours");
    }

    fn make_network(&self) {
        let client = self.namespace(0);
        let must = |arguments: &str| {
            let words: Vec<&str> = arguments.split(' ').collect();
            assert!(ran("ip", &words), "ip {arguments}");
        };
        must(&format!("netns add {client}"));
        must(&format!("-n {client} link set lo up"));
        must(&format!("-n {client} link add bridge type bridge"));
        for net in ["10.77.0", "10.78.0"] {
            must(&format!("-n {client} addr add {net}.254/24 dev bridge"));
        }
        must(&format!("-n {client} link set bridge up"));
        for host in 1..=self.hosts {
            let namespace = self.namespace(host);
            must(&format!("netns add {namespace}"));
            must(&format!("-n {namespace} link set lo up"));
            must(&format!(
                "-n {client} link add card{host} type veth peer name card netns {namespace}"
            ));
            must(&format!("-n {client} link set card{host} master bridge up"));
            for net in ["10.77.0", "10.78.0"] {
                must(&format!("-n {namespace} addr add {net}.{host}/24 dev card"));
            }
            must(&format!("-n {namespace} link set card up"));
        }
    }

    fn namespace(&self, host: u32) -> String {
        format!("{}-{host}", self.name)
    }

    fn serve(&self, host: u32) -> Child {
        let log = File::create(self.path(&format!("log-{host}"))).expect("writable");
        let config = self.path("config").display().to_string();
        Command::new("ip")
            .args([
                "netns",
                "exec",
                &self.namespace(host),
                SERVER,
                "-D",
                "-e",
                "-f",
                &config,
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("it starts")
    }

    fn wait(&self) {
        let deadline = Instant::now() + UP_WITHIN;
        for host in 1..=self.hosts {
            let log = || fs::read_to_string(self.path(&format!("log-{host}"))).unwrap_or_default();
            while !log().contains("Server listening") {
                assert!(
                    Instant::now() < deadline,
                    "the server of host {host} does not listen:\n{}",
                    log()
                );
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// Says that this is the key of every host.
    pub fn write_known(&self, key: &str) {
        let key = fs::read_to_string(self.path(&format!("{key}.pub"))).expect("written before");
        let lines = (1..=self.hosts).map(|host| format!("{} {key}", address(host)));
        fs::write(self.path("known"), lines.collect::<String>()).expect("writable");
    }

    /// Writes an inventory: whoever has that key, and the hosts from that one on.
    pub fn inventory(&self, name: &str, key: &str, first: u32) -> PathBuf {
        let mut text = format!(
            "[defaults]\nuser = \"root\"\nlease = 8\nkey = \"{}\"\nknown-hosts = \"{}\"\n",
            self.path(key).display(),
            self.path("known").display()
        );
        for host in first..first + self.hosts {
            let files = self.path(&format!("files-{host}"));
            let _ = write!(
                text,
                "[[hosts]]\nhost = \"{}\"\nside-address = \"10.78.0.{host}\"\ndirectory = \"{}\"\n",
                address(host),
                files.display()
            );
        }
        let path = self.path(name);
        fs::write(&path, text).expect("writable");
        path
    }

    /// A file of theirs.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The same command, in the network from which they are reached.
    pub fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.namespace(0)]);
        inside.arg(command.get_program()).args(command.get_args());
        if let Some(directory) = command.get_current_dir() {
            inside.current_dir(directory);
        }
        inside
    }

    /// Ends the sessions of a host, as a network does that goes away; its server goes on.
    pub fn drop_sessions(&self, host: u32) {
        let server = self.running[host as usize - 1].id();
        let children =
            fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
        for child in children.split_whitespace() {
            ran("kill", &["-9", child]);
        }
    }

    /// What of Tribunal's is on any host: directories of runs, brokers, and rules.
    pub fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for host in 1..=self.hosts {
            let files = self.path(&format!("files-{host}"));
            let runs = fs::read_dir(files.join("runs")).into_iter().flatten().flatten();
            left.extend(runs.map(|run| run.path().display().to_string()));
            let saved = Command::new("ip")
                .args(["netns", "exec", &self.namespace(host), "iptables-save"])
                .output()
                .expect("iptables is there");
            let rules = String::from_utf8_lossy(&saved.stdout).into_owned();
            left.extend(
                rules
                    .lines()
                    .filter(|line| line.contains("TRIBUNAL"))
                    .map(str::to_owned),
            );
            let processes = Command::new("ip")
                .args(["netns", "pids", &self.namespace(host)])
                .output()
                .expect("ip is there");
            for pid in String::from_utf8_lossy(&processes.stdout).split_whitespace() {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                if line.contains(&files.display().to_string()) {
                    left.push(line.chars().take(100).collect());
                }
            }
        }
        left
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.running {
            let _ = server.kill();
            let _ = server.wait();
        }
        for host in 0..=self.hosts {
            // What lives there still has to go too, or it would keep the network.
            let pids = Command::new("ip")
                .args(["netns", "pids", &self.namespace(host)])
                .output();
            for pid in pids
                .map(|found| found.stdout)
                .unwrap_or_default()
                .split(u8::is_ascii_whitespace)
            {
                if !pid.is_empty() {
                    ran("kill", &["-9", &String::from_utf8_lossy(pid)]);
                }
            }
            ran("ip", &["netns", "delete", &self.namespace(host)]);
        }
    }
}

/// The address of a host.
pub fn address(host: u32) -> String {
    format!("10.77.0.{host}")
}

fn ran(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
