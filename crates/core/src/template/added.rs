//! Lines that an operator adds to a configuration file, held to leaving alone what other settings
//! and the template itself say.

use minijinja::{Error, Value};

use super::refusal::refuse;

/// The lines, if none of them sets a key of `reserved`: a map from each key to the setting to use
/// instead, an empty text if there is none. With `negation`, a key that begins with it counts as
/// the rest of it: bitcoind takes `noprune=1` for `prune=0`.
pub(super) fn added_lines(
    lines: String,
    reserved: Value,
    negation: Option<String>,
) -> Result<String, Error> {
    for line in lines.lines() {
        let key = line.split_once('=').map_or(line, |(key, _)| key).trim();
        // TOML has keys in quotation marks, and lnd takes large letters for small ones.
        let key = key.trim_matches(['"', '\'']).to_ascii_lowercase();
        let negated = negation.as_deref().and_then(|no| key.strip_prefix(no));
        for key in [Some(key.as_str()), negated].into_iter().flatten() {
            let instead = reserved.get_item(&Value::from(key))?;
            if instead.is_undefined() {
                continue;
            }
            // The line itself may hold a password.
            let problem = match instead.as_str().unwrap_or_default() {
                "" => {
                    format!("extra_config sets {key}, which Archipelago sets itself: leave it out")
                }
                setting => {
                    format!("extra_config sets {key}: use --set {setting}=…, which is checked")
                }
            };
            return Err(refuse(problem, None));
        }
    }
    Ok(lines)
}
