//! The container engine: Docker's or Podman's API over a Unix socket of this machine.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::runtime::{Builder, Runtime};

/// An answer of the engine comes within this time; images may take longer.
const ANSWER_WITHIN_S: u64 = 120;
/// A daemon says its version within this time, or it is no use.
const VERSION_WITHIN: Duration = Duration::from_secs(10);
/// What is asked for where nothing names a socket.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";
/// Podman's, of root and below a user's runtime directory.
const PODMAN_SOCKETS: [&str; 2] = ["/run/podman/podman.sock", "podman/podman.sock"];

/// A connection to an engine, and the threads that it lives on.
pub(super) struct Engine {
    docker: Docker,
    /// Taken away only as this is dropped.
    runtime: Option<Runtime>,
    /// What the engine says of itself.
    pub(super) about: About,
}

/// What an engine says of itself.
#[derive(Clone, Debug)]
pub struct About {
    /// Its version.
    pub version: String,
    /// The version of the API that is spoken.
    pub api: String,
    /// Where it listens.
    pub socket: PathBuf,
    /// Whether it runs without root, so that a container's root is this user.
    pub rootless: bool,
}

impl Engine {
    /// Connects to the engine that `DOCKER_HOST` names, or to the first whose socket is there.
    pub(super) fn connect() -> Result<Self> {
        let socket = socket(
            std::env::var("DOCKER_HOST").ok().as_deref(),
            std::env::var("XDG_RUNTIME_DIR").ok().as_deref(),
            Path::exists,
        )?;
        reach(&socket)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("engine")
            .enable_all()
            .build()
            .context("start the thread that speaks with the container engine")?;
        let path = socket.to_string_lossy();
        let docker = Docker::connect_with_unix(&path, ANSWER_WITHIN_S, API_DEFAULT_VERSION)
            .with_context(|| format!("connect to the container engine at {path}"))?;
        let (docker, about) = block(&runtime, greet(docker, &socket))
            .with_context(|| format!("speak with the container engine at {path}: is it Docker or Podman?"))?;
        Ok(Self {
            docker,
            runtime: Some(runtime),
            about,
        })
    }

    /// Does something with the engine, and blocks for it; also on threads that must not wait by themselves.
    pub(super) fn block<T, F>(&self, ask: impl FnOnce(Docker) -> F) -> Result<T>
    where
        T: Send,
        F: Future<Output = Result<T>> + Send,
    {
        block(self.runtime(), ask(self.docker.clone()))
    }

    /// Does something with the engine.
    pub(super) async fn run<T, F>(&self, ask: impl FnOnce(Docker) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let done = self.runtime().spawn(ask(self.docker.clone())).await;
        done.context("ask the container engine: a bug in Tribunal (panic)")?
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is there until this is dropped")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Whoever drops this may be a thread that must not wait.
            runtime.shutdown_background();
        }
    }
}

/// Blocks on a thread of its own: the one that asks may be one of another runtime.
fn block<T: Send>(runtime: &Runtime, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| runtime.block_on(work));
        let done = thread.join();
        done.unwrap_or_else(|_| Err(anyhow!("ask the container engine: a bug in Tribunal (panic)")))
    })
}

/// Agrees on a version of the API, and asks what else there is to know.
async fn greet(docker: Docker, socket: &Path) -> Result<(Docker, About)> {
    let hello = async {
        let docker = docker.negotiate_version().await?;
        let (version, information) = (docker.version().await?, docker.info().await?);
        let rootless = information.security_options.unwrap_or_default();
        let about = About {
            version: version.version.unwrap_or_else(|| "of unknown version".to_owned()),
            api: docker.client_version().to_string(),
            socket: socket.to_owned(),
            rootless: rootless.iter().any(|option| option.contains("rootless")),
        };
        Ok((docker, about))
    };
    let done = tokio::time::timeout(VERSION_WITHIN, hello).await;
    done.with_context(|| format!("no answer in {} s", VERSION_WITHIN.as_secs()))?
}

/// Where the engine listens.
fn socket(
    named: Option<&str>,
    runtime_directory: Option<&str>,
    exists: impl Fn(&Path) -> bool,
) -> Result<PathBuf> {
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        return match named.strip_prefix("unix://") {
            Some(path) if path.starts_with('/') => Ok(path.into()),
            _ => bail!(
                "use the container engine at DOCKER_HOST={named}: containers share directories with Tribunal, so only an \
                 engine of this machine can be used, as unix:///path/of/its.sock"
            ),
        };
    }
    let [system, user] = PODMAN_SOCKETS;
    let of_user = runtime_directory.map(|directory| Path::new(directory).join(user));
    let candidates = [Some(DOCKER_SOCKET.into()), of_user, Some(system.into())];
    let found = candidates
        .into_iter()
        .flatten()
        .find(|path: &PathBuf| exists(path));
    found.with_context(|| {
        format!(
            "find a container engine: there is no socket {DOCKER_SOCKET}, and none of Podman's; start one \
             (`systemctl start docker`, or `podman system service`), or name its socket in DOCKER_HOST, \
             as unix:///path/of/its.sock"
        )
    })
}

/// Opens the socket once: what stands in the way is clearest here.
fn reach(socket: &Path) -> Result<()> {
    let Err(error) = std::os::unix::net::UnixStream::connect(socket) else {
        return Ok(());
    };
    let hint = match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            "this user may not speak with it; add it to the group of that socket (`usermod -aG docker $USER`, then log in \
             again)"
        }
        std::io::ErrorKind::NotFound => "there is no such socket; start the daemon, or correct DOCKER_HOST",
        _ => "is the daemon running? (`systemctl start docker`)",
    };
    Err(error).with_context(|| format!("reach the container engine at {}: {hint}", socket.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_found_or_it_is_said_what_to_do() {
        let none = |_: &Path| false;
        let named = socket(Some("unix:///run/other.sock"), None, none).expect("named");
        assert_eq!(named, Path::new("/run/other.sock"));
        let remote = socket(Some("tcp://10.0.0.1:2375"), None, none).expect_err("remote");
        assert!(remote.to_string().contains("engine of this machine"), "{remote}");
        let podman = socket(None, Some("/run/user/7"), |path| path.starts_with("/run/user/7"));
        assert_eq!(
            podman.expect("there"),
            Path::new("/run/user/7/podman/podman.sock")
        );
        assert_eq!(
            socket(Some(""), None, |_| true).expect("there"),
            Path::new(DOCKER_SOCKET)
        );
        let missing = socket(None, None, none).expect_err("there is none").to_string();
        assert!(
            missing.contains("DOCKER_HOST") && missing.contains("systemctl"),
            "{missing}"
        );
    }

    #[test]
    fn a_socket_without_a_daemon_says_what_to_do() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("docker.sock");
        let error = reach(&path).expect_err("there is none");
        assert!(format!("{error:#}").contains("no such socket"), "{error:#}");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
        let error = reach(&path).expect_err("nobody listens");
        assert!(
            format!("{error:#}").contains("is the daemon running?"),
            "{error:#}"
        );
    }
}
