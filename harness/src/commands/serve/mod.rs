//! `tribunal serve`: a folder of results over HTTP, for reading alone.
//!
//! Listens on this machine alone unless told otherwise. What lies in the folder was written by brokers, clients and other machines, so
//! nothing in it is trusted: no path leads out of it, and no page may fetch another.

mod answer;
mod file;
mod follow;
mod guard;
mod pages;
mod path;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;

use self::pages::Site;
use crate::cli::ServeOptions;
use crate::directory::shown;
use crate::exit::{Exit, Failure};
use crate::{interrupts, print};

/// More connections than this wait until one ends.
const CONNECTIONS: usize = 64;
/// A request's line and headers have to be there within this time, …
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// … and to be no longer than this.
const HEADER_BYTES: usize = 16 << 10;
/// A reader who takes nothing for so long has gone.
const SENT_WITHIN: Duration = Duration::from_secs(30);
/// Headers of one request.
const HEADERS: usize = 64;
/// Before another connection is accepted where the system has no room for one.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves a folder until somebody interrupts.
pub fn serve(options: &ServeOptions) -> Result<Exit, Failure> {
    let dir = &options.dir;
    if !dir.is_dir() {
        let dir = shown(dir);
        return Err(Failure::usage(anyhow!(
            "{dir} is no directory: name a folder of results, or make one with `tribunal run`"
        )));
    }
    let root = dir.canonicalize().with_context(|| format!("find {}", shown(dir)));
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the runtime")
        .map_err(Failure::infrastructure)?;
    let site = Site::new(root.map_err(Failure::usage)?);
    let outcome = runtime.block_on(listen(options, site));
    // At once, whatever somebody is reading.
    runtime.shutdown_background();
    outcome
}

async fn listen(options: &ServeOptions, mut site: Site) -> Result<Exit, Failure> {
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|error| refused(options.listen, &error))?;
    let address = listener
        .local_addr()
        .context("find the port")
        .map_err(Failure::infrastructure)?;
    site.listens_on(address);
    // Before the address is printed: whoever reads it may interrupt at once.
    let mut ended = interrupts::listen().map_err(Failure::infrastructure)?;
    print::data(&format!("http://{address}/")).map_err(Failure::infrastructure)?;
    if !address.ip().is_loopback() {
        eprintln!(
            "tribunal: warning: everybody who reaches {address} can read everything in {}",
            shown(&options.dir)
        );
    }
    eprintln!("tribunal: serving {}; Ctrl-C ends it", shown(&options.dir));
    let site = Arc::new(site);
    tokio::select! {
        () = accept(&listener, site) => {}
        () = interrupts::any(&mut ended) => {}
    }
    Ok(Exit::Valid)
}

fn refused(address: SocketAddr, error: &std::io::Error) -> Failure {
    let hint = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            ": another program listens there, --listen 127.0.0.1:0 takes a free port"
        }
        std::io::ErrorKind::AddrNotAvailable => ": it is no address of this machine",
        std::io::ErrorKind::PermissionDenied => ": ports below 1024 are for root",
        _ => "",
    };
    Failure::usage(anyhow!("cannot listen on {address}: {error}{hint}"))
}

async fn accept(listener: &TcpListener, site: Arc<Site>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            converse(stream, site).await;
            drop(permit);
        });
    }
}

/// One connection, until either side ends it.
async fn converse(stream: TcpStream, site: Arc<Site>) {
    // The kernel ends a connection whose other side takes nothing any more.
    let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(SENT_WITHIN));
    let service = service_fn(move |request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(answer::answer(site, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(HEADER_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    // A connection that breaks is its reader's choice.
    let _ = connection.await;
}
