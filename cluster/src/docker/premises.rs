//! What a run has in a container engine: two networks, and a container a node. All of it is taken away again as it is dropped.

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bollard::Docker;
use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, Mount, NetworkConnectRequest, NetworkCreateRequest,
    NetworkingConfig, ResourcesUlimits,
};
use bollard::query_parameters::CreateContainerOptionsBuilder;
use history::NodeId;

use super::agent::{self, Agent};
use super::engine::Engine;
use super::inside::Inside;
use super::machine::{self, DockerMachine};
use super::{image, labels, sweep};

/// A container that was started has its agent up within this time.
const UP_WITHIN: Duration = Duration::from_secs(20);
/// An address that can be reached refuses a connection within this time.
const REFUSED_WITHIN: Duration = Duration::from_secs(2);
/// No container needs more files or processes than this.
const LIMIT_MAX: i64 = 32_768;
/// A port that nothing listens on.
const NO_PORT: u16 = 1;

/// What all containers have in common.
pub(super) struct Site {
    pub(super) directory: PathBuf,
    pub(super) image: String,
    pub(super) mounts: Vec<Mount>,
    pub(super) shared: Vec<PathBuf>,
    pub(super) owner: (u32, u32),
}

/// What a run has made in the engine and beside it, so that it can be taken away again.
pub(super) struct Premises {
    engine: Arc<Engine>,
    run: String,
    scratch: PathBuf,
    labels: HashMap<String, String>,
    containers: Vec<String>,
    networks: Vec<String>,
}

impl Premises {
    pub(super) fn new(engine: Arc<Engine>) -> Result<Self> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let run = id[..12].to_owned();
        let scratch = std::env::temp_dir().join(format!("{}{run}", labels::SCRATCH_PREFIX));
        let labels = labels::of_run(&run, &scratch);
        let premises = Self {
            engine,
            run,
            scratch,
            labels,
            containers: Vec::new(),
            networks: Vec::new(),
        };
        premises
            .make_scratch()
            .with_context(|| format!("make {}", premises.scratch.display()))?;
        Ok(premises)
    }

    fn make_scratch(&self) -> Result<()> {
        fs::create_dir(&self.scratch)?;
        fs::set_permissions(&self.scratch, fs::Permissions::from_mode(0o700))?;
        fs::write(
            self.scratch.join(sweep::OWNER_FILE),
            serde_json::to_vec(&self.labels)?,
        )?;
        agent::write_program(&self.scratch)
    }

    /// The network of data, then the observer's.
    pub(super) fn make_networks(&mut self) -> Result<()> {
        for what in ["data", "side"] {
            // Known by its name from here on: what Podman calls a network's identity differs from place to place.
            let name = format!("tribunal-{}-{what}", self.run);
            let request = NetworkCreateRequest {
                name: name.clone(),
                driver: Some("bridge".to_owned()),
                // Nothing in there has any business elsewhere.
                internal: Some(true),
                labels: Some(self.labels.clone()),
                ..NetworkCreateRequest::default()
            };
            let make = |docker: Docker| async move { Ok(docker.create_network(request).await?) };
            let done = self.engine.block(make);
            done.with_context(|| format!("make the network of {what}"))?;
            self.networks.push(name);
        }
        Ok(())
    }

    /// This host's address on the network of data.
    pub(super) fn gateway(&self) -> Result<Ipv4Addr> {
        let network = self.network(0)?.to_owned();
        let inspect = |docker: Docker| async move { Ok(docker.inspect_network(&network, None).await?) };
        let found = self
            .engine
            .block(inspect)
            .context("look at the network of data")?;
        let configured = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        let gateway = configured
            .into_iter()
            .find_map(|config| config.gateway?.parse().ok());
        gateway.context(
            "find this host's address on the network of data: the engine gives it none (Podman's needs netavark for it: \
             `apt-get install netavark`, and `network_backend = \"netavark\"` in containers.conf)",
        )
    }

    fn network(&self, at: usize) -> Result<&str> {
        let network = self.networks.get(at);
        Ok(network.context("find a network that was made: a bug in Tribunal")?)
    }

    /// Makes and starts a node's container, and takes hold of its agent.
    pub(super) fn make_machine(&mut self, node: NodeId, site: &Site) -> Result<DockerMachine> {
        let host = format!("n{node}");
        let directory = site.directory.join(&host);
        fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
        let socket = agent::socket_of(&self.scratch, &host)?;
        let body = self.container(site, &host, &directory, &socket)?;
        let options = CreateContainerOptionsBuilder::new()
            .name(&format!("tribunal-{}-{host}", self.run))
            .build();
        let create =
            |docker: Docker| async move { Ok(docker.create_container(Some(options), body).await?.id) };
        let container = self.engine.block(create)?;
        self.containers.push(container.clone());
        let started = self.engine.block(start(&container, self.network(1)?))?;
        let agent = Agent::connect(&socket, UP_WITHIN).with_context(|| {
            format!(
                "its container does not share {} with this process: is the engine on another machine, or in a virtual \
                 one?",
                self.scratch.display()
            )
        })?;
        for path in &site.shared {
            if path.is_file() && !agent.has_file(path)? {
                bail!(
                    "find {} in its container: the image has to have it at the path that it has here",
                    path.display()
                );
            }
        }
        let [address, side_address] = started.addresses;
        reach(address)?;
        let clock = sandbox::Clock::shared(&self.scratch, &host)?;
        let limits = machine::limits_cpu(&self.engine, &container);
        Ok(DockerMachine {
            node,
            host,
            address,
            side_address,
            directory,
            container,
            inside: Inside::open(started.pid, &self.scratch.join(agent::PROGRAM_FILE)).map(Arc::new),
            agent_pid: started.pid,
            engine: Arc::clone(&self.engine),
            agent: Arc::new(agent),
            clock: clock.map(Arc::new),
            newest: Mutex::default(),
            frozen: AtomicBool::new(false),
            limits_cpu: limits,
        })
    }

    /// How a container is to be made.
    fn container(
        &self,
        site: &Site,
        host: &str,
        directory: &Path,
        socket: &Path,
    ) -> Result<ContainerCreateBody> {
        let mut mounts = site.mounts.clone();
        mounts.push(image::bind(&self.scratch, false));
        mounts.push(image::bind(directory, false));
        mounts.extend(missing(&site.shared, &site.mounts));
        let command = agent::command(&self.scratch, socket, site.owner);
        let words = command.into_iter().map(|word| {
            let word = word.into_string();
            word.map_err(|word| anyhow::anyhow!("use the path {}: it is no text", word.display()))
        });
        let endpoints = HashMap::from([(self.network(0)?.to_owned(), EndpointSettings::default())]);
        Ok(ContainerCreateBody {
            hostname: Some(host.to_owned()),
            image: Some(site.image.clone()),
            user: Some("0:0".to_owned()),
            entrypoint: Some(words.collect::<Result<_>>()?),
            labels: Some(self.labels.clone()),
            working_dir: Some("/".to_owned()),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(endpoints),
            }),
            host_config: Some(HostConfig {
                mounts: Some(mounts),
                cap_add: Some(vec!["NET_ADMIN".to_owned()]),
                ulimits: Some(limits()),
                network_mode: Some(self.network(0)?.to_owned()),
                // Gone as soon as its agent is.
                auto_remove: Some(true),
                // What is shared belongs to this host's users, and is not labelled for containers.
                userns_mode: Some("host".to_owned()),
                security_opt: Some(vec!["label=disable".to_owned()]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        })
    }
}

