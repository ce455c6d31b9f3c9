//! What stands before the source: `"users", watch = &profiler:`, the name of a pipeline and its options.

use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};
use quote::quote;

use crate::args::{ArgOption, Args};
use crate::errors::Errors;
use crate::tokens::{ident, is_pipe, is_punct, literal};

/// The name of a pipeline and its options.
#[derive(Default)]
pub(crate) struct Header {
    /// A string literal.
    pub(crate) name: Option<Literal>,
    /// `watch = ..`: what watches it.
    pub(crate) watch: Option<ArgOption>,
}

impl Header {
    /// Takes the header off the tokens, if there is one.
    pub(crate) fn take(tokens: &mut Vec<TokenTree>, errors: &mut Errors) -> Self {
        let Some(colon) = colon(tokens) else {
            if is_without_colon(tokens) {
                let name = tokens.remove(0);
                let message = format!("a `:` is missing behind the name: write `{name}: source |> ..`");
                errors.add(name.span(), message);
            }
            return Self::default();
        };
        let header: Vec<_> = tokens.drain(..=colon).take(colon).collect();
        Self::parse(&header, errors)
    }

    fn parse(header: &[TokenTree], errors: &mut Errors) -> Self {
        let mut parsed = Self::default();
        let group = Group::new(Delimiter::Parenthesis, header.iter().cloned().collect());
        let args = Args::of(&group);
        for (at, name) in args.positional.iter().enumerate() {
            if at == 0 {
                parsed.name = named(name, errors);
            } else {
                errors.add_over(name, "a pipeline has one name: take this away");
            }
        }
        for misplaced in &args.misplaced {
            errors.add_over(
                misplaced,
                "the name stands before the options: `\"name\", option = value: source |> ..`",
            );
        }
        for (span, message) in args.mistakes {
            errors.add(span, message);
        }
        for option in args.options {
            if option.name != "watch" {
                let message = format!("a pipeline has no option `{}`: there is `watch`", option.name);
                errors.add(option.name.span(), message);
            } else if option.value.is_empty() {
                errors.add(option.name.span(), "the option `watch` has no value: write `watch = value`");
            } else if parsed.watch.is_some() {
                errors.add(
                    option.name.span(),
                    "the option `watch` is given twice: write `watch = (one, other)`",
                );
            } else {
                parsed.watch = Some(option);
            }
        }
        parsed
    }

    /// The name, as the plan has it.
    pub(crate) fn quoted_name(&self) -> TokenStream {
        match &self.name {
            Some(name) => quote!(::core::option::Option::Some(#name)),
            None => quote!(::core::option::Option::None),
        }
    }
}

/// Where the `:` is that ends a header. No source has one outside of groups, but behind a label.
fn colon(tokens: &[TokenTree]) -> Option<usize> {
    if is_punct(tokens.first(), '\'') {
        return None;
    }
    let mut at = 0;
    while at < tokens.len() && !is_pipe(tokens, at) {
        if !is_punct(tokens.get(at), ':') {
            at += 1;
        } else if is_punct(tokens.get(at + 1), ':') {
            at += 2;
        } else {
            return Some(at);
        }
    }
    None
}

/// Whether a string is followed by what must be a source: a string is one itself only with something behind it that makes
/// one of it.
fn is_without_colon(tokens: &[TokenTree]) -> bool {
    matches!(tokens.get(1), Some(TokenTree::Ident(_) | TokenTree::Literal(_)))
        && literal(tokens.first()).is_some_and(|name| is_string(&name))
        && ident(tokens.get(1)).is_none_or(|word| word != "as")
}

fn named(name: &[TokenTree], errors: &mut Errors) -> Option<Literal> {
    match name {
        [] => {}
        [token] if literal(Some(token)).is_some_and(|name| is_string(&name)) => {
            let name = literal(Some(token));
            if name.as_ref().is_some_and(|name| name.to_string().trim_matches(['r', '#']) == "\"\"") {
                errors.add(token.span(), "a name has at least one letter: write `\"name\": source |> ..`");
            }
            return name;
        }
        [TokenTree::Ident(word)] => errors.add(
            word.span(),
            format!("the name of a pipeline is a string literal: write `\"{word}\": source |> ..`"),
        ),
        other => errors.add_over(
            other,
            "the name of a pipeline is a string literal, as the plan of a pipeline is static: write \
             `\"name\": source |> ..`",
        ),
    }
    None
}

fn is_string(literal: &Literal) -> bool {
    let text = literal.to_string();
    text.starts_with('"') || text.starts_with("r\"") || text.starts_with("r#")
}
