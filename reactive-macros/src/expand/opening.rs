//! What an argument is that gives a source for each item, and how it comes to give a flow.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};

use super::{Code, header_len};
use crate::literal;
use crate::tokens::{braced, call_at, holds_pipe, ident, is_punct};

impl Code<'_> {
    /// What gives a source for each item: so that the source may be anything that a pipeline begins with.
    pub(super) fn opening(&self, tokens: &[TokenTree]) -> Option<TokenStream> {
        let whole =
            || literal::rewrite(tokens, self.runtime).unwrap_or_else(|| tokens.iter().cloned().collect());
        match kind(tokens) {
            Opening::Body(len) => {
                let (header, body) = tokens.split_at(len);
                let header: TokenStream = header.iter().cloned().collect();
                let opened = self.opened(body, body.first()?.span());
                Some(quote!(#header #opened))
            }
            Opening::Closure(at) => {
                let closure = call_at(at, self.token(), "__opens", &[&whole()]);
                Some(self.calling(&closure, at))
            }
            Opening::Function(at) => Some(self.calling(&whole(), at)),
            Opening::Unknown => self.value(tokens, false),
        }
    }

    /// A source, to be run within the pipeline.
    fn opened(&self, source: &[TokenTree], at: Span) -> Group {
        let (runtime, flow) = (self.runtime, self.flow_of(source, at));
        braced(quote!(#runtime::__private::Opened(#flow)), at)
    }

    /// A closure that calls a function for a source.
    fn calling(&self, function: &TokenStream, at: Span) -> TokenStream {
        let span = Span::mixed_site().located_at(at);
        let (open, item) = (Ident::new("__open", span), Ident::new("__item", span));
        let call: Vec<TokenTree> = quote_spanned!(at=> #open(#item)).into_iter().collect();
        let opened = self.opened(&call, at);
        quote!({
            #[allow(unused_mut)]
            let mut #open = #function;
            move |#item| #opened
        })
    }
}

/// How it is made to give a flow.
enum Opening {
    /// A closure with so many tokens before its body: the body becomes one.
    Body(usize),
    /// A closure that says what it returns: what it returns becomes one.
    Closure(Span),
    /// The path of a function, or of a variable: so does what that returns.
    Function(Span),
    /// Whatever else: it stays as it is. So does a closure around a pipeline, which has a way of its own, and one that gives
    /// a future, which is none.
    Unknown,
}

fn kind(tokens: &[TokenTree]) -> Opening {
    let Some(first) = tokens.first().filter(|_| !holds_pipe(tokens)) else { return Opening::Unknown };
    if ident(Some(first)).is_some_and(|word| word == "async") {
        return Opening::Unknown;
    }
    let (header, body) = tokens.split_at(header_len(tokens));
    if header.is_empty() {
        let is_path = tokens.iter().all(|token| matches!(token, TokenTree::Ident(_) | TokenTree::Punct(_)));
        return if is_path { Opening::Function(first.span()) } else { Opening::Unknown };
    }
    match body {
        [] => Opening::Unknown,
        _ if says_type(header) || body.iter().any(returns) => Opening::Closure(first.span()),
        _ => Opening::Body(header.len()),
    }
}

fn says_type(header: &[TokenTree]) -> bool {
    header.windows(2).any(|two| is_punct(two.first(), '-') && is_punct(two.get(1), '>'))
}

fn returns(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(word) => word == "return",
        TokenTree::Group(group) => group.stream().into_iter().any(|token| returns(&token)),
        _ => false,
    }
}
