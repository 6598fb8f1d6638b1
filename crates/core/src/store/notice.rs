//! The notes that a person should read before an app of a store is installed.

use std::fmt;

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The store says that the app is no longer maintained.
    Disabled,
    /// The scripts that come with it and are run at each of its starts.
    Scripts(Vec<String>),
    /// The scripts that the store's own system would run, and that are not run here.
    Shell(Vec<String>),
    /// It uses the Tor proxy of Umbrel, which this node does not have.
    Tor,
    /// It gets all rights on the Bitcoin node.
    BitcoinRights,
    /// It gets all rights on the Lightning node.
    LightningRights,
    /// The port of its page is unknown.
    NoAddress,
    Login(Login),
    /// The author's words.
    Tips(String),
}

/// The user and the password that an app has at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Empty when there is none.
    pub user: String,
    /// The password that the store publishes; `None` when it is made from the node's seed.
    pub password: Option<String>,
    /// The name of the secret that holds the password otherwise.
    pub secret: &'static str,
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => {
                formatter.write_str("its store no longer maintains this app; expect no updates")
            }
            Self::Scripts(files) => write!(
                formatter,
                "it runs scripts of its store at each start: {}; `--without-scripts` installs it without them",
                files.join(", ")
            ),
            Self::Shell(files) => write!(
                formatter,
                "the scripts that come with it are not run: {}; without them the app may not work",
                files.join(", ")
            ),
            Self::Tor => formatter.write_str(
                "it uses Umbrel's Tor proxy, which this node does not have, so its connections over Tor fail",
            ),
            Self::BitcoinRights => formatter.write_str(
                "it may make every call of the node bitcoin: it can spend from the wallets in it, and stop it",
            ),
            Self::LightningRights => formatter.write_str(
                "it may make every call of the node lnd: it can spend all its coins and close its channels",
            ),
            Self::NoAddress => {
                formatter.write_str("its files do not say at which port its page is")
            }
            Self::Login(Login {
                user,
                password,
                secret,
            }) => {
                if !user.is_empty() {
                    write!(formatter, "first user: {user}; ")?;
                }
                match password {
                    Some(password) => write!(formatter, "first password: {password}"),
                    None => write!(
                        formatter,
                        "the first password is generated at the installation, in the file secrets/APP/{secret} of the data folder"
                    ),
                }
            }
            Self::Tips(text) => write!(formatter, "its authors say: {text}"),
        }
    }
}
