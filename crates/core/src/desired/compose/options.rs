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
    limits(&service.limits)
        .chain(namespaces)
        .chain(flags)
        .chain(umask)
        .collect()
}

fn limits(limits: &Limits) -> impl Iterator<Item = (PodmanOption, Vec<String>)> {
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
    let bytes = |amount: &Option<u64>| amount.map(|amount| amount.to_string());
    let number = |amount: &Option<i64>| amount.map(|amount| amount.to_string());
    let single = [
        (PodmanOption::Memory, bytes(memory_bytes)),
        (
            PodmanOption::MemoryReservation,
            bytes(reserved_memory_bytes),
        ),
        (PodmanOption::MemorySwap, number(memory_and_swap_bytes)),
        (PodmanOption::Cpus, cpus.clone()),
        (PodmanOption::CpuShares, number(cpu_shares)),
        (PodmanOption::CpuPeriod, number(cpu_period_us)),
        (PodmanOption::CpuQuota, number(cpu_quota_us)),
        (PodmanOption::CpusetCpus, cpuset.clone()),
        (
            PodmanOption::BlkioWeight,
            weight.map(|weight| weight.to_string()),
        ),
        (PodmanOption::OomScoreAdj, number(oom_score_adjustment)),
    ];
    let single = single.map(|(option, text)| (option, text.into_iter().collect()));
    let several = [
        (PodmanOption::BlkioWeightDevice, device_weights),
        (PodmanOption::DeviceReadBps, read_bytes),
        (PodmanOption::DeviceReadIops, read_operations),
        (PodmanOption::DeviceWriteBps, write_bytes),
        (PodmanOption::DeviceWriteIops, write_operations),
    ];
    let several = several.map(|(option, texts)| (option, texts.clone()));
    let all = single.into_iter().chain(several);
    all.filter(|(_, texts): &(_, Vec<String>)| !texts.is_empty())
}

/// The controllers of control groups that the limits of a service need.
pub(super) fn controllers(service: &Service) -> BTreeSet<Controller> {
    let Limits {
        memory_bytes,
        reserved_memory_bytes,
        memory_and_swap_bytes,
        cpus,
        cpu_shares,
        cpu_period_us,
        cpu_quota_us,
        cpuset,
        blocks,
        // A property of processes.
        oom_score_adjustment: _,
    } = &service.limits;
    let needs = [
        (
            Controller::Memory,
            memory_bytes.is_some()
                || reserved_memory_bytes.is_some()
                || memory_and_swap_bytes.is_some(),
        ),
        (
            Controller::Cpu,
            cpus.is_some()
                || cpu_shares.is_some()
                || cpu_period_us.is_some()
                || cpu_quota_us.is_some(),
        ),
        (Controller::Cpuset, cpuset.is_some()),
        (Controller::Io, *blocks != Blocks::default()),
        (
            Controller::Pids,
            service.pids_limit.is_some_and(|limit| limit > 0),
        ),
    ];
    let needed = needs.into_iter().filter(|(_, is_needed)| *is_needed);
    needed.map(|(controller, _)| controller).collect()
}
