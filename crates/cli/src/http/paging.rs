use super::Problem;

/// Entries of a page when nobody says.
const LIMIT_DEFAULT: usize = 50;
/// The most entries of a page.
const LIMIT_MAX: usize = 1_000;
/// How deep a list can be paged: every partition reads so far for one page.
const OFFSET_MAX: usize = 100_000;

/// A page's place from its parameters' texts.
///
/// # Errors
/// A problem that names the parameter and its bounds.
pub fn page(limit: Option<&str>, offset: Option<&str>) -> Result<(usize, usize), Problem> {
    let limit = number("limit", limit, LIMIT_DEFAULT, LIMIT_MAX)?;
    let offset = number("offset", offset, 0, OFFSET_MAX)?;
    Ok((limit, offset))
}

fn number(name: &str, text: Option<&str>, default: usize, max: usize) -> Result<usize, Problem> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(default) };
    match text.parse::<usize>() {
        Ok(number) if number <= max => Ok(number),
        _ => Err(Problem::bad_request(format!("{name} is a number from 0 to {max}"))),
    }
}
