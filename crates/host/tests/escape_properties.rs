//! Any text comes out of a unit as it went in, or is refused; no text becomes a directive.
//!
//! Held against the real thing: Podman's generator reads the units that core renders, and systemd runs what it made of
//! them, with a small program in Podman's place that writes down its arguments. Each unit with hostile texts has a twin
//! with harmless ones; but for the texts, the two must agree to the byte. In a second test a real container shows its
//! own environment and arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use archipelago_core::name::AppId;
use archipelago_core::quadlet::{
    Container, Health, Kind, ServiceSection, Stamp, Unit, UnitSection, VolumeMount,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use testhost::{Account, Host};

const IMAGE: &str = "docker.io/library/busybox:stable";
const UNITS: &str = "/home/archy/.config/containers/systemd";
/// The texts are the same in every run. Every message names the seed; another one: `ESCAPE_SEED=7 cargo test …`.
const SEED: u64 = 20_260;
const RANDOM_TEXTS: usize = 220;

fn seed() -> u64 {
    std::env::var("ESCAPE_SEED").map_or(SEED, |text| text.parse().expect("a number"))
}

fn sample<T>(strategy: impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed().to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).expect("a text").current())
        .collect()
}

/// What a person with bad intentions, or with an unusual password, would write.
fn hostile() -> Vec<String> {
    let fixed = [
        "x\nExecStartPre=/bin/touch /tmp/pwned",
        "x\n\n[Service]\nExecStart=/bin/touch /tmp/pwned",
        "x\r\nExecStartPre=/bin/touch /tmp/pwned",
        "x\\\nExecStartPre=/bin/touch /tmp/pwned",
        "\" ; /bin/touch /tmp/pwned ; \"",
        "a ; b",
        ";",
        " ; ",
        "\\;",
        "&& touch /tmp/pwned",
        "$(touch /tmp/pwned)",
        "`touch /tmp/pwned`",
        "%h",
        "%i",
        "%%",
        "%",
        "%n%N%t%%h",
        "100% sure",
        "%H/%u",
        "%q",
        "% ",
        "$HOME",
        "${HOME}",
        "$$",
        "$",
        "$ ",
        "${",
        "$$HOME",
        "\\$HOME",
        "$1 $@ $*",
        "a$b${c}d",
        "\"",
        "'",
        "\\",
        "\\\\",
        "\"\"",
        "''",
        "\"a\"",
        "'a'",
        "a\"b'c",
        "it's",
        "\\\"",
        "a\\",
        "a\\\\",
        "\\n",
        "\\x41",
        "\\u0041",
        "\\101",
        "\\0",
        "\\s",
        " ",
        "  ",
        "\t",
        "\n",
        "\r",
        " leading",
        "trailing ",
        "\ttab\t",
        "two  spaces",
        "\n\n",
        "a\nb\nc\n",
        "a\r",
        "\n\r",
        "a\r\r\nb",
        "--privileged",
        "-v",
        "-",
        "--",
        "--env=X=Y",
        "--volume /:/host",
        "@",
        "@/bin/sh",
        "!x",
        "+x",
        ":x",
        "|x",
        "-/bin/sh",
        "#comment",
        ";comment",
        "[Service]",
        "[Container]",
        "Key=Value",
        "=",
        "==x",
        "A=B=C",
        "a:b",
        "a,b=c",
        "*",
        "?",
        "~",
        "~/x",
        "\u{1}",
        "\u{7}\u{8}\u{b}\u{c}\u{1b}[31m",
        "\u{7f}",
        "\u{80}",
        "\u{85}",
        "\u{9f}",
        "\u{a0}x\u{a0}",
        "\u{2028}x",
        "\u{feff}bom",
        "\u{fdd0}",
        "\u{ffff}",
        "\u{10ffff}",
        "\u{fffd}",
        "ünïcödé",
        "字",
        "🦀",
        "e\u{301}",
        "\u{202e}rtl",
        "nul\0byte",
        "",
        "none",
        "true",
        "[]",
        "{}",
        "[\"CMD\",\"x\"]",
        "host",
        ".",
        "..",
        "../..",
        "./x",
        "/",
        "//",
        "x.volume",
        "x.image",
    ];
    let mut texts: Vec<String> = fixed.iter().map(|text| (*text).to_owned()).collect();
    for pattern in ["a", "\\", "\"", "%", "$", " ", "\n", "字", "\u{1}"] {
        texts.push(pattern.repeat(59_000 / pattern.len()));
    }
    texts.push("a".repeat(60_001));
    let special: Vec<char> = "\"'\\%$;=#:,{}[]()`&|<>*?~!-/@^ \t\n\r\u{b}\u{7}\u{1b}\u{7f}\u{85}\u{a0}\u{2028}\u{feff}ahintx01Eü字🦀".chars().collect();
    let random = prop_oneof![
        prop::collection::vec(any::<char>(), 1..30),
        prop::collection::vec(prop::sample::select(special.clone()), 1..12),
        prop::collection::vec(prop::sample::select(special), 12..60),
        prop::collection::vec(prop::char::range('\u{1}', '\u{7f}'), 1..30),
    ];
    let random = random.prop_map(|characters| characters.into_iter().collect::<String>());
    texts.extend(sample(random, RANDOM_TEXTS));
    texts
}

