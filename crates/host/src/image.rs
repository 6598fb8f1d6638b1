//! Gets images, beside the passes: a long pull never delays another app's repair.
//! The order is: present, then built from the app's own folder, then pulled. A lock per image keeps
//! the daemon and the command line from getting the same one twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use archipelago_core::desired::{BuildContext, DesiredImage, Origin};
use archipelago_core::error::chain;
use archipelago_core::image::{Reference, way_out};
use archipelago_core::image_facts::{BASES_LABEL, Bases, bases_label};
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::bases;
use super::image_inventory::BUILT_FOR_LABEL;
use super::lock::{Lock, Waiter};
use super::podman::{BuildRequest, ContextFile, Layer, Podman};
use crate::wakeup::Wakeup;

/// So many images are got at once: each holds what it is built from, or layers, in memory.
const AT_ONCE: usize = 4;

/// The longest wait for another process that gets the same image; then its attempt counts as
/// failed.
const ELSEWHERE_LIMIT: Duration = Duration::from_secs(60 * 60);

/// The images that are being got.
pub struct Images {
    podman: Podman,
    layout: Layout,
    tasks: BTreeMap<String, Task>,
    turns: Arc<Semaphore>,
    /// Rung when one ends.
    wakeup: Wakeup,
}

struct Task {
    image: DesiredImage,
    handle: JoinHandle<Result<(), String>>,
    line: Arc<Mutex<String>>,
}

impl Images {
    /// Gets nothing yet.
    pub fn new(podman: Podman, layout: Layout, wakeup: Wakeup) -> Self {
        Self {
            podman,
            layout,
            tasks: BTreeMap::new(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            wakeup,
        }
    }

    /// Begins to get an image, unless that is under way.
    pub fn begin(&mut self, image: DesiredImage, app: Option<AppId>) {
        let name = image.reference.to_string();
        if self.tasks.contains_key(&name) {
            return;
        }
        let line = Arc::new(Mutex::new("waiting".to_owned()));
        let shown = Arc::clone(&line);
        let work = get(
            self.podman.clone(),
            lock_path(&self.layout, &name),
            image.clone(),
            app,
            move |text| *shown.lock().unwrap_or_else(PoisonError::into_inner) = text,
        );
        let wakeup = self.wakeup.clone();
        let turns = Arc::clone(&self.turns);
        let handle = tokio::spawn(async move {
            // Never closed; were it, none would have to wait.
            let _turn = turns.acquire_owned().await;
            let result = work.await;
            wakeup.notify();
            result
        });
        let task = Task {
            image,
            handle,
            line,
        };
        self.tasks.insert(name, task);
    }

    /// The images that are being got, each with its last line of progress.
    pub fn underway(&self) -> BTreeMap<String, String> {
        self.tasks
            .iter()
            .map(|(name, task)| {
                (
                    name.clone(),
                    task.line
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .clone(),
                )
            })
            .collect()
    }

    /// Whether another process is getting this image.
    pub fn is_underway_elsewhere(&self, name: &str) -> bool {
        !self.tasks.contains_key(name) && Lock::is_held(&lock_path(&self.layout, name))
    }

    /// Takes out what has ended.
    pub async fn finished(&mut self) -> Vec<(DesiredImage, Result<(), String>)> {
        let ended: Vec<String> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.handle.is_finished())
            .map(|(name, _)| name.clone())
            .collect();
        let mut results = Vec::new();
        for name in ended {
            if let Some(task) = self.tasks.remove(&name) {
                let result = task
                    .handle
                    .await
                    .unwrap_or_else(|error| Err(error.to_string()));
                results.push((task.image, result));
            }
        }
        results
    }
}

/// The reason why an image cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct BuildError {
    cause: String,
}

/// Builds an image for an app beside the passes, unless it is here. When the build fails, no other
/// image is pulled instead. `tell` is called with lines of progress.
///
/// # Errors
/// With Podman's message and the last lines of the build.
pub async fn build(
    podman: &Podman,
    layout: &Layout,
    image: &DesiredImage,
    app: &AppId,
    tell: impl Fn(String) + Sync,
) -> Result<(), BuildError> {
    let mut image = image.clone();
    if let Origin::Build(context) = &mut image.origin {
        context.otherwise = None;
    }
    let lock = lock_path(layout, &image.reference.to_string());
    let built = get(podman.clone(), lock, image, Some(app.clone()), tell).await;
    built.map_err(|cause| BuildError { cause })
}

