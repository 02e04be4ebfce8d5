//! What keys and values are called, and which are one.

use history::Format::{self, ElleJson, JepsenEdn};
use history::foreign::NAMED_VALUES;
use history::{Event, F, Key, Mop, Names, Value, What};

use crate::{opened, seen, walked};

/// The keys and values that writes of these have, and what they are called.
fn written(format: Format, said: &[(&str, &str)]) -> (Vec<(Key, Value)>, Names) {
    let operation = |(key, value): &(&str, &str)| match format {
        JepsenEdn => format!("{{:process 0 :type :invoke :f :txn :value [[:w {key} {value}]]}}\n"),
        _ => {
            format!("{{\"process\":0,\"type\":\"invoke\",\"f\":\"txn\",\"value\":[[\"w\",{key},{value}]]}}\n")
        }
    };
    let text: String = said.iter().map(operation).collect();
    let seen = seen(format, text);
    let pairs = seen.events.iter().map(pair).collect();
    (pairs, seen.names)
}

fn pair(event: &Event) -> (Key, Value) {
    match &event.what {
        What::Invoke(op) => match &op.f {
            F::Txn(txn) => match txn.mops[..] {
                [Mop::Write(key, value)] => (key, value),
                ref other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Asserts which keys these are, by number, and what they are called.
fn keys(format: Format, said: &[&str], numbers: &[Key], names: &[&str]) {
    let pairs: Vec<_> = said.iter().map(|key| (*key, "0")).collect();
    let (pairs, called) = written(format, &pairs);
    assert_eq!(pairs.iter().map(|pair| pair.0).collect::<Vec<_>>(), numbers);
    assert_eq!(called.keys, names);
}

/// Asserts which values these are and what they are called; those from 2⁶² on by what they are beyond that.
fn values(format: Format, said: &[&str], numbers: &[Value], names: &[&str]) {
    let pairs: Vec<_> = said.iter().map(|value| ("0", *value)).collect();
    let (pairs, called) = written(format, &pairs);
    assert_eq!(pairs.iter().map(|pair| pair.1).collect::<Vec<_>>(), numbers);
    let expected = names.iter().enumerate();
    let expected = expected.map(|(index, name)| (NAMED_VALUES + index as Value, (*name).to_owned()));
    assert_eq!(called.values, expected.collect());
}

const N: Value = NAMED_VALUES;

#[test]
fn keys_are_numbered_as_they_come() {
    keys(
        JepsenEdn,
        &["17", "3", "17", "1000000000", "-2", "3"],
        &[0, 1, 0, 2, 3, 1],
        &["17", "3", "1000000000", "-2"],
    );
}

#[test]
fn keys_may_be_anything() {
    keys(
        JepsenEdn,
        &[
            ":x", "x", "\"x\"", "\\x", "nil", "[1, 2]", "[1 2]", "(1 2)", "1.50", "1.5", "true",
        ],
        &[0, 1, 2, 3, 4, 5, 5, 5, 6, 6, 7],
        &[":x", "x", "\"x\"", "\\x", "nil", "[1 2]", "1.5", "true"],
    );
}

#[test]
fn in_json_a_number_in_quotes_is_that_number() {
    keys(
        ElleJson,
        &[
            "1",
            "\"1\"",
            "\"01\"",
            "\"-1\"",
            "-1",
            "\"-0\"",
            "\"x\"",
            "\"\\u0078\"",
            "\"x y\"",
            "\"nil\"",
            "null",
        ],
        &[0, 0, 1, 2, 2, 3, 4, 4, 5, 6, 7],
        &["1", "\"01\"", "-1", "\"-0\"", "x", "\"x y\"", "\"nil\"", "nil"],
    );
}

#[test]
fn in_edn_it_is_a_string() {
    keys(JepsenEdn, &["1", "\"1\""], &[0, 1], &["1", "\"1\""]);
}

#[test]
fn integers_are_values_as_they_are() {
    values(
        JepsenEdn,
        &["0", "5", "+5", "5N", "4611686018427387903"],
        &[0, 5, 5, 5, N - 1],
        &[],
    );
}

#[test]
fn other_values_get_numbers_of_their_own() {
    values(
        JepsenEdn,
        &[
            "-1",
            "nil",
            ":a",
            "\"a\"",
            "-1",
            "4611686018427387904",
            "-7N",
            "1/2",
            "1e3",
            "1000.0",
        ],
        &[N, N + 1, N + 2, N + 3, N, N + 4, N + 5, N + 6, N + 7, N + 7],
        &[
            "-1",
            "nil",
            ":a",
            "\"a\"",
            "4611686018427387904",
            "-7",
            "1/2",
            "1000.0",
        ],
    );
}

#[test]
fn integers_of_any_size_are_told_apart() {
    values(
        ElleJson,
        &[
            "18446744073709551615",
            "18446744073709551616",
            "9223372036854775807",
            "18446744073709551615",
        ],
        &[N, N + 1, N + 2, N],
        &[
            "18446744073709551615",
            "18446744073709551616",
            "9223372036854775807",
        ],
    );
    values(
        JepsenEdn,
        &["+99999999999999999999N", "99999999999999999999"],
        &[N, N],
        &["99999999999999999999"],
    );
}

#[test]
fn equal_sets_and_maps_are_one_value_in_whatever_order_they_are_written() {
    values(
        JepsenEdn,
        &[
            "#{3 1 2}",
            "#{1 2,3}",
            "{:b 1 :a #{9 8}}",
            "{:a #{8 9} :b 1}",
            "#{}",
            "{}",
            "[#{2 1} {4 3 2 1}]",
            "[#{1 2} {2 1, 4 3}]",
        ],
        &[N, N, N + 1, N + 1, N + 2, N + 3, N + 4, N + 4],
        &["#{1 2 3}", "{:a #{8 9} :b 1}", "#{}", "{}", "[#{1 2} {2 1 4 3}]"],
    );
}

#[test]
fn a_second_walk_gives_the_same_numbers() {
    let text = "{:process -5 :type :invoke :f :txn :value [[:w :x :y] [:w :z -1]]}";
    let mut source = opened(JepsenEdn, text);
    let first = walked(&mut source).expect("it can be read");
    assert_eq!(first.events.len(), 1);
    assert_eq!(walked(&mut source).expect("it can be read"), first);
}
