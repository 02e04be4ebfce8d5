//! Local doors to brokers elsewhere: an address on loopback for each, behind which a connection is made as the cluster asks for
//! it (by its name and port, with TLS, logged in).
//!
//! So whoever asks brokers here (observer, prober, administration, final reads) need not know that there is more to it than an
//! address. Bytes pass as they are. The workload's clients go to the brokers themselves.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Remote;
use super::security::Security;

/// A broker that is up takes a connection in this time.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Opens a door at that address. It stands open for as long as what is returned lives.
pub(super) async fn open(at: SocketAddrV4, remote: Remote, security: Arc<Security>) -> Result<JoinSet<()>> {
    let listener = TcpListener::bind(at).await;
    let listener =
        listener.with_context(|| format!("open a door to {}:{} at {at}", remote.host, remote.port))?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut through = JoinSet::new();
        loop {
            tokio::select! {
                come = listener.accept() => match come {
                    Ok((inner, _)) => {
                        through.spawn(pass(inner, remote.clone(), Arc::clone(&security)));
                    }
                    // Too many files are open, or something like it: others may go before more come.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(_) = through.join_next() => {}
            }
        }
    });
    Ok(tasks)
}

/// One connection. Where the other side cannot be reached, or ends, this side is closed: as a broker that is not there does.
async fn pass(mut inner: TcpStream, remote: Remote, security: Arc<Security>) {
    let _ = inner.set_nodelay(true);
    let outer = security.connect(&remote.host, remote.port, CONNECT_WITHIN).await;
    if let Ok(mut outer) = outer {
        let _ = copy_bidirectional(&mut inner, &mut outer).await;
    }
}
