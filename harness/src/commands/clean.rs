//! `tribunal clean`: takes away what killed runs left in a container engine.

use cluster::docker::{Swept, sweep};

use crate::exit::{Exit, Failure};
use crate::print;

/// Runs the command.
pub fn clean() -> Result<Exit, Failure> {
    let swept = sweep(true).map_err(Failure::infrastructure)?;
    print::data(&render(&swept)).map_err(Failure::infrastructure)?;
    Ok(Exit::Valid)
}

/// One line for each thing that was removed.
fn render(swept: &Swept) -> String {
    if swept.is_empty() {
        return "nothing was left".to_owned();
    }
    let directories: Vec<String> = swept
        .directories
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let mut lines = Vec::new();
    for (kind, names) in [
        ("container", &swept.containers),
        ("network", &swept.networks),
        ("image", &swept.images),
        ("directory", &directories),
    ] {
        for name in names {
            lines.push(format!("removed the {kind} {name}"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_named() {
        assert_eq!(render(&Swept::default()), "nothing was left");
        let swept = Swept {
            containers: vec!["tribunal-1-n1".to_owned()],
            directories: vec!["/tmp/tribunal-docker-1".into()],
            ..Swept::default()
        };
        let expected = "removed the container tribunal-1-n1\nremoved the directory /tmp/tribunal-docker-1";
        assert_eq!(render(&swept), expected);
    }
}
