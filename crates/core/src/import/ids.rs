//! The users of containers and their numbers on the host: user_namespaces(7), `uid_map`.

/// The mapping of a user namespace, for users or for groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdMap(Vec<Range>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    inside: u32,
    outside: u32,
    count: u32,
}

impl IdMap {
    /// Reads the text of `/proc/PID/uid_map` or `gid_map`. Other lines are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let ranges = text.lines().filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse);
            let mut next = || numbers.next()?.ok();
            Some(Range {
                inside: next()?,
                outside: next()?,
                count: next()?,
            })
        });
        Self(ranges.collect())
    }

    /// Whether containers have a user of this number.
    #[must_use]
    pub fn has_inside(&self, id: u32) -> bool {
        self.0.iter().any(|range| {
            id.checked_sub(range.inside)
                .is_some_and(|offset| offset < range.count)
        })
    }

    /// The number in containers of a user of the host; `None` for one that they do not have.
    #[must_use]
    pub fn inside(&self, id: u32) -> Option<u32> {
        self.0.iter().find_map(|range| {
            let offset = id.checked_sub(range.outside)?;
            (offset < range.count).then(|| range.inside.saturating_add(offset))
        })
    }
}
