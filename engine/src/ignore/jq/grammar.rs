//! From text to a term, by jq's grammar, with the bounds that keep reading cheap: the lexer and the
//! parser are recursive, so what nests is counted before either is called.

use jaq_core::load::lex::{Lexer, Tok, Token};
use jaq_core::load::parse::{Parser, Term};
use jaq_core::load::span;

/// The longest expression, in bytes. The longest found in use have a few hundred.
const LONGEST: usize = 4_096;
/// How deep brackets may be nested.
const DEEPEST: usize = 48;
/// How many words may stand before what they apply to: each nests what follows.
const MOST_PREFIXES: usize = 48;
/// How many filters may be joined in one expression.
const MOST_JOINED: usize = 128;

/// Words that define, loop or jump: nothing that chooses fields needs them.
const REFUSED: [&str; 10] =
    ["def", "reduce", "foreach", "label", "break", "import", "include", "try", "catch", "__loc__"];

/// Reads a text and hands the term on.
pub(super) fn term<T>(
    text: &str,
    then: impl FnOnce(&Term<&str>) -> Result<T, String>,
) -> Result<T, String> {
    scan(text)?;
    let tokens = Lexer::new(text).lex().map_err(|errors| {
        errors.first().map_or_else(String::new, |(expected, rest)| {
            format!("{} is expected at {}", expected.as_str(), place(text, rest))
        })
    })?;
    let mut counted = Counted::default();
    counted.count(&tokens)?;
    let term = Parser::new(&tokens).parse(Parser::term).map_err(|errors| {
        errors.first().map_or_else(String::new, |(expected, found)| {
            let rest = found.map_or("", |token| token.as_str());
            format!("{} is expected at {}", expected.as_str(), place(text, rest))
        })
    })?;
    then(&term)
}

/// Whether a text is short and shallow enough to be read at all.
fn scan(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("it is empty; a path such as .spec.replicas is expected".to_owned());
    }
    if text.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes; split it into several"));
    }
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted && letters.next() == Some('(') => {
                return Err(
                    "a text inside it is put together with `\\(`; write the text out".to_owned()
                );
            }
            '"' => quoted = !quoted,
            '#' if !quoted => {
                return Err(
                    "`#` begins a comment; quote names that have one, as in .[\"a#b\"]".to_owned()
                );
            }
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(format!("its brackets are nested more than {DEEPEST} deep"));
        }
    }
    Ok(())
}

/// How much of what makes the parser nest there is.
#[derive(Debug, Default)]
struct Counted {
    prefixes: usize,
    joined: usize,
}

impl Counted {
    fn count(&mut self, tokens: &[Token<&str>]) -> Result<(), String> {
        for Token(text, token) in tokens {
            match token {
                Tok::Block(inner) => self.count(inner)?,
                Tok::Word if REFUSED.contains(text) => {
                    return Err(format!(
                        "`{text}` has no place in it: an expression chooses fields by paths, select(…) and comparisons"
                    ));
                }
                Tok::Word if matches!(*text, "if" | "elif" | "as") => self.prefixes += 1,
                Tok::Sym if *text == "-" => self.prefixes += 1,
                Tok::Sym if matches!(*text, "|" | "//") => self.joined += 1,
                _ => {}
            }
        }
        if self.prefixes > MOST_PREFIXES || self.joined > MOST_JOINED {
            return Err("it is too entangled to be read; split it into several".to_owned());
        }
        Ok(())
    }
}

/// Where in the text a part of it stands, for people.
fn place(text: &str, rest: &str) -> String {
    // What the parser names is a part of the text, or nothing at its end.
    let within = text.as_bytes().as_ptr_range();
    let start = if within.contains(&rest.as_ptr()) { span(text, rest).start } else { text.len() };
    match text.get(start..).filter(|rest| !rest.is_empty()) {
        None => "its end".to_owned(),
        Some(rest) => {
            let column = text.get(..start).unwrap_or_default().chars().count() + 1;
            let shown: String = rest.chars().take(20).collect();
            format!("letter {column}, before `{shown}`")
        }
    }
}
