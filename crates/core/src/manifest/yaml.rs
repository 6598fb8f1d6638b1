//! YAML as a tree in which every key and value knows its line.
//!
//! Built from the parser's events, because the ready-made trees turn `1.10` into a number and let
//! the last of two equal keys win. Here a scalar keeps its text, equal keys are refused, `<<` is
//! merged, and aliases cannot blow the tree up.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::error::{ManifestError, Place};

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Self {
            line: span.start.line(),
            column: span.start.col() + 1,
        }
    }
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// A scalar as written; `quoted` tells `"8080"` from `8080`.
    Text {
        text: String,
        quoted: bool,
    },
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub text: String,
    pub place: Place,
}

/// More nodes than any honest Compose file has; aliases of aliases reach it at once.
const NODES_MAX: usize = 200_000;
/// Deeper than any honest Compose file nests.
const DEPTH_MAX: usize = 64;

/// Parses one document.
pub(crate) fn parse(file: &str, text: &str) -> Result<Node, ManifestError> {
    let mut tree = Tree {
        file,
        anchors: BTreeMap::new(),
        nodes: 0,
    };
    let mut events = Parser::new_from_str(text);
    let mut root = None;
    while let Some((event, span)) = tree.next(&mut events)? {
        match event {
            Event::DocumentStart(_) if root.is_some() => {
                return Err(tree.error(span.into(), "a second YAML document; one file is one app"));
            }
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::Nothing => {}
            other => root = Some(tree.node(&mut events, other, span, 0)?),
        }
    }
    root.ok_or_else(|| tree.error(Place { line: 1, column: 1 }, "the file is empty"))
}

struct Tree<'a> {
    file: &'a str,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
}

type Events<'a> = Parser<'a, saphyr_parser::StrInput<'a>>;

impl Tree<'_> {
    fn error(&self, place: Place, problem: impl Into<String>) -> ManifestError {
        ManifestError::new(self.file, place, "", problem)
    }

    fn next<'a>(
        &self,
        events: &mut Events<'a>,
    ) -> Result<Option<(Event<'a>, Span)>, ManifestError> {
        events.next_event().transpose().map_err(|error| {
            let place = Place {
                line: error.marker().line(),
                column: error.marker().col() + 1,
            };
            // The one message that is not fixed shows a character of the file.
            let words = error.info();
            let words = words.split_once(": `").map_or(words, |(words, _)| words);
            self.error(place, format!("this is not YAML: {words}"))
        })
    }

    fn count(&mut self, place: Place, more: usize) -> Result<(), ManifestError> {
        self.nodes += more;
        if self.nodes > NODES_MAX {
            return Err(self.error(
                place,
                format!("more than {NODES_MAX} values once aliases are followed"),
            ));
        }
        Ok(())
    }

    fn node(
        &mut self,
        events: &mut Events<'_>,
        event: Event<'_>,
        span: Span,
        depth: usize,
    ) -> Result<Node, ManifestError> {
        let place = Place::from(span);
        let before = self.nodes;
        self.count(place, 1)?;
        if depth > DEPTH_MAX {
            return Err(self.error(place, format!("nested more than {DEPTH_MAX} levels deep")));
        }
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let (node, size) = self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or_else(|| self.error(place, "an alias inside its own anchor"))?;
                self.count(place, size)?;
                return Ok(Node { place, ..node });
            }
            Event::Scalar(text, style, anchor, _) => (anchor, scalar(text.into_owned(), style)),
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.expect(events, place)? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(events, event, span, depth + 1)?),
                    }
                }
                (anchor, Value::List(items))
            }
            Event::MappingStart(anchor, _) => {
                (anchor, Value::Map(self.mapping(events, place, depth)?))
            }
            _ => return Err(self.error(place, "unexpected YAML structure")),
        };
        let node = Node { place, value };
        if anchor > 0 {
            self.anchors
                .insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn expect<'a>(
        &self,
        events: &mut Events<'a>,
        place: Place,
    ) -> Result<(Event<'a>, Span), ManifestError> {
        self.next(events)?
            .ok_or_else(|| self.error(place, "the file ends inside this value"))
    }

    fn mapping(
        &mut self,
        events: &mut Events<'_>,
        place: Place,
        depth: usize,
    ) -> Result<Vec<(Key, Node)>, ManifestError> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut merged: Vec<(Key, Node)> = Vec::new();
        loop {
            let (text, span) = match self.expect(events, place)? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(text, ..), span) => (text.into_owned(), span),
                (_, span) => return Err(self.error(span.into(), "a key must be plain text")),
            };
            let key = Key {
                text,
                place: span.into(),
            };
            let (event, span) = self.expect(events, place)?;
            let node = self.node(events, event, span, depth + 1)?;
            if key.text == "<<" {
                self.merge(&mut merged, node)?;
            } else if entries.iter().any(|(other, _)| other.text == key.text) {
                return Err(ManifestError::new(
                    self.file,
                    key.place,
                    &key.text,
                    "this key stands twice in the same mapping",
                ));
            } else {
                entries.push((key, node));
            }
        }
        for (key, node) in merged {
            if !entries.iter().any(|(other, _)| other.text == key.text) {
                entries.push((key, node));
            }
        }
        Ok(entries)
    }

    /// The YAML merge key: of several sources the first wins.
    fn merge(&self, into: &mut Vec<(Key, Node)>, node: Node) -> Result<(), ManifestError> {
        match node.value {
            Value::Map(entries) => {
                for (key, value) in entries {
                    if !into.iter().any(|(other, _)| other.text == key.text) {
                        into.push((key, value));
                    }
                }
                Ok(())
            }
            Value::List(items) => items
                .into_iter()
                .try_for_each(|item| self.merge(into, item)),
            Value::Null | Value::Text { .. } => {
                Err(self.error(node.place, "`<<` merges a mapping, and this is none"))
            }
        }
    }
}

