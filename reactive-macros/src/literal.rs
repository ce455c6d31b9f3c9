//! Units: `100ms`, `64KiB`, `20k`, `20/s`, `5%`. A rule on literals, which knows no operator.

mod quantity;
mod rate;
mod unit;

pub(crate) use quantity::is_zero;

use proc_macro2::{TokenStream, TokenTree};

use crate::args::begins_expression;
use crate::errors::compile_error;
use crate::tokens::{is_punct, literal, regroup};

/// Rewrites a whole argument or a whole option value, in which `20/s` is a rate and `5%` a share; `None` where nothing
/// in it is to be rewritten.
pub(crate) fn rewrite_whole(tokens: &[TokenTree], runtime: &TokenStream) -> Option<TokenStream> {
    if let Some(error) = of_a_value(tokens) {
        return Some(error);
    }
    match rate::parse(tokens) {
        Some(Ok(rate)) => Some(rate.quote(runtime)),
        Some(Err((span, message))) => Some(compile_error(span, &message)),
        None => rewrite(tokens, runtime),
    }
}

/// Rewrites the unit literals at any depth; `None` where there are none.
///
/// Groups that hold none stay the user's own: their spans are exact, and the compiler's messages too.
pub(crate) fn rewrite(tokens: &[TokenTree], runtime: &TokenStream) -> Option<TokenStream> {
    let mut changed = false;
    let mut rewritten = TokenStream::new();
    let mut tokens_left = tokens.iter().enumerate();
    while let Some((at, token)) = tokens_left.next() {
        let new = match token {
            TokenTree::Group(_) if is_nested_pipeline(&tokens[..at]) => None,
            TokenTree::Group(group) => {
                let inside: Vec<_> = group.stream().into_iter().collect();
                let new = rewrite(&inside, runtime).map(|stream| TokenTree::Group(regroup(group, stream)));
                new.map(TokenStream::from)
            }
            TokenTree::Literal(_) => match apart(&tokens[at..]) {
                Some(error) => {
                    tokens_left.next();
                    Some(error)
                }
                None => rewrite_literal(tokens, at, runtime),
            },
            TokenTree::Ident(_) | TokenTree::Punct(_) => None,
        };
        changed |= new.is_some();
        rewritten.extend(new.unwrap_or_else(|| TokenStream::from(token.clone())));
    }
    changed.then_some(rewritten)
}

/// A number and its unit with a space between them, which no Rust can be.
fn apart(tokens: &[TokenTree]) -> Option<TokenStream> {
    let [TokenTree::Literal(number), TokenTree::Ident(unit), ..] = tokens else { return None };
    let is_unit = number.to_string().starts_with(|char: char| char.is_ascii_digit())
        && unit::find(&unit.to_string()).is_some();
    is_unit
        .then(|| compile_error(unit.span(), &format!("a unit stands at its number: write `{number}{unit}`")))
}

/// A unit behind a name, as a whole argument: no Rust, unless the name is a keyword.
fn of_a_value(tokens: &[TokenTree]) -> Option<TokenStream> {
    let [TokenTree::Ident(value), TokenTree::Ident(unit)] = tokens else { return None };
    let keyword = ["break", "loop", "move", "return", "unsafe"].contains(&value.to_string().as_str());
    (!keyword && unit::find(&unit.to_string()).is_some()).then(|| {
        let message = format!(
            "a unit is part of a number, and `{value}` is a value: for a duration write \
             `Duration::from_millis({value})`"
        );
        compile_error(unit.span(), &message)
    })
}

/// The tokens of a nested `pipeline! { .. }` are its own to rewrite.
fn is_nested_pipeline(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Ident(name), bang] if *name == "pipeline" && is_punct(Some(bang), '!'))
}

/// A mistake stands in the place of its literal, where an expression of the error type causes no second error.
fn rewrite_literal(tokens: &[TokenTree], at: usize, runtime: &TokenStream) -> Option<TokenStream> {
    let literal = literal(tokens.get(at))?;
    Some(match quantity::parse(&literal)? {
        Ok(_) if is_unary_minus(&tokens[..at]) => compile_error(
            tokens[at - 1].span(),
            &format!("`-{literal}`: a quantity with a unit cannot be negative"),
        ),
        Ok(quantity) => quantity.quote(&literal, runtime),
        Err(message) => compile_error(literal.span(), &message),
    })
}

fn is_unary_minus(before: &[TokenTree]) -> bool {
    match before {
        [.., minus] if is_punct(Some(minus), '-') => begins_expression(before.iter().rev().nth(1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
