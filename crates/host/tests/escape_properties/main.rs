//! Any text comes out of a unit as it went in, or is refused; no text becomes a directive.
//!
//! Held against the real thing: Podman's generator reads the units that core renders, and systemd
//! runs what it made of them, with a small program in Podman's place that writes down its
//! arguments. Each unit with hostile texts has a twin with harmless ones; but for the texts, the
//! two must agree to the byte. In a second test a real container shows its own environment and
//! arguments.

mod compare;
mod compose;
mod fields;
mod folder;
mod slots;
mod texts;
mod unquote;

use std::collections::{BTreeMap, BTreeSet};

use archipelago_core::quadlet::Container;
use testhost::{Account, Host};

use compare::{compare, shown, split};
use folder::Folder;
use slots::{Case, SLOTS, Slot, accepted_together, accepts, container, mount, render, unit};
use texts::{hostile, sample, seed};

const UNITS: &str = "/home/archy/.config/containers/systemd";

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

/// Quadlet takes the program's name from its environment. Its services wait for a word from Podman,
/// which never comes here.
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
    // Podman runs once before: of two first runs at once, one may leave its service's cgroup, which
    // systemd then calls failed.
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
