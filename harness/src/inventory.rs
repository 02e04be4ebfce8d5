//! The file of the hosts that `--env ssh` runs nodes on.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use cluster::ssh::{Host, Inventory};

/// Reads an inventory: every host with what holds for it.
///
/// # Errors
/// It cannot be read, or something in it is not understood, with the place where it stands.
pub fn load(path: &Path) -> Result<Vec<Host>> {
    let failed = || format!("read the inventory {}", path.display());
    let text = std::fs::read_to_string(path).with_context(failed)?;
    let inventory: Inventory = toml::from_str(&text)
        .map_err(|error| anyhow!("{error}"))
        .with_context(failed)?;
    inventory.resolve().with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(text: &str) -> Result<Vec<Host>> {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), text).expect("writable");
        load(file.path())
    }

    #[test]
    fn what_is_not_known_is_refused_where_it_stands() {
        let text = "[defaults]\nuser = \"me\"\n\n[[hosts]]\nhost = \"a\"\npasword = \"x\"\n";
        let error = format!("{:#}", loaded(text).expect_err("a mistake"));
        assert!(error.contains("line 6") && error.contains("pasword"), "{error}");
    }

    #[test]
    fn hosts_stand_in_their_order() {
        let text = "[defaults]\nuser = \"me\"\nport = 2222\n[[hosts]]\nhost = \"a\"\n[[hosts]]\nhost = \"b\"\nport = 22\n";
        let hosts = loaded(text).expect("sound");
        let shown: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["me@a:2222", "me@b:22"]);
    }
}
