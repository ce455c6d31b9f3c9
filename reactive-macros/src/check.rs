//! The mistakes that the compiler cannot word well. It is asked what it can see: tokens, never types.

use proc_macro2::{Group, TokenTree};

use crate::args::Args;
use crate::ast::{Call, Head, Pipeline, Stage};
use crate::errors::Errors;
use crate::literal::is_zero;
use crate::operators;
use crate::tokens::{ident, literal, parenthesised};

pub(crate) fn pipeline(pipeline: &Pipeline, errors: &mut Errors) {
    if let [TokenTree::Ident(function), args] = pipeline.source.as_slice()
        && let Some(args) = parenthesised(Some(args))
    {
        zeros(&function.to_string(), &Args::of(args), errors);
    }
    for stage in &pipeline.stages {
        check_stage(stage, errors);
    }
}

fn check_stage(stage: &Stage, errors: &mut Errors) {
    for attribute in &stage.attributes {
        check_attribute(attribute, errors);
    }
    if let Head::Call(calls, _) = &stage.head {
        for call in calls {
            let args = Args::of(&call.args);
            zeros(&call.name.to_string(), &args, errors);
            order(&args, errors);
        }
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

fn zeros(operator: &str, args: &Args, errors: &mut Errors) {
    let no_zero = operators::row(operator).and_then(|row| row.no_zero);
    if let (Some(message), Some([token])) = (no_zero, args.positional.first().map(Vec::as_slice))
        && let Some(literal) = literal(Some(token)).filter(is_zero)
    {
        errors.add(literal.span(), message);
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
