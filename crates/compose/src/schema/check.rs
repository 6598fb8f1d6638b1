//! Checks a tree against a [`Shape`].

use std::collections::BTreeSet;

use super::{Keys, Shape};
use crate::diagnostic::Report;
use crate::node::{Mapping, Node, Value};
use crate::number::Amount;
use crate::problem::{Problem, Warning};
use crate::syntax::{self, Duration, SyntaxError};
use crate::trail::Trail;

/// Reports what does not fit and removes it. `false` if the value itself must go.
pub(crate) fn check(node: &mut Node, shape: &Shape, trail: &Trail, report: &mut Report) -> bool {
    match shape {
        Shape::Maybe(_) if node.is_null() => true,
        Shape::Maybe(inner) => check(node, inner, trail, report),
        _ if report.is_lenient() && is_left_empty(node, shape, trail) => {
            report.warn(&node.place, trail, Warning::Nothing);
            false
        }
        _ if report.is_lenient() && is_meant_as_text(node, shape) => {
            let found = node.kind();
            report.warn(&node.place, trail, Warning::NotText { found });
            node.value = Value::Text(node.scalar_text().unwrap_or_default());
            true
        }
        Shape::Either(shapes) => match shapes.iter().find(|shape| fits(node, shape)) {
            Some(shape) => check(node, shape, trail, report),
            None => wrong_kind(node, shape, trail, report),
        },
        _ if !fits(node, shape) => wrong_kind(node, shape, trail, report),
        Shape::Keys(keys) => {
            if let Value::Map(map) = &mut node.value {
                check_keys(map, keys, trail, report);
            }
            missing(node, keys, trail, report)
        }
        Shape::Map(inner) => {
            check_entries(node, trail, report, |node, trail, report| {
                check(node, inner, trail, report)
            });
            true
        }
        Shape::Named(inner) | Shape::Hosts(inner) => {
            check_names(node, shape, trail, report);
            check_entries(node, trail, report, |node, trail, report| {
                check(node, inner, trail, report)
            });
            true
        }
        Shape::List(inner) => {
            check_items(node, inner, trail, report);
            true
        }
        Shape::Set(inner) => {
            check_items(node, inner, trail, report);
            check_repetitions(node, trail, report);
            true
        }
        scalar => match check_scalar(node, scalar, trail, report) {
            Ok(()) => true,
            Err(problem) => {
                report.error(&node.place, trail, problem);
                false
            }
        },
    }
}

/// A service without anything is a mistake; any other key without anything may be left out.
fn is_left_empty(node: &Node, shape: &Shape, trail: &Trail) -> bool {
    let may_be = matches!(
        shape,
        Shape::Either(_)
            | Shape::List(_)
            | Shape::Set(_)
            | Shape::Map(_)
            | Shape::Named(_)
            | Shape::Hosts(_)
            | Shape::Keys(_)
    );
    let is_service = matches!(trail.keys().as_slice(), ["services", _]);
    node.is_null() && may_be && !fits(node, shape) && !is_service
}

/// A number or truth value in the place of text, and of nothing else that it could be.
fn is_meant_as_text(node: &Node, shape: &Shape) -> bool {
    let takes_text = match shape {
        Shape::Text => true,
        Shape::Either(shapes) => {
            shapes.iter().any(|shape| matches!(shape, Shape::Text)) && !fits(node, shape)
        }
        _ => false,
    };
    takes_text && matches!(node.value, Value::Bool(_) | Value::Number(_))
}

/// Whether the value is of the shape's kind, whatever is inside it.
fn fits(node: &Node, shape: &Shape) -> bool {
    match shape {
        Shape::Maybe(inner) => node.is_null() || fits(node, inner),
        Shape::Either(shapes) => shapes.iter().any(|shape| fits(node, shape)),
        Shape::Text
        | Shape::ContainerName
        | Shape::Duration
        | Shape::OneOf(_)
        | Shape::PullPolicy
        | Shape::Host
        | Shape::Size(false) => matches!(node.value, Value::Text(_)),
        Shape::Bool => matches!(node.value, Value::Bool(_) | Value::Text(_)),
        Shape::Whole(..)
        | Shape::Real
        | Shape::Percent
        | Shape::Size(true)
        | Shape::SizeFromZero
        | Shape::Umask
        | Shape::Mode
        | Shape::Count
        | Shape::Label => {
            matches!(node.value, Value::Number(_) | Value::Text(_))
        }
        Shape::Scalar => !matches!(node.value, Value::List(_) | Value::Map(_)),
        Shape::List(_) | Shape::Set(_) => matches!(node.value, Value::List(_)),
        Shape::Map(_) | Shape::Named(_) | Shape::Hosts(_) | Shape::Keys(_) => {
            matches!(node.value, Value::Map(_))
        }
    }
}

