//! The fuzzer. `FUZZ_TARGET` names the target; the arguments are libFuzzer's.

#![no_main]

use std::sync::LazyLock;

use fuzz::Target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names the target");
    Target::parse(&name).expect("FUZZ_TARGET is one of the targets")
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| TARGET.run(input));
