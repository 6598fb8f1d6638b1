//! The arguments of requests, for the commands that carry them out and for `plan`.

use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::Request;
use archipelago_core::store::{Notice, Scripts};
use archipelago_node::stores::{self, Manner};
use archipelago_node::{apps, history};
use clap::Args;

use super::failure::{Code, Failure};

/// A command for one app.
#[derive(Debug, Args)]
pub struct AppArgument {
    /// The app.
    pub(super) app: String,
}

/// An app to install, and its settings.
#[derive(Debug, Args)]
pub(super) struct InstallArguments {
    /// An app of the catalog, STORE/APP, or the path of a folder or Compose file.
    app: String,
    /// Install an app of a store under another id.
    #[arg(long = "as", value_name = "ID")]
    id: Option<String>,
    /// Do not run the scripts that come with an app of a store.
    #[arg(long)]
    without_scripts: bool,
    /// Choose a setting; `archipelago catalog APP` lists them.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// Other settings for an installed app.
#[derive(Debug, Args)]
pub(super) struct SetArguments {
    /// The app.
    app: String,
    /// The settings to change; `archipelago catalog APP` lists them. Without one, `set` agrees to
    /// an edit of the app's intent that waits.
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// A kept version of an app to go back to.
#[derive(Debug, Args)]
pub(super) struct RollbackArguments {
    /// The app.
    app: String,
    /// A number or release of `archipelago history APP`; without it, the last version that is
    /// another than the present one.
    release: Option<String>,
}

impl RollbackArguments {
    pub(super) fn request(self, layout: &Layout) -> Result<Request, Failure> {
        let app = apps::installed(layout, &self.app)?;
        Ok(history::rollback(layout, &app, self.release.as_deref())?)
    }
}

/// An app to remove.
#[derive(Debug, Args)]
pub struct UninstallArguments {
    /// The app.
    app: String,
    /// Remove its data, secrets and built images as well. There is no way back.
    #[arg(long)]
    pub(super) purge: bool,
}

impl AppArgument {
    /// The request for an installed app.
    pub(super) fn request(
        self,
        layout: &Layout,
        request: fn(AppId) -> Request,
    ) -> Result<Request, Failure> {
        Ok(request(apps::installed(layout, &self.app)?))
    }

    /// The request to update it from its source.
    pub(super) fn update(self, layout: &Layout) -> Result<Request, Failure> {
        let app = apps::installed(layout, &self.app)?;
        Ok(history::update(layout, &app)?)
    }
}

impl InstallArguments {
    /// The request, and the notes that a person should read before the app is installed.
    pub(super) fn request(self, layout: &Layout) -> Result<(Request, Vec<Notice>), Failure> {
        let settings = pairs(&self.settings)?;
        let manner = Manner {
            id: self.id.as_deref(),
            scripts: scripts(self.without_scripts),
        };
        let found = stores::find(layout, &self.app, manner)?;
        let request = Request::Install {
            definition: Box::new(found.definition),
            settings,
        };
        Ok((request, found.notices))
    }
}

/// The wish of a person for the scripts that come with an app.
pub(super) fn scripts(without: bool) -> Scripts {
    match without {
        true => Scripts::Skip,
        false => Scripts::Run,
    }
}

impl SetArguments {
    pub(super) fn request(self, layout: &Layout) -> Result<Request, Failure> {
        Ok(Request::Set {
            app: apps::installed(layout, &self.app)?,
            settings: pairs(&self.settings)?,
        })
    }
}

impl UninstallArguments {
    pub(super) fn request(self) -> Result<Request, Failure> {
        Ok(Request::Uninstall {
            app: apps::app_id(&self.app)?,
            purge: self.purge,
        })
    }
}

/// Parses KEY=VALUE pairs. An argument without `=` may be a password, so the error does not quote
/// it.
pub(super) fn pairs(texts: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let pair = |(index, text): (usize, &String)| {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            let number = index + 1;
            Failure::new(
                Code::Input,
                format!("setting number {number} is not of the form KEY=VALUE"),
            )
        })?;
        Ok((name.to_owned(), value.to_owned()))
    };
    texts.iter().enumerate().map(pair).collect()
}
