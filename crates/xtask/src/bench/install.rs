//! Installs a Compose file of forty services, whose images are present, beside other programs that
//! run Compose files.

use anyhow::Result;

use super::figures::{Row, Trials};
use super::node::Node;

const SERVICES: usize = 40;

/// The slowest of the other programs takes longer than all the rest together, so it runs once.
pub(super) fn forty_services(node: &Node, trials: usize) -> Result<Vec<Row>> {
    let count = SERVICES.to_string();
    let script = include_str!("install.sh");
    node.shell(script, &["prepare", &count])?;
    let [mut ours, mut returned, mut ours_spent] = [const { vec![] }; 3];
    let [mut bare, mut bare_spent, mut again] = [const { vec![] }; 3];
    let [mut podup, mut podup_again, mut podup_spent] = [const { vec![] }; 3];
    let [mut compose, mut compose_again, mut compose_spent] = [const { vec![] }; 3];
    let each = trials.to_string();
    for round in 0..trials {
        let run = |what: &str, times: &str| node.numbers(script, &[what, times]);
        push(
            &run("install", &count)?,
            [&mut ours, &mut returned, &mut ours_spent],
        )?;
        again.extend(run("again", &each)?);
        push(&run("bare", &count)?, [&mut bare, &mut bare_spent])?;
        push(
            &run("podup", &count)?,
            [&mut podup, &mut podup_again, &mut podup_spent],
        )?;
        if round == 0 {
            let measured = run("podman-compose", &count)?;
            push(
                &measured,
                [&mut compose, &mut compose_again, &mut compose_spent],
            )?;
        }
    }
    let bare_name = "bare daemon-reload and start of all";
    let [ours, returned, bare, podup, compose] =
        [ours, returned, bare, podup, compose].map(Trials::seconds);
    let [ours_spent, bare_spent, podup_spent, compose_spent] =
        [ours_spent, bare_spent, podup_spent, compose_spent].map(Trials::seconds);
    let [again, podup_again, compose_again] = [again, podup_again, compose_again].map(Trials::ms);
    let beside = |work: &str, trials: &Trials, other: (&str, &Trials), bound: f64| {
        Row::beside(work, trials, other, bound, None)
    };
    Ok(vec![
        Row::of(bare_name, &bare),
        Row::of("podup up", &podup),
        Row::of("podman-compose up", &compose),
        beside(
            &format!("install of {SERVICES} services → all active"),
            &ours,
            (bare_name, &bare),
            1.10,
        ),
        beside(
            "until the command ends, after 0.2 s in which all keep running",
            &returned,
            (bare_name, &bare),
            1.10,
        ),
        beside(
            "until the command ends, beside podup",
            &returned,
            ("podup", &podup),
            1.0,
        ),
        beside(
            "until the command ends, beside podman-compose",
            &returned,
            ("podman-compose", &compose),
            1.0,
        ),
        Row::of("processor time: bare", &bare_spent),
        Row::of("processor time: podup", &podup_spent),
        Row::of("processor time: podman-compose", &compose_spent),
        Row::of("processor time: install", &ours_spent),
        Row::of("podup up again", &podup_again),
        Row::of("podman-compose up again", &compose_again),
        Row::at_most("install again, nothing to do", &again, 20.0),
    ])
}

/// Adds the numbers that a script printed, one to each list.
fn push<const COUNT: usize>(measured: &[f64], lists: [&mut Vec<f64>; COUNT]) -> Result<()> {
    anyhow::ensure!(measured.len() == COUNT, "install.sh printed {measured:?}");
    for (list, number) in lists.into_iter().zip(measured) {
        list.push(*number);
    }
    Ok(())
}
