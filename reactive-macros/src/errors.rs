//! The mistakes of one pipeline: collected, and told all at once.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote_spanned;

/// What is wrong, and where.
#[derive(Default)]
pub(crate) struct Errors(Vec<TokenStream>);

impl Errors {
    pub(crate) fn add(&mut self, span: Span, message: impl AsRef<str>) {
        self.0.push(compile_error(span, message.as_ref()));
    }

    /// On all of the tokens, from the first to the last.
    pub(crate) fn add_over(&mut self, tokens: &[TokenTree], message: impl AsRef<str>) {
        let tokens: TokenStream = tokens.iter().cloned().collect();
        self.0.push(syn::Error::new_spanned(tokens, message.as_ref()).to_compile_error());
    }

    /// Statements, to stand behind the code: text that depends on the user's must not come before the user's.
    pub(crate) fn into_statements(self) -> TokenStream {
        self.0.into_iter().collect()
    }
}

/// An error that is also an expression of the error type: whatever depends on it gives no error of its own.
pub(crate) fn compile_error(span: Span, message: &str) -> TokenStream {
    quote_spanned!(span=> ::core::compile_error! { #message })
}
