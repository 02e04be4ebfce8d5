//! Paths of ours, and where the same is on a host.

use std::path::{Path, PathBuf};

/// What is where: each of ours, and the same there. The longer ones come first.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths(Vec<(String, String)>);

impl Paths {
    pub(super) fn new(pairs: impl IntoIterator<Item = (PathBuf, String)>) -> Self {
        let text = |(ours, theirs): (PathBuf, String)| (ours.display().to_string(), theirs);
        let mut pairs: Vec<_> = pairs.into_iter().map(text).collect();
        pairs.sort_by_key(|(ours, _)| std::cmp::Reverse(ours.len()));
        Self(pairs)
    }

    /// The text, with theirs in place of every path of ours.
    pub(super) fn there(&self, text: &str) -> String {
        let (mut done, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(letter) = rest.chars().next() {
            // A path begins with a slash, and a word in the middle of another path is none of ours.
            let found = self.0.iter().find(|(ours, _)| {
                let behind = rest.strip_prefix(ours.as_str());
                behind.is_some_and(|behind| !behind.starts_with(|next: char| next.is_alphanumeric()))
            });
            let length = if let Some((ours, theirs)) = found {
                done.push_str(theirs);
                ours.len()
            } else {
                done.push(letter);
                letter.len_utf8()
            };
            rest = &rest[length..];
        }
        done
    }

    pub(super) fn path(&self, ours: &Path) -> String {
        self.there(&ours.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_put_in_its_place() {
        let paths = Paths::new([
            (PathBuf::from("/run/n1"), "/tmp/t/n1".to_owned()),
            (PathBuf::from("/cache/a.jar"), "/tmp/t/jars/1-a.jar".to_owned()),
            (
                PathBuf::from("/cache/a.jar.b"),
                "/tmp/t/jars/2-a.jar.b".to_owned(),
            ),
        ]);
        let there = paths.there("-cp /cache/a.jar:/cache/a.jar.b -Dlogs=/run/n1/logs /run/n11 /run/n1");
        assert_eq!(
            there,
            "-cp /tmp/t/jars/1-a.jar:/tmp/t/jars/2-a.jar.b -Dlogs=/tmp/t/n1/logs /run/n11 /tmp/t/n1"
        );
    }
}
