//! The same script on both hosts.

use std::time::{Duration, Instant};

use sim::script::intervention::Intervention;
use sim::script::lines::Line;

use crate::observation::{Observation, difference};
use crate::real::Real;
use crate::simulated::Simulated;

/// A tick, then what a missing image or a container that ended takes until it is tried again, then
/// a start.
const BOUND: Duration = Duration::from_secs(30 + 20 + 40);
/// Between two looks at the real host, each of which starts processes in it.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

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

    /// Does these things on both, and waits until both hosts show the same. The simulated one rests
    /// then; the real one may show it on its way to something else, and then differs in the next
    /// step.
    pub(crate) fn step(&mut self, what: &str, lines: &[Line]) {
        let began = Instant::now();
        self.real.step(lines);
        self.simulated.draw(self.real.secrets());
        self.simulated.step(lines);
        let expected = self.simulated.look();
        let mut last = Observation::new();
        while began.elapsed() < BOUND {
            last = self.real.look();
            if last == expected {
                println!("{what}: {} ms", began.elapsed().as_millis());
                self.real.remember();
                self.simulated.remember();
                return;
            }
            std::thread::park_timeout(LOOK_AGAIN);
        }
        panic!(
            "{what}: after {} s the hosts differ in\n{}\nthe simulation did\n{}",
            BOUND.as_secs(),
            difference(&expected, &last),
            self.simulated.trace().join("\n")
        );
    }
}
