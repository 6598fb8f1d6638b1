//! The apps `bitcoin`, `lightning` and `electrs` of Umbrel, in whose place this node has its own:
//! the variables that their scripts would set for the apps which depend on them.
//!
//! Source: the files `exports.sh` of these apps in github.com/getumbrel/umbrel-apps.

use std::collections::{BTreeMap, BTreeSet};

use compose::interpolate;
use serde_json::{Value, json};

use crate::name::AppId;
use crate::store::error::Error;
use crate::store::overlay::Overlay;
use crate::store::secrets::{MadeOf, SecretVariable};
use crate::store::variables::Uses;
use crate::store::volumes::{Mapped, Written};

use Given::{Folder, Network, Password, Text};

const BITCOIN: &str = "bitcoin";
const LND: &str = "lnd";
const ELECTRS: &str = "electrs";

/// lnd's data folder.
const FOLDER: &str = "APP_LIGHTNING_NODE_DATA_DIR";
const NETWORK: &str = "APP_BITCOIN_NETWORK";

/// Stands for the folder in a source.
const MARK: char = '\u{fffe}';

const PASSWORD: SecretVariable = SecretVariable {
    variable: "APP_BITCOIN_RPC_PASS",
    secret: "bitcoin_rpc_password",
    made_of: MadeOf::Other {
        app: BITCOIN,
        secret: "apps_rpc_password",
    },
    description: "The password of bitcoin's RPC user apps.",
};

