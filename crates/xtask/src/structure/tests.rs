//! Planted circles of each kind, and what looks like one and is none.

use std::path::{Path, PathBuf};

use super::*;

/// Checks the messages about a crate of these files beside `src/lib.rs`, which declares the modules
/// `a` and `b`.
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let mut sources = Sources::from([("src/lib.rs".into(), "mod a; mod b;".to_owned())]);
    for (file, text) in files {
        sources.insert(Path::new("src").join(file), (*text).to_owned());
    }
    let whole = Crate::read(Path::new("src/lib.rs"), &sources).expect("sources");
    assert_eq!(circles::circles(&whole), expected, "{files:#?}");
}

/// Checks that `a.rs`, which names `name` of `b.rs` in some way, makes a circle, because `b.rs`
/// names `A`.
fn check_circle(a: &str, name: &str, b: &str) {
    let a = format!("pub struct A; {a}");
    let b = format!("use crate::a::A; pub struct OfA(A); {b}");
    let message = format!(
        "a circle of 2 files:\n  src/a.rs names {name} of src/b.rs\n  src/b.rs names A of src/a.rs"
    );
    check(&[("a.rs", &a), ("b.rs", &b)], &[&message]);
}

#[test]
fn a_circle_by_an_import() {
    check_circle("use crate::b::B;", "B", "pub struct B;");
    check_circle("use super::b::{B as Other};", "B", "pub struct B;");
    check_circle("fn f() { use crate::b::B; }", "B", "pub struct B;");
    check_circle("use crate::b; fn f(_: b::B) {}", "B", "pub struct B;");
    check_circle(
        "use crate::b::{self}; fn f(_: b::B) {}",
        "B",
        "pub struct B;",
    );
    check_circle("use crate::b::Kind::*;", "Kind", "pub enum Kind { One }");
}

#[test]
fn a_circle_by_a_path() {
    check_circle("fn f(_: crate::b::B) {}", "B", "pub struct B;");
    check_circle("fn f() { super::b::g::<u8>() }", "g", "pub fn g<T>() {}");
    check_circle(
        "fn f(x: u8) { if let crate::b::C = x {} }",
        "C",
        "pub const C: u8 = 1;",
    );
    check_circle("impl crate::b::T for A {}", "T", "pub trait T {}");
    check_circle("fn f(_: Vec<Option<crate::b::B>>) {}", "B", "pub struct B;");
}

#[test]
fn a_circle_by_a_reexport_of_a_neighbour() {
    check_circle("pub use crate::b::B;", "B", "pub struct B;");
    check_circle("pub(crate) use super::b::B;", "B", "pub struct B;");
}

#[test]
fn a_circle_by_a_star() {
    check_circle("use crate::b::*; fn f(_: B) {}", "B", "pub struct B;");
    check_circle("use super::b::*; fn f() { g() }", "g", "pub fn g() {}");
    // The names that a parent imports or re-exports come along.
    check(
        &[
            (
                "a/mod.rs",
                "mod one; mod two; pub use one::One; use two::Two; fn f(_: Two) {}",
            ),
            ("a/one.rs", "use super::*; pub struct One; fn f(_: Two) {}"),
            ("a/two.rs", "use super::*; pub struct Two; fn f(_: One) {}"),
            ("b.rs", ""),
        ],
        &[
            "a circle of 2 files:\n  src/a/one.rs names Two of src/a/two.rs\n  src/a/two.rs names One of src/a/one.rs",
        ],
    );
}

#[test]
fn a_circle_by_a_macro() {
    check_circle(
        "fn f() { println!(\"{}\", crate::b::C) }",
        "C",
        "pub const C: u8 = 1;",
    );
    check_circle(
        "use super::b::*; fn f() { assert!(g(1).is_some()) }",
        "g",
        "pub fn g(_: u8) {}",
    );
    check_circle(
        "fn f() { odd! { x => crate::b::C; .. } }",
        "C",
        "pub const C: u8 = 1;",
    );
    check_circle(
        "macro_rules! m { ($x:ident) => { $crate::b::g($x) } }",
        "g",
        "pub fn g(_: u8) {}",
    );
    check_circle(
        "fn f() { made!() }",
        "made",
        "macro_rules! made { () => {} }",
    );
    check_circle(
        "use crate::b::made; fn f() { made!() }",
        "made",
        "macro_rules! made { () => {} } pub(crate) use made;",
    );
}

#[test]
fn a_circle_by_an_attribute() {
    let b = "pub fn g() {}";
    check_circle(
        "#[derive(S)] struct C { #[serde(default = \"crate::b::g\")] c: u8 }",
        "g",
        b,
    );
    check_circle("use super::b::*; #[error(\"{}\", g())] struct C;", "g", b);
}

