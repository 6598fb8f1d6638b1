//! The keys of everything that runs a container.

use compose::model::{Container, Ulimit};

use super::Work;
use super::keys::SERVICE;
use super::limits::{limits, positive};
use crate::manifest::service::{Namespace, Service};

impl Work<'_, '_> {
    #[expect(clippy::too_many_lines, reason = "a table with a line for each key")]
    pub(super) fn container(&mut self, service: &mut Service, source: &Container) {
        let Container {
            annotations,
            cap_add,
            cap_drop,
            cgroup,
            configs,
            devices,
            dns,
            dns_opt,
            dns_search,
            environment,
            // The reader adds what these files say to `environment` and `labels`.
            env_file: _,
            label_file: _,
            extra_hosts,
            group_add,
            gpus,
            hostname,
            image: _,
            init,
            ipc,
            labels,
            mac_address,
            network_mode,
            networks,
            pid,
            pids_limit,
            platform,
            privileged,
            read_only,
            secrets,
            security_opt,
            shm_size,
            stop_grace_period,
            stop_signal,
            sysctls,
            tmpfs,
            ulimits,
            umask,
            use_api_socket,
            user,
            userns_mode,
            uts,
            volumes,
            // Once all services are translated.
            volumes_from: _,
            working_dir,
            command,
            entrypoint,
            extensions,
            // `limits` reads these.
            blkio_config: _,
            cpu_period: _,
            cpu_quota: _,
            cpus: _,
            cpuset: _,
            cpu_shares: _,
            mem_limit: _,
            mem_reservation: _,
            memswap_limit: _,
            oom_score_adj: _,
            // `leave_out` reads these.
            cgroup_parent: _,
            cpu_count: _,
            cpu_percent: _,
            cpu_rt_period: _,
            cpu_rt_runtime: _,
            credential_spec: _,
            device_cgroup_rules: _,
            domainname: _,
            isolation: _,
            logging: _,
            mem_swappiness: _,
            models: _,
            oom_kill_disable: _,
            pull_policy: _,
            pull_refresh_after: _,
            runtime: _,
            storage_opt: _,
        } = source;
        service.command = command.clone().unwrap_or_default();
        service.entrypoint.clone_from(entrypoint);
        service.environment = self.environment(environment);
        service.environment_secrets = self.environment_secrets(extensions);
        service.labels.clone_from(&labels.0);
        service.annotations = self.annotations(&annotations.0);
        service.user.clone_from(user);
        service.data_owner = self.data_owner(extensions);
        service.group_add.clone_from(group_add);
        service.working_dir.clone_from(working_dir);
        service.hostname.clone_from(hostname);
        service.platform = platform.as_deref().and_then(|text| self.platform(text));
        let grace = stop_grace_period.as_ref();
        service.stop_grace_period = grace.and_then(|time| self.time("stop_grace_period", *time));
        service.stop_signal.clone_from(stop_signal);
        service.init = *init == Some(true);
        service.read_only = *read_only;
        service.tmpfs.clone_from(tmpfs);
        service.cap_add = self.capabilities(cap_add);
        service.cap_drop.clone_from(cap_drop);
        service.privileged = *privileged;
        service.devices = self.devices(devices);
        let at = self.trail.key("gpus");
        self.gpus(service, gpus, &at);
        service.umask = umask.map(|umask| format!("{umask:04o}"));
        service.extra_hosts = self.extra_hosts(extra_hosts);
        service.dns.clone_from(dns);
        service.dns_search.clone_from(dns_search);
        service.dns_options.clone_from(dns_opt);
        service.ulimits = ulimits.iter().map(ulimit).collect();
        let sysctls = sysctls.0.iter();
        service.sysctls = sysctls
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        service.shm_bytes = positive(shm_size.0);
        service.pids_limit = (*pids_limit != 0).then_some(*pids_limit);
        service.userns = self.user_namespace(userns_mode.as_deref());
        service.limits = limits(source);
        self.namespace(service, "ipc", ipc.as_deref(), Namespace::Ipc);
        self.namespace(service, "pid", pid.as_deref(), Namespace::Pid);
        self.namespace(service, "cgroup", cgroup.as_deref(), Namespace::Cgroup);
        self.namespace(service, "uts", uts.as_deref(), Namespace::Uts);
        self.security(service, security_opt);
        self.network_mode(service, network_mode.as_deref());
        service.script = self.script(service, extensions);
        self.networks(service, networks);
        if let Some(address) = mac_address {
            self.hardware_address(service, address);
        }
        self.mounts(service, volumes);
        if *use_api_socket {
            self.api_socket(service);
        }
        self.configs(service, configs);
        self.secrets(service, secrets);
        self.leave_out(source);
    }

    /// The keys that come to nothing here.
    fn leave_out(&mut self, source: &Container) {
        let Container {
            cgroup_parent,
            cpu_count,
            cpu_percent,
            cpu_rt_period,
            cpu_rt_runtime,
            credential_spec,
            device_cgroup_rules,
            domainname,
            isolation,
            logging,
            mem_swappiness,
            models,
            oom_kill_disable,
            pull_policy,
            pull_refresh_after,
            runtime,
            storage_opt,
            ..
        } = source;
        for (key, is_written) in [
            ("cgroup_parent", cgroup_parent.is_some()),
            ("cpu_count", *cpu_count != 0),
            ("cpu_percent", *cpu_percent != 0.0),
            ("cpu_rt_period", *cpu_rt_period != 0),
            ("cpu_rt_runtime", *cpu_rt_runtime != 0),
            ("credential_spec", credential_spec.is_some()),
            ("device_cgroup_rules", !device_cgroup_rules.is_empty()),
            ("domainname", domainname.is_some()),
            ("isolation", isolation.is_some()),
            ("logging", logging.is_some()),
            ("mem_swappiness", mem_swappiness.0 != 0),
            ("models", !models.is_empty()),
            ("oom_kill_disable", *oom_kill_disable),
            (
                "pull_policy",
                pull_policy.as_deref().is_some_and(is_other_order),
            ),
            ("pull_refresh_after", pull_refresh_after.is_some()),
            ("runtime", runtime.is_some()),
            ("storage_opt", !storage_opt.0.is_empty()),
        ] {
            self.left_out(SERVICE, key, is_written);
        }
    }
}

fn ulimit((name, limit): (&String, &Ulimit)) -> String {
    match limit {
        Ulimit::Single(limit) => format!("{name}={limit}"),
        Ulimit::Pair { soft, hard } => format!("{name}={soft}:{hard}"),
    }
}

/// Whether images come from elsewhere than here: from the node, then from a build, then from their
/// registry.
fn is_other_order(policy: &str) -> bool {
    !matches!(policy, "missing" | "if_not_present" | "build")
}
