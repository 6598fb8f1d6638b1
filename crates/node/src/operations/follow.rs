//! Making passes until an app is as asked.

use archipelago_core::action;
use archipelago_core::health::AppHealth;
use archipelago_core::name::AppId;
use archipelago_core::operation::{Follow, Goal, PassSeen, Verdict};
use archipelago_host::{journal, pressure};

use crate::clock::since_boot;
use crate::driver::Driver;
use crate::error::{Ended, Error, FailedApp};
use crate::schedule::Pace;

use super::Event;

/// How many lines of the journal explain a failure.
const JOURNAL_LINES: u32 = 15;

pub(super) async fn until(
    driver: &mut Driver,
    app: &AppId,
    goal: Goal,
    mut progress: impl FnMut(Event<'_>),
) -> Result<Option<AppHealth>, Error> {
    let wakeup = driver.wakeup();
    let mut follow = Follow::new(app.clone(), goal);
    let mut listens = false;
    loop {
        let pace = Pace::begin();
        let pass = driver.pass().await?;
        let gap = pace.gap();
        let concerns = |event: &&action::Event| event.app.as_ref().is_none_or(|other| other == app);
        for event in pass.events.iter().filter(concerns) {
            progress(Event::Action(event));
        }
        if let Some(health) = follow.health(&pass.report) {
            progress(Event::Health(health));
        }
        let verdict = follow.after(PassSeen {
            report: &pass.report,
            acted: pass.acted(),
            wake_after: pass.wake_after,
            now: since_boot(),
            stalled: pressure::stalled(),
        });
        let wait = match verdict {
            Verdict::Wait(wait) => wait.map_or(gap, |wait| wait.max(gap)),
            Verdict::Reached(health) => return Ok(Some(health)),
            Verdict::Gone => return Ok(None),
            Verdict::Overtaken(by) => {
                let app = app.clone();
                return Err(Error::Overtaken { app, by });
            }
            Verdict::Failed(health) => return Err(explained(health)),
            Verdict::Silent(health) => return Err(Error::Silent(Box::new(health))),
        };
        let ended = tokio::time::Instant::now();
        // A command with nothing to do need not listen. It ends with the command.
        if !std::mem::replace(&mut listens, true) {
            tokio::spawn(wakeup.clone().notify_for_systemd());
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = wakeup.notified_after(ended + gap) => {}
        }
    }
}

fn explained(health: AppHealth) -> Error {
    let ended = health.units.iter().find(|unit| unit.has_ended());
    let ended = ended.map(|unit| Ended {
        service: unit.name.clone(),
        lines: journal::last_lines(&unit.name, JOURNAL_LINES),
    });
    Error::Failed(Box::new(FailedApp { health, ended }))
}
