//! The YAML of a Compose file as trees, one per document.
//!
//! Built from the parser's events: equal keys are refused, aliases and `<<` are followed, and
//! nothing can make the tree larger than its bounds. A key that is wrong does not hide what is
//! wrong after it.

use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use crate::diagnostic::Report;
use crate::limits::{Budget, DEPTH_MAX, Limit};
use crate::node::{Entry, KeyPlace, Mapping, Mark, Node, Place, Value};
use crate::problem::Problem;
use crate::scalar;
use crate::trail::Trail;

/// Reads the documents of a file. Errors go into `report`; without a tree nothing more can be read.
pub(crate) fn parse(
    file: &Arc<str>,
    text: &str,
    budget: &mut Budget,
    report: &mut Report,
) -> Option<Vec<Node>> {
    let mut reader = Reader {
        file,
        budget,
        report,
        anchors: BTreeMap::new(),
        events: Parser::new_from_str(text),
    };
    match reader.documents() {
        Ok(documents) => Some(documents),
        Err(Stop { place, problem }) => {
            report.error(&place, &Trail::top(), problem);
            None
        }
    }
}

/// An error that ends the reading of a file.
struct Stop {
    place: Place,
    problem: Problem,
}

struct Reader<'a> {
    file: &'a Arc<str>,
    budget: &'a mut Budget,
    report: &'a mut Report,
    anchors: BTreeMap<usize, Anchor>,
    events: Parser<'a, StrInput<'a>>,
}

/// A value that aliases stand for, and how much a copy of it uses up.
struct Anchor {
    node: Node,
    weight: Weight,
}

struct Weight {
    nodes: usize,
    text: usize,
    /// Levels beneath the value.
    height: usize,
}

