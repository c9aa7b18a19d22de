//! Descriptions and rows as the client gets them.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::session::permits::Permits;
use crate::{
    config::{Mode, ProtectedColumn},
    keys::tests::{keyring, protected, rotated},
    session::{cells::Given, params::tests::columns},
    values::{Source, Stored},
};

fn field(name: &str, table: u32) -> Field<'_> {
    let (type_oid, type_len) = (17, -1);
    Field { name: name.as_bytes(), table, column: 1, type_oid, type_len, type_mod: -1, format: 0 }
}

#[tokio::test]
async fn a_sealed_value_is_shown_as_the_type_of_its_expression() {
    let columns = columns(&[(LogicalType::Char(Some(4)), Mode::Randomized)]).await;
    let mut catalog = Catalog::default();
    catalog.origins.insert((7, 1), 0);
    let keyring = keyring().await;
    let reader = Reader { columns: &columns, catalog: &catalog, keyring: &keyring };
    let settings = Arc::new(Settings::default());
    let plan = |ty| Plan {
        edits: Vec::new(),
        params: Vec::new(),
        client_params: 0,
        alone: Vec::new(),
        hidden: Vec::new(),
        results: vec![Output::Sealed(0), Output::SealedAs(0, ty), Output::SealedAs(0, ty), Output::SealedOf(0, 9, 2)],
        results_certain: true,
        may_write: false,
        explain: false,
        binary: false,
        copy: None,
    };
    let view = |ty| View {
        plan: Some(Arc::new(plan(ty))),
        wanted: Vec::new(),
        upstream: vec![1],
        settings: Arc::clone(&settings),
    };
    let mut body = BytesMut::from(&[0, 4][..]);
    for (name, table) in [("c", 7), ("case", 0), ("c", 7), ("grouped", 0)] {
        backend::put_field(&mut body, &field(name, table));
    }
    let bare = LogicalType::Char(None);
    let shape = reader.shape(Some(&view(bare)), &body).unwrap().unwrap();
    let mut out = BytesMut::new();
    reader.describe(&view(bare), &shape, &body, &mut out).unwrap();
    let shown: Vec<_> = backend::fields(&out[5..])
        .unwrap()
        .map(|field| field.map(|field| (field.type_oid, field.type_mod, field.table, field.column)).unwrap())
        .collect();
    assert_eq!(shown, [(1042, 8, 7, 1), (1042, -1, 0, 0), (1042, -1, 0, 0), (1042, 8, 9, 2)]);
    // A client that has seen one description must not get rows of the other.
    let own = vec![Cell::Sealed(0, Shown::Own); 4];
    assert_ne!(reader.result_type(Some(&shape), &body).unwrap(), reader.result_type(Some(&own), &body).unwrap());

    let (mut stored, given) = (Vec::new(), Given { source: Source::UNTYPED, format: Format::Text, bytes: b"ab" });
    assert_eq!(
        columns[0]
            .seal(columns[0].spec.ty, given, &settings, &mut Permits::default(), &mut Scratch::default(), &mut stored)
            .unwrap(),
        Stored::Canon
    );
    let mut unpadded = Vec::new();
    assert_eq!(
        columns[0]
            .seal(bare, given, &settings, &mut Permits::default(), &mut Scratch::default(), &mut unpadded)
            .unwrap(),
        Stored::Canon
    );
    let mut row = BytesMut::from(&[0, 4][..]);
    for value in [&stored, &unpadded, &stored, &stored] {
        put_value(&mut row, value);
    }
    let mut out = BytesMut::new();
    let pins = reader.pin(&shape);
    reader.row(&view(bare), &shape, &pins, &row, &mut RowScratch::default(), &mut out).unwrap();
    assert_eq!(backend::cells(&out[5..]).unwrap(), [Some(&b"ab  "[..]), Some(b"ab"), Some(b"ab  "), Some(b"ab  ")]);

    // Text would be without the blanks: such a plan is wrong, and nothing is shown.
    let wrong = reader.shape(Some(&view(LogicalType::Text)), &body).unwrap().unwrap();
    let (pins, mut out) = (reader.pin(&wrong), BytesMut::new());
    let done = reader.row(&view(LogicalType::Text), &wrong, &pins, &row, &mut RowScratch::default(), &mut out);
    assert!(done.is_err() && out.is_empty());
}

#[tokio::test]
async fn a_foreseen_type_does_not_hide_another_column() {
    let columns = columns(&[(LogicalType::Text, Mode::Randomized), (LogicalType::Text, Mode::Randomized)]).await;
    let mut catalog = Catalog::default();
    catalog.origins.extend([((7, 1), 1)]);
    let keyring = keyring().await;
    let reader = Reader { columns: &columns, catalog: &catalog, keyring: &keyring };
    let plan = Plan {
        edits: Vec::new(),
        params: Vec::new(),
        client_params: 0,
        alone: Vec::new(),
        hidden: Vec::new(),
        results: vec![Output::SealedAs(0, LogicalType::Varchar(None))],
        results_certain: true,
        may_write: false,
        explain: false,
        binary: false,
        copy: None,
    };
    let settings = Arc::new(Settings::default());
    let view = View { plan: Some(Arc::new(plan)), wanted: Vec::new(), upstream: Vec::new(), settings };
    for (table, code) in [(7, "session/unforeseen-column"), (8, "session/result-changed")] {
        let mut body = BytesMut::from(&[0, 1][..]);
        backend::put_field(&mut body, &field("c", table));
        assert_eq!(reader.shape(Some(&view), &body).unwrap_err().code, Some(code));
    }
}

