//! Rules of a packet filter as its tools read and print them. Each cut has chains of its own, named with its number, so that nothing else
//! that is in the tables is ever touched.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::Counters;

/// Which tool changes the rules, and by which name ours are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// `iptables`: chains that begin so.
    Iptables(String),
    /// `nft`: a table of this name.
    Nft(String),
}

/// What is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rule {
    /// From this address…
    pub(crate) source: Option<Ipv4Addr>,
    /// …to this one…
    pub(crate) destination: Option<Ipv4Addr>,
    /// …TCP from this port…
    pub(crate) source_port: Option<u16>,
    /// …to this one.
    pub(crate) destination_port: Option<u16>,
}

impl Rule {
    fn ports(&self) -> impl Iterator<Item = (bool, u16)> {
        let source = self.source_port.map(|port| (true, port));
        source
            .into_iter()
            .chain(self.destination_port.map(|port| (false, port)))
    }

    fn for_iptables(&self) -> String {
        let mut text = String::new();
        if let Some(address) = self.source {
            let _ = write!(text, "--source {address} ");
        }
        if let Some(address) = self.destination {
            let _ = write!(text, "--destination {address} ");
        }
        if self.ports().next().is_some() {
            text.push_str("--protocol tcp ");
        }
        for (is_source, port) in self.ports() {
            let side = if is_source { "source" } else { "destination" };
            let _ = write!(text, "--{side}-port {port} ");
        }
        text
    }

    fn for_nft(&self) -> String {
        let mut text = String::new();
        if let Some(address) = self.source {
            let _ = write!(text, "ip saddr {address} ");
        }
        if let Some(address) = self.destination {
            let _ = write!(text, "ip daddr {address} ");
        }
        for (is_source, port) in self.ports() {
            let side = if is_source { "sport" } else { "dport" };
            let _ = write!(text, "tcp {side} {port} ");
        }
        text
    }
}

/// A tool with its arguments, and what it is given to read.
pub(crate) type Call = (&'static [&'static str], String);

const RESTORE: &[&str] = &["iptables-restore", "--noflush"];
const SAVE: &[&str] = &["iptables-save", "--counters", "--table", "filter"];
const NFT: &[&str] = &["nft", "--file", "-"];

impl Filter {
    /// Refused where the tool cannot be used.
    pub(crate) fn check(&self) -> Call {
        match self {
            Self::Iptables(_) => (SAVE, String::new()),
            Self::Nft(table) => (NFT, format!("add table ip {table}\nlist tables\n")),
        }
    }

    fn chain(&self, id: u64) -> String {
        match self {
            Self::Iptables(prefix) => format!("{prefix}-{id}"),
            Self::Nft(_) => format!("cut_{id}"),
        }
    }

    /// Puts all rules of a cut in force at one instant. What belongs to the port that is spared passes, whatever the rules say.
    pub(crate) fn put(&self, id: u64, rules: &[Rule], spared: Option<u16>) -> Call {
        let chain = self.chain(id);
        match self {
            Self::Iptables(_) => {
                let mut text = format!("*filter\n:{chain} - [0:0]\n");
                for port in spared.as_slice() {
                    for side in ["source", "destination"] {
                        let _ = writeln!(text, "-A {chain} --protocol tcp --{side}-port {port} -j RETURN");
                    }
                }
                for rule in rules {
                    let _ = writeln!(text, "-A {chain} {}-j DROP", rule.for_iptables());
                }
                let _ = write!(text, "-I INPUT -j {chain}\n-I OUTPUT -j {chain}\nCOMMIT\n");
                (RESTORE, text)
            }
            Self::Nft(table) => {
                let mut text = format!("add table ip {table}\n");
                for hook in ["input", "output"] {
                    let _ = writeln!(
                        text,
                        "add chain ip {table} {chain}_{hook} {{ type filter hook {hook} priority -10 ; }}"
                    );
                    for side in ["sport", "dport"] {
                        for port in spared.as_slice() {
                            let _ = writeln!(
                                text,
                                "add rule ip {table} {chain}_{hook} tcp {side} {port} return"
                            );
                        }
                    }
                    for rule in rules {
                        let rule = rule.for_nft();
                        let _ = writeln!(text, "add rule ip {table} {chain}_{hook} {rule}counter drop");
                    }
                }
                (NFT, text)
            }
        }
    }

    /// Takes a cut out of the packets' way, where its counters can still be read. Nothing where that is one step with the rest.
    pub(crate) fn unhook(&self, id: u64) -> Option<Call> {
        let chain = self.chain(id);
        match self {
            Self::Iptables(_) => Some((
                RESTORE,
                format!("*filter\n-D INPUT -j {chain}\n-D OUTPUT -j {chain}\nCOMMIT\n"),
            )),
            Self::Nft(_) => None,
        }
    }

    /// Takes it away whole.
    pub(crate) fn remove(&self, id: u64) -> Call {
        let chain = self.chain(id);
        match self {
            Self::Iptables(_) => (RESTORE, format!("*filter\n-F {chain}\n-X {chain}\nCOMMIT\n")),
            Self::Nft(table) => {
                let hooks =
                    ["input", "output"].map(|hook| format!("delete chain ip {table} {chain}_{hook}\n"));
                (NFT, hooks.concat())
            }
        }
    }

