//! Limits, namespaces and the like as options of Podman.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::{Blocks, Limits, Namespace, Service};
use crate::needs::Controller;
use crate::quadlet::PodmanOption;

/// The options of a service for which Quadlet has no key in the versions that are supported.
pub(super) fn of(service: &Service) -> BTreeMap<PodmanOption, Vec<String>> {
    let flags = [
        (PodmanOption::Privileged, service.privileged),
        (PodmanOption::Tty, service.tty),
        (PodmanOption::Interactive, service.stdin_open),
    ];
    let flags = flags.into_iter().filter(|(_, is_on)| *is_on);
    let flags = flags.map(|(option, _)| (option, vec!["true".to_owned()]));
    let namespaces = service.host_namespaces.iter().map(|namespace| {
        let option = match namespace {
            Namespace::Cgroup => PodmanOption::Cgroupns,
            Namespace::Ipc => PodmanOption::Ipc,
            Namespace::Pid => PodmanOption::Pid,
            Namespace::Uts => PodmanOption::Uts,
        };
        (option, vec!["host".to_owned()])
    });
    let umask = service.umask.clone();
    let umask = umask.map(|umask| (PodmanOption::Umask, vec![umask]));
    let limits = limits(&service.limits);
    limits
        .map(|limit| (limit.option, limit.texts))
        .chain(namespaces)
        .chain(flags)
        .chain(umask)
        .collect()
}

/// The controllers of control groups that the limits of a service need.
pub(super) fn controllers(service: &Service) -> BTreeSet<Controller> {
    let limits_processes = service.pids_limit.is_some_and(|limit| limit > 0);
    limits(&service.limits)
        .filter_map(|limit| limit.controller)
        .chain(limits_processes.then_some(Controller::Pids))
        .collect()
}

/// A limit that a service has, as an option of Podman.
struct Limit {
    option: PodmanOption,
    /// The controller of control groups that it needs.
    controller: Option<Controller>,
    texts: Vec<String>,
}

fn limits(limits: &Limits) -> impl Iterator<Item = Limit> {
    use Controller::{Cpu, Cpuset, Io, Memory};
    let Limits {
        memory_bytes,
        reserved_memory_bytes,
        memory_and_swap_bytes,
        cpus,
        cpu_shares,
        cpu_period_us,
        cpu_quota_us,
        cpuset,
        blocks:
            Blocks {
                weight,
                device_weights,
                read_bytes,
                read_operations,
                write_bytes,
                write_operations,
            },
        oom_score_adjustment,
    } = limits;
    let limits = [
        (PodmanOption::Memory, Some(Memory), texts(memory_bytes)),
        (
            PodmanOption::MemoryReservation,
            Some(Memory),
            texts(reserved_memory_bytes),
        ),
        (
            PodmanOption::MemorySwap,
            Some(Memory),
            texts(memory_and_swap_bytes),
        ),
        (PodmanOption::Cpus, Some(Cpu), texts(cpus)),
        (PodmanOption::CpuShares, Some(Cpu), texts(cpu_shares)),
        (PodmanOption::CpuPeriod, Some(Cpu), texts(cpu_period_us)),
        (PodmanOption::CpuQuota, Some(Cpu), texts(cpu_quota_us)),
        (PodmanOption::CpusetCpus, Some(Cpuset), texts(cpuset)),
        (PodmanOption::BlkioWeight, Some(Io), texts(weight)),
        (
            PodmanOption::BlkioWeightDevice,
            Some(Io),
            device_weights.clone(),
        ),
        (PodmanOption::DeviceReadBps, Some(Io), read_bytes.clone()),
        (
            PodmanOption::DeviceReadIops,
            Some(Io),
            read_operations.clone(),
        ),
        (PodmanOption::DeviceWriteBps, Some(Io), write_bytes.clone()),
        (
            PodmanOption::DeviceWriteIops,
            Some(Io),
            write_operations.clone(),
        ),
        // A property of processes.
        (PodmanOption::OomScoreAdj, None, texts(oom_score_adjustment)),
    ];
    let limits = limits.into_iter().map(|(option, controller, texts)| Limit {
        option,
        controller,
        texts,
    });
    limits.filter(|limit| !limit.texts.is_empty())
}

fn texts<T: ToString>(amount: &Option<T>) -> Vec<String> {
    amount.iter().map(ToString::to_string).collect()
}
