//! What a person should know of a store's app before it is installed.

use std::fmt;

/// One thing to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The store says that the app is no longer kept up.
    Disabled,
    /// Scripts that the store's own system would run. They are not run here.
    Shell(Vec<String>),
    /// It wants the Tor proxy of Umbrel, which is not there.
    Tor,
    /// It gets all rights on the Bitcoin node.
    BitcoinRights,
    /// It gets all rights on the Lightning node.
    LightningRights,
    /// Nothing tells on which port its page is.
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
                formatter.write_str("its store has stopped to offer this app; expect no updates")
            }
            Self::Shell(files) => write!(
                formatter,
                "the scripts that come with it are not run: {}. If it needs what they do, it does not work",
                files.join(", ")
            ),
            Self::Tor => formatter.write_str(
                "it uses the Tor proxy that Umbrel has; there is none on this node, so what it does over Tor fails",
            ),
            Self::BitcoinRights => formatter.write_str(
                "it may make every call of the node bitcoin: it can spend from the wallets in it, and stop it",
            ),
            Self::LightningRights => formatter.write_str(
                "it may make every call of the node lnd: it can spend all its coins and close its channels",
            ),
            Self::NoAddress => {
                formatter.write_str("its files do not tell which page to open")
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
                        "the first password is made at the installation and is in the file secrets/APP/{secret} of the data folder"
                    ),
                }
            }
            Self::Tips(text) => write!(formatter, "its authors say: {text}"),
        }
    }
}
