//! Podman's service of the test's own: with a socket, storage and networks of its own, in a network namespace of its own, so
//! that nothing of it is to be seen from the machine's. It ends with the test.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// It listens within this time.
const UP_WITHIN: Duration = Duration::from_secs(30);
const NETAVARK: &str = "/usr/lib/podman/netavark";
/// Locks in files, as those in shared memory are the machine's, and outlive the service.
const SETTINGS: &str = "[engine]\nlock_type = \"file\"\n[network]\nnetwork_backend = \"netavark\"\n";

/// The service.
pub struct Podman {
    directory: tempfile::TempDir,
    process: Child,
}

impl Podman {
    /// Starts one; nothing, with a word on standard error, where that cannot be.
    pub fn start() -> Option<Self> {
        // SAFETY: it cannot fail.
        let root = unsafe { libc::geteuid() } == 0;
        if !root || !Path::new("/usr/bin/podman").exists() || !Path::new(NETAVARK).exists() {
            eprintln!(
                "skipped: it takes root and Debian's podman and netavark to start a service of the test's own"
            );
            return None;
        }
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(directory.path().join("net")).expect("writable");
        fs::write(directory.path().join("containers.conf"), SETTINGS).expect("writable");
        let log = File::create(directory.path().join("log")).expect("writable");
        let mut command = Command::new("unshare");
        command.args(["--net", "podman"]);
        Self::settings(&mut command, directory.path());
        let process = command
            .args(["system", "service", "--time", "0", &host_of(directory.path())])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("it can be"))
            .stderr(log)
            .spawn()
            .expect("it starts");
        let podman = Self { directory, process };
        let deadline = Instant::now() + UP_WITHIN;
        while !podman.directory.path().join("podman.sock").exists() {
            let log = fs::read_to_string(podman.directory.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the service did not come up:\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
        let up = podman.inside("ip").args(["link", "set", "lo", "up"]).status();
        assert!(up.is_ok_and(|status| status.success()), "loopback is up");
        Some(podman)
    }

    /// What `DOCKER_HOST` has to be.
    pub fn host(&self) -> String {
        host_of(self.directory.path())
    }

    /// A program in the network from which its containers are reached.
    pub fn inside(&self, program: &str) -> Command {
        let mut inside = Command::new("nsenter");
        inside
            .args(["--target", &self.process.id().to_string(), "--net", "--"])
            .arg(program);
        inside
    }

    /// Everything of its own.
    fn settings(command: &mut Command, directory: &Path) {
        let path = |name: &str| directory.join(name).display().to_string();
        command
            .args(["--root", &path("root"), "--runroot", &path("run")])
            .args(["--tmpdir", &path("tmp"), "--network-config-dir", &path("net")])
            .args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"])
            .env("CONTAINERS_CONF", path("containers.conf"));
    }

    /// What Podman's own client says.
    fn podman(&self, arguments: &[&str]) -> String {
        let mut client = self.inside("podman");
        Self::settings(&mut client, self.directory.path());
        let output = client.args(arguments).output().expect("it runs");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "podman {arguments:?}: {complaint}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// How many containers there are, running or not.
    pub fn containers(&self) -> usize {
        self.podman(&["ps", "--all", "--quiet"]).lines().count()
    }

    /// How many networks there are beside the one that always is.
    pub fn networks(&self) -> usize {
        let all = self.podman(&["network", "ls", "--format", "{{.Name}}"]);
        all.lines().filter(|name| *name != "podman").count()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.podman(&["rm", "--all", "--force", "--time", "0"]);
        }
        if let Ok(pid) = libc::pid_t::try_from(self.process.id()) {
            // SAFETY: no pointer is passed; it is a child that was not waited for.
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
        let _ = self.process.wait();
    }
}

fn host_of(directory: &Path) -> String {
    format!("unix://{}", directory.join("podman.sock").display())
}
