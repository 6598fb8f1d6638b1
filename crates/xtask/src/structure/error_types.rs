//! Errors are types, so that the caller can match on them: no `Result` whose error is a `String` or
//! a `&str`.

use syn::visit::{self, Visit};

use super::modules::is_for_tests;

/// Whether a file names a `Result` whose error is a text.
pub(super) fn names_text_as_error(file: &syn::File) -> bool {
    let mut results = Results { text_seen: false };
    results.visit_file(file);
    results.text_seen
}

struct Results {
    text_seen: bool,
}

impl<'a> Visit<'a> for Results {
    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        // The rows of a test may say which text is expected.
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_path_segment(&mut self, segment: &'a syn::PathSegment) {
        if segment.ident == "Result"
            && let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments
            && let Some(syn::GenericArgument::Type(error)) = arguments.args.get(1)
        {
            self.text_seen |= is_text(error);
        }
        visit::visit_path_segment(self, segment);
    }
}

fn is_text(error: &syn::Type) -> bool {
    match error {
        syn::Type::Reference(reference) => is_text(&reference.elem),
        syn::Type::Path(path) => {
            let last = path.path.segments.last();
            last.is_some_and(|last| last.ident == "String" || last.ident == "str")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: bool) {
        let file = syn::parse_file(text).unwrap();
        assert_eq!(names_text_as_error(&file), expected, "{text}");
    }

    #[test]
    fn a_text_as_an_error_is_found_wherever_it_is_named() {
        check("fn f() -> Result<(), String> { Ok(()) }", true);
        check(
            "fn f() -> core::result::Result<u8, std::string::String> { Ok(1) }",
            true,
        );
        check("fn f() -> Result<u8, &'static str> { Ok(1) }", true);
        check("struct S { field: Option<Result<(), String>> }", true);
        check("type T = BTreeMap<String, Result<u8, String>>;", true);
        check("fn f() { let x: Result<u8, String> = Ok(1); }", true);
        check(
            "fn f() -> Result<Result<(), String>, Error> { Ok(Ok(())) }",
            true,
        );
    }

    #[test]
    fn a_text_as_a_value_or_inside_an_error_is_none() {
        check("fn f() -> Result<String, Error> { g() }", false);
        check(
            "fn f() -> Result<BTreeMap<String, String>, Error> { g() }",
            false,
        );
        check("fn f() -> io::Result<String> { g() }", false);
        check("fn f() -> Result<(), Vec<String>> { g() }", false);
        check("enum Error { Disk(String) }", false);
        check(
            "#[cfg(test)] mod tests { fn f(_: Result<(), &str>) {} }",
            false,
        );
    }
}