fn wrong_kind(node: &Node, shape: &Shape, trail: &Trail, report: &mut Report) -> bool {
    let problem = Problem::Kind {
        expected: words(shape),
        found: node.kind(),
    };
    report.error(&node.place, trail, problem);
    false
}

fn words(shape: &Shape) -> String {
    match shape {
        Shape::Text | Shape::ContainerName | Shape::OneOf(_) | Shape::PullPolicy | Shape::Host => {
            "text (in quotes)"
        }
        Shape::Duration => "a duration like 90s",
        Shape::Size(_) | Shape::SizeFromZero => "a size like 512m",
        Shape::Bool => "true or false",
        Shape::Whole(..) => "a whole number",
        Shape::Real | Shape::Percent => "a number",
        Shape::Umask | Shape::Mode => "octal digits like \"0440\"",
        Shape::Count => "`all` or a whole number",
        Shape::Label => "text or a number",
        Shape::Scalar => "text, a number or nothing",
        Shape::List(_) | Shape::Set(_) => "a list",
        Shape::Map(_) | Shape::Named(_) | Shape::Hosts(_) | Shape::Keys(_) => "a mapping",
        Shape::Maybe(inner) => return words(inner),
        Shape::Either(shapes) => {
            let all: Vec<String> = shapes.iter().map(words).collect();
            return all.join(" or ");
        }
    }
    .to_owned()
}

fn check_keys(map: &mut Mapping, keys: &Keys, trail: &Trail, report: &mut Report) {
    let known = || keys.groups.iter().copied().flatten();
    map.retain(|key, entry| {
        if keys.extensions && key.starts_with("x-") {
            return true;
        }
        let next = trail.key(key);
        match known().find(|(name, _)| name == key) {
            Some((_, shape)) => check(&mut entry.node, shape, &next, report),
            None => {
                let near = known().map(|(name, _)| *name).find(|name| near(name, key));
                report.error(&entry.key.0, &next, Problem::UnknownKey { near });
                false
            }
        }
    });
}

fn missing(node: &Node, keys: &Keys, trail: &Trail, report: &mut Report) -> bool {
    let key = keys.required.iter().find(|key| node.get(key).is_none());
    key.is_none_or(|key| {
        report.error(&node.place, trail, Problem::KeyMissing { key });
        false
    })
}

fn check_names(node: &mut Node, shape: &Shape, trail: &Trail, report: &mut Report) {
    let Value::Map(map) = &mut node.value else {
        return;
    };
    map.retain(|name, entry| {
        let problem = match shape {
            Shape::Hosts(_) if !syntax::is_host_name(name) => SyntaxError::Host.into(),
            Shape::Named(_) if !is_name(name) => Problem::BadName,
            _ => return true,
        };
        report.error(&entry.key.0, &trail.key(name), problem);
        false
    });
}

fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !name.is_empty() && name.bytes().all(allowed)
}

fn check_entries(
    node: &mut Node,
    trail: &Trail,
    report: &mut Report,
    mut inner: impl FnMut(&mut Node, &Trail, &mut Report) -> bool,
) {
    let Value::Map(map) = &mut node.value else {
        return;
    };
    map.retain(|key, entry| inner(&mut entry.node, &trail.key(key), report));
}

fn check_items(node: &mut Node, inner: &Shape, trail: &Trail, report: &mut Report) {
    let Value::List(items) = &mut node.value else {
        return;
    };
    let mut index = 0;
    items.retain_mut(|item| {
        index += 1;
        check(item, inner, &trail.item(index - 1), report)
    });
}

fn check_repetitions(node: &mut Node, trail: &Trail, report: &mut Report) {
    let Value::List(items) = &node.value else {
        return;
    };
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        if !seen.insert(item) {
            report.error(&item.place, &trail.item(index), Problem::ItemTwice);
        }
    }
}