impl Drop for Premises {
    fn drop(&mut self) {
        let (containers, networks) = (self.containers.clone(), self.networks.clone());
        let remove = |docker: Docker| async move {
            // What cannot be removed now the next run sweeps away.
            let removals = containers.iter().map(|id| sweep::remove_container(&docker, id));
            futures_util::future::join_all(removals).await;
            for id in &networks {
                let _ = sweep::remove_network(&docker, id).await;
            }
            Ok(())
        };
        let _ = self.engine.block(remove);
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// A container that was started.
struct Started {
    /// Its addresses on the networks of data and of the observer.
    addresses: [Ipv4Addr; 2],
    /// Its first process, as this host numbers it.
    pid: Option<u32>,
}

/// Joins a container to its second network, and starts it.
fn start(
    container: &str,
    side: &str,
) -> impl FnOnce(Docker) -> std::pin::Pin<Box<dyn Future<Output = Result<Started>> + Send>> {
    let (container, side) = (container.to_owned(), side.to_owned());
    |docker| {
        Box::pin(async move {
            let request = NetworkConnectRequest {
                container: container.clone(),
                endpoint_config: Some(EndpointSettings::default()),
            };
            docker
                .connect_network(&side, request)
                .await
                .context("join it to the observer's network")?;
            docker
                .start_container(&container, None)
                .await
                .context("start it")?;
            let found = docker
                .inspect_container(&container, None)
                .await
                .context("look at it")?;
            let networks = found.network_settings.and_then(|settings| settings.networks);
            let address = |is_side: bool| {
                let mut networks = networks.iter().flatten();
                let network = networks.find(|(name, _)| (**name == side) == is_side);
                let address = network.and_then(|(_, endpoint)| endpoint.ip_address.as_deref());
                address
                    .and_then(|address| address.parse().ok())
                    .context("find its addresses")
            };
            Ok(Started {
                addresses: [address(false)?, address(true)?],
                pid: found
                    .state
                    .and_then(|state| state.pid)
                    .and_then(|pid| u32::try_from(pid).ok()),
            })
        })
    }
}

/// What of these is not there by a mount around it already.
fn missing(shared: &[PathBuf], mounts: &[Mount]) -> Vec<Mount> {
    let there = |path: &Path| {
        let targets = mounts.iter().filter_map(|mount| mount.target.as_ref());
        targets.into_iter().any(|target| path.starts_with(target))
    };
    let directories = shared.iter().filter(|path| path.is_dir() && !there(path));
    directories.map(|path| image::bind(path, true)).collect()
}

/// Refuses containers that this host cannot speak to.
fn reach(address: Ipv4Addr) -> Result<()> {
    match TcpStream::connect_timeout(&SocketAddr::from((address, NO_PORT)), REFUSED_WITHIN) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionRefused => Err(error).with_context(|| {
            format!(
                "reach it at {address}: this host has to reach the addresses of containers, which an engine without root, \
                 or one in a virtual machine, does not give"
            )
        }),
        _ => Ok(()),
    }
}

/// How many files and processes there may be: as many as Tribunal itself may have, and no more than a broker can use. What
/// an engine gives of its own accord may be more than it may give.
fn limits() -> Vec<ResourcesUlimits> {
    let limit = |name: &str, resource| {
        let mut found = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: it is ours to be written.
        let told = unsafe { libc::getrlimit(resource, &raw mut found) };
        let most = i64::try_from(found.rlim_max).unwrap_or(LIMIT_MAX).min(LIMIT_MAX);
        (told == 0).then(|| ResourcesUlimits {
            name: Some(name.to_owned()),
            soft: Some(most),
            hard: Some(most),
        })
    };
    let limits = [
        limit("nofile", libc::RLIMIT_NOFILE),
        limit("nproc", libc::RLIMIT_NPROC),
    ];
    limits.into_iter().flatten().collect()
}
