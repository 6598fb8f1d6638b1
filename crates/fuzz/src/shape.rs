//! Makes a unit of an input, and says what its file must mean.
//!
//! The first part of an input decides, character by character, which fields are filled; the other
//! parts are the texts, in turn.

use std::collections::BTreeMap;

use archipelago_core::quadlet::{
    Container, Health, Kind, Network, NetworkJoin, PodmanOption, Secret, SecretDelivery,
    ServiceSection, Subnet, Unit, UnitSection, Volume, VolumeMount,
};
use serde_json::Value;

use crate::read_back::Meaning;
use crate::separator::SEPARATOR;

/// A unit, and the meaning of its file by key.
pub(crate) struct Shape {
    pub(crate) unit: Unit,
    pub(crate) expected: BTreeMap<String, Vec<Meaning>>,
}

impl Shape {
    pub(crate) fn of(input: &str) -> Self {
        let (decisions, texts) = input.split_once(SEPARATOR).unwrap_or((input, ""));
        let mut maker = Maker {
            decisions: decisions.bytes(),
            texts: texts.split(SEPARATOR).cycle(),
            expected: BTreeMap::new(),
        };
        let kind = match (maker.decides(), maker.decides()) {
            (true, true) => Kind::Volume(maker.volume()),
            (true, false) => Kind::Network(maker.network()),
            (false, _) => Kind::Container(Box::new(maker.container())),
        };
        let description = maker.text().unwrap_or_default();
        Self {
            unit: Unit {
                stem: "archy-app".to_owned(),
                unit: UnitSection {
                    description,
                    ..UnitSection::default()
                },
                kind,
                service: ServiceSection::default(),
                starts_at_boot: true,
            },
            expected: maker.expected,
        }
    }
}

struct Maker<'a, T> {
    decisions: std::str::Bytes<'a>,
    texts: T,
    expected: BTreeMap<String, Vec<Meaning>>,
}

