//! The code of a pipeline.
//!
//! Spans decide what the compiler and the editor say. An operator is called as `{ token }.name(args)`, with the brace
//! group at the span of the name: the compiler then puts its errors on the name, and the editor finds one target. The
//! name and the arguments are the user's own tokens. The token below a `|>` has the span of that `|>`, so hovering it
//! shows what flows there. Generated names do not depend on the user's, and whatever text does stands behind the
//! user's tokens: the editor compares two expansions of a half-typed name.

mod opening;

use proc_macro2::{Delimiter, Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};

use crate::args::{ArgOption, Args, closure_header_len};
use crate::ast::{Call, Head, Pipeline, Stage};
use crate::check::is_lint;
use crate::errors::{Errors, compile_error};
use crate::run::{Place, Run};
use crate::tokens::{braced, call_at, holds_pipe, ident, put_below, regroup};
use crate::{literal, operators, plan};

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `pipeline!`: a source and what is below it.
    Pipeline,
    /// `stage!`: a chain without a source. Where a pipeline has its flow, it has the stages so far.
    Fragment,
}

pub(crate) fn pipeline(
    pipeline: &Pipeline,
    kind: Kind,
    runtime: &TokenStream,
    errors: Errors,
) -> TokenStream {
    let mut code = Code {
        runtime,
        kind,
        flow: Ident::new("__flow", Span::mixed_site()),
        watched: kind == Kind::Pipeline && pipeline.header.watch.is_some(),
        typed: TokenStream::new(),
        attached: TokenStream::new(),
        run: Run::default(),
        pipes: pipeline.stages.iter().map(|stage| stage.pipe).collect(),
        tokens: vec![Span::mixed_site()],
    };
    let begin = code.begin(pipeline);
    code.watch(pipeline);
    let last = pipeline.stages.len().checked_sub(1);
    let mut finished = None;
    for (at, stage) in pipeline.stages.iter().enumerate() {
        finished = code.stage(at, stage, last == Some(at));
    }
    let run = code.flush();
    let finished = finished.unwrap_or_else(|| code.end());
    let Code { typed, attached, .. } = code;
    let plan = (kind == Kind::Pipeline).then(|| plan::quote(pipeline, &plan_name(), runtime));
    let errors = errors.into_statements();
    quote! {{
        #[allow(unused_imports)]
        use #runtime::__private::{Deep as _, DeepFinal as _, InRun as _, Misfit as _, setters::*};
        #begin
        #typed
        #errors
        #plan
        #attached
        #run
        #finished
    }}
}

/// The token with a number: what flows at that place.
fn token(number: usize, span: Span) -> Ident {
    Ident::new(&format!("__items{number}"), Span::mixed_site().located_at(span))
}

fn plan_name() -> Ident {
    Ident::new("__plan", Span::mixed_site())
}

/// What makes the meters, where the pipeline is watched.
fn watching_name() -> Ident {
    Ident::new("__watching", Span::mixed_site())
}

/// The code so far.
struct Code<'a> {
    runtime: &'a TokenStream,
    kind: Kind,
    flow: Ident,
    watched: bool,
    /// The operators, typed one after the other.
    typed: TokenStream,
    /// The flow, made of them.
    attached: TokenStream,
    run: Run,
    pipes: Vec<Span>,
    /// The span of each token so far.
    tokens: Vec<Span>,
}

