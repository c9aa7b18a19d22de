package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

const allCustomers = "SELECT * FROM customers ORDER BY id"

type customer struct {
	ID        int32
	Name      string
	Email     string
	SSN       *string
	Phone     *string
	Birth     *time.Time
	Balance   pgtype.Numeric
	Visits    *int32
	Points    *int64
	Level     *int16
	VIP       *bool `db:"vip"`
	Score     *float64
	Seen      *time.Time
	LocalTime *time.Time `db:"local_time"`
	Opens     pgtype.Time
	Token     *[16]byte
	Photo     []byte
	Prefs     map[string]any
	Raw       json.RawMessage
	Address   *netip.Prefix
	Created   time.Time
}

// Of one row for which all of the Go types fit.
const oneCustomer = "SELECT * FROM customers WHERE name = $1"

var reading = []testCase{
	{"read values", func(a *app) { a.query("all", a.conn, allCustomers) }},
	{"read struct", func(a *app) {
		for _, name := range []string{"Ada", "Bob", "Dan", "Eve"} {
			rows, err := a.conn.Query(a.ctx, oneCustomer, name)
			check(err)
			found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[customer])
			a.steps.Note(name, found, err)
		}
	}},
	{"read struct by position", func(a *app) {
		rows, err := a.conn.Query(a.ctx, "SELECT id, card, amount, note FROM orders ORDER BY id")
		check(err)
		type order struct {
			ID     int64
			Card   string
			Amount pgtype.Numeric
			Note   *string
		}
		found, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[order])
		a.steps.Note("orders", found, err)
	}},
	{"read maps", func(a *app) {
		rows, err := a.conn.Query(a.ctx, "SELECT id, card, amount, status, note FROM orders ORDER BY id")
		check(err)
		found, err := pgx.CollectRows(rows, pgx.RowToMap)
		a.steps.Note("orders", found, err)
		rows, err = a.conn.Query(a.ctx, "SELECT email FROM customers ORDER BY id")
		check(err)
		emails, err := pgx.CollectRows(rows, pgx.RowTo[string])
		a.steps.Note("emails", emails, err)
		rows, err = a.conn.Query(a.ctx, "SELECT email FROM customers WHERE id < 0")
		check(err)
		_, err = pgx.CollectOneRow(rows, pgx.RowTo[string])
		a.steps.Note("none", nil, err)
	}},
	{"read into pgtype", func(a *app) {
		rows, err := a.conn.Query(a.ctx, "SELECT name, email, ssn, phone, birth, balance, visits, points, level, vip, score, seen, local_time, opens, token, address FROM customers ORDER BY id")
		check(err)
		var name, email, ssn, phone pgtype.Text
		var birth pgtype.Date
		var balance pgtype.Numeric
		var visits pgtype.Int4
		var points pgtype.Int8
		var level pgtype.Int2
		var vip pgtype.Bool
		var score pgtype.Float8
		var seen pgtype.Timestamptz
		var local pgtype.Timestamp
		var opens pgtype.Time
		var token pgtype.UUID
		var address *netip.Prefix
		tag, err := pgx.ForEachRow(rows, []any{&name, &email, &ssn, &phone, &birth, &balance, &visits, &points, &level, &vip, &score, &seen,
			&local, &opens, &token, &address}, func() error {
			a.steps.Note("row", []any{name, email, ssn, phone, birth, balance, visits, points, level, vip, score, seen, local, opens, token, address}, nil)
			return nil
		})
		a.steps.Note("each row", tag.String(), err)
	}},
	{"read into strings", func(a *app) {
		for _, column := range []string{"email", "ssn", "phone", "birth", "balance", "visits", "points", "level", "vip", "score", "seen", "local_time",
			"opens", "token", "photo", "prefs", "raw", "address"} {
			rows, err := a.conn.Query(a.ctx, "SELECT "+column+" FROM customers ORDER BY id")
			check(err)
			found, err := pgx.CollectRows(rows, pgx.RowTo[*string])
			a.steps.Note(column, found, err)
		}
	}},
	{"read into other numbers", func(a *app) {
		var wide int64
		var real float64
		var text string
		a.steps.Note("int", nil, a.conn.QueryRow(a.ctx, "SELECT visits FROM customers WHERE name = 'Ada'").Scan(&wide))
		a.steps.Note("float", nil, a.conn.QueryRow(a.ctx, "SELECT balance FROM customers WHERE name = 'Ada'").Scan(&real))
		a.steps.Note("text", nil, a.conn.QueryRow(a.ctx, "SELECT balance FROM customers WHERE name = 'Ada'").Scan(&text))
		a.steps.Note("values", []any{wide, real, text}, nil)
		var tiny int8
		a.steps.Note("too small", tiny, a.conn.QueryRow(a.ctx, "SELECT points FROM customers WHERE name = 'Ada'").Scan(&tiny))
		a.steps.Note("null", wide, a.conn.QueryRow(a.ctx, "SELECT visits FROM customers WHERE name = 'Bob'").Scan(&wide))
		a.steps.Note("wrong", wide, a.conn.QueryRow(a.ctx, "SELECT email FROM customers WHERE name = 'Bob'").Scan(&wide))
	}},
	{"read as text and as binary", func(a *app) {
		for _, format := range []int16{pgx.TextFormatCode, pgx.BinaryFormatCode} {
			rows, err := a.conn.Query(a.ctx, allCustomers, pgx.QueryResultFormats{format})
			check(err)
			a.raw(fmt.Sprint("format ", format), rows)
		}
		rows, err := a.conn.Query(a.ctx, allCustomers, pgx.QueryResultFormatsByOID{pgtype.Int4OID: 1, pgtype.TextOID: 0, pgtype.NumericOID: 1, pgtype.TimestamptzOID: 1})
		check(err)
		a.raw("by type", rows)
	}},
	{"read in every mode", func(a *app) {
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
			pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
			a.query(mode.String(), a.conn, "SELECT name, email, birth, balance, seen, token FROM customers WHERE visits = $1 AND vip IS NOT NULL ORDER BY id", mode, int32(12))
			a.query(mode.String()+" again", a.conn, "SELECT name, email, birth, balance, seen, token FROM customers WHERE visits = $1 AND vip IS NOT NULL ORDER BY id", mode, int32(12))
		}
	}},
	{"stop early", func(a *app) {
		rows, err := a.conn.Query(a.ctx, allCustomers)
		check(err)
		rows.Next()
		values, err := rows.Values()
		a.steps.Note("first", values[:3], err)
		rows.Close()
		a.steps.Note("closed", rows.CommandTag().String(), rows.Err())
		a.query("going on", a.conn, "SELECT count(*) FROM customers")
	}},
	{"several results at once", func(a *app) {
		results, err := a.conn.PgConn().Exec(a.ctx, `SELECT name, email FROM customers WHERE id <= 2 ORDER BY id; UPDATE customers SET visits = 13 WHERE name = 'Ada';
			SELECT visits FROM customers WHERE visits = 13; ; SELECT 1/0; SELECT 2`).ReadAll()
		for _, result := range results {
			a.steps.Note("result", []any{fields(result.FieldDescriptions), result.Rows, result.CommandTag.String()}, result.Err)
		}
		a.steps.Note("all", len(results), err)
		a.query("undone", a.conn, "SELECT visits FROM customers WHERE name = 'Ada'")
	}},
}

// The rows' bytes as they came.
func (a *app) raw(label string, rows pgx.Rows) {
	defer rows.Close()
	found := []any{columns(rows)}
	for rows.Next() {
		var row [][]byte
		for _, value := range rows.RawValues() {
			row = append(row, append([]byte(nil), value...))
		}
		found = append(found, row)
	}
	a.steps.Note(label, found, rows.Err())
}
