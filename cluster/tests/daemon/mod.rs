//! A Docker daemon of the test's own: with a socket, a data root and an exec root of its own, ended with it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// It is up within this time.
const UP_WITHIN: Duration = Duration::from_secs(30);

/// The daemon.
pub struct Daemon {
    directory: tempfile::TempDir,
    process: Child,
}

impl Daemon {
    /// Starts one; nothing, with a word on standard error, where that cannot be.
    pub fn start() -> Option<Self> {
        // SAFETY: this cannot fail.
        let root = unsafe { libc::geteuid() } == 0;
        let there = Path::new("/usr/sbin/dockerd").exists() && Path::new("/usr/bin/docker").exists();
        if !root || !there {
            eprintln!("skipped: it takes root and Debian's docker.io to start a daemon of the test's own");
            return None;
        }
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| directory.path().join(name).display().to_string();
        let log = File::create(path("log")).expect("writable");
        let process = Command::new("/usr/sbin/dockerd")
            .args(["--host", &format!("unix://{}", path("docker.sock"))])
            .args(["--data-root", &path("data"), "--exec-root", &path("exec")])
            .args(["--pidfile", &path("pid"), "--bridge", "none"])
            // The host's own packet filter and routes stay as they are.
            .args([
                "--iptables=false",
                "--ip6tables=false",
                "--ip-forward=false",
                "--ip-masq=false",
            ])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("it can be"))
            .stderr(log)
            .spawn()
            .expect("it starts");
        let daemon = Self { directory, process };
        let deadline = Instant::now() + UP_WITHIN;
        while !daemon.is_up() {
            let log = fs::read_to_string(daemon.directory.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the daemon did not come up:\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(daemon)
    }

    /// What `DOCKER_HOST` has to be.
    pub fn host(&self) -> String {
        format!("unix://{}", self.directory.path().join("docker.sock").display())
    }

    fn is_up(&self) -> bool {
        let mut client = self.client(&["version"]);
        client.stdout(Stdio::null()).stderr(Stdio::null());
        client.status().is_ok_and(|status| status.success())
    }

    fn client(&self, arguments: &[&str]) -> Command {
        let mut client = Command::new("/usr/bin/docker");
        client.args(["--host", &self.host()]).args(arguments);
        client
    }

    /// What Docker's own client says.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = self.client(arguments).output().expect("it runs");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {arguments:?}: {complaint}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// How many containers there are, running or not.
    pub fn containers(&self) -> usize {
        self.docker(&["ps", "--all", "--quiet"]).lines().count()
    }

    /// How many networks there are beside the three that always are.
    pub fn networks(&self) -> usize {
        let all = self.docker(&["network", "ls", "--format", "{{.Name}}"]);
        all.lines()
            .filter(|name| !matches!(*name, "bridge" | "host" | "none"))
            .count()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(pid) = libc::pid_t::try_from(self.process.id()) {
            // SAFETY: no pointer is passed; it is a child that was not waited for.
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
        let _ = self.process.wait();
    }
}
