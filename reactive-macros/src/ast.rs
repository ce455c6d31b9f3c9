//! A pipeline taken apart: it knows `|>`, and no operator but by the table of hints.
//!
//! It takes anything: a mistake is told, and what can be understood of the rest is kept, so that the editor goes on
//! working in a half-typed pipeline.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenTree};

use crate::errors::Errors;
use crate::header::Header;
use crate::operators;
use crate::tokens::{ident, is_pipe, is_punct, parenthesised, turbofish_len};

/// `"name", option = value: source |> stage |> stage`.
pub(crate) struct Pipeline {
    pub(crate) header: Header,
    pub(crate) source: Vec<TokenTree>,
    pub(crate) stages: Vec<Stage>,
}

/// `#[attribute] name::<T>(args).setter(args)?`, behind a `|>`.
pub(crate) struct Stage {
    /// Where its `|>` stands.
    pub(crate) pipe: Span,
    pub(crate) attributes: Vec<Group>,
    pub(crate) head: Head,
    /// Its `?`s.
    pub(crate) questions: Vec<Span>,
    /// All of it but the attributes, as written.
    pub(crate) tokens: Vec<TokenTree>,
}

/// What a stage does.
pub(crate) enum Head {
    /// A call of an operator, then of its setters; and a setter that is not a call yet.
    Call(Vec<Call>, Option<Ident>),
    /// A fragment: an expression that is no call of an operator.
    Value(Vec<TokenTree>),
    /// A mistake, so that what flows below is not known: the name it begins with, and what to say.
    Mistake(Ident, String),
    /// Nothing: there is a mistake in its place.
    Nothing,
}

/// `name::<T>(args)`.
pub(crate) struct Call {
    pub(crate) name: Ident,
    pub(crate) turbofish: Vec<TokenTree>,
    pub(crate) args: Group,
}

impl Pipeline {
    pub(crate) fn parse(mut tokens: Vec<TokenTree>, errors: &mut Errors) -> Self {
        let header = Header::take(&mut tokens, errors);
        let mut parts = split_at_pipes(tokens);
        move_attributes_down(&mut parts);
        let mut parts = parts.into_iter();
        let source = parts.next().map(|part| part.tokens).unwrap_or_default();
        let (source, mut stages) = parse_source(source, errors);
        for part in parts {
            parse_stages(part, &mut stages, errors);
        }
        Self { header, source, stages }
    }
}

/// What stands between two `|>`.
struct Part {
    /// The `|>` before it.
    pipe: Span,
    attributes: Vec<Group>,
    tokens: Vec<TokenTree>,
}

impl Part {
    fn behind(pipe: Span, tokens: Vec<TokenTree>) -> Self {
        Self { pipe, attributes: Vec::new(), tokens }
    }
}

fn split_at_pipes(tokens: Vec<TokenTree>) -> Vec<Part> {
    let mut parts = vec![Part::behind(Span::call_site(), Vec::new())];
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if is_pipe(&tokens, at) {
            parts.push(Part::behind(token.span(), Vec::new()));
            at += 2;
        } else {
            parts.last_mut().expect("a first part").tokens.push(token.clone());
            at += 1;
        }
    }
    parts
}

/// Attributes and doc comments stand before the `|>` or behind it; both are of the stage that follows.
fn move_attributes_down(parts: &mut [Part]) {
    for at in 1..parts.len() {
        let mut attributes = Vec::new();
        while let Some(attribute) = trailing_attribute(&mut parts[at - 1].tokens) {
            attributes.insert(0, attribute);
        }
        while let Some(attribute) = leading_attribute(&mut parts[at].tokens) {
            attributes.push(attribute);
        }
        parts[at].attributes = attributes;
    }
}

fn trailing_attribute(tokens: &mut Vec<TokenTree>) -> Option<Group> {
    let [.., hash, TokenTree::Group(_)] = tokens.as_slice() else { return None };
    if !is_punct(Some(hash), '#') {
        return None;
    }
    let Some(TokenTree::Group(group)) = tokens.pop() else { return None };
    tokens.pop();
    Some(group)
}

fn leading_attribute(tokens: &mut Vec<TokenTree>) -> Option<Group> {
    let [hash, TokenTree::Group(_), ..] = tokens.as_slice() else { return None };
    if !is_punct(Some(hash), '#') {
        return None;
    }
    let mut taken = tokens.drain(..2);
    let Some(TokenTree::Group(group)) = taken.nth(1) else { return None };
    drop(taken);
    Some(group)
}

