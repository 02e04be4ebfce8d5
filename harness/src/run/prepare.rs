//! Before anything starts: read the plan, fetch what is missing, make the run's directory, and enter the sandbox where the cluster is to live there.
//!
//! Nothing has been started when any of this fails.

use std::collections::BTreeSet;
use std::ffi::OsString;

use anyhow::{Context, anyhow, bail, ensure};
use cluster::kafka::{Agent, Install, InstallOptions, Java};
use cluster::{Attachment, docker, ssh};

use super::{attach, capture};
use crate::cli::{ConductOptions, EnvironmentName, RunOptions};
use crate::directory::{RunDirectory, shown, write_whole};
use crate::drivers;
use crate::exit::{Exit, Failure};
use crate::inventory;
use crate::judge::MadeOf;
use crate::plan::{Overrides, Resolved, Whereabouts, check_allowed, load, resolve};
use crate::progress::Progress;

/// Prepares a run and enters the sandbox, from where this process never returns to here.
pub fn prepare(options: &RunOptions) -> Result<Exit, Failure> {
    let (file, text) = load(&options.plan, None).map_err(Failure::usage)?;
    attach::check(options).map_err(Failure::usage)?;
    let whereabouts = attach::find(options).map_err(Failure::infrastructure)?;
    let overrides = Overrides {
        seed: options.seed,
        broker: options.broker.clone(),
        client: options.client.clone(),
        nodes: options.nodes,
        shape: options.shape,
        disk: options.disk,
        time_limit: options.time_limit,
        rest: options.rest,
        bugs: options.bugs.clone(),
        whereabouts: whereabouts.clone(),
    };
    let resolved = resolve(&file, &text, &overrides).map_err(Failure::usage)?;
    check_options(options, &resolved).map_err(Failure::usage)?;
    if resolved.plan.is_simulated() {
        return simulate(options, &resolved);
    }
    if let Whereabouts::Others(attachment, _) = whereabouts {
        return attached(options, &resolved, *attachment);
    }
    let own_parts = check_environment(options, &resolved).map_err(Failure::infrastructure)?;
    let java = Java::find().map_err(Failure::infrastructure)?;
    let (installs, agent) = fetch(
        &resolved.versions(),
        resolved.has_metrics(),
        options.offline,
        options.plain,
    )
    .map_err(Failure::infrastructure)?;
    let mut parts = vec![
        ("Java".to_owned(), java.build.clone()),
        ("kernel".to_owned(), kernel()),
    ];
    parts.extend(client(&resolved, options.offline).map_err(Failure::infrastructure)?);
    parts.extend(own_parts);
    parts.extend(sums(&installs));
    parts.extend(agent.iter().map(Agent::sum));
    let directory = begin(options, &resolved, parts)?;
    if options.env != EnvironmentName::Sandbox {
        return conduct_here(options, &directory, None);
    }
    let error = sandbox::reexec(conduct_arguments(options, &directory));
    Err(Failure::infrastructure(error.into()))
}

/// Refuses options that do not go together.
fn check_options(options: &RunOptions, resolved: &Resolved) -> anyhow::Result<()> {
    let (env, simulated) = (options.env, resolved.plan.is_simulated());
    match (env, &options.inventory) {
        (EnvironmentName::Ssh, None) => bail!(
            "--env ssh takes --inventory FILE: the hosts that nodes run on (the guide shows how such a file looks)"
        ),
        // What is wrong in the file is told before anything is done.
        (EnvironmentName::Ssh, Some(file)) => drop(inventory::load(file)?),
        (_, Some(_)) => bail!("--inventory goes with --env ssh only"),
        (_, None) => {}
    }
    capture::check(&options.pcap, env, resolved.plan.all_nodes(), simulated)?;
    if simulated {
        ensure!(
            options.keep.is_none(),
            "--keep: the simulated broker has no nodes that could be kept up"
        );
        ensure!(
            env == EnvironmentName::Sandbox,
            "--env {env}: the simulated broker is no process, and lives nowhere"
        );
        return Ok(());
    }
    ensure!(
        !options.real_time,
        "--real-time is for the simulated broker: the time of {} passes as ours does",
        resolved.plan.broker
    );
    ensure!(
        matches!(env, EnvironmentName::Sandbox | EnvironmentName::Docker) || options.keep.is_none(),
        "--keep: only a cluster in the sandbox or in containers can be kept up, not one with --env {env}"
    );
    Ok(())
}

