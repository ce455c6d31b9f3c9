//! What an argument is that gives a source for each item, and how it comes to give a flow.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
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
            Opening::OfTheUser(group) => {
                let inside: Vec<_> = group.stream().into_iter().collect();
                self.opening(&inside)
            }
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
    /// A closure that may return from the midst of its body, or says what it returns, or an expression that gives a closure:
    /// what it returns becomes one.
    Closure(Span),
    /// The path of a function, or of a variable: so does what that returns.
    Function(Span),
    /// What comes through a `$e:expr` of the user, without delimiters.
    OfTheUser(Group),
    /// It stays as it is: a closure around a pipeline, which has a way of its own, one that gives a future, which is none, and
    /// a literal, which is no function.
    Unknown,
}

fn kind(tokens: &[TokenTree]) -> Opening {
    let Some(first) = tokens.first().filter(|_| !holds_pipe(tokens)) else { return Opening::Unknown };
    if ident(Some(first)).is_some_and(|word| word == "async") {
        return Opening::Unknown;
    }
    if let [TokenTree::Group(group)] = tokens
        && group.delimiter() == Delimiter::None
    {
        return Opening::OfTheUser(group.clone());
    }
    let (header, body) = tokens.split_at(header_len(tokens));
    if header.is_empty() {
        let is_path = tokens.iter().all(|token| matches!(token, TokenTree::Ident(_) | TokenTree::Punct(_)));
        return match first {
            _ if is_path => Opening::Function(first.span()),
            TokenTree::Literal(_) => Opening::Unknown,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => Opening::Unknown,
            _ => Opening::Closure(first.span()),
        };
    }
    match body {
        [] => Opening::Unknown,
        _ if says_type(header) || may_return(body) => Opening::Closure(first.span()),
        _ => Opening::Body(header.len()),
    }
}

fn says_type(header: &[TokenTree]) -> bool {
    header.windows(2).any(|two| is_punct(two.first(), '-') && is_punct(two.get(1), '>'))
}

/// Whether it may return from its midst: by name, by a `?`, or within a macro, of which that is not known.
fn may_return(body: &[TokenTree]) -> bool {
    body.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Ident(word) => word == "return",
        TokenTree::Punct(punct) if punct.as_char() == '!' => {
            matches!(body.get(at + 1), Some(TokenTree::Group(_)))
        }
        TokenTree::Punct(punct) => punct.as_char() == '?',
        TokenTree::Group(group) => may_return(&group.stream().into_iter().collect::<Vec<_>>()),
        TokenTree::Literal(_) => false,
    })
}
