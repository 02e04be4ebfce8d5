//! Takes away every rule of the packet filter that a run has made on this host, whoever made them: by the run's name alone.

use std::process::Command;

use super::tool;

/// Removes what bears the name of that run.
pub(crate) fn purge(run: &str) {
    // The table that nft gets; one that is not there is no error of ours.
    let _ = ran("nft", &["delete", "table", "ip", &format!("tribunal_{run}")], "");
    let Some(saved) = ran("iptables-save", &["--table", "filter"], "") else {
        return;
    };
    let prefix = format!(":TRIBUNAL-{run}-");
    for line in saved.lines().filter(|line| line.starts_with(&prefix)) {
        let chain = line[1..].split_whitespace().next().unwrap_or_default();
        // Each by itself: what has lost its hook already still has to go.
        for lines in [
            format!("-D INPUT -j {chain}"),
            format!("-D OUTPUT -j {chain}"),
            format!("-F {chain}\n-X {chain}"),
        ] {
            let table = format!("*filter\n{lines}\nCOMMIT\n");
            let _ = ran("iptables-restore", &["--noflush"], &table);
        }
    }
}

/// What a tool of the system prints, where it is there and content.
fn ran(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    for directory in ["", "/usr/sbin/", "/sbin/"] {
        let mut command = Command::new(format!("{directory}{program}"));
        command.args(arguments);
        if let Ok(output) = tool::run(&mut command, input.as_bytes()) {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            return output.status.success().then_some(text);
        }
    }
    None
}
