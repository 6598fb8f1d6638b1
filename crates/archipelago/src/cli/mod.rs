//! The command line: commands that change the intent and wait until it is met, and commands that
//! only show.

mod ago;
mod catalog;
mod doctor;
mod documents;
mod failure;
mod history;
mod import;
mod logs;
mod operate;
mod plan;
mod printer;
mod progress;
mod request;
mod setup;
mod show;
mod store;

use archipelago_core::operation::Request;
use archipelago_node::layout;
use clap::{CommandFactory, Parser, Subcommand};

pub use failure::{Code, Failure};
pub use printer::{CleanLines, Output, tell};

use operate::change_state;

/// Self-hosted apps on rootless Podman, every container a systemd unit.
///
/// Archipelago declares, checks and repairs; systemd supervises. Killing, updating or removing it
/// touches no container.
#[derive(Debug, Parser)]
#[command(
    name = "archipelago",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Output format.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prepare this host and user for apps, and start the daemon; safe to run again.
    Setup(setup::Arguments),
    /// Check that this host and user are ready for apps; show a remedy for each problem.
    Doctor,
    /// Search the apps of the catalog and of all stores.
    Search(store::Search),
    /// Show an app of a store: its settings, and notes to read before it is installed.
    Show {
        /// STORE/APP, or an app of the catalog.
        app: String,
    },
    /// Add, update and remove stores: folders or git repositories of apps.
    #[command(subcommand)]
    Store(store::Store),
    /// Install an app, or change the settings of one that is installed.
    Install(operate::Install),
    /// Bring an app and its data here from Umbrel, CasaOS or Compose.
    Import(operate::Import),
    /// Change settings of an installed app.
    Set(operate::Set),
    /// Show what an operation, or the next repairs, would change; nothing is changed.
    Plan(plan::Arguments),
    /// Remove an app; its data stay unless --purge is given.
    Uninstall(request::UninstallArguments),
    /// Start an app, now and after every reboot.
    Start(request::AppArgument),
    /// Stop an app, now and after every reboot.
    Stop(request::AppArgument),
    /// Restart the containers of an app.
    Restart(request::AppArgument),
    /// Rebuild those images of an app whose base images have changed.
    Rebuild(request::AppArgument),
    /// Show the versions of an app that are kept, and how its last changes ended.
    History(request::AppArgument),
    /// Update an app from where it came, and undo that if the new version does not work.
    Update(operate::Update),
    /// Go back to a kept version of an app: its definition, settings and images. Its data stay.
    Rollback(operate::Rollback),
    /// Show the state of the apps.
    Status {
        /// Only this app.
        app: Option<String>,
    },
    /// Show the logs of an app's containers.
    Logs(logs::Arguments),
    /// List the installed apps.
    List,
    /// List the apps that can be installed, or show one with its settings.
    Catalog {
        /// The app.
        app: Option<String>,
    },
    /// Run the daemon in the foreground; systemd does this.
    Daemon,
    /// Show the version.
    Version,
    /// Write the manual pages and the shells' completions into a folder; packaging does this.
    #[command(hide = true)]
    Documents {
        /// An existing folder.
        folder: std::path::PathBuf,
    },
}

/// Runs a command.
///
/// # Errors
/// With the exit code and what to say.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let output = cli.output;
    match cli.command {
        Command::Setup(arguments) => setup::run(arguments, output).await,
        Command::Doctor => doctor::run(output).await,
        Command::Search(arguments) => store::search(&layout()?, &arguments, output),
        Command::Show { app } => store::show(&layout()?, &app, output),
        Command::Store(command) => store::run(&layout()?, command, output),
        Command::Install(arguments) => operate::install(layout()?, arguments, output).await,
        Command::Import(arguments) => operate::import(layout()?, arguments, output).await,
        Command::Set(arguments) => operate::set(layout()?, arguments, output).await,
        Command::Plan(arguments) => plan::run(layout()?, arguments, output).await,
        Command::Uninstall(arguments) => operate::uninstall(layout()?, arguments, output).await,
        Command::Start(one) => change_state(layout()?, one, Request::Start, output).await,
        Command::Stop(one) => change_state(layout()?, one, Request::Stop, output).await,
        Command::Restart(one) => change_state(layout()?, one, Request::Restart, output).await,
        Command::Rebuild(one) => operate::rebuild(layout()?, one, output).await,
        Command::History(one) => history::run(&layout()?, &one, output),
        Command::Update(arguments) => operate::update(layout()?, arguments, output).await,
        Command::Rollback(arguments) => operate::rollback(layout()?, arguments, output).await,
        Command::Status { app } => show::status(layout()?, app.as_deref(), output).await,
        Command::Logs(arguments) => logs::run(&layout()?, &arguments, output),
        Command::List => show::list(&layout()?, output),
        Command::Catalog { app } => catalog::run(app.as_deref(), output),
        Command::Daemon => Ok(crate::api::run(layout()?).await?),
        Command::Version => show::version(output),
        Command::Documents { folder } => documents::write(&folder, &Cli::command()),
    }
}