/// The source, and the stages that follow it behind something else than a `|>`.
fn parse_source(tokens: Vec<TokenTree>, errors: &mut Errors) -> (Vec<TokenTree>, Vec<Stage>) {
    let mut stages = Vec::new();
    // A `|` is an operator of Rust too: it is a mistake for sure only before an operator that the table knows. A `.` is
    // none: an iterator has methods of the same names.
    let mistaken = (1..tokens.len()).find_map(|at| {
        let separator = separator_len(&tokens[at..]);
        let name = ident(tokens.get(at + separator))?.to_string();
        let call = separator > 0 && !is_punct(tokens.get(at), '.') && call_len(&tokens[at + separator..]) > 0;
        (call && operators::row(&name).is_some()).then_some((at, separator))
    });
    let Some((at, len)) = mistaken else { return (tokens, stages) };
    wrong_separator(&tokens[at..at + len], errors);
    let part = Part::behind(tokens[at].span(), tokens[at + len..].to_vec());
    parse_stages(part, &mut stages, errors);
    (tokens[..at].to_vec(), stages)
}

/// The stage of a part; or more, where something else than a `|>` parts them.
fn parse_stages(part: Part, stages: &mut Vec<Stage>, errors: &mut Errors) {
    let mut pipe = part.pipe;
    let mut attributes = part.attributes;
    let mut rest = part.tokens.as_slice();
    loop {
        let (stage, behind) = parse_stage(pipe, std::mem::take(&mut attributes), rest, errors);
        stages.push(stage);
        let Some(next) = behind.first() else { return };
        let separator = separator_len(behind);
        let Some(name) = ident(behind.get(separator)) else {
            errors.add_over(behind, misplaced(behind));
            return;
        };
        if separator > 0 {
            wrong_separator(&behind[..separator], errors);
        } else {
            errors.add(name.span(), format!("a `|>` is missing before `{name}`"));
        }
        pipe = next.span();
        rest = &behind[separator..];
    }
}

/// What cannot stand behind a stage, in words.
fn misplaced(behind: &[TokenTree]) -> &'static str {
    match behind {
        [semicolon] if is_punct(Some(semicolon), ';') => "a pipeline ends without a `;`: take it away",
        _ => "this cannot stand here: a stage is `name(arguments)`, then `.setter(arguments)`, then `?`",
    }
}

/// One stage, and the tokens behind it.
fn parse_stage<'a>(
    pipe: Span,
    attributes: Vec<Group>,
    tokens: &'a [TokenTree],
    errors: &mut Errors,
) -> (Stage, &'a [TokenTree]) {
    let (head, head_len) = parse_head(pipe, tokens, errors);
    let questions: Vec<_> = tokens[head_len..]
        .iter()
        .take_while(|token| is_punct(Some(token), '?'))
        .map(TokenTree::span)
        .collect();
    let (taken, behind) = tokens.split_at(head_len + questions.len());
    let behind = setters_behind_question(&questions, behind, errors);
    (Stage { pipe, attributes, head, questions, tokens: taken.to_vec() }, behind)
}

fn parse_head(pipe: Span, tokens: &[TokenTree], errors: &mut Errors) -> (Head, usize) {
    if tokens.is_empty() {
        errors.add(
            pipe,
            "a stage is missing behind this `|>`: write `|> operator(arguments)`, or take the `|>` away",
        );
        return (Head::Nothing, 0);
    }
    let Some(name) = ident(tokens.first()) else {
        errors.add_over(tokens, "a stage is a call of an operator: `|> operator(arguments)`");
        return (Head::Nothing, tokens.len());
    };
    let mut len = call_len(tokens);
    if len == 0 {
        return parse_value(name, tokens);
    }
    let mut calls = vec![call(&tokens[..len])];
    while is_punct(tokens.get(len), '.')
        && let Some(setter) = ident(tokens.get(len + 1))
        && !is_operator(setter)
    {
        if *setter == "await" {
            errors.add(setter.span(), "`.await` stands behind the pipeline: `pipeline! { .. }.await`");
            return (Head::Call(calls, None), len + 2);
        }
        let setter_len = call_len(&tokens[len + 1..]);
        if setter_len == 0 {
            errors.add(setter.span(), format!("an option is set by a call: write `.{setter}(..)`"));
            return (Head::Call(calls, Some(setter.clone())), len + 2);
        }
        calls.push(call(&tokens[len + 1..=len + setter_len]));
        len += 1 + setter_len;
    }
    (Head::Call(calls, None), len)
}