/// Where a text can stand in a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Environment,
    Label,
    Annotation,
    Argument,
    Entrypoint,
    HealthCommand,
    HostName,
    WorkingDir,
    User,
    VolumeSource,
    VolumeTarget,
    Host,
    Sysctl,
}

const SLOTS: [Slot; 13] = [
    Slot::Environment,
    Slot::Label,
    Slot::Annotation,
    Slot::Argument,
    Slot::Entrypoint,
    Slot::HealthCommand,
    Slot::HostName,
    Slot::WorkingDir,
    Slot::User,
    Slot::VolumeSource,
    Slot::VolumeTarget,
    Slot::Host,
    Slot::Sysctl,
];

impl Slot {
    fn put(self, container: &mut Container, text: &str) {
        let owned = text.to_owned();
        let pair = || BTreeMap::from([("NAME".to_owned(), text.to_owned())]);
        match self {
            Self::Environment => container.environment = pair(),
            Self::Label => container.labels = pair(),
            Self::Annotation => container.annotations = pair(),
            Self::Argument => container.exec = vec!["first".to_owned(), owned, "last".to_owned()],
            Self::Entrypoint => container.entrypoint = Some(vec!["/bin/sh".to_owned(), owned]),
            Self::HealthCommand => {
                container.health = Some(Health {
                    test: vec!["CMD".to_owned(), "true".to_owned(), owned],
                    ..Health::default()
                });
            }
            Self::HostName => container.hostname = Some(owned),
            Self::WorkingDir => container.working_dir = Some(owned),
            Self::User => container.user = Some(owned),
            Self::VolumeSource => container
                .volumes
                .push(mount(&format!("/source/{text}"), "/target")),
            Self::VolumeTarget => container
                .volumes
                .push(mount("/source", &format!("/target/{text}"))),
            Self::Host => container.hosts = vec![owned],
            Self::Sysctl => container.sysctls = vec![owned],
        }
    }

    /// A text that means nothing to anyone and stands nowhere else.
    fn harmless(self) -> String {
        format!("harmless{self:?}")
    }

    /// How a text in this place looks among Podman's arguments: some are JSON, which Podman reads.
    fn meant(self, text: &str) -> String {
        match self {
            Self::Entrypoint | Self::HealthCommand => {
                let json = serde_json::Value::from(text).to_string();
                json[1..json.len() - 1].to_owned()
            }
            _ => text.to_owned(),
        }
    }
}

fn mount(source: &str, target: &str) -> VolumeMount {
    VolumeMount {
        source: source.to_owned(),
        target: target.to_owned(),
        read_only: false,
        relabel: false,
    }
}

fn container(stem: &str) -> Container {
    Container {
        image: IMAGE.to_owned(),
        name: stem.to_owned(),
        ..Container::default()
    }
}

/// The file of a unit, or `None` when a text in it is refused.
fn render(stem: &str, container: Container) -> Option<String> {
    let unit = Unit {
        stem: stem.to_owned(),
        unit: UnitSection::default(),
        kind: Kind::Container(Box::new(container)),
        service: ServiceSection::default(),
        starts_at_boot: false,
    };
    let app = AppId::parse("hostile").expect("an id");
    let stamp = Stamp {
        app: &app,
        companion: false,
        inputs: &[],
    };
    unit.render(stamp).ok().map(|file| file.content)
}

fn accepts(slot: Slot, text: &str) -> bool {
    let mut container = container("archy-probe");
    slot.put(&mut container, text);
    render("archy-probe", container).is_some()
}