/// Refuses clients that cannot be started, or cannot do what the plan asks for, and names what they are of.
fn client(resolved: &Resolved, offline: bool) -> anyhow::Result<Option<(String, String)>> {
    let Some(program) = drivers::program(resolved, offline)? else {
        return Ok(None);
    };
    let described = drivers::describe(&program, resolved, &resolved.topics())?;
    let text = format!("{} {} ({})", described.library, described.version, program.name);
    Ok(Some(("client".to_owned(), text)))
}

/// Refuses a machine that cannot hold the environment, and names what it is made of.
fn check_environment(options: &RunOptions, resolved: &Resolved) -> anyhow::Result<Vec<(String, String)>> {
    let env = options.env;
    let mut parts = vec![("environment".to_owned(), env.to_string())];
    match env {
        EnvironmentName::Sandbox => {
            check_machine()?;
            parts.push(("network cards".to_owned(), sandbox::Cards::choose()?.to_string()));
        }
        EnvironmentName::Host | EnvironmentName::Attached => {}
        EnvironmentName::Docker => {
            let image = docker::Image::from_environment()?;
            if let docker::Image::Base(_) = image {
                eprintln!(
                    "tribunal: the nodes' image is {image}: it takes a minute or two where it is not there yet"
                );
            }
            let engine = docker::prepare(&image)?;
            parts.push((
                "container engine".to_owned(),
                format!("{}, API {}", engine.version, engine.api),
            ));
            parts.push(("containers".to_owned(), image.to_string()));
        }
        EnvironmentName::Ssh => {
            let inventory = options.inventory.as_deref().context("find the hosts")?;
            let hosts = inventory::load(inventory)?;
            let seen = ssh::check(resolved.plan.all_nodes(), &hosts)?;
            parts.extend(
                seen.into_iter()
                    .zip(1..)
                    .map(|(seen, node)| (format!("host of n{node}"), seen)),
            );
        }
    }
    Ok(parts)
}

/// A cluster that somebody else runs needs no sandbox, no Java and no jars either, but leave.
fn attached(options: &RunOptions, resolved: &Resolved, attachment: Attachment) -> Result<Exit, Failure> {
    check_allowed(resolved, &attachment).map_err(Failure::usage)?;
    attach::check_topics(resolved, &attachment).map_err(Failure::infrastructure)?;
    let directory = begin(options, resolved, attach::parts(&attachment))?;
    conduct_here(options, &directory, Some(attachment))
}

/// A simulated broker needs no sandbox, no Java and no jars: the run goes on in this process.
fn simulate(options: &RunOptions, resolved: &Resolved) -> Result<Exit, Failure> {
    let directory = begin(options, resolved, Vec::new())?;
    conduct_here(options, &directory, None)
}

/// Makes the run's directory, writes down what the run is made of, and says where that is.
fn begin(
    options: &RunOptions,
    resolved: &Resolved,
    parts: Vec<(String, String)>,
) -> Result<RunDirectory, Failure> {
    let directory = RunDirectory::create(options.out.as_deref(), &resolved.plan.name, resolved.seed)
        .map_err(Failure::usage)?;
    write_inputs(&directory, options, resolved, parts).map_err(Failure::infrastructure)?;
    announce(resolved, &directory);
    Ok(directory)
}

/// Where there is no sandbox to enter, the run goes on in this process.
fn conduct_here(
    options: &RunOptions,
    directory: &RunDirectory,
    attached: Option<Attachment>,
) -> Result<Exit, Failure> {
    super::conduct(&ConductOptions {
        dir: directory.root().to_owned(),
        attached,
        env: options.env,
        inventory: options.inventory.clone(),
        json: options.json,
        keep_data: options.keep_data,
        pcap: Vec::new(),
        plain: options.plain,
        keep: options.keep,
        keep_for: options.keep_for,
        real_time: options.real_time,
    })
}

