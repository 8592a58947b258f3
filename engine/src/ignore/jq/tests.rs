//! What jq chooses, what is refused, and where a hostile expression ends.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Expression, Unheeded};
use crate::ignore::step::Step;

fn steps(path: &Value) -> Vec<Step> {
    let step = |it: &Value| match it {
        Value::String(name) => Step::Field(name.clone()),
        place => Step::Index(usize::try_from(place.as_u64().unwrap()).unwrap()),
    };
    path.as_array().unwrap().iter().map(step).collect()
}

#[test]
fn expressions_choose_what_jq_chooses() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases/ignore/paths.json");
    let table: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut wrong = Vec::new();
    let cases = table["cases"].as_array().unwrap();
    for case in cases {
        let text = case["expression"].as_str().unwrap();
        let document = &table["documents"][case["document"].as_str().unwrap()];
        let expected: BTreeSet<Vec<Step>> =
            case["paths"].as_array().unwrap().iter().map(steps).collect();
        let found = Expression::parse(text)
            .map_err(|error| error.to_string())
            .and_then(|it| it.places(document).map_err(|error| error.to_string()));
        if found.as_ref() != Ok(&expected) {
            wrong.push(format!("{text}\n  expected {expected:?}\n  found {found:?}"));
        }
    }
    assert!(cases.len() >= 100, "only {} cases", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_no_path_expression_says_why() {
    for (text, why) in [
        ("", "it is empty"),
        ("   ", "it is empty"),
        (".spec.", "is expected at its end"),
        (".spec[", "is expected at"),
        (".spec]", "is expected at letter 6, before `]`"),
        (".data.report\\.json", "is expected at letter 13"),
        ("spec.replicas", "`spec` is not known here"),
        ("del(.spec.replicas)", "`del` is not needed"),
        (".spec.replicas = 1", "it assigns"),
        (".spec.replicas |= . + 1", "it assigns"),
        (".a | with_entries(select(.key == \"x\"))", "`with_entries` is not known"),
        (".a | {b: .c}", "it makes a map"),
        ("def f: f; f", "`def` has no place"),
        ("reduce .[] as $x (0; . + $x)", "`reduce` has no place"),
        ("foreach .[] as $x (0; .)", "`foreach` has no place"),
        ("label $out | .a", "`label` has no place"),
        ("try .a catch .b", "`try` has no place"),
        ("range(1e18)", "`range` is not known"),
        ("[limit(1e9; repeat(1))]", "`repeat` is not known"),
        ("last(range(1e9))", "`range` is not known"),
        ("recurse(.; true)", "`recurse` is not known"),
        ("while(true; .)", "`while` is not known"),
        ("until(false; .)", "`until` is not known"),
        ("[.[] * 1e9]", "it multiplies"),
        ("limit(.n; .a)", "written out"),
        (".a | test(.b)", "written out"),
        (".a | test(\"(\")", "cannot be read"),
        (".a | test(\"a{9999}{9999}\")", "cannot be read"),
        (".a | test(\"a\"; \"q\")", "no flag `q`"),
        (".a[\"\\(.b)\"]", "put together"),
        ("@base64 \"x\"", "`@base64` is not known"),
        (".a | @base64d", "`@base64d` is not known"),
        ("$x", "`$x` is bound nowhere"),
        ("$ENV.PATH", "`$ENV` is bound nowhere"),
        ("env.PATH", "`env` is not known"),
        ("input", "`input` is not known"),
        (". as [$a] | $a", "bind one name"),
        (".a # comment", "comment"),
        ("import \"a\" as a; .", "`import` has no place"),
    ] {
        let error = Expression::parse(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn hostile_expressions_are_refused_before_they_are_read() {
    for text in [
        "(".repeat(4_000),
        "[".repeat(100),
        "{".repeat(100),
        format!("{}.a{}", "(".repeat(60), ")".repeat(60)),
        format!(".a | select({}1 == 1)", "-".repeat(4_000)),
        "if ".repeat(1_000),
        ". as $x | ".repeat(300) + ".a",
        ".a|".repeat(1_000) + ".a",
        ".a//".repeat(1_000) + ".a",
        ".a,".repeat(2_000) + ".a",
        format!(".[\"{}\"]", "a".repeat(5_000)),
    ] {
        assert!(Expression::parse(&text).is_err(), "{text:.60}");
    }
}

/// Lists in lists, `wide` in each, `deep` levels.
fn nested(wide: usize, deep: usize) -> Value {
    (0..deep).fold(json!({"leaf": 1}), |inner, _| Value::Array(vec![inner; wide]))
}

#[test]
fn hostile_expressions_end_and_say_why() {
    let wide = json!({"items": vec![json!({"name": "a"}); 2_000]});
    let deep = (0..500).fold(json!(1), |inner, _| Value::Array(vec![inner]));
    let bushy = nested(4, 6);
    for (text, document, why) in [
        (".. | .. | .. | .. | .. | select(false)", &bushy, Unheeded::TooLong),
        ("[..] | .. | .. | select(false)", &bushy, Unheeded::TooLong),
        ("select(any(..; any(..; any(..; false)))) | .a", &bushy, Unheeded::TooLong),
        ("select([.. | ..] | contains([7])) | .a", &bushy, Unheeded::TooLong),
        (". as $x | .. | $x | .. | $x | .. | empty", &bushy, Unheeded::TooLong),
        ("last(..|..|..|..|..) | empty", &bushy, Unheeded::TooLong),
        (
            ".items[] | select([\"x\"] + .name) | .a, (.. , .. , ..)",
            &wide,
            Unheeded::Inapplicable("array and string have no sum".to_owned()),
        ),
        (
            ".items[] as $a | .items[] | .name",
            &json!({"items": vec![json!({}); 2_000]}),
            Unheeded::TooLong,
        ),
        (".items[] | .name, .a, .b, .c, .d, .e", &wide, Unheeded::TooMany),
        (".. | .a?", &deep, Unheeded::TooDeep),
        (
            "(\"x\" as $a | $a + $a | . + . | . + . | . + .) | empty, .a.b",
            &wide,
            Unheeded::Inapplicable("object cannot be indexed with string".to_owned()),
        ),
        (".", &wide, Unheeded::Whole),
        ("..", &wide, Unheeded::Whole),
        ("select(.items) | .", &wide, Unheeded::Whole),
        (".items | length", &wide, Unheeded::NoPlace),
        ("null", &wide, Unheeded::NoPlace),
        ("[.items]", &wide, Unheeded::NoPlace),
    ] {
        let found = Expression::parse(text).unwrap().places(document).unwrap_err();
        if !matches!(why, Unheeded::Inapplicable(_)) {
            assert_eq!(found, why, "{text}");
        }
        assert!(!found.to_string().is_empty());
    }
}

#[test]
fn a_text_that_doubles_costs_what_it_weighs() {
    // 2^120 letters, if it were let.
    let text = format!("(\"{}\" | {}. + .) as $x | .a", "x".repeat(64), ". + . | ".repeat(119));
    let found = Expression::parse(&text).unwrap().places(&json!({"a": 1})).unwrap_err();
    assert_eq!(found, Unheeded::TooLong);
}

#[test]
fn an_expression_that_fails_half_way_chooses_nothing() {
    let document = json!({"list": [{"a": [1]}, {"a": null}]});
    let found = Expression::parse(".list[].a[]").unwrap().places(&document);
    assert!(matches!(found, Err(Unheeded::Inapplicable(_))), "{found:?}");
    let found = Expression::parse(".list[].a[]?").unwrap().places(&document).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn the_budget_is_ample_for_the_largest_objects() {
    // About half a megabyte, as the largest definitions are.
    let property = json!({"type": "string", "description": "d".repeat(100), "nullable": true});
    let properties: serde_json::Map<String, Value> =
        (0..3_000).map(|n| (format!("p{n}"), property.clone())).collect();
    let document = json!({"spec": {"versions": [{"schema": {"openAPIV3Schema": {"properties": properties}}}]}});
    assert!(document.to_string().len() > 450_000);
    let found = Expression::parse(".. | select(.nullable? == true) | .nullable").unwrap();
    assert_eq!(found.places(&document).unwrap().len(), 3_000);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..5).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-c]{0,2}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Texts that are often expressions.
fn expression() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(vec![
        ".",
        "..",
        ".a",
        ".b",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "|",
        ",",
        "//",
        "select(",
        "[]",
        "[]?",
        "?",
        "\"a\"",
        "\"",
        "0",
        "-1",
        "1.5",
        "==",
        "!=",
        "<",
        ">=",
        "and",
        "or",
        "not",
        "if",
        "then",
        "else",
        "elif",
        "end",
        "as",
        "$x",
        "has(",
        "test(",
        "any(",
        "all(",
        "first(",
        "last(",
        "limit(",
        "1;",
        ";",
        ":",
        "contains(",
        "inside(",
        "index(",
        "getpath(",
        "keys",
        "length",
        "type",
        "map(",
        "empty",
        "null",
        "true",
        "+",
        "-",
        "recurse",
        "to_entries",
        "split(",
        "startswith(",
        "IN(",
        "isempty(",
        "\\",
        "#",
        "@x",
        "é",
        " ",
        "e",
        "tostring",
        "tonumber",
    ]);
    proptest::collection::vec(word, 0..14).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,60}", other in expression()) {
        let _ = Expression::parse(&text);
        let _ = Expression::parse(&other);
    }

    #[test]
    fn no_expression_makes_evaluating_panic(text in expression(), document in value()) {
        if let Ok(expression) = Expression::parse(&text) {
            for place in expression.places(&document).unwrap_or_default() {
                prop_assert!(!place.is_empty());
            }
        }
    }
}
