//! A door reaches the host only by functions of `node`: of `host`, `node` passes on types and
//! constants alone, neither a module nor a function.

use super::modules::Crate;

/// A message for each module or function of the layer below that a crate passes on.
pub(super) fn passed_on(whole: &Crate, below: &str) -> Vec<String> {
    let mut found = Vec::new();
    for module in &whole.modules {
        for import in &module.imports {
            let is_below = import.path.first().is_some_and(|first| first == below);
            if import.is_reexport && is_below && (import.is_glob || !is_type(&import.path)) {
                let (file, path) = (module.file.display(), import.path.join("::"));
                found.push(format!(
                    "{file} passes on {path}, which is no type; give the doors functions of its own"
                ));
            }
        }
    }
    found
}

fn is_type(path: &[String]) -> bool {
    path.last()
        .is_some_and(|name| name.starts_with(char::is_uppercase))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::modules::Sources;
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let sources = Sources::from([("src/lib.rs".into(), text.to_owned())]);
        let whole = Crate::read(Path::new("src/lib.rs"), &sources).expect("a crate");
        let message = |path: &&str| {
            format!(
                "src/lib.rs passes on {path}, which is no type; give the doors functions of its own"
            )
        };
        let expected: Vec<String> = expected.iter().map(message).collect();
        assert_eq!(passed_on(&whole, "host"), expected, "{text}");
    }

    #[test]
    fn a_module_or_a_function_of_the_layer_below_is_not_passed_on() {
        check("pub use host::sockets;", &["host::sockets"]);
        check("pub use host::sockets as doors;", &["host::sockets"]);
        check(
            "pub use host::disk::{self, write};",
            &["host::disk", "host::disk::write"],
        );
        check("pub use host::disk::*;", &["host::disk"]);
        check("mod a { pub use host::disk; }", &["host::disk"]);
    }

    #[test]
    fn types_are_passed_on_and_modules_are_used() {
        check("pub use host::purge::{Left, Place};", &[]);
        check("pub use host::lock::LIMIT as LOCK_LIMIT;", &[]);
        check("use host::disk; pub use other::disk;", &[]);
    }
}
