use std::collections::{BTreeMap, HashMap};

use foldhash::quality::RandomState;

use crate::event_bus::name::Tokens;
use crate::event_bus::pattern::{Pattern, Token};
use crate::event_bus::topic::Topic;

/// Values by pattern, of which those are found that take a topic: a tree with a level for each token.
///
/// It is as deep as the longest pattern, which has at most 64 tokens.
pub(super) struct Trie<V> {
    root: Node<V>,
    len: usize,
}

struct Node<V> {
    // The patterns that go on with a name, and with `*`.
    names: HashMap<Box<str>, Self, RandomState>,
    one: Option<Box<Self>>,
    // By id, so in the order in which they came: the patterns that end here, and those that go on with `>`.
    here: BTreeMap<u64, V>,
    rest: BTreeMap<u64, V>,
}

impl<V> Trie<V> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, pattern: &Pattern, id: u64, value: V) {
        let mut node = &mut self.root;
        for token in pattern.tokens() {
            node = match token {
                Token::Name(name) => node.names.entry(name.into()).or_default(),
                Token::One => node.one.get_or_insert_default(),
                Token::Rest => {
                    node.rest.insert(id, value);
                    self.len += 1;
                    return;
                }
            };
        }
        node.here.insert(id, value);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, pattern: &Pattern, id: u64) -> Option<V> {
        let removed = self.root.remove(pattern.names(), id)?;
        self.len -= 1;
        Some(removed)
    }

    /// Calls `f` with each value whose pattern takes the topic.
    pub(super) fn each<'a>(&'a self, topic: &Topic, mut f: impl FnMut(&'a V)) {
        self.root.each(topic.names(), &mut f);
    }

    /// Calls `f` with all values.
    pub(super) fn into_each(self, mut f: impl FnMut(V)) {
        self.root.into_each(&mut f);
    }
}

impl<V> Node<V> {
    /// Also takes away what is empty then.
    fn remove(&mut self, mut tokens: Tokens<'_>, id: u64) -> Option<V> {
        match tokens.next().map(Token::of) {
            None => self.here.remove(&id),
            Some(Token::Rest) => self.rest.remove(&id),
            Some(Token::One) => {
                let removed = self.one.as_mut()?.remove(tokens, id);
                self.one.take_if(|node| node.is_empty());
                removed
            }
            Some(Token::Name(name)) => {
                let node = self.names.get_mut(name)?;
                let removed = node.remove(tokens, id);
                if node.is_empty() {
                    self.names.remove(name);
                }
                removed
            }
        }
    }

    fn each<'a>(&'a self, mut tokens: Tokens<'_>, f: &mut impl FnMut(&'a V)) {
        let Some(token) = tokens.next() else { return self.here.values().for_each(f) };
        self.rest.values().for_each(&mut *f);
        if let Some(node) = self.names.get(token) {
            node.each(tokens.clone(), f);
        }
        if let Some(node) = &self.one {
            node.each(tokens, f);
        }
    }

    fn into_each(self, f: &mut impl FnMut(V)) {
        self.here.into_values().chain(self.rest.into_values()).for_each(&mut *f);
        self.names.into_values().chain(self.one.map(|node| *node)).for_each(|node| node.into_each(f));
    }

    fn is_empty(&self) -> bool {
        self.here.is_empty() && self.rest.is_empty() && self.names.is_empty() && self.one.is_none()
    }
}

impl<V> Default for Trie<V> {
    fn default() -> Self {
        Self { root: Node::default(), len: 0 }
    }
}

impl<V> Default for Node<V> {
    fn default() -> Self {
        Self { names: HashMap::default(), one: None, here: BTreeMap::new(), rest: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn topic() -> impl Strategy<Value = Topic> {
        prop::collection::vec("[abc]", 1..5).prop_map(|tokens| Topic::new(tokens.join(".")).unwrap())
    }

    fn pattern() -> impl Strategy<Value = Pattern> {
        (prop::collection::vec("[abc*]", 0..4), "[abc*>]").prop_map(|(mut tokens, last)| {
            tokens.push(last);
            Pattern::new(tokens.join(".")).unwrap()
        })
    }

    proptest! {
        #[test]
        fn finds_each_once_and_keeps_nothing_of_what_is_removed(
            patterns in prop::collection::vec(pattern(), 0..40),
            gone in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
            topics in prop::collection::vec(topic(), 1..10),
        ) {
            let mut trie = Trie::default();
            let mut model: Vec<_> = patterns.into_iter().zip(0..).collect();
            for (pattern, id) in &model {
                trie.insert(pattern, *id, *id);
            }
            for index in gone.into_iter().take(model.len()) {
                let (pattern, id) = model.swap_remove(index.index(model.len()));
                prop_assert_eq!(trie.remove(&pattern, id), Some(id));
                prop_assert_eq!(trie.remove(&pattern, id), None);
            }
            prop_assert_eq!(trie.len(), model.len());
            for topic in topics {
                let mut found = Vec::new();
                trie.each(&topic, |id| found.push(*id));
                found.sort_unstable();
                let taken = model.iter().filter(|(pattern, _)| pattern.matches(&topic));
                let mut expected: Vec<_> = taken.map(|(_, id)| *id).collect();
                expected.sort_unstable();
                prop_assert_eq!(found, expected);
            }
            for (pattern, id) in model {
                trie.remove(&pattern, id);
            }
            prop_assert!(trie.root.is_empty());
        }
    }
}
