//! What is a topic and what a pattern, and which topics a pattern takes, against the rules word for word.

use proptest::prelude::*;

use super::super::{Flaw, Pattern, Topic};

fn takes(pattern: &[&str], topic: &[&str]) -> bool {
    match (pattern, topic) {
        ([">"], [_, ..]) => true,
        (["*", pattern @ ..], [_, topic @ ..]) => takes(pattern, topic),
        ([name, pattern @ ..], [token, topic @ ..]) => name == token && takes(pattern, topic),
        ([], []) => true,
        _ => false,
    }
}

fn tokens(name: &str) -> Vec<&str> {
    name.split('.').collect()
}

fn topic() -> impl Strategy<Value = String> {
    prop::collection::vec("[abc]", 1..5).prop_map(|tokens| tokens.join("."))
}

fn pattern() -> impl Strategy<Value = String> {
    (prop::collection::vec("[abc*]", 0..4), "[abc*>]").prop_map(|(mut tokens, last)| {
        tokens.push(last);
        tokens.join(".")
    })
}

/// Every topic that tells patterns of up to four tokens over `a`, `b` and `c` apart.
fn all_topics() -> Vec<String> {
    let mut all = vec![String::new()];
    let mut topics = Vec::new();
    for _ in 0..5 {
        all = all.iter().flat_map(|name| ["a", "b", "c"].map(|token| format!("{name}.{token}"))).collect();
        topics.extend(all.iter().map(|name| name[1..].to_owned()));
    }
    topics
}

proptest! {
    #[test]
    fn a_pattern_takes_what_the_rules_say(pattern in pattern(), topic in topic()) {
        let matches = Pattern::new(&pattern).unwrap().matches(&Topic::new(&topic).unwrap());
        prop_assert_eq!(matches, takes(&tokens(&pattern), &tokens(&topic)));
    }

    #[test]
    fn patterns_overlap_where_a_topic_is_taken_by_both(a in pattern(), b in pattern()) {
        let both = |topic: &String| takes(&tokens(&a), &tokens(topic)) && takes(&tokens(&b), &tokens(topic));
        let overlaps = Pattern::new(&a).unwrap().overlaps(&Pattern::new(&b).unwrap());
        prop_assert_eq!(overlaps, all_topics().iter().any(both));
    }
}

#[test]
fn names_are_checked() {
    let topic = |name: &str| Topic::new(name).map(drop).map_err(|error| error.flaw);
    let pattern = |name: &str| Pattern::new(name).map(drop).map_err(|error| error.flaw);
    for name in ["a", "a.b", "$SYS.x", "größe.ß", "a-b_c.0"] {
        assert_eq!((topic(name), pattern(name)), (Ok(()), Ok(())));
    }
    for (name, flaw) in [
        ("", Flaw::EmptyToken(1)),
        (".a", Flaw::EmptyToken(1)),
        ("a.", Flaw::EmptyToken(2)),
        ("a..b", Flaw::EmptyToken(2)),
        ("a.b c", Flaw::Whitespace(2)),
        ("a\t", Flaw::Whitespace(1)),
    ] {
        assert_eq!((topic(name), pattern(name)), (Err(flaw), Err(flaw)));
    }
    for name in ["*", ">", "a.*", "*.b.>", "a*"] {
        assert_eq!(topic(name), Err(Flaw::WildcardInTopic));
    }
    for (name, flaw) in [
        ("a*", Flaw::WildcardInToken(1)),
        ("a.>b", Flaw::WildcardInToken(2)),
        ("**", Flaw::WildcardInToken(1)),
        (">.a", Flaw::RestNotLast),
        ("a.>.*", Flaw::RestNotLast),
        ("a.>.>", Flaw::RestNotLast),
    ] {
        assert_eq!(pattern(name), Err(flaw));
    }
    let long = ["a"; 64].join(".");
    assert_eq!((topic(&long), pattern(&long)), (Ok(()), Ok(())));
    assert_eq!(topic(&format!("{long}.a")), Err(Flaw::TooManyTokens));
}