#[test]
fn a_circle_between_a_folder_and_its_file() {
    let circle = "a circle of 2 files:\n  src/a/mod.rs names One of src/a/one.rs\n  src/a/one.rs names A of src/a/mod.rs";
    for text in [
        "mod one; use one::One; pub struct A(One);",
        "mod one; pub use one::One; pub struct A(One);",
        "mod one; pub use one::*; pub struct A(One);",
    ] {
        check(
            &[
                ("a/mod.rs", text),
                ("a/one.rs", "use super::A; pub struct One; fn f(_: A) {}"),
                ("b.rs", ""),
            ],
            &[circle],
        );
    }
}

#[test]
fn a_circle_of_three_through_names_that_others_pass_on() {
    check(
        &[
            ("a/mod.rs", "mod one; pub use one::One;"),
            ("a/one.rs", "pub struct One; use crate::b::Two;"),
            (
                "b/mod.rs",
                "mod two; mod three; pub use two::Two; pub use three::Three;",
            ),
            ("b/two.rs", "pub struct Two; use super::Three;"),
            ("b/three.rs", "pub struct Three; use crate::a::One;"),
        ],
        &[
            "a circle of 3 files:\n  src/a/one.rs names Two of src/b/two.rs\n  src/b/three.rs names One of src/a/one.rs\n  src/b/two.rs names Three of src/b/three.rs",
        ],
    );
}

#[test]
fn a_table_of_contents_is_no_dependency() {
    check(
        &[
            (
                "a/mod.rs",
                "mod one; mod two; pub use one::One; pub use two::*; pub struct A;",
            ),
            (
                "a/one.rs",
                "use super::{A, Two}; pub struct One; fn f(_: A, _: Two) {}",
            ),
            ("a/two.rs", "use super::A; pub struct Two; fn f(_: A) {}"),
            ("b.rs", "use crate::a; fn f(_: a::One) {}"),
        ],
        &[],
    );
}

#[test]
fn names_that_only_look_alike_are_none() {
    let b = ("b.rs", "use crate::a::A; pub fn g(_: A) {} pub struct B;");
    for a in [
        // A local variable, a field, a method, a label of a macro.
        "use super::b::*; fn f(x: u8) { let g = x; h(g); if let Some(g) = k() { h(g) } }",
        "use super::b::*; fn f() { for g in k() { println!(\"{}\", g); h(|g| g); } }",
        "use super::b::*; fn f(x: X) { x.g; x.g(); X { g: 1 }; odd! { x => x.g; g: 1 } }",
        "macro_rules! m { ($g:ident) => { $g() } } use super::b::*;",
        // A name of its own hides that of the star; another crate's is another one.
        "use super::b::*; struct B; fn g() {} fn f(_: B) { g() }",
        "use other::B; use super::b::*; fn f(_: B) {}",
        "fn f() { ::b::g(); other::b::g() }",
        // Neither a documentation link nor a visibility needs it.
        "/// See [`crate::b::B`].\npub(in crate::b) fn f() {}",
        // Test code of the file.
        "#[cfg(test)] use crate::b::B; #[cfg(test)] mod tests { use crate::b::B; }",
        "#[cfg(test)] fn f(_: crate::b::B) {}",
    ] {
        check(&[("a.rs", &format!("pub struct A; {a}")), b], &[]);
    }
}

#[test]
fn a_module_and_a_function_may_share_a_name() {
    check(
        &[
            ("a/mod.rs", "mod g; mod h; mod s; pub use h::g;"),
            ("a/g.rs", "pub struct G;"),
            ("a/h.rs", "use super::s::S; pub fn g(_: S) {}"),
            ("a/s.rs", "use super::g::G; pub struct S(G);"),
            ("b.rs", ""),
        ],
        &[],
    );
}

#[test]
fn modules_are_found_where_the_compiler_finds_them() {
    let roots_of = |files: &[&str]| {
        let files = files
            .iter()
            .map(|file| (Path::new("x").join(file), String::new()));
        roots(Path::new("x"), &files.collect())
    };
    let found = roots_of(&[
        "src/lib.rs",
        "src/a.rs",
        "tests/one.rs",
        "tests/two/main.rs",
        "tests/two/part.rs",
        "examples/sim.rs",
    ]);
    let expected = [
        "examples/sim.rs",
        "src/lib.rs",
        "tests/one.rs",
        "tests/two/main.rs",
    ];
    assert_eq!(found, expected.map(|file| PathBuf::from("x").join(file)));
    let message = "a circle of 4 files:
  src/a.rs names g of src/other.rs
  src/b.rs names A of src/a.rs
  src/below.rs names B of src/b.rs
  src/other.rs names A of src/a.rs
  src/other.rs names Below of src/below.rs";
    check(
        &[
            (
                "a.rs",
                "#[path = \"c/../other.rs\"] mod other; pub struct A; fn f() { other::g() }",
            ),
            (
                "other.rs",
                "mod below; use super::A; use self::below::Below; pub fn g() {}",
            ),
            (
                "below.rs",
                "pub struct Below; use super::super::super::b::B;",
            ),
            (
                "b.rs",
                "mod part { pub(super) use crate::a::A; } pub struct B; use part::A;",
            ),
        ],
        &[message],
    );
}