fn check_scalar(
    node: &Node,
    shape: &Shape,
    trail: &Trail,
    report: &mut Report,
) -> Result<(), Problem> {
    let text = node.scalar_text().unwrap_or_default();
    match shape {
        Shape::Bool => {
            if let Value::Text(text) = &node.value {
                syntax::boolean(text)?;
                if !matches!(text.to_ascii_lowercase().as_str(), "true" | "false") {
                    report.warn(&node.place, trail, Warning::Bool);
                }
            }
        }
        Shape::Whole(least, most) => {
            let amount = whole(&node.value)?;
            if !(*least..=*most).contains(&amount) {
                return Err(Problem::Range {
                    least: *least,
                    most: *most,
                });
            }
        }
        Shape::Percent if matches!(node.value, Value::Number(_)) => {
            let amount = whole(&node.value)?;
            let (least, most) = (0, 100);
            if !(least..=most).contains(&amount) {
                return Err(Problem::Range { least, most });
            }
        }
        Shape::Real | Shape::Percent => {
            syntax::real(&text)?;
        }
        Shape::Size(_) | Shape::SizeFromZero => {
            // The reference takes a fraction of a byte for no limit at all.
            let bytes = match &node.value {
                Value::Number(_) => whole(&node.value).map_err(|_| SyntaxError::Size)?,
                _ => syntax::size(&text)?,
            };
            if matches!(shape, Shape::SizeFromZero) && bytes < 0 {
                return Err(Problem::Range {
                    least: 0,
                    most: i64::MAX,
                });
            }
        }
        Shape::Duration => {
            text.parse::<Duration>()?;
        }
        Shape::Umask => {
            syntax::umask(&text)?;
        }
        Shape::Mode => match &node.value {
            Value::Text(text) => {
                i64::from_str_radix(text, 8).map_err(|_| SyntaxError::Mode)?;
            }
            value => {
                let bits = whole(value)?;
                if let Value::Number(number) = value
                    && number.written != format!("0{bits:o}")
                    && number.written != format!("0o{bits:o}")
                {
                    let read = format!("0{bits:o}");
                    report.warn(&node.place, trail, Warning::DecimalMode { read });
                }
            }
        },
        Shape::Host => {
            syntax::host(&text)?;
        }
        Shape::Count => {
            syntax::count(&text)?;
        }
        Shape::PullPolicy if !is_pull_policy(&text) => return Err(SyntaxError::PullPolicy.into()),
        Shape::OneOf(allowed) if !allowed.contains(&text.as_str()) => {
            return Err(Problem::NotOneOf { allowed });
        }
        Shape::ContainerName if !is_container_name(&text) => return Err(Problem::BadName),
        Shape::Label | Shape::Scalar => {
            if let Value::Number(number) = &node.value
                && matches!(number.amount, Amount::Real(amount) if !amount.is_finite())
            {
                return Err(SyntaxError::Number.into());
            }
            if let Value::Number(number) = &node.value
                && number.written != text
            {
                report.warn(&node.place, trail, Warning::Number);
            }
        }
        _ => {}
    }
    Ok(())
}

pub(crate) fn whole(value: &Value) -> Result<i64, SyntaxError> {
    match value {
        Value::Number(number) => match number.amount {
            Amount::Whole(amount) => i64::try_from(amount).map_err(|_| SyntaxError::Whole),
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
            Amount::Real(amount) if amount.fract() == 0.0 && amount.abs() < 9.0e15 => {
                Ok(amount as i64)
            }
            Amount::Real(_) => Err(SyntaxError::Whole),
        },
        Value::Text(text) => syntax::number(text),
        _ => Err(SyntaxError::Whole),
    }
}

fn is_pull_policy(text: &str) -> bool {
    const FIXED: [&str; 8] = [
        "always",
        "never",
        "build",
        "if_not_present",
        "missing",
        "refresh",
        "daily",
        "weekly",
    ];
    FIXED.contains(&text)
        || text
            .strip_prefix("every_")
            .is_some_and(|rest| rest.parse::<Duration>().is_ok())
}

/// A letter or digit followed by one that a name may have, anywhere: the reference looks no closer.
fn is_container_name(text: &str) -> bool {
    let follows = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    text.as_bytes()
        .windows(2)
        .any(|pair| pair[0].is_ascii_alphanumeric() && follows(pair[1]))
}

/// Whether one edit or one swap makes `a` of `b`.
fn near(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let tail = |skip_a: usize, skip_b: usize| match (a.get(skip_a..), b.get(skip_b..)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    };
    let swapped = a.len() > 1 && b.len() > 1 && a[0] == b[1] && a[1] == b[0] && tail(2, 2);
    tail(1, 0) || tail(0, 1) || tail(1, 1) || swapped
}
