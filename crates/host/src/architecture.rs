//! Which programs this machine runs, by their architecture, in the words of images (`GOARCH`:
//! `amd64`, `arm64`).

use std::path::Path;

/// The kernel's list of interpreters for foreign programs
/// (<https://docs.kernel.org/admin-guide/binfmt-misc.html>).
const HANDLERS: &str = "/proc/sys/fs/binfmt_misc";

/// `e_type` of a program (`elf(5)`): at a fixed address, or not.
const TYPES: [u8; 2] = [2, 3];

/// This machine's kind.
#[must_use]
pub fn native() -> &'static str {
    in_words_of_images(std::env::consts::ARCH)
}

/// The same architecture has several names.
fn in_words_of_images(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "x86" | "i386" | "i686" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        "loongarch64" => "loong64",
        other => other,
    }
}

/// Whether programs for this kind run here: by themselves, or by an emulator. Of a kind that nobody
/// here knows, nothing is said against it.
#[must_use]
pub fn runs(kind: &str) -> bool {
    runs_on(native(), kind, Path::new(HANDLERS))
}

fn runs_on(native: &str, kind: &str, handlers: &Path) -> bool {
    let kind = in_words_of_images(kind);
    let by_itself = kind.is_empty()
        || kind == native
        || matches!((native, kind), ("amd64", "386") | ("arm64", "arm"));
    let Some(headers) = headers(kind) else {
        return true;
    };
    by_itself || headers.iter().any(|header| is_emulated(header, handlers))
}

/// The first bytes of programs of this kind (`elf(5)`): class, byte order and version, then
/// `e_type` and `e_machine`.
fn headers(kind: &str) -> Option<[[u8; 20]; 2]> {
    let (class, order, machine) = match kind {
        "386" => (1, 1, 3),
        "arm" => (1, 1, 40),
        "amd64" => (2, 1, 62),
        "arm64" => (2, 1, 183),
        "ppc64le" => (2, 1, 21),
        "riscv64" => (2, 1, 243),
        "loong64" => (2, 1, 258_u16),
        "s390x" => (2, 2, 22),
        _ => return None,
    };
    Some(TYPES.map(|program| {
        let mut header = [0; 20];
        header[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, order, 1]);
        let program = u16::from(program);
        let (program, machine) = if order == 1 {
            (program.to_le_bytes(), machine.to_le_bytes())
        } else {
            (program.to_be_bytes(), machine.to_be_bytes())
        };
        header[16..18].copy_from_slice(&program);
        header[18..].copy_from_slice(&machine);
        header
    }))
}

fn is_emulated(header: &[u8], handlers: &Path) -> bool {
    let files = std::fs::read_dir(handlers).into_iter().flatten().flatten();
    let mut texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    texts.any(|text| takes(&text, header))
}

/// Whether a handler takes programs that begin like this. Only one that is opened once and for all
/// (the flag `F`) is there inside a container.
fn takes(handler: &str, header: &[u8]) -> bool {
    let field = |name: &str| {
        let line = handler.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim)
    };
    let is_on = handler.lines().next() == Some("enabled");
    let in_containers = field("flags:").is_some_and(|flags| flags.contains('F'));
    let from_the_start = field("offset ") == Some("0");
    let Some(magic) = field("magic ").and_then(bytes) else {
        return false;
    };
    let mask = field("mask ").and_then(bytes);
    let mask = mask.unwrap_or_else(|| vec![0xff; magic.len()]);
    let matches = magic
        .iter()
        .zip(&mask)
        .zip(header)
        .all(|((magic, mask), byte)| byte & mask == magic & mask);
    is_on && in_containers && from_the_start && magic.len() <= header.len() && matches
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Debian's qemu-user-binfmt registers it.
    const ARM64: &str = "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POF\noffset 0\n\
        magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n";

    fn check(handler: Option<&str>, kind: &str, expected: bool) {
        let name = format!("archipelago-handlers-{}-{kind}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("status"), "enabled\n").unwrap();
        if let Some(handler) = handler {
            std::fs::write(folder.join("handler"), handler).unwrap();
        }
        let runs = runs_on("amd64", kind, &folder);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(runs, expected, "{kind} with {handler:?}");
    }

    #[test]
    fn a_program_runs_on_its_own_kind_or_with_an_emulator_that_containers_see() {
        for (kind, by_itself, with_handler) in [
            ("amd64", true, true),
            ("x86_64", true, true),
            ("386", true, true),
            ("", true, true),
            ("unheard-of", true, true),
            ("arm64", false, true),
            ("aarch64", false, true),
            ("arm", false, false),
            ("riscv64", false, false),
            ("s390x", false, false),
        ] {
            check(None, kind, by_itself);
            check(Some(ARM64), kind, with_handler);
        }
        check(Some(&ARM64.replace("enabled", "disabled")), "arm64", false);
        check(Some(&ARM64.replace("POF", "PO")), "arm64", false);
        check(Some(&ARM64.replace("offset 0", "offset 4")), "arm64", false);
    }
}
