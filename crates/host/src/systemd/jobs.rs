//! Jobs: starts, restarts and stops, queued or waited for.

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use zbus::OwnedObjectPath;

use super::{Error, JobPath, JobResult, Signal, Systemd, UNIT_INTERFACE, call, is};

impl Systemd {
    /// Queues a start and returns at once. Already running is fine: such a job ends as
    /// [`JobResult::Done`].
    pub async fn start(&self, service: &str) -> Result<JobPath, Error> {
        queued(
            "start",
            service,
            self.manager.start_unit(service.to_owned(), replace()).await,
        )
    }

    /// Queues a restart (a start, if it does not run) and returns at once.
    pub async fn restart(&self, service: &str) -> Result<JobPath, Error> {
        queued(
            "restart",
            service,
            self.manager
                .restart_unit(service.to_owned(), replace())
                .await,
        )
    }

    /// Queues a stop and returns at once; none if no such unit is loaded, so nothing runs.
    pub async fn stop(&self, service: &str) -> Result<Option<JobPath>, Error> {
        match queued(
            "stop",
            service,
            self.manager.stop_unit(service.to_owned(), replace()).await,
        ) {
            Ok(job) => Ok(Some(job)),
            Err(Error::NoSuchUnit { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Cancels a unit's queued or running job. Work that the job has already started continues.
    pub async fn cancel_job(&self, unit: &str) -> Result<(), Error> {
        let action = || format!("cancel the job of {unit}");
        let asked = async {
            let value = self.property(unit, UNIT_INTERFACE, "Job").await?;
            let (id, _): (u32, OwnedObjectPath) = value.try_into()?;
            Ok(id)
        };
        let id = asked.await.map_err(|source| call(action(), source))?;
        if id == 0 {
            return Ok(());
        }
        match self.manager.cancel_job(id).await {
            // It ended meanwhile.
            Err(source) if is(&source, "org.freedesktop.systemd1.NoSuchJob") => Ok(()),
            result => result.map_err(|source| call(action(), source)),
        }
    }

    /// Starts a service and waits at most `limit` for the job's end. At the limit the job goes on.
    pub async fn start_and_wait(&self, service: &str, limit: Duration) -> Result<JobResult, Error> {
        let signals = self.signals(service).await?;
        let job = self.start(service).await?;
        job_done(signals, job, "start", service, limit).await
    }

    /// Restarts a service and waits at most `limit` for the job's end. At the limit the job goes
    /// on.
    pub async fn restart_and_wait(
        &self,
        service: &str,
        limit: Duration,
    ) -> Result<JobResult, Error> {
        let signals = self.signals(service).await?;
        let job = self.restart(service).await?;
        job_done(signals, job, "restart", service, limit).await
    }

    /// Stops a service and waits at most `limit` for the job's end. At the limit the job goes on.
    pub async fn stop_and_wait(&self, service: &str, limit: Duration) -> Result<JobResult, Error> {
        let signals = self.signals(service).await?;
        match self.stop(service).await? {
            Some(job) => job_done(signals, job, "stop", service, limit).await,
            None => Ok(JobResult::Done),
        }
    }
}

/// A new job replaces a conflicting one in the queue: `org.freedesktop.systemd1(5)`, `StartUnit()`.
fn replace() -> String {
    "replace".to_owned()
}

fn queued(
    action: &'static str,
    service: &str,
    reply: zbus::Result<OwnedObjectPath>,
) -> Result<JobPath, Error> {
    reply.map(JobPath).map_err(|source| {
        let unit = service.to_owned();
        if is(&source, "org.freedesktop.systemd1.NoSuchUnit") {
            Error::NoSuchUnit { action, unit }
        } else if is(&source, "org.freedesktop.systemd1.UnitMasked") {
            Error::Masked { action, unit }
        } else {
            call(format!("{action} {unit}"), source)
        }
    })
}

async fn job_done(
    mut signals: impl Stream<Item = Signal> + Unpin,
    job: JobPath,
    action: &'static str,
    service: &str,
    limit: Duration,
) -> Result<JobResult, Error> {
    let result = async {
        while let Some(signal) = signals.next().await {
            match signal {
                Signal::JobRemoved {
                    job: removed,
                    result,
                    ..
                } if removed == job => return Some(result),
                _ => {}
            }
        }
        None
    };
    let unit = service.to_owned();
    match tokio::time::timeout(limit, result).await {
        Ok(Some(result)) => Ok(result),
        Ok(None) => Err(Error::SignalsEnded { action, unit }),
        Err(_) => Err(Error::JobLimit {
            action,
            unit,
            limit,
        }),
    }
}
