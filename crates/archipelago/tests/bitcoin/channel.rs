//! Another Lightning node, with a channel to lnd and a payment through it.

use serde_json::Value;

use crate::heights::bitcoin_height;
use crate::node::{DATA, Node, text, until};
use crate::stack::{FOLLOWS, lncli as ours, mine};

/// In satoshis.
const OURS: &str = "--local_amt=1000000";
const THEIRS: &str = "--push_amt=250000";
const PAID: &str = "12345";
/// More blocks than a channel of this size needs to open, and enough for its announcement.
const CONFIRMATIONS: u32 = 6;

/// The other node. It is removed when this value is dropped; the channel stays, and its peer is
/// offline.
pub(crate) struct Peer<'a>(&'a Node);

impl<'a> Peer<'a> {
    /// Starts the node on the same chain. Its wallet opens without a password and is deleted with
    /// it.
    pub(crate) fn start(node: &'a Node) -> Self {
        // Its log does not go to the host's journal. Its configuration holds a password, so others
        // cannot read the file.
        node.shell(&format!(
            "umask 077
            sed -e '/^wallet-unlock/d' -e 's/^\\[Application Options\\]/&\\nnoseedbackup=true/' {DATA}/archy-lnd/lnd.conf >peer.conf
            podman run --quiet --detach --name peer --network archy-bitcoin-exports --log-driver none --tmpfs /root/.lnd \\
                --volume $PWD/peer.conf:/etc/lnd/lnd.conf:ro $(podman inspect --format '{{{{.ImageName}}}}' archy-lnd) \\
                --configfile=/etc/lnd/lnd.conf >/dev/null
            rm peer.conf"
        ));
        Self(node)
    }

    /// Lets lnd open a channel to this node and pay one of its invoices.
    pub(crate) fn receives_a_payment(&self) {
        let node = self.0;
        let height = bitcoin_height(node);
        let info = until("the other node to follow the chain", FOLLOWS, || {
            let info = self.try_lncli(&["getinfo"])?;
            (info["synced_to_chain"] == true && info["block_height"] == height).then_some(info)
        });
        let key = text(&info["identity_pubkey"]);
        ours(node, &["connect", &format!("{key}@peer:9735")]);
        ours(node, &["openchannel", "--node_key", &key, OURS, THEIRS]);
        mine(node, CONFIRMATIONS);
        until("the channel to be open", FOLLOWS, || {
            let is_active = |channels: &Value| channels["channels"][0]["active"] == true;
            (is_active(&ours(node, &["listchannels"]))
                && is_active(&self.try_lncli(&["listchannels"])?))
            .then_some(())
        });
        // lnd adds the channel to its graph a moment after the channel is open.
        let route = [
            "podman",
            "exec",
            "archy-lnd",
            "lncli",
            "queryroutes",
            &key,
            PAID,
        ];
        until("a route to the other node to be known", FOLLOWS, || {
            let output = node.0.run_user(&route).expect("a run in the host");
            output.success().then_some(())
        });
        let invoice = self.try_lncli(&["addinvoice", "--amt", PAID]);
        let invoice = text(&invoice.expect("an invoice")["payment_request"]);
        let pay = ["podman", "exec", "archy-lnd", "lncli", "payinvoice"];
        node.user(&[&pay[..], &["--force", &invoice]].concat());
        until("the payment to be settled", FOLLOWS, || {
            let channels = ours(node, &["listchannels"]);
            (channels["channels"][0]["unsettled_balance"] == "0").then_some(())
        });
    }

    /// The lists of `lncli`, for the spec of lnd's page.
    pub(crate) fn lists(&self) -> [(&'static str, String); 3] {
        let lists = [
            ("LIGHTNING_CHANNELS", "listchannels", "channels"),
            ("LIGHTNING_PEERS", "listpeers", "peers"),
            ("LIGHTNING_PAYMENTS", "listpayments", "payments"),
        ];
        lists.map(|(variable, command, name)| {
            let list = &ours(self.0, &[command])[name];
            assert_eq!(list.as_array().map(Vec::len), Some(1), "{command}: {list}");
            (variable, list.to_string())
        })
    }

    /// `None` while it does not answer.
    fn try_lncli(&self, arguments: &[&str]) -> Option<Value> {
        let command = ["podman", "exec", "peer", "lncli", "--network=regtest"];
        let output = self.0.0.run_user(&[&command, arguments].concat());
        let output = output.expect("a run in the host");
        output
            .success()
            .then(|| serde_json::from_str(&output.stdout).expect("JSON"))
    }
}

impl Drop for Peer<'_> {
    fn drop(&mut self) {
        let command = ["podman", "rm", "--force", "--time=0", "peer"];
        let removed = self.0.0.run_user(&command);
        if !std::thread::panicking() {
            let removed = removed.expect("a run in the host");
            removed.checked().expect("the other node is removed");
        }
    }
}
