//! Whatever is done to a file: it is read or refused, soon, and with a line that it has.

use history::Format::{self, ElleJson, JepsenEdn};
use history::ReadError;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::arbitrary::{damage, histories};
use crate::streams::slowly;
use crate::written::{history, written};
use crate::{read, seen};

/// Forms that histories of ours have not.
const EDN: &str = r#"#jepsen.history.Op{:process 0 :type :ok :value [[:w #{:a "b\n\u00e9"} {1 \newline}] [:r -1 (2 1/2)]]}
; comment
{:process -7 #_ #_ 1 {2 3} :type :info :f :crash :error #inst "x" :time 1.5e3 :v ^{:a 1} [##NaN 99999999999999999999N]}
[{:process 1 :type :invoke :f :poll :value [[:poll]] :rebalance-log [{:keys [1 :b]}]} #_#_[1] x
 {:process 1 :type :ok :f :poll :value nil}]
"#;

/// As above.
const JSON: &str = r#"{"process":0,"type":"ok","value":[["w",{"a":[1,"b\n\u00e9"]},-1.5e3],["r","1",[99999999999999999999]]]}
{"process":-7,"type":"info","f":"crash","error":["x",true],"time":1.5,"index":3}
[{"process":"1","type":"invoke","f":"poll","value":[["poll"]],"rebalance-log":[{"keys":[1,"b"]}]},
 {"process":"1","type":"ok","f":"poll","value":null}]
"#;

fn format() -> impl Strategy<Value = Format> {
    prop_oneof![Just(JepsenEdn), Just(ElleJson)]
}

/// A file that can be read.
fn whole() -> impl Strategy<Value = (Format, String)> {
    (format(), histories(), any::<bool>()).prop_map(|(format, events, more)| {
        let odd = if format == JepsenEdn { EDN } else { JSON };
        let odd = if more { odd } else { "" };
        (format, format!("{}{odd}", written(format, &history(events))))
    })
}

/// Signs that mean something in one of the formats.
fn signs() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "#{",
        "#_",
        "#",
        "^",
        ":",
        ",",
        "\"",
        "\\",
        ";",
        "\n",
        " ",
        "-",
        "1",
        "0.5",
        "nil",
        "null",
        ":process 0",
        ":type :ok",
        ":value",
        "\"process\":0",
        "\"type\":\"ok\"",
        "\"value\":",
        "[[:r 1 [1]]]",
        "[[\"poll\",{\"1\":[[0,1]]}]]",
        "\\u",
        "\u{e9}",
        "99999999999999999999",
    ];
    let word = prop_oneof![
        9 => prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

/// Reads a file in both ways in which its bytes can arrive, and checks what is said of it.
fn survives(format: Format, bytes: &[u8]) -> Result<(), TestCaseError> {
    let (fast, slow) = (read(format, bytes), slowly(format, bytes));
    match (fast, slow) {
        (Ok(fast), Ok(slow)) => {
            prop_assert!(fast.events.len() <= bytes.len());
            prop_assert_eq!(fast, slow);
        }
        (Err(fast), Err(slow)) => {
            prop_assert_eq!(fast.to_string(), slow.to_string());
            if let ReadError::Line { line, .. } = fast {
                let lines = bytes.split(|byte| *byte == b'\n').count() as u64;
                prop_assert!((1..=lines).contains(&line));
            }
        }
        (fast, slow) => prop_assert!(false, "{fast:?}, but in pieces {slow:?}"),
    }
    Ok(())
}

#[test]
fn the_odd_forms_can_be_read() {
    assert_eq!(seen(JepsenEdn, EDN).events.len(), 4);
    assert_eq!(seen(ElleJson, JSON).events.len(), 4);
}

/// The same inputs on each run: what is new is for the fuzzer to find.
fn config() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(400)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn damage_is_survived((format, text) in whole(), damages in prop::collection::vec(damage(), 1..4)) {
        let mut bytes = text.into_bytes();
        for damage in &damages {
            damage.to(&mut bytes);
        }
        survives(format, &bytes)?;
    }

    #[test]
    fn signs_in_any_order_are_survived(format in format(), bytes in signs()) {
        survives(format, &bytes)?;
    }

    #[test]
    fn what_was_written_before_a_cut_is_read((format, text) in whole(), at in any::<prop::sample::Index>()) {
        let all = seen(format, &text).events;
        let cut = &text.as_bytes()[..at.index(text.len() + 1)];
        match read(format, cut) {
            Ok(read) => prop_assert!(all.starts_with(&read.events)),
            Err(ReadError::Empty) => prop_assert!(cut.is_empty()),
            // The cut went through an operation of several lines: there are some among the odd ones.
            Err(error) => prop_assert!(error.to_string().contains("has no end"), "{error}"),
        }
    }
}
