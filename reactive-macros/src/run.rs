//! Runs of steps, which fuse into one closure.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::tokens::call_at;

/// A run that is being gathered: steps and `?`s in a row.
#[derive(Default)]
pub(crate) struct Run {
    links: Vec<Link>,
    first: usize,
}

enum Link {
    /// An operator, and the number of its stage.
    Step(Ident, usize, Place),
    /// A `?`.
    Question(Place),
}

/// Where a link stands: the token above it, and the place of its name.
pub(crate) struct Place {
    pub(crate) above: Ident,
    pub(crate) name: Span,
}

impl Run {
    /// `first` is the number of the token above it.
    pub(crate) fn step(&mut self, op: Ident, at: usize, place: Place, first: usize) {
        self.push(Link::Step(op, at, place), first);
    }

    pub(crate) fn question(&mut self, place: Place, first: usize) {
        self.push(Link::Question(place), first);
    }

    /// The numbers of the first and the last of its operators.
    pub(crate) fn stages(&self) -> Option<(usize, usize)> {
        let first = self.links.iter().find_map(Link::stage)?;
        Some((first, self.links.iter().rev().find_map(Link::stage)?))
    }

    fn push(&mut self, link: Link, first: usize) {
        if self.links.is_empty() {
            self.first = first;
        }
        self.links.push(link);
    }

    /// The statement that attaches the run, if there is one, and makes place for the next; `last` is the number of the
    /// token below it.
    pub(crate) fn flush(
        &mut self,
        last: usize,
        token: impl Fn(usize) -> Ident,
        attach: &str,
        flow: &Ident,
        runtime: &TokenStream,
    ) -> TokenStream {
        let links = std::mem::take(&mut self.links);
        if links.is_empty() {
            return TokenStream::new();
        }
        let names = Names::new();
        let (above, below) = (token(self.first), token(last));
        let ops: Vec<_> = links.iter().filter_map(Link::op).collect();
        let ops_tree = tree(&ops);
        let fallible = ops.len() < links.len();
        let body = links.iter().map(|link| link.quote(fallible, &names));
        let attach = Ident::new(attach, Span::mixed_site());
        let kind = Ident::new(if fallible { "fallible" } else { "plain" }, Span::mixed_site());
        let Names { item, control } = &names;
        quote! {
            // `?` in place of `let .. else` is slower in a debug build.
            #[allow(clippy::question_mark, unused_braces)]
            let #flow = #runtime::__private::Run::new(#ops_tree).#kind(#above, move |#ops_tree, #item, #control| {
                #(#body)*
                ::core::option::Option::Some(#item)
            }, #below).#attach(#flow);
        }
    }
}

impl Link {
    fn stage(&self) -> Option<usize> {
        match self {
            Self::Step(_, at, _) => Some(*at),
            Self::Question(_) => None,
        }
    }

    fn op(&self) -> Option<&Ident> {
        match self {
            Self::Step(op, ..) => Some(op),
            Self::Question(..) => None,
        }
    }

    fn quote(&self, fallible: bool, names: &Names) -> TokenStream {
        let Names { item, control, .. } = names;
        let next = match self {
            Self::Step(op, _, Place { above, name }) => {
                let stop = if fallible { quote!(&mut #control.stop) } else { quote!(#control) };
                call_at(*name, quote!((#above, #op)), "__step", &[&item, &stop])
            }
            // It asks for the same as the token did, at the same place: a mistake is told once.
            Self::Question(Place { above, name }) => call_at(*name, above, "__leave", &[item, control]),
        };
        quote! {
            let ::core::option::Option::Some(#item) = #next else { return ::core::option::Option::None; };
        }
    }
}

/// The names of a run, which the user's code cannot see.
struct Names {
    item: Ident,
    control: Ident,
}

impl Names {
    fn new() -> Self {
        let name = |name| Ident::new(name, Span::mixed_site());
        Self { item: name("__item"), control: name("__control") }
    }
}

/// Tuples of at most 8 in tuples: std's `Clone` ends at 12, and pairs in pairs would meet the recursion limit.
fn tree(ops: &[&Ident]) -> TokenStream {
    if ops.len() <= 8 {
        return quote!((#(#ops,)*));
    }
    let parts = ops.chunks(ops.len().div_ceil(8)).map(tree);
    quote!((#(#parts,)*))
}
