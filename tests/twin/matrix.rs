//! What is promised for each construct and mode: the matrix of docs/sql.md, as the oracle believes it.
//!
//! A refusal is right only where a construct of the statement is declared so here.

/// How a column is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    Plain,
    Randomized,
    Equality,
}

/// What a statement does with a column, or has at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Construct {
    // reading
    Output,
    Star,
    IsNull,
    Count,
    Compare,
    Distinct,
    InList,
    AnyArray,
    InSubquery,
    AnySubquery,
    Exists,
    CompareColumns,
    OtherDomain,
    PlainColumn,
    ComputedOperand,
    RowCompare,
    RowInList,
    OptionalParameter,
    LikeExact,
    Like,
    Range,
    OrderBy,
    GroupBy,
    SelectDistinct,
    DistinctOn,
    CountDistinct,
    JoinUsing,
    NaturalJoin,
    FullJoin,
    UnionAll,
    Union,
    MinMax,
    Aggregate,
    Function,
    CastOver,
    WindowCarry,
    WindowPartition,
    WindowOrder,
    CaseResult,
    CaseOther,
    CaseKin,
    Folded,
    Coalesce,
    Nullif,
    ScalarSubquery,
    WholeRow,
    Recursive,
    Lateral,
    Derived,
    CommonTable,
    View,
    PredicateOutput,
    CaseWhen,
    Locking,
    // writing
    Seal,
    Default,
    Flow,
    FlowValues,
    FlowUnnest,
    FlowSelect,
    FlowReturned,
    CopyIdentity,
    CopyOther,
    StoreInPlain,
    ComputedValue,
    ConflictTarget,
    Excluded,
    UpdateFrom,
    DeleteUsing,
    SetRow,
    Returning,
    ReturningExpression,
    ModifyingCte,
    Merge,
    Foreign,
    CharAmongStrings,
    FloatAmongNumbers,
    EnumAmongOthers,
    ArrayAmongStrings,
    // around
    Prepare,
    Cursor,
    Explain,
    CreateView,
}

/// What the matrix says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It works; a refusal is a defect.
    Works,
    /// It is refused with one of these codes. Should it work all the same, its answer must be right.
    Refused(&'static [&'static str]),
}

const OPERATOR: Verdict = Verdict::Refused(&["sql/unsupported-operator"]);
const OPERAND: Verdict =
    Verdict::Refused(&["sql/unsupported-operand", "sql/unsupported-operator", "sql/unsupported-construct"]);
const CONSTRUCT: Verdict = Verdict::Refused(&["sql/unsupported-construct"]);
const FUNCTION: Verdict = Verdict::Refused(&["sql/unsupported-function", "sql/unsupported-operator"]);
const VALUE: Verdict =
    Verdict::Refused(&["sql/unsupported-value", "sql/unsupported-operand", "sql/unsupported-construct"]);

