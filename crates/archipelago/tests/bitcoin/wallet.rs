//! Gives lnd and electrs something to show: an invoice, coins of lnd's own, a channel, and a
//! payment that is in no block yet.

use serde_json::{Value, json};

use crate::channel::Peer;
use crate::heights::{ask_electrs, bitcoin_height};
use crate::node::{Node, text, until, until_equal};
use crate::stack::{FOLLOWS, MINER, bitcoin_cli, lncli, mine};

const MEMO: &str = "Two loaves of bread";
/// The number of blocks after which a mined coin can be spent.
const MATURES_AFTER: u32 = 100;
/// [`MINER`] as Electrum's protocol names it: the reversed SHA-256 of the output's script.
const MINERS_HASH: &str = "df151830f2d65f5d323357877cfa7f3662eadfef064d05e8fdfef8de5c1afa7d";

/// The present state of the wallet.
pub(crate) struct Wallet<'a> {
    pub(crate) peer: Peer<'a>,
    pub(crate) memo: String,
    /// The preimage of the invoice, which its payer receives. In hexadecimal.
    pub(crate) preimage: String,
    /// In satoshis, as the fields below.
    pub(crate) confirmed: u64,
    pub(crate) unconfirmed: u64,
    payment: String,
}

/// Fills the wallet through lnd.
pub(crate) fn fill(node: &Node) -> Wallet<'_> {
    let peer = Peer::start(node);
    let invoice = lncli(node, &["addinvoice", "--memo", MEMO, "--amt", "1250"]);
    let invoice = lncli(node, &["lookupinvoice", &text(&invoice["r_hash"])]);

    let address = text(&lncli(node, &["newaddress", "p2wkh"])["address"]);
    // Two coins: one is spent, the other is kept.
    bitcoin_cli(node, &["generatetoaddress", "2", &address]);
    mine(node, MATURES_AFTER);
    let height = bitcoin_height(node);
    until("lnd to be able to spend its coins", FOLLOWS, || {
        let info = lncli(node, &["getinfo"]);
        let balance = lncli(node, &["walletbalance"]);
        (info["synced_to_chain"] == true
            && info["block_height"] == height
            && satoshis(&balance["confirmed_balance"]) > 0)
            .then_some(())
    });
    peer.receives_a_payment();

    let payment = [
        "sendcoins",
        "--force",
        "--sat_per_vbyte=2",
        "--addr",
        MINER,
        "--amt",
        "100000",
    ];
    let payment = text(&lncli(node, &payment)["txid"]);
    until_equal("electrs to know the payment", FOLLOWS, &1, || {
        let known = ask_electrs(
            node,
            "blockchain.scripthash.get_history",
            &json!([MINERS_HASH]),
        );
        let known = known.expect("electrs answers");
        let known = known.as_array().expect("a list").iter();
        known.filter(|one| one["tx_hash"] == payment).count()
    });
    passed_on_by_electrs(node, &payment);

    let balance = lncli(node, &["walletbalance"]);
    Wallet {
        peer,
        memo: MEMO.to_owned(),
        preimage: text(&invoice["r_preimage"]),
        confirmed: satoshis(&balance["confirmed_balance"]),
        unconfirmed: satoshis(&balance["unconfirmed_balance"]),
        payment,
    }
}

/// Asks electrs as a wallet that pays does. A page may not make these calls. electrs passes both to
/// bitcoind as the user `electrs`.
fn passed_on_by_electrs(node: &Node, payment: &str) {
    let raw = ask_electrs(node, "blockchain.transaction.get", &json!([payment]));
    let raw = text(&raw.expect("a transaction"));
    assert_eq!(raw, bitcoin_cli(node, &["getrawtransaction", payment]));
    let sent = ask_electrs(node, "blockchain.transaction.broadcast", &json!([raw]));
    assert_eq!(sent, Some(json!(payment)));
}

impl Wallet<'_> {
    /// Checks that the payment is in the newest block.
    pub(crate) fn is_mined(&self, node: &Node) {
        assert_eq!(bitcoin_cli(node, &["getrawmempool"]), "[\n]");
        let hash = bitcoin_cli(node, &["getbestblockhash"]);
        let block = bitcoin_cli(node, &["getblock", &hash]);
        assert!(block.contains(&self.payment), "{block}");
        until_equal("lnd to see it in a block", FOLLOWS, &json!(1), || {
            let moves = lncli(node, &["listchaintxns"]);
            let moves = moves["transactions"].as_array().expect("a list");
            let payment = moves.iter().find(|one| one["tx_hash"] == self.payment);
            payment.expect("the payment")["num_confirmations"].clone()
        });
    }
}

/// lnd writes amounts as texts.
fn satoshis(amount: &Value) -> u64 {
    text(amount).parse().expect("a number")
}