fn scalar(text: String, style: ScalarStyle) -> Value {
    let quoted = style != ScalarStyle::Plain;
    if !quoted && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        Value::Null
    } else {
        Value::Text { text, quoted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match parse("compose.yaml", text) {
            Ok(node) => show(&node),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "for {text:?}");
    }

    fn show(node: &Node) -> String {
        match &node.value {
            Value::Null => "null".into(),
            Value::Text { text, .. } => text.clone(),
            Value::List(items) => {
                format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(","))
            }
            Value::Map(entries) => format!(
                "{{{}}}",
                entries
                    .iter()
                    .map(|(key, value)| format!("{}:{}", key.text, show(value)))
                    .collect::<Vec<_>>()
                    .join(",")
            ),
        }
    }

    #[test]
    fn scalars_keep_their_text() {
        check(
            "a: 1.10\nb: 0600\nc: \"1\"\nd: ~\ne:\n",
            "{a:1.10,b:0600,c:1,d:null,e:null}",
        );
    }

    #[test]
    fn merges_and_aliases_are_followed() {
        check(
            "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\n",
            "{x:{a:1,b:2},y:{b:3,a:1}}",
        );
        check("x: &x [1]\ny: *x\n", "{x:[1],y:[1]}");
        // Of several sources the first wins.
        check(
            "x: &x {a: 1}\ny: &y {a: 2, b: 2}\nz: {<<: [*x, *y], c: 3}\n",
            "{x:{a:1},y:{a:2,b:2},z:{c:3,a:1,b:2}}",
        );
    }

    #[test]
    fn what_a_reader_would_overlook_is_refused_with_its_line() {
        check(
            "a: 1\na: 2\n",
            "compose.yaml:2:1: a: this key stands twice in the same mapping",
        );
        check(
            "a: 1\n---\nb: 2\n",
            "compose.yaml:2:1: a second YAML document; one file is one app",
        );
        check("", "compose.yaml:1:1: the file is empty");
        check("[a]: 1\n", "compose.yaml:1:1: a key must be plain text");
        check(
            "<<: 1\n",
            "compose.yaml:1:5: `<<` merges a mapping, and this is none",
        );
        check(
            "a: &a [*a]\n",
            "compose.yaml:1:8: an alias inside its own anchor",
        );
    }

    #[test]
    fn what_is_not_yaml_is_refused_with_its_line() {
        for (text, place) in [("a: 1\nb: [1\n", "3:1"), ("a: *b\n", "1:4")] {
            let error = parse("compose.yaml", text).unwrap_err().to_string();
            let expected = format!("compose.yaml:{place}: this is not YAML: ");
            assert!(error.starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn no_depth_can_exhaust_the_stack() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse("compose.yaml", &nested(DEPTH_MAX + 1)).is_ok());
        check(
            &nested(DEPTH_MAX + 2),
            "compose.yaml:1:66: nested more than 64 levels deep",
        );
        for text in [nested(100_000), "- ".repeat(100_000)] {
            assert!(parse("compose.yaml", &text).is_err());
        }
    }

    #[test]
    fn a_bomb_of_aliases_ends_early() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let item = format!("*a{}", level - 1);
            text.push_str(&format!(
                "a{level}: &a{level} [{}]\n",
                [item.as_str(); 10].join(",")
            ));
        }
        let error = parse("compose.yaml", &text).unwrap_err();
        assert!(
            error.to_string().contains("once aliases are followed"),
            "{error}"
        );
    }
}