    /// What prints the counters.
    pub(crate) fn list(&self) -> Call {
        match self {
            Self::Iptables(_) => (SAVE, String::new()),
            Self::Nft(table) => (NFT, format!("list table ip {table}\n")),
        }
    }

    /// What a cut has dropped, by what that prints.
    pub(crate) fn dropped(&self, printed: &str, id: u64) -> Counters {
        let chain = self.chain(id);
        match self {
            Self::Iptables(_) => in_saved(printed, &chain),
            Self::Nft(_) => in_listed(printed, &chain),
        }
    }
}

/// By what `iptables-save` prints.
fn in_saved(saved: &str, chain: &str) -> Counters {
    let of_chain = format!("-A {chain} ");
    let mut sum = Counters::default();
    for line in saved.lines() {
        let Some((counters, rule)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) else {
            continue;
        };
        let counts = rule.starts_with(&of_chain) && rule.ends_with("-j DROP");
        if let (true, Some((frames, bytes))) = (counts, counters.split_once(':')) {
            sum.frames += frames.parse().unwrap_or(0);
            sum.bytes += bytes.parse().unwrap_or(0);
        }
    }
    sum
}

/// By what `nft list table` prints.
fn in_listed(listed: &str, chain: &str) -> Counters {
    let mut sum = Counters::default();
    let mut is_ours = false;
    for line in listed.lines().map(str::trim) {
        let mut words = line.split_whitespace();
        if let Some(name) = line.strip_prefix("chain ") {
            let name = name.split_whitespace().next().unwrap_or_default();
            is_ours = name.rsplit_once('_').is_some_and(|(cut, _)| cut == chain);
        } else if is_ours && words.any(|word| word == "counter") {
            let mut after = |name: &str| {
                words.find(|word| *word == name)?;
                words.next()?.parse::<u64>().ok()
            };
            sum.frames += after("packets").unwrap_or(0);
            sum.bytes += after("bytes").unwrap_or(0);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        Rule {
            source: Some(Ipv4Addr::new(10, 0, 0, 2)),
            destination_port: Some(9092),
            ..Rule::default()
        }
    }

    #[test]
    fn a_cut_is_a_chain_of_its_own() {
        let (tool, text) = Filter::Iptables("TRIBUNAL".to_owned()).put(7, &[rule()], None);
        let expected = "*filter\n:TRIBUNAL-7 - [0:0]\n-A TRIBUNAL-7 --source 10.0.0.2 --protocol tcp --destination-port \
                        9092 -j DROP\n-I INPUT -j TRIBUNAL-7\n-I OUTPUT -j TRIBUNAL-7\nCOMMIT\n";
        assert_eq!((tool[0], text.as_str()), ("iptables-restore", expected));
    }

    #[test]
    fn what_is_spared_comes_first() {
        let (_, text) = Filter::Iptables("T".to_owned()).put(1, &[rule()], Some(22));
        let spared = text.find("--destination-port 22 -j RETURN").expect("spared");
        assert!(spared < text.find("-j DROP").expect("cut"));
        let (_, text) = Filter::Nft("t".to_owned()).put(1, &[rule()], Some(22));
        let line = "add rule ip t cut_1_input ip saddr 10.0.0.2 tcp dport 9092 counter drop";
        let cut = text.find(line).expect("cut");
        assert!(
            text.find("add rule ip t cut_1_input tcp dport 22 return")
                .expect("spared")
                < cut
        );
    }

    #[test]
    fn only_its_own_rules_count() {
        let saved = "*filter\n:INPUT ACCEPT [9:9]\n:TRIBUNAL-1 - [0:0]\n[5:500] -A INPUT -j TRIBUNAL-1\n\
                     [3:120] -A TRIBUNAL-1 -s 10.0.0.2/32 -j DROP\n[1:40] -A TRIBUNAL-1 -s 10.0.0.3/32 -j DROP\n\
                     [8:80] -A TRIBUNAL-1 -p tcp -m tcp --dport 22 -j RETURN\n\
                     [7:70] -A TRIBUNAL-12 -s 10.0.0.3/32 -j DROP\nCOMMIT\n";
        let sum = Filter::Iptables("TRIBUNAL".to_owned()).dropped(saved, 1);
        assert_eq!((sum.frames, sum.bytes), (4, 160));
        let listed = "table ip t {\n\tchain cut_1_input {\n\t\ttype filter hook input priority -10; policy accept;\n\
                      \t\ttcp dport 22 return\n\t\tip saddr 10.0.0.2 counter packets 3 bytes 120 drop\n\t}\n\
                      \tchain cut_1_output {\n\t\tip saddr 10.0.0.2 counter packets 1 bytes 40 drop\n\t}\n\
                      \tchain cut_12_input {\n\t\tip saddr 10.0.0.2 counter packets 7 bytes 70 drop\n\t}\n}\n";
        let sum = Filter::Nft("t".to_owned()).dropped(listed, 1);
        assert_eq!((sum.frames, sum.bytes), (4, 160));
    }
}
