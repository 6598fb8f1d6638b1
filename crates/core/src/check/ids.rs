//! The ids that a user's containers may have: `subuid(5)`, `subgid(5)`.

/// Counts the user's ids in the text of `/etc/subuid` or `/etc/subgid` (`subuid(5)`:
/// `name or uid:first:count`).
#[must_use]
pub fn subordinate_ids(text: &str, user: &str, uid: u32) -> u64 {
    ranges(text)
        .filter(|range| range.owner == user || range.owner == uid.to_string())
        .map(|range| range.count)
        .sum()
}

/// The first id of a range that nobody has in any of the texts and that accounts do not use
/// (`login.defs(5)`: `SUB_UID_MIN`).
#[must_use]
pub fn free_subordinate_range(texts: &[&str]) -> u64 {
    const FIRST: u64 = 100_000;
    let ends = texts
        .iter()
        .flat_map(|text| ranges(text))
        .map(|range| range.first.saturating_add(range.count));
    ends.max().unwrap_or(FIRST).max(FIRST)
}

struct Range<'a> {
    owner: &'a str,
    first: u64,
    count: u64,
}

fn ranges(text: &str) -> impl Iterator<Item = Range<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        Some(Range {
            owner: fields.next()?,
            first: fields.next()?.parse().ok()?,
            count: fields.next()?.parse().ok()?,
        })
    })
}