/// One of two columns of text, `c0` with this `on_error`, with the keys of this keyring.
fn either(keyring: &Arc<Keyring>, first: OnError) -> Vec<Column> {
    let column = |(ordinal, on_error)| {
        let column = protected(ordinal, LogicalType::Text, Mode::Randomized);
        let spec = Arc::new(ProtectedColumn { on_error, ..ProtectedColumn::clone(&column) });
        Column { keys: keyring.column(&spec), spec, max_value: 1000 }
    };
    [(0, first), (1, OnError::Error)].map(column).into()
}

fn shown(reader: &Reader<'_>, stored: &[u8], scratch: &mut RowScratch) -> Result<Option<Vec<u8>>, RowError> {
    let shape = [Cell::Sealed(0, Shown::OneOf(Arc::new([0, 1]), LogicalType::Text))];
    let view = View { plan: None, wanted: vec![], upstream: vec![1], settings: Arc::new(Settings::default()) };
    let (mut row, mut out) = (BytesMut::from(&[0, 1][..]), BytesMut::new());
    put_value(&mut row, stored);
    reader.row(&view, &shape, &reader.pin(&shape), &row, scratch, &mut out)?;
    Ok(backend::cells(&out[5..]).unwrap()[0].map(<[u8]>::to_vec))
}

#[tokio::test]
async fn a_value_of_one_of_several_columns_is_found_under_an_old_key() {
    let given = Given { source: Source::UNTYPED, format: Format::Text, bytes: b"old" };
    let sealed = either(&keyring().await, OnError::Error).into_iter().map(|column| {
        let mut stored = Vec::new();
        let settings = Settings::default();
        assert_eq!(
            column
                .seal(
                    LogicalType::Text,
                    given,
                    &settings,
                    &mut Permits::default(),
                    &mut Scratch::default(),
                    &mut stored
                )
                .unwrap(),
            Stored::Canon
        );
        stored
    });
    let catalog = Catalog::default();
    for stored in sealed {
        for at_hand in [0, 1] {
            // A handle starts with all DEKs that are unwrapped by then.
            let keyring = rotated().await;
            let columns = either(&keyring, OnError::Error);
            columns[at_hand].keys.fetch(1).await.unwrap();
            let reader = Reader { columns: &columns, catalog: &catalog, keyring: &keyring };
            let scratch = &mut RowScratch::default();
            let mut seen = shown(&reader, &stored, scratch);
            if let Err(RowError::Cell(ordinal, NotShown::NeedsKey(dek))) = seen {
                assert_eq!((ordinal, dek), (1 - at_hand, 1));
                columns[ordinal].keys.fetch(dek).await.unwrap();
                seen = shown(&reader, &stored, scratch);
            }
            assert_eq!(seen.unwrap().as_deref(), Some(&b"old"[..]));
        }
    }
}

#[tokio::test]
async fn what_one_of_the_columns_wants_reported_is_not_shown_as_null() {
    let given = Given { source: Source::UNTYPED, format: Format::Text, bytes: b"x" };
    let (keyring, mut stored) = (keyring().await, Vec::new());
    let columns = either(&keyring, OnError::Null);
    let settings = Settings::default();
    assert_eq!(
        columns[0]
            .seal(LogicalType::Text, given, &settings, &mut Permits::default(), &mut Scratch::default(), &mut stored)
            .unwrap(),
        Stored::Canon
    );
    let catalog = Catalog::default();
    let reader = Reader { columns: &columns, catalog: &catalog, keyring: &keyring };
    assert_eq!(shown(&reader, &stored, &mut RowScratch::default()).unwrap().as_deref(), Some(&b"x"[..]));
    *stored.last_mut().unwrap() ^= 1;
    let problem = shown(&reader, &stored, &mut RowScratch::default());
    assert!(matches!(problem, Err(RowError::Cell(1, NotShown::Problem(_)))), "{problem:?}");

    // Nor is a value whose key another column has given up.
    let keyring = rotated().await;
    let columns = either(&keyring, OnError::Null);
    let reader = Reader { columns: &columns, catalog: &catalog, keyring: &keyring };
    let mut scratch = RowScratch::default();
    scratch.give_up(1);
    let problem = shown(&reader, &stored, &mut scratch);
    assert!(matches!(problem, Err(RowError::Cell(1, NotShown::NeedsKey(1)))), "{problem:?}");
}

#[test]
fn both_text_forms_of_bytea_give_the_stored_bytes() {
    let mut buffer = Vec::new();
    assert_eq!(stored_bytes(Format::Text, b"\\xff7076", &mut buffer).unwrap(), [0xff, 0x70, 0x76]);
    let mut buffer = Vec::new();
    assert_eq!(stored_bytes(Format::Text, b"\\377pv\\\\\\001", &mut buffer).unwrap(), [0xff, 0x70, 0x76, b'\\', 1]);
    assert!(stored_bytes(Format::Text, b"\\xf", &mut Vec::new()).is_err());
    assert!(stored_bytes(Format::Text, b"\\9", &mut Vec::new()).is_err());
}
