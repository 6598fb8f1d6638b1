//! Gets images, beside the passes: a long pull never delays another app's repair.
//! The order is: present, then built from the app's own folder, then pulled. A lock per image keeps
//! the daemon and the command line from getting the same one twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use archipelago_core::cause::Cause;
use archipelago_core::desired::{BuildContext, DesiredImage, Origin};
use archipelago_core::error::chain;
use archipelago_core::image::{Platform, Reference};
use archipelago_core::image_facts::{BASES_LABEL, Bases, bases_label};
use archipelago_core::image_progress::ImageProgress;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::bases;
use super::image_inventory::BUILT_FOR_LABEL;
use super::lock::{Lock, Waiter};
use super::podman::{self, BuildRequest, ContextFile, Layer, Podman};
use crate::wakeup::Wakeup;

/// The maximum number of concurrent pulls and builds: each holds its build context, or layers, in
/// memory.
const AT_ONCE: usize = 4;

/// The longest wait for another process that gets the same image; then its attempt counts as
/// failed.
const ELSEWHERE_LIMIT: Duration = Duration::from_secs(60 * 60);

/// The images that are being got.
pub struct ImageJobs {
    podman: Podman,
    layout: Layout,
    tasks: BTreeMap<String, Task>,
    permits: Arc<Semaphore>,
    /// Notified when a pull or build ends.
    wakeup: Wakeup,
}

struct Task {
    image: DesiredImage,
    handle: JoinHandle<Result<(), Cause>>,
    progress: Arc<Mutex<ImageProgress>>,
}

impl ImageJobs {
    /// Gets nothing yet.
    pub fn new(podman: Podman, layout: Layout, wakeup: Wakeup) -> Self {
        Self {
            podman,
            layout,
            tasks: BTreeMap::new(),
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            wakeup,
        }
    }

    /// Begins to get an image, unless that is under way.
    pub fn begin(&mut self, image: DesiredImage, app: Option<AppId>) {
        let name = image.reference.to_string();
        if self.tasks.contains_key(&name) {
            return;
        }
        let progress = Arc::new(Mutex::new(ImageProgress::Waiting));
        let shown = Arc::clone(&progress);
        let work = get(
            self.podman.clone(),
            lock_path(&self.layout, &name),
            image.clone(),
            app,
            move |now| *shown.lock().unwrap_or_else(PoisonError::into_inner) = now,
        );
        let wakeup = self.wakeup.clone();
        let permits = Arc::clone(&self.permits);
        let handle = tokio::spawn(async move {
            // Never closed; were it, none would have to wait.
            let _turn = permits.acquire_owned().await;
            let result = work.await;
            wakeup.notify();
            result
        });
        let task = Task {
            image,
            handle,
            progress,
        };
        self.tasks.insert(name, task);
    }

    /// The images that are being got, each with its progress.
    pub fn underway(&self) -> BTreeMap<String, ImageProgress> {
        self.tasks
            .iter()
            .map(|(name, task)| {
                (
                    name.clone(),
                    task.progress
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
    pub async fn finished(&mut self) -> Vec<(DesiredImage, Result<(), Cause>)> {
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
                    .unwrap_or_else(|error| Err(Cause::Process(error.to_string())));
                results.push((task.image, result));
            }
        }
        results
    }
}

/// Builds an image for an app beside the passes, unless it is here. When the build fails, no other
/// image is pulled instead. `tell` hears of the progress.
///
/// # Errors
/// With Podman's message and the last lines of the build.
pub async fn build(
    podman: &Podman,
    layout: &Layout,
    image: &DesiredImage,
    app: &AppId,
    tell: impl Fn(ImageProgress) + Sync,
) -> Result<(), Cause> {
    let mut image = image.clone();
    if let Origin::Build(context) = &mut image.origin {
        context.fallback = None;
    }
    let lock = lock_path(layout, &image.reference.to_string());
    get(podman.clone(), lock, image, Some(app.clone()), tell).await
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
    say: impl Fn(ImageProgress) + Sync,
) -> Result<(), Cause> {
    let taken = Waiter::of(lock).take(ELSEWHERE_LIMIT).await;
    let _lock = taken.map_err(|error| Cause::Process(chain(&error)))?;
    let name = image.reference.to_string();
    match podman.inspect_image(&name).await {
        Ok(Some(_)) => return Ok(()),
        Ok(None) => {}
        // It is damaged; to get it again puts back what is missing, if that can be put back.
        Err(error) if error.is_failure() => {}
        Err(error) => return Err(of_podman(&error)),
    }
    match image.origin {
        Origin::Build(mut context) => {
            let fetching = |base: &str| say(ImageProgress::FetchingBase(base.to_owned()));
            let (bases, failure) = bases::ensure(&podman, &context.bases, fetching).await;
            say(ImageProgress::Building(String::new()));
            let fallback = context.fallback.take();
            let request = build_request(name.clone(), *context, &bases, app);
            let built = podman
                .build(&request, |output| {
                    say(ImageProgress::Building(output.trim().to_owned()));
                })
                .await;
            let Err(error) = built else { return Ok(()) };
            // The missing base is the cause, and Podman's message about it says less.
            let build = failure.map_or_else(
                || of_podman(&error),
                |failure| Cause::Podman(chain(&failure)),
            );
            let Some((other, without_tls)) = fallback else {
                return Err(build);
            };
            tracing::warn!("{name} cannot be built, so {other} is pulled: {build}");
            if let Err(pull) = pull(&podman, &other, None, without_tls, &say).await {
                let (build, pull) = (Box::new(build), Box::new(pull));
                return Err(Cause::BuildAndPull { build, pull });
            }
            let tagged = podman.tag(&other.to_string(), &name).await;
            tagged.map_err(|error| of_podman(&error))
        }
        Origin::Pull {
            without_tls,
            platform,
        } => {
            let platform = platform.as_ref();
            pull(&podman, &image.reference, platform, without_tls, &say).await
        }
    }
}

async fn pull(
    podman: &Podman,
    reference: &Reference,
    platform: Option<&Platform>,
    without_tls: bool,
    say: &(impl Fn(ImageProgress) + Sync),
) -> Result<(), Cause> {
    let mut layers = Layers::default();
    say(layers.progress());
    podman
        .pull_for(&reference.to_string(), platform, !without_tls, |line| {
            layers.note(line.layer, line.state);
            say(layers.progress());
        })
        .await
        .map_err(|error| error.cause_of_pull(reference.registry()))
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
        changed_bases: _,
        bases: _,
        fallback: _,
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

fn of_podman(error: &podman::Error) -> Cause {
    Cause::Podman(chain(error))
}

#[derive(Default)]
struct Layers(BTreeMap<String, (u64, Option<u64>)>);

impl Layers {
    fn note(&mut self, layer: String, state: Layer) {
        let entry = self.0.entry(layer).or_default();
        match state {
            Layer::Waiting | Layer::Present => {}
            Layer::Downloading { done, total } => *entry = (done, total),
            Layer::Done => *entry = (entry.1.unwrap_or(entry.0), entry.1),
        }
    }

    fn progress(&self) -> ImageProgress {
        let done: u64 = self.0.values().map(|(done, _)| done).sum();
        let total: u64 = self.0.values().filter_map(|(_, total)| *total).sum();
        ImageProgress::Pulling {
            done,
            total: total.max(done),
        }
    }
}
