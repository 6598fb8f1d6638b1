//! Progress on standard error while a command waits: a line for each change, and on a terminal a
//! moving line.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use archipelago_core::health::{AppHealth, AwaitedImage};
use archipelago_core::image_progress::ImageProgress;
use archipelago_core::printable::one_line;
use archipelago_node::operations::{Holder, LOCK_LIMIT};
use indicatif::{ProgressBar, ProgressStyle};

use super::import::amount;
use super::printer::tell;

/// The message while another process holds the lock of passes.
pub(super) fn waiting(holder: Option<&Holder>) -> String {
    format!(
        "waiting for {}, which is changing apps; this command gives up after {} minutes",
        Holder::words(holder),
        LOCK_LIMIT.as_secs() / 60
    )
}

pub(super) struct Progress {
    spinner: Option<ProgressBar>,
    /// The last step of the preparation.
    step: String,
    shown: BTreeMap<String, String>,
}

impl Progress {
    pub(super) fn begin() -> Self {
        let spinner = std::io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        Self {
            spinner,
            step: String::new(),
            shown: BTreeMap::new(),
        }
    }

    /// Shows the progress of a base image, or of the image of a container.
    pub(super) fn prepare(&mut self, name: &str, progress: &ImageProgress) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(one_line(&format!("{name}: {progress}")).into_owned());
        }
        let step = format!("{name}: {}", progress.step());
        if self.step != step {
            self.say(&step);
            self.step = step;
        }
    }

    /// Shows how much of an import is copied.
    pub(super) fn copy(&mut self, done: u64, total: u64) {
        if let Some(spinner) = &self.spinner {
            // Hard links and what stands around the files make it differ from what was counted.
            spinner.set_message(format!(
                "copying the data: {} of about {}",
                amount(done),
                amount(total)
            ));
        }
        if self.step.is_empty() {
            self.step = "copying the data".to_owned();
            self.say(&self.step);
        }
    }

    pub(super) fn show(&mut self, health: &AppHealth) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(match &health.why {
                None => health.state.word().to_owned(),
                Some(why) => one_line(&why.to_string()).into_owned(),
            });
        }
        for unit in &health.units {
            let line = match &unit.awaited_image {
                // The amount changes all the time, so only the step is shown.
                Some(AwaitedImage::UnderWay { image, progress }) => {
                    format!("getting the image {image}: {}", progress.step())
                }
                _ => match &unit.why {
                    None => unit.state.word().to_owned(),
                    Some(why) => why.to_string(),
                },
            };
            if self.shown.get(&unit.name) != Some(&line) {
                self.say(&format!("{}  {line}", unit.name));
                self.shown.insert(unit.name.clone(), line);
            }
        }
    }

    pub(super) fn say(&self, line: &str) {
        match &self.spinner {
            Some(spinner) => spinner.println(one_line(line)),
            None => tell(&one_line(line)),
        }
    }

    pub(super) fn end(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }
}
