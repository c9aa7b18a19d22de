//! What PostgreSQL says of a parameter whose value its type cannot read: which one it was.

use zeroize::Zeroizing;

use super::element_type;
use crate::{
    session::{arrays, cells::Given, problem::Problem},
    values::{self, Format, LogicalType, Settings, Source, ValueError},
};

/// Where a value was given.
pub(super) struct Place<'a> {
    /// Name of the portal; empty for the unnamed one.
    pub portal: &'a [u8],
    /// Number of the parameter from 0.
    pub client: usize,
    /// The parameter's type as the client knows it.
    pub oid: u32,
    /// The type of the column that the value is for.
    pub own: Option<LogicalType>,
}

/// Adds what the codec cannot know: `bind_param_error_callback` of src/backend/tcop/postgres.c, and the
/// number in the message about bytes left over. Errors that come later, when a value that could be read
/// is stored, have no such context.
pub(super) fn in_parameter(mut problem: Problem, place: &Place<'_>, given: Given<'_>, settings: &Settings) -> Problem {
    let number = place.client + 1;
    if problem.sqlstate == "22P03" && problem.message == "incorrect binary data format" {
        problem.message = format!("{} in bind parameter {number}", problem.message);
    }
    if problem.code.is_some() || is_readable(place.oid, place.own, given, settings) {
        return problem;
    }
    // As with the default of log_parameter_max_length_on_error. Text in a wrong encoding is not quoted.
    let quoted = match (given.format, given.bytes) {
        (Format::Binary, _) => "",
        (Format::Text, _) if problem.sqlstate == "22021" => "",
        (Format::Text, []) => " = ''",
        (Format::Text, _) => " = '...'",
    };
    problem.context(format!("{}{quoted}", context(place.portal, place.client)))
}

/// The context without a value.
pub(super) fn context(portal: &[u8], client: usize) -> String {
    let portal = match portal {
        [] => "unnamed portal".to_owned(),
        name => format!("portal \"{}\"", String::from_utf8_lossy(name)),
    };
    format!("{portal} parameter ${}", client + 1)
}

/// Does the input function of type `oid` take the value? Unknown types do.
fn is_readable(oid: u32, own: Option<LogicalType>, given: Given<'_>, settings: &Settings) -> bool {
    let element = own.map_or(0, |own| element_type(oid, own));
    if element != 0 {
        // More dimensions than one are pgveil's to refuse.
        let refused = |error: ValueError| error.sqlstate == "0A000";
        if !parses(oid, own, given, settings).map_or_else(refused, |()| true) {
            return false;
        }
        return match arrays::read(given.format, given.bytes, settings.array_nulls) {
            Err(_) => false,
            Ok(array) => {
                let mut values = array.values.iter().flatten();
                (array.type_oid == 0 || array.type_oid == element)
                    && values.all(|bytes| is_readable(element, own, Given { bytes, ..given }, settings))
            }
        };
    }
    parses(oid, own, given, settings).is_ok()
}

fn parses(oid: u32, own: Option<LogicalType>, given: Given<'_>, settings: &Settings) -> Result<(), ValueError> {
    let own = own.filter(|own| own.as_enum().is_some() && own.oid() == oid);
    let Some(ty) = own.or_else(|| LogicalType::from_oid(oid, -1)) else { return Ok(()) };
    let mut read = Zeroizing::new(Vec::new());
    values::parse(ty, Source::UNTYPED, given.format, given.bytes, settings, &mut read).map(|_| ())
}
