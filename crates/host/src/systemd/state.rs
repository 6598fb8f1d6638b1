//! systemd's properties of a service and of a unit's file, as values. Words of later versions
//! become `Other`.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use archipelago_core::observed::{Job, SubState};
use zbus::OwnedVariant;

/// A loaded unit as `ListUnitsByPatterns` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub load: LoadState,
    pub active: ActiveState,
    /// The service's own state within `active`.
    pub sub: SubState,
    /// The job in the queue or running for it.
    pub job: Option<Job>,
}

/// Whether a unit's file could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadState {
    Loaded,
    /// Something refers to the unit, or it still runs, but there is no file.
    NotFound,
    Masked,
    /// The file's text is wrong in a way that systemd cannot pass over.
    BadSetting,
    Error,
    Other,
}

/// The active state of a unit, the same for all unit types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActiveState {
    Active,
    Reloading,
    /// Active, and reading its configuration again (systemd 257 and later).
    Refreshing,
    Inactive,
    Failed,
    Activating,
    Deactivating,
    Maintenance,
    Other,
}

/// Why a service stopped, and how often it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFailure {
    /// `success`, `exit-code`, `signal`, `core-dump`, `timeout`, `oom-kill`, `start-limit-hit`,
    /// `resources`, …
    pub result: String,
    /// The end of the main process, as `si_code` of `waitid(2)`: 1 exited, 2 killed, 3 dumped, 0 it
    /// never ran.
    pub exec_main_code: i32,
    /// Its exit status, or the signal's number.
    pub exec_main_status: i32,
    /// Automatic restarts since the last start that a job asked for.
    pub restarts: u32,
    /// 32 hexadecimal digits that the journal carries as `_SYSTEMD_INVOCATION_ID`; none before the
    /// first start.
    pub invocation_id: Option<String>,
    /// When it last became active.
    pub active_enter: Option<SystemTime>,
}

/// The answer of `systemctl is-enabled` for a unit's file: `systemctl(1)`, table "is-enabled
/// output".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitFileState {
    Enabled,
    EnabledRuntime,
    Linked,
    Alias,
    Masked,
    MaskedRuntime,
    Static,
    Disabled,
    Indirect,
    /// Written by a generator, as every Quadlet service is.
    Generated,
    Transient,
    Bad,
    Other(String),
}

impl ServiceFailure {
    /// From the answer to `GetAll` for all interfaces of a service.
    pub(super) fn from_properties(
        mut properties: HashMap<String, OwnedVariant>,
    ) -> zbus::Result<ServiceFailure> {
        let invocation: Vec<u8> = take(&mut properties, "InvocationID")?;
        let active_enter_us: u64 = take(&mut properties, "ActiveEnterTimestamp")?;
        Ok(ServiceFailure {
            result: take(&mut properties, "Result")?,
            exec_main_code: take(&mut properties, "ExecMainCode")?,
            exec_main_status: take(&mut properties, "ExecMainStatus")?,
            restarts: take(&mut properties, "NRestarts")?,
            invocation_id: (!invocation.is_empty()).then(|| {
                invocation
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect()
            }),
            active_enter: (active_enter_us != 0)
                .then(|| SystemTime::UNIX_EPOCH + Duration::from_micros(active_enter_us)),
        })
    }
}

fn take<T>(properties: &mut HashMap<String, OwnedVariant>, name: &'static str) -> zbus::Result<T>
where
    T: TryFrom<OwnedVariant, Error = zbus::Error>,
{
    match properties.remove(name) {
        Some(value) => T::try_from(value),
        None => Err(zbus::Error::MissingParameter(name)),
    }
}

impl From<&str> for LoadState {
    fn from(state: &str) -> LoadState {
        match state {
            "loaded" => LoadState::Loaded,
            "not-found" => LoadState::NotFound,
            "masked" => LoadState::Masked,
            "bad-setting" => LoadState::BadSetting,
            "error" => LoadState::Error,
            _ => LoadState::Other,
        }
    }
}

impl From<&str> for ActiveState {
    fn from(state: &str) -> ActiveState {
        match state {
            "active" => ActiveState::Active,
            "reloading" => ActiveState::Reloading,
            "refreshing" => ActiveState::Refreshing,
            "inactive" => ActiveState::Inactive,
            "failed" => ActiveState::Failed,
            "activating" => ActiveState::Activating,
            "deactivating" => ActiveState::Deactivating,
            "maintenance" => ActiveState::Maintenance,
            _ => ActiveState::Other,
        }
    }
}

impl From<&str> for UnitFileState {
    fn from(state: &str) -> UnitFileState {
        match state {
            "enabled" => UnitFileState::Enabled,
            "enabled-runtime" => UnitFileState::EnabledRuntime,
            "linked" | "linked-runtime" => UnitFileState::Linked,
            "alias" => UnitFileState::Alias,
            "masked" => UnitFileState::Masked,
            "masked-runtime" => UnitFileState::MaskedRuntime,
            "static" => UnitFileState::Static,
            "disabled" => UnitFileState::Disabled,
            "indirect" => UnitFileState::Indirect,
            "generated" => UnitFileState::Generated,
            "transient" => UnitFileState::Transient,
            "bad" => UnitFileState::Bad,
            other => UnitFileState::Other(other.to_owned()),
        }
    }
}
