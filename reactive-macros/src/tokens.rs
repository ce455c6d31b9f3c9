//! Small questions about tokens.

use proc_macro2::{Delimiter, Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};

pub(crate) fn is_punct(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

pub(crate) fn ident(token: Option<&TokenTree>) -> Option<&Ident> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident),
        _ => None,
    }
}

pub(crate) fn parenthesised(token: Option<&TokenTree>) -> Option<&Group> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => Some(group),
        _ => None,
    }
}

/// A literal, also one that comes through a `$l:literal` or a `$e:expr` of the user: those arrive in a group without
/// delimiters.
pub(crate) fn literal(token: Option<&TokenTree>) -> Option<Literal> {
    match token {
        Some(TokenTree::Literal(literal)) => Some(literal.clone()),
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => {
            let mut inside = group.stream().into_iter();
            let first = inside.next();
            if inside.next().is_none() { literal(first.as_ref()) } else { None }
        }
        _ => None,
    }
}

/// Whether a `|>` begins at `at`. No valid Rust has a `|` directly before a `>`, so neither spacing nor context matters.
pub(crate) fn is_pipe(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), '|') && is_punct(tokens.get(at + 1), '>')
}

pub(crate) fn holds_pipe(tokens: &[TokenTree]) -> bool {
    (0..tokens.len()).any(|at| is_pipe(tokens, at))
}

/// How many tokens the `::<..>` at the beginning takes; 0 where there is none.
pub(crate) fn turbofish_len(tokens: &[TokenTree]) -> usize {
    if !(is_punct(tokens.first(), ':') && is_punct(tokens.get(1), ':') && is_punct(tokens.get(2), '<')) {
        return 0;
    }
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(2) {
        let of_an_arrow = is_punct(at.checked_sub(1).and_then(|before| tokens.get(before)), '-');
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' && !of_an_arrow => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// The same group around other tokens.
pub(crate) fn regroup(group: &Group, stream: TokenStream) -> Group {
    let mut regrouped = Group::new(group.delimiter(), stream);
    regrouped.set_span(group.span());
    regrouped
}

/// A brace group, all of it at the span of `at`, around generated tokens: `{ receiver }.name(..)` is the one form of
/// a call whose errors the compiler puts on the name.
pub(crate) fn braced(stream: impl ToTokens, at: Span) -> Group {
    delimited(Delimiter::Brace, stream.into_token_stream(), at)
}

/// `{ receiver }.method({ argument }, ..)`, of generated tokens, all of it at one span. A generated name that stands
/// open as an argument would draw errors to the whole macro.
pub(crate) fn call_at(
    at: Span,
    receiver: impl ToTokens,
    method: &str,
    args: &[&dyn ToTokens],
) -> TokenStream {
    let receiver = braced(receiver, at);
    let method = Ident::new(method, at);
    let args = args.iter().map(|arg| braced(arg, at));
    let args = delimited(Delimiter::Parenthesis, quote_spanned!(at=> #(#args),*), at);
    quote_spanned!(at=> #receiver.#method #args)
}

/// `{ { op }.__below({ items }, { flow }) }.method(0, ..)`: puts an operator below what flows there. The `0` is the `Literal` of the
/// runtime's `below.rs`.
pub(crate) fn put_below(
    at: Span,
    op: impl ToTokens,
    above: &[&dyn ToTokens],
    method: &str,
    args: &[&dyn ToTokens],
) -> TokenStream {
    let below = call_at(at, op, "__below", above);
    let zero = Literal::u8_unsuffixed(0);
    let mut all: Vec<&dyn ToTokens> = vec![&zero];
    all.extend(args);
    call_at(at, below, method, &all)
}

/// The same tokens at another place; they resolve as they did.
pub(crate) fn located(tokens: TokenStream, at: Span) -> TokenStream {
    let locate = |mut token: TokenTree| {
        token.set_span(at.resolved_at(token.span()));
        token
    };
    tokens.into_iter().map(locate).collect()
}

pub(crate) fn delimited(delimiter: Delimiter, stream: TokenStream, at: Span) -> Group {
    let mut group = Group::new(delimiter, stream);
    group.set_span(at);
    group
}
