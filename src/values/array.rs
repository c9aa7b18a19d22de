//! One-dimensional arrays: `array_in`, `array_out`, `array_recv` and `array_send` of
//! src/backend/utils/adt/arrayfuncs.c, and casts element by element.
//!
//! The storage canon is what `array_send` gives: number of dimensions (0 if there are no elements), a flag for
//! NULLs, the elements' type, number of elements and first subscript, and each element's length and canon.

mod receive;
mod scan;
#[cfg(test)]
mod tests;

use super::{
    Format, Settings, Source, Stored, ValueError,
    cast::{self, assign},
    codec,
    text::is_space,
    ty::{Base, Element},
};

/// `MAXDIM` of c.h.
const MAX_DIMENSIONS: usize = 6;

/// Reads a client's array into the storage canon, appended to `out`.
pub(super) fn parse(
    to: Element,
    source: Source,
    format: Format,
    bytes: &[u8],
    settings: &Settings,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let from = if source.is_untyped() { to.base } else { cast::check_array_assignment(to.base, source.oid)? };
    let mut array = match format {
        Format::Text => scan::input(from, super::text::verify(bytes)?, settings)?,
        Format::Binary => receive::input(from, bytes, settings)?,
    };
    // The casts come one after another, each for all elements (`array_map`).
    if !source.is_untyped() {
        array = array.coerce(source.typmod, true)?;
    }
    if from != to.base {
        array = array.each(to.base, |canon, out| assign(from, to.base, canon, settings, out))?;
    }
    array.coerce(to.typmod, false)?.store(out);
    Ok(())
}

/// Writes a storage canon as the client asked for it, appended to `out`.
pub(super) fn format(
    element: Element,
    canon: &[u8],
    format: Format,
    settings: &Settings,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    match format {
        Format::Binary if canon.get(8..12) == Some(element.base.oid().to_be_bytes().as_slice()) => {
            out.extend_from_slice(canon);
        }
        // Sealed as an array of text or of a narrower integer.
        Format::Binary => {
            let array = Array::load(element.base, canon)?;
            let own = |canon: &[u8], out: &mut Vec<u8>| {
                codec::format(element.ty(), canon, format, settings, out).map(|()| Stored::Canon)
            };
            array.each(element.base, own)?.store(out);
        }
        Format::Text => Array::load(element.base, canon)?.print(settings, out)?,
    }
    Ok(())
}

/// An array's elements as canons of their type.
struct Array {
    base: Base,
    /// The subscript of the first.
    lower: i32,
    count: usize,
    /// Is one of them NULL?
    nulls: bool,
    /// As in the storage canon: a vector for each would take many times as much.
    elements: Vec<u8>,
}

impl Array {
    fn new(base: Base, lower: i32) -> Self {
        Self { base, lower, count: 0, nulls: false, elements: Vec::new() }
    }

    fn push_null(&mut self) {
        self.elements.extend_from_slice(&(-1_i32).to_be_bytes());
        self.count += 1;
        self.nulls = true;
    }

