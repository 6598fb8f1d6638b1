//! The differences that stand, each with its reason.

/// Differences of one kind. `*` in a pattern stands for any text.
#[derive(Debug)]
pub(crate) struct Known {
    file: &'static str,
    field: &'static str,
    ours: &'static str,
    theirs: &'static str,
    #[allow(dead_code, reason = "it is shown when the entry explains nothing")]
    reason: &'static str,
}

impl Known {
    pub(crate) fn explains(&self, file: &str, field: &str, ours: &str, theirs: &str) -> bool {
        matches(self.file, file)
            && matches(self.field, field)
            && matches(self.ours, ours)
            && matches(self.theirs, theirs)
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, rest)) => text.strip_prefix(before).is_some_and(|text| {
            (text
                .char_indices()
                .map(|(index, _)| index)
                .chain([text.len()]))
            .any(|index| matches(rest, &text[index..]))
        }),
    }
}

const fn all(
    field: &'static str,
    ours: &'static str,
    theirs: &'static str,
    reason: &'static str,
) -> Known {
    of("*", field, ours, theirs, reason)
}

const fn of(
    file: &'static str,
    field: &'static str,
    ours: &'static str,
    theirs: &'static str,
    reason: &'static str,
) -> Known {
    Known {
        file,
        field,
        ours,
        theirs,
        reason,
    }
}

pub(crate) const KNOWN: &[Known] = &[all(
    "label/archipelago.app",
    "*",
    "-",
    "Archipelago marks its containers",
)];
