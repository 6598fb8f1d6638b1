//! The volumes at the top of a file: which are the app's own, and what stands in place of others.

use compose::model::{Pairs, Volume};

use crate::manifest::folder::FOLDER;
use crate::name::{NameError, PREFIX, check_part};

/// The translation of a mount of a volume.
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

/// The reason against a volume.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error(
        "the driver is not supported; there is `local`. Mount the file system on this host, and name its folder under the service's `volumes`"
    )]
    Driver,
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(
        "this is the volume of an app; what that app exports is reached with `x-archipelago.requires`"
    )]
    OfAnApp,
    /// Quadlet would look for a unit of that name.
    #[error("rename this volume: its name ends with .volume")]
    UnitName,
    #[error("an option here is not supported; there are `type`, `o` and `device`")]
    Option,
    #[error("of a folder there are the options bind, ro and rw in `o`")]
    FolderOption,
    #[error("`device` is missing: the folder")]
    NoDevice,
    #[error("`device` has `..` in it; write the path without")]
    Device,
    #[error("of memory there are the options size, mode, noexec, nosuid and nodev in `o`")]
    MemoryOption,
    #[error(
        "a user cannot mount a file system; let root mount it on this host (fstab(5)), and name its folder as `device` with `type: none` and `o: bind`"
    )]
    FileSystem,
}

impl Problem {
    /// The key of the volume that it is about.
    pub(super) const fn key(&self) -> &'static str {
        match self {
            Self::Driver => "driver",
            Self::Name(_) | Self::OfAnApp | Self::UnitName => "external",
            Self::Option
            | Self::FolderOption
            | Self::NoDevice
            | Self::Device
            | Self::MemoryOption
            | Self::FileSystem => "driver_opts",
        }
    }
}

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
        return Err(Problem::Driver);
    }
    match driver_opts.0.is_empty() {
        true => Ok(Kind::Own),
        false => local(driver_opts),
    }
}

fn external_volume(name: &str) -> Result<String, Problem> {
    check_part("a volume", name)?;
    if name.starts_with(PREFIX) {
        return Err(Problem::OfAnApp);
    }
    if name.ends_with(".volume") {
        return Err(Problem::UnitName);
    }
    Ok(name.to_owned())
}

/// Docker's options of a local volume are those of mount(8).
fn local(options: &Pairs) -> Result<Kind, Problem> {
    let known = ["type", "o", "device"];
    if options.0.keys().any(|key| !known.contains(&key.as_str())) {
        return Err(Problem::Option);
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
                return Err(Problem::FolderOption);
            }
            let path = match option("device") {
                "" => return Err(Problem::NoDevice),
                path if path.starts_with(['/', '~']) => path.to_owned(),
                path if path.split('/').any(|part| part == "..") => {
                    return Err(Problem::Device);
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
            if !words.iter().all(is_known) {
                return Err(Problem::MemoryOption);
            }
            Ok(Kind::Memory(words.into_iter().map(str::to_owned).collect()))
        }
        _ => Err(Problem::FileSystem),
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
        for (options, problem) in [
            (
                &[("type", "nfs"), ("o", "addr=x"), ("device", ":/x")][..],
                Problem::FileSystem,
            ),
            (
                &[("type", "cifs"), ("o", "username=x")],
                Problem::FileSystem,
            ),
            (&[("device", "/dev/sda1")], Problem::FileSystem),
            (
                &[("o", "bind,uid=1"), ("device", "/x")],
                Problem::FolderOption,
            ),
            (&[("o", "bind")], Problem::NoDevice),
            (&[("o", "bind"), ("device", "../x")], Problem::Device),
            (
                &[("type", "tmpfs"), ("o", "uid=1000")],
                Problem::MemoryOption,
            ),
            (&[("mountpoint", "/x")], Problem::Option),
        ] {
            assert_eq!(problem.key(), "driver_opts");
            assert_eq!(of(options), Err(problem), "{options:?}");
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
            let problem = of(Some(name)).unwrap_err();
            assert_eq!(problem.key(), "external");
            assert!(problem.to_string().starts_with(words), "{problem}");
        }
    }
}
