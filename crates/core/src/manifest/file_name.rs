//! Which paths are those of files, by their names alone: Compose does not tell.

/// Endings of files. A folder may have an ending as well (`conf.d`, `v1.2`), so others tell
/// nothing.
const ENDINGS: [&str; 71] = [
    "bash",
    "bin",
    "cer",
    "cert",
    "cfg",
    "cjs",
    "cnf",
    "conf",
    "config",
    "crt",
    "css",
    "csv",
    "db",
    "env",
    "gif",
    "go",
    "hcl",
    "htm",
    "html",
    "htpasswd",
    "ico",
    "ini",
    "j2",
    "jar",
    "jpeg",
    "jpg",
    "js",
    "json",
    "json5",
    "jsonc",
    "key",
    "kdl",
    "list",
    "log",
    "lua",
    "map",
    "md",
    "mjs",
    "p12",
    "pem",
    "pfx",
    "php",
    "pid",
    "pl",
    "png",
    "properties",
    "ps1",
    "pub",
    "py",
    "rb",
    "rego",
    "rs",
    "rules",
    "service",
    "sh",
    "sock",
    "socket",
    "sql",
    "sqlite",
    "sqlite3",
    "svg",
    "tmpl",
    "toml",
    "tpl",
    "ts",
    "txt",
    "xml",
    "xsd",
    "yaml",
    "yml",
    "zip",
];

/// Files without an ending.
const NAMES: [&str; 13] = [
    ".bashrc",
    ".env",
    ".htpasswd",
    ".npmrc",
    "Caddyfile",
    "Corefile",
    "Dockerfile",
    "Makefile",
    "Procfile",
    "crontab",
    "hosts",
    "passwd",
    "resolv.conf",
];

/// Whether a path, by its last part, is that of a file.
pub(super) fn looks_like_a_file(path: &str) -> bool {
    // Docker takes a slash at the end for a folder as well.
    let name = path.rsplit('/').next().unwrap_or_default();
    if NAMES.contains(&name) {
        return true;
    }
    match name.rsplit_once('.') {
        // A hidden folder, such as `.config`.
        None | Some(("", _)) => false,
        Some((_, ending)) => ENDINGS.contains(&ending.to_ascii_lowercase().as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_from_a_folder_by_its_name() {
        for (path, expected) in [
            ("conf.yml", true),
            ("/etc/nginx/nginx.conf", true),
            ("etc/NGINX.CONF", true),
            ("Caddyfile", true),
            ("a/.env", true),
            ("prod.env", true),
            ("data", false),
            ("conf.d", false),
            ("v1.2", false),
            (".config", false),
            ("a.conf/", false),
            ("my.app", false),
            ("", false),
        ] {
            assert_eq!(looks_like_a_file(path), expected, "{path}");
        }
    }
}
