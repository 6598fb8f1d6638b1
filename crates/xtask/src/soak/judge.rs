//! Judges a soak: every kind of disturbance happened, and the daemon needs no more memory or files
//! at the end than before.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::sample::Sample;

/// The highest allowed ratio of the memory in the last quarter to that in the second. In the first
/// quarter caches fill.
const MEMORY_GROWTH_MAX: f64 = 1.1;
/// The highest allowed growth of the open files between the same quarters.
const FILES_GROWTH_MAX: f64 = 2.0;

/// The exit status of `timeout` (coreutils) when the time is over.
const HUNG: i32 = 124;

/// The outcomes of one kind of disturbance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) happened: u32,
    /// There was nothing to disturb, because an earlier disturbance was not repaired yet.
    in_vain: u32,
    hung: u32,
}

impl Count {
    pub(super) fn add(&mut self, status: i32) {
        *match status {
            0 => &mut self.happened,
            HUNG => &mut self.hung,
            _ => &mut self.in_vain,
        } += 1;
    }
}

/// Prints the counts. Fails when a kind of disturbance never happened, was mostly in vain, or hung.
pub(super) fn disturbances(counts: &BTreeMap<&str, Count>) -> Result<()> {
    let mut wrong = Vec::new();
    for (kind, count) in counts {
        let Count {
            happened,
            in_vain,
            hung,
        } = *count;
        println!("{kind}: {happened} times, {in_vain} in vain, {hung} hung");
        if happened == 0 || in_vain > happened || hung > 0 {
            wrong.push(*kind);
        }
    }
    if !wrong.is_empty() {
        bail!(
            "these kinds never happened, were mostly in vain, or hung: {}",
            wrong.join(", ")
        );
    }
    Ok(())
}

/// Prints the daemon's memory and open files. Fails when they grew or when the daemon ended.
pub(super) fn samples(samples: &[Sample]) -> Result<()> {
    let quarter = samples.len() / 4;
    if quarter == 0 {
        bail!("too few samples: at least four are needed");
    }
    let (early, late) = (
        &samples[quarter..2 * quarter],
        &samples[samples.len() - quarter..],
    );
    let both =
        |figure: fn(&Sample) -> f64| [early, late].map(|part| median(part.iter().map(figure)));
    let memory = both(|sample| sample.memory_mb);
    let files = both(|sample| sample.files);
    println!(
        "medians of the second and the last quarter: memory {:.1} and {:.1} MB, open files {} and {}",
        memory[0], memory[1], files[0], files[1]
    );
    let restarts = samples.iter().map(|sample| sample.restarts);
    let restarts = restarts.fold(0.0, f64::max);
    if restarts > 0.0 {
        bail!("the daemon ended {restarts} times");
    }
    if memory[1] > memory[0] * MEMORY_GROWTH_MAX || files[1] > files[0] + FILES_GROWTH_MAX {
        bail!("the daemon's memory or open files have grown");
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight samples with these values.
    fn at(memory_mb: [f64; 8], files: [f64; 8]) -> Vec<Sample> {
        let both = memory_mb.into_iter().zip(files);
        let each = both.flat_map(|pair| [pair; 3]).enumerate();
        each.map(|(second, (memory_mb, files))| Sample {
            second: second as f64,
            memory_mb,
            files,
            restarts: 0.0,
        })
        .collect()
    }

    const FLAT: [f64; 8] = [20.0; 8];

    #[test]
    fn growth_after_the_first_quarter_is_a_failure() {
        let check = |memory, files, expected| {
            let judged = samples(&at(memory, files));
            assert_eq!(judged.is_ok(), expected, "{memory:?} {files:?}");
        };
        check(FLAT, FLAT, true);
        let filled = [5.0, 15.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0];
        check(filled, filled, true);
        // A short peak is no growth.
        let peak = [20.0, 20.0, 20.0, 20.0, 90.0, 20.0, 20.0, 20.0];
        check(peak, peak, true);
        let grown = |by| [20.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0 + by, 20.0 + by];
        check(grown(2.0), FLAT, true);
        check(grown(2.1), FLAT, false);
        check(FLAT, grown(2.0), true);
        check(FLAT, grown(3.0), false);
        assert!(samples(&at(FLAT, FLAT)[..3]).is_err(), "too few");
    }

    #[test]
    fn a_daemon_that_ended_once_is_a_failure() {
        let mut ended = at(FLAT, FLAT);
        ended[5].restarts = 1.0;
        assert!(samples(&ended).is_err());
    }

    #[test]
    fn each_kind_of_disturbance_must_have_happened_more_often_than_it_was_in_vain() {
        let check = |statuses: &[i32], expected| {
            let mut count = Count::default();
            statuses.iter().for_each(|status| count.add(*status));
            let counts = BTreeMap::from([("unit", count)]);
            assert_eq!(disturbances(&counts).is_ok(), expected, "{statuses:?}");
        };
        check(&[0], true);
        check(&[0, 1], true);
        check(&[], false);
        check(&[0, 1, 1], false);
        check(&[0, 0, HUNG], false);
    }
}
