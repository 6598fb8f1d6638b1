//! The volumes at the top of a file: which are the app's own, and what stands in place of others.

use compose::model::{Pairs, Volume};

use crate::manifest::folder::FOLDER;
use crate::name::{PREFIX, check_part};

/// What a mount of a volume becomes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A volume of the app.
    Own,
    /// One of Podman's, by its name.
    External(String),
    /// A folder, by its absolute path, as the reader gives those of mounts.
    Folder { path: String, read_only: bool },
    /// A file system in memory, with its options.
    Memory(Vec<String>),
}

/// What is wrong, and with which key.
type Problem = (&'static str, String);

const DRIVER: &str = "the driver is not supported; there is `local`. Mount the file system on this host, and name its folder under the service's `volumes`";
const FILE_SYSTEM: &str = "a user cannot mount a file system; let root mount it on this host (fstab(5)), and name its folder as `device` with `type: none` and `o: bind`";

/// The kind of a volume. `name` is its name in the file.
pub(super) fn kind(name: &str, volume: &Volume) -> Result<Kind, Problem> {
    let Volume {
        name: full,
        driver,
        driver_opts,
        external,
        labels: _,
        extensions: _,
    } = volume;
    if *external {
        return external_volume(full.as_deref().unwrap_or(name)).map(Kind::External);
    }
    if !matches!(driver.as_deref(), None | Some("" | "local" | "default")) {
        return Err(("driver", DRIVER.to_owned()));
    }
    match driver_opts.0.is_empty() {
        true => Ok(Kind::Own),
        false => local(driver_opts).map_err(|problem| ("driver_opts", problem.to_owned())),
    }
}

fn external_volume(name: &str) -> Result<String, Problem> {
    let problem = match check_part("a volume", name) {
        Err(error) => error.to_string(),
        Ok(()) if name.starts_with(PREFIX) => {
            "this is the volume of an app; what that app exports is reached with `x-archipelago.requires`".to_owned()
        }
        // Quadlet would look for a unit of that name.
        Ok(()) if name.ends_with(".volume") => "rename this volume: its name ends with .volume".to_owned(),
        Ok(()) => return Ok(name.to_owned()),
    };
    Err(("external", problem))
}

/// Docker's options of a local volume are those of mount(8).
fn local(options: &Pairs) -> Result<Kind, &'static str> {
    let known = ["type", "o", "device"];
    if options.0.keys().any(|key| !known.contains(&key.as_str())) {
        return Err("an option here is not supported; there are `type`, `o` and `device`");
    }
    let option = |key: &str| options.0.get(key).map_or("", String::as_str);
    let words: Vec<&str> = option("o")
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect();
    let binds = words.iter().any(|word| matches!(*word, "bind" | "rbind"));
    match option("type") {
        "none" | "bind" | "" if binds => {
            let known = ["bind", "rbind", "ro", "rw"];
            if !words.iter().all(|word| known.contains(word)) {
                return Err("of a folder there are the options bind, ro and rw in `o`");
            }
            let path = match option("device") {
                "" => return Err("`device` is missing: the folder"),
                path if path.starts_with(['/', '~']) => path.to_owned(),
                path if path.split('/').any(|part| part == "..") => {
                    return Err("`device` has `..` in it; write the path without");
                }
                path => format!("{FOLDER}/{}", path.trim_start_matches("./")),
            };
            let read_only = words.contains(&"ro");
            Ok(Kind::Folder { path, read_only })
        }
        "tmpfs" => {
            let is_known = |word: &&str| {
                let name = word.split('=').next().unwrap_or_default();
                matches!(name, "size" | "mode" | "noexec" | "nosuid" | "nodev")
            };
            if !words.iter().all(|word| is_known(word)) {
                return Err(
                    "of memory there are the options size, mode, noexec, nosuid and nodev in `o`",
                );
            }
            Ok(Kind::Memory(words.into_iter().map(str::to_owned).collect()))
        }
        _ => Err(FILE_SYSTEM),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(options: &[(&str, &str)]) -> Result<Kind, Problem> {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let options: BTreeMap<String, String> = options.iter().map(pair).collect();
        let volume = Volume {
            driver_opts: Pairs(options),
            ..Volume::default()
        };
        kind("data", &volume)
    }

    #[test]
    fn the_options_of_a_volume_say_where_its_files_are() {
        let folder = |path: &str, read_only| {
            let path = path.to_owned();
            Ok(Kind::Folder { path, read_only })
        };
        for (o, device, expected) in [
            ("bind", "/srv/x", folder("/srv/x", false)),
            ("rbind,ro", "~/x", folder("~/x", true)),
            ("bind", "./x", folder(&format!("{FOLDER}/x"), false)),
        ] {
            assert_eq!(
                of(&[("type", "none"), ("o", o), ("device", device)]),
                expected
            );
            assert_eq!(of(&[("o", o), ("device", device)]), expected);
        }
        assert_eq!(
            of(&[
                ("type", "tmpfs"),
                ("device", "tmpfs"),
                ("o", "size=1m, mode=700")
            ]),
            Ok(Kind::Memory(vec![
                "size=1m".to_owned(),
                "mode=700".to_owned()
            ]))
        );
        for (options, words) in [
            (
                &[("type", "nfs"), ("o", "addr=x"), ("device", ":/x")][..],
                FILE_SYSTEM,
            ),
            (&[("type", "cifs"), ("o", "username=x")], FILE_SYSTEM),
            (&[("device", "/dev/sda1")], FILE_SYSTEM),
            (
                &[("o", "bind,uid=1"), ("device", "/x")],
                "of a folder there are the options bind, ro and rw in `o`",
            ),
            (&[("o", "bind")], "`device` is missing: the folder"),
            (
                &[("o", "bind"), ("device", "../x")],
                "`device` has `..` in it; write the path without",
            ),
            (
                &[("type", "tmpfs"), ("o", "uid=1000")],
                "of memory there are the options size, mode, noexec, nosuid and nodev in `o`",
            ),
            (
                &[("mountpoint", "/x")],
                "an option here is not supported; there are `type`, `o` and `device`",
            ),
        ] {
            assert_eq!(
                of(options),
                Err(("driver_opts", words.to_owned())),
                "{options:?}"
            );
        }
    }

    #[test]
    fn an_external_volume_is_no_apps() {
        let of = |name: Option<&str>| {
            let volume = Volume {
                name: name.map(str::to_owned),
                external: true,
                ..Volume::default()
            };
            kind("data", &volume)
        };
        assert_eq!(of(None), Ok(Kind::External("data".to_owned())));
        assert_eq!(of(Some("films")), Ok(Kind::External("films".to_owned())));
        for (name, words) in [
            ("archy-a-data", "this is the volume of an app"),
            ("x.volume", "rename this volume"),
            ("-x", "this cannot be the name of a volume"),
        ] {
            let (key, problem) = of(Some(name)).unwrap_err();
            assert!(key == "external" && problem.starts_with(words), "{problem}");
        }
    }
}
