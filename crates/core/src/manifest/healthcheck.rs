//! A service's `healthcheck`.

use std::time::Duration;

use super::ManifestError;
use super::field::Field;

/// A container's health check, in Podman's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// `["CMD", …]`, `["CMD-SHELL", text]` or `["NONE"]`.
    pub test: Vec<String>,
    /// Time between two checks.
    pub interval: Option<Duration>,
    /// Time one check may take.
    pub timeout: Option<Duration>,
    /// Failures in a row until it is unhealthy.
    pub retries: Option<u64>,
    /// Time after the start in which failures do not count.
    pub start_period: Option<Duration>,
    /// Time between two checks in that time.
    pub start_interval: Option<Duration>,
}

impl Health {
    /// The default interval of health checks while a service starts and others wait for it, as in
    /// Compose.
    pub(super) const START_INTERVAL: Duration = Duration::from_secs(5);

    /// Whether it says that there is no check.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.test.first().is_none_or(|kind| kind == "NONE")
    }

    pub(super) fn read(field: &Field<'_>) -> Result<Option<Self>, ManifestError> {
        let mut health = Self::default();
        let mut disabled = false;
        field.each(|key, value| {
            match key {
                "test" if value.is_list() => health.test = value.texts()?,
                "test" => health.test = vec!["CMD-SHELL".to_owned(), value.text()?],
                "interval" => health.interval = Some(value.duration()?),
                "timeout" => health.timeout = Some(value.duration()?),
                "retries" => health.retries = Some(value.count()?),
                "start_period" => health.start_period = Some(value.duration()?),
                "start_interval" => health.start_interval = Some(value.duration()?),
                "disable" => disabled = value.boolean()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if disabled {
            health.test = vec!["NONE".to_owned()];
        }
        match health.test.first().map(String::as_str) {
            Some("CMD" | "CMD-SHELL") if health.test.len() > 1 => Ok(Some(health)),
            Some("NONE") => Ok(Some(health)),
            None if health != Self::default() => {
                Err(field.error("`test` is missing; an image's own check cannot be adjusted"))
            }
            None => Ok(None),
            Some(_) => Err(field
                .at(&["test"])
                .error("expected [\"CMD\", …], [\"CMD-SHELL\", \"…\"] or [\"NONE\"]")),
        }
    }
}
