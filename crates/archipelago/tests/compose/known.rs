//! The differences that stand, each with its reason.

/// Differences of one kind. `*` in a pattern stands for any text.
#[derive(Debug)]
pub(crate) struct Known {
    file: &'static str,
    field: &'static str,
    ours: &'static str,
    theirs: &'static str,
    #[allow(dead_code, reason = "it is shown when the entry explains nothing")]
    reason: &'static str,
}

impl Known {
    pub(crate) fn explains(&self, file: &str, field: &str, ours: &str, theirs: &str) -> bool {
        matches(self.file, file)
            && matches(self.field, field)
            && matches(self.ours, ours)
            && matches(self.theirs, theirs)
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, rest)) => text.strip_prefix(before).is_some_and(|text| {
            (text
                .char_indices()
                .map(|(index, _)| index)
                .chain([text.len()]))
            .any(|index| matches(rest, &text[index..]))
        }),
    }
}

const fn all(
    field: &'static str,
    ours: &'static str,
    theirs: &'static str,
    reason: &'static str,
) -> Known {
    of("*", field, ours, theirs, reason)
}

const fn of(
    file: &'static str,
    field: &'static str,
    ours: &'static str,
    theirs: &'static str,
    reason: &'static str,
) -> Known {
    Known {
        file,
        field,
        ours,
        theirs,
        reason,
    }
}

