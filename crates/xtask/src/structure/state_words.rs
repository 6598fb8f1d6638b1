//! States are enums: the words of systemd and Podman for them are compared only where they are
//! parsed.

use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use super::modules::is_for_tests;

/// The files that turn such words into enums.
const PARSERS: [&str; 4] = [
    "crates/core/src/observed/service.rs",
    // The kernel's word for a handler of programs.
    "crates/host/src/architecture.rs",
    "crates/host/src/systemd/signals.rs",
    "crates/host/src/systemd/state.rs",
];

/// The words for states: systemd's of units, of their files and of jobs, Podman's of containers and
/// of their health, and ours of apps.
const WORDS: [&str; 29] = [
    "activating",
    "active",
    "auto-restart",
    "bad-setting",
    "created",
    "dead",
    "deactivating",
    "degraded",
    "disabled",
    "enabled",
    "exited",
    "failed",
    "healthy",
    "inactive",
    "loaded",
    "masked",
    "not-found",
    "paused",
    "ready",
    "reloading",
    "removing",
    "running",
    "start-post",
    "start-pre",
    "starting",
    "stopped",
    "stopping",
    "unhealthy",
    "waiting",
];

/// The words for states with which a file compares a text, in a comparison or a pattern.
pub(super) fn compared(path: &Path, file: &syn::File) -> Vec<String> {
    let mut comparisons = Comparisons { words: Vec::new() };
    if !PARSERS.iter().any(|parser| path.ends_with(parser)) {
        comparisons.visit_file(file);
    }
    comparisons.words
}

struct Comparisons {
    words: Vec<String>,
}

impl Comparisons {
    fn note(&mut self, literal: &syn::Lit) {
        let word = match literal {
            syn::Lit::Str(text) => text.value(),
            syn::Lit::ByteStr(bytes) => String::from_utf8_lossy(&bytes.value()).into_owned(),
            _ => return,
        };
        if WORDS.contains(&word.as_str()) {
            self.words.push(word);
        }
    }

    fn operand(&mut self, mut operand: &syn::Expr) {
        while let syn::Expr::Reference(syn::ExprReference { expr, .. })
        | syn::Expr::Paren(syn::ExprParen { expr, .. }) = operand
        {
            operand = expr;
        }
        match operand {
            syn::Expr::Lit(literal) => self.note(&literal.lit),
            // Such as `Some("active")`, not the arguments of a function.
            syn::Expr::Call(call) if is_variant(&call.func) => {
                call.args.iter().for_each(|argument| self.operand(argument));
            }
            _ => {}
        }
    }

    /// The literals in the arguments of `matches!`, whose pattern is no expression.
    fn tokens(&mut self, tokens: &TokenStream) {
        for token in tokens.clone() {
            match token {
                TokenTree::Group(group) => self.tokens(&group.stream()),
                TokenTree::Literal(literal) => self.note(&syn::Lit::new(literal)),
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

fn is_variant(called: &syn::Expr) -> bool {
    let syn::Expr::Path(called) = called else {
        return false;
    };
    let name = called.path.segments.last();
    name.is_some_and(|name| name.ident.to_string().starts_with(char::is_uppercase))
}

impl<'a> Visit<'a> for Comparisons {
    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_expr_binary(&mut self, binary: &'a syn::ExprBinary) {
        if matches!(binary.op, syn::BinOp::Eq(_) | syn::BinOp::Ne(_)) {
            self.operand(&binary.left);
            self.operand(&binary.right);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_pat(&mut self, pattern: &'a syn::Pat) {
        if let syn::Pat::Lit(literal) = pattern {
            self.note(&literal.lit);
        }
        visit::visit_pat(self, pattern);
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        if call.path.is_ident("matches") {
            self.tokens(&call.tokens);
        } else if let Ok(arguments) = call.parse_body_with(
            syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated,
        ) {
            // Such as of `assert!`.
            arguments
                .iter()
                .for_each(|argument| self.visit_expr(argument));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_in(path: &str, text: &str, expected: &[&str]) {
        let file = syn::parse_file(text).unwrap();
        assert_eq!(compared(Path::new(path), &file), expected, "{text}");
    }

    fn check(text: &str, expected: &[&str]) {
        check_in("crates/core/src/health.rs", text, expected);
    }

    #[test]
    fn a_state_that_is_compared_as_text_is_found() {
        check(r#"fn f(s: &str) -> bool { s == "active" }"#, &["active"]);
        check(r#"fn f(s: &str) -> bool { "failed" != s }"#, &["failed"]);
        check(
            r#"fn f(s: Option<&str>) -> bool { s == Some("running") }"#,
            &["running"],
        );
        check(r#"fn f(s: &[u8]) -> bool { !(s == b"dead") }"#, &["dead"]);
        check(
            r#"fn f(s: &str) { match s { "active" | "reloading" => g(), _ => h() } }"#,
            &["active", "reloading"],
        );
        check(
            r#"fn f(s: (&str, u8)) { if let ("exited", 0) = s { g() } }"#,
            &["exited"],
        );
        check(
            r#"fn f(s: Option<&str>) -> bool { matches!(s, Some("healthy")) }"#,
            &["healthy"],
        );
        check(
            r#"fn f(s: &S) { assert!(s.iter().all(|s| s.state == "ready")); }"#,
            &["ready"],
        );
    }

    #[test]
    fn a_word_that_is_only_written_is_none() {
        check(r#"fn f() -> &'static str { "active" }"#, &[]);
        check(
            r#"fn f(s: State) -> &'static str { match s { State::Failed => "failed" } }"#,
            &[],
        );
        check(r#"fn f(s: &str) -> bool { s == "activated" }"#, &[]);
        check(r#"fn f() -> bool { raw("disabled") == "true" }"#, &[]);
        check(r#"fn f() { println!("running") }"#, &[]);
        check(
            r#"#[cfg(test)] mod tests { fn f(s: &str) -> bool { s == "active" } }"#,
            &[],
        );
    }

    #[test]
    fn the_files_that_parse_states_may_compare_their_words() {
        let text = r#"fn f(s: &str) -> A { match s { "active" => A::Active, _ => A::Other } }"#;
        for parser in PARSERS {
            check_in(parser, text, &[]);
        }
        check_in("crates/node/src/driver.rs", text, &["active"]);
    }
}