/// Where a text is accepted; a long one not everywhere at once, because a whole unit has its limit too.
fn accepted_together(text: &str) -> Vec<Slot> {
    let mut slots = Vec::new();
    for slot in SLOTS {
        let mut container = container("archy-probe");
        slots
            .iter()
            .chain([&slot])
            .for_each(|slot: &Slot| slot.put(&mut container, text));
        if render("archy-probe", container).is_some() {
            slots.push(slot);
        }
    }
    slots
}

/// A unit with one hostile text wherever it is accepted.
struct Case {
    text: String,
    slots: Vec<Slot>,
    stem: String,
}

impl Case {
    /// The same places with harmless texts; cases with the same places share a twin.
    fn twin(&self) -> String {
        let mut stem = "archy-twin".to_owned();
        for slot in &self.slots {
            write!(stem, "-{}", *slot as usize).expect("writing to a text");
        }
        stem
    }
}

fn unit(stem: &str, slots: &[Slot], text: impl Fn(Slot) -> String) -> String {
    let mut container = container(stem);
    for slot in slots {
        slot.put(&mut container, &text(*slot));
    }
    render(stem, container).expect("all of it was accepted")
}

#[test]
fn plain_texts_are_never_refused() {
    let plain = "[A-Za-z0-9][A-Za-z0-9 ._/,=@+-]{0,60}[A-Za-z0-9]";
    for text in sample(plain, 300) {
        for slot in SLOTS {
            let text = if slot == Slot::Sysctl {
                text.replace(' ', "_")
            } else {
                text.clone()
            };
            assert!(
                accepts(slot, &text),
                "{slot:?} refuses {text:?} (seed {})",
                seed()
            );
        }
    }
}

