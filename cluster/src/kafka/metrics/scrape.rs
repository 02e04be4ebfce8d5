//! Asks an agent once: a plain GET on a connection of its own, so that it is known which process answers.

use std::net::SocketAddrV4;

use history::Metrics;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use super::METRICS;
use crate::kafka::wire::{WireError, dial, network};

/// An answer longer than this is not one.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// What the agent at this address says, until a time.
///
/// # Errors
/// There is no answer, or none that is understood.
pub(in super::super) async fn scrape(address: SocketAddrV4, by: Instant) -> Result<Metrics, WireError> {
    let within = by.saturating_duration_since(Instant::now());
    let answer = timeout_at(by, get(address)).await;
    let answer = answer.map_err(|_| WireError::Timeout(within.as_millis()))?;
    let answer = answer?;
    let body = body(&answer)?;
    super::heard(body).map_err(|error| WireError::Protocol(error.to_string()))
}

/// Everything that is sent back. By HTTP/1.0, so that the answer ends with the connection and comes in one piece.
async fn get(address: SocketAddrV4) -> Result<Vec<u8>, WireError> {
    let mut stream = dial(address).await?;
    let exchange = async {
        stream.write_all(request().as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        Ok(answer)
    };
    exchange.await.map_err(|error: std::io::Error| network(&error))
}

/// The names are asked for, so that the agent does not gather the JVM's own metrics each time.
fn request() -> String {
    let names: Vec<String> = METRICS
        .iter()
        .map(|source| format!("name%5B%5D={}", source.name))
        .collect();
    format!("GET /metrics?{} HTTP/1.0\r\n\r\n", names.join("&"))
}

/// The body of an answer that is whole and says that all is well.
fn body(answer: &[u8]) -> Result<&str, WireError> {
    let wrong = |what: &str| WireError::Protocol(format!("the agent's answer {what}"));
    let text = std::str::from_utf8(answer).map_err(|_| wrong("is no text"))?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or_else(|| wrong("ends in its head"))?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split_ascii_whitespace().nth(1));
    if status != Some("200") {
        return Err(wrong(&format!(
            "has the status {}",
            status.unwrap_or("of no number")
        )));
    }
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    match length {
        Some(length) if length != body.len() => Err(wrong("is cut off")),
        _ => Ok(body),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use history::Metric;
    use tokio::net::TcpListener;

    use super::*;

    fn check(answer: &str, expected: Result<&str, &str>) {
        let found = body(answer.as_bytes()).map_err(|error| error.to_string());
        let expected = expected.map_err(|what| format!("the agent's answer {what}"));
        assert_eq!(found, expected, "{answer:?}");
    }

    #[test]
    fn answers_whole_and_broken() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n", Ok("a 1\n"));
        check("HTTP/1.0 200 OK\r\n\r\n", Ok(""));
        check(
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na 1\n",
            Err("is cut off"),
        );
        check("HTTP/1.1 200 OK\r\nContent-", Err("ends in its head"));
        check("HTTP/1.1 503 No\r\n\r\n", Err("has the status 503"));
        check("hello\r\n\r\n", Err("has the status of no number"));
    }

    async fn answered_with(answer: &'static str) -> (Result<Metrics, WireError>, String) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let std::net::SocketAddr::V4(address) = listener.local_addr().expect("it is bound") else {
            panic!("it was bound to an address of version 4");
        };
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut asked = vec![0; 4096];
            let read = stream.read(&mut asked).await.expect("a request");
            stream.write_all(answer.as_bytes()).await.expect("it listens");
            String::from_utf8_lossy(&asked[..read]).into_owned()
        });
        let metrics = scrape(address, Instant::now() + Duration::from_secs(30)).await;
        (metrics, server.await.expect("it does not panic"))
    }

    #[tokio::test]
    async fn an_agent_is_asked_for_what_is_listed() {
        let (metrics, asked) = answered_with("HTTP/1.1 200 OK\r\n\r\ntribunal_leaders 3.0\n").await;
        assert_eq!(metrics.expect("an answer").values[&Metric::Leaders], 3);
        assert!(
            asked.starts_with("GET /metrics?name%5B%5D=tribunal_active_controllers&name"),
            "{asked}"
        );
        let (metrics, _) = answered_with("HTTP/1.1 200 OK\r\n\r\nwhat is this\n").await;
        let expected = "line 1 is no metric: its value is no number";
        assert_eq!(metrics.expect_err("it is no metric").to_string(), expected);
    }

    #[tokio::test]
    async fn nobody_there_is_a_refused_connection() {
        let port = {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
            listener.local_addr().expect("it is bound").port()
        };
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let error = scrape(address, Instant::now() + Duration::from_secs(30)).await;
        assert_eq!(
            error.expect_err("nobody listens").to_string(),
            "connection refused"
        );
    }
}
