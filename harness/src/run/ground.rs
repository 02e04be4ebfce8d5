//! Where the machines of a run are: one of several environments, chosen by `--env`.
//!
//! The plan does not know: what it asks for and the environment lacks is skipped by name. Adding an environment: a word in
//! [`EnvironmentName`], and a line in each function here.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use cluster::docker::Image;
use cluster::kafka::{Install, InstallOptions, Java, cache_directory};
use cluster::{
    AttachedEnvironment, DockerEnvironment, DockerOptions, Environment, LoopbackEnvironment,
    SandboxEnvironment, SandboxOptions, SshEnvironment, SshOptions,
};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::capture::{self, Links};
use crate::cli::EnvironmentName;
use crate::directory::RunDirectory;
use crate::judge::Measured;
use crate::plan::Resolved;

/// An environment that is there.
#[derive(Clone)]
pub enum Ground {
    /// Namespaces, joined by a switch of ours.
    Sandbox(Arc<SandboxEnvironment>),
    /// Processes of this host.
    Host(Arc<LoopbackEnvironment>),
    /// Containers.
    Docker(Arc<DockerEnvironment>),
    /// Hosts.
    Ssh(Arc<SshEnvironment>),
    /// Somebody else's.
    Attached(Arc<AttachedEnvironment>),
}

impl Ground {
    /// Makes the machines. `broken` is cancelled where one of them is lost whole.
    pub async fn create(
        (name, inventory): (EnvironmentName, Option<&Path>),
        directory: &RunDirectory,
        resolved: &Resolved,
        broken: CancellationToken,
    ) -> Result<Self> {
        let nodes = resolved.plan.all_nodes();
        let directory = directory.nodes();
        fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
        match name {
            EnvironmentName::Sandbox => {
                let options = SandboxOptions {
                    disks: resolved.has_disks(),
                };
                let environment =
                    spawn_blocking(move || SandboxEnvironment::create(nodes, &directory, &options))
                        .await
                        .context("wait for the sandbox")?
                        .context("make the sandbox")?;
                environment.on_loss(move |_| broken.cancel());
                Ok(Self::Sandbox(Arc::new(environment)))
            }
            EnvironmentName::Host => {
                let environment =
                    LoopbackEnvironment::new(nodes, directory).context("make the nodes' directories")?;
                Ok(Self::Host(Arc::new(environment)))
            }
            EnvironmentName::Attached => bail!("make machines: a cluster that is there has its own"),
            EnvironmentName::Docker => {
                let create = move || DockerEnvironment::create(nodes, &directory, &docker_options()?);
                let environment = spawn_blocking(create).await.context("wait for the containers")?;
                Ok(Self::Docker(Arc::new(
                    environment.context("make the containers")?,
                )))
            }
            EnvironmentName::Ssh => {
                let options = ssh_options(inventory, resolved)?;
                let create = move || SshEnvironment::create(nodes, &directory, &options);
                let environment = spawn_blocking(create).await.context("wait for the hosts")?;
                let environment = environment.context("take the hosts")?;
                environment.on_loss(move |_| broken.cancel());
                Ok(Self::Ssh(Arc::new(environment)))
            }
        }
    }

    /// What the cluster sees of it.
    pub fn environment(&self) -> Arc<dyn Environment> {
        match self {
            Self::Sandbox(environment) => environment.clone(),
            Self::Host(environment) => environment.clone(),
            Self::Docker(environment) => environment.clone(),
            Self::Ssh(environment) => environment.clone(),
            Self::Attached(environment) => environment.clone(),
        }
    }

    /// Begins to write down what passes on these links.
    pub fn begin_capture(&self, directory: &RunDirectory, links: &[Links]) -> Result<()> {
        match self {
            Self::Sandbox(environment) => capture::begin(environment, directory, links),
            Self::Host(_) | Self::Docker(_) | Self::Ssh(_) | Self::Attached(_) => Ok(()),
        }
    }

    /// Ends that; what there is to say of it.
    pub fn end_capture(&self) -> Result<Option<String>> {
        match self {
            Self::Sandbox(environment) => capture::end(environment),
            Self::Host(_) | Self::Docker(_) | Self::Ssh(_) | Self::Attached(_) => Ok(None),
        }
    }

    /// What its own parts took, added to what is known.
    pub fn measure(&self, measured: Measured) -> Measured {
        let Self::Sandbox(environment) = self else {
            return measured;
        };
        let switch = environment.switch().stats();
        Measured {
            switch_frames: switch.forwarded.frames,
            switch_bytes: switch.forwarded.bytes,
            switch_cpu_us: switch.cpu.as_micros() as u64,
            ..measured
        }
    }
}

/// The hosts, and what they have to be given: every jar that brokers run with.
fn ssh_options(inventory: Option<&Path>, resolved: &Resolved) -> Result<SshOptions> {
    let inventory = inventory.context("find the hosts: --env ssh takes --inventory")?;
    let options = InstallOptions::from_environment(true)?;
    let installs: Vec<Install> = resolved
        .versions()
        .iter()
        .map(|version| cluster::kafka::install(version, &options, &|_| {}))
        .collect::<Result<_>>()?;
    let mut shared: Vec<PathBuf> = installs.into_iter().flat_map(|install| install.jars).collect();
    if resolved.has_metrics() {
        shared.push(cluster::kafka::install_agent(&options, &|_| {})?.jar);
    }
    let hosts = crate::inventory::load(inventory)?;
    Ok(SshOptions { hosts, shared })
}

/// What containers see of this machine: the jars, and Java where they have this machine's.
fn docker_options() -> Result<DockerOptions> {
    let image = Image::from_environment()?;
    let java = Java::find()?.program;
    let mut shared = vec![cache_directory()?];
    if image == Image::Host {
        let real = fs::canonicalize(&java).with_context(|| format!("find {}", java.display()))?;
        let homes = [&java, &real].map(|program| program.ancestors().nth(2).map(Path::to_owned));
        // A link in /usr/bin has no home of its own: that directory is there whole.
        shared.extend(homes.into_iter().flatten().filter(|home| home.parent().is_some()));
    }
    shared.push(java);
    Ok(DockerOptions { image, shared })
}
