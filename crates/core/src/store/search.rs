//! Finding apps by words.

use super::entry::Entry;

/// The entries that contain all words, best match first: a match of the name before one of the
/// title. Equal matches keep their order.
pub fn search<'a, T>(
    entries: impl IntoIterator<Item = (T, &'a Entry)>,
    words: &[String],
) -> Vec<T> {
    let words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let mut found: Vec<(u32, T)> = entries
        .into_iter()
        .filter_map(|(item, entry)| Some((distance(entry, &words)?, item)))
        .collect();
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().map(|(_, item)| item).collect()
}

/// `None` when a word is not found.
fn distance(entry: &Entry, words: &[String]) -> Option<u32> {
    let fields = [
        entry.app.as_str().to_owned(),
        entry.title.to_lowercase(),
        entry.category.to_lowercase(),
        entry.description.to_lowercase(),
    ];
    words.iter().try_fold(0, |sum, word| {
        let first = fields
            .iter()
            .position(|field| field.contains(word.as_str()))?;
        let whole = u32::from(!fields[..2].contains(word));
        Some(sum + whole + 2 * u32::try_from(first).unwrap_or(u32::MAX))
    })
}
