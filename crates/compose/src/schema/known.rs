//! The names of the keys that Compose has.

use super::{Keys, Shape, TOP};

/// The keys of a mapping, in the order of their names: of the whole file for no section, of a
/// service for `services`, of its build for `services`, `build`.
#[must_use]
pub fn known_keys(sections: &[&str]) -> Vec<&'static str> {
    let start = keys_of(&TOP);
    let keys = sections.iter().try_fold(start, |keys, section| {
        let (_, shape) = entries(keys?).find(|(name, _)| name == section)?;
        Some(keys_of(shape))
    });
    let keys = keys.flatten().into_iter().flat_map(entries);
    let mut names: Vec<&str> = keys.map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}

fn entries(keys: &'static Keys) -> impl Iterator<Item = &'static (&'static str, Shape)> {
    keys.groups.iter().copied().flatten()
}

fn keys_of(shape: &'static Shape) -> Option<&'static Keys> {
    match shape {
        Shape::Keys(keys) => Some(keys),
        Shape::Maybe(inner)
        | Shape::List(inner)
        | Shape::Set(inner)
        | Shape::Map(inner)
        | Shape::Named(inner)
        | Shape::Hosts(inner) => keys_of(inner),
        Shape::Either(shapes) => shapes.iter().find_map(keys_of),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_the_sections_that_lead_to_them() {
        assert_eq!(known_keys(&["services", "extends"]), ["file", "service"]);
        assert!(known_keys(&["services"]).contains(&"cap_add"));
        assert!(known_keys(&[]).contains(&"services"));
        assert!(known_keys(&["version"]).is_empty() && known_keys(&["none"]).is_empty());
    }
}