/// The value of a variable on this node.
#[derive(Clone, Copy)]
enum Given {
    Text(&'static str),
    /// The network that bitcoin follows. This is the word for the main one.
    Network(&'static str),
    Password,
    Folder,
}

/// The variables by our app that they are of. The names of hosts are those of the containers, and
/// the ports are those that the apps' definitions export.
const VARIABLES: [(&str, &[(&str, Given)]); 3] = [
    (
        BITCOIN,
        &[
            ("APP_BITCOIN_NODE_IP", Text("archy-bitcoin")),
            ("APP_BITCOIN_RPC_PORT", Text("8332")),
            ("APP_BITCOIN_RPC_USER", Text("apps")),
            (PASSWORD.variable, Password),
            ("APP_BITCOIN_P2P_PORT", Text("8333")),
            ("APP_BITCOIN_P2P_WHITEBIND_PORT", Text("8335")),
            ("APP_BITCOIN_ZMQ_RAWBLOCK_PORT", Text("28332")),
            ("APP_BITCOIN_ZMQ_RAWTX_PORT", Text("28333")),
            ("APP_BITCOIN_ZMQ_HASHBLOCK_PORT", Text("28334")),
            ("APP_BITCOIN_ZMQ_SEQUENCE_PORT", Text("28335")),
            ("APP_BITCOIN_RPC_HIDDEN_SERVICE", NO_ONION_SERVICE),
            ("APP_BITCOIN_P2P_HIDDEN_SERVICE", NO_ONION_SERVICE),
            (NETWORK, Network("mainnet")),
            ("APP_BITCOIN_NETWORK_ELECTRS", Network("bitcoin")),
        ],
    ),
    (
        LND,
        &[
            ("APP_LIGHTNING_NODE_IP", Text("archy-lnd")),
            ("APP_LIGHTNING_NODE_PORT", Text("9735")),
            ("APP_LIGHTNING_NODE_GRPC_PORT", Text("10009")),
            ("APP_LIGHTNING_NODE_REST_PORT", Text("8080")),
            (FOLDER, Folder),
        ],
    ),
    (
        ELECTRS,
        &[
            ("APP_ELECTRS_NODE_IP", Text("archy-electrs")),
            ("APP_ELECTRS_NODE_PORT", Text("50001")),
        ],
    ),
];

/// Umbrel gives this name as long as there is no onion service.
const NO_ONION_SERVICE: Given = Text("notyetset.onion");

/// The files of lnd's folder that it exports: each by the name of its capture, with its path.
const FILES: [(&str, &str); 4] = [
    ("tls_cert", "tls.cert"),
    (
        ADMIN,
        "data/chain/bitcoin/${APP_BITCOIN_NETWORK}/admin.macaroon",
    ),
    (
        "invoice_macaroon",
        "data/chain/bitcoin/${APP_BITCOIN_NETWORK}/invoice.macaroon",
    ),
    (
        "readonly_macaroon",
        "data/chain/bitcoin/${APP_BITCOIN_NETWORK}/readonly.macaroon",
    ),
];

const ADMIN: &str = "admin_macaroon";

/// The use that an app makes of these nodes.
#[derive(Default)]
pub(super) struct Nodes {
    /// Variables that hold a secret.
    pub secrets: Vec<SecretVariable>,
    has_folder: bool,
    /// Whether a variable of bitcoin is used that means a connection to it.
    calls_bitcoin: bool,
    follows_bitcoin: bool,
    gets_admin: bool,
}

impl Nodes {
    /// Gives the variables of those nodes that the app requires a value. Umbrel's Lightning node
    /// and its Electrum server depend on its Bitcoin node in turn.
    pub(super) fn give(
        uses: &BTreeMap<String, Uses>,
        required: &BTreeSet<AppId>,
        overlay: &mut Overlay,
    ) -> Self {
        let requires = |id: &str| required.iter().any(|app| app.as_str() == id);
        let is_there =
            |id: &str| requires(id) || (id == BITCOIN && (requires(LND) || requires(ELECTRS)));
        let mut nodes = Self::default();
        for (app, variables) in VARIABLES.iter().filter(|(app, _)| is_there(app)) {
            for &(name, given) in *variables {
                if uses.contains_key(name) {
                    nodes.give_one(app, name, given, overlay);
                }
            }
        }
        nodes
    }

    fn give_one(&mut self, app: &str, name: &str, given: Given, overlay: &mut Overlay) {
        match given {
            Text(text) => {
                overlay.variables.insert(name.to_owned(), text.to_owned());
                self.calls_bitcoin |= app == BITCOIN;
            }
            Network(main) => self.follow(name, main, overlay),
            Password => {
                self.secrets.push(PASSWORD);
                self.calls_bitcoin = true;
            }
            Folder => {
                self.has_folder = true;
                // The paths in it have the network's name.
                self.follow(NETWORK, "mainnet", overlay);
            }
        }
    }

    fn follow(&mut self, variable: &str, main: &str, overlay: &mut Overlay) {
        self.follows_bitcoin = true;
        let followed = json!({"app": BITCOIN, "setting": "network", "words": {"main": main}});
        overlay.followed.insert(variable.to_owned(), followed);
    }

    /// The apps that it requires, as `requires.apps` of a manifest lists them.
    pub(super) fn requirements(&self, required: &BTreeSet<AppId>) -> Vec<Value> {
        let mut all: Vec<Value> = required.iter().map(|app| json!(app)).collect();
        let is_named = required.iter().any(|app| app.as_str() == BITCOIN);
        if self.calls_bitcoin && !is_named {
            all.push(json!(BITCOIN));
        } else if self.follows_bitcoin && !is_named {
            // It reads a setting, and needs no way to the node.
            all.push(json!({"app": BITCOIN, "services": []}));
        }
        all
    }

    pub(super) fn has_folder(&self) -> bool {
        self.has_folder
    }

    /// Whether it gets all rights on bitcoin.
    pub(super) fn commands_bitcoin(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// Whether it gets all rights on lnd.
    pub(super) fn commands_lnd(&self) -> bool {
        self.gets_admin
    }

    /// Maps a mount of lnd's folder; `None` for any other mount. The files that lnd
    /// exports are mounted in the place of the folder, as secrets.
    pub(super) fn map(
        &mut self,
        file: &str,
        written: &Written<'_>,
        mounts: &mut Mounts,
    ) -> Result<Option<Mapped>, Error> {
        let lookup = |name: &str| {
            Some(match name {
                FOLDER => MARK.to_string(),
                name => format!("${{{name}}}"),
            })
        };
        let source = interpolate(written.source, &lookup).unwrap_or_default();
        let Some(path) = source.strip_prefix(MARK).filter(|_| self.has_folder) else {
            return Ok(None);
        };
        let found = files_at(path.trim_matches('/'), written.target.trim_end_matches('/'));
        if found.is_empty() {
            return Err(Error::LightningFolder {
                file: file.to_owned(),
                line: written.place.line,
                column: written.place.column,
            });
        }
        if path.trim_matches('/').is_empty() {
            mounts.folder.get_or_insert(written.target.to_owned());
        }
        self.gets_admin |= found.iter().any(|(capture, _)| *capture == ADMIN);
        let of_service = mounts.files.entry(written.service.to_owned());
        of_service.or_default().extend(found);
        Ok(Some(Mapped::Gone))
    }
}

/// The files of lnd that services mount.
#[derive(Default)]
pub(super) struct Mounts {
    /// By service: the names of the captures, and the targets.
    files: BTreeMap<String, Vec<(&'static str, String)>>,
    /// The place at which the first service sees the folder.
    folder: Option<String>,
}

impl Mounts {
    pub(super) fn add_to(self, overlay: &mut Overlay) {
        let Self { files, folder } = self;
        for (service, files) in files {
            let mut mounts = Vec::new();
            for (capture, target) in files {
                let secret = format!("lnd_{capture}");
                // Programs of any user of the container read it.
                mounts.push(json!({"source": secret, "target": target, "mode": "0444"}));
                let declared = json!({
                    "description": format!("The file {capture} of lnd."),
                    "joined": [{"app": LND, "file": capture}],
                });
                overlay.secrets.insert(secret, declared);
            }
            let added = &mut overlay.service(&service).added;
            added.insert("secrets".to_owned(), Value::Array(mounts));
        }
        // Where the variable does not name a mount's source.
        let folder = folder.unwrap_or_else(|| "/lnd-is-not-there".to_owned());
        overlay.variables.insert(FOLDER.to_owned(), folder);
    }
}

/// The files at or beneath a path of lnd's folder, with their places beneath `target`.
fn files_at(path: &str, target: &str) -> Vec<(&'static str, String)> {
    let place = |file: &str| {
        if file == path {
            return Some(target.to_owned());
        }
        let inside = match path {
            "" => file,
            path => file.strip_prefix(path)?.strip_prefix('/')?,
        };
        Some(format!("{target}/{inside}"))
    };
    let files = FILES.iter();
    files
        .filter_map(|(capture, file)| Some((*capture, place(file)?)))
        .collect()
}

/// Whether this node has an app of its own in the place of one of Umbrel's.
pub(super) fn is_ours(name: &str) -> bool {
    matches!(name, "bitcoin" | "lightning" | "lnd" | "electrs")
}

/// An app whose data folder is asked for.
pub(super) fn asked_folder(names: &BTreeSet<String>) -> Option<&'static str> {
    names.contains("APP_BITCOIN_DATA_DIR").then_some(BITCOIN)
}
