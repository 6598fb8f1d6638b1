//! The user's systemd, over D-Bus: what its services are doing, and the few verbs that change it.
//!
//! Every call is one D-Bus call on the user's bus, bounded by [`CALL_LIMIT`]. Nothing here retries,
//! waits for a state or decides what should run; that an action worked is for the next observation
//! to show. Meanings of names and fields: `org.freedesktop.systemd1(5)`.

mod jobs;
mod linger;
mod path;
mod signals;
mod state;
mod user_manager;

pub use linger::{linger, set_linger};
pub use path::JobPath;
pub use signals::{JobResult, Signal};
pub use state::{ActiveState, LoadState, Service, ServiceFailure, UnitFileState};
pub use user_manager::{UserManager, user_manager};

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use archipelago_core::observed::{Job, SubState};
use futures_util::Stream;
use zbus::conn::Builder;
use zbus::fdo::PropertiesProxy;
use zbus::names::InterfaceName;
use zbus::proxy::CacheProperties;
use zbus::{Address, Connection, ObjectPath, OwnedObjectPath, OwnedVariant, Proxy};
use zbus_systemd::systemd1::ManagerProxy;

use path::UNITS;

/// The longest any one call may take. `Reload` is the slow one: about 1 s with 1,000 units, more on
/// a busy small machine; systemd itself gives a generator 90 s.
const CALL_LIMIT: Duration = Duration::from_secs(90);

const UNIT_INTERFACE: &str = "org.freedesktop.systemd1.Unit";
const SERVICE_INTERFACE: &str = "org.freedesktop.systemd1.Service";

/// A connection to the user's service manager. It ends when the user's D-Bus daemon does; connect
/// anew then.
#[derive(Debug, Clone)]
pub struct Systemd {
    address: Address,
    manager: ManagerProxy<'static>,
}

/// Why the user's systemd, or logind, could not be asked or did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "connect to the user's D-Bus at {address}: log in as the user that Archipelago runs for (`sudo` and `su` \
         do not count; `machinectl shell USER@` does), or let its services run without a login: `sudo loginctl \
         enable-linger USER`"
    )]
    Connect {
        address: String,
        #[source]
        source: zbus::Error,
    },
    #[error(
        "{action} {unit}: systemd has no such unit; its file is missing, or was never loaded: `systemctl --user daemon-reload`"
    )]
    NoSuchUnit { action: &'static str, unit: String },
    #[error("{action} {unit}: it is masked; `systemctl --user unmask {unit}` lifts that")]
    Masked { action: &'static str, unit: String },
    /// Only a new [`Systemd::connect`] helps.
    #[error(
        "{action}: the connection to the user's D-Bus is gone; was `dbus.service` restarted, or the user logged out for good?"
    )]
    Lost {
        action: String,
        #[source]
        source: zbus::Error,
    },
    #[error("{action}: the user's systemd did not do it")]
    Call {
        action: String,
        #[source]
        source: zbus::Error,
    },
    #[error(
        "{action} {unit}: the job was still running after {limit:?}; `systemctl --user status {unit}` shows what it waits for"
    )]
    JobLimit {
        action: &'static str,
        unit: String,
        limit: Duration,
    },
    #[error("{action} {unit}: the user's D-Bus went away before the job's result came")]
    SignalsEnded { action: &'static str, unit: String },
    #[error("reach logind over the system's D-Bus: is `systemd-logind` running?")]
    Logind(#[source] zbus::Error),
    #[error(
        "change whether user {uid}'s services run without a login: ask an administrator for `sudo loginctl \
         enable-linger {uid}` (or `disable-linger`)"
    )]
    Linger {
        uid: u32,
        #[source]
        source: zbus::Error,
    },
}

impl Systemd {
    /// Connects to the manager of the user this process runs as: `DBUS_SESSION_BUS_ADDRESS`, else
    /// `$XDG_RUNTIME_DIR/bus`, else `/run/user/UID/bus`.
    pub async fn connect() -> Result<Systemd, Error> {
        let address = Address::session().map_err(|source| Error::Connect {
            address: "DBUS_SESSION_BUS_ADDRESS".to_owned(),
            source,
        })?;
        Systemd::connect_to(address).await
    }

