//! Installing a Compose file of forty services, whose images are there, beside others that run Compose files.

use anyhow::Result;

use super::figures::{Row, Trials};
use super::node::Node;

const SERVICES: usize = 40;

/// A round takes half a minute; the slowest of the peers takes longer than all others together, and runs once.
const ROUNDS_MAX: usize = 10;

fn seconds(values: Vec<f64>) -> Trials {
    Trials::new(values.into_iter().map(|us| us / 1e6).collect(), "s")
}

fn ms(values: Vec<f64>) -> Trials {
    Trials::new(values.into_iter().map(|us| us / 1000.0).collect(), "ms")
}

pub(super) fn forty_services(node: &Node, trials: usize) -> Result<Vec<Row>> {
    let count = SERVICES.to_string();
    let script = include_str!("install.sh");
    node.shell(script, &["prepare", &count])?;
    let mut ours = vec![];
    let mut returned = vec![];
    let mut again = vec![];
    let mut bare = vec![];
    let mut podup = vec![];
    let mut podup_again = vec![];
    let mut compose = vec![];
    let mut compose_again = vec![];
    for round in 0..trials.clamp(1, ROUNDS_MAX) {
        let both = node.numbers(script, &["install", &count])?;
        ours.push(both[0]);
        returned.push(both[1]);
        again.extend(node.numbers(script, &["again", &trials.to_string()])?);
        bare.extend(node.numbers(script, &["bare", &count])?);
        let both = node.numbers(script, &["podup", &count])?;
        podup.push(both[0]);
        podup_again.push(both[1]);
        if round == 0 {
            let both = node.numbers(script, &["podman-compose", &count])?;
            compose.push(both[0]);
            compose_again.push(both[1]);
        }
    }
    let bare_name = "bare daemon-reload and start of all";
    let [ours, returned, bare, podup, compose] =
        [ours, returned, bare, podup, compose].map(seconds);
    let [again, podup_again, compose_again] = [again, podup_again, compose_again].map(ms);
    Ok(vec![
        Row::of(bare_name, &bare),
        Row::of("podup up", &podup),
        Row::of("podman-compose up", &compose),
        Row::beside(
            &format!("install of {SERVICES} services → all active"),
            &ours,
            (bare_name, &bare),
            1.10,
            None,
        ),
        Row::beside(
            "the same, beside podup",
            &ours,
            ("podup", &podup),
            1.0,
            None,
        ),
        Row::beside(
            "until the command ends, 0.3 s after which none has failed",
            &returned,
            ("podup", &podup),
            1.0,
            None,
        ),
        Row::of("podup again", &podup_again),
        Row::of("podman-compose again", &compose_again),
        Row::at_most("the same again, nothing to do", &again, 20.0),
    ])
}
