//! The arguments of an operator: first the plain ones, then the options, `name = value`.

use proc_macro2::{Group, Ident, Punct, Spacing, Span, TokenTree};

use crate::operators;
use crate::tokens::{ident, is_punct, turbofish_len};

/// The arguments of one call, as slices of the user's tokens.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) positional: Vec<Vec<TokenTree>>,
    pub(crate) options: Vec<ArgOption>,
    /// Plain arguments that stand behind an option.
    pub(crate) misplaced: Vec<Vec<TokenTree>>,
    /// What is written otherwise than it must be, and read as it was meant.
    pub(crate) mistakes: Vec<(Span, String)>,
}

/// `name = value`.
pub(crate) struct ArgOption {
    pub(crate) name: Ident,
    pub(crate) value: Vec<TokenTree>,
}

impl Args {
    pub(crate) fn of(group: &Group) -> Self {
        let mut args = Self::default();
        for mut part in split_at_commas(group.stream().into_iter().collect()) {
            if let Some(at) = missing_comma(&part) {
                let option = part.split_off(at);
                args.mistakes.push((option[0].span(), format!("a `,` is missing before `{}`", option[0])));
                args.add(part);
                args.add(option);
            } else {
                args.add(part);
            }
        }
        args
    }

    /// Those of an operator, of which more may be known.
    pub(crate) fn of_operator(name: &str, group: &Group) -> Self {
        let mut args = Self::of(group);
        args.take_switches(name);
        if operators::row(name).is_some_and(|row| row.takes_source) {
            args.join_source(name);
        }
        args
    }

    fn add(&mut self, part: Vec<TokenTree>) {
        match as_option(&part) {
            Some(option) => {
                if is_punct(part.get(1), ':') {
                    let message = format!("an option is written with a `=`: `{} = value`", option.name);
                    self.mistakes.push((part[1].span(), message));
                }
                self.options.push(option);
            }
            None if self.options.is_empty() => self.positional.push(part),
            None => self.misplaced.push(part),
        }
    }

    /// Takes out the setters that have no value and stand among the arguments.
    fn take_switches(&mut self, operator: &str) {
        let Some((plain, switches)) = operators::switches(operator) else { return };
        let mut at = 0;
        for parts in [&mut self.positional, &mut self.misplaced] {
            parts.retain(|part| {
                at += 1;
                let [TokenTree::Ident(switch)] = part.as_slice() else { return true };
                if at <= plain || switches.iter().all(|name| switch != name) {
                    return true;
                }
                let message = format!("`{switch}` is set by a call: write `{operator}(..).{switch}()`");
                self.mistakes.push((switch.span(), message));
                false
            });
        }
    }

    /// Makes one argument of the plain ones of an operator that takes a source: its commas are those of types, which are no
    /// groups to the tokenizer.
    fn join_source(&mut self, operator: &str) {
        let of_types =
            self.positional.first().is_some_and(|first| first.iter().any(|token| is_punct(Some(token), '<')));
        if of_types {
            self.positional = vec![self.positional.join(&TokenTree::Punct(Punct::new(',', Spacing::Alone)))];
        }
        for surplus in self.positional.drain(1.min(self.positional.len())..) {
            let message =
                format!("`{operator}` takes one source: write another `|> {operator}(..)` for the next");
            self.mistakes.push((surplus[0].span(), message));
        }
    }
}

/// A name and a lone `=`: neither `==` nor `=>`. Or a lone `:`, which no expression has there.
fn as_option(part: &[TokenTree]) -> Option<ArgOption> {
    let name = ident(part.first())?;
    let sign = is_lone(&part[1..], '=', "=>") || is_lone(&part[1..], ':', ":");
    sign.then(|| ArgOption { name: name.clone(), value: part[2..].to_vec() })
}

/// Where a `name = value` begins with no `,` before it: behind the end of an expression, where no name can be.
fn missing_comma(part: &[TokenTree]) -> Option<usize> {
    let ends_expression = |token: &TokenTree| {
        let keyword = |word: &Ident| ["let", "mut", "ref"].contains(&word.to_string().as_str());
        !begins_expression(Some(token)) && !ident(Some(token)).is_some_and(keyword)
    };
    (1..part.len()).find(|&at| {
        ident(part.get(at)).is_some() && is_lone(&part[at + 1..], '=', "=>") && ends_expression(&part[at - 1])
    })
}

/// Whether a `sign` begins these tokens that is not joined to one of `others`.
fn is_lone(tokens: &[TokenTree], sign: char, others: &str) -> bool {
    let Some(TokenTree::Punct(punct)) = tokens.first() else { return false };
    let joined = punct.spacing() == Spacing::Joint
        && matches!(tokens.get(1), Some(TokenTree::Punct(next)) if others.contains(next.as_char()));
    punct.as_char() == sign && !joined
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
