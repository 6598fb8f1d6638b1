//! From a typed unit to the bytes of its file.
//!
//! Stable to the byte: the same unit gives the same text, in the order of the man page. Every
//! struct is taken apart in full, so a new field cannot be forgotten here.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::escape::{EscapeError, description, line, token, value, variable, word, words};
use super::lines::{Lines, RenderError, Rendered, whole_seconds};
use super::mark::{MARK_SECTION, VERSION};
use super::texts::{command_text, health_command, json, port_text, secret_text, volume_text};
use super::{
    Container, Health, Kind, Log, Network, NetworkJoin, PodmanOption, ServiceSection, Subnet, Unit,
    UnitSection, Volume,
};
use crate::hex::hex;
use crate::name::AppId;

/// A unit file, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFile {
    pub name: String,
    pub content: String,
    /// A text that changes whenever its container must be restarted.
    pub revision: String,
}

/// The app and the inputs of a unit.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// The app it belongs to.
    pub app: &'a AppId,
    /// Whether it is a companion's.
    pub companion: bool,
    /// Other inputs of the container, such as the content of a mounted configuration. When they
    /// change, the revision does, and the container restarts.
    pub inputs: &'a [&'a [u8]],
}

/// systemd reads no line of more than 1 MiB (LONG_LINE_MAX), and drops the whole unit over one;
/// Quadlet puts almost all of a unit into one line, and may treble a text when it quotes it.
const UNIT_BYTES_MAX: usize = 300_000;

impl Unit {
    /// Renders the file.
    ///
    /// # Errors
    /// The first text that cannot come out of the unit as it went in.
    pub fn render(&self, stamp: Stamp<'_>) -> Result<UnitFile, RenderError> {
        let Stamp {
            app,
            companion,
            inputs,
        } = stamp;
        let name = self.file_name();
        let mut out = Lines {
            unit: &name,
            text: String::new(),
        };
        let Self {
            stem: _,
            unit,
            kind,
            service,
            starts_at_boot,
        } = self;
        out.unit_section(unit, service);
        match kind {
            Kind::Container(container) => out.container(container)?,
            Kind::Volume(volume) => out.volume(volume)?,
            Kind::Network(network) => out.network(network)?,
        }
        out.service_section(service)?;
        if *starts_at_boot {
            out.section("Install");
            out.plain("WantedBy", "default.target");
        }
        let body = out.text;
        if body.len() > UNIT_BYTES_MAX {
            return Err(RenderError {
                key: "all keys together".to_owned(),
                source: EscapeError::long_unit(),
                unit: name,
            });
        }
        let revision = revision_of(&body, inputs);
        let content = format!(
            "# Written by Archipelago for the app {app}. Changes made here are undone; to adjust this unit, put a drop-in\n\
             # into {name}.d/ beside this file.\n{body}\n{MARK_SECTION}\nApp={app}\nCompanion={companion}\nRevision={revision}\nVersion={VERSION}\n"
        );
        Ok(UnitFile {
            name,
            content,
            revision,
        })
    }
}

