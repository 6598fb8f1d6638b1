//! The limits of memory, processor time and block devices.

use compose::model::{BlkioConfig, Container, ThrottleDevice};

use crate::manifest::service::{Blocks, Limits};

/// The limits of a container. Those of `deploy` come later.
pub(super) fn limits(source: &Container) -> Limits {
    let Container {
        blkio_config,
        cpu_period,
        cpu_quota,
        cpus,
        cpuset,
        cpu_shares,
        mem_limit,
        mem_reservation,
        memswap_limit,
        oom_score_adj,
        ..
    } = source;
    Limits {
        memory_bytes: positive(mem_limit.0),
        reserved_memory_bytes: positive(mem_reservation.0),
        memory_and_swap_bytes: (memswap_limit.0 != 0).then_some(memswap_limit.0),
        cpus: (*cpus > 0.0).then(|| cpus.to_string()),
        cpu_shares: (*cpu_shares != 0).then_some(*cpu_shares),
        cpu_period_us: (*cpu_period != 0).then_some(*cpu_period),
        cpu_quota_us: (*cpu_quota != 0).then_some(*cpu_quota),
        cpuset: cpuset.clone(),
        blocks: blkio_config.as_ref().map(blocks).unwrap_or_default(),
        oom_score_adjustment: (*oom_score_adj != 0).then_some(*oom_score_adj),
    }
}

fn blocks(config: &BlkioConfig) -> Blocks {
    let BlkioConfig {
        weight,
        weight_device,
        device_read_bps,
        device_read_iops,
        device_write_bps,
        device_write_iops,
        extensions: _,
    } = config;
    let rates = |devices: &[ThrottleDevice]| {
        let devices = devices.iter();
        devices
            .map(|device| format!("{}:{}", device.path, device.rate.0))
            .collect()
    };
    let weights = weight_device.iter();
    Blocks {
        weight: (*weight != 0).then_some(*weight),
        device_weights: weights
            .map(|device| format!("{}:{}", device.path, device.weight))
            .collect(),
        read_bytes: rates(device_read_bps),
        read_operations: rates(device_read_iops),
        write_bytes: rates(device_write_bps),
        write_operations: rates(device_write_iops),
    }
}

/// An amount that is written.
pub(super) fn positive(amount: i64) -> Option<u64> {
    u64::try_from(amount).ok().filter(|amount| *amount > 0)
}
