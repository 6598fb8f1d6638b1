//! `install`: check everything, then keep the definition, write the intent, and make passes until the app is ready.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

use archipelago_core::intent::{Goal as Wanted, Intent};
use archipelago_core::layout::Layout;
use archipelago_core::manifest::{SettingError, SettingValue};
use clap::Args;

use super::follow::{self, Goal};
use super::{Code, Failure, Output, change, preflight};
use archipelago_host::definition::{self, Definition};
use archipelago_host::inputs;
use archipelago_host::lock::Lock;
use archipelago_node::driver::Driver;

/// `install`
#[derive(Debug, Args)]
pub struct Arguments {
    /// An app of the catalog, or the path of a folder or Compose file.
    app: String,
    /// Choose a setting; `archipelago catalog APP` lists them.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(
    layout: Layout,
    arguments: Arguments,
    output: Output,
) -> Result<(), Failure> {
    let definition = definition::find(&arguments.app)?;
    let id = definition.schema.extension.id.clone();
    let known =
        inputs::intent(&layout, &id).map_err(|problem| Failure::new(Code::Input, problem))?;
    let intent = Intent {
        state: Wanted::Running,
        purge: false,
        source: definition.source.clone(),
        settings: chosen(&definition, known.as_ref(), &arguments.settings)?,
    };
    let fresh = known.is_none();
    let checked = preflight::check(&layout, &definition, &intent, fresh).await?;
    if fresh && !arguments.yes && !confirmed(&definition, &checked.present)? {
        return Err(Failure::new(Code::Failed, "nothing was installed"));
    }
    let mut driver = Driver::new(layout.clone()).await?;
    if !fresh && !checked.unchanged {
        // What another version of Archipelago wrote is brought up to date first, so that the change below is seen as one.
        driver.pass().await?;
    }
    {
        let _lock = Lock::of_passes(&layout).await?;
        definition::keep(&layout, &id, &definition.files)?;
        change::write(&layout, &id, &intent)?;
    }
    driver.retry_now(&id).await?;
    change::finish(follow::until(&mut driver, &id, Goal::Ready).await?, output)
}

/// The settings that were chosen before, changed by `--set`.
fn chosen(
    definition: &Definition,
    known: Option<&Intent>,
    given: &[String],
) -> Result<BTreeMap<String, SettingValue>, Failure> {
    let extension = &definition.schema.extension;
    let mut settings = known
        .map(|intent| intent.settings.clone())
        .unwrap_or_default();
    for (number, text) in given.iter().enumerate() {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            let number = number + 1;
            Failure::new(
                Code::Input,
                format!("--set takes KEY=VALUE, and --set number {number} has no equals sign"),
            )
        })?;
        let setting = extension.settings.get(name).ok_or_else(|| {
            let known = extension
                .settings
                .keys()
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            refuse(&SettingError::Unknown {
                app: extension.id.to_string(),
                name: name.to_owned(),
                known: if known.is_empty() {
                    "none".to_owned()
                } else {
                    known
                },
            })
        })?;
        let value = setting
            .kind
            .parse(name, value)
            .map_err(|error| refuse(&error))?;
        settings.insert(name.to_owned(), value);
    }
    Ok(settings)
}

fn refuse(error: &SettingError) -> Failure {
    Failure::from_error(Code::Input, error)
}

/// Asks a person at a terminal; a script has already decided.
fn confirmed(
    definition: &Definition,
    present: &archipelago_core::desired::Present,
) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(true);
    }
    let extension = &definition.schema.extension;
    eprintln!(
        "{} {}, from the {}",
        extension.title, extension.version, definition.source
    );
    for (unit, container) in present.containers() {
        eprintln!("  {}  {}", unit.service, container.image.reference);
    }
    for (address, _) in &present.ports {
        eprintln!("  publishes {address}");
    }
    eprint!("Install it? [Y/n] ");
    let failed = |error| Failure::from_error(Code::Failed, &error);
    std::io::stderr().flush().map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(
        answer.trim().to_lowercase().as_str(),
        "" | "y" | "yes"
    ))
}