impl<'a, T: Iterator<Item = &'a str>> Maker<'a, T> {
    /// No, once the decisions are used up.
    fn decides(&mut self) -> bool {
        self.decisions.next().is_some_and(|byte| byte & 1 == 1)
    }

    /// The next text, if the next decision is for one.
    fn text(&mut self) -> Option<String> {
        let text = self.decides().then(|| self.texts.next());
        text.flatten().map(str::to_owned)
    }

    fn texts(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.text()).collect()
    }

    fn expect(&mut self, key: &str, meaning: Meaning) {
        let all = self.expected.entry(key.to_owned()).or_default();
        all.push(meaning);
    }

    fn expect_text(&mut self, key: &str, text: impl Into<String>) {
        self.expect(key, Meaning::Text(text.into()));
    }

    fn expect_words(&mut self, key: &str, words: &[&str]) {
        let words = words.iter().map(|word| (*word).to_owned());
        self.expect(key, Meaning::Words(words.collect()));
    }

    /// A field of one text.
    fn one(&mut self, key: &str) -> Option<String> {
        let text = self.text()?;
        self.expect_text(key, text.as_str());
        Some(text)
    }

    /// A field of several texts, each with a line of its own.
    fn several(&mut self, key: &str) -> Vec<String> {
        let texts = self.texts();
        for text in &texts {
            self.expect_text(key, text.as_str());
        }
        texts
    }

    /// Names with values.
    fn pairs(&mut self, key: &str) -> BTreeMap<String, String> {
        let mut pairs = BTreeMap::new();
        while let (Some(name), Some(value)) = (self.text(), self.text()) {
            pairs.insert(name, value);
        }
        for (name, value) in &pairs {
            self.expect_words(key, &[&format!("{name}={value}")]);
        }
        pairs
    }

    /// A text that is given to an option of Podman's.
    fn option(&mut self, option: &str) -> Option<String> {
        let text = self.text()?;
        self.expect_words("PodmanArgs", &[option, &text]);
        Some(text)
    }

    fn name(&mut self, key: &str) -> String {
        self.one(key).unwrap_or_else(|| {
            self.expect_text(key, "name");
            "name".to_owned()
        })
    }

    fn container(&mut self) -> Container {
        let exec = self.texts();
        if !exec.is_empty() {
            let words: Vec<&str> = exec.iter().map(String::as_str).collect();
            self.expect_words("Exec", &words);
        }
        let entrypoint = self.decides().then(|| self.texts());
        if let Some(words) = &entrypoint {
            let json = Value::from(words.clone()).to_string();
            self.expect_words("PodmanArgs", &["--entrypoint", &json]);
        }
        Container {
            image: self.name("Image"),
            name: self.name("ContainerName"),
            exec,
            entrypoint,
            environment: self.pairs("Environment"),
            labels: self.pairs("Label"),
            annotations: self.pairs("Annotation"),
            secrets: self.secrets(),
            volumes: self.volumes(),
            networks: self.networks(),
            user: self.one("User"),
            groups: self.option("--group-add").into_iter().collect(),
            user_namespace: self.one("UserNS"),
            working_dir: self.one("WorkingDir"),
            hostname: self.one("HostName"),
            stop_signal: self.option("--stop-signal"),
            tmpfs: self.several("Tmpfs"),
            capabilities: self.several("AddCapability"),
            dropped_capabilities: self.several("DropCapability"),
            devices: self.several("AddDevice"),
            hosts: self.option("--add-host").into_iter().collect(),
            dns: self.several("DNS"),
            dns_search: self.several("DNSSearch"),
            dns_options: self.several("DNSOption"),
            ulimits: self.several("Ulimit"),
            sysctls: self.several("Sysctl"),
            seccomp: self.one("SeccompProfile"),
            health: self.health(),
            options: self.options(),
            ..Container::default()
        }
    }

    fn secrets(&mut self) -> Vec<Secret> {
        let (Some(name), Some(target)) = (self.text(), self.text()) else {
            return Vec::new();
        };
        let delivery = match self.decides() {
            true => {
                self.expect_words("Secret", &[&format!("{name},type=env,target={target}")]);
                SecretDelivery::Environment(target)
            }
            false => {
                self.expect_words("Secret", &[&format!("{name},type=mount,target={target}")]);
                SecretDelivery::File {
                    target: Some(target),
                    uid: None,
                    gid: None,
                    mode: None,
                }
            }
        };
        vec![Secret { name, delivery }]
    }

    fn volumes(&mut self) -> Vec<VolumeMount> {
        let mut volumes = Vec::new();
        while let (Some(source), Some(target)) = (self.text(), self.text()) {
            let read_only = self.decides();
            let end = if read_only { ":ro" } else { "" };
            self.expect_text("Volume", format!("{source}:{target}{end}"));
            volumes.push(VolumeMount {
                source,
                target,
                read_only,
                no_copy: false,
                relabel: false,
            });
        }
        volumes
    }

    fn networks(&mut self) -> Vec<NetworkJoin> {
        let named = |network, aliases| NetworkJoin::Named {
            network,
            aliases,
            addresses: Vec::new(),
            hardware_address: None,
        };
        let unit = self.text().map(|alias| {
            self.expect_text("Network", format!("archy-app.network:alias={alias}"));
            named("archy-app.network".to_owned(), vec![alias])
        });
        let external = self.one("Network").map(|name| named(name, Vec::new()));
        let other = self.text().map(|name| {
            self.expect_text("Network", format!("container:{name}"));
            NetworkJoin::Container(name)
        });
        unit.into_iter().chain(external).chain(other).collect()
    }

    /// A program with arguments, of which Podman reads a list.
    fn health(&mut self) -> Option<Health> {
        let words = self.texts();
        if words.len() < 2 {
            return None;
        }
        self.expect_text("HealthCmd", Value::from(words.clone()).to_string());
        let program = ["CMD".to_owned()].into_iter();
        Some(Health {
            test: program.chain(words).collect(),
            ..Health::default()
        })
    }

    fn options(&mut self) -> BTreeMap<PodmanOption, Vec<String>> {
        let texts = self.texts();
        for text in &texts {
            self.expect_words("PodmanArgs", &[&format!("--umask={text}")]);
        }
        BTreeMap::from([(PodmanOption::Umask, texts)])
    }

    fn volume(&mut self) -> Volume {
        let name = self.name("VolumeName");
        let folder = self.one("Device");
        if folder.is_some() {
            self.expect_text("Type", "none");
            self.expect_text("Options", "bind");
        }
        Volume {
            name,
            folder,
            labels: self.pairs("Label"),
        }
    }

    fn network(&mut self) -> Network {
        let name = self.name("NetworkName");
        let subnets = self.one("Subnet").into_iter();
        let subnets = subnets.map(|subnet| Subnet {
            subnet,
            gateway: self.one("Gateway"),
            range: self.one("IPRange"),
        });
        let subnets = subnets.collect();
        Network {
            name,
            subnets,
            labels: self.pairs("Label"),
            ..Network::default()
        }
    }
}