impl<'a> Reader<'a> {
    fn documents(&mut self) -> Result<Vec<Node>, Stop> {
        let mut documents = Vec::new();
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd
                | Event::Nothing => {}
                event => documents.push(self.node(event, span, 0, &Trail::top())?),
            }
        }
        Ok(documents)
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Stop> {
        self.events.next_event().transpose().map_err(|error| {
            let place = Place {
                file: Arc::clone(self.file),
                line: error.marker().line(),
                column: error.marker().col() + 1,
            };
            // The one message that is not fixed shows a character of the file.
            let words = error.info();
            let words = words.split_once(": `").map_or(words, |(words, _)| words);
            let problem = Problem::Yaml(words.to_owned());
            Stop { place, problem }
        })
    }

    fn place(&self, span: Span) -> Place {
        Place {
            file: Arc::clone(self.file),
            line: span.start.line(),
            column: span.start.col() + 1,
        }
    }

    fn spend(&mut self, place: &Place, nodes: usize, text: usize) -> Result<(), Stop> {
        let spent = self
            .budget
            .nodes(nodes)
            .and_then(|()| self.budget.text(text));
        spent.map_err(|limit| stop(place, limit))
    }

    fn expect(&mut self, place: &Place) -> Result<(Event<'a>, Span), Stop> {
        self.next()?.ok_or_else(|| {
            stop(
                place,
                Problem::Yaml("the file ends inside this value".into()),
            )
        })
    }

    fn node(
        &mut self,
        event: Event<'a>,
        span: Span,
        depth: usize,
        trail: &Trail,
    ) -> Result<Node, Stop> {
        let place = self.place(span);
        if depth > DEPTH_MAX {
            return Err(stop(&place, Limit::Depth));
        }
        let (anchor, node) = match event {
            Event::Alias(anchor) => return self.alias(anchor, place, depth),
            Event::Scalar(text, style, anchor, tag) => {
                self.spend(&place, 1, text.len())?;
                let value = scalar_value(text.into_owned(), style, tag.as_deref());
                (anchor, marked(Node::new(&place, value), tag.as_deref()))
            }
            Event::SequenceStart(anchor, tag) => {
                self.spend(&place, 1, 0)?;
                let mut items = Vec::new();
                loop {
                    match self.expect(&place)? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => {
                            let trail = trail.item(items.len());
                            items.push(self.node(event, span, depth + 1, &trail)?);
                        }
                    }
                }
                (
                    anchor,
                    marked(Node::new(&place, Value::List(items)), tag.as_deref()),
                )
            }
            Event::MappingStart(anchor, tag) => {
                self.spend(&place, 1, 0)?;
                let map = self.mapping(&place, depth, trail)?;
                (
                    anchor,
                    marked(Node::new(&place, Value::Map(map)), tag.as_deref()),
                )
            }
            _ => return Err(stop(&place, Problem::Yaml("unexpected structure".into()))),
        };
        if anchor > 0 {
            let weight = weight(&node);
            self.spend(&node.place, weight.nodes, weight.text)?;
            let node = node.clone();
            self.anchors.insert(anchor, Anchor { node, weight });
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, place: Place, depth: usize) -> Result<Node, Stop> {
        let Some(Anchor { node, weight }) = self.anchors.get(&anchor) else {
            return Err(stop(&place, Problem::AliasInItself));
        };
        if depth + weight.height > DEPTH_MAX {
            return Err(stop(&place, Limit::Depth));
        }
        let (nodes, text) = (weight.nodes, weight.text);
        let spent = self
            .budget
            .nodes(nodes)
            .and_then(|()| self.budget.text(text));
        spent.map_err(|limit| stop(&place, limit))?;
        Ok(Node {
            place,
            ..node.clone()
        })
    }

    fn mapping(&mut self, place: &Place, depth: usize, trail: &Trail) -> Result<Mapping, Stop> {
        let mut entries = Mapping::new();
        let mut merged = Mapping::new();
        loop {
            let (key, quoted, span) = match self.expect(place)? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(text, style, ..), span) => {
                    (text.into_owned(), style != ScalarStyle::Plain, span)
                }
                (_, span) => return Err(stop(&self.place(span), Problem::KeyNotText)),
            };
            let key_place = self.place(span);
            self.spend(&key_place, 0, key.len())?;
            let next = trail.key(&key);
            let (event, span) = self.expect(place)?;
            let node = self.node(event, span, depth + 1, &next)?;
            if !quoted && key == "<<" {
                Self::merge(&mut merged, node)?;
            } else if !quoted && !matches!(scalar::plain(key.clone()), Value::Text(_)) {
                self.report.error(&key_place, &next, Problem::KeyNotText);
            } else {
                match entries.entry(key) {
                    btree_map::Entry::Occupied(_) => {
                        self.report.error(&key_place, &next, Problem::KeyTwice);
                    }
                    btree_map::Entry::Vacant(free) => {
                        let key = KeyPlace(key_place);
                        free.insert(Entry { key, node });
                    }
                }
            }
        }
        for (key, entry) in merged {
            entries.entry(key).or_insert(entry);
        }
        Ok(entries)
    }

    /// The YAML merge key: of several sources the first wins.
    fn merge(into: &mut Mapping, node: Node) -> Result<(), Stop> {
        match node.value {
            Value::Map(entries) => {
                for (key, entry) in entries {
                    into.entry(key).or_insert(entry);
                }
            }
            Value::List(items) => {
                for item in items {
                    match item.value {
                        Value::Map(_) => Self::merge(into, item)?,
                        _ => return Err(stop(&item.place, Problem::MergeOfNoMapping)),
                    }
                }
            }
            _ => return Err(stop(&node.place, Problem::MergeOfNoMapping)),
        }
        Ok(())
    }
}

fn stop(place: &Place, problem: impl Into<Problem>) -> Stop {
    Stop {
        place: place.clone(),
        problem: problem.into(),
    }
}

fn scalar_value(text: String, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let core = tag.filter(|tag| tag.is_yaml_core_schema());
    match core.map(|tag| tag.suffix.as_str()) {
        Some("str" | "binary") => Value::Text(text),
        Some("int" | "float" | "bool" | "null") => scalar::plain(text),
        _ if style == ScalarStyle::Plain => scalar::plain(text),
        _ => Value::Text(text),
    }
}

fn marked(node: Node, tag: Option<&Tag>) -> Node {
    let mark = tag
        .filter(|tag| tag.handle == "!")
        .and_then(|tag| match tag.suffix.as_str() {
            "reset" => Some(Mark::Reset),
            "override" => Some(Mark::Override),
            _ => None,
        });
    Node { mark, ..node }
}

fn weight(node: &Node) -> Weight {
    let own = |text| Weight {
        nodes: 1,
        text,
        height: 0,
    };
    let add = |sum: Weight, inner: Weight| Weight {
        nodes: sum.nodes + inner.nodes,
        text: sum.text + inner.text,
        height: sum.height.max(inner.height + 1),
    };
    match &node.value {
        Value::Text(text) => own(text.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => own(0),
        Value::List(items) => items.iter().map(weight).fold(own(0), add),
        Value::Map(map) => map.iter().fold(own(0), |sum, (key, entry)| {
            let sum = add(sum, weight(&entry.node));
            Weight {
                text: sum.text + key.len(),
                ..sum
            }
        }),
    }
}