#[test]
fn what_is_accepted_comes_out_as_it_went_in() {
    let cases: Vec<Case> = hostile()
        .into_iter()
        .enumerate()
        .map(|(index, text)| Case {
            slots: accepted_together(&text),
            stem: format!("archy-case-{index}"),
            text,
        })
        .collect();
    a_sane_share_is_accepted(&cases);
    let mut units: BTreeMap<String, String> = BTreeMap::new();
    for case in cases.iter().filter(|case| !case.slots.is_empty()) {
        units.insert(
            case.stem.clone(),
            unit(&case.stem, &case.slots, |_| case.text.clone()),
        );
        units.insert(case.twin(), unit(&case.twin(), &case.slots, Slot::harmless));
    }

    let host = Host::boot(testhost::Options::default()).expect("a host");
    let folder = Folder::new("cases");
    let outside = folder.path.join("systemd");
    std::fs::create_dir(&outside).expect("a folder");
    for (stem, content) in &units {
        std::fs::write(outside.join(format!("{stem}.container")), content).expect("a unit");
    }
    host.run_user(&["mkdir", "-p", "/home/archy/.config/containers"])
        .expect("a folder")
        .checked()
        .expect("a folder");
    host.copy_in(&outside, UNITS)
        .expect("the units in the host");
    host.write_file(Account::User, "/home/archy/argdump", ARGDUMP.as_bytes())
        .expect("a program");
    host.run_user(&["bash", "-c", RUN_ALL])
        .expect("a run in the host")
        .checked()
        .expect("the units generated");

    host.copy_out("/home/archy/generated", &folder.path)
        .expect("the services");
    host.copy_out("/home/archy/arguments", &folder.path)
        .expect("the arguments");
    let failures: Vec<String> = cases
        .iter()
        .filter(|case| !case.slots.is_empty())
        .filter_map(|case| compare(case, &folder.path).err())
        .collect();
    assert!(
        failures.is_empty(),
        "seed {}, {} of {}:\n{}",
        seed(),
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
    let pwned = host
        .run_root(&["test", "-e", "/tmp/pwned"])
        .expect("a look");
    assert_eq!(pwned.status, 1, "a text was run");
}

fn a_sane_share_is_accepted(cases: &[Case]) {
    for slot in SLOTS {
        let accepted = cases
            .iter()
            .filter(|case| case.slots.contains(&slot))
            .count();
        let least = match slot {
            Slot::Environment
            | Slot::Label
            | Slot::Annotation
            | Slot::Argument
            | Slot::Entrypoint
            | Slot::HealthCommand => 60,
            Slot::HostName | Slot::WorkingDir | Slot::User | Slot::Host => 25,
            Slot::VolumeSource | Slot::VolumeTarget => 20,
            Slot::Sysctl => 5,
        };
        let share = accepted * 100 / cases.len();
        assert!(
            share >= least,
            "{slot:?} accepts only {share} % of the texts (seed {})",
            seed()
        );
    }
}

/// Writes its arguments, each ended by a NUL byte, to a file named after the service.
const ARGDUMP: &str = "#!/bin/sh\n[ \"$1\" != run ] || printf '%s\\0' \"$@\" >\"/home/archy/arguments/$PODMAN_SYSTEMD_UNIT\"\n";

/// Quadlet takes the program's name from its environment. Its services wait for a word from Podman, which never comes here.
const RUN_ALL: &str = "
set -eu
chmod +x ~/argdump
mkdir ~/arguments ~/generated
mkdir -p ~/.config/systemd/user
PODMAN=$HOME/argdump /usr/libexec/podman/quadlet -user -no-kmsg-log ~/generated
cp ~/generated/*.service ~/.config/systemd/user/
sed -i 's/^Type=notify$/Type=oneshot/' ~/.config/systemd/user/*.service
mv ~/.config/containers/systemd ~/done
systemctl --user daemon-reload
cd ~/generated
systemctl --user start -- *.service || true
";

fn compare(case: &Case, folder: &Path) -> Result<(), String> {
    let text: String = case.text.chars().take(80).collect();
    let read = |path: String| {
        std::fs::read(folder.join(&path)).map_err(|_| format!("{text:?}: there is no {path}"))
    };
    let keys = |stem: &str| {
        let content = read(format!("generated/{stem}.service"))?;
        let content = String::from_utf8(content)
            .map_err(|_| format!("{text:?}: its service is not UTF-8"))?;
        Ok::<Vec<String>, String>(content.lines().map(key_of).collect())
    };
    let (found, expected) = (keys(&case.stem)?, keys(&case.twin())?);
    if found != expected {
        return Err(format!(
            "{text:?}: its service has the keys {found:?}, not {expected:?}"
        ));
    }
    let arguments =
        |stem: &str| read(format!("arguments/{stem}.service")).map(|bytes| split(&bytes));
    let twin = arguments(&case.twin())?;
    let options = Options::of(&twin);
    let meant: Vec<Vec<u8>> = twin
        .iter()
        .map(|argument| with_the_text(case, argument))
        .collect();
    let (found, meant) = (
        options.sorted(arguments(&case.stem)?),
        options.sorted(meant),
    );
    if found == meant {
        return Ok(());
    }
    let difference = found
        .iter()
        .zip(&meant)
        .find(|(found, meant)| found != meant);
    Err(format!(
        "{text:?}: {} arguments of {}; the first that differs and what was meant: {difference:?}",
        found.len(),
        meant.len()
    ))
}

/// The shape of a command line of Podman, read off one with harmless texts.
///
/// Quadlet gives most of its options in the order of a Go map, which is another one each time.
struct Options {
    with_value: BTreeSet<Vec<u8>>,
    count: usize,
}

impl Options {
    fn of(harmless: &[Vec<u8>]) -> Self {
        let count = harmless
            .iter()
            .position(|argument| argument == IMAGE.as_bytes())
            .expect("the image");
        let with_value = harmless[..count]
            .windows(2)
            .filter(|two| two[0].starts_with(b"-") && !two[1].starts_with(b"-"));
        Self {
            with_value: with_value.map(|two| two[0].clone()).collect(),
            count,
        }
    }

    /// The options in the order of their names, each with its value, then the image and the words after it.
    fn sorted(&self, arguments: Vec<Vec<u8>>) -> Vec<String> {
        let (options, words) = arguments.split_at(self.count.min(arguments.len()));
        let mut options = options.iter();
        let mut sorted = Vec::new();
        while let Some(option) = options.next() {
            let value = self
                .with_value
                .contains(option)
                .then(|| options.next())
                .flatten()
                .map_or(String::new(), |value| shown(value));
            sorted.push(format!("{} {value}", shown(option)));
        }
        sorted.sort_unstable();
        sorted.extend(words.iter().map(|word| shown(word)));
        sorted
    }
}

/// A comment or a continuation of the line before would be told from the twin's too.
fn key_of(line: &str) -> String {
    let key = line.split_once('=').map_or(line, |(key, _)| key);
    format!("{key}{}", if line.ends_with('\\') { " …" } else { "" })
        .replace("archy-case", "")
        .replace("archy-twin", "")
        .split('-')
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
}

/// The twin's argument as the case's own was meant to be.
fn with_the_text(case: &Case, argument: &[u8]) -> Vec<u8> {
    let argument = std::str::from_utf8(argument)
        .expect("a harmless argument")
        .replace(&case.twin(), &case.stem);
    let slot = case
        .slots
        .iter()
        .find(|slot| argument.contains(&slot.harmless()));
    slot.map_or(argument.clone(), |slot| {
        argument.replace(&slot.harmless(), &slot.meant(&case.text))
    })
    .into_bytes()
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn a_container_sees_the_texts_as_they_were_meant() {
    let texts = hostile();
    let short = |slot: Slot| {
        texts
            .iter()
            .filter(move |text| text.len() < 2_000 && accepts(slot, text))
    };
    let environment: BTreeMap<String, String> = short(Slot::Environment)
        .enumerate()
        .map(|(index, text)| (format!("T{index}"), text.clone()))
        .collect();
    let arguments: Vec<String> = short(Slot::Argument).cloned().collect();
    assert!(environment.len() > 200 && arguments.len() > 200);
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let shows_environment = Container {
        environment: environment.clone(),
        // A container that ends at once may do so before systemd knows that it began.
        exec: words(&[
            "sh",
            "-c",
            "cp /proc/1/environ /out/new && mv /out/new /out/environment && exec sleep 600",
        ]),
        volumes: vec![mount("/home/archy/out", "/out")],
        ..container("archy-environment")
    };
    let shows_arguments = Container {
        entrypoint: Some(words(&[
            "/bin/sh",
            "-c",
            "printf '%s\\0' \"$@\" >/out/late && mv /out/late /out/arguments && exec sleep 600",
            "sh",
        ])),
        exec: arguments.clone(),
        volumes: vec![mount("/home/archy/out", "/out")],
        ..container("archy-arguments")
    };

    let host = Host::boot(testhost::Options::default()).expect("a host");
    for container in [shows_environment, shows_arguments] {
        let stem = container.name.clone();
        let content = render(&stem, container).expect("each text alone was accepted");
        host.write_file(
            Account::User,
            &format!("{UNITS}/{stem}.container"),
            content.as_bytes(),
        )
        .expect("a unit");
    }
    // Podman runs once before: of two first runs at once, one may leave its service's cgroup, which systemd then calls failed.
    let run = "mkdir out && podman ps && systemctl --user daemon-reload && systemctl --user start archy-environment archy-arguments && \
               timeout 30 sh -c 'until test -e out/environment && test -e out/arguments; do sleep 0.1; done'";
    host.run_user(&["bash", "-c", run])
        .expect("a run in the host")
        .checked()
        .expect("two containers that show what they see");

    let folder = Folder::new("container");
    host.copy_out("/home/archy/out", &folder.path)
        .expect("what they saw");
    let read = |name: &str| {
        split(&std::fs::read(folder.path.join("out").join(name)).expect("what it saw"))
    };
    let seen: BTreeSet<String> = read("environment")
        .iter()
        .map(|bytes| shown(bytes))
        .collect();
    let meant: BTreeSet<String> = environment
        .iter()
        .map(|(name, text)| shown(format!("{name}={text}").as_bytes()))
        .collect();
    let missing: Vec<&String> = meant.difference(&seen).collect();
    let instead: Vec<&String> = seen
        .difference(&meant)
        .filter(|variable| variable.starts_with('T'))
        .collect();
    assert!(
        missing.is_empty(),
        "seed {}: in place of {missing:#?} the container has {instead:#?}",
        seed()
    );
    let meant: Vec<Vec<u8>> = arguments.into_iter().map(String::into_bytes).collect();
    let seen = read("arguments");
    let difference = seen.iter().zip(&meant).find(|(seen, meant)| seen != meant);
    assert!(
        seen == meant,
        "{:?} as arguments (seed {})",
        difference.map(|(a, b)| (shown(a), shown(b))),
        seed()
    );
}

/// A folder of this machine that goes with the test.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("escape-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self { path }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left over, it does no harm: the next build may clear it.
        let _left = std::fs::remove_dir_all(&self.path);
    }
}