    async fn connect_to(address: Address) -> Result<Systemd, Error> {
        let manager = async {
            let connection = Builder::address(address.clone())
                .method_timeout(CALL_LIMIT)
                .build()
                .await?;
            // Without caching: every observation is to be systemd's present view, and a cache
            // subscribes to signals.
            ManagerProxy::builder(&connection)
                .cache_properties(CacheProperties::No)
                .build()
                .await
        };
        match manager.await {
            Ok(manager) => Ok(Systemd { address, manager }),
            Err(source) => Err(Error::Connect {
                address: address.to_string(),
                source,
            }),
        }
    }

    /// The most that a service may have of a limit, by `setrlimit(2)`'s name in small letters
    /// (`memlock`); `None` when there is no bound.
    ///
    /// # Errors
    /// When systemd knows no such limit.
    pub async fn limit(&self, name: &str) -> Result<Option<u64>, Error> {
        let property = format!("DefaultLimit{}", name.to_uppercase());
        let most: u64 = self
            .manager
            .inner()
            .get_property(&property)
            .await
            .map_err(|source| call(format!("ask for {property}"), source))?;
        Ok((most != u64::MAX).then_some(most))
    }

    /// The loaded units whose names match one of the shell patterns (`archy-*.service`), by name.
    /// One call.
    ///
    /// systemd keeps a unit in memory only while it is active, failed, has a job or another unit
    /// refers to it (a `WantedBy=` that a generator has turned into a link does). So a name that is
    /// missing here says nothing about the unit's file.
    pub async fn services(&self, patterns: &[&str]) -> Result<BTreeMap<String, Service>, Error> {
        let patterns = patterns
            .iter()
            .map(|pattern| (*pattern).to_owned())
            .collect();
        let units = self
            .manager
            .list_units_by_patterns(Vec::new(), patterns)
            .await
            .map_err(|source| call("list units", source))?;
        Ok(units
            .into_iter()
            .map(|(name, _, load, active, sub, _, _, job_id, job_type, _)| {
                let service = Service {
                    load: LoadState::from(load.as_str()),
                    active: ActiveState::from(active.as_str()),
                    sub: SubState::from(sub.as_str()),
                    job: (job_id != 0).then(|| Job::from(job_type.as_str())),
                };
                (name, service)
            })
            .collect())
    }

    /// Why a service is not running, in one consistent answer. For a unit that never ran, or that
    /// does not exist, the result is `success`.
    pub async fn failure(&self, service: &str) -> Result<ServiceFailure, Error> {
        let action = || format!("ask why {service} failed");
        let properties = self
            .properties(service)
            .await
            .map_err(|source| call(action(), source))?;
        ServiceFailure::from_properties(properties).map_err(|source| call(action(), source))
    }

    /// When the main process of a service was last started, since the boot; none if it never was.
    pub async fn began(&self, service: &str) -> Result<Option<Duration>, Error> {
        let asked = async {
            let name = "ExecMainStartTimestampMonotonic";
            u64::try_from(self.property(service, SERVICE_INTERFACE, name).await?)
        };
        let microseconds = asked
            .await
            .map_err(|source| call(format!("ask when {service} was started"), source))?;
        Ok((microseconds != 0).then(|| Duration::from_micros(microseconds)))
    }

    /// All properties of a unit, of every interface it has. The empty interface name is the D-Bus
    /// specification's (section "org.freedesktop.DBus.Properties"): one call, so that cause and
    /// count belong to the same moment.
    async fn properties(&self, unit: &str) -> zbus::Result<HashMap<String, OwnedVariant>> {
        let proxy = self.properties_of(unit).await?;
        Ok(proxy.get_all(InterfaceName::from_str_unchecked("")).await?)
    }

    async fn property(
        &self,
        unit: &str,
        interface: &'static str,
        name: &str,
    ) -> zbus::Result<OwnedVariant> {
        let interface = InterfaceName::from_static_str_unchecked(interface);
        Ok(self.properties_of(unit).await?.get(interface, name).await?)
    }

