//! The static plan of a pipeline: the name, the text and the line of each stage.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::quote;

use crate::ast::{Head, Pipeline, Stage};

/// The plan, as a statement that binds `name`. It stands behind the code, as its texts depend on the user's; its constant
/// is in a scope of its own, as an item there would hide one of the user's.
pub(crate) fn quote(pipeline: &Pipeline, name: &Ident, runtime: &TokenStream) -> TokenStream {
    let (named, source) = (pipeline.header.quoted_name(), text(&pipeline.source));
    let line = line(pipeline.source.first());
    let stages = pipeline.stages.iter().map(|stage| entry(stage, runtime));
    quote! {
        let #name = {
            const PLAN: &#runtime::Plan =
                &#runtime::Plan { name: #named, source: #source, file: ::core::file!(), line: #line, stages: &[#(#stages),*] };
            PLAN
        };
    }
}

fn entry(stage: &Stage, runtime: &TokenStream) -> TokenStream {
    let name = match &stage.head {
        Head::Call(calls, _) => calls[0].name.to_string(),
        Head::Value(value) => text(value),
        Head::Mistake(name, _) => name.to_string(),
        Head::Nothing => String::new(),
    };
    let (source, line) = (text(&stage.tokens), line(stage.tokens.first()));
    quote!(#runtime::PlanEntry { name: #name, source: #source, line: #line })
}

/// The text of tokens, on one line: with a space where the user has one or more.
fn text(tokens: &[TokenTree]) -> String {
    let mut text = Text::default();
    text.tokens(tokens.iter().cloned());
    text.written
}

#[derive(Default)]
struct Text {
    written: String,
    end: Option<Place>,
}

/// A line and a column.
type Place = (usize, usize);

impl Text {
    fn tokens(&mut self, tokens: impl IntoIterator<Item = TokenTree>) {
        for token in tokens {
            let TokenTree::Group(group) = &token else {
                self.write(&token.to_string(), token.span());
                continue;
            };
            let (open, close) = match group.delimiter() {
                Delimiter::Parenthesis => ("(", ")"),
                Delimiter::Bracket => ("[", "]"),
                Delimiter::Brace => ("{", "}"),
                Delimiter::None => ("", ""),
            };
            self.write(open, group.span_open());
            self.tokens(group.stream());
            self.write(close, group.span_close());
        }
    }

    fn write(&mut self, token: &str, span: Span) {
        let places = places(span);
        let apart = self.end.zip(places).is_none_or(|(end, (start, _))| end != start);
        if apart && !self.written.is_empty() && !token.is_empty() {
            self.written.push(' ');
        }
        self.written.push_str(token);
        self.end = places.map(|(_, end)| end);
    }
}

/// Where a token begins and ends. Outside of the compiler, in unit tests, there are no places.
fn places(span: Span) -> Option<(Place, Place)> {
    let span = proc_macro::is_available().then(|| span.unwrap())?;
    let (start, end) = (span.start(), span.end());
    Some(((start.line(), start.column()), (end.line(), end.column())))
}

fn line(first: Option<&TokenTree>) -> u32 {
    let span = first.map_or_else(Span::call_site, TokenTree::span);
    places(span).and_then(|((line, _), _)| u32::try_from(line).ok()).unwrap_or(0)
}
