//! A host name and its addresses, as `extra_hosts` lists them.

use super::SyntaxError;

/// Splits `NAME=ADDRESSES` or `NAME:ADDRESSES`.
pub(crate) fn host(text: &str) -> Result<(&str, &str), SyntaxError> {
    text.split_once('=')
        .or_else(|| text.split_once(':'))
        .filter(|(name, _)| is_host_name(name))
        .ok_or(SyntaxError::Host)
}

pub(crate) fn is_host_name(name: &str) -> bool {
    !name.is_empty() && !name.contains([':', '='])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_before_the_first_equals_sign_or_colon() {
        for (text, expected) in [
            ("db=10.0.0.1", Ok(("db", "10.0.0.1"))),
            ("db:10.0.0.1", Ok(("db", "10.0.0.1"))),
            ("db=::1", Ok(("db", "::1"))),
            ("db:::1", Ok(("db", "::1"))),
            ("db=", Ok(("db", ""))),
            ("db", Err(SyntaxError::Host)),
            ("", Err(SyntaxError::Host)),
            ("=10.0.0.1", Err(SyntaxError::Host)),
            ("a:b=10.0.0.1", Err(SyntaxError::Host)),
        ] {
            assert_eq!(host(text), expected, "{text}");
        }
    }
}