/// The matrix.
pub fn verdict(construct: Construct, mode: Mode) -> Verdict {
    use Construct as C;
    if mode == Mode::Plain && !matches!(construct, C::Merge | C::Recursive) {
        return Verdict::Works;
    }
    let searchable = |refused| if mode == Mode::Equality { Verdict::Works } else { refused };
    match construct {
        C::Compare
        | C::Distinct
        | C::InList
        | C::AnyArray
        | C::LikeExact
        | C::OptionalParameter
        | C::PredicateOutput => searchable(OPERATOR),
        C::CompareColumns | C::CaseWhen => searchable(OPERATOR),
        C::Exists | C::InSubquery | C::AnySubquery | C::RowCompare | C::RowInList => searchable(OPERAND),
        C::GroupBy | C::SelectDistinct | C::DistinctOn | C::JoinUsing => searchable(CONSTRUCT),
        C::CountDistinct => searchable(FUNCTION),
        C::ConflictTarget => searchable(CONSTRUCT),
        C::OtherDomain => Verdict::Refused(&[
            "sql/different-domain",
            "sql/unsupported-operator",
            "sql/unsupported-operand",
            "sql/unsupported-construct",
        ]),
        C::PlainColumn | C::ComputedOperand => OPERAND,
        C::Like | C::Range => OPERATOR,
        C::CastOver => Verdict::Refused(&["sql/unsupported-construct", "sql/unsupported-operator"]),
        C::OrderBy | C::NaturalJoin | C::FullJoin | C::Union | C::WholeRow | C::Recursive => CONSTRUCT,
        C::CaseOther | C::CaseKin | C::StoreInPlain => Verdict::Refused(&[
            "sql/unsupported-construct",
            "sql/unsupported-value",
            "sql/unsupported-operand",
            "sql/different-domain",
        ]),
        C::MinMax | C::Aggregate | C::Function => FUNCTION,
        C::WindowPartition | C::WindowOrder => {
            Verdict::Refused(&["sql/unsupported-construct", "sql/unsupported-function"])
        }
        // NULLIF compares, and yields its first operand; the matrix has it in results only.
        C::Nullif => searchable(OPERATOR),
        // Not in the matrix: refused, or right.
        C::ScalarSubquery => CONSTRUCT,
        C::CopyOther | C::ComputedValue => VALUE,
        C::Merge => CONSTRUCT,
        // `RETURNING *` would show the value under another name, too.
        C::FlowReturned => Verdict::Refused(&["sql/shared-value"]),
        // docs/types.md: neither is a comparison of text, nor surely one of char(n).
        C::CharAmongStrings => Verdict::Refused(&["values/unsupported", "sql/unsupported-operand"]),
        // The server would store an array's text.
        C::ArrayAmongStrings => Verdict::Refused(&["sql/unsupported-value"]),
        // Compared as doubles, of which one stands for many numbers.
        C::FloatAmongNumbers => Verdict::Refused(&["values/unsupported"]),
        // docs/types.md: a value of an enum for a column of another type, or of an enum that the policy does not name.
        C::EnumAmongOthers => Verdict::Refused(&[
            "values/unsupported",
            "sql/unsupported-value",
            "sql/unsupported-operand",
            "sql/unsupported-construct",
        ]),
        C::Output
        | C::Star
        | C::IsNull
        | C::Count
        | C::UnionAll
        | C::WindowCarry
        | C::CaseResult
        | C::Coalesce
        | C::Lateral
        | C::Derived
        | C::CommonTable
        | C::View
        | C::Locking
        | C::Folded
        | C::Seal
        | C::Foreign
        | C::Default
        | C::Flow
        | C::FlowValues
        | C::FlowUnnest
        | C::FlowSelect
        | C::CopyIdentity
        | C::Excluded
        | C::UpdateFrom
        | C::DeleteUsing
        | C::SetRow
        | C::Returning
        | C::ReturningExpression
        | C::ModifyingCte
        | C::Prepare
        | C::Cursor
        | C::Explain
        | C::CreateView => Verdict::Works,
    }
}

/// Why a refusal with a code is all right for a statement with these constructs, if it is.
pub fn declared(marks: &[(Construct, Mode)], code: &str) -> Option<(Construct, Mode)> {
    let fits = |&(construct, mode): &(Construct, Mode)| match verdict(construct, mode) {
        Verdict::Works => false,
        Verdict::Refused(codes) => codes.contains(&code),
    };
    marks.iter().copied().find(fits)
}

/// The construct that is declared as refused, if there is one.
pub fn refused(marks: &[(Construct, Mode)]) -> Option<(Construct, Mode)> {
    let refused = |&(construct, mode): &(Construct, Mode)| verdict(construct, mode) != Verdict::Works;
    let doubtful = [Construct::FlowReturned, Construct::CaseKin];
    marks.iter().copied().filter(|(construct, _)| !doubtful.contains(construct)).find(refused)
}
