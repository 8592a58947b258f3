//! Tables of how differences are written.

use serde_json::json;

use super::*;

fn emit(value: &Value) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

fn style(context: usize) -> Style {
    Style { context, ..Style::default() }
}

#[test]
fn only_what_differs_is_shown_with_its_surroundings() {
    let before = json!({"a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "f": "6"});
    let mut after = before.clone();
    after["b"] = json!("two");
    let shown = |one, two, context| {
        lines(Some(one), Some(two), &emit, Layout::Unified, style(context)).unwrap()
    };
    assert_eq!(
        shown(&before, &after, 1),
        "@@ -2,3 +2,3 @@\n   \"a\": \"1\",\n-  \"b\": \"2\",\n+  \"b\": \"two\",\n   \"c\": \"3\",\n"
    );
    assert_eq!(shown(&before, &before, 1), "");
    assert!(shown(&before, &after, usize::MAX).starts_with("@@ -1,8 +1,8 @@\n {\n"));
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let line = header("create", "configmap/\u{1b}[2Ja", [Some("a\r.yaml:1")], Style::default());
    assert_eq!(line, "+ create configmap/\u{fffd}[2Ja  a\u{fffd}.yaml:1\n");
    for layout in [Layout::Unified, Layout::SideBySide] {
        let text = texts("x\u{1b}[2Jy\n", "x\u{9b}2J\u{202e}y\r\n", layout, Style::default());
        assert!(text.contains('x') && !text.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r']));
    }
}

#[test]
fn colour_is_asked_for_and_marks_the_words_that_changed() {
    let coloured = Style { colour: true, ..style(0) };
    let text = texts("a: one two\n", "a: one three\n", Layout::Unified, coloured);
    assert!(text.contains("\u{1b}[31m-a: one \u{1b}[0m\u{1b}[7;31mtwo\u{1b}[0m"), "{text:?}");
    assert!(text.contains("\u{1b}[32m+a: one \u{1b}[0m\u{1b}[7;32mthree\u{1b}[0m"), "{text:?}");
    let plain = texts("a: one two\n", "a: one three\n", Layout::Unified, style(0));
    assert_eq!(plain, "@@ -1 +1 @@\n-a: one two\n+a: one three\n");
}

#[test]
fn sides_stand_beside_each_other_and_long_lines_go_on_below() {
    let narrow = Style { width: Some(27), ..style(3) };
    let text = texts(
        "same\nname: one two three four\ngone\n日本語日本語日\n",
        "same\nname: one two three five\n日本語日本語本\nnew\n",
        Layout::SideBySide,
        narrow,
    );
    assert_eq!(
        text,
        "@@ -1,4 +1,4 @@\n\
         same         │ same\n\
         name: one tw ~ name: one tw\n\
         o three four ~ o three five\n\
         gone         ~ 日本語日本語\n\
         \u{20}            ~ 本\n\
         日本語日本語 ~ new\n\
         日           ~\n"
    );
    for line in text.lines() {
        assert!(crate::style::columns(line) <= 27, "{line}");
    }
}

#[test]
fn a_line_without_end_is_cut_where_it_differs() {
    let long = |end: &str| format!("{}{end}\n", "x".repeat(5_000));
    let text = texts(&long("one"), &long("two"), Layout::SideBySide, Style::default());
    assert!(text.contains("xxone") && text.contains("xxtwo") && text.contains('…'), "{text}");
    let text = texts(&long("one"), "", Layout::SideBySide, Style::default());
    assert_eq!(text.lines().count(), 9, "{text}");
    assert!(text.ends_with("… -\n"), "{text}");
}

#[test]
fn a_line_is_never_wider_than_the_screen() {
    for width in [0, 1, 23, 40, 80, 200] {
        let wide = Style { width: Some(width), ..style(3) };
        let text = texts("日本\ta\u{301}\nxyz\n", "日本語\t\tb\nxy\n", Layout::SideBySide, wide);
        let widest = text.lines().map(crate::style::columns).max().unwrap();
        assert!(widest <= width.max(23), "{width}: {text}");
    }
}

#[test]
fn twenty_thousand_lines_take_no_time_worth_speaking_of() {
    let text = |changed: &dyn Fn(usize) -> bool| -> String {
        (0..20_000)
            .map(|n| if changed(n) { format!("other {}\n", n * 7) } else { format!("line {n}\n") })
            .collect()
    };
    let before = text(&|_| false);
    for after in [text(&|n| n == 10_000), text(&|n| n % 3 == 0), text(&|_| true)] {
        for layout in [Layout::Unified, Layout::SideBySide] {
            let shown = texts(&before, &after, layout, Style::default());
            assert!(shown.contains("other"), "a difference is shown");
        }
    }
}
