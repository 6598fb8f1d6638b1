//! Secrets and configs of a service.

use compose::Trail;
use compose::model::{FileObject, FileReference, Mode};

use super::Work;
use crate::file::{File, FileMode};
use crate::manifest::folder::{Location, locate};
use crate::manifest::secret::{SecretMount, kept_name};
use crate::manifest::service::Service;
use crate::manifest::{Mount, MountSource};
use crate::name::check_part;

impl Work<'_, '_> {
    pub(super) fn secrets(&mut self, service: &mut Service, source: &[FileReference]) {
        for (index, reference) in source.iter().enumerate() {
            let at = self.trail.key("secrets").item(index);
            let FileReference {
                source,
                target,
                uid,
                gid,
                mode,
                extensions: _,
            } = reference;
            let name = source.clone().unwrap_or_default();
            let target = target.clone().unwrap_or_else(|| name.clone());
            let source = self.project.secrets.get(&name).map(|secret| &secret.0);
            let is_given = source.is_some_and(|source| source.environment.is_some());
            if !is_given && !self.report.secrets.contains(&name) {
                let target = match target.starts_with('/') {
                    true => target,
                    false => format!("/run/secrets/{target}"),
                };
                let file = source.and_then(|source| source.file.as_deref());
                self.file(service, reference, file, target, &at);
                continue;
            }
            let kept = match is_given {
                true => kept_name(&name),
                false => name,
            };
            let usual = format!("/run/secrets/{kept}");
            let target = Some(target).filter(|target| *target != usual);
            let secret = SecretMount {
                target: self.target(target, &at),
                uid: self.owner(uid.as_deref(), &at.key("uid")),
                gid: self.owner(gid.as_deref(), &at.key("gid")),
                mode: mode.and_then(|mode| self.mode(mode, &at.key("mode"))),
                secret: kept,
            };
            service.secrets.push(secret);
        }
    }

    /// Podman separates a secret's options by commas.
    fn target(&mut self, target: Option<String>, at: &Trail) -> Option<String> {
        let text = target?;
        if text.is_empty() || text.contains(|c: char| c == ',' || c.is_control()) {
            self.report.error(
                &at.key("target"),
                "a secret's target holds neither commas nor control characters",
            );
        }
        Some(text)
    }

    fn owner(&mut self, id: Option<&str>, at: &Trail) -> Option<u32> {
        let number = id?.parse().ok();
        if number.is_none() {
            self.report.error(
                at,
                "expected a number of a user or group, from 0 to 4294967295",
            );
        }
        number
    }

    fn mode(&mut self, mode: Mode, at: &Trail) -> Option<String> {
        if !(0..=0o7777).contains(&mode.0) {
            self.report
                .error(at, "expected a mode in octal digits such as \"0440\"");
            return None;
        }
        Some(format!("{:04o}", mode.0))
    }

    pub(super) fn configs(&mut self, service: &mut Service, source: &[FileReference]) {
        for (index, reference) in source.iter().enumerate() {
            let at = self.trail.key("configs").item(index);
            let name = reference.source.as_deref().unwrap_or_default();
            let target = reference.target.clone();
            let target = target.unwrap_or_else(|| format!("/{name}"));
            let Some(config) = self.project.configs.get(name) else {
                continue;
            };
            let FileObject {
                file,
                environment,
                content,
                ..
            } = &config.0;
            if environment.is_some() || content.is_some() {
                match content {
                    Some(text) => {
                        let file = text.as_bytes().into();
                        self.config(service, reference, name, file, target, &at);
                    }
                    None => self.report.error(
                        &Trail::of(["configs", name, "environment"]),
                        "the variable has no value; give it one in the app's `.env`",
                    ),
                }
                continue;
            }
            self.file(service, reference, file.as_deref(), target, &at);
        }
    }

    /// Mounts a file of the app read-only.
    fn file(
        &mut self,
        service: &mut Service,
        reference: &FileReference,
        file: Option<&str>,
        target: String,
        at: &Trail,
    ) {
        let inside = match file.map(locate) {
            Some(Location::Inside(inside)) => inside,
            _ => "",
        };
        let Some(found) = self.report.folder.files.get(inside) else {
            self.report.error(
                at,
                "this needs a file in the app's folder; put it there and name it with `file`",
            );
            return;
        };
        if reference.mode.is_some() {
            let name = reference.source.as_deref().unwrap_or_default();
            self.config(service, reference, name, found.clone(), target, at);
            return;
        }
        self.mode_of(reference, found.mode, at);
        let source = MountSource::Definition(inside.to_owned());
        self.mount_file(service, source, target, at);
    }

    /// Mounts a file that is not among the app's, or not with this mode.
    fn config(
        &mut self,
        service: &mut Service,
        reference: &FileReference,
        name: &str,
        mut file: File,
        target: String,
        at: &Trail,
    ) {
        if let Err(error) = check_part("a config", name) {
            self.report.error(at, error.to_string());
            return;
        }
        file.mode = self.mode_of(reference, file.mode, at);
        let name = name.to_owned();
        self.mount_file(service, MountSource::Config { name, file }, target, at);
    }

    /// The mode of a mounted file. It belongs to root in the container, as all files of the app do;
    /// another owner could not read it if others may not.
    fn mode_of(&mut self, reference: &FileReference, own: FileMode, at: &Trail) -> FileMode {
        let FileReference {
            source: _,
            target: _,
            uid,
            gid,
            mode,
            extensions: _,
        } = reference;
        let bits = mode.and_then(|mode| self.mode(mode, &at.key("mode")));
        let bits = bits.and_then(|digits| u32::from_str_radix(&digits, 8).ok());
        let mut found = bits.map_or(own, FileMode::of_bits);
        let is_other = |id: &Option<String>| id.as_deref().is_some_and(|id| id != "0");
        if is_other(uid) || is_other(gid) {
            let words = match mode.is_some() && found.private {
                true => {
                    found.private = false;
                    "`uid` and `gid` are left out: the file belongs to root, and every user of the container can read it"
                }
                false => "`uid` and `gid` are left out: the file belongs to root in the container",
            };
            self.report.warn(at, words);
        }
        found
    }

    fn mount_file(
        &mut self,
        service: &mut Service,
        source: MountSource,
        target: String,
        at: &Trail,
    ) {
        let (file, place) = self.report.place(at);
        service.mounts.push(Mount {
            source,
            target,
            read_only: true,
            no_copy: false,
            file,
            place,
            key: at.to_string(),
        });
    }
}