fn revision_of(body: &str, inputs: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in std::iter::once(body.as_bytes()).chain(inputs.iter().copied()) {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    hex(&digest.finalize()[..8])
}

impl Lines<'_> {
    fn unit_section(&mut self, unit: &UnitSection, service: &ServiceSection) {
        let UnitSection {
            description: text,
            wants,
            requires,
            after,
        } = unit;
        self.section("Unit");
        self.plain("Description", description(text));
        for service in wants {
            self.plain("Wants", service);
        }
        for service in requires {
            self.plain("Requires", service);
        }
        for service in after {
            self.plain("After", service);
        }
        if service.restart_delay.is_some() {
            // Without a limit a service that keeps failing is tried for as long as it is wanted.
            self.plain("StartLimitIntervalSec", 0);
        }
    }

    fn service_section(&mut self, service: &ServiceSection) -> Rendered {
        let ServiceSection {
            restart_delay,
            one_shot,
            start_limit,
            stop_limit,
            after_start,
            before_stop,
            volumes,
        } = service;
        if *service == ServiceSection::default() {
            return Ok(());
        }
        self.section("Service");
        if *one_shot {
            self.plain("Type", "oneshot");
            self.plain("RemainAfterExit", "yes");
        }
        match (restart_delay, one_shot) {
            (Some(_), false) => self.plain("Restart", "always"),
            (Some(_), true) => self.plain("Restart", "on-failure"),
            (None, _) => {}
        }
        self.seconds("RestartSec", *restart_delay);
        self.seconds("TimeoutStartSec", *start_limit);
        self.seconds("TimeoutStopSec", *stop_limit);
        for volume in volumes {
            self.plain("ExecStartPre", format!("podman volume exists {volume}"));
        }
        for command in after_start {
            self.escaped("ExecStartPost", command_text(command))?;
        }
        for command in before_stop {
            self.escaped("ExecStop", command_text(command))?;
        }
        Ok(())
    }

    fn container(&mut self, container: &Container) -> Rendered {
        let Container {
            image,
            name,
            never_pulls,
            exec,
            entrypoint,
            environment,
            secrets,
            ports,
            volumes,
            networks,
            labels,
            annotations,
            user,
            groups,
            user_namespace,
            working_dir,
            hostname,
            stop_signal,
            stop_timeout,
            init,
            read_only,
            tmpfs,
            capabilities,
            dropped_capabilities,
            devices,
            hosts,
            dns,
            dns_search,
            dns_options,
            ulimits,
            sysctls,
            shm_bytes,
            pids_limit,
            no_new_privileges,
            label_disable,
            seccomp,
            health,
            options,
            log,
        } = container;
        self.section("Container");
        self.escaped("Image", token(image))?;
        self.escaped("ContainerName", token(name))?;
        if *never_pulls {
            self.plain("Pull", "never");
        }
        if let Some(entrypoint) = entrypoint {
            self.podman_option("--entrypoint", &json(entrypoint))?;
        }
        if !exec.is_empty() {
            self.escaped("Exec", words(exec.iter().map(String::as_str)))?;
        }
        self.pairs("Environment", environment, variable)?;
        for secret in secrets {
            self.escaped("Secret", secret_text(secret).and_then(|text| word(&text)))?;
        }
        self.process(
            user.as_deref(),
            groups,
            user_namespace.as_deref(),
            working_dir.as_deref(),
        )?;
        self.optional("HostName", hostname.as_deref(), value)?;
        for network in networks {
            self.network_join(network)?;
        }
        for port in ports {
            self.plain("PublishPort", port_text(port));
        }
        for volume in volumes {
            self.escaped("Volume", volume_text(volume))?;
        }
        self.list("Tmpfs", tmpfs, line)?;
        self.list("AddDevice", devices, token)?;
        self.resolver(hosts, dns, dns_search, dns_options)?;
        self.flag("RunInit", *init);
        self.flag("ReadOnly", *read_only);
        self.list("DropCapability", dropped_capabilities, token)?;
        self.list("AddCapability", capabilities, token)?;
        self.flag("NoNewPrivileges", *no_new_privileges);
        self.flag("SecurityLabelDisable", *label_disable);
        self.optional("SeccompProfile", seccomp.as_deref(), value)?;
        self.limits(sysctls, ulimits, *shm_bytes, *pids_limit)?;
        if let Some(health) = health {
            self.health(health)?;
        }
        self.podman_options(options)?;
        self.stop(stop_signal.as_deref(), *stop_timeout)?;
        match log {
            Some(Log::Journal) => self.plain("LogDriver", "journald"),
            Some(Log::Foreground) => self.plain("LogDriver", "none"),
            None => {}
        }
        self.pairs("Label", labels, word)?;
        self.pairs("Annotation", annotations, word)
    }

    fn process(
        &mut self,
        user: Option<&str>,
        groups: &[String],
        user_namespace: Option<&str>,
        working_dir: Option<&str>,
    ) -> Rendered {
        // Podman splits `User=` at the colon itself, so `user:group` passes as it stands.
        self.optional("User", user, value)?;
        for group in groups {
            self.podman_option("--group-add", group)?;
        }
        self.optional("UserNS", user_namespace, value)?;
        self.optional("WorkingDir", working_dir, value)
    }

    /// The names that it can resolve.
    fn resolver(
        &mut self,
        hosts: &[String],
        dns: &[String],
        dns_search: &[String],
        dns_options: &[String],
    ) -> Rendered {
        for host in hosts {
            self.podman_option("--add-host", host)?;
        }
        self.list("DNS", dns, line)?;
        self.list("DNSSearch", dns_search, line)?;
        self.list("DNSOption", dns_options, line)
    }

    /// The limits and parameters of the kernel for it.
    fn limits(
        &mut self,
        sysctls: &[String],
        ulimits: &[String],
        shm_bytes: Option<u64>,
        pids_limit: Option<i64>,
    ) -> Rendered {
        self.list("Sysctl", sysctls, token)?;
        self.list("Ulimit", ulimits, line)?;
        if let Some(bytes) = shm_bytes {
            self.plain("ShmSize", bytes);
        }
        if let Some(limit) = pids_limit {
            self.plain("PidsLimit", limit);
        }
        Ok(())
    }

    fn podman_options(&mut self, options: &BTreeMap<PodmanOption, Vec<String>>) -> Rendered {
        for (option, texts) in options {
            for text in texts {
                let text = format!("{}={text}", option.name());
                self.escaped("PodmanArgs", words([text.as_str()]))?;
            }
        }
        Ok(())
    }

    fn stop(&mut self, signal: Option<&str>, timeout: Option<Duration>) -> Rendered {
        if let Some(signal) = signal {
            self.podman_option("--stop-signal", signal)?;
        }
        if let Some(timeout) = timeout {
            self.podman_option("--stop-timeout", &whole_seconds(timeout).to_string())?;
        }
        Ok(())
    }

    fn network_join(&mut self, network: &NetworkJoin) -> Rendered {
        match network {
            NetworkJoin::Host => self.plain("Network", "host"),
            NetworkJoin::None => self.plain("Network", "none"),
            NetworkJoin::Container(name) => {
                self.escaped("Network", token(&format!("container:{name}")))?;
            }
            NetworkJoin::Named {
                network,
                aliases,
                addresses,
                hardware_address,
            } => {
                let aliases = aliases.iter().map(|alias| format!("alias={alias}"));
                let addresses = addresses.iter().map(|address| match address {
                    IpAddr::V4(address) => format!("ip={address}"),
                    IpAddr::V6(address) => format!("ip6={address}"),
                });
                let hardware = hardware_address
                    .iter()
                    .map(|address| format!("mac={address}"));
                let options: Vec<String> = aliases.chain(addresses).chain(hardware).collect();
                let text = match options.is_empty() {
                    true => network.clone(),
                    false => format!("{network}:{}", options.join(",")),
                };
                self.escaped("Network", token(&text))?;
            }
        }
        Ok(())
    }

    fn health(&mut self, health: &Health) -> Rendered {
        let Health {
            test,
            interval,
            timeout,
            retries,
            start_period,
            startup_interval,
        } = health;
        if test.first().map(String::as_str) == Some("NONE") {
            self.plain("HealthCmd", "none");
            return Ok(());
        }
        // A backslash before the closing quote is safe: Quadlet reads this key raw.
        let command = health_command(test);
        self.escaped("HealthCmd", value(&command))?;
        self.milliseconds("HealthInterval", *interval);
        self.milliseconds("HealthTimeout", *timeout);
        if let Some(retries) = retries {
            self.plain("HealthRetries", retries);
        }
        self.milliseconds("HealthStartPeriod", *start_period);
        if startup_interval.is_some() {
            self.escaped("HealthStartupCmd", value(&command))?;
            self.milliseconds("HealthStartupInterval", *startup_interval);
            // The last one counts; Quadlet's own, before it, says that a container is up when its
            // process is.
            self.podman_option("--sdnotify", "healthy")?;
        }
        Ok(())
    }

    fn volume(&mut self, volume: &Volume) -> Rendered {
        let Volume {
            name,
            folder,
            labels,
        } = volume;
        self.section("Volume");
        self.escaped("VolumeName", token(name))?;
        if let Some(folder) = folder {
            self.escaped("Device", value(folder))?;
            self.plain("Type", "none");
            self.plain("Options", "bind");
        }
        self.pairs("Label", labels, word)
    }

    fn network(&mut self, network: &Network) -> Rendered {
        let Network {
            name,
            isolated,
            internal,
            ipv6,
            subnets,
            labels,
        } = network;
        self.section("Network");
        self.escaped("NetworkName", token(name))?;
        if *isolated {
            self.plain("Options", "isolate=strict");
        }
        self.flag("Internal", *internal);
        self.flag("IPv6", *ipv6);
        for Subnet {
            subnet,
            gateway,
            range,
        } in subnets
        {
            self.escaped("Subnet", token(subnet))?;
            self.optional("Gateway", gateway.as_deref(), token)?;
            self.optional("IPRange", range.as_deref(), token)?;
        }
        self.pairs("Label", labels, word)
    }
}