    async fn properties_of(&self, unit: &str) -> zbus::Result<PropertiesProxy<'static>> {
        PropertiesProxy::builder(self.connection())
            .destination("org.freedesktop.systemd1")
            .path(unit_path(unit))
            .cache_properties(CacheProperties::No)
            .build()
            .await
    }

    /// Runs the generators and reads all unit files again; returns when that is done.
    pub async fn reload(&self) -> Result<(), Error> {
        self.manager
            .reload()
            .await
            .map_err(|source| call("reload the unit files", source))
    }

    /// Subscribes to signals of the manager and of units whose names start with `prefix`.
    ///
    /// Subscribe before queuing a job: systemd sends a job's result once, to those who listen then.
    /// The stream has a D-Bus connection of its own, so a reader that is slow to poll holds up no
    /// call of this `Systemd`. It ends when the user's D-Bus goes away; connect anew, subscribe,
    /// then observe.
    pub async fn signals(
        &self,
        prefix: &str,
    ) -> Result<impl Stream<Item = Signal> + Send + Unpin + use<>, Error> {
        let own = Systemd::connect_to(self.address.clone()).await?;
        signals::subscribe(own.manager, prefix.to_owned())
            .await
            .map_err(|source| call("subscribe to the manager's signals", source))
    }

    /// Forgets a unit's failure and its count of restarts, so that a start limit that was hit lets
    /// it start again. A unit that is not loaded has nothing to forget.
    pub async fn reset_failed(&self, service: &str) -> Result<(), Error> {
        match self.manager.reset_failed_unit(service.to_owned()).await {
            Err(source) if is(&source, "org.freedesktop.systemd1.NoSuchUnit") => Ok(()),
            result => {
                result.map_err(|source| call(format!("reset the failure of {service}"), source))
            }
        }
    }

    /// The state of a unit's file, loaded or not; none if there is no such file.
    pub async fn unit_file_state(&self, unit: &str) -> Result<Option<UnitFileState>, Error> {
        match self.manager.get_unit_file_state(unit.to_owned()).await {
            Ok(state) => Ok(Some(UnitFileState::from(state.as_str()))),
            Err(source) if is(&source, "org.freedesktop.DBus.Error.FileNotFound") => Ok(None),
            Err(source) => Err(call(
                format!("ask for the state of the file of {unit}"),
                source,
            )),
        }
    }

    /// Makes the links that the units' `[Install]` sections ask for. systemd sees them after a
    /// [`Systemd::reload`].
    pub async fn enable(&self, units: &[&str]) -> Result<(), Error> {
        let files = units.iter().map(|unit| (*unit).to_owned()).collect();
        match self.manager.enable_unit_files(files, false, false).await {
            Ok(_) => Ok(()),
            Err(source) => Err(call(format!("enable {}", units.join(", ")), source)),
        }
    }

    /// Removes the links that [`Systemd::enable`] made; none there is fine.
    pub async fn disable(&self, units: &[&str]) -> Result<(), Error> {
        let files = units.iter().map(|unit| (*unit).to_owned()).collect();
        match self.manager.disable_unit_files(files, false).await {
            Ok(_) => Ok(()),
            Err(source) => Err(call(format!("disable {}", units.join(", ")), source)),
        }
    }

    fn connection(&self) -> &Connection {
        self.manager.inner().connection()
    }
}

fn call(action: impl Into<String>, source: zbus::Error) -> Error {
    let action = action.into();
    match &source {
        zbus::Error::InputOutput(io) if io.kind() != std::io::ErrorKind::TimedOut => {
            Error::Lost { action, source }
        }
        _ => Error::Call { action, source },
    }
}

/// Whether a call failed with the D-Bus error of that name.
fn is(error: &zbus::Error, name: &str) -> bool {
    match error {
        zbus::Error::MethodError(error, _, _) => error.as_str() == name,
        zbus::Error::FDO(error) => zbus::DBusError::name(&**error).as_str() == name,
        _ => false,
    }
}

/// An object on the system's bus, for the few calls that are not the user's systemd's to answer.
async fn system(
    destination: &'static str,
    path: String,
    interface: &'static str,
) -> zbus::Result<Proxy<'static>> {
    let connection = Builder::system().method_timeout(CALL_LIMIT).build().await?;
    zbus::proxy::Builder::new(&connection)
        .destination(destination)
        .path(path)
        .interface(interface)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

fn unit_path(unit: &str) -> OwnedObjectPath {
    zbus_systemd::bus_path_encode(&ObjectPath::from_static_str_unchecked(UNITS), unit)
}
