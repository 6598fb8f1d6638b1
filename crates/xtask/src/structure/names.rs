//! The names in the code of a module, without its `use` items and the modules inside it.

use std::collections::BTreeSet;

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};

use super::modules::{Segments, is_for_tests};

/// The names in a module's code.
#[derive(Default)]
pub(super) struct Names {
    pub(super) paths: BTreeSet<Segments>,
    /// The macros that are called.
    pub(super) macros: BTreeSet<Segments>,
    /// The local variables of each open block.
    locals: Vec<BTreeSet<String>>,
}

impl Names {
    pub(super) fn of(items: &[syn::Item]) -> Self {
        let mut names = Self::default();
        for item in items {
            names.visit_item(item);
        }
        names
    }

    fn note(&mut self, path: Segments) {
        if let [name] = &path[..]
            && self.locals.iter().any(|locals| locals.contains(name))
        {
            return;
        }
        self.paths.insert(path);
    }

    fn scope(&mut self, visit: impl FnOnce(&mut Self)) {
        self.locals.push(BTreeSet::new());
        visit(self);
        self.locals.pop();
    }

    /// A function sees no variable of the code around it.
    fn function(&mut self, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::take(&mut self.locals);
        self.scope(visit);
        self.locals = outer;
    }

    /// The arguments of a macro: as expressions or statements where they are, else token by token.
    fn arguments(&mut self, tokens: &TokenStream) {
        let expressions = Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
        if let Ok(expressions) = expressions.parse2(tokens.clone()) {
            for expression in &expressions {
                self.visit_expr(expression);
            }
        } else if let Ok(statements) = syn::Block::parse_within.parse2(tokens.clone()) {
            self.scope(|names| {
                for statement in &statements {
                    names.visit_stmt(statement);
                }
            });
        } else {
            self.tokens(tokens, Literals::AreText);
        }
    }

    fn tokens(&mut self, tokens: &TokenStream, literals: Literals) {
        let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            let begin = at;
            at += 1;
            match &tokens[begin] {
                TokenTree::Group(group) => self.tokens(&group.stream(), literals),
                TokenTree::Literal(literal) if literals == Literals::MayBePaths => {
                    if let syn::Lit::Str(text) = syn::Lit::new(literal.clone())
                        && let Ok(path) = text.parse::<syn::Path>()
                    {
                        self.visit_path(&path);
                    }
                }
                TokenTree::Ident(first) => {
                    let mut path = vec![first.to_string()];
                    while is_separator(&tokens[at..])
                        && let Some(TokenTree::Ident(next)) = tokens.get(at + 2)
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    let is_field = path.len() == 1
                        && is_punct(tokens.get(at), ':')
                        && !is_separator(&tokens[at..]);
                    if is_field || continues(&tokens[..begin], first == "crate") {
                        continue;
                    }
                    if is_punct(tokens.get(at), '!') {
                        self.macros.insert(path);
                    } else {
                        self.note(path);
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

/// The meaning of the texts between tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Literals {
    AreText,
    /// As in `#[serde(default = "crate::port")]`.
    MayBePaths,
}

fn is_punct(token: Option<&TokenTree>, expected: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == expected)
}

/// Whether these tokens begin with `::`.
fn is_separator(tokens: &[TokenTree]) -> bool {
    let is_joint = matches!(tokens.first(), Some(TokenTree::Punct(punct)) if punct.spacing() == Spacing::Joint);
    is_joint && is_punct(tokens.first(), ':') && is_punct(tokens.get(1), ':')
}

/// Whether a name after these tokens is a field, a method, a lifetime, a macro's own variable, or
/// belongs to another crate or a type.
fn continues(before: &[TokenTree], is_crate: bool) -> bool {
    let [.., last] = before else {
        return false;
    };
    let is_range = before.len() > 1 && is_punct(before.get(before.len() - 2), '.');
    is_punct(Some(last), '.') && !is_range
        || is_punct(Some(last), '\'')
        || is_punct(Some(last), '$') && !is_crate
        || before.len() > 1 && is_separator(&before[before.len() - 2..])
}

impl<'a> Visit<'a> for Names {
    fn visit_item(&mut self, item: &'a syn::Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    // The module's own list of imports has them.
    fn visit_item_use(&mut self, _: &'a syn::ItemUse) {}

    // A module of its own.
    fn visit_item_mod(&mut self, _: &'a syn::ItemMod) {}

    // `pub(in crate::a)` names a module.
    fn visit_visibility(&mut self, _: &'a syn::Visibility) {}

    fn visit_attribute(&mut self, attribute: &'a syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(&list.tokens, Literals::MayBePaths);
        }
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        self.macros.insert(segments(&call.path));
        self.arguments(&call.tokens);
    }

    fn visit_item_macro(&mut self, item: &'a syn::ItemMacro) {
        match &item.ident {
            // The rules of `macro_rules!`.
            Some(_) => self.tokens(&item.mac.tokens, Literals::MayBePaths),
            None => self.visit_macro(&item.mac),
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        if path.leading_colon.is_none() {
            self.note(segments(path));
        }
        visit::visit_path(self, path);
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.function(|names| visit::visit_item_fn(names, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            self.function(|names| visit::visit_impl_item_fn(names, item));
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        self.function(|names| visit::visit_trait_item_fn(names, item));
    }

    fn visit_block(&mut self, block: &'a syn::Block) {
        self.scope(|names| visit::visit_block(names, block));
    }

    fn visit_arm(&mut self, arm: &'a syn::Arm) {
        self.scope(|names| visit::visit_arm(names, arm));
    }

    fn visit_expr_closure(&mut self, closure: &'a syn::ExprClosure) {
        self.scope(|names| visit::visit_expr_closure(names, closure));
    }

    fn visit_expr_for_loop(&mut self, expression: &'a syn::ExprForLoop) {
        self.visit_expr(&expression.expr);
        self.scope(|names| {
            names.visit_pat(&expression.pat);
            names.visit_block(&expression.body);
        });
    }

    fn visit_expr_while(&mut self, expression: &'a syn::ExprWhile) {
        self.scope(|names| visit::visit_expr_while(names, expression));
    }

    fn visit_expr_if(&mut self, expression: &'a syn::ExprIf) {
        self.scope(|names| {
            names.visit_expr(&expression.cond);
            names.visit_block(&expression.then_branch);
        });
        if let Some((_, otherwise)) = &expression.else_branch {
            self.visit_expr(otherwise);
        }
    }

    fn visit_expr_let(&mut self, expression: &'a syn::ExprLet) {
        self.visit_expr(&expression.expr);
        self.visit_pat(&expression.pat);
    }

    fn visit_local(&mut self, local: &'a syn::Local) {
        if let Some(init) = &local.init {
            self.visit_local_init(init);
        }
        self.visit_pat(&local.pat);
    }

    fn visit_pat_ident(&mut self, pattern: &'a syn::PatIdent) {
        let name = pattern.ident.to_string();
        if name.starts_with(char::is_uppercase) {
            // A constant, or a variant.
            self.note(vec![name]);
        } else if let Some(locals) = self.locals.last_mut() {
            locals.insert(name);
        }
        visit::visit_pat_ident(self, pattern);
    }
}

fn segments(path: &syn::Path) -> Segments {
    let segments = path.segments.iter();
    segments.map(|segment| segment.ident.to_string()).collect()
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Union(item) => &item.attrs,
        _ => &[],
    }
}
