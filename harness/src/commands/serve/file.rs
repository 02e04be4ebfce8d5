//! A file as a response: what it is, whether the reader has it, and its bytes a piece at a time.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use hyper::HeaderMap;
use hyper::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH};
use tokio::io::AsyncReadExt;

use super::answer::Body;

/// What is read and sent at once.
const PIECE: usize = 64 << 10;
/// Pieces that wait to be sent.
const PIECES: usize = 2;
/// A reader who takes no piece for so long has gone.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);

/// A file that was opened to be sent.
pub struct Opened {
    file: File,
    meta: Metadata,
    content_type: &'static str,
}

impl Opened {
    /// A file that was opened at a place.
    pub fn new(file: File, meta: Metadata, place: &Path) -> Self {
        Self {
            file,
            meta,
            content_type: content_type(place),
        }
    }

    /// What it is, by its name.
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// Whether it is a page.
    pub fn is_page(&self) -> bool {
        self.content_type.starts_with("text/html")
    }

    /// Its bytes when it was opened; those that are written later are another answer's.
    pub fn length(&self) -> u64 {
        self.meta.len()
    }

    /// What tells it from what lay there before.
    pub fn tag(&self) -> String {
        format!(
            "\"{:x}-{:x}-{:x}.{:x}\"",
            self.meta.ino(),
            self.meta.len(),
            self.meta.mtime(),
            self.meta.mtime_nsec()
        )
    }

    /// When it was changed, as HTTP writes it.
    pub fn changed(&self) -> String {
        httpdate::fmt_http_date(self.meta.modified().unwrap_or(SystemTime::UNIX_EPOCH))
    }

    /// Its bytes, read as they are sent.
    pub fn body(self) -> Body {
        let (sender, body) = Channel::<Bytes, io::Error>::new(PIECES);
        tokio::spawn(send(
            tokio::fs::File::from_std(self.file),
            self.meta.len(),
            sender,
        ));
        body.boxed_unsync()
    }
}

async fn send(file: tokio::fs::File, length: u64, mut to: Sender<Bytes, io::Error>) {
    let mut file = file.take(length);
    let mut left = length;
    while left > 0 {
        let mut piece = BytesMut::with_capacity(PIECE);
        match file.read_buf(&mut piece).await {
            Ok(read @ 1..) => left = left.saturating_sub(read as u64),
            // It became shorter meanwhile: what was promised cannot be sent.
            Ok(0) => return to.abort(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => return to.abort(error),
        }
        match tokio::time::timeout(TAKEN_WITHIN, to.send_data(piece.freeze())).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => return to.abort(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Whether the reader has the file as it is (RFC 9110, section 13.2.2): a tag decides, a time where there is none.
pub fn is_known(asked: &HeaderMap, opened: &Opened) -> bool {
    let tag = opened.tag();
    let mut tags = asked.get_all(IF_NONE_MATCH).iter().peekable();
    if tags.peek().is_some() {
        return tags.filter_map(|value| value.to_str().ok()).any(|value| {
            let mut known = value
                .split(',')
                .map(|known| known.trim().trim_start_matches("W/"));
            known.any(|known| known == tag || known == "*")
        });
    }
    let since = asked
        .get(IF_MODIFIED_SINCE)
        .and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok());
    // HTTP's times are of whole seconds.
    let changed = httpdate::parse_http_date(&opened.changed()).ok();
    since
        .zip(changed)
        .is_some_and(|(since, changed)| changed <= since)
}

/// What a file is, by its name. Text that a browser would fetch otherwise is shown; what nobody knows is fetched.
fn content_type(place: &Path) -> &'static str {
    let extension = place
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or("");
    match extension.to_ascii_lowercase().as_str() {
        "html" => "text/html; charset=utf-8",
        "json" => "application/json",
        "xml" => "text/xml; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jsonl" | "edn" | "log" | "md" | "properties" | "toml" | "txt" => "text/plain; charset=utf-8",
        "pcap" => "application/vnd.tcpdump.pcap",
        "parquet" => "application/vnd.apache.parquet",
        "zst" => "application/zstd",
        "gz" => "application/gzip",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};

    #[test]
    fn what_the_reader_has_is_not_sent_again() {
        let mut file = tempfile::NamedTempFile::new().expect("it can be made");
        io::Write::write_all(&mut file, b"x").expect("it can be written");
        let meta = file.as_file().metadata().expect("it is there");
        let opened = Opened::new(file.reopen().expect("it is there"), meta, Path::new("a.json"));
        let known = |name: HeaderName, value: &str| {
            is_known(
                &HeaderMap::from_iter([(name, HeaderValue::from_str(value).expect("a value"))]),
                &opened,
            )
        };
        assert!(known(IF_NONE_MATCH, &opened.tag()));
        assert!(known(IF_NONE_MATCH, &format!("\"other\", W/{}", opened.tag())));
        assert!(!known(IF_NONE_MATCH, "\"other\""));
        assert!(known(IF_MODIFIED_SINCE, &opened.changed()));
        assert!(!known(IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:37 GMT"));
        assert!(!known(IF_MODIFIED_SINCE, "yesterday"));
    }
}
