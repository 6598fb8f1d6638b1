//! Paths in a model, made absolute from the folder of the file that names them. Text only: no link
//! is followed.
//!
//! Source: compose-go's `paths` package.

use crate::node::{Node, Value};
use crate::syntax::clean;
use crate::trail::Trail;
use crate::walk::{each_entry, each_item};

/// The folders from which paths are resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base<'a> {
    /// An absolute path.
    pub folder: &'a str,
    /// The folder for `~`, if there is one.
    pub home: Option<&'a str>,
}

impl Base<'_> {
    /// The absolute path.
    pub(crate) fn join(self, path: &str) -> String {
        let path = self.expand(path);
        if path.starts_with('/') {
            return path;
        }
        clean(&format!("{}/{path}", self.folder))
    }

    fn expand(self, path: &str) -> String {
        match (path.strip_prefix('~'), self.home) {
            (Some(rest), Some(home)) => clean(&format!("{home}/{rest}")),
            _ => path.to_owned(),
        }
    }

    fn apply(self, node: Option<&mut Node>) {
        if let Some(node) = node
            && let Some(path) = node.as_text()
            && !path.is_empty()
        {
            node.value = Value::Text(self.join(path));
        }
    }

    /// A path of this host; one of Windows is left alone.
    fn apply_host(self, node: Option<&mut Node>) {
        if let Some(node) = node
            && let Some(path) = node.as_text()
            && !is_windows(path)
        {
            node.value = Value::Text(self.join(path));
        }
    }

    /// A folder to build from, which may also be an address.
    fn apply_context(self, node: Option<&mut Node>) {
        const REMOTE: [&str; 7] = [
            "https://",
            "http://",
            "git://",
            "ssh://",
            "github.com/",
            "git@",
            "service:",
        ];
        if let Some(node) = node
            && let Some(path) = node.as_text()
            && !path.is_empty()
            && !path.contains("://")
            && !REMOTE.iter().any(|prefix| path.starts_with(prefix))
        {
            node.value = Value::Text(self.join(path));
        }
    }
}

fn is_windows(path: &str) -> bool {
    let drive = path.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && path
            .get(1..3)
            .is_some_and(|rest| matches!(rest, ":\\" | ":/"));
    drive || path.starts_with("\\\\")
}

/// Makes every path of a model absolute.
pub(crate) fn resolve(top: &mut Node, base: Base<'_>) {
    let trail = Trail::top();
    for section in ["services", "jobs"] {
        each_entry(top.get_mut(section), &trail, |service, _| {
            container(service, base);
            base.apply(
                service
                    .get_mut("extends")
                    .and_then(|extends| extends.get_mut("file")),
            );
            each_item(service.get_mut("pre_start"), &trail, |hook, _| {
                container(hook, base)
            });
            if let Some(build) = service.get_mut("build") {
                base.apply_context(build.get_mut("context"));
                each_entry(build.get_mut("additional_contexts"), &trail, |node, _| {
                    base.apply_context(Some(node));
                });
                each_entry(build.get_mut("ssh"), &trail, |node, _| {
                    base.apply_host(Some(node))
                });
            }
            let watch = service
                .get_mut("develop")
                .and_then(|develop| develop.get_mut("watch"));
            each_item(watch, &trail, |rule, _| base.apply(rule.get_mut("path")));
        });
    }
    for section in ["configs", "secrets"] {
        each_entry(top.get_mut(section), &trail, |node, _| {
            base.apply_host(node.get_mut("file"))
        });
    }
    each_entry(top.get_mut("volumes"), &trail, |volume, _| {
        local_folder(volume, base)
    });
}

fn container(node: &mut Node, base: Base<'_>) {
    let trail = Trail::top();
    each_item(node.get_mut("env_file"), &trail, |file, _| {
        base.apply(file.get_mut("path"))
    });
    each_item(node.get_mut("label_file"), &trail, |file, _| {
        base.apply(Some(file))
    });
    each_item(node.get_mut("volumes"), &trail, |mount, _| {
        if mount.get("type").and_then(Node::as_text) == Some("bind") {
            base.apply_host(mount.get_mut("source"));
        }
    });
}

/// A volume of the local driver that is a folder of the host.
fn local_folder(volume: &mut Node, base: Base<'_>) {
    let text = |node: Option<&Node>| node.and_then(Node::as_text).map(str::to_owned);
    if text(volume.get("driver")).as_deref() != Some("local") {
        return;
    }
    if let Some(options) = volume.get_mut("driver_opts")
        && text(options.get("o")).as_deref() == Some("bind")
    {
        base.apply_host(options.get_mut("device"));
    }
}
