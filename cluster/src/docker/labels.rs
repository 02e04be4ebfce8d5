//! What tells what is ours from what is not, and whose it is: labels on containers, networks and images.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::owner::Process;

/// The run that something belongs to. What lacks it is not ours.
pub(super) const RUN: &str = "tribunal.run";
/// The number of Tribunal's process…
const PID: &str = "tribunal.pid";
/// …the moment of its start, since numbers come again…
const STARTED: &str = "tribunal.started";
/// …and the namespace in which it has that number.
const NAMESPACE: &str = "tribunal.namespace";
/// The directory that the containers of a run share with Tribunal.
const SCRATCH: &str = "tribunal.scratch";
/// Marks an image that Tribunal made, and what it was made from.
pub(super) const IMAGE: &str = "tribunal.image";
/// How that directory's name begins: nothing else is ever removed.
pub(super) const SCRATCH_PREFIX: &str = "tribunal-docker-";

/// The labels of everything in one run.
pub(super) fn of_run(run: &str, scratch: &Path) -> HashMap<String, String> {
    let own = Process::own();
    [
        (RUN, run.to_owned()),
        (PID, own.pid),
        (STARTED, own.started),
        (NAMESPACE, own.namespace),
        (SCRATCH, scratch.display().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Whether what has these labels is ours and its process is gone.
pub(super) fn is_orphan(labels: &HashMap<String, String>) -> bool {
    let get = |name: &str| labels.get(name).cloned();
    let owner = || {
        Some(Process {
            pid: get(PID)?,
            started: get(STARTED)?,
            namespace: get(NAMESPACE)?,
        })
    };
    match (labels.contains_key(RUN), owner()) {
        (true, Some(owner)) => owner.is_gone(),
        _ => false,
    }
}

/// The directory that belongs to what has these labels, where it can be removed without a doubt.
pub(super) fn scratch_of(labels: &HashMap<String, String>) -> Option<PathBuf> {
    let path = PathBuf::from(labels.get(SCRATCH)?);
    let name = path.file_name()?.to_str()?;
    let ours = path.is_absolute() && name.starts_with(SCRATCH_PREFIX);
    ours.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> HashMap<String, String> {
        of_run("1", Path::new("/tmp/tribunal-docker-1"))
    }

    #[test]
    fn what_belongs_to_a_living_process_is_no_orphan() {
        assert!(!is_orphan(&labels()));
    }

    #[test]
    fn what_belongs_to_a_process_that_is_gone_is_one() {
        let mut labels = labels();
        labels.insert(STARTED.to_owned(), "long ago".to_owned());
        assert!(is_orphan(&labels));
        labels.insert(NAMESPACE.to_owned(), "pid:[1]".to_owned());
        assert!(!is_orphan(&labels), "of another namespace nothing is known");
    }

    #[test]
    fn what_is_not_labelled_is_never_touched() {
        let mut labels = labels();
        labels.insert(STARTED.to_owned(), "long ago".to_owned());
        labels.remove(RUN);
        assert!(!is_orphan(&labels));
        assert!(!is_orphan(&HashMap::new()));
    }

    #[test]
    fn only_a_directory_of_our_own_is_removed() {
        assert_eq!(
            scratch_of(&labels()),
            Some(PathBuf::from("/tmp/tribunal-docker-1"))
        );
        for other in ["/home/me", "/", "tribunal-docker-1", "/tmp/tribunal-docker-1/.."] {
            let labels = HashMap::from([(SCRATCH.to_owned(), other.to_owned())]);
            assert_eq!(scratch_of(&labels), None, "{other}");
        }
    }
}
