//! Benchmarks of `core` alone, without a host: runs criterion (`cargo bench -p archipelago-core`)
//! and reads the samples that it keeps.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::figures::{Row, Trials};
use crate::deb;

pub(super) fn render_and_plan() -> Result<Vec<Row>> {
    let status = deb::cargo()
        .args(["bench", "-p", "archipelago-core", "--bench", "passes"])
        .status()
        .context("running cargo bench")?;
    if !status.success() {
        bail!("cargo bench ended with {status}");
    }
    let mut rows = Vec::new();
    for count in [10, 100, 1000] {
        for (work, group) in [
            ("render the two units of each of", "render"),
            ("plan, nothing to do,", "plan, all at rest"),
            (
                "plan, nothing to do, Podman asked,",
                "plan, all at rest and Podman asked",
            ),
            ("plan, nothing made yet,", "plan, nothing there yet"),
        ] {
            let name = format!("{work} {count} apps (pure)");
            let trials = samples(group, count)?;
            rows.push(match count {
                1000 => Row::at_most(&name, &trials, 10.0),
                _ => Row::of(&name, &trials),
            });
        }
    }
    Ok(rows)
}

/// Reads one group of samples. For each, criterion keeps the number of iterations and the
/// nanoseconds that they took.
fn samples(group: &str, count: usize) -> Result<Trials> {
    let folder = deb::target_folder()?.join("criterion").join(group);
    let path = folder.join(count.to_string()).join("new/sample.json");
    let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let samples: Value =
        serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    let numbers = |key: &str| -> Vec<f64> {
        let list = samples[key].as_array().into_iter().flatten();
        list.filter_map(Value::as_f64).collect()
    };
    let each = numbers("times").into_iter().zip(numbers("iters"));
    Ok(Trials::new(
        each.map(|(time, runs)| time / runs / 1e6).collect(),
        "ms",
    ))
}
