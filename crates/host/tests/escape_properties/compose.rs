//! Ten thousand texts in the fields of Compose files, through core and Podman's own generator.

use std::collections::BTreeMap;
use std::path::Path;

use testhost::Host;

use crate::UNITS;
use crate::compare::{Options, key_of, shown};
use crate::fields::{FIELDS, Field, harmless, meant, units};
use crate::folder::Folder;
use crate::texts::{hostile, seed};
use crate::unquote::words;

/// A service that the generator made.
struct Service {
    keys: Vec<String>,
    arguments: Vec<Vec<u8>>,
}

/// The generator's run over all units. It must succeed: an error drops a unit.
const GENERATE: &str =
    "mkdir ~/generated && /usr/libexec/podman/quadlet -user -no-kmsg-log ~/generated";

#[test]
fn a_text_in_a_compose_file_comes_out_as_it_went_in_or_is_refused() {
    let texts = hostile();
    let count = texts.len() * FIELDS.len();
    assert!(count >= 10_000, "only {count} cases");
    let folder = Folder::new("compose");
    let outside = folder.path.join("systemd");
    std::fs::create_dir(&outside).expect("a folder");
    let write = |files: Vec<(String, String)>| {
        for (name, content) in files {
            std::fs::write(outside.join(name), content).expect("a unit");
        }
    };
    let mut cases: BTreeMap<String, (usize, &Field, &str)> = BTreeMap::new();
    for (index, field) in FIELDS.iter().enumerate() {
        write(harmless(&format!("twin{index}"), field));
        let accepted = texts.iter().enumerate().filter_map(|(number, text)| {
            let id = format!("case{index}x{number}");
            write(units(&id, field, text)?);
            Some((id, (index, field, text.as_str())))
        });
        cases.extend(accepted);
    }
    assert!(cases.len() >= 2_000, "only {} are accepted", cases.len());

    let host = Host::boot(testhost::Options::default()).expect("a host");
    let containers = ["mkdir", "-p", "/home/archy/.config/containers"];
    let made = host.run_user(&containers).expect("a run in the host");
    made.checked().expect("a folder");
    host.copy_in(&outside, UNITS).expect("the units");
    let ran = host.run_user(&["bash", "-euc", GENERATE]);
    ran.expect("a run in the host")
        .checked()
        .expect("the generator accepts each unit");
    host.copy_out("/home/archy/generated", &folder.path)
        .expect("the services");

    let generated = folder.path.join("generated");
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|(id, case)| compare(&generated, id, *case).err())
        .collect();
    assert!(
        failures.is_empty(),
        "seed {}, {} of {}:\n{}",
        seed(),
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

fn compare(generated: &Path, id: &str, case: (usize, &Field, &str)) -> Result<(), String> {
    let (index, field, text) = case;
    let start: String = text.chars().take(80).collect();
    let say = |problem: String| format!("{} {start:?}: {problem}", field.name);
    let found = service(generated, id).map_err(say)?;
    let twin = service(generated, &format!("twin{index}")).map_err(say)?;
    if found.keys != twin.keys {
        return Err(say(format!("it has the keys {:?}", found.keys)));
    }
    let options = Options::of(&twin.arguments);
    let meant = options.sorted(meant(field, text, &twin.arguments));
    let found = options.sorted(found.arguments);
    let difference = found
        .iter()
        .zip(&meant)
        .find(|(found, meant)| found != meant);
    match difference {
        None if found.len() == meant.len() => Ok(()),
        _ => Err(say(format!("{difference:?}"))),
    }
}

/// The service of an app, with one name in place of its own.
fn service(generated: &Path, id: &str) -> Result<Service, String> {
    let path = generated.join(format!("archy-{id}.service"));
    let content = std::fs::read(path).map_err(|error| error.to_string())?;
    let content = String::from_utf8(content).map_err(|error| error.to_string())?;
    let content = content.replace(id, "app");
    let command = content
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    // Quadlet's own argument has specifiers. Those of a text are doubled, so it is no such text.
    let command = command.unwrap_or_default();
    let arguments = words(&command.replace(" --cidfile=%t/%N.cid ", " --cidfile=cid "));
    Ok(Service {
        keys: content.lines().map(key_of).collect(),
        arguments: arguments
            .ok_or_else(|| format!("no plain words: {}", shown(content.as_bytes())))?,
    })
}
