//! Limits and namespaces as options of Podman.

use std::collections::BTreeSet;

use crate::manifest::{Limits, Namespace};
use crate::quadlet::PodmanOption;

pub(super) fn flag(option: PodmanOption, on: bool) -> impl Iterator<Item = (PodmanOption, String)> {
    on.then(|| (option, "true".to_owned())).into_iter()
}

pub(super) fn of(
    limits: &Limits,
    host_namespaces: &BTreeSet<Namespace>,
) -> impl Iterator<Item = (PodmanOption, String)> {
    let Limits {
        memory_bytes,
        reserved_memory_bytes,
        memory_and_swap_bytes,
        cpus,
        cpu_shares,
        cpu_period_us,
        cpu_quota_us,
        oom_score_adjustment,
    } = limits;
    let bytes = |amount: &Option<u64>| amount.map(|amount| amount.to_string());
    let number = |amount: &Option<i64>| amount.map(|amount| amount.to_string());
    let limits = [
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
        (PodmanOption::OomScoreAdj, number(oom_score_adjustment)),
    ];
    let namespaces = host_namespaces.iter().map(|namespace| {
        let option = match namespace {
            Namespace::Ipc => PodmanOption::Ipc,
            Namespace::Pid => PodmanOption::Pid,
            Namespace::Uts => PodmanOption::Uts,
        };
        (option, "host".to_owned())
    });
    let namespaces: Vec<(PodmanOption, String)> = namespaces.collect();
    limits
        .into_iter()
        .filter_map(|(option, text)| Some((option, text?)))
        .chain(namespaces)
}