pub(crate) const KNOWN: &[Known] = &[
    all(
        "label/archipelago.*",
        "*",
        "-",
        "Archipelago marks its containers",
    ),
    all(
        "label/com.docker.compose.*",
        "-",
        "*",
        "podman-compose marks its containers",
    ),
    all(
        "label/io.podman.compose.*",
        "-",
        "*",
        "podman-compose marks its containers",
    ),
    all(
        "label/PODMAN_SYSTEMD_UNIT",
        "=archy-*.service",
        "=podman-compose@*.service",
        "the unit that starts it",
    ),
    all(
        "AutoRemove",
        "true",
        "false",
        "Quadlet adds --rm: systemd makes a new container at each start",
    ),
    all(
        "annotation/io.podman.annotations.autoremove",
        "=TRUE",
        "-",
        "Quadlet adds --rm",
    ),
    all(
        "annotation/io.podman.annotations.cid-file",
        "=/run/user/1000/archy-*.cid",
        "-",
        "Quadlet adds --cidfile",
    ),
    all(
        "sdNotifyMode",
        "\"conmon\"",
        "\"container\"",
        "Quadlet adds --sdnotify=conmon",
    ),
    all(
        "RestartPolicy",
        "\"no\"",
        "\"unless-stopped\"",
        "systemd restarts the container",
    ),
    all(
        "address/*",
        "127.0.0.1",
        "0.0.0.0",
        "ports are published on loopback unless the operator or the file says otherwise",
    ),
    of(
        "21-*",
        "network/default/alias/my_web",
        "yes",
        "-",
        "a container_name is a name on the network; podman-compose gives it to the container",
    ),
    of(
        "13-*",
        "Healthcheck/Interval",
        "30000000000",
        "-",
        "a check that is off has no times; Podman fills its defaults in",
    ),
    of(
        "13-*",
        "Healthcheck/Timeout",
        "30000000000",
        "-",
        "a check that is off has no times; Podman fills its defaults in",
    ),
    of(
        "13-*",
        "Healthcheck/Retries",
        "3",
        "-",
        "a check that is off has no times; Podman fills its defaults in",
    ),
    all(
        "Healthcheck/Test",
        "[\"CMD\",*",
        "[\"CMD-SHELL\",\"/bin/sh -c *",
        "podman-compose gives a program to two shells",
    ),
    all(
        "Healthcheck/Test",
        "[\"CMD-SHELL\",\"test *",
        "[\"CMD-SHELL\",\"/bin/sh -c *",
        "podman-compose starts a second shell",
    ),
    of(
        "15-*",
        "oci/pids/limit",
        "50",
        "-",
        "podman-compose 1.3 does not know `pids_limit`",
    ),
    of(
        "15-*",
        "oci/cpu/period",
        "50000",
        "-",
        "podman-compose 1.3 does not know `cpu_period`",
    ),
    of(
        "15-*",
        "oci/cpu/quota",
        "25000",
        "-",
        "podman-compose 1.3 does not know `cpu_quota`",
    ),
    of(
        "15-*",
        "OomScoreAdj",
        "300",
        "0",
        "podman-compose 1.3 does not know `oom_score_adj`",
    ),
    of(
        "15-*",
        "oci/oomScoreAdj",
        "300",
        "-",
        "podman-compose 1.3 does not know `oom_score_adj`",
    ),
    of(
        "16-*",
        "oci/pids/limit",
        "40",
        "-",
        "podman-compose 1.3 does not know `pids` of `deploy`",
    ),
    of(
        "14-*",
        "StartupHealthCheck/*",
        "*",
        "-",
        "podman-compose 1.3 leaves `start_interval` out",
    ),
    of(
        "14-*",
        "sdNotifyMode",
        "\"healthy\"",
        "\"container\"",
        "a check with `start_interval` says when the service is up",
    ),
    of(
        "03-*",
        "environment/CHOSEN",
        "=from-the-file",
        "-",
        "podman-compose does not give the variables of .env to names without a value",
    ),
    of(
        "03-*",
        "environment/ALTERNATIVE",
        "=alternative",
        "=${CHOSEN:+alternative}",
        "podman-compose does not know this form",
    ),
    of(
        "03-*",
        "environment/NESTED",
        "=from-the-file",
        "=${CHOSEN}",
        "podman-compose does not know nested variables",
    ),
    of(
        "19-*",
        "container",
        "runs",
        "-",
        "podman-compose 1.3 does not know the long form of a device",
    ),
    of(
        "20-*",
        "label/com.example.file",
        "=from the file",
        "-",
        "podman-compose 1.3 does not know `label_file`",
    ),
    of(
        "21-*",
        "host/six.example:2001:db8::1",
        "yes",
        "-",
        "podman-compose keeps Compose's equals sign, which Podman takes for a part of the name",
    ),
    of(
        "21-*",
        "host/six.example=2001:db8::1",
        "-",
        "yes",
        "podman-compose keeps Compose's equals sign, which Podman takes for a part of the name",
    ),
    of(
        "21-*",
        "container",
        "runs",
        "-",
        "podman-compose 1.3 does not know a mapping of hosts",
    ),
    of(
        "26-*",
        "Hostname",
        "the host's",
        "-",
        "podman-compose 1.3 does not know `uts`",
    ),
    of(
        "26-*",
        "UTSMode",
        "\"host\"",
        "\"private\"",
        "podman-compose 1.3 does not know `uts`",
    ),
    of(
        "26-*",
        "oci/namespace/uts",
        "-",
        "own",
        "podman-compose 1.3 does not know `uts`",
    ),
    of(
        "26-*",
        "IpcMode",
        "\"host\"",
        "\"shareable\"",
        "podman-compose 1.3 does not know `ipc`",
    ),
    of(
        "26-*",
        "oci/namespace/ipc",
        "-",
        "own",
        "podman-compose 1.3 does not know `ipc`",
    ),
    of(
        "26-*",
        "oci/mount//dev/mqueue",
        "bind *",
        "mqueue *",
        "podman-compose 1.3 does not know `ipc`",
    ),
    of(
        "28-*",
        "StopTimeout",
        "90",
        "10",
        "podman-compose keeps `stop_grace_period` for its own `down`",
    ),
    of(
        "28-*",
        "annotation/org.systemd.property.TimeoutStopUSec",
        "=uint64 90000000",
        "=uint64 10000000",
        "podman-compose keeps `stop_grace_period` for its own `down`",
    ),
    of(
        "28-*",
        "StopTimeout",
        "1",
        "10",
        "podman-compose keeps `stop_grace_period` for its own `down`",
    ),
    of(
        "28-*",
        "annotation/org.systemd.property.TimeoutStopUSec",
        "=uint64 1000000",
        "=uint64 10000000",
        "podman-compose keeps `stop_grace_period` for its own `down`",
    ),
    of(
        "33-*",
        "*mount//*plain*",
        "*",
        "-",
        "podman-compose 1.3 does not know `configs`",
    ),
    of(
        "30-*",
        "container",
        "*",
        "*Traceback*",
        "podman-compose 1.3 does not know the long form of `include`",
    ),
    of(
        "30-*",
        "container",
        "runs",
        "-",
        "podman-compose 1.3 does not know the long form of `include`",
    ),
    all(
        "network/*/option/isolate",
        "strict",
        "-",
        "an app reaches its own networks only",
    ),
    of(
        "25-*",
        "network/default",
        "joined",
        "-",
        "on Podman's own network there are no names; our `bridge` is the app's network",
    ),
    of(
        "25-*",
        "network/default/alias/bridge",
        "yes",
        "-",
        "on Podman's own network there are no names; our `bridge` is the app's network",
    ),
    of(
        "25-*",
        "network/default/dns_enabled",
        "yes",
        "-",
        "on Podman's own network there are no names; our `bridge` is the app's network",
    ),
    of(
        "25-*",
        "network/podman",
        "-",
        "joined",
        "on Podman's own network there are no names; our `bridge` is the app's network",
    ),
    of(
        "25-*",
        "network/podman/alias/bridge",
        "-",
        "yes",
        "on Podman's own network there are no names; our `bridge` is the app's network",
    ),
    of(
        "10-*",
        "Umask",
        "\"0027\"",
        "\"0022\"",
        "podman-compose 1.3 does not know `umask`",
    ),
    of(
        "15-*",
        "oci/cpu/cpus",
        "\"0\"",
        "-",
        "podman-compose 1.3 does not know `cpuset`",
    ),
    of(
        "15-*",
        "oci/blockIO/weight",
        "300",
        "-",
        "podman-compose 1.3 does not know `blkio_config`",
    ),
    of(
        "19-*",
        "environment/GPU",
        "=all",
        "-",
        "podman-compose 1.3 does not know `gpus`",
    ),
    of(
        "26-*",
        "CgroupMode",
        "\"host\"",
        "\"private\"",
        "podman-compose 1.3 does not know `cgroup`",
    ),
    of(
        "26-*",
        "oci/namespace/cgroup",
        "-",
        "own",
        "podman-compose 1.3 does not know `cgroup`",
    ),
    of(
        "35-*",
        "mount//named",
        "volume ro *",
        "-",
        "podman-compose 1.3 does not know `volumes_from`",
    ),
    of(
        "35-*",
        "oci/mount//named",
        "bind *",
        "-",
        "podman-compose 1.3 does not know `volumes_from`",
    ),
    of(
        "16-*",
        "SecurityOpt",
        "-",
        "{\"label=disable\"}",
        "podman-compose switches SELinux's labels off for a GPU; here `security_opt` does, by consent",
    ),
    of(
        "16-*",
        "annotation/io.podman.annotations.label",
        "-",
        "=disable",
        "podman-compose switches SELinux's labels off for a GPU; here `security_opt` does, by consent",
    ),
    of(
        "36-*",
        "network/outer/alias/db",
        "-",
        "yes",
        "on a network of others a service has the names that the file gives it there: `db` may be another's there",
    ),
];
