//! The arguments of an operator: first the plain ones, then the options, `name = value`.

use proc_macro2::{Group, Ident, Punct, Spacing, TokenTree};

use crate::tokens::{ident, is_punct, turbofish_len};

/// The arguments of one call, as slices of the user's tokens.
pub(crate) struct Args {
    pub(crate) positional: Vec<Vec<TokenTree>>,
    pub(crate) options: Vec<ArgOption>,
    /// Plain arguments that stand behind an option.
    pub(crate) misplaced: Vec<Vec<TokenTree>>,
}

/// `name = value`.
pub(crate) struct ArgOption {
    pub(crate) name: Ident,
    pub(crate) value: Vec<TokenTree>,
}

impl Args {
    pub(crate) fn of(group: &Group) -> Self {
        let mut args = Self { positional: Vec::new(), options: Vec::new(), misplaced: Vec::new() };
        for part in split_at_commas(group.stream().into_iter().collect()) {
            match as_option(&part) {
                Some(option) => args.options.push(option),
                None if args.options.is_empty() => args.positional.push(part),
                None => args.misplaced.push(part),
            }
        }
        args
    }

    /// Makes one argument of the plain ones: where there is only one, its commas are those of types, which are no groups
    /// to the tokenizer.
    pub(crate) fn join_positional(&mut self) {
        let joined = self.positional.join(&TokenTree::Punct(Punct::new(',', Spacing::Alone)));
        self.positional = if joined.is_empty() { Vec::new() } else { vec![joined] };
    }
}

/// A name and a lone `=`: neither `==` nor `=>`.
fn as_option(part: &[TokenTree]) -> Option<ArgOption> {
    let name = ident(part.first())?;
    let Some(TokenTree::Punct(equals)) = part.get(1) else { return None };
    let joined = equals.spacing() == Spacing::Joint
        && matches!(part.get(2), Some(TokenTree::Punct(next)) if "=>".contains(next.as_char()));
    if equals.as_char() != '=' || joined {
        return None;
    }
    Some(ArgOption { name: name.clone(), value: part[2..].to_vec() })
}

/// Splits at the commas that part arguments: not those in `|a, b|`, in `::<A, B>` or in `-> Result<A, B> { .. }`, which
/// are no groups to the tokenizer.
pub(crate) fn split_at_commas(tokens: Vec<TokenTree>) -> Vec<Vec<TokenTree>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_punct(tokens.get(at), ',') {
            parts.push(std::mem::take(&mut part));
            at += 1;
            continue;
        }
        let len = closure_header_len(&tokens[at..], part.last()).max(turbofish_len(&tokens[at..])).max(1);
        part.extend_from_slice(&tokens[at..at + len]);
        at += len;
    }
    // A trailing comma parts nothing.
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// How many tokens `|params| -> Type` at the beginning takes; 0 where no closure begins.
pub(crate) fn closure_header_len(tokens: &[TokenTree], before: Option<&TokenTree>) -> usize {
    if !is_punct(tokens.first(), '|') || !begins_expression(before) {
        return 0;
    }
    let Some(params) = tokens.iter().skip(1).position(|token| is_punct(Some(token), '|')) else { return 0 };
    let mut len = params + 2;
    if is_punct(tokens.get(len), '-') && is_punct(tokens.get(len + 1), '>') {
        // A closure with a return type has a block for a body.
        let is_block = |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Brace);
        len += tokens[len..].iter().position(is_block).unwrap_or(2);
    }
    len
}

/// Whether an expression can begin behind this token; if so, a `|` there opens a closure, and is no operator.
pub(crate) fn begins_expression(before: Option<&TokenTree>) -> bool {
    match before {
        None => true,
        Some(TokenTree::Punct(punct)) => punct.as_char() != '?',
        Some(TokenTree::Ident(word)) => {
            ["async", "break", "else", "in", "move", "return", "static"].contains(&word.to_string().as_str())
        }
        Some(TokenTree::Group(_) | TokenTree::Literal(_)) => false,
    }
}
