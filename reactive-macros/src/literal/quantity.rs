//! A number with a unit, exactly.

use proc_macro2::{Delimiter, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Lit;

use super::unit::{self, Kind, Unit};
use crate::tokens::{delimited, located};

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// The suffixes of Rust's own literals.
const OF_RUST: &[&str] = &[
    "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f16", "f32",
    "f64", "f128",
];

/// What a literal with a unit stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// A whole number of one unit, and the function of that unit.
    Whole {
        function: &'static str,
        count: u64,
    },
    Duration {
        secs: u64,
        nanos: u32,
    },
    Integer(u64),
}

/// The quantity that a literal stands for, or what is wrong with it; `None` where it has no unit.
pub(super) fn parse(literal: &Literal) -> Option<Result<Quantity, String>> {
    let text = literal.to_string();
    let (number, suffix) = match Lit::new(literal.clone()) {
        Lit::Int(int) => (int.base10_digits().to_owned(), int.suffix().to_owned()),
        Lit::Float(float) => (float.base10_digits().to_owned(), float.suffix().to_owned()),
        _ => return None,
    };
    if suffix.is_empty() || OF_RUST.contains(&suffix.as_str()) {
        return None;
    }
    if ["0x", "0o", "0b"].iter().any(|radix| text.starts_with(radix)) {
        return Some(Err(format!(
            "`{text}`: a number with a unit is written in decimal, without `{}`",
            &text[..2]
        )));
    }
    Some(measure(&text, &number, &suffix))
}

fn measure(text: &str, number: &str, suffix: &str) -> Result<Quantity, String> {
    let terms = terms(number, suffix)?;
    let [(_, first), others @ ..] = terms.as_slice() else { unreachable!("a suffix makes a term") };
    let of_time = terms.iter().all(|(_, unit)| unit.kind == Kind::Time);
    let descending = terms.windows(2).all(|pair| pair[0].1.size > pair[1].1.size);
    if !(others.is_empty() || of_time && descending) {
        return Err(format!("`{text}`: only durations are composed, the largest unit first: `1h30min`"));
    }
    let mut total = 0u128;
    for (number, unit) in &terms {
        let part = scale(number, unit).map_err(|wrong| wrong.say(text, unit))?;
        total = total.checked_add(part).ok_or_else(|| Wrong::TooLarge.say(text, unit))?;
    }
    let too_large = || Wrong::TooLarge.say(text, first);
    if first.kind != Kind::Time {
        return u64::try_from(total).map(Quantity::Integer).map_err(|_| too_large());
    }
    let secs = u64::try_from(total / NANOS_PER_SECOND).map_err(|_| too_large())?;
    let nanos = (total % NANOS_PER_SECOND) as u32;
    let whole = (others.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
        .then(|| number.parse().ok());
    Ok(match whole.flatten() {
        Some(count) => Quantity::Whole { function: function(first), count },
        None => Quantity::Duration { secs, nanos },
    })
}

/// `1h30min` is the number `1` with the suffix `h30min`: its terms are `1 h` and `30 min`.
fn terms(number: &str, suffix: &str) -> Result<Vec<(String, &'static Unit)>, String> {
    let mut terms = Vec::new();
    let (mut number, mut rest) = (number.to_owned(), suffix);
    loop {
        let end = rest.find(|char: char| char.is_ascii_digit()).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        terms.push((number, unit::find(name).ok_or_else(|| unit::unknown(name))?));
        if behind.is_empty() {
            return Ok(terms);
        }
        let end = behind.find(|char: char| !char.is_ascii_digit() && char != '_').unwrap_or(behind.len());
        if end == behind.len() {
            return Err(format!("`{behind}` at the end has no unit: {}", unit::ALL));
        }
        number = behind[..end].replace('_', "");
        rest = &behind[end..];
    }
}

enum Wrong {
    NotWhole,
    TooLarge,
}

impl Wrong {
    fn say(&self, text: &str, unit: &Unit) -> String {
        match (self, unit.kind) {
            (Self::NotWhole, Kind::Time) => format!("`{text}` is no whole number of nanoseconds"),
            (Self::NotWhole, Kind::Count) => format!("`{text}` is no whole number"),
            (Self::NotWhole, Kind::Bytes) => format!("`{text}` is no whole number of bytes"),
            (Self::TooLarge, Kind::Time) => {
                format!("`{text}` is too long: a duration has at most `u64::MAX` seconds")
            }
            (Self::TooLarge, Kind::Count | Kind::Bytes) => {
                format!("`{text}` is too large: it is at most `u64::MAX`")
            }
        }
    }
}

/// The number times the size of the unit, exactly: `1.5` of 1000 is 1500.
fn scale(number: &str, unit: &Unit) -> Result<u128, Wrong> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}").parse::<u128>().map_err(|_| Wrong::TooLarge)?;
    let exponent: i64 = exponent.parse().map_err(|_| Wrong::TooLarge)?;
    let scaled = digits.checked_mul(unit.size).ok_or(Wrong::TooLarge)?;
    let exponent = exponent.saturating_sub(fraction.len() as i64);
    let power = u32::try_from(exponent.unsigned_abs()).ok().and_then(|power| 10u128.checked_pow(power));
    match power {
        _ if scaled == 0 => Ok(0),
        Some(power) if exponent >= 0 => scaled.checked_mul(power).ok_or(Wrong::TooLarge),
        Some(power) if scaled % power == 0 => Ok(scaled / power),
        None if exponent >= 0 => Err(Wrong::TooLarge),
        Some(_) | None => Err(Wrong::NotWhole),
    }
}

fn function(unit: &Unit) -> &'static str {
    match unit.suffix {
        "\u{b5}s" | "\u{3bc}s" => "us",
        suffix => suffix,
    }
}

impl Quantity {
    pub(super) fn quote(&self, literal: &Literal, runtime: &TokenStream) -> TokenStream {
        let span = literal.span();
        match *self {
            Self::Whole { function, count } => {
                let function = Ident::new(function, span);
                at_literal(quote!(#runtime::units::#function(#count)), span)
            }
            Self::Duration { secs, nanos } => {
                at_literal(quote!(#runtime::units::duration(#secs, #nanos)), span)
            }
            Self::Integer(value) => number_at(Literal::u64_unsuffixed(value), span),
        }
    }
}

/// A number in the place of the user's: bare, as it may stand in a pattern, so with their very span, where the compiler would
/// point at the whole pipeline for one of the macro's.
pub(super) fn number_at(mut number: Literal, span: Span) -> TokenStream {
    number.set_span(span);
    number.into_token_stream()
}

/// A call in braces that are the user's: the compiler points at those, where it would point at the whole pipeline for the path
/// of the runtime crate. In parentheses, as braces alone may be a statement; those are the macro's, so that no lint asks for
/// fewer.
pub(super) fn at_literal(call: TokenStream, span: Span) -> TokenStream {
    let braces = TokenTree::Group(delimited(Delimiter::Brace, located(call, span), span));
    let of_the_macro = Span::mixed_site().located_at(span);
    TokenTree::Group(delimited(Delimiter::Parenthesis, braces.into(), of_the_macro)).into()
}

/// Whether a literal is zero, whatever its unit.
pub(crate) fn is_zero(literal: &Literal) -> bool {
    let digits = match Lit::new(literal.clone()) {
        Lit::Int(int) => int.base10_digits().to_owned(),
        Lit::Float(float) => float.base10_digits().to_owned(),
        _ => return false,
    };
    let terms = digits.split(['e', 'E']).next().unwrap_or_default();
    terms.bytes().all(|byte| byte == b'0' || byte == b'.')
}
