//! Figures of many trials, and the table that shows them.

/// One line of the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    work: String,
    median: String,
    p99: String,
    /// The work that it was compared with, and the ratios to that.
    beside: String,
    goal: String,
    met: Option<bool>,
}

/// The measured values of all trials, in one unit.
#[derive(Clone, Debug)]
pub(super) struct Trials {
    sorted: Vec<f64>,
    unit: &'static str,
}

impl Trials {
    /// # Panics
    /// Without a value: a case that measures nothing is wrong.
    pub(super) fn new(mut values: Vec<f64>, unit: &'static str) -> Self {
        assert!(!values.is_empty(), "a case measured nothing");
        values.sort_by(f64::total_cmp);
        Self {
            sorted: values,
            unit,
        }
    }

    /// Converts microseconds to milliseconds.
    pub(super) fn ms(microseconds: Vec<f64>) -> Self {
        Self::new(microseconds.into_iter().map(|us| us / 1e3).collect(), "ms")
    }

    /// Converts microseconds to seconds.
    pub(super) fn seconds(microseconds: Vec<f64>) -> Self {
        Self::new(microseconds.into_iter().map(|us| us / 1e6).collect(), "s")
    }

    /// A percentile by nearest rank; `share` is from 0 to 1.
    pub(super) fn at(&self, share: f64) -> f64 {
        let rank = (share * self.sorted.len() as f64).ceil() as usize;
        self.sorted[rank.clamp(1, self.sorted.len()) - 1]
    }

    pub(super) fn median(&self) -> f64 {
        self.at(0.5)
    }

    fn shown(&self, value: f64) -> String {
        let digits = match value.abs() {
            size if size >= 100.0 || size == 0.0 => 0,
            // A count.
            size if self.unit.is_empty() && size.fract() == 0.0 => 0,
            size if size >= 10.0 => 1,
            size if size >= 0.1 => 2,
            _ => 4,
        };
        format!("{value:.digits$} {}", self.unit)
            .trim_end()
            .to_owned()
    }
}

impl Row {
    /// A row without a goal.
    pub(super) fn of(work: &str, trials: &Trials) -> Self {
        Self {
            work: work.to_owned(),
            median: trials.shown(trials.median()),
            p99: trials.shown(trials.at(0.99)),
            beside: String::new(),
            goal: String::new(),
            met: None,
        }
    }

    /// A row whose median must not exceed a bound.
    pub(super) fn at_most(work: &str, trials: &Trials, bound: f64) -> Self {
        Self {
            goal: format!("≤ {}", trials.shown(bound)),
            met: Some(trials.median() <= bound),
            ..Self::of(work, trials)
        }
    }

    /// A row of which no trial may exceed a bound.
    pub(super) fn all_at_most(work: &str, trials: &Trials, bound: f64) -> Self {
        Self {
            goal: format!("each ≤ {}", trials.shown(bound)),
            met: Some(trials.at(1.0) <= bound),
            ..Self::of(work, trials)
        }
    }

    /// A row of which each trial must have exactly this value.
    pub(super) fn exactly(work: &str, trials: &Trials, wanted: f64) -> Self {
        Self {
            goal: format!("exactly {}", trials.shown(wanted)),
            met: Some(trials.at(0.0) == wanted && trials.at(1.0) == wanted),
            ..Self::of(work, trials)
        }
    }

    /// A row that is compared with the trials of other work: bounds for the ratios of the medians
    /// and of the 99th percentiles.
    pub(super) fn beside(
        work: &str,
        trials: &Trials,
        (other_name, other): (&str, &Trials),
        median_bound: f64,
        p99_bound: Option<f64>,
    ) -> Self {
        let median = trials.median() / other.median();
        let p99 = trials.at(0.99) / other.at(0.99);
        let p99_goal = p99_bound.map(|bound| format!(", p99 ≤ {bound}×"));
        Self {
            beside: format!("{median:.2}× / {p99:.2}× {other_name}"),
            goal: format!("p50 ≤ {median_bound}×{}", p99_goal.unwrap_or_default()),
            met: Some(median <= median_bound && p99_bound.is_none_or(|bound| p99 <= bound)),
            ..Self::of(work, trials)
        }
    }
}

/// Prints rows as a Markdown table.
pub(super) fn print(rows: &[Row]) {
    println!("| work | median | p99 | p50 / p99 beside | goal | |");
    println!("|---|---|---|---|---|---|");
    for Row {
        work,
        median,
        p99,
        beside,
        goal,
        met,
    } in rows
    {
        let met = match met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "",
        };
        println!("| {work} | {median} | {p99} | {beside} | {goal} | {met} |");
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Trials};

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let trials = |count: u32| Trials::new((1..=count).rev().map(f64::from).collect(), "ms");
        let check = |count, share, expected: f64| assert_eq!(trials(count).at(share), expected);
        check(1, 0.5, 1.0);
        check(1, 0.99, 1.0);
        check(4, 0.5, 2.0);
        check(5, 0.5, 3.0);
        check(100, 0.99, 99.0);
        check(100, 0.0, 1.0);
        check(100, 1.0, 100.0);
    }

    #[test]
    fn a_bound_for_each_trial_judges_the_slowest_trial() {
        let check = |judge: fn(&str, &Trials, f64) -> Row, values: &[f64], expected| {
            let row = judge("work", &Trials::new(values.to_vec(), ""), 1.0);
            assert_eq!(row.met, Some(expected), "{values:?}, {}", row.goal);
        };
        check(Row::at_most, &[1.0, 1.0, 2.0], true);
        check(Row::at_most, &[1.0, 2.0, 2.0], false);
        check(Row::all_at_most, &[0.0, 1.0], true);
        check(Row::all_at_most, &[1.0, 1.0, 2.0], false);
        check(Row::exactly, &[1.0, 1.0], true);
        check(Row::exactly, &[0.0], false);
        check(Row::exactly, &[1.0, 1.0, 2.0], false);
        check(Row::exactly, &[0.0, 1.0, 1.0], false);
    }

    #[test]
    fn figures_are_shown_with_significant_digits_only() {
        let trials = Trials::new(vec![1.0], "ms");
        let check = |value, expected: &str| assert_eq!(trials.shown(value), expected);
        check(1234.5, "1234 ms");
        check(12.345, "12.3 ms");
        check(1.234, "1.23 ms");
        check(0.01234, "0.0123 ms");
        check(0.0, "0 ms");
        assert_eq!(Trials::new(vec![1.0], "").shown(1.0), "1");
    }
}