fn lock_path(layout: &Layout, image: &str) -> std::path::PathBuf {
    let name: String = image
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    layout.runtime.join("archipelago/images").join(name)
}

async fn get(
    podman: Podman,
    lock: std::path::PathBuf,
    image: DesiredImage,
    app: Option<AppId>,
    say: impl Fn(String) + Sync,
) -> Result<(), String> {
    let taken = Waiter::of(lock).take(ELSEWHERE_LIMIT).await;
    let _lock = taken.map_err(|error| chain(&error))?;
    let name = image.reference.to_string();
    match podman.inspect_image(&name).await {
        Ok(Some(_)) => return Ok(()),
        Ok(None) => {}
        // It is damaged; to get it again puts back what is missing, if that can be put back.
        Err(error) if error.is_failure() => {}
        Err(error) => return Err(chain(&error)),
    }
    match image.origin {
        Origin::Build(mut context) => {
            let (bases, failure) = bases::have(&podman, &context.bases, &say).await;
            say("building".to_owned());
            let otherwise = context.otherwise.take();
            let request = build_request(name.clone(), *context, &bases, app);
            let built = podman
                .build(&request, |output| {
                    say(format!("building: {}", output.trim()));
                })
                .await;
            let Err(error) = built else { return Ok(()) };
            // The missing base is the cause, and Podman's message about it says less.
            let cause = failure.map_or_else(|| chain(&error), |failure| chain(&failure));
            let Some((other, without_tls)) = otherwise else {
                return Err(cause);
            };
            tracing::warn!("{name} cannot be built, so {other} is pulled: {cause}");
            pull(&podman, &other, without_tls, &say)
                .await
                .map_err(|failed| format!("{cause}; and {failed}"))?;
            let tagged = podman.tag(&other.to_string(), &name).await;
            tagged.map_err(|error| chain(&error))
        }
        Origin::Pull { without_tls } => pull(&podman, &image.reference, without_tls, &say).await,
    }
}

async fn pull(
    podman: &Podman,
    reference: &Reference,
    without_tls: bool,
    say: &(impl Fn(String) + Sync),
) -> Result<(), String> {
    say("pulling".to_owned());
    let mut layers = Layers::default();
    podman
        .pull(&reference.to_string(), !without_tls, |progress| {
            say(layers.note(progress.layer, progress.state));
        })
        .await
        .map_err(|error| with_way_out(chain(&error), reference))
}

fn build_request(
    tag: String,
    context: BuildContext,
    bases: &Bases,
    app: Option<AppId>,
) -> BuildRequest {
    let BuildContext {
        files,
        containerfile,
        args,
        target,
        // They are part of the image's name.
        renewed: _,
        bases: _,
        otherwise: _,
    } = context;
    // Set even when empty: an image inherits the labels of its base.
    let mut labels = BTreeMap::from([(BASES_LABEL.to_owned(), bases_label(bases))]);
    labels.extend(app.map(|app| (BUILT_FOR_LABEL.to_owned(), app.to_string())));
    BuildRequest {
        tag,
        context: files
            .into_iter()
            .map(|(path, file)| ContextFile {
                path,
                bytes: file.content,
                mode: file.mode.bits(),
            })
            .collect(),
        containerfile,
        args,
        target,
        labels,
    }
}

fn with_way_out(cause: String, reference: &Reference) -> String {
    match way_out(&cause, reference) {
        Some(way_out) => format!("{way_out} ({cause})"),
        None => cause,
    }
}

#[derive(Default)]
struct Layers(BTreeMap<String, (u64, Option<u64>)>);

impl Layers {
    fn note(&mut self, layer: String, state: Layer) -> String {
        let entry = self.0.entry(layer).or_default();
        match state {
            Layer::Waiting | Layer::Present => {}
            Layer::Downloading { done, total } => *entry = (done, total),
            Layer::Done => *entry = (entry.1.unwrap_or(entry.0), entry.1),
        }
        let done: u64 = self.0.values().map(|(done, _)| done).sum();
        let total: u64 = self.0.values().filter_map(|(_, total)| *total).sum();
        format!(
            "pulling: {} of {} MB",
            done / 1_000_000,
            total.max(done) / 1_000_000
        )
    }
}