impl Code<'_> {
    /// The flow and the token at the beginning.
    fn begin(&self, pipeline: &Pipeline) -> TokenStream {
        let (runtime, flow, items) = (self.runtime, &self.flow, self.token());
        if self.kind == Kind::Pipeline {
            let source = self.source(pipeline);
            return quote! {
                let #flow = #source;
                let #items = #runtime::__private::items_of(&#flow);
            };
        }
        let item: TokenStream = match pipeline.source.as_slice() {
            [] => quote!(_),
            item => item.iter().cloned().collect(),
        };
        quote! {
            let #flow = #runtime::__private::Start;
            let #items = #runtime::__private::Start::items::<#item>();
        }
    }

    /// Whoever watches, told of the plan; and the meter of the source.
    fn watch(&mut self, pipeline: &Pipeline) {
        let Some(watch) = pipeline.header.watch.as_ref().filter(|_| self.watched) else { return };
        let (runtime, plan, watching) = (self.runtime, plan_name(), watching_name());
        let watch = self.option(watch);
        self.attached.extend(quote!(let mut #watching = #runtime::__private::Begin::new(#plan) #watch;));
        let flow = self.flow.clone();
        self.attached.extend(quote!(let #flow = #watching.source(#flow);));
    }

    /// The meter below the stages from `first` to `last`.
    fn meter(&self, first: usize, last: usize) -> TokenStream {
        if !self.watched {
            return TokenStream::new();
        }
        let (flow, watching) = (&self.flow, watching_name());
        quote!(let #flow = #watching.below(#flow, #first, #last);)
    }

    /// The last operator, with its meter where the pipeline is watched: it goes around a terminal.
    fn with_meter(&self, op: Ident, at: usize, span: Span) -> TokenStream {
        if !self.watched {
            return op.into_token_stream();
        }
        let (watching, at) = (watching_name(), Literal::usize_unsuffixed(at));
        call_at(span, op, "__watched", &[&quote!(&mut #watching), &at])
    }

    /// What a pipeline gives that ends in a run.
    fn end(&self) -> TokenStream {
        let (runtime, flow, last) = (self.runtime, &self.flow, self.token());
        match self.kind {
            Kind::Pipeline => {
                let plan = plan_name();
                quote!(#runtime::Pipe::planned(#flow, #plan))
            }
            Kind::Fragment => {
                let first = token(0, self.tokens[0]);
                quote!(#first.__fragment(#flow, #last))
            }
        }
    }

    fn source(&self, pipeline: &Pipeline) -> TokenStream {
        let Some(first) = pipeline.source.first() else {
            let span = pipeline.stages.first().map_or_else(Span::call_site, |stage| stage.pipe);
            let message =
                "a pipeline begins with a source, and there is none: write `pipeline! { source |> .. }`";
            return compile_error(span, message);
        };
        self.flow_of(&pipeline.source, first.span())
    }

    /// The flow of a source.
    fn flow_of(&self, source: &[TokenTree], at: Span) -> TokenStream {
        let runtime = self.runtime;
        let whole: TokenStream = source.iter().cloned().collect();
        let source = literal::rewrite(source, runtime).unwrap_or(whole);
        let name = Ident::new("__source", Span::mixed_site());
        let make = Ident::new("make", at);
        let moved = braced(quote!(#name), at);
        quote! {{
            let #name = #source;
            #[allow(unused_imports)]
            use #runtime::__private::{ViaFlow as _, ViaIter as _, ViaNothing as _, ViaSource as _, ViaStream as _};
            #[allow(unused_braces)]
            let #name = (&&&&&&#runtime::__private::probe(&#name)).__source_kind().#make(#moved);
            #name
        }}
    }

    /// The code of a stage; for the last one, where it is not in a run, the expression that finishes the pipeline.
    fn stage(&mut self, at: usize, stage: &Stage, is_last: bool) -> Option<TokenStream> {
        let (name, called, half_typed, fuses) = match &stage.head {
            Head::Call(calls, half_typed) => {
                let name = &calls[0].name;
                let fuses =
                    calls.len() == 1 && operators::row(&name.to_string()).is_some_and(|row| row.fuses);
                (name, self.call(calls), half_typed.as_ref(), fuses)
            }
            Head::Value(value) => {
                let name = ident(value.first())?;
                if value.len() == 1 {
                    // It may become the name of an operator.
                    self.typed.extend(for_the_editor(braced(self.token(), name.span()), name));
                }
                (name, splice(name.span(), value), None, false)
            }
            Head::Mistake(name, message) => {
                self.mistake(at, name, message);
                return None;
            }
            Head::Nothing => return None,
        };
        let op = Ident::new(&format!("__op{at}"), Span::mixed_site());
        let lints = lints(stage);
        let receiver = braced(self.token(), name.span());
        self.typed.extend(quote!(#lints #[allow(unused_braces)] let #op = #receiver.#called;));

        if let Some(setter) = half_typed {
            let receiver = braced(quote!(&#op), name.span());
            self.typed.extend(for_the_editor(receiver, setter));
        }

        if fuses {
            self.run.step(op.clone(), at, Place { above: self.token(), name: name.span() }, self.number());
            self.items_of(&op, at, name.span());
            self.questions(at, stage);
            return None;
        }
        let run = self.flush();
        self.attached.extend(run);
        let flow = self.flow.clone();
        if self.kind == Kind::Fragment {
            self.items_of(&op, at, name.span());
            let chained = call_at(name.span(), &op, "__chain", &[&flow]);
            self.attached.extend(quote!(#[allow(unused_braces)] let #flow = #chained;));
            self.questions(at, stage);
            return None;
        }
        let above = if operators::is_of_items(&name.to_string()) {
            self.token().into_token_stream()
        } else {
            quote!(())
        };
        if is_last && stage.questions.is_empty() {
            let op = self.with_meter(op, at, name.span());
            let finished = put_below(name.span(), &op, &[&above, &flow], "finish", &[&plan_name()]);
            return Some(quote!(#[allow(unused_braces)] let #flow = #finished; #flow));
        }
        if let (true, Some(question)) = (is_last, stage.questions.first()) {
            // A terminal gives no items; that it stands before a `?` is told on the `?`.
            let stage = call_at(*question, &op, "__before_question", &[]);
            self.typed.extend(quote!(#[allow(unused_braces)] let #op = #stage;));
        }
        self.items_of(&op, at, name.span());
        let attached = put_below(name.span(), &op, &[&above, &flow], "attach", &[]);
        let meter = self.meter(at, at);
        self.attached.extend(quote!(#[allow(unused_braces)] let #flow = #attached; #meter));
        self.questions(at, stage);
        None
    }

    /// The next token, from an operator.
    fn items_of(&mut self, op: &Ident, at: usize, span: Span) {
        let next = self.next_token(at);
        let items = call_at(span, quote!(&#op), "items", &[]);
        self.typed.extend(quote!(#[allow(unused_braces)] let #next = #items;));
    }

    fn questions(&mut self, at: usize, stage: &Stage) {
        for question in &stage.questions {
            let above = self.token();
            self.run.question(Place { above: above.clone(), name: *question }, self.number());
            let items = call_at(*question, above, "__question", &[]);
            let next = self.next_token(at);
            self.typed.extend(quote!(#[allow(unused_braces)] let #next = #items;));
        }
    }

    /// What flows below a mistake is unknown, so the next token has the error for a type; the editor still completes the
    /// name.
    fn mistake(&mut self, at: usize, name: &Ident, message: &str) {
        let receiver = braced(self.token(), name.span());
        let error = compile_error(name.span(), message);
        let next = self.next_token(at);
        self.typed.extend(for_the_editor(receiver, name));
        self.typed.extend(quote!(let #next = #error;));
        let run = self.flush();
        let flow = self.flow.clone();
        self.attached.extend(quote!(#run let #flow = #next;));
    }

    /// `name::<T>(args).option(value).setter(args)`.
    fn call(&self, calls: &[Call]) -> TokenStream {
        let mut called = TokenStream::new();
        for (at, call) in calls.iter().enumerate() {
            let Call { name, turbofish, args } = call;
            let operator = if at == 0 { name.to_string() } else { String::new() };
            let (args, options) = self.args(&operator, args);
            let turbofish: TokenStream = turbofish.iter().cloned().collect();
            let dot = (at > 0).then(|| quote!(.));
            called.extend(quote!(#dot #name #turbofish #args #options));
        }
        called
    }

    /// The plain arguments, in the user's own group where nothing in it changes, and the options as setters. A setter has
    /// arguments of no `operator`.
    fn args(&self, operator: &str, group: &Group) -> (Group, TokenStream) {
        let args = Args::of_operator(operator, group);
        let row = operators::row(operator);
        let takes_source = row.is_some_and(|row| row.takes_source);
        let opens_sources = row.is_some_and(|row| row.opens_sources);
        let mut changed = !(args.options.is_empty() && args.misplaced.is_empty() && args.mistakes.is_empty());
        let mut plain = TokenStream::new();
        for (at, argument) in args.positional.iter().chain(&args.misplaced).enumerate() {
            let new = refused_async(operator, argument).or_else(|| match at {
                0 if opens_sources => self.opening(argument),
                _ => self.value(argument, takes_source && at == 0),
            });
            changed |= new.is_some();
            plain.extend(new.unwrap_or_else(|| argument.iter().cloned().collect()));
            plain.extend(quote!(,));
        }
        let mut options = TokenStream::new();
        for option in &args.options {
            options.extend(self.option(option));
        }
        (if changed { regroup(group, plain) } else { group.clone() }, options)
    }

    /// `.name(value)`.
    fn option(&self, option: &ArgOption) -> TokenStream {
        let ArgOption { name, value } = option;
        let whole: TokenStream = match value.as_slice() {
            [] => compile_error(
                name.span(),
                &format!("the option `{name}` has no value: write `{name} = value`"),
            ),
            value => self.value(value, false).unwrap_or_else(|| value.iter().cloned().collect()),
        };
        let mut value = Group::new(Delimiter::Parenthesis, whole);
        value.set_span(option.value.first().map_or(name.span(), TokenTree::span));
        quote!(.#name #value)
    }

    /// An argument or an option value, rewritten; `None` where it stays as it is.
    fn value(&self, tokens: &[TokenTree], is_source: bool) -> Option<TokenStream> {
        if !is_source && !holds_pipe(tokens) {
            return literal::rewrite_whole(tokens, self.runtime);
        }
        let runtime = self.runtime;
        let header = if is_source { 0 } else { header_len(tokens) };
        let (header, body) = tokens.split_at(header);
        let header: TokenStream = header.iter().cloned().collect();
        let body: TokenStream = body.iter().cloned().collect();
        Some(quote!(#header #runtime::pipeline!(#body)))
    }

    fn flush(&mut self) -> TokenStream {
        let spans = self.tokens.clone();
        let token = |number: usize| token(number, spans[number]);
        let attach = if self.kind == Kind::Fragment { "__chain" } else { "attach" };
        // A lone `?` is part of the stage before it.
        let meter = self.run.stages().map(|(first, last)| self.meter(first, last));
        let run = self.run.flush(self.number(), token, attach, &self.flow, self.runtime);
        quote!(#run #meter)
    }

    fn number(&self) -> usize {
        self.tokens.len() - 1
    }

    fn token(&self) -> Ident {
        token(self.number(), self.tokens[self.number()])
    }

    /// The token below the stage `at`: what flows through the `|>` that follows.
    fn next_token(&mut self, at: usize) -> Ident {
        let span = self.pipes.get(at + 1).copied().unwrap_or_else(Span::mixed_site);
        self.tokens.push(span);
        self.token()
    }
}

/// A name that is not a call yet, at a place where the editor can complete it.
fn for_the_editor(receiver: Group, name: &Ident) -> TokenStream {
    quote! {
        #[allow(unexpected_cfgs, unused_braces)]
        let _ = {
            #[cfg(rust_analyzer)]
            let _ = #receiver.#name;
        };
    }
}

/// `splice(value)`, of the user's own tokens.
fn splice(at: Span, value: &[TokenTree]) -> TokenStream {
    let splice = Ident::new("splice", at);
    let mut value = Group::new(Delimiter::Parenthesis, value.iter().cloned().collect());
    value.set_span(at);
    quote!(#splice #value)
}

fn lints(stage: &Stage) -> TokenStream {
    let is_lint = |attribute: &&Group| {
        ident(attribute.stream().into_iter().next().as_ref()).is_some_and(|name| is_lint(&name.to_string()))
    };
    stage
        .attributes
        .iter()
        .filter(is_lint)
        .map(|attribute| quote_spanned!(attribute.span()=> # #attribute))
        .collect()
}

/// An `async` closure where it can be none: the compiler would speak of types that are not known, or of lifetimes.
fn refused_async(operator: &str, argument: &[TokenTree]) -> Option<TokenStream> {
    let word = ident(argument.first()).filter(|word| *word == "async" && header_len(argument) > 0)?;
    operators::no_async(operator).map(|message| compile_error(word.span(), message))
}

/// How many tokens of an argument the beginning of a closure takes: `move |x| -> T`.
fn header_len(tokens: &[TokenTree]) -> usize {
    let words = tokens.iter().take_while(|token| {
        ident(Some(token)).is_some_and(|word| ["async", "move"].contains(&word.to_string().as_str()))
    });
    let words = words.count();
    match closure_header_len(&tokens[words..], None) {
        0 => 0,
        len => words + len,
    }
}

#[cfg(test)]
mod tests;
