//! Keeps values out of text that other programs wrote: Quadlet's generator quotes a unit's lines,
//! and a build prints its arguments.

/// Shorter texts are left: `true`, a port or a number tells nothing by itself, and masking it
/// everywhere would make a message unreadable.
const LENGTH_MIN: usize = 5;

/// The text in place of a value.
const MASK: &str = "…";

/// The text without these values, wherever they stand in it.
pub fn redact<'a>(text: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let mut values: Vec<&str> = values
        .into_iter()
        .map(str::trim)
        .filter(|value| value.len() >= LENGTH_MIN)
        .collect();
    // A value may hold another one.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values
        .iter()
        .fold(text.to_owned(), |text, value| text.replace(value, MASK))
}

/// The texts of a unit file that an error must not show: what stands behind the equals signs, whole
/// and by words, but for names of ours.
pub fn values_of_unit(unit: &str) -> impl Iterator<Item = &str> {
    let sides = unit.lines().flat_map(|line| {
        let (_, value) = line.split_once('=').unwrap_or(("", line));
        let inner = value.split_once('=').map(|(_, inner)| inner);
        [Some(value), inner].into_iter().flatten()
    });
    let is_edge = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',');
    sides
        .flat_map(move |side| std::iter::once(side).chain(side.split(is_edge)))
        .map(move |value| value.trim_matches(is_edge))
        .filter(|value| !value.starts_with(crate::name::PREFIX) && !value.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_masked_wherever_they_stand() {
        let values = ["hunter2", "hunter2-long", "80", ""];
        assert_eq!(redact("a hunter2-long, hunter2! 80", values), "a …, …! 80");
    }

    #[test]
    fn a_units_values_are_told_from_its_keys_and_our_names() {
        let unit = "[Container]\nImage=docker.io/library/x:1\nNetwork=archy-web.network\nEnvironment=\"PASSWORD=hunter2 two\"\n\
                    Exec=run \"--key=secret1\"\nbroken line";
        let said = |message: &str| redact(message, values_of_unit(unit));
        for (message, expected) in [
            (
                "unsupported key 'Environment' in group 'Container'",
                "unsupported key 'Environment' in group 'Container'",
            ),
            ("invalid value hunter2 two", "invalid value …"),
            ("invalid value 'hunter2'", "invalid value '…'"),
            ("bad option --key=secret1", "bad option …"),
            ("bad option secret1", "bad option …"),
            (
                "source archy-web.network was not found",
                "source archy-web.network was not found",
            ),
            (
                "line 6: “broken line” which is none",
                "line 6: “…” which is none",
            ),
        ] {
            assert_eq!(said(message), expected, "{message}");
        }
    }
}
