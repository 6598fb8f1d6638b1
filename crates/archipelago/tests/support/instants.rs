//! Random instants that can be repeated: `ARCHIPELAGO_TEST_SEED` takes the seed that an earlier run
//! printed.

use std::time::{Duration, SystemTime};

/// The generator of random instants.
pub(crate) struct Instants(u64);

impl Instants {
    pub(crate) fn new() -> Self {
        let seed = std::env::var("ARCHIPELAGO_TEST_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            now.map_or(1, |now| now.subsec_nanos().into())
        });
        println!("ARCHIPELAGO_TEST_SEED={seed}");
        Self(seed)
    }

    /// Sleeps for a random time of at most `most`. No state is waited for: the test needs the
    /// random instant itself.
    pub(crate) fn pass(&mut self, most: Duration) {
        std::thread::sleep(self.next(most));
    }

    /// A random time shorter than `most`.
    pub(crate) fn next(&mut self, most: Duration) -> Duration {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let most = u64::try_from(most.as_micros()).expect("a short time");
        Duration::from_micros((z ^ (z >> 31)) % most)
    }
}

/// The number in an environment variable, or else the given default.
#[allow(dead_code, reason = "not every test program reads such a number")]
pub(crate) fn wanted(variable: &str, otherwise: u32) -> u32 {
    std::env::var(variable).map_or(otherwise, |number| {
        number
            .parse()
            .unwrap_or_else(|_| panic!("{variable}={number} is no number"))
    })
}
