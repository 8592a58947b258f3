//! Messages whose words are chance, even on one server.
//!
//! A body with several undeclared fields is refused with a list of them that depends on the order in
//! which Go walks a map: the walk ends at the first one it meets in a map, so others may not be named.
//! The recordings have both outcomes for one and the same body (`validation-default-unknown` names two
//! fields, `validation-strict-unknown` one of them). Our server names all. So of such a list every
//! recorded line must be answered; everything else must be equal.

/// What the server says of a field that a kind's schema does not have.
const UNDECLARED: &str = ": field not declared in schema";

/// Whether two messages say the same.
pub fn same(recorded: &str, answered: &str) -> bool {
    recorded == answered || names_some_of(recorded, answered)
}

fn names_some_of(recorded: &str, answered: &str) -> bool {
    let (Some((head, some)), Some((answered_head, all))) = (parts(recorded), parts(answered))
    else {
        return false;
    };
    head == answered_head
        && some.iter().any(|line| line.ends_with(UNDECLARED))
        && some.iter().all(|line| all.contains(line))
        && all.iter().all(|line| some.contains(line) || line.ends_with(UNDECLARED))
}

/// The object a message is about, and what is wrong with it.
fn parts(message: &str) -> Option<(&str, Vec<&str>)> {
    let (head, problems) = message.split_once("): ")?;
    let problems = problems.strip_prefix("errors:\n").unwrap_or(problems);
    Some((head, problems.lines().map(str::trim_start).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_undeclared_fields_some_may_be_named() {
        let both = "no patch (n/web): errors:\n  .spec.a: field not declared in schema\n  .spec.b: field \
                    not declared in schema";
        let turned = "no patch (n/web): errors:\n  .spec.b: field not declared in schema\n  .spec.a: \
                      field not declared in schema";
        let one = "no patch (n/web): .spec.b: field not declared in schema";
        for (recorded, answered, equal) in [
            (both, both, true),
            (both, turned, true),
            (one, both, true),
            // Our server may not name fewer, nor others, nor another object.
            (both, one, false),
            ("no patch (n/web): .spec.c: field not declared in schema", both, false),
            ("no patch (n/other): .spec.b: field not declared in schema", both, false),
            (
                one,
                "no patch (n/web): errors:\n  .spec.b: field not declared in schema\n  .x: bad",
                false,
            ),
            ("no patch (n/web): .x: bad", both, false),
            ("something", "something else", false),
        ] {
            assert_eq!(same(recorded, answered), equal, "{recorded:?} against {answered:?}");
        }
    }
}
