//! Secrets and configs of a service.

use compose::Trail;
use compose::model::{FileReference, Mode};

use super::Work;
use crate::manifest::folder::{Location, locate};
use crate::manifest::secret::SecretMount;
use crate::manifest::service::Service;
use crate::manifest::{Mount, MountSource};

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
            if !self.report.secrets.contains(&name) {
                let target = match target.starts_with('/') {
                    true => target,
                    false => format!("/run/secrets/{target}"),
                };
                let secret = self.project.secrets.get(&name);
                let file = secret.and_then(|secret| secret.0.file.as_deref());
                self.file(service, reference, file, target, &at);
                continue;
            }
            let usual = format!("/run/secrets/{name}");
            let target = Some(target).filter(|target| *target != usual);
            let secret = SecretMount {
                target: self.target(target, &at),
                uid: self.owner(uid.as_deref(), &at.key("uid")),
                gid: self.owner(gid.as_deref(), &at.key("gid")),
                mode: mode.and_then(|mode| self.mode(mode, &at.key("mode"))),
                secret: name,
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
            let config = self.project.configs.get(name);
            let file = config.and_then(|config| config.0.file.as_deref());
            self.file(service, reference, file, target, &at);
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
        let FileReference {
            source: _,
            target: _,
            uid,
            gid,
            mode,
            extensions: _,
        } = reference;
        if uid.is_some() || gid.is_some() || mode.is_some() {
            self.report.warn(
                at,
                "`uid`, `gid` and `mode` are left out: it has the mode of its file and belongs to root",
            );
        }
        let inside = match file.map(locate) {
            Some(Location::Inside(inside)) => inside,
            _ => "",
        };
        if !self.report.folder.files.contains_key(inside) {
            self.report.error(
                at,
                "this needs a file in the app's folder; put it there and name it with `file`",
            );
            return;
        }
        let (file, place) = self.report.place(at);
        service.mounts.push(Mount {
            source: MountSource::Definition(inside.to_owned()),
            target,
            read_only: true,
            file,
            place,
            key: at.to_string(),
        });
    }
}
