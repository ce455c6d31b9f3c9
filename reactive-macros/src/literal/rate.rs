//! `20/s` and `5%`: quantities of more than one token.

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::quote;
use syn::Lit;

use super::quantity::{at_literal, is_zero, number_at};
use super::unit::{self, Kind};
use crate::tokens::{ident, is_punct, literal};

/// What the tokens stand for.
pub(super) enum Ratio {
    Rate { constructor: &'static str, count: f64, span: Span },
    Share { share: f64, span: Span },
}

/// `NUMBER/unit` or `NUMBER%`, or what is wrong with it; `None` where it is neither.
pub(super) fn parse(tokens: &[TokenTree]) -> Option<Result<Ratio, (Span, String)>> {
    if let [minus, rest @ ..] = tokens
        && is_punct(Some(minus), '-')
    {
        parse(rest)?.ok()?;
        return Some(Err((minus.span(), "a rate or a share cannot be negative".to_owned())));
    }
    let (number, rest) = tokens.split_first()?;
    let number = literal(Some(number))?;
    match rest {
        [percent] if is_punct(Some(percent), '%') => Some(share(&number)),
        [slash, unit] if is_punct(Some(slash), '/') => {
            let constructor = constructor(ident(Some(unit))?)?;
            Some(rate(&number, constructor))
        }
        _ => None,
    }
}

fn constructor(unit: &Ident) -> Option<&'static str> {
    match unit.to_string().as_str() {
        "s" => Some("per_second"),
        "ms" => Some("per_millisecond"),
        "min" => Some("per_minute"),
        "h" => Some("per_hour"),
        _ => None,
    }
}

fn rate(number: &Literal, constructor: &'static str) -> Result<Ratio, (Span, String)> {
    let span = number.span();
    let count = value(number).map_err(|message| (span, message))?;
    if is_zero(number) {
        return Err((span, "a rate of 0 has no meaning: give it a positive number".to_owned()));
    }
    Ok(Ratio::Rate { constructor, count, span })
}

fn share(number: &Literal) -> Result<Ratio, (Span, String)> {
    let span = number.span();
    let percent = value(number).map_err(|message| (span, message))?;
    if percent > 100.0 {
        return Err((span, format!("`{number}%` is more than all: a share is at most `100%`")));
    }
    Ok(Ratio::Share { share: percent / 100.0, span })
}

/// The number, which may be a count such as `10k`.
fn value(number: &Literal) -> Result<f64, String> {
    let (digits, suffix) = match Lit::new(number.clone()) {
        Lit::Int(int) => (int.base10_digits().to_owned(), int.suffix().to_owned()),
        Lit::Float(float) => (float.base10_digits().to_owned(), float.suffix().to_owned()),
        _ => return Err(format!("`{number}` is no number")),
    };
    let digits: f64 = digits.parse().map_err(|_| format!("`{number}` is no number"))?;
    match unit::find(&suffix) {
        None if suffix.is_empty() => Ok(digits),
        Some(unit) if unit.kind == Kind::Count => Ok(digits * unit.size as f64),
        _ => Err(format!("`{number}`: the number of a rate or a share has no unit but `k`, `M` or `G`")),
    }
}

impl Ratio {
    pub(super) fn quote(&self, runtime: &TokenStream) -> TokenStream {
        match *self {
            Self::Rate { constructor, count, span } => {
                let constructor = Ident::new(constructor, span);
                at_literal(quote!(#runtime::Rate::#constructor(#count)), span)
            }
            Self::Share { share, span } => number_at(Literal::f64_suffixed(share), span),
        }
    }
}
