//! Runs the same script on a real and a simulated host.

use std::time::{Duration, Instant};

use sim::script::intervention::Intervention;
use sim::script::lines::Line;

use crate::observation::{Observation, difference};
use crate::real::Real;
use crate::simulated::Simulated;

/// A tick, the wait before a missing image or an ended container is retried, and a start.
const BOUND: Duration = Duration::from_secs(30 + 20 + 40);
/// The pause between two observations of the real host: each starts processes there.
const POLL: Duration = Duration::from_millis(200);

/// A real host and a simulated one.
pub(crate) struct Both {
    real: Real,
    simulated: Simulated,
}

impl Both {
    pub(crate) fn new() -> Self {
        let real = Real::new();
        let mut simulated = Simulated::new(&real.layout());
        simulated.configure(&real.configuration());
        Self { real, simulated }
    }

    pub(crate) fn intervene(&mut self, what: &str, intervention: Intervention) {
        self.step(what, &[Line::Do(intervention)]);
    }

    /// Runs these lines on both hosts and waits until both are equal. The simulated host is
    /// quiescent by then. The real one may be equal only for a moment, and then differs in the next
    /// step.
    pub(crate) fn step(&mut self, what: &str, lines: &[Line]) {
        let began = Instant::now();
        self.real.step(lines);
        self.simulated.set_secrets(self.real.secrets());
        self.simulated.step(lines);
        let expected = self.simulated.observe();
        let mut last = Observation::new();
        while began.elapsed() < BOUND {
            last = self.real.observe();
            if last == expected {
                println!("{what}: {} ms", began.elapsed().as_millis());
                self.real.remember();
                self.simulated.remember();
                return;
            }
            std::thread::park_timeout(POLL);
        }
        panic!(
            "{what}: after {} s the hosts differ in\n{}\nthe simulated host did\n{}",
            BOUND.as_secs(),
            difference(&expected, &last),
            self.simulated.trace().join("\n")
        );
    }
}