fn announce(resolved: &Resolved, directory: &RunDirectory) {
    eprintln!(
        "tribunal: plan {}, seed {}, {}, {} node{}, in {}",
        resolved.plan.name,
        resolved.seed,
        if resolved.plan.is_attached() {
            "a cluster of somebody else's"
        } else {
            resolved.plan.broker.as_str()
        },
        resolved.plan.all_nodes(),
        if resolved.plan.all_nodes() == 1 { "" } else { "s" },
        directory.shown()
    );
}

/// Refuses a machine that cannot hold the sandbox, with what to do about it.
fn check_machine() -> anyhow::Result<()> {
    let lacking = sandbox::probe()?
        .into_iter()
        .find(|power| power.needed && !power.ok);
    let Some(power) = lacking else { return Ok(()) };
    let hint = power
        .hint
        .map(|hint| format!("\nhint: {hint}"))
        .unwrap_or_default();
    Err(anyhow!(
        "set a sandbox up, as this machine lacks a needed power, {}: {}{hint}\n`tribunal doctor` tries everything that a run needs",
        power.name,
        power.detail
    ))
}

/// Refuses a machine that cannot hold a run of these versions, and fetches what is missing: for those who begin several.
pub fn prepare_machine(versions: &BTreeSet<String>, metrics: bool, offline: bool) -> anyhow::Result<()> {
    check_machine()?;
    sandbox::Cards::choose()?;
    Java::find()?;
    fetch(versions, metrics, offline, false).map(drop)
}

/// Finds the jars of every version that the run will need, and the agent where metrics are asked for, or fetches them.
fn fetch(
    versions: &BTreeSet<String>,
    metrics: bool,
    offline: bool,
    plain: bool,
) -> anyhow::Result<(Vec<Install>, Option<Agent>)> {
    let progress = Progress::new(plain);
    let options = InstallOptions::from_environment(offline)?;
    let install = |version: &String| {
        cluster::kafka::install(version, &options, &|seen| {
            progress.preparing(&seen);
        })
    };
    let installs: anyhow::Result<_> = versions.iter().map(install).collect();
    let agent = metrics.then(|| {
        cluster::kafka::install_agent(&options, &|seen| {
            progress.preparing(&seen);
        })
    });
    progress.finish();
    Ok((installs?, agent.transpose()?))
}

/// Every jar's name and sum; what several versions share stands there once.
fn sums(installs: &[Install]) -> BTreeSet<(String, String)> {
    installs.iter().flat_map(Install::sums).collect()
}

fn write_inputs(
    directory: &RunDirectory,
    options: &RunOptions,
    resolved: &Resolved,
    more: Vec<(String, String)>,
) -> anyhow::Result<()> {
    write_whole(&directory.plan(), resolved.to_toml()?.as_bytes())?;
    let mut parts = vec![("Tribunal".to_owned(), env!("CARGO_PKG_VERSION").to_owned())];
    if !resolved.plan.is_attached() {
        parts.push(("broker".to_owned(), resolved.plan.broker.clone()));
    }
    parts.extend(more);
    let mut there = match options.env {
        EnvironmentName::Sandbox => String::new(),
        env => format!(" --env {env}{}", attach::again(options)),
    };
    if let Some(inventory) = &options.inventory {
        there = format!("{there} --inventory {}", shown(inventory));
    }
    let replay = format!("tribunal run {}{there}", shown(&directory.plan()));
    let made_of = MadeOf { parts, replay };
    let json =
        serde_json::to_vec_pretty(&made_of).context("names and versions always have a form in JSON")?;
    write_whole(&directory.made_of(), &json)
}

fn kernel() -> String {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    format!("{} {}", read("ostype").trim(), read("osrelease").trim())
}

fn conduct_arguments(options: &RunOptions, directory: &RunDirectory) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["conduct".into(), directory.root().into()];
    if options.json {
        arguments.push("--json".into());
    }
    if options.keep_data {
        arguments.push("--keep-data".into());
    }
    if options.plain {
        arguments.push("--plain".into());
    }
    if let Some(when) = options.keep {
        arguments.push(format!("--keep={}", when.word()).into());
        arguments.push(format!("--keep-for={}", options.keep_for).into());
    }
    for links in &options.pcap {
        arguments.push(format!("--pcap={links}").into());
    }
    arguments
}
