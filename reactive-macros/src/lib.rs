//! The proc macro behind `pipeline!` of `reactive-runtime`, which documents and re-exports it.
//!
//! The passes: `ast` takes the tokens apart at `|>`, `check` words the mistakes that the compiler cannot word well,
//! `expand` quotes. Arguments are never parsed: the user's tokens go through with their spans.

mod args;
mod ast;
mod check;
mod errors;
mod expand;
mod header;
mod literal;
mod operators;
mod plan;
mod run;
mod tokens;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::ast::Pipeline;
use crate::errors::Errors;
use crate::expand::Kind;

/// `pipeline!`, after the path of the runtime crate in parentheses: `(crate::path) source |> ..`.
#[doc(hidden)]
#[proc_macro]
pub fn pipeline(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expanded(input.into(), Kind::Pipeline).into()
}

/// `stage!`, after the path of the runtime crate in parentheses: `(crate::path) Type |> ..`.
#[doc(hidden)]
#[proc_macro]
pub fn stage(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expanded(input.into(), Kind::Fragment).into()
}

fn expanded(input: TokenStream, kind: Kind) -> TokenStream {
    let (runtime, body) = split_runtime(input);
    let mut errors = Errors::default();
    let mut pipeline = Pipeline::parse(body, &mut errors);
    if kind == Kind::Fragment && !check::item_type(&pipeline, &mut errors) {
        pipeline.source.clear();
    }
    check::pipeline(&pipeline, kind, &mut errors);
    expand::pipeline(&pipeline, kind, &runtime, errors)
}

/// The path of the runtime crate, which the `macro_rules!` in front passes on, and the user's tokens.
fn split_runtime(input: TokenStream) -> (TokenStream, Vec<TokenTree>) {
    let mut tokens = input.into_iter();
    match tokens.next() {
        Some(TokenTree::Group(path)) if path.delimiter() == Delimiter::Parenthesis => {
            (path.stream(), tokens.collect())
        }
        first => (quote::quote!(::reactive_runtime), first.into_iter().chain(tokens).collect()),
    }
}
