//! Machines that are containers of Docker's or Podman's, one a node.
//!
//! Each container has two networks: one for the data, which faults cut, and one for the observer, which they do not. Its
//! first process is an agent of ours (see `agent.rs`), which runs the broker and ends with Tribunal, however Tribunal ends.
//! Directories that a node needs are mounted at the paths that they have on this host, so the engine has to be on it.

mod agent;
mod engine;
mod found;
mod image;
mod inside;
mod labels;
mod machine;
mod premises;
mod sweep;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::filter::{End, Filter, FilterLinks};
use crate::{Environment, Links, Machine};
use engine::Engine;
use machine::{ContainerShell, DockerMachine};
use premises::{Premises, Site};

pub use engine::About;
pub use found::{Found, find};
pub use image::Image;
pub use sweep::{Swept, sweep};

/// How the chains of our rules begin.
const CHAIN: &str = "TRIBUNAL";

/// What the containers are like.
#[derive(Clone, Debug, Default)]
pub struct DockerOptions {
    /// Where their inside comes from.
    pub image: Image,
    /// What of this host they see beside their own directory, for reading alone.
    pub shared: Vec<PathBuf>,
}

/// Containers as an environment.
pub struct DockerEnvironment {
    machines: Vec<Arc<dyn Machine>>,
    links: Arc<FilterLinks>,
    about: About,
    /// Last, so that it outlives what is in it.
    _premises: Premises,
}

impl DockerEnvironment {
    /// Makes as many machines as asked for, numbered from 1, with their files in directories `n1`, `n2`, … of
    /// `directory`, which must exist. First it sweeps away what runs left behind that were killed. Blocks for seconds.
    ///
    /// # Errors
    /// There is no engine, it may not be used, it is not on this machine, or an image cannot be had. Nothing is left then.
    pub fn create(nodes: u32, directory: &Path, options: &DockerOptions) -> Result<Self> {
        let engine = Arc::new(Engine::connect()?);
        sweep::sweep_runs(&engine)?;
        let image = options.image.clone();
        let (image, mounts) = engine.block(|docker| image.make(docker))?;
        let mut premises = Premises::new(Arc::clone(&engine))?;
        premises.make_networks()?;
        let site = Site {
            directory: fs::canonicalize(directory)
                .with_context(|| format!("find {}", directory.display()))?,
            image,
            mounts,
            shared: options.shared.clone(),
            owner: owner(engine.about.rootless),
        };
        let mut machines = Vec::new();
        for node in 1..=nodes {
            let machine = premises.make_machine(node, &site);
            let machine = machine.with_context(|| format!("make the container of node {node}"))?;
            machines.push(Arc::new(machine));
        }
        let clients = premises.gateway()?;
        let end = |machine: &Arc<DockerMachine>| End {
            node: machine.node,
            address: machine.address,
            clients,
            spared: None,
            filter: Filter::Iptables(CHAIN.to_owned()),
            shell: Arc::new(ContainerShell {
                agent: Arc::clone(&machine.agent),
                inside: machine.inside.clone(),
            }),
        };
        let ends: Vec<End> = machines.iter().map(end).collect();
        ends.iter().try_for_each(check)?;
        let links = FilterLinks::new(ends, true);
        let machine = |machine| -> Arc<dyn Machine> { Arc::new(machine) };
        Ok(Self {
            machines: machines.into_iter().map(machine).collect(),
            links: Arc::new(links),
            about: engine.about.clone(),
            _premises: premises,
        })
    }

    /// The engine.
    pub fn engine(&self) -> &About {
        &self.about
    }
}

impl Environment for DockerEnvironment {
    fn machines(&self) -> &[Arc<dyn Machine>] {
        &self.machines
    }

    fn links(&self) -> Option<Arc<dyn Links>> {
        Some(Arc::clone(&self.links) as Arc<dyn Links>)
    }
}

/// Whether an engine is there that can be used, with that image, which is built where it has to be; what the engine says of
/// itself. May block for minutes.
///
/// # Errors
/// There is no engine, it may not be used, or the image cannot be had. Nothing is left then.
pub fn prepare(image: &Image) -> Result<About> {
    let (engine, image) = (Engine::connect()?, image.clone());
    engine
        .block(|docker| image.make(docker))
        .context("make the nodes' image")?;
    Ok(engine.about.clone())
}

/// The user and group that processes have: ours, so that their files are. Where the engine runs without root, its root
/// is this user already.
fn owner(rootless: bool) -> (u32, u32) {
    // SAFETY: these cannot fail.
    let own = unsafe { (libc::getuid(), libc::getgid()) };
    if rootless { (0, 0) } else { own }
}

/// Refuses a container in which links cannot be cut.
fn check(end: &End) -> Result<()> {
    end.check().with_context(|| {
        format!(
            "use iptables in the container of node {}: it has to be installed there (where this host's programs are \
             used: on this host, `apt-get install iptables`)",
            end.node
        )
    })
}
