//! systemd's signals, as values. Signals of other units and of other interfaces are dropped;
//! nothing is interpreted.

use std::collections::HashMap;

use archipelago_core::observed::SubState;
use futures_util::{Stream, StreamExt, future};
use zbus::message::{Message, Type};
use zbus::{MatchRule, MessageStream, ObjectPath, Variant};
use zbus_systemd::systemd1::ManagerProxy;

use super::path::{JobPath, UNITS};
use super::state::ActiveState;

/// One thing that happened: `org.freedesktop.systemd1(5)`, "Signals" and "Properties".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// A job ended.
    JobRemoved {
        unit: String,
        job: JobPath,
        result: JobResult,
    },
    /// A unit came into systemd's memory.
    UnitNew { unit: String },
    /// A unit left systemd's memory; its file may well be there.
    UnitRemoved { unit: String },
    /// Reading all unit files again has begun (`active`) or ended. Everything seen before is stale.
    Reloading { active: bool },
    /// A unit's state changed.
    StateChanged {
        unit: String,
        active: ActiveState,
        sub: SubState,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobResult {
    Done,
    Failed,
    /// Another job took its place, or a person cancelled it.
    Canceled,
    /// The job's own limit (`JobTimeoutSec=`), not the service's.
    Timeout,
    /// A unit it needs did not start.
    Dependency,
    /// It did not apply to the unit's present state.
    Skipped,
    /// `invalid`, `assert`, `unsupported`, `collected`, `once`, `frozen`, …
    Other(String),
}

/// Subscribes on the proxy's connection, which the stream then owns.
pub(super) async fn subscribe(
    manager: ManagerProxy<'static>,
    prefix: String,
) -> zbus::Result<impl Stream<Item = Signal> + Send + Unpin + use<>> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender("org.freedesktop.systemd1")
        .path_namespace("/org/freedesktop/systemd1")
        .build()?;
    let messages = MessageStream::for_match_rule(rule, manager.inner().connection(), None).await?;
    // Only from here on does systemd send anything: `Subscribe()` counts per connection and ends
    // with it.
    manager.subscribe().await?;
    Ok(messages.filter_map(move |message| {
        // A message that cannot be read, or a lost connection, after which the stream ends by
        // itself.
        let signal = message
            .ok()
            .and_then(|message| signal(&message, &prefix).ok().flatten());
        future::ready(signal)
    }))
}

fn signal(message: &Message, prefix: &str) -> zbus::Result<Option<Signal>> {
    let header = message.header();
    let (Some(interface), Some(member)) = (header.interface(), header.member()) else {
        return Ok(None);
    };
    let body = message.body();
    let ours = |unit: &str| unit.starts_with(prefix);
    Ok(match (interface.as_str(), member.as_str()) {
        ("org.freedesktop.systemd1.Manager", "JobRemoved") => {
            let (_, job, unit, result): (u32, ObjectPath<'_>, String, &str) = body.deserialize()?;
            ours(&unit).then(|| Signal::JobRemoved {
                unit,
                job: JobPath(job.to_owned().into()),
                result: JobResult::from(result),
            })
        }
        ("org.freedesktop.systemd1.Manager", "UnitNew") => {
            let (unit, _): (String, ObjectPath<'_>) = body.deserialize()?;
            ours(&unit).then_some(Signal::UnitNew { unit })
        }
        ("org.freedesktop.systemd1.Manager", "UnitRemoved") => {
            let (unit, _): (String, ObjectPath<'_>) = body.deserialize()?;
            ours(&unit).then_some(Signal::UnitRemoved { unit })
        }
        ("org.freedesktop.systemd1.Manager", "Reloading") => {
            let active: bool = body.deserialize()?;
            Some(Signal::Reloading { active })
        }
        ("org.freedesktop.DBus.Properties", "PropertiesChanged") => {
            let Some(path) = header.path() else {
                return Ok(None);
            };
            let units = ObjectPath::from_static_str_unchecked(UNITS);
            let Some(unit) = zbus_systemd::bus_path_decode(&units, path) else {
                return Ok(None);
            };
            if !ours(&unit) {
                return Ok(None);
            }
            let (of, changed, _): (&str, HashMap<&str, Variant<'_>>, Vec<&str>) =
                body.deserialize()?;
            state_changed(of, unit.into_owned(), &changed)
        }
        _ => None,
    })
}

/// systemd sends both states together, whenever either changes.
fn state_changed(
    interface: &str,
    unit: String,
    changed: &HashMap<&str, Variant<'_>>,
) -> Option<Signal> {
    let (Some(Variant::Str(active)), Some(Variant::Str(sub))) =
        (changed.get("ActiveState"), changed.get("SubState"))
    else {
        return None;
    };
    (interface == "org.freedesktop.systemd1.Unit").then(|| Signal::StateChanged {
        unit,
        active: ActiveState::from(active.as_str()),
        sub: SubState::from(sub.as_str()),
    })
}

impl JobResult {
    /// systemd's word for it.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Timeout => "timeout",
            Self::Dependency => "dependency",
            Self::Skipped => "skipped",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for JobResult {
    fn from(result: &str) -> JobResult {
        match result {
            "done" => JobResult::Done,
            "failed" => JobResult::Failed,
            "canceled" => JobResult::Canceled,
            "timeout" => JobResult::Timeout,
            "dependency" => JobResult::Dependency,
            "skipped" => JobResult::Skipped,
            other => JobResult::Other(other.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_of_a_job_keeps_the_word_of_systemd() {
        for word in [
            "done",
            "failed",
            "canceled",
            "timeout",
            "dependency",
            "skipped",
            "assert",
        ] {
            let result = JobResult::from(word);
            assert_eq!(result.word(), word);
            assert_eq!(matches!(result, JobResult::Other(_)), word == "assert");
        }
    }
}
