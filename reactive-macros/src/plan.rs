//! The static plan of a pipeline: the name, the text and the line of each stage.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;

use crate::ast::{Head, Pipeline, Stage};

/// The plan as a constant. It stands behind the code, as its texts depend on the user's.
pub(crate) fn quote(pipeline: &Pipeline, runtime: &TokenStream) -> TokenStream {
    let source = text(&pipeline.source);
    let line = line(pipeline.source.first());
    let stages = pipeline.stages.iter().map(|stage| entry(stage, runtime));
    quote! {
        const __PLAN: &#runtime::Plan =
            &#runtime::Plan { source: #source, file: ::core::file!(), line: #line, stages: &[#(#stages),*] };
    }
}

fn entry(stage: &Stage, runtime: &TokenStream) -> TokenStream {
    let name = match &stage.head {
        Head::Call(calls, _) => calls[0].name.to_string(),
        Head::Name(name) => name.to_string(),
        Head::Nothing => String::new(),
    };
    let (source, line) = (text(&stage.tokens), line(stage.tokens.first()));
    quote!(#runtime::PlanEntry { name: #name, source: #source, line: #line })
}

/// The text of tokens, on one line.
fn text(tokens: &[TokenTree]) -> String {
    let stream: TokenStream = tokens.iter().cloned().collect();
    stream.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn line(first: Option<&TokenTree>) -> u32 {
    let span = first.map_or_else(Span::call_site, TokenTree::span);
    // Outside of the compiler, in unit tests, there are no lines.
    if proc_macro::is_available() { u32::try_from(span.unwrap().line()).unwrap_or(0) } else { 0 }
}
