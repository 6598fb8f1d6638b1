//! Commands that a service runs in its container: `post_start` and `pre_stop`.

use compose::model;

use super::Work;
use crate::manifest::Hook;

impl Work<'_, '_> {
    pub(super) fn hooks(&mut self, key: &str, source: &[model::Hook]) -> Vec<Hook> {
        let mut hooks = Vec::new();
        for (index, hook) in source.iter().enumerate() {
            let at = self.trail.key(key).item(index);
            let model::Hook {
                user,
                privileged,
                working_dir,
                environment,
                command,
                extensions: _,
            } = hook;
            let command = command.clone().unwrap_or_default();
            if command.first().is_none_or(String::is_empty) {
                self.report.error(
                    &at,
                    "a hook needs a `command`; write one, or remove the hook",
                );
                continue;
            }
            let mut variables = std::collections::BTreeMap::new();
            for (name, value) in &environment.0 {
                match value {
                    Some(value) => drop(variables.insert(name.clone(), value.clone())),
                    None => self.report.error(
                        &at.key("environment").key(name),
                        "a variable of a hook needs its value; write NAME=value",
                    ),
                }
            }
            hooks.push(Hook {
                command,
                user: user.clone(),
                working_dir: working_dir.clone(),
                environment: variables,
                privileged: *privileged,
            });
        }
        hooks
    }
}
