//! A command line split into words without a shell, and without its comments.
//!
//! Source: mattn/go-shellwords, which the reference splits with. It ends a line at an operator of
//! the shell.

use super::SyntaxError;

/// The words of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub words: Vec<String>,
    /// The operator at which the line was cut.
    pub cut: Option<char>,
}

#[derive(PartialEq)]
enum Got {
    Nothing,
    Something,
}

pub(crate) fn words(line: &str) -> Result<Words, SyntaxError> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut got = Got::Nothing;
    let (mut escaped, mut double, mut single, mut backtick, mut dollar) =
        (false, false, false, false, false);
    let mut cut = None;
    for c in line.chars() {
        if escaped {
            word.push(c);
            escaped = false;
            got = Got::Something;
            continue;
        }
        if c == '\\' {
            if single {
                word.push(c);
            } else {
                escaped = true;
            }
            continue;
        }
        if matches!(c, ' ' | '\t' | '\r' | '\n') {
            if single || double || backtick || dollar {
                word.push(c);
            } else if got == Got::Something {
                words.push(std::mem::take(&mut word));
                got = Got::Nothing;
            }
            continue;
        }
        match c {
            '`' if !single && !double && !dollar => backtick = !backtick,
            ')' if !single && !double && !backtick => dollar = !dollar,
            '(' if !single && !double && !backtick => {
                if dollar || !word.ends_with('$') {
                    return Err(SyntaxError::CommandParenthesis);
                }
                dollar = true;
                word.push('(');
                continue;
            }
            '"' if !single && !dollar => {
                if double {
                    got = Got::Something;
                }
                double = !double;
                continue;
            }
            '\'' if !double && !dollar => {
                if single {
                    got = Got::Something;
                }
                single = !single;
                continue;
            }
            ';' | '&' | '|' | '<' | '>' if !(single || double || backtick || dollar) => {
                // The number of a descriptor belongs to the operator.
                if c == '>' && word.starts_with(|c: char| c.is_ascii_digit()) {
                    got = Got::Nothing;
                }
                cut = Some(c);
                break;
            }
            _ => {}
        }
        got = Got::Something;
        word.push(c);
    }
    if got == Got::Something {
        words.push(word);
    }
    if escaped || single || double || backtick || dollar {
        return Err(SyntaxError::CommandOpen);
    }
    Ok(Words { words, cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[&str], cut: Option<char>) {
        let words = words(line).map(|Words { words, cut }| (words, cut));
        let expected: Vec<String> = expected.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(words, Ok((expected, cut)), "for {line:?}");
    }

    #[test]
    fn lines_are_split_as_the_reference_does() {
        check(
            "srv --chan #ops --port 80",
            &["srv", "--chan", "#ops", "--port", "80"],
            None,
        );
        check("a 'b c' \"d e\" ''", &["a", "b c", "d e", ""], None);
        check("a\\ b \\\n c", &["a b", "\n", "c"], None);
        check("sh -c 'x && y'", &["sh", "-c", "x && y"], None);
        check("run a && b", &["run", "a"], Some('&'));
        check("run a 2>err", &["run", "a"], Some('>'));
        check(
            "echo $(date +%s) `id -u`",
            &["echo", "$(date +%s)", "`id -u`"],
            None,
        );
        check("", &[], None);
        assert_eq!(words("a 'b"), Err(SyntaxError::CommandOpen));
        assert_eq!(words("a \\"), Err(SyntaxError::CommandOpen));
        assert_eq!(words("f(x)"), Err(SyntaxError::CommandParenthesis));
    }
}
