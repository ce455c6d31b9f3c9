//! The mistakes that the compiler cannot word well. It is asked what it can see: tokens, never types.

use proc_macro2::{Group, TokenTree};

use crate::args::Args;
use crate::ast::{Call, Head, Pipeline, Stage};
use crate::errors::Errors;
use crate::expand::Kind;
use crate::header::Header;
use crate::literal::is_zero;
use crate::operators::{self, Argument};
use crate::tokens::{ident, is_punct, literal, parenthesised};

pub(crate) fn pipeline(pipeline: &Pipeline, kind: Kind, errors: &mut Errors) {
    if kind == Kind::Fragment {
        header_of_fragment(&pipeline.header, errors);
    }
    if let [TokenTree::Ident(function), args] = pipeline.source.as_slice()
        && let Some(args) = parenthesised(Some(args))
    {
        zeros(&function.to_string(), &Args::of(args), &[], errors);
    }
    for stage in &pipeline.stages {
        check_stage(stage, errors);
    }
}

/// `stage!` begins with a type; a number or a range there is a source.
pub(crate) fn item_type(pipeline: &Pipeline, errors: &mut Errors) -> bool {
    let source = &pipeline.source;
    let is_range = source.windows(2).any(|two| is_punct(two.first(), '.') && is_punct(two.get(1), '.'));
    let is_source = is_range || literal(source.first()).is_some();
    if is_source {
        errors.add_over(
            source,
            "`stage!` begins with the type of its items, `stage! { u32 |> .. }`, and this is a source: write `pipeline!`",
        );
    }
    !is_source
}

/// A fragment is a stage of the pipelines that it stands in, which have the name and the watch.
fn header_of_fragment(header: &Header, errors: &mut Errors) {
    if let Some(name) = &header.name {
        errors.add(name.span(), "a `stage!` has no name: name the pipelines that it stands in");
    }
    if let Some(watch) = &header.watch {
        errors.add(watch.name.span(), "a `stage!` is watched with the pipelines that it stands in");
    }
}

fn check_stage(stage: &Stage, errors: &mut Errors) {
    for attribute in &stage.attributes {
        check_attribute(attribute, errors);
    }
    if let Head::Call(calls, _) = &stage.head {
        let name = calls[0].name.to_string();
        let args = Args::of_operator(&name, &calls[0].args);
        zeros(&name, &args, &calls[1..], errors);
        order(&args, errors);
        let of_setters = calls[1..].iter().map(|setter| Args::of(&setter.args));
        of_setters.chain([args]).for_each(|args| mistakes(args, errors));
        repetition(calls, errors);
    }
}

/// Attributes of lints are passed on, docs are for the reader; whatever changes the code would have to change the types
/// of all that follows.
fn check_attribute(attribute: &Group, errors: &mut Errors) {
    let inside: Vec<_> = attribute.stream().into_iter().collect();
    let name = ident(inside.first()).map(ToString::to_string).unwrap_or_default();
    if name != "doc" && !is_lint(&name) {
        errors.add_over(
            &[TokenTree::Group(attribute.clone())],
            "a stage takes doc comments and the attributes of lints (`#[allow(..)]`, `#[expect(..)]`): for code that depends on \
             a condition, write the pipeline twice",
        );
    }
}

pub(crate) fn is_lint(attribute: &str) -> bool {
    ["allow", "deny", "expect", "forbid", "warn"].contains(&attribute)
}

/// Literal zeros in the arguments of an operator, in its options by name, and in those by method.
fn zeros(operator: &str, args: &Args, setters: &[Call], errors: &mut Errors) {
    let Some(row) = operators::row(operator) else { return };
    for (argument, message) in row.no_zero {
        let values: Vec<_> = match argument {
            Argument::At(at) => args.positional.get(*at).into_iter().cloned().collect(),
            Argument::Option(name) => {
                let by_name = args.options.iter().filter(|option| option.name == name);
                let by_method = setters.iter().filter(|setter| setter.name == name);
                by_name
                    .map(|option| option.value.clone())
                    .chain(by_method.map(|setter| setter.args.stream().into_iter().collect()))
                    .collect()
            }
        };
        let zeros = values.iter().filter_map(|value| match value.as_slice() {
            [token] => literal(Some(token)).filter(is_zero),
            _ => None,
        });
        zeros.for_each(|zero| errors.add(zero.span(), message));
    }
}

fn mistakes(args: Args, errors: &mut Errors) {
    for (span, message) in args.mistakes {
        errors.add(span, message);
    }
}

fn order(args: &Args, errors: &mut Errors) {
    for argument in &args.misplaced {
        errors.add_over(argument, "an argument stands before the options: `name(argument, option = value)`");
    }
}

/// An option by name, given again by name or by method. By method alone it may be a setter that adds something each time.
fn repetition(calls: &[Call], errors: &mut Errors) {
    let by_name: Vec<_> = Args::of(&calls[0].args).options.into_iter().map(|option| option.name).collect();
    let by_method = calls[1..].iter().map(|call| &call.name);
    for (at, option) in by_name.iter().chain(by_method).enumerate() {
        if by_name.iter().take(at).any(|before| before == option) {
            errors.add(option.span(), format!("the option `{option}` is given twice: take one of them away"));
        }
    }
}