    /// Adds the element that `write` appends, or NULL.
    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<Stored, ValueError>) -> Result<(), ValueError> {
        let start = self.elements.len();
        self.elements.extend_from_slice(&[0; 4]);
        if write(&mut self.elements)? == Stored::Null {
            self.elements.truncate(start);
            self.push_null();
            return Ok(());
        }
        let length = (self.elements.len() - start - 4) as i32;
        if let Some(place) = self.elements.get_mut(start..start + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        self.count += 1;
        Ok(())
    }

    /// Makes a canon of type `base` of each element that is not NULL: `make` appends it.
    fn each(
        self,
        base: Base,
        mut make: impl FnMut(&[u8], &mut Vec<u8>) -> Result<Stored, ValueError>,
    ) -> Result<Self, ValueError> {
        let mut next = Self::new(base, self.lower);
        next.elements.reserve(self.elements.len());
        for element in Elements(&self.elements) {
            match element {
                None => next.push_null(),
                Some(canon) => next.push(|out| make(canon, out))?,
            }
        }
        Ok(next)
    }

    /// Applies a modifier of the elements' type.
    fn coerce(self, typmod: i32, explicit: bool) -> Result<Self, ValueError> {
        if typmod == -1 {
            return Ok(self);
        }
        let base = self.base;
        self.each(base, |canon, out| {
            let start = out.len();
            out.extend_from_slice(canon);
            codec::coerce(base, typmod, explicit, start, out).map(|()| Stored::Canon)
        })
    }

    /// `array_send`
    fn store(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&i32::from(self.count > 0).to_be_bytes());
        out.extend_from_slice(&i32::from(self.nulls).to_be_bytes());
        out.extend_from_slice(&self.base.oid().to_be_bytes());
        if self.count > 0 {
            out.extend_from_slice(&(self.count as i32).to_be_bytes());
            out.extend_from_slice(&self.lower.to_be_bytes());
            out.extend_from_slice(&self.elements);
        }
    }

    /// Reads a storage canon, of elements of the type itself or of one that has the same canon.
    fn load(base: Base, canon: &[u8]) -> Result<Self, ValueError> {
        let damaged = || ValueError::damaged(base.array_name());
        let mut rest = canon;
        let mut int = || take_int(&mut rest).ok_or_else(damaged);
        let (dimensions, nulls, _oid) = (int()?, int()?, int()?);
        let mut array = Self { nulls: nulls != 0, ..Self::new(base, 1) };
        if dimensions == 0 {
            return if rest.is_empty() { Ok(array) } else { Err(damaged()) };
        }
        let count = usize::try_from(int()?).map_err(|_| damaged())?;
        array.lower = int()?;
        let mut elements = Elements(rest);
        array.count = elements.by_ref().count();
        if dimensions != 1 || array.count != count || !elements.0.is_empty() {
            return Err(damaged());
        }
        array.elements = rest.to_vec();
        Ok(array)
    }

    /// `array_out`
    fn print(&self, settings: &Settings, out: &mut Vec<u8>) -> Result<(), ValueError> {
        if self.lower != 1 && self.count > 0 {
            let upper = i64::from(self.lower) + self.count as i64 - 1;
            out.extend_from_slice(format!("[{}:{upper}]=", self.lower).as_bytes());
        }
        out.push(b'{');
        let mut text = Vec::new();
        for (i, element) in Elements(&self.elements).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            match element {
                None => out.extend_from_slice(b"NULL"),
                Some(canon) => {
                    text.clear();
                    codec::output(self.base, canon, settings, &mut text)?;
                    print_element(&text, out);
                }
            }
        }
        out.push(b'}');
        Ok(())
    }
}

/// Elements one after another, None is NULL; ends at what is none.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = self.0;
        let length = take_int(&mut rest)?;
        if length == -1 {
            self.0 = rest;
            return Some(None);
        }
        let (element, tail) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = tail;
        Some(Some(element))
    }
}

/// Writes the array literal of values in text form; `None` is NULL. What [`parse`] reads back as these values.
pub fn array_literal<T: AsRef<[u8]>>(elements: impl IntoIterator<Item = Option<T>>) -> Vec<u8> {
    let mut out = vec![b'{'];
    for (i, element) in elements.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        match element {
            None => out.extend_from_slice(b"NULL"),
            Some(text) => print_element(text.as_ref(), &mut out),
        }
    }
    out.push(b'}');
    out
}

/// Appends an element, quoted if it has to be.
fn print_element(text: &[u8], out: &mut Vec<u8>) {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',') || is_space(*byte);
    if !text.is_empty() && !text.eq_ignore_ascii_case(b"null") && !text.iter().any(special) {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

fn take_int(rest: &mut &[u8]) -> Option<i32> {
    let (int, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(i32::from_be_bytes(*int))
}

fn too_many_dimensions(count: usize) -> ValueError {
    let max = MAX_DIMENSIONS;
    ValueError::new("54000", format!("number of array dimensions ({count}) exceeds the maximum allowed ({max})"))
}

/// `ArrayGetNItems()` and `ArrayCheckBounds()` of arrayutils.c.
fn check_bounds(dimensions: &[(i32, i32)]) -> Result<usize, ValueError> {
    /// `MaxArraySize`: `MaxAllocSize` over the size of a Datum.
    const MAX_SIZE: i32 = 0x3fff_ffff / 8;
    let mut count = i32::from(!dimensions.is_empty());
    for (length, _) in dimensions {
        let product = count.checked_mul(*length).filter(|_| *length >= 0);
        count = product
            .ok_or_else(|| ValueError::new("54000", format!("array size exceeds the maximum allowed ({MAX_SIZE})")))?;
    }
    if count > MAX_SIZE {
        return Err(ValueError::new("54000", format!("array size exceeds the maximum allowed ({MAX_SIZE})")));
    }
    for (length, lower) in dimensions {
        if length.checked_add(*lower).is_none() {
            return Err(ValueError::new("54000", format!("array lower bound is too large: {lower}")));
        }
    }
    Ok(count as usize)
}

/// pgveil's own refusal.
fn more_dimensions(count: usize) -> ValueError {
    ValueError::unsupported(format!("an array of {count} dimensions is not supported for a sealed column"))
        .hint("Sealed arrays have one dimension; jsonb holds nested ones.")
}