/// How many tokens `name::<T>(args)` at the beginning takes; 0 where it is none.
fn call_len(tokens: &[TokenTree]) -> usize {
    if ident(tokens.first()).is_none() {
        return 0;
    }
    let turbofish = turbofish_len(&tokens[1..]);
    if parenthesised(tokens.get(1 + turbofish)).is_some() { turbofish + 2 } else { 0 }
}

fn call(tokens: &[TokenTree]) -> Call {
    match tokens {
        [TokenTree::Ident(name), turbofish @ .., TokenTree::Group(args)] => {
            Call { name: name.clone(), turbofish: turbofish.to_vec(), args: args.clone() }
        }
        _ => unreachable!("`call_len` found a name and a group"),
    }
}

fn is_operator(name: &Ident) -> bool {
    operators::row(&name.to_string()).is_some()
}

/// `clean`, `self.clean.clone()`: a fragment. What else has no call is a mistake, with all that follows it.
fn parse_value(name: &Ident, tokens: &[TokenTree]) -> (Head, usize) {
    let mut len = 1;
    while is_punct(tokens.get(len), ':')
        && is_punct(tokens.get(len + 1), ':')
        && ident(tokens.get(len + 2)).is_some()
    {
        len += 3;
    }
    let path = || tokens[..len].iter().map(ToString::to_string).collect::<String>();
    let mistake = match tokens.get(len) {
        Some(TokenTree::Group(group)) if len > 1 && group.delimiter() == Delimiter::Parenthesis => {
            format!(
                "an operator is named without a path: for a function from items to an operator write `via({})`",
                path()
            )
        }
        Some(TokenTree::Group(_)) => {
            format!("the arguments of `{name}` stand in parentheses: write `{name}(..)`")
        }
        Some(TokenTree::Punct(punct)) if punct.as_char() == '<' => {
            format!("types are given behind `::`: write `{name}::<..>(..)`")
        }
        Some(TokenTree::Punct(punct)) if punct.as_char() == '!' => {
            format!("a stage is the call of an operator, and `{name}!` is a macro")
        }
        None | Some(_) if len == 1 && is_operator(name) => {
            format!("a stage is a call, and `{name}` is none: write `{name}(..)`")
        }
        None | Some(_) => {
            while is_punct(tokens.get(len), '.') && ident(tokens.get(len + 1)).is_some() {
                len += 1 + call_len(&tokens[len + 1..]).max(1);
            }
            return (Head::Value(tokens[..len].to_vec()), len);
        }
    };
    // What follows is part of the mistake, unless it is a stage behind something like a `|>`.
    let separator = separator_len(&tokens[len..]);
    let taken = if separator > 0 && call_len(&tokens[len + separator..]) > 0 { len } else { tokens.len() };
    (Head::Mistake(name.clone(), mistake), taken)
}

/// Setters stand before the `?`; behind it they are told, and passed over.
fn setters_behind_question<'a>(
    questions: &[Span],
    behind: &'a [TokenTree],
    errors: &mut Errors,
) -> &'a [TokenTree] {
    if questions.is_empty() || !is_punct(behind.first(), '.') {
        return behind;
    }
    let len = call_len(&behind[1..]);
    let Some(setter) = ident(behind.get(1)).filter(|_| len > 0) else { return behind };
    errors.add(
        setter.span(),
        format!("`.{setter}(..)` stands before the `?`: an option is of the operator, not of its items"),
    );
    &behind[1 + len..]
}

/// How many tokens at the beginning look like a mistaken `|>`.
fn separator_len(tokens: &[TokenTree]) -> usize {
    let text: String = tokens
        .iter()
        .map_while(|token| match token {
            TokenTree::Punct(punct) => Some(punct.as_char()),
            _ => None,
        })
        .collect();
    if [".", "|", "||", ">>", ">", "=>", "->", "|>>", ",", ";"].contains(&text.as_str()) {
        text.len()
    } else {
        0
    }
}

fn wrong_separator(separator: &[TokenTree], errors: &mut Errors) {
    let found: String = separator.iter().map(ToString::to_string).collect();
    errors.add_over(separator, format!("stages are parted by `|>`, and this is `{found}`"));
}
