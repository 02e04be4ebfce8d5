//! What happens before a run, told as it happens: the caller prints it, or not.

/// Something that a person who waits may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Jars are being fetched.
    Fetching {
        /// Bytes that are here.
        done: u64,
        /// Bytes that were missing when the fetching began.
        total: u64,
        /// The jar that the newest bytes belong to.
        jar: &'a str,
    },
    /// A fetch failed and will be tried again.
    Retrying {
        /// The jar.
        jar: &'a str,
        /// Why it failed.
        error: &'a str,
    },
    /// Something is made once and kept in the cache: `formatting Kafka 4.4.0`, …
    Preparing(&'a str),
    /// It will work, but not as well as it could.
    Warning(&'a str),
}

/// Where [`Progress`] goes. It may be called from several threads.
pub type Report<'a> = &'a (dyn Fn(Progress<'_>) + Sync);
